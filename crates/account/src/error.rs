//! What can go wrong with an account, and whose fault it is.

use claviger_ctap::crypto::CryptoError;
use thiserror::Error;

use crate::ids::DeviceId;

/// Why something of the account could not be read or written.
#[derive(Debug, Error)]
pub enum Error {
    /// The secret is another user key's (was *hello* set up anew?), or the member record was changed: an AEAD cannot
    /// tell one from the other.
    #[error("the unlock secret does not open this vault")]
    WrongSecret,
    /// An entry was written by a later version of Claviger.
    #[error("the vault has format {found}, this version of Claviger knows {known}: use a newer one")]
    Newer {
        /// The format of the entry.
        found: u64,
        /// The newest that is known here.
        known: u64,
    },
    /// Changed by someone other than a member, or by a failing medium.
    #[error("the vault is damaged: {0}")]
    Damaged(#[from] Damage),
    /// The platform's cryptography failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// Which part of an account does not fit the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Damage {
    /// A record that every account has is missing or malformed.
    #[error("the record '{0}' is missing or malformed")]
    Record(&'static str),
    /// The ledger does not verify from its genesis.
    #[error("ledger entry {0} does not verify")]
    Ledger(u64),
    /// The device's key is not the one that the ledger names.
    #[error("this device is not a member of the account")]
    NotAMember,
    /// A change is missing, out of order, altered, or signed by no member.
    #[error("change {sequence} of the log does not verify")]
    Log {
        /// Whose log.
        device: DeviceId,
        /// The change's number in it.
        sequence: u64,
    },
    /// The snapshot of the log does not verify.
    #[error("the log's snapshot does not verify")]
    Snapshot,
}
