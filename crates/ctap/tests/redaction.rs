//! What `Debug` prints of anything that may hold a secret holds none.

#![allow(clippy::unwrap_used)]

use claviger_ctap::authenticator::{Authenticator, CredentialRecord, MemoryStore, NoUv, Settings};
use claviger_ctap::authenticator_data::AuthenticatorData;
use claviger_ctap::cose::Sign1;
use claviger_ctap::crypto::{Algorithm, PrivateKey, portable};
use claviger_ctap::large_blob::{AtGet, LargeBlob};
use claviger_ctap::prf::{self, PrfAnswer, PrfInput, PrfOutput, PrfSalts, PrfSeed};
use claviger_ctap::types::{Aaguid, CredentialDescriptor, CredentialId, RpEntity, UserEntity, UserId};
use claviger_ctap::{get_assertion, make_credential};

/// Every secret below is made of this byte, so that any print of one shows it: as 173, as ad, or as text.
const BYTE: u8 = 0xad;
const TEXT: &str = "alice-secret";

#[track_caller]
fn assert_silent(value: &dyn std::fmt::Debug) {
    for printed in [
        format!("{value:?}"),
        format!("{value:#?}"),
        format!("{value:x?}"),
        format!("{value:X?}"),
    ] {
        for secret in ["173, 173", "adad", "ad, ad", "AD, AD", TEXT] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}

fn user() -> UserEntity {
    UserEntity {
        id: UserId::new([BYTE; 16]).unwrap(),
        name: Some(TEXT.to_owned()),
        display_name: Some(TEXT.to_owned()),
    }
}

fn input() -> PrfInput {
    let salts = || PrfSalts {
        first: [BYTE; 32].into(),
        second: Some([BYTE; 32].into()),
    };
    PrfInput {
        eval: Some(salts()),
        eval_by_credential: vec![(CredentialId::new([1]).unwrap(), salts())],
    }
}

#[test]
fn messages() {
    let rp = RpEntity {
        id: "example.com".to_owned(),
        name: None,
    };
    let mut make = make_credential::Request::new([BYTE; 32], rp, user(), vec![-7]);
    make.pin_uv_auth_param = Some(vec![BYTE; 16]);
    make.extensions.insert(prf::NAME, input().to_value());
    assert_silent(&make);

    let mut get = get_assertion::Request::new("example.com", [BYTE; 32]);
    get.pin_uv_auth_param = Some(vec![BYTE; 16]);
    get.extensions.insert(prf::NAME, input().to_value());
    assert_silent(&get);

    let output = || PrfOutput::from_bytes(&[BYTE; 32]);
    let answer = PrfAnswer {
        enabled: Some(true),
        results: Some((output(), Some(output()))),
    };
    let mut created = make_credential::Response::new("none", vec![BYTE; 37], answer.to_unsigned_outputs());
    created.unsigned_extension_outputs = Some(answer.to_unsigned_outputs());
    assert_silent(&created);
    let credential = CredentialDescriptor::new(CredentialId::new([1]).unwrap());
    let mut got = get_assertion::Response::new(credential, vec![BYTE; 37], vec![BYTE; 64]);
    got.user = Some(user());
    got.unsigned_extension_outputs = Some(answer.to_unsigned_outputs());
    assert_silent(&got);
    assert_silent(&answer);
    assert_silent(&got.unsigned_extension_outputs);
}

#[test]
fn keys_seeds_and_records() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let key = PrivateKey::from_secret(algorithm, &[BYTE; 32]).unwrap();
        portable().sign(&key, b"fills the caches").unwrap();
        assert_silent(&key);
        assert_silent(&CredentialRecord {
            id: CredentialId::new([1]).unwrap(),
            rp_id: "example.com".to_owned(),
            rp_name: None,
            user: user(),
            public_key: key.public_key().clone(),
            discoverable: true,
            backup_eligible: true,
            backed_up: false,
            sign_count: 0,
            created_ms: 0,
        });
    }
    assert_silent(&PrfSeed::from_bytes(&[BYTE; 32]));
    assert_silent(&input());
    assert_silent(&user());
    let blob = LargeBlob {
        data: vec![BYTE; 40].into(),
        original_size: 80,
    };
    assert_silent(&AtGet::Write(blob.clone()));
    assert_silent(&blob);
}

#[test]
fn engine_and_its_errors() {
    let mut engine = Authenticator::new(MemoryStore::new(portable()), Settings::new(Aaguid([1; 16])), portable());
    let rp = RpEntity {
        id: "example.com".to_owned(),
        name: None,
    };
    let mut request = make_credential::Request::new([BYTE; 32], rp, user(), vec![-8]);
    let response = engine.make_credential(&request, None::<NoUv>, 0).unwrap();
    assert_silent(&AuthenticatorData::parse(&response.auth_data).unwrap());
    assert_silent(&engine);
    assert_silent(engine.store());
    request.extensions.insert(prf::NAME, input().to_value());
    assert_silent(&engine.make_credential(&request, None::<NoUv>, 0).unwrap_err());
}

#[test]
fn unverified_payloads() {
    let key = portable().generate(Algorithm::EdDsa).unwrap();
    let message = Sign1::sign(portable(), &key, &[BYTE; 8], b"aad", &[BYTE; 32]).unwrap();
    assert_silent(&Sign1::parse(&message).unwrap());
}
