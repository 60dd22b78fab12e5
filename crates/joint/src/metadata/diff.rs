//! A change of a provider's metadata: its message, and when it makes sense.

use std::collections::BTreeSet;

use claviger_ctap::{
    cbor::{Limits, Map, Value},
    types::CredentialId,
};

use super::{Entry, Generation, MAX_BYTES, MAX_ENTRIES};
use crate::fields::{Fields, MessageError};

const LIMITS: Limits = Limits {
    max_bytes: MAX_BYTES,
    max_depth: 5,
    max_items: MAX_ENTRIES * 32,
    other_simple: false,
};

/// The most entries, and the most removed ids, of one diff that [`Diff::parts`] makes. With the longest names and ids this many of
/// both stay below [`MAX_BYTES`].
const ENTRIES_PER_PART: usize = MAX_ENTRIES / 4;

/// A change of a provider's metadata, applied as a whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// The generation that the change builds on. Without meaning when the diff is full.
    pub base: Generation,
    /// The generation afterwards, above the base.
    pub new: Generation,
    /// Whether all earlier entries go.
    pub full: bool,
    /// Whether this is a part of a full list and more of it follows: nothing of the list counts before its last part is in.
    pub more: bool,
    /// Entries that are new or changed. A credential is named once in a diff, here or among the removed.
    pub upserts: Vec<Entry>,
    /// Credentials that are gone; ids that are not known are passed over.
    pub removed: Vec<CredentialId>,
}

impl Diff {
    /// A change of any size, in as many messages as fit, each of which is atomic; none when nothing changed. A credential is named
    /// once, here or among the removed. `next` gives the new generations. With `full` the
    /// first message is full, and all but the last say that more follows.
    pub fn parts(
        mut base: Generation,
        full: bool,
        upserts: Vec<Entry>,
        removed: Vec<CredentialId>,
        mut next: impl FnMut() -> Generation,
    ) -> Vec<Self> {
        let (mut upserts, mut removed) = (upserts.into_iter().peekable(), removed.into_iter().peekable());
        let (mut parts, mut first) = (Vec::new(), full);
        while first || upserts.peek().is_some() || removed.peek().is_some() {
            let part = Self {
                base,
                new: next(),
                full: first,
                upserts: upserts.by_ref().take(ENTRIES_PER_PART).collect(),
                removed: removed.by_ref().take(ENTRIES_PER_PART).collect(),
                more: full && upserts.peek().is_some(),
            };
            base = part.new;
            first = false;
            parts.push(part);
        }
        parts
    }

    /// The canonical map.
    pub fn encode(&self) -> Vec<u8> {
        let removed: Vec<Value> = self.removed.iter().map(|id| id.as_bytes().into()).collect();
        let map = Map::new()
            .with(1, self.base)
            .with(2, self.new)
            .with(3, self.full)
            .with(4, self.upserts.iter().map(Entry::to_value).collect::<Vec<_>>())
            .with(5, removed)
            .maybe(6, self.more.then_some(true));
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
            more: fields.optional(6, Fields::boolean)?.unwrap_or_default(),
            upserts: upserts
                .iter()
                .map(Entry::from_value)
                .collect::<Result<_, _>>()
                .map_err(in_entry)?,
            removed: removed.iter().map(id).collect::<Result<_, _>>()?,
        };
        diff.contradiction()
            .map_or(Ok(diff), |key| Err(MessageError::Value(key)))
    }

    /// The key of the first value that contradicts another: a generation that is 0 or does not grow, a credential that is named
    /// twice (protocol §12).
    pub(super) fn contradiction(&self) -> Option<i64> {
        if self.new == 0 || (!self.full && self.new <= self.base) {
            return Some(2);
        }
        let mut named = BTreeSet::new();
        if !self.upserts.iter().all(|entry| named.insert(&entry.credential_id)) {
            return Some(4);
        }
        if !self.removed.iter().all(|id| named.insert(id)) {
            return Some(5);
        }
        None
    }
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
    use claviger_ctap::authenticator::device::Protection;
    use proptest::prelude::*;

    use super::{super::tests::entry, *};

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
            more: false,
            upserts: vec![entry(2, "alice"), bare],
            removed: vec![CredentialId::new(vec![9]).unwrap()],
        };
        assert_eq!(Diff::decode(&diff.encode()), Ok(diff.clone()));
        let part = Diff {
            more: true,
            ..diff.clone()
        };
        assert_eq!(Diff::decode(&part.encode()), Ok(part));
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
    fn a_credential_is_named_once() {
        let id = |id: u16| CredentialId::new(id.to_be_bytes().to_vec()).unwrap();
        let read = |upserts: &[u16], removed: &[u16], full| {
            let diff = Diff {
                base: 4,
                new: 5,
                full,
                more: false,
                upserts: upserts.iter().map(|id| entry(*id, "alice")).collect(),
                removed: removed.iter().map(|number| id(*number)).collect(),
            };
            Diff::decode(&diff.encode()).map(|_| ())
        };
        for full in [false, true] {
            assert_eq!(read(&[1, 2], &[3, 4], full), Ok(()));
            assert_eq!(read(&[1, 2, 1], &[3], full), Err(MessageError::Value(4)));
            assert_eq!(read(&[1], &[3, 2, 3], full), Err(MessageError::Value(5)));
            assert_eq!(read(&[1], &[2, 1], full), Err(MessageError::Value(5)));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Diff::decode(&bytes);
        }
    }
}
