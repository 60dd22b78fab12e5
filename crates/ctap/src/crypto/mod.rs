//! Keys, signatures and hashes, behind one trait with two implementations.
//!
//! * `native` is ring (assembly; cargo feature `native`, on by default) for what ring does faster, and the other one for
//!   the rest. Use it in every program.
//! * [`portable`] is `RustCrypto`, Rust alone. It is always there; use it where ring does not build.
//!
//! Both accept and produce the same bytes; each verifies what the other signs, and each refuses what the other
//! refuses. Signatures are in the WebAuthn encoding (Level 3 §6.5.5): those of ES256 and ES384 are an ASN.1 DER
//! `Ecdsa-Sig-Value`, all others the bytes of their standard.
//!
//! Keys are checked when they are made: a [`PublicKey`] is a point on its curve and not of small order, a
//! [`PrivateKey`] is in range. No operation meets an unchecked key.

pub(crate) mod der;
pub mod ecdh;
mod ecdsa;
mod ed25519;
mod keys;
#[cfg(feature = "ml-dsa")]
mod ml_dsa;
#[cfg(feature = "native")]
mod native;
mod portable;
mod public;
#[cfg(feature = "rs256")]
mod rs256;
#[cfg(test)]
mod tests;

use thiserror::Error;

pub use keys::PrivateKey;
pub use public::PublicKey;

/// The signature algorithms that passkeys here are made for. Which there are depends on the cargo features, so that a
/// value of this type is always one that works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA with SHA-256 on P-256, COSE algorithm −7.
    Es256,
    /// Ed25519, COSE algorithm −8 (`EdDSA`).
    EdDsa,
    /// ECDSA with SHA-384 on P-384, COSE algorithm −35.
    #[cfg(feature = "es384")]
    Es384,
    /// ML-DSA-44 (FIPS 204), COSE algorithm −48 (RFC 9964).
    #[cfg(feature = "ml-dsa")]
    MlDsa44,
    /// ML-DSA-65 (FIPS 204), COSE algorithm −49 (RFC 9964).
    #[cfg(feature = "ml-dsa")]
    MlDsa65,
    /// RSASSA-PKCS1-v1_5 with SHA-256, COSE algorithm −257; new keys have 2048 bits.
    #[cfg(feature = "rs256")]
    Rs256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Es256,
        Self::EdDsa,
        #[cfg(feature = "es384")]
        Self::Es384,
        #[cfg(feature = "ml-dsa")]
        Self::MlDsa44,
        #[cfg(feature = "ml-dsa")]
        Self::MlDsa65,
        #[cfg(feature = "rs256")]
        Self::Rs256,
    ];

    /// The COSE algorithm identifier (IANA "COSE Algorithms").
    pub fn cose(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            #[cfg(feature = "es384")]
            Self::Es384 => -35,
            #[cfg(feature = "ml-dsa")]
            Self::MlDsa44 => -48,
            #[cfg(feature = "ml-dsa")]
            Self::MlDsa65 => -49,
            #[cfg(feature = "rs256")]
            Self::Rs256 => -257,
        }
    }

    /// The algorithm with this COSE identifier, if it is one of ours.
    pub fn from_cose(identifier: i64) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|algorithm| algorithm.cose() == identifier)
    }

    /// The longest `COSE_Key` and the longest signature, in bytes: what a message must have room for.
    pub(crate) fn longest(self) -> (usize, usize) {
        match self {
            Self::Es256 => (77, 72),
            Self::EdDsa => (42, 64),
            #[cfg(feature = "es384")]
            Self::Es384 => (110, 104),
            #[cfg(feature = "ml-dsa")]
            Self::MlDsa44 => (1322, 2420),
            #[cfg(feature = "ml-dsa")]
            Self::MlDsa65 => (1962, 3309),
            #[cfg(feature = "rs256")]
            Self::Rs256 => (272, 256),
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
