//! Protectors: what wraps the user's key, one per method of verification, each with its own count of tries.
//!
//! The user's key itself never changes; adding, changing or removing a protector wraps it anew and re-encrypts nothing else. A
//! further method is a further variant of [`Wrapping`]. A record of a kind or state that this version does not know is
//! [kept](Kept) byte for byte and not used.

mod pin;
mod recovery;

use claviger_ctap::{
    cbor::{Limits, Map, Value, decode},
    crypto::{Crypto, CryptoError},
};
use claviger_joint::evidence::{Method, Tier};
use thiserror::Error;

pub(crate) use pin::{KdfParameters, PinKeys, WrappedKey};
pub(crate) use recovery::CodeKeys;

use crate::{
    counter::{Moment, TryCounter, TryPolicy},
    disk::MAX_BYTES,
    gesture::Gesture,
    keys::UserKey,
};

/// The recovery code, in the place of a method: 64 is out of the way of the methods to come, and no evidence is made of it.
pub(crate) const RECOVERY_CODE: Method = Method::Other(64);

/// The one state that this version knows: the protector is in use.
const IN_USE: u64 = 1;

const SALT_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 24;
const WRAPPED_LENGTH: usize = UserKey::LENGTH + 16;

const LIMITS: Limits = Limits {
    max_bytes: MAX_BYTES,
    max_depth: 4,
    max_items: 128,
    other_simple: false,
};

/// One way to the user's key.
#[derive(Clone, Debug)]
pub(crate) struct Protector {
    /// The tries spent on it, and on nothing else.
    pub(crate) tries: TryCounter,
    /// How many of the [times that the file was found to be a copy](crate::store::State::copies) the tries account for.
    pub(crate) copies: u64,
    /// What it takes.
    pub(crate) wrapping: Wrapping,
}

/// What a protector takes, and the user's key wrapped for it.
#[derive(Clone, Debug)]
pub(crate) enum Wrapping {
    /// The PIN.
    Pin(PinKeys),
    /// The recovery code.
    RecoveryCode(CodeKeys),
}

impl Wrapping {
    /// How often it may be tried.
    fn policy(&self) -> &'static TryPolicy {
        match self {
            Self::Pin(_) => &TryPolicy::PIN,
            Self::RecoveryCode(_) => &TryPolicy::RECOVERY_CODE,
        }
    }

    /// What evidence made through it says about the gesture; its number is the record's kind.
    pub(crate) fn method(&self) -> Method {
        match self {
            Self::Pin(_) => Method::Pin,
            Self::RecoveryCode(_) => RECOVERY_CODE,
        }
    }
}

/// A protector of a later version: of a kind or in a state that this one does not know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Kept {
    kind: u64,
    state: u64,
    record: Vec<u8>,
}

/// A record of the file.
#[derive(Clone, Debug)]
pub(crate) enum Record {
    /// One that this version uses.
    Used(Box<Protector>),
    /// One that it keeps for the version that wrote it.
    Kept(Kept),
}

impl Protector {
    /// A new one, with no tries spent. `copies` is the file's.
    pub(crate) fn new(wrapping: Wrapping, copies: u64) -> Self {
        Self {
            tries: TryCounter::fresh(wrapping.policy()),
            copies,
            wrapping,
        }
    }

    /// Whether this gesture is one to give to it.
    pub(crate) fn takes(&self, gesture: &Gesture) -> bool {
        match (&self.wrapping, gesture) {
            (Wrapping::Pin(_), Gesture::Pin(_)) | (Wrapping::RecoveryCode(_), Gesture::RecoveryCode(_)) => true,
            (Wrapping::Pin(keys), Gesture::ClientPin(_)) => keys.takes_client(),
            (Wrapping::Pin(_) | Wrapping::RecoveryCode(_), _) => false,
        }
    }

    /// The user's key, when the gesture is the right one. A wrapped key that was changed looks like a wrong gesture. `person` says whose
    /// it is.
    pub(crate) fn unwrap(
        &self,
        crypto: &dyn Crypto,
        person: &[u8],
        gesture: &Gesture,
    ) -> Result<Option<Box<UserKey>>, ProtectorError> {
        match (&self.wrapping, gesture) {
            (Wrapping::Pin(keys), Gesture::Pin(pin)) => keys.unwrap(pin),
            (Wrapping::Pin(keys), Gesture::ClientPin(pin)) => keys.unwrap_client(pin),
            (Wrapping::RecoveryCode(keys), Gesture::RecoveryCode(code)) => keys.unwrap(crypto, code, person),
            (Wrapping::Pin(_) | Wrapping::RecoveryCode(_), _) => Ok(None),
        }
    }

    /// What evidence made through it says about the gesture; its number is the record's kind.
    pub(crate) fn method(&self) -> Method {
        self.wrapping.method()
    }

    /// What evidence made through it says about the strength.
    pub(crate) fn tier(&self) -> Tier {
        match self.wrapping {
            Wrapping::Pin(_) | Wrapping::RecoveryCode(_) => Tier::Software,
        }
    }

    fn to_record(&self) -> Vec<u8> {
        let last = Moment::to_cbor(self.tries.last());
        let gate = vec![Value::from(self.tries.failures()), last, Value::from(self.copies)];
        let record = Map::new().with(1, gate);
        let record = match &self.wrapping {
            Wrapping::Pin(keys) => keys.clone().into_record(record),
            Wrapping::RecoveryCode(keys) => keys.clone().into_record(record),
        };
        Value::from(record).encode()
    }

    /// `None` for a kind that this version does not know.
    fn from_record(kind: u64, bytes: &[u8]) -> Result<Option<Self>, &'static str> {
        let read = if kind == Method::Pin.number() {
            |record: &Map| PinKeys::from_record(record).map(Wrapping::Pin)
        } else if kind == RECOVERY_CODE.number() {
            |record: &Map| CodeKeys::from_record(record).map(Wrapping::RecoveryCode)
        } else {
            return Ok(None);
        };
        let value = decode(bytes, &LIMITS).map_err(|_| "a protector is not canonical CBOR")?;
        let record = value.as_map().ok_or("a protector is a map")?;
        let gate = record.int(1).and_then(Value::as_array).ok_or("the gate is missing")?;
        let [failures, last, copies] = gate else {
            return Err("the gate has three fields");
        };
        let last = Moment::from_cbor(last).ok_or("the time of the last try is malformed")?;
        let failures = failures.as_unsigned().and_then(|failures| failures.try_into().ok());
        let wrapping = read(record)?;
        Ok(Some(Self {
            tries: failures
                .and_then(|failures| TryCounter::from_parts(wrapping.policy(), failures, last))
                .ok_or("the try counter is impossible")?,
            copies: copies.as_unsigned().ok_or("the gate's copies are no number")?,
            wrapping,
        }))
    }
}

impl Record {
    /// As stored: `[kind, state, record]`, with the record in bytes of its own, so that one of a later version is kept unread. Of
    /// one in use: `{1: [failures, [boot id, milliseconds since boot] or null, copies], 2…: what its kind wraps}`.
    pub(crate) fn to_cbor(&self) -> Value {
        let (kind, state, record) = match self {
            Self::Used(protector) => (protector.method().number(), IN_USE, protector.to_record()),
            Self::Kept(kept) => (kept.kind, kept.state, kept.record.clone()),
        };
        Value::from(vec![Value::from(kind), Value::from(state), Value::from(record)])
    }

    /// Reads what [`Self::to_cbor`] wrote; the text says what is wrong.
    pub(crate) fn from_cbor(value: &Value) -> Result<Self, &'static str> {
        let Some([kind, state, record]) = value.as_array() else {
            return Err("a protector has a kind, a state and a record");
        };
        let kind = kind.as_unsigned().ok_or("a protector's kind is a number")?;
        let state = state.as_unsigned().ok_or("a protector's state is a number")?;
        let record = record.as_bytes().ok_or("a protector's record is bytes")?;
        if state == IN_USE
            && let Some(protector) = Protector::from_record(kind, record)?
        {
            return Ok(Self::Used(Box::new(protector)));
        }
        Ok(Self::Kept(Kept {
            kind,
            state,
            record: record.to_vec(),
        }))
    }
}

fn fixed<const N: usize>(value: Option<&Value>) -> Option<[u8; N]> {
    value?.as_bytes()?.try_into().ok()
}

/// Why a protector could not be asked for the key, or be given it.
#[derive(Debug, Error)]
pub(crate) enum ProtectorError {
    /// The machine's: the key derivation did not get its memory.
    #[error("not enough memory for the key derivation")]
    Memory,
    /// The machine's: no randomness.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::crypto::native;
    use proptest::prelude::*;

    use super::*;
    use claviger_pin::Pin;

    fn record(kind: u64, state: u64, record: &[u8]) -> Value {
        Value::from(vec![Value::from(kind), Value::from(state), Value::from(record)])
    }

    fn pin_record() -> Value {
        let (key, pin) = (UserKey::generate(native()).unwrap(), Pin::new("zebra-94").unwrap());
        let keys = PinKeys::wrap(native(), &pin, KdfParameters::STANDARD, &key).unwrap();
        Record::Used(Box::new(Protector::new(Wrapping::Pin(keys), 3))).to_cbor()
    }

    #[test]
    fn a_protector_in_use_goes_there_and_back() {
        let stored = pin_record();
        let Record::Used(protector) = Record::from_cbor(&stored).unwrap() else {
            panic!("it is in use")
        };
        assert_eq!((protector.method(), protector.copies), (Method::Pin, 3));
        assert_eq!(Record::Used(protector).to_cbor(), stored);
    }

    #[test]
    fn the_gate_of_a_protector_in_use_is_checked() {
        let stored = pin_record();
        let bytes = stored.as_array().unwrap()[2].as_bytes().unwrap();
        let good = decode(bytes, &LIMITS).unwrap().into_map().unwrap();
        let boot = Value::from(vec![Value::from([0; 16]), Value::from(1)]);
        let cut = Value::from(vec![Value::from([0; 15]), Value::from(1)]);
        let gate = |failures: u64, last: &Value| vec![Value::from(failures), last.clone(), Value::from(0)];
        let read = |gate: Vec<Value>| {
            let changed = Value::from(good.clone().with(1, gate)).encode();
            Record::from_cbor(&record(1, IN_USE, &changed)).is_ok()
        };
        assert!(read(gate(10, &boot)) && read(gate(0, &Value::Null)));
        for bad in [
            gate(11, &boot),
            gate(256, &boot),
            gate(0, &boot),
            gate(3, &Value::Null),
            gate(3, &cut),
            vec![Value::from(0), Value::Null],
            vec![],
        ] {
            assert!(!read(bad.clone()), "{bad:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever it may be, it is not ours to read.
        #[test]
        fn other_kinds_and_states_are_kept_byte_for_byte(
            kind in any::<u64>(), state in any::<u64>(), bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            prop_assume!(![Method::Pin, RECOVERY_CODE].map(Method::number).contains(&kind) || state != IN_USE);
            let stored = record(kind, state, &bytes);
            let read = Record::from_cbor(&stored).unwrap();
            prop_assert!(matches!(read, Record::Kept(_)));
            prop_assert_eq!(read.to_cbor().encode(), stored.encode());
        }

        #[test]
        fn arbitrary_bytes_are_neither_pin_nor_code(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for method in [Method::Pin, RECOVERY_CODE] {
                prop_assert!(Record::from_cbor(&record(method.number(), IN_USE, &bytes)).is_err());
            }
        }
    }
}
