//! Each extension gives its output, at creation and at an assertion; one that is not told is ignored.

use claviger_ctap::authenticator_data::AuthenticatorData;
use claviger_ctap::cbor::{Map, Value};
use claviger_ctap::client_pin::Permissions;
use claviger_ctap::get_info::Response as Info;

use super::Configuration;
use crate::bed::{Key, RP, get, id_of, make};
use crate::config::min_pin;
use crate::extensions::hmac_input;

fn outputs(auth_data: &[u8]) -> Map {
    let data = AuthenticatorData::parse(auth_data).unwrap();
    data.extensions.unwrap_or_default()
}

pub fn check(setup: &Configuration, info: &Info) {
    for name in &info.extensions {
        let mut key = setup.key_with_pin();
        if name == "minPinLength" {
            min_pin(&mut key, Some(&setup.pin()), |p| p.rp_ids = Some(vec![RP.to_owned()])).unwrap();
        }
        let (salts, _) = hmac_input(&mut key, &[1; 32]);
        let blob = vec![1; usize::try_from(info.max_cred_blob_length.unwrap()).unwrap()];
        let (input, expected) = match name.as_str() {
            "credBlob" => (Value::from(blob.as_slice()), Some(Value::from(true))),
            "credProtect" => (Value::from(2), Some(Value::from(2))),
            "hmac-secret" | "thirdPartyPayment" => (true.into(), Some(true.into())),
            "hmac-secret-mc" => (salts.into(), None),
            "minPinLength" => (true.into(), info.min_pin_length.map(Value::from)),
            "largeBlobKey" => (true.into(), None),
            other => panic!("no check for the extension {other}"),
        };
        let mut request = make(b"alice");
        request.extensions = Map::new().with(name.as_str(), input);
        if name == "hmac-secret-mc" {
            request.extensions.insert("hmac-secret", true);
        }
        let response = setup.make(&mut key, request).unwrap();
        let output = outputs(&response.auth_data).remove_text(name);
        match name.as_str() {
            "largeBlobKey" => assert!(response.large_blob_key.is_some()),
            "hmac-secret-mc" => assert!(output.unwrap().as_bytes().is_some()),
            _ => assert_eq!(output, expected, "{name}"),
        }
        assertion(setup, &mut key, name, &response, &blob);
    }
    let mut request = make(b"alice");
    request.extensions = Map::new().with("unheard-of", 1);
    let response = setup.make(&mut setup.key_with_pin(), request).unwrap();
    assert!(outputs(&response.auth_data).is_empty());
}

/// What the extension does with the credential afterwards.
fn assertion(
    setup: &Configuration,
    key: &mut Key,
    name: &str,
    made: &claviger_ctap::make_credential::Response,
    blob: &[u8],
) {
    let (salts, _) = hmac_input(key, &[1; 64]);
    let input = match name {
        "credBlob" | "thirdPartyPayment" | "largeBlobKey" => Value::from(true),
        "hmac-secret" => salts.into(),
        // These two speak at creation only; credProtect by what it hides.
        _ => return,
    };
    let mut request = get(&[&id_of(made)]);
    request.extensions = Map::new().with(name, input);
    setup.token(key, Permissions::GET_ASSERTION).sign_get(&mut request);
    let response = key.get(&request).unwrap();
    let output = outputs(&response.auth_data).remove_text(name);
    match name {
        "credBlob" => assert_eq!(output, Some(Value::from(blob))),
        "thirdPartyPayment" => assert_eq!(output, Some(true.into())),
        "largeBlobKey" => assert_eq!(response.large_blob_key, made.large_blob_key),
        _ => assert!(output.unwrap().as_bytes().unwrap().len() >= 64),
    }
}
