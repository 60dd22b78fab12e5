//! The security-key door: a program with a virtual key, the door's process, and the real broker, hello and vault.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claviger_ctap::authenticator::device::command;
use claviger_ctap::authenticator_data::{AuthenticatorData, Flags};
use claviger_ctap::cbor::Map;
use claviger_ctap::client_pin::Permissions;
use claviger_ctap::crypto::{PublicKey, native};
use claviger_ctap::ctaphid::Command;
use claviger_ctap::pin_protocol::PinUvAuthProtocol;
use claviger_ctap::status::Status;
use claviger_ctap::types::{CredentialDescriptor, CredentialId, RpEntity, UserEntity, UserId};
use claviger_ctap::{credential_management, get_assertion, make_credential};
use claviger_dev::ctap2::{Ctap2, Token};
use claviger_dev::ctaphid::{Client, Message};
use serde_json::json;
use support::Platform;
use support::door::{Door, accept, connect, listen_at};
use support::page::{Request, be_a_browser};

const PIN: &str = "493817";
const TWO: PinUvAuthProtocol = PinUvAuthProtocol::Two;
const SITE: &str = "example.com";
const HASH: [u8; 32] = [6; 32];

/// Approves whatever asks for the PIN or for consent.
const APPROVES: &str = r#"[{"do":{"approve":true,"pin":"493817"}}]"#;

/// Approves what asks for consent only: a screen that wants the PIN stays without an answer.
const CONSENTS: &str = r#"[{"do":{"approve":true}}]"#;

/// Somebody who must not be asked.
const REFUSES: &str = r#"[{"do":{"refuse":true}}]"#;

const LEAVES_OPEN: &str = r#"[{"do":{"hang":true}}]"#;

struct Bed {
    platform: Platform,
    key: Client,
    _door: Door,
}

impl Bed {
    /// A platform with a PIN, an unlocked vault and the door open.
    fn new() -> Self {
        let mut platform = Platform::start("--allow-scripted-prompt");
        // These tests are a browser too.
        be_a_browser(&platform);
        platform.answer_with(APPROVES);
        platform.ok(&["setup"]);
        platform.ok(&["unlock"]);
        let door = Door::open(&platform);
        let key = connect(&platform.path("key.sock"));
        Self {
            platform,
            key,
            _door: door,
        }
    }

    /// Registers with a token using UV.
    fn register(&mut self, user: &[u8], rk: bool) -> (CredentialId, PublicKey) {
        self.platform.answer_with(APPROVES);
        let token = self
            .key
            .uv_token(TWO, Permissions::MAKE_CREDENTIAL, Some(SITE))
            .unwrap();
        let mut request = make_request(user);
        request.options.rk = rk;
        request.extensions = Map::new().with("hmac-secret", true);
        registered(&self.key.make(&token.sign_make(request)).unwrap())
    }
}

fn make_request(user: &[u8]) -> make_credential::Request {
    let rp = RpEntity {
        id: SITE.to_owned(),
        name: None,
    };
    let user = UserEntity {
        id: UserId::new(user).unwrap(),
        name: Some(String::from_utf8_lossy(user).into_owned()),
        display_name: None,
    };
    make_credential::Request::new(HASH, rp, user, vec![-7])
}

fn get_request(allowed: &[&CredentialId]) -> get_assertion::Request {
    let mut request = get_assertion::Request::new(SITE, HASH);
    let descriptor = |id: &&CredentialId| CredentialDescriptor::new((*id).clone());
    request.allow_list = allowed.iter().map(descriptor).collect();
    request
}

fn registered(response: &make_credential::Response) -> (CredentialId, PublicKey) {
    let data = AuthenticatorData::parse(&response.auth_data).unwrap();
    assert_eq!(data.rp_id_hash, native().sha256(&[SITE.as_bytes()]));
    let credential = data.attested.unwrap();
    (credential.id, credential.public_key)
}

/// Checks an assertion like a relying party, and gives its flags.
fn verified(response: &get_assertion::Response, public_key: &PublicKey) -> Flags {
    let signed = [response.auth_data.as_slice(), &HASH].concat();
    native().verify(public_key, &signed, &response.signature).unwrap();
    let data = AuthenticatorData::parse(&response.auth_data).unwrap();
    assert_eq!(data.rp_id_hash, native().sha256(&[SITE.as_bytes()]));
    data.flags
}

/// Signs in like a page, through the browser door, and gives the PRF output for `input`.
fn prf(platform: &Platform, id: &CredentialId, input: &[u8]) -> Vec<u8> {
    let request = json!({
        "challenge": URL_SAFE_NO_PAD.encode([3; 32]),
        "rpId": SITE,
        "allowCredentials": [{ "type": "public-key", "id": URL_SAFE_NO_PAD.encode(id.as_bytes()) }],
        "userVerification": "required",
        "extensions": { "prf": { "eval": { "first": URL_SAFE_NO_PAD.encode(input) } } },
    });
    let answer = Request::send(platform, "get", SITE, &request).answer();
    let first = answer.pointer("/ok/clientExtensionResults/prf/results/first");
    let first = first.unwrap_or_else(|| panic!("{answer}")).as_str().unwrap();
    URL_SAFE_NO_PAD.decode(first).unwrap()
}

fn hmac_secret(key: &mut Client, token: impl FnOnce(&mut Client) -> Token, id: &CredentialId, salts: &[u8]) -> Vec<u8> {
    let (agreed, secret) = key.agree(TWO);
    let wrapped = secret.encrypt(native(), salts).unwrap();
    let mac = secret.authenticate(native(), &[&wrapped]);
    let input = Map::new()
        .with(1, agreed.key_agreement.unwrap().to_cose())
        .with(2, wrapped)
        .with(3, mac)
        .with(4, 2);
    let mut request = get_request(&[id]);
    request.extensions = Map::new().with("hmac-secret", input);
    let token = token(key);
    let response = key.get(&token.sign_get(request)).unwrap();
    let data = AuthenticatorData::parse(&response.auth_data).unwrap();
    let output = data.extensions.unwrap().text("hmac-secret").unwrap().clone();
    secret.decrypt(&output.into_bytes().unwrap()).unwrap().to_vec()
}

#[test]
fn a_program_registers_and_signs_in_with_one_prompt_each() {
    let mut bed = Bed::new();
    let info = bed.key.info();
    assert_eq!(info.options.get("uv"), Some(&true));
    let (id, public_key) = bed.register(b"alice", true);
    assert!(bed.key.asked_user());

    // A browser: key agreement, token, assertion; without a user name.
    let token = bed.key.uv_token(TWO, Permissions::GET_ASSERTION, Some(SITE)).unwrap();
    assert!(!bed.key.asked_user(), "a token asks nobody");
    let response = bed.key.get(&token.sign_get(get_request(&[]))).unwrap();
    assert!(bed.key.asked_user());
    assert!(verified(&response, &public_key).contains(Flags::UP | Flags::UV));
    assert_eq!(response.credential.id, id);
    let user = response.user.unwrap();
    assert_eq!((user.id, user.name), (UserId::new(b"alice").unwrap(), None));

    // ssh, pam-u2f: consent only, and no name.
    bed.platform.answer_with(CONSENTS);
    let response = bed.key.get(&get_request(&[&id])).unwrap();
    let flags = verified(&response, &public_key);
    assert!(flags.contains(Flags::UP) && !flags.contains(Flags::UV));
    assert!(response.user.is_none_or(|user| user.name.is_none()));

    // The audit log knows the door.
    let log = bed.platform.ok(&["audit", "--json"]);
    assert!(log.contains("hid"), "{log}");
}

#[test]
fn a_program_s_pin_is_hello_s_and_leaves_consent_to_the_prompt() {
    let mut bed = Bed::new();
    let (id, public_key) = bed.register(b"alice", false);
    bed.platform.answer_with(CONSENTS);
    let token = bed
        .key
        .pin_token(TWO, PIN, Permissions::GET_ASSERTION, Some(SITE))
        .unwrap();
    let response = bed.key.get(&token.sign_get(get_request(&[&id]))).unwrap();
    assert!(verified(&response, &public_key).contains(Flags::UP | Flags::UV));
    // What it proved is spent.
    assert_eq!(
        bed.key.get(&token.sign_get(get_request(&[&id]))),
        Err(Status::PinAuthInvalid)
    );

    // Wrong ones are hello's tries, and cost time.
    for _ in 0..2 {
        let wrong = bed.key.pin_token(TWO, "860275", Permissions::GET_ASSERTION, Some(SITE));
        assert_eq!(wrong.err(), Some(Status::PinInvalid));
    }
    assert_eq!(bed.key.pin_retries(), (8, false));
    assert_eq!(bed.platform.json(&["status", "--json"])["pin"]["tries_left"], 8);
    // After some more, each makes the next one wait longer; then even the right one comes too soon.
    let mut statuses = (0..6).map(|_| {
        let wrong = bed.key.pin_token(TWO, "860275", Permissions::GET_ASSERTION, Some(SITE));
        wrong.err().unwrap()
    });
    assert!(statuses.any(|status| status == Status::PinAuthBlocked));
    let too_soon = bed.key.pin_token(TWO, PIN, Permissions::GET_ASSERTION, Some(SITE));
    assert_eq!(too_soon.err(), Some(Status::PinAuthBlocked));
}

#[test]
fn hmac_secret_gives_the_same_secret_for_the_same_salt_and_the_same_as_a_page_s_prf() {
    let mut bed = Bed::new();
    let (id, _) = bed.register(b"alice", false);
    let uv = |key: &mut Client| key.uv_token(TWO, Permissions::GET_ASSERTION, Some(SITE)).unwrap();
    let pin = |key: &mut Client| key.pin_token(TWO, PIN, Permissions::GET_ASSERTION, Some(SITE)).unwrap();
    let first = hmac_secret(&mut bed.key, uv, &id, &[1; 32]);
    assert_eq!(first.len(), 32);
    let both = hmac_secret(&mut bed.key, pin, &id, &[[2; 32], [1; 32]].concat());
    assert_eq!(both[32..], first);
    assert_ne!(both[..32], first);

    // A page's PRF is the same secret under a salt that is hashed with a prefix (WebAuthn Level 3 §10.1.4).
    let salt = native().sha256(&[b"WebAuthn PRF\0", b"a page's input"]);
    let secret = hmac_secret(&mut bed.key, uv, &id, &salt);
    assert_eq!(prf(&bed.platform, &id, b"a page's input"), secret);
}

#[test]
fn a_program_that_gives_up_takes_the_question_back() {
    let mut bed = Bed::new();
    let (id, public_key) = bed.register(b"alice", false);
    bed.platform.answer_with(LEAVES_OPEN);
    for _ in 0..3 {
        bed.key.begin(command::GET_ASSERTION, &get_request(&[&id]).to_cbor());
        bed.key.until_asked();
        // Meanwhile another client is told to wait.
        let other = bed.key.another_channel();
        bed.key.send_on(other, Command::Ping, &[1]);
        let busy = loop {
            let message = bed.key.message();
            if message.command != Command::Keepalive {
                break message;
            }
        };
        let expected = Message {
            channel: other,
            command: Command::Error,
            body: vec![Status::ChannelBusy.code()],
        };
        assert_eq!(busy, expected);
        bed.key.cancel();
        assert_eq!(bed.key.end(), Err(Status::KeepaliveCancel));
    }
    bed.platform.answer_with(CONSENTS);
    verified(&bed.key.get(&get_request(&[&id])).unwrap(), &public_key);
}

#[test]
fn floods_and_nonsense_leave_a_door_that_works() {
    let mut bed = Bed::new();
    for _ in 0..10_000 {
        bed.key.another_channel();
    }
    for nonsense in [&[0xff_u8; 1][..], &[0; 63], &[0; 65], &[0x80; 4000]] {
        bed.key.send_packet(nonsense);
    }
    for garbage in [&[0xff_u8][..], &[0xa1, 0x01], &[0xbf, 0xff], &[0x9b; 500]] {
        for code in 0..=0x0d {
            // A selection without parameters would ask the user.
            assert!(bed.key.cbor(code, garbage).is_err(), "command {code:#x}");
        }
    }
    bed.register(b"alice", true);
}

#[test]
fn a_silent_probe_asks_nobody() {
    let mut bed = Bed::new();
    let (id, _) = bed.register(b"alice", false);
    let token = bed.key.uv_token(TWO, Permissions::MAKE_CREDENTIAL, Some(SITE)).unwrap();
    let mut request = make_request(b"bob");
    request.extensions = Map::new().with("credProtect", 3);
    let (protected, _) = registered(&bed.key.make(&token.sign_make(request)).unwrap());
    let token = bed.key.uv_token(TWO, Permissions::GET_ASSERTION, Some(SITE)).unwrap();
    bed.platform.answer_with(REFUSES);
    let stranger = CredentialId::new([0x77; 32]).unwrap();
    for locked in [false, true] {
        if locked {
            bed.platform.ok(&["lock"]);
        }
        let mut probe = get_request(&[&stranger, &id]);
        probe.options.up = false;
        let found = bed.key.get(&probe).unwrap();
        assert_eq!(found.credential.id, id);
        let flags = AuthenticatorData::parse(&found.auth_data).unwrap().flags;
        assert!(!flags.contains(Flags::UP) && !flags.contains(Flags::UV));
        assert!(!bed.key.asked_user());
        // One that needs verification is there for a program with a token only.
        for hidden in [&stranger, &protected] {
            let mut probe = get_request(&[hidden]);
            probe.options.up = false;
            assert_eq!(bed.key.get(&probe), Err(Status::NoCredentials));
        }
        let mut probe = get_request(&[&stranger, &protected]);
        probe.options.up = false;
        let found = bed.key.get(&token.sign_get(probe)).unwrap();
        assert_eq!(found.credential.id, protected);
        assert!(!bed.key.asked_user());
    }
}

#[test]
fn choosing_among_keys_makes_nothing() {
    let mut bed = Bed::new();
    bed.platform.answer_with(CONSENTS);
    assert_eq!(bed.key.cbor(command::SELECTION, &[]), Ok(Vec::new()));
    let mut blink = make_request(&[1]);
    blink.rp.id = "make.me.blink".to_owned();
    assert_eq!(bed.key.make(&blink), Err(Status::PinInvalid));
    bed.platform.answer_with(REFUSES);
    assert_eq!(bed.key.make(&blink), Err(Status::OperationDenied));
    assert_eq!(bed.key.cbor(command::SELECTION, &[]), Err(Status::OperationDenied));
    assert!(bed.platform.ok(&["passkey", "list"]).contains("No passkeys"));
}

#[test]
fn a_program_lists_and_deletes_what_the_user_agrees_to() {
    let mut bed = Bed::new();
    bed.register(b"alice", true);
    bed.register(b"bob", true);
    let token = bed.key.uv_token(TWO, Permissions::CREDENTIAL_MANAGEMENT, None).unwrap();
    let begin = credential_management::Request::new(credential_management::SubCommand::EnumerateRpsBegin);
    bed.platform.answer_with(REFUSES);
    assert_eq!(
        bed.key.manage(begin.clone(), Some(&token)),
        Err(Status::OperationDenied)
    );
    bed.platform.answer_with(APPROVES);
    let rps = bed.key.manage(begin, Some(&token)).unwrap();
    assert_eq!((rps.rp.unwrap().id.as_str(), rps.total_rps), (SITE, Some(1)));

    // Not asked again.
    bed.platform.answer_with(REFUSES);
    let mut begin = credential_management::Request::new(credential_management::SubCommand::EnumerateCredentialsBegin);
    begin.params = Some(Map::new().with(1, native().sha256(&[SITE.as_bytes()])));
    let first = bed.key.manage(begin, Some(&token)).unwrap();
    assert_eq!(first.total_credentials, Some(2));
    let next =
        credential_management::Request::new(credential_management::SubCommand::EnumerateCredentialsGetNextCredential);
    let second = bed.key.manage(next, None).unwrap();
    let names = [first.user.as_ref(), second.user.as_ref()].map(|user| user.unwrap().name.clone().unwrap());
    assert!(names.contains(&"alice".to_owned()) && names.contains(&"bob".to_owned()));

    let mut delete = credential_management::Request::new(credential_management::SubCommand::DeleteCredential);
    delete.params = Some(Map::new().with(2, first.credential.unwrap().to_cbor()));
    assert_eq!(
        bed.key.manage(delete.clone(), Some(&token)),
        Err(Status::OperationDenied)
    );
    bed.platform.answer_with(APPROVES);
    bed.key.manage(delete.clone(), Some(&token)).unwrap();
    assert_eq!(bed.key.manage(delete, Some(&token)), Err(Status::NoCredentials));
    let left = bed.platform.json(&["passkey", "list", "--json"]);
    assert!(
        left.to_string().contains(&names[1]) && !left.to_string().contains(&names[0]),
        "{left}"
    );

    let user = UserEntity {
        name: Some("carol".to_owned()),
        ..second.user.unwrap()
    };
    let mut update = credential_management::Request::new(credential_management::SubCommand::UpdateUserInformation);
    update.params = Some(
        Map::new()
            .with(2, second.credential.unwrap().to_cbor())
            .with(3, user.to_cbor()),
    );
    bed.key.manage(update, Some(&token)).unwrap();
    assert!(bed.platform.ok(&["passkey", "list"]).contains("carol"));
}

#[test]
fn the_user_switches_the_door_off_and_on() {
    let mut bed = Bed::new();
    let state = |bed: &Bed| bed.platform.json(&["status", "--json"])["security_key"]["state"].clone();
    assert_eq!(state(&bed), "plugged");
    bed.platform.answer_with(LEAVES_OPEN);
    bed.key.begin(command::SELECTION, &[]);
    bed.key.until_asked();
    bed.platform.ok(&["door", "disable", "hid"]);
    bed.platform
        .wait_until("the key is gone", |status| status["security_key"]["state"] == "off");
    let listed = bed.platform.json(&["door", "list", "--json"]);
    assert_eq!(
        (&listed[1]["door"], &listed[1]["enabled"]),
        (&"hid".into(), &false.into())
    );
    assert!(bed.platform.ok(&["door", "list"]).contains("switched off"));
    bed.platform.ok(&["door", "enable", "hid"]);
    bed.key = connect(&bed.platform.path("key.sock"));
    bed.register(b"alice", true);
    let log = bed.platform.ok(&["audit", "--json"]);
    for what in ["turn off the security-key door", "turn on the security-key door"] {
        assert_eq!(log.matches(what).count(), 1, "{log}");
    }
}

#[test]
fn a_door_that_cannot_be_switched_names_its_file_and_changes_nothing() {
    let platform = Platform::start("");
    let doors = platform.path("config/claviger/doors.json");
    fs::create_dir_all(doors.parent().unwrap()).unwrap();
    fs::write(&doors, "{").unwrap();
    let (status, said) = platform.fails(&["door", "disable", "hid"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("doors.json"), "{said}");
    assert_eq!(fs::read_to_string(&doors).unwrap(), "{");
}

#[test]
fn the_door_comes_back_to_its_helper_and_says_why_there_is_no_key() {
    let platform = Platform::start("");
    let path = platform.path("helper.sock");
    let _door = Door::open_at(&platform, &format!("helper:{}", path.display()));
    platform.wait_until("there is no helper", |status| {
        let problem = status["security_key"]["problem"].as_str().unwrap_or_default();
        status["security_key"]["state"] == "unplugged" && problem.contains("cannot be reached")
    });
    assert!(platform.ok(&["status"]).contains("cannot be reached"));
    let helper = listen_at(&path);
    for _ in 0..2 {
        let mut key = accept(&helper);
        // A program opens the key; it gets a channel, asks, and closes the key.
        key.send_packet(&[1]);
        assert!(key.cbor(command::GET_INFO, &[]).is_ok());
        key.send_packet(&[2]);
        assert!(key.cbor(command::GET_INFO, &[]).is_ok());
        platform.wait_until("there is a key", |status| status["security_key"]["state"] == "plugged");
        drop(key);
        platform.wait_until("the helper closed", |status| {
            let problem = status["security_key"]["problem"].as_str().unwrap_or_default();
            problem.contains("closed the connection")
        });
    }
}
