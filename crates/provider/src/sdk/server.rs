//! The provider's object on the bus: admits requests, runs them one at a time, and keeps the platform informed.

use std::{
    collections::HashMap,
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use claviger_ctap::{
    crypto::{Crypto, CryptoError, native},
    get_assertion, make_credential,
    types::CredentialId,
};
use futures_util::StreamExt;
use tokio::{
    sync::{Mutex as AsyncMutex, mpsc, oneshot},
    task::JoinHandle,
};
use zbus::{
    Connection,
    fdo::{self, DBusProxy, RequestNameFlags},
    object_server::SignalEmitter,
};

use super::{
    Call, Failure, Provider,
    gate::{Admitted, Gate, Refused},
    link::{Link, VerifyUserError},
    push::Cache,
    state::StateError,
};
use crate::{
    answer::{Answer, LockStatePayload},
    dbus::{BROKER_NAME, PROVIDER_PATH},
    envelope::Request,
    evidence::VerifiedEvidence,
    ident::{ProviderId, TransactionId},
    manifest::{Manifest, PROTOCOL_VERSION},
    messages::Description,
    operation::{Cancel, Delete, Operation, Update},
    unlock::{UnlockError, UnlockKey},
};

/// How a provider is served.
pub struct Options {
    /// A folder of the provider's own for pinned keys and sequence numbers; made when it does not exist.
    pub state_dir: PathBuf,
    /// The cryptography.
    pub crypto: &'static dyn Crypto,
    /// Called before and after each registration, from within the runtime.
    pub registration: Option<RegistrationHook>,
    /// How many operations may wait while one runs; one more is answered *busy*.
    pub max_waiting: usize,
}

impl Options {
    /// The usual options: native cryptography, no hook, eight may wait.
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        Self {
            state_dir: state_dir.into(),
            crypto: native(),
            registration: None,
            max_waiting: 8,
        }
    }
}

/// Called around registrations; see [`RegistrationPhase`].
pub type RegistrationHook = Arc<dyn Fn(RegistrationPhase) + Send + Sync>;

/// Around a registration the broker looks at the provider's process. A process that hides itself (`PR_SET_DUMPABLE`) shows
/// itself between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationPhase {
    /// The registration is about to be sent.
    Before,
    /// It was answered, or failed.
    After,
}

/// Puts a provider on the bus: its object, then its name, then its registration (in the background, so that a provider works
/// before there is a broker).
///
/// # Errors
/// The name belongs to another process, the state folder is not usable, or the bus is gone.
pub async fn serve<P: Provider>(
    connection: &Connection,
    manifest: &Manifest,
    options: Options,
    provider: P,
) -> Result<Serving<P>, ServeError> {
    if !manifest.speaks_our_version() {
        return Err(ServeError::Version);
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&options.state_dir)?;
    let gate = Gate::open(&options.state_dir, manifest.id.clone(), options.crypto)?;
    let gate = Arc::new(Mutex::new(gate));
    let link = Link::new(
        connection,
        manifest.id.clone(),
        options.crypto,
        Arc::clone(&gate),
        options.registration,
    )
    .await?;
    let takes_secret = provider.takes_unlock_secret();
    let (changes, to_tell) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        id: manifest.id.clone(),
        name: manifest.name.clone(),
        crypto: options.crypto,
        unlock_key: takes_secret.then(|| UnlockKey::generate(options.crypto)).transpose()?,
        announced_lock: Mutex::new(provider.is_locked()),
        provider,
        gate,
        link,
        turn: AsyncMutex::new(()),
        pending: Mutex::default(),
        max_waiting: options.max_waiting,
        changes,
    });
    connection
        .object_server()
        .at(PROVIDER_PATH, Joint(Arc::clone(&shared)))
        .await?;
    match connection
        .request_name_with_flags(manifest.bus_name.as_str(), RequestNameFlags::DO_NOT_QUEUE)
        .await
    {
        Ok(_) => {}
        Err(zbus::Error::NameTaken) => return Err(ServeError::NameTaken),
        Err(error) => return Err(error.into()),
    }
    let emitter = SignalEmitter::new(connection, PROVIDER_PATH)?.into_owned();
    let keeper = Arc::clone(&shared);
    let task = tokio::spawn(async move {
        if let Err(error) = keeper.keep_informed(&emitter, to_tell).await {
            tracing::warn!(provider = %keeper.id, %error, "the bus is gone");
        }
    });
    Ok(Serving {
        handle: Handle { shared },
        task,
    })
}

/// A provider that is being served. Dropping it ends the registration and the pushes; the object goes with its connection.
pub struct Serving<P> {
    handle: Handle<P>,
    task: JoinHandle<()>,
}

impl<P: Provider> Serving<P> {
    /// The provider's grip on the platform, for its timers and windows.
    pub fn handle(&self) -> Handle<P> {
        self.handle.clone()
    }

    /// Waits until the bus is gone.
    pub async fn ended(mut self) {
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "serving ended by itself");
        }
    }
}

impl<P> Drop for Serving<P> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A provider's grip on the platform.
pub struct Handle<P> {
    shared: Arc<Shared<P>>,
}

impl<P> Clone for Handle<P> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<P: Provider> Handle<P> {
    /// The provider that is served.
    pub fn provider(&self) -> &P {
        &self.shared.provider
    }

    /// Tells the platform that lock state or credentials may have changed other than by its own requests.
    pub fn changed(&self) {
        self.shared.changed(Change::Any);
    }

    /// Locks the provider, after the operation that runs now, and tells the platform.
    pub async fn lock(&self) -> Result<(), Failure> {
        let turn = self.shared.turn.lock().await;
        let result = self.shared.provider.lock().await;
        drop(turn);
        self.changed();
        result
    }

    /// Asks the user, through the platform's prompt, to verify themselves for this transaction (a fresh one of the provider's
    /// own) and this buffer. `hint` says in the user's words what it is about.
    pub async fn verify_user(
        &self,
        transaction: TransactionId,
        hint: &str,
        buffer: &[u8],
    ) -> Result<VerifiedEvidence, VerifyUserError> {
        self.shared.link.verify_user(transaction, hint, buffer).await
    }
}

/// Why a provider cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The manifest names no version that this SDK speaks (the provider's author is at fault).
    #[error("the manifest does not offer version {PROTOCOL_VERSION} of the protocol")]
    Version,
    /// Another process has the provider's bus name.
    #[error("the provider runs already")]
    NameTaken,
    /// The pinned keys or sequence numbers are not usable.
    #[error("{0}")]
    State(#[from] StateError),
    /// The state folder cannot be made.
    #[error("the state folder: {0}")]
    Io(#[from] io::Error),
    /// The bus.
    #[error("the bus: {0}")]
    Bus(#[from] zbus::Error),
    /// The machine has no randomness.
    #[error("{0}")]
    Crypto(#[from] CryptoError),
}

/// The time, in milliseconds since 1970. A clock before 1970 makes every request one from the future.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What may have changed.
#[derive(Debug)]
enum Change {
    /// Lock state or credentials, or both.
    Any,
    /// This credential was used at this time (milliseconds since 1970), and nothing else changed.
    Used(CredentialId, u64),
}

struct Shared<P> {
    id: ProviderId,
    name: String,
    crypto: &'static dyn Crypto,
    provider: P,
    unlock_key: Option<UnlockKey>,
    gate: Arc<Mutex<Gate>>,
    link: Link,
    /// Held by the operation that runs; fair, so operations run in the order of their requests.
    turn: AsyncMutex<()>,
    /// The operations that run or wait, and how to cancel them.
    pending: Mutex<HashMap<TransactionId, oneshot::Sender<()>>>,
    max_waiting: usize,
    changes: mpsc::UnboundedSender<Change>,
    announced_lock: Mutex<bool>,
}

struct Joint<P>(Arc<Shared<P>>);

#[zbus::interface(name = "org.claviger.Provider1")]
impl<P: Provider> Joint<P> {
    fn describe(&self, versions: Vec<u32>) -> fdo::Result<Vec<u8>> {
        if versions.into_iter().all(|version| version != PROTOCOL_VERSION) {
            return Err(fdo::Error::NotSupported(format!(
                "this provider speaks version {PROTOCOL_VERSION}"
            )));
        }
        Ok(self.0.describe().encode())
    }

    async fn execute(&self, request: Vec<u8>) -> Vec<u8> {
        self.0.execute(&request).await.encode()
    }

    #[zbus(signal)]
    async fn lock_state_changed(emitter: &SignalEmitter<'_>, locked: bool) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn credentials_changed(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}

impl<P: Provider> Shared<P> {
    fn describe(&self) -> Description {
        Description {
            get_info: self.provider.info().to_cbor(),
            sequence_floor: lock(&self.gate).floor(),
            unlock_key: self.unlock_key.as_ref().map(|key| key.public().clone()),
            locked: self.provider.is_locked(),
            name: self.name.clone(),
        }
    }

    async fn execute(&self, envelope: &[u8]) -> Answer {
        let arrived = Instant::now();
        let mut admitted = lock(&self.gate).admit(envelope, now_ms());
        if admitted
            .as_ref()
            .is_err_and(|refused| refused.rule.may_pass_with_new_keys())
        {
            // The platform may have new keys for us, or hello its first one: ask, once, and look again.
            self.link.renew(arrived).await;
            admitted = lock(&self.gate).admit(envelope, now_ms());
        }
        match admitted {
            Ok(admitted) => self.perform(admitted).await,
            Err(Refused { transaction, rule }) => {
                tracing::warn!(provider = %self.id, %transaction, %rule, "request refused");
                Answer::failed(transaction, rule.status(), &rule.to_string())
            }
        }
    }

    async fn perform(&self, admitted: Admitted) -> Answer {
        let transaction = admitted.request.transaction;
        let operation = admitted.request.operation;
        let result = match operation {
            Operation::Cancel => self.cancel(&admitted.request),
            Operation::LockState => Ok(Some(
                LockStatePayload {
                    locked: self.provider.is_locked(),
                }
                .encode(),
            )),
            _ => self.queue(admitted).await,
        };
        match result {
            Ok(payload) => Answer::ok(transaction, payload),
            Err(failure) => {
                tracing::info!(provider = %self.id, %transaction, ?operation, status = ?failure.status(), "not done");
                Answer::failed(transaction, failure.status(), failure.reason())
            }
        }
    }

    fn cancel(&self, request: &Request) -> Result<Option<Vec<u8>>, Failure> {
        let target = Cancel::decode(&request.parameters).map_err(malformed)?.target;
        let cancel = lock(&self.pending).remove(&target);
        // An operation that ended in this moment has nobody listening any more.
        match cancel.map(|cancel| cancel.send(())) {
            Some(Ok(())) => Ok(None),
            Some(Err(())) | None => Err(Failure::not_found("no such operation runs or waits")),
        }
    }

    /// Runs an operation when its turn comes, unless it is cancelled or its time is over before it is done.
    async fn queue(&self, admitted: Admitted) -> Result<Option<Vec<u8>>, Failure> {
        let transaction = admitted.request.transaction;
        let time_left = Duration::from_millis(admitted.request.expires_ms.saturating_sub(now_ms()));
        let (cancel, cancelled) = oneshot::channel();
        {
            let mut pending = lock(&self.pending);
            if pending.len() > self.max_waiting {
                return Err(Failure::busy("too many operations wait"));
            }
            pending.insert(transaction, cancel);
        }
        let in_turn = async {
            let _turn = self.turn.lock().await;
            self.operate(admitted).await
        };
        let result = tokio::select! {
            biased;
            _ = cancelled => Err("cancelled by the platform"),
            () = tokio::time::sleep(time_left) => Err("the request's time is over"),
            result = in_turn => Ok(result),
        };
        lock(&self.pending).remove(&transaction);
        result.unwrap_or_else(|reason| {
            // What was dropped half-way may have unlocked already.
            self.changed(Change::Any);
            Err(Failure::cancelled(reason))
        })
    }

    async fn operate(&self, admitted: Admitted) -> Result<Option<Vec<u8>>, Failure> {
        let Admitted { request, evidence } = admitted;
        let operation = request.operation;
        let was_locked = self.provider.is_locked();
        let result = self.unlock_and_run(request, evidence).await;
        let changes_credentials = matches!(operation, Operation::Make | Operation::Delete | Operation::Update);
        if was_locked != self.provider.is_locked() || (changes_credentials && result.is_ok()) {
            self.changed(Change::Any);
        }
        result
    }

    async fn unlock_and_run(
        &self,
        request: Request,
        evidence: Option<VerifiedEvidence>,
    ) -> Result<Option<Vec<u8>>, Failure> {
        if let Some(sealed) = &request.unlock_box
            && let Some(key) = &self.unlock_key
            && self.provider.is_locked()
        {
            let secret = key
                .open(self.crypto, &self.id, request.transaction, sealed)
                .map_err(sealed_wrongly)?;
            self.provider.unlock(secret).await?;
        }
        let now_ms = now_ms();
        let parameters = request.parameters;
        let call = Call {
            transaction: request.transaction,
            caller: request.caller,
            window: request.window,
            presentation: request.presentation,
            hint: request.hint,
            evidence,
            now_ms,
        };
        match request.operation {
            Operation::Make => {
                let request = make_credential::Request::from_cbor(&parameters).map_err(malformed)?;
                Ok(Some(self.provider.make(call, request).await?.to_cbor()))
            }
            Operation::Get => {
                let request = get_assertion::Request::from_cbor(&parameters).map_err(malformed)?;
                let response = self.provider.get(call, request).await?;
                self.changed(Change::Used(response.credential.id.clone(), now_ms));
                Ok(Some(response.to_cbor()))
            }
            Operation::Unlock if self.unlock_key.is_none() => Err(Failure::unsupported("there is nothing to unlock")),
            Operation::Unlock if self.provider.is_locked() => Err(Failure::invalid_request("no unlock box")),
            Operation::Unlock => Ok(None),
            Operation::Lock => self.provider.lock().await.map(|()| None),
            Operation::Delete => {
                let Delete { credential } = Delete::decode(&parameters).map_err(malformed)?;
                self.provider.delete(call, credential).await.map(|()| None)
            }
            Operation::Update => {
                let update = Update::decode(&parameters).map_err(malformed)?;
                self.provider.update(call, update).await.map(|()| None)
            }
            Operation::Cancel | Operation::LockState | Operation::Unknown(_) => {
                Err(Failure::internal("not an operation that waits"))
            }
        }
    }

    /// Registers now and with every new broker, and passes on what changed, until the bus is gone.
    async fn keep_informed(
        &self,
        emitter: &SignalEmitter<'_>,
        mut changes: mpsc::UnboundedReceiver<Change>,
    ) -> zbus::Result<()> {
        let bus = DBusProxy::new(emitter.connection()).await?;
        let mut owners = bus.receive_name_owner_changed_with_args(&[(0, BROKER_NAME)]).await?;
        let mut cache = Cache::default();
        self.link.renew(Instant::now()).await;
        self.push_all(&mut cache).await;
        loop {
            tokio::select! {
                owner = owners.next() => {
                    let Some(owner) = owner else { return Ok(()) };
                    if owner.args()?.new_owner().is_some() {
                        cache.forget();
                        self.link.renew(Instant::now()).await;
                        self.push_all(&mut cache).await;
                    }
                }
                change = changes.recv() => match change {
                    None => return Ok(()),
                    Some(Change::Used(id, at_ms)) => cache.push_used(&self.link, &id, at_ms).await,
                    Some(Change::Any) => {
                        self.announce_lock(emitter).await?;
                        if self.push_all(&mut cache).await {
                            Joint::<P>::credentials_changed(emitter).await?;
                        }
                    }
                },
            }
        }
    }

    async fn push_all(&self, cache: &mut Cache) -> bool {
        cache
            .push_all(&self.link, &self.provider)
            .await
            .unwrap_or_else(|failure| {
                tracing::warn!(provider = %self.id, %failure, "the provider cannot list its credentials");
                false
            })
    }

    async fn announce_lock(&self, emitter: &SignalEmitter<'_>) -> zbus::Result<()> {
        let locked = self.provider.is_locked();
        if std::mem::replace(&mut *lock(&self.announced_lock), locked) != locked {
            Joint::<P>::lock_state_changed(emitter, locked).await?;
        }
        Ok(())
    }
}

impl<P> Shared<P> {
    fn changed(&self, change: Change) {
        if self.changes.send(change).is_err() {
            tracing::debug!(provider = %self.id, "nobody keeps the platform informed any more");
        }
    }
}

/// What these locks guard is consistent at every moment, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn malformed(error: impl std::error::Error) -> Failure {
    Failure::invalid_request(format!("the parameters: {error}"))
}

fn sealed_wrongly(error: UnlockError) -> Failure {
    match error {
        UnlockError::Crypto(error) => Failure::internal(error.to_string()),
        other => Failure::invalid_request(other.to_string()),
    }
}
