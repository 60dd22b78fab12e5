//! The device's lasting state: the PIN and the try counters.

use std::fmt;

use zeroize::Zeroizing;

use super::Numbers;
use crate::fields::MessageError;

/// What survives a power cycle.
pub(super) struct State {
    pub(super) pin: Option<PinRecord>,
    pub(super) pin_retries: u8,
    pub(super) uv_retries: u8,
    pub(super) min_pin_length: u8,
}

/// The PIN, as CTAP 2.1 §6.5.5.5 keeps it.
pub(super) struct PinRecord {
    /// The first 16 bytes of SHA-256(PIN).
    pub(super) hash: Zeroizing<[u8; 16]>,
    /// Its length in Unicode code points.
    pub(super) length: u8,
}

const VERSION: u8 = 1;

impl State {
    /// The state of a new device, and after a reset.
    pub(super) fn fresh(numbers: &Numbers) -> Self {
        Self {
            pin: None,
            pin_retries: numbers.max_pin_retries,
            uv_retries: numbers.max_uv_retries,
            min_pin_length: numbers.min_pin_length,
        }
    }

    /// Version, counters, and when there is a PIN its length and hash. Not CBOR, so that no copy of the hash is left
    /// behind in a value that is not zeroised.
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(LENGTH_WITH_PIN));
        out.extend_from_slice(&[VERSION, self.pin_retries, self.uv_retries, self.min_pin_length]);
        if let Some(pin) = &self.pin {
            out.push(pin.length);
            out.extend_from_slice(pin.hash.as_slice());
        }
        out
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, MessageError> {
        let bad = MessageError::Invalid { field: "device state" };
        let (&[version, pin_retries, uv_retries, min_pin_length], rest) = bytes.split_first_chunk().ok_or(bad)?;
        if version != VERSION {
            return Err(bad);
        }
        let pin = match rest.split_first() {
            None => None,
            Some((&length, hash)) => Some(PinRecord {
                hash: Zeroizing::new(hash.try_into().map_err(|_| bad)?),
                length,
            }),
        };
        Ok(Self {
            pin,
            pin_retries,
            uv_retries,
            min_pin_length,
        })
    }
}

const LENGTH_WITH_PIN: usize = 4 + 1 + 16;

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State([redacted])")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_read_is_written_back_the_same(tail in prop::collection::vec(any::<u8>(), 0..24)) {
            for bytes in [tail.clone(), [&[VERSION], tail.as_slice()].concat()] {
                if let Ok(state) = State::from_bytes(&bytes) {
                    let written = state.to_bytes();
                    prop_assert_eq!(written.as_slice(), bytes.as_slice());
                }
            }
        }
    }

    #[test]
    fn a_new_state_has_no_pin_and_all_tries() {
        let numbers = Numbers::default();
        let bytes = State::fresh(&numbers).to_bytes();
        let state = State::from_bytes(&bytes).unwrap();
        assert!(state.pin.is_none());
        assert_eq!((state.pin_retries, state.uv_retries, state.min_pin_length), (8, 5, 4));
        assert_eq!(bytes.len(), 4);
    }
}
