//! Small files that are never seen half written: how every role replaces and reads its state.
//!
//! A file is replaced whole: the new content is written beside it under the name with `.new` behind, forced to the disk, and
//! renamed; then the folder is forced to the disk. What an earlier crash left under that name is swept away, because it may have
//! other permissions. Nothing here follows a symbolic link that stands in a file's own place; the folders above it may be links,
//! as they are where `/home` is one.
//!
//! [`replace_private`] is what most callers want. Those that do something between the steps take [`Folder`] and [`NewFile`]; a file
//! that is changed in place, or locked, is opened by [`open`], and whoever opens by another library's hand gives it what
//! [`resolve`] says.
//! What the content means, and whether others may have touched it, is for the caller to judge.

mod folder;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;

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

/// Opens an ordinary file as `options` say; one that they make is for the user only (mode 0600). Does not wait for the other
/// end of a pipe.
///
/// # Errors
/// Besides the kernel's: [`io::ErrorKind::InvalidData`] when it is no file at all but a link, a folder, a pipe.
pub fn open(path: &Path, options: &OpenOptions) -> io::Result<File> {
    let not_a_file = || io::Error::new(io::ErrorKind::InvalidData, "it is not an ordinary file");
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = match options.clone().mode(0o600).custom_flags(flags).open(path) {
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => return Err(not_a_file()),
        opened => opened?,
    };
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(not_a_file())
    }
}

/// The same place by a path on which no folder is a link, for a library that refuses links anywhere on the way. The file itself
/// need not exist, and stays a link if it is one.
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok(folder.unwrap_or(Path::new(".")).canonicalize()?.join(name))
}

/// The content of a file of at most `limit` bytes, or `None` if there is no such file.
///
/// # Errors
/// Besides the kernel's: [`io::ErrorKind::InvalidData`] when the file is larger, or is no file at all but a link, a folder, a pipe.
pub fn read(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match open(path, OpenOptions::new().read(true)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut content = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut content)?;
    if u64::try_from(content.len()).is_ok_and(|length| length <= limit) {
        Ok(Some(content))
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "the file is too large"))
    }
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
        assert_eq!(read(&pipe, 10).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(read(dir.path(), 10).unwrap_err().kind(), io::ErrorKind::InvalidData);
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
