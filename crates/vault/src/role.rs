//! What `claviger vault` runs: the vault on the session bus, locking itself when idle.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use claviger_ctap::crypto::native;
use claviger_logind::Logind;
use claviger_provider::manifest::{Manifest, ManifestError};
use claviger_provider::sdk::{
    self, CredentialStore as _, Handle, RegistrationHook, RegistrationPhase, ServeError, StoreProvider,
};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use zbus::Connection;

use crate::error::Error;
use crate::idle::SystemClock;
use crate::provider::{MANIFEST, VaultStore};
use crate::vault::{self, Vault};

type Store = VaultStore<SystemClock>;

/// The longest sleep of the idle timer: bounds how late a vault locks after the machine was suspended, which timers of
/// the runtime do not count.
const MAX_SLEEP: Duration = Duration::from_secs(30);

/// How the vault is run.
pub struct RunOptions {
    /// Where the vault lives.
    pub vault: vault::Options,
    /// For the SDK's pinned keys and sequence numbers: `$XDG_STATE_HOME/claviger/providers/org.claviger.Vault`.
    pub provider_state_dir: PathBuf,
    /// Lock after this time without use ([`crate::idle::DEFAULT_IDLE`]); `None`: only when told to.
    pub idle: Option<Duration>,
    /// Who tells when to lock beside the platform: at sleep, and when the session is locked, left or ended. `None`: nobody.
    pub logind: Option<Logind>,
    /// Whether other processes of the user may not look into this one, but while it registers with a new broker, locked. The
    /// caller has hidden it already.
    pub hidden: bool,
}

/// Why the vault does not run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The vault's directories cannot be used, or another process has them.
    #[error(transparent)]
    Vault(#[from] Error),
    /// The manifest that is built in does not parse: ours.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It cannot be served: another one is, or the state directory cannot be used.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// There is no session bus.
    #[error("the session bus: {0}")]
    Bus(#[from] zbus::Error),
    /// The signals that end the process cannot be received.
    #[error("signals: {0}")]
    Signals(#[from] std::io::Error),
}

/// Serves the vault on the session bus until the bus goes, SIGTERM or SIGINT comes, or `until` resolves; then locks it and
/// returns. Runs on tokio's current-thread runtime.
pub async fn run(options: RunOptions, until: impl Future<Output = ()>) -> Result<(), RunError> {
    let vault = Vault::attach(&options.vault, native())?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let store = Arc::new(Mutex::new(VaultStore::new(vault, SystemClock, options.idle)));
    let provider = StoreProvider::new(Arc::clone(&store));
    let connection = Connection::session().await?;
    let manifest = Manifest::parse(MANIFEST)?;
    let mut serve = sdk::Options::new(options.provider_state_dir);
    serve.registration = options
        .hidden
        .then(|| Arc::new(show_while_registering) as RegistrationHook);
    let serving = sdk::serve(&connection, &manifest, serve, provider).await?;
    let handle = serving.handle();
    tokio::select! {
        () = serving.ended() => tracing::info!("the session bus is gone"),
        _ = terminate.recv() => tracing::info!("told to end"),
        _ = interrupt.recv() => tracing::info!("told to end"),
        () = until => {}
        () = look_after(&handle) => {}
        () = lock_with_session(options.logind.as_ref(), &handle) => {}
    }
    // Wiped here and not by the end of the process, which wipes nothing.
    handle.provider().store().lock();
    Ok(())
}

/// The broker pins the executable of a provider, so it must see it once.
fn show_while_registering(phase: RegistrationPhase) {
    let behaviour = match phase {
        RegistrationPhase::Before => DumpableBehavior::Dumpable,
        RegistrationPhase::After => DumpableBehavior::NotDumpable,
    };
    if let Err(error) = set_dumpable_behavior(behaviour) {
        tracing::warn!(%error, "cannot change who may look at this process");
    }
}

/// Locks the vault whenever it was unused for long enough, and tidies its file before; never returns.
async fn look_after(handle: &Handle<StoreProvider<Store>>) {
    loop {
        handle.provider().store().tidy_when_unused();
        let left = handle.provider().store().until_idle();
        if left == Some(Duration::ZERO) {
            tracing::info!("locking: nobody uses the vault");
            lock(handle).await;
        }
        tokio::time::sleep(left.unwrap_or(MAX_SLEEP).clamp(Duration::from_millis(100), MAX_SLEEP)).await;
    }
}

/// Locks the vault when logind says that it is time; never returns.
async fn lock_with_session(logind: Option<&Logind>, handle: &Handle<StoreProvider<Store>>) {
    match logind {
        Some(logind) => logind.watch(|_| {}, |_| lock(handle)).await,
        None => std::future::pending().await,
    }
}

async fn lock(handle: &Handle<StoreProvider<Store>>) {
    if let Err(failure) = handle.lock().await {
        tracing::error!(%failure, "the vault could not be locked");
    }
}
