//! Reports over a Unix socket of type SEQPACKET, one in each message, with as many clients as like to connect.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use claviger_ctap::ctaphid::{MAX_MESSAGE, REPORT, Report};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with};
use tokio::net::{UnixDatagram, UnixListener};
use tokio::sync::{mpsc, oneshot};

use super::{Arrival, BUFFER, Peer, arrival, is_passing};
use crate::failure::Failure;

/// Clients that wait to be accepted.
const BACKLOG: i32 = 64;

/// Reports that may wait for a client that does not read: some of the longest messages. One that lets more of them pile
/// up is disconnected.
const OUTGOING: usize = 8 * (MAX_MESSAGE / (REPORT - 5));

/// A socket in the file system, removed with the value.
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
    file: SocketFile,
}

/// The clients that are connected.
#[derive(Debug)]
pub struct Connections {
    opened: mpsc::UnboundedReceiver<(u64, Outgoing)>,
    by_number: HashMap<u64, Outgoing>,
    /// Removes the socket with the transport.
    _file: SocketFile,
}

/// The way to one client, which is disconnected when this is dropped.
#[derive(Debug)]
struct Outgoing {
    reports: mpsc::Sender<Report>,
    _until_dropped: oneshot::Sender<()>,
}

#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Device and inode: another key may have taken the path since.
    identity: (u64, u64),
}

impl Listener {
    /// Makes the socket, for this user only. A socket that nobody listens on any more is replaced; anything else at the
    /// path is left alone.
    pub fn bind(path: &Path) -> Result<Self, Failure> {
        let failure = |error: &dyn std::fmt::Display| {
            Failure::Failed(format!("cannot listen on unix:{}: {error}", path.display()))
        };
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = fs::canonicalize(parent.unwrap_or(Path::new("."))).map_err(|error| failure(&error))?;
        let full = parent.join(path.file_name().ok_or_else(|| failure(&"it names no file"))?);
        // The kernel keeps 107 bytes of a path; the one that was given may be shorter than the full one.
        let address = SocketAddrUnix::new(path).map_err(|error| match error {
            Errno::NAMETOOLONG => failure(&"the path is too long for a socket (107 bytes at most)"),
            other => failure(&other),
        })?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).map_err(|error| failure(&error))?;
        // No other user, not even for the moment between making the file and changing its mode.
        let before = rustix::process::umask(Mode::from_raw_mode(0o177));
        let mut bound = bind(&socket, &address);
        if bound == Err(Errno::ADDRINUSE) {
            bound = match is_stale(&full, &address) {
                Ok(true) => fs::remove_file(&full)
                    .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
                    .and_then(|()| bind(&socket, &address)),
                Ok(false) => bound,
                Err(why) => {
                    rustix::process::umask(before);
                    return Err(failure(&why));
                }
            };
        }
        rustix::process::umask(before);
        bound.map_err(|error| match error {
            Errno::ADDRINUSE => failure(&"a program listens there already"),
            other => failure(&other),
        })?;
        let there = fs::symlink_metadata(&full).map_err(|error| failure(&error))?;
        let file = SocketFile {
            path: full,
            identity: (there.dev(), there.ino()),
        };
        listen(&socket, BACKLOG).map_err(|error| failure(&error))?;
        Ok(Self { socket, file })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// The directory that it is in.
    pub fn directory(&self) -> PathBuf {
        self.file.path.parent().unwrap_or(Path::new("/")).to_owned()
    }

    /// Begins to accept clients.
    pub fn serve(self, arrivals: mpsc::Sender<Arrival>) -> io::Result<Connections> {
        let (announce, opened) = mpsc::unbounded_channel();
        // The socket does not block since it was made.
        let listener = UnixListener::from_std(StdListener::from(self.socket))?;
        tokio::spawn(accept(listener, arrivals, announce));
        Ok(Connections {
            opened,
            by_number: HashMap::new(),
            _file: self.file,
        })
    }
}

impl Connections {
    /// Sends a report to a client that is still there. One that does not read is disconnected.
    pub fn send(&mut self, number: u64, report: &Report) {
        while let Ok((number, outgoing)) = self.opened.try_recv() {
            self.by_number.insert(number, outgoing);
        }
        let Some(outgoing) = self.by_number.get(&number) else {
            return;
        };
        if outgoing.reports.try_send(*report).is_err() {
            self.by_number.remove(&number);
        }
    }

    /// Forgets a client.
    pub fn forget(&mut self, number: u64) {
        self.by_number.remove(&number);
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|there| (there.dev(), there.ino()) == self.identity);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "cannot remove the socket");
        }
    }
}

/// Whether a socket lies there that nobody listens on. The error says what lies there instead.
fn is_stale(path: &Path, address: &SocketAddrUnix) -> Result<bool, String> {
    let there = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if !there.file_type().is_socket() {
        return Err("a file that is no socket lies there".to_owned());
    }
    let probe = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .map_err(|error| error.to_string())?;
    Ok(connect(&probe, address) == Err(Errno::CONNREFUSED))
}

async fn accept(
    listener: UnixListener,
    arrivals: mpsc::Sender<Arrival>,
    announce: mpsc::UnboundedSender<(u64, Outgoing)>,
) {
    let mut number = 0;
    loop {
        let accepted = listener.accept().await;
        // tokio has no type for SEQPACKET. Its listener's `accept` does what it should, and so do the datagram's `recv`
        // and `send` on a connected socket: a message each.
        let client = accepted
            .and_then(|(client, _)| client.into_std())
            .and_then(|client| UnixDatagram::from_std(OwnedFd::from(client).into()));
        let client = match client {
            Ok(client) => client,
            Err(error) => {
                tracing::warn!(%error, "a client could not be accepted");
                // Out of file descriptors, most likely: some will be closed.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        number += 1;
        let (reports, queue) = mpsc::channel(OUTGOING);
        let (until_dropped, dropped) = oneshot::channel();
        let outgoing = Outgoing {
            reports,
            _until_dropped: until_dropped,
        };
        if announce.send((number, outgoing)).is_err() {
            return;
        }
        tokio::spawn(serve(number, client, queue, dropped, arrivals.clone()));
    }
}

/// Serves one client until either side has enough.
async fn serve(
    number: u64,
    client: UnixDatagram,
    mut queue: mpsc::Receiver<Report>,
    dropped: oneshot::Receiver<()>,
    arrivals: mpsc::Sender<Arrival>,
) {
    let peer = Peer::Connection(number);
    let receive = async {
        let mut buffer = [0; BUFFER];
        loop {
            match client.recv(&mut buffer).await {
                // An empty message looks the same as the end.
                Ok(0) => return,
                Ok(length) => {
                    let packet = buffer.get(..length).unwrap_or_default();
                    if arrivals.send(arrival(peer, packet)).await.is_err() {
                        return;
                    }
                }
                Err(error) if is_passing(&error) => {}
                Err(_) => return,
            }
        }
    };
    let transmit = async {
        while let Some(report) = queue.recv().await {
            if client.send(&report).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = receive => {}
        () = transmit => {}
        _ = dropped => {}
    }
    // Nobody listens when the key itself has ended.
    let _ = arrivals.send(Arrival::Gone(peer)).await;
}
