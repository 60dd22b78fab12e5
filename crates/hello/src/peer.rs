//! Who is at the other end of the bus: the user's own process of an allowed executable, or nobody to talk to.
//!
//! Both sides check. Hello answers only processes of the allowed executable, so that no other program can spend tries or try PINs;
//! the client hands a PIN only to such a process, so that no program that took hello's name gets to see one. The bus says
//! which process is behind a name, `/proc` says what it runs, and a process descriptor tells whether it is still the same one.
//! The executable is compared as a file (device and inode), not as a path.
//!
//! The looker must not be in a Landlock domain and the one looked at must be dumpable, or the kernel hides what runs (`EACCES`)
//! and nobody is trusted: [`PeerError::Unknown`].
//!
//! In user mode this keeps out honest and clumsy programs. A malicious one of the same user can start the allowed
//! executable with `LD_PRELOAD` or attach a debugger to it; `SECURITY.md` says so, and the system tier is the answer to it.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::AsFd,
    process::{Pid, PidfdFlags, geteuid, pidfd_open},
};
use thiserror::Error;
use zbus::{
    Connection,
    fdo::DBusProxy,
    names::{BusName, UniqueName},
};

/// Whether the process behind `name` is the user's and runs `allowed`.
pub(crate) async fn check(connection: &Connection, name: &UniqueName<'_>, allowed: &Path) -> Result<(), PeerError> {
    let bus = DBusProxy::new(connection).await?;
    let credentials = bus
        .get_connection_credentials(BusName::Unique(name.clone()))
        .await
        .map_err(zbus::Error::from)?;
    if credentials.unix_user_id() != Some(geteuid().as_raw()) {
        return Err(PeerError::OtherUser);
    }
    let pid = credentials.process_id().ok_or(PeerError::Unknown)?;
    // Buses before dbus 1.15.8 do not pass a descriptor; then it is opened now, and a process that ended since it
    // connected, with its number taken by another, could be mistaken.
    if let Some(descriptor) = credentials.process_fd() {
        return compare(pid, descriptor, allowed);
    }
    let number = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or(PeerError::Unknown)?;
    let descriptor = pidfd_open(number, PidfdFlags::empty()).map_err(|_| PeerError::Gone)?;
    compare(pid, &descriptor, allowed)
}

/// Why a process is not talked to. The fault of whoever started it.
#[derive(Debug, Error)]
pub enum PeerError {
    /// It runs as another user.
    #[error("the process belongs to another user")]
    OtherUser,
    /// It runs another executable, or one that was replaced on disk since it started: restart it then.
    #[error("the process does not run the allowed executable")]
    OtherExecutable,
    /// It ended meanwhile.
    #[error("the process is gone")]
    Gone,
    /// The bus does not say which process it is, or the process hides what it runs (it is not dumpable).
    #[error("it cannot be found out what the process runs")]
    Unknown,
    /// The bus failed.
    #[error(transparent)]
    Bus(#[from] zbus::Error),
}

fn compare(pid: u32, descriptor: impl AsFd, allowed: &Path) -> Result<(), PeerError> {
    let running = fs::metadata(format!("/proc/{pid}/exe")).map_err(|_| PeerError::Unknown)?;
    let allowed = fs::metadata(allowed).map_err(|_| PeerError::OtherExecutable)?;
    // Readable means ended: the number may have been another process's already.
    let mut polled = [PollFd::new(&descriptor, PollFlags::IN)];
    match poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
        Ok(0) => {}
        _ => return Err(PeerError::Gone),
    }
    if (running.dev(), running.ino()) == (allowed.dev(), allowed.ino()) {
        Ok(())
    } else {
        Err(PeerError::OtherExecutable)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn compares_the_running_file() {
        let own = std::env::current_exe().unwrap();
        let (pid, descriptor) = open(std::process::id());
        assert!(compare(pid, &descriptor, &own).is_ok());
        assert!(matches!(
            compare(pid, &descriptor, Path::new("/bin/sh")),
            Err(PeerError::OtherExecutable)
        ));
        assert!(matches!(
            compare(pid, &descriptor, Path::new("/nowhere")),
            Err(PeerError::OtherExecutable)
        ));
        // A link to it is the same file; a copy is another one.
        let directory = tempfile::tempdir().unwrap();
        let (link, copy) = (directory.path().join("link"), directory.path().join("copy"));
        std::os::unix::fs::symlink(&own, &link).unwrap();
        fs::copy(&own, &copy).unwrap();
        assert!(compare(pid, &descriptor, &link).is_ok());
        assert!(matches!(
            compare(pid, &descriptor, &copy),
            Err(PeerError::OtherExecutable)
        ));
    }

    #[test]
    fn an_ended_process_is_nobody() {
        let mut child = Command::new("/bin/cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let (_, descriptor) = open(child.id());
        drop(child.stdin.take());
        child.wait().unwrap();
        // The number is given to a living process of the right executable; the descriptor knows better.
        let own = std::env::current_exe().unwrap();
        assert!(matches!(
            compare(std::process::id(), &descriptor, &own),
            Err(PeerError::Gone)
        ));
    }

    fn open(pid: u32) -> (u32, rustix::fd::OwnedFd) {
        let number = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        (pid, pidfd_open(number, PidfdFlags::empty()).unwrap())
    }
}
