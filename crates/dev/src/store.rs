//! A provider's store in memory, with all that a provider may be: locked, in trouble, able to delete and to rename.

use std::collections::HashMap;

use claviger_ctap::authenticator::{self, CredentialRecord, MemoryError, MemoryStore, PrfOutput, PrfSeed, Settings};
use claviger_ctap::crypto::{PrivateKey, native};
use claviger_ctap::large_blob::LargeBlob;
use claviger_ctap::types::{Aaguid, CredentialId};
use claviger_joint::Trouble;
use claviger_joint::metadata::Entry;
use claviger_joint::operation::Update;
use claviger_joint::unlock::UnlockSecret;
use claviger_provider::sdk::{CredentialStore, Failure};

/// A store that is opened by the first secret that it ever saw.
#[derive(Debug)]
pub struct LockableStore {
    memory: MemoryStore,
    secret: Option<[u8; 32]>,
    locked: bool,
    lockable: bool,
    /// New user names; `None` for deleted credentials.
    names: HashMap<CredentialId, Option<String>>,
    /// What is the matter with it. As long as anything is, it finds nothing.
    pub trouble: Option<Trouble>,
}

impl LockableStore {
    /// An empty store: locked if it can be, or else open for ever.
    pub fn new(lockable: bool) -> Self {
        Self {
            memory: MemoryStore::new(native()),
            secret: None,
            locked: lockable,
            lockable,
            names: HashMap::new(),
            trouble: None,
        }
    }

    fn keeps(&self, id: &CredentialId) -> bool {
        self.names.get(id) != Some(&None)
    }
}

impl authenticator::CredentialStore for LockableStore {
    type Error = Failure;

    fn find(&self, rp_id: &str) -> Result<Vec<CredentialRecord>, Failure> {
        if let Some(trouble) = &self.trouble {
            return Err(Failure::trouble(trouble.clone()));
        }
        let mut found = self.memory.find(rp_id).map_err(failed)?;
        found.retain(|record| self.keeps(&record.id));
        Ok(found)
    }

    fn insert(
        &mut self,
        record: CredentialRecord,
        key: PrivateKey,
        prf_seed: PrfSeed,
        cred_blob: Option<Vec<u8>>,
    ) -> Result<(), Failure> {
        self.memory.insert(record, key, prf_seed, cred_blob).map_err(failed)
    }

    fn sign(&self, id: &CredentialId, message: &[u8]) -> Result<Vec<u8>, Failure> {
        self.memory.sign(id, message).map_err(failed)
    }

    fn prf(&self, id: &CredentialId, salt: &[u8; 32]) -> Result<PrfOutput, Failure> {
        self.memory.prf(id, salt).map_err(failed)
    }

    fn keeps_large_blobs(&self) -> bool {
        true
    }

    fn large_blob(&self, id: &CredentialId) -> Result<Option<LargeBlob>, Failure> {
        self.memory.large_blob(id).map_err(failed)
    }

    fn set_large_blob(&mut self, id: &CredentialId, blob: LargeBlob) -> Result<bool, Failure> {
        self.memory.set_large_blob(id, blob).map_err(failed)
    }
}

impl CredentialStore for LockableStore {
    fn settings(&self) -> Settings {
        Settings::new(Aaguid(*b"claviger-testing"))
    }

    fn is_locked(&self) -> bool {
        self.locked
    }

    fn trouble(&self) -> Option<Trouble> {
        self.trouble.clone()
    }

    fn takes_unlock_secret(&self) -> bool {
        self.lockable
    }

    fn unlock(&mut self, secret: UnlockSecret) -> Result<(), Failure> {
        if self.secret.get_or_insert(*secret.expose()) != secret.expose() {
            return Err(Failure::denied("another secret"));
        }
        self.locked = false;
        Ok(())
    }

    fn lock(&mut self) {
        self.locked = self.lockable;
    }

    fn list(&self) -> Result<Vec<Entry>, Failure> {
        let kept = self.memory.records().filter(|record| self.keeps(&record.id));
        let entry = |record: &CredentialRecord| {
            let mut entry = Entry::try_from(record.clone()).unwrap();
            let renamed = self.names.get(&record.id).cloned().flatten();
            entry.user_name = renamed.or(entry.user_name);
            entry
        };
        Ok(kept.map(entry).collect())
    }

    fn delete(&mut self, id: &CredentialId) -> Result<(), Failure> {
        self.memory
            .records()
            .find(|record| record.id == *id)
            .ok_or_else(|| Failure::not_found("no such credential"))?;
        self.names.insert(id.clone(), None);
        Ok(())
    }

    fn update(&mut self, update: &Update) -> Result<(), Failure> {
        self.names.insert(update.credential.clone(), update.user_name.clone());
        Ok(())
    }
}

fn failed(error: MemoryError) -> Failure {
    Failure::internal(error.to_string())
}
