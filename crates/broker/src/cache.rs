//! What the platform knows about credentials without asking: the metadata that providers push, and the public keys seen at
//! registration.
//!
//! The cache answers "which passkeys are there for this site" while a provider is locked or not running. It is kept in memory by
//! RP ID and, per provider, in one encrypted file; a change is written later, off the path of a ceremony ([`Cache::take_unsaved`]).
//! A lost or damaged file costs one full push by its provider and the knowledge of public keys, nothing else.
//!
//! File: 16 bytes magic, 24 bytes nonce, then XChaCha20-Poly1305 of the canonical CBOR map {1: generation, 2: [{1: entry,
//! 2?: `COSE_Key`}], 3: [the same for credentials that may come back]} with magic and provider id as associated data. The key lies beside it, readable by the user only: it
//! keeps copies and backups of the single files unreadable, not the user's own programs out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use claviger_ctap::cbor::{self, Limits, Map, Value};
use claviger_ctap::crypto::{Crypto, CryptoError, PublicKey};
use claviger_ctap::types::CredentialId;
use claviger_joint::ProviderId;
use claviger_joint::metadata::{Diff, Entry, MAX_CREDENTIALS};
use zeroize::Zeroizing;

use crate::files::{self, Durability};

const MAGIC: &[u8; 16] = b"claviger-cache-1";
const MAX_FILE: u64 = 128 * 1024 * 1024;
const FILE_LIMITS: Limits = Limits {
    max_bytes: 128 * 1024 * 1024,
    max_depth: 8,
    max_items: 64 * MAX_CREDENTIALS,
    other_simple: false,
};

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

/// Why a push was refused: the provider's fault, but for [`PushError::Stale`], which both may cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The diff does not start where the cache stands; the provider sends everything.
    #[error("the cache is at generation {current}; send everything")]
    Stale {
        /// The generation of the cache.
        current: u64,
    },
    /// Too many credentials.
    #[error("more than {MAX_CREDENTIALS} credentials")]
    TooMany,
    /// The diff contradicts itself.
    #[error("the list names a credential twice, or does not raise the generation")]
    Inconsistent,
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
    folder: PathBuf,
    key: Arc<Zeroizing<[u8; 32]>>,
    crypto: &'static dyn Crypto,
    providers: BTreeMap<ProviderId, Shelf>,
}

/// What one provider has.
#[derive(Default)]
struct Shelf {
    generation: u64,
    entries: HashMap<CredentialId, Arc<Cached>>,
    by_rp_id: HashMap<String, BTreeSet<CredentialId>>,
    /// What is known of credentials that a full diff left out. A long list comes in parts, of which only the first is full; what
    /// the later ones name again must still be known then, even if broker or provider ended in between.
    dropped: HashMap<CredentialId, Arc<Cached>>,
    unsaved: bool,
}

impl Cache {
    /// Opens the cache in `folder`, which is made if missing. Files that cannot be decrypted or decoded are dropped with a warning.
    pub fn open(folder: &Path, crypto: &'static dyn Crypto) -> Result<Self, CacheError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| CacheError::Io { path, source }
        };
        files::make_folder(folder).map_err(io(folder))?;
        let key_path = folder.join("cache.key");
        let mut key = Zeroizing::new([0_u8; 32]);
        let stored = files::read(&key_path, 32).map_err(io(&key_path))?.map(Zeroizing::new);
        if let Some(bytes) = stored.as_deref().filter(|bytes| bytes.len() == key.len()) {
            key.copy_from_slice(bytes);
        } else {
            crypto.random(key.as_mut_slice())?;
            files::replace(&key_path, key.as_slice(), Durability::PowerCut).map_err(io(&key_path))?;
        }
        let mut cache = Self {
            folder: folder.to_owned(),
            key: Arc::new(key),
            crypto,
            providers: BTreeMap::new(),
        };
        for item in std::fs::read_dir(folder).map_err(io(folder))? {
            let path = item.map_err(io(folder))?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| name.strip_suffix(".cache"));
            let Some(id) = name.and_then(|name| ProviderId::parse(name).ok()) else {
                continue;
            };
            match files::read(&path, MAX_FILE).map(|bytes| bytes.and_then(|bytes| cache.decrypt(&id, &bytes))) {
                Ok(Some(held)) => {
                    cache.providers.insert(id, held);
                }
                Ok(None) => tracing::warn!(provider = %id, "dropped a damaged metadata cache"),
                Err(error) => tracing::warn!(provider = %id, %error, "the metadata cache cannot be read"),
            }
        }
        Ok(cache)
    }

    /// Takes what a provider pushed: all of it or nothing. Returns the new generation.
    ///
    /// Public keys, and the last use where it is later than the provider's, are kept with the credentials that stay, and with those
    /// that come back after a full diff without them.
    pub fn push(&mut self, provider: &ProviderId, diff: Diff) -> Result<u64, PushError> {
        let current = self.generation(provider);
        if !diff.full && diff.base != current {
            return Err(PushError::Stale { current });
        }
        let mut named: BTreeSet<&CredentialId> = BTreeSet::new();
        let twice = !diff
            .upserts
            .iter()
            .map(|entry| &entry.credential_id)
            .chain(&diff.removed)
            .all(|id| named.insert(id));
        if twice || (!diff.full && diff.new <= current) {
            return Err(PushError::Inconsistent);
        }
        let held = self.providers.entry(provider.clone()).or_default();
        let fresh = diff
            .upserts
            .iter()
            .filter(|entry| !held.entries.contains_key(&entry.credential_id))
            .count();
        let kept = if diff.full { 0 } else { held.entries.len() };
        let total = if diff.full {
            diff.upserts.len()
        } else {
            kept.saturating_add(fresh)
        };
        if total > MAX_CREDENTIALS {
            return Err(PushError::TooMany);
        }
        if diff.full {
            held.drop_all();
        }
        for id in &diff.removed {
            held.remove(id);
        }
        for mut entry in diff.upserts {
            let before = held
                .entries
                .get(&entry.credential_id)
                .or_else(|| held.dropped.get(&entry.credential_id));
            // A credential never moves to another site; one that seems to is another one, and its key is unknown.
            let before = before.filter(|before| before.entry.rp_id == entry.rp_id);
            entry.last_used_ms = entry
                .last_used_ms
                .max(before.and_then(|before| before.entry.last_used_ms));
            let public_key = before.and_then(|before| before.public_key.clone());
            held.insert(Cached { entry, public_key });
        }
        held.generation = diff.new;
        held.unsaved = true;
        Ok(diff.new)
    }

    /// A credential was made here: what the ceremony knows of it counts until the provider pushes its own words, and its public key
    /// stays.
    pub fn learn(&mut self, provider: &ProviderId, entry: Entry, public_key: PublicKey) {
        let held = self.providers.entry(provider.clone()).or_default();
        // A provider quicker than its own answer has pushed already.
        let entry = held
            .entries
            .get(&entry.credential_id)
            .map_or(entry, |pushed| pushed.entry.clone());
        if held.entries.len() < MAX_CREDENTIALS || held.entries.contains_key(&entry.credential_id) {
            held.insert(Cached {
                entry,
                public_key: Some(public_key),
            });
            held.unsaved = true;
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
        if let Some(held) = self.providers.get_mut(provider) {
            held.unsaved |= held.remove(id);
        }
    }

    /// The provider went: everything about it is forgotten, on disk too.
    pub fn clear(&mut self, provider: &ProviderId) -> Result<(), CacheError> {
        self.providers.remove(provider);
        let path = self.path(provider);
        files::remove(&path).map_err(|source| CacheError::Io { path, source })
    }

    /// The credentials for a site, provider by provider.
    pub fn for_site<'a>(&'a self, rp_id: &'a str) -> impl Iterator<Item = (&'a ProviderId, &'a Cached)> {
        self.providers.iter().flat_map(move |(provider, held)| {
            let ids = held.by_rp_id.get(rp_id).into_iter().flatten();
            ids.filter_map(|id| held.entries.get(id))
                .map(move |cached| (provider, &**cached))
        })
    }

    /// All credentials.
    pub fn all(&self) -> impl Iterator<Item = (&ProviderId, &Cached)> {
        self.providers
            .iter()
            .flat_map(|(provider, held)| held.entries.values().map(move |cached| (provider, &**cached)))
    }

    /// One credential of a provider.
    pub fn credential(&self, provider: &ProviderId, id: &CredentialId) -> Option<&Cached> {
        self.providers.get(provider)?.entries.get(id).map(|cached| &**cached)
    }

    /// How many credentials a provider has.
    pub fn count(&self, provider: &ProviderId) -> usize {
        self.providers.get(provider).map_or(0, |held| held.entries.len())
    }

    /// The generation of a provider's list, 0 if there is none.
    pub fn generation(&self, provider: &ProviderId) -> u64 {
        self.providers.get(provider).map_or(0, |held| held.generation)
    }

    /// What has changed since the last call, to be written by [`Unsaved::save`] on any thread.
    pub fn take_unsaved(&mut self) -> Vec<Unsaved> {
        let mut unsaved = Vec::new();
        for (provider, held) in &mut self.providers {
            if std::mem::take(&mut held.unsaved) {
                unsaved.push(Unsaved {
                    path: cache_path(&self.folder, provider),
                    provider: provider.clone(),
                    key: Arc::clone(&self.key),
                    crypto: self.crypto,
                    generation: held.generation,
                    entries: held.entries.values().cloned().collect(),
                    dropped: held.dropped.values().cloned().collect(),
                });
            }
        }
        unsaved
    }

    fn change(&mut self, provider: &ProviderId, id: &CredentialId, change: impl FnOnce(&mut Entry)) {
        let Some(held) = self.providers.get_mut(provider) else {
            return;
        };
        if let Some(cached) = held.entries.get_mut(id) {
            change(&mut Arc::make_mut(cached).entry);
            held.unsaved = true;
        }
    }

    fn path(&self, provider: &ProviderId) -> PathBuf {
        cache_path(&self.folder, provider)
    }

    fn decrypt(&self, provider: &ProviderId, file: &[u8]) -> Option<Shelf> {
        let sealed = file.strip_prefix(MAGIC)?;
        let (nonce, ciphertext) = sealed.split_first_chunk::<24>()?;
        let aad = associated_data(provider);
        let cipher = XChaCha20Poly1305::new(&(**self.key).into());
        let plain = cipher
            .decrypt(
                &XNonce::from(*nonce),
                Payload {
                    msg: ciphertext,
                    aad: &aad,
                },
            )
            .ok()?;
        let map = cbor::decode(&plain, &FILE_LIMITS).ok()?.into_map()?;
        let mut held = Shelf {
            generation: map.int(1)?.as_unsigned()?,
            ..Shelf::default()
        };
        for item in map.int(2)?.as_array()? {
            held.insert(Cached::from_value(item)?);
        }
        // Files of before this key was there have none.
        for item in map.int(3).and_then(Value::as_array).into_iter().flatten() {
            let cached = Cached::from_value(item)?;
            held.dropped
                .insert(cached.entry.credential_id.clone(), Arc::new(cached));
        }
        Some(held)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("providers", &self.providers.keys())
            .finish_non_exhaustive()
    }
}

impl Cached {
    fn to_value(&self) -> Value {
        let item = Map::new().with(1, self.entry.to_value());
        Value::from(match &self.public_key {
            Some(key) => item.with(2, key.to_cose()),
            None => item,
        })
    }

    fn from_value(item: &Value) -> Option<Self> {
        let item = item.as_map()?;
        Some(Self {
            entry: Entry::from_value(item.int(1)?).ok()?,
            public_key: item.int(2).map(PublicKey::from_cose).transpose().ok()?,
        })
    }

    /// What the provider does not tell again: no names.
    fn own_knowledge(&self) -> Option<Self> {
        (self.public_key.is_some() || self.entry.last_used_ms.is_some()).then(|| Self {
            entry: Entry {
                rp_name: None,
                user_handle: None,
                user_name: None,
                display_name: None,
                created_ms: None,
                tag: None,
                ..self.entry.clone()
            },
            public_key: self.public_key.clone(),
        })
    }
}

impl Shelf {
    /// Empties the list, but remembers what the platform itself found out.
    fn drop_all(&mut self) {
        self.by_rp_id.clear();
        let entries = std::mem::take(&mut self.entries);
        if self.dropped.len().saturating_add(entries.len()) > MAX_CREDENTIALS {
            // Those that were there until now are the ones that may come back.
            self.dropped.clear();
        }
        let known = entries
            .into_iter()
            .filter_map(|(id, cached)| Some((id, Arc::new(cached.own_knowledge()?))));
        self.dropped.extend(known);
    }

    fn insert(&mut self, cached: Cached) {
        let id = cached.entry.credential_id.clone();
        self.remove(&id);
        self.by_rp_id
            .entry(cached.entry.rp_id.clone())
            .or_default()
            .insert(id.clone());
        self.entries.insert(id, Arc::new(cached));
    }

    /// Says whether there was anything to forget.
    fn remove(&mut self, id: &CredentialId) -> bool {
        let dropped = self.dropped.remove(id).is_some();
        let Some(cached) = self.entries.remove(id) else {
            return dropped;
        };
        if let Some(ids) = self.by_rp_id.get_mut(&cached.entry.rp_id) {
            ids.remove(id);
            if ids.is_empty() {
                self.by_rp_id.remove(&cached.entry.rp_id);
            }
        }
        true
    }
}

/// One provider's list as it was, waiting to be written.
pub struct Unsaved {
    path: PathBuf,
    provider: ProviderId,
    key: Arc<Zeroizing<[u8; 32]>>,
    crypto: &'static dyn Crypto,
    generation: u64,
    entries: Vec<Arc<Cached>>,
    dropped: Vec<Arc<Cached>>,
}

impl Unsaved {
    /// Encrypts and replaces the provider's file.
    pub fn save(self) -> Result<(), CacheError> {
        let items = |list: &[Arc<Cached>]| -> Vec<Value> { list.iter().map(|cached| cached.to_value()).collect() };
        let file = Map::new()
            .with(1, self.generation)
            .with(2, items(&self.entries))
            .with(3, items(&self.dropped));
        let plain = Value::from(file).encode();
        let mut nonce = [0_u8; 24];
        self.crypto.random(&mut nonce)?;
        let aad = associated_data(&self.provider);
        let cipher = XChaCha20Poly1305::new(&(**self.key).into());
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: &plain, aad: &aad })
            .map_err(|_| CacheError::Crypto(CryptoError::OutputTooLong))?;
        let file = [MAGIC.as_slice(), &nonce, &sealed].concat();
        files::replace(&self.path, &file, Durability::Crash).map_err(|source| CacheError::Io {
            path: self.path.clone(),
            source,
        })
    }

    /// Whose list it is.
    pub fn provider(&self) -> &ProviderId {
        &self.provider
    }
}

impl fmt::Debug for Unsaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsaved")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

fn cache_path(folder: &Path, provider: &ProviderId) -> PathBuf {
    folder.join(format!("{provider}.cache"))
}

fn associated_data(provider: &ProviderId) -> Vec<u8> {
    [MAGIC.as_slice(), provider.as_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests;
