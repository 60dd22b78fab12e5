//! All that is known of one provider's credentials, and the way from one state to the next.

use std::{collections::BTreeMap, fmt};

use claviger_ctap::types::CredentialId;

use super::{Diff, Entry, Generation, MAX_CREDENTIALS};

/// Where a [`Snapshot`] keeps its entries. Whoever knows more of a credential than its provider tells keeps it beside them.
pub trait Entries: Default {
    /// How many entries there are.
    fn count(&self) -> usize;

    /// Whether there is an entry of this credential.
    fn contains(&self, id: &CredentialId) -> bool;

    /// Takes an entry in, for the one of the same credential if there is one.
    fn insert(&mut self, entry: Entry);

    /// Takes the entry of this credential out; nothing happens without one.
    fn remove(&mut self, id: &CredentialId);

    /// Takes an entry in as part of a list that is to take the place of `present`. Until it is complete both are in memory: what is the
    /// same in both need not be there twice.
    fn gather(&mut self, entry: Entry, present: &Self);

    /// Puts a complete list in the place of this one.
    fn replace(&mut self, complete: Self);
}

impl Entries for BTreeMap<CredentialId, Entry> {
    fn count(&self) -> usize {
        self.len()
    }

    fn contains(&self, id: &CredentialId) -> bool {
        self.contains_key(id)
    }

    fn insert(&mut self, entry: Entry) {
        self.insert(entry.credential_id.clone(), entry);
    }

    fn remove(&mut self, id: &CredentialId) {
        self.remove(id);
    }

    fn gather(&mut self, entry: Entry, _present: &Self) {
        Entries::insert(self, entry);
    }

    fn replace(&mut self, complete: Self) {
        *self = complete;
    }
}

/// All metadata of one provider at one generation. Both sides apply diffs by it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Snapshot<E = BTreeMap<CredentialId, Entry>> {
    generation: Generation,
    entries: E,
    /// The parts of a full list that have come so far.
    parts: Option<Parts<E>>,
}

/// A full list that is not complete yet.
#[derive(Clone, Default, PartialEq, Eq)]
struct Parts<E> {
    generation: Generation,
    entries: E,
}

impl<E> Snapshot<E> {
    /// These entries at this generation, as they were kept.
    pub fn new(generation: Generation, entries: E) -> Self {
        Self {
            generation,
            entries,
            parts: None,
        }
    }

    /// The generation of the entries; 0 when nothing was ever pushed.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The generation of the last diff that was applied: that of a part, while a list comes in parts. The next diff builds on it.
    pub fn latest(&self) -> Generation {
        self.parts.as_ref().map_or(self.generation, |parts| parts.generation)
    }

    /// Whether parts of a list have come, and not its last.
    pub fn is_gathering(&self) -> bool {
        self.parts.is_some()
    }

    /// The entries.
    pub fn entries(&self) -> &E {
        &self.entries
    }

    /// The entries, for what is learnt otherwise than by a diff. The generation stays.
    pub fn entries_mut(&mut self) -> &mut E {
        &mut self.entries
    }
}

impl<E: Entries> Snapshot<E> {
    /// Applies a diff as a whole, or not at all (protocol §12). The parts of a full list are gathered; it takes the place of the
    /// present one when its last part is in.
    pub fn apply(&mut self, diff: Diff) -> Result<(), ApplyError> {
        if !diff.full && diff.base != self.latest() {
            return Err(ApplyError::Generation { held: self.latest() });
        }
        if diff.contradiction().is_some() {
            return Err(ApplyError::Contradiction);
        }
        if self.count_after(&diff) > MAX_CREDENTIALS {
            return Err(ApplyError::TooMany);
        }
        if diff.full {
            self.parts = Some(Parts::default());
        }
        let Some(mut parts) = self.parts.take() else {
            diff.removed.iter().for_each(|id| self.entries.remove(id));
            diff.upserts.into_iter().for_each(|entry| self.entries.insert(entry));
            self.generation = diff.new;
            return Ok(());
        };
        diff.removed.iter().for_each(|id| parts.entries.remove(id));
        for entry in diff.upserts {
            parts.entries.gather(entry, &self.entries);
        }
        if diff.more {
            parts.generation = diff.new;
            self.parts = Some(parts);
        } else {
            self.entries.replace(parts.entries);
            self.generation = diff.new;
        }
        Ok(())
    }

    /// How many entries there are once the diff is applied, which names each credential once; those of a list that is not complete
    /// count as if it were.
    pub fn count_after(&self, diff: &Diff) -> usize {
        match &self.parts {
            _ if diff.full => diff.upserts.len(),
            Some(parts) => count_after(&parts.entries, diff),
            None => count_after(&self.entries, diff),
        }
    }
}

fn count_after(entries: &impl Entries, diff: &Diff) -> usize {
    let is_held = |id: &&CredentialId| entries.contains(id);
    let gone = diff.removed.iter().filter(is_held).count();
    let named = diff.upserts.iter().map(|entry| &entry.credential_id);
    let added = diff.upserts.len() - named.filter(is_held).count();
    entries.count() - gone + added
}

impl Snapshot {
    /// The diffs that lead from here to exactly these entries, in as many messages as fit, each of which is atomic;
    /// empty when nothing changed. `next` gives the new generations. With `full` the first one is full, whatever is here.
    pub fn diffs_to(&self, entries: Vec<Entry>, full: bool, mut next: impl FnMut() -> Generation) -> Vec<Diff> {
        let mut wanted: BTreeMap<CredentialId, Entry> = entries
            .into_iter()
            .map(|entry| (entry.credential_id.clone(), entry.shortened()))
            .collect();
        let mut removed: Vec<CredentialId> = Vec::new();
        if !full {
            removed.extend(self.entries.keys().filter(|id| !wanted.contains_key(*id)).cloned());
            wanted.retain(|id, entry| self.entries.get(id) != Some(entry));
        }
        Diff::parts(self.latest(), full, wanted.into_values().collect(), removed, &mut next)
    }
}

impl<E: Entries> fmt::Debug for Snapshot<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Snapshot(generation {}, {} entries)",
            self.generation,
            self.entries.count()
        )
    }
}

/// Why a diff was not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The diff builds on another generation (nobody's fault: a restart lies between). The provider sends everything.
    #[error("the diff builds on another generation than {held}")]
    Generation {
        /// The generation that is held.
        held: Generation,
    },
    /// The diff names a credential twice, or its generation does not grow (the provider is at fault).
    #[error("the diff names a credential twice, or does not raise the generation")]
    Contradiction,
    /// More than [`MAX_CREDENTIALS`] (the provider is at fault).
    #[error("the provider has more than {MAX_CREDENTIALS} credentials")]
    TooMany,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::{super::tests::entry, *};

    fn counter() -> impl FnMut() -> Generation {
        let mut last = 100;
        move || {
            last += 1;
            last
        }
    }

    #[test]
    fn a_diff_applies_to_its_base_only() {
        let mut snapshot: Snapshot = Snapshot::default();
        let diff = Diff {
            base: 3,
            new: 4,
            full: false,
            more: false,
            upserts: vec![entry(1, "a")],
            removed: vec![],
        };
        assert_eq!(snapshot.apply(diff.clone()), Err(ApplyError::Generation { held: 0 }));
        assert_eq!(snapshot.entries().len(), 0);
        snapshot
            .apply(Diff {
                full: true,
                ..diff.clone()
            })
            .unwrap();
        assert_eq!(snapshot.generation(), 4);
        assert_eq!(snapshot.apply(diff), Err(ApplyError::Generation { held: 4 }));
    }

    #[test]
    fn what_contradicts_itself_changes_nothing() {
        let mut snapshot: Snapshot = Snapshot::default();
        let full = |new, upserts| Diff {
            base: 0,
            new,
            full: true,
            more: false,
            upserts,
            removed: vec![],
        };
        snapshot.apply(full(5, vec![entry(1, "a")])).unwrap();
        let before = snapshot.clone();
        let twice = full(6, vec![entry(2, "a"), entry(2, "b")]);
        assert_eq!(snapshot.apply(twice), Err(ApplyError::Contradiction));
        let backwards = Diff {
            base: 5,
            new: 5,
            full: false,
            more: false,
            upserts: vec![entry(2, "a")],
            removed: vec![],
        };
        assert_eq!(snapshot.apply(backwards), Err(ApplyError::Contradiction));
        assert_eq!(snapshot, before);
    }

    #[test]
    fn at_the_limit_credentials_change_and_make_room() {
        let most = u32::try_from(MAX_CREDENTIALS).unwrap();
        let numbered = |id: u32, name: &str| Entry {
            credential_id: CredentialId::new(id.to_be_bytes().to_vec()).unwrap(),
            ..entry(0, name)
        };
        let mut snapshot: Snapshot = Snapshot::default();
        let mut next = counter();
        for diff in snapshot.diffs_to((0..most).map(|id| numbered(id, "a")).collect(), true, &mut next) {
            snapshot.apply(diff).unwrap();
        }
        let mut change = |snapshot: &mut Snapshot, upserts: Vec<Entry>, removed: Vec<CredentialId>| {
            snapshot.apply(Diff {
                base: snapshot.generation(),
                new: next(),
                full: false,
                more: false,
                upserts,
                removed,
            })
        };
        let used = Entry {
            last_used_ms: Some(7),
            ..numbered(3, "a")
        };
        assert_eq!(change(&mut snapshot, vec![used.clone()], vec![]), Ok(()));
        assert_eq!(snapshot.entries().get(&used.credential_id), Some(&used));
        let (one_more, gone) = (numbered(most, "a"), numbered(0, "a").credential_id);
        let refused = Err(ApplyError::TooMany);
        assert_eq!(change(&mut snapshot, vec![one_more.clone()], vec![]), refused);
        let unknown = numbered(most + 1, "a").credential_id;
        assert_eq!(change(&mut snapshot, vec![one_more.clone()], vec![unknown]), refused);
        assert_eq!(change(&mut snapshot, vec![one_more], vec![gone.clone()]), Ok(()));
        assert_eq!(
            (snapshot.entries().len(), snapshot.entries().get(&gone)),
            (MAX_CREDENTIALS, None)
        );
    }

    #[test]
    fn many_entries_go_in_several_messages_that_fit() {
        let long = "ü".repeat(400);
        let entries: Vec<Entry> = (0..600)
            .map(|id| Entry {
                display_name: Some(long.clone()),
                ..entry(id, &long)
            })
            .collect();
        let diffs = Snapshot::default().diffs_to(entries, true, counter());
        assert_eq!(
            diffs.iter().map(|diff| diff.full).collect::<Vec<_>>(),
            [true, false, false]
        );
        assert_eq!(
            diffs.iter().map(|diff| diff.more).collect::<Vec<_>>(),
            [true, true, false]
        );
        let mut snapshot: Snapshot = Snapshot::default();
        for diff in diffs {
            snapshot.apply(Diff::decode(&diff.encode()).unwrap()).unwrap();
        }
        assert_eq!(snapshot.entries().len(), 600);
        assert_eq!(snapshot.generation(), 103);
    }

    #[test]
    fn a_list_in_parts_counts_when_its_last_part_is_in() {
        let mut next = counter();
        let mut snapshot: Snapshot = Snapshot::default();
        for diff in Snapshot::default().diffs_to((0..600).map(|id| entry(id, "before")).collect(), true, &mut next) {
            snapshot.apply(diff).unwrap();
        }
        let before = snapshot.entries().clone();
        let parts = snapshot.diffs_to((300..900).map(|id| entry(id, "after")).collect(), true, &mut next);
        let (last, first) = parts.split_last().unwrap();
        for part in first {
            snapshot.apply(part.clone()).unwrap();
            assert_eq!(
                (snapshot.entries(), snapshot.generation()),
                (&before, 103),
                "nothing counts yet"
            );
            assert_eq!(snapshot.latest(), part.new);
        }
        // A diff that does not build on the parts is told so, and disturbs nothing.
        let stray = Diff {
            full: false,
            more: false,
            base: 103,
            new: 200,
            ..last.clone()
        };
        let held = last.base;
        assert_eq!(snapshot.clone().apply(stray), Err(ApplyError::Generation { held }));
        // Whoever begins again, begins again.
        let mut again = snapshot.clone();
        for part in snapshot.diffs_to(vec![entry(1, "again")], true, &mut next) {
            again.apply(part).unwrap();
        }
        assert_eq!(again.entries().len(), 1);
        snapshot.apply(last.clone()).unwrap();
        assert_eq!((snapshot.entries().len(), snapshot.latest()), (600, last.new));
        assert!(
            snapshot
                .entries()
                .values()
                .all(|entry| entry.user_name.as_deref() == Some("after"))
        );
    }

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let entry = (0..12_u16, "[ab]{0,2}").prop_map(|(id, name)| entry(id, &name));
        proptest::collection::vec(entry, 0..10)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn diffs_lead_from_any_state_to_any_other(from in entries(), to in entries(), full in any::<bool>()) {
            let mut next = counter();
            let (mut ours, mut theirs) = (Snapshot::default(), Snapshot::default());
            for diff in Snapshot::default().diffs_to(from, true, &mut next) {
                ours.apply(diff.clone()).unwrap();
                theirs.apply(Diff::decode(&diff.encode()).unwrap()).unwrap();
            }
            for diff in ours.clone().diffs_to(to.clone(), full, &mut next) {
                ours.apply(diff.clone()).unwrap();
                theirs.apply(Diff::decode(&diff.encode()).unwrap()).unwrap();
            }
            prop_assert_eq!(&ours, &theirs);
            let wanted: BTreeMap<_, _> = to.into_iter().map(|entry| (entry.credential_id.clone(), entry)).collect();
            prop_assert_eq!(&theirs.entries, &wanted);
            prop_assert!(ours.diffs_to(wanted.into_values().collect(), false, next).is_empty());
        }
    }
}
