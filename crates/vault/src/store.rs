//! The vault's file: SQLite, rows of sealed bytes, no meaning.
//!
//! One file, `vault.sqlite3` (0600, in a directory 0700), with a write-ahead log beside it while it is open. A
//! transaction that [`Store::commit`] reported as done survives `kill -9` and a power cut (`synchronous=FULL`). What is
//! deleted or replaced is overwritten in the file (`secure_delete`).
//!
//! `application_id` is `CLAV`; `user_version` is the format, raised by [`MIGRATIONS`].

use std::fs::OpenOptions;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use claviger_account as account;
use claviger_account::ids::{DeviceId, Epoch, ItemId, VaultId};
use claviger_account::keys::VaultKey;
use claviger_account::log::{Signed, Snapshot};
use claviger_account::revision::Sealed;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior, params};

use crate::error::{Damage, Error};

const APPLICATION_ID: i32 = i32::from_be_bytes(*b"CLAV");

/// The first bytes of every SQLite file; the application id ends 72 bytes after the start (SQLite file format, 1.3).
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";

/// One step for each format; the last one's number is the current format. A step, once released, never changes.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE identity (one INTEGER PRIMARY KEY CHECK (one = 1), vault BLOB NOT NULL, device BLOB NOT NULL) STRICT;
    CREATE TABLE ledger (sequence INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT;
    CREATE TABLE members (device BLOB PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE vault_keys (epoch INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
    CREATE TABLE log (sequence INTEGER PRIMARY KEY, change BLOB NOT NULL) STRICT;
    CREATE TABLE snapshot (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL,
        signed BLOB NOT NULL, state BLOB NOT NULL) STRICT;
    CREATE TABLE items (item BLOB NOT NULL UNIQUE, header BLOB NOT NULL, wrapped_key BLOB NOT NULL,
        body BLOB NOT NULL) STRICT;
"];

/// The records that exist once.
#[derive(Debug)]
pub(crate) struct Identity {
    pub vault: VaultId,
    pub device: DeviceId,
    pub ledger: Vec<Vec<u8>>,
    pub member: Vec<u8>,
    /// Of every epoch.
    pub vault_keys: Vec<VaultKey>,
}

/// One change as it is written, with the revisions that it names.
///
/// It holds the account's public part alone. That is what a process which has no keys may be handed, and this is the seam to
/// hand it over at.
pub(crate) struct Batch {
    pub revisions: Vec<(ItemId, Sealed)>,
    pub change: Signed,
    /// A snapshot of the log before the change when one is due, and how many changes it sums up.
    pub snapshot: Option<(u64, Snapshot)>,
}

/// The open database.
pub(crate) struct Store {
    path: PathBuf,
    db: Connection,
    /// Whether the write-ahead log may hold anything.
    written: bool,
}

impl Store {
    /// Makes a new vault file with its first records. It appears under `path` whole or not at all: see [`Self::publish`].
    pub(crate) fn create(path: &Path, identity: &Identity) -> Result<(), Error> {
        let new = unpublished(path);
        claviger_files::remove(&new)?;
        // SQLite would make the file with the mode of the umask; it gives its journals the mode of the file.
        claviger_files::open(&new, OpenOptions::new().write(true).create_new(true))?;
        let db = connect(&new)?;
        db.pragma_update(None, "application_id", APPLICATION_ID)?;
        let mut store = Self {
            path: new,
            db,
            written: false,
        };
        store.migrate()?;
        let vault = &identity.vault.0[..];
        let device = &identity.device.0[..];
        let tx = store.db.transaction()?;
        tx.execute("INSERT INTO identity VALUES (1, ?, ?)", params![vault, device])?;
        for (sequence, entry) in (0_i64..).zip(&identity.ledger) {
            tx.execute("INSERT INTO ledger VALUES (?, ?)", params![sequence, entry])?;
        }
        tx.execute("INSERT INTO members VALUES (?, ?)", params![device, identity.member])?;
        for VaultKey { epoch, sealed } in &identity.vault_keys {
            tx.execute(
                "INSERT INTO vault_keys VALUES (?, ?)",
                params![signed(epoch.0)?, sealed],
            )?;
        }
        tx.commit()?;
        store.db.close().map_err(|(_, e)| e.into())
    }

    /// Gives the file that [`Self::create`] made its name.
    pub(crate) fn publish(path: &Path) -> Result<(), Error> {
        Ok(claviger_files::publish(&unpublished(path), path)?)
    }

    /// Opens an existing vault file and brings its format up to date.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        // Looked at before SQLite may touch it: somebody else's file is left alone. Both lie in the first page for good,
        // because creation does not use the write-ahead log.
        let mut header = [0; 72];
        let read =
            claviger_files::open(path, OpenOptions::new().read(true)).and_then(|mut file| file.read_exact(&mut header));
        if read.is_err() || !header.starts_with(SQLITE_MAGIC) || !header.ends_with(&APPLICATION_ID.to_be_bytes()) {
            return Err(Error::NotAVault(path.to_owned()));
        }
        let db = connect(path)?;
        let mut store = Self {
            path: path.to_owned(),
            db,
            // What a killed process left.
            written: true,
        };
        // With the exclusive lock the index of the write-ahead log is in memory and there is no third file.
        store.db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        let mode: String = store
            .db
            .query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))
            .map_err(|e| store.error(e))?;
        if mode != "wal" {
            return Err(Error::ReadOnly(path.to_owned()));
        }
        store.migrate()?;
        Ok(store)
    }

    /// The records that exist once.
    pub(crate) fn identity(&self) -> Result<Identity, Error> {
        let missing = |what| {
            move |e| {
                if e == rusqlite::Error::QueryReturnedNoRows {
                    account::Damage::Record(what).into()
                } else {
                    self.error(e)
                }
            }
        };
        let ids: (Vec<u8>, Vec<u8>) = self
            .db
            .query_row("SELECT vault, device FROM identity", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .map_err(missing("identity"))?;
        let id = |bytes: Vec<u8>| bytes.try_into().map_err(|_| account::Damage::Record("identity"));
        let (vault, device) = (VaultId(id(ids.0)?), DeviceId(id(ids.1)?));
        let member = self
            .db
            .query_row("SELECT sealed FROM members WHERE device = ?", [&device.0[..]], |row| {
                row.get(0)
            })
            .map_err(missing("member"))?;
        let mut entries = self.db.prepare("SELECT entry FROM ledger ORDER BY sequence")?;
        let ledger = entries.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut keys = self.db.prepare("SELECT epoch, sealed FROM vault_keys")?;
        let vault_keys = keys
            .query_map([], |row| {
                Ok(VaultKey {
                    epoch: Epoch(row.get::<_, i64>(0)?.cast_unsigned()),
                    sealed: row.get(1)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(Identity {
            vault,
            device,
            ledger,
            member,
            vault_keys,
        })
    }

    /// The last snapshot of the log.
    pub(crate) fn snapshot(&self) -> Result<Option<Snapshot>, Error> {
        let row = self.db.query_row("SELECT signed, state FROM snapshot", [], |row| {
            Ok(Snapshot {
                signed: row.get(0)?,
                state: row.get(1)?,
            })
        });
        Ok(row.optional()?)
    }

    /// Calls `each` with the changes after `after`, in order.
    pub(crate) fn changes(&self, after: u64, mut each: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let mut statement = self
            .db
            .prepare("SELECT change FROM log WHERE sequence > ? ORDER BY sequence")?;
        let mut rows = statement.query([signed(after)?])?;
        while let Some(row) = rows.next()? {
            each(row.get_ref(0)?.as_blob().map_err(|_| Damage::Database)?)?;
        }
        Ok(())
    }

    /// One change.
    pub(crate) fn change(&self, sequence: u64) -> Result<Option<Vec<u8>>, Error> {
        let row = self.db.query_row(
            "SELECT change FROM log WHERE sequence = ?",
            [signed(sequence)?],
            |row| row.get(0),
        );
        Ok(row.optional()?)
    }

    /// Calls `each` with every item's row, in the order of the file.
    pub(crate) fn items(&self, mut each: impl FnMut(Option<ItemId>, Sealed)) -> Result<(), Error> {
        let mut statement = self
            .db
            .prepare("SELECT item, header, wrapped_key, body FROM items ORDER BY rowid")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: Vec<u8> = row.get(0)?;
            each(
                id.try_into().ok().map(ItemId),
                Sealed {
                    header: row.get(1)?,
                    wrapped_key: row.get(2)?,
                    body: row.get(3)?,
                },
            );
        }
        Ok(())
    }

    /// One item's row.
    pub(crate) fn item(&self, item: ItemId) -> Result<Option<Sealed>, Error> {
        let row = self.db.query_row(
            "SELECT header, wrapped_key, body FROM items WHERE item = ?",
            [&item.0[..]],
            |row| {
                Ok(Sealed {
                    header: row.get(0)?,
                    wrapped_key: row.get(1)?,
                    body: row.get(2)?,
                })
            },
        );
        Ok(row.optional()?)
    }

    /// Writes a batch: all or nothing, on the disk when it returns.
    pub(crate) fn commit(&mut self, batch: &Batch) -> Result<(), Error> {
        self.written = true;
        self.transact(batch).map_err(|e| match e {
            Error::Database(e) => self.error(e),
            e => e,
        })
    }

    /// Empties the write-ahead log into the file, if anything was written since it was last done.
    pub(crate) fn checkpoint(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.written) {
            let done = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            done.map_err(|e| self.error(e))?;
        }
        Ok(())
    }

    fn transact(&mut self, batch: &Batch) -> Result<(), Error> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut upsert = tx.prepare(
                "INSERT INTO items VALUES (?, ?, ?, ?)
                 ON CONFLICT (item) DO UPDATE SET header = ?2, wrapped_key = ?3, body = ?4",
            )?;
            for (item, sealed) in &batch.revisions {
                upsert.execute(params![&item.0[..], sealed.header, sealed.wrapped_key, sealed.body])?;
            }
        }
        let sequence = signed(batch.change.end.sequence)?;
        tx.execute("INSERT INTO log VALUES (?, ?)", params![sequence, batch.change.bytes])?;
        if let Some((before, snapshot)) = &batch.snapshot {
            tx.execute(
                "REPLACE INTO snapshot VALUES (1, ?, ?, ?)",
                params![signed(*before)?, snapshot.signed, snapshot.state],
            )?;
        }
        Ok(tx.commit()?)
    }

    fn migrate(&mut self) -> Result<(), Error> {
        let known = MIGRATIONS.len();
        let found: i64 = self.db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let found = usize::try_from(found).map_err(|_| Damage::Database)?;
        if found > known {
            return Err(Error::Newer {
                found: found as u64,
                known: known as u64,
            });
        }
        for (step, version) in MIGRATIONS.iter().zip(1_i64..).skip(found) {
            let tx = self.db.transaction()?;
            tx.execute_batch(step)?;
            tx.pragma_update(None, "user_version", version)?;
            tx.commit()?;
        }
        Ok(())
    }

    /// Adds to SQLite's error what only we know: the file that cannot be written.
    fn error(&self, error: rusqlite::Error) -> Error {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::PermissionDenied) => {
                Error::ReadOnly(self.path.clone())
            }
            _ => error.into(),
        }
    }

    #[cfg(test)]
    pub(crate) fn database(&self) -> &Connection {
        &self.db
    }
}

/// The name that a vault's file has until it is whole.
pub(crate) fn unpublished(path: &Path) -> PathBuf {
    path.with_extension("new")
}

fn connect(path: &Path) -> Result<Connection, Error> {
    // No SQLITE_OPEN_CREATE: a vault is never made by accident. No mutex: the connection has one owner.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    // That flag refuses a link anywhere on the way, and a home directory may well be behind one.
    let db = Connection::open_with_flags(claviger_files::resolve(path)?, flags)?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "secure_delete", "ON")?;
    db.pragma_update(None, "trusted_schema", "OFF")?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    // In KiB when negative. An idle vault is small, and reading every item once at unlock gains nothing from a cache.
    db.pragma_update(None, "cache_size", -512)?;
    Ok(db)
}

/// SQLite's integers are signed.
fn signed(number: u64) -> Result<i64, Error> {
    i64::try_from(number).map_err(|_| Damage::Database.into())
}
