//! The broker at work: it performs what the pure half decides.
//!
//! [`Broker`] is a handle that doors, D-Bus interfaces and the binary share. Behind it are the registry, the caches, the rules, the
//! audit log, the prompt queue and one link per provider. Every ceremony runs in a task of its own, so that neither
//! a slow user nor a hanging provider holds up another; nothing here blocks while it holds a lock.
//!
//! Off the path of a ceremony: metadata and rules are written behind ([`Broker::flush`] writes what is pending), provider
//! descriptions are asked once per provider process.

mod approvals;
mod ceremonies;
mod config;
mod delivery;
mod door_switch;
mod enabling;
mod journal;
mod link;
mod logos;
mod manage;
mod passkeys;
mod prompt;
mod providers;
mod recovery;
mod run;
mod security_key;
mod start;
mod steps;
mod troubles;
mod unsigned;
mod verifier;

use std::collections::HashMap;
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use claviger_files::Durability;
use claviger_hello::ticket::PinTicket;
use claviger_hello::verification::NotVerified;
use claviger_joint::ProviderId;
use claviger_prompt_api::dbus::Error;
use claviger_prompt_api::trouble::Trouble;
use tokio::sync::{Notify, mpsc, watch};
use zbus::fdo::DBusProxy;
use zbus::names::UniqueName;

pub use config::Config;
pub use door_switch::DoorSwitch;
pub use link::Deadlines;
pub use security_key::{ManagedCredential, SecurityKeyCaller};
pub use start::StartError;
pub use verifier::{BusVerifier, ChangeFailure, Unavailable, UserVerifier, Verification, VerifierStatus};

use link::ProviderLink;
use run::Real;

use crate::audit::{AuditEvent, AuditLog, Entry, Repeats};
use crate::cache::Cache;
use crate::caller::PrivilegedCallers;
use crate::cancel::CancelToken;
use crate::ceremony;
use crate::dbus::Identifier;
use crate::patience::Patience;
use crate::queue::{PromptQueue, Ticket};
use crate::registry::{Digests, Registry};
use crate::rules::Rules;
use crate::types::{Caller, Door};

/// How long changed metadata and rules stay unwritten at most, unless writing takes longer.
const WRITE_BEHIND: Duration = Duration::from_secs(2);

/// What part of the time goes into writing behind, where there is always something to write: one of this many.
const WRITE_SHARE: u32 = 20;

/// How long running ceremonies may take to end when the broker does.
const SHUT_DOWN_DEADLINE: Duration = Duration::from_secs(1);

/// A handle of the running broker; cheap to clone. [`Broker::start`] makes it.
#[derive(Clone)]
pub struct Broker {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    connection: zbus::Connection,
    bus: DBusProxy<'static>,
    callers: Identifier,
    privileged: PrivilegedCallers,
    verifier: Arc<dyn UserVerifier>,
    registry: Mutex<Registry>,
    cache: Mutex<Cache>,
    rules: Mutex<RulesFile>,
    unconfirmed: Mutex<delivery::UnconfirmedFile>,
    /// What was found broken when the broker started, beyond what registry, cache and audit log say of themselves.
    troubles: Vec<Trouble>,
    audit: Mutex<AuditLog>,
    /// What goes into the log counted: see [`Broker::audit_unasked`].
    repeats: Mutex<Repeats>,
    digests: Digests,
    queue: Mutex<PromptQueue>,
    patience: Mutex<Patience>,
    prompt: prompt::PromptSlot,
    links: Mutex<HashMap<ProviderId, Arc<ProviderLink>>>,
    /// The mailbox of every ceremony.
    ceremonies: Mutex<HashMap<Ticket, mpsc::UnboundedSender<ceremony::Event<Real>>>>,
    /// Who is to be told when a bus connection ends.
    attended: Mutex<HashMap<String, Vec<(u64, CancelToken)>>>,
    doors: Mutex<Vec<Door>>,
    activatable: Mutex<Vec<String>>,
    probes: security_key::Probes,
    /// Woken when something is to be written behind.
    unsaved: Notify,
    /// Whose turn it is to write behind; who ends the broker waits for it.
    writing: Arc<tokio::sync::Mutex<()>>,
    /// Ends the tasks that run as long as the broker.
    stopped: watch::Sender<bool>,
}

#[derive(Default)]
struct RulesFile {
    rules: Rules,
    unsaved: bool,
}

impl Broker {
    /// Identifies callers on the broker's bus connection.
    pub fn callers(&self) -> &Identifier {
        &self.inner.callers
    }

    /// The programs that may name a web origin.
    pub fn privileged_callers(&self) -> &PrivilegedCallers {
        &self.inner.privileged
    }

    /// The broker's bus connection, for doors that serve interfaces at its object.
    pub fn connection(&self) -> &zbus::Connection {
        &self.inner.connection
    }

    /// Names a door that is open, for `claviger status`.
    pub fn door_opened(&self, door: Door) {
        let mut doors = lock(&self.inner.doors);
        if !doors.contains(&door) {
            doors.push(door);
        }
    }

    /// Tells `token` that the caller is gone when `sender` leaves the bus, as long as the returned value lives.
    ///
    /// Call it before identifying the sender: then a sender that leaves in between fails the identification.
    pub fn attend(&self, sender: &UniqueName<'_>, token: &CancelToken) -> Attendance {
        let mut attended = lock(&self.inner.attended);
        let list = attended.entry(sender.as_str().to_owned()).or_default();
        let number = list.last().map_or(0, |(last, _)| last.wrapping_add(1));
        list.push((number, token.clone()));
        Attendance {
            broker: self.clone(),
            sender: sender.as_str().to_owned(),
            number,
        }
    }

    /// What hello says of itself; from memory where that is fresh.
    ///
    /// # Errors
    /// Hello cannot be reached.
    pub async fn verifier_status(&self) -> Result<VerifierStatus, Unavailable> {
        self.inner.verifier.status().await
    }

    /// Has hello check a client PIN (CTAP 2.1 §6.5.5.7): a sealed memory file with the first 16 bytes of the PIN's SHA-256, passed on
    /// unread, for `caller`. Wrong ones count like those that are typed into the prompt.
    ///
    /// # Errors
    /// Hello cannot be reached.
    pub async fn check_client_pin(
        &self,
        caller: &Caller,
        pin_hash: OwnedFd,
    ) -> Result<Result<PinTicket, NotVerified>, Unavailable> {
        let outcome = self.inner.verifier.check_client_pin(pin_hash).await?;
        match &outcome {
            Err(why @ NotVerified::WrongPin { .. }) => self.audit(&Entry::failed(AuditEvent::Verification, *why)),
            // A program can ask for this as often as it likes.
            Err(why @ (NotVerified::LockedOut | NotVerified::PromptOnly { .. })) => {
                self.audit_unasked(Entry {
                    caller: Some(journal::who(caller)),
                    ..Entry::failed(AuditEvent::Verification, *why)
                });
            }
            Ok(_)
            | Err(
                NotVerified::Wait { .. }
                | NotVerified::NoPin
                | NotVerified::TicketGone
                | NotVerified::Cancelled
                | NotVerified::WrongCode { .. }
                | NotVerified::NoCode,
            ) => {}
        }
        Ok(outcome)
    }

    /// Writes what is pending. Called by itself while the broker runs; call it once more at the end.
    pub async fn flush(&self) {
        self.audit_repeats();
        // Its own until all is on disk, even when nobody waits for it any more.
        let turn = Arc::clone(&self.inner.writing).lock_owned().await;
        let unsaved = lock(&self.inner.cache).take_unsaved();
        let unconfirmed = {
            let mut file = lock(&self.inner.unconfirmed);
            std::mem::take(&mut file.unsaved).then(|| file.list.to_json())
        };
        let (inner, unconfirmed_path) = (Arc::clone(&self.inner), self.inner.unconfirmed_path());
        let written = tokio::task::spawn_blocking(move || {
            let mut failed = Vec::new();
            for list in unsaved {
                let provider = list.provider().clone();
                if let Err(error) = list.save() {
                    tracing::error!(%provider, %error, "metadata was not saved");
                    failed.push(provider);
                }
            }
            let save = |path: PathBuf, json: String| {
                claviger_files::replace_private(&path, json.as_bytes(), Durability::Crash)
            };
            // The lock is held until it is written, or a decision of the user's would be written between, and lost.
            let rules = {
                let mut file = lock(&inner.rules);
                let json = std::mem::take(&mut file.unsaved).then(|| file.rules.to_json());
                let saved = json.map_or(Ok(()), |json| save(inner.rules_path(), json));
                file.unsaved |= saved.is_err();
                saved
            };
            let unconfirmed = unconfirmed.map_or(Ok(()), |json| save(unconfirmed_path, json));
            drop(turn);
            (failed, rules, unconfirmed)
        });
        let Ok((failed, rules, unconfirmed)) = written.await else {
            tracing::error!("writing behind failed");
            return;
        };
        // What was not written is written with the next change, or at the end.
        lock(&self.inner.cache).not_saved(&failed);
        if let Err(error) = rules {
            tracing::error!(%error, "the rules were not saved");
        }
        if let Err(error) = unconfirmed {
            tracing::error!(%error, "the list of unconfirmed passkeys was not saved");
            lock(&self.inner.unconfirmed).unsaved = true;
        }
    }

    /// Changes the rules as the user says, in memory only if it is on disk.
    fn decide_rules<T>(&self, change: impl FnOnce(&mut Rules) -> T) -> Result<T, Error> {
        let mut file = lock(&self.inner.rules);
        let mut rules = file.rules.clone();
        let result = change(&mut rules);
        let json = rules.to_json();
        claviger_files::replace_private(&self.inner.rules_path(), json.as_bytes(), Durability::PowerCut)
            .map_err(|error| Error::failed(format!("The rules cannot be written: {error}.")))?;
        (file.rules, file.unsaved) = (rules, false);
        Ok(result)
    }

    /// Ends all ceremonies, writes what is pending and closes the audit log in order.
    pub async fn shut_down(&self) {
        for mailbox in lock(&self.inner.ceremonies).values() {
            // A ceremony that ended meanwhile needs no telling.
            let _ = mailbox.send(ceremony::Event::CallerCancelled);
        }
        // They take their views and the providers' work along; a moment for that, no more.
        let mut changes = self.inner.prompt.changes();
        let ended = async { while !lock(&self.inner.ceremonies).is_empty() && changes.changed().await.is_ok() {} };
        if tokio::time::timeout(SHUT_DOWN_DEADLINE, ended).await.is_err() {
            tracing::warn!("a ceremony did not end in time");
        }
        self.inner.stopped.send_replace(true);
        self.flush().await;
        let counted = lock(&self.inner.repeats).close();
        for entry in counted {
            self.audit(&entry);
        }
        self.audit(&Entry::ok(AuditEvent::Stopped));
        if let Err(error) = lock(&self.inner.audit).sync() {
            tracing::error!(%error, "the audit log was not synchronised");
        }
    }

    /// Tells a ceremony something.
    fn tell(&self, ticket: Ticket, event: ceremony::Event<Real>) {
        if let Some(mailbox) = lock(&self.inner.ceremonies).get(&ticket) {
            // A ceremony that ended meanwhile needs no telling.
            let _ = mailbox.send(event);
        }
    }

    /// Tells every ceremony something.
    fn tell_all(&self, event: impl Fn() -> ceremony::Event<Real>) {
        for mailbox in lock(&self.inner.ceremonies).values() {
            let _ = mailbox.send(event());
        }
    }

    /// Changes the rules and has them written behind.
    fn change_rules<T>(&self, change: impl FnOnce(&mut Rules) -> T) -> T {
        let result = {
            let mut file = lock(&self.inner.rules);
            file.unsaved = true;
            change(&mut file.rules)
        };
        self.inner.unsaved.notify_one();
        result
    }

    /// Changes the cache and has it written behind.
    fn change_cache<T>(&self, change: impl FnOnce(&mut Cache) -> T) -> T {
        let result = change(&mut lock(&self.inner.cache));
        self.inner.unsaved.notify_one();
        result
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("config", &self.inner.config)
            .finish_non_exhaustive()
    }
}

/// Keeps a caller attended; see [`Broker::attend`].
#[derive(Debug)]
pub struct Attendance {
    broker: Broker,
    sender: String,
    number: u64,
}

impl Attendance {
    /// The unique name that is attended.
    pub fn sender(&self) -> &str {
        &self.sender
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        let mut attended = lock(&self.broker.inner.attended);
        if let Some(list) = attended.get_mut(&self.sender) {
            list.retain(|(number, _)| *number != self.number);
            if list.is_empty() {
                attended.remove(&self.sender);
            }
        }
    }
}

impl Inner {
    fn rules_path(&self) -> PathBuf {
        self.config.state_dir.join("rules.json")
    }

    fn unconfirmed_path(&self) -> PathBuf {
        self.config.state_dir.join("unconfirmed.json")
    }

    fn audit_path(&self) -> PathBuf {
        self.config.state_dir.join("audit.jsonl")
    }
}

/// What tells one caller from another in the prompt queue.
fn caller_key(caller: &Caller) -> String {
    format!("{}/{}", caller.pid, caller.executable.display())
}

/// Unix time in milliseconds.
fn now_ms() -> u64 {
    u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX)
}

/// Unix time in microseconds.
fn now_us() -> u64 {
    u64::try_from(since_epoch().as_micros()).unwrap_or(u64::MAX)
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Locks; a task that panicked while it held the lock left nothing half done that the others could not stand.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
