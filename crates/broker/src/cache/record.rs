//! One credential as memory and file keep it: the canonical CBOR map `{1: entry, 2?: COSE_Key}` in one piece.
//!
//! It is read when somebody asks. Read beforehand, a hundred thousand of them would take a kilobyte each, and their keys, which only
//! the check of an answer needs, most of the time of a start.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use claviger_ctap::cbor::{self, Map, Value};
use claviger_joint::metadata::Entry;

use super::Cached;
use super::file::FILE_LIMITS;

/// An encoded credential.
#[derive(Clone)]
pub(super) struct Record(Arc<[u8]>);

impl Record {
    /// Encodes what is known of a credential. Names that are too long for the protocol are shortened.
    pub(super) fn new(cached: Cached) -> Self {
        let item = Map::new()
            .with(1, cached.entry.shortened().to_value())
            .maybe(2, cached.key);
        Self(Value::from(item).encode().into())
    }

    /// Takes the record that `bytes` begin with, and returns what follows it.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (value, rest) = cbor::decode_prefix(bytes, &FILE_LIMITS).ok()?;
        let (item, _) = bytes.split_at_checked(bytes.len() - rest.len())?;
        Cached::from_value(&value)?;
        let record = Self(item.into());
        record.place()?;
        Some((record, rest))
    }

    /// What sorts before all records of a site, and after those of the sites before.
    pub(super) fn first_of(rp_id: &str) -> Self {
        let entry = Map::new().with(1, Vec::<u8>::new()).with(2, rp_id);
        Self(Value::from(Map::new().with(1, entry)).encode().into())
    }

    /// What is known of the credential.
    pub(super) fn cached(&self) -> Option<Cached> {
        Cached::from_value(&cbor::decode(&self.0, &FILE_LIMITS).ok()?)
    }

    /// The credential's id.
    pub(super) fn id(&self) -> &[u8] {
        self.place().unwrap_or_default().0
    }

    /// Its RP ID.
    pub(super) fn rp_id(&self) -> &[u8] {
        self.place().unwrap_or_default().1
    }

    /// The encoding.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is a clone of the other.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Id and RP ID: the first two values of the entry, which is the first of the map. Neither map has so many keys that its head
    /// would be longer than a byte.
    fn place(&self) -> Option<(&[u8], &[u8])> {
        let [_, 1, _, 1, rest @ ..] = self.as_bytes() else {
            return None;
        };
        let (id, rest) = string(rest)?;
        let (rp_id, _) = string(rest.strip_prefix(&[2])?)?;
        Some((id, rp_id))
    }
}

/// The byte or text string that `bytes` begin with, and what follows it.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match bytes {
        [head @ (0x40..=0x57 | 0x60..=0x77), rest @ ..] => (u16::from(head & 0x1f), rest),
        [0x58 | 0x78, length, rest @ ..] => (u16::from(*length), rest),
        [0x59 | 0x79, high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
        _ => return None,
    };
    rest.split_at_checked(length.into())
}

/// A record in a set of credential ids.
#[derive(Clone)]
pub(super) struct ById(pub(super) Record);

impl Borrow<[u8]> for ById {
    fn borrow(&self) -> &[u8] {
        self.0.id()
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

impl Eq for ById {}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id().hash(state);
    }
}

/// A record in order of RP IDs, and of credential ids where they are the same.
#[derive(Clone)]
pub(super) struct BySite(pub(super) Record);

impl BySite {
    fn key(&self) -> (&[u8], &[u8]) {
        let (id, rp_id) = self.0.place().unwrap_or_default();
        (rp_id, id)
    }
}

impl PartialEq for BySite {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for BySite {}

impl PartialOrd for BySite {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BySite {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Cached {
    pub(super) fn from_value(item: &Value) -> Option<Self> {
        let item = item.as_map()?;
        Some(Self {
            entry: Entry::from_value(item.int(1)?).ok()?,
            key: item.int(2).cloned(),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use claviger_ctap::authenticator::device::Protection;
    use claviger_ctap::crypto::{Algorithm, native};
    use claviger_ctap::types::{CredentialId, RpId, UserId};
    use proptest::prelude::*;

    use super::*;

    fn cached() -> impl Strategy<Value = Cached> {
        let name = || proptest::option::of("[a-zü]{0,300}");
        let ids = (
            proptest::collection::vec(any::<u8>(), 1..=1023),
            "[a-z.]{1,253}",
            proptest::option::of(proptest::collection::vec(any::<u8>(), 1..=64)),
        );
        let names = (name(), name(), name(), name());
        let rest = (
            any::<Option<u64>>(),
            any::<Option<u64>>(),
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
        );
        (ids, names, rest).prop_map(|((id, rp_id, handle), names, rest)| {
            let (created_ms, last_used_ms, backed_up, discoverable, has_key) = rest;
            let key = native().generate(Algorithm::EdDsa).unwrap();
            Cached {
                entry: Entry {
                    credential_id: CredentialId::new(id).unwrap(),
                    rp_id: RpId::new(rp_id).unwrap(),
                    rp_name: names.0,
                    user_handle: handle.map(|handle| UserId::new(handle).unwrap()),
                    user_name: names.1,
                    display_name: names.2,
                    created_ms,
                    last_used_ms,
                    backed_up,
                    tag: names.3,
                    discoverable,
                    protection: Protection::Required,
                },
                key: has_key.then(|| key.public_key().to_cose()),
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_record_says_what_was_put_in_and_where_it_belongs(cached in cached(), after in proptest::collection::vec(any::<u8>(), 0..20)) {
            let record = Record::new(cached.clone());
            prop_assert_eq!(record.id(), cached.entry.credential_id.as_bytes());
            prop_assert_eq!(record.rp_id(), cached.entry.rp_id.as_str().as_bytes());
            let first = BySite(Record::first_of(cached.entry.rp_id.as_str()));
            prop_assert!(first < BySite(record.clone()));
            let short = Cached { entry: cached.entry.shortened(), key: cached.key };
            prop_assert!(record.cached() == Some(short));
            let followed = [record.as_bytes(), &after].concat();
            let (read, rest) = Record::read(&followed).unwrap();
            prop_assert_eq!((read.as_bytes(), rest), (record.as_bytes(), after.as_slice()));
        }

        #[test]
        fn arbitrary_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Record::read(&bytes);
        }
    }
}
