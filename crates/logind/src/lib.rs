//! When what is open has to be locked because of the session: logind tells of sleep, of the lock of the screen, of another person at the
//! seat and of the end of a session, and waits with the sleep until it is done. What is locked, and how, is the caller's matter.
//!
//! Each who holds something open watches for itself ([`Logind::watch`]), so that no other process has to run for it to be locked. Where
//! there is no logind nothing is told, and the watch says so.

mod bus;
mod sessions;

use core::fmt;
use std::time::Duration;

use claviger_peer::SystemBus;
use futures_util::StreamExt as _;
use rustix::process::getuid;
use zbus::names::{OwnedUniqueName, WellKnownName};
use zbus::proxy::CacheProperties;
use zbus::{Connection, MatchRule, MessageStream, OwnedFd};

use bus::{LOGIND, ManagerProxy};
use sessions::{Act, Sessions, Told};

/// How long a machine without a system bus, or with a logind that cannot be watched, is left alone before it is looked for again.
const PAUSE: Duration = Duration::from_mins(1);

/// Where logind is asked.
#[derive(Debug, Clone)]
pub struct Logind {
    bus: SystemBus,
}

/// Why it is time to lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The machine is about to sleep.
    Sleep,
    /// The machine is about to be shut down.
    Shutdown,
    /// A session of the person's was locked.
    Locked,
    /// Somebody else, or another terminal, is at the seat.
    Away,
    /// A session of the person's at a seat has ended, or their last one.
    Ended,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sleep => "the machine is about to sleep",
            Self::Shutdown => "the machine is about to be shut down",
            Self::Locked => "the session was locked",
            Self::Away => "the session is not in front any more",
            Self::Ended => "the session has ended",
        })
    }
}

impl Logind {
    /// The one on this bus.
    pub fn on(bus: SystemBus) -> Self {
        Self { bus }
    }

    /// Has `lock` lock whenever it is time, and holds the machine's sleep up until it has: as long as logind lets it, five seconds where
    /// nothing else is set. `watched` is told whether there is a logind to hear from. Never returns.
    pub async fn watch<F: Future<Output = ()>>(&self, watched: impl Fn(bool), lock: impl Fn(Cause) -> F) {
        loop {
            watched(false);
            if let Err(error) = self.watch_bus(&watched, &lock).await {
                tracing::info!(%error, "suspend and the session's lock are not heard: the system bus");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Until the system bus is gone.
    async fn watch_bus<F: Future<Output = ()>>(
        &self,
        watched: &impl Fn(bool),
        lock: &impl Fn(Cause) -> F,
    ) -> zbus::Result<()> {
        let bus = self.bus.connect().await?;
        let rule = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .sender("org.freedesktop.DBus")
            .member("NameOwnerChanged")
            .arg(0, LOGIND)
            .build()?;
        let mut owners = MessageStream::for_match_rule(rule, &bus, None).await?;
        loop {
            let mut failed = false;
            match self
                .bus
                .find(&bus, WellKnownName::from_static_str_unchecked(LOGIND))
                .await
            {
                Ok(owner) => {
                    let ended = watch_owner(&bus, &owner, &mut owners, watched, lock).await;
                    watched(false);
                    if let Err(error) = ended {
                        tracing::warn!(%error, "logind cannot be watched");
                        failed = true;
                    }
                }
                Err(why) => tracing::info!(%why, "suspend and the session's lock are not heard: there is no logind"),
            }
            tokio::select! {
                owner = owners.next() => if owner.is_none() {
                    return Ok(());
                },
                // What failed once is tried again, though logind is the same.
                () = tokio::time::sleep(PAUSE), if failed => {}
            }
        }
    }
}

/// Until logind is gone from the bus, or another one has its name.
async fn watch_owner<F: Future<Output = ()>>(
    bus: &Connection,
    owner: &OwnedUniqueName,
    owners: &mut MessageStream,
    watched: &impl Fn(bool),
    lock: &impl Fn(Cause) -> F,
) -> zbus::Result<()> {
    let rule = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender(owner.inner().clone())
        .build()?;
    let mut signals = MessageStream::for_match_rule(rule, bus, None).await?;
    let manager = ManagerProxy::builder(bus)
        .destination(owner.clone())
        .cache_properties(CacheProperties::No)
        .build()
        .await?;
    // After the signals, so that no session is missed.
    let mut sessions = Sessions::new(getuid().as_raw());
    sessions.list(manager.list_sessions().await?);
    let mut delay = delay_sleep(&manager).await;
    watched(true);
    loop {
        let message = tokio::select! {
            message = signals.next() => message,
            _ = owners.next() => return Ok(()),
        };
        let Some(message) = message.transpose()? else {
            return Ok(());
        };
        let Some(told) = Told::by(&message) else { continue };
        match sessions.hear(&told) {
            Act::Nothing => {}
            Act::List => sessions.list(manager.list_sessions().await?),
            Act::Awake => delay = delay_sleep(&manager).await,
            Act::Lock(cause) => {
                tracing::info!(%cause, "locking");
                lock(cause).await;
                if cause == Cause::Sleep {
                    // The machine may sleep now.
                    drop(delay.take());
                }
            }
        }
    }
}

/// Has logind wait with the machine's sleep until this is dropped. `None`: it does not, so the lock races the sleep.
async fn delay_sleep(manager: &ManagerProxy<'_>) -> Option<OwnedFd> {
    let delay = manager
        .inhibit("sleep", "Claviger", "Passkeys are locked before sleep", "delay")
        .await;
    delay
        .inspect_err(|error| tracing::warn!(%error, "logind does not wait with the machine's sleep"))
        .ok()
}
