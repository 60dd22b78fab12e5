//! The socket between the helper, which owns the kernel's device, and the user's side, which is the authenticator.
//!
//! It is a `SOCK_SEQPACKET` socket, so packets keep their boundaries. One connection is one security key, and its end is the key's end.
//!
//! | packet | to the helper | from the helper |
//! |---|---|---|
//! | 64 bytes | a report of the authenticator | a report of a program |
//! | 1 byte, 0x01 | – | the first program opened the key |
//! | 1 byte, 0x02 | – | the last program closed it |
//!
//! Whoever sends anything else is disconnected. Nothing in it describes the key: the helper alone decides what the kernel is told.
//!
//! The helper refuses by closing, and closes when the user's session goes to the background; its log says why. Try again, each time
//! after a longer pause.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use claviger_kernel::uhid::{REPORT, Report};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use thiserror::Error;
use tokio::net::UnixDatagram;

/// Where the helper listens.
pub const PATH: &str = "/run/claviger/hid.sock";

/// What the helper says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromHelper {
    /// A program sent a report.
    Report(Report),
    /// The first program opened the key.
    Opened,
    /// The last program closed it.
    Closed,
}

impl FromHelper {
    /// The packet that says it.
    pub fn encode(&self) -> &[u8] {
        match self {
            Self::Report(report) => report,
            Self::Opened => &[OPENED],
            Self::Closed => &[CLOSED],
        }
    }

    /// Reads one packet; `None` when it is none of this protocol.
    pub fn decode(packet: &[u8]) -> Option<Self> {
        match packet {
            [OPENED] => Some(Self::Opened),
            [CLOSED] => Some(Self::Closed),
            _ => packet.try_into().ok().map(Self::Report),
        }
    }
}

/// The user's side of a connection. The key exists until it is dropped, or the helper closes.
///
/// Both directions may be used at the same time, and a call that is dropped half-way loses nothing.
#[derive(Debug)]
pub struct HelperLink {
    /// tokio has no type for `SOCK_SEQPACKET`; this one's calls, `recv` and `send`, do what they should on a connected socket.
    socket: UnixDatagram,
}

impl HelperLink {
    /// Connects to the helper. That it accepts does not show here: a helper that refuses closes at once, and [`receive`](Self::receive) tells.
    ///
    /// Call it within a tokio runtime that has I/O enabled.
    ///
    /// # Errors
    ///
    /// [`LinkError::NoHelper`], with the cause.
    pub fn connect(path: &Path) -> Result<Self, LinkError> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None);
        // A Unix socket connects at once or not at all, also when it does not block.
        let connected = socket.and_then(|socket| connect(&socket, &SocketAddrUnix::new(path)?).map(|()| socket));
        let socket = connected.map_err(|error| LinkError::NoHelper(error.into()))?;
        Self::from_socket(socket)
    }

    /// Takes a connected `SOCK_SEQPACKET` socket that does not block.
    ///
    /// # Errors
    ///
    /// [`LinkError::Socket`] when the runtime cannot watch it.
    pub fn from_socket(socket: OwnedFd) -> Result<Self, LinkError> {
        Ok(Self {
            socket: UnixDatagram::from_std(socket.into())?,
        })
    }

    /// Waits for what the helper says next.
    ///
    /// # Errors
    ///
    /// [`LinkError::Closed`] when the helper closed: the key is gone.
    pub async fn receive(&self) -> Result<FromHelper, LinkError> {
        // One byte more than any packet has, so that a longer one shows.
        let mut packet = [0; REPORT + 1];
        let length = self.socket.recv(&mut packet).await.map_err(LinkError::from_io)?;
        // The helper sends no empty packet, so that is the end.
        let packet = packet.get(..length).filter(|packet| !packet.is_empty());
        let packet = packet.ok_or(LinkError::Closed)?;
        FromHelper::decode(packet).ok_or(LinkError::NotThisProtocol(length))
    }

    /// Sends a report to the programs, and waits while the helper is busy with earlier ones.
    ///
    /// # Errors
    ///
    /// [`LinkError::Closed`] when the helper closed: the key is gone.
    pub async fn send(&self, report: &Report) -> Result<(), LinkError> {
        // A packet goes whole or not at all.
        self.socket.send(report).await.map_err(LinkError::from_io)?;
        Ok(())
    }
}

/// Why there is no key, or no longer one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The machine: nobody listens there, or not for this user.
    #[error("the hid helper cannot be reached: {0}")]
    NoHelper(#[source] io::Error),
    /// The helper closed: the session is not active, the user has a key already, or this side sent nonsense. Its log says which.
    #[error("the hid helper closed the connection")]
    Closed,
    /// The helper: it sent a packet of so many bytes, which this protocol has not.
    #[error("the hid helper sent a packet of {0} bytes that means nothing here")]
    NotThisProtocol(usize),
    /// The socket.
    #[error("the connection to the hid helper failed: {0}")]
    Socket(#[from] io::Error),
}

impl LinkError {
    /// A helper that goes away shows in different ways, which mean the same.
    fn from_io(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Socket(error),
        }
    }
}

const OPENED: u8 = 0x01;
const CLOSED: u8 = 0x02;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use rustix::net::{RecvFlags, SendFlags, accept_with, bind, listen, recv, send, socketpair};

    use super::*;

    fn pair() -> (HelperLink, OwnedFd) {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (ours, helper) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
        (HelperLink::from_socket(ours).unwrap(), helper)
    }

    #[test]
    fn every_message_survives_and_nothing_else_is_one() {
        for message in [FromHelper::Report([0x5a; 64]), FromHelper::Opened, FromHelper::Closed] {
            assert_eq!(FromHelper::decode(message.encode()), Some(message));
        }
        for length in (0..200).filter(|length| *length != 64) {
            assert_eq!(FromHelper::decode(&vec![0; length]), None, "{length} bytes");
        }
        assert_eq!(FromHelper::decode(&[3]), None);
    }

    #[tokio::test]
    async fn reports_and_events_pass_through_a_listening_socket() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hid.sock");
        assert!(matches!(HelperLink::connect(&path), Err(LinkError::NoHelper(_))));

        let listener = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        listen(&listener, 1).unwrap();
        let link = HelperLink::connect(&path).unwrap();
        let helper = accept_with(&listener, SocketFlags::CLOEXEC).unwrap();

        for message in [FromHelper::Opened, FromHelper::Report([1; 64]), FromHelper::Closed] {
            send(&helper, message.encode(), SendFlags::empty()).unwrap();
            assert_eq!(link.receive().await.unwrap(), message);
        }
        link.send(&[2; 64]).await.unwrap();
        let mut packet = [0; 100];
        let (_, length) = recv(&helper, &mut packet[..], RecvFlags::empty()).unwrap();
        assert_eq!(packet[..length], [2; 64]);

        drop(helper);
        assert!(matches!(link.receive().await, Err(LinkError::Closed)));
        assert!(matches!(link.send(&[3; 64]).await, Err(LinkError::Closed)));
    }

    #[tokio::test]
    async fn a_helper_that_leaves_with_reports_unread_has_closed_too() {
        let (link, helper) = pair();
        link.send(&[0; 64]).await.unwrap();
        drop(helper);
        assert!(matches!(link.receive().await, Err(LinkError::Closed)));
    }

    #[tokio::test]
    async fn a_packet_that_is_too_long_or_unknown_is_an_error_of_the_helper() {
        for wrong in [&[0_u8; 65][..], &[0; 4096], &[0; 63], &[9], &[1, 1]] {
            let (link, helper) = pair();
            send(&helper, wrong, SendFlags::empty()).unwrap();
            assert!(matches!(link.receive().await, Err(LinkError::NotThisProtocol(_))));
        }
    }

    #[tokio::test]
    async fn sending_waits_for_a_busy_helper_and_loses_nothing() {
        let (link, helper) = pair();
        let mut sent = 0_u32;
        let report = |number: u32| {
            let mut report = [0; 64];
            report[..4].copy_from_slice(&number.to_be_bytes());
            report
        };
        // Until the socket is full; the call that waits is dropped and repeated.
        while let Ok(result) =
            tokio::time::timeout(std::time::Duration::from_millis(20), link.send(&report(sent))).await
        {
            result.unwrap();
            sent += 1;
        }
        let mut packet = [0; 100];
        for expected in 0..sent {
            let (_, length) = recv(&helper, &mut packet[..], RecvFlags::empty()).unwrap();
            assert_eq!(packet[..length], report(expected));
        }
        link.send(&report(sent)).await.unwrap();
        let (_, length) = recv(&helper, &mut packet[..], RecvFlags::empty()).unwrap();
        assert_eq!(packet[..length], report(sent));
    }
}
