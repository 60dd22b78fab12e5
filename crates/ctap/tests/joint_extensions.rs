//! credProtect, hmac-secret, hmac-secret-mc and largeBlob as a provider's engine serves them, in the form of the provider protocol.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use claviger_ctap::authenticator::device::Protection;
use claviger_ctap::authenticator::hmac_secret::HmacSecretInput;
use claviger_ctap::authenticator::{
    Authenticator, CRED_PROTECT, Error, MemoryError, MemoryStore, NoUv, SecretOf, Settings, UvProof, protection_of,
};
use claviger_ctap::authenticator_data::AuthenticatorData;
use claviger_ctap::cbor::{Map, Value};
use claviger_ctap::crypto::portable;
use claviger_ctap::get_assertion::{Request as Get, Response as Got};
use claviger_ctap::large_blob::{AtGet, LargeBlob};
use claviger_ctap::make_credential::Request as Make;
use claviger_ctap::pin_protocol::{PinUvAuthProtocol, SharedSecret};
use claviger_ctap::prf::{self, PrfAnswer, PrfInput, PrfSalts};
use claviger_ctap::status::Status;
use claviger_ctap::types::{Aaguid, CredentialDescriptor, CredentialId, RpEntity, UserEntity, UserId};

const RP: &str = "example.com";

struct Verified;

impl UvProof for Verified {}

type Engine = Authenticator<MemoryStore>;

fn engine() -> Engine {
    let settings = Settings::new(Aaguid(*b"an authenticator"));
    Authenticator::new(MemoryStore::new(portable()), settings, portable())
}

fn make(extensions: Map) -> Make {
    let rp = RpEntity {
        id: RP.to_owned(),
        name: None,
    };
    let user = UserEntity {
        id: UserId::new([7; 8]).unwrap(),
        name: None,
        display_name: None,
    };
    let mut request = Make::new([1; 32], rp, user, vec![-7]);
    request.options.rk = true;
    request.extensions = extensions;
    request
}

fn get(allow: Option<&CredentialId>) -> Get {
    let mut request = Get::new(RP, [2; 32]);
    request.allow_list = allow.cloned().map(CredentialDescriptor::new).into_iter().collect();
    request
}

/// The credential and the signed outputs.
fn made(
    engine: &mut Engine,
    request: &Make,
    verified: bool,
) -> Result<(CredentialId, Option<Map>), Error<MemoryError>> {
    let response = engine.make_credential(request, verified.then_some(Verified), 1)?;
    let data = AuthenticatorData::parse(&response.auth_data).unwrap();
    Ok((data.attested.unwrap().id, data.extensions))
}

fn refused(got: Result<Got, Error<MemoryError>>, status: Status) {
    assert_eq!(got.map_err(|error| error.status()).unwrap_err(), status);
}

fn secret(protocol: PinUvAuthProtocol) -> SharedSecret {
    let bytes: Vec<u8> = (0..64).collect();
    let length = if protocol == PinUvAuthProtocol::One { 32 } else { 64 };
    SharedSecret::from_bytes(protocol, &bytes[..length]).unwrap()
}

fn input(protocol: PinUvAuthProtocol, salts: &[u8], whose: SecretOf) -> Value {
    HmacSecretInput::new(secret(protocol), salts).unwrap().to_joint(whose)
}

/// The output for salts, decrypted, of a client that asks for what it then gets.
fn output(
    engine: &mut Engine,
    id: &CredentialId,
    protocol: PinUvAuthProtocol,
    salts: &[u8],
    verified: bool,
) -> Vec<u8> {
    let whose = SecretOf::client(verified);
    output_of(whose, engine, id, protocol, salts, verified)
}

fn output_of(
    whose: SecretOf,
    engine: &mut Engine,
    id: &CredentialId,
    protocol: PinUvAuthProtocol,
    salts: &[u8],
    verified: bool,
) -> Vec<u8> {
    let mut request = get(Some(id));
    request.extensions.insert("hmac-secret", input(protocol, salts, whose));
    let response = engine.get_assertion(&request, verified.then_some(Verified)).unwrap();
    let signed = AuthenticatorData::parse(&response.auth_data)
        .unwrap()
        .extensions
        .unwrap();
    assert_eq!(signed.len(), 1);
    let sealed = signed.text("hmac-secret").unwrap().as_bytes().unwrap();
    secret(protocol).decrypt(sealed).unwrap().to_vec()
}

#[test]
fn hmac_secret_gives_what_prf_gives_for_the_same_salt() {
    let mut engine = engine();
    let (id, signed) = made(&mut engine, &make(Map::new().with("hmac-secret", true)), false).unwrap();
    assert_eq!(signed, Some(Map::new().with("hmac-secret", true)));
    let (first, second) = ([0x11; 32], [0x22; 32]);
    let mut request = get(Some(&id));
    let salts = PrfSalts {
        first: first.into(),
        second: Some(second.into()),
    };
    let asked = PrfInput {
        eval: Some(salts),
        ..PrfInput::default()
    };
    request.extensions = Map::new().with(prf::NAME, asked.to_value());
    let response = engine.get_assertion(&request, Some(Verified)).unwrap();
    let answer = PrfAnswer::from_unsigned_outputs(&response.unsigned_extension_outputs.unwrap());
    let (one, two) = answer.unwrap().unwrap().results.unwrap();
    let both = [*one.as_bytes(), *two.unwrap().as_bytes()].concat();
    for protocol in PinUvAuthProtocol::ALL {
        assert_eq!(
            output(&mut engine, &id, protocol, &[first, second].concat(), true),
            both
        );
        assert_eq!(output(&mut engine, &id, protocol, &first, true), both[..32]);
    }
}

#[test]
fn without_verification_hmac_secret_is_another_secret() {
    let mut engine = engine();
    let (id, _) = made(&mut engine, &make(Map::new()), false).unwrap();
    let (other, _) = made(&mut engine, &make(Map::new().with("hmac-secret", true)), false).unwrap();
    let protocol = PinUvAuthProtocol::Two;
    let out = |engine: &mut Engine, verified| output(engine, &other, protocol, &[0x11; 32], verified);
    assert!(
        engine.get_assertion(&get(Some(&id)), None::<NoUv>).is_err(),
        "it was replaced"
    );
    assert_eq!(out(&mut engine, false), out(&mut engine, false));
    assert_ne!(out(&mut engine, false), out(&mut engine, true));
    // What the client asked for counts, not that the user was verified for something else.
    let unasked = output_of(SecretOf::Anybody, &mut engine, &other, protocol, &[0x11; 32], true);
    assert_eq!(unasked, out(&mut engine, false));
    let mut stolen = get(Some(&other));
    let wanted = input(protocol, &[0x11; 32], SecretOf::TheVerified);
    stolen.extensions.insert("hmac-secret", wanted);
    let refused = engine.get_assertion(&stolen, None::<NoUv>).unwrap_err();
    assert_eq!(refused.status(), Status::PuatRequired);
}

#[test]
fn hmac_secret_is_not_computed_behind_the_users_back() {
    let mut engine = engine();
    let (id, _) = made(&mut engine, &make(Map::new()), false).unwrap();
    let mut request = get(Some(&id));
    request.options.up = false;
    request.extensions = Map::new().with(
        "hmac-secret",
        input(PinUvAuthProtocol::One, &[1; 32], SecretOf::Anybody),
    );
    let refused = engine.get_assertion(&request, None::<NoUv>).unwrap_err();
    assert_eq!(refused.status(), Status::UnsupportedOption);
}

#[test]
fn hmac_secret_mc_gives_at_creation_what_an_assertion_gives() {
    let mut engine = engine();
    let wrapped = |protocol| {
        Map::new()
            .with("hmac-secret", true)
            .with("hmac-secret-mc", input(protocol, &[0x11; 32], SecretOf::TheVerified))
    };
    let request = make(wrapped(PinUvAuthProtocol::Two));
    let (id, signed) = made(&mut engine, &request, true).unwrap();
    let signed = signed.unwrap();
    let sealed = signed.text("hmac-secret-mc").unwrap().as_bytes().unwrap();
    let at_creation = secret(PinUvAuthProtocol::Two).decrypt(sealed).unwrap().to_vec();
    assert_eq!(
        at_creation,
        output(&mut engine, &id, PinUvAuthProtocol::One, &[0x11; 32], true)
    );

    let refused = made(&mut engine, &request, false).unwrap_err();
    assert_eq!(refused.status(), Status::PuatRequired);
    let mut alone = wrapped(PinUvAuthProtocol::Two);
    alone.remove_text("hmac-secret");
    assert_eq!(
        made(&mut engine, &make(alone), true).unwrap_err().status(),
        Status::MissingParameter
    );
}

#[test]
fn cred_protect_is_told_and_kept() {
    for (level, protection) in [
        (1, Protection::Optional),
        (2, Protection::OptionalWithIdList),
        (3, Protection::Required),
    ] {
        let mut engine = engine();
        let (id, signed) = made(&mut engine, &make(Map::new().with(CRED_PROTECT, level)), false).unwrap();
        assert_eq!(signed, Some(Map::new().with(CRED_PROTECT, level)));
        assert_eq!(protection_of(&id), protection);
        let mut found = |named: bool, verified: bool| {
            let request = get(named.then_some(&id));
            engine.get_assertion(&request, verified.then_some(Verified)).is_ok()
        };
        assert!(found(true, true) && found(false, true), "{level}");
        assert_eq!(found(false, false), level == 1, "{level}");
        assert_eq!(found(true, false), level != 3, "{level}");
        // Nor does it show by way of an exclude list.
        let mut again = make(Map::new());
        again.exclude_list = vec![CredentialDescriptor::new(id.clone())];
        let excluded = made(&mut engine, &again, false).map_err(|error| error.status());
        assert_eq!(excluded.is_err(), level != 3, "{level}");
    }
    for (value, status) in [
        (Value::from(0), Status::InvalidOption),
        (Value::from(4), Status::InvalidOption),
        (Value::from("3"), Status::CborUnexpectedType),
    ] {
        let refused = made(&mut engine(), &make(Map::new().with(CRED_PROTECT, value)), false);
        assert_eq!(refused.unwrap_err().status(), status);
    }
}

#[test]
fn a_malformed_input_is_refused() {
    let mut engine = engine();
    let (id, _) = made(&mut engine, &make(Map::new()), false).unwrap();
    let good = || {
        input(PinUvAuthProtocol::Two, &[1; 32], SecretOf::Anybody)
            .into_map()
            .unwrap()
    };
    for bad in [
        Value::from(true),
        good().with(1, [1_u8; 31].as_slice()).into(),
        good().with(1, [1_u8; 48].as_slice()).into(),
        good().with(2, 3).into(),
        good().with(2, 1).into(),
        good().with(3, [1_u8; 63].as_slice()).into(),
        good().with(3, "x").into(),
    ] {
        let mut request = get(Some(&id));
        request.extensions = Map::new().with("hmac-secret", bad);
        assert!(engine.get_assertion(&request, Some(Verified)).is_err());
    }
    let refused = made(&mut engine, &make(Map::new().with("hmac-secret", 1)), false);
    assert_eq!(refused.unwrap_err().status(), Status::CborUnexpectedType);
}

#[test]
fn a_large_blob_is_written_for_the_verified_user_of_one_credential_and_read_back() {
    let blob = |length: usize| LargeBlob {
        data: vec![5; length].into(),
        original_size: 9000,
    };
    let output = |response: &Got| {
        let outputs = response.unsigned_extension_outputs.as_ref().unwrap();
        outputs.text("largeBlob").and_then(Value::as_map).unwrap().clone()
    };
    let mut engine = engine();
    let request = make(Map::new().with("largeBlob", Map::new().with("support", "preferred")));
    let made = engine.make_credential(&request, Some(Verified), 1).unwrap();
    assert_eq!(
        made.unsigned_extension_outputs,
        Some(Map::new().with("largeBlob", Map::new().with("supported", true)))
    );
    let id = engine.store().records().next().unwrap().id.clone();
    let asking = |input: &AtGet, id: Option<&CredentialId>| {
        let mut request = get(id);
        request.extensions = Map::new().with("largeBlob", input.to_input());
        request
    };
    let reading = asking(&AtGet::Read, Some(&id));
    let nothing = engine.get_assertion(&reading, Some(Verified)).unwrap();
    assert!(output(&nothing).is_empty());

    for (length, written) in [(4097, false), (4096, true), (4097, false)] {
        let request = asking(&AtGet::Write(blob(length)), Some(&id));
        let response = engine.get_assertion(&request, Some(Verified)).unwrap();
        assert_eq!(output(&response), Map::new().with("written", written));
    }
    let read = engine.get_assertion(&reading, None::<NoUv>).unwrap();
    assert_eq!(LargeBlob::from_output(&output(&read)).unwrap(), Some(blob(4096)));

    let request = asking(&AtGet::Write(blob(1)), Some(&id));
    refused(engine.get_assertion(&request, None::<NoUv>), Status::PuatRequired);
    let anybody = asking(&AtGet::Write(blob(1)), None);
    refused(engine.get_assertion(&anybody, Some(Verified)), Status::InvalidParameter);
    let mut behind = reading.clone();
    behind.options.up = false;
    refused(engine.get_assertion(&behind, None::<NoUv>), Status::UnsupportedOption);
    let both = Map::new()
        .with("read", true)
        .with("write", vec![1_u8])
        .with("originalSize", 1);
    let mut wrong = get(Some(&id));
    wrong.extensions = Map::new().with("largeBlob", both);
    assert!(engine.get_assertion(&wrong, Some(Verified)).is_err());
    let read = engine.get_assertion(&reading, Some(Verified)).unwrap();
    assert_eq!(LargeBlob::from_output(&output(&read)).unwrap(), Some(blob(4096)));
}
