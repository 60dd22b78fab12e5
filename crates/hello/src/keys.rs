//! The user's key and what follows from it.
//!
//! One random 32-byte key per user. Protectors wrap it; nothing else of it is ever stored. From it come the key that signs
//! evidence and one unlock secret per provider, so without a protector's gesture no program can sign evidence, not even
//! one that reads and edits all of hello's files.

use core::fmt;

use claviger_ctap::crypto::{Algorithm, Crypto, CryptoError, PrivateKey};
use claviger_joint::{
    ProviderId,
    evidence::{Method, Tier},
    unlock::UnlockSecret,
};
use zeroize::Zeroizing;

/// What the evidence key is derived with (HKDF-SHA-256 info).
const EVIDENCE_INFO: &[u8] = b"claviger-uv-evidence-key-v1";

/// The user's key: 32 random bytes, wiped when dropped.
pub(crate) struct UserKey(Zeroizing<[u8; 32]>);

impl UserKey {
    /// Length in bytes.
    pub(crate) const LENGTH: usize = 32;

    /// A new one.
    pub(crate) fn generate(crypto: &dyn Crypto) -> Result<Self, CryptoError> {
        let mut bytes = Zeroizing::new([0; Self::LENGTH]);
        crypto.random(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// One that a protector unwrapped.
    pub(crate) fn from_bytes(bytes: Zeroizing<[u8; Self::LENGTH]>) -> Self {
        Self(bytes)
    }

    /// [`Self::from_bytes`] of a slice, in a box; `None` for any other length.
    pub(crate) fn from_slice(slice: &[u8]) -> Option<Box<Self>> {
        let mut bytes = Zeroizing::new([0; Self::LENGTH]);
        if slice.len() != bytes.len() {
            return None;
        }
        bytes.copy_from_slice(slice);
        Some(Box::new(Self::from_bytes(bytes)))
    }

    /// For a protector to wrap.
    pub(crate) fn expose(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// The Ed25519 key that signs evidence.
    pub(crate) fn evidence_key(&self, crypto: &dyn Crypto) -> Result<PrivateKey, CryptoError> {
        let mut seed = Zeroizing::new([0; 32]);
        crypto.hkdf_sha256(&[], self.0.as_slice(), EVIDENCE_INFO, seed.as_mut_slice())?;
        PrivateKey::from_secret(Algorithm::EdDsa, seed.as_slice())
    }

    /// The secret that opens this provider's storage, and no other's.
    pub(crate) fn unlock_secret(
        &self,
        crypto: &dyn Crypto,
        provider: &ProviderId,
    ) -> Result<UnlockSecret, CryptoError> {
        UnlockSecret::derive(crypto, &self.0, provider)
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserKey([redacted])")
    }
}

/// What a right gesture opened, and how: evidence says the latter.
pub(crate) struct Opened {
    /// In a box, because a value that is moved leaves a copy behind that nobody wipes.
    pub(crate) key: Box<UserKey>,
    /// What the gesture was.
    pub(crate) method: Method,
    /// How strongly the key was protected.
    pub(crate) tier: Tier,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::crypto::{native, portable};

    use super::*;

    #[test]
    fn derivations_are_stable_separate_and_the_same_in_both_implementations() {
        let key = UserKey::from_bytes(Zeroizing::new([7; 32]));
        let vault = ProviderId::parse("org.claviger.Vault").unwrap();
        let other = ProviderId::parse("org.example.Notebook").unwrap();
        let evidence = key.evidence_key(native()).unwrap();
        assert_eq!(
            evidence.public_key(),
            key.evidence_key(portable()).unwrap().public_key()
        );
        let secret = key.unlock_secret(native(), &vault).unwrap();
        assert_eq!(secret.expose(), key.unlock_secret(portable(), &vault).unwrap().expose());
        assert_ne!(secret.expose(), key.unlock_secret(native(), &other).unwrap().expose());
        assert_ne!(secret.expose().as_slice(), evidence.secret_bytes().as_slice());
        assert_eq!(format!("{key:?}"), "UserKey([redacted])");
    }
}
