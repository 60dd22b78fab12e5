//! `claviger hid`: the helper that owns `/dev/uhid` and nothing else.
//!
//! systemd starts it as a user of its own when the first user's side connects, and passes the listening socket. It is one thread around
//! [`Helper`]; before the first user is served it has given up everything but that device, the list of active users and its sockets.

mod sandbox;

use std::env;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::Path;

use claviger_doors::hid::helper::{Helper, Seats, Users, turn_away};
use claviger_kernel::uhid;
use rustix::fs::{Mode, chmod};
use rustix::io::ioctl_fionbio;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use tracing_subscriber::filter::LevelFilter;

use crate::cli;
use crate::output::{self, Failure};

/// Connections that may wait to be looked at.
const BACKLOG: i32 = 16;

/// The number of the first descriptor that systemd passes (`sd_listen_fds(3)`).
const FIRST_PASSED: i32 = 3;

/// The options of `claviger hid`, when the command line is plainly that; everything else is for the command line's parser.
///
/// The helper stays in memory for as long as the machine runs. Without the parser, and with a level in the place of a log filter, an
/// eighth less of the program is resident.
pub fn options(arguments: &[OsString]) -> Option<cli::Hid> {
    let (_, arguments) = arguments.split_first()?;
    let (role, mut rest) = arguments.split_first()?;
    let mut options = cli::Hid {
        socket: None,
        any_user: false,
    };
    while let Some((option, behind)) = rest.split_first() {
        rest = match option.to_str()? {
            "--any-user" => {
                options.any_user = true;
                behind
            }
            "--socket" => {
                let (path, behind) = behind.split_first()?;
                options.socket = Some(path.into());
                behind
            }
            _ => return None,
        };
    }
    (role == "hid").then_some(options)
}

/// The log goes to standard error, as everybody's. Of `CLAVIGER_LOG` the helper understands a level, not a filter.
pub fn start_log() {
    let level = env::var("CLAVIGER_LOG").ok().and_then(|level| level.parse().ok());
    tracing_subscriber::fmt()
        .with_max_level(level.unwrap_or(LevelFilter::WARN))
        .with_writer(output::Log)
        .with_ansi(false)
        .init();
}

/// Runs `claviger hid`. It ends only when it fails or is killed, and all keys end with it.
pub fn run(options: &cli::Hid) -> Result<(), Failure> {
    let ended = serve(options);
    if let (Err(_), Ok(listener)) = (&ended, passed_by_systemd()) {
        turn_away(&listener);
    }
    ended
}

fn serve(options: &cli::Hid) -> Result<(), Failure> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::unreachable)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn arguments(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn plain_options_mean_what_the_parser_makes_of_them() {
        for line in [
            "claviger hid",
            "claviger hid --any-user",
            "claviger hid --socket /run/x.sock",
            "claviger hid --any-user --socket x",
        ] {
            let plain = options(&arguments(line)).unwrap();
            let Command::Hid(parsed) = Cli::parse_from(arguments(line)).command else {
                unreachable!()
            };
            assert_eq!(
                (plain.socket, plain.any_user),
                (parsed.socket, parsed.any_user),
                "{line}"
            );
        }
    }

    #[test]
    fn everything_else_is_for_the_parser() {
        for line in [
            "claviger",
            "claviger status",
            "claviger hid-door",
            "claviger hid --help",
            "claviger hid --socket",
            "claviger hid --socket=/x",
            "claviger hid more",
            "claviger status --any-user",
        ] {
            assert!(options(&arguments(line)).is_none(), "{line}");
        }
    }
}
