//! The native host's side of the bus.

use std::future::pending;
use std::path::Path;
use std::sync::Arc;

use claviger_peer::{PeerError, Peers, Role};
use claviger_prompt_api::dbus;
use claviger_prompt_api::manage;
use futures_util::StreamExt as _;
use tokio::sync::{Mutex, Notify};
use zbus::DBusError as _;
use zbus::names::OwnedUniqueName;
use zbus::proxy::CacheProperties;

use super::Upstream;
use super::message::Status;
use crate::browser::message::{Kind, RequestId};

const NOT_RUNNING: &str =
    "The Claviger platform is not running and cannot be started. Run `claviger doctor` to see why.";

/// The broker over a bus connection, found and proved anew for each call, because it may restart. The first call starts it if the
/// bus knows how.
pub struct BusUpstream {
    peers: Option<Peers>,
    /// The broker that was spoken to last.
    broker: Mutex<Option<Arc<Broker>>>,
    /// Woken when it is another one.
    changed: Notify,
}

struct Broker {
    name: OwnedUniqueName,
    browser: Browser1Proxy<'static>,
    problems: Mutex<ProblemStream>,
}

impl BusUpstream {
    /// Connects to the session bus. Without one, every question is answered by "the platform is not running". `own_executable` is
    /// the program that the broker runs too.
    pub async fn session(own_executable: &Path) -> Self {
        let connection = match zbus::Connection::session().await {
            Ok(connection) => connection,
            Err(error) => {
                tracing::error!(%error, "there is no session bus");
                return Self::with(None);
            }
        };
        Self::new(&connection, own_executable).await
    }

    /// Talks over `connection`.
    pub async fn new(connection: &zbus::Connection, own_executable: &Path) -> Self {
        match Peers::new(connection, own_executable).await {
            Ok(peers) => Self::with(Some(peers)),
            Err(error) => {
                tracing::error!(%error, "the bus connection cannot be used");
                Self::with(None)
            }
        }
    }

    fn with(peers: Option<Peers>) -> Self {
        Self {
            peers,
            broker: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// The broker, or why there is none, for the user.
    async fn broker(&self) -> Result<Arc<Broker>, String> {
        let peers = self.peers.as_ref().ok_or_else(|| NOT_RUNNING.to_owned())?;
        let name = peers.find(Role::Broker).await.map_err(|error| match error {
            PeerError::Bus(text) => {
                tracing::warn!(error = text, "there is no broker");
                NOT_RUNNING.to_owned()
            }
            error => format!("Another program may pose as the Claviger platform: {error}."),
        })?;
        let mut known = self.broker.lock().await;
        match &*known {
            Some(broker) if broker.name == name => Ok(Arc::clone(broker)),
            _ => {
                let broker = Broker::new(peers.connection(), name).await;
                let broker = Arc::new(broker.map_err(|error| problem(&error))?);
                *known = Some(Arc::clone(&broker));
                self.changed.notify_waiters();
                Ok(broker)
            }
        }
    }
}

impl Upstream for BusUpstream {
    async fn ceremony(&self, kind: Kind, request: String) -> Result<String, String> {
        let broker = self.broker().await?;
        let answer = broker.browser.ceremony(kind.name(), &request).await;
        answer.map_err(|error| problem(&error))
    }

    async fn cancel(&self, id: &RequestId) {
        let Ok(broker) = self.broker().await else { return };
        if let Err(error) = broker.browser.cancel(id.as_str()).await {
            tracing::warn!(%error, "a request could not be withdrawn");
        }
    }

    async fn undelivered(&self, id: &RequestId) {
        let Ok(broker) = self.broker().await else { return };
        if let Err(error) = broker.browser.undelivered(id.as_str()).await {
            tracing::warn!(%error, "the platform was not told that an answer was not delivered");
        }
    }

    async fn problem(&self) -> (RequestId, String) {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            let broker = self.broker.lock().await.clone();
            let told = async {
                match broker {
                    Some(broker) => broker.problem().await,
                    None => pending().await,
                }
            };
            tokio::select! {
                problem = told => return problem,
                () = changed => {}
            }
        }
    }

    async fn capabilities(&self) -> Option<String> {
        let broker = self.broker().await.ok()?;
        match broker.browser.capabilities().await {
            Ok(json) => Some(json),
            Err(error) => {
                tracing::warn!(%error, "the platform does not say what it can do");
                None
            }
        }
    }

    async fn status(&self) -> Status {
        let answer = match &self.peers {
            Some(peers) => status(peers).await.map_err(|error| match error {
                dbus::Error::Bus(error) => problem(&error),
                error => error.description().unwrap_or(NOT_RUNNING).to_owned(),
            }),
            None => Err(NOT_RUNNING.to_owned()),
        };
        match answer {
            Ok(json) => read_status(&json),
            Err(problem) => Status {
                problem: Some(problem),
                ..Status::default()
            },
        }
    }
}

/// The client side of [`super::super::service::Browser1`].
#[zbus::proxy(
    interface = "org.claviger.Browser1",
    default_service = "org.claviger.Broker",
    default_path = "/org/claviger/Broker"
)]
trait Browser1 {
    fn ceremony(&self, kind: &str, request: &str) -> zbus::Result<String>;
    fn cancel(&self, request_id: &str) -> zbus::Result<()>;
    fn undelivered(&self, request_id: &str) -> zbus::Result<()>;
    fn capabilities(&self) -> zbus::Result<String>;
    #[zbus(signal)]
    fn problem(&self, request_id: &str, problem: &str) -> zbus::Result<()>;
}

impl Broker {
    async fn new(connection: &zbus::Connection, name: OwnedUniqueName) -> zbus::Result<Self> {
        let browser = Browser1Proxy::builder(connection)
            .destination(name.clone())
            .cache_properties(CacheProperties::No)
            .build()
            .await?;
        let problems = Mutex::new(browser.receive_problem().await?);
        Ok(Self {
            name,
            browser,
            problems,
        })
    }

    /// The next problem that it tells of.
    async fn problem(&self) -> (RequestId, String) {
        let mut problems = self.problems.lock().await;
        while let Some(problem) = problems.next().await {
            if let Ok(said) = problem.args()
                && let Ok(id) = RequestId::parse(said.request_id())
            {
                return (id, (*said.problem()).to_owned());
            }
        }
        pending().await
    }
}

async fn status(peers: &Peers) -> Result<String, dbus::Error> {
    dbus::manage(peers).await?.status().await
}

/// What of `Manage1.Status` the extension's popup shows.
fn read_status(json: &str) -> Status {
    let Ok(manage::Status { prompt, pin, .. }) = serde_json::from_str(json) else {
        return Status {
            platform: true,
            problem: Some("What the platform says of itself cannot be read. Restart your browser.".to_owned()),
            ..Status::default()
        };
    };
    let prompt = prompt.kind;
    let problem = if pin.is_some_and(|pin| pin.locked_out) {
        Some("The PIN is locked after too many wrong attempts.")
    } else if prompt.is_none() {
        Some("There is no prompt to ask you with. Start `claviger prompt`.")
    } else {
        None
    };
    Status {
        platform: true,
        prompt,
        pin: pin.is_some_and(|pin| pin.set),
        problem: problem.map(str::to_owned),
    }
}

/// A bus error as a sentence for the user.
fn problem(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(name, _, _)
            if matches!(
                name.as_str(),
                "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner"
            ) =>
        {
            NOT_RUNNING.to_owned()
        }
        zbus::Error::MethodError(_, Some(text), _) => text.clone(),
        error => format!("The Claviger platform cannot be asked: {error}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_peer::Standing;
    use claviger_prompt_api::manage::{AuditHead, PinStatus, PromptStatus};

    use super::*;

    #[test]
    fn status_is_read_from_the_brokers() {
        let said = |pin: PinStatus, kind: Option<&str>| {
            let status = manage::Status {
                version: "1.0.0".to_owned(),
                pid: 1,
                tier: Some("software".to_owned()),
                pin: Some(pin),
                recovery_code: manage::RecoveryCodeStatus::None,
                locks_with_session: None,
                verification_problem: None,
                prompt: PromptStatus {
                    attached: kind.is_some(),
                    kind: kind.map(str::to_owned),
                    standing: kind.map(|_| Standing::Unproved),
                    scripted: false,
                },
                roles: Standing::Unproved,
                scripted_prompt_allowed: false,
                providers: Vec::new(),
                troubles: Vec::new(),
                manifest_problems: Vec::new(),
                security_key: None,
                allowed_programs: Vec::new(),
                doors: Vec::new(),
                ceremonies_running: 0,
                audit: AuditHead {
                    entries: 0,
                    head: String::new(),
                },
            };
            read_status(&serde_json::to_string(&status).unwrap())
        };
        let pin = PinStatus {
            set: true,
            tries_left: 10,
            wait_ms: 0,
            locked_out: false,
            restored: false,
        };
        let fine = said(pin, Some("terminal"));
        assert_eq!(
            fine,
            Status {
                platform: true,
                prompt: Some("terminal".to_owned()),
                pin: true,
                problem: None,
            }
        );
        assert!(said(pin, None).problem.unwrap().contains("claviger prompt"));
        let locked = PinStatus {
            locked_out: true,
            restored: false,
            ..pin
        };
        assert!(said(locked, Some("terminal")).problem.unwrap().contains("locked"));
        assert!(read_status("nonsense").platform);
    }

    #[tokio::test]
    async fn without_a_bus_the_user_learns_what_to_do() {
        let nobody = BusUpstream::with(None);
        assert!(
            nobody
                .ceremony(Kind::Get, String::new())
                .await
                .unwrap_err()
                .contains("claviger doctor")
        );
        assert_eq!(nobody.capabilities().await, None);
        assert!(!nobody.status().await.platform);
        nobody.cancel(&RequestId::parse("1").unwrap()).await;
    }
}
