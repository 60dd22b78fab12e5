//! Unknown keys, put in on purpose.

use claviger_ctap::{
    cbor::{Map, Value},
    crypto::{Crypto, CryptoError},
};

/// Random keys that no version of the protocol will ever give a meaning, put into every request, so that a provider that
/// stumbles over unknown keys is found on the first day and not on the day when version 2 needs one.
///
/// Reserved for grease in every map of the joint: integers from 2¹⁶ up, all negative integers, all text keys.
#[derive(Debug, Clone, Default)]
pub struct Grease {
    pub(super) request: Vec<(Value, Value)>,
    caller: Vec<(Value, Value)>,
}

impl Grease {
    /// No grease, for test vectors.
    pub fn none() -> Self {
        Self::default()
    }

    /// One to four random entries for the request, none to three for its caller.
    ///
    /// # Errors
    /// The machine has no randomness.
    pub fn random(crypto: &dyn Crypto) -> Result<Self, CryptoError> {
        let mut seed = [0; 64];
        crypto.random(&mut seed)?;
        let mut bytes = seed.into_iter();
        let mut next = || bytes.next().unwrap_or_default();
        let (request, caller) = (1 + next() % 4, next() % 4);
        let mut entries = |count| (0..count).map(|_| Self::entry(&mut next)).collect();
        Ok(Self {
            request: entries(request),
            caller: entries(caller),
        })
    }

    /// A request's map with the entries for it.
    pub(super) fn of_request(&self, request: Map) -> Map {
        with(&self.request, request)
    }

    /// A caller's map with the entries for it.
    pub(super) fn of_caller(&self, caller: Map) -> Map {
        with(&self.caller, caller)
    }

    /// One entry, from up to eight random bytes.
    fn entry(next: &mut impl FnMut() -> u8) -> (Value, Value) {
        let number = u64::from(u32::from_be_bytes([next(), next(), next(), next()]));
        let key = match next() % 3 {
            0 => Value::from(number | 1 << 16),
            1 => Value::Negative(number),
            _ => Value::from(format!("grease-{number:x}")),
        };
        let value = match next() % 7 {
            0 => Value::from(number),
            1 => Value::Negative(number),
            2 => Value::from(vec![next(); usize::from(next() % 32)]),
            3 => Value::from(format!("{number}")),
            4 => Value::from(vec![Value::from(number), Value::Null]),
            5 => Value::from(Map::new().with(1, number).with("x", true)),
            _ => Value::from(next() < 128),
        };
        (key, value)
    }
}

fn with(entries: &[(Value, Value)], map: Map) -> Map {
    let entries = entries.iter().cloned();
    entries.fold(map, |map, (key, value)| map.with(key, value))
}
