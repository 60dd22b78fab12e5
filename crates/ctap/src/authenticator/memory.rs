//! A store that forgets: for tests, examples and measurements. It is also the shortest complete store to read.

use thiserror::Error;
use zeroize::Zeroizing;

use super::device::{Attributes, CredentialSecrets, DeviceStore, LargeBlobKey, StoredCredential};
use super::{CredentialRecord, CredentialStore};
use crate::crypto::{Crypto, CryptoError, PrivateKey};
use crate::large_blob::LargeBlob;
use crate::prf::{PrfOutput, PrfSeed};
use crate::types::{CredentialId, UserEntity};

/// Keeps credentials in memory.
pub struct MemoryStore {
    crypto: &'static dyn Crypto,
    entries: Vec<Entry>,
    state: Option<Zeroizing<Vec<u8>>>,
    large_blobs: Option<Vec<u8>>,
}

struct Entry {
    record: CredentialRecord,
    attributes: Attributes,
    key: PrivateKey,
    secrets: CredentialSecrets,
    large_blob: Option<LargeBlob>,
}

impl Entry {
    fn stored(&self) -> StoredCredential {
        StoredCredential {
            record: self.record.clone(),
            attributes: self.attributes.clone(),
        }
    }
}

/// What can go wrong in a [`MemoryStore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// No credential has this id: the caller's fault.
    #[error("there is no such credential")]
    NotFound,
    /// Signing failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

impl MemoryStore {
    /// An empty store.
    pub fn new(crypto: &'static dyn Crypto) -> Self {
        Self {
            crypto,
            entries: Vec::new(),
            state: None,
            large_blobs: None,
        }
    }

    /// All records, oldest first.
    pub fn records(&self) -> impl Iterator<Item = &CredentialRecord> {
        self.entries.iter().map(|entry| &entry.record)
    }

    fn entry(&self, id: &CredentialId) -> Result<&Entry, MemoryError> {
        self.entries
            .iter()
            .find(|entry| entry.record.id == *id)
            .ok_or(MemoryError::NotFound)
    }

    fn entry_mut(&mut self, id: &CredentialId) -> Result<&mut Entry, MemoryError> {
        self.entries
            .iter_mut()
            .find(|entry| entry.record.id == *id)
            .ok_or(MemoryError::NotFound)
    }
}

impl CredentialStore for MemoryStore {
    type Error = MemoryError;

    fn find(&self, rp_id: &str) -> Result<Vec<CredentialRecord>, MemoryError> {
        Ok(self.records().filter(|record| record.rp_id == rp_id).cloned().collect())
    }

    fn insert(
        &mut self,
        record: CredentialRecord,
        key: PrivateKey,
        prf_seed: PrfSeed,
        cred_blob: Option<Vec<u8>>,
    ) -> Result<(), MemoryError> {
        let secrets = CredentialSecrets {
            verified_seed: prf_seed,
            unverified_seed: PrfSeed::generate(self.crypto)?,
            large_blob_key: None,
        };
        let attributes = Attributes {
            cred_blob,
            ..Attributes::default()
        };
        self.insert_new(StoredCredential { record, attributes }, key, secrets)
    }

    fn sign(&self, id: &CredentialId, message: &[u8]) -> Result<Vec<u8>, MemoryError> {
        Ok(self.crypto.sign(&self.entry(id)?.key, message)?)
    }

    fn prf(&self, id: &CredentialId, salt: &[u8; 32]) -> Result<PrfOutput, MemoryError> {
        self.hmac_secret(id, true, salt)
    }

    fn keeps_blobs(&self) -> bool {
        true
    }

    fn cred_blob(&self, id: &CredentialId) -> Result<Option<Vec<u8>>, MemoryError> {
        Ok(self.entry(id)?.attributes.cred_blob.clone())
    }

    fn keeps_large_blobs(&self) -> bool {
        true
    }

    fn large_blob(&self, id: &CredentialId) -> Result<Option<LargeBlob>, MemoryError> {
        Ok(self.entry(id)?.large_blob.clone())
    }

    fn set_large_blob(&mut self, id: &CredentialId, blob: LargeBlob) -> Result<bool, MemoryError> {
        self.entry_mut(id)?.large_blob = Some(blob);
        Ok(true)
    }
}

impl DeviceStore for MemoryStore {
    fn all(&self) -> Result<Vec<StoredCredential>, MemoryError> {
        Ok(self.entries.iter().map(Entry::stored).collect())
    }

    fn at_site(&self, rp_id: &str) -> Result<Vec<StoredCredential>, MemoryError> {
        let here = self.entries.iter().filter(|entry| entry.record.rp_id == rp_id);
        Ok(here.map(Entry::stored).collect())
    }

    fn insert_new(
        &mut self,
        credential: StoredCredential,
        key: PrivateKey,
        secrets: CredentialSecrets,
    ) -> Result<(), MemoryError> {
        let StoredCredential { record, attributes } = credential;
        self.entries.retain(|entry| !record.replaces(&entry.record));
        self.entries.push(Entry {
            record,
            attributes,
            key,
            secrets,
            large_blob: None,
        });
        Ok(())
    }

    fn hmac_secret(&self, id: &CredentialId, verified: bool, salt: &[u8; 32]) -> Result<PrfOutput, MemoryError> {
        let secrets = &self.entry(id)?.secrets;
        let seed = if verified {
            &secrets.verified_seed
        } else {
            &secrets.unverified_seed
        };
        Ok(seed.evaluate(self.crypto, salt))
    }

    fn large_blob_key(&self, id: &CredentialId) -> Result<Option<LargeBlobKey>, MemoryError> {
        let key = self.entry(id)?.secrets.large_blob_key.as_ref();
        Ok(key.map(|key| LargeBlobKey::from_bytes(key.as_bytes())))
    }

    fn load_large_blobs(&self) -> Result<Option<Vec<u8>>, MemoryError> {
        Ok(self.large_blobs.clone())
    }

    fn save_large_blobs(&mut self, array: &[u8]) -> Result<(), MemoryError> {
        self.large_blobs = Some(array.to_vec());
        Ok(())
    }

    fn set_user(&mut self, id: &CredentialId, user: UserEntity) -> Result<(), MemoryError> {
        self.entry_mut(id)?.record.user = user;
        Ok(())
    }

    fn delete(&mut self, id: &CredentialId) -> Result<(), MemoryError> {
        self.entries.retain(|entry| entry.record.id != *id);
        Ok(())
    }

    /// Counts: what is in memory is nowhere else.
    fn next_sign_count(&mut self, id: &CredentialId) -> Result<u32, MemoryError> {
        let record = &mut self.entry_mut(id)?.record;
        record.sign_count = record.sign_count.saturating_add(1);
        Ok(record.sign_count)
    }

    fn load_state(&self) -> Result<Option<Zeroizing<Vec<u8>>>, MemoryError> {
        Ok(self.state.clone())
    }

    fn save_state(&mut self, state: &[u8]) -> Result<(), MemoryError> {
        self.state = Some(Zeroizing::new(state.to_vec()));
        Ok(())
    }

    fn erase(&mut self) -> Result<(), MemoryError> {
        self.entries.clear();
        self.state = None;
        self.large_blobs = None;
        Ok(())
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MemoryStore({} credentials)", self.entries.len())
    }
}
