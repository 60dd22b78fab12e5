//! One provider's credentials in memory: by id and by site, with what the platform found out by itself.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use claviger_ctap::crypto::PublicKey;
use claviger_ctap::types::{CredentialId, RpId};
use claviger_joint::metadata::{Entries, Entry, MAX_CREDENTIALS};

use super::Cached;

/// What one provider has.
#[derive(Default)]
pub(super) struct Credentials {
    entries: HashMap<CredentialId, Arc<Cached>>,
    by_rp_id: HashMap<RpId, BTreeSet<CredentialId>>,
    /// What is known of credentials that a full diff left out. A long list comes in parts, of which only the first is full; what
    /// the later ones name again must still be known then, even if broker or provider ended in between.
    dropped: HashMap<CredentialId, Arc<Cached>>,
}

impl Credentials {
    /// The credentials for a site.
    pub(super) fn for_site(&self, rp_id: &str) -> impl Iterator<Item = &Cached> {
        let ids = self.by_rp_id.get(rp_id).into_iter().flatten();
        ids.filter_map(|id| self.credential(id))
    }

    /// All credentials.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Cached>> {
        self.entries.values()
    }

    /// Those that a full diff left out and that may come back.
    pub(super) fn dropped(&self) -> impl Iterator<Item = &Arc<Cached>> {
        self.dropped.values()
    }

    /// One credential.
    pub(super) fn credential(&self, id: &CredentialId) -> Option<&Cached> {
        self.entries.get(id).map(|cached| &**cached)
    }

    /// Takes in what was made here. Says whether there was room for it.
    pub(super) fn learn(&mut self, entry: Entry, public_key: PublicKey) -> bool {
        let pushed = self.credential(&entry.credential_id);
        let has_room = pushed.is_some() || self.count() < MAX_CREDENTIALS;
        // A provider quicker than its own answer has pushed already.
        let entry = pushed.map_or(entry, |pushed| pushed.entry.clone());
        if has_room {
            self.put(Cached {
                entry,
                public_key: Some(public_key),
            });
        }
        has_room
    }

    /// Changes one credential. Says whether it is here.
    pub(super) fn change(&mut self, id: &CredentialId, change: impl FnOnce(&mut Entry)) -> bool {
        let cached = self.entries.get_mut(id);
        cached.map(|cached| change(&mut Arc::make_mut(cached).entry)).is_some()
    }

    /// Takes a credential in as it was kept.
    pub(super) fn put(&mut self, cached: Cached) {
        let id = cached.entry.credential_id.clone();
        self.forget(&id);
        self.by_rp_id
            .entry(cached.entry.rp_id.clone())
            .or_default()
            .insert(id.clone());
        self.entries.insert(id, Arc::new(cached));
    }

    /// Takes in, as it was kept, what a full diff had left out.
    pub(super) fn put_dropped(&mut self, cached: Cached) {
        self.dropped
            .insert(cached.entry.credential_id.clone(), Arc::new(cached));
    }

    /// Forgets a credential and all that is known of it. Says whether there was anything to forget.
    pub(super) fn forget(&mut self, id: &CredentialId) -> bool {
        let dropped = self.dropped.remove(id).is_some();
        let Some(cached) = self.entries.remove(id) else {
            return dropped;
        };
        if let Some(ids) = self.by_rp_id.get_mut(&cached.entry.rp_id) {
            ids.remove(id);
            if ids.is_empty() {
                self.by_rp_id.remove(&cached.entry.rp_id);
            }
        }
        true
    }
}

impl Entries for Credentials {
    fn count(&self) -> usize {
        self.entries.len()
    }

    fn contains(&self, id: &CredentialId) -> bool {
        self.entries.contains_key(id)
    }

    /// Keeps the public key and the later of the last uses.
    fn insert(&mut self, mut entry: Entry) {
        let id = &entry.credential_id;
        let before = self.entries.get(id).or_else(|| self.dropped.get(id));
        // A credential never moves to another site; one that seems to is another one, and its key is unknown.
        let before = before.filter(|before| before.entry.rp_id == entry.rp_id);
        entry.last_used_ms = entry
            .last_used_ms
            .max(before.and_then(|before| before.entry.last_used_ms));
        let public_key = before.and_then(|before| before.public_key.clone());
        self.put(Cached { entry, public_key });
    }

    fn remove(&mut self, id: &CredentialId) {
        self.forget(id);
    }

    /// Empties the list, but remembers what the platform itself found out.
    fn clear(&mut self) {
        self.by_rp_id.clear();
        let entries = std::mem::take(&mut self.entries);
        if self.dropped.len().saturating_add(entries.len()) > MAX_CREDENTIALS {
            // Those that were there until now are the ones that may come back.
            self.dropped.clear();
        }
        let known = entries
            .into_iter()
            .filter_map(|(id, cached)| Some((id, Arc::new(cached.own_knowledge()?))));
        self.dropped.extend(known);
    }
}

impl Cached {
    /// What the provider does not tell again: no names.
    fn own_knowledge(&self) -> Option<Self> {
        (self.public_key.is_some() || self.entry.last_used_ms.is_some()).then(|| Self {
            entry: Entry {
                rp_name: None,
                user_handle: None,
                user_name: None,
                display_name: None,
                created_ms: None,
                tag: None,
                ..self.entry.clone()
            },
            public_key: self.public_key.clone(),
        })
    }
}
