//! The steps of which a replacement consists, by descriptors relative to the folder.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, fsync, open, openat, renameat, symlinkat, unlinkat};
use rustix::io::Errno;

/// Whom a new file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The user only (mode 0600).
    Owner,
    /// Everyone may read it (mode 0644, less what the umask takes away).
    Everyone,
}

/// An open folder in which files are replaced.
#[derive(Debug)]
pub struct Folder(OwnedFd);

/// A new file that has not yet taken its place.
#[derive(Debug)]
pub struct NewFile {
    name: OsString,
    file: File,
}

impl Folder {
    /// The folder of `path`, and the name of `path` in it.
    pub fn of(path: &Path) -> io::Result<(Self, &OsStr)> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = open(folder.unwrap_or(Path::new(".")), flags, Mode::empty())?;
        Ok((Self(handle), name))
    }

    /// Makes an empty file beside the one of this name, whether there is one or not.
    pub fn create(&self, name: &OsStr, access: Access) -> io::Result<NewFile> {
        let new = self.free(name)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = match access {
            Access::Owner => Mode::RUSR | Mode::WUSR,
            Access::Everyone => Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH,
        };
        Ok(NewFile {
            name: name.to_owned(),
            file: openat(&self.0, new, flags, mode)?.into(),
        })
    }

    /// Makes durable what was put in its place.
    pub fn sync(&self) -> io::Result<()> {
        Ok(fsync(&self.0)?)
    }

    /// Puts a symbolic link to `target` in the place of this name.
    pub(crate) fn link(&self, name: &OsStr, target: &Path) -> io::Result<()> {
        let new = self.free(name)?;
        symlinkat(target, &self.0, &new)?;
        Ok(renameat(&self.0, new, &self.0, name)?)
    }

    /// The name beside this one, with nothing under it any more.
    fn free(&self, name: &OsStr) -> io::Result<OsString> {
        let new = beside(name);
        match unlinkat(&self.0, &new, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(new),
            Err(error) => Err(error.into()),
        }
    }
}

impl From<OwnedFd> for Folder {
    /// A folder that the caller has opened and looked at.
    fn from(handle: OwnedFd) -> Self {
        Self(handle)
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl NewFile {
    /// Makes the content durable.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Puts the file in its place, in the folder that it was made in.
    pub fn publish(self, folder: &Folder) -> io::Result<()> {
        Ok(renameat(folder, beside(&self.name), folder, &self.name)?)
    }
}

impl AsFd for NewFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn beside(name: &OsStr) -> OsString {
    let mut new = name.to_owned();
    new.push(".new");
    new
}
