//! The transports: 64-byte reports in and out, each with the peer that it came from or goes to.
//!
//! A report is one datagram, one SEQPACKET message, or one event of `/dev/uhid`. A report of 65 bytes that begins with a
//! zero is taken too: hidapi and its friends put the number of the report, which is 0 here, before it. Anything else is
//! no report and is dropped.

mod udp;
mod uhid;
mod unix;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use claviger_ctap::ctaphid::{REPORT, Report};
use tokio::sync::mpsc;

use super::options::Transport;
use crate::failure::Failure;

/// Reports that wait for the key; a transport that has more to give waits too.
const ARRIVALS: usize = 256;

/// Who is at the other end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Peer {
    /// A connection to the Unix socket, by its number.
    Connection(u64),
    /// A sender of datagrams.
    Address(SocketAddr),
    /// The kernel, for whatever programs have the device open.
    Kernel,
}

/// What a transport brings.
#[derive(Debug)]
pub enum Arrival {
    /// Clients can reach the key from now on.
    Ready,
    /// A report.
    Report(Peer, Report),
    /// A packet of this many bytes (or more) that is no report.
    Malformed(Peer, usize),
    /// The connection is closed.
    Gone(Peer),
    /// A program has opened the device, or the last one has closed it.
    Opened(bool),
}

/// A transport that is bound: it has its address, and nobody is served yet.
#[derive(Debug)]
pub enum Bound {
    /// A Unix socket.
    Unix(unix::Listener),
    /// A UDP socket.
    Udp(std::net::UdpSocket),
    /// The kernel.
    Uhid(uhid::Opened),
}

/// A transport at work.
#[derive(Debug)]
pub struct Wire {
    arrivals: mpsc::Receiver<Arrival>,
    outlet: Outlet,
}

#[derive(Debug)]
enum Outlet {
    Unix(unix::Connections),
    Udp(udp::Outlet),
    Uhid(uhid::Outlet),
}

impl Bound {
    /// Takes the address. Needs what a sandbox takes away.
    pub fn bind(transport: &Transport) -> Result<Self, Failure> {
        match transport {
            Transport::Unix(path) => unix::Listener::bind(path).map(Self::Unix),
            Transport::Udp(address) => udp::bind(address).map(Self::Udp),
            Transport::Uhid => uhid::Opened::open().map(Self::Uhid),
        }
    }

    /// How clients name it, for the line that says that the key is ready.
    pub fn name(&self) -> Result<String, Failure> {
        match self {
            Self::Unix(listener) => Ok(format!("unix:{}", listener.path().display())),
            Self::Udp(socket) => {
                let address = socket.local_addr().map_err(Failure::failed)?;
                Ok(format!("udp:{address}"))
            }
            Self::Uhid(_) => Ok("uhid".to_owned()),
        }
    }

    /// The directory in which it will have to remove its file.
    pub fn directory(&self) -> Option<PathBuf> {
        match self {
            Self::Unix(listener) => Some(listener.directory()),
            Self::Udp(_) | Self::Uhid(_) => None,
        }
    }

    /// Begins to serve. Call it inside a runtime.
    pub fn serve(self) -> Result<Wire, Failure> {
        let (send, arrivals) = mpsc::channel(ARRIVALS);
        if !matches!(self, Self::Uhid(_)) {
            // The channel is empty, so there is room.
            let _ = send.try_send(Arrival::Ready);
        }
        let outlet = match self {
            Self::Unix(listener) => listener.serve(send).map(Outlet::Unix),
            Self::Udp(socket) => udp::serve(socket, send).map(Outlet::Udp),
            Self::Uhid(opened) => opened.serve(send).map(Outlet::Uhid),
        };
        let outlet = outlet.map_err(Failure::failed)?;
        Ok(Wire { arrivals, outlet })
    }
}

impl Wire {
    /// The next arrival. `None`: the transport has ended.
    pub async fn next(&mut self) -> Option<Arrival> {
        self.arrivals.recv().await
    }

    /// Sends a report. One that cannot be delivered is lost, as it would be on a bus.
    pub fn send(&mut self, peer: Peer, report: &Report) {
        match (&mut self.outlet, peer) {
            (Outlet::Unix(connections), Peer::Connection(number)) => connections.send(number, report),
            (Outlet::Udp(outlet), Peer::Address(address)) => outlet.send(address, report),
            (Outlet::Uhid(outlet), Peer::Kernel) => outlet.send(report),
            _ => {}
        }
    }

    /// Forgets a connection that is gone.
    pub fn forget(&mut self, peer: Peer) {
        if let (Outlet::Unix(connections), Peer::Connection(number)) = (&mut self.outlet, peer) {
            connections.forget(number);
        }
    }
}

/// Room for the longest packet that is accepted, and one byte more to know a longer one by.
const BUFFER: usize = REPORT + 2;

/// What a packet is.
fn arrival(peer: Peer, packet: &[u8]) -> Arrival {
    let bare = match packet.split_first() {
        Some((0, rest)) if rest.len() == REPORT => rest,
        _ => packet,
    };
    match bare.try_into() {
        Ok(report) => Arrival::Report(peer, report),
        Err(_) => Arrival::Malformed(peer, packet.len()),
    }
}

/// Whether a socket's error says only that this was not the moment.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_64_bytes_or_a_zero_before_them() {
        let peer = Peer::Connection(1);
        assert!(matches!(arrival(peer, &[0; 64]), Arrival::Report(_, _)));
        assert!(matches!(arrival(peer, &[0; 65]), Arrival::Report(_, _)));
        assert!(matches!(arrival(peer, &[1; 65]), Arrival::Malformed(_, 65)));
        for length in [0, 1, 63, 66] {
            assert!(matches!(arrival(peer, &vec![0; length]), Arrival::Malformed(_, n) if n == length));
        }
        let mut with_number = [7; 65];
        with_number[0] = 0;
        assert!(matches!(arrival(peer, &with_number), Arrival::Report(_, report) if report == [7; 64]));
    }
}
