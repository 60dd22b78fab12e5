//! The log of a vault: for each device a chain of its signed changes, and the state that follows from all of them.
//!
//! A change is a `COSE_Sign1` (external data `claviger-log-v1`, key id the device id). Its payload is a canonical CBOR map:
//!
//! ```text
//! 1 version (1) · 2 account · 3 vault · 4 device · 5 sequence (from 1) · 6 hash of the change before (of the ledger's entry
//! that added the device for the first) · 7 time (ms) · 8 what was last seen of the other devices: [[device, sequence,
//! hash], …] · 9 revisions: [[item, revision, hash, hash of the parent revision or null], …]
//! ```
//!
//! The hash of a change is the SHA-256 of all of its bytes, signature too. Dropping, inserting, reordering, replaying or
//! altering a change breaks the chain; cutting its end off, or putting an older copy of everything in its place, shows
//! against what the device remembers of it elsewhere ([`crate::pins`]), which never goes back.
//!
//! Verifying starts at the ledger or at the last **snapshot**: a `COSE_Sign1` (external data `claviger-snapshot-v1`) of
//! where the log stood and of the hash of the state, which is stored beside it ([`State`]).
//!
//! In version 1 an account has one device. So nobody else can have been seen, every revision takes the place of all that
//! there was of its item, and what says otherwise is refused.

mod change;
mod state;

pub use change::{Revision, Seen};
pub use state::State;

use std::collections::{BTreeMap, BTreeSet};

use change::{Change, VERSION, fixed};
use claviger_ctap::cbor::{Limits, Map, Value, decode};
use claviger_ctap::cose::Sign1;
use claviger_ctap::crypto::{Crypto, PrivateKey};

use crate::error::{Damage, Error};
use crate::ids::{AccountId, DeviceId, Hash, Head, VaultId};
use crate::ledger::Ledger;

const CHANGE: &[u8] = b"claviger-log-v1";
const SNAPSHOT: &[u8] = b"claviger-snapshot-v1";

/// A signed change, not yet part of the log.
#[derive(Debug)]
pub struct Signed {
    /// The `COSE_Sign1`.
    pub bytes: Vec<u8>,
    /// Where its device's chain ends with it.
    pub end: Head,
    change: Change,
}

/// A signed snapshot with the state it vouches for.
#[derive(Debug)]
pub struct Snapshot {
    /// The `COSE_Sign1`.
    pub signed: Vec<u8>,
    /// The encoded [`State`].
    pub state: Vec<u8>,
}

/// A vault's log, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    account: AccountId,
    vault: VaultId,
    /// Of every device that is a member.
    ends: BTreeMap<DeviceId, Head>,
    state: State,
}

impl Log {
    /// The log before anybody's first change.
    pub fn start(ledger: &Ledger, vault: VaultId) -> Self {
        let start = |hash| Head { sequence: 0, hash };
        Self {
            account: ledger.account(),
            vault,
            ends: ledger
                .devices()
                .map(|device| (device.id, start(device.added)))
                .collect(),
            state: State::default(),
        }
    }

    /// The log as of a snapshot that `device` signed.
    ///
    /// # Errors
    /// [`Damage::Snapshot`].
    pub fn resume(
        crypto: &dyn Crypto,
        ledger: &Ledger,
        vault: VaultId,
        device: DeviceId,
        snapshot: &Snapshot,
    ) -> Result<Self, Error> {
        let mut log = Self::start(ledger, vault);
        log.read_snapshot(crypto, ledger, device, snapshot)
            .ok_or(Damage::Snapshot)?;
        Ok(log)
    }

    /// Where a device's chain ends: before its first change at the ledger's entry that added it.
    ///
    /// # Errors
    /// [`Damage::NotAMember`].
    pub fn end(&self, device: DeviceId) -> Result<Head, Error> {
        Ok(*self.ends.get(&device).ok_or(Damage::NotAMember)?)
    }

    /// What all changes come to.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Verifies the next change of a device and takes it in.
    ///
    /// # Errors
    /// [`Damage::NotAMember`] and [`Damage::Log`], after which nothing has changed.
    pub fn verify_next(
        &mut self,
        crypto: &dyn Crypto,
        ledger: &Ledger,
        device: DeviceId,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let sequence = self.end(device)?.sequence + 1;
        let change = self
            .read_change(crypto, ledger, device, bytes)
            .ok_or(Damage::Log { device, sequence })?;
        self.apply(&change, crypto.sha256(&[bytes]));
        Ok(())
    }

    /// Signs the next change of `device`, whose key this is. It becomes part of the log only through [`Self::take`], when it
    /// is on the disk.
    ///
    /// # Errors
    /// [`Damage::NotAMember`]; [`Error::Newer`] for a revision that version 1 cannot name.
    pub fn sign(
        &self,
        crypto: &dyn Crypto,
        device: DeviceId,
        key: &PrivateKey,
        revisions: Vec<Revision>,
        now_ms: u64,
    ) -> Result<Signed, Error> {
        let end = self.end(device)?;
        let change = Change {
            account: self.account,
            vault: self.vault,
            device,
            sequence: end.sequence + 1,
            before: end.hash,
            time_ms: now_ms,
            seen: Seen::new(),
            revisions,
        };
        let bytes = Sign1::sign(crypto, key, &device.0, CHANGE, &change.encode()?)?;
        let end = Head {
            sequence: change.sequence,
            hash: crypto.sha256(&[&bytes]),
        };
        Ok(Signed { bytes, end, change })
    }

    /// Takes in a change that [`Self::sign`] made.
    pub fn take(&mut self, signed: &Signed) {
        self.apply(&signed.change, signed.end.hash);
    }

    /// Signs a snapshot of where the log stands.
    ///
    /// # Errors
    /// [`Damage::NotAMember`]; [`Error::Newer`] when another device wrote too, for whose place version 1 has none.
    pub fn snapshot(&self, crypto: &dyn Crypto, device: DeviceId, key: &PrivateKey) -> Result<Snapshot, Error> {
        let end = self.end(device)?;
        if self.ends.iter().any(|(id, end)| *id != device && end.sequence > 0) {
            return Err(Error::Newer { found: 2, known: 1 });
        }
        let state = self.state.encode();
        let payload = Map::new()
            .with(1, VERSION)
            .with(2, self.account.0)
            .with(3, self.vault.0)
            .with(4, device.0)
            .with(5, end.sequence)
            .with(6, end.hash)
            .with(7, crypto.sha256(&[&state]));
        let signed = Sign1::sign(crypto, key, &device.0, SNAPSHOT, &Value::from(payload).encode())?;
        Ok(Snapshot { signed, state })
    }

    fn apply(&mut self, change: &Change, hash: Hash) {
        let end = Head {
            sequence: change.sequence,
            hash,
        };
        self.ends.insert(change.device, end);
        for revision in &change.revisions {
            self.state.apply(revision);
        }
    }

    fn read_change(&self, crypto: &dyn Crypto, ledger: &Ledger, device: DeviceId, bytes: &[u8]) -> Option<Change> {
        let change = Change::decode(&open(crypto, ledger, device, CHANGE, bytes)?)?;
        let end = self.ends.get(&device)?;
        let place = (change.account, change.vault, change.device) == (self.account, self.vault, device);
        let follows = change.sequence == end.sequence + 1 && change.before == end.hash;
        // One item at most once in a change, so that every revision has its parents in the state before.
        let mut once = BTreeSet::new();
        let revisions = change.revisions.iter().all(|revision| {
            let (number, parents) = self.state.next(revision.item);
            once.insert(revision.item) && revision.number == number && revision.parents == parents
        });
        (place && follows && change.seen.is_empty() && revisions).then_some(change)
    }

    fn read_snapshot(
        &mut self,
        crypto: &dyn Crypto,
        ledger: &Ledger,
        device: DeviceId,
        snapshot: &Snapshot,
    ) -> Option<()> {
        let payload = open(crypto, ledger, device, SNAPSHOT, &snapshot.signed)?;
        let says = |field, id: &[u8]| payload.int(field).and_then(Value::as_bytes) == Some(id);
        let ours = payload.int(1)?.as_unsigned()? == VERSION
            && says(2, &self.account.0)
            && says(3, &self.vault.0)
            && says(4, &device.0)
            && says(7, &crypto.sha256(&[&snapshot.state]));
        if !ours {
            return None;
        }
        let end = Head {
            sequence: payload.int(5)?.as_unsigned()?,
            hash: fixed(payload.int(6)?)?,
        };
        self.state = State::decode(&snapshot.state)?;
        self.ends.insert(device, end);
        Some(())
    }
}

/// The payload of what `device`, a member, signed.
fn open(crypto: &dyn Crypto, ledger: &Ledger, device: DeviceId, aad: &[u8], bytes: &[u8]) -> Option<Map> {
    let signed = Sign1::parse(bytes).ok()?;
    if signed.kid() != device.0 {
        return None;
    }
    let payload = signed.verify(crypto, &ledger.device(device)?.key, aad).ok()?;
    decode(&payload, &Limits::ENVELOPE).ok()?.into_map()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
