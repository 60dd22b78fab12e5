//! hmac-secret, hmac-secret-mc, credProtect, credBlob, largeBlobKey and minPinLength.

use claviger_ctap::authenticator::device::Numbers;
use claviger_ctap::authenticator_data::AuthenticatorData;
use claviger_ctap::cbor::{Map, Value};
use claviger_ctap::client_pin::{Permissions, SubCommand};
use claviger_ctap::credential_management as management;
use claviger_ctap::crypto::portable;
use claviger_ctap::make_credential::Request as Make;
use claviger_ctap::pin_protocol::{PinUvAuthProtocol, SharedSecret};
use claviger_ctap::status::Status;
use claviger_ctap::types::CredentialId;

use crate::bed::{Key, PIN, RP, get, id_of, make};

pub fn with(extensions: Map) -> Make {
    let mut request = make(b"alice");
    request.extensions = extensions;
    request
}

fn outputs(auth_data: &[u8]) -> Option<Map> {
    AuthenticatorData::parse(auth_data).unwrap().extensions
}

/// The extension's input for these salts, and the secret under which the answer comes.
pub fn hmac_input(key: &mut Key, salts: &[u8]) -> (Map, SharedSecret) {
    let (request, secret) = key.agreed(SubCommand::SetPin);
    let wrapped = secret.encrypt(portable(), salts).unwrap();
    let map = Map::new()
        .with(1, request.key_agreement.unwrap().to_cose())
        .with(2, wrapped.as_slice())
        .with(3, secret.authenticate(portable(), &[&wrapped]));
    let map = match key.protocol {
        PinUvAuthProtocol::One => map,
        PinUvAuthProtocol::Two => map.with(4, 2),
    };
    (map, secret)
}

/// The outputs for the salts, with or without the user verified.
fn hmac(key: &mut Key, id: &CredentialId, salts: &[u8], verified: bool) -> Vec<u8> {
    let (input, secret) = hmac_input(key, salts);
    let mut request = get(&[id]);
    request.extensions = Map::new().with("hmac-secret", input);
    request.options.uv = verified;
    let response = key.get(&request).unwrap();
    let outputs = outputs(&response.auth_data).unwrap();
    let wrapped = outputs.text("hmac-secret").unwrap().as_bytes().unwrap().to_vec();
    secret.decrypt(&wrapped).unwrap().to_vec()
}

fn uv_key() -> (Key, CredentialId) {
    let mut key = Key::with_uv();
    let mut request = with(Map::new().with("hmac-secret", true));
    request.options.uv = true;
    let response = key.make(&request).unwrap();
    let told = Map::new().with("hmac-secret", true);
    assert_eq!(outputs(&response.auth_data), Some(told));
    (key, id_of(&response))
}

#[test]
fn hmac_secret_gives_each_salt_its_own_output_and_the_same_one_always() {
    let (mut key, id) = uv_key();
    for protocol in PinUvAuthProtocol::ALL {
        key.protocol = protocol;
        let one = hmac(&mut key, &id, &[1; 32], true);
        let two = hmac(&mut key, &id, &[2; 32], true);
        let both = hmac(&mut key, &id, &[[1; 32], [2; 32]].concat(), true);
        assert_eq!((one.len(), both.clone()), (32, [one.clone(), two.clone()].concat()));
        assert_ne!(one, two);
    }
}

#[test]
fn hmac_secret_has_another_secret_for_users_that_were_not_verified() {
    let (mut key, id) = uv_key();
    let verified = hmac(&mut key, &id, &[1; 32], true);
    let unverified = hmac(&mut key, &id, &[1; 32], false);
    assert_ne!(verified, unverified);
    assert_eq!(hmac(&mut key, &id, &[1; 32], false), unverified);
}

#[test]
fn hmac_secret_belongs_to_one_credential_and_next_has_its_own() {
    let mut key = Key::new();
    let ids = [b"alice".as_slice(), b"bobby"].map(|handle| {
        key.wait(1);
        key.made(handle)
    });
    let single = ids.each_ref().map(|id| hmac(&mut key, id, &[1; 32], false));
    assert_ne!(single[0], single[1]);

    let (input, secret) = hmac_input(&mut key, &[1; 32]);
    let mut request = get(&[]);
    request.extensions = Map::new().with("hmac-secret", input);
    let first = key.get(&request).unwrap();
    let second = key.next().unwrap();
    for (response, expected) in [(first, &single[1]), (second, &single[0])] {
        let outputs = outputs(&response.auth_data).unwrap();
        let wrapped = outputs.text("hmac-secret").unwrap().as_bytes().unwrap().to_vec();
        assert_eq!(secret.decrypt(&wrapped).unwrap().as_slice(), expected);
    }
}

#[test]
fn hmac_secret_mc_gives_at_creation_what_an_assertion_gives_later() {
    let mut key = Key::with_uv();
    for verified in [true, false] {
        let (input, secret) = hmac_input(&mut key, &[3; 64]);
        let mut request = with(Map::new().with("hmac-secret", true).with("hmac-secret-mc", input));
        (request.options.uv, request.options.rk) = (verified, verified);
        let response = key.make(&request).unwrap();
        let outputs = outputs(&response.auth_data).unwrap();
        let wrapped = outputs.text("hmac-secret-mc").unwrap().as_bytes().unwrap().to_vec();
        let at_creation = secret.decrypt(&wrapped).unwrap().to_vec();
        assert_eq!(at_creation, hmac(&mut key, &id_of(&response), &[3; 64], verified));
    }
}

#[test]
fn hmac_secret_refuses_bad_inputs() {
    type Damage = fn(&mut Map, &SharedSecret);
    let damages: [(Status, Damage); 8] = [
        (Status::PinAuthInvalid, |map, _| drop(map.insert(3, [0_u8; 32]))),
        (Status::InvalidParameter, |map, _| drop(map.insert(4, 3))),
        (Status::MissingParameter, |map, _| drop(map.remove_int(1))),
        (Status::MissingParameter, |map, _| drop(map.remove_int(2))),
        (Status::MissingParameter, |map, _| drop(map.remove_int(3))),
        (Status::CborUnexpectedType, |map, _| drop(map.insert(1, [4_u8; 65]))),
        (Status::CborUnexpectedType, |map, _| drop(map.insert(2, 1))),
        (Status::InvalidParameter, |map, secret| {
            let wrapped = secret.encrypt(portable(), &[1; 48]).unwrap();
            map.insert(3, secret.authenticate(portable(), &[&wrapped]));
            map.insert(2, wrapped);
        }),
    ];
    let (mut key, id) = uv_key();
    for (status, damage) in damages {
        let (mut input, secret) = hmac_input(&mut key, &[1; 32]);
        damage(&mut input, &secret);
        let mut request = get(&[&id]);
        request.extensions = Map::new().with("hmac-secret", input.clone());
        assert_eq!(key.get(&request).err(), Some(status));
        let mut request = with(Map::new().with("hmac-secret", true).with("hmac-secret-mc", input));
        request.options.uv = true;
        assert_eq!(key.make(&request).err(), Some(status));
    }
    let (input, _) = hmac_input(&mut key, &[1; 32]);
    let mut silent = get(&[&id]);
    silent.options.up = false;
    silent.extensions = Map::new().with("hmac-secret", input.clone());
    assert_eq!(key.get(&silent).err(), Some(Status::UnsupportedOption));
    let mut alone = with(Map::new().with("hmac-secret-mc", input));
    alone.options.uv = true;
    assert_eq!(key.make(&alone).err(), Some(Status::MissingParameter));
    // The user was asked in vain for none of them.
    assert!(!key.world().asked.iter().any(|asked| asked.starts_with("touch")));
}

#[test]
fn cred_protect_hides_a_credential_by_its_level_everywhere() {
    for (level, discovered, named) in [(1, true, true), (2, false, true), (3, false, false)] {
        let mut key = Key::with_uv();
        let mut request = with(Map::new().with("credProtect", level));
        request.options.uv = true;
        let response = key.make(&request).unwrap();
        let told = Map::new().with("credProtect", level);
        assert_eq!(outputs(&response.auth_data), Some(told));
        let id = id_of(&response);

        assert_eq!(key.get(&get(&[])).is_ok(), discovered, "level {level}");
        assert_eq!(key.get(&get(&[&id])).is_ok(), named, "level {level}");
        let mut excluding = make(b"bobby");
        excluding.options.rk = false;
        excluding.exclude_list = get(&[&id]).allow_list;
        let excluded = key.make(&excluding).err() == Some(Status::CredentialExcluded);
        assert_eq!(excluded, named, "level {level}");
        // For a verified user it is always there.
        excluding.options.uv = true;
        assert_eq!(key.make(&excluding).err(), Some(Status::CredentialExcluded));
        let mut verified = get(&[]);
        verified.options.uv = true;
        key.get(&verified).unwrap();

        let token = key.token_by_uv(Permissions::CREDENTIAL_MANAGEMENT, None).unwrap();
        let params = Map::new().with(1, crate::management::hash(RP));
        let begin = management::SubCommand::EnumerateCredentialsBegin;
        let listed = key
            .manage(&crate::management::request(begin, Some(params), &token))
            .unwrap();
        assert_eq!(listed.cred_protect, u64::try_from(level).ok());
    }
}

#[test]
fn malformed_extension_inputs_are_refused_and_unknown_extensions_ignored() {
    let mut key = Key::new();
    for (name, value, status) in [
        ("credProtect", Value::from(0), Status::InvalidOption),
        ("credProtect", Value::from(4), Status::InvalidOption),
        ("credProtect", Value::from("x"), Status::CborUnexpectedType),
        ("credBlob", Value::from(true), Status::CborUnexpectedType),
        ("hmac-secret", Value::from(1), Status::CborUnexpectedType),
        ("minPinLength", Value::from(1), Status::CborUnexpectedType),
        ("largeBlobKey", Value::from(false), Status::InvalidOption),
        ("largeBlobKey", Value::from(1), Status::CborUnexpectedType),
    ] {
        let request = with(Map::new().with(name, value.clone()));
        assert_eq!(key.make(&request).err(), Some(status), "{name} {value:?}");
    }
    let mut request = with(Map::new().with("largeBlobKey", true));
    request.options.rk = false;
    assert_eq!(key.make(&request).err(), Some(Status::InvalidOption));
    let response = key.make(&with(Map::new().with("unheard-of", 1))).unwrap();
    assert_eq!(outputs(&response.auth_data), None);
}

#[test]
fn a_cred_blob_comes_back_and_one_that_is_too_long_is_not_kept() {
    let mut key = Key::new();
    let asked = Map::new().with("credBlob", true);
    for (length, rk, kept) in [(32, true, true), (33, true, false), (1, false, false)] {
        let blob = vec![5_u8; length];
        let mut request = with(Map::new().with("credBlob", blob.as_slice()));
        request.options.rk = rk;
        let response = key.make(&request).unwrap();
        let told = Map::new().with("credBlob", kept);
        assert_eq!(outputs(&response.auth_data), Some(told));
        let mut request = get(&[&id_of(&response)]);
        request.extensions = asked.clone();
        let answer = outputs(&key.get(&request).unwrap().auth_data).unwrap();
        let expected = if kept { blob } else { Vec::new() };
        assert_eq!(answer, Map::new().with("credBlob", expected));
    }
}

#[test]
fn a_large_blob_key_is_given_at_creation_and_whenever_it_is_asked_for() {
    let mut key = Key::new();
    let response = key.make(&with(Map::new().with("largeBlobKey", true))).unwrap();
    let large_blob_key = response.large_blob_key.unwrap();
    let mut request = get(&[]);
    assert_eq!(key.get(&request).unwrap().large_blob_key, None);
    request.extensions = Map::new().with("largeBlobKey", true);
    assert_eq!(key.get(&request).unwrap().large_blob_key, Some(large_blob_key));
    request.extensions = Map::new().with("largeBlobKey", false);
    assert_eq!(key.get(&request).err(), Some(Status::InvalidOption));
    // A credential without one has none.
    let other = key.make(&make(b"bobby")).unwrap();
    assert_eq!(other.large_blob_key, None);
    let mut request = get(&[&id_of(&other)]);
    request.extensions = Map::new().with("largeBlobKey", true);
    assert_eq!(key.get(&request).unwrap().large_blob_key, None);
}

#[test]
fn the_shortest_pin_is_told_to_the_named_sites_only() {
    use claviger_ctap::authenticator_config::{MinPinLength, Request, SubCommand};
    let mut key = Key::with(crate::bed::world(), Numbers::default());
    let asked = with(Map::new().with("minPinLength", true));
    assert_eq!(outputs(&key.make(&asked).unwrap().auth_data), None);
    let mut params = MinPinLength::default();
    params.rp_ids = Some(vec![RP.to_owned()]);
    params.new_min_pin_length = Some(6);
    let mut request = Request::new(SubCommand::SetMinPinLength);
    request.params = Some(params.to_map());
    key.config(&request).unwrap();
    let told = outputs(&key.make(&asked).unwrap().auth_data);
    assert_eq!(told, Some(Map::new().with("minPinLength", 6)));
    let mut elsewhere = asked;
    elsewhere.rp.id = "example.org".to_owned();
    assert_eq!(outputs(&key.make(&elsewhere).unwrap().auth_data), None);
    assert_eq!(key.set_pin(PIN), Err(Status::PinPolicyViolation));
}
