//! Every item against the log, on as many cores as there are.
//!
//! Unlocking reads all rows once, and hashing and decrypting them is most of its time. It goes in rounds: some rows are read
//! (SQLite's connection stays on its thread), opened on all cores, and summed up here. What stays in memory is allocated by
//! this thread alone; what threads leave among what they freed would never go back to the system.

use std::collections::BTreeSet;
use std::thread;

use claviger_account::ids::{Head, ItemId, Place};
use claviger_account::item::Summary;
use claviger_account::keys::Keys;
use claviger_account::log::Log;
use claviger_account::revision::{Header, Sealed};
use claviger_account::seal::Content;
use claviger_ctap::crypto::Crypto;

use crate::error::{Damage, Error, ItemFault};
use crate::store::Store;

/// Rows of a round, some 700 KiB.
const ROUND: usize = 512;

/// Fewer rows cost more as a thread than they give.
const WORTH_A_THREAD: usize = 128;

type Row = (Option<ItemId>, Sealed);
type Opened = Result<Content, ItemFault>;

/// What rows are checked against: verified, or opened with a key that only the member has.
pub(super) struct Trusted {
    pub place: Place,
    pub keys: Keys,
    pub log: Log,
}

/// What checking found.
#[derive(Default)]
pub(super) struct Checked {
    /// The good items that have passkeys.
    pub summaries: Vec<(ItemId, Summary)>,
    /// How many items are good and not deleted.
    pub items: usize,
    /// The others.
    pub damage: Vec<Damage>,
    /// The items that have a row, good or not.
    rows: Vec<ItemId>,
}

impl Trusted {
    /// Where this device's chain ends.
    pub(super) fn end(&self) -> Result<Head, Error> {
        Ok(self.log.end(self.place.device)?)
    }

    /// Opens an item's row if it is the very revision that the log names.
    pub(super) fn open(&self, crypto: &dyn Crypto, item: ItemId, sealed: &Sealed) -> Result<Content, ItemFault> {
        if !self.log.state().contains(item) {
            return Err(ItemFault::Unknown);
        }
        let head = self.log.state().head(item, sealed.hash(crypto));
        let number = head.ok_or(ItemFault::Altered)?;
        let header = Header::decode(&sealed.header).ok_or(ItemFault::Sealed)?;
        let expected = Header {
            account: self.place.account,
            vault: self.place.vault,
            item,
            number,
            // The log's chain of hashes vouches for both.
            parents: header.parents.clone(),
            epoch: header.epoch,
        };
        if header != expected {
            return Err(ItemFault::Altered);
        }
        sealed.open(self.keys.ring(), header.epoch).ok_or(ItemFault::Sealed)
    }

    /// Checks every row against the log and the log against the rows.
    pub(super) fn check_all(&self, crypto: &dyn Crypto, store: &Store) -> Result<Checked, Error> {
        let mut checked = Checked::default();
        let mut round = Vec::new();
        store.items(|item, sealed| {
            round.push((item, sealed));
            if round.len() == ROUND {
                self.check_round(crypto, &mut checked, &round);
                round.clear();
            }
        })?;
        self.check_round(crypto, &mut checked, &round);
        let mut missing: BTreeSet<ItemId> = self.log.state().items().collect();
        for item in &checked.rows {
            missing.remove(item);
        }
        let missing = missing.into_iter().map(|item| Damage::Item {
            item,
            fault: ItemFault::Missing,
        });
        checked.damage.extend(missing);
        Ok(checked)
    }

    fn check_round(&self, crypto: &dyn Crypto, checked: &mut Checked, rows: &[Row]) {
        let opened = self.open_on_all_cores(crypto, rows);
        for ((item, _), opened) in rows.iter().zip(opened) {
            checked.note(id_of(*item), opened);
        }
    }

    /// The rows opened, in their order.
    fn open_on_all_cores(&self, crypto: &dyn Crypto, rows: &[Row]) -> Vec<Opened> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let mut shares = rows.chunks(rows.len().div_ceil(cores).max(WORTH_A_THREAD));
        let own = shares.next().unwrap_or_default();
        thread::scope(|scope| {
            // A system that gives no thread leaves more for this one.
            let others: Vec<_> = shares
                .map(|share| {
                    (
                        share,
                        thread::Builder::new()
                            .spawn_scoped(scope, || self.open_rows(crypto, share))
                            .ok(),
                    )
                })
                .collect();
            let mut opened = self.open_rows(crypto, own);
            for (share, thread) in others {
                opened.extend(match thread.map(thread::ScopedJoinHandle::join) {
                    Some(Ok(opened)) => opened,
                    Some(Err(panic)) => std::panic::resume_unwind(panic),
                    None => self.open_rows(crypto, share),
                });
            }
            opened
        })
    }

    fn open_rows(&self, crypto: &dyn Crypto, rows: &[Row]) -> Vec<Opened> {
        let open = |(item, sealed): &Row| self.open(crypto, id_of(*item), sealed);
        rows.iter().map(open).collect()
    }
}

impl Checked {
    fn note(&mut self, item: ItemId, opened: Opened) {
        self.rows.push(item);
        let summary = opened.and_then(|content| match content {
            Content::Item(json) => Summary::read(&json).map(Some).map_err(|_| ItemFault::Sealed),
            Content::Tombstone => Ok(None),
        });
        match summary {
            Ok(None) => {}
            Ok(Some(summary)) => {
                self.items += 1;
                if !summary.passkeys.is_empty() || summary.unreadable > 0 {
                    self.summaries.push((item, summary));
                }
            }
            Err(fault) => self.damage.push(Damage::Item { item, fault }),
        }
    }
}

/// An id of another length is none of ours, and neither is this one.
fn id_of(item: Option<ItemId>) -> ItemId {
    item.unwrap_or(ItemId([0; 16]))
}
