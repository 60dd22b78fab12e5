//! Protectors: what wraps the user's key, one per verification method.
//!
//! The user's key itself never changes; adding, changing or removing a protector wraps it anew and re-encrypts nothing else. A
//! PIN protector is always there, and beside it one for the [form](Form) in which CTAP clients give the same PIN. Further methods
//! are further variants of [`Protector`]: a TPM protector keeps a sealed object where the PIN protector keeps a salt and a
//! wrapped key, and evidence already names method and tier as data.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use claviger_ctap::{
    cbor::{Map, Value},
    crypto::{Crypto, CryptoError},
};
use claviger_joint::evidence::{Method, Tier};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::{client_pin::ClientPin, keys::UserKey, pin::Pin};

const SALT_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 24;
const WRAPPED_LENGTH: usize = UserKey::LENGTH + 16;

/// What the user did to be verified.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gesture<'a> {
    /// Typed a PIN.
    Pin(&'a Pin),
    /// Typed a PIN into a program that speaks CTAP.
    ClientPin(&'a ClientPin),
}

/// In which form a protector takes the PIN.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// As it was typed, in UTF-8.
    Typed,
    /// As CTAP clients give it: the left half of its SHA-256.
    Client,
}

impl Form {
    /// Bound into the wrapping.
    fn context(self) -> &'static str {
        match self {
            Self::Typed => "claviger-hello-pin-v1",
            Self::Client => "claviger-hello-client-pin-v1",
        }
    }
}

impl Gesture<'_> {
    /// The form of PIN that it is.
    pub(crate) fn form(self) -> Form {
        match self {
            Self::Pin(_) => Form::Typed,
            Self::ClientPin(_) => Form::Client,
        }
    }

    fn secret(&self) -> &[u8] {
        match self {
            Self::Pin(pin) => pin.as_bytes(),
            Self::ClientPin(pin) => pin.as_bytes(),
        }
    }
}

/// One way to the user's key.
#[derive(Clone, Debug)]
pub(crate) enum Protector {
    /// Argon2id over the PIN.
    Pin(PinProtector),
}

/// The file's mark of a protector that takes the PIN in the clients' form.
const CLIENT_FORM: u64 = 1;

impl Protector {
    /// Wraps the user's key so that this gesture opens it. As slow as opening it.
    pub(crate) fn wrap(crypto: &dyn Crypto, gesture: Gesture<'_>, key: &UserKey) -> Result<Self, ProtectorError> {
        PinProtector::wrap(crypto, gesture, key).map(Self::Pin)
    }

    /// The user's key, when the gesture is the right one.
    pub(crate) fn unwrap(&self, gesture: Gesture<'_>) -> Result<UserKey, ProtectorError> {
        match self {
            Self::Pin(protector) => protector.unwrap(gesture),
        }
    }

    /// The form of PIN that it takes.
    pub(crate) fn form(&self) -> Form {
        match self {
            Self::Pin(pin) => pin.form,
        }
    }

    /// What evidence made through it says about the gesture.
    pub(crate) fn method(&self) -> Method {
        match self {
            Self::Pin(_) => Method::Pin,
        }
    }

    /// What evidence made through it says about the strength.
    pub(crate) fn tier(&self) -> Tier {
        match self {
            Self::Pin(_) => Tier::Software,
        }
    }

    /// As stored: `{1: method, 2: parameters, 3: salt, 4: nonce, 5: wrapped key, 6?: 1 for the clients' form}`. Nothing in it is
    /// secret.
    pub(crate) fn to_cbor(&self) -> Value {
        let Self::Pin(pin) = self;
        let map = Map::new()
            .with(1, self.method().number())
            .with(2, pin.parameters.to_cbor())
            .with(3, pin.salt)
            .with(4, pin.nonce)
            .with(5, pin.wrapped);
        Value::from(match pin.form {
            Form::Typed => map,
            Form::Client => map.with(6, CLIENT_FORM),
        })
    }

    /// Reads what [`Self::to_cbor`] wrote; the text says what is wrong.
    pub(crate) fn from_cbor(value: &Value) -> Result<Self, &'static str> {
        let map = value.as_map().ok_or("a protector is a map")?;
        if map.int(1).and_then(Value::as_unsigned) != Some(Method::Pin.number()) {
            return Err("the protector's method is not known");
        }
        let form = match (map.len(), map.int(6).map(Value::as_unsigned)) {
            (5, None) => Form::Typed,
            (6, Some(Some(CLIENT_FORM))) => Form::Client,
            _ => return Err("the protector has fields that are not known"),
        };
        let parameters = map
            .int(2)
            .ok_or("the protector has no parameters")
            .and_then(KdfParameters::from_cbor)?;
        Ok(Self::Pin(PinProtector {
            form,
            parameters,
            salt: fixed(map.int(3)).ok_or("the protector's salt has the wrong length")?,
            nonce: fixed(map.int(4)).ok_or("the protector's nonce has the wrong length")?,
            wrapped: fixed(map.int(5)).ok_or("the wrapped key has the wrong length")?,
        }))
    }
}

/// The user's key, wrapped with XChaCha20-Poly1305 under a key that Argon2id makes of the PIN.
#[derive(Clone, Debug)]
pub(crate) struct PinProtector {
    form: Form,
    parameters: KdfParameters,
    salt: [u8; SALT_LENGTH],
    nonce: [u8; NONCE_LENGTH],
    wrapped: [u8; WRAPPED_LENGTH],
}

impl PinProtector {
    /// Wraps `key` under the PIN, with a fresh salt and nonce. Takes [`KdfParameters::STANDARD`]'s time and memory.
    pub(crate) fn wrap(crypto: &dyn Crypto, gesture: Gesture<'_>, key: &UserKey) -> Result<Self, ProtectorError> {
        let form = gesture.form();
        let parameters = KdfParameters::STANDARD;
        let (mut salt, mut nonce) = ([0; SALT_LENGTH], [0; NONCE_LENGTH]);
        crypto.random(&mut salt)?;
        crypto.random(&mut nonce)?;
        let cipher = cipher(gesture, &salt, parameters)?;
        let message = Payload {
            msg: key.expose(),
            aad: &binding(form, &salt, parameters),
        };
        let wrapped = cipher
            .encrypt(&XNonce::from(nonce), message)
            .map_err(|_| ProtectorError::Memory)?;
        let wrapped = wrapped.try_into().map_err(|_| ProtectorError::Memory)?;
        Ok(Self {
            form,
            parameters,
            salt,
            nonce,
            wrapped,
        })
    }

    /// The user's key, when the PIN is right. Takes the time and memory that the stored parameters name.
    pub(crate) fn unwrap(&self, gesture: Gesture<'_>) -> Result<UserKey, ProtectorError> {
        let cipher = cipher(gesture, &self.salt, self.parameters)?;
        let message = Payload {
            msg: &self.wrapped,
            aad: &binding(self.form, &self.salt, self.parameters),
        };
        let key = cipher
            .decrypt(&XNonce::from(self.nonce), message)
            .map_err(|_| ProtectorError::WrongPin)?;
        let key = Zeroizing::new(key);
        let mut bytes = Zeroizing::new([0; UserKey::LENGTH]);
        if key.len() != bytes.len() {
            return Err(ProtectorError::WrongPin);
        }
        bytes.copy_from_slice(&key);
        Ok(UserKey::from_bytes(bytes))
    }
}

/// The cost of one guess.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct KdfParameters {
    /// Memory in KiB.
    memory: u32,
    /// Passes over the memory.
    passes: u32,
    /// Lanes; more than one would only help a guesser who has more cores than we use.
    lanes: u32,
}

impl KdfParameters {
    /// What new protectors use, and the least that a file may name: 64 MiB, three passes, one lane.
    pub(crate) const STANDARD: Self = Self {
        memory: 64 * 1024,
        passes: 3,
        lanes: 1,
    };
    /// The most that a file may name, so that a file cannot make hello take all memory or run for minutes.
    const MOST: Self = Self {
        memory: 1024 * 1024,
        passes: 16,
        lanes: 1,
    };

    fn to_cbor(self) -> Value {
        Value::from(Map::new().with(1, self.memory).with(2, self.passes).with(3, self.lanes))
    }

    fn from_cbor(value: &Value) -> Result<Self, &'static str> {
        let map = value
            .as_map()
            .filter(|map| map.len() == 3)
            .ok_or("the parameters have three fields")?;
        let number = |key, least: u32, most: u32| {
            map.int(key)
                .and_then(Value::as_unsigned)
                .and_then(|number| u32::try_from(number).ok())
                .filter(|number| (least..=most).contains(number))
                .ok_or("the parameters are weaker or costlier than accepted")
        };
        Ok(Self {
            memory: number(1, Self::STANDARD.memory, Self::MOST.memory)?,
            passes: number(2, Self::STANDARD.passes, Self::MOST.passes)?,
            lanes: number(3, Self::STANDARD.lanes, Self::MOST.lanes)?,
        })
    }
}

/// Why a protector did not give or take the key.
#[derive(Debug, Error)]
pub(crate) enum ProtectorError {
    /// The user's: not the PIN that wrapped the key (or the wrapped key was changed, which looks the same).
    #[error("wrong PIN")]
    WrongPin,
    /// The machine's: the key derivation did not get its memory.
    #[error("not enough memory for the key derivation")]
    Memory,
    /// The machine's: no randomness.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// The cipher under the key that Argon2id makes of the PIN. All of the derivation's memory is wiped and given back.
fn cipher(
    gesture: Gesture<'_>,
    salt: &[u8; SALT_LENGTH],
    parameters: KdfParameters,
) -> Result<XChaCha20Poly1305, ProtectorError> {
    let KdfParameters { memory, passes, lanes } = parameters;
    let mut key = Zeroizing::new([0; 32]);
    let params = Params::new(memory, passes, lanes, Some(key.len())).map_err(|_| ProtectorError::Memory)?;
    // Our own memory rather than the library's, because that one is given back without being wiped. An allocation of this
    // size is always mapped by itself (glibc never serves more than 32 MiB from its heap), so dropping it returns it.
    let mut blocks: Zeroizing<Blocks> = Zeroizing::new(Blocks(Vec::new()));
    blocks
        .0
        .try_reserve_exact(params.block_count())
        .map_err(|_| ProtectorError::Memory)?;
    blocks.0.resize(params.block_count(), Block::new());
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(gesture.secret(), salt, key.as_mut_slice(), blocks.0.as_mut_slice())
        .map_err(|_| ProtectorError::Memory)?;
    Ok(XChaCha20Poly1305::new((&*key).into()))
}

/// Argon2's working memory; its last blocks are as good as the key.
struct Blocks(Vec<Block>);

impl Zeroize for Blocks {
    fn zeroize(&mut self) {
        self.0.iter_mut().zeroize();
    }
}

/// What the wrapping is bound to besides the key: its purpose, and parameters and salt as stored.
fn binding(form: Form, salt: &[u8; SALT_LENGTH], parameters: KdfParameters) -> Vec<u8> {
    let context = Value::from(form.context());
    Value::from(vec![context, parameters.to_cbor(), Value::from(salt)]).encode()
}

/// A byte string of exactly this length.
fn fixed<const N: usize>(value: Option<&Value>) -> Option<[u8; N]> {
    value?.as_bytes()?.try_into().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::crypto::native;

    use super::*;

    fn pin(text: &str) -> Pin {
        Pin::new(text).unwrap()
    }

    fn protector() -> (UserKey, PinProtector) {
        let key = UserKey::generate(native()).unwrap();
        let protector = PinProtector::wrap(native(), Gesture::Pin(&pin("zebra-94")), &key).unwrap();
        (key, protector)
    }

    #[test]
    fn the_right_pin_opens_and_a_wrong_one_does_not() {
        let (key, protector) = protector();
        let stored = Protector::Pin(protector).to_cbor();
        let Protector::Pin(protector) = Protector::from_cbor(&stored).unwrap();
        assert_eq!(protector.form, Form::Typed);
        let right = pin("zebra-94");
        assert_eq!(protector.unwrap(Gesture::Pin(&right)).unwrap().expose(), key.expose());
        let wrong = protector.unwrap(Gesture::Pin(&pin("zebra-95")));
        assert!(matches!(wrong, Err(ProtectorError::WrongPin)));
    }

    #[test]
    fn the_clients_form_opens_its_own_protector_only() {
        let (key, typed) = protector();
        let right = ClientPin::of(native(), &pin("zebra-94"));
        let client = PinProtector::wrap(native(), Gesture::ClientPin(&right), &key).unwrap();
        let Protector::Pin(client) = Protector::from_cbor(&Protector::Pin(client).to_cbor()).unwrap();
        assert_eq!(client.form, Form::Client);
        assert_eq!(
            client.unwrap(Gesture::ClientPin(&right)).unwrap().expose(),
            key.expose()
        );
        let wrong = ClientPin::of(native(), &pin("zebra-95"));
        assert!(client.unwrap(Gesture::ClientPin(&wrong)).is_err());
        assert!(client.unwrap(Gesture::Pin(&pin("zebra-94"))).is_err());
        assert!(typed.unwrap(Gesture::ClientPin(&right)).is_err());
        // One is not the other with another mark on it.
        let disguised = PinProtector {
            form: Form::Typed,
            ..client
        };
        assert!(disguised.unwrap(Gesture::ClientPin(&right)).is_err());
    }

    #[test]
    fn unknown_fields_are_refused() {
        let (_, protector) = protector();
        let map = Protector::Pin(protector).to_cbor().into_map().unwrap();
        for changed in [
            map.clone().with(6, 0),
            map.clone().with(6, 2),
            map.clone().with(7, 1),
            map.clone().with(6, CLIENT_FORM).with(7, 1),
            map.clone().with(1, 2),
        ] {
            assert!(Protector::from_cbor(&Value::from(changed)).is_err());
        }
        assert!(Protector::from_cbor(&Value::from(map.with(6, CLIENT_FORM))).is_ok());
    }

    #[test]
    fn everything_stored_is_bound() {
        let (_, protector) = protector();
        let pin = pin("zebra-94");
        for change in [
            |p: &mut PinProtector| p.salt[0] ^= 1,
            |p: &mut PinProtector| p.nonce[0] ^= 1,
            |p: &mut PinProtector| p.wrapped[0] ^= 1,
            |p: &mut PinProtector| p.parameters.passes += 1,
        ] {
            let mut changed = protector.clone();
            change(&mut changed);
            assert!(matches!(
                changed.unwrap(Gesture::Pin(&pin)),
                Err(ProtectorError::WrongPin)
            ));
        }
    }

    #[test]
    fn two_protectors_of_one_pin_have_nothing_in_common() {
        let key = UserKey::generate(native()).unwrap();
        let pin = pin("zebra-94");
        let (one, two) = (
            PinProtector::wrap(native(), Gesture::Pin(&pin), &key).unwrap(),
            PinProtector::wrap(native(), Gesture::Pin(&pin), &key).unwrap(),
        );
        assert_ne!(one.salt, two.salt);
        assert_ne!(one.nonce, two.nonce);
        assert_ne!(one.wrapped, two.wrapped);
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
            KdfParameters { memory: 8, ..standard },
            KdfParameters { passes: 2, ..standard },
            KdfParameters { passes: 17, ..standard },
            KdfParameters { lanes: 0, ..standard },
            KdfParameters { lanes: 4, ..standard },
        ] {
            assert!(KdfParameters::from_cbor(&bad.to_cbor()).is_err(), "{bad:?}");
        }
    }
}
