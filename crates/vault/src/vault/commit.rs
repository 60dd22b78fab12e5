//! Changing a vault: every change is one transaction, on the disk before it is acknowledged.

use std::collections::HashSet;

use claviger_account::ids::ItemId;
use claviger_account::item::{Extension, Fields, Item, Passkey, PasskeyExtension};
use claviger_account::log::Revision;
use claviger_account::revision::{Header, Sealed};
use claviger_account::seal::Content;
use claviger_account::secret::Bytes;
use claviger_ctap::crypto::{Crypto, PrivateKey};

use super::check::Trusted;
use super::{Open, Vault};
use crate::error::Error;
use crate::index::ItemEntry;
use crate::store::Batch;

/// How many changes may follow a snapshot before the next is taken: bounds what unlocking verifies, to some 10 ms.
const SNAPSHOT_EVERY: u64 = 256;

/// A snapshot is as long as the vault has items. One for each so many items, but no oftener, costs a change the same whatever their
/// number, and unlocking a small part of what it takes to open them all.
const ITEMS_FOR_A_CHANGE: u64 = 16;

/// How many items go into one change of an import; a change must stay within 64 KiB.
const IMPORT_CHUNK: usize = 256;

impl Vault {
    /// Adds a new item.
    ///
    /// # Errors
    /// [`Error::Exists`] when the id of the item, or of a passkey in it, is taken; [`Error::BadKey`] for a passkey whose
    /// private key cannot be used; [`Error::DiskFull`] and the like, after which nothing has changed.
    pub fn add(&mut self, item: Item, now_ms: u64) -> Result<ItemId, Error> {
        let id = item.id;
        self.import(vec![item], now_ms)?;
        Ok(id)
    }

    /// Adds many items, 256 to a transaction.
    ///
    /// # Errors
    /// As [`Self::add`]. The chunks before the one that failed stay.
    pub fn import(&mut self, items: Vec<Item>, now_ms: u64) -> Result<(), Error> {
        let open = self.opened()?;
        let (mut ids, mut credential_ids) = (HashSet::new(), HashSet::new());
        for item in &items {
            let fresh = !open.trusted.log.state().contains(item.id)
                && ids.insert(item.id)
                && item
                    .passkeys()
                    .map(|p| &p.credential_id)
                    .all(|id| !open.index.contains(id) && credential_ids.insert(id.clone()));
            if !fresh {
                return Err(Error::Exists);
            }
        }
        let mut contents = Vec::with_capacity(items.len().min(IMPORT_CHUNK));
        for mut item in items {
            complete(&mut item, now_ms)?;
            contents.push((item.id, Content::Item(item.to_json()?)));
            if contents.len() == IMPORT_CHUNK {
                self.commit(&contents, now_ms)?;
                contents.clear();
            }
        }
        if contents.is_empty() {
            Ok(())
        } else {
            self.commit(&contents, now_ms)
        }
    }

    /// Changes an item: `edit` gets it as it is and leaves it as it shall be.
    ///
    /// # Errors
    /// As [`Self::item`] and [`Self::add`], and whatever `edit` refuses.
    pub fn update(
        &mut self,
        id: ItemId,
        now_ms: u64,
        edit: impl FnOnce(&mut Item) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut item = self.item(id)?;
        edit(&mut item)?;
        item.id = id;
        item.modified_at = i64::try_from(now_ms / 1000).ok();
        complete(&mut item, now_ms)?;
        let elsewhere = |p: &Passkey| self.passkey(&p.credential_id).is_ok_and(|info| info.item != id);
        if item.passkeys().any(elsewhere) {
            return Err(Error::Exists);
        }
        let json = item.to_json()?;
        self.commit(&[(id, Content::Item(json))], now_ms)
    }

    /// Deletes an item: a tombstone takes its place, and its last revision is overwritten in the file.
    pub fn remove(&mut self, id: ItemId, now_ms: u64) -> Result<(), Error> {
        self.item(id)?;
        self.commit(&[(id, Content::Tombstone)], now_ms)
    }

    pub(super) fn commit(&mut self, contents: &[(ItemId, Content)], now_ms: u64) -> Result<(), Error> {
        let crypto = self.crypto;
        let open = self.open.as_mut().ok_or(Error::Locked)?;
        let batch = open.seal(crypto, contents, now_ms)?;
        match open.store.commit(&batch) {
            Ok(()) => {}
            // SQLite rolled back: memory and file agree as before.
            Err(e @ (Error::DiskFull | Error::ReadOnly(_))) => return Err(e),
            Err(e) => {
                // Whether it reached the disk is not known. Unlocking again reads and verifies what is there.
                self.lock();
                return Err(e);
            }
        }
        open.trusted.log.take(&batch.change);
        if let Some((sequence, _)) = batch.snapshot {
            open.snapshot = sequence;
        }
        let (keys, place) = (&open.trusted.keys, &open.trusted.place);
        if let Err(error) = open.heads.write(crypto, keys, place, batch.change.end) {
            // The change is safe; only the watch over it is one step behind.
            tracing::warn!(%error, "the record of heads could not be written");
        }
        for (item, content) in contents {
            let entry = match content {
                Content::Item(json) => ItemEntry::read(*item, json)?,
                Content::Tombstone => ItemEntry::default(),
            };
            open.index.replace(*item, &entry);
        }
        Ok(())
    }
}

impl Open {
    /// Seals `contents` as the next change of this device.
    fn seal(&self, crypto: &dyn Crypto, contents: &[(ItemId, Content)], now_ms: u64) -> Result<Batch, Error> {
        let Trusted { place, keys, log } = &self.trusted;
        let mut sealed = Vec::with_capacity(contents.len());
        let mut revisions = Vec::with_capacity(contents.len());
        for (item, content) in contents {
            let (number, parents) = log.state().next(*item);
            let header = Header {
                account: place.account,
                vault: place.vault,
                item: *item,
                number,
                parents,
                epoch: keys.ring().newest(),
            };
            let row = Sealed::seal(crypto, keys.ring(), &header, content)?;
            revisions.push(Revision {
                item: *item,
                number,
                hash: row.hash(crypto),
                parents: header.parents,
            });
            sealed.push((*item, row));
        }
        let change = log.sign(crypto, place.device, keys.signing(), revisions, now_ms)?;
        // Of the log before this change: what is signed as verified is what is already on the disk.
        let before = log.end(place.device)?.sequence;
        let due = SNAPSHOT_EVERY.max(log.state().count() / ITEMS_FOR_A_CHANGE);
        let snapshot = if before - self.snapshot >= due {
            Some((before, log.snapshot(crypto, place.device, keys.signing())?))
        } else {
            None
        };
        Ok(Batch {
            revisions: sealed,
            change,
            snapshot,
        })
    }
}

/// Gives every passkey of the item the extension that the index needs: imported ones have none.
fn complete(item: &mut Item, now_ms: u64) -> Result<(), Error> {
    let mut new = Vec::new();
    for passkey in item.passkeys() {
        if item.passkey_extension(&passkey.credential_id).is_some() {
            continue;
        }
        let key = PrivateKey::from_pkcs8_der(passkey.key.expose(), None).map_err(|_| Error::BadKey)?;
        let created_ms = item
            .creation_at
            .and_then(|s| u64::try_from(s).ok())
            .map_or(now_ms, |s| s.saturating_mul(1000));
        new.push(Extension::Passkey(PasskeyExtension {
            credential_id: passkey.credential_id.clone(),
            public_key: Bytes(key.public_key().cose_bytes()),
            rp_name: None,
            discoverable: true,
            // Whoever exports a passkey does not keep it on one device.
            backup_eligible: true,
            created_ms,
            other: Fields::default(),
        }));
    }
    item.extensions.append(&mut new);
    Ok(())
}
