//! The vault itself: keys, log, file and index together.
//!
//! [`Vault::attach`] takes the directory (one process at a time), [`Vault::unlock`] opens what is there or makes a new vault
//! when there is none, and verifies everything before anything is served: the ledger from its genesis, the log from its
//! last snapshot, the record of heads, and every item against the log. What was acknowledged (`Ok` from
//! [`Vault::add`], [`Vault::update`], [`Vault::remove`]) is on the disk.

mod check;
mod commit;
mod load;
mod passkey;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;

use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use check::Trusted;
use claviger_account as account;
use claviger_account::ids::ItemId;
use claviger_account::item::Item;
use claviger_account::ledger::Ledger;
use claviger_account::log::Log;
use claviger_account::seal::Content;
use claviger_ctap::crypto::Crypto;
use claviger_ctap::types::CredentialId;
use rustix::fs::{FlockOperation, flock};

use crate::error::{Damage, Error, ItemFault};
use crate::heads::Heads;
use crate::index::{Index, PasskeyInfo};
use crate::store::{Store, unpublished};

/// Where a vault lives.
#[derive(Debug, Clone)]
pub struct Options {
    /// For `vault.sqlite3` and the lock file: `$XDG_DATA_HOME/claviger/vault`. Made with mode 0700.
    pub data_dir: PathBuf,
    /// For the record of heads, and [`RESTORED_WORD`]: `$XDG_STATE_HOME/claviger/vault`. Made with mode 0700; not the same as
    /// `data_dir`, or a restored backup of that directory would not be noticed.
    pub state_dir: PathBuf,
}

/// The file in [`Options::state_dir`] by which the user says that a backup was restored on purpose: the next unlock takes the
/// vault as it is and lets the record of heads begin again at its end; a new vault may take the place of one that is gone. It is
/// made by the user's explicit word alone, and an open vault takes it away.
pub const RESTORED_WORD: &str = "accept-restored";

/// A vault that this process has for itself, locked or unlocked.
pub struct Vault {
    crypto: &'static dyn Crypto,
    file: PathBuf,
    heads: PathBuf,
    restored_word: PathBuf,
    open: Option<Open>,
    /// Held for as long as the vault is; the kernel lets go of it however the process ends.
    _lock: File,
}

/// Everything that an unlocked vault keeps in memory.
struct Open {
    trusted: Trusted,
    ledger: Ledger,
    /// Where the last snapshot was taken.
    snapshot: u64,
    heads: Heads,
    index: Index,
    damage: Vec<Damage>,
    store: Store,
}

/// What [`Vault::verify`] looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Changes of the log, all verified.
    pub changes: u64,
    /// Items that are there and not deleted.
    pub items: usize,
    /// Items whose rows are not what the log says.
    pub damage: Vec<Damage>,
}

impl Vault {
    /// Takes the vault in `options`' directories for this process; nothing is read yet.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process, or another `Vault` here, has it; [`Error::Io`] when the directories cannot
    /// be made.
    pub fn attach(options: &Options, crypto: &'static dyn Crypto) -> Result<Self, Error> {
        for directory in [&options.data_dir, &options.state_dir] {
            claviger_files::make_folder(directory)?;
            // One that was there before, or that a backup brought back, may be open to others.
            std::fs::set_permissions(directory, Permissions::from_mode(0o700))?;
        }
        let path = options.data_dir.join("vault.lock");
        let lock = claviger_files::open(&path, OpenOptions::new().write(true).create(true).truncate(false))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(Error::InUse(options.data_dir.clone())),
            Err(e) => return Err(Error::Io(e.into())),
        }
        Ok(Self {
            crypto,
            file: options.data_dir.join("vault.sqlite3"),
            heads: options.state_dir.join("vault.heads"),
            restored_word: options.state_dir.join(RESTORED_WORD),
            open: None,
            _lock: lock,
        })
    }

    /// Whether there is a vault yet; the first [`Self::unlock`] makes one. A link in its place is something that is there.
    pub fn exists(&self) -> bool {
        self.file.symlink_metadata().is_ok()
    }

    /// Whether the keys are not in memory.
    pub fn is_locked(&self) -> bool {
        self.open.is_none()
    }

    /// Opens the vault with the unlock secret that *hello* released for it; makes it when there is none. An open vault
    /// stays open. `now_ms` is unix time in milliseconds, for the genesis of a new one.
    ///
    /// # Errors
    /// [`Error::WrongSecret`]; [`Error::Damaged`], [`Error::RolledBack`] and [`Error::HeadsMissing`] when what is there
    /// does not verify; [`Error::Gone`] when there was one; [`Error::NotAVault`] and [`Error::Newer`]; the platform's errors. A vault with damaged *items* opens:
    /// see [`Self::damage`].
    pub fn unlock(&mut self, secret: &[u8; 32], now_ms: u64) -> Result<(), Error> {
        if self.open.is_some() {
            return Ok(self.forget_word()?);
        }
        if !self.exists() {
            // A vault that was only half made has left its unpublished file beside the record of heads.
            if self.heads.exists() && !unpublished(&self.file).exists() && !self.accepts_restored() {
                return Err(Error::Gone(self.file.clone()));
            }
            self.create(secret, now_ms)?;
        }
        let open = self.load(secret)?;
        for damage in &open.damage {
            tracing::error!(%damage, "an item of the vault cannot be served");
        }
        tracing::info!(
            items = open.trusted.log.state().items().count(),
            changes = open.trusted.end()?.sequence,
            "vault unlocked"
        );
        self.forget_word()?;
        self.open = Some(open);
        Ok(())
    }

    /// Whether the user said that what is there is meant.
    fn accepts_restored(&self) -> bool {
        self.restored_word.exists()
    }

    /// The word counts once.
    fn forget_word(&self) -> std::io::Result<()> {
        claviger_files::remove(&self.restored_word)
    }

    /// Drops and wipes the keys, the index and the file's handle.
    pub fn lock(&mut self) {
        if self.open.take().is_some() {
            tracing::info!("vault locked");
        }
    }

    /// Moves what was written from the write-ahead log into the database file, and empties the log. A locked vault has none.
    ///
    /// # Errors
    /// [`Error::DiskFull`] and the like; everything stays where it was then.
    pub fn tidy(&mut self) -> Result<(), Error> {
        self.open.as_mut().map_or(Ok(()), |open| open.store.checkpoint())
    }

    /// The account's ledger.
    pub fn ledger(&self) -> Result<&Ledger, Error> {
        Ok(&self.opened()?.ledger)
    }

    /// The items that unlocking found altered, swapped, replaced by old revisions, deleted or inserted from outside.
    /// They are not served; all others are.
    pub fn damage(&self) -> Result<&[Damage], Error> {
        Ok(&self.opened()?.damage)
    }

    /// How many passkeys in items that are good cannot be read: their ids are of a length that no id has. They are kept and not served.
    pub fn unreadable(&self) -> Result<usize, Error> {
        Ok(self.opened()?.index.unreadable())
    }

    /// Where the vault's file is.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Every passkey, in order of RP IDs.
    pub fn passkeys(&self) -> Result<impl Iterator<Item = PasskeyInfo>, Error> {
        Ok(self.opened()?.index.all())
    }

    /// The passkeys of a relying party, newest first.
    pub fn find(&self, rp_id: &str) -> Result<Vec<PasskeyInfo>, Error> {
        Ok(self.opened()?.index.find(rp_id))
    }

    /// One passkey.
    pub fn passkey(&self, credential_id: &CredentialId) -> Result<PasskeyInfo, Error> {
        self.opened()?.index.passkey(credential_id).ok_or(Error::NotFound)
    }

    /// One item, decrypted.
    pub fn item(&self, id: ItemId) -> Result<Item, Error> {
        let open = self.opened()?;
        if !open.trusted.log.state().contains(id) {
            return Err(Error::NotFound);
        }
        let damaged = |fault| Error::Damaged(Damage::Item { item: id, fault });
        let sealed = open.store.item(id)?.ok_or(damaged(ItemFault::Missing))?;
        match open.trusted.open(self.crypto, id, &sealed).map_err(damaged)? {
            Content::Item(json) => Ok(Item::from_json(&json)?),
            Content::Tombstone => Err(Error::NotFound),
        }
    }

    /// Verifies everything from the beginning: each signature of the log since the genesis, and every item. Slower than
    /// what unlocking does, which trusts the last snapshot; for `claviger doctor` and tests.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the log itself does not verify. Damaged items are in the report.
    pub fn verify(&self) -> Result<Report, Error> {
        let open = self.opened()?;
        let trusted = &open.trusted;
        let device = trusted.place.device;
        let mut log = Log::start(&open.ledger, trusted.place.vault);
        open.store.changes(0, |change| {
            Ok(log.verify_next(self.crypto, &open.ledger, device, change)?)
        })?;
        let sequence = log.end(device)?.sequence;
        if log != trusted.log {
            return Err(account::Damage::Log { device, sequence }.into());
        }
        let checked = trusted.check_all(self.crypto, &open.store)?;
        Ok(Report {
            changes: sequence,
            items: checked.items,
            damage: checked.damage,
        })
    }

    fn opened(&self) -> Result<&Open, Error> {
        self.open.as_ref().ok_or(Error::Locked)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault")
            .field("file", &self.file)
            .field("locked", &self.is_locked())
            .finish_non_exhaustive()
    }
}
