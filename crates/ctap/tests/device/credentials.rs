//! makeCredential, getAssertion, getNextAssertion, selection and reset: what they do when all is well, and what they ask
//! of the user.

use claviger_ctap::authenticator::device::{Device, Numbers, Presence, command};
use claviger_ctap::authenticator_data::{AuthenticatorData, Flags};
use claviger_ctap::cbor::{Limits, Map, Value, decode};
use claviger_ctap::client_pin::Permissions;
use claviger_ctap::crypto::{Algorithm, portable};
use claviger_ctap::status::Status;

use crate::bed::{CHANNEL, Finger, HASH, Key, PIN, RP, get, id_of, make, make_at};

#[test]
fn a_credential_is_made_and_signs_in_with_each_algorithm() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let mut key = Key::new();
        let mut request = make(b"alice");
        request.algorithms = vec![-257, algorithm.cose()];
        let response = key.make(&request).unwrap();
        let data = AuthenticatorData::parse(&response.auth_data).unwrap();
        assert_eq!(data.flags, Flags::UP | Flags::AT);
        let credential = data.attested.unwrap();
        assert_eq!(credential.public_key.algorithm(), algorithm);

        let response = key.get(&get(&[])).unwrap();
        assert_eq!(response.credential.id, credential.id);
        let data = AuthenticatorData::parse(&response.auth_data).unwrap();
        assert_eq!(data.flags, Flags::UP);
        let signed = [response.auth_data.as_slice(), &HASH].concat();
        portable()
            .verify(&credential.public_key, &signed, &response.signature)
            .unwrap();
    }
}

#[test]
fn each_signature_of_a_device_bound_credential_counts() {
    let mut key = Key::new();
    let id = key.made(b"alice");
    let mut last = 0;
    for _ in 0..3 {
        let response = key.get(&get(&[&id])).unwrap();
        let count = AuthenticatorData::parse(&response.auth_data).unwrap().sign_count;
        assert!(count > last);
        last = count;
    }
}

#[test]
fn the_uv_flag_comes_from_a_token_or_the_built_in_verifier_and_from_nothing_else() {
    let verified = |data: &[u8]| AuthenticatorData::parse(data).unwrap().flags.contains(Flags::UV);

    let mut key = Key::with_pin();
    let id = key.made(b"alice");
    assert!(!verified(&key.get(&get(&[&id])).unwrap().auth_data));
    let token = key.token(PIN, Permissions::GET_ASSERTION, Some(RP)).unwrap();
    let mut request = get(&[&id]);
    token.sign_get(&mut request);
    assert!(verified(&key.get(&request).unwrap().auth_data));

    let mut key = Key::with_uv();
    let mut request = make(b"alice");
    request.options.uv = true;
    assert!(verified(&key.make(&request).unwrap().auth_data));
    let mut request = get(&[]);
    assert!(!verified(&key.get(&request).unwrap().auth_data));
    request.options.uv = true;
    assert!(verified(&key.get(&request).unwrap().auth_data));
}

#[test]
fn with_built_in_verification_the_user_is_asked_once() {
    let mut key = Key::with_uv();
    let mut request = make(b"alice");
    request.options.uv = true;
    key.make(&request).unwrap();
    assert_eq!(key.world().asked.len(), 1);
    assert!(key.world().asked[0].starts_with("finger: MakeCredential"));
}

#[test]
fn a_second_finger_is_tried_before_the_platform_hears_of_it() {
    let mut key = Key::with_uv();
    key.world()
        .fingers
        .extend([Finger::Wrong, Finger::Wrong, Finger::Right]);
    let mut request = make(b"alice");
    request.options.uv = true;
    key.make(&request).unwrap();
    assert_eq!(key.world().asked.len(), 3);
}

#[test]
fn a_silent_probe_asks_nobody_and_says_only_whether_a_credential_is_here() {
    let mut key = Key::new();
    let id = key.made(b"alice");
    key.world().asked.clear();
    let mut request = get(&[&id]);
    request.options.up = false;
    let data = key.get(&request).unwrap().auth_data;
    assert_eq!(AuthenticatorData::parse(&data).unwrap().flags, Flags::NONE);
    request.rp_id = "example.org".to_owned();
    assert_eq!(key.get(&request).unwrap_err(), Status::NoCredentials);
    assert!(key.world().asked.is_empty());
}

#[test]
fn whoever_was_verified_here_was_present_whether_that_was_asked_for_or_not() {
    let mut key = Key::with_uv();
    let mut request = make(b"alice");
    request.options.uv = true;
    key.make(&request).unwrap();
    let mut request = get(&[]);
    (request.options.up, request.options.uv) = (false, true);
    let data = key.get(&request).unwrap().auth_data;
    assert_eq!(AuthenticatorData::parse(&data).unwrap().flags, Flags::UP | Flags::UV);
}

#[test]
fn an_assertion_names_accounts_only_to_a_verified_user_who_must_choose() {
    let mut key = Key::with_pin();
    key.made(b"alice");
    let verified = |key: &mut Key| {
        let token = key.token(PIN, Permissions::GET_ASSERTION, Some(RP)).unwrap();
        let mut request = get(&[]);
        token.sign_get(&mut request);
        key.get(&request).unwrap().user.unwrap()
    };
    // One account: nothing to choose.
    assert_eq!(verified(&mut key).name, None);
    let bobby = key.made(b"bobby");
    for user in [verified(&mut key), key.next().unwrap().user.unwrap()] {
        assert!(user.name.is_some() && user.display_name.is_some());
    }
    // Named by the site: nothing to choose.
    let token = key.token(PIN, Permissions::GET_ASSERTION, Some(RP)).unwrap();
    let mut request = get(&[&bobby]);
    token.sign_get(&mut request);
    assert_eq!(key.get(&request).unwrap().user.unwrap().name, None);
    let user = key.get(&get(&[])).unwrap().user.unwrap();
    assert_eq!(
        (user.id.as_bytes(), user.name, user.display_name),
        (b"bobby".as_slice(), None, None)
    );
    assert_eq!(key.next().unwrap().user.unwrap().name, None);
}

#[test]
fn accounts_come_newest_first_one_by_one_and_then_no_more() {
    let mut key = Key::new();
    for handle in [b"a", b"b", b"c"] {
        key.made(handle);
        // The clock on the wall is set back, as after a summer in a drawer.
        key.world().wall_ms -= 3_600_000;
    }
    let first = key.get(&get(&[])).unwrap();
    assert_eq!(first.number_of_credentials, Some(3));
    let second = key.next().unwrap();
    let third = key.next().unwrap();
    let handles = [first, second, third].map(|response| response.user.unwrap().id.as_bytes().to_vec());
    assert_eq!(handles, [b"c", b"b", b"a"]);
    assert_eq!(key.next().unwrap_err(), Status::NotAllowed);
}

#[test]
fn one_account_or_an_allow_list_has_no_next() {
    let mut key = Key::new();
    let a = key.made(b"a");
    assert_eq!(key.get(&get(&[])).unwrap().number_of_credentials, None);
    let b = key.made(b"b");
    let response = key.get(&get(&[&b, &a])).unwrap();
    assert_eq!((response.credential.id, response.number_of_credentials), (b, None));
    assert_eq!(key.next().unwrap_err(), Status::NotAllowed);
}

#[test]
fn an_allow_list_of_unknown_types_finds_nothing_where_none_would_find_all() {
    let mut key = Key::new();
    let id = key.made(b"a");
    key.get(&get(&[])).unwrap();
    let Value::Map(mut request) = decode(&get(&[&id]).to_cbor(), &Limits::CTAP).unwrap() else {
        panic!("a request is a map");
    };
    let other = Map::new().with("id", id.as_bytes()).with("type", "other");
    request.insert(0x03, vec![Value::from(other)]);
    let answer = key.call(command::GET_ASSERTION, &Value::from(request).encode());
    assert_eq!(answer.unwrap_err(), Status::NoCredentials);
}

#[test]
fn next_ends_with_another_command_another_channel_and_with_time() {
    let mut key = Key::new();
    key.made(b"a");
    key.made(b"b");

    key.get(&get(&[])).unwrap();
    key.info();
    assert_eq!(key.next().unwrap_err(), Status::NotAllowed);

    key.get(&get(&[])).unwrap();
    let other = key.raw_on(CHANNEL + 1, &[command::GET_NEXT_ASSERTION]);
    assert_eq!(other.unwrap_err(), Status::NotAllowed);

    key.get(&get(&[])).unwrap();
    key.wait(30_001);
    assert_eq!(key.next().unwrap_err(), Status::NotAllowed);

    key.get(&get(&[])).unwrap();
    key.wait(30_000);
    key.next().unwrap();
}

#[test]
fn a_second_credential_for_an_account_replaces_the_first_if_both_are_discoverable() {
    let mut key = Key::new();
    let old = key.made(b"alice");
    let new = key.made(b"alice");
    assert_eq!(key.get(&get(&[&old])).unwrap_err(), Status::NoCredentials);
    assert_eq!(key.get(&get(&[])).unwrap().credential.id, new);
}

#[test]
fn a_credential_that_is_not_discoverable_is_found_by_its_id_only() {
    let mut key = Key::new();
    let mut request = make(b"alice");
    request.options.rk = false;
    let id = id_of(&key.make(&request).unwrap());
    assert_eq!(key.get(&get(&[])).unwrap_err(), Status::NoCredentials);
    let response = key.get(&get(&[&id])).unwrap();
    assert_eq!((response.credential.id, response.user), (id, None));
}

#[test]
fn an_excluded_credential_is_told_only_after_the_touch_whatever_the_touch() {
    for touch in [Presence::Given, Presence::Denied, Presence::TimedOut] {
        let mut key = Key::new();
        let id = key.made(b"alice");
        key.world().asked.clear();
        key.world().touches.push_back(touch);
        let mut request = make(b"bob");
        request.exclude_list = get(&[&id]).allow_list;
        assert_eq!(key.make(&request).unwrap_err(), Status::CredentialExcluded);
        assert!(key.world().asked[0].starts_with("touch: Excluded"));
        // It excludes nobody at another site.
        request.rp.id = "example.org".to_owned();
        key.make(&request).unwrap();
    }
}

#[test]
fn long_names_are_cut_at_a_character_and_the_answer_fits_a_message() {
    let mut key = Key::with_uv();
    let mut request = make(&[7; 64]);
    request.user.name = Some("ä".repeat(1500));
    request.user.display_name = Some("€".repeat(1000));
    request.options.uv = true;
    let mut other = make(b"other");
    other.options.uv = true;
    key.make(&other).unwrap();
    key.wait(1);
    key.make(&request).unwrap();
    let mut request = get(&[]);
    request.options.uv = true;
    let response = key.get(&request).unwrap();
    let user = response.user.clone().unwrap();
    assert_eq!(user.name.unwrap(), "ä".repeat(128));
    assert_eq!(user.display_name.unwrap(), "€".repeat(85));
    assert!(response.to_cbor().len() < 1200);
}

#[test]
fn selection_asks_for_a_touch_and_says_what_came_of_it() {
    let mut key = Key::new();
    assert_eq!(key.call(command::SELECTION, &[]), Ok(Vec::new()));
    assert_eq!(key.world().asked, ["touch: Select"]);
}

#[test]
fn a_reset_leaves_nothing_behind() {
    let mut key = Key::with_pin();
    let id = key.made(b"alice");
    let token = key.token(PIN, Permissions::GET_ASSERTION, Some(RP)).unwrap();
    key.call(command::RESET, &[]).unwrap();
    assert!(!key.info().options["clientPin"]);
    assert_eq!(key.get(&get(&[&id])).unwrap_err(), Status::NoCredentials);
    assert_eq!(key.pin_retries(), (8, false));
    let mut request = get(&[]);
    token.sign_get(&mut request);
    assert_eq!(key.get(&request).unwrap_err(), Status::PinAuthInvalid);
    key.set_pin("4321").unwrap();
}

#[test]
fn the_window_for_a_reset_opens_with_power_and_not_with_a_reset() {
    let mut key = Key::new();
    key.wait(9_000);
    key.call(command::RESET, &[]).unwrap();
    key.wait(2_000);
    assert_eq!(key.call(command::RESET, &[]), Err(Status::NotAllowed));
    key.device.power_cycle().unwrap();
    key.call(command::RESET, &[]).unwrap();
}

#[test]
fn the_longest_list_that_is_told_fits_a_command_whatever_the_settings_allow() {
    let mut settings = crate::bed::settings();
    settings.max_credentials_in_list = 1_000_000;
    for max_message_bytes in [1400, 7609] {
        let numbers = Numbers {
            max_message_bytes,
            ..Numbers::default()
        };
        let mut key = Key::new();
        key.device = Device::new(crate::bed::world(), settings.clone(), numbers).unwrap();
        let id = key.made(b"alice");
        let longest = usize::try_from(key.info().max_credential_count_in_list.unwrap()).unwrap();
        assert!(longest >= 8);
        key.get(&get(&vec![&id; longest])).unwrap();
    }
}

#[test]
fn what_is_stored_survives_a_new_device_value() {
    let mut key = Key::with_pin();
    let id = key.made(b"alice");
    let mut world = crate::bed::world();
    std::mem::swap(&mut world.store, &mut key.world().store);
    let mut key = Key::with(world, Numbers::default());
    assert!(key.info().options["clientPin"]);
    assert_eq!(key.get(&get(&[])).unwrap().credential.id, id);
    key.token(PIN, Permissions::GET_ASSERTION, Some(RP)).unwrap();
}

#[test]
fn a_device_does_not_start_on_a_state_that_it_did_not_write() {
    use claviger_ctap::authenticator::device::{DeviceStore, StartError};
    let mut world = crate::bed::world();
    world.store.save_state(b"something else").unwrap();
    let error = Device::new(world, crate::bed::settings(), Numbers::default()).unwrap_err();
    assert!(matches!(error, StartError::State(_)));
}

#[test]
fn a_site_sees_only_its_own_credentials() {
    let mut key = Key::new();
    let id = id_of(&key.make(&make_at("example.org", b"alice")).unwrap());
    assert_eq!(key.get(&get(&[&id])).unwrap_err(), Status::NoCredentials);
    assert_eq!(key.get(&get(&[])).unwrap_err(), Status::NoCredentials);
}
