//! One revision of one item, sealed.
//!
//! ```text
//! header       canonical CBOR map: 1 account · 2 vault · 3 item · 4 revision (from 1) · 5 hash of the parent revision,
//!              or null · 6 schema of the content (1) · 7 suite (1) · 8 epoch of the vault key
//! wrapped key  32 random bytes of this revision alone, sealed with the vault's wrapping key; associated data: header
//! body         content, sealed with that key; associated data: header
//! content      kind (1 byte: 0 item, 1 tombstone) ‖ length (u32, big endian) ‖ CXF JSON of the item ‖ zeros
//! revision hash  SHA-256("claviger-revision-v1" ‖ u32 length of header ‖ header ‖ wrapped key ‖ body)
//! ```
//!
//! Suite 1 is XChaCha20-Poly1305 (see [`crate::aead`]), HKDF-SHA-256, SHA-256, Ed25519. There is one suite for each
//! version of the format, and no negotiation.
//!
//! The header is authenticated as the bytes that are stored, so fields that a later version adds cannot be stripped by
//! whoever keeps the file. Whether an item was deleted is inside: a server sees one more revision, not which kind. The
//! content is padded to Padmé sizes (Nikitin et al., PETS 2019) but at least 1 KiB, which makes nearly all passkeys,
//! passwords and tombstones one size.

use crate::aead;
use crate::error::Error;
use crate::ids::{AccountId, Hash, ItemId, VaultId};
use crate::secret::Key;
use claviger_ctap::cbor::{Limits, Map, Value, decode};
use claviger_ctap::crypto::{Crypto, CryptoError};
use zeroize::Zeroizing;

/// The smallest size of a content, in bytes.
const MIN_CONTENT: usize = 1024;
/// Kind and length in front of the JSON.
const PREFIX: usize = 5;
const KIND_ITEM: u8 = 0;
const KIND_TOMBSTONE: u8 = 1;
const SCHEMA: u64 = 1;
const SUITE: u64 = 1;

/// What a revision is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The account.
    pub account: AccountId,
    /// The vault.
    pub vault: VaultId,
    /// The item.
    pub item: ItemId,
    /// Its number, from 1.
    pub revision: u64,
    /// The hash of the one before; none for the first.
    pub parent: Option<Hash>,
    /// The epoch of the vault key.
    pub epoch: u64,
}

impl Header {
    /// The bytes that are stored and authenticated.
    pub fn encode(&self) -> Vec<u8> {
        Value::from(
            Map::new()
                .with(1, self.account.0)
                .with(2, self.vault.0)
                .with(3, self.item.0)
                .with(4, self.revision)
                .with(5, self.parent.map_or(Value::Null, Value::from))
                .with(6, SCHEMA)
                .with(7, SUITE)
                .with(8, self.epoch),
        )
        .encode()
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
            revision: number(4)?,
            parent: match map.int(5)? {
                Value::Null => None,
                parent => Some(parent.as_bytes()?.try_into().ok()?),
            },
            epoch: number(8)?,
        })
    }
}

/// What a revision says. The JSON is secret and wiped after use.
pub enum Content {
    /// The item is this.
    Item(Zeroizing<Vec<u8>>),
    /// The item was deleted.
    Tombstone,
}

/// A sealed revision, as it is stored and as it will travel.
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
    /// Seals `content` under a fresh key that is wrapped with `wrap`, the vault's wrapping key.
    pub fn seal(crypto: &dyn Crypto, wrap: &Key, header: &Header, content: &Content) -> Result<Self, Error> {
        let header = header.encode();
        let key = Key::filled(|key| crypto.random(key))?;
        let wrapped_key = aead::seal(crypto, wrap, &header, key.expose())?;
        let body = aead::seal(crypto, &key, &header, &pad(content)?)?;
        Ok(Self {
            header,
            wrapped_key,
            body,
        })
    }

    /// Opens it; `None` when any part is not what was sealed. That the header is the expected one is the caller's to check.
    pub fn open(&self, wrap: &Key) -> Option<Content> {
        let unwrapped = aead::open(wrap, &self.header, &self.wrapped_key)?;
        let key = Key::filled(|key| {
            let bytes: &[u8; 32] = unwrapped.as_slice().try_into().map_err(|_| ())?;
            key.copy_from_slice(bytes);
            Ok::<(), ()>(())
        })
        .ok()?;
        unpad(aead::open(&key, &self.header, &self.body)?)
    }

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

fn pad(content: &Content) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (kind, json) = match content {
        Content::Item(json) => (KIND_ITEM, json.as_slice()),
        Content::Tombstone => (KIND_TOMBSTONE, [].as_slice()),
    };
    let length = u32::try_from(json.len()).map_err(|_| CryptoError::OutputTooLong)?;
    let size = padme(PREFIX + json.len()).max(MIN_CONTENT);
    let mut padded = Zeroizing::new(Vec::with_capacity(size));
    padded.push(kind);
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(json);
    padded.resize(size, 0);
    Ok(padded)
}

fn unpad(mut padded: Zeroizing<Vec<u8>>) -> Option<Content> {
    let (&[kind, a, b, c, d], rest) = padded.split_first_chunk::<PREFIX>()?;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
    let (_, padding) = rest.split_at_checked(length)?;
    if padding.iter().any(|&byte| byte != 0) {
        return None;
    }
    match kind {
        KIND_ITEM => {
            // In place: the JSON is not copied once more.
            padded.copy_within(PREFIX..PREFIX + length, 0);
            padded.truncate(length);
            Some(Content::Item(padded))
        }
        KIND_TOMBSTONE if length == 0 => Some(Content::Tombstone),
        _ => None,
    }
}

/// The Padmé size for `length` bytes: at most 12 % more, and only O(log log n) bits of the length leak.
fn padme(length: usize) -> usize {
    let exponent = length.max(2).ilog2();
    let kept = exponent.ilog2() + 1;
    let mask = (1_usize << (exponent - kept.min(exponent))) - 1;
    length.saturating_add(mask) & !mask
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use claviger_ctap::crypto::native;
    use proptest::prelude::*;

    fn key() -> Key {
        Key::filled(|key| native().random(key)).unwrap()
    }

    fn header() -> Header {
        Header {
            account: AccountId([1; 16]),
            vault: VaultId([2; 16]),
            item: ItemId([3; 16]),
            revision: 7,
            parent: Some([4; 32]),
            epoch: 1,
        }
    }

    fn item(json: &[u8]) -> Content {
        Content::Item(Zeroizing::new(json.to_vec()))
    }

    #[test]
    fn padme_of_the_paper() {
        for (length, padded) in [
            (0, 0),
            (1, 1),
            (8, 8),
            (9, 10),
            (100, 104),
            (1000, 1024),
            (1025, 1088),
            (100_000, 100_352),
        ] {
            assert_eq!(padme(length), padded, "{length}");
        }
    }

    #[test]
    fn small_contents_are_one_size_and_a_tombstone_too() {
        let size = |content| Sealed::seal(native(), &key(), &header(), &content).unwrap().body.len();
        assert_eq!(size(item(b"{}")), size(item(&[b'x'; 1019])));
        assert_eq!(size(item(b"{}")), size(Content::Tombstone));
    }

    #[test]
    fn no_two_revisions_share_a_key() {
        let wrap = key();
        let one = Sealed::seal(native(), &wrap, &header(), &item(b"{}")).unwrap();
        let two = Sealed::seal(native(), &wrap, &header(), &item(b"{}")).unwrap();
        let swapped = Sealed {
            wrapped_key: two.wrapped_key.clone(),
            ..one
        };
        assert!(swapped.open(&wrap).is_none());
        assert!(two.open(&wrap).is_some());
        assert!(two.open(&key()).is_none());
    }

    #[test]
    fn every_bit_counts() {
        let wrap = key();
        let sealed = Sealed::seal(native(), &wrap, &header(), &item(b"{}")).unwrap();
        for part in 0..3 {
            let mut changed = sealed.clone();
            let bytes = [&mut changed.header, &mut changed.wrapped_key, &mut changed.body]
                .into_iter()
                .nth(part)
                .unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            assert!(changed.open(&wrap).is_none());
            assert_ne!(changed.hash(native()), sealed.hash(native()));
        }
    }

    #[test]
    fn a_header_takes_later_fields_and_no_other_suite() {
        let mut map = decode(&header().encode(), &Limits::ENVELOPE)
            .unwrap()
            .into_map()
            .unwrap();
        map.insert(99, "later");
        assert_eq!(Header::decode(&Value::from(map.clone()).encode()), Some(header()));
        map.insert(7, 2);
        assert_eq!(Header::decode(&Value::from(map).encode()), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn content_comes_back(json in prop::collection::vec(any::<u8>(), 0..3000)) {
            let padded = pad(&item(&json)).unwrap();
            prop_assert!(padded.len() >= MIN_CONTENT && padded.len() <= MIN_CONTENT.max((json.len() + PREFIX) * 112 / 100 + 1));
            match unpad(padded).unwrap() {
                Content::Item(back) => prop_assert_eq!(back.as_slice(), json.as_slice()),
                Content::Tombstone => prop_assert!(false),
            }
        }

        #[test]
        fn headers_come_back(item in any::<[u8; 16]>(), revision in any::<u64>(), parent in any::<Option<[u8; 32]>>(), epoch in any::<u64>()) {
            let header = Header { item: ItemId(item), revision, parent, epoch, ..header() };
            prop_assert_eq!(Header::decode(&header.encode()), Some(header));
        }

        #[test]
        fn arbitrary_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Header::decode(&bytes);
            let _ = unpad(Zeroizing::new(bytes));
        }
    }
}
