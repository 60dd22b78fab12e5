//! Reports over UDP, one in each datagram.
//!
//! Anybody who can send to the address can use the key, so anything but the machine's own address comes with a warning.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use claviger_ctap::ctaphid::Report;
use tokio::sync::mpsc;

use super::{Arrival, BUFFER, Peer, arrival, is_passing};
use crate::failure::{Failure, note};

/// The way out.
#[derive(Debug)]
pub struct Outlet(Arc<tokio::net::UdpSocket>);

/// Binds `HOST:PORT`; port 0 is any that is free.
pub fn bind(address: &str) -> Result<UdpSocket, Failure> {
    let socket =
        UdpSocket::bind(address).map_err(|error| Failure::Failed(format!("cannot bind udp:{address}: {error}")))?;
    let bound = socket.local_addr().map_err(Failure::failed)?;
    if !bound.ip().is_loopback() {
        note(format_args!(
            "claviger: udp:{bound} is reachable from other machines, and whoever reaches it can use this key"
        ));
    }
    Ok(socket)
}

/// Begins to receive.
pub fn serve(socket: UdpSocket, arrivals: mpsc::Sender<Arrival>) -> io::Result<Outlet> {
    socket.set_nonblocking(true)?;
    let socket = Arc::new(tokio::net::UdpSocket::from_std(socket)?);
    tokio::spawn(receive(Arc::clone(&socket), arrivals));
    Ok(Outlet(socket))
}

impl Outlet {
    /// Sends a report, if there is room for it now.
    pub fn send(&self, address: SocketAddr, report: &Report) {
        if let Err(error) = self.0.try_send_to(report, address) {
            tracing::debug!(%error, %address, "a report is lost");
        }
    }
}

async fn receive(socket: Arc<tokio::net::UdpSocket>, arrivals: mpsc::Sender<Arrival>) {
    let mut buffer = [0; BUFFER];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, address)) => {
                let packet = buffer.get(..length).unwrap_or_default();
                if arrivals.send(arrival(Peer::Address(address), packet)).await.is_err() {
                    return;
                }
            }
            Err(error) if is_passing(&error) => {}
            Err(error) => {
                tracing::error!(%error, "the UDP socket failed");
                return;
            }
        }
    }
}
