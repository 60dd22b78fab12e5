//! When several things are wrong with a request, the numbered steps of the specification decide what is told.

// What a member becomes is written where it is used; `None` there takes it out.
#![allow(clippy::unnecessary_wraps)]

use claviger_ctap::authenticator::device::{BuiltInUv, Presence, command};
use claviger_ctap::cbor::{Limits, Map, Value, decode};
use claviger_ctap::client_pin::{Permissions, SubCommand};
use claviger_ctap::credential_management::{Request as Manage, SubCommand as Managing};
use claviger_ctap::crypto::portable;
use claviger_ctap::status::Status;

use crate::bed::{Finger, Key, PIN, RP, get, make, pin_hash};

const MC: u8 = command::MAKE_CREDENTIAL;
const GA: u8 = command::GET_ASSERTION;
const CP: u8 = command::CLIENT_PIN;

/// A request with members changed, one after the other; after each change the device is asked. The first thing that is
/// wrong is the last to be mended.
fn mended(key: &mut Key, code: u8, encoded: &[u8], steps: Vec<(Status, i64, Option<Value>)>) {
    let mut map = decode(encoded, &Limits::CTAP).unwrap().into_map().unwrap();
    for (number, (status, member, value)) in steps.into_iter().enumerate() {
        match value {
            Some(value) => drop(map.insert(member, value)),
            None => drop(map.remove_int(member)),
        }
        let told = key.call(code, &Value::from(map.clone()).encode()).err();
        assert_eq!(told, Some(status), "step {number}, member {member}");
    }
}

fn options(entries: &[(&str, bool)]) -> Option<Value> {
    let map: Map = entries.iter().map(|(name, value)| (*name, *value)).collect();
    Some(map.into())
}

fn algorithms(id: i32) -> Option<Value> {
    let parameter = Map::new().with("alg", id).with("type", "public-key");
    Some(vec![Value::from(parameter)].into())
}

fn bytes(length: usize) -> Option<Value> {
    Some(Value::Bytes(vec![0; length]))
}

#[test]
fn make_credential_looks_at_its_members_in_the_order_of_its_steps() {
    let mut key = Key::with_pin();
    let excluded = key.made(b"alice");
    let mut request = make(b"bobby");
    request.exclude_list = get(&[&excluded]).allow_list;
    let steps = vec![
        // 15. An extension, after 12, the exclude list.
        (Status::PuatRequired, 6, Some(Map::new().with("credProtect", 9).into())),
        // 9. Enterprise attestation comes after 7, a discoverable credential without verification.
        (Status::PuatRequired, 0x0a, Some(1.into())),
        // 5.6. up
        (Status::InvalidOption, 7, options(&[("rk", true), ("up", false)])),
        // 3. The algorithms.
        (Status::UnsupportedAlgorithm, 4, algorithms(-65_000)),
        // 2. The protocol: absent, unknown.
        (Status::MissingParameter, 8, bytes(32)),
        (Status::InvalidParameter, 9, Some(7.into())),
        // 1. Selection.
        (Status::PinInvalid, 8, bytes(0)),
        // A member that is not what it must be is seen before any step.
        (Status::CborUnexpectedType, 1, Some("hash".into())),
        (Status::MissingParameter, 1, None),
    ];
    mended(&mut key, MC, &request.to_cbor(), steps);

    // And from 9 on, with a credential that needs no verification.
    request.options.rk = false;
    let steps = vec![
        (
            Status::CredentialExcluded,
            6,
            Some(Map::new().with("credProtect", 9).into()),
        ),
        (Status::InvalidParameter, 0x0a, Some(1.into())),
    ];
    mended(&mut key, MC, &request.to_cbor(), steps);
}

#[test]
fn get_assertion_looks_at_its_members_in_the_order_of_its_steps() {
    let mut key = Key::with_pin();
    let steps = vec![
        // 10. An extension, after 7, the credentials.
        (Status::NoCredentials, 4, Some(Map::new().with("credBlob", 1).into())),
        // 4.4 rk; 4.3 uv.
        (Status::UnsupportedOption, 5, options(&[("rk", true)])),
        (Status::InvalidOption, 5, options(&[("rk", true), ("uv", true)])),
        // 2. The protocol.
        (Status::MissingParameter, 6, bytes(32)),
        (Status::InvalidParameter, 7, Some(0.into())),
        // With a parameter, uv counts as absent.
        (Status::UnsupportedOption, 7, Some(2.into())),
        (Status::PinAuthInvalid, 5, options(&[("uv", true)])),
        // 1. Selection.
        (Status::PinInvalid, 6, bytes(0)),
    ];
    mended(&mut key, GA, &get(&[]).to_cbor(), steps);
}

/// An invalid key, in place of a missing one.
fn no_key() -> Option<Value> {
    Some(Map::new().with(1, 2).into())
}

#[test]
fn set_pin_looks_at_its_members_in_the_order_of_its_steps() {
    let mut key = Key::with_pin();
    let (mut request, _) = key.agreed(SubCommand::SetPin);
    request.new_pin_enc = Some(vec![0; 80]);
    request.pin_uv_auth_param = Some(vec![0; 32]);
    let steps = vec![
        // 4. The key, after 3, the PIN that is there.
        (Status::PinAuthInvalid, 3, no_key()),
        // 2. The protocol.
        (Status::InvalidParameter, 1, Some(3.into())),
        // 1. Mandatory members.
        (Status::MissingParameter, 4, None),
        (Status::MissingParameter, 5, None),
        (Status::MissingParameter, 3, None),
        (Status::MissingParameter, 1, None),
        (Status::InvalidSubcommand, 2, Some(0x77.into())),
    ];
    mended(&mut key, CP, &request.to_cbor(), steps);
    // 4 and 5 on a key without a PIN.
    let mut key = Key::new();
    let steps = vec![
        (Status::PinAuthInvalid, 4, bytes(32)),
        (Status::InvalidParameter, 3, no_key()),
    ];
    mended(&mut key, CP, &request.to_cbor(), steps);
}

#[test]
fn the_subcommands_with_a_pin_look_at_their_members_in_the_order_of_their_steps() {
    for (sub_command, permissions) in [
        (SubCommand::ChangePin, None),
        (SubCommand::GetPinToken, None),
        (SubCommand::GetTokenUsingPin, Some(1_u64)),
    ] {
        let mut key = Key::with_pin();
        for _ in 0..3 {
            let _ = key.token("wrong", Permissions::GET_ASSERTION, Some(RP));
        }
        let (mut request, secret) = key.agreed(sub_command);
        request.pin_hash_enc = Some(secret.encrypt(portable(), &pin_hash("wrong")).unwrap());
        if sub_command == SubCommand::ChangePin {
            request.new_pin_enc = Some(vec![0; 80]);
            request.pin_uv_auth_param = Some(vec![0; 32]);
        }
        request.permissions = permissions;
        request.rp_id = permissions.map(|_| RP.to_owned());
        let mut steps = vec![
            // The key, and the MAC of changePIN, after the tries that are left.
            (Status::PinAuthBlocked, 3, no_key()),
        ];
        match sub_command {
            SubCommand::GetPinToken => steps.push((Status::InvalidParameter, 9, Some(1.into()))),
            SubCommand::GetTokenUsingPin => steps.extend([
                (Status::UnauthorizedPermission, 9, Some(0x08.into())),
                (Status::InvalidParameter, 9, Some(0.into())),
            ]),
            _ => {}
        }
        steps.extend([
            (Status::InvalidParameter, 1, Some(3.into())),
            (Status::MissingParameter, 6, None),
        ]);
        mended(&mut key, CP, &request.to_cbor(), steps);
        // A wrong try would have cost one.
        assert_eq!(key.pin_retries(), (5, true));
    }
}

#[test]
fn a_token_by_fingerprint_looks_at_its_members_in_the_order_of_its_steps() {
    let mut key = Key::with_uv();
    key.world().fingers.extend([Finger::Wrong; 5]);
    for _ in 0..2 {
        let _ = key.token_by_uv(Permissions::GET_ASSERTION, Some(RP));
    }
    let (mut request, _) = key.agreed(SubCommand::GetTokenUsingUv);
    request.permissions = Some(2);
    request.rp_id = Some(RP.to_owned());
    let encoded = request.to_cbor();
    mended(&mut key, CP, &encoded, vec![(Status::UvBlocked, 3, no_key())]);
    key.world().uv = BuiltInUv::NotConfigured;
    let steps = vec![
        (Status::NotAllowed, 3, no_key()),
        (Status::UnauthorizedPermission, 9, Some(0x48.into())),
        (Status::InvalidParameter, 1, Some(0.into())),
        (Status::MissingParameter, 9, None),
    ];
    mended(&mut key, CP, &encoded, steps);
    key.world().uv = BuiltInUv::None;
    mended(&mut key, CP, &encoded, vec![(Status::InvalidSubcommand, 9, None)]);
}

#[test]
fn permissions_that_nobody_has_defined_are_ignored() {
    let mut key = Key::with_pin();
    let (mut request, secret) = key.agreed(SubCommand::GetTokenUsingPin);
    request.pin_hash_enc = Some(secret.encrypt(portable(), &pin_hash(PIN)).unwrap());
    request.permissions = Some(0x1_0000_0082);
    request.rp_id = Some(RP.to_owned());
    key.pin(&request).unwrap();
}

#[test]
fn managing_credentials_looks_for_the_mac_then_the_parameters_then_the_protocol() {
    let mut key = Key::with_pin();
    let id = key.made(b"alice");
    let credential = Map::new().with(2, crate::bed::descriptor(&id).to_cbor());
    for (sub_command, params) in [
        (Managing::EnumerateCredentialsBegin, Map::new().with(1, [0_u8; 32])),
        (Managing::DeleteCredential, credential.clone()),
        (
            Managing::UpdateUserInformation,
            credential.with(3, Map::new().with("id", Value::Bytes(b"alice".to_vec()))),
        ),
    ] {
        let mut request = Manage::new(sub_command);
        request.params = Some(params);
        request.pin_uv_auth_param = Some(vec![0; 32]);
        request.pin_uv_auth_protocol = Some(2);
        let steps = vec![
            // Nobody learns without a token whether a credential is here.
            (Status::PinAuthInvalid, 77, None),
            (Status::InvalidParameter, 3, Some(9.into())),
            (Status::MissingParameter, 3, None),
            (Status::MissingParameter, 2, Some(Map::new().into())),
            (Status::PuatRequired, 4, None),
        ];
        mended(&mut key, command::CREDENTIAL_MANAGEMENT, &request.to_cbor(), steps);
    }
}

#[test]
fn a_user_who_declines_is_not_sent_to_the_pin() {
    let mut key = Key::with_uv();
    key.set_pin(PIN).unwrap();
    key.world().fingers.push_back(Finger::No);
    let mut request = make(b"alice");
    request.options.uv = true;
    assert_eq!(key.make(&request).err(), Some(Status::OperationDenied));
}

#[test]
fn option_keys_that_are_not_understood_count_as_absent() {
    let mut key = Key::new();
    for (code, encoded, member) in [(MC, make(b"alice").to_cbor(), 7), (GA, get(&[]).to_cbor(), 5)] {
        let mut map = decode(&encoded, &Limits::CTAP).unwrap().into_map().unwrap();
        let known = map.int(member).and_then(Value::as_map).cloned().unwrap_or_default();
        map.insert(member, known.with("zz", 1).with("plat", "text"));
        key.call(code, &Value::from(map).encode()).unwrap();
    }
}

#[test]
fn selection_by_an_empty_parameter_waits_for_the_user() {
    for (pin, expected) in [(false, Status::PinNotSet), (true, Status::PinInvalid)] {
        let mut key = if pin { Key::with_pin() } else { Key::new() };
        let mut request = make(b"alice");
        request.pin_uv_auth_param = Some(Vec::new());
        assert_eq!(key.make(&request).err(), Some(expected));
        assert_eq!(key.world().asked, ["touch: Select"]);
        key.world().touches.push_back(Presence::Cancelled);
        assert_eq!(key.make(&request).err(), Some(Status::KeepaliveCancel));
    }
}

#[test]
fn an_algorithm_of_an_unknown_type_needs_no_number() {
    let mut key = Key::new();
    let mut map = decode(&make(b"alice").to_cbor(), &Limits::CTAP)
        .unwrap()
        .into_map()
        .unwrap();
    let unknown = Map::new().with("type", "private-key");
    let known = Map::new().with("alg", -7).with("type", "public-key");
    map.insert(4, vec![Value::from(unknown), Value::from(known)]);
    key.call(MC, &Value::from(map).encode()).unwrap();
}

#[test]
fn an_algorithm_whose_number_is_beyond_all_others_is_an_unknown_one() {
    let mut key = Key::new();
    let encoded = make(b"alice").to_cbor();
    for number in [Value::Unsigned(u64::MAX), Value::Negative(u64::MAX)] {
        let strange = Value::from(Map::new().with("alg", number).with("type", "public-key"));
        let known = Value::from(Map::new().with("alg", -7).with("type", "public-key"));
        for (list, expected) in [
            (vec![strange.clone(), known], None),
            (vec![strange], Some(Status::UnsupportedAlgorithm)),
        ] {
            let map = decode(&encoded, &Limits::CTAP)
                .unwrap()
                .into_map()
                .unwrap()
                .with(4, list);
            assert_eq!(key.call(MC, &Value::from(map).encode()).err(), expected);
        }
    }
}

#[test]
fn an_id_of_a_length_that_no_credential_has_is_not_here_and_leaves_the_others_alone() {
    let mut key = Key::new();
    let here = key.made(b"alice");
    let of = |id: &[u8]| Value::from(Map::new().with("id", id).with("type", "public-key"));
    let (empty, long) = (of(&[]), of(&[7; 1024]));
    for (list, gets, makes) in [
        (vec![empty.clone(), long.clone()], Some(Status::NoCredentials), None),
        (
            vec![empty, of(here.as_bytes()), long],
            None,
            Some(Status::CredentialExcluded),
        ),
    ] {
        for (code, encoded, member, expected) in [
            (GA, get(&[]).to_cbor(), 3, gets),
            (MC, make(b"bob").to_cbor(), 5, makes),
        ] {
            let map = decode(&encoded, &Limits::CTAP).unwrap().into_map().unwrap();
            let map = map.with(member, list.clone());
            assert_eq!(key.call(code, &Value::from(map).encode()).err(), expected, "{member}");
        }
    }
}

#[test]
fn a_floating_point_number_is_of_the_wrong_type_in_a_known_member_and_passed_over_in_another() {
    let mut key = Key::new();
    let encoded = make(b"alice").to_cbor();
    for bytes in [
        [0xf9, 0x3e, 0x00].as_slice(),
        &[0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0],
        &[0xf7],
    ] {
        let number = decode(bytes, &Limits::CTAP).unwrap();
        for (member, expected) in [(1, Some(Status::CborUnexpectedType)), (0x7f, None)] {
            let map = decode(&encoded, &Limits::CTAP).unwrap().into_map().unwrap();
            let map = map.with(member, number.clone());
            assert_eq!(key.call(MC, &Value::from(map).encode()).err(), expected, "{member}");
        }
    }
}
