//! Putting a provider on the bus, and the grip that it has on the platform while it is there.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use claviger_ctap::crypto::{Crypto, CryptoError, native};
use claviger_joint::{PROTOCOL_VERSION, TransactionId, evidence::VerifiedEvidence};
use tokio::{
    sync::{Mutex as AsyncMutex, mpsc},
    task::JoinHandle,
};
use zbus::{Connection, fdo::RequestNameFlags, object_server::SignalEmitter};

use super::{
    Failure, Provider,
    gate::Gate,
    link::{BrokerLink, VerifyUserError},
    state::StateError,
    unlock_keys::UnlockKeys,
    worker::{Change, Joint, Shared},
};
use crate::{dbus::PROVIDER_PATH, manifest::Manifest};

/// How a provider is served.
pub struct Options {
    /// A folder of the provider's own for pinned keys and sequence numbers; made when it does not exist.
    pub state_dir: PathBuf,
    /// The cryptography.
    pub crypto: &'static dyn Crypto,
    /// For a process that hides from others: called before and after each registration with a broker that does not know it, from
    /// within the runtime. A provider that is open then is locked first.
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

/// Around its first registration with a broker, which looks at the provider's process then. A process that hides itself
/// (`PR_SET_DUMPABLE`) shows itself between the two. Later registrations of the same connection need that no more.
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
    claviger_files::make_folder(&options.state_dir)?;
    let gate = Gate::open(&options.state_dir, manifest.id.clone(), options.crypto)?;
    let gate = Arc::new(Mutex::new(gate));
    let link = BrokerLink::new(
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
        unlock_keys: takes_secret
            .then(|| UnlockKeys::new(options.crypto, provider.is_locked()))
            .transpose()?,
        announced_lock: Mutex::new(provider.is_locked()),
        announced_trouble: Mutex::new(provider.trouble()),
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
