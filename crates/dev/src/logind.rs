//! As much of logind as it takes to hear of sleep, of locked sessions and of their end. The real one manages the machine's terminals and
//! control groups, and runs beside systemd only; what it says is as its documentation (org.freedesktop.login1(5)) has it.

use std::io::{PipeReader, pipe};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::getuid;
use zbus::{Connection, OwnedFd, OwnedObjectPath};

const PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION: &str = "org.freedesktop.login1.Session";

/// A logind with one session, of whoever runs the test, at a seat.
#[derive(Debug, Clone)]
pub struct Logind {
    bus: Connection,
    delays: Delays,
}

/// The other ends of what was handed out.
type Delays = Arc<Mutex<Vec<PipeReader>>>;

#[derive(Debug)]
struct Manager(Delays);

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Manager {
    fn inhibit(&self, what: &str, who: &str, why: &str, mode: &str) -> zbus::fdo::Result<OwnedFd> {
        assert_eq!((what, mode), ("sleep", "delay"));
        assert!(!who.is_empty() && !why.is_empty());
        let (held, given) = pipe().map_err(|error| zbus::fdo::Error::IOError(error.to_string()))?;
        lock(&self.0).push(held);
        Ok(std::os::fd::OwnedFd::from(given).into())
    }

    #[allow(clippy::unused_self)]
    fn list_sessions(&self) -> Vec<(String, u32, String, String, OwnedObjectPath)> {
        let (id, name, seat) = ("1".to_owned(), "tester".to_owned(), "seat0".to_owned());
        vec![(id, getuid().as_raw(), name, seat, Logind::session())]
    }
}

impl Logind {
    /// Serves on this connection and takes logind's name.
    pub async fn serve(bus: Connection) -> Self {
        let delays = Delays::default();
        let objects = bus.object_server();
        objects.at(PATH, Manager(Arc::clone(&delays))).await.unwrap();
        bus.request_name("org.freedesktop.login1").await.unwrap();
        Self { bus, delays }
    }

    /// Leaves the bus.
    pub async fn end(self) {
        self.bus.close().await.unwrap();
    }

    /// How many still have the machine's sleep wait.
    pub fn delays(&self) -> usize {
        let mut delays = lock(&self.delays);
        delays.retain(|held| {
            let mut fds = [PollFd::new(held, PollFlags::IN)];
            poll(&mut fds, Some(&rustix::time::Timespec::default())).unwrap() == 0
        });
        delays.len()
    }

    /// The machine is about to sleep, or has woken.
    pub async fn prepare_for_sleep(&self, starts: bool) {
        self.tell(PATH, MANAGER, "PrepareForSleep", &(starts,)).await;
    }

    /// The session is to be locked.
    pub async fn lock_session(&self) {
        self.tell(Self::session().as_str(), SESSION, "Lock", &()).await;
    }

    /// The session has ended.
    pub async fn end_session(&self) {
        self.tell(PATH, MANAGER, "SessionRemoved", &("1", Self::session()))
            .await;
    }

    fn session() -> OwnedObjectPath {
        OwnedObjectPath::try_from("/org/freedesktop/login1/session/_31").unwrap()
    }

    async fn tell(
        &self,
        path: &str,
        interface: &str,
        signal: &str,
        body: &(impl serde::Serialize + zbus::zvariant::DynamicType),
    ) {
        self.bus
            .emit_signal(None::<&str>, path, interface, signal, body)
            .await
            .unwrap();
    }
}

fn lock(delays: &Delays) -> std::sync::MutexGuard<'_, Vec<PipeReader>> {
    delays.lock().unwrap_or_else(PoisonError::into_inner)
}
