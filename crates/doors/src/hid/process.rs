//! The door's process: gets a transport, serves it, and gets another one when it ends.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use claviger_ctap::crypto::Crypto;
use claviger_ctap::ctaphid::Report;
use claviger_peer::Peers;
use rustix::process::getuid;
use thiserror::Error;
use tokio::time::Instant;

use super::bus::BusUpstream;
use super::control::{Control, State};
use super::helper::Seats;
use super::link::{FromHelper, HelperLink, LinkError};
use super::program;
use super::runner::{Incoming, Transport, serve};
use super::seqpacket::Listener;
use super::turn::Turn;
use super::upstream::Upstream as _;

/// Where programs find the key.
#[derive(Debug, Clone)]
pub enum Place {
    /// In a kernel device of the hid helper, which listens here.
    Helper(PathBuf),
    /// At a socket of our own, for tests and for machines without uhid.
    Socket(PathBuf),
}

/// Why the process does not go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// The socket of our own.
    #[error("the socket cannot be used: {0}")]
    Socket(#[source] io::Error),
}

/// Serves programs at `place`, by the broker that `peers` prove, until the future is dropped. `enabled` says whether the user wants the door; it is asked at the start and
/// whenever somebody knocks.
///
/// # Errors
///
/// What trying again would not mend.
pub async fn run(
    peers: &Arc<Peers>,
    control: &Control,
    place: &Place,
    enabled: impl Fn() -> bool,
    crypto: &'static dyn Crypto,
) -> Result<(), ProcessError> {
    loop {
        control.show(State::Off);
        while !enabled() {
            control.knock().await;
        }
        let work = async {
            match place {
                Place::Helper(path) => at_helper(peers, control, path, crypto).await,
                Place::Socket(path) => at_socket(peers, control, path, crypto).await,
            }
        };
        let switched_off = async {
            while enabled() {
                control.knock().await;
            }
        };
        tokio::select! {
            ended = work => return ended,
            // The key is pulled out with the work; what the user is being asked is withdrawn.
            () = switched_off => BusUpstream::new(peers, || None).cancel().await,
        }
    }
}

/// Plugs the key in at the helper, again and again.
async fn at_helper(
    peers: &Arc<Peers>,
    control: &Control,
    path: &Path,
    crypto: &'static dyn Crypto,
) -> Result<(), ProcessError> {
    let upstream = BusUpstream::new(peers, program::holder);
    let mut turn = Turn::watch(Path::new(Seats::DIRECTORY), getuid().as_raw());
    let mut pause = FIRST_PAUSE;
    let mut told = String::new();
    loop {
        let problem = match HelperLink::connect(path) {
            Err(error) => error.to_string(),
            Ok(link) => {
                let plugged = Instant::now();
                control.show(State::Plugged);
                let served = serve(&mut Helper(link), &upstream, crypto).await;
                if plugged.elapsed() >= STEADY {
                    pause = FIRST_PAUSE;
                    told.clear();
                }
                served.map_or_else(
                    |error| error.to_string(),
                    |()| format!("{}; its log says why", LinkError::Closed),
                )
            }
        };
        // Once, not at every try.
        if told != problem {
            tracing::warn!("there is no security key: {problem}");
            told.clone_from(&problem);
        }
        control.show(State::Unplugged(problem));
        pause = if turn.wait(pause).await {
            FIRST_PAUSE
        } else {
            (pause * 2).min(LONGEST_PAUSE)
        };
    }
}

/// Serves one program after the other.
async fn at_socket(
    peers: &Arc<Peers>,
    control: &Control,
    path: &Path,
    crypto: &'static dyn Crypto,
) -> Result<(), ProcessError> {
    let listener = Listener::bind(path).map_err(ProcessError::Socket)?;
    loop {
        control.show(State::Listening);
        let mut client = listener.accept().await.map_err(ProcessError::Socket)?;
        control.show(State::Plugged);
        let program = client.program();
        let upstream = BusUpstream::new(peers, move || program.clone());
        if let Err(error) = serve(&mut client, &upstream, crypto).await {
            tracing::warn!(%error, "a program's connection");
        }
    }
}

/// The helper's link as a transport.
struct Helper(HelperLink);

impl Transport for Helper {
    async fn receive(&mut self) -> io::Result<Option<Incoming>> {
        match self.0.receive().await {
            Ok(FromHelper::Report(report)) => Ok(Some(Incoming::Report(report))),
            Ok(FromHelper::Opened) => Ok(Some(Incoming::Opened)),
            Ok(FromHelper::Closed) => Ok(Some(Incoming::Closed)),
            Err(LinkError::Closed) => Ok(None),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    async fn send(&mut self, report: &Report) -> io::Result<()> {
        match self.0.send(report).await {
            // `receive` says so next.
            Err(LinkError::Closed) => Ok(()),
            sent => sent.map_err(io::Error::other),
        }
    }
}

/// Before the second try.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Between tries that go on failing. A session that comes to the front does not wait for it.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A key that was plugged in for so long was not refused.
const STEADY: Duration = Duration::from_secs(5);
