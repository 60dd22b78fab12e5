//! The log of one device: append-only, signed, hash-chained changes, and the state that follows from them.
//!
//! A change is a `COSE_Sign1` (external data `claviger-log-v1`, key id the device id). Its payload is a canonical CBOR map:
//!
//! ```text
//! 1 version (1) · 2 account · 3 vault · 4 device · 5 sequence (from 1) · 6 hash of the change before (of the ledger's
//! genesis for the first) · 7 time (ms) · 8 what was last seen of the other devices: [[device, sequence, hash], …]
//! 9 revisions: [[item, revision, hash, hash of the parent revision or null], …]
//! ```
//!
//! The hash of a change is the SHA-256 of all of its bytes, signature too. Dropping, inserting, reordering, replaying or
//! altering a change breaks the chain; cutting its end off, or putting an older copy of everything in its place, shows
//! against the device's record of heads, which never goes back.
//!
//! Verifying starts at the genesis or at the last **snapshot**: a `COSE_Sign1` (external data `claviger-snapshot-v1`) of
//! where the log stood and of the hash of the state, which is stored beside it: for every item, in order of ids, `item
//! (16) ‖ revision (u64, big endian) ‖ hash (32)`.
//!
//! This module is pure: no file, no clock, no database.

use crate::error::{Damage, Error};
use crate::ids::{Hash, ItemId};
use crate::keys::Place;
use claviger_ctap::cbor::{Limits, Map, Value, decode};
use claviger_ctap::cose::Sign1;
use claviger_ctap::crypto::{Crypto, PrivateKey, PublicKey};
use std::collections::BTreeMap;

const CHANGE: &[u8] = b"claviger-log-v1";
const SNAPSHOT: &[u8] = b"claviger-snapshot-v1";
const VERSION: u64 = 1;
const STATE_ENTRY: usize = 16 + 8 + 32;

/// How far a log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of changes.
    pub sequence: u64,
    /// The hash of the last one (of the ledger's genesis before the first).
    pub hash: Hash,
}

/// The current revision of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Current {
    /// Its number, from 1.
    pub revision: u64,
    /// Its hash.
    pub hash: Hash,
}

/// One new revision, as a change names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision {
    /// Of which item.
    pub item: ItemId,
    /// Its number, from 1.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// The hash of the one before; none for the first.
    pub parent: Option<Hash>,
}

/// A signed change of this device, not yet part of its log.
#[derive(Debug)]
pub struct Change {
    /// The `COSE_Sign1`.
    pub bytes: Vec<u8>,
    /// Where the log ends with it.
    pub head: Head,
    revisions: Vec<Revision>,
}

/// A signed snapshot with the state it vouches for.
#[derive(Debug)]
pub struct Snapshot {
    /// The `COSE_Sign1`.
    pub signed: Vec<u8>,
    /// The state of every item.
    pub state: Vec<u8>,
}

/// One device's log, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    place: Place,
    head: Head,
    items: BTreeMap<ItemId, Current>,
}

impl Log {
    /// The log before its first change.
    pub fn start(place: Place, genesis: Hash) -> Self {
        Self {
            place,
            head: Head {
                sequence: 0,
                hash: genesis,
            },
            items: BTreeMap::new(),
        }
    }

    /// The log as of a snapshot.
    pub fn resume(crypto: &dyn Crypto, place: Place, key: &PublicKey, snapshot: &Snapshot) -> Result<Self, Error> {
        Self::parse_snapshot(crypto, place, key, snapshot).ok_or(Error::Damaged(Damage::Snapshot))
    }

    /// Where the log ends.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The current revision of every item that ever was, deleted ones too.
    pub fn items(&self) -> &BTreeMap<ItemId, Current> {
        &self.items
    }

    /// Verifies the next change and takes it in.
    pub fn verify_next(&mut self, crypto: &dyn Crypto, key: &PublicKey, bytes: &[u8]) -> Result<(), Error> {
        let sequence = self.head.sequence + 1;
        let revisions = self.parse_change(crypto, key, bytes).ok_or(Damage::Log(sequence))?;
        let change = Change {
            bytes: Vec::new(),
            head: Head {
                sequence,
                hash: crypto.sha256(&[bytes]),
            },
            revisions,
        };
        self.take(&change);
        Ok(())
    }

    /// Signs the next change. It becomes part of the log only through [`Self::take`], when it is on the disk.
    pub fn sign(
        &self,
        crypto: &dyn Crypto,
        key: &PrivateKey,
        revisions: Vec<Revision>,
        now_ms: u64,
    ) -> Result<Change, Error> {
        let sequence = self.head.sequence + 1;
        let list: Vec<Value> = revisions
            .iter()
            .map(|r| {
                let parent = r.parent.map_or(Value::Null, Value::from);
                Value::from(vec![r.item.0.into(), r.number.into(), r.hash.into(), parent])
            })
            .collect();
        let payload = Map::new()
            .with(1, VERSION)
            .with(2, self.place.account.0)
            .with(3, self.place.vault.0)
            .with(4, self.place.device.0)
            .with(5, sequence)
            .with(6, self.head.hash)
            .with(7, now_ms)
            .with(8, Vec::<Value>::new())
            .with(9, list);
        let bytes = Sign1::sign(
            crypto,
            key,
            &self.place.device.0,
            CHANGE,
            &Value::from(payload).encode(),
        )?;
        let head = Head {
            sequence,
            hash: crypto.sha256(&[&bytes]),
        };
        Ok(Change { bytes, head, revisions })
    }

    /// Takes in a change that [`Self::sign`] made or [`Self::verify_next`] verified.
    pub fn take(&mut self, change: &Change) {
        self.head = change.head;
        for r in &change.revisions {
            self.items.insert(
                r.item,
                Current {
                    revision: r.number,
                    hash: r.hash,
                },
            );
        }
    }

    /// Signs a snapshot of where the log stands.
    pub fn snapshot(&self, crypto: &dyn Crypto, key: &PrivateKey) -> Result<Snapshot, Error> {
        let mut state = Vec::with_capacity(self.items.len() * STATE_ENTRY);
        for (item, current) in &self.items {
            state.extend_from_slice(&item.0);
            state.extend_from_slice(&current.revision.to_be_bytes());
            state.extend_from_slice(&current.hash);
        }
        let payload = Map::new()
            .with(1, VERSION)
            .with(2, self.place.account.0)
            .with(3, self.place.vault.0)
            .with(4, self.place.device.0)
            .with(5, self.head.sequence)
            .with(6, self.head.hash)
            .with(7, crypto.sha256(&[&state]));
        let signed = Sign1::sign(
            crypto,
            key,
            &self.place.device.0,
            SNAPSHOT,
            &Value::from(payload).encode(),
        )?;
        Ok(Snapshot { signed, state })
    }

    fn parse_change(&self, crypto: &dyn Crypto, key: &PublicKey, bytes: &[u8]) -> Option<Vec<Revision>> {
        let payload = self.place.open(crypto, key, CHANGE, bytes)?;
        let sequence = payload.int(5)?.as_unsigned()?;
        if sequence != self.head.sequence + 1 || payload.int(6)?.as_bytes()? != self.head.hash {
            return None;
        }
        let revisions = payload
            .int(9)?
            .as_array()?
            .iter()
            .map(parse_revision)
            .collect::<Option<Vec<_>>>()?;
        // One item at most once in a change, so that every revision has its parent in the state before.
        let follows = |r: &Revision| {
            let before = self.items.get(&r.item);
            r.number == before.map_or(1, |c| c.revision.saturating_add(1)) && r.parent == before.map(|c| c.hash)
        };
        let mut once = std::collections::BTreeSet::new();
        revisions
            .iter()
            .all(|r| follows(r) && once.insert(r.item))
            .then_some(revisions)
    }

    fn parse_snapshot(crypto: &dyn Crypto, place: Place, key: &PublicKey, snapshot: &Snapshot) -> Option<Self> {
        let payload = place.open(crypto, key, SNAPSHOT, &snapshot.signed)?;
        if payload.int(7)?.as_bytes()? != crypto.sha256(&[&snapshot.state]) {
            return None;
        }
        let (entries, []) = snapshot.state.as_chunks::<STATE_ENTRY>() else {
            return None;
        };
        let entry = |bytes: &[u8; STATE_ENTRY]| {
            let (item, rest) = bytes.split_first_chunk::<16>()?;
            let (revision, hash) = rest.split_first_chunk::<8>()?;
            let current = Current {
                revision: u64::from_be_bytes(*revision),
                hash: hash.try_into().ok()?,
            };
            Some((ItemId(*item), current))
        };
        let items: BTreeMap<_, _> = entries.iter().map(entry).collect::<Option<_>>()?;
        Some(Self {
            place,
            head: Head {
                sequence: payload.int(5)?.as_unsigned()?,
                hash: payload.int(6)?.as_bytes()?.try_into().ok()?,
            },
            items,
        })
    }
}

impl Place {
    /// Verifies a message of this place's device and gives out its payload, of this version and for this place.
    fn open(&self, crypto: &dyn Crypto, key: &PublicKey, aad: &[u8], bytes: &[u8]) -> Option<Map> {
        let signed = Sign1::parse(bytes).ok()?;
        if signed.kid() != self.device.0 {
            return None;
        }
        let payload = decode(&signed.verify(crypto, key, aad).ok()?, &Limits::ENVELOPE)
            .ok()?
            .into_map()?;
        let ids = [(2, self.account.0), (3, self.vault.0), (4, self.device.0)];
        let ours = ids
            .iter()
            .all(|(field, id)| payload.int(*field).and_then(Value::as_bytes) == Some(id.as_slice()));
        (ours && payload.int(1)?.as_unsigned()? == VERSION).then_some(payload)
    }
}

fn parse_revision(value: &Value) -> Option<Revision> {
    let [item, revision, hash, parent] = value.as_array()? else {
        return None;
    };
    Some(Revision {
        item: ItemId(item.as_bytes()?.try_into().ok()?),
        number: revision.as_unsigned()?,
        hash: hash.as_bytes()?.try_into().ok()?,
        parent: match parent {
            Value::Null => None,
            hash => Some(hash.as_bytes()?.try_into().ok()?),
        },
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
