//! What can go wrong with a vault, and whose fault it is.

use std::io;
use std::path::PathBuf;

use claviger_account as account;
use claviger_account::ids::ItemId;
use claviger_account::item::ItemError;
use claviger_ctap::crypto::CryptoError;
use claviger_joint::{Trouble, TroubleKind};
use thiserror::Error;

/// What helps against damage.
pub(crate) const RESTORE: &str = "put back a backup, see “Restoring a backup” in SECURITY.md";

/// What helps when a file was put back, or is gone.
const RESTORED: &str =
    "put the right one back, or, if this is meant, run `claviger vault --accept-restored`, then `claviger unlock`";

/// Why the vault could not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing can be read or written before [`crate::Vault::unlock`].
    #[error("the vault is locked")]
    Locked,
    /// The caller named an item or a credential that the vault does not have.
    #[error("the vault has no such item")]
    NotFound,
    /// The caller brought a credential id that another passkey already has.
    #[error("a passkey with this id exists already")]
    Exists,
    /// The caller's private key, or one in an imported item, cannot be used.
    #[error("not a usable private key")]
    BadKey,
    /// The caller's item cannot be stored.
    #[error(transparent)]
    Item(#[from] ItemError),
    /// The secret is another user key's (was *hello* set up anew?), or the member record was changed: an AEAD cannot
    /// tell one from the other.
    #[error("the unlock secret does not open this vault")]
    WrongSecret,
    /// Another process, or another [`crate::Vault`] of this one, holds the vault's lock file.
    #[error("another process has the vault at {0} open")]
    InUse(PathBuf),
    /// The user pointed us at a file that is not a vault.
    #[error("{0} is not a Claviger vault")]
    NotAVault(PathBuf),
    /// The file was written by a later version of Claviger.
    #[error("the vault has format {found}, this version of Claviger knows {known}: use a newer one")]
    Newer {
        /// The format in the file, or of one entry in it.
        found: u64,
        /// The newest that is known here.
        known: u64,
    },
    /// The file was changed by someone other than Claviger, or the medium is failing. Nothing was written.
    #[error("the vault is damaged: {0}")]
    Damaged(Damage),
    /// The file is older than what this device has already seen: an old copy was put in its place.
    #[error("{}", rolled_back(*.seen, *.found))]
    RolledBack {
        /// The newest change that this device has seen.
        seen: u64,
        /// The newest change in the file.
        found: u64,
    },
    /// The file that remembers how far this device has seen is not there or does not belong to this vault.
    #[error("the record of what this device has seen is missing: {0}")]
    HeadsMissing(PathBuf),
    /// This device had a vault, and its file is gone: deleted, or on a disk that is not mounted. No new one is made in its
    /// place unless the user says so ([`crate::RESTORED_WORD`]).
    #[error("the vault's file {0} is gone; put it back, or begin anew with an explicit word")]
    Gone(PathBuf),
    /// The platform's disk is full. Nothing was written, everything written before is intact.
    #[error("the disk is full")]
    DiskFull,
    /// The platform does not let us write. Nothing was written.
    #[error("the vault cannot be written: {0}")]
    ReadOnly(PathBuf),
    /// The platform's file system failed.
    #[error("the file system failed: {0}")]
    Io(#[from] io::Error),
    /// The database failed in another way.
    #[error("the database failed: {0}")]
    Database(rusqlite::Error),
    /// The platform's cryptography failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// Which part of a vault does not fit the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Damage {
    /// SQLite cannot read the file.
    #[error("the database file is corrupt")]
    Database,
    /// What is in the file is no account that verifies.
    #[error(transparent)]
    Account(#[from] account::Damage),
    /// An item's row is not the revision that the log names.
    #[error("item {item}: {fault}")]
    Item {
        /// Which item.
        item: ItemId,
        /// What is wrong with it.
        fault: ItemFault,
    },
}

/// What is wrong with one item's row. The other items stay usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ItemFault {
    /// The log names the item, the table has no row for it.
    #[error("its row was deleted")]
    Missing,
    /// The table has a row that no change of the log explains.
    #[error("its row was inserted from outside")]
    Unknown,
    /// The row is not the revision that the log names: altered, swapped with another, or an old one put back.
    #[error("its row is not the revision that the log names")]
    Altered,
    /// The row is what the log names and does not decrypt or parse all the same.
    #[error("its row cannot be opened")]
    Sealed,
}

impl Error {
    /// What this is to a provider's user, with what helps; `None` for what is no trouble of the vault's but the caller's.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        let (kind, helps) = match self {
            Self::Damaged(_) | Self::NotAVault(_) => (TroubleKind::Damaged, RESTORE),
            Self::RolledBack { .. } | Self::HeadsMissing(_) | Self::Gone(_) => (TroubleKind::Damaged, RESTORED),
            Self::Newer { .. } => (TroubleKind::Unavailable, "install that version"),
            Self::DiskFull => (TroubleKind::Unavailable, "make room on the disk"),
            Self::InUse(_) => (TroubleKind::Unavailable, "end the other process"),
            Self::ReadOnly(_) | Self::Io(_) | Self::Database(_) => {
                (TroubleKind::Unavailable, "see that its folder can be read and written")
            }
            Self::Locked
            | Self::NotFound
            | Self::Exists
            | Self::BadKey
            | Self::Item(_)
            | Self::WrongSecret
            | Self::Crypto(_) => return None,
        };
        Some(Trouble::new(kind, &format!("{self}; {helps}")))
    }
}

/// What a person who takes such a vault loses, as far as the two numbers say it.
fn rolled_back(seen: u64, found: u64) -> String {
    match seen.saturating_sub(found) {
        0 => format!("the vault's file has other changes than this device has seen, up to change {seen}"),
        1 => "the vault's file is an older state, which lacks the last change that this device has seen".to_owned(),
        lost => {
            format!("the vault's file is an older state, which lacks the last {lost} changes that this device has seen")
        }
    }
}

impl From<Damage> for Error {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

impl From<account::Damage> for Error {
    fn from(damage: account::Damage) -> Self {
        Self::Damaged(Damage::Account(damage))
    }
}

impl From<account::Error> for Error {
    fn from(error: account::Error) -> Self {
        match error {
            account::Error::WrongSecret => Self::WrongSecret,
            account::Error::Newer { found, known } => Self::Newer { found, known },
            account::Error::Damaged(damage) => damage.into(),
            account::Error::Crypto(e) => Self::Crypto(e),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(Damage::Database),
            _ => Self::Database(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_state_says_how_many_changes_it_lacks() {
        let said = |seen, found| Error::RolledBack { seen, found }.to_string();
        assert!(said(9, 4).contains("lacks the last 5 changes"));
        assert!(said(5, 4).contains("lacks the last change "));
        assert!(said(5, 5).contains("other changes"));
        assert!(said(4, 9).contains("other changes"));
    }
}
