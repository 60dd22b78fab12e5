//! What the vault keeps in memory while it is unlocked: for each passkey what finding and listing need, no key.
//!
//! RP IDs, user names and credential ids exist in clear only here; the file has none of them. Each passkey is one [`Record`], read
//! when it is asked for.

mod record;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use claviger_account::ids::ItemId;
use claviger_account::item::{ItemError, Summary};
use claviger_ctap::types::{CredentialId, RpId, UserId};

use self::record::{ById, ByItem, Record};

/// What is known of a passkey without opening its item.
#[derive(Clone, PartialEq, Eq)]
pub struct PasskeyInfo {
    /// The item that holds it.
    pub item: ItemId,
    /// The credential id.
    pub credential_id: CredentialId,
    /// The relying party's id.
    pub rp_id: RpId,
    /// The relying party's name for itself.
    pub rp_name: Option<String>,
    /// The relying party's id of the account.
    pub user_handle: UserId,
    /// The account's name; empty when the relying party gave none.
    pub username: String,
    /// A friendlier form of it; empty when the relying party gave none.
    pub user_display_name: String,
    /// The encoded `COSE_Key`.
    pub public_key: Vec<u8>,
    /// Whether it can be found without its id.
    pub discoverable: bool,
    /// BE, as promised at creation.
    pub backup_eligible: bool,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_ms: u64,
}

impl std::fmt::Debug for PasskeyInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasskeyInfo")
            .field("item", &self.item)
            .finish_non_exhaustive()
    }
}

/// What is known of an item's passkeys, before it is in the index.
#[derive(Default)]
pub(crate) struct ItemEntry {
    /// [`Record`]s.
    passkeys: Vec<Vec<u8>>,
    /// How many more cannot be read.
    unreadable: usize,
}

impl ItemEntry {
    /// Reads the JSON of `item`.
    pub(crate) fn read(item: ItemId, json: &[u8]) -> Result<Self, ItemError> {
        let summary = Summary::read(json)?;
        let records = summary
            .passkeys
            .iter()
            .filter_map(|passkey| record::encode(item, passkey));
        let passkeys: Vec<_> = records.collect();
        Ok(Self {
            // One that is too long for a record is none of an item of at most a megabyte.
            unreadable: summary.unreadable + summary.passkeys.len() - passkeys.len(),
            passkeys,
        })
    }
}

/// The passkeys of all items, by credential id and by RP ID.
#[derive(Default)]
pub(crate) struct Index {
    by_id: HashSet<ById>,
    /// By the hash of the RP ID under a key of this process's own.
    by_site: HashMap<u64, Vec<Record>>,
    by_item: BTreeSet<ByItem>,
    hasher: RandomState,
    /// How many passkeys of an item cannot be read, where there are any.
    unreadable: BTreeMap<ItemId, usize>,
}

impl Index {
    /// Replaces what is known of `item`; no passkeys forget it. A credential id that another item has stays with that one.
    pub(crate) fn replace(&mut self, item: ItemId, entry: &ItemEntry) {
        self.unreadable.remove(&item);
        if entry.unreadable > 0 {
            let count = entry.unreadable;
            tracing::warn!(%item, count, "passkeys that cannot be read are kept and not served");
            self.unreadable.insert(item, count);
        }
        self.forget(item);
        for passkey in &entry.passkeys {
            let record = Record::new(passkey);
            if self.by_id.contains(record.credential_id()) {
                tracing::warn!(%item, "a second passkey with the same credential id is not served");
                continue;
            }
            let site = self.by_site.entry(self.hasher.hash_one(record.rp_id())).or_default();
            if site.len() == site.capacity() {
                // Most sites have one or two for good; by itself a list makes room for four.
                site.reserve_exact(1.max(site.len() / 2));
            }
            site.push(record.clone());
            self.by_item.insert(ByItem(record.clone()));
            self.by_id.insert(ById(record));
        }
    }

    /// The passkey with this credential id.
    pub(crate) fn passkey(&self, credential_id: &CredentialId) -> Option<PasskeyInfo> {
        self.by_id.get(credential_id.as_bytes())?.0.info()
    }

    /// Whether there is a passkey with this credential id.
    pub(crate) fn contains(&self, credential_id: &CredentialId) -> bool {
        self.by_id.contains(credential_id.as_bytes())
    }

    /// How many passkeys are kept and cannot be read.
    pub(crate) fn unreadable(&self) -> usize {
        self.unreadable.values().sum()
    }

    /// The passkeys of a relying party, newest first.
    pub(crate) fn find(&self, rp_id: &str) -> Vec<PasskeyInfo> {
        let site = self.by_site.get(&self.hasher.hash_one(rp_id.as_bytes()));
        let here = site
            .into_iter()
            .flatten()
            .filter(|record| record.rp_id() == rp_id.as_bytes());
        let mut found: Vec<_> = here.filter_map(Record::info).collect();
        found.sort_by(|a, b| (b.created_ms, &b.credential_id).cmp(&(a.created_ms, &a.credential_id)));
        found
    }

    /// All passkeys, in order of RP IDs.
    pub(crate) fn all(&self) -> impl Iterator<Item = PasskeyInfo> {
        let mut all: Vec<&Record> = self.by_id.iter().map(|ById(record)| record).collect();
        all.sort_by_key(|record| (record.rp_id(), record.credential_id()));
        all.into_iter().filter_map(Record::info)
    }

    fn forget(&mut self, item: ItemId) {
        let from = self.by_item.range(ByItem(Record::first_of(item))..);
        let gone: Vec<ByItem> = from.take_while(|of| of.0.item() == item.0).cloned().collect();
        for gone in gone {
            self.by_item.remove(&gone);
            let ByItem(record) = gone;
            self.by_id.remove(record.credential_id());
            if let Entry::Occupied(mut site) = self.by_site.entry(self.hasher.hash_one(record.rp_id())) {
                let records = site.get_mut();
                records.retain(|other| other.credential_id() != record.credential_id());
                if records.is_empty() {
                    site.remove();
                }
            }
        }
    }
}
