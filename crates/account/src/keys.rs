//! The key hierarchy.
//!
//! ```text
//! unlock secret (32 bytes, from hello through the joint; differs for every provider)
//!   └ HKDF(salt device id, "claviger-vault-v1 member")        member key
//!       └ opens the member record: account root key (32 random bytes) ‖ seed of the device's Ed25519 key
//! account root key
//!   ├ HKDF(salt account id, "claviger-vault-v1 vault-key")    opens the vault key (32 random bytes for each epoch)
//!   └ HKDF(salt account id, "claviger-vault-v1 heads")        seals the record of heads
//! vault key
//!   └ HKDF(salt vault id ‖ epoch, "claviger-vault-v1 item-key")  wraps the key of every revision
//! ```
//!
//! Every key has one use. The root key and the vault key themselves are dropped as soon as what follows from them is
//! derived: an open vault keeps the device's signing key, the keys that wrap revisions and the key of the heads. A
//! further way in (recovery code, second device) is one more member record around the same root key; nothing is
//! re-encrypted for it.
//!
//! Records are bound to their place by associated data: canonical CBOR of what they are, the account, the device or vault
//! and the suite. The account id is the hash of the ledger's genesis, so a record opens only beside its own ledger.

use std::collections::BTreeMap;
use std::fmt;

use claviger_ctap::cbor::{Map, Value};
use claviger_ctap::crypto::{Algorithm, Crypto, PrivateKey};
use zeroize::Zeroizing;

use crate::aead;
use crate::error::{Damage, Error};
use crate::ids::{Epoch, Place};
use crate::secret::Key;

const SUITE: u64 = 1;
const RECORD: usize = 64;

/// What opens the account on this device, before it is sealed and after it is opened.
pub struct MemberRecord {
    root: Key,
    signing: PrivateKey,
}

/// The vault key of one epoch, sealed under the account's root key.
#[derive(Debug)]
pub struct VaultKey {
    /// Which epoch's it is.
    pub epoch: Epoch,
    /// The key, sealed.
    pub sealed: Vec<u8>,
}

impl MemberRecord {
    /// The first member of a new account: everything random.
    pub fn generate(crypto: &dyn Crypto) -> Result<Self, Error> {
        let root = Key::filled(|key| crypto.random(key))?;
        Ok(Self {
            root,
            signing: crypto.generate(Algorithm::EdDsa)?,
        })
    }

    /// The device's signing key.
    pub fn signing(&self) -> &PrivateKey {
        &self.signing
    }

    /// The record, sealed for `place` with what follows from `secret`.
    pub fn seal(&self, crypto: &dyn Crypto, secret: &[u8; 32], place: &Place) -> Result<Vec<u8>, Error> {
        let mut record = Zeroizing::new(Vec::with_capacity(RECORD));
        record.extend_from_slice(self.root.expose());
        record.extend_from_slice(&self.signing.secret_bytes());
        aead::seal(crypto, &member_key(crypto, secret, place)?, &place.member(), &record)
    }

    /// Opens a record.
    ///
    /// # Errors
    /// [`Error::WrongSecret`] when it was sealed with another secret or for another place.
    pub fn open(crypto: &dyn Crypto, secret: &[u8; 32], place: &Place, sealed: &[u8]) -> Result<Self, Error> {
        let record =
            aead::open(&member_key(crypto, secret, place)?, &place.member(), sealed).ok_or(Error::WrongSecret)?;
        let (root, seed) = record.split_first_chunk::<32>().ok_or(Damage::Record("member"))?;
        Ok(Self {
            root: copied(root),
            signing: PrivateKey::from_secret(Algorithm::EdDsa, seed).map_err(|_| Damage::Record("member"))?,
        })
    }

    /// A new vault key for `epoch`.
    pub fn new_vault_key(&self, crypto: &dyn Crypto, place: &Place, epoch: Epoch) -> Result<VaultKey, Error> {
        let key = Key::filled(|key| crypto.random(key))?;
        let wrap = self.derive(crypto, place, "vault-key")?;
        let sealed = aead::seal(crypto, &wrap, &place.vault_key(epoch), key.expose())?;
        Ok(VaultKey { epoch, sealed })
    }

    /// Opens everything that follows from the root key, which is dropped with `self`.
    ///
    /// # Errors
    /// [`Damage::Record`] when there is no vault key, or one does not open.
    pub fn into_keys(self, crypto: &dyn Crypto, place: &Place, vault_keys: &[VaultKey]) -> Result<Keys, Error> {
        let wrap = self.derive(crypto, place, "vault-key")?;
        let mut keys = BTreeMap::new();
        for VaultKey { epoch, sealed } in vault_keys {
            let opened = aead::open(&wrap, &place.vault_key(*epoch), sealed).ok_or(Damage::Record("vault key"))?;
            let vault_key = copied(opened.as_slice().try_into().map_err(|_| Damage::Record("vault key"))?);
            let salt = [place.vault.0.as_slice(), &epoch.0.to_be_bytes()].concat();
            keys.insert(*epoch, hkdf(crypto, &salt, vault_key.expose(), "item-key")?);
        }
        Ok(Keys {
            ring: Keyring::new(keys).ok_or(Damage::Record("vault key"))?,
            pins: self.derive(crypto, place, "heads")?,
            signing: self.signing,
        })
    }

    fn derive(&self, crypto: &dyn Crypto, place: &Place, use_: &str) -> Result<Key, Error> {
        hkdf(crypto, &place.account.0, self.root.expose(), use_)
    }
}

/// The keys of an open vault; wiped when dropped.
pub struct Keys {
    ring: Keyring,
    signing: PrivateKey,
    pub(crate) pins: Key,
}

impl Keys {
    /// Opens and seals revisions.
    pub fn ring(&self) -> &Keyring {
        &self.ring
    }

    /// Signs this device's changes.
    pub fn signing(&self) -> &PrivateKey {
        &self.signing
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// What the keys of a vault's revisions are sealed with, by epoch: new ones under the newest, old ones under that of their
/// time.
pub struct Keyring {
    newest: Epoch,
    keys: BTreeMap<Epoch, Key>,
}

impl Keyring {
    /// The epoch that new revisions are sealed under.
    pub fn newest(&self) -> Epoch {
        self.newest
    }

    /// `None` of no key.
    pub(crate) fn new(keys: BTreeMap<Epoch, Key>) -> Option<Self> {
        let (&newest, _) = keys.last_key_value()?;
        Some(Self { newest, keys })
    }

    pub(crate) fn key(&self, epoch: Epoch) -> Option<&Key> {
        self.keys.get(&epoch)
    }
}

impl Place {
    fn member(&self) -> Vec<u8> {
        self.associated("member", Map::new().with(3, self.device.0))
    }

    fn vault_key(&self, epoch: Epoch) -> Vec<u8> {
        self.associated("vault-key", Map::new().with(4, self.vault.0).with(5, epoch.0))
    }

    /// The associated data of the record of heads.
    pub(crate) fn heads(&self) -> Vec<u8> {
        self.associated("heads", Map::new().with(3, self.device.0).with(4, self.vault.0))
    }

    fn associated(&self, what: &str, map: Map) -> Vec<u8> {
        Value::from(map.with(1, what).with(2, self.account.0).with(6, SUITE)).encode()
    }
}

fn member_key(crypto: &dyn Crypto, secret: &[u8; 32], place: &Place) -> Result<Key, Error> {
    hkdf(crypto, &place.device.0, secret, "member")
}

fn hkdf(crypto: &dyn Crypto, salt: &[u8], key: &[u8; 32], use_: &str) -> Result<Key, Error> {
    let info = ["claviger-vault-v1 ", use_].concat();
    Ok(Key::filled(|out| crypto.hkdf_sha256(salt, key, info.as_bytes(), out))?)
}

fn copied(bytes: &[u8; 32]) -> Key {
    let Ok(key) = Key::filled(|key| {
        key.copy_from_slice(bytes);
        Ok::<(), std::convert::Infallible>(())
    });
    key
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::crypto::native;

    use super::*;
    use crate::ids::{AccountId, DeviceId, VaultId};

    fn place() -> Place {
        Place {
            account: AccountId([1; 16]),
            vault: VaultId([2; 16]),
            device: DeviceId([3; 16]),
        }
    }

    fn item_key(keys: &Keys) -> &[u8; 32] {
        keys.ring.key(Epoch::FIRST).unwrap().expose()
    }

    #[test]
    fn a_ring_holds_every_epochs_key_and_seals_under_the_newest() {
        let member = MemberRecord::generate(native()).unwrap();
        let keys = [Epoch(2), Epoch::FIRST].map(|epoch| member.new_vault_key(native(), &place(), epoch).unwrap());
        let keys = member.into_keys(native(), &place(), &keys).unwrap();
        assert_eq!(keys.ring().newest(), Epoch(2));
        assert_ne!(keys.ring.key(Epoch(2)).unwrap().expose(), item_key(&keys));
        let none = MemberRecord::generate(native())
            .unwrap()
            .into_keys(native(), &place(), &[]);
        assert!(matches!(none, Err(Error::Damaged(Damage::Record("vault key")))));
    }

    #[test]
    fn the_same_secret_opens_the_same_keys() {
        let member = MemberRecord::generate(native()).unwrap();
        let sealed = member.seal(native(), &[9; 32], &place()).unwrap();
        let vault_key = member.new_vault_key(native(), &place(), Epoch::FIRST).unwrap();
        let open = || {
            let member = MemberRecord::open(native(), &[9; 32], &place(), &sealed).unwrap();
            member
                .into_keys(native(), &place(), std::slice::from_ref(&vault_key))
                .unwrap()
        };
        let (one, two) = (open(), open());
        assert_eq!(item_key(&one), item_key(&two));
        assert_eq!(one.pins.expose(), two.pins.expose());
        assert_eq!(one.signing.public_key(), two.signing.public_key());
        assert_ne!(item_key(&one), one.pins.expose());
    }

    #[test]
    fn another_secret_account_device_vault_or_epoch_opens_nothing() {
        let member = MemberRecord::generate(native()).unwrap();
        let sealed = member.seal(native(), &[9; 32], &place()).unwrap();
        let vault_key = member.new_vault_key(native(), &place(), Epoch::FIRST).unwrap();
        assert!(matches!(
            MemberRecord::open(native(), &[8; 32], &place(), &sealed),
            Err(Error::WrongSecret)
        ));
        for elsewhere in [
            Place {
                account: AccountId([7; 16]),
                ..place()
            },
            Place {
                device: DeviceId([7; 16]),
                ..place()
            },
        ] {
            assert!(matches!(
                MemberRecord::open(native(), &[9; 32], &elsewhere, &sealed),
                Err(Error::WrongSecret)
            ));
        }
        for (elsewhere, epoch) in [
            (place(), Epoch(2)),
            (
                Place {
                    vault: VaultId([7; 16]),
                    ..place()
                },
                Epoch::FIRST,
            ),
        ] {
            let member = MemberRecord::open(native(), &[9; 32], &place(), &sealed).unwrap();
            let moved = VaultKey {
                epoch,
                sealed: vault_key.sealed.clone(),
            };
            assert!(member.into_keys(native(), &elsewhere, &[moved]).is_err());
        }
    }

    #[test]
    fn the_labels_are_what_the_documentation_says() {
        // Recomputed from the primitive: a label that changes by accident would lock every vault there is.
        let member = MemberRecord::generate(native()).unwrap();
        let root = copied(member.root.expose());
        let vault_key = member.new_vault_key(native(), &place(), Epoch::FIRST).unwrap();
        let keys = member
            .into_keys(native(), &place(), std::slice::from_ref(&vault_key))
            .unwrap();
        let mut heads = [0; 32];
        native()
            .hkdf_sha256(&[1; 16], root.expose(), b"claviger-vault-v1 heads", &mut heads)
            .unwrap();
        assert_eq!(keys.pins.expose(), &heads);
        let mut wrap = [0; 32];
        native()
            .hkdf_sha256(&[1; 16], root.expose(), b"claviger-vault-v1 vault-key", &mut wrap)
            .unwrap();
        let opened = aead::open(&copied(&wrap), &place().vault_key(Epoch::FIRST), &vault_key.sealed).unwrap();
        let mut items = [0; 32];
        let salt = [[2; 16].as_slice(), &[0, 0, 0, 0, 0, 0, 0, 1]].concat();
        native()
            .hkdf_sha256(&salt, &opened, b"claviger-vault-v1 item-key", &mut items)
            .unwrap();
        assert_eq!(item_key(&keys), &items);
    }
}
