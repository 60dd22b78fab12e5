//! Small files that are never seen half written: how every role replaces and reads its state.
//!
//! A file is replaced whole: the new content is written beside it under the name with `.new` behind, forced to the disk, and
//! renamed; then the folder is forced to the disk. What an earlier crash left under that name is swept away, because it may have
//! other permissions. Nothing here follows a symbolic link that stands in a file's own place; the folders above it may be links,
//! as they are where `/home` is one.
//!
//! [`replace_private`] is what most callers want. Those that do something between the steps take [`Folder`] and [`NewFile`]; a file
//! that is changed in place, or locked, is opened by [`open`], and whoever opens by another library's hand gives it what
//! [`resolve`] says. What cannot be used is not replaced but [set aside](set_aside).
//! What the content means, and whether others may have touched it, is for the caller to judge.

mod aside;
mod folder;

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;

pub use aside::{ASIDE_MARK, set_aside};
pub use folder::{Access, Folder, NewFile};

/// How much a write must survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A crash of the program: old or new content, never a mixture. After a power cut the file may be empty.
    Crash,
    /// A power cut too; costs a wait for the disk.
    PowerCut,
}

/// Replaces the file at `path` in one step, readable and writable by the user only (mode 0600).
pub fn replace_private(path: &Path, content: &[u8], durability: Durability) -> io::Result<()> {
    replace(path, content, Access::Owner, durability)
}

/// Replaces the file at `path` in one step and durably, readable by everyone whom the umask lets (mode 0644).
pub fn replace_public(path: &Path, content: &[u8]) -> io::Result<()> {
    replace(path, content, Access::Everyone, Durability::PowerCut)
}

/// Puts a symbolic link to `target` in the place of what is at `path`, in one step and durably.
pub fn replace_link(path: &Path, target: &Path) -> io::Result<()> {
    let (folder, name) = Folder::of(path)?;
    folder.link(name, target)?;
    folder.sync()
}

/// Gives the finished file `new` the name `path` in the same folder, durably; what has the name already is replaced.
pub fn publish(new: &Path, path: &Path) -> io::Result<()> {
    std::fs::rename(new, path)?;
    Folder::of(path)?.0.sync()
}

/// Why [`read`] did not take what is there. [`Unfit::of`] finds it in the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It is a link, a folder, a pipe, a socket or a device.
    NotAFile,
    /// It is longer than the limit.
    TooLarge,
}

impl Unfit {
    /// The reason in an error of [`read`] or [`read_followed`], unless it is the kernel's own.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAFile => "it is not an ordinary file",
            Self::TooLarge => "the file is too large",
        })
    }
}

impl std::error::Error for Unfit {}

impl From<Unfit> for io::Error {
    fn from(unfit: Unfit) -> Self {
        Self::new(io::ErrorKind::InvalidData, unfit)
    }
}

/// Opens an ordinary file as `options` say; one that they make is for the user only (mode 0600). Waits for nobody, whatever is there.
///
/// # Errors
/// Besides the kernel's: [`io::ErrorKind::InvalidData`] with [`Unfit::NotAFile`].
pub fn open(path: &Path, options: &OpenOptions) -> io::Result<File> {
    open_with(path, options, OFlags::NOFOLLOW)
}

/// The same place by a path on which no folder is a link, for a library that refuses links anywhere on the way. The file itself
/// need not exist, and stays a link if it is one.
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok(folder.unwrap_or(Path::new(".")).canonicalize()?.join(name))
}

/// The content of a file of at most `limit` bytes, or `None` if there is no such file. Waits for nobody, whatever is there.
///
/// # Errors
/// Besides the kernel's: [`io::ErrorKind::InvalidData`] with the reason, see [`Unfit`].
pub fn read(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    read_limited(open(path, OpenOptions::new().read(true)), limit)
}

/// The same, but a symbolic link in the file's place is followed: for files that people and packages put there.
///
/// # Errors
/// As [`read`].
pub fn read_followed(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    read_limited(open_with(path, OpenOptions::new().read(true), OFlags::empty()), limit)
}

/// Removes a file that may or may not exist.
pub fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a folder, and those above it, for the user only (mode 0700). One that is there already stays as it is.
pub fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn open_with(path: &Path, options: &OpenOptions, flags: OFlags) -> io::Result<File> {
    let flags = (flags | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let opened = options.clone().mode(0o600).custom_flags(flags).open(path);
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        // A link; a folder to be written; a socket, or a pipe to be written.
        Some(Errno::LOOP | Errno::ISDIR | Errno::NXIO) => Unfit::NotAFile.into(),
        _ => error,
    })?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(Unfit::NotAFile.into())
    }
}

fn read_limited(opened: io::Result<File>, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut content = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut content)?;
    if u64::try_from(content.len()).is_ok_and(|length| length <= limit) {
        Ok(Some(content))
    } else {
        Err(Unfit::TooLarge.into())
    }
}

fn replace(path: &Path, content: &[u8], access: Access, durability: Durability) -> io::Result<()> {
    let (folder, name) = Folder::of(path)?;
    let mut new = folder.create(name, access)?;
    new.write_all(content)?;
    match durability {
        Durability::Crash => new.publish(&folder),
        Durability::PowerCut => {
            new.sync()?;
            new.publish(&folder)?;
            folder.sync()
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::PathBuf;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<PathBuf> {
        let names = fs::read_dir(folder).unwrap();
        names.map(|entry| entry.unwrap().file_name().into()).collect()
    }

    #[test]
    fn replaced_files_are_private_and_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        assert_eq!(read(&path, 10).unwrap(), None);
        fs::write(dir.path().join("state.new"), "left behind").unwrap();
        replace_private(&path, b"one", Durability::PowerCut).unwrap();
        replace_private(&path, b"two", Durability::Crash).unwrap();
        assert_eq!(read(&path, 3).unwrap().unwrap(), b"two");
        assert!(read(&path, 2).is_err());
        assert_eq!(mode(&path), 0o600);
        assert_eq!(names(dir.path()), [Path::new("state")]);
        remove(&path).unwrap();
        remove(&path).unwrap();
    }

    #[test]
    fn public_files_are_for_others_to_read_and_not_to_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.json");
        replace_private(&path, b"old", Durability::Crash).unwrap();
        replace_public(&path, b"new").unwrap();
        assert_eq!(
            (mode(&path) & 0o633, fs::read(&path).unwrap()),
            (0o600, b"new".to_vec())
        );
    }

    #[test]
    fn a_link_in_a_file_s_place_is_neither_read_nor_written_through() {
        let dir = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (dir.path().join("state"), dir.path().join("elsewhere"));
        fs::write(&elsewhere, "theirs").unwrap();
        symlink(&elsewhere, &path).unwrap();
        assert_eq!(read(&path, 10).unwrap_err().kind(), io::ErrorKind::InvalidData);
        symlink(&elsewhere, dir.path().join("state.new")).unwrap();
        replace_private(&path, b"ours", Durability::Crash).unwrap();
        assert_eq!(read(&path, 10).unwrap().unwrap(), b"ours");
        assert_eq!(fs::read(&elsewhere).unwrap(), b"theirs");
        symlink(&elsewhere, dir.path().join("config")).unwrap();
        assert_eq!(
            read_followed(&dir.path().join("config"), 10).unwrap().unwrap(),
            b"theirs"
        );
        assert_eq!(read_followed(&dir.path().join("nothing"), 10).unwrap(), None);
    }

    #[test]
    fn the_folder_may_be_behind_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        make_folder(&real.join("below")).unwrap();
        assert_eq!(mode(&real), 0o700);
        symlink(&real, &link).unwrap();
        let path = link.join("below/state");
        replace_private(&path, b"one", Durability::PowerCut).unwrap();
        assert_eq!(read(&path, 10).unwrap().unwrap(), b"one");
        let resolved = resolve(&path).unwrap();
        assert_eq!(resolved, real.canonicalize().unwrap().join("below/state"));
        assert_eq!(
            resolve(&link).unwrap().file_name(),
            Some("link".as_ref()),
            "the file itself is not followed"
        );
        assert!(resolve(&link.join("none/state")).is_err());
    }

    #[test]
    fn a_file_is_changed_in_place_only_where_it_is_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        for line in ["one\n", "two\n"] {
            open(&path, &options).unwrap().write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n");
        assert_eq!(mode(&path), 0o600);
        symlink(&path, dir.path().join("link")).unwrap();
        for other in [dir.path(), &dir.path().join("link"), Path::new("/dev/null")] {
            let refused = open(other, OpenOptions::new().read(true)).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{}", other.display());
        }
        let absent = open(&dir.path().join("none"), OpenOptions::new().read(true)).unwrap_err();
        assert_eq!(absent.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        let unfit = |path: &Path| {
            (
                Unfit::of(&read(path, 10).unwrap_err()),
                Unfit::of(&read_followed(path, 10).unwrap_err()),
            )
        };
        assert_eq!(unfit(&pipe), (Some(Unfit::NotAFile), Some(Unfit::NotAFile)));
        assert_eq!(unfit(dir.path()), (Some(Unfit::NotAFile), Some(Unfit::NotAFile)));
        let link = dir.path().join("link");
        symlink("pipe", &link).unwrap();
        assert_eq!(unfit(&link), (Some(Unfit::NotAFile), Some(Unfit::NotAFile)));
        // Endless, and a device.
        assert_eq!(
            unfit(Path::new("/dev/zero")),
            (Some(Unfit::NotAFile), Some(Unfit::NotAFile))
        );
        let socket = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(read(&socket, 10).is_err() && read_followed(&socket, 10).is_err());
        let sparse = dir.path().join("sparse");
        fs::File::create(&sparse).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(unfit(&sparse), (Some(Unfit::TooLarge), Some(Unfit::TooLarge)));
        assert!(replace_private(Path::new("/"), b"", Durability::Crash).is_err());
    }

    #[test]
    fn links_and_finished_files_take_another_s_place() {
        let dir = tempfile::tempdir().unwrap();
        let (path, new) = (dir.path().join("state"), dir.path().join("state.unpublished"));
        fs::write(&path, "old").unwrap();
        replace_link(&path, Path::new("target")).unwrap();
        assert_eq!(fs::read_link(&path).unwrap(), Path::new("target"));
        replace_link(&path, Path::new("other")).unwrap();
        assert_eq!(fs::read_link(&path).unwrap(), Path::new("other"));
        fs::write(&new, "finished").unwrap();
        publish(&new, &path).unwrap();
        assert_eq!(read(&path, 10).unwrap().unwrap(), b"finished");
        assert_eq!(names(dir.path()), [Path::new("state")]);
    }
}
