//! The PIN's protector: the user's key under Argon2id of the PIN, once as it is typed and once as CTAP clients give it.
//!
//! Both wrap the same key and count on the same tries: whoever guesses one has guessed the other.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use claviger_ctap::{
    cbor::{Map, Value},
    crypto::Crypto,
};
use zeroize::{Zeroize, Zeroizing};

use super::{NONCE_LENGTH, ProtectorError, SALT_LENGTH, WRAPPED_LENGTH, fixed};
use claviger_pin::{ClientPin, Pin};

use crate::keys::UserKey;

/// The user's key, wrapped under a PIN in either form.
#[derive(Clone, Debug)]
pub(crate) struct PinKeys {
    typed: WrappedKey,
    /// Absent after version 1 of the file, until the PIN is given again.
    client: Option<WrappedKey>,
}

impl PinKeys {
    /// Wraps the user's key under this PIN in both forms. Takes two key derivations' time.
    pub(crate) fn wrap(
        crypto: &dyn Crypto,
        pin: &Pin,
        cost: KdfParameters,
        key: &UserKey,
    ) -> Result<Self, ProtectorError> {
        let typed = WrappedKey::wrap(crypto, Form::Typed, pin.as_bytes(), cost, key)?;
        Self { typed, client: None }.with_client(crypto, pin, cost, key)
    }

    /// The same, with the key wrapped under the clients' form of this PIN too.
    pub(crate) fn with_client(
        self,
        crypto: &dyn Crypto,
        pin: &Pin,
        cost: KdfParameters,
        key: &UserKey,
    ) -> Result<Self, ProtectorError> {
        let pin = ClientPin::of(crypto, pin);
        let client = WrappedKey::wrap(crypto, Form::Client, pin.as_bytes(), cost, key)?;
        Ok(Self {
            client: Some(client),
            ..self
        })
    }

    /// Whether the PIN can be given as CTAP clients give it.
    pub(crate) fn takes_client(&self) -> bool {
        self.client.is_some()
    }

    /// The user's key, when this is the PIN. Takes a key derivation's time.
    pub(crate) fn unwrap(&self, pin: &Pin) -> Result<Option<Box<UserKey>>, ProtectorError> {
        self.typed.unwrap(Form::Typed, pin.as_bytes())
    }

    /// [`Self::unwrap`] with the PIN as a CTAP client gives it.
    pub(crate) fn unwrap_client(&self, pin: &ClientPin) -> Result<Option<Box<UserKey>>, ProtectorError> {
        match &self.client {
            Some(client) => client.unwrap(Form::Client, pin.as_bytes()),
            None => Ok(None),
        }
    }

    /// `{2: typed, 3?: client}`: beside the gate, in the protector's record.
    pub(super) fn into_record(self, record: Map) -> Map {
        let record = record.with(2, self.typed.to_cbor());
        match self.client {
            Some(client) => record.with(3, client.to_cbor()),
            None => record,
        }
    }

    /// Reads what [`Self::into_record`] wrote; the text says what is wrong.
    pub(super) fn from_record(record: &Map) -> Result<Self, &'static str> {
        let typed = WrappedKey::from_cbor(record.int(2).ok_or("the protector has no wrapped key")?)?;
        let client = record.int(3).map(WrappedKey::from_cbor).transpose()?;
        if record.len() != 2 + usize::from(client.is_some()) {
            return Err("the protector has fields that are not known");
        }
        Ok(Self { typed, client })
    }

    /// From the two wrapped keys of the file's earlier versions.
    pub(crate) fn from_parts(typed: WrappedKey, client: Option<WrappedKey>) -> Self {
        Self { typed, client }
    }
}

/// In which form a wrapped key takes the PIN. Bound into the wrapping, so that one does not pass for the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    /// As it was typed, in UTF-8.
    Typed,
    /// As CTAP clients give it: the left half of its SHA-256.
    Client,
}

impl Form {
    fn context(self) -> &'static str {
        match self {
            Self::Typed => "claviger-hello-pin-v1",
            Self::Client => "claviger-hello-client-pin-v1",
        }
    }
}

/// The user's key, wrapped with XChaCha20-Poly1305 under a key that Argon2id makes of the PIN.
#[derive(Clone, Debug)]
pub(crate) struct WrappedKey {
    parameters: KdfParameters,
    salt: [u8; SALT_LENGTH],
    nonce: [u8; NONCE_LENGTH],
    wrapped: [u8; WRAPPED_LENGTH],
}

impl WrappedKey {
    /// Wraps `key` under the PIN, with a fresh salt and nonce. Takes the time and memory of `cost`.
    fn wrap(
        crypto: &dyn Crypto,
        form: Form,
        pin: &[u8],
        cost: KdfParameters,
        key: &UserKey,
    ) -> Result<Self, ProtectorError> {
        let (mut salt, mut nonce) = ([0; SALT_LENGTH], [0; NONCE_LENGTH]);
        crypto.random(&mut salt)?;
        crypto.random(&mut nonce)?;
        let message = Payload {
            msg: key.expose(),
            aad: &binding(form, &salt, cost),
        };
        let wrapped = cipher(pin, &salt, cost)?
            .encrypt(&XNonce::from(nonce), message)
            .map_err(|_| ProtectorError::Memory)?;
        let wrapped = wrapped.try_into().map_err(|_| ProtectorError::Memory)?;
        Ok(Self {
            parameters: cost,
            salt,
            nonce,
            wrapped,
        })
    }

    /// The user's key, when the PIN is right. Takes the time and memory that the stored parameters name.
    fn unwrap(&self, form: Form, pin: &[u8]) -> Result<Option<Box<UserKey>>, ProtectorError> {
        let message = Payload {
            msg: &self.wrapped,
            aad: &binding(form, &self.salt, self.parameters),
        };
        let cipher = cipher(pin, &self.salt, self.parameters)?;
        let key = cipher.decrypt(&XNonce::from(self.nonce), message).map(Zeroizing::new);
        Ok(key.ok().and_then(|key| UserKey::from_slice(&key)))
    }

    /// As stored: `{1: parameters, 2: salt, 3: nonce, 4: wrapped key}`. Nothing in it is secret.
    fn to_cbor(&self) -> Value {
        let map = Map::new().with(1, self.parameters.to_cbor());
        Value::from(map.with(2, self.salt).with(3, self.nonce).with(4, self.wrapped))
    }

    fn from_cbor(value: &Value) -> Result<Self, &'static str> {
        let map = value.as_map().ok_or("a wrapped key is a map")?;
        if map.len() != 4 {
            return Err("the wrapped key has fields that are not known");
        }
        Self::from_parts(map.int(1), map.int(2), map.int(3), map.int(4))
    }

    /// From the parameters, salt, nonce and wrapped key as they stand in a file; the text says what is wrong.
    pub(crate) fn from_parts(
        parameters: Option<&Value>,
        salt: Option<&Value>,
        nonce: Option<&Value>,
        wrapped: Option<&Value>,
    ) -> Result<Self, &'static str> {
        Ok(Self {
            parameters: parameters
                .ok_or("the wrapped key has no parameters")
                .and_then(KdfParameters::from_cbor)?,
            salt: fixed(salt).ok_or("the salt has the wrong length")?,
            nonce: fixed(nonce).ok_or("the nonce has the wrong length")?,
            wrapped: fixed(wrapped).ok_or("the wrapped key has the wrong length")?,
        })
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
    /// What new wrapped keys use, and the least that a file may name: 64 MiB, three passes, one lane.
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
    /// For tests that look at guesses by the thousand. No file may name it.
    #[cfg(test)]
    pub(crate) const CHEAP: Self = Self {
        memory: 8,
        passes: 1,
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

/// The cipher under the key that Argon2id makes of the PIN. All of the derivation's memory is wiped and given back.
fn cipher(
    pin: &[u8],
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
        .hash_password_into_with_memory(pin, salt, key.as_mut_slice(), blocks.0.as_mut_slice())
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
#[cfg(test)]
mod tests;
