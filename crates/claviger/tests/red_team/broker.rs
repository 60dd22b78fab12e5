//! A program that took the broker's name: nobody tells it anything.
//!
//! It is this test. Where nothing is proved, as on a private bus, a program is told by what it runs; what a package proves beyond that is
//! tried in the virtual machine (`vm/parts/peers.py`).

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use claviger_dev::bus::Bus;
use futures_util::{FutureExt as _, StreamExt as _};
use zbus::message::Type;
use zbus::{Connection, MessageStream};

use crate::support::CLAVIGER;

/// The connection that has the name, and what arrives at it.
async fn impostor(bus: &Bus) -> (Connection, MessageStream) {
    let connection = bus.connect().await;
    connection.request_name("org.claviger.Broker").await.unwrap();
    let messages = MessageStream::from(&connection);
    (connection, messages)
}

/// The method calls that have arrived by now.
fn calls(messages: &mut MessageStream) -> Vec<String> {
    std::iter::from_fn(|| messages.next().now_or_never().flatten())
        .filter_map(|message| {
            let message = message.unwrap();
            let is_call = message.message_type() == Type::MethodCall;
            is_call.then(|| message.header().member().unwrap().to_string())
        })
        .collect()
}

fn run(bus: &Bus, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(CLAVIGER)
        .args(arguments)
        .env("DBUS_SESSION_BUS_ADDRESS", bus.address())
        .env("HOME", bus.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

#[tokio::test]
async fn a_program_that_has_the_brokers_name_is_told_nothing() {
    let bus = Bus::start();
    let (_connection, mut messages) = impostor(&bus).await;
    let script = bus.folder().join("script.json");
    std::fs::write(&script, r#"[{"do":{"approve":true,"pin":"493817"}}]"#).unwrap();
    let script: &Path = &script;
    for arguments in [
        &["status"][..],
        &["unlock"],
        &["passkey", "list"],
        &["setup"],
        &["prompt", "--script", script.to_str().unwrap()],
    ] {
        let output = run(&bus, arguments, b"");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{arguments:?}: {said}");
        assert!(said.contains("is another program"), "{arguments:?}: {said}");
    }
    assert_eq!(calls(&mut messages), Vec::<String>::new());
}

#[tokio::test]
async fn a_browsers_request_is_not_passed_on_to_it() {
    let bus = Bus::start();
    let (_connection, mut messages) = impostor(&bus).await;
    let text = br#"{"channel":"c","type":"capabilities"}"#;
    let mut input = u32::try_from(text.len()).unwrap().to_ne_bytes().to_vec();
    input.extend(text);
    let output = run(
        &bus,
        &["native-host", "chrome-extension://oadifemdliealhhopcejpkgocoongbin/"],
        &input,
    );
    assert_eq!(calls(&mut messages), Vec::<String>::new());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
