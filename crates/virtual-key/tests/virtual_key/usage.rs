//! What is wrong with a command line, said before anything is served.

use std::fs;
use std::net::UdpSocket;

use claviger_dev::ctap2::Ctap2 as _;

use crate::key::{Key, refused, socket};

fn with_udp(arguments: &[&str]) -> (i32, String) {
    refused(&[&["--transport", "udp:127.0.0.1:0"], arguments].concat())
}

#[test]
fn wrong_arguments_are_named_with_what_would_do() {
    let (_folder, unix) = socket();
    let cases: [(&[&str], &str); 11] = [
        (&[], "--transport"),
        (&["--transport", "usb"], "uhid, unix:PATH or udp:HOST:PORT"),
        (&["--transport", "udp:8111"], "uhid, unix:PATH or udp:HOST:PORT"),
        (&["--transport", &unix, "--algorithms", "es256,rot13"], "there is es256"),
        (&["--transport", &unix, "--algorithms", ""], "there is es256"),
        (&["--transport", &unix, "--aaguid", "1234"], "expected a UUID"),
        (&["--transport", &unix, "--presence", "maybe"], "auto, deny, ask"),
        (&["--transport", &unix, "--uv", "finger"], "none, builtin"),
        (&["--transport", &unix, "--pin", "123"], "at least 4"),
        (&["--transport", &unix, "--pin", &"1".repeat(64)], "at most 63"),
        (&["--transport", &unix, "--presence", "ask"], "needs a terminal"),
    ];
    for (arguments, expected) in cases {
        let (code, said) = refused(arguments);
        assert_eq!(code, 2, "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}

#[test]
fn addresses_that_cannot_be_had() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = format!("udp:{}", taken.local_addr().unwrap());
    let (folder, unix) = socket();
    let _key = Key::start(&["--transport", &unix]);
    let file = folder.path().join("file");
    fs::write(&file, "precious").unwrap();
    let cases = [
        (taken, "in use"),
        (unix, "a program listens there already"),
        (format!("unix:{}", file.display()), "no socket"),
        ("unix:/no/such/folder/key.sock".to_owned(), "No such file"),
        (format!("unix:/tmp/{}", "x".repeat(120)), "too long"),
        ("udp:127.0.0.1:99999".to_owned(), "cannot bind"),
        ("udp:192.0.2.1:8111".to_owned(), "cannot bind"),
    ];
    for (address, expected) in cases {
        let (code, said) = refused(&["--transport", &address]);
        assert_eq!(code, 1, "{address}: {said}");
        assert!(said.contains(expected), "{address}: {said}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn states_that_cannot_be_kept() {
    let (folder, _) = socket();
    for path in [
        "/no/such/folder/key.json",
        "/proc/key.json",
        folder.path().to_str().unwrap(),
    ] {
        let (code, said) = with_udp(&["--state", path]);
        assert_eq!(code, 1, "{path}: {said}");
        assert!(said.contains(path), "{path}: {said}");
    }
}

#[test]
fn the_chosen_algorithms_and_model_are_told() {
    let model = "00112233-4455-6677-8899-aabbccddeeff";
    let arguments = [
        "--transport",
        "udp:127.0.0.1:0",
        "--algorithms",
        "eddsa",
        "--aaguid",
        model,
    ];
    let info = Key::start(&arguments).client().info();
    assert_eq!(info.algorithms, [-8]);
    assert_eq!(info.aaguid.0[..3], [0x00, 0x11, 0x22]);
}
