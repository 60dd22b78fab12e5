//! Requests: what the platform sends to a provider, wholly signed.
//!
//! A request is a canonical CBOR map inside a `COSE_Sign1` by a key that the platform made for this one provider. The broker
//! fills in a [`Request`] and calls [`Request::sign`]; a provider calls [`SignedRequest::parse`], looks up the key by
//! [`SignedRequest::kid`] and calls [`SignedRequest::verify`]. A good signature is the first of the checks, not the last: the
//! rest (clock, sequence number, transaction, provider id) needs a memory and is the SDK's.

mod caller;
mod grease;

use std::fmt;

use claviger_ctap::{
    cbor::{Limits, Map, Value},
    cose::{Sign1, Sign1Error},
    crypto::{Crypto, CryptoError, PrivateKey, PublicKey},
};

pub use self::{
    caller::{Caller, Door},
    grease::Grease,
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

/// How far ahead of the clock a sequence number may lie, in microseconds (a day): the clock may have been set back by that much, and a
/// provider that starts again skips some seconds. What lies further ahead, in a request or as a provider's floor, is refused, because
/// the numbers below it would be lost.
pub const MAX_SEQUENCE_AHEAD_US: u64 = 24 * 60 * 60 * 1_000_000;

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
    /// A number that this provider was not sent before: above all of them, but those of requests that are under way.
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
        let request = Map::new()
            .with(1, 1)
            .with(2, self.provider.as_str())
            .with(3, self.operation.number())
            .with(4, self.transaction.as_bytes())
            .with(5, self.sequence)
            .with(6, self.issued_ms)
            .with(7, self.expires_ms)
            .with(8, grease.of_caller(self.caller.to_map()))
            .maybe(9, self.window.as_deref())
            .with(10, self.parameters.as_slice())
            .maybe(11, self.evidence.as_deref())
            .with(12, self.presentation.number())
            .maybe(13, self.hint.as_deref())
            .maybe(14, self.unlock_box.as_deref());
        Value::from(grease.of_request(request)).encode()
    }

    fn decode(payload: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::decode_versioned(payload, &Limits::ENVELOPE)?;
        let owned = |fields: &Fields, key| fields.bytes(key).map(<[u8]>::to_vec);
        Ok(Self {
            provider: ProviderId::parse(fields.text(2, ProviderId::MAX_BYTES)?).map_err(|_| MessageError::Value(2))?,
            operation: Operation::from_number(fields.unsigned(3)?),
            transaction: TransactionId::from_bytes(fields.bytes(4)?).ok_or(MessageError::Value(4))?,
            sequence: fields.unsigned(5)?,
            issued_ms: fields.unsigned(6)?,
            expires_ms: fields.unsigned(7)?,
            caller: Caller::read(&fields.map(8)?)?,
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

impl Presentation {
    fn number(self) -> u64 {
        match self {
            Self::Silent => 0,
            Self::Visible => 1,
        }
    }
}

#[cfg(test)]
mod tests;
