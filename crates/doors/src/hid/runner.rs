//! The door at work: reports from a transport, through CTAPHID, to the authenticator, and back.
//!
//! One command at a time, as CTAPHID wants it; meanwhile other clients get channels and are told that the key is busy, and the one whose
//! command it is gets keep-alives and can cancel. A command ends with its client: when the last program has closed the key, when the client
//! starts anew on its channel, or when the transport ends, the platform's question to the user is withdrawn.

use std::io;
use std::time::Duration;

use claviger_ctap::crypto::{Crypto, CryptoError};
use claviger_ctap::ctaphid::{Capabilities, Effect, Hid, Report};
use claviger_ctap::status::Status;
use thiserror::Error;
use tokio::time::{Instant, sleep_until};

use super::authenticator::DoorAuthenticator;
use super::upstream::Upstream;

/// What the door says of itself: CTAP2 and nothing older.
const CAPABILITIES: fn() -> Capabilities = || Capabilities::WINK | Capabilities::CBOR | Capabilities::NMSG;

/// Where reports come from and go to.
pub trait Transport {
    /// The next thing that happens; `None` at the end. A future that is dropped loses nothing.
    fn receive(&mut self) -> impl Future<Output = io::Result<Option<Incoming>>>;

    /// Sends a report to the programs.
    fn send(&mut self, report: &Report) -> impl Future<Output = io::Result<()>>;
}

/// What a transport tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming {
    /// A report of a program.
    Report(Report),
    /// A program has opened the key.
    Opened,
    /// The last program has closed it.
    Closed,
}

/// Why the door stopped serving a transport.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The transport failed.
    #[error("the connection broke: {0}")]
    Transport(#[from] io::Error),
    /// The operating system gave no random bytes.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// Serves a transport until it ends. What an earlier one left behind (channels, tokens) is forgotten, as when a key is plugged in.
///
/// # Errors
///
/// Why it ended, unless the other side just closed it.
pub async fn serve<T: Transport, U: Upstream>(
    transport: &mut T,
    upstream: &U,
    crypto: &'static dyn Crypto,
) -> Result<(), RunError> {
    let mut authenticator = DoorAuthenticator::new(crypto)?;
    let mut door = Door {
        hid: Hid::new(CAPABILITIES()),
        transport,
        started: Instant::now(),
        command: None,
    };
    loop {
        let Some((channel, message)) = door.next_command().await? else {
            return Ok(());
        };
        let end = {
            let work = authenticator.process(upstream, channel, &message);
            tokio::pin!(work);
            loop {
                let due = door.due();
                let event = tokio::select! {
                    answer = &mut work => break End::Answered(answer),
                    incoming = door.transport.receive() => incoming.map(|incoming| incoming.map_or(Happening::End, Happening::Incoming)),
                    () = sleep_until(due) => Ok(Happening::Due),
                };
                door.hid.waits_for_user(upstream.waits_for_user());
                match event {
                    Ok(Happening::Incoming(Incoming::Closed)) => break End::Cancelled,
                    Ok(Happening::Incoming(incoming)) if door.take(incoming).await? => break End::Cancelled,
                    Ok(Happening::Incoming(_)) => {}
                    Ok(Happening::Due) => door.tick().await?,
                    Ok(Happening::End) => break End::Gone(Ok(())),
                    Err(error) => break End::Gone(Err(error)),
                }
            }
        };
        let answer = match end {
            End::Answered(answer) => answer,
            // The command was dropped, so nothing more is asked after this.
            End::Cancelled => {
                upstream.cancel().await;
                vec![Status::KeepaliveCancel.code()]
            }
            End::Gone(why) => {
                upstream.cancel().await;
                return Ok(why?);
            }
        };
        door.answer(&answer).await?;
    }
}

/// What can happen while a command is carried out.
enum Happening {
    Incoming(Incoming),
    Due,
    End,
}

/// How a command ends.
enum End {
    Answered(Vec<u8>),
    Cancelled,
    Gone(io::Result<()>),
}

struct Door<'a, T> {
    hid: Hid,
    transport: &'a mut T,
    started: Instant,
    /// Whole, and not begun yet.
    command: Option<(u32, Vec<u8>)>,
}

impl<T: Transport> Door<'_, T> {
    /// Waits for a command.
    async fn next_command(&mut self) -> io::Result<Option<(u32, Vec<u8>)>> {
        loop {
            if let Some(command) = self.command.take() {
                return Ok(Some(command));
            }
            let due = self.due();
            let incoming = tokio::select! {
                incoming = self.transport.receive() => Some(incoming?),
                () = sleep_until(due) => None,
            };
            match incoming {
                Some(Some(incoming)) => {
                    self.take(incoming).await?;
                }
                Some(None) => return Ok(None),
                None => self.tick().await?,
            }
        }
    }

    /// Takes what came. Whether it cancels the command that is carried out.
    async fn take(&mut self, incoming: Incoming) -> io::Result<bool> {
        match incoming {
            Incoming::Report(report) => {
                let effects = self.hid.report(self.now_ms(), &report);
                self.perform(effects).await
            }
            Incoming::Opened | Incoming::Closed => Ok(false),
        }
    }

    /// Does what is due.
    async fn tick(&mut self) -> io::Result<()> {
        let effects = self.hid.tick(self.now_ms());
        self.perform(effects).await.map(drop)
    }

    async fn answer(&mut self, answer: &[u8]) -> io::Result<()> {
        let effects = self.hid.answer(answer);
        self.perform(effects).await.map(drop)
    }

    async fn perform(&mut self, effects: Vec<Effect>) -> io::Result<bool> {
        let mut cancelled = false;
        for effect in effects {
            match effect {
                Effect::Send(report) => self.transport.send(&report).await?,
                Effect::Process { channel, message, .. } => self.command = Some((channel, message)),
                Effect::Cancel { .. } => cancelled = true,
                Effect::Wink => tracing::info!("a program asks this key to show itself"),
            }
        }
        Ok(cancelled)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// When [`Self::tick`] is to be called.
    fn due(&self) -> Instant {
        let wake = self.hid.wake_ms().map(Duration::from_millis);
        self.started + wake.unwrap_or(FAR.saturating_add(self.started.elapsed()))
    }
}

/// When nothing is due.
const FAR: Duration = Duration::from_hours(1);
