//! What one change says.

use std::collections::BTreeMap;

use claviger_ctap::cbor::{Map, Value};

use crate::error::Error;
use crate::ids::{AccountId, DeviceId, Hash, Head, ItemId, VaultId};
use crate::revision::Parents;

pub(super) const VERSION: u64 = 1;

/// How far the writer of a change had seen the logs of the others.
pub type Seen = BTreeMap<DeviceId, Head>;

/// One new revision, as a change names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Of which item.
    pub item: ItemId,
    /// Its number: 1 more than the highest of its parents.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// What it takes the place of.
    pub parents: Parents,
}

/// One change of one device, before it is signed and after its signature verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub account: AccountId,
    pub vault: VaultId,
    pub device: DeviceId,
    /// Its number among the device's changes, from 1.
    pub sequence: u64,
    /// The hash of the device's change before.
    pub before: Hash,
    /// The device's time, in milliseconds since 1970 UTC.
    pub time_ms: u64,
    pub seen: Seen,
    pub revisions: Vec<Revision>,
}

impl Change {
    /// The payload.
    ///
    /// # Errors
    /// [`Error::Newer`] for a revision with several parents.
    pub(super) fn encode(&self) -> Result<Vec<u8>, Error> {
        let seen: Vec<Value> = self
            .seen
            .iter()
            .map(|(device, head)| Value::Array(vec![device.0.into(), head.sequence.into(), head.hash.into()]))
            .collect();
        let revisions = self.revisions.iter().map(|revision| {
            let parents = revision.parents.to_value()?;
            Ok(Value::Array(vec![
                revision.item.0.into(),
                revision.number.into(),
                revision.hash.into(),
                parents,
            ]))
        });
        let map = Map::new()
            .with(1, VERSION)
            .with(2, self.account.0)
            .with(3, self.vault.0)
            .with(4, self.device.0)
            .with(5, self.sequence)
            .with(6, self.before)
            .with(7, self.time_ms)
            .with(8, seen)
            .with(9, revisions.collect::<Result<Vec<Value>, Error>>()?);
        Ok(Value::from(map).encode())
    }

    /// Reads a payload; `None` when it is none, or of another version. Later fields are allowed.
    pub(super) fn decode(map: &Map) -> Option<Self> {
        let number = |key| map.int(key)?.as_unsigned();
        if number(1)? != VERSION {
            return None;
        }
        Some(Self {
            account: AccountId(fixed(map.int(2)?)?),
            vault: VaultId(fixed(map.int(3)?)?),
            device: DeviceId(fixed(map.int(4)?)?),
            sequence: number(5)?,
            before: fixed(map.int(6)?)?,
            time_ms: number(7)?,
            seen: map.int(8)?.as_array()?.iter().map(seen).collect::<Option<_>>()?,
            revisions: map.int(9)?.as_array()?.iter().map(revision).collect::<Option<_>>()?,
        })
    }
}

fn seen(value: &Value) -> Option<(DeviceId, Head)> {
    let [device, sequence, hash] = value.as_array()? else {
        return None;
    };
    let head = Head {
        sequence: sequence.as_unsigned()?,
        hash: fixed(hash)?,
    };
    Some((DeviceId(fixed(device)?), head))
}

fn revision(value: &Value) -> Option<Revision> {
    let [item, number, hash, parents] = value.as_array()? else {
        return None;
    };
    Some(Revision {
        item: ItemId(fixed(item)?),
        number: number.as_unsigned()?,
        hash: fixed(hash)?,
        parents: Parents::from_value(parents)?,
    })
}

pub(super) fn fixed<const N: usize>(value: &Value) -> Option<[u8; N]> {
    value.as_bytes()?.try_into().ok()
}
