//! `COSE_Sign1`: known bytes, and everything that must not verify.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use claviger_ctap::cbor::{Limits, Map, Value, decode};
use claviger_ctap::cose::{Sign1, Sign1Error};
use claviger_ctap::crypto::{Algorithm, CryptoError, PrivateKey, portable};
use proptest::prelude::*;

const KID: &[u8] = b"12345678";
const AAD: &[u8] = b"claviger-test-v1";
const PAYLOAD: &[u8] = b"payload";

fn key() -> PrivateKey {
    PrivateKey::from_secret(Algorithm::EdDsa, &[7; 32]).unwrap()
}

fn message() -> Vec<u8> {
    Sign1::sign(portable(), &key(), KID, AAD, PAYLOAD).unwrap()
}

fn verify(bytes: &[u8]) -> Result<Vec<u8>, Sign1Error> {
    Sign1::parse(bytes)?.verify(portable(), key().public_key(), AAD)
}

/// A message whose signature is good and whose other parts are as given.
fn signed(protected: Map, unprotected: Value) -> Vec<u8> {
    let protected = Value::from(protected).encode();
    let structure = vec![
        Value::from("Signature1"),
        protected.as_slice().into(),
        AAD.into(),
        PAYLOAD.into(),
    ];
    let signature = portable().sign(&key(), &Value::from(structure).encode()).unwrap();
    Value::from(vec![
        Value::from(protected),
        unprotected,
        PAYLOAD.into(),
        signature.into(),
    ])
    .encode()
}

fn header() -> Map {
    Map::new().with(1, -8).with(4, KID)
}

#[test]
fn a_message_has_the_structure_of_rfc_9052() {
    // The protected header {1: -8, 4: kid} as a byte string, {}, the payload; the signature over Sig_structure.
    let bytes = message();
    let start = b"\x84\x4d\xa2\x01\x27\x04\x4812345678\xa0\x47payload\x58\x40";
    assert_eq!(bytes[..start.len()], start[..]);
    let to_be_signed = b"\x84\x6aSignature1\x4d\xa2\x01\x27\x04\x4812345678\x50claviger-test-v1\x47payload";
    assert_eq!(bytes[start.len()..], portable().sign(&key(), to_be_signed).unwrap());
    assert_eq!(bytes, signed(header(), Map::new().into()));

    let parsed = Sign1::parse(&bytes).unwrap();
    assert_eq!(parsed.kid(), KID);
    assert_eq!(parsed.verify(portable(), key().public_key(), AAD).unwrap(), PAYLOAD);
}

#[test]
fn another_key_or_another_purpose_does_not_verify() {
    let verify = |key: &PrivateKey, aad: &[u8]| {
        Sign1::parse(&message())
            .unwrap()
            .verify(portable(), key.public_key(), aad)
    };
    let other = portable().generate(Algorithm::EdDsa).unwrap();
    let es256 = portable().generate(Algorithm::Es256).unwrap();
    assert_eq!(verify(&other, AAD), Err(Sign1Error::Signature));
    assert_eq!(verify(&es256, AAD), Err(Sign1Error::Signature));
    assert_eq!(verify(&key(), b"claviger-other-v1"), Err(Sign1Error::Signature));
    assert_eq!(verify(&key(), b""), Err(Sign1Error::Signature));
}

#[test]
fn other_headers_are_refused_even_when_they_are_signed() {
    let empty = || Value::from(Map::new());
    for protected in [
        Map::new(),
        Map::new().with(1, -8),
        Map::new().with(4, KID),
        header().with(1, -7),
        header().with(1, 0),
        header().with(2, vec![Value::from(42)]),
        header().with(4, "text"),
        header().with(4, Vec::<u8>::new()),
        header().with(4, vec![1_u8; 65]),
    ] {
        assert_eq!(verify(&signed(protected, empty())), Err(Sign1Error::Header));
    }
    assert_eq!(
        verify(&signed(header(), Map::new().with(4, KID).into())),
        Err(Sign1Error::Structure)
    );
    assert_eq!(verify(&signed(header(), Value::Null)), Err(Sign1Error::Structure));
}

#[test]
fn other_structures_are_refused() {
    let parts = decode(&message(), &Limits::ENVELOPE).unwrap().into_array().unwrap();
    for value in [
        Value::from(parts[..3].to_vec()),
        Value::from([parts.as_slice(), &[Value::Null]].concat()),
        Value::from(Map::new()),
        Value::from(vec![Value::Null, parts[1].clone(), parts[2].clone(), parts[3].clone()]),
        Value::from(vec![parts[0].clone(), parts[1].clone(), Value::Null, parts[3].clone()]),
        Value::from(vec![parts[0].clone(), parts[1].clone(), parts[2].clone(), Value::Null]),
    ] {
        assert_eq!(verify(&value.encode()), Err(Sign1Error::Structure));
    }
    // The tag that RFC 9052 §4.2 allows, and a message longer than 64 KiB.
    assert!(matches!(
        verify(&[&[0xd2], message().as_slice()].concat()),
        Err(Sign1Error::Cbor(_))
    ));
    let long = Sign1::sign(portable(), &key(), KID, AAD, &vec![0; 65_536]).unwrap();
    assert!(matches!(verify(&long), Err(Sign1Error::Cbor(_))));
}

#[test]
fn only_an_ed25519_key_with_a_proper_id_signs() {
    let es256 = portable().generate(Algorithm::Es256).unwrap();
    let sign = |key: &PrivateKey, kid: &[u8]| Sign1::sign(portable(), key, kid, AAD, PAYLOAD);
    assert!(matches!(sign(&es256, KID), Err(CryptoError::InvalidKey(_))));
    assert!(matches!(sign(&key(), b""), Err(CryptoError::InvalidKey(_))));
    assert!(matches!(sign(&key(), &[1; 65]), Err(CryptoError::InvalidKey(_))));
    assert!(sign(&key(), &[1; 64]).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_changed_byte_verifies(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = message();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(verify(&bytes).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(verify(&bytes).is_err());
    }

    #[test]
    fn every_payload_comes_back(payload in prop::collection::vec(any::<u8>(), 0..600), aad in prop::collection::vec(any::<u8>(), 0..40)) {
        let bytes = Sign1::sign(portable(), &key(), KID, &aad, &payload).unwrap();
        let parsed = Sign1::parse(&bytes).unwrap();
        prop_assert_eq!(parsed.verify(portable(), key().public_key(), &aad), Ok(payload));
    }
}
