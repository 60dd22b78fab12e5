//! Requests: what the platform sends to a provider, wholly signed.
//!
//! A request is a canonical CBOR map inside a `COSE_Sign1` by a key that the platform made for this one provider. The broker
//! fills in a [`Request`] and calls [`Request::sign`]; a provider calls [`SignedRequest::parse`], looks up the key by
//! [`SignedRequest::kid`] and calls [`SignedRequest::verify`]. A good signature is the first of the checks, not the last: the
//! rest (clock, sequence number, transaction, provider id) needs a memory and is the SDK's.

use std::fmt;

use claviger_ctap::{
    cbor::{Limits, Map, Value},
    cose::{Sign1, Sign1Error},
    crypto::{Crypto, CryptoError, PrivateKey, PublicKey},
};

use crate::{
    fields::{Fields, MessageError},
    ident::{ProviderId, TransactionId},
    keys::KeyId,
    operation::Operation,
};

/// The external data that the signature covers besides the request, so that a signature made for another purpose never fits.
pub const AAD: &[u8] = b"claviger-provider-request-v1";

/// The most bytes that an envelope may have.
pub const MAX_BYTES: usize = 64 * 1024;

/// The longest time between issue and expiry, in milliseconds.
pub const MAX_LIFETIME_MS: u64 = 10 * 60 * 1000;

/// The most bytes of a name, origin or hint in a request.
pub const MAX_TEXT_BYTES: usize = 1024;

/// One request to a provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The provider that is asked.
    pub provider: ProviderId,
    /// What it is asked.
    pub operation: Operation,
    /// The name of this request.
    pub transaction: TransactionId,
    /// Above every sequence number that this provider was sent before.
    pub sequence: u64,
    /// When the request was signed, in milliseconds since 1970.
    pub issued_ms: u64,
    /// When it ends, in milliseconds since 1970; at most [`MAX_LIFETIME_MS`] later.
    pub expires_ms: u64,
    /// The program that asks.
    pub caller: Caller,
    /// The caller's window, as the portals name it (`wayland:…`, `x11:…`), for placing a window of the provider's own.
    pub window: Option<String>,
    /// The operation's parameters; see [`crate::operation`]. Evidence is bound to exactly these bytes.
    pub parameters: Vec<u8>,
    /// Evidence that the user was verified; see [`crate::evidence`].
    pub evidence: Option<Vec<u8>>,
    /// Whether the provider may show anything of its own.
    pub presentation: Presentation,
    /// What the operation is about, in the user's words, for a provider that shows something.
    pub hint: Option<String>,
    /// A box with the provider's unlock secret; see [`crate::unlock`].
    pub unlock_box: Option<Vec<u8>>,
}

/// The program on whose behalf the platform asks, as the platform established it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The application id (sandbox or desktop file), where there is one.
    pub app_id: Option<String>,
    /// What the user knows the program as.
    pub name: String,
    /// The web origin, where the door knows it.
    pub origin: Option<String>,
    /// The origin of the top-level page, where it differs and the door knows it.
    pub top_origin: Option<String>,
    /// The way by which the request came.
    pub door: Door,
}

/// The ways into the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// 1: the browser extension.
    Browser,
    /// 2: the credential portal.
    Portal,
    /// 3: the virtual security key.
    Hid,
    /// 4: the platform's own command line and settings.
    Cli,
    /// 5: a provider itself, which has the user verified (`VerifyUser`). In no request: it is asked nothing then.
    Provider,
    /// A door that a later version may define.
    Other(u64),
}

/// Whether a provider may show anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presentation {
    /// 0: the platform has asked the user everything; show nothing.
    Silent,
    /// 1: the provider may show a window of its own.
    Visible,
}

impl Request {
    /// Signs the request.
    ///
    /// # Errors
    /// The request is too large, or signing failed.
    pub fn sign(&self, crypto: &dyn Crypto, key: &PrivateKey, grease: &Grease) -> Result<Vec<u8>, EnvelopeError> {
        let kid = KeyId::of(crypto, key.public_key());
        self.sign_under(crypto, key, kid, grease)
    }

    /// [`Request::sign`] for a key whose id the caller has at hand; saves a hash.
    pub fn sign_under(
        &self,
        crypto: &dyn Crypto,
        key: &PrivateKey,
        kid: KeyId,
        grease: &Grease,
    ) -> Result<Vec<u8>, EnvelopeError> {
        let envelope = Sign1::sign(crypto, key, &kid.0, AAD, &self.encode(grease))?;
        if envelope.len() > MAX_BYTES {
            Err(EnvelopeError::TooLarge)
        } else {
            Ok(envelope)
        }
    }

    /// The canonical map that is signed.
    fn encode(&self, grease: &Grease) -> Vec<u8> {
        let caller = Map::new()
            .maybe(1, self.caller.app_id.as_deref())
            .with(2, self.caller.name.as_str())
            .maybe(3, self.caller.origin.as_deref())
            .maybe(4, self.caller.top_origin.as_deref())
            .with(5, self.caller.door.number());
        let request = Map::new()
            .with(1, 1)
            .with(2, self.provider.as_str())
            .with(3, self.operation.number())
            .with(4, self.transaction.as_bytes())
            .with(5, self.sequence)
            .with(6, self.issued_ms)
            .with(7, self.expires_ms)
            .with(
                8,
                grease
                    .caller
                    .iter()
                    .cloned()
                    .fold(caller, |map, (key, value)| map.with(key, value)),
            )
            .maybe(9, self.window.as_deref())
            .with(10, self.parameters.as_slice())
            .maybe(11, self.evidence.as_deref())
            .with(12, self.presentation.number())
            .maybe(13, self.hint.as_deref())
            .maybe(14, self.unlock_box.as_deref());
        Value::from(
            grease
                .request
                .iter()
                .cloned()
                .fold(request, |map, (key, value)| map.with(key, value)),
        )
        .encode()
    }

    fn decode(payload: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::decode_versioned(payload, &Limits::ENVELOPE)?;
        let caller = fields.map(8)?;
        let owned = |fields: &Fields, key| fields.bytes(key).map(<[u8]>::to_vec);
        Ok(Self {
            provider: ProviderId::parse(fields.text(2, ProviderId::MAX_BYTES)?).map_err(|_| MessageError::Value(2))?,
            operation: Operation::from_number(fields.unsigned(3)?),
            transaction: TransactionId::from_bytes(fields.bytes(4)?).ok_or(MessageError::Value(4))?,
            sequence: fields.unsigned(5)?,
            issued_ms: fields.unsigned(6)?,
            expires_ms: fields.unsigned(7)?,
            caller: Caller {
                app_id: caller.optional_text(1, MAX_TEXT_BYTES)?,
                name: caller.text(2, MAX_TEXT_BYTES)?.to_owned(),
                origin: caller.optional_text(3, MAX_TEXT_BYTES)?,
                top_origin: caller.optional_text(4, MAX_TEXT_BYTES)?,
                door: Door::from_number(caller.unsigned(5)?),
            },
            window: fields.optional_text(9, MAX_TEXT_BYTES)?,
            parameters: owned(&fields, 10)?,
            evidence: fields.optional(11, owned)?,
            presentation: match fields.unsigned(12)? {
                0 => Presentation::Silent,
                1 => Presentation::Visible,
                _ => return Err(MessageError::Value(12)),
            },
            hint: fields.optional_text(13, MAX_TEXT_BYTES)?,
            unlock_box: fields.optional(14, owned)?,
        })
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Parameters hold client data hashes, user handles and PRF salts: lengths only.
        f.debug_struct("Request")
            .field("provider", &self.provider)
            .field("operation", &self.operation)
            .field("transaction", &self.transaction)
            .field("sequence", &self.sequence)
            .field("issued_ms", &self.issued_ms)
            .field("expires_ms", &self.expires_ms)
            .field("caller", &self.caller)
            .field("parameters", &format_args!("bytes({})", self.parameters.len()))
            .field("evidence", &self.evidence.is_some())
            .field("presentation", &self.presentation)
            .field("unlock_box", &self.unlock_box.is_some())
            .finish_non_exhaustive()
    }
}

/// An envelope that was taken apart but whose signature was not checked yet. Only [`SignedRequest::verify`] gives its content.
#[derive(Debug)]
pub struct SignedRequest(Sign1);

impl SignedRequest {
    /// Takes an envelope apart.
    pub fn parse(envelope: &[u8]) -> Result<Self, EnvelopeError> {
        if envelope.len() > MAX_BYTES {
            return Err(EnvelopeError::TooLarge);
        }
        Ok(Self(Sign1::parse(envelope)?))
    }

    /// The id of the key that is said to have signed.
    pub fn kid(&self) -> &[u8] {
        self.0.kid()
    }

    /// Checks the signature and reads the request.
    pub fn verify(self, crypto: &dyn Crypto, key: &PublicKey) -> Result<Request, EnvelopeError> {
        if self.kid() != KeyId::of(crypto, key).0 {
            return Err(EnvelopeError::UnknownKey);
        }
        Ok(Request::decode(&self.0.verify(crypto, key, AAD)?)?)
    }
}

/// Why an envelope is refused (whoever sent it is at fault), or was not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// More than [`MAX_BYTES`].
    #[error("the envelope has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// Not a `COSE_Sign1`, or not signed by this key.
    #[error("the envelope: {0}")]
    Cose(#[from] Sign1Error),
    /// The key id is not that of this key.
    #[error("the envelope is signed under a key that is not known")]
    UnknownKey,
    /// The request cannot be read.
    #[error("the request: {0}")]
    Message(#[from] MessageError),
    /// Signing failed: the machine has no randomness or the key is of the wrong kind.
    #[error("the request cannot be signed: {0}")]
    Crypto(#[from] CryptoError),
}

/// Random keys that no version of the protocol will ever give a meaning, put into every request, so that a provider that
/// stumbles over unknown keys is found on the first day and not on the day when version 2 needs one.
///
/// Reserved for grease in every map of the joint: integers from 2¹⁶ up, all negative integers, all text keys.
#[derive(Debug, Clone, Default)]
pub struct Grease {
    request: Vec<(Value, Value)>,
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

impl Door {
    /// The number on the wire.
    pub fn number(self) -> u64 {
        match self {
            Self::Browser => 1,
            Self::Portal => 2,
            Self::Hid => 3,
            Self::Cli => 4,
            Self::Provider => 5,
            Self::Other(number) => number,
        }
    }

    /// The name in views, logs and command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Portal => "portal",
            Self::Hid => "hid",
            Self::Cli => "cli",
            Self::Provider => "provider",
            Self::Other(_) => "other",
        }
    }

    fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Browser,
            2 => Self::Portal,
            3 => Self::Hid,
            4 => Self::Cli,
            5 => Self::Provider,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Presentation {
    fn number(self) -> u64 {
        match self {
            Self::Silent => 0,
            Self::Visible => 1,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::crypto::{Algorithm, native};
    use proptest::prelude::*;

    use super::*;

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from_secret(Algorithm::EdDsa, &[seed; 32]).unwrap()
    }

    fn request() -> Request {
        Request {
            provider: ProviderId::parse("org.example.Notebook").unwrap(),
            operation: Operation::Get,
            transaction: TransactionId([1; 16]),
            sequence: 1_800_000_000_000_000,
            issued_ms: 1_800_000_000_000,
            expires_ms: 1_800_000_060_000,
            caller: Caller {
                app_id: None,
                name: "Chromium".into(),
                origin: Some("https://example.org".into()),
                top_origin: None,
                door: Door::Browser,
            },
            window: None,
            parameters: vec![0xa0],
            evidence: None,
            presentation: Presentation::Silent,
            hint: None,
            unlock_box: None,
        }
    }

    fn read(envelope: &[u8], key: &PrivateKey) -> Result<Request, EnvelopeError> {
        SignedRequest::parse(envelope)?.verify(native(), key.public_key())
    }

    #[test]
    fn a_request_comes_back_whole_with_and_without_its_optional_parts() {
        let full = Request {
            caller: Caller {
                app_id: Some("org.chromium.Chromium".into()),
                top_origin: Some("https://top.example".into()),
                door: Door::Other(77),
                ..request().caller
            },
            window: Some("wayland:abc".into()),
            evidence: Some(vec![1, 2]),
            presentation: Presentation::Visible,
            hint: Some("Sign in".into()),
            unlock_box: Some(vec![3]),
            operation: Operation::Unknown(99),
            ..request()
        };
        for request in [request(), full] {
            let envelope = request.sign(native(), &key(1), &Grease::none()).unwrap();
            assert_eq!(read(&envelope, &key(1)), Ok(request));
        }
    }

    #[test]
    fn grease_is_ignored() {
        for _ in 0..200 {
            let grease = Grease::random(native()).unwrap();
            assert!(!grease.request.is_empty());
            let envelope = request().sign(native(), &key(1), &grease).unwrap();
            assert_eq!(read(&envelope, &key(1)), Ok(request()));
        }
    }

    #[test]
    fn another_key_is_refused() {
        let envelope = request().sign(native(), &key(1), &Grease::none()).unwrap();
        assert_eq!(read(&envelope, &key(2)), Err(EnvelopeError::UnknownKey));
        let kid = KeyId::of(native(), key(2).public_key());
        let forged = request().sign_under(native(), &key(1), kid, &Grease::none()).unwrap();
        assert!(matches!(read(&forged, &key(2)), Err(EnvelopeError::Cose(_))));
    }

    #[test]
    fn evidence_does_not_pass_as_a_request() {
        let kid = KeyId::of(native(), key(1).public_key());
        let payload = request().encode(&Grease::none());
        let foreign = Sign1::sign(native(), &key(1), &kid.0, crate::evidence::AAD, &payload).unwrap();
        assert!(matches!(read(&foreign, &key(1)), Err(EnvelopeError::Cose(_))));
    }

    #[test]
    fn wrong_fields_and_versions_are_refused() {
        let refused = |change: &dyn Fn(&mut Map)| {
            let payload = request().encode(&Grease::none());
            let mut map = claviger_ctap::cbor::decode(&payload, &Limits::ENVELOPE)
                .unwrap()
                .into_map()
                .unwrap();
            change(&mut map);
            Request::decode(&Value::from(map).encode()).unwrap_err()
        };
        let set = |key: i64, value: Value| {
            refused(&move |map: &mut Map| {
                map.insert(key, value.clone());
            })
        };
        assert_eq!(set(1, Value::from(2)), MessageError::Version(2));
        assert_eq!(set(2, Value::from("not an id")), MessageError::Value(2));
        assert_eq!(set(4, Value::from([0; 15])), MessageError::Value(4));
        assert_eq!(set(5, Value::from(-1)), MessageError::Value(5));
        assert_eq!(set(8, Value::from(Map::new().with(5, 1))), MessageError::Missing(2));
        assert_eq!(set(12, Value::from(2)), MessageError::Value(12));
        assert_eq!(
            set(13, Value::from("x".repeat(MAX_TEXT_BYTES + 1))),
            MessageError::Value(13)
        );
        for key in [1, 2, 3, 4, 5, 6, 7, 8, 10, 12] {
            let removed = refused(&|map: &mut Map| {
                map.remove_int(key);
            });
            assert_eq!(removed, MessageError::Missing(key));
        }
    }

    #[test]
    fn size_is_limited() {
        let large = Request {
            parameters: vec![0; MAX_BYTES],
            ..request()
        };
        assert_eq!(
            large.sign(native(), &key(1), &Grease::none()),
            Err(EnvelopeError::TooLarge)
        );
        assert_eq!(
            SignedRequest::parse(&vec![0; MAX_BYTES + 1]).err(),
            Some(EnvelopeError::TooLarge)
        );
    }

    #[test]
    fn debug_shows_no_parameters() {
        let secret = Request {
            parameters: vec![0x5a; 4],
            unlock_box: Some(vec![0x5a; 4]),
            ..request()
        };
        let text = format!("{secret:?}");
        assert!(text.contains("bytes(4)") && !text.contains("90"), "{text}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn arbitrary_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            prop_assert!(read(&bytes, &key(1)).is_err());
            let _ = Request::decode(&bytes);
        }

        #[test]
        fn any_flipped_bit_is_refused(position in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let mut envelope = request().sign(native(), &key(1), &Grease::random(native()).unwrap()).unwrap();
            let at = position.index(envelope.len());
            envelope[at] ^= 1 << bit;
            prop_assert!(read(&envelope, &key(1)).is_err());
        }
    }
}
