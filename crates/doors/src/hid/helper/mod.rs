//! The helper's work: it stands between the users' sockets and the kernel's device, and decides who gets a key.
//!
//! One thread waits for everything at once. It holds no secret and understands nothing of what it passes on; reports are bytes to it.
//!
//! * A peer is known by the credentials that the kernel gives for its socket. It gets a key if it is the [user of an active
//!   session](Seats), loses it when that session goes to the background, and has one at a time.
//! * Nobody makes it keep much: what a user sends waits in the socket until the programs had [time to read](claviger_kernel::pace), and what
//!   programs send waits for the user's side in a queue with an end. Behind that end the kernel drops reports, as it does for any
//!   HID device that is not read; a user's side that reads nothing for ten seconds loses its key.

mod connection;
mod seats;

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

use claviger_kernel::uhid::{Device, Identity};
use connection::Connection;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with, sockopt};

pub use seats::Seats;

/// Most keys at a time. Seats are fewer; the limit is for a test bed that serves everybody.
const MAX_KEYS: usize = 16;

/// How often refusals are written to the log.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// Who may have a key.
#[derive(Debug)]
pub enum Users {
    /// The users of active sessions.
    Active(Seats),
    /// Everybody: only for tests on machines without seats.
    Any,
}

/// The helper. `open` opens the kernel's device, once for each key.
#[derive(Debug)]
pub struct Helper<Open> {
    listener: OwnedFd,
    users: Users,
    open: Open,
    connections: Vec<Connection>,
    refusals: Refusals,
}

impl<Open: FnMut() -> io::Result<File>> Helper<Open> {
    /// Takes a listening `SOCK_SEQPACKET` socket that does not block.
    pub fn new(listener: OwnedFd, users: Users, open: Open) -> Self {
        Self {
            listener,
            users,
            open,
            connections: Vec::new(),
            refusals: Refusals::default(),
        }
    }

    /// Serves for good. The end of the process is the end of all keys.
    ///
    /// # Errors
    ///
    /// The system, if it does not let it listen or wait. What goes wrong with one user ends that user's key only.
    pub fn run(mut self) -> io::Result<Infallible> {
        loop {
            self.turn()?;
        }
    }

    /// Waits until something happens, and deals with it.
    fn turn(&mut self) -> io::Result<()> {
        let mut happened = self.wait()?.into_iter();
        let mut next = || happened.next().unwrap_or(PollFlags::empty());
        let (knocking, seats_changed) = (next(), next());
        let per_connection: Vec<_> = self.connections.iter().map(|_| (next(), next())).collect();

        if !seats_changed.is_empty() {
            self.look_at_seats();
        }
        let now = Instant::now();
        let mut happened = per_connection.into_iter();
        self.connections.retain_mut(|connection| {
            let (at_socket, at_device) = happened.next().unwrap_or((PollFlags::empty(), PollFlags::empty()));
            connection.serve(at_socket, at_device, now)
        });
        self.dismiss();
        if knocking.is_empty() { Ok(()) } else { self.welcome() }
    }

    /// What happened at the listener, the seats, and each connection's socket and device, in this order.
    fn wait(&self) -> io::Result<Vec<PollFlags>> {
        let now = Instant::now();
        let seats = match &self.users {
            Users::Active(seats) => PollFd::new(seats, PollFlags::IN),
            // Something has to stand in this place; nothing can happen to it that is not looked at anyway.
            Users::Any => PollFd::new(&self.listener, PollFlags::empty()),
        };
        let mut fds = vec![PollFd::new(&self.listener, PollFlags::IN), seats];
        for connection in &self.connections {
            fds.extend(connection.interests(now));
        }
        let until = self
            .connections
            .iter()
            .filter_map(|connection| connection.deadline(now))
            .min();
        let timeout = until.and_then(|wait| Timespec::try_from(wait).ok());
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(fds.iter().map(PollFd::revents).collect()),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads again who is active.
    fn look_at_seats(&mut self) {
        if let Users::Active(seats) = &mut self.users {
            seats.refresh();
        }
    }

    /// Ends the keys of those who are not active any more.
    fn dismiss(&mut self) {
        let users = &self.users;
        self.connections.retain(|connection| {
            let stays = users.include(connection.uid());
            if !stays {
                connection.ended(&"the user's session is not active any more");
            }
            stays
        });
    }

    /// Accepts those who wait at the socket, if only to refuse; not so many at once that the others wait for long.
    fn welcome(&mut self) -> io::Result<()> {
        for _ in 0..MAX_KEYS {
            match accept_with(&self.listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok(socket) => self.admit(socket),
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn admit(&mut self, socket: OwnedFd) {
        // What the log of changes says may be a moment behind.
        self.look_at_seats();
        let (uid, pid, key) = match sockopt::socket_peercred(socket.as_fd()) {
            Ok(peer) => {
                let uid = peer.uid.as_raw();
                (uid, peer.pid.as_raw_nonzero().get(), self.key_for(uid))
            }
            Err(error) => (u32::MAX, 0, Err(NotAdmitted::Unknown(error.into()))),
        };
        match key {
            Ok(device) => {
                tracing::info!(uid, pid, "made a key");
                self.connections.push(Connection::new(socket, device, uid));
            }
            Err(refusal) => self.refusals.log(uid, pid, &refusal),
        }
    }

    fn key_for(&mut self, uid: u32) -> Result<Device, NotAdmitted> {
        if !self.users.include(uid) {
            return Err(NotAdmitted::NotActive);
        }
        if self.connections.iter().any(|connection| connection.uid() == uid) {
            return Err(NotAdmitted::HasOne);
        }
        if self.connections.len() >= MAX_KEYS {
            return Err(NotAdmitted::TooMany);
        }
        (self.open)()
            .and_then(|file| Device::create(file, &Identity::DOOR))
            .map_err(NotAdmitted::NoDevice)
    }
}

/// Closes the connections that wait at a socket that does not block, for a helper that cannot serve.
///
/// systemd starts a helper again for as long as somebody waits. Users' sides that are turned away try again later, and ever more slowly.
pub fn turn_away(listener: &OwnedFd) {
    while let Ok(_) | Err(Errno::INTR | Errno::CONNABORTED) = accept_with(listener, SocketFlags::CLOEXEC) {}
}

impl Users {
    fn include(&self, uid: u32) -> bool {
        match self {
            Self::Active(seats) => seats.is_active(uid),
            Self::Any => true,
        }
    }
}

/// Why a peer gets no key.
#[derive(Debug, thiserror::Error)]
enum NotAdmitted {
    #[error("this user has no active session at a seat of this machine")]
    NotActive,
    #[error("this user has a key already")]
    HasOne,
    #[error("there are {MAX_KEYS} keys already")]
    TooMany,
    #[error("the kernel does not say who it is: {0}")]
    Unknown(io::Error),
    #[error("the kernel makes no key: {0}")]
    NoDevice(io::Error),
}

/// Writes refusals to the log, but not as many as somebody may cause.
#[derive(Debug, Default)]
struct Refusals {
    logged: Option<Instant>,
    unlogged: u64,
}

impl Refusals {
    fn log(&mut self, uid: u32, pid: i32, reason: &NotAdmitted) {
        let now = Instant::now();
        if self
            .logged
            .is_some_and(|logged| now.saturating_duration_since(logged) < LOG_INTERVAL)
        {
            self.unlogged += 1;
            return;
        }
        let unlogged = std::mem::take(&mut self.unlogged);
        self.logged = Some(now);
        tracing::warn!(uid, pid, %reason, unlogged, "refused a connection");
    }
}

#[cfg(test)]
mod tests;
