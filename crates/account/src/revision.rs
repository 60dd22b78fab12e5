//! One revision of one item, as it is stored and as it travels. What is in it only [`crate::seal`] opens.
//!
//! ```text
//! header       canonical CBOR map: 1 account · 2 vault · 3 item · 4 revision (from 1) · 5 hash of the parent revision,
//!              or null · 6 schema of the content (1) · 7 suite (1) · 8 epoch of the vault key
//! wrapped key  the key of this revision alone, sealed
//! body         the content, sealed with that key
//! revision hash  SHA-256("claviger-revision-v1" ‖ u32 length of header ‖ header ‖ wrapped key ‖ body)
//! ```
//!
//! The header is authenticated as the bytes that are stored, so fields that a later version adds cannot be stripped by
//! whoever keeps the file. Whether an item was deleted is inside: a server sees one more revision, not which kind.

use claviger_ctap::cbor::{Limits, Map, Value, decode};
use claviger_ctap::crypto::Crypto;

use crate::error::Error;
use crate::ids::{AccountId, Epoch, Hash, ItemId, VaultId};

const SCHEMA: u64 = 1;
const SUITE: u64 = 1;

/// The revisions that one takes the place of: none for an item's first, one for an edit, several where what devices wrote
/// side by side comes together. A set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parents(Vec<Hash>);

impl Parents {
    /// The hashes, sorted, each once.
    pub fn hashes(&self) -> &[Hash] {
        &self.0
    }

    /// A hash, or null for none.
    ///
    /// # Errors
    /// [`Error::Newer`] for several, which version 1 has no place for.
    pub(crate) fn to_value(&self) -> Result<Value, Error> {
        match self.0.as_slice() {
            [] => Ok(Value::Null),
            [parent] => Ok(Value::from(*parent)),
            [..] => Err(Error::Newer { found: 2, known: 1 }),
        }
    }

    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => Self::default(),
            parent => Self(vec![parent.as_bytes()?.try_into().ok()?]),
        })
    }
}

impl FromIterator<Hash> for Parents {
    fn from_iter<I: IntoIterator<Item = Hash>>(hashes: I) -> Self {
        let mut hashes: Vec<_> = hashes.into_iter().collect();
        hashes.sort_unstable();
        hashes.dedup();
        Self(hashes)
    }
}

/// What a revision is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The account.
    pub account: AccountId,
    /// The vault.
    pub vault: VaultId,
    /// The item.
    pub item: ItemId,
    /// The revision's number: 1 more than the highest of its parents.
    pub number: u64,
    /// What it follows.
    pub parents: Parents,
    /// Which vault key its own key is sealed with.
    pub epoch: Epoch,
}

impl Header {
    /// The bytes that are stored and authenticated.
    ///
    /// # Errors
    /// [`Error::Newer`] for several parents.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let map = Map::new()
            .with(1, self.account.0)
            .with(2, self.vault.0)
            .with(3, self.item.0)
            .with(4, self.number)
            .with(5, self.parents.to_value()?)
            .with(6, SCHEMA)
            .with(7, SUITE)
            .with(8, self.epoch.0);
        Ok(Value::from(map).encode())
    }

    /// Reads a header; `None` when it is none, or of another schema or suite. Later fields are allowed.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let map = decode(bytes, &Limits::ENVELOPE).ok()?.into_map()?;
        let number = |key| map.int(key).and_then(Value::as_unsigned);
        if number(6)? != SCHEMA || number(7)? != SUITE {
            return None;
        }
        let id = |key| {
            map.int(key)
                .and_then(Value::as_bytes)
                .and_then(|bytes| bytes.try_into().ok())
        };
        Some(Self {
            account: AccountId(id(1)?),
            vault: VaultId(id(2)?),
            item: ItemId(id(3)?),
            number: number(4)?,
            parents: Parents::from_value(map.int(5)?)?,
            epoch: Epoch(number(8)?),
        })
    }
}

/// A sealed revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The encoded [`Header`].
    pub header: Vec<u8>,
    /// The revision's own key, sealed.
    pub wrapped_key: Vec<u8>,
    /// The content, sealed.
    pub body: Vec<u8>,
}

impl Sealed {
    /// The hash by which the log names this revision.
    pub fn hash(&self, crypto: &dyn Crypto) -> Hash {
        let length = u32::try_from(self.header.len()).unwrap_or(u32::MAX).to_be_bytes();
        crypto.sha256(&[
            b"claviger-revision-v1",
            &length,
            &self.header,
            &self.wrapped_key,
            &self.body,
        ])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header() -> Header {
        Header {
            account: AccountId([1; 16]),
            vault: VaultId([2; 16]),
            item: ItemId([3; 16]),
            number: 7,
            parents: Parents::from_iter([[4; 32]]),
            epoch: Epoch::FIRST,
        }
    }

    #[test]
    fn a_header_takes_later_fields_and_no_other_suite() {
        let mut map = decode(&header().encode().unwrap(), &Limits::ENVELOPE)
            .unwrap()
            .into_map()
            .unwrap();
        map.insert(99, "later");
        assert_eq!(Header::decode(&Value::from(map.clone()).encode()), Some(header()));
        map.insert(7, 2);
        assert_eq!(Header::decode(&Value::from(map).encode()), None);
    }

    #[test]
    fn parents_are_a_set_and_version_1_writes_one() {
        let parents = Parents::from_iter([[2; 32], [1; 32], [2; 32]]);
        assert_eq!(parents.hashes(), [[1; 32], [2; 32]]);
        let several = Header { parents, ..header() };
        assert!(matches!(several.encode(), Err(Error::Newer { found: 2, known: 1 })));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn headers_come_back(item in any::<[u8; 16]>(), number in any::<u64>(), parent in any::<Option<[u8; 32]>>(), epoch in any::<u64>()) {
            let header = Header { item: ItemId(item), number, parents: parent.into_iter().collect(), epoch: Epoch(epoch), ..header() };
            prop_assert_eq!(Header::decode(&header.encode().unwrap()), Some(header));
        }

        #[test]
        fn arbitrary_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Header::decode(&bytes);
        }
    }
}
