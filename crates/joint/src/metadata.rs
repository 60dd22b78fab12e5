//! Metadata: what a provider tells the platform about its credentials, so that they can be offered while it is locked.
//!
//! A provider pushes a [`Diff`] after each change; the platform keeps a [`Snapshot`] per provider. Diffs are atomic and carry
//! generation numbers: one that does not build on the generation that the platform has is not applied, and the provider sends
//! everything. Both sides use the same [`Snapshot`].

use std::{collections::BTreeMap, fmt};

use claviger_ctap::{
    authenticator::{CredentialRecord, device::Protection, protection_of},
    cbor::{Limits, Map, Value},
    types::{CredentialId, RpId, UserId},
};

use crate::{
    fields::{Fields, MapExt, MessageError},
    operation::credential_id,
};

/// The most bytes that an encoded diff may have. A provider with more sends several, each building on the one before.
pub const MAX_BYTES: usize = 1024 * 1024;

/// The most entries, and the most removed ids, of one diff.
pub const MAX_ENTRIES: usize = 1024;

/// The most credentials that the platform keeps for one provider.
pub const MAX_CREDENTIALS: usize = 100_000;

/// The most bytes of a name.
pub const MAX_NAME_BYTES: usize = 256;

/// The most bytes of a tag.
pub const MAX_TAG_BYTES: usize = 64;

const LIMITS: Limits = Limits {
    max_bytes: MAX_BYTES,
    max_depth: 5,
    max_items: MAX_ENTRIES * 32,
    other_simple: false,
};

/// A generation of a provider's metadata: grows with every diff.
pub type Generation = u64;

/// What the platform knows of one credential. `Debug` does not show the user handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The credential's id.
    pub credential_id: CredentialId,
    /// The RP ID, which is that of an [`RpId`].
    pub rp_id: String,
    /// The RP's name, at most 256 bytes.
    pub rp_name: Option<String>,
    /// The user handle.
    pub user_handle: Option<UserId>,
    /// The user name, at most 256 bytes. An entry without one is shown with a placeholder, not dropped.
    pub user_name: Option<String>,
    /// The display name, at most 256 bytes.
    pub display_name: Option<String>,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: Option<u64>,
    /// When it was last used, in milliseconds since 1970.
    pub last_used_ms: Option<u64>,
    /// Whether another device or a backup holds it.
    pub backed_up: bool,
    /// The provider's own label for it, at most 64 bytes.
    pub tag: Option<String>,
    /// Whether it can be found without an allow list.
    pub discoverable: bool,
    /// Its credProtect level (CTAP 2.1 §12.1).
    pub protection: Protection,
}

/// A change of a provider's metadata, applied as a whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// The generation that the change builds on. Without meaning when the diff is full.
    pub base: Generation,
    /// The generation afterwards, above the base.
    pub new: Generation,
    /// Whether all earlier entries go.
    pub full: bool,
    /// Entries that are new or changed, one per credential id.
    pub upserts: Vec<Entry>,
    /// Credentials that are gone; ids that are not known are passed over.
    pub removed: Vec<CredentialId>,
}

impl Entry {
    /// The entry as a map, as it stands in a diff.
    pub fn to_value(&self) -> Value {
        let raised = (self.protection != Protection::Optional).then_some(self.protection);
        Map::new()
            .with(1, self.credential_id.as_bytes())
            .with(2, self.rp_id.as_str())
            .maybe(3, self.rp_name.as_deref())
            .maybe(4, self.user_handle.as_ref().map(UserId::as_bytes))
            .maybe(5, self.user_name.as_deref())
            .maybe(6, self.display_name.as_deref())
            .maybe(7, self.created_ms)
            .maybe(8, self.last_used_ms)
            .with(9, self.backed_up)
            .maybe(10, self.tag.as_deref())
            .with(11, self.discoverable)
            .maybe(12, raised.map(Protection::number))
            .into()
    }

    /// Reads such a map.
    pub fn from_value(value: &Value) -> Result<Self, MessageError> {
        let fields = Fields::nested(value, 4)?;
        let rp_id = RpId::new(fields.text(2, RpId::MAX_BYTES)?).map_err(|_| MessageError::Value(2))?;
        let user_handle =
            |fields: &Fields, key| UserId::new(fields.bytes(key)?.to_vec()).map_err(|_| MessageError::Value(key));
        let protection =
            |fields: &Fields, key| Protection::from_number(fields.unsigned(key)?).ok_or(MessageError::Value(key));
        Ok(Self {
            credential_id: credential_id(&fields, 1)?,
            rp_id: rp_id.as_str().to_owned(),
            rp_name: fields.optional_text(3, MAX_NAME_BYTES)?,
            user_handle: fields.optional(4, user_handle)?,
            user_name: fields.optional_text(5, MAX_NAME_BYTES)?,
            display_name: fields.optional_text(6, MAX_NAME_BYTES)?,
            created_ms: fields.optional(7, Fields::unsigned)?,
            last_used_ms: fields.optional(8, Fields::unsigned)?,
            backed_up: fields.boolean(9)?,
            tag: fields.optional_text(10, MAX_TAG_BYTES)?,
            discoverable: fields.boolean(11)?,
            protection: fields.optional(12, protection)?.unwrap_or_default(),
        })
    }

    /// Shortens names that a relying party made longer than the protocol carries, at a character boundary.
    #[must_use]
    pub fn shortened(mut self) -> Self {
        let names = [&mut self.rp_name, &mut self.user_name, &mut self.display_name];
        names
            .into_iter()
            .flatten()
            .for_each(|name| name.truncate(name.floor_char_boundary(MAX_NAME_BYTES)));
        if let Some(tag) = &mut self.tag {
            tag.truncate(tag.floor_char_boundary(MAX_TAG_BYTES));
        }
        self
    }
}

impl From<CredentialRecord> for Entry {
    /// What an engine's record says; without tag and last use.
    fn from(record: CredentialRecord) -> Self {
        Self {
            protection: protection_of(&record.id),
            credential_id: record.id,
            rp_id: record.rp_id,
            rp_name: record.rp_name,
            user_handle: Some(record.user.id),
            user_name: record.user.name,
            display_name: record.user.display_name,
            created_ms: Some(record.created_ms),
            last_used_ms: None,
            backed_up: record.backed_up,
            tag: None,
            discoverable: record.discoverable,
        }
    }
}

impl Diff {
    /// The canonical map.
    pub fn encode(&self) -> Vec<u8> {
        let removed: Vec<Value> = self.removed.iter().map(|id| id.as_bytes().into()).collect();
        let map = Map::new()
            .with(1, self.base)
            .with(2, self.new)
            .with(3, self.full)
            .with(4, self.upserts.iter().map(Entry::to_value).collect::<Vec<_>>())
            .with(5, removed);
        Value::from(map).encode()
    }

    /// Reads a diff.
    ///
    /// # Errors
    /// The provider is at fault. Keys above 100 are those of an entry: 100 + the entry's key.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::decode(bytes, &LIMITS)?;
        let (upserts, removed) = (fields.array(4)?, fields.array(5)?);
        if upserts.len() > MAX_ENTRIES {
            return Err(MessageError::Value(4));
        }
        if removed.len() > MAX_ENTRIES {
            return Err(MessageError::Value(5));
        }
        let id = |value: &Value| {
            let bytes = value.as_bytes().ok_or(MessageError::Value(5))?;
            CredentialId::new(bytes.to_vec()).map_err(|_| MessageError::Value(5))
        };
        let diff = Self {
            base: fields.unsigned(1)?,
            new: fields.unsigned(2)?,
            full: fields.boolean(3)?,
            upserts: upserts
                .iter()
                .map(Entry::from_value)
                .collect::<Result<_, _>>()
                .map_err(in_entry)?,
            removed: removed.iter().map(id).collect::<Result<_, _>>()?,
        };
        if diff.new == 0 || (!diff.full && diff.new <= diff.base) {
            return Err(MessageError::Value(2));
        }
        Ok(diff)
    }
}

/// All metadata of one provider at one generation.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    generation: Generation,
    entries: BTreeMap<Vec<u8>, Entry>,
}

impl Snapshot {
    /// The generation; 0 when nothing was ever pushed.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The entries, in the order of their ids.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.values()
    }

    /// The entry of this credential.
    pub fn entry(&self, id: &CredentialId) -> Option<&Entry> {
        self.entries.get(id.as_bytes())
    }

    /// Applies a diff as a whole, or not at all.
    pub fn apply(&mut self, diff: Diff) -> Result<(), ApplyError> {
        if !diff.full && diff.base != self.generation {
            return Err(ApplyError::Generation { held: self.generation });
        }
        let kept = if diff.full { 0 } else { self.entries.len() };
        if kept + diff.upserts.len() > MAX_CREDENTIALS {
            return Err(ApplyError::TooMany);
        }
        if diff.full {
            self.entries.clear();
        }
        for id in &diff.removed {
            self.entries.remove(id.as_bytes());
        }
        self.entries.extend(
            diff.upserts
                .into_iter()
                .map(|entry| (entry.credential_id.as_bytes().to_vec(), entry)),
        );
        self.generation = diff.new;
        Ok(())
    }

    /// The diffs that lead from here to exactly these entries, at most [`MAX_ENTRIES`] each and together atomic per message;
    /// empty when nothing changed. `next` gives the new generations. With `full` the first one is full, whatever is here.
    pub fn diffs_to(&self, entries: Vec<Entry>, full: bool, mut next: impl FnMut() -> Generation) -> Vec<Diff> {
        let mut wanted: BTreeMap<Vec<u8>, Entry> = BTreeMap::new();
        wanted.extend(
            entries
                .into_iter()
                .map(|entry| (entry.credential_id.as_bytes().to_vec(), entry.shortened())),
        );
        let mut removed: Vec<CredentialId> = Vec::new();
        if !full {
            let gone = self.entries.iter().filter(|(id, _)| !wanted.contains_key(*id));
            removed.extend(gone.map(|(_, entry)| entry.credential_id.clone()));
            wanted.retain(|id, entry| self.entries.get(id) != Some(entry));
        }
        let mut upserts = wanted.into_values().peekable();
        let mut removed = removed.into_iter().peekable();
        let (mut diffs, mut base) = (Vec::new(), self.generation);
        let mut first = full;
        while first || upserts.peek().is_some() || removed.peek().is_some() {
            let diff = Diff {
                base,
                new: next(),
                full: first,
                // An entry may have two kilobytes; half the count keeps a message below the limit of bytes.
                upserts: upserts.by_ref().take(MAX_ENTRIES / 4).collect(),
                removed: removed.by_ref().take(MAX_ENTRIES / 4).collect(),
            };
            base = diff.new;
            first = false;
            diffs.push(diff);
        }
        diffs
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Snapshot(generation {}, {} entries)",
            self.generation,
            self.entries.len()
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
    /// More than [`MAX_CREDENTIALS`] (the provider is at fault).
    #[error("the provider has more than {MAX_CREDENTIALS} credentials")]
    TooMany,
}

fn in_entry(error: MessageError) -> MessageError {
    match error {
        MessageError::Missing(key) => MessageError::Missing(100 + key),
        MessageError::Value(key) => MessageError::Value(100 + key),
        other => other,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(id: u16, name: &str) -> Entry {
        Entry {
            credential_id: CredentialId::new(id.to_be_bytes().to_vec()).unwrap(),
            rp_id: "example.org".into(),
            rp_name: Some("Example".into()),
            user_handle: Some(UserId::new(vec![0x5a; 8]).unwrap()),
            user_name: Some(name.into()),
            display_name: None,
            created_ms: Some(1_800_000_000_000),
            last_used_ms: None,
            backed_up: false,
            tag: None,
            discoverable: true,
            protection: Protection::Optional,
        }
    }

    fn counter() -> impl FnMut() -> Generation {
        let mut last = 100;
        move || {
            last += 1;
            last
        }
    }

    #[test]
    fn diffs_come_back() {
        let bare = Entry {
            protection: Protection::Required,
            rp_name: None,
            user_handle: None,
            user_name: None,
            created_ms: None,
            ..entry(1, "")
        };
        let diff = Diff {
            base: 4,
            new: 5,
            full: false,
            upserts: vec![entry(2, "alice"), bare],
            removed: vec![CredentialId::new(vec![9]).unwrap()],
        };
        assert_eq!(Diff::decode(&diff.encode()), Ok(diff.clone()));
        assert!(!format!("{diff:?}").contains("90, 90"));
        assert_eq!(
            Diff::decode(&Diff { new: 4, ..diff.clone() }.encode()),
            Err(MessageError::Value(2))
        );
        assert!(
            Diff::decode(
                &Diff {
                    new: 4,
                    full: true,
                    ..diff.clone()
                }
                .encode()
            )
            .is_ok()
        );
        let long = Entry {
            tag: Some("x".repeat(65)),
            ..entry(1, "")
        };
        assert_eq!(
            Diff::decode(
                &Diff {
                    upserts: vec![long],
                    ..diff.clone()
                }
                .encode()
            ),
            Err(MessageError::Value(110))
        );
        let many = vec![CredentialId::new(vec![9]).unwrap(); MAX_ENTRIES + 1];
        assert_eq!(
            Diff::decode(&Diff { removed: many, ..diff }.encode()),
            Err(MessageError::Value(5))
        );
    }

    #[test]
    fn a_diff_applies_to_its_base_only() {
        let mut snapshot = Snapshot::default();
        let diff = Diff {
            base: 3,
            new: 4,
            full: false,
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
        let mut snapshot = Snapshot::default();
        for diff in diffs {
            snapshot.apply(Diff::decode(&diff.encode()).unwrap()).unwrap();
        }
        assert_eq!(snapshot.entries().len(), 600);
        assert_eq!(snapshot.generation(), 103);
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
            let wanted: BTreeMap<_, _> = to.into_iter().map(|entry| (entry.credential_id.as_bytes().to_vec(), entry)).collect();
            prop_assert_eq!(&theirs.entries, &wanted);
            prop_assert!(ours.diffs_to(wanted.into_values().collect(), false, next).is_empty());
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Diff::decode(&bytes);
        }
    }
}
