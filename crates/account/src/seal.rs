//! Sealing the content of a revision, and opening it.
//!
//! ```text
//! wrapped key  32 random bytes of this revision alone, sealed with the vault's wrapping key; associated data: header
//! body         content, sealed with that key; associated data: header
//! content      kind (1 byte: 0 item, 1 tombstone) ‖ length (u32, big endian) ‖ CXF JSON of the item ‖ zeros
//! ```
//!
//! Suite 1 is XChaCha20-Poly1305 (with a random nonce in front), HKDF-SHA-256, SHA-256, Ed25519. There is one suite for each
//! version of the format, and no negotiation.
//!
//! The content is padded to Padmé sizes (Nikitin et al., PETS 2019) but at least 1 KiB, which makes nearly all passkeys,
//! passwords and tombstones one size.

use claviger_ctap::crypto::{Crypto, CryptoError};
use zeroize::Zeroizing;

use crate::aead;
use crate::error::{Damage, Error};
use crate::ids::Epoch;
use crate::keys::Keyring;
use crate::revision::{Header, Sealed};
use crate::secret::Key;

/// The smallest size of a content, in bytes.
const MIN_CONTENT: usize = 1024;
/// Kind and length in front of the JSON.
const PREFIX: usize = 5;
const KIND_ITEM: u8 = 0;
const KIND_TOMBSTONE: u8 = 1;

/// What a revision says. The JSON is secret and wiped after use.
pub enum Content {
    /// The item is this.
    Item(Zeroizing<Vec<u8>>),
    /// The item was deleted.
    Tombstone,
}

impl Sealed {
    /// Seals `content` under a fresh key, which is sealed with that of the header's epoch.
    ///
    /// # Errors
    /// [`Damage::Record`] when the ring has no key of that epoch; [`Error::Newer`] as [`Header::encode`].
    pub fn seal(crypto: &dyn Crypto, ring: &Keyring, header: &Header, content: &Content) -> Result<Self, Error> {
        let wrap = ring.key(header.epoch).ok_or(Damage::Record("vault key"))?;
        let header = header.encode()?;
        let key = Key::filled(|key| crypto.random(key))?;
        let wrapped_key = aead::seal(crypto, wrap, &header, key.expose())?;
        let body = aead::seal(crypto, &key, &header, &pad(content)?)?;
        Ok(Self {
            header,
            wrapped_key,
            body,
        })
    }

    /// Opens it with the key of `epoch`, its header's; `None` when any part is not what was sealed. That the header is the
    /// expected one is the caller's to check.
    pub fn open(&self, ring: &Keyring, epoch: Epoch) -> Option<Content> {
        let unwrapped = aead::open(ring.key(epoch)?, &self.header, &self.wrapped_key)?;
        let key = Key::filled(|key| {
            let bytes: &[u8; 32] = unwrapped.as_slice().try_into().map_err(|_| ())?;
            key.copy_from_slice(bytes);
            Ok::<(), ()>(())
        })
        .ok()?;
        unpad(aead::open(&key, &self.header, &self.body)?)
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
    use claviger_ctap::crypto::native;
    use proptest::prelude::*;

    use super::*;
    use crate::ids::{AccountId, ItemId, VaultId};
    use crate::revision::Parents;

    fn ring() -> Keyring {
        let key = Key::filled(|key| native().random(key)).unwrap();
        Keyring::new([(Epoch::FIRST, key)].into()).unwrap()
    }

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

    fn sealed(ring: &Keyring, content: &Content) -> Sealed {
        Sealed::seal(native(), ring, &header(), content).unwrap()
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
        let size = |content| sealed(&ring(), &content).body.len();
        assert_eq!(size(item(b"{}")), size(item(&[b'x'; 1019])));
        assert_eq!(size(item(b"{}")), size(Content::Tombstone));
    }

    #[test]
    fn no_two_revisions_share_a_key() {
        let ring = ring();
        let one = sealed(&ring, &item(b"{}"));
        let two = sealed(&ring, &item(b"{}"));
        let swapped = Sealed {
            wrapped_key: two.wrapped_key.clone(),
            ..one
        };
        assert!(swapped.open(&ring, Epoch::FIRST).is_none());
        assert!(two.open(&ring, Epoch::FIRST).is_some());
    }

    #[test]
    fn another_epochs_or_vaults_key_opens_nothing_and_an_unknown_epoch_seals_nothing() {
        let ring = ring();
        let sealed = sealed(&ring, &item(b"{}"));
        assert!(sealed.open(&ring, Epoch(2)).is_none());
        assert!(sealed.open(&self::ring(), Epoch::FIRST).is_none());
        let later = Header {
            epoch: Epoch(2),
            ..header()
        };
        assert!(Sealed::seal(native(), &ring, &later, &item(b"{}")).is_err());
    }

    #[test]
    fn every_bit_counts() {
        let ring = ring();
        let sealed = sealed(&ring, &item(b"{}"));
        for part in 0..3 {
            let mut changed = sealed.clone();
            let bytes = [&mut changed.header, &mut changed.wrapped_key, &mut changed.body]
                .into_iter()
                .nth(part)
                .unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            assert!(changed.open(&ring, Epoch::FIRST).is_none());
            assert_ne!(changed.hash(native()), sealed.hash(native()));
        }
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
        fn arbitrary_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = unpad(Zeroizing::new(bytes));
        }
    }
}
