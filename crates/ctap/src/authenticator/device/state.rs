//! The device's lasting state: the PIN, the try counters, what authenticatorConfig sets, and what the device is
//! recognised by.

use std::fmt;

use zeroize::Zeroizing;

use super::Numbers;
use crate::crypto::{Crypto, CryptoError};
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
    /// Enterprise attestation is enabled.
    pub(super) enterprise: bool,
    /// Built-in verifications since the PIN was last entered, failed ones too.
    pub(super) uv_count: u16,
    /// What only holders of the persistent token can recognise.
    pub(super) identity: Identity,
}

/// The PIN, as CTAP 2.1 §6.5.5.5 keeps it.
pub(super) struct PinRecord {
    /// The first 16 bytes of SHA-256(PIN).
    pub(super) hash: Zeroizing<[u8; 16]>,
    /// Its length in Unicode code points.
    pub(super) length: u8,
}

/// The `persistentPinUvAuthToken` of CTAP 2.2, and the two values that getInfo shows encrypted under it.
pub(super) struct Identity {
    pub(super) token: Zeroizing<[u8; 32]>,
    /// Somebody has got the token: its permission `pcmr`.
    pub(super) token_given: bool,
    /// `deviceIdentifier`: the same until a reset.
    pub(super) device: [u8; 16],
    /// `credStoreState` of CTAP 2.3: another one after each change of the discoverable credentials.
    pub(super) store: [u8; 16],
}

impl Identity {
    fn fresh(crypto: &dyn Crypto) -> Result<Self, CryptoError> {
        let mut identity = Self {
            token: Zeroizing::new([0; 32]),
            token_given: false,
            device: [0; 16],
            store: [0; 16],
        };
        identity.reset_token(crypto)?;
        identity.store_changed(crypto)?;
        crypto.random(&mut identity.device)?;
        Ok(identity)
    }

    /// `resetPersistentPinUvAuthToken`: whoever had the token has it no longer.
    pub(super) fn reset_token(&mut self, crypto: &dyn Crypto) -> Result<(), CryptoError> {
        self.token_given = false;
        crypto.random(self.token.as_mut_slice())
    }

    /// A new `credStoreState`.
    pub(super) fn store_changed(&mut self, crypto: &dyn Crypto) -> Result<(), CryptoError> {
        crypto.random(&mut self.store)
    }
}

const VERSION: u8 = 2;
const HAS_PIN: u8 = 0x01;
const FORCE_PIN_CHANGE: u8 = 0x02;
const ALWAYS_UV: u8 = 0x04;
const TOKEN_GIVEN: u8 = 0x08;
const ENTERPRISE: u8 = 0x10;
const FLAGS: u8 = 0x1f;

impl State {
    /// The state of a new device, and after a reset.
    pub(super) fn fresh(numbers: &Numbers, crypto: &dyn Crypto) -> Result<Self, CryptoError> {
        Ok(Self {
            pin: None,
            pin_retries: numbers.max_pin_retries,
            uv_retries: numbers.max_uv_retries,
            min_pin_length: numbers.min_pin_length,
            min_pin_rp_ids: Vec::new(),
            force_pin_change: false,
            always_uv: false,
            enterprise: false,
            uv_count: 0,
            identity: Identity::fresh(crypto)?,
        })
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

    /// Version, counters, flags and identity; with a PIN its length and hash; the RP IDs, each after its length. Not
    /// CBOR, so that no copy of a secret is left behind in a value that is not zeroised.
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let rp_ids = self.min_pin_rp_ids.iter().map(|rp_id| 1 + rp_id.len()).sum::<usize>();
        let mut out = Zeroizing::new(Vec::with_capacity(LENGTH_WITH_PIN + rp_ids));
        let flag = |set, bit| if set { bit } else { 0 };
        let flags = flag(self.pin.is_some(), HAS_PIN)
            | flag(self.force_pin_change, FORCE_PIN_CHANGE)
            | flag(self.always_uv, ALWAYS_UV)
            | flag(self.identity.token_given, TOKEN_GIVEN)
            | flag(self.enterprise, ENTERPRISE);
        let counters = [self.pin_retries, self.uv_retries, self.min_pin_length];
        out.push(VERSION);
        out.extend_from_slice(&counters);
        out.push(flags);
        out.extend_from_slice(&self.uv_count.to_be_bytes());
        out.extend_from_slice(self.identity.token.as_slice());
        out.extend_from_slice(&self.identity.device);
        out.extend_from_slice(&self.identity.store);
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
        let (&[version, pin_retries, uv_retries, min_pin_length, flags], rest) =
            bytes.split_first_chunk().ok_or(bad)?;
        if version != VERSION || flags & !FLAGS != 0 {
            return Err(bad);
        }
        let (uv_count, rest) = rest.split_first_chunk().ok_or(bad)?;
        let (token, rest) = rest.split_first_chunk().ok_or(bad)?;
        let (device, rest) = rest.split_first_chunk().ok_or(bad)?;
        let (store, mut rest) = rest.split_first_chunk().ok_or(bad)?;
        let identity = Identity {
            token: Zeroizing::new(*token),
            token_given: flags & TOKEN_GIVEN != 0,
            device: *device,
            store: *store,
        };
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
            enterprise: flags & ENTERPRISE != 0,
            uv_count: u16::from_be_bytes(*uv_count),
            identity,
        })
    }
}

const LENGTH_WITH_PIN: usize = 5 + 2 + 32 + 16 + 16 + 1 + 16;

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
    use crate::crypto::portable;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_read_is_written_back_the_same(
            start in prop::array::uniform3(any::<u8>()),
            flags in 0_u8..40,
            identity in prop::collection::vec(any::<u8>(), 66),
            tail in prop::collection::vec(0_u8..130, 0..40),
        ) {
            for version in [0, VERSION] {
                let bytes = [&[version], start.as_slice(), &[flags], &identity, &tail].concat();
                if let Ok(state) = State::from_bytes(&bytes) {
                    let written = state.to_bytes();
                    prop_assert_eq!(written.as_slice(), bytes.as_slice());
                }
            }
        }
    }

    #[test]
    fn everything_survives() {
        let mut state = State::fresh(&Numbers::default(), portable()).unwrap();
        state.pin = Some(PinRecord {
            hash: Zeroizing::new([7; 16]),
            length: 5,
        });
        (state.pin_retries, state.uv_retries, state.min_pin_length) = (6, 4, 5);
        (state.force_pin_change, state.always_uv, state.enterprise) = (true, true, true);
        (state.uv_count, state.identity.token_given) = (777, true);
        state.min_pin_rp_ids = vec!["example.com".to_owned(), "é.example".to_owned()];
        let again = State::from_bytes(&state.to_bytes()).unwrap();
        let pin = again.pin.unwrap();
        assert_eq!((*pin.hash, pin.length), ([7; 16], 5));
        assert_eq!((again.pin_retries, again.uv_retries, again.min_pin_length), (6, 4, 5));
        assert!(again.force_pin_change && again.always_uv && again.enterprise);
        assert_eq!((again.uv_count, again.identity.token_given), (777, true));
        assert_eq!(again.identity.token, state.identity.token);
        assert_eq!(
            (again.identity.device, again.identity.store),
            (state.identity.device, state.identity.store)
        );
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
        let state = State::fresh(&Numbers::default(), portable()).unwrap().within(&strict);
        assert_eq!((state.pin_retries, state.uv_retries, state.min_pin_length), (3, 2, 6));
        let state = State::fresh(&strict, portable()).unwrap().within(&Numbers::default());
        assert_eq!((state.pin_retries, state.uv_retries, state.min_pin_length), (3, 2, 6));
    }

    #[test]
    fn a_new_state_has_no_pin_and_all_tries() {
        let bytes = State::fresh(&Numbers::default(), portable()).unwrap().to_bytes();
        let state = State::from_bytes(&bytes).unwrap();
        assert!(state.pin.is_none() && !state.force_pin_change && !state.always_uv);
        assert_eq!((state.pin_retries, state.uv_retries, state.min_pin_length), (8, 5, 4));
        assert_eq!(bytes.len(), LENGTH_WITH_PIN - 17);
    }
}
