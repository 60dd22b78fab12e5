//! Packets, channels and commands over both sockets.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use claviger_ctap::crypto::{PublicKey, native};
use claviger_ctap::ctaphid::{BROADCAST, Capabilities, Command, MAX_MESSAGE, frame};
use claviger_ctap::status::Status;
use claviger_ctap::u2f::{Control, Request as U2f, StatusWord};
use claviger_dev::ctap2::Ctap2 as _;
use claviger_dev::ctaphid::Client;
use rustix::process::Signal;

use crate::client::{HASH, pin_token, register, sign_in, uv_token};
use crate::key::{Key, socket};

/// Runs a test over both transports.
fn over_both(arguments: &[&str], test: impl Fn(&mut Key)) {
    let (_folder, unix) = socket();
    for address in [unix.as_str(), "udp:127.0.0.1:0"] {
        let mut key = Key::start(&[&["--transport", address], arguments].concat());
        test(&mut key);
        key.stop();
    }
}

#[test]
fn it_starts_like_a_newly_reset_key() {
    over_both(&[], |key| {
        let mut client = Client::connect(&key.ready);
        let answer = client.init();
        assert_eq!(answer[12], 2, "the protocol's version");
        assert_eq!(answer[16], (Capabilities::WINK | Capabilities::CBOR).bits());
        let info = client.info();
        assert_eq!(info.aaguid.0[..2], [0x4a, 0xfb]);
        let option = |name: &str| {
            info.options
                .iter()
                .find(|(of, _)| of.as_str() == name)
                .map(|(_, value)| *value)
        };
        assert_eq!(
            (option("clientPin"), option("uv"), option("rk")),
            (Some(false), None, Some(true))
        );
        assert!(info.versions.iter().any(|version| version == "U2F_V2"));
        assert_eq!(info.remaining_discoverable_credentials, Some(1000));
    });
}

#[test]
fn ping_wink_and_a_reset_in_time() {
    over_both(&[], |key| {
        let mut client = key.client();
        for length in [0, 1, 57, 58, MAX_MESSAGE] {
            let message = vec![7; length];
            assert_eq!(client.call(Command::Ping, &message), (Command::Ping, message));
        }
        assert_eq!(client.call(Command::Wink, &[]), (Command::Wink, Vec::new()));
        key.event("wink");
        register(&mut client, "alice", None).unwrap();
        assert_eq!(client.info().remaining_discoverable_credentials, Some(999));
        client.cbor(0x07, &[]).unwrap();
        assert_eq!(client.info().remaining_discoverable_credentials, Some(1000));
    });
}

#[test]
fn a_passkey_is_made_and_used_with_a_pin() {
    over_both(&["--pin", "1234"], |key| {
        let mut client = key.client();
        assert_eq!(
            register(&mut client, "alice", None).map(|_| ()),
            Err(Status::PuatRequired)
        );
        assert_eq!(pin_token(&mut client, "4321"), Err(Status::PinInvalid));
        let token = pin_token(&mut client, "1234").unwrap();
        let passkey = register(&mut client, "alice", Some(&token)).unwrap();
        assert_eq!(passkey.flags & 0x05, 0x05, "user present and verified");
        let token = pin_token(&mut client, "1234").unwrap();
        assert_eq!(sign_in(&mut client, &passkey, Some(&token)), Ok((0x05, 1)));
        assert_eq!(sign_in(&mut client, &passkey, None), Ok((0x01, 2)));
    });
}

#[test]
fn every_algorithm_signs_however_long_its_messages() {
    for (name, cose) in [("eddsa", -8), ("es384", -35), ("ml-dsa-44", -48), ("ml-dsa-65", -49)] {
        over_both(&["--algorithms", name], |key| {
            let mut client = Client::connect(&key.ready);
            // U2F knows ES256 only.
            assert_eq!(client.init()[16] & Capabilities::NMSG.bits(), Capabilities::NMSG.bits());
            let passkey = register(&mut client, "alice", None).unwrap();
            assert_eq!(passkey.key.algorithm().cose(), cose);
            assert_eq!(sign_in(&mut client, &passkey, None), Ok((0x01, 1)));
        });
    }
}

#[test]
fn the_built_in_verifier_verifies() {
    over_both(&["--uv", "builtin"], |key| {
        let mut client = key.client();
        let token = uv_token(&mut client).unwrap();
        let passkey = register(&mut client, "alice", Some(&token)).unwrap();
        let token = uv_token(&mut client).unwrap();
        assert_eq!(sign_in(&mut client, &passkey, Some(&token)), Ok((0x05, 1)));
    });
}

#[test]
fn u2f_registers_and_signs_in() {
    over_both(&[], |key| {
        let mut client = key.client();
        let (challenge, application) = (HASH, [0xab; 32]);
        let register = U2f::Register { challenge, application };
        let (_, answer) = client.call(Command::Msg, &register.to_apdu());
        let (answer, word) = answer.split_at(answer.len() - 2);
        assert_eq!((answer[0], word), (5, StatusWord::NoError.to_bytes().as_slice()));
        let public = PublicKey::from_p256_point(answer[1..66].try_into().unwrap()).unwrap();
        let key_handle = answer[67..67 + usize::from(answer[66])].to_vec();
        let authenticate = U2f::Authenticate {
            control: Control::EnforcePresence,
            challenge,
            application,
            key_handle,
        };
        let (_, answer) = client.call(Command::Msg, &authenticate.to_apdu());
        let (answer, word) = answer.split_at(answer.len() - 2);
        assert_eq!(word, StatusWord::NoError.to_bytes());
        let signed = [&application, &answer[..5], &challenge].concat();
        native().verify(&public, &signed, &answer[5..]).unwrap();
        key.event("u2f");
    });
}

#[test]
fn without_u2f_there_is_none() {
    over_both(&["--no-u2f"], |key| {
        let mut client = Client::connect(&key.ready);
        let capabilities = Capabilities::WINK | Capabilities::CBOR | Capabilities::NMSG;
        assert_eq!(client.init()[16], capabilities.bits());
        assert!(!client.info().versions.iter().any(|version| version == "U2F_V2"));
        client.send(Command::Msg, &U2f::Version.to_apdu());
        assert_eq!(client.error(), Status::InvalidCommand);
    });
}

#[test]
fn a_user_who_always_declines() {
    over_both(&["--presence", "deny"], |key| {
        let mut client = key.client();
        assert_eq!(
            register(&mut client, "alice", None).map(|_| ()),
            Err(Status::OperationDenied)
        );
        let register = U2f::Register {
            challenge: HASH,
            application: HASH,
        };
        let (_, answer) = client.call(Command::Msg, &register.to_apdu());
        assert_eq!(answer, StatusWord::ConditionsNotSatisfied.to_bytes());
    });
}

#[test]
fn bad_packets_get_their_errors_and_the_next_good_one_works() {
    over_both(&[], |key| {
        let mut client = key.client();
        let ping = frame(client.channel, Command::Ping, &[1; 100]).unwrap();
        // No report at all: dropped, and told.
        for length in [1, 63, 66, 1000] {
            client.send_packet(&vec![0; length]);
            key.event("malformed");
        }
        // What hidapi sends: the number of the report before it.
        for report in &ping {
            client.send_packet(&[&[0], report.as_slice()].concat());
        }
        assert_eq!(client.receive(), (Command::Ping, vec![1; 100]));
        // A continuation of nothing is ignored.
        client.send_packet(&ping[1]);
        // A channel that nobody was given, and the one that is nobody's.
        let own = client.channel;
        for channel in [own + 1, 0] {
            client.channel = channel;
            // Never answered, wherever it goes.
            client.send(Command::Cancel, &[]);
            client.send(Command::Ping, &[]);
            assert_eq!(client.error(), Status::InvalidChannel);
        }
        client.channel = BROADCAST;
        client.send(Command::Ping, &[]);
        assert_eq!(client.error(), Status::InvalidChannel);
        client.channel = own;
        // An unknown command, too long a message, packets out of order, an empty command.
        let mut unknown = ping[0];
        unknown[4] = 0x80 | 0x20;
        let mut too_long = ping[0];
        too_long[5..7].copy_from_slice(&7610_u16.to_be_bytes());
        let mut skipped = ping[1];
        skipped[4] = 1;
        client.send_packet(&unknown);
        assert_eq!(client.error(), Status::InvalidCommand);
        client.send_packet(&too_long);
        assert_eq!(client.error(), Status::InvalidLength);
        client.send_packet(&ping[0]);
        client.send_packet(&skipped);
        assert_eq!(client.error(), Status::InvalidSeq);
        client.send(Command::Cbor, &[]);
        assert_eq!(client.error(), Status::InvalidLength);
        // Half a message runs into the timeout.
        client.send_packet(&ping[0]);
        assert_eq!(client.error(), Status::Timeout);
        assert_eq!(client.cbor(0x55, &[]), Err(Status::InvalidCommand));
        assert_eq!(client.cbor(0x01, &[0xff]), Err(Status::InvalidCbor));
        client.info();
    });
}

#[test]
fn ten_thousand_inits_leave_a_working_key() {
    over_both(&[], |key| {
        let mut client = Client::connect(&key.ready);
        for _ in 0..10_000 {
            client.init();
        }
        assert_eq!(client.channel, 10_000);
        client.info();
    });
}

#[test]
fn each_client_gets_its_own_answers() {
    over_both(&[], |key| {
        let mut clients: Vec<Client> = (0..20).map(|_| key.client()).collect();
        for (number, client) in (0_u8..).zip(&mut clients) {
            assert_eq!(client.call(Command::Ping, &[number]), (Command::Ping, vec![number]));
        }
        for client in &clients {
            client.send(Command::Init, &[9; 8]);
        }
        for client in &mut clients {
            assert_eq!(client.receive().0, Command::Init);
        }
    });
}

#[test]
fn a_connection_cannot_use_the_channel_of_another_one() {
    let (_folder, address) = socket();
    let key = Key::start(&["--transport", &address]);
    let (mut one, mut two) = (key.client(), key.client());
    let own = two.channel;
    two.channel = one.channel;
    for (command, length) in [(Command::Ping, 8), (Command::Init, 8), (Command::Ping, 1000)] {
        two.send(command, &vec![0; length]);
        // One error, however many packets there were.
        assert_eq!(two.error(), Status::InvalidChannel);
    }
    two.channel = own;
    two.info();
    one.info();
}

#[test]
fn a_datagram_client_that_moves_is_answered_where_it_is() {
    let key = Key::start(&["--transport", "udp:127.0.0.1:0"]);
    let before = key.client();
    let mut after = Client::connect(&key.ready);
    after.channel = before.channel;
    after.info();
}

#[test]
fn a_client_that_does_not_read_is_disconnected_and_the_others_are_served() {
    let (_folder, address) = socket();
    let key = Key::start(&["--transport", &address]);
    let flood = key.client();
    let mut other = key.client();
    let ping = frame(flood.channel, Command::Ping, &[0; MAX_MESSAGE]).unwrap();
    // Its socket takes no more when the key has closed it.
    while flood.try_send(&ping) {}
    other.info();
    assert_eq!(other.call(Command::Ping, &[5]), (Command::Ping, vec![5]));
}

#[test]
fn the_socket_is_the_users_only_and_goes_with_the_key() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let (folder, address) = socket();
        let path = folder.path().join("key.sock");
        let key = Key::start(&["--transport", &address]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let _client = key.client();
        key.signal(signal);
        assert_eq!(key.wait().code(), Some(0));
        assert!(!path.exists());
    }
}

#[test]
fn a_socket_that_a_killed_key_left_behind_is_replaced() {
    let (folder, address) = socket();
    let key = Key::start(&["--transport", &address]);
    key.signal(Signal::KILL);
    assert_eq!(key.wait().code(), None);
    assert!(folder.path().join("key.sock").exists());
    Key::start(&["--transport", &address]).client().info();
}
