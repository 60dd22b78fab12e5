//! `org.claviger.HidDoor1`: how the door's process is, for `claviger status`, and a knock when the user has changed a setting.
//!
//! The process takes the name [`NAME`] on the session bus, so there is one at a time. D-Bus does not start it: systemd does, at login.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use zbus::fdo::RequestNameFlags;

/// The process's bus name.
pub const NAME: &str = "org.claviger.HidDoor";

/// Its object.
pub const PATH: &str = "/org/claviger/HidDoor";

/// How the door is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The user has switched it off: there is no key.
    Off,
    /// There is a key that programs can open.
    Plugged,
    /// It listens at a socket, and no program is connected.
    Listening,
    /// There is no key, and why; it tries again.
    Unplugged(String),
}

/// How the door is, as `HidDoor1.Status` says it in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// In one word.
    pub state: Word,
    /// Why there is no key.
    pub problem: Option<String>,
}

/// A [`State`] in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// [`State::Off`].
    Off,
    /// [`State::Plugged`].
    Plugged,
    /// [`State::Listening`].
    Listening,
    /// [`State::Unplugged`].
    Unplugged,
    /// Nobody is there to ask; the door's process never says so of itself.
    NotRunning,
}

impl From<&State> for Report {
    fn from(state: &State) -> Self {
        let (state, problem) = match state {
            State::Off => (Word::Off, None),
            State::Plugged => (Word::Plugged, None),
            State::Listening => (Word::Listening, None),
            State::Unplugged(problem) => (Word::Unplugged, Some(problem.clone())),
        };
        Self { state, problem }
    }
}

/// The process's end: what it shows, and what it is told.
pub struct Control {
    state: watch::Sender<State>,
    reload: Arc<Notify>,
}

struct HidDoor1 {
    state: watch::Receiver<State>,
    reload: Arc<Notify>,
}

impl Control {
    /// Takes the name on `connection` and shows that the door is off.
    ///
    /// # Errors
    ///
    /// The bus refused; [`zbus::Error::NameTaken`] when another process of the door runs.
    pub async fn open(connection: &zbus::Connection) -> zbus::Result<Self> {
        let (sender, state) = watch::channel(State::Off);
        let reload = Arc::new(Notify::new());
        let interface = HidDoor1 {
            state,
            reload: Arc::clone(&reload),
        };
        connection.object_server().at(PATH, interface).await?;
        connection
            .request_name_with_flags(NAME, RequestNameFlags::DO_NOT_QUEUE)
            .await?;
        Ok(Self { state: sender, reload })
    }

    /// Shows how the door is.
    pub(super) fn show(&self, state: State) {
        tracing::debug!(?state, "the security-key door");
        self.state.send_replace(state);
    }

    /// Waits until a setting may have changed.
    pub(super) async fn knock(&self) {
        self.reload.notified().await;
    }
}

// The interface macro dictates the methods' shape.
#[zbus::interface(name = "org.claviger.HidDoor1")]
impl HidDoor1 {
    /// A [`Report`] as JSON.
    fn status(&self) -> String {
        // Words and texts always serialise.
        serde_json::to_string(&Report::from(&*self.state.borrow())).unwrap_or_default()
    }

    /// Reads the settings again.
    fn reload(&self) {
        self.reload.notify_one();
    }
}

/// The other end.
#[zbus::proxy(
    interface = "org.claviger.HidDoor1",
    default_service = "org.claviger.HidDoor",
    default_path = "/org/claviger/HidDoor"
)]
pub trait HidDoor1 {
    /// A [`Report`] as JSON.
    #[zbus(no_autostart)]
    fn status(&self) -> zbus::Result<String>;

    /// Reads the settings again.
    #[zbus(no_autostart)]
    fn reload(&self) -> zbus::Result<()>;
}
