//! Questions at a terminal: keep-alives, cancellation, busy answers, and what the user says.

use claviger_ctap::ctaphid::Command;
use claviger_ctap::status::Status;
use claviger_ctap::u2f::{Request as U2f, StatusWord};
use claviger_dev::ctap2::Ctap2 as _;

use crate::client::{HASH, info_when_free, make_request, uv_token};
use crate::key::{Key, socket};

const MAKE: u8 = 0x01;

#[test]
fn the_user_is_asked_and_the_host_is_kept_waiting_until_they_answer() {
    let (_folder, address) = socket();
    let mut key = Key::asking(&["--transport", &address]);
    let mut client = key.client();
    client.begin(MAKE, &make_request("alice").to_cbor());
    let question = key.event("question");
    assert_eq!(question["purpose"]["make"], "example.com");
    // Three keep-alives: the key says that it waits for the user.
    for _ in 0..3 {
        let keepalive = client.packet().unwrap();
        assert_eq!(keepalive[4..8], [0x80 | 0x3b, 0, 1, 2]);
    }
    key.answer("what?");
    key.event("unclear");
    key.answer("y");
    client.end().unwrap();
    assert!(client.keepalives.iter().all(|status| [1, 2].contains(status)));

    client.begin(MAKE, &make_request("bob").to_cbor());
    key.event("question");
    key.answer("n");
    assert_eq!(client.end(), Err(Status::OperationDenied));
}

#[test]
fn what_was_typed_before_the_question_does_not_answer_it() {
    let (_folder, address) = socket();
    let mut key = Key::asking(&["--transport", &address]);
    let mut client = key.client();
    key.type_ahead("y");
    client.begin(MAKE, &make_request("alice").to_cbor());
    key.event("question");
    key.answer("n");
    assert_eq!(client.end(), Err(Status::OperationDenied));
}

#[test]
fn while_the_user_is_asked_the_others_hear_that_it_is_busy_and_can_get_channels() {
    let (_folder, unix) = socket();
    for address in [unix.as_str(), "udp:127.0.0.1:0"] {
        let mut key = Key::asking(&["--transport", address]);
        let mut client = key.client();
        client.begin(MAKE, &make_request("alice").to_cbor());
        key.event("question");
        let mut other = key.client();
        for command in [Command::Ping, Command::Cbor, Command::Msg] {
            other.send(command, &[4]);
            assert_eq!(other.error(), Status::ChannelBusy);
        }
        // Another client's CANCEL is not for this command.
        other.send(Command::Cancel, &[]);
        client.send(Command::Cancel, &[]);
        assert_eq!(client.end(), Err(Status::KeepaliveCancel));
        assert!(client.keepalives.iter().all(|status| [1, 2].contains(status)));
        other.info();
        // A cancellation that comes too late ends nothing.
        client.send(Command::Cancel, &[]);
        client.begin(MAKE, &make_request("alice").to_cbor());
        key.event("question");
        key.answer("yes");
        client.end().unwrap();
    }
}

#[test]
fn a_client_that_leaves_takes_its_question_along() {
    let (_folder, address) = socket();
    let mut key = Key::asking(&["--transport", &address]);
    let mut client = key.client();
    client.begin(MAKE, &make_request("alice").to_cbor());
    key.event("question");
    drop(client);
    assert_eq!(key.event("user")["outcome"], "cancelled");
    info_when_free(&mut key.client());
}

#[test]
fn init_on_its_own_channel_ends_a_clients_command() {
    let (_folder, address) = socket();
    let mut key = Key::asking(&["--transport", &address]);
    let mut client = key.client();
    client.begin(MAKE, &make_request("alice").to_cbor());
    key.event("question");
    client.send(Command::Init, &[3; 8]);
    assert_eq!(client.receive().0, Command::Init);
    assert_eq!(key.event("user")["outcome"], "cancelled");
    info_when_free(&mut client);
    client.info();
}

#[test]
fn the_verifier_can_fail_to_recognise_the_user() {
    let (_folder, address) = socket();
    let mut key = Key::asking(&["--transport", &address, "--uv", "builtin"]);
    std::thread::scope(|scope| {
        let mut client = key.client();
        let token = scope.spawn(move || uv_token(&mut client).map(|_| client));
        assert_eq!(key.event("question")["wanted"], "verification");
        key.answer("w");
        key.event("question");
        key.answer("y");
        assert!(token.join().unwrap().is_ok());
    });
}

#[test]
fn u2f_is_told_to_ask_again_until_the_user_has_answered() {
    let (_folder, address) = socket();
    let mut key = Key::asking(&["--transport", &address]);
    let mut client = key.client();
    let register = U2f::Register {
        challenge: HASH,
        application: HASH,
    }
    .to_apdu();
    let not_yet = StatusWord::ConditionsNotSatisfied.to_bytes();
    assert_eq!(client.call(Command::Msg, &register).1, not_yet);
    key.event("question");
    key.answer("y");
    let mut answer = client.call(Command::Msg, &register).1;
    while answer == not_yet {
        answer = client.call(Command::Msg, &register).1;
    }
    assert_eq!(answer.last_chunk(), Some(&StatusWord::NoError.to_bytes()));

    assert_eq!(client.call(Command::Msg, &register).1, not_yet);
    key.event("question");
    key.answer("n");
    while !key.said("declined") {
        assert_eq!(client.call(Command::Msg, &register).1, not_yet);
    }
    // The host knows no other answer; the user is not asked a second time.
    assert_eq!(client.call(Command::Msg, &register).1, not_yet);
}
