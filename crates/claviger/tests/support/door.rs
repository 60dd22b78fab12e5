//! The security-key door of a platform, and the ways to its key.

#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Child;

use claviger_dev::ctaphid::{Client, PATIENCE};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, listen, socket_with};

use super::Platform;

/// The door's process; ends with the value.
pub struct Door(Child);

impl Door {
    /// Opens the door of `platform` at the socket `key.sock` in its home.
    pub fn open(platform: &Platform) -> Self {
        Self::open_at(platform, &format!("unix:{}", platform.path("key.sock").display()))
    }

    /// Opens it with this transport.
    pub fn open_at(platform: &Platform, transport: &str) -> Self {
        let child = platform.command(&["hid-door", "--transport", transport]).spawn();
        Self(child.unwrap())
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program at the key that the door has at this socket, as soon as it listens there.
pub fn connect(path: &Path) -> Client {
    let mut client = Client::connect_soon(path);
    client.init();
    client
}

/// Listens like the hid helper.
pub fn listen_at(path: &Path) -> OwnedFd {
    let listener = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    bind(&listener, &SocketAddrUnix::new(path).unwrap()).unwrap();
    listen(&listener, 1).unwrap();
    set_socket_timeout(&listener, Timeout::Recv, Some(PATIENCE)).unwrap();
    listener
}

/// Plays the hid helper and a program at its key: waits for the door at `listener`.
pub fn accept(listener: &OwnedFd) -> Client {
    let socket = accept_with(listener, SocketFlags::CLOEXEC).expect("the door connects in time");
    let mut client = Client::over(socket);
    client.init();
    client
}
