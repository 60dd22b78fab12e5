//! The two messages of acquaintance: what a provider says of itself, and what the platform says to a provider.

use claviger_ctap::{
    cbor::{Limits, Map, Value},
    cose::Sign1,
    crypto::{Crypto, CryptoError, PrivateKey, PublicKey, ecdh::EcdhPublicKey},
};

use crate::{
    PROTOCOL_VERSION,
    fields::{Fields, MessageError},
    ident::ProviderId,
    keys::KeyId,
    trouble::Trouble,
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
    other_simple: false,
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
    /// What is the matter with it, if anything is.
    pub trouble: Option<Trouble>,
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
            .with(6, self.name.as_str())
            .maybe(7, self.trouble.as_ref().map(Trouble::to_map));
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
            trouble: fields.optional(7, |fields, key| Trouble::read(&fields.map(key)?))?,
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

/// The external data of an endorsement's signature.
pub const ENDORSEMENT_AAD: &[u8] = b"claviger-provider-keys-v1";

/// The answer of `org.claviger.Providers1.Register`.
///
/// A provider pins the keys of the first registration that it sees. Later ones may bring other keys only when they are
/// *endorsed*: a list of public keys proves nothing by itself, so the platform signs it with a key that was in use before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    state: ProviderState,
    request_keys: Vec<PublicKey>,
    uv_key: Option<PublicKey>,
    endorsement: Vec<u8>,
}

impl Registration {
    /// What the platform answers to this provider. `request_keys` are one to four, the current one first, then those that
    /// overlap with it; `uv_key` is hello's, absent until the user has chosen a PIN. `signer` is the private half of the
    /// oldest of the request keys, which every provider that was ever met has pinned.
    ///
    /// # Errors
    /// Signing failed.
    pub fn new(
        crypto: &dyn Crypto,
        provider: &ProviderId,
        state: ProviderState,
        request_keys: Vec<PublicKey>,
        uv_key: Option<PublicKey>,
        signer: &PrivateKey,
    ) -> Result<Self, CryptoError> {
        let kid = KeyId::of(crypto, signer.public_key());
        let mut registration = Self {
            state,
            request_keys,
            uv_key,
            endorsement: Vec::new(),
        };
        let statement = registration.statement(provider);
        registration.endorsement = Sign1::sign(crypto, signer, &kid.0, ENDORSEMENT_AAD, &statement)?;
        Ok(registration)
    }

    /// The provider's state.
    pub fn state(&self) -> ProviderState {
        self.state
    }

    /// The keys with which requests to this provider are signed: the current one first, then those that overlap with it.
    pub fn request_keys(&self) -> &[PublicKey] {
        &self.request_keys
    }

    /// Hello's key, under which evidence is signed; absent until the user has chosen a PIN.
    pub fn uv_key(&self) -> Option<&PublicKey> {
        self.uv_key.as_ref()
    }

    /// Whether one of these keys signed this registration's keys for this provider.
    pub fn is_endorsed_by(&self, crypto: &dyn Crypto, provider: &ProviderId, pinned: &[PublicKey]) -> bool {
        let statement = self.statement(provider);
        pinned.iter().any(|key| {
            let signed = Sign1::parse(&self.endorsement).ok();
            let signed = signed.filter(|signed| signed.kid() == KeyId::of(crypto, key).0);
            signed
                .and_then(|signed| signed.verify(crypto, key, ENDORSEMENT_AAD).ok())
                .is_some_and(|it| it == statement)
        })
    }

    /// The canonical map.
    pub fn encode(&self) -> Vec<u8> {
        let map = Map::new()
            .with(1, PROTOCOL_VERSION)
            .with(2, self.state.as_str())
            .with(3, self.key_list())
            .maybe(4, self.uv_key.as_ref().map(PublicKey::to_cose))
            .with(5, self.endorsement.as_slice());
        Value::from(map).encode()
    }

    /// Reads the map. The endorsement is not checked yet; see [`Registration::is_endorsed_by`].
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
            endorsement: fields.bytes(5)?.to_vec(),
        })
    }

    /// What is endorsed: the canonical map `{1: provider id, 2: [request keys], 3?: uv key}`.
    fn statement(&self, provider: &ProviderId) -> Vec<u8> {
        let map = Map::new()
            .with(1, provider.as_str())
            .with(2, self.key_list())
            .maybe(3, self.uv_key.as_ref().map(PublicKey::to_cose));
        Value::from(map).encode()
    }

    fn key_list(&self) -> Vec<Value> {
        self.request_keys.iter().map(PublicKey::to_cose).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::crypto::{Algorithm, PrivateKey, ecdh::EphemeralKey, native};
    use proptest::prelude::*;

    use super::*;
    use crate::TroubleKind;

    fn private(seed: u8) -> PrivateKey {
        PrivateKey::from_secret(Algorithm::EdDsa, &[seed; 32]).unwrap()
    }

    fn key(seed: u8) -> PublicKey {
        private(seed).public_key().clone()
    }

    fn registration(request_keys: Vec<PublicKey>, uv_key: Option<PublicKey>) -> Registration {
        let provider = ProviderId::parse("org.example.Notebook").unwrap();
        Registration::new(
            native(),
            &provider,
            ProviderState::Enabled,
            request_keys,
            uv_key,
            &private(1),
        )
        .unwrap()
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
                trouble: Some(Trouble::new(TroubleKind::Damaged, "restore a backup")),
            };
            assert_eq!(Description::decode(&description.encode()), Ok(description));
        }
        for uv_key in [None, Some(key(3))] {
            let registration = registration(vec![key(1), key(2)], uv_key);
            assert_eq!(Registration::decode(&registration.encode()), Ok(registration));
        }
    }

    #[test]
    fn an_endorsement_covers_provider_and_keys() {
        let (ours, other) = (
            ProviderId::parse("org.example.Notebook").unwrap(),
            ProviderId::parse("org.example.Other").unwrap(),
        );
        let good = registration(vec![key(2), key(1)], Some(key(3)));
        assert!(good.is_endorsed_by(native(), &ours, &[key(9), key(1)]));
        assert!(!good.is_endorsed_by(native(), &ours, &[key(2), key(3)]));
        assert!(!good.is_endorsed_by(native(), &ours, &[]));
        assert!(!good.is_endorsed_by(native(), &other, &[key(1)]));
        for changed in [
            Registration {
                request_keys: vec![key(4), key(1)],
                ..good.clone()
            },
            Registration {
                uv_key: Some(key(4)),
                ..good.clone()
            },
            Registration {
                uv_key: None,
                ..good.clone()
            },
            Registration {
                endorsement: vec![],
                ..good.clone()
            },
        ] {
            assert!(!changed.is_endorsed_by(native(), &ours, &[key(1)]));
        }
    }

    #[test]
    fn a_registration_has_one_to_four_keys() {
        let decoded = |count| Registration::decode(&registration(vec![key(1); count], None).encode());
        assert_eq!(decoded(0), Err(MessageError::Value(3)));
        assert!(decoded(4).is_ok());
        assert_eq!(decoded(5), Err(MessageError::Value(3)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (Description::decode(&bytes), Registration::decode(&bytes));
        }
    }
}
