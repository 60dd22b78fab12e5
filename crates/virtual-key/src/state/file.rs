//! The state file: one process at a time, and always a whole file.
//!
//! A change is written to a new file beside it, brought to the disk, and put in its place. The lock is on the file
//! itself, so it moves along: the new file is locked before it takes the place of the old one.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, OFlags, RenameFlags, flock, renameat_with};
use rustix::io::Errno;

use super::StateError;

/// Larger than any state: a thousand credentials take about a megabyte.
const MAX_BYTES: u64 = 64 << 20;

/// Tries to lock the file that has the name now, and not the one that had it a moment ago.
const ATTEMPTS: usize = 16;

/// A state file that this process holds.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    directory: PathBuf,
    /// The file, locked; `None` while there is none.
    file: Option<File>,
}

impl StateFile {
    /// Takes the file, which need not exist; its directory must.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let failed = |source| StateError::File {
            path: path.to_owned(),
            source,
        };
        // Of a symbolic link the target is replaced, not the link.
        let path = match fs::canonicalize(path) {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let name = path.file_name().ok_or(error).map_err(failed)?;
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                let parent = fs::canonicalize(parent.unwrap_or(Path::new("."))).map_err(failed)?;
                parent.join(name)
            }
            Err(error) => return Err(failed(error)),
        };
        let directory = path.parent().unwrap_or(Path::new("/")).to_owned();
        let file = lock(&path)?;
        Ok(Self { path, directory, file })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory that it is in, where new files are made.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What is in it; `None` if it is not there.
    pub fn read(&self) -> Result<Option<Vec<u8>>, StateError> {
        let Some(file) = self.file.as_ref() else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|source| self.failed(source))?;
        if bytes.len() > usize::try_from(MAX_BYTES).unwrap_or(usize::MAX) {
            return Err(StateError::Damaged {
                path: self.path.clone(),
                why: "it is far too large for a state".into(),
            });
        }
        Ok(Some(bytes))
    }

    /// Replaces what is in it, for this user only. On failure the old file is still there.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let beside = self.beside();
        let written = self.write_beside(&beside, bytes);
        if written.is_err() {
            // It may never have come to be.
            let _ = fs::remove_file(&beside);
        }
        match written {
            Ok(file) => {
                self.file = Some(file);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.file.is_none() => {
                Err(StateError::InUse(self.path.clone()))
            }
            Err(source) => Err(self.failed(source)),
        }
    }

    fn write_beside(&self, beside: &Path, bytes: &[u8]) -> io::Result<File> {
        // One that a process of the same number has left behind.
        match fs::remove_file(beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(beside)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        if self.file.is_some() {
            fs::rename(beside, &self.path)?;
        } else {
            // Whoever comes second here must not replace what the first one has written.
            match renameat_with(CWD, beside, CWD, &self.path, RenameFlags::NOREPLACE) {
                // A file system that cannot do that.
                Err(Errno::INVAL) => fs::rename(beside, &self.path)?,
                done => done?,
            }
        }
        File::open(&self.directory)?.sync_all()?;
        Ok(file)
    }

    fn beside(&self) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(format!(".{}.new", std::process::id()));
        self.directory.join(name)
    }

    fn failed(&self, source: io::Error) -> StateError {
        StateError::File {
            path: self.path.clone(),
            source,
        }
    }
}

/// Opens and locks the file that has this name; `None` if there is none.
fn lock(path: &Path) -> Result<Option<File>, StateError> {
    let failed = |source| StateError::File {
        path: path.to_owned(),
        source,
    };
    for _ in 0..ATTEMPTS {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let file = match File::options().read(true).custom_flags(flags).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let opened = file.metadata().map_err(failed)?;
        if !opened.is_file() {
            return Err(failed(io::Error::other("it is not a regular file")));
        }
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(StateError::InUse(path.to_owned())),
            Err(errno) => return Err(failed(errno.into())),
        }
        let is_still_there = fs::metadata(path).is_ok_and(|now| (now.dev(), now.ino()) == (opened.dev(), opened.ino()));
        if is_still_there {
            return Ok(Some(file));
        }
    }
    Err(StateError::InUse(path.to_owned()))
}
