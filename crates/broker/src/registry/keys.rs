//! The keys that requests to one provider are signed with, and their file.
//!
//! The file holds one or two records of 40 bytes, current key first: the Ed25519 seed (32 bytes) and the time it was made (Unix
//! milliseconds, 8 bytes, big endian). Only the user can read it.

use std::io;
use std::path::Path;

use claviger_ctap::crypto::{Algorithm, Crypto, CryptoError, PrivateKey, PublicKey};
use claviger_files::Durability;
use zeroize::Zeroizing;

/// A signing key older than this is replaced at the provider's next `Register`, in milliseconds (90 days).
pub const ROTATE_AFTER_MS: u64 = 90 * 24 * 60 * 60 * 1000;

/// How many signing keys of a provider are valid side by side: the current one and its predecessor.
const MAX_KEYS: usize = 2;

const SECRET_BYTES: usize = 32;
const RECORD_BYTES: usize = SECRET_BYTES + 8;

/// One provider's keys, current one first.
#[derive(Debug, Default)]
pub(super) struct RequestKeys(Vec<RequestKey>);

#[derive(Debug)]
struct RequestKey {
    private: PrivateKey,
    created_ms: u64,
}

/// Why keys could not be read or made.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeysError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    #[error("not a file of keys")]
    Damaged,
}

impl RequestKeys {
    /// Reads the keys at `path`; none if there is no file.
    pub(super) fn load(path: &Path) -> Result<Self, KeysError> {
        let limit = u64::try_from(MAX_KEYS * RECORD_BYTES).unwrap_or(u64::MAX);
        let Some(bytes) = claviger_files::read(path, limit)?.map(Zeroizing::new) else {
            return Ok(Self::default());
        };
        let (records, []) = bytes.as_chunks::<RECORD_BYTES>() else {
            return Err(KeysError::Damaged);
        };
        let keys = records.iter().map(|record| {
            let (secret, created) = record.split_first_chunk::<SECRET_BYTES>().ok_or(KeysError::Damaged)?;
            let created = created.first_chunk::<8>().ok_or(KeysError::Damaged)?;
            let private = PrivateKey::from_secret(Algorithm::EdDsa, secret)?;
            let created_ms = u64::from_be_bytes(*created);
            Ok(RequestKey { private, created_ms })
        });
        Ok(Self(keys.collect::<Result<_, KeysError>>()?))
    }

    /// The key that signs.
    pub(super) fn current(&self) -> Option<&PrivateKey> {
        self.0.first().map(|key| &key.private)
    }

    /// The oldest key that is still valid.
    pub(super) fn oldest(&self) -> Option<&PrivateKey> {
        self.0.last().map(|key| &key.private)
    }

    /// All public keys, current one first.
    pub(super) fn public(&self) -> Vec<PublicKey> {
        self.0.iter().map(|key| key.private.public_key().clone()).collect()
    }

    /// Makes the first key, or a new one when the current one has served its time.
    ///
    /// The keys survive a power cut before anybody sees them: a provider that has pinned a lost key would refuse every later one.
    pub(super) fn rotate(&mut self, path: &Path, crypto: &dyn Crypto, now_ms: u64) -> Result<(), KeysError> {
        // A clock that was set back makes no key old.
        let fresh = |key: &RequestKey| now_ms < key.created_ms.saturating_add(ROTATE_AFTER_MS);
        if self.0.first().is_some_and(fresh) {
            return Ok(());
        }
        let private = crypto.generate(Algorithm::EdDsa)?;
        let new = RequestKey {
            private,
            created_ms: now_ms,
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_KEYS * RECORD_BYTES));
        for key in std::iter::once(&new).chain(&self.0).take(MAX_KEYS) {
            bytes.extend_from_slice(key.private.secret_bytes().as_slice());
            bytes.extend_from_slice(&key.created_ms.to_be_bytes());
        }
        claviger_files::replace_private(path, &bytes, Durability::PowerCut)?;
        self.0.insert(0, new);
        self.0.truncate(MAX_KEYS);
        Ok(())
    }

    /// Forgets the keys, on disk too.
    pub(super) fn clear(&mut self, path: &Path) -> io::Result<()> {
        claviger_files::remove(path)?;
        self.0.clear();
        Ok(())
    }
}
