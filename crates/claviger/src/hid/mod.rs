//! `claviger hid`: the helper that owns `/dev/uhid` and nothing else.
//!
//! systemd starts it as a user of its own when the first user's side connects, and passes the listening socket. It is one thread around
//! [`Helper`]; before the first user is served it has given up everything but that device, the list of active users and its sockets.

mod sandbox;

use std::env;
use std::os::fd::OwnedFd;
use std::path::Path;

use claviger_doors::hid::helper::{Helper, Seats, Users};
use claviger_doors::hid::uhid;
use rustix::fs::{Mode, chmod};
use rustix::io::ioctl_fionbio;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use crate::cli;
use crate::output::Failure;

/// Connections that may wait to be looked at.
const BACKLOG: i32 = 16;

/// The number of the first descriptor that systemd passes (`sd_listen_fds(3)`).
const FIRST_PASSED: i32 = 3;

/// Runs `claviger hid`. It ends only when it fails or is killed, and all keys end with it.
pub fn run(options: &cli::Hid) -> Result<(), Failure> {
    let device = Path::new(uhid::PATH);
    if !device.exists() {
        return Err(Failure::Failed(format!(
            "there is no {}: load the module with `modprobe uhid`, as root",
            uhid::PATH
        )));
    }
    let listener = match &options.socket {
        Some(path) => listen_at(path).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?,
        None => passed_by_systemd()?,
    };
    let users = if options.any_user {
        tracing::warn!("EVERY user of this machine gets a key (--any-user): for tests only");
        Users::Any
    } else {
        let seats = Seats::watch(Path::new(Seats::DIRECTORY));
        Users::Active(seats.map_err(|error| {
            Failure::Failed(format!(
                "cannot watch who is active, {}: {error}. It takes systemd-logind or elogind",
                Seats::DIRECTORY
            ))
        })?)
    };
    sandbox::enter(device, Path::new(Seats::DIRECTORY)).map_err(Failure::failed)?;
    match Helper::new(listener, users, move || uhid::open(device)).run() {
        Ok(never) => match never {},
        Err(error) => Err(Failure::failed(error)),
    }
}

fn listen_at(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let listener = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    bind(&listener, &SocketAddrUnix::new(path)?)?;
    // Everybody may connect; who gets a key is decided by credentials.
    chmod(path, Mode::from_raw_mode(0o666))?;
    listen(&listener, BACKLOG)?;
    Ok(listener)
}

/// The socket that systemd listens on, as `sd_listen_fds(3)` describes.
fn passed_by_systemd() -> Result<OwnedFd, Failure> {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    if !(is("LISTEN_PID", &getpid().to_string()) && is("LISTEN_FDS", "1")) {
        return Err(Failure::Usage(
            "`claviger hid` is started by systemd, with one socket: install it with `claviger setup --system`. \
             By hand: `claviger hid --socket PATH`"
                .into(),
        ));
    }
    // A number cannot be made a descriptor without `unsafe`; a duplicate of one's own descriptor can be asked for.
    let socket = pidfd_open(getpid(), PidfdFlags::empty())
        .and_then(|own| pidfd_getfd(own, FIRST_PASSED, PidfdGetfdFlags::empty()))
        .map_err(|error| Failure::Failed(format!("cannot take the socket that systemd passes: {error}")))?;
    let fits = sockopt::socket_type(&socket) == Ok(SocketType::SEQPACKET)
        && sockopt::socket_domain(&socket) == Ok(AddressFamily::UNIX)
        && sockopt::socket_acceptconn(&socket) == Ok(true);
    if !fits {
        return Err(Failure::Usage(
            "what systemd passes is no listening socket of the kind ListenSequentialPacket=".into(),
        ));
    }
    ioctl_fionbio(&socket, true).map_err(Failure::failed)?;
    Ok(socket)
}
