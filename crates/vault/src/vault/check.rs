//! Every item against the log, on as many cores as there are.
//!
//! Unlocking reads all rows once, and hashing, decrypting and parsing them is nearly all of its time. SQLite's connection
//! stays on its thread, which hands batches of rows to workers; what they need besides ([`Trusted`]) they share.

use crate::error::{Damage, Error, ItemFault};
use crate::item::{ItemId, Summary};
use crate::keys::{Keys, Place};
use crate::log::{Current, Log};
use crate::seal::{Content, Header, Sealed};
use crate::store::Store;
use claviger_ctap::crypto::Crypto;
use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Rows for a worker at a time, some 200 KiB.
const BATCH: usize = 128;

/// Below this many items a thread costs more than it gives.
const WORTH_A_THREAD: usize = 512;

/// More cores than this only wait for the one that reads.
const MAX_WORKERS: usize = 4;

type Row = (Option<ItemId>, Sealed);

/// What rows are checked against: verified, or opened with a key that only the member has.
pub(super) struct Trusted {
    pub place: Place,
    pub keys: Keys,
    pub log: Log,
}

/// What checking found.
#[derive(Default)]
pub(super) struct Checked {
    /// The passkeys of the good items that have any.
    pub passkeys: Vec<(ItemId, Vec<Summary>)>,
    /// How many items are good and not deleted.
    pub items: usize,
    /// The others.
    pub damage: Vec<Damage>,
    /// The items that have a row, good or not.
    rows: Vec<ItemId>,
}

impl Trusted {
    /// Opens an item's row if it is the very revision that the log names.
    pub(super) fn open(
        &self,
        crypto: &dyn Crypto,
        item: ItemId,
        current: Current,
        sealed: &Sealed,
    ) -> Result<Content, ItemFault> {
        if sealed.hash(crypto) != current.hash {
            return Err(ItemFault::Altered);
        }
        let header = Header::decode(&sealed.header).ok_or(ItemFault::Sealed)?;
        let expected = Header {
            account: self.place.account,
            vault: self.place.vault,
            item,
            revision: current.revision,
            // The log's chain of hashes vouches for it.
            parent: header.parent,
            epoch: self.keys.epoch,
        };
        if header != expected {
            return Err(ItemFault::Altered);
        }
        sealed.open(&self.keys.items).ok_or(ItemFault::Sealed)
    }

    /// Checks every row against the log and the log against the rows.
    pub(super) fn check_all(&self, crypto: &dyn Crypto, store: &Store) -> Result<Checked, Error> {
        let mut checked = if self.log.items().len() < WORTH_A_THREAD {
            let mut checked = Checked::default();
            store.items(|item, sealed| self.check(crypto, &mut checked, item, &sealed))?;
            checked
        } else {
            self.check_in_parallel(crypto, store)?
        };
        let mut missing: BTreeSet<&ItemId> = self.log.items().keys().collect();
        for item in &checked.rows {
            missing.remove(item);
        }
        let missing = missing.into_iter().map(|&item| Damage::Item {
            item,
            fault: ItemFault::Missing,
        });
        checked.damage.extend(missing);
        Ok(checked)
    }

    fn check_in_parallel(&self, crypto: &dyn Crypto, store: &Store) -> Result<Checked, Error> {
        let workers = thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS);
        let (send, receive) = sync_channel(2 * workers);
        let receive = Arc::new(Mutex::new(receive));
        let mut checked = Checked::default();
        thread::scope(|scope| {
            // A system that gives no thread gives fewer workers, or none.
            let spawned: Vec<_> = (0..workers)
                .filter_map(|_| {
                    let batches = Arc::clone(&receive);
                    let work = move || self.work(crypto, &batches);
                    thread::Builder::new().spawn_scoped(scope, work).ok()
                })
                .collect();
            // The workers alone keep the channel open: should they all be gone, sending fails instead of waiting.
            drop(receive);
            let mut batch = Vec::with_capacity(BATCH);
            let read = store.items(|item, sealed| {
                if spawned.is_empty() {
                    return self.check(crypto, &mut checked, item, &sealed);
                }
                batch.push((item, sealed));
                if batch.len() == BATCH {
                    // Fails only when every worker is gone, and then joining them says why.
                    let _all_gone = send.send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)));
                }
            });
            let _all_gone = send.send(batch);
            drop(send);
            for worker in spawned {
                match worker.join() {
                    Ok(part) => checked.add(part),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            read
        })?;
        Ok(checked)
    }

    fn work(&self, crypto: &dyn Crypto, batches: &Mutex<Receiver<Vec<Row>>>) -> Checked {
        let mut checked = Checked::default();
        loop {
            let batch = batches.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(batch) = batch else { return checked };
            for (item, sealed) in batch {
                self.check(crypto, &mut checked, item, &sealed);
            }
        }
    }

    fn check(&self, crypto: &dyn Crypto, checked: &mut Checked, item: Option<ItemId>, sealed: &Sealed) {
        // An id of another length is none of ours.
        let item = item.unwrap_or(ItemId([0; 16]));
        checked.rows.push(item);
        let opened = match self.log.items().get(&item) {
            Some(current) => self.open(crypto, item, *current, sealed),
            None => Err(ItemFault::Unknown),
        };
        let passkeys = opened.and_then(|content| match content {
            Content::Item(json) => Summary::read(&json).map(Some).map_err(|_| ItemFault::Sealed),
            Content::Tombstone => Ok(None),
        });
        match passkeys {
            Ok(passkeys) => {
                checked.items += usize::from(passkeys.is_some());
                let passkeys = passkeys.unwrap_or_default();
                if !passkeys.is_empty() {
                    checked.passkeys.push((item, passkeys));
                }
            }
            Err(fault) => checked.damage.push(Damage::Item { item, fault }),
        }
    }
}

impl Checked {
    fn add(&mut self, part: Self) {
        self.passkeys.extend(part.passkeys);
        self.items += part.items;
        self.damage.extend(part.damage);
        self.rows.extend(part.rows);
    }
}
