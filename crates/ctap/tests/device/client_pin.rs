//! clientPIN: tries, power cycles, tokens and what they are good for.

use claviger_ctap::authenticator::device::{BuiltInUv, command};
use claviger_ctap::authenticator_data::{AuthenticatorData, Flags};
use claviger_ctap::client_pin::{Permissions, Request, SubCommand};
use claviger_ctap::credential_management::{self as management};
use claviger_ctap::crypto::portable;
use claviger_ctap::pin_protocol::PinUvAuthProtocol;
use claviger_ctap::status::Status;

use crate::bed::{Finger, Key, PIN, RP, get, make, make_at, padded, pin_hash};

const MC: Permissions = Permissions::MAKE_CREDENTIAL;
const GA: Permissions = Permissions::GET_ASSERTION;

#[test]
fn a_pin_is_set_changed_and_gives_tokens_with_both_protocols() {
    for protocol in PinUvAuthProtocol::ALL {
        let mut key = Key::new();
        key.protocol = protocol;
        assert!(!key.info().options["clientPin"]);
        key.set_pin(PIN).unwrap();
        assert!(key.info().options["clientPin"]);
        key.change_pin(PIN, "other pin").unwrap();
        assert_eq!(key.token(PIN, MC, Some(RP)).err(), Some(Status::PinInvalid));
        for token in [
            key.token("other pin", MC, Some(RP)).unwrap(),
            key.old_token("other pin").unwrap(),
        ] {
            let mut request = make(b"alice");
            token.sign_make(&mut request);
            // The first token died when the second was issued.
            let _ = key.make(&request);
        }
        let token = key.old_token("other pin").unwrap();
        let mut request = make(b"alice");
        token.sign_make(&mut request);
        key.make(&request).unwrap();
    }
}

#[test]
fn eight_wrong_pins_block_it_for_good_with_a_power_cycle_after_each_third() {
    let mut key = Key::with_pin();
    for left in (0..8).rev() {
        let status = key.token("wrong", MC, Some(RP)).err().unwrap();
        let power_cycle = left == 5 || left == 2;
        let expected = match left {
            0 => Status::PinBlocked,
            _ if power_cycle => Status::PinAuthBlocked,
            _ => Status::PinInvalid,
        };
        assert_eq!((status, key.pin_retries()), (expected, (left, power_cycle)));
        if power_cycle {
            // The right PIN does not help, and costs no try.
            assert_eq!(key.token(PIN, MC, Some(RP)).err(), Some(Status::PinAuthBlocked));
            assert_eq!(key.change_pin(PIN, "9999"), Err(Status::PinAuthBlocked));
            assert_eq!(key.pin_retries(), (left, true));
            key.device.power_cycle().unwrap();
        }
    }
    key.device.power_cycle().unwrap();
    assert_eq!(key.token(PIN, MC, Some(RP)).err(), Some(Status::PinBlocked));
    assert_eq!(key.change_pin(PIN, "9999"), Err(Status::PinBlocked));
    // A reset gives the device back, empty.
    key.call(command::RESET, &[]).unwrap();
    key.set_pin("9999").unwrap();
}

#[test]
fn the_right_pin_gives_all_tries_back() {
    let mut key = Key::with_pin();
    for _ in 0..2 {
        assert_eq!(key.token("wrong", MC, Some(RP)).err(), Some(Status::PinInvalid));
    }
    key.token(PIN, MC, Some(RP)).unwrap();
    assert_eq!(key.pin_retries(), (8, false));
    for _ in 0..2 {
        assert_eq!(key.change_pin("wrong", "9999"), Err(Status::PinInvalid));
    }
    assert_eq!(key.pin_retries(), (6, false));
}

#[test]
fn a_wrong_pin_makes_a_captured_exchange_worthless() {
    let mut key = Key::with_pin();
    let (mut captured, secret) = key.agreed(SubCommand::GetTokenUsingPin);
    captured.pin_hash_enc = Some(secret.encrypt(portable(), &pin_hash(PIN)).unwrap());
    captured.permissions = Some(GA.bits().into());
    captured.rp_id = Some(RP.to_owned());
    assert_eq!(key.token("wrong", MC, Some(RP)).err(), Some(Status::PinInvalid));
    assert_eq!(key.pin(&captured).err(), Some(Status::PinInvalid));
}

#[test]
fn pins_too_short_too_long_or_not_text_are_refused() {
    for (pin, expected) in [
        ("123", Err(Status::PinPolicyViolation)),
        ("", Err(Status::PinPolicyViolation)),
        // Three code points, nine bytes.
        ("€€€", Err(Status::PinPolicyViolation)),
        ("€€€€", Ok(())),
        (&"x".repeat(63), Ok(())),
        (&"x".repeat(64), Err(Status::PinPolicyViolation)),
    ] {
        assert_eq!(Key::new().set_pin(pin), expected, "{pin}");
    }
    let mut key = Key::new();
    let (mut request, secret) = key.agreed(SubCommand::SetPin);
    let mut not_text = padded("12345");
    not_text[2] = 0xff;
    let new_pin_enc = secret.encrypt(portable(), &not_text).unwrap();
    request.pin_uv_auth_param = Some(secret.authenticate(portable(), &[&new_pin_enc]));
    request.new_pin_enc = Some(new_pin_enc);
    assert_eq!(key.pin(&request).err(), Some(Status::PinPolicyViolation));
}

#[test]
fn a_token_is_for_one_site_one_purpose_and_one_operation() {
    let mut key = Key::with_pin();
    key.made(b"alice");
    let token = key.token(PIN, GA, Some(RP)).unwrap();

    let mut other_purpose = make(b"bob");
    token.sign_make(&mut other_purpose);
    assert_eq!(key.make(&other_purpose).err(), Some(Status::PinAuthInvalid));

    let mut other_site = get(&[]);
    other_site.rp_id = "example.org".to_owned();
    token.sign_get(&mut other_site);
    assert_eq!(key.get(&other_site).err(), Some(Status::PinAuthInvalid));

    let mut other_hash = get(&[]);
    token.sign_get(&mut other_hash);
    other_hash.client_data_hash = [1; 32];
    assert_eq!(key.get(&other_hash).err(), Some(Status::PinAuthInvalid));

    let mut right = get(&[]);
    token.sign_get(&mut right);
    key.get(&right).unwrap();
    assert_eq!(key.get(&right).err(), Some(Status::PinAuthInvalid));
}

#[test]
fn an_operation_without_the_token_spends_it_and_one_by_fingerprint_does_not() {
    for by_finger in [false, true] {
        let mut key = Key::with_uv();
        key.set_pin(PIN).unwrap();
        key.made(b"alice");
        let token = key.token(PIN, GA, Some(RP)).unwrap();
        let mut other = get(&[]);
        other.options.uv = by_finger;
        key.get(&other).unwrap();
        let mut request = get(&[]);
        token.sign_get(&mut request);
        assert_eq!(key.get(&request).is_ok(), by_finger);
    }
}

#[test]
fn a_silent_probe_does_not_spend_the_token() {
    let mut key = Key::with_pin();
    key.made(b"alice");
    let token = key.token(PIN, GA, Some(RP)).unwrap();
    let mut request = get(&[]);
    token.sign_get(&mut request);
    request.options.up = false;
    key.get(&request).unwrap();
    request.options.up = true;
    key.get(&request).unwrap();
}

#[test]
fn a_token_without_a_site_becomes_the_first_ones() {
    let mut key = Key::with_pin();
    key.made(b"alice");
    let token = key.old_token(PIN).unwrap();
    let mut request = get(&[]);
    request.options.up = false;
    token.sign_get(&mut request);
    key.get(&request).unwrap();
    let mut other = make_at("example.org", b"bob");
    token.sign_make(&mut other);
    assert_eq!(key.make(&other).err(), Some(Status::PinAuthInvalid));
}

#[test]
fn a_token_dies_unused_after_thirty_seconds_and_used_after_ten_minutes() {
    let silent = |key: &mut Key, token: &crate::bed::Token| {
        let mut request = get(&[]);
        request.options.up = false;
        token.sign_get(&mut request);
        key.get(&request).map(drop)
    };
    let mut key = Key::with_pin();
    key.made(b"alice");

    let token = key.token(PIN, GA, Some(RP)).unwrap();
    key.wait(30_001);
    assert_eq!(silent(&mut key, &token), Err(Status::PinAuthInvalid));

    let token = key.token(PIN, GA, Some(RP)).unwrap();
    key.wait(30_000);
    silent(&mut key, &token).unwrap();
    key.wait(570_000);
    silent(&mut key, &token).unwrap();
    key.wait(1);
    assert_eq!(silent(&mut key, &token), Err(Status::PinAuthInvalid));
}

#[test]
fn a_token_dies_with_the_next_token_a_power_cycle_and_a_new_pin() {
    let mut key = Key::with_pin();
    key.made(b"alice");
    let events: [fn(&mut Key); 4] = [
        |key| assert!(key.token(PIN, MC, Some(RP)).is_ok()),
        |key| assert!(key.old_token(PIN).is_ok()),
        |key| key.device.power_cycle().unwrap(),
        |key| key.change_pin(PIN, PIN).unwrap(),
    ];
    for event in events {
        let token = key.token(PIN, GA, Some(RP)).unwrap();
        event(&mut key);
        let mut request = get(&[]);
        token.sign_get(&mut request);
        assert_eq!(key.get(&request).err(), Some(Status::PinAuthInvalid));
    }
}

#[test]
fn a_token_of_one_protocol_is_nothing_in_the_other() {
    let mut key = Key::with_pin();
    let mut token = key.token(PIN, MC, Some(RP)).unwrap();
    token.protocol = PinUvAuthProtocol::One;
    let mut request = make(b"alice");
    token.sign_make(&mut request);
    assert_eq!(key.make(&request).err(), Some(Status::PinAuthInvalid));
}

#[test]
fn a_token_by_fingerprint_carries_presence_for_a_while() {
    let mut key = Key::with_uv();
    let mut request = make(b"alice");
    for (wait, asked) in [(0, 0), (30_000, 0), (30_001, 1)] {
        let token = key.token_by_uv(MC | GA, Some(RP)).unwrap();
        assert!(key.world().asked[0].starts_with("finger: Token"));
        token.sign_make(&mut request);
        // The token is used, so that it outlives its presence.
        let mut probe = get(&[]);
        probe.options.up = false;
        token.sign_get(&mut probe);
        let _ = key.get(&probe);
        key.world().asked.clear();
        key.wait(wait);
        let data = key.make(&request).unwrap().auth_data;
        assert_eq!(
            AuthenticatorData::parse(&data).unwrap().flags,
            Flags::UP | Flags::UV | Flags::AT
        );
        assert_eq!(key.world().asked.len(), asked, "after {wait} ms");
        key.world().asked.clear();
    }
}

#[test]
fn wrong_fingers_block_the_reader_and_the_right_one_gives_the_tries_back() {
    let retries = |key: &mut Key| {
        let response = key.pin(&Request::new(SubCommand::GetUvRetries)).unwrap();
        response.uv_retries.unwrap()
    };
    let mut key = Key::with_uv();
    key.world().fingers.extend([Finger::Wrong; 3]);
    assert_eq!(key.token_by_uv(MC, Some(RP)).err(), Some(Status::UvInvalid));
    assert_eq!(retries(&mut key), 2);
    // Declining, looking away and cancelling cost nothing.
    for (finger, status) in [
        (Finger::No, Status::OperationDenied),
        (Finger::Away, Status::UserActionTimeout),
        (Finger::Cancelled, Status::KeepaliveCancel),
    ] {
        key.world().fingers.push_back(finger);
        assert_eq!(key.token_by_uv(MC, Some(RP)).err(), Some(status));
        assert_eq!(retries(&mut key), 2);
    }
    key.token_by_uv(MC, Some(RP)).unwrap();
    assert_eq!(retries(&mut key), 5);
    key.world().fingers.extend([Finger::Wrong; 5]);
    assert_eq!(key.token_by_uv(MC, Some(RP)).err(), Some(Status::UvInvalid));
    assert_eq!(key.token_by_uv(MC, Some(RP)).err(), Some(Status::UvBlocked));
    assert_eq!(key.token_by_uv(MC, Some(RP)).err(), Some(Status::UvBlocked));
    // The option uv sends the platform to the PIN if there is one, and says that it is over if there is none.
    let mut request = make(b"alice");
    request.options.uv = true;
    assert_eq!(key.make(&request).err(), Some(Status::PinBlocked));
    key.set_pin(PIN).unwrap();
    assert_eq!(key.make(&request).err(), Some(Status::PuatRequired));
}

#[test]
fn the_right_pin_opens_a_blocked_reader_again() {
    let mut key = Key::with_uv();
    key.set_pin(PIN).unwrap();
    key.world().fingers.extend([Finger::Wrong; 5]);
    let _ = key.token_by_uv(MC, Some(RP));
    let _ = key.token_by_uv(MC, Some(RP));
    assert_eq!(key.token_by_uv(MC, Some(RP)).err(), Some(Status::UvBlocked));
    key.token(PIN, MC, Some(RP)).unwrap();
    key.token_by_uv(MC, Some(RP)).unwrap();
}

#[test]
fn a_reader_that_is_not_set_up_is_told_and_not_used() {
    let mut key = Key::with_uv();
    key.world().uv = BuiltInUv::NotConfigured;
    assert!(!key.info().options["uv"]);
    assert_eq!(key.token_by_uv(MC, Some(RP)).err(), Some(Status::NotAllowed));
    let mut request = make(b"alice");
    request.options.uv = true;
    assert_eq!(key.make(&request).err(), Some(Status::InvalidOption));
    request.options.uv = false;
    key.make(&request).unwrap();
}

#[test]
fn a_token_for_management_may_be_bound_to_a_site() {
    let mut key = Key::with_pin();
    key.made(b"alice");
    let token = key.token(PIN, Permissions::CREDENTIAL_MANAGEMENT, Some(RP)).unwrap();
    let mut request = management::Request::new(management::SubCommand::GetCredsMetadata);
    token.sign_manage(&mut request);
    assert_eq!(key.manage(&request).err(), Some(Status::PinAuthInvalid));
}
