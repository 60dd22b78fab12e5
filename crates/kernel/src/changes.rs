//! Waiting for what inotify tells, on a tokio runtime. What changed is for the one who waits to look at: files say how things are,
//! the kernel's log of changes only that it is time to look.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
use tokio::net::unix::pipe::Receiver;

/// A log of changes that somebody waits for.
#[derive(Debug)]
pub struct Changes {
    /// tokio has no type for the log's descriptor that needs no `unsafe`; this one's calls do what they should.
    log: Receiver,
}

impl Changes {
    /// Watches what happens in a directory. Call it within a tokio runtime that has I/O enabled.
    ///
    /// # Errors
    ///
    /// The machine: there is no such directory, or the user watches too many things already.
    pub fn watch(directory: &Path, what: WatchFlags) -> io::Result<Self> {
        let log = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        add_watch(&log, directory, what | WatchFlags::ONLYDIR)?;
        Self::of(log)
    }

    /// Waits for a log that is there already and does not block.
    ///
    /// # Errors
    ///
    /// The machine: the descriptor cannot be waited for.
    pub fn of(log: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            log: Receiver::from_owned_fd_unchecked(log)?,
        })
    }

    /// Waits for a change since the last call and takes all that there were out of the log. Look again after it, also when nothing
    /// seems to have happened.
    ///
    /// # Errors
    ///
    /// The machine: nobody tells any more.
    pub async fn next(&self) -> io::Result<()> {
        self.log.readable().await?;
        while self.log.try_read(&mut [0; 4096]).is_ok_and(|length| length > 0) {}
        Ok(())
    }
}
