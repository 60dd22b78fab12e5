//! What the key keeps: credentials, its own state and large blobs, in memory and, when asked for, in a [`mod@file`].
//!
//! Whatever changes is in the file before the change is taken to have happened. If the file cannot be written, nothing
//! has changed.

mod file;
mod format;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use claviger_ctap::authenticator::device::{
    Attributes, CredentialSecrets, DeviceStore, LargeBlobKey, StoredCredential,
};
use claviger_ctap::authenticator::{CredentialRecord, CredentialStore};
use claviger_ctap::crypto::{Crypto, CryptoError, PrivateKey};
use claviger_ctap::prf::{PrfOutput, PrfSeed};
use claviger_ctap::types::{CredentialId, UserEntity};
use thiserror::Error;
use zeroize::Zeroizing;

pub use file::StateFile;

/// The key's memory.
pub struct Store {
    crypto: &'static dyn Crypto,
    contents: Contents,
    file: Option<StateFile>,
}

/// All that lasts. A copy is cheap: secrets are shared.
#[derive(Clone, Default)]
struct Contents {
    device: Option<Zeroizing<Vec<u8>>>,
    large_blobs: Option<Vec<u8>>,
    /// Oldest first.
    credentials: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    stored: StoredCredential,
    secrets: Arc<Secrets>,
}

struct Secrets {
    key: PrivateKey,
    others: CredentialSecrets,
}

/// Why something cannot be kept or found.
#[derive(Debug, Error)]
pub enum StateError {
    /// No credential has this id: the caller's fault.
    #[error("there is no such credential")]
    NotFound,
    /// Cryptography failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The file cannot be read or written: the machine's fault, or that of whoever chose the path.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has it.
    #[error("{}: another virtual key is using it", .0.display())]
    InUse(PathBuf),
    /// It is no state file, or not a whole one. It was left as it is.
    #[error(
        "{}: {why}\nThe file was left as it is. Mend it, or choose another one with --state.",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl Store {
    /// A key as it leaves the factory, which forgets everything at the end.
    pub fn in_memory(crypto: &'static dyn Crypto) -> Self {
        Self {
            crypto,
            contents: Contents::default(),
            file: None,
        }
    }

    /// What this file holds; nothing if it is not there yet. Nothing is written.
    pub fn open(crypto: &'static dyn Crypto, file: StateFile) -> Result<Self, StateError> {
        let contents = match file.read()? {
            Some(bytes) => Contents::from_json(&bytes).map_err(|why| StateError::Damaged {
                path: file.path().to_owned(),
                why,
            })?,
            None => Contents::default(),
        };
        Ok(Self {
            crypto,
            contents,
            file: Some(file),
        })
    }

    /// Writes the file, which shows whether that is possible.
    pub fn write(&mut self) -> Result<(), StateError> {
        self.change(|_| Ok(()))
    }

    /// How many credentials there are.
    pub fn count(&self) -> usize {
        self.contents.credentials.len()
    }

    fn entry(&self, id: &CredentialId) -> Result<&Entry, StateError> {
        let mut entries = self.contents.credentials.iter();
        entries
            .find(|entry| entry.stored.record.id == *id)
            .ok_or(StateError::NotFound)
    }

    /// Makes a change to what lasts, or none.
    fn change<T>(&mut self, change: impl FnOnce(&mut Contents) -> Result<T, StateError>) -> Result<T, StateError> {
        let mut changed = self.contents.clone();
        let outcome = change(&mut changed)?;
        if let Some(file) = &mut self.file {
            file.write(changed.to_json().as_bytes())?;
        }
        self.contents = changed;
        Ok(outcome)
    }
}

impl Contents {
    fn stored(&mut self, id: &CredentialId) -> Result<&mut StoredCredential, StateError> {
        let mut entries = self.credentials.iter_mut();
        let entry = entries.find(|entry| entry.stored.record.id == *id);
        entry.map(|entry| &mut entry.stored).ok_or(StateError::NotFound)
    }
}

impl CredentialStore for Store {
    type Error = StateError;

    fn find(&self, rp_id: &str) -> Result<Vec<CredentialRecord>, StateError> {
        let here = self.at_site(rp_id)?;
        Ok(here.into_iter().map(|stored| stored.record).collect())
    }

    fn insert(
        &mut self,
        record: CredentialRecord,
        key: PrivateKey,
        prf_seed: PrfSeed,
        cred_blob: Option<Vec<u8>>,
    ) -> Result<(), StateError> {
        let secrets = CredentialSecrets {
            verified_seed: prf_seed,
            unverified_seed: PrfSeed::generate(self.crypto)?,
            large_blob_key: None,
        };
        let mut attributes = Attributes::default();
        attributes.cred_blob = cred_blob;
        self.insert_new(StoredCredential { record, attributes }, key, secrets)
    }

    fn sign(&self, id: &CredentialId, message: &[u8]) -> Result<Vec<u8>, StateError> {
        Ok(self.crypto.sign(&self.entry(id)?.secrets.key, message)?)
    }

    fn prf(&self, id: &CredentialId, salt: &[u8; 32]) -> Result<PrfOutput, StateError> {
        self.hmac_secret(id, true, salt)
    }
}

impl DeviceStore for Store {
    fn all(&self) -> Result<Vec<StoredCredential>, StateError> {
        Ok(self.contents.credentials.iter().map(|e| e.stored.clone()).collect())
    }

    fn at_site(&self, rp_id: &str) -> Result<Vec<StoredCredential>, StateError> {
        let all = self.contents.credentials.iter();
        let here = all.filter(|entry| entry.stored.record.rp_id == rp_id);
        Ok(here.map(|entry| entry.stored.clone()).collect())
    }

    fn insert_new(
        &mut self,
        credential: StoredCredential,
        key: PrivateKey,
        secrets: CredentialSecrets,
    ) -> Result<(), StateError> {
        let secrets = Arc::new(Secrets { key, others: secrets });
        self.change(|contents| {
            contents
                .credentials
                .retain(|entry| !credential.record.replaces(&entry.stored.record));
            contents.credentials.push(Entry {
                stored: credential,
                secrets,
            });
            Ok(())
        })
    }

    fn set_user(&mut self, id: &CredentialId, user: UserEntity) -> Result<(), StateError> {
        self.change(|contents| {
            contents.stored(id)?.record.user = user;
            Ok(())
        })
    }

    fn delete(&mut self, id: &CredentialId) -> Result<(), StateError> {
        self.change(|contents| {
            contents.stored(id)?;
            contents.credentials.retain(|entry| entry.stored.record.id != *id);
            Ok(())
        })
    }

    fn hmac_secret(&self, id: &CredentialId, verified: bool, salt: &[u8; 32]) -> Result<PrfOutput, StateError> {
        let secrets = &self.entry(id)?.secrets.others;
        let seed = if verified {
            &secrets.verified_seed
        } else {
            &secrets.unverified_seed
        };
        Ok(seed.evaluate(self.crypto, salt))
    }

    fn large_blob_key(&self, id: &CredentialId) -> Result<Option<LargeBlobKey>, StateError> {
        let key = self.entry(id)?.secrets.others.large_blob_key.as_ref();
        Ok(key.map(|key| LargeBlobKey::from_bytes(key.as_bytes())))
    }

    /// Counts: this key is in one place only.
    fn next_sign_count(&mut self, id: &CredentialId) -> Result<u32, StateError> {
        self.change(|contents| {
            let record = &mut contents.stored(id)?.record;
            record.sign_count = record.sign_count.saturating_add(1);
            Ok(record.sign_count)
        })
    }

    fn load_state(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StateError> {
        Ok(self.contents.device.clone())
    }

    fn save_state(&mut self, state: &[u8]) -> Result<(), StateError> {
        self.change(|contents| {
            contents.device = Some(Zeroizing::new(state.to_vec()));
            Ok(())
        })
    }

    fn load_large_blobs(&self) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.contents.large_blobs.clone())
    }

    fn save_large_blobs(&mut self, array: &[u8]) -> Result<(), StateError> {
        self.change(|contents| {
            contents.large_blobs = Some(array.to_vec());
            Ok(())
        })
    }

    fn erase(&mut self) -> Result<(), StateError> {
        self.change(|contents| {
            *contents = Contents::default();
            Ok(())
        })
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({} credentials)", self.count())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
