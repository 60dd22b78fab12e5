//! The one file on disk, replaced as a whole and durably.
//!
//! Beside it lies a note of the generation that it reached, which is changed in place: a file that somebody kept under another
//! name, and put back under its own, is older than the note.
//!
//! [`Medium`] is the few steps of which a durable replacement consists, so that a test can cut the power between any two of
//! them; [`Directory`] takes them in a real directory. Everything goes by descriptors relative to the directory, which may be
//! behind symbolic links while the file is none, and a directory or file that others could read or write is refused rather
//! than mended: somebody may have read or written it already.

use std::{
    io::{self, Write as _},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use claviger_files::{Access, Folder, NewFile};
use rustix::{
    fs::{
        AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, Stat, StatxFlags, fdatasync, flock, fstat, mkdirat, open,
        openat, statx,
    },
    io::{Errno, pread, pwrite, read},
    process::geteuid,
};
use thiserror::Error;

/// Most bytes that are read of the file.
pub(crate) const MAX_BYTES: usize = 16 * 1024;

const NAME: &str = "hello.state";
const NEW_NAME: &str = "hello.state.new";
const NOTE_NAME: &str = "hello.generation";

/// A note: the generation, and when the note's own file was born (seconds and nanoseconds, zeros where that is not known), all big
/// endian.
const NOTE_BYTES: usize = 20;

/// When a file was born, by the kernel's clock that ticks every few milliseconds. The kernel sets it and no program can: a
/// file that was copied back from a backup has another one than the file that hello wrote.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Birth {
    /// Seconds since 1970.
    pub(crate) seconds: i64,
    /// And nanoseconds.
    pub(crate) nanoseconds: u32,
}

/// The file as it was found.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Found {
    /// What is in it.
    pub(crate) bytes: Vec<u8>,
    /// When it was born; `None` where the file system does not know.
    pub(crate) birth: Option<Birth>,
}

/// Where the state is kept. A replacement is `create`, `fill`, `sync`, `publish`, `sync_directory`, `note`, in this order.
pub(crate) trait Medium: Send {
    /// The file as it is now, or `None` when there is none.
    fn read(&mut self) -> Result<Option<Found>, DiskError>;
    /// Makes an empty new file beside the old one, and says when it was born, where the file system knows.
    fn create(&mut self) -> Result<Option<Birth>, DiskError>;
    /// Writes the new file's content.
    fn fill(&mut self, bytes: &[u8]) -> Result<(), DiskError>;
    /// Makes the new file's content durable.
    fn sync(&mut self) -> Result<(), DiskError>;
    /// Puts the new file in the place of the old one.
    fn publish(&mut self) -> Result<(), DiskError>;
    /// Makes the replacement durable.
    fn sync_directory(&mut self) -> Result<(), DiskError>;
    /// Notes, durably, the generation that the file has reached. Until then nobody acts on it, so a kill before gives nothing back.
    fn note(&mut self, generation: u64) -> Result<(), DiskError>;
    /// The generation that was noted last. `None` when there is no note, or one that was copied here.
    fn noted(&mut self) -> Result<Option<u64>, DiskError>;
}

/// Why the file cannot be read or replaced.
#[derive(Debug, Error)]
pub enum DiskError {
    /// Others can read or write what must be the user's alone. The user or administrator has to look who did, and mend it.
    #[error("{path} is not safe to use: {why}")]
    Insecure {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Another hello works on the same directory.
    #[error("another hello is using {0}")]
    InUse(PathBuf),
    /// More bytes than hello ever writes.
    #[error("{0} is larger than hello ever writes it")]
    TooLarge(PathBuf),
    /// The kernel's: no space, no permission, a broken disk.
    #[error("cannot {action} {path}: {error}")]
    Kernel {
        /// What was tried.
        action: &'static str,
        /// On which directory or file.
        path: PathBuf,
        /// What the kernel said.
        error: io::Error,
    },
}

/// A directory of the user's (mode 0700) with one file (mode 0600), locked while in use.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    folder: Folder,
    /// The new file between `create` and `publish`.
    new: Option<NewFile>,
}

impl Directory {
    /// Opens the directory, made with mode 0700 if there is none (its parent must exist), and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, DiskError> {
        match mkdirat(CWD, path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(kernel("make", path)(error)),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = open(path, flags, Mode::empty()).map_err(kernel("open", path))?;
        let status = fstat(&directory).map_err(kernel("look at", path))?;
        private(&status, path)?;
        match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                folder: directory.into(),
                new: None,
            }),
            Err(Errno::WOULDBLOCK) => Err(DiskError::InUse(path.to_owned())),
            Err(error) => Err(kernel("lock", path)(error)),
        }
    }

    fn kernel<E: Into<io::Error>>(&self, action: &'static str, name: &str) -> impl FnOnce(E) -> DiskError + use<E> {
        kernel(action, self.path.join(name))
    }
}

impl Medium for Directory {
    fn read(&mut self) -> Result<Option<Found>, DiskError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.folder, NAME, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(self.kernel("open", NAME)(error)),
        };
        let path = self.path.join(NAME);
        let status = fstat(&file).map_err(self.kernel("look at", NAME))?;
        private(&status, &path)?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile || status.st_nlink != 1 {
            return Err(DiskError::Insecure {
                path,
                why: "it is not an ordinary file with one name",
            });
        }
        let mut bytes = vec![0; MAX_BYTES + 1];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match read(&file, rest).map_err(self.kernel("read", NAME))? {
                0 => break,
                more => filled = filled.saturating_add(more),
            }
        }
        if filled > MAX_BYTES {
            return Err(DiskError::TooLarge(path));
        }
        bytes.truncate(filled);
        let birth = birth(&file).map_err(self.kernel("look at", NAME))?;
        Ok(Some(Found { bytes, birth }))
    }

    fn create(&mut self) -> Result<Option<Birth>, DiskError> {
        // One that a killed process left behind is made anew, so that its mode and birth are ours.
        let file = self
            .folder
            .create(NAME.as_ref(), Access::Owner)
            .map_err(self.kernel("make", NEW_NAME))?;
        let birth = birth(&file).map_err(self.kernel("look at", NEW_NAME))?;
        self.new = Some(file);
        Ok(birth)
    }

    fn fill(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        let failed = self.kernel("write", NEW_NAME);
        let written = self.new.as_mut().map(|new| new.write_all(bytes));
        written.unwrap_or_else(not_created).map_err(failed)
    }

    fn sync(&mut self) -> Result<(), DiskError> {
        let synced = self.new.as_ref().map(NewFile::sync);
        synced
            .unwrap_or_else(not_created)
            .map_err(self.kernel("write", NEW_NAME))
    }

    fn publish(&mut self) -> Result<(), DiskError> {
        let published = self.new.take().map(|new| new.publish(&self.folder));
        published
            .unwrap_or_else(not_created)
            .map_err(self.kernel("replace", NAME))
    }

    fn sync_directory(&mut self) -> Result<(), DiskError> {
        self.folder.sync().map_err(self.kernel("write", "."))
    }

    fn note(&mut self, generation: u64) -> Result<(), DiskError> {
        let failed = |error: Errno| self.kernel("write", NOTE_NAME)(error);
        let (file, is_new) = match self.open_note(OFlags::empty()) {
            Err(Errno::NOENT) => (self.open_note(OFlags::CREATE | OFlags::EXCL).map_err(failed)?, true),
            opened => (opened.map_err(failed)?, false),
        };
        let birth = birth(&file).map_err(failed)?;
        let note = encode_note(generation, birth);
        if pwrite(&file, &note, 0).map_err(failed)? != note.len() {
            return Err(failed(Errno::NOSPC));
        }
        fdatasync(&file).map_err(failed)?;
        if is_new { self.sync_directory() } else { Ok(()) }
    }

    fn noted(&mut self) -> Result<Option<u64>, DiskError> {
        let failed = |error: Errno| self.kernel("read", NOTE_NAME)(error);
        let file = match self.open_note(OFlags::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let status = fstat(&file).map_err(failed)?;
        private(&status, &self.path.join(NOTE_NAME))?;
        let mut note = [0; NOTE_BYTES];
        let length = pread(&file, &mut note, 0).map_err(failed)?;
        let generation = u64::from_be_bytes(*note.first_chunk().unwrap_or(&[0; 8]));
        let born = birth(&file).map_err(failed)?;
        let is_ours = length == NOTE_BYTES && note == encode_note(generation, born);
        Ok(is_ours.then_some(generation))
    }
}

impl Directory {
    fn open_note(&self, more: OFlags) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        openat(&self.folder, NOTE_NAME, flags | more, Mode::RUSR | Mode::WUSR)
    }
}

fn encode_note(generation: u64, birth: Option<Birth>) -> [u8; NOTE_BYTES] {
    let (seconds, nanoseconds) = birth.map_or((0, 0), |birth| (birth.seconds, birth.nanoseconds));
    let mut note = [0; NOTE_BYTES];
    let fields = [
        &generation.to_be_bytes()[..],
        &seconds.to_be_bytes(),
        &nanoseconds.to_be_bytes(),
    ];
    note.iter_mut()
        .zip(fields.into_iter().flatten())
        .for_each(|(to, from)| *to = *from);
    note
}

fn kernel<E: Into<io::Error>>(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(E) -> DiskError {
    let path = path.into();
    move |error| DiskError::Kernel {
        action,
        path,
        error: error.into(),
    }
}

fn not_created() -> io::Result<()> {
    Err(io::Error::other("the new file was not created"))
}

/// Owned by the user, and nobody else may do anything with it.
fn private(status: &Stat, path: &Path) -> Result<(), DiskError> {
    let why = if status.st_uid != geteuid().as_raw() {
        "it belongs to another user"
    } else if Mode::from_raw_mode(status.st_mode).intersects(Mode::RWXG | Mode::RWXO) {
        "others have access to it (chmod go= takes it away)"
    } else {
        return Ok(());
    };
    Err(DiskError::Insecure {
        path: path.to_owned(),
        why,
    })
}

/// When the file was born; `None` where the file system does not know.
fn birth(file: impl AsFd) -> Result<Option<Birth>, Errno> {
    let status = statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::BTIME)?;
    let known = StatxFlags::from_bits_retain(status.stx_mask).contains(StatxFlags::BTIME);
    Ok(known.then_some(Birth {
        seconds: status.stx_btime.tv_sec,
        nanoseconds: status.stx_btime.tv_nsec,
    }))
}

/// Waits for the next tick of the kernel's clock, because files made within one tick are born at the same time.
#[cfg(test)]
pub(crate) fn next_tick() {
    use rustix::time::{ClockId, clock_gettime};
    let tick = || {
        let now = clock_gettime(ClockId::RealtimeCoarse);
        (now.tv_sec, now.tv_nsec)
    };
    let before = tick();
    while tick() == before {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn replace(directory: &mut Directory, bytes: &[u8]) -> Option<Birth> {
        let birth = directory.create().unwrap();
        directory.fill(bytes).unwrap();
        directory.sync().unwrap();
        directory.publish().unwrap();
        directory.sync_directory().unwrap();
        birth
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn replaces_as_a_whole_and_only_for_the_user() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("hello");
        let mut directory = Directory::open(&path).unwrap();
        assert!(directory.read().unwrap().is_none());
        let birth = replace(&mut directory, b"one");
        assert_eq!(
            directory.read().unwrap(),
            Some(Found {
                bytes: b"one".to_vec(),
                birth
            })
        );
        let birth = replace(&mut directory, b"two, longer");
        assert_eq!(
            directory.read().unwrap(),
            Some(Found {
                bytes: b"two, longer".to_vec(),
                birth
            })
        );
        assert_eq!((mode(&path), mode(&path.join(NAME))), (0o700, 0o600));
        assert!(!path.join(NEW_NAME).exists());
    }

    #[test]
    fn a_remainder_of_a_killed_process_is_swept_away() {
        let parent = tempfile::tempdir().unwrap();
        let mut directory = Directory::open(&parent.path().join("hello")).unwrap();
        fs::write(parent.path().join("hello").join(NEW_NAME), b"half a fi").unwrap();
        assert!(directory.read().unwrap().is_none());
        replace(&mut directory, b"one");
        assert_eq!(directory.read().unwrap().unwrap().bytes, b"one");
    }

    #[test]
    fn only_one_hello_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("hello");
        let first = Directory::open(&path).unwrap();
        assert!(matches!(Directory::open(&path), Err(DiskError::InUse(_))));
        drop(first);
        assert!(Directory::open(&path).is_ok());
    }

    #[test]
    fn what_others_can_reach_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("hello");
        fs::create_dir(&path).unwrap();
        for loose in [0o750, 0o701, 0o755] {
            fs::set_permissions(&path, fs::Permissions::from_mode(loose)).unwrap();
            assert!(
                matches!(Directory::open(&path), Err(DiskError::Insecure { .. })),
                "{loose:o}"
            );
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        let mut directory = Directory::open(&path).unwrap();
        let file = path.join(NAME);
        fs::write(&file, b"x").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(directory.read(), Err(DiskError::Insecure { .. })));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(directory.read().is_ok());
        fs::hard_link(&file, path.join("second")).unwrap();
        assert!(matches!(directory.read(), Err(DiskError::Insecure { .. })));
    }

    #[test]
    fn the_directory_may_be_behind_a_link_and_the_file_be_none() {
        let parent = tempfile::tempdir().unwrap();
        let (real, link) = (parent.path().join("real"), parent.path().join("link"));
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(Directory::open(&link).is_err(), "it leads nowhere");
        drop(Directory::open(&real).unwrap());
        let mut directory = Directory::open(&link).unwrap();
        let elsewhere = parent.path().join("elsewhere");
        fs::write(&elsewhere, b"x").unwrap();
        std::os::unix::fs::symlink(&elsewhere, real.join(NAME)).unwrap();
        assert!(directory.read().is_err());
        std::os::unix::fs::symlink(&elsewhere, real.join(NEW_NAME)).unwrap();
        replace(&mut directory, b"one");
        assert_eq!(fs::read(&elsewhere).unwrap(), b"x");
        fs::remove_file(real.join(NAME)).unwrap();
        fs::create_dir(real.join(NAME)).unwrap();
        fs::set_permissions(real.join(NAME), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(directory.read().is_err());
    }

    #[test]
    fn size_is_limited() {
        let parent = tempfile::tempdir().unwrap();
        let mut directory = Directory::open(&parent.path().join("hello")).unwrap();
        replace(&mut directory, &vec![7; MAX_BYTES]);
        assert_eq!(directory.read().unwrap().unwrap().bytes.len(), MAX_BYTES);
        replace(&mut directory, &vec![7; MAX_BYTES + 1]);
        assert!(matches!(directory.read(), Err(DiskError::TooLarge(_))));
    }

    #[test]
    fn a_copied_file_is_born_again() {
        let parent = tempfile::tempdir().unwrap();
        let mut directory = Directory::open(&parent.path().join("hello")).unwrap();
        let Some(birth) = replace(&mut directory, b"one") else {
            // A file system without birth times: nothing to tell apart, and that is what `None` says.
            return;
        };
        next_tick();
        let (file, copy) = (parent.path().join("hello").join(NAME), parent.path().join("copy"));
        fs::copy(&file, &copy).unwrap();
        fs::rename(&copy, &file).unwrap();
        let now = directory.read().unwrap().unwrap();
        assert_eq!(now.bytes, b"one");
        assert_ne!(now.birth, Some(birth));
    }
}
