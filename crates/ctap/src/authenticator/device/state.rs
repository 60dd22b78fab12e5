//! The device's lasting state: the PIN, the try counters, and what authenticatorConfig sets.

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
    /// The RP IDs that may learn the shortest length of a PIN.
    pub(super) min_pin_rp_ids: Vec<String>,
    /// The PIN gives no token before it is changed.
    pub(super) force_pin_change: bool,
    /// User verification for everything.
    pub(super) always_uv: bool,
}

/// The PIN, as CTAP 2.1 §6.5.5.5 keeps it.
pub(super) struct PinRecord {
    /// The first 16 bytes of SHA-256(PIN).
    pub(super) hash: Zeroizing<[u8; 16]>,
    /// Its length in Unicode code points.
    pub(super) length: u8,
}

const VERSION: u8 = 1;
const HAS_PIN: u8 = 0x01;
const FORCE_PIN_CHANGE: u8 = 0x02;
const ALWAYS_UV: u8 = 0x04;

impl State {
    /// The state of a new device, and after a reset.
    pub(super) fn fresh(numbers: &Numbers) -> Self {
        Self {
            pin: None,
            pin_retries: numbers.max_pin_retries,
            uv_retries: numbers.max_uv_retries,
            min_pin_length: numbers.min_pin_length,
            min_pin_rp_ids: Vec::new(),
            force_pin_change: false,
            always_uv: false,
        }
    }

    /// The same state under numbers that the deployment may have changed since: never more tries than they give, never
    /// a shorter PIN than they ask for.
    pub(super) fn within(self, numbers: &Numbers) -> Self {
        Self {
            pin_retries: self.pin_retries.min(numbers.max_pin_retries),
            uv_retries: self.uv_retries.min(numbers.max_uv_retries),
            min_pin_length: self.min_pin_length.max(numbers.min_pin_length),
            ..self
        }
    }

    /// Version, counters and flags; with a PIN its length and hash; the RP IDs, each after its length. Not CBOR, so
    /// that no copy of the hash is left behind in a value that is not zeroised.
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let rp_ids = self.min_pin_rp_ids.iter().map(|rp_id| 1 + rp_id.len()).sum::<usize>();
        let mut out = Zeroizing::new(Vec::with_capacity(LENGTH_WITH_PIN + rp_ids));
        let flag = |set, bit| if set { bit } else { 0 };
        let flags = flag(self.pin.is_some(), HAS_PIN)
            | flag(self.force_pin_change, FORCE_PIN_CHANGE)
            | flag(self.always_uv, ALWAYS_UV);
        let counters = [self.pin_retries, self.uv_retries, self.min_pin_length];
        out.push(VERSION);
        out.extend_from_slice(&counters);
        out.push(flags);
        if let Some(pin) = &self.pin {
            out.push(pin.length);
            out.extend_from_slice(pin.hash.as_slice());
        }
        for rp_id in &self.min_pin_rp_ids {
            // `Numbers::check` keeps RP IDs below 256 bytes.
            out.push(u8::try_from(rp_id.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(rp_id.as_bytes());
        }
        out
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, MessageError> {
        let bad = MessageError::Invalid { field: "device state" };
        let (&[version, pin_retries, uv_retries, min_pin_length, flags], mut rest) =
            bytes.split_first_chunk().ok_or(bad)?;
        if version != VERSION || flags & !(HAS_PIN | FORCE_PIN_CHANGE | ALWAYS_UV) != 0 {
            return Err(bad);
        }
        let mut pin = None;
        if flags & HAS_PIN != 0 {
            let (&length, after) = rest.split_first().ok_or(bad)?;
            let (hash, after) = after.split_first_chunk().ok_or(bad)?;
            let hash = Zeroizing::new(*hash);
            pin = Some(PinRecord { hash, length });
            rest = after;
        }
        let mut min_pin_rp_ids = Vec::new();
        while let Some((length, after)) = rest.split_first() {
            let (rp_id, after) = after.split_at_checked(usize::from(*length)).ok_or(bad)?;
            min_pin_rp_ids.push(std::str::from_utf8(rp_id).map_err(|_| bad)?.to_owned());
            rest = after;
        }
        Ok(Self {
            pin,
            pin_retries,
            uv_retries,
            min_pin_length,
            min_pin_rp_ids,
            force_pin_change: flags & FORCE_PIN_CHANGE != 0,
            always_uv: flags & ALWAYS_UV != 0,
        })
    }
}

const LENGTH_WITH_PIN: usize = 5 + 1 + 16;

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
        fn whatever_is_read_is_written_back_the_same(
            start in prop::array::uniform3(any::<u8>()),
            flags in 0_u8..10,
            tail in prop::collection::vec(0_u8..130, 0..40),
        ) {
            for version in [0, VERSION] {
                let bytes = [&[version], start.as_slice(), &[flags], &tail].concat();
                if let Ok(state) = State::from_bytes(&bytes) {
                    let written = state.to_bytes();
                    prop_assert_eq!(written.as_slice(), bytes.as_slice());
                }
            }
        }
    }

    #[test]
    fn everything_survives() {
        let mut state = State::fresh(&Numbers::default());
        state.pin = Some(PinRecord {
            hash: Zeroizing::new([7; 16]),
            length: 5,
        });
        (state.pin_retries, state.uv_retries, state.min_pin_length) = (6, 4, 5);
        (state.force_pin_change, state.always_uv) = (true, true);
        state.min_pin_rp_ids = vec!["example.com".to_owned(), "é.example".to_owned()];
        let again = State::from_bytes(&state.to_bytes()).unwrap();
        let pin = again.pin.unwrap();
        assert_eq!((*pin.hash, pin.length), ([7; 16], 5));
        assert_eq!((again.pin_retries, again.uv_retries, again.min_pin_length), (6, 4, 5));
        assert!(again.force_pin_change && again.always_uv);
        assert_eq!(again.min_pin_rp_ids, state.min_pin_rp_ids);
    }

    #[test]
    fn stricter_numbers_hold_for_an_old_state() {
        let strict = Numbers {
            max_pin_retries: 3,
            max_uv_retries: 2,
            min_pin_length: 6,
            ..Numbers::default()
        };
        let state = State::fresh(&Numbers::default()).within(&strict);
        assert_eq!((state.pin_retries, state.uv_retries, state.min_pin_length), (3, 2, 6));
        let state = State::fresh(&strict).within(&Numbers::default());
        assert_eq!((state.pin_retries, state.uv_retries, state.min_pin_length), (3, 2, 6));
    }

    #[test]
    fn a_new_state_has_no_pin_and_all_tries() {
        let bytes = State::fresh(&Numbers::default()).to_bytes();
        let state = State::from_bytes(&bytes).unwrap();
        assert!(state.pin.is_none() && !state.force_pin_change && !state.always_uv);
        assert_eq!((state.pin_retries, state.uv_retries, state.min_pin_length), (8, 5, 4));
        assert_eq!(bytes.len(), 5);
    }
}
