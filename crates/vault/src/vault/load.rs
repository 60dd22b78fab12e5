//! Making a vault and opening one.

use claviger_account as account;
use claviger_account::ids::{DeviceId, Epoch, Head, Place, VaultId};
use claviger_account::keys::MemberRecord;
use claviger_account::ledger::Ledger;
use claviger_account::log::Log;

use super::check::Trusted;
use super::{Open, Vault};
use crate::error::Error;
use crate::heads::Heads;
use crate::store::{Identity, Store};

impl Vault {
    /// Makes a new vault. The file gets its name last: a crash on the way leaves nothing that looks like a vault.
    pub(super) fn create(&self, secret: &[u8; 32], now_ms: u64) -> Result<(), Error> {
        let crypto = self.crypto;
        let member = MemberRecord::generate(crypto)?;
        let device = DeviceId(self.random()?);
        let (ledger, genesis) = Ledger::genesis(crypto, device, member.signing(), now_ms)?;
        let place = Place {
            account: ledger.account(),
            vault: VaultId(self.random()?),
            device,
        };
        let identity = Identity {
            vault: place.vault,
            device,
            ledger: vec![genesis],
            member: member.seal(crypto, secret, &place)?,
            vault_keys: vec![member.new_vault_key(crypto, &place, Epoch::FIRST)?],
        };
        Store::create(&self.file, &identity)?;
        let keys = member.into_keys(crypto, &place, &identity.vault_keys)?;
        let start = Log::start(&ledger, place.vault).end(device)?;
        Heads::create(crypto, &self.heads, &keys, &place, start)?;
        Store::publish(&self.file)?;
        tracing::info!("a new vault was made");
        Ok(())
    }

    /// Opens the vault and verifies it.
    pub(super) fn load(&self, secret: &[u8; 32]) -> Result<Open, Error> {
        let crypto = self.crypto;
        let store = Store::open(&self.file)?;
        let identity = store.identity()?;
        let ledger = Ledger::verify(crypto, &identity.ledger)?;
        let place = Place {
            account: ledger.account(),
            vault: identity.vault,
            device: identity.device,
        };
        let member = MemberRecord::open(crypto, secret, &place, &identity.member)?;
        let device = ledger.device(place.device).ok_or(account::Damage::NotAMember)?;
        if device.key != *member.signing().public_key() {
            return Err(account::Damage::NotAMember.into());
        }
        let keys = member.into_keys(crypto, &place, &identity.vault_keys)?;

        let start = Log::start(&ledger, place.vault);
        let begin = start.end(device.id)?;
        let mut log = match store.snapshot()? {
            Some(snapshot) => Log::resume(crypto, &ledger, place.vault, device.id, &snapshot)?,
            None => start,
        };
        let snapshot = log.end(device.id)?.sequence;
        store.changes(snapshot, |change| {
            Ok(log.verify_next(crypto, &ledger, device.id, change)?)
        })?;

        let trusted = Trusted { place, keys, log };
        let heads = self.check_heads(&store, &trusted, begin)?;
        let checked = trusted.check_all(crypto, &store)?;
        Ok(Open {
            trusted,
            ledger,
            snapshot,
            heads,
            index: checked.index,
            damage: checked.damage,
            store,
        })
    }

    /// Compares the log with what this device has already seen, and remembers the newer.
    fn check_heads(&self, store: &Store, trusted: &Trusted, begin: Head) -> Result<Heads, Error> {
        let (keys, place, found) = (&trusted.keys, &trusted.place, trusted.end()?);
        let restored = |error| {
            if !self.accepts_restored() {
                return Err(error);
            }
            tracing::warn!("a restored vault was accepted on the user's word");
            Heads::create(self.crypto, &self.heads, keys, place, found)
        };
        let heads = match Heads::open(&self.heads) {
            Err(e @ Error::HeadsMissing(_)) => return restored(e),
            heads => heads?,
        };
        let seen = match heads.read(keys, place) {
            Err(e @ Error::HeadsMissing(_)) => return restored(e),
            seen => seen?,
        };
        let same = match seen.sequence {
            sequence if sequence == found.sequence => Some(found.hash),
            sequence if sequence == begin.sequence => Some(begin.hash),
            sequence if sequence > found.sequence => None,
            sequence => store.change(sequence)?.map(|change| self.crypto.sha256(&[&change])),
        };
        if same != Some(seen.hash) {
            return restored(Error::RolledBack {
                seen: seen.sequence,
                found: found.sequence,
            });
        }
        if seen != found {
            heads.write(self.crypto, keys, place, found)?;
        }
        Ok(heads)
    }

    fn random(&self) -> Result<[u8; 16], Error> {
        let mut bytes = [0; 16];
        self.crypto.random(&mut bytes)?;
        Ok(bytes)
    }
}
