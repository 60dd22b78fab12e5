//! What a log comes to: for every item the set of its heads.

use std::collections::BTreeMap;

use super::Revision;
use crate::ids::{Hash, ItemId};
use crate::revision::Parents;

const ENTRY: usize = 16 + 8 + 32;

/// For every item that ever was, deleted ones too, its heads: the revisions that no other has taken the place of, each with
/// its number. One, as long as one device writes after the other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State(BTreeMap<(ItemId, Hash), u64>);

impl State {
    /// The items, each once.
    pub fn items(&self) -> impl Iterator<Item = ItemId> {
        let mut last = None;
        let ids = self.0.keys().map(|(item, _)| *item);
        ids.filter(move |item| last.replace(*item) != Some(*item))
    }

    /// How many heads there are: as many as items, as long as one device writes after the other.
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// Whether there is such an item, or was.
    pub fn contains(&self, item: ItemId) -> bool {
        self.heads(item).next().is_some()
    }

    /// The number of the revision with this hash, if it is one of the item's heads.
    pub fn head(&self, item: ItemId, hash: Hash) -> Option<u64> {
        self.0.get(&(item, hash)).copied()
    }

    /// The number and the parents of a revision that takes the place of all of the item's heads.
    pub fn next(&self, item: ItemId) -> (u64, Parents) {
        let highest = self.heads(item).map(|(_, number)| number).max().unwrap_or(0);
        let parents = self.heads(item).map(|(hash, _)| hash).collect();
        (highest.saturating_add(1), parents)
    }

    pub(super) fn apply(&mut self, revision: &Revision) {
        for parent in revision.parents.hashes() {
            self.0.remove(&(revision.item, *parent));
        }
        self.0.insert((revision.item, revision.hash), revision.number);
    }

    /// In order of ids: `item (16) ‖ revision (u64, big endian) ‖ hash (32)`.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * ENTRY);
        for ((item, hash), number) in &self.0 {
            bytes.extend_from_slice(&item.0);
            bytes.extend_from_slice(&number.to_be_bytes());
            bytes.extend_from_slice(hash);
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (entries, []) = bytes.as_chunks::<ENTRY>() else {
            return None;
        };
        let entry = |bytes: &[u8; ENTRY]| {
            let (item, rest) = bytes.split_first_chunk()?;
            let (number, hash) = rest.split_first_chunk()?;
            Some(((ItemId(*item), hash.try_into().ok()?), u64::from_be_bytes(*number)))
        };
        entries.iter().map(entry).collect::<Option<_>>().map(Self)
    }

    fn heads(&self, item: ItemId) -> impl Iterator<Item = (Hash, u64)> {
        let all = (item, [0; 32])..=(item, [0xff; 32]);
        self.0.range(all).map(|((_, hash), number)| (*hash, *number))
    }
}
