//! The broker at work: it performs what the pure half decides.
//!
//! [`Broker`] is a handle that doors, D-Bus interfaces and the binary share. Behind it are the registry, the caches, the rules, the
//! audit log, the prompt queue and one link per provider. Every ceremony runs in a task of its own, so that neither
//! a slow user nor a hanging provider holds up another; nothing here blocks while it holds a lock.
//!
//! Off the path of a ceremony: metadata and rules are written behind ([`Broker::flush`] writes what is pending), provider
//! descriptions are asked once per provider process.

mod approvals;
mod link;
mod manage;
mod ordered;
mod prompt;
mod providers;
mod run;
mod security_key;
mod start;
mod verifier;

use std::collections::HashMap;
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use claviger_ctap::crypto::Crypto;
use claviger_provider::ProviderId;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use zbus::fdo::DBusProxy;
use zbus::names::UniqueName;

pub use link::Deadlines;
pub use security_key::{ManagedCredential, SecurityKeyCaller};
pub use start::StartError;
pub use verifier::{BusVerifier, Unavailable, UserVerifier, Verification, VerifierStatus};

use crate::audit::{Audit, Entry, Event, EvidenceKind, Repeats, Who};
use crate::cache::Cache;
use crate::caller::{Identifier, PrivilegedCallers};
use crate::cancel::CancelToken;
use crate::ceremony::{self, Input, Outcome};
use crate::choice::{Lock, PasskeySnapshot, Preference, ProviderSnapshot};
use crate::pin_ticket::{ClientPinCheck, ClientPinOutcome, PinTicket};
use crate::queue::{PromptQueue, Ticket};
use crate::registry::{BUILT_IN, Registry, State};
use crate::rules::Rules;
use crate::types::{Caller, Cause, CeremonyAnswer, CeremonyRequest, Door, UserVerification};
use crate::view::text;
use link::Link;
use run::{Finished, Real, Subject};

/// How long changed metadata and rules stay unwritten at most.
const WRITE_BEHIND: Duration = Duration::from_secs(2);

/// How long running ceremonies may take to end when the broker does.
const SHUT_DOWN_DEADLINE: Duration = Duration::from_secs(1);

/// What the broker needs to know before it starts.
pub struct Config {
    /// Where registry, caches, rules and audit log are kept; made if missing.
    pub state_dir: PathBuf,
    /// Where manifests lie, the administrator's folders before the user's.
    pub manifest_dirs: Vec<PathBuf>,
    /// Files that list programs, beyond the known browsers, that may name a web origin.
    pub privileged_caller_files: Vec<PathBuf>,
    /// The broker's own program, which prompt and command line must run too.
    pub own_executable: PathBuf,
    /// Whether a prompt that acts by a script may attach: for tests only.
    pub allow_scripted_prompt: bool,
    /// The version to show.
    pub version: String,
    /// Who verifies users; `None` means hello over the same bus.
    pub verifier: Option<Arc<dyn UserVerifier>>,
    /// How long providers have.
    pub deadlines: Deadlines,
    /// The cryptography.
    pub crypto: &'static dyn Crypto,
}

impl Config {
    /// The usual configuration: hello over the bus, native cryptography, no scripted prompt, nothing beyond the known browsers.
    pub fn new(state_dir: PathBuf, manifest_dirs: Vec<PathBuf>, own_executable: PathBuf) -> Self {
        Self {
            state_dir,
            manifest_dirs,
            privileged_caller_files: Vec::new(),
            own_executable,
            allow_scripted_prompt: false,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            verifier: None,
            deadlines: Deadlines::default(),
            crypto: claviger_ctap::crypto::native(),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("state_dir", &self.state_dir)
            .field("manifest_dirs", &self.manifest_dirs)
            .field("own_executable", &self.own_executable)
            .field("allow_scripted_prompt", &self.allow_scripted_prompt)
            .finish_non_exhaustive()
    }
}

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
    audit: Mutex<Audit>,
    /// What goes into the log counted: see [`Broker::audit_unasked`].
    repeats: Mutex<Repeats>,
    queue: Mutex<PromptQueue>,
    prompt: prompt::PromptSlot,
    links: Mutex<HashMap<ProviderId, Arc<Link>>>,
    /// The mailbox of every ceremony.
    ceremonies: Mutex<HashMap<Ticket, mpsc::UnboundedSender<ceremony::Event<Real>>>>,
    /// Who is to be told when a bus connection ends.
    attended: Mutex<HashMap<String, Vec<(u64, CancelToken)>>>,
    doors: Mutex<Vec<&'static str>>,
    activatable: Mutex<Vec<String>>,
    probes: security_key::Probes,
    /// Woken when something is to be written behind.
    unsaved: Notify,
    /// Ends the tasks that run as long as the broker.
    stopped: watch::Sender<bool>,
}

#[derive(Default)]
struct RulesFile {
    rules: Rules,
    unsaved: bool,
}

impl Broker {
    /// Runs one ceremony to its end. Any number may run side by side.
    ///
    /// The answer has passed every check. A `Cause` is the true one, for the user and the log; what the site may learn is the door's
    /// matter. Dropping the future does not end the ceremony: [`CancelToken`] does.
    ///
    /// # Errors
    /// See [`Cause`].
    pub async fn ceremony(&self, request: CeremonyRequest, cancel: CancelToken) -> Result<CeremonyAnswer, Cause> {
        self.ceremony_with(request, None, cancel).await
    }

    /// The same for a caller that has a ticket of [`Broker::check_client_pin`]: it stands for the PIN, so the user is asked for consent
    /// only. A ticket that hello has forgotten is no error: then the PIN is asked for.
    ///
    /// # Errors
    /// See [`Cause`].
    pub async fn ceremony_with(
        &self,
        mut request: CeremonyRequest,
        ticket: Option<PinTicket>,
        cancel: CancelToken,
    ) -> Result<CeremonyAnswer, Cause> {
        let caller = request.caller.clone();
        let key = caller_key(&caller);
        let started = Instant::now();
        let deadline = started + request.timeout;
        let expires_ms = now_ms().saturating_add(u64::try_from(request.timeout.as_millis()).unwrap_or(u64::MAX));
        let event = match request.operation {
            crate::types::Operation::Make(_) => Event::Create,
            crate::types::Operation::Get(_) => Event::Get,
        };
        let hello = self.inner.verifier.status().await.map(|status| status.hello);
        let Ok(hello) = hello else {
            return Err(self.refused_early(&caller, event, request.site.rp_id, Cause::VerificationUnavailable));
        };
        self.introduce_vault().await;
        self.refresh_activatable().await;
        self.heed_protection(&mut request);
        let input = {
            let (providers, passkeys, preference) = self.snapshot(&request);
            let transactions = [self.transaction()?, self.transaction()?];
            Input::ceremony(
                &request,
                &providers,
                &passkeys,
                &preference,
                hello,
                transactions,
                expires_ms,
            )
        };
        let rp_id = request.site.rp_id.clone();
        // CTAP 2.1 §6.1.2 step 3: a program learns of that before anybody is asked.
        if caller.door == Door::Hid && input.is_unsupported() {
            return Err(self.refused_early(&caller, event, rp_id, Cause::Unsupported));
        }
        // A frame asks in the name of the page that it is in: frames are free to have any number of origins.
        let page = request.site.top_origin.clone().or_else(|| request.site.origin.clone());
        let finished = self
            .run(
                (&key, page.as_deref()),
                (input, ticket),
                Subject::Ceremony(Box::new(request)),
                deadline,
                cancel,
            )
            .await;
        let entry = match &finished.result {
            Ok(_) => Entry::ok(event),
            Err(cause) => Entry {
                detail: Some(cause.to_string()),
                ..Entry::failed(event, cause.code())
            },
        };
        let entry = Entry {
            caller: Some(who(&caller)),
            rp_id: Some(rp_id),
            provider: finished.provider,
            evidence: finished.evidence,
            detail: entry.detail.clone().or(finished.remark),
            ..entry
        };
        match &finished.result {
            Err(cause) if entry.evidence.is_none() && needs_no_user(cause) => self.audit_unasked(entry),
            _ => self.audit(&entry),
        }
        tracing::debug!(
            milliseconds = started.elapsed().as_millis(),
            ok = finished.result.is_ok(),
            "a ceremony ended"
        );
        match finished.result? {
            Outcome::Answered(answer) => Ok(answer),
            Outcome::Approved { .. } => Err(Cause::Internal("an approval in place of an answer".into())),
        }
    }

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
    pub fn door_opened(&self, name: &'static str) {
        let mut doors = lock(&self.inner.doors);
        if !doors.contains(&name) {
            doors.push(name);
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

    /// Records a request that a door refused before any ceremony began: a foreign RP ID, a forged origin, … `detail` holds no secret.
    pub fn refused_at_door(&self, caller: &Caller, event: Event, rp_id: Option<&str>, detail: &str) {
        let entry = Entry::failed(event, "refused-at-door").detail(detail);
        self.audit_unasked(Entry {
            caller: Some(who(caller)),
            rp_id: rp_id.map(str::to_owned),
            ..entry
        });
    }

    /// What hello says of itself; from memory where that is fresh.
    ///
    /// # Errors
    /// Hello cannot be reached.
    pub async fn verifier_status(&self) -> Result<VerifierStatus, Unavailable> {
        self.inner.verifier.status().await
    }

    /// Has hello check a client PIN (CTAP 2.1 §6.5.5.7): a sealed memory file with the first 16 bytes of the PIN's SHA-256, passed on
    /// unread. Wrong ones count like those that are typed into the prompt.
    ///
    /// # Errors
    /// Hello cannot be reached.
    pub async fn check_client_pin(&self, pin_hash: OwnedFd) -> Result<ClientPinCheck, Unavailable> {
        let check = self.inner.verifier.check_client_pin(pin_hash).await?;
        match check.outcome {
            ClientPinOutcome::Wrong => self.audit(&Entry::failed(Event::Verification, "wrong-pin")),
            ClientPinOutcome::Blocked => {
                // A program can ask for this as often as it likes.
                let cause = if check.tries_left == 0 {
                    "locked-out"
                } else {
                    "prompt-only"
                };
                // Without a caller to count by it would be written every time.
                self.audit_unasked(Entry {
                    caller: Some(Who {
                        door: Door::Hid.name().to_owned(),
                        name: text::UNNAMED_PROGRAM.to_owned(),
                        executable: String::new(),
                    }),
                    ..Entry::failed(Event::Verification, cause)
                });
            }
            ClientPinOutcome::Right(_) | ClientPinOutcome::NotSet | ClientPinOutcome::Wait => {}
        }
        Ok(check)
    }

    /// Writes what is pending. Called by itself while the broker runs; call it once more at the end.
    pub async fn flush(&self) {
        self.audit_repeats();
        let unsaved = lock(&self.inner.cache).take_unsaved();
        let rules = {
            let mut file = lock(&self.inner.rules);
            std::mem::take(&mut file.unsaved).then(|| file.rules.to_json())
        };
        let path = self.inner.rules_path();
        let written = tokio::task::spawn_blocking(move || {
            for list in unsaved {
                let provider = list.provider().clone();
                if let Err(error) = list.save() {
                    tracing::error!(%provider, %error, "metadata was not saved");
                }
            }
            if let Some(json) = rules
                && let Err(error) = crate::files::replace(&path, json.as_bytes(), crate::files::Durability::Crash)
            {
                tracing::error!(%error, "the rules were not saved");
            }
        });
        if written.await.is_err() {
            tracing::error!("writing behind failed");
        }
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
        self.audit(&Entry::ok(Event::Stopped));
        if let Err(error) = lock(&self.inner.audit).sync() {
            tracing::error!(%error, "the audit log was not synchronised");
        }
    }

    /// Runs a machine in a task of its own, for a caller and, if it is a browser, a page.
    async fn run(
        &self,
        (caller, page): (&str, Option<&str>),
        start: (Input, Option<PinTicket>),
        subject: Subject,
        deadline: Instant,
        cancel: CancelToken,
    ) -> Finished {
        let ticket = match lock(&self.inner.queue).admit(caller, page) {
            Ok(ticket) => ticket,
            Err(cause) => return Finished::early(cause),
        };
        let (sender, mailbox) = mpsc::unbounded_channel();
        lock(&self.inner.ceremonies).insert(ticket, sender);
        let ceremony = run::Ceremony::new(self.clone(), ticket, subject, deadline);
        let broker = self.clone();
        let task = tokio::spawn(async move {
            let _place = Place { broker, ticket };
            ceremony.run(start, mailbox, cancel).await
        });
        task.await
            .unwrap_or_else(|_| Finished::early(Cause::Internal("the ceremony's task ended".into())))
    }

    /// What a ceremony for `rp_id` starts from.
    fn snapshot(&self, request: &CeremonyRequest) -> (Vec<ProviderSnapshot>, Vec<PasskeySnapshot>, Preference) {
        let (registry, cache, rules) = (
            lock(&self.inner.registry),
            lock(&self.inner.cache),
            lock(&self.inner.rules),
        );
        let (links, activatable) = (lock(&self.inner.links), lock(&self.inner.activatable));
        let rp_id = request.site.rp_id.as_str();
        let providers = registry
            .records()
            .filter(|(_, record)| record.state() != State::Unregistered)
            .map(|(id, record)| {
                let link = links.get(id);
                let profile = record.profile();
                let running = link.is_some_and(|link| link.is_running());
                let locked = link.and_then(|link| link.locked());
                let takes_box = profile.is_some_and(|profile| profile.takes_unlock_box);
                ProviderSnapshot {
                    id: id.to_string(),
                    name: record.manifest.name.clone(),
                    enabled: record.state() == State::Enabled,
                    reachable: running || activatable.contains(&record.manifest.bus_name),
                    lock: match locked {
                        // One that a box opens begins locked when it is started.
                        Some(true) | None if takes_box => Lock::Locked,
                        Some(true) => Lock::OwnMeans,
                        Some(false) | None => Lock::Open,
                    },
                    algorithms: profile
                        .map(|profile| profile.algorithms.clone())
                        .filter(|list| !list.is_empty()),
                    prf: profile.is_some_and(|profile| profile.prf),
                    allowed: record.manifest.serves(rp_id),
                    metadata_known: cache.generation(id) > 0,
                }
            })
            .collect();
        let passkeys = cache
            .for_site(rp_id)
            .filter(|(_, cached)| request.sees(cached.entry.protection))
            .map(|(provider, cached)| PasskeySnapshot {
                provider: provider.to_string(),
                id: cached.entry.credential_id.as_bytes().to_vec(),
                rp_id: cached.entry.rp_id.clone(),
                user_handle: cached
                    .entry
                    .user_handle
                    .as_ref()
                    .map(|handle| handle.as_bytes().to_vec()),
                user_name: cached.entry.user_name.clone(),
                display_name: cached.entry.display_name.clone(),
                discoverable: cached.entry.discoverable,
                created_ms: cached.entry.created_ms,
                last_used_ms: cached.entry.last_used_ms,
            })
            .collect();
        let mut preference = rules.rules.preference(rp_id);
        preference.default_provider.get_or_insert_with(|| BUILT_IN.to_owned());
        (providers, passkeys, preference)
    }

    /// A site that asks for no verification may have asked for it before, when it had the passkey made (credProtect). Then the user
    /// is verified. A program at the security-key door decides that by itself: to that one the passkey is not there.
    fn heed_protection(&self, request: &mut CeremonyRequest) {
        let cache = lock(&self.inner.cache);
        let mut here = cache.for_site(&request.site.rp_id);
        if request.caller.door != Door::Hid && here.any(|(_, cached)| request.hides(cached.entry.protection)) {
            request.user_verification = UserVerification::Required;
        }
    }

    fn transaction(&self) -> Result<ceremony::Transaction, Cause> {
        let mut transaction = [0; ceremony::TRANSACTION_BYTES];
        self.inner
            .config
            .crypto
            .random(&mut transaction)
            .map_err(|error| Cause::Internal(error.to_string()))?;
        Ok(transaction)
    }

    /// Writes an audit entry. A log that cannot be written stops nobody from signing in, but is reported loudly.
    fn audit(&self, entry: &Entry) {
        if let Err(error) = lock(&self.inner.audit).append(now_ms(), entry) {
            tracing::error!(%error, "the audit entry was not written");
        }
    }

    /// Writes an audit entry about something that a caller can do as often as it likes, because the user is not asked: repetitions
    /// are counted.
    fn audit_unasked(&self, entry: Entry) {
        self.audit_repeats();
        let admitted = lock(&self.inner.repeats).admit(entry, now_ms());
        if let Some(entry) = admitted {
            self.audit(&entry);
        }
    }

    /// Records a request that ends before the user is asked, and gives the cause back.
    fn refused_early(&self, caller: &Caller, event: Event, rp_id: String, cause: Cause) -> Cause {
        self.audit_unasked(Entry {
            caller: Some(who(caller)),
            rp_id: Some(rp_id),
            ..Entry::failed(event, cause.code())
        });
        cause
    }

    /// Writes what was counted and is due.
    fn audit_repeats(&self) {
        let due = lock(&self.inner.repeats).due(now_ms());
        for entry in due {
            self.audit(&entry);
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

/// A ceremony's place in the queue, given back however its task ends: a view that nobody serves would stay in front for ever.
struct Place {
    broker: Broker,
    ticket: Ticket,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.broker.inner.queue).leave(self.ticket);
        lock(&self.broker.inner.ceremonies).remove(&self.ticket);
        self.broker.inner.prompt.wake();
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

    fn audit_path(&self) -> PathBuf {
        self.config.state_dir.join("audit.jsonl")
    }
}

/// Whether a page can have its ceremonies end like this without the user doing anything.
fn needs_no_user(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Busy
            | Cause::VerificationUnavailable
            | Cause::CancelledByCaller
            | Cause::CallerGone
            | Cause::NoPrompt
            | Cause::Unsupported
            | Cause::DeniedByPolicy
            | Cause::ProviderDisabled
    )
}

/// What tells one caller from another in the prompt queue.
fn caller_key(caller: &Caller) -> String {
    format!("{}/{}", caller.pid, caller.executable.display())
}

fn who(caller: &Caller) -> Who {
    Who {
        door: caller.door.name().to_owned(),
        name: caller.name.clone(),
        executable: caller.executable.to_string_lossy().into_owned(),
    }
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

/// The kind of evidence, for the audit log.
fn evidence_kind(claims: &claviger_provider::evidence::EvidenceClaims) -> EvidenceKind {
    use claviger_provider::evidence::{Method, Tier};
    let method = match claims.method {
        Method::Pin => "pin".into(),
        Method::Fingerprint => "fingerprint".into(),
        Method::Face => "face".into(),
        Method::Password => "password".into(),
        Method::SmartCard => "smart-card".into(),
        Method::SecurityKey => "security-key".into(),
        Method::Other(number) => format!("method-{number}"),
    };
    let tier = match claims.tier {
        Tier::Software => "software".into(),
        Tier::Tpm => "tpm".into(),
        Tier::System => "system".into(),
        Tier::Other(number) => format!("tier-{number}"),
    };
    EvidenceKind { method, tier }
}
