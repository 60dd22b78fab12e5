//! The two messages of acquaintance: what a provider says of itself, and what the platform says to a provider.

use claviger_ctap::{
    cbor::{Limits, Map, Value},
    crypto::{PublicKey, ecdh::EcdhPublicKey},
};

use crate::{
    fields::{Fields, MapExt, MessageError},
    manifest::PROTOCOL_VERSION,
};

/// The most bytes that either message may have.
pub const MAX_BYTES: usize = 16 * 1024;

/// The most request keys that are in use at one time: the current one and those that overlap with it.
pub const MAX_REQUEST_KEYS: usize = 4;

/// The most bytes of a provider's name.
pub const MAX_NAME_BYTES: usize = 256;

const LIMITS: Limits = Limits {
    max_bytes: MAX_BYTES,
    max_depth: 6,
    max_items: 512,
};

/// The answer of `org.claviger.Provider1.Describe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The CTAP `authenticatorGetInfo` response, canonical CBOR without a status byte.
    pub get_info: Vec<u8>,
    /// The last sequence number that the provider accepted: the next must be above.
    pub sequence_floor: u64,
    /// The key to which unlock boxes are sealed; absent when the provider is never locked.
    pub unlock_key: Option<EcdhPublicKey>,
    /// Whether the provider is locked.
    pub locked: bool,
    /// The provider's name.
    pub name: String,
}

impl Description {
    /// The canonical map.
    pub fn encode(&self) -> Vec<u8> {
        let map = Map::new()
            .with(1, PROTOCOL_VERSION)
            .with(2, self.get_info.as_slice())
            .with(3, self.sequence_floor)
            .maybe(4, self.unlock_key.as_ref().map(EcdhPublicKey::to_cose))
            .with(5, self.locked)
            .with(6, self.name.as_str());
        Value::from(map).encode()
    }

    /// Reads the map.
    ///
    /// # Errors
    /// The provider is at fault.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::decode_versioned(bytes, &LIMITS)?;
        Ok(Self {
            get_info: fields.bytes(2)?.to_vec(),
            sequence_floor: fields.unsigned(3)?,
            unlock_key: fields.optional(4, |fields, key| {
                EcdhPublicKey::from_cose(fields.value(key)?).map_err(|_| MessageError::Value(key))
            })?,
            locked: fields.boolean(5)?,
            name: fields.text(6, MAX_NAME_BYTES)?.to_owned(),
        })
    }
}

/// A provider's standing with the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderState {
    /// The platform does not know it.
    Unregistered,
    /// Registered, and not (yet, or any more) allowed by the user: it is asked nothing.
    Registered,
    /// The user allowed it.
    Enabled,
}

impl ProviderState {
    /// The word on the bus: `unregistered`, `registered`, `enabled`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unregistered => "unregistered",
            Self::Registered => "registered",
            Self::Enabled => "enabled",
        }
    }

    /// The state with this word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Unregistered, Self::Registered, Self::Enabled]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// The answer of `org.claviger.Providers1.Register`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The provider's state.
    pub state: ProviderState,
    /// The keys with which requests to this provider are signed: the current one first, then those that overlap with it.
    pub request_keys: Vec<PublicKey>,
    /// Hello's key, under which evidence is signed; absent until the user has chosen a PIN.
    pub uv_key: Option<PublicKey>,
}

impl Registration {
    /// The canonical map.
    pub fn encode(&self) -> Vec<u8> {
        let map = Map::new()
            .with(1, PROTOCOL_VERSION)
            .with(2, self.state.as_str())
            .with(3, self.request_keys.iter().map(PublicKey::to_cose).collect::<Vec<_>>())
            .maybe(4, self.uv_key.as_ref().map(PublicKey::to_cose));
        Value::from(map).encode()
    }

    /// Reads the map.
    ///
    /// # Errors
    /// The platform is at fault.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::decode_versioned(bytes, &LIMITS)?;
        let key = |value: &Value, key| PublicKey::from_cose(value).map_err(|_| MessageError::Value(key));
        let request_keys = fields.array(3)?;
        if !(1..=MAX_REQUEST_KEYS).contains(&request_keys.len()) {
            return Err(MessageError::Value(3));
        }
        Ok(Self {
            state: ProviderState::parse(fields.text(2, 64)?).ok_or(MessageError::Value(2))?,
            request_keys: request_keys
                .iter()
                .map(|value| key(value, 3))
                .collect::<Result<_, _>>()?,
            uv_key: fields.optional(4, |fields, number| key(fields.value(number)?, number))?,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::crypto::{Algorithm, PrivateKey, ecdh::EphemeralKey, native};
    use proptest::prelude::*;

    use super::*;

    fn key(seed: u8) -> PublicKey {
        PrivateKey::from_secret(Algorithm::EdDsa, &[seed; 32])
            .unwrap()
            .public_key()
            .clone()
    }

    #[test]
    fn both_messages_come_back() {
        let unlock_key = EphemeralKey::generate(native()).unwrap().public().clone();
        for unlock_key in [None, Some(unlock_key)] {
            let description = Description {
                get_info: vec![0xa0],
                sequence_floor: 7,
                unlock_key,
                locked: true,
                name: "Notebook".into(),
            };
            assert_eq!(Description::decode(&description.encode()), Ok(description));
        }
        for uv_key in [None, Some(key(3))] {
            let registration = Registration {
                state: ProviderState::Enabled,
                request_keys: vec![key(1), key(2)],
                uv_key,
            };
            assert_eq!(Registration::decode(&registration.encode()), Ok(registration));
        }
    }

    #[test]
    fn a_registration_has_one_to_four_keys() {
        let registration = |count| Registration {
            state: ProviderState::Registered,
            request_keys: vec![key(1); count],
            uv_key: None,
        };
        assert_eq!(
            Registration::decode(&registration(0).encode()),
            Err(MessageError::Value(3))
        );
        assert!(Registration::decode(&registration(4).encode()).is_ok());
        assert_eq!(
            Registration::decode(&registration(5).encode()),
            Err(MessageError::Value(3))
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (Description::decode(&bytes), Registration::decode(&bytes));
        }
    }
}
