//! Starting: everything is opened, then served, and only then is the bus name taken, so that whoever was waiting for the name
//! finds the broker ready.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use claviger_hello::client::HelloClient;
use claviger_joint::Trouble;
use claviger_peer::FileId;
use claviger_prompt_api::dbus::{NAME, PATH};
use claviger_prompt_api::trouble::{Damage, StateFile};
use claviger_provider::dbus::PROVIDER_INTERFACE;
use futures_util::StreamExt;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use zbus::fdo::{DBusProxy, NameOwnerChangedStream, RequestNameFlags};
use zbus::names::{MemberName, UniqueName};
use zbus::{MatchRule, Message, MessageStream};

use super::delivery::UnconfirmedFile;
use super::prompt::PromptSlot;
use super::{Broker, BusVerifier, Config, Inner, RulesFile, WRITE_BEHIND, WRITE_SHARE, lock, now_ms};
use crate::audit::{AuditError, AuditEvent, AuditLog, Entry, Failure};
use crate::cache::{Cache, CacheError};
use crate::caller::{CallerError, PrivilegedCallers};
use crate::dbus::Identifier;
use crate::dbus::{ManageInterface, PromptInterface, ProvidersInterface};
use crate::queue::PromptQueue;
use crate::registry::{BUILT_IN, Digests, Registry, RegistryError, State};
use crate::rules::{MAX_BYTES, Rules};
use crate::state_file;
use crate::unconfirmed::{self, Unconfirmed};

/// Why the broker does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state folder cannot be made.
    #[error("the state folder {path} cannot be made: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The registry does not open.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The metadata cache does not open.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The audit log does not open.
    #[error(transparent)]
    AuditLog(#[from] AuditError),
    /// The broker's own program cannot be identified.
    #[error(transparent)]
    Caller(#[from] CallerError),
    /// The bus failed, or another broker has the name.
    #[error("the bus refused: {0}")]
    Bus(#[from] zbus::Error),
}

impl Broker {
    /// Opens the state, serves the interfaces and takes the name `org.claviger.Broker` on `connection`.
    ///
    /// Needs a tokio runtime, which may have one thread.
    pub async fn start(connection: zbus::Connection, config: Config) -> Result<Self, StartError> {
        Self::start_with(connection, config, async |_| Ok(())).await
    }

    /// The same, with doors that are opened before the name is taken: whoever had D-Bus start the broker finds them.
    pub async fn start_with(
        connection: zbus::Connection,
        config: Config,
        open_doors: impl AsyncFnOnce(&Self) -> zbus::Result<()>,
    ) -> Result<Self, StartError> {
        let mut troubles = Vec::new();
        state_file::make_folder(&config.state_dir, &mut troubles).map_err(|source| StartError::Folder {
            path: config.state_dir.clone(),
            source,
        })?;
        let own = FileId::of(&config.own_executable).map_err(|source| StartError::Folder {
            path: config.own_executable.clone(),
            source,
        })?;
        // The log first: its lock keeps a second broker from the rest.
        let audit = AuditLog::open(&config.state_dir.join("audit.jsonl"), now_ms())?;
        let registry = Registry::open(&config.state_dir.join("providers"), &config.manifest_dirs, own)?;
        let mut cache = Cache::open(&config.state_dir.join("metadata"), config.crypto)?;
        forget_strangers(&registry, &mut cache);
        let path = config.state_dir.join("rules.json");
        let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
        let rules = state_file::load(StateFile::Rules, &path, limit, &mut troubles, |json| {
            Ok(Rules::parse(json)?)
        });
        let path = config.state_dir.join("unconfirmed.json");
        let unconfirmed = state_file::load(
            StateFile::Unconfirmed,
            &path,
            unconfirmed::MAX_BYTES,
            &mut troubles,
            |json| Unconfirmed::parse(json).ok_or(Damage::Malformed),
        );
        let callers = Identifier::new(&connection, &config.own_executable).await?;
        let verifier = config
            .verifier
            .clone()
            .unwrap_or_else(|| Arc::new(BusVerifier::new(HelloClient::new(callers.peers().clone()))));
        let inner = Inner {
            bus: DBusProxy::new(&connection).await?,
            callers,
            privileged: PrivilegedCallers::load(&config.privileged_caller_files),
            verifier,
            registry: Mutex::new(registry),
            cache: Mutex::new(cache),
            rules: Mutex::new(RulesFile {
                rules: rules.unwrap_or_default(),
                unsaved: false,
            }),
            unconfirmed: Mutex::new(UnconfirmedFile {
                list: unconfirmed.unwrap_or_default(),
                unsaved: false,
            }),
            troubles,
            audit: Mutex::new(audit),
            repeats: Mutex::default(),
            digests: Digests::default(),
            queue: Mutex::new(PromptQueue::new()),
            patience: Mutex::default(),
            prompt: PromptSlot::new(),
            links: Mutex::new(HashMap::new()),
            ceremonies: Mutex::new(HashMap::new()),
            attended: Mutex::new(HashMap::new()),
            probes: super::security_key::Probes::default(),
            doors: Mutex::new(Vec::new()),
            activatable: Mutex::new(Vec::new()),
            unsaved: Notify::new(),
            writing: Arc::default(),
            stopped: watch::Sender::new(false),
            connection,
            config,
        };
        let broker = Self { inner: Arc::new(inner) };
        broker.serve(open_doors).await?;
        broker.audit(&Entry::ok(AuditEvent::Started).detail(format!("version {}", broker.inner.config.version)));
        for trouble in broker.troubles() {
            broker.audit(&Entry::failed(AuditEvent::State, Failure::StateDamaged).detail(trouble.to_string()));
        }
        Ok(broker)
    }

    async fn serve(&self, open_doors: impl AsyncFnOnce(&Self) -> zbus::Result<()>) -> Result<(), StartError> {
        let connection = &self.inner.connection;
        let owners = self.inner.bus.receive_name_owner_changed().await?;
        let rule = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .interface(PROVIDER_INTERFACE);
        let signals = MessageStream::for_match_rule(rule.build()?, connection, None).await?;
        self.list_activatable().await;
        let objects = connection.object_server();
        objects.at(PATH, PromptInterface(self.clone())).await?;
        objects.at(PATH, ManageInterface(self.clone())).await?;
        objects.at(PATH, ProvidersInterface(self.clone())).await?;
        self.keep(self.clone().watch_names(owners));
        self.keep(self.clone().watch_providers(signals));
        self.keep(self.clone().write_behind());
        open_doors(self).await?;
        connection
            .request_name_with_flags(NAME, RequestNameFlags::DO_NOT_QUEUE)
            .await?;
        let broker = self.clone();
        self.keep(async move { broker.introduce_vault().await });
        Ok(())
    }

    /// Starts the built-in vault if it has never registered, so that a user who has set up nothing is offered it.
    pub(super) async fn introduce_vault(&self) {
        let new = {
            let registry = lock(&self.inner.registry);
            let vault = registry.records().find(|(id, _)| id.as_str() == BUILT_IN);
            vault
                .filter(|(_, record)| record.state() == State::Unregistered)
                .map(|(id, _)| id.clone())
        };
        if let Some(id) = new
            && let Err(failure) = self.ready(&id).await
        {
            tracing::warn!(?failure, "the built-in vault could not be started");
        }
    }

    /// Runs a task until the broker stops.
    fn keep(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut stopped = self.inner.stopped.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                () = task => {}
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
        });
    }

    async fn watch_names(self, mut changes: NameOwnerChangedStream) {
        while let Some(change) = changes.next().await {
            let Ok(args) = change.args() else { continue };
            let (name, new) = (args.name.as_str(), args.new_owner.as_ref().map(UniqueName::as_str));
            for link in lock(&self.inner.links).values() {
                link.name_owner_changed(name, new);
            }
            if new.is_none() && name.starts_with(':') {
                self.connection_ended(name);
            }
        }
    }

    fn connection_ended(&self, name: &str) {
        self.inner.callers.forget(name);
        self.prompt_lost(name);
        let tokens = lock(&self.inner.attended).remove(name).unwrap_or_default();
        for (_, token) in tokens {
            token.caller_gone();
        }
    }

    async fn watch_providers(self, mut signals: MessageStream) {
        while let Some(Ok(message)) = signals.next().await {
            let header = message.header();
            let (Some(sender), Some(member)) = (header.sender(), header.member().map(MemberName::as_str)) else {
                continue;
            };
            match member {
                "LockStateChanged" => self.lock_state_changed(sender, &message),
                "TroubleChanged" => self.trouble_changed(sender, &message),
                _ => {}
            }
        }
    }

    fn lock_state_changed(&self, sender: &UniqueName<'_>, message: &Message) {
        if let Ok(locked) = message.body().deserialize::<bool>() {
            for link in lock(&self.inner.links).values() {
                link.lock_changed(sender.as_str(), locked);
            }
        }
    }

    fn trouble_changed(&self, sender: &UniqueName<'_>, message: &Message) {
        let body = message.body();
        let said = body.deserialize::<(u32, &str)>().ok();
        if let Some(Ok(trouble)) = said.map(|(kind, reason)| Trouble::from_signal(kind, reason)) {
            for link in lock(&self.inner.links).values() {
                link.trouble_changed(sender.as_str(), trouble.as_ref());
            }
        }
    }

    /// Writes what changed at once where it was quiet, because a broker that is killed cannot; many changes are written together.
    async fn write_behind(self) {
        loop {
            self.inner.unsaved.notified().await;
            let begun = Instant::now();
            self.flush().await;
            tokio::time::sleep((begun.elapsed() * WRITE_SHARE).min(WRITE_BEHIND)).await;
        }
    }

    /// Asks anew which names the bus can start, if one that is needed is not among those known.
    pub(super) async fn refresh_activatable(&self) {
        let missing = {
            let (registry, links) = (lock(&self.inner.registry), lock(&self.inner.links));
            let activatable = lock(&self.inner.activatable);
            registry.records().any(|(id, record)| {
                record.state() == State::Enabled
                    && !links.get(id).is_some_and(|link| link.is_running())
                    && !activatable.contains(&record.manifest.bus_name)
            })
        };
        if missing {
            self.list_activatable().await;
        }
    }

    pub(super) async fn list_activatable(&self) {
        match self.inner.bus.list_activatable_names().await {
            Ok(names) => {
                *lock(&self.inner.activatable) = names.into_iter().map(|name| name.as_str().to_owned()).collect();
            }
            Err(error) => tracing::warn!(%error, "the bus does not tell what it can start"),
        }
    }
}

/// Lists of providers that nobody ever enabled: those that an earlier version took. Not when what was decided is lost.
fn forget_strangers(registry: &Registry, cache: &mut Cache) {
    if !registry.troubles().is_empty() {
        return;
    }
    for (id, record) in registry.records() {
        if !record.was_enabled()
            && cache.generation(id) > 0
            && let Err(error) = cache.clear(id)
        {
            tracing::warn!(provider = %id, %error, "the list of a provider that was never enabled stays");
        }
    }
}
