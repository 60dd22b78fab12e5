//! The door without a kernel device: reports as messages of a `SOCK_SEQPACKET` socket, for tests and for programs that look for a socket.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use claviger_ctap::ctaphid::{REPORT, Report};
use rustix::net::sockopt::socket_peercred;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};
use tokio::net::{UnixDatagram, UnixListener};

use super::program;
use super::runner::{Incoming, Transport};
use crate::ctap::message::Program;

/// A socket that waits for programs, one after the other: a key has one plug.
pub struct Listener {
    /// As with a connection: what it accepts are sockets of its own kind, whatever the type says.
    socket: UnixListener,
}

/// One program's connection.
pub struct Connection {
    /// tokio has no type for `SOCK_SEQPACKET`; this one's calls, `recv` and `send`, do what they should on a connected socket.
    socket: UnixDatagram,
}

impl Listener {
    /// Listens at `path`, where a socket of an earlier door is replaced. Only this user may connect.
    ///
    /// # Errors
    ///
    /// Something else lies there, or the folder cannot be written.
    pub fn bind(path: &Path) -> io::Result<Self> {
        match std::fs::symlink_metadata(path) {
            Ok(found) if std::os::unix::fs::FileTypeExt::is_socket(&found.file_type()) => std::fs::remove_file(path)?,
            Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        bind(&socket, &SocketAddrUnix::new(path)?)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        listen(&socket, 4)?;
        Ok(Self {
            socket: UnixListener::from_std(socket.into())?,
        })
    }

    /// Waits for the next program.
    ///
    /// # Errors
    ///
    /// The socket failed.
    pub async fn accept(&self) -> io::Result<Connection> {
        let (accepted, _) = self.socket.accept().await?;
        let accepted = OwnedFd::from(accepted.into_std()?);
        Ok(Connection {
            socket: UnixDatagram::from_std(accepted.into())?,
        })
    }
}

impl Connection {
    /// The program at the other end.
    pub fn program(&self) -> Option<Program> {
        let peer = socket_peercred(&self.socket).ok()?;
        program::of_process(peer.pid.as_raw_pid())
    }
}

impl Transport for Connection {
    async fn receive(&mut self) -> io::Result<Option<Incoming>> {
        loop {
            // One byte more than a report, so that what is longer shows.
            let mut packet = [0; REPORT + 1];
            let length = match self.socket.recv(&mut packet).await {
                Ok(0) => return Ok(None),
                Ok(length) => length,
                Err(error) if is_end(&error) => return Ok(None),
                Err(error) => return Err(error),
            };
            if let Ok(report) = Report::try_from(packet.get(..length).unwrap_or_default()) {
                return Ok(Some(Incoming::Report(report)));
            }
            // No device passes on what is not a report.
            tracing::debug!(length, "a packet that is no report");
        }
    }

    async fn send(&mut self, report: &Report) -> io::Result<()> {
        match self.socket.send(report).await {
            // The program has gone; `receive` says so next.
            Err(error) if is_end(&error) => Ok(()),
            sent => sent.map(drop),
        }
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected
    )
}
