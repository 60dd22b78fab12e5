//! `COSE_Sign1` (RFC 9052 §4.2) as the platform uses it for requests and evidence: untagged, `EdDSA` only, canonical.
//!
//! The protected header holds exactly the algorithm and the key id, the unprotected header is empty: every byte of a
//! message is signed, and a message has one encoding. The payload comes out of [`Sign1::verify`] and from nowhere
//! else, so nothing acts on a payload that was not verified.
//!
//! ```
//! use claviger_ctap::cose::Sign1;
//! use claviger_ctap::crypto::{Algorithm, Crypto, portable};
//!
//! let crypto = portable();
//! let key = crypto.generate(Algorithm::EdDsa)?;
//! let message = Sign1::sign(crypto, &key, b"key 1", b"example-v1", b"payload")?;
//!
//! let parsed = Sign1::parse(&message)?;
//! assert_eq!(parsed.kid(), b"key 1");
//! assert_eq!(parsed.verify(crypto, key.public_key(), b"example-v1")?, b"payload");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use thiserror::Error;

use crate::cbor::{CborError, Limits, Map, Value, decode};
use crate::crypto::{Algorithm, Crypto, CryptoError, PrivateKey, PublicKey};

/// Longest key id that is accepted, in bytes.
pub const MAX_KID: usize = 64;

const ALG: i64 = 1;
const KID: i64 = 4;

/// A parsed message whose signature is still to be checked.
pub struct Sign1 {
    protected: Vec<u8>,
    kid: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// Why bytes are not a `COSE_Sign1` of the accepted form, or do not verify. Always the sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Sign1Error {
    /// Not canonical CBOR.
    #[error("not canonical CBOR: {0}")]
    Cbor(#[from] CborError),
    /// Not an array of protected header, empty unprotected header, payload and signature.
    #[error("not a COSE_Sign1")]
    Structure,
    /// The protected header is not exactly the algorithm `EdDSA` and a key id of 1 to 64 bytes.
    #[error("a protected header other than EdDSA and a key id")]
    Header,
    /// The signature does not verify, or the key is not an Ed25519 key.
    #[error("the signature does not verify")]
    Signature,
}

impl Sign1 {
    /// Signs `payload`; `aad` is the external additional data that separates one use of the format from another.
    ///
    /// Fails if `key` is not an Ed25519 key or `kid` has not 1 to 64 bytes.
    pub fn sign(
        crypto: &dyn Crypto,
        key: &PrivateKey,
        kid: &[u8],
        aad: &[u8],
        payload: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        if key.algorithm() != Algorithm::EdDsa {
            return Err(CryptoError::InvalidKey("COSE_Sign1 is signed with Ed25519 only"));
        }
        if kid.is_empty() || kid.len() > MAX_KID {
            return Err(CryptoError::InvalidKey("a key id has 1 to 64 bytes"));
        }
        let protected = Value::from(Map::new().with(ALG, key.algorithm().cose()).with(KID, kid)).encode();
        let signature = crypto.sign(key, &to_be_signed(&protected, aad, payload))?;
        let message: Vec<Value> = vec![protected.into(), Map::new().into(), payload.into(), signature.into()];
        Ok(Value::from(message).encode())
    }

    /// Parses a message of at most 64 KiB.
    pub fn parse(bytes: &[u8]) -> Result<Self, Sign1Error> {
        let parts = decode(bytes, &Limits::ENVELOPE)?
            .into_array()
            .ok_or(Sign1Error::Structure)?;
        let [protected, unprotected, payload, signature]: [Value; 4] =
            parts.try_into().map_err(|_| Sign1Error::Structure)?;
        if unprotected != Value::from(Map::new()) {
            return Err(Sign1Error::Structure);
        }
        let protected = protected.into_bytes().ok_or(Sign1Error::Structure)?;
        let mut header = decode(&protected, &Limits::ENVELOPE)?
            .into_map()
            .ok_or(Sign1Error::Header)?;
        let kid = header
            .remove_int(KID)
            .and_then(Value::into_bytes)
            .ok_or(Sign1Error::Header)?;
        let rest = Map::new().with(ALG, Algorithm::EdDsa.cose());
        if header != rest || kid.is_empty() || kid.len() > MAX_KID {
            return Err(Sign1Error::Header);
        }
        Ok(Self {
            protected,
            kid,
            payload: payload.into_bytes().ok_or(Sign1Error::Structure)?,
            signature: signature.into_bytes().ok_or(Sign1Error::Structure)?,
        })
    }

    /// The id of the key that the sender says it signed with, to choose the key to verify with.
    pub fn kid(&self) -> &[u8] {
        &self.kid
    }

    /// Checks the signature and gives out the payload.
    pub fn verify(self, crypto: &dyn Crypto, key: &PublicKey, aad: &[u8]) -> Result<Vec<u8>, Sign1Error> {
        // Without this an ES256 key would make us verify an ES256 signature under a header that says EdDSA.
        if key.algorithm() != Algorithm::EdDsa {
            return Err(Sign1Error::Signature);
        }
        crypto
            .verify(key, &to_be_signed(&self.protected, aad, &self.payload), &self.signature)
            .map_err(|_| Sign1Error::Signature)?;
        Ok(self.payload)
    }
}

impl fmt::Debug for Sign1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sign1(payload of {} bytes, unverified)", self.payload.len())
    }
}

/// The `Sig_structure` (RFC 9052 §4.4).
fn to_be_signed(protected: &[u8], aad: &[u8], payload: &[u8]) -> Vec<u8> {
    let structure: Vec<Value> = vec!["Signature1".into(), protected.into(), aad.into(), payload.into()];
    Value::from(structure).encode()
}
