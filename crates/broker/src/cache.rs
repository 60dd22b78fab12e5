//! What the platform knows about credentials without asking: the metadata that providers push, and the public keys seen at
//! registration.
//!
//! The cache answers "which passkeys are there for this site" while a provider is locked or not running. It is kept in memory by
//! RP ID and, per provider, in one encrypted file, to which a change is added later, off the path of a ceremony
//! ([`Cache::take_unsaved`]). A lost or damaged file costs one full push by its provider and the knowledge of public keys, nothing
//! else; it is set aside.
//!
//! What a push changes is decided by the joint's [`Snapshot`](claviger_joint::metadata::Snapshot); `credentials` keeps what the
//! platform knows beyond it, each as one encoded `record`, and `file` the files.

mod credentials;
mod file;
mod record;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use claviger_ctap::cbor::Value;
use claviger_ctap::crypto::{Crypto, CryptoError, PublicKey};
use claviger_ctap::types::CredentialId;
use claviger_joint::ProviderId;
use claviger_joint::metadata::{ApplyError, Diff, Entries, Entry, MAX_CREDENTIALS};
use claviger_prompt_api::trouble::Trouble;

pub use self::file::Unsaved;
use self::file::{CacheFiles, Held};

/// The most credentials that are kept, of all providers together.
pub const MAX_ALL: usize = 2 * MAX_CREDENTIALS;

/// What is known about one credential. Who it belongs to is not for `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Cached {
    /// What the provider says about it.
    pub entry: Entry,
    /// The public key that the platform saw when the credential was made here, as a `COSE_Key`.
    pub key: Option<Value>,
}

impl Cached {
    /// The public key, where it is known. Checking it costs as much as a signature.
    pub fn public_key(&self) -> Option<PublicKey> {
        PublicKey::from_cose(self.key.as_ref()?).ok()
    }

    /// The COSE number of the key's algorithm, where the key is known.
    pub fn algorithm(&self) -> Option<i64> {
        self.key.as_ref()?.as_map()?.int(3)?.as_int()
    }
}

impl fmt::Debug for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("rp_id", &self.entry.rp_id)
            .finish_non_exhaustive()
    }
}

/// Why the cache cannot be used: the machine's fault.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The state folder does not work.
    #[error("the metadata cache cannot be used: {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// No randomness.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// The metadata of all providers.
pub struct Cache {
    files: CacheFiles,
    providers: BTreeMap<ProviderId, Held>,
    /// The most credentials of all providers together: [`MAX_ALL`].
    most: usize,
    troubles: Vec<Trouble>,
}

impl Cache {
    /// Opens the cache in `folder`, which is made if missing. Files that cannot be decrypted or decoded are set aside.
    pub fn open(folder: &Path, crypto: &'static dyn Crypto) -> Result<Self, CacheError> {
        let mut troubles = Vec::new();
        let files = CacheFiles::open(folder, crypto, &mut troubles)?;
        Ok(Self {
            providers: files.read_all(&mut troubles).into_iter().collect(),
            files,
            most: MAX_ALL,
            troubles,
        })
    }

    /// Files of the cache's that could not be used.
    pub fn troubles(&self) -> &[Trouble] {
        &self.troubles
    }

    /// Takes what a provider pushed: all of it or nothing. Returns the new generation.
    ///
    /// Public keys, and the last use where it is later than the provider's, are kept with the credentials that stay, and with those
    /// that come back after a full diff without them.
    pub fn push(&mut self, provider: &ProviderId, diff: Diff) -> Result<u64, ApplyError> {
        let others = self.providers.iter().filter(|(id, _)| *id != provider);
        let others: usize = others.map(|(_, held)| held.snapshot.entries().count()).sum();
        let held = self.providers.entry(provider.clone()).or_default();
        if others + held.snapshot.count_after(&diff) > self.most {
            return Err(ApplyError::TooMany);
        }
        let (replaces, is_complete) = (diff.full || held.snapshot.is_gathering(), !diff.more);
        let upserts = diff.upserts.iter().map(|entry| &entry.credential_id);
        let named: Vec<CredentialId> = upserts.chain(&diff.removed).cloned().collect();
        held.snapshot.apply(diff)?;
        if !replaces {
            held.changed(named);
        } else if is_complete {
            held.changed_altogether();
        }
        Ok(held.snapshot.latest())
    }

    /// A credential was made here: what the ceremony knows of it counts until the provider pushes its own words, and its public key
    /// stays.
    pub fn learn(&mut self, provider: &ProviderId, entry: Entry, public_key: &PublicKey) {
        let held = self.providers.entry(provider.clone()).or_default();
        let id = entry.credential_id.clone();
        if held.snapshot.entries_mut().learn(entry, public_key) {
            held.changed([id]);
        }
    }

    /// A credential signed something at `now_ms` (Unix time in milliseconds).
    pub fn used(&mut self, provider: &ProviderId, id: &CredentialId, now_ms: u64) {
        self.change(provider, id, |entry| {
            entry.last_used_ms = entry.last_used_ms.max(Some(now_ms));
        });
    }

    /// A credential got other names.
    pub fn renamed(
        &mut self,
        provider: &ProviderId,
        id: &CredentialId,
        user_name: Option<&str>,
        display_name: Option<&str>,
    ) {
        self.change(provider, id, |entry| {
            if let Some(name) = user_name {
                entry.user_name = Some(name.to_owned());
            }
            if let Some(name) = display_name {
                entry.display_name = Some(name.to_owned());
            }
        });
    }

    /// A credential was deleted.
    pub fn removed(&mut self, provider: &ProviderId, id: &CredentialId) {
        if let Some(held) = self.providers.get_mut(provider)
            && held.snapshot.entries_mut().forget(id.as_bytes())
        {
            held.changed([id.clone()]);
        }
    }

    /// The provider went: everything about it is forgotten, on disk too.
    pub fn clear(&mut self, provider: &ProviderId) -> Result<(), CacheError> {
        self.providers.remove(provider);
        self.files.remove(provider)
    }

    /// The credentials for a site, provider by provider.
    pub fn for_site<'a>(&'a self, rp_id: &'a str) -> impl Iterator<Item = (&'a ProviderId, Cached)> {
        self.providers.iter().flat_map(move |(provider, held)| {
            let credentials = held.snapshot.entries().for_site(rp_id);
            credentials.map(move |cached| (provider, cached))
        })
    }

    /// All credentials.
    pub fn all(&self) -> impl Iterator<Item = (&ProviderId, Cached)> {
        self.providers.iter().flat_map(|(provider, held)| {
            let records = held.snapshot.entries().all();
            records.filter_map(move |record| Some((provider, record.cached()?)))
        })
    }

    /// One credential of a provider.
    pub fn credential(&self, provider: &ProviderId, id: &CredentialId) -> Option<Cached> {
        self.providers.get(provider)?.snapshot.entries().credential(id)
    }

    /// How many credentials a provider has.
    pub fn count(&self, provider: &ProviderId) -> usize {
        self.providers
            .get(provider)
            .map_or(0, |held| held.snapshot.entries().count())
    }

    /// The generation of a provider's list, 0 if there is none.
    pub fn generation(&self, provider: &ProviderId) -> u64 {
        self.providers
            .get(provider)
            .map_or(0, |held| held.snapshot.generation())
    }

    /// What has changed since the last call, to be written by [`Unsaved::save`] on any thread.
    pub fn take_unsaved(&mut self) -> Vec<Unsaved> {
        let (files, providers) = (&self.files, &mut self.providers);
        let unsaved = providers
            .iter_mut()
            .map(|(provider, held)| files.take_unsaved(provider, held));
        unsaved.flatten().collect()
    }

    /// These lists could not be written: they are still to be.
    pub fn not_saved(&mut self, providers: &[ProviderId]) {
        for provider in providers {
            if let Some(held) = self.providers.get_mut(provider) {
                held.not_saved();
            }
        }
    }

    fn change(&mut self, provider: &ProviderId, id: &CredentialId, change: impl FnOnce(&mut Entry)) {
        if let Some(held) = self.providers.get_mut(provider)
            && held.snapshot.entries_mut().change(id, change)
        {
            held.changed([id.clone()]);
        }
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("providers", &self.providers.keys())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
