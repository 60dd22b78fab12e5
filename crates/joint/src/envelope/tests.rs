#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use claviger_ctap::crypto::{Algorithm, native};
use proptest::prelude::*;

use super::*;

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_secret(Algorithm::EdDsa, &[seed; 32]).unwrap()
}

fn request() -> Request {
    Request {
        provider: ProviderId::parse("org.example.Notebook").unwrap(),
        operation: Operation::Get,
        transaction: TransactionId([1; 16]),
        sequence: 1_800_000_000_000_000,
        issued_ms: 1_800_000_000_000,
        expires_ms: 1_800_000_060_000,
        caller: Caller {
            app_id: None,
            name: "Chromium".into(),
            origin: Some("https://example.org".into()),
            top_origin: None,
            door: Door::Browser,
        },
        window: None,
        parameters: vec![0xa0],
        evidence: None,
        presentation: Presentation::Silent,
        hint: None,
        unlock_box: None,
    }
}

fn read(envelope: &[u8], key: &PrivateKey) -> Result<Request, EnvelopeError> {
    SignedRequest::parse(envelope)?.verify(native(), key.public_key())
}

#[test]
fn a_request_comes_back_whole_with_and_without_its_optional_parts() {
    let full = Request {
        caller: Caller {
            app_id: Some("org.chromium.Chromium".into()),
            top_origin: Some("https://top.example".into()),
            door: Door::Other(77),
            ..request().caller
        },
        window: Some("wayland:abc".into()),
        evidence: Some(vec![1, 2]),
        presentation: Presentation::Visible,
        hint: Some("Sign in".into()),
        unlock_box: Some(vec![3]),
        operation: Operation::Unknown(99),
        ..request()
    };
    for request in [request(), full] {
        let envelope = request.sign(native(), &key(1), &Grease::none()).unwrap();
        assert_eq!(read(&envelope, &key(1)), Ok(request));
    }
}

#[test]
fn grease_is_ignored() {
    for _ in 0..200 {
        let grease = Grease::random(native()).unwrap();
        assert!(!grease.request.is_empty());
        let envelope = request().sign(native(), &key(1), &grease).unwrap();
        assert_eq!(read(&envelope, &key(1)), Ok(request()));
    }
}

#[test]
fn another_key_is_refused() {
    let envelope = request().sign(native(), &key(1), &Grease::none()).unwrap();
    assert_eq!(read(&envelope, &key(2)), Err(EnvelopeError::UnknownKey));
    let kid = KeyId::of(native(), key(2).public_key());
    let forged = request().sign_under(native(), &key(1), kid, &Grease::none()).unwrap();
    assert!(matches!(read(&forged, &key(2)), Err(EnvelopeError::Cose(_))));
}

#[test]
fn evidence_does_not_pass_as_a_request() {
    let kid = KeyId::of(native(), key(1).public_key());
    let payload = request().encode(&Grease::none());
    let foreign = Sign1::sign(native(), &key(1), &kid.0, crate::evidence::AAD, &payload).unwrap();
    assert!(matches!(read(&foreign, &key(1)), Err(EnvelopeError::Cose(_))));
}

#[test]
fn wrong_fields_and_versions_are_refused() {
    let refused = |change: &dyn Fn(&mut Map)| {
        let payload = request().encode(&Grease::none());
        let mut map = claviger_ctap::cbor::decode(&payload, &Limits::ENVELOPE)
            .unwrap()
            .into_map()
            .unwrap();
        change(&mut map);
        Request::decode(&Value::from(map).encode()).unwrap_err()
    };
    let set = |key: i64, value: Value| {
        refused(&move |map: &mut Map| {
            map.insert(key, value.clone());
        })
    };
    assert_eq!(set(1, Value::from(2)), MessageError::Version(2));
    assert_eq!(set(2, Value::from("not an id")), MessageError::Value(2));
    assert_eq!(set(4, Value::from([0; 15])), MessageError::Value(4));
    assert_eq!(set(5, Value::from(-1)), MessageError::Value(5));
    assert_eq!(set(8, Value::from(Map::new().with(5, 1))), MessageError::Missing(2));
    assert_eq!(set(12, Value::from(2)), MessageError::Value(12));
    assert_eq!(
        set(13, Value::from("x".repeat(MAX_TEXT_BYTES + 1))),
        MessageError::Value(13)
    );
    for key in [1, 2, 3, 4, 5, 6, 7, 8, 10, 12] {
        let removed = refused(&|map: &mut Map| {
            map.remove_int(key);
        });
        assert_eq!(removed, MessageError::Missing(key));
    }
}

#[test]
fn size_is_limited() {
    let large = Request {
        parameters: vec![0; MAX_BYTES],
        ..request()
    };
    assert_eq!(
        large.sign(native(), &key(1), &Grease::none()),
        Err(EnvelopeError::TooLarge)
    );
    assert_eq!(
        SignedRequest::parse(&vec![0; MAX_BYTES + 1]).err(),
        Some(EnvelopeError::TooLarge)
    );
}

#[test]
fn debug_shows_no_parameters() {
    let secret = Request {
        parameters: vec![0x5a; 4],
        unlock_box: Some(vec![0x5a; 4]),
        ..request()
    };
    let text = format!("{secret:?}");
    assert!(text.contains("bytes(4)") && !text.contains("90"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(read(&bytes, &key(1)).is_err());
        let _ = Request::decode(&bytes);
    }

    #[test]
    fn any_flipped_bit_is_refused(position in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut envelope = request().sign(native(), &key(1), &Grease::random(native()).unwrap()).unwrap();
        let at = position.index(envelope.len());
        envelope[at] ^= 1 << bit;
        prop_assert!(read(&envelope, &key(1)).is_err());
    }
}
