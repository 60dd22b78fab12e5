//! What the platform was told of our credentials: enough to know what differs from it, in a hundred bytes for each, and nobody's
//! name.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU64;

use claviger_ctap::types::{CredentialId, UserId};
use claviger_joint::metadata::Entry;

/// A relying party's id, hashed under a key of this process's own.
pub(super) type Site = u64;

/// A credential's id; in order of sites, and without the room that a growing list would keep.
type Place = (Site, Box<[u8]>);

/// All that was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    hasher: RandomState,
    notes: BTreeMap<Place, Note>,
}

/// What was told of one credential.
#[derive(Debug, PartialEq, Eq)]
struct Note {
    /// Of all that was told but the last use.
    fingerprint: u64,
    /// Nobody used anything in 1970.
    last_used_ms: Option<NonZeroU64>,
}

/// What is to be told, to have told all. Each credential is named once.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) upserts: Vec<Entry>,
    pub(super) removed: Vec<CredentialId>,
    /// The site of all that is removed, where it is one.
    pub(super) removed_of: Option<Site>,
}

impl Told {
    /// What differs when these are all credentials. With `full` everything, for somebody who may know anything.
    pub(super) fn changes(&self, entries: Vec<Entry>, full: bool) -> Changes {
        let mut named: HashSet<Box<[u8]>> = HashSet::with_capacity(entries.len());
        let mut changes = Changes::default();
        for entry in entries {
            if named.insert(Box::from(entry.credential_id.as_bytes()))
                && let Some(entry) = self.new_of(entry, full)
            {
                changes.upserts.push(entry);
            }
        }
        if !full {
            let told = self.notes.keys().map(|(_, id)| id);
            changes.removed = told
                .filter(|id| !named.contains(&id[..]))
                .filter_map(of_bytes)
                .collect();
        }
        changes
    }

    /// What differs when these are all credentials of one site. It costs what the site has, whatever there is besides.
    pub(super) fn changes_of_site(&self, rp_id: &str, entries: Vec<Entry>) -> Changes {
        let is_there = |id: &[u8]| entries.iter().any(|entry| entry.credential_id.as_bytes() == id);
        let site = self.site(rp_id);
        let from = self.notes.range((site, Box::default())..);
        let told = from.map(|(place, _)| place).take_while(|(other, _)| *other == site);
        let removed = told
            .filter(|(_, id)| !is_there(id))
            .filter_map(|(_, id)| of_bytes(id))
            .collect();
        let upserts = entries
            .into_iter()
            .filter_map(|entry| self.new_of(entry, false))
            .collect();
        Changes {
            upserts,
            removed,
            removed_of: Some(site),
        }
    }

    /// Takes note of entries that the platform took.
    pub(super) fn tell(&mut self, entries: &[Entry]) {
        for entry in entries {
            let note = self.note(entry);
            self.notes.insert(self.place(entry), note);
        }
    }

    /// Takes note that the platform knows these no more. Where all are `of` one site nothing else is looked at.
    pub(super) fn untell(&mut self, gone: &[CredentialId], of: Option<Site>) {
        if let Some(site) = of {
            for id in gone {
                self.notes.remove(&(site, Box::from(id.as_bytes())));
            }
            return;
        }
        if gone.is_empty() {
            return;
        }
        let gone: HashSet<&[u8]> = gone.iter().map(CredentialId::as_bytes).collect();
        self.notes.retain(|(_, id), _| !gone.contains(&id[..]));
    }

    /// The entry as it is to be told, unless the platform knows it so. A provider that does not note when it was used does not
    /// unsay what we noted.
    fn new_of(&self, entry: Entry, anyway: bool) -> Option<Entry> {
        let mut entry = entry.shortened();
        let told = self.notes.get(&self.place(&entry));
        let used = told.and_then(|note| note.last_used_ms).map(NonZeroU64::get);
        entry.last_used_ms = entry.last_used_ms.max(used);
        (anyway || told != Some(&self.note(&entry))).then_some(entry)
    }

    fn place(&self, entry: &Entry) -> Place {
        (self.site(entry.rp_id.as_str()), entry.credential_id.as_bytes().into())
    }

    fn note(&self, entry: &Entry) -> Note {
        Note {
            fingerprint: self.fingerprint(entry),
            last_used_ms: entry.last_used_ms.and_then(NonZeroU64::new),
        }
    }

    fn site(&self, rp_id: &str) -> Site {
        self.hasher.hash_one(rp_id)
    }

    fn fingerprint(&self, entry: &Entry) -> u64 {
        let Entry {
            credential_id,
            rp_id,
            rp_name,
            user_handle,
            user_name,
            display_name,
            created_ms,
            last_used_ms: _,
            backed_up,
            tag,
            discoverable,
            protection,
        } = entry;
        self.hasher.hash_one((
            (credential_id, rp_id.as_str(), rp_name),
            user_handle.as_ref().map(UserId::as_bytes),
            (user_name, display_name, tag),
            (created_ms, backed_up, discoverable, protection.number()),
        ))
    }
}

fn of_bytes(id: impl AsRef<[u8]>) -> Option<CredentialId> {
    CredentialId::new(id.as_ref()).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::authenticator::device::Protection;
    use claviger_ctap::types::RpId;
    use claviger_joint::metadata::{Diff, Snapshot};
    use proptest::prelude::*;

    use super::*;

    const SITES: [&str; 3] = ["a.example", "b.example", "c.example"];

    fn entry(id: u8, name: String) -> Entry {
        Entry {
            credential_id: CredentialId::new(vec![id]).unwrap(),
            rp_id: RpId::new(SITES[usize::from(id) % SITES.len()]).unwrap(),
            rp_name: None,
            user_handle: None,
            user_name: Some(name),
            display_name: None,
            created_ms: None,
            last_used_ms: None,
            backed_up: false,
            tag: None,
            discoverable: true,
            protection: Protection::Optional,
        }
    }

    /// A provider's list: no id twice.
    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let names = proptest::collection::btree_map(0..12_u8, "[ab]{0,2}", 0..10);
        names.prop_map(|names| names.into_iter().map(|(id, name)| entry(id, name)).collect())
    }

    /// Tells the platform, as the pushes do.
    fn tell(told: &mut Told, platform: &mut Snapshot, changes: Changes, full: bool) {
        let mut next = platform.generation();
        let parts = Diff::parts(platform.generation(), full, changes.upserts, changes.removed, || {
            next += 1;
            next
        });
        for diff in parts {
            if diff.full {
                *told = Told::default();
            }
            told.untell(&diff.removed, changes.removed_of);
            told.tell(&diff.upserts);
            platform.apply(diff).unwrap();
        }
    }

    fn known(platform: &Snapshot, at: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        platform.entries().values().filter(|entry| at(entry)).cloned().collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_platform_comes_to_know_all_that_there_is(
            first in entries(), second in entries(), third in entries(), site in 0..SITES.len(), full in any::<bool>(),
        ) {
            let (mut told, mut platform) = (Told::default(), Snapshot::default());
            let changes = told.changes(first.clone(), true);
            tell(&mut told, &mut platform, changes, true);
            prop_assert_eq!(known(&platform, |_| true), first.clone());
            prop_assert!(told.changes(first.clone(), false).upserts.is_empty());

            // One site changes, the others stay.
            let of_site = |entry: &Entry| entry.rp_id.as_str() == SITES[site];
            let there: Vec<Entry> = second.into_iter().filter(of_site).collect();
            let changes = told.changes_of_site(SITES[site], there.clone());
            tell(&mut told, &mut platform, changes, false);
            prop_assert_eq!(known(&platform, of_site), there);
            let others = |entry: &Entry| !of_site(entry);
            prop_assert_eq!(known(&platform, others), first.into_iter().filter(others).collect::<Vec<_>>());

            let changes = told.changes(third.clone(), full);
            tell(&mut told, &mut platform, changes, full);
            prop_assert_eq!(known(&platform, |_| true), third);
        }
    }

    #[test]
    fn a_use_that_was_told_is_not_unsaid() {
        let mut told = Told::default();
        let used = Entry {
            last_used_ms: Some(7),
            ..entry(1, "a".into())
        };
        told.tell(std::slice::from_ref(&used));
        let again = told.changes(vec![entry(1, "a".into())], false);
        assert!(again.upserts.is_empty() && again.removed.is_empty());
        assert_eq!(
            told.changes(vec![entry(1, "b".into())], false).upserts[0].last_used_ms,
            Some(7)
        );
    }
}
