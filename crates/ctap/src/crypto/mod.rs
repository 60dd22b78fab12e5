//! Keys, signatures and hashes, behind one trait with two implementations.
//!
//! * [`native`] is ring (assembly; cargo feature `native`, on by default). Use it in every program.
//! * [`portable`] is `RustCrypto`, Rust alone. It is always there; use it where ring does not build.
//!
//! Both accept and produce the same bytes; each verifies what the other signs, and each refuses what the other
//! refuses. Signatures are in the WebAuthn encoding (Level 3 §6.5.5): ES256 is an ASN.1 DER `Ecdsa-Sig-Value`, `EdDSA`
//! is the 64 bytes of RFC 8032.
//!
//! Keys are checked when they are made: a [`PublicKey`] is a point on its curve and not of small order, a
//! [`PrivateKey`] is in range. No operation meets an unchecked key.

mod der;
pub mod ecdh;
mod keys;
#[cfg(feature = "native")]
mod native;
mod portable;
#[cfg(test)]
mod tests;

use thiserror::Error;

pub use keys::{PrivateKey, PublicKey};

/// The signature algorithms that passkeys here are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA with SHA-256 on P-256, COSE algorithm −7.
    Es256,
    /// Ed25519, COSE algorithm −8 (`EdDSA`).
    EdDsa,
}

impl Algorithm {
    /// The COSE algorithm identifier (IANA "COSE Algorithms").
    pub fn cose(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
        }
    }

    /// The algorithm with this COSE identifier, if it is one of ours.
    pub fn from_cose(identifier: i64) -> Option<Self> {
        match identifier {
            -7 => Some(Self::Es256),
            -8 => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// Why a cryptographic operation failed. Never carries key material.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// The operating system gave no random bytes: the platform's fault.
    #[error("the operating system's random number generator failed")]
    Random,
    /// A key is malformed, not on its curve, of small order, out of range, or of another algorithm: the fault of
    /// whoever supplied it.
    #[error("not a valid key: {0}")]
    InvalidKey(&'static str),
    /// A signature does not verify under this key: the signer's fault.
    #[error("the signature does not verify")]
    BadSignature,
    /// More output was asked for than the function can give: the caller's fault.
    #[error("the requested output is too long")]
    OutputTooLong,
}

/// The cryptography that the crate needs from its surroundings.
pub trait Crypto: Send + Sync + 'static {
    /// Fills `out` from the operating system's generator.
    fn random(&self, out: &mut [u8]) -> Result<(), CryptoError>;

    /// SHA-256 of the concatenation of `parts`.
    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32];

    /// HMAC-SHA-256 (RFC 2104) of the concatenation of `parts`.
    fn hmac_sha256(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32];

    /// HKDF-SHA-256 (RFC 5869), extract and expand. `out` has at most 8160 bytes.
    fn hkdf_sha256(&self, salt: &[u8], ikm: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), CryptoError>;

    /// A new random key.
    fn generate(&self, algorithm: Algorithm) -> Result<PrivateKey, CryptoError>;

    /// Signs `message` (hashed here) in the WebAuthn encoding.
    fn sign(&self, key: &PrivateKey, message: &[u8]) -> Result<Vec<u8>, CryptoError>;

    /// Verifies a signature in the WebAuthn encoding. Ed25519 is checked strictly: canonical encodings, no
    /// small-order points.
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), CryptoError>;
}

/// The fast implementation: ring.
#[cfg(feature = "native")]
pub fn native() -> &'static dyn Crypto {
    &native::Native
}

/// The implementation in Rust alone: `RustCrypto`.
pub fn portable() -> &'static dyn Crypto {
    &portable::Portable
}
