//! Every item against the log, on as many cores as there are.
//!
//! Unlocking reads all rows once, and hashing, decrypting and parsing them is most of its time. While this thread reads rows (SQLite's
//! connection stays on it) and notes what the rows before came to, others open what it has read, a share each. What stays in memory is
//! allocated by this thread alone; what threads leave among what they freed would never go back to the system.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::{self, Scope, ScopedJoinHandle};

use claviger_account::ids::{Head, ItemId, Place};
use claviger_account::keys::Keys;
use claviger_account::log::Log;
use claviger_account::revision::{Header, Sealed};
use claviger_account::seal::Content;
use claviger_ctap::crypto::Crypto;

use crate::error::{Damage, Error, ItemFault};
use crate::index::{Index, ItemEntry};
use crate::store::Store;

/// Rows that a thread opens, some 350 KiB.
const SHARE: usize = 256;

/// Fewer rows cost more as a thread than they give.
const WORTH_A_THREAD: usize = 128;

type Row = (Option<ItemId>, Sealed);

/// What a row came to: `None` for an item that was deleted.
type Opened = Result<Option<ItemEntry>, ItemFault>;

/// Rows that another thread opens, or none could be had to open. They are freed by the thread that read them.
struct Share<'scope> {
    rows: Arc<Vec<Row>>,
    thread: Option<ScopedJoinHandle<'scope, Vec<Opened>>>,
}

impl Share<'_> {
    fn is_opened(&self) -> bool {
        self.thread.as_ref().is_none_or(ScopedJoinHandle::is_finished)
    }
}

/// What rows are checked against: verified, or opened with a key that only the member has.
pub(super) struct Trusted {
    pub place: Place,
    pub keys: Keys,
    pub log: Log,
}

/// What checking found.
#[derive(Default)]
pub(super) struct Checked {
    /// The passkeys of the good items.
    pub index: Index,
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
        let cores = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            let (mut rows, mut shares) = (Vec::new(), VecDeque::new());
            store.items(|item, sealed| {
                rows.push((item, sealed));
                if rows.len() < SHARE {
                    return;
                }
                while shares.front().is_some_and(Share::is_opened) {
                    self.finish(crypto, &mut checked, shares.pop_front());
                }
                let rows = std::mem::take(&mut rows);
                if shares.len() < cores {
                    shares.push_back(self.open_beside(scope, crypto, rows));
                } else {
                    // All are busy: this thread helps.
                    checked.note(&rows, self.open_rows(crypto, &rows));
                }
            })?;
            if rows.len() >= WORTH_A_THREAD {
                shares.push_back(self.open_beside(scope, crypto, std::mem::take(&mut rows)));
            }
            checked.note(&rows, self.open_rows(crypto, &rows));
            self.finish(crypto, &mut checked, shares);
            Ok::<(), Error>(())
        })?;
        checked.rows.sort_unstable();
        let missing = self
            .log
            .state()
            .items()
            .filter(|item| checked.rows.binary_search(item).is_err());
        let missing = missing.map(|item| Damage::Item {
            item,
            fault: ItemFault::Missing,
        });
        checked.damage.extend(missing);
        Ok(checked)
    }

    fn open_beside<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        crypto: &'scope dyn Crypto,
        rows: Vec<Row>,
    ) -> Share<'scope> {
        let rows = Arc::new(rows);
        let theirs = Arc::clone(&rows);
        let thread = thread::Builder::new().spawn_scoped(scope, move || self.open_rows(crypto, &theirs));
        Share {
            rows,
            // A system that gives no thread leaves more for this one.
            thread: thread.ok(),
        }
    }

    fn finish<'scope>(
        &self,
        crypto: &dyn Crypto,
        checked: &mut Checked,
        shares: impl IntoIterator<Item = Share<'scope>>,
    ) {
        for Share { rows, thread } in shares {
            let opened = match thread.map(ScopedJoinHandle::join) {
                Some(Ok(opened)) => opened,
                Some(Err(panic)) => std::panic::resume_unwind(panic),
                None => self.open_rows(crypto, &rows),
            };
            checked.note(&rows, opened);
        }
    }

    fn open_rows(&self, crypto: &dyn Crypto, rows: &[Row]) -> Vec<Opened> {
        let open = |(item, sealed): &Row| {
            let item = id_of(*item);
            match self.open(crypto, item, sealed)? {
                Content::Item(json) => ItemEntry::read(item, &json).map(Some).map_err(|_| ItemFault::Sealed),
                Content::Tombstone => Ok(None),
            }
        };
        rows.iter().map(open).collect()
    }
}

impl Checked {
    fn note(&mut self, rows: &[Row], opened: Vec<Opened>) {
        for ((item, _), opened) in rows.iter().zip(opened) {
            let item = id_of(*item);
            self.rows.push(item);
            match opened {
                Ok(None) => {}
                Ok(Some(entry)) => {
                    self.items += 1;
                    self.index.replace(item, &entry);
                }
                Err(fault) => self.damage.push(Damage::Item { item, fault }),
            }
        }
    }
}

/// An id of another length is none of ours, and neither is this one.
fn id_of(item: Option<ItemId>) -> ItemId {
    item.unwrap_or(ItemId([0; 16]))
}
