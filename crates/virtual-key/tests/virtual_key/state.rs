//! What lasts, and what does not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use claviger_ctap::status::Status;
use claviger_dev::ctap2::Ctap2 as _;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::client::{pin_token, register, sign_in};
use crate::key::{Key, refused};

const UDP: [&str; 2] = ["--transport", "udp:127.0.0.1:0"];

struct Saved {
    folder: TempDir,
}

impl Saved {
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    fn path(&self) -> String {
        self.folder.path().join("key.json").display().to_string()
    }

    fn start(&self, arguments: &[&str]) -> Key {
        Key::start(&[&UDP, ["--state", &self.path()].as_slice(), arguments].concat())
    }
}

#[test]
fn passkeys_pin_and_counters_survive_a_restart_and_also_a_kill() {
    let saved = Saved::new();
    let key = saved.start(&["--pin", "1234"]);
    let mut client = key.client();
    let token = pin_token(&mut client, "1234").unwrap();
    let passkey = register(&mut client, "alice", Some(&token)).unwrap();
    assert_eq!(sign_in(&mut client, &passkey, None), Ok((0x01, 1)));
    assert_eq!(pin_token(&mut client, "0000"), Err(Status::PinInvalid));
    key.signal(Signal::KILL);
    key.wait();

    // A PIN that is there stays, whatever --pin says.
    let key = saved.start(&["--pin", "9999"]);
    let mut client = key.client();
    assert_eq!(client.pin_retries(), (7, false));
    let token = pin_token(&mut client, "1234").unwrap();
    assert_eq!(sign_in(&mut client, &passkey, Some(&token)), Ok((0x05, 2)));
    assert_eq!(client.info().remaining_discoverable_credentials, Some(999));
    key.stop();
    assert_eq!(fs::metadata(saved.path()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(saved.folder.path()).unwrap().count(), 1);
}

#[test]
fn a_restart_is_a_power_cycle() {
    let saved = Saved::new();
    let key = saved.start(&["--pin", "1234"]);
    let mut client = key.client();
    let answers: Vec<_> = (0..3).map(|_| pin_token(&mut client, "0000").unwrap_err()).collect();
    assert_eq!(
        answers,
        [Status::PinInvalid, Status::PinInvalid, Status::PinAuthBlocked]
    );
    assert_eq!(pin_token(&mut client, "1234"), Err(Status::PinAuthBlocked));
    assert_eq!(client.pin_retries(), (5, true));
    key.stop();

    let key = saved.start(&[]);
    assert_eq!(key.client().pin_retries(), (5, false));
}

#[test]
fn without_a_state_everything_is_forgotten() {
    let key = Key::start(&[UDP.as_slice(), &["--pin", "1234"]].concat());
    let mut client = key.client();
    let token = pin_token(&mut client, "1234").unwrap();
    let passkey = register(&mut client, "alice", Some(&token)).unwrap();
    key.stop();
    let key = Key::start(&UDP);
    let mut client = key.client();
    assert_eq!(sign_in(&mut client, &passkey, None), Err(Status::NoCredentials));
    assert_eq!(pin_token(&mut client, "1234"), Err(Status::PinNotSet));
}

#[test]
fn a_reset_empties_the_file() {
    let saved = Saved::new();
    let key = saved.start(&["--pin", "1234"]);
    let mut client = key.client();
    let token = pin_token(&mut client, "1234").unwrap();
    register(&mut client, "alice", Some(&token)).unwrap();
    assert!(fs::read_to_string(saved.path()).unwrap().contains("example.com"));
    client.cbor(0x07, &[]).unwrap();
    assert!(!fs::read_to_string(saved.path()).unwrap().contains("example.com"));
}

#[test]
fn a_damaged_state_is_an_error_and_stays_as_it_is() {
    let saved = Saved::new();
    saved.start(&["--pin", "1234"]).stop();
    let good = fs::read_to_string(saved.path()).unwrap();
    for damaged in [
        "",
        "not JSON",
        &good[..good.len() - 20],
        &good.replace("\"device\": \"", "\"device\": \"AAAA"),
    ] {
        fs::write(saved.path(), damaged).unwrap();
        let (code, said) = refused(&[&UDP, ["--state", &saved.path(), "--pin", "1234"].as_slice()].concat());
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("state") && !said.contains("panicked"), "{said}");
        assert_eq!(fs::read_to_string(saved.path()).unwrap(), damaged);
    }
}

#[test]
fn two_keys_do_not_share_a_state() {
    let saved = Saved::new();
    let key = saved.start(&[]);
    let (code, said) = refused(&[&UDP, ["--state", &saved.path()].as_slice()].concat());
    assert_eq!(code, 1);
    assert!(said.contains("another virtual key"), "{said}");
    key.client().info();
}
