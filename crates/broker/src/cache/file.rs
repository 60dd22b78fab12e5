//! The cache on disk: one encrypted file per provider.
//!
//! File: 16 bytes magic, 24 bytes nonce, then XChaCha20-Poly1305 of the canonical CBOR map {1: generation, 2: [{1: entry,
//! 2?: `COSE_Key`}], 3: [the same for credentials that may come back]} with magic and provider id as associated data. The key lies
//! beside it, readable by the user only: it keeps copies and backups of the single files unreadable, not the user's own programs out.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use claviger_ctap::cbor::{self, Limits, Map, Value};
use claviger_ctap::crypto::{Crypto, CryptoError, PublicKey};
use claviger_files::Durability;
use claviger_joint::ProviderId;
use claviger_joint::metadata::{Entry, MAX_CREDENTIALS, Snapshot};
use claviger_prompt_api::trouble::{Damage, StateFile, Trouble};
use zeroize::Zeroizing;

use super::credentials::Credentials;
use super::{CacheError, Cached};
use crate::state_file;

const MAGIC: &[u8; 16] = b"claviger-cache-1";
const MAX_FILE: u64 = 128 * 1024 * 1024;
const FILE_LIMITS: Limits = Limits {
    max_bytes: 128 * 1024 * 1024,
    max_depth: 8,
    max_items: 64 * MAX_CREDENTIALS,
    other_simple: false,
};

/// The folder of the files and the key to them.
pub(super) struct CacheFiles {
    folder: PathBuf,
    key: Arc<Zeroizing<[u8; 32]>>,
    crypto: &'static dyn Crypto,
}

impl CacheFiles {
    /// Opens the folder, which is made if missing, with a key if it has none that can be used.
    pub(super) fn open(
        folder: &Path,
        crypto: &'static dyn Crypto,
        troubles: &mut Vec<Trouble>,
    ) -> Result<Self, CacheError> {
        state_file::make_folder(folder, troubles).map_err(io(folder))?;
        let path = folder.join("cache.key");
        let stored = state_file::load(StateFile::CacheKey, &path, 32, troubles, |bytes| {
            let key: &[u8; 32] = bytes.first_chunk().ok_or(Damage::Malformed)?;
            Ok(Zeroizing::new(*key))
        });
        let key = if let Some(key) = stored {
            key
        } else {
            let mut key = Zeroizing::new([0_u8; 32]);
            crypto.random(key.as_mut_slice())?;
            // On a full disk the lists cannot be kept either.
            if let Err(error) = claviger_files::replace_private(&path, key.as_slice(), Durability::PowerCut) {
                tracing::error!(%error, "the key to the metadata caches cannot be kept");
                troubles.push(state_file::trouble(
                    StateFile::CacheKey,
                    state_file::damage(&error),
                    &path,
                ));
            }
            key
        };
        Ok(Self {
            folder: folder.to_owned(),
            key: Arc::new(key),
            crypto,
        })
    }

    /// Reads the files of all providers. Those that cannot be decrypted or decoded are set aside.
    pub(super) fn read_all(&self, troubles: &mut Vec<Trouble>) -> Vec<(ProviderId, Snapshot<Credentials>)> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            let folder = state_file::trouble(StateFile::Folder, Damage::Unusable, &self.folder);
            troubles.push(state_file::noted(folder));
            return Vec::new();
        };
        let mut providers = Vec::new();
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| name.strip_suffix(".cache"));
            let Some(id) = name.and_then(|name| ProviderId::parse(name).ok()) else {
                continue;
            };
            let known = troubles.len();
            let snapshot = state_file::load(StateFile::Cache, &path, MAX_FILE, troubles, |bytes| {
                self.decrypt(&id, bytes).ok_or(Damage::Malformed)
            });
            for trouble in troubles.iter_mut().skip(known) {
                trouble.provider = Some(id.to_string());
            }
            providers.extend(snapshot.map(|snapshot| (id, snapshot)));
        }
        providers
    }

    /// A provider's list as it is, to be written later.
    pub(super) fn unsaved(&self, provider: &ProviderId, snapshot: &Snapshot<Credentials>) -> Unsaved {
        Unsaved {
            path: self.path(provider),
            provider: provider.clone(),
            key: Arc::clone(&self.key),
            crypto: self.crypto,
            generation: snapshot.generation(),
            entries: snapshot.entries().all().cloned().collect(),
            dropped: snapshot.entries().dropped().cloned().collect(),
        }
    }

    /// Removes a provider's file.
    pub(super) fn remove(&self, provider: &ProviderId) -> Result<(), CacheError> {
        let path = self.path(provider);
        claviger_files::remove(&path).map_err(io(&path))
    }

    fn path(&self, provider: &ProviderId) -> PathBuf {
        self.folder.join(format!("{provider}.cache"))
    }

    fn decrypt(&self, provider: &ProviderId, file: &[u8]) -> Option<Snapshot<Credentials>> {
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
        let mut credentials = Credentials::default();
        for item in map.int(2)?.as_array()? {
            credentials.put(Cached::from_value(item)?);
        }
        // Files of before this key was there have none.
        for item in map.int(3).and_then(Value::as_array).into_iter().flatten() {
            credentials.put_dropped(Cached::from_value(item)?);
        }
        Some(Snapshot::new(map.int(1)?.as_unsigned()?, credentials))
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
        claviger_files::replace_private(&self.path, &file, Durability::Crash).map_err(io(&self.path))
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
}

fn associated_data(provider: &ProviderId) -> Vec<u8> {
    [MAGIC.as_slice(), provider.as_str().as_bytes()].concat()
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> CacheError {
    let path = path.to_owned();
    move |source| CacheError::Io { path, source }
}
