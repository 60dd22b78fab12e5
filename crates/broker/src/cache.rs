//! What the platform knows about credentials without asking: the metadata that providers push, and the public keys seen at
//! registration.
//!
//! The cache answers "which passkeys are there for this site" while a provider is locked or not running. It is kept in memory by
//! RP ID and, per provider, in one encrypted file; a change is written later, off the path of a ceremony ([`Cache::take_unsaved`]).
//! A lost or damaged file costs one full push by its provider and the knowledge of public keys, nothing else; it is set aside.
//!
//! What a push changes is decided by the joint's [`Snapshot`]; `credentials` keeps what the platform knows beyond it, `file` the
//! files.

mod credentials;
mod file;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use claviger_ctap::crypto::{Crypto, CryptoError, PublicKey};
use claviger_ctap::types::CredentialId;
use claviger_joint::ProviderId;
use claviger_joint::metadata::{ApplyError, Diff, Entries, Entry, MAX_CREDENTIALS, Snapshot};
use claviger_prompt_api::trouble::Trouble;

use self::credentials::Credentials;
use self::file::CacheFiles;
pub use self::file::Unsaved;

/// The most credentials that are kept, of all providers together.
pub const MAX_ALL: usize = 2 * MAX_CREDENTIALS;

/// What is known about one credential. Who it belongs to is not for `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Cached {
    /// What the provider says about it.
    pub entry: Entry,
    /// The public key that the platform saw when the credential was made here.
    pub public_key: Option<PublicKey>,
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

/// What one provider has.
#[derive(Default)]
struct Held {
    snapshot: Snapshot<Credentials>,
    unsaved: bool,
}

impl From<Snapshot<Credentials>> for Held {
    fn from(snapshot: Snapshot<Credentials>) -> Self {
        Self {
            snapshot,
            unsaved: false,
        }
    }
}

impl Cache {
    /// Opens the cache in `folder`, which is made if missing. Files that cannot be decrypted or decoded are set aside.
    pub fn open(folder: &Path, crypto: &'static dyn Crypto) -> Result<Self, CacheError> {
        let mut troubles = Vec::new();
        let files = CacheFiles::open(folder, crypto, &mut troubles)?;
        let read = files.read_all(&mut troubles);
        let providers = read.into_iter().map(|(id, snapshot)| (id, Held::from(snapshot)));
        Ok(Self {
            providers: providers.collect(),
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
        held.snapshot.apply(diff)?;
        held.unsaved = true;
        Ok(held.snapshot.latest())
    }

    /// A credential was made here: what the ceremony knows of it counts until the provider pushes its own words, and its public key
    /// stays.
    pub fn learn(&mut self, provider: &ProviderId, entry: Entry, public_key: PublicKey) {
        let held = self.providers.entry(provider.clone()).or_default();
        held.unsaved |= held.snapshot.entries_mut().learn(entry, public_key);
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
        if let Some(held) = self.providers.get_mut(provider) {
            held.unsaved |= held.snapshot.entries_mut().forget(id);
        }
    }

    /// The provider went: everything about it is forgotten, on disk too.
    pub fn clear(&mut self, provider: &ProviderId) -> Result<(), CacheError> {
        self.providers.remove(provider);
        self.files.remove(provider)
    }

    /// The credentials for a site, provider by provider.
    pub fn for_site<'a>(&'a self, rp_id: &'a str) -> impl Iterator<Item = (&'a ProviderId, &'a Cached)> {
        self.providers.iter().flat_map(move |(provider, held)| {
            let credentials = held.snapshot.entries().for_site(rp_id);
            credentials.map(move |cached| (provider, cached))
        })
    }

    /// All credentials.
    pub fn all(&self) -> impl Iterator<Item = (&ProviderId, &Cached)> {
        self.providers.iter().flat_map(|(provider, held)| {
            let credentials = held.snapshot.entries().all();
            credentials.map(move |cached| (provider, &**cached))
        })
    }

    /// One credential of a provider.
    pub fn credential(&self, provider: &ProviderId, id: &CredentialId) -> Option<&Cached> {
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
        let mut unsaved = Vec::new();
        for (provider, held) in &mut self.providers {
            if std::mem::take(&mut held.unsaved) {
                unsaved.push(self.files.unsaved(provider, &held.snapshot));
            }
        }
        unsaved
    }

    /// These lists could not be written: they are still to be.
    pub fn not_saved(&mut self, providers: &[ProviderId]) {
        for provider in providers {
            if let Some(held) = self.providers.get_mut(provider) {
                held.unsaved = true;
            }
        }
    }

    fn change(&mut self, provider: &ProviderId, id: &CredentialId, change: impl FnOnce(&mut Entry)) {
        if let Some(held) = self.providers.get_mut(provider) {
            held.unsaved |= held.snapshot.entries_mut().change(id, change);
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
