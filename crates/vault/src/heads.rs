//! The device's record of how far it has seen: the log's head, outside of the database, never going back.
//!
//! The database alone cannot show that its end was cut off or that an older copy of it was put in its place: an old log is
//! a valid log. This file can, because it lies elsewhere (the state directory; the database is in the data directory).
//! It is 256 bytes: two slots that are written in turn, so that a write that a power cut tears leaves the other one.
//!
//! A slot is what [`pins`] seals, and zeros up to 128 bytes.
//!
//! It is written after the database and not forced to the disk: after a power cut it may be behind, which is harmless,
//! and never ahead, because the database is forced to the disk first. Someone who can put back both files at once is not
//! noticed by them; a TPM counter or another device is needed for that, and the software tier claims neither.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use claviger_account::ids::{Head, Place};
use claviger_account::keys::Keys;
use claviger_account::pins;
use claviger_ctap::crypto::Crypto;
use claviger_files::Durability;

use crate::error::Error;

const SLOT: usize = 128;

/// The open file.
#[derive(Debug)]
pub(crate) struct Heads {
    path: PathBuf,
    file: File,
}

impl Heads {
    /// Opens the file.
    ///
    /// # Errors
    /// [`Error::HeadsMissing`] when there is none.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        match claviger_files::open(path, OpenOptions::new().read(true).write(true)) {
            Ok(file) => Ok(Self {
                path: path.to_owned(),
                file,
            }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(Error::HeadsMissing(path.to_owned())),
            Err(e) => Err(e.into()),
        }
    }

    /// Makes the file anew with `head` in both slots, forced to the disk; an older one is replaced.
    pub(crate) fn create(
        crypto: &dyn Crypto,
        path: &Path,
        keys: &Keys,
        place: &Place,
        head: Head,
    ) -> Result<Self, Error> {
        let mut slot = pins::seal(crypto, keys, place, head)?;
        slot.resize(SLOT, 0);
        claviger_files::replace_private(path, &slot.repeat(2), Durability::PowerCut)?;
        Self::open(path)
    }

    /// The newest head in it.
    ///
    /// # Errors
    /// [`Error::HeadsMissing`] when neither slot was sealed for this vault.
    pub(crate) fn read(&self, keys: &Keys, place: &Place) -> Result<Head, Error> {
        let slot = |n: u64| {
            let mut sealed = [0; pins::SEALED];
            self.file.read_exact_at(&mut sealed, n * SLOT as u64).ok()?;
            pins::open(keys, place, &sealed)
        };
        [slot(0), slot(1)]
            .into_iter()
            .flatten()
            .max_by_key(|head| head.sequence)
            .ok_or_else(|| Error::HeadsMissing(self.path.clone()))
    }

    /// Writes the next head over the older of the two.
    pub(crate) fn write(&self, crypto: &dyn Crypto, keys: &Keys, place: &Place, head: Head) -> Result<(), Error> {
        let sealed = pins::seal(crypto, keys, place, head)?;
        Ok(self.file.write_all_at(&sealed, head.sequence % 2 * SLOT as u64)?)
    }
}
