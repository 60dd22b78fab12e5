//! One provider's credentials in memory: by id and by site, with what the platform found out by itself.

use std::collections::{BTreeSet, HashSet};

use claviger_ctap::cbor::Value;
use claviger_ctap::crypto::PublicKey;
use claviger_ctap::types::CredentialId;
use claviger_joint::metadata::{Entries, Entry, MAX_CREDENTIALS};

use super::Cached;
use super::record::{ById, BySite, Record};

/// What one provider has.
#[derive(Default)]
pub(super) struct Credentials {
    by_id: HashSet<ById>,
    by_site: BTreeSet<BySite>,
    /// What is known of credentials that a full list left out. They may come back, even if broker or provider ended in between.
    dropped: HashSet<ById>,
}

impl Credentials {
    /// The credentials for a site.
    pub(super) fn for_site<'a>(&'a self, rp_id: &'a str) -> impl Iterator<Item = Cached> + 'a {
        let from = self.by_site.range(BySite(Record::first_of(rp_id))..);
        let here = from.take_while(|BySite(record)| record.rp_id() == rp_id.as_bytes());
        here.filter_map(|BySite(record)| record.cached())
    }

    /// All credentials, in order of sites.
    pub(super) fn all(&self) -> impl Iterator<Item = &Record> {
        self.by_site.iter().map(|BySite(record)| record)
    }

    /// Those that a full list left out and that may come back.
    pub(super) fn dropped(&self) -> impl Iterator<Item = &Record> {
        self.dropped.iter().map(|ById(record)| record)
    }

    /// One credential.
    pub(super) fn credential(&self, id: &CredentialId) -> Option<Cached> {
        self.record(id.as_bytes())?.cached()
    }

    /// Takes in what was made here. Says whether there was room for it.
    pub(super) fn learn(&mut self, entry: Entry, public_key: &PublicKey) -> bool {
        let pushed = self.credential(&entry.credential_id);
        let has_room = pushed.is_some() || self.count() < MAX_CREDENTIALS;
        if has_room {
            self.put(Record::new(Cached {
                // A provider quicker than its own answer has pushed already.
                entry: pushed.map_or(entry, |pushed| pushed.entry),
                key: Some(public_key.to_cose()),
            }));
        }
        has_room
    }

    /// Changes one credential. Says whether it is here.
    pub(super) fn change(&mut self, id: &CredentialId, change: impl FnOnce(&mut Entry)) -> bool {
        let Some(mut cached) = self.credential(id) else {
            return false;
        };
        change(&mut cached.entry);
        self.put(Record::new(cached));
        true
    }

    /// Takes a credential in as it was kept.
    pub(super) fn put(&mut self, record: Record) {
        self.forget(record.id());
        self.by_site.insert(BySite(record.clone()));
        self.by_id.insert(ById(record));
    }

    /// Takes in, as it was kept, what a full list had left out.
    pub(super) fn put_dropped(&mut self, record: Record) {
        self.dropped.replace(ById(record));
    }

    /// Forgets a credential and all that is known of it. Says whether there was anything to forget.
    pub(super) fn forget(&mut self, id: &[u8]) -> bool {
        let dropped = self.dropped.remove(id);
        let Some(ById(record)) = self.by_id.take(id) else {
            return dropped;
        };
        self.by_site.remove(&BySite(record));
        true
    }

    /// One credential, encoded.
    pub(super) fn record(&self, id: &[u8]) -> Option<&Record> {
        self.by_id.get(id).map(|ById(record)| record)
    }

    /// What is known of a credential, whether it is in the list or was left out of it.
    pub(super) fn known(&self, id: &[u8]) -> Option<&Record> {
        let dropped = || self.dropped.get(id).map(|ById(record)| record);
        self.record(id).or_else(dropped)
    }
}

impl Entries for Credentials {
    fn count(&self) -> usize {
        self.by_id.len()
    }

    fn contains(&self, id: &CredentialId) -> bool {
        self.by_id.contains(id.as_bytes())
    }

    fn insert(&mut self, entry: Entry) {
        let before = self.known(entry.credential_id.as_bytes());
        self.put(with_own_knowledge(entry, None, before));
    }

    fn remove(&mut self, id: &CredentialId) {
        self.forget(id.as_bytes());
    }

    fn gather(&mut self, entry: Entry, present: &Self) {
        let before = present.known(entry.credential_id.as_bytes());
        self.put(with_own_knowledge(entry, None, before));
    }

    /// Remembers what the platform itself found out of those that are not in the list any more.
    fn replace(&mut self, complete: Self) {
        let before = std::mem::replace(self, complete);
        let mut dropped = Vec::new();
        for BySite(record) in before.by_site {
            match self.record(record.id()) {
                Some(same) if same.is(&record) => {}
                // It may have been used, or its key seen, since its part of the list came.
                Some(now) => {
                    if let Some(Cached { entry, key }) = now.cached() {
                        self.put(with_own_knowledge(entry, key, Some(&record)));
                    }
                }
                None => dropped.extend(record.cached().and_then(Cached::own_knowledge)),
            }
        }
        // Those that were there until now are the ones that may come back.
        if before.dropped.len().saturating_add(dropped.len()) <= MAX_CREDENTIALS {
            let still_gone = before.dropped.into_iter().filter(|old| !self.by_id.contains(old));
            self.dropped = still_gone.collect();
        }
        dropped
            .into_iter()
            .map(Record::new)
            .for_each(|record| self.put_dropped(record));
    }
}

/// The record of what a provider says, with what was known `before`: the public key, unless there is one, and the later of the last uses.
fn with_own_knowledge(mut entry: Entry, key: Option<Value>, before: Option<&Record>) -> Record {
    let known = before.and_then(Record::cached);
    // A credential never moves to another site; one that seems to is another one, and its key is unknown.
    let known = known.filter(|known| known.entry.rp_id == entry.rp_id);
    let (last_used_ms, known_key) = known.map_or((None, None), |known| (known.entry.last_used_ms, known.key));
    entry.last_used_ms = entry.last_used_ms.max(last_used_ms);
    let record = Record::new(Cached {
        entry,
        key: key.or(known_key),
    });
    match before {
        Some(before) if before.as_bytes() == record.as_bytes() => before.clone(),
        _ => record,
    }
}

impl Cached {
    /// What the provider does not tell again: no names.
    fn own_knowledge(self) -> Option<Self> {
        (self.key.is_some() || self.entry.last_used_ms.is_some()).then_some(Self {
            entry: Entry {
                rp_name: None,
                user_handle: None,
                user_name: None,
                display_name: None,
                created_ms: None,
                tag: None,
                ..self.entry
            },
            key: self.key,
        })
    }
}
