//! The cache on disk: one encrypted file per provider, a row of sealed changes (`frame`).
//!
//! A change is added to the file; it is written whole when a whole list has taken the place of another, and when so much was added
//! that it would become long. Files of version 1 are read: 16 bytes magic, 24 bytes nonce, then XChaCha20-Poly1305 of the canonical
//! CBOR map {1: generation, 2: [record], 3: [those that may come back]} with magic and provider id as associated data. The key lies
//! beside them, readable by the user only: it keeps copies and backups of the single files unreadable, not the user's own programs out.

mod frame;

use std::collections::HashSet;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use claviger_ctap::cbor::{self, Limits, Value};
use claviger_ctap::crypto::Crypto;
use claviger_ctap::types::CredentialId;
use claviger_files::{Access, Durability, Folder};
use claviger_joint::ProviderId;
use claviger_joint::metadata::{Entries as _, MAX_CREDENTIALS, Snapshot};
use claviger_prompt_api::trouble::{Damage, StateFile, Trouble};
use zeroize::Zeroizing;

use self::frame::{Change, Frames, HEADER, List, MAGIC};
use super::credentials::Credentials;
use super::record::Record;
use super::{CacheError, Cached};
use crate::state_file;

const MAGIC_1: &[u8; 16] = b"claviger-cache-1";
const MAX_FILE: u64 = 256 * 1024 * 1024;
pub(super) const FILE_LIMITS: Limits = Limits {
    max_bytes: 128 * 1024 * 1024,
    max_depth: 8,
    max_items: 64 * MAX_CREDENTIALS,
    other_simple: false,
};

/// As many changes may be added to a file whatever the length of its list.
const MIN_ADDED: usize = 1024;

/// One provider's list, and what its file does not have of it.
#[derive(Default)]
pub(super) struct Held {
    pub(super) snapshot: Snapshot<Credentials>,
    unsaved: Pending,
    /// How many changes were added to the file since it was written whole; `None` if nothing can be added.
    added: Option<usize>,
}

/// What is to be written.
#[derive(Default)]
enum Pending {
    #[default]
    Nothing,
    /// The generation, and what is known of these.
    These(HashSet<CredentialId>),
    Everything,
}

impl Held {
    /// These credentials are not in the file as they are now, nor is the generation.
    pub(super) fn changed(&mut self, ids: impl IntoIterator<Item = CredentialId>) {
        match &mut self.unsaved {
            Pending::Everything => {}
            Pending::These(changed) => changed.extend(ids),
            Pending::Nothing => self.unsaved = Pending::These(ids.into_iter().collect()),
        }
    }

    /// Nothing of the list can be taken to be in the file.
    pub(super) fn changed_altogether(&mut self) {
        self.unsaved = Pending::Everything;
    }

    /// What was to be written was not, or in part.
    pub(super) fn not_saved(&mut self) {
        self.added = None;
        self.unsaved = Pending::Everything;
    }
}

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
    pub(super) fn read_all(&self, troubles: &mut Vec<Trouble>) -> Vec<(ProviderId, Held)> {
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
            let held = state_file::load(StateFile::Cache, &path, MAX_FILE, troubles, |bytes| {
                self.decrypt(&id, bytes).ok_or(Damage::Malformed)
            });
            for trouble in troubles.iter_mut().skip(known) {
                trouble.provider = Some(id.to_string());
            }
            providers.extend(held.map(|held| (id, held)));
        }
        providers
    }

    /// What a provider's file does not have, to be written later; `None` if it has everything.
    pub(super) fn take_unsaved(&self, provider: &ProviderId, held: &mut Held) -> Option<Unsaved> {
        let list = held.snapshot.entries();
        let generation = held.snapshot.generation();
        let longest = MIN_ADDED.max(list.count());
        let (change, is_whole) = match (std::mem::take(&mut held.unsaved), held.added) {
            (Pending::Nothing, _) => return None,
            (Pending::These(ids), Some(added)) if added + ids.len() < longest => {
                held.added = Some(added + ids.len() + 1);
                let mut change = Change {
                    generation,
                    ..Change::default()
                };
                for id in ids {
                    if let Some(record) = list.record(id.as_bytes()) {
                        change.records.push(record.clone());
                    } else if let Some(record) = list.known(id.as_bytes()) {
                        change.dropped.push(record.clone());
                    } else {
                        change.forgotten.push(id);
                    }
                }
                (change, false)
            }
            (Pending::These(_) | Pending::Everything, _) => {
                held.added = Some(0);
                let change = Change {
                    generation,
                    records: list.all().cloned().collect(),
                    dropped: list.dropped().cloned().collect(),
                    forgotten: Vec::new(),
                };
                (change, true)
            }
        };
        Some(Unsaved {
            path: self.path(provider),
            provider: provider.clone(),
            key: Arc::clone(&self.key),
            crypto: self.crypto,
            change,
            is_whole,
        })
    }

    /// Removes a provider's file.
    pub(super) fn remove(&self, provider: &ProviderId) -> Result<(), CacheError> {
        let path = self.path(provider);
        claviger_files::remove(&path).map_err(io(&path))
    }

    fn path(&self, provider: &ProviderId) -> PathBuf {
        self.folder.join(format!("{provider}.cache"))
    }

    fn decrypt(&self, provider: &ProviderId, file: &[u8]) -> Option<Held> {
        let (header, frames) = file.split_first_chunk::<HEADER>()?;
        if header.starts_with(MAGIC_1) {
            let list = self.decrypt_1(provider, file)?;
            return Some(Held::read(list, None));
        }
        if !header.starts_with(MAGIC) {
            return None;
        }
        let list = Frames::new(&self.key, *header, provider).read(frames)?;
        let kept = list.credentials.count() + list.credentials.dropped().count();
        // What follows a torn frame would not be found.
        let added = (!list.is_torn).then_some(list.changes.saturating_sub(kept));
        Some(Held::read(list, added))
    }

    /// A file of version 1.
    fn decrypt_1(&self, provider: &ProviderId, file: &[u8]) -> Option<List> {
        let (nonce, msg) = file.strip_prefix(MAGIC_1)?.split_first_chunk::<24>()?;
        let aad = [MAGIC_1.as_slice(), provider.as_str().as_bytes()].concat();
        let cipher = XChaCha20Poly1305::new(&(**self.key).into());
        let plain = cipher.decrypt(&XNonce::from(*nonce), Payload { msg, aad: &aad }).ok()?;
        let map = cbor::decode(&plain, &FILE_LIMITS).ok()?.into_map()?;
        let mut list = List {
            generation: map.int(1)?.as_unsigned()?,
            ..List::default()
        };
        for item in map.int(2)?.as_array()? {
            list.credentials.put(Record::new(Cached::from_value(item)?));
        }
        // Files of before this key was there have none.
        for item in map.int(3).and_then(Value::as_array).into_iter().flatten() {
            list.credentials.put_dropped(Record::new(Cached::from_value(item)?));
        }
        Some(list)
    }
}

impl Held {
    fn read(list: List, added: Option<usize>) -> Self {
        Self {
            snapshot: Snapshot::new(list.generation, list.credentials),
            unsaved: Pending::Nothing,
            added,
        }
    }
}

/// What a provider's file does not have, as it was, waiting to be written.
pub struct Unsaved {
    path: PathBuf,
    provider: ProviderId,
    key: Arc<Zeroizing<[u8; 32]>>,
    crypto: &'static dyn Crypto,
    change: Change,
    /// Whether it takes the place of what the file has.
    is_whole: bool,
}

impl Unsaved {
    /// Encrypts it, and adds it to the provider's file or replaces that.
    pub fn save(self) -> Result<(), CacheError> {
        let written = if self.is_whole { self.replace() } else { self.add() };
        written.map_err(io(&self.path))
    }

    /// Whose list it is.
    pub fn provider(&self) -> &ProviderId {
        &self.provider
    }

    fn replace(&self) -> io::Result<()> {
        let mut header = [0; HEADER];
        let (magic, random) = header.split_at_mut(MAGIC.len());
        magic.copy_from_slice(MAGIC);
        self.crypto.random(random).map_err(io::Error::other)?;
        let (folder, name) = Folder::of(&self.path)?;
        let mut file = folder.create(name, Access::Owner)?;
        file.write_all(&header)?;
        let frames = Frames::new(&self.key, header, &self.provider);
        frames.write(self.crypto, HEADER as u64, &self.change, &mut file)?;
        file.publish(&folder)
    }

    fn add(&self) -> io::Result<()> {
        let mut file = claviger_files::open(&self.path, OpenOptions::new().read(true).append(true))?;
        let mut header = [0; HEADER];
        file.read_exact(&mut header)?;
        let end = file.metadata()?.len();
        let frames = Frames::new(&self.key, header, &self.provider);
        frames.write(self.crypto, end, &self.change, &mut file)
    }
}

impl fmt::Debug for Unsaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsaved")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

fn io(path: &Path) -> impl FnOnce(io::Error) -> CacheError {
    let path = path.to_owned();
    move |source| CacheError::Io { path, source }
}

#[cfg(test)]
mod tests;
