//! Which providers there are, what the user decided about them, and which program each one is.
//!
//! A provider begins as a manifest ([`State::Unregistered`]). When its process first calls `Register` its executable is pinned
//! and it is [`State::Registered`], which means disabled: only the user's verification enables it. Another executable behind
//! the same name sets it back to that. The built-in vault is enabled at once, but only while its executable is the broker's own.
//!
//! Without the file of what the user decided (lost, damaged) every provider is disabled, the vault too, until the user enables it again.
//! Without a usable file of keys one provider takes no part; the others do not notice.
//!
//! Each provider has its own request-signing keys (Ed25519), so that a request to one proves nothing to another. They rotate at a
//! `Register`: the reply names the old and the new key and is endorsed by the old one, without which a provider takes no new key.

mod keys;
mod logos;
mod names;
mod pin;
mod record;
mod saved;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use claviger_ctap::crypto::{Crypto, CryptoError};
use claviger_files::Durability;
use claviger_joint::ProviderId;
pub use claviger_joint::messages::ProviderState as State;
use claviger_peer::{FileId, Process};
use claviger_prompt_api::trouble::{Damage, StateFile, Trouble};
use claviger_provider::manifest::{self, ManifestError};

use crate::state_file;
pub use keys::ROTATE_AFTER_MS;
use keys::{KeysError, RequestKeys};
pub use pin::{Digests, MAX_PROGRAM, Pin};
pub use record::{Profile, Record};
use saved::{Saved, SavedAll};

/// The id of the vault that comes with the platform.
pub const BUILT_IN: &str = "org.claviger.Vault";

/// Larger files in the state folder are not ours.
const MAX_STATE_FILE: u64 = 1024 * 1024;

/// How a state changed, for the `StateChanged` signal and the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// Before.
    pub old: State,
    /// After.
    pub new: State,
    /// Whether another executable than the pinned one was the reason.
    pub executable_changed: bool,
}

/// Why the registry refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The caller named a provider that has no manifest.
    #[error("there is no provider {0}: no manifest names it")]
    Unknown(String),
    /// The provider has to call `Register` first.
    #[error("the provider {0} has not registered yet")]
    NotRegistered(ProviderId),
    /// The provider runs another program than the one the user enabled.
    #[error("the provider {id} runs another program ({}) than the one that was enabled", .path.display())]
    OtherExecutable {
        /// The provider.
        id: ProviderId,
        /// What it runs.
        path: PathBuf,
    },
    /// The state folder does not work.
    #[error("the provider registry cannot be used: {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// A file in the state folder is not ours.
    #[error("{0} is damaged")]
    Damaged(PathBuf),
    /// No randomness.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// All providers. Every change is on disk when the call returns.
#[derive(Debug)]
pub struct Registry {
    folder: PathBuf,
    manifest_folders: Vec<PathBuf>,
    own: FileId,
    records: BTreeMap<ProviderId, Record>,
    problems: Vec<(PathBuf, ManifestError)>,
    troubles: Vec<Trouble>,
    /// What was decided about providers whose manifest is missing just now.
    absent: BTreeMap<String, Saved>,
}

impl Registry {
    /// Opens the registry in `folder` (made if missing). Manifests come from `manifest_folders`, the first one that has an id wins;
    /// `own` is the broker's executable.
    pub fn open(folder: &Path, manifest_folders: &[PathBuf], own: FileId) -> Result<Self, RegistryError> {
        let mut troubles = Vec::new();
        state_file::make_folder(folder, &mut troubles).map_err(|source| RegistryError::Io {
            path: folder.to_owned(),
            source,
        })?;
        let mut registry = Self {
            folder: folder.to_owned(),
            manifest_folders: manifest_folders.to_vec(),
            own,
            records: BTreeMap::new(),
            problems: Vec::new(),
            troubles,
            absent: BTreeMap::new(),
        };
        let path = registry.state_path();
        let known = registry.troubles.len();
        let saved = state_file::load(
            StateFile::Providers,
            &path,
            MAX_STATE_FILE,
            &mut registry.troubles,
            SavedAll::parse,
        );
        let lost = saved.is_none() && registry.has_keys();
        if lost && registry.troubles.len() == known {
            let missing = state_file::trouble(StateFile::Providers, Damage::Missing, &path);
            registry.troubles.push(state_file::noted(missing));
        }
        registry.absent = match saved {
            Some(saved) => saved.providers,
            // What the user disabled must not be enabled because a file was lost.
            None if registry.troubles.len() > known => SavedAll::lost(),
            None => BTreeMap::new(),
        };
        registry.reload()?;
        Ok(registry)
    }

    /// Reads the manifests again. A provider whose manifest went is left out but not forgotten.
    pub fn reload(&mut self) -> Result<(), RegistryError> {
        let loaded = manifest::load_dirs(&self.manifest_folders);
        self.problems = loaded.problems;
        let mut before = std::mem::take(&mut self.records);
        for (source, manifest) in loaded.manifests {
            if !manifest.speaks_our_version() {
                tracing::warn!(provider = %manifest.id, "speaks no version of the protocol that this platform knows");
                continue;
            }
            let id = manifest.id.clone();
            let record = if let Some(record) = before.remove(&id) {
                Record {
                    manifest,
                    source,
                    ..record
                }
            } else {
                let saved = self.absent.remove(id.as_str()).unwrap_or_default();
                let keys = self.load_keys(&id, saved.pin.is_some());
                Record::new(manifest, source, saved, keys)
            };
            self.records.insert(id, record);
        }
        for (id, record) in before {
            self.absent.insert(id.as_str().to_owned(), record.saved());
        }
        self.tell_apart();
        self.load_logos();
        Ok(())
    }

    /// The provider `id`.
    pub fn record(&self, id: &ProviderId) -> Option<&Record> {
        self.records.get(id)
    }

    /// The provider `id`, for its sequence numbers.
    pub fn record_mut(&mut self, id: &ProviderId) -> Option<&mut Record> {
        self.records.get_mut(id)
    }

    /// The vault that comes with the platform, where its manifest is.
    pub fn built_in(&self) -> Option<&ProviderId> {
        self.records.keys().find(|id| is_built_in(id))
    }

    /// All providers, in the order of their ids.
    pub fn records(&self) -> impl Iterator<Item = (&ProviderId, &Record)> {
        self.records.iter()
    }

    /// Files of the registry's that could not be used.
    pub fn troubles(&self) -> &[Trouble] {
        &self.troubles
    }

    /// Manifests that could not be used, for `claviger doctor`.
    pub fn problems(&self) -> &[(PathBuf, ManifestError)] {
        &self.problems
    }

    /// Whether `process` is the pinned program of `id`, judged without reading the file: `Some(true)` it is, `Some(false)` nothing is
    /// pinned yet, `None` the file has to be compared ([`Pin::of`], then [`Registry::register`]).
    pub fn recognises(&self, id: &ProviderId, process: &Process) -> Result<Option<bool>, RegistryError> {
        let record = self.require(id)?;
        if is_built_in(id) && process.file == self.own {
            return Ok(Some(record.pin.is_some()));
        }
        Ok(match &record.pin {
            None => Some(false),
            Some(pin) if pin.is_run_by(process) => Some(true),
            Some(_) => None,
        })
    }

    /// The provider's process, running `pin`, registers. Afterwards it has signing keys, and a new one if the current one has
    /// served its time.
    ///
    /// Without a change of executable the state stays what the user decided; with one, an enabled provider is set back.
    pub fn register(
        &mut self,
        id: &ProviderId,
        pin: Pin,
        crypto: &dyn Crypto,
        now_ms: u64,
    ) -> Result<Transition, RegistryError> {
        let own = is_built_in(id) && pin.file == self.own;
        let record = self.require(id)?;
        let old = record.state;
        let same = own || record.pin.as_ref().is_none_or(|known| known.is_same_program(&pin));
        let new = match old {
            // What was pinned as the platform's own follows its updates; so does the user's decision to disable it.
            State::Unregistered if own => State::Enabled,
            State::Unregistered => State::Registered,
            _ if same => old,
            _ => State::Registered,
        };
        let path = self.keys_path(id);
        let record = self.require_mut(id)?;
        let mut rotate = || {
            if record.keys.is_none() {
                // It may have been mended meanwhile.
                record.keys = Some(RequestKeys::load(&path)?);
            }
            record.keys.get_or_insert_default().rotate(&path, crypto, now_ms)
        };
        rotate().map_err(|error| keys_error(error, path))?;
        if record.state != new || record.pin.as_ref() != Some(&pin) {
            self.change(id, |record| {
                record.was_enabled = record.was_enabled();
                record.state = new;
                record.pin = Some(pin);
            })?;
        }
        Ok(Transition {
            old,
            new,
            executable_changed: !same,
        })
    }

    /// The provider's process takes itself off: its keys and its pin are forgotten.
    pub fn unregister(&mut self, id: &ProviderId) -> Result<Transition, RegistryError> {
        let path = self.keys_path(id);
        let record = self.require_mut(id)?;
        record
            .keys
            .get_or_insert_default()
            .clear(&path)
            .map_err(|source| RegistryError::Io { path, source })?;
        // The built-in vault would be enabled at its next `Register`; what the user disabled must stay disabled.
        let old = record.state;
        let new = if old == State::Registered && is_built_in(id) {
            State::Registered
        } else {
            State::Unregistered
        };
        self.change(id, |record| {
            record.state = new;
            record.pin = None;
            record.was_enabled = false;
        })?;
        Ok(Transition {
            old,
            new,
            executable_changed: false,
        })
    }

    /// The user verified and enables the provider as it is pinned now.
    pub fn enable(&mut self, id: &ProviderId) -> Result<Transition, RegistryError> {
        if self.require(id)?.pin.is_none() {
            return Err(RegistryError::NotRegistered(id.clone()));
        }
        self.set_state(id, State::Enabled)
    }

    /// The user disables the provider.
    pub fn disable(&mut self, id: &ProviderId) -> Result<Transition, RegistryError> {
        if self.require(id)?.state == State::Unregistered {
            return Err(RegistryError::NotRegistered(id.clone()));
        }
        self.set_state(id, State::Registered)
    }

    /// Keeps what the provider says of itself.
    pub fn set_profile(&mut self, id: &ProviderId, profile: Profile) -> Result<(), RegistryError> {
        if self.require(id)?.profile.as_ref() == Some(&profile) {
            return Ok(());
        }
        self.change(id, |record| record.profile = Some(profile))
    }

    fn set_state(&mut self, id: &ProviderId, new: State) -> Result<Transition, RegistryError> {
        let old = self.require(id)?.state;
        self.change(id, |record| {
            record.was_enabled = record.was_enabled();
            record.state = new;
        })?;
        Ok(Transition {
            old,
            new,
            executable_changed: false,
        })
    }

    /// Changes what is kept of a provider, in memory only if it is on disk.
    fn change(&mut self, id: &ProviderId, change: impl FnOnce(&mut Record)) -> Result<(), RegistryError> {
        let record = self.require_mut(id)?;
        let before = record.saved();
        change(record);
        let saved = self.save();
        if saved.is_err() {
            self.require_mut(id)?.restore(before);
        }
        saved
    }

    fn require(&self, id: &ProviderId) -> Result<&Record, RegistryError> {
        self.records
            .get(id)
            .ok_or_else(|| RegistryError::Unknown(id.to_string()))
    }

    fn require_mut(&mut self, id: &ProviderId) -> Result<&mut Record, RegistryError> {
        self.records
            .get_mut(id)
            .ok_or_else(|| RegistryError::Unknown(id.to_string()))
    }

    /// The provider's keys, `None` where their file is damaged. That file stays where it is: no other keys would do, because the
    /// provider has pinned these.
    fn load_keys(&mut self, id: &ProviderId, expected: bool) -> Option<RequestKeys> {
        let path = self.keys_path(id);
        let loaded = RequestKeys::load(&path);
        let damage = match &loaded {
            Ok(keys) if keys.current().is_none() => expected.then_some(Damage::Missing),
            Ok(_) => state_file::is_open_to_others(&path).then_some(Damage::OpenToOthers),
            Err(KeysError::Io(error)) => Some(state_file::damage(error)),
            Err(KeysError::Damaged | KeysError::Crypto(_)) => Some(Damage::Malformed),
        };
        self.troubles
            .retain(|known| known.what != StateFile::RequestKey || known.file != path);
        if let Some(damage) = damage {
            self.troubles.push(state_file::noted(Trouble {
                provider: Some(id.to_string()),
                ..state_file::trouble(StateFile::RequestKey, damage, &path)
            }));
        }
        loaded.ok()
    }

    /// Whether there are keys of any provider: then some have registered.
    fn has_keys(&self) -> bool {
        let is_keys = |entry: io::Result<std::fs::DirEntry>| {
            entry.is_ok_and(|entry| entry.path().extension().is_some_and(|extension| extension == "keys"))
        };
        std::fs::read_dir(&self.folder).is_ok_and(|mut entries| entries.any(is_keys))
    }

    fn save(&self) -> Result<(), RegistryError> {
        let mut providers = self.absent.clone();
        for (id, record) in &self.records {
            if record.state != State::Unregistered {
                let saved = Saved {
                    was_enabled: record.was_enabled(),
                    ..record.saved()
                };
                providers.insert(id.as_str().to_owned(), saved);
            }
        }
        let saved = SavedAll {
            version: saved::VERSION,
            providers,
        };
        let path = self.state_path();
        serde_json::to_vec_pretty(&saved)
            .map_err(io::Error::from)
            .and_then(|bytes| claviger_files::replace_private(&path, &bytes, Durability::PowerCut))
            .map_err(|source| RegistryError::Io { path, source })
    }

    fn state_path(&self) -> PathBuf {
        self.folder.join("providers.json")
    }

    fn keys_path(&self, id: &ProviderId) -> PathBuf {
        self.folder.join(format!("{id}.keys"))
    }
}

fn is_built_in(id: &ProviderId) -> bool {
    id.as_str() == BUILT_IN
}

fn keys_error(error: KeysError, path: PathBuf) -> RegistryError {
    match error {
        KeysError::Io(source) => RegistryError::Io { path, source },
        KeysError::Crypto(error) => RegistryError::Crypto(error),
        KeysError::Damaged => RegistryError::Damaged(path),
    }
}

#[cfg(test)]
mod tests;
