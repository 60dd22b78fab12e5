//! Tests of the PIN's protector, with the real cost where it matters.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use claviger_ctap::crypto::native;

use super::*;

fn pin(text: &str) -> Pin {
    Pin::new(text).unwrap()
}

fn client(text: &str) -> ClientPin {
    ClientPin::of(native(), &pin(text))
}

fn keys(cost: KdfParameters) -> (UserKey, PinKeys) {
    let key = UserKey::generate(native()).unwrap();
    let keys = PinKeys::wrap(native(), &pin("zebra-94"), cost, &key).unwrap();
    (key, keys)
}

#[test]
fn the_right_pin_opens_in_either_form_and_a_wrong_one_does_not() {
    let (key, keys) = keys(KdfParameters::STANDARD);
    let record = keys.into_record(Map::new().with(1, 0));
    let keys = PinKeys::from_record(&record).unwrap();
    assert_eq!(keys.unwrap(&pin("zebra-94")).unwrap().unwrap().expose(), key.expose());
    assert_eq!(
        keys.unwrap_client(&client("zebra-94")).unwrap().unwrap().expose(),
        key.expose()
    );
    assert!(keys.unwrap(&pin("zebra-95")).unwrap().is_none());
    assert!(keys.unwrap_client(&client("zebra-95")).unwrap().is_none());
}

#[test]
fn each_form_opens_its_own_wrapping_only() {
    let (_, keys) = keys(KdfParameters::CHEAP);
    let client_pin = client("zebra-94");
    assert!(keys.typed.unwrap(Form::Typed, client_pin.as_bytes()).unwrap().is_none());
    // One is not the other with another mark on it.
    let exchanged = PinKeys {
        typed: keys.client.clone().unwrap(),
        client: Some(keys.typed),
    };
    assert!(
        exchanged
            .typed
            .unwrap(Form::Typed, client_pin.as_bytes())
            .unwrap()
            .is_none()
    );
    assert!(exchanged.unwrap(&pin("zebra-94")).unwrap().is_none());
    assert!(exchanged.unwrap_client(&client_pin).unwrap().is_none());
}

#[test]
fn without_the_clients_form_no_client_pin_opens() {
    let (key, keys) = keys(KdfParameters::CHEAP);
    let typed_only = PinKeys { client: None, ..keys };
    assert!(!typed_only.takes_client());
    assert!(typed_only.unwrap_client(&client("zebra-94")).unwrap().is_none());
    let both = typed_only
        .with_client(native(), &pin("zebra-94"), KdfParameters::CHEAP, &key)
        .unwrap();
    assert_eq!(
        both.unwrap_client(&client("zebra-94")).unwrap().unwrap().expose(),
        key.expose()
    );
}

#[test]
fn unknown_fields_are_refused() {
    let (_, keys) = keys(KdfParameters::STANDARD);
    let record = keys.into_record(Map::new().with(1, 0));
    assert!(PinKeys::from_record(&record).is_ok());
    assert!(PinKeys::from_record(&record.clone().with(4, 1)).is_err());
    let mut without = record.clone();
    without.remove_int(2);
    assert!(PinKeys::from_record(&without).is_err());
    for (key, bad) in [(1, Value::Null), (2, Value::from([0; 31])), (5, Value::from(1))] {
        let mut typed = record.int(2).unwrap().as_map().unwrap().clone();
        typed.insert(key, bad);
        let changed = record.clone().with(2, typed);
        assert!(PinKeys::from_record(&changed).is_err(), "{key}");
    }
}

#[test]
fn everything_stored_is_bound() {
    let (_, keys) = keys(KdfParameters::CHEAP);
    let pin = pin("zebra-94");
    for change in [
        |key: &mut WrappedKey| key.salt[0] ^= 1,
        |key: &mut WrappedKey| key.nonce[0] ^= 1,
        |key: &mut WrappedKey| key.wrapped[0] ^= 1,
        |key: &mut WrappedKey| key.parameters.passes += 1,
    ] {
        let mut changed = keys.clone();
        change(&mut changed.typed);
        assert!(changed.unwrap(&pin).unwrap().is_none());
    }
}

#[test]
fn two_wrappings_of_one_pin_have_nothing_in_common() {
    let key = UserKey::generate(native()).unwrap();
    let pin = pin("zebra-94");
    let [one, two] = [(); 2].map(|()| PinKeys::wrap(native(), &pin, KdfParameters::CHEAP, &key).unwrap());
    assert_ne!(one.typed.salt, two.typed.salt);
    assert_ne!(one.typed.nonce, two.typed.nonce);
    assert_ne!(one.typed.wrapped, two.typed.wrapped);
}

#[test]
fn weaker_and_absurd_parameters_are_refused() {
    let standard = KdfParameters::STANDARD;
    assert_eq!((standard.memory, standard.passes, standard.lanes), (65_536, 3, 1));
    assert_eq!(KdfParameters::from_cbor(&standard.to_cbor()), Ok(standard));
    for bad in [
        KdfParameters {
            memory: 65_535,
            ..standard
        },
        KdfParameters {
            memory: 1_048_577,
            ..standard
        },
        KdfParameters::CHEAP,
        KdfParameters { passes: 2, ..standard },
        KdfParameters { passes: 17, ..standard },
        KdfParameters { lanes: 0, ..standard },
        KdfParameters { lanes: 4, ..standard },
    ] {
        assert!(KdfParameters::from_cbor(&bad.to_cbor()).is_err(), "{bad:?}");
    }
}
