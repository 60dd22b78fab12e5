//! The ledger: who may open the account. Signed from the first day; today it has one entry.
//!
//! Each entry is a `COSE_Sign1` (external data `claviger-ledger-v1`) whose key id is the encoded `COSE_Key` of the member
//! that signs. The payload is a canonical CBOR map:
//!
//! ```text
//! 1 version (1) · 2 kind (1 genesis) · 3 sequence (from 0) · 4 hash of the entry before, or null · 5 time (ms)
//! 6 account id (16 bytes; null in the genesis) · 7 member {1 device id, 2 kind (1 device), 3 signing COSE_Key}
//! 8 minimum protocol (1)
//! ```
//!
//! The genesis is signed by the member that it introduces, and its SHA-256 is the account's id: whoever knows the id
//! cannot be given another ledger. Adding a member, removing one, a new epoch and the recovery policy are further kinds;
//! they come with the second device, because an *add member* entry without the out-of-band check of the new keys and
//! without wrapping the root key to them would be half a promise. An entry of a kind that is not known here is refused: a
//! member that skipped entries would not know who else can read the vault.

use claviger_ctap::cbor::{Limits, Map, Value, decode};
use claviger_ctap::cose::Sign1;
use claviger_ctap::crypto::{Crypto, PrivateKey, PublicKey};

use crate::error::{Damage, Error};
use crate::ids::{AccountId, DeviceId, Hash, Head};

const AAD: &[u8] = b"claviger-ledger-v1";
const VERSION: u64 = 1;
const KIND_GENESIS: u64 = 1;
const MEMBER_DEVICE: u64 = 1;
const PROTOCOL: u64 = 1;

/// A verified ledger: what all of its entries together say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    account: AccountId,
    head: Head,
    members: Vec<Member>,
}

/// Who may open the account. A kind that is not known here makes its entry one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    /// A device of the owner's: it signs entries, and a log in every vault.
    Device(Device),
}

/// A member that is a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// What its signatures verify under.
    pub key: PublicKey,
    /// The hash of the entry that added it, which its logs begin on.
    pub added: Hash,
}

impl Ledger {
    /// Writes the genesis entry of a new account: `device` with `signing` is its first member.
    pub fn genesis(
        crypto: &dyn Crypto,
        device: DeviceId,
        signing: &PrivateKey,
        now_ms: u64,
    ) -> Result<(Self, Vec<u8>), Error> {
        let key = signing.public_key().to_cose();
        let member = Map::new().with(1, device.0).with(2, MEMBER_DEVICE).with(3, key);
        let payload = Map::new()
            .with(1, VERSION)
            .with(2, KIND_GENESIS)
            .with(3, 0_u64)
            .with(4, Value::Null)
            .with(5, now_ms)
            .with(6, Value::Null)
            .with(7, member)
            .with(8, PROTOCOL);
        let kid = signing.public_key().cose_bytes();
        let entry = Sign1::sign(crypto, signing, &kid, AAD, &Value::from(payload).encode())?;
        Ok((Self::verify(crypto, std::slice::from_ref(&entry))?, entry))
    }

    /// Verifies all entries, from the genesis on.
    pub fn verify(crypto: &dyn Crypto, entries: &[Vec<u8>]) -> Result<Self, Error> {
        let next = |before: Option<Self>, entry: &Vec<u8>| Self::follow(crypto, before, entry).map(Some);
        let ledger = entries.iter().try_fold(None, next)?;
        ledger.ok_or(Damage::Record("ledger").into())
    }

    /// The account that this is the ledger of.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Its last entry.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The devices that are members.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.members.iter().map(|Member::Device(device)| device)
    }

    /// One of them.
    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices().find(|device| device.id == id)
    }

    /// The ledger with its next entry.
    fn follow(crypto: &dyn Crypto, before: Option<Self>, bytes: &[u8]) -> Result<Self, Error> {
        let sequence = before.as_ref().map_or(0, |ledger| ledger.head.sequence + 1);
        let bad = || Error::from(Damage::Ledger(sequence));
        let hash = crypto.sha256(&[bytes]);
        match (Entry::open(crypto, sequence, bytes)?, before) {
            (Entry::Genesis { founder, key }, None) => {
                let (account, _) = hash.split_first_chunk().ok_or_else(bad)?;
                Ok(Self {
                    account: AccountId(*account),
                    head: Head { sequence, hash },
                    members: vec![Member::Device(Device {
                        id: founder,
                        key,
                        added: hash,
                    })],
                })
            }
            (Entry::Genesis { .. }, Some(_)) => Err(bad()),
        }
    }
}

/// One entry, its signature verified: what it does.
enum Entry {
    /// Begins an account.
    Genesis { founder: DeviceId, key: PublicKey },
}

impl Entry {
    fn open(crypto: &dyn Crypto, sequence: u64, bytes: &[u8]) -> Result<Self, Error> {
        let bad = || Damage::Ledger(sequence);
        let signed = Sign1::parse(bytes).map_err(|_| bad())?;
        let key = PublicKey::from_cose_bytes(signed.kid()).map_err(|_| bad())?;
        let payload = signed.verify(crypto, &key, AAD).map_err(|_| bad())?;
        let payload = decode(&payload, &Limits::ENVELOPE)
            .ok()
            .and_then(Value::into_map)
            .ok_or_else(bad)?;
        let number = |key| payload.int(key).and_then(Value::as_unsigned).ok_or_else(bad);
        for (field, known) in [(1, VERSION), (8, PROTOCOL)] {
            let found = number(field)?;
            if found > known {
                return Err(Error::Newer { found, known });
            }
        }
        if number(3)? != sequence {
            return Err(bad().into());
        }
        match number(2)? {
            KIND_GENESIS => Ok(Self::genesis(&payload, key).ok_or_else(bad)?),
            _ => Err(bad().into()),
        }
    }

    /// The payload of a genesis that is signed with `key`.
    fn genesis(payload: &Map, key: PublicKey) -> Option<Self> {
        let nothing = |key| payload.int(key) == Some(&Value::Null);
        let member = payload.int(7)?.as_map()?;
        let founder = DeviceId(member.int(1)?.as_bytes()?.try_into().ok()?);
        let founds = member.int(2)?.as_unsigned()? == MEMBER_DEVICE && *member.int(3)? == key.to_cose();
        (nothing(4) && nothing(6) && founds).then_some(Self::Genesis { founder, key })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::crypto::{Algorithm, native};
    use proptest::prelude::*;

    use super::*;

    const DEVICE: DeviceId = DeviceId([5; 16]);

    #[test]
    fn a_genesis_verifies_and_names_its_account() {
        let key = native().generate(Algorithm::EdDsa).unwrap();
        let (ledger, entry) = Ledger::genesis(native(), DEVICE, &key, 1).unwrap();
        assert_eq!(Ledger::verify(native(), std::slice::from_ref(&entry)).unwrap(), ledger);
        assert_eq!(ledger.account().0, native().sha256(&[&entry])[..16]);
        assert_eq!(ledger.device(DEVICE).unwrap().key, *key.public_key());
        assert_eq!(ledger.device(DeviceId([6; 16])), None);
    }

    #[test]
    fn no_entry_and_one_too_many_are_refused() {
        let key = native().generate(Algorithm::EdDsa).unwrap();
        let (_, entry) = Ledger::genesis(native(), DEVICE, &key, 1).unwrap();
        assert!(Ledger::verify(native(), &[]).is_err());
        assert!(Ledger::verify(native(), &[entry.clone(), entry]).is_err());
    }

    #[test]
    fn a_member_introduced_with_anothers_key_is_refused() {
        let (one, two) = (
            native().generate(Algorithm::EdDsa).unwrap(),
            native().generate(Algorithm::EdDsa).unwrap(),
        );
        let member = Map::new()
            .with(1, DEVICE.0)
            .with(2, 1)
            .with(3, two.public_key().to_cose());
        let payload = Map::new()
            .with(1, 1)
            .with(2, 1)
            .with(3, 0)
            .with(4, Value::Null)
            .with(5, 1)
            .with(6, Value::Null);
        let payload = Value::from(payload.with(7, member).with(8, 1)).encode();
        let entry = Sign1::sign(native(), &one, &one.public_key().cose_bytes(), AAD, &payload).unwrap();
        assert!(matches!(
            Ledger::verify(native(), &[entry]),
            Err(Error::Damaged(Damage::Ledger(0)))
        ));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_changed_byte_is_refused(at in any::<prop::sample::Index>(), flip in 1_u8..) {
            let key = native().generate(Algorithm::EdDsa).unwrap();
            let (_, mut entry) = Ledger::genesis(native(), DEVICE, &key, 1).unwrap();
            let at = at.index(entry.len());
            entry[at] ^= flip;
            prop_assert!(Ledger::verify(native(), &[entry]).is_err());
        }
    }
}
