//! Who sits at this machine: what logind (or elogind) writes about its seats, and when it changes.
//!
//! The files are those that libsystemd's `sd_seat_get_active` and `sd_login_monitor` read. They tell the same as
//! `org.freedesktop.login1` without a bus connection, which would need memory, a socket and trust in a third process.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};

/// The users of active sessions. It becomes readable when something changed; [`refresh`](Self::refresh) then.
#[derive(Debug)]
pub struct Seats {
    directory: PathBuf,
    changes: OwnedFd,
    active: Vec<u32>,
}

impl Seats {
    /// Where logind keeps one file for each seat.
    pub const DIRECTORY: &'static str = "/run/systemd/seats";

    /// Begins to watch `directory`: outside tests [`DIRECTORY`](Self::DIRECTORY).
    ///
    /// # Errors
    ///
    /// The machine: there is no such directory, because there is no logind.
    pub fn watch(directory: &Path) -> io::Result<Self> {
        let changes = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        // logind writes a new file and renames it.
        let writes = WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE | WatchFlags::DELETE | WatchFlags::DELETE_SELF;
        add_watch(&changes, directory, writes | WatchFlags::ONLYDIR)?;
        let mut seats = Self {
            directory: directory.to_owned(),
            changes,
            active: Vec::new(),
        };
        seats.refresh();
        Ok(seats)
    }

    /// Whether this user has the active session of a seat.
    pub fn is_active(&self, uid: u32) -> bool {
        self.active.contains(&uid)
    }

    /// Reads again. When nothing can be read, nobody is active.
    pub fn refresh(&mut self) {
        // What changed does not matter, only that the log of changes is empty before the files are read.
        let mut changes = [0; 4096];
        while rustix::io::read(&self.changes, &mut changes[..]).is_ok_and(|length| length > 0) {}
        self.active = read(&self.directory).unwrap_or_else(|error| {
            tracing::warn!(%error, directory = %self.directory.display(), "cannot read who is active");
            Vec::new()
        });
    }
}

impl AsFd for Seats {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.changes.as_fd()
    }
}

fn read(directory: &Path) -> io::Result<Vec<u32>> {
    let mut active = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // Files that begin with a dot are not finished.
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        match fs::read_to_string(entry.path()) {
            Ok(seat) => active.extend(active_user(&seat)),
            // A seat that just went away.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(active)
}

/// The user of the seat's active session, if it has one.
fn active_user(seat: &str) -> Option<u32> {
    seat.lines()
        .find_map(|line| line.strip_prefix("ACTIVE_UID="))
        .and_then(|uid| uid.parse().ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// As logind 252 writes it.
    const SEAT: &str = "# This is private data. Do not parse.\nIS_SEAT0=1\nCAN_MULTI_SESSION=1\nCAN_TTY=1\nCAN_GRAPHICAL=1\n\
                        ACTIVE=2\nACTIVE_UID=1000\nSESSIONS=2 c1\nUIDS=1000 120\n";

    #[test]
    fn the_active_session_s_user_is_found_and_no_other() {
        assert_eq!(active_user(SEAT), Some(1000));
        for without in [
            "",
            "IS_SEAT0=1\nUIDS=1000\n",
            "ACTIVE_UID=\n",
            "ACTIVE_UID=-1\n",
            "ACTIVE_UID=4294967296\n",
            "XACTIVE_UID=7\n",
        ] {
            assert_eq!(active_user(without), None, "{without:?}");
        }
    }

    #[test]
    fn a_change_shows_and_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let mut seats = Seats::watch(directory.path()).unwrap();
        assert!(!seats.is_active(1000));
        let write = |seat: &str, text: &str| {
            fs::write(directory.path().join(".#new"), text).unwrap();
            fs::rename(directory.path().join(".#new"), directory.path().join(seat)).unwrap();
        };
        write("seat0", SEAT);
        write("seat-usb", "ACTIVE_UID=1001\n");
        seats.refresh();
        assert!(seats.is_active(1000) && seats.is_active(1001) && !seats.is_active(120));
        write("seat0", "ACTIVE_UID=120\n");
        seats.refresh();
        assert!(!seats.is_active(1000) && seats.is_active(120));
    }

    #[test]
    fn without_the_directory_nobody_is_active() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("seats");
        assert!(Seats::watch(&path).is_err());
        fs::create_dir(&path).unwrap();
        fs::write(path.join("seat0"), SEAT).unwrap();
        let mut seats = Seats::watch(&path).unwrap();
        assert!(seats.is_active(1000));
        fs::remove_dir_all(&path).unwrap();
        seats.refresh();
        assert!(!seats.is_active(1000));
    }
}
