//! How earlier versions of the file are read. They are written no more: the next change of the state writes today's.
//!
//! | key | value |
//! |---|---|
//! | 4 | wrong PINs in a row, 0 to 10 |
//! | 5 | when the last try was spent: `[boot id, milliseconds since boot]`, or null |
//! | 6 | the highest count given to any evidence |
//! | 7 | when this very file was born: `[seconds, nanoseconds]`, or null where the file system does not know |
//! | 8 | the public evidence key, a `COSE_Key` |
//! | 9 | the protectors: for the PIN as typed and, in version 2, for the PIN as CTAP clients give it |
//!
//! Keys 1 to 3 are as today. A protector is `{1: 1, 2: parameters, 3: salt, 4: nonce, 5: wrapped key, 6?: 1 for the clients'
//! form}`. The tries were the file's; they become those of the PIN's protector.

use claviger_ctap::cbor::{Map, Value};
use claviger_joint::evidence::Method;

use super::{Parsed, State, StoreError, birth, number, uv_key};
use crate::{
    counter::{Moment, TryCounter, TryPolicy},
    protector::{PinKeys, Protector, Record, WrappedKey, Wrapping},
};

/// The version before there was a clients' form.
pub(super) const TYPED_ONLY: u64 = 1;
/// The version before protectors had their own tries.
pub(super) const ONE_COUNTER: u64 = 2;

/// The file's mark of a protector that takes the PIN in the clients' form.
const CLIENT_FORM: u64 = 1;

/// Reads a file of version [`TYPED_ONLY`] or [`ONE_COUNTER`].
pub(super) fn parse(version: u64, map: &Map) -> Result<Parsed, StoreError> {
    let damaged = StoreError::Damaged;
    if map.len() != 9 {
        return Err(damaged("it has fields that its version does not have"));
    }
    let last = map.int(5).and_then(Moment::from_cbor);
    let last = last.ok_or(damaged("the time of the last try is malformed"))?;
    let failures = u8::try_from(number(map, 4)?).ok();
    let protectors = map.int(9).and_then(Value::as_array);
    let keys = match (version, protectors.ok_or(damaged("the protectors are missing"))?) {
        (TYPED_ONLY, [typed]) => PinKeys::from_parts(wrapped_key(typed, false)?, None),
        (ONE_COUNTER, [typed, client]) => {
            PinKeys::from_parts(wrapped_key(typed, false)?, Some(wrapped_key(client, true)?))
        }
        _ => return Err(damaged("it has not the protectors that its version has")),
    };
    let mut pin = Protector::new(Wrapping::Pin(keys), 0);
    pin.tries = failures
        .and_then(|failures| TryCounter::from_parts(&TryPolicy::PIN, failures, last))
        .ok_or(damaged("the try counter is impossible"))?;
    Ok(Parsed {
        generation: number(map, 3)?,
        born: birth(map.int(7))?,
        is_noted: false,
        state: State {
            evidence_count: number(map, 6)?,
            copies: 0,
            uv_key: uv_key(map.int(8))?,
            records: vec![Record::Used(Box::new(pin))],
        },
    })
}

fn wrapped_key(value: &Value, client: bool) -> Result<WrappedKey, StoreError> {
    let damaged = StoreError::Damaged;
    let map = value.as_map().ok_or(damaged("a protector is a map"))?;
    if map.int(1).and_then(Value::as_unsigned) != Some(Method::Pin.number()) {
        return Err(damaged("the protector's method is not known"));
    }
    match (map.len(), map.int(6).map(Value::as_unsigned)) {
        (5, None) if !client => {}
        (6, Some(Some(CLIENT_FORM))) if client => {}
        _ => return Err(damaged("it has not the protectors that its version has")),
    }
    WrappedKey::from_parts(map.int(2), map.int(3), map.int(4), map.int(5)).map_err(damaged)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::cbor::decode;

    use super::{
        super::{CHECKSUM, LIMITS},
        *,
    };

    const VERSION_1: &[u8] = include_bytes!("../../tests/fixtures/version-1.state");
    const VERSION_2: &[u8] = include_bytes!("../../tests/fixtures/3989857-waiting.state");

    fn map(file: &[u8]) -> Map {
        let content = &file[..file.len() - CHECKSUM];
        decode(content, &LIMITS).unwrap().into_map().unwrap()
    }

    fn read(map: &Map) -> Result<Parsed, StoreError> {
        parse(map.int(2).and_then(Value::as_unsigned).unwrap(), map)
    }

    #[test]
    fn the_files_tries_become_the_pins() {
        for (file, failures, client) in [(VERSION_1, 1, false), (VERSION_2, 4, true)] {
            let Parsed { state, .. } = read(&map(file)).unwrap();
            let pin = state.protectors().next().unwrap();
            assert_eq!(pin.tries.failures(), failures);
            let Wrapping::Pin(keys) = &pin.wrapping else {
                panic!("it is a PIN")
            };
            assert_eq!(keys.takes_client(), client);
            assert_eq!(state.records.len(), 1);
        }
    }

    #[test]
    fn each_version_has_its_protectors_and_no_others() {
        let two = map(VERSION_2);
        let [typed, client] = two.int(9).unwrap().as_array().unwrap() else {
            panic!("version 2 has two")
        };
        for (version, protectors, good) in [
            (1, vec![typed], true),
            (1, vec![typed, client], false),
            (1, vec![client], false),
            (1, vec![], false),
            (2, vec![typed, client], true),
            (2, vec![client, typed], false),
            (2, vec![typed], false),
            (2, vec![typed, typed], false),
            (2, vec![typed, client, client], false),
        ] {
            let protectors: Vec<_> = protectors.into_iter().cloned().collect();
            let changed = two.clone().with(2, version).with(9, protectors.clone());
            assert_eq!(read(&changed).is_ok(), good, "{version}: {protectors:?}");
        }
    }

    #[test]
    fn every_field_is_checked() {
        let good = map(VERSION_2);
        let pair = |a: Value, b: Value| Value::from(vec![a, b]);
        for (key, bad) in [
            (3, Value::from(-1)),
            (4, Value::from(11)),
            (4, Value::from(0)),
            (4, Value::from(256)),
            (5, Value::Null),
            (5, pair(Value::from([0; 15]), Value::from(1))),
            (5, pair(Value::from([0; 16]), Value::from(-1))),
            (5, Value::from(vec![Value::from([0; 16])])),
            (6, Value::from("1")),
            (7, pair(Value::from(1), Value::from(1_u64 << 32))),
            (8, Value::from(Map::new())),
            (9, Value::from(vec![Value::Null, Value::Null])),
            (10, Value::from(1)),
        ] {
            assert!(
                matches!(read(&good.clone().with(key, bad)), Err(StoreError::Damaged(_))),
                "field {key}"
            );
        }
        for key in 3..=9 {
            let mut map = good.clone();
            map.remove_int(key);
            assert!(read(&map).is_err(), "field {key}");
        }
    }

    #[test]
    fn a_protector_with_weaker_parameters_or_another_mark_is_refused() {
        let good = map(VERSION_2);
        let protectors = good.int(9).unwrap().as_array().unwrap();
        let weaker = Map::new().with(1, 65_535).with(2, 3).with(3, 1);
        for (key, bad) in [
            (1, Value::from(2)),
            (2, Value::from(weaker)),
            (3, Value::from([0; 31])),
            (6, Value::from(2)),
            (7, Value::from(1)),
        ] {
            let mut changed = protectors.to_vec();
            changed[1] = Value::from(changed[1].as_map().unwrap().clone().with(key, bad));
            let changed = good.clone().with(9, changed);
            assert!(matches!(read(&changed), Err(StoreError::Damaged(_))), "field {key}");
        }
    }
}
