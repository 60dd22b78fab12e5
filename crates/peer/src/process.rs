//! Processes as `/proc` and pidfds tell of them.
//!
//! A process id may be used again between two questions, so every reading is bracketed: a pidfd comes first, the start time is read
//! before and after, and at the end the pidfd must still be alive.
//!
//! What `/proc/PID/exe` *says* proves nothing: in a mount namespace of its own, which anybody may make, a process puts any file at
//! any path. A program is told by the file that runs ([`Process::file`], read through `/proc/PID/exe` and not by its name), compared with
//! the file that the looker finds where the program is installed.

use std::fs::Metadata;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::PeerError;

/// Which file an executable is, independent of its name: a replaced program differs, a renamed one does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct FileId {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change of the content, nanoseconds since 1970.
    pub modified_ns: i64,
}

impl FileId {
    /// The file at `path`, symbolic links followed.
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::from(&std::fs::metadata(path)?))
    }
}

impl From<&Metadata> for FileId {
    fn from(meta: &Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified_ns: meta
                .mtime()
                .saturating_mul(1_000_000_000)
                .saturating_add(meta.mtime_nsec()),
        }
    }
}

/// A process at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its parent's id; 0 if it has none here.
    pub parent: u32,
    /// When it started, in clock ticks since boot: together with the id it names a process for good.
    pub started: u64,
    /// What it runs, as `/proc/PID/exe` names it: to be shown, never to be believed. A program that was replaced while it runs ends
    /// in ` (deleted)`.
    pub executable: PathBuf,
    /// Which file that is.
    pub file: FileId,
}

impl Process {
    /// Reads process `pid`; whatever is returned was all true at the same time.
    pub fn read(pid: u32) -> Result<Self, PeerError> {
        let before = Stat::read(pid)?;
        let link = PathBuf::from(format!("/proc/{pid}/exe"));
        let failed = |error: &io::Error| match error.kind() {
            io::ErrorKind::NotFound => PeerError::Gone,
            io::ErrorKind::PermissionDenied => PeerError::Hidden(pid),
            _ => PeerError::Proc {
                pid,
                what: error.to_string(),
            },
        };
        let executable = std::fs::read_link(&link).map_err(|error| failed(&error))?;
        let file = FileId::of(&link).map_err(|error| failed(&error))?;
        if Stat::read(pid)? != before {
            return Err(PeerError::Gone);
        }
        Ok(Self {
            pid,
            parent: before.parent,
            started: before.started,
            executable,
            file,
        })
    }

    /// Whether it runs the file that the broker finds at `path`.
    pub fn runs(&self, path: &Path) -> bool {
        FileId::of(path).is_ok_and(|file| file == self.file)
    }

    /// The path that its program had before it was replaced or removed, if `/proc` says that it was.
    pub fn replaced_program(&self) -> Option<PathBuf> {
        self.executable.to_str()?.strip_suffix(" (deleted)").map(PathBuf::from)
    }

    /// The parent, which must still be the parent when it has been read.
    pub fn read_parent(&self) -> Result<Self, PeerError> {
        let parent = Self::read(self.parent)?;
        let now = Stat::read(self.pid)?;
        if now.parent == self.parent && now.started == self.started {
            Ok(parent)
        } else {
            Err(PeerError::Gone)
        }
    }
}

/// What of `/proc/PID/stat` matters here.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    started: u64,
}

impl Stat {
    fn read(pid: u32) -> Result<Self, PeerError> {
        match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(text) => Self::parse(&text).ok_or_else(|| PeerError::Proc {
                pid,
                what: "its stat has another form".into(),
            }),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound) => Err(PeerError::Gone),
            // A process that ends while it is read.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => Err(PeerError::Gone),
            Err(error) => Err(PeerError::Proc {
                pid,
                what: error.to_string(),
            }),
        }
    }

    /// proc(5): field 2 is the name in parentheses and may hold anything, parentheses too; 3 state, 4 parent, 22 start time.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        // A zombie has no executable and answers nobody.
        if matches!(fields.next()?, "Z" | "X") {
            return None;
        }
        let parent = fields.next()?.parse().ok()?;
        let started = fields.nth(17)?.parse().ok()?;
        Some(Self { parent, started })
    }
}

/// Reads process `pid`, whose handle is `pidfd`. The handle does not keep the id from being used again: what was read is this
/// process's only if it still lives afterwards.
pub(crate) fn read_alive(pid: u32, pidfd: &OwnedFd) -> Result<Process, PeerError> {
    let process = Process::read(pid)?;
    if alive(pidfd) {
        Ok(process)
    } else {
        Err(PeerError::Gone)
    }
}

/// Whether the process of a pidfd still runs: the descriptor becomes readable when it ends.
pub(crate) fn alive(pidfd: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(pidfd, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut fds, Some(&now)), Ok(0))
}

/// The process id behind a pidfd, from its fdinfo; `None` if it ended.
pub(crate) fn pidfd_target(pidfd: &OwnedFd) -> Option<u32> {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_fd().as_raw_fd())).ok()?;
    info.lines()
        .find_map(|line| line.strip_prefix("Pid:"))
        .and_then(|pid| pid.trim().parse().ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::process::Command;

    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    use super::*;

    #[test]
    fn own_process_is_read() {
        let own = Process::read(std::process::id()).unwrap();
        assert_eq!(own.executable, std::env::current_exe().unwrap());
        assert_eq!(own.file, FileId::of(&own.executable).unwrap());
        assert_eq!(own.parent, std::os::unix::process::parent_id());
        assert!(own.started > 0);
    }

    #[test]
    fn child_names_its_parent_until_it_ends() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::read(child.id()).unwrap();
        assert_eq!(process.read_parent().unwrap().pid, std::process::id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(matches!(Process::read(child.id()), Err(PeerError::Gone)));
        assert!(process.read_parent().is_err());
    }

    #[test]
    fn ended_process_shows_in_its_handle() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
        let handle = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        assert!(alive(&handle));
        assert_eq!(pidfd_target(&handle), Some(child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!alive(&handle));
        assert_eq!(pidfd_target(&handle), None);
    }

    #[test]
    fn an_id_that_is_used_again_names_nobody() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let handle = pidfd_open(Pid::from_raw(child.id().cast_signed()).unwrap(), PidfdFlags::empty()).unwrap();
        assert_eq!(read_alive(child.id(), &handle).unwrap().pid, child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        // As if this process had got the child's id.
        assert!(matches!(read_alive(std::process::id(), &handle), Err(PeerError::Gone)));
    }

    #[test]
    fn stat_with_a_hostile_name_is_parsed() {
        let stat = "42 (a) R 1 2) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 8192 100 18446744073709551615";
        assert_eq!(
            Stat::parse(stat),
            Some(Stat {
                parent: 7,
                started: 987_654
            })
        );
        assert_eq!(
            Stat::parse("42 (a) Z 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 0"),
            None
        );
        assert_eq!(Stat::parse("42 (a"), None);
        assert_eq!(Stat::parse(""), None);
    }
}
