//! A store that forgets: for tests, examples and measurements. It is also the shortest complete store to read.

use thiserror::Error;

use zeroize::Zeroizing;

use super::device::DeviceStore;
use super::{CredentialRecord, CredentialStore};
use crate::crypto::{Crypto, CryptoError, PrivateKey};
use crate::prf::{PrfOutput, PrfSeed};
use crate::types::{CredentialId, UserEntity};

/// Keeps credentials in memory.
pub struct MemoryStore {
    crypto: &'static dyn Crypto,
    entries: Vec<Entry>,
    state: Option<Zeroizing<Vec<u8>>>,
}

struct Entry {
    record: CredentialRecord,
    key: PrivateKey,
    prf_seed: PrfSeed,
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

    fn insert(&mut self, record: CredentialRecord, key: PrivateKey, prf_seed: PrfSeed) -> Result<(), MemoryError> {
        self.entries.retain(|entry| !record.replaces(&entry.record));
        self.entries.push(Entry { record, key, prf_seed });
        Ok(())
    }

    fn sign(&self, id: &CredentialId, message: &[u8]) -> Result<Vec<u8>, MemoryError> {
        Ok(self.crypto.sign(&self.entry(id)?.key, message)?)
    }

    fn prf(&self, id: &CredentialId, salt: &[u8; 32]) -> Result<PrfOutput, MemoryError> {
        Ok(self.entry(id)?.prf_seed.evaluate(self.crypto, salt))
    }
}

impl DeviceStore for MemoryStore {
    fn all(&self) -> Result<Vec<CredentialRecord>, MemoryError> {
        Ok(self.records().cloned().collect())
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
        Ok(())
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MemoryStore({} credentials)", self.entries.len())
    }
}
