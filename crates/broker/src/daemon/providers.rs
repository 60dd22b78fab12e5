//! What providers ask of the broker.

use claviger_joint::messages::Registration;
use claviger_joint::metadata::{self, ApplyError, Diff};
use claviger_joint::{ProviderId, TransactionId};
use claviger_peer::{Process, Role, Standing};
use claviger_prompt_api::dbus::{Error, PATH, Reason};
use claviger_prompt_api::fault::Fault;
use claviger_prompt_api::text::sentence;
use zbus::message::Header;
use zbus::names::{UniqueName, WellKnownName};
use zbus::object_server::SignalEmitter;

use super::approvals::ApprovalCaller;
use super::{Broker, lock, now_ms};
use crate::audit::{AuditEvent, Entry, Failure};
use crate::caller::CallerError;
use crate::ceremony::{Approval, ProviderName};
use crate::dbus::ProvidersInterface;
use crate::registry::{BUILT_IN, Pin, Record, RegistryError, State, Transition};
use crate::types::{Caller, Cause, Door, DoorTraits};

impl From<RegistryError> for Error {
    fn from(error: RegistryError) -> Self {
        let (kind, code, fault): (fn(Reason) -> Self, _, _) = match error {
            RegistryError::Unknown(_) => (Self::NotFound, "unknown-provider", Fault::Caller),
            RegistryError::NotRegistered(_) => (Self::NotReady, "not-registered", Fault::Provider),
            RegistryError::OtherExecutable { .. } => (Self::NotAllowed, "executable-changed", Fault::Provider),
            RegistryError::Io { .. } | RegistryError::Damaged(_) => (Self::Failed, "state-damaged", Fault::Platform),
            RegistryError::Crypto(_) => (Self::Failed, "internal", Fault::Platform),
        };
        kind(Reason::new(code, fault, sentence(&error.to_string())))
    }
}

impl Broker {
    /// `Register`: pins or recognises the executable, gives the provider its keys.
    pub(crate) async fn register_provider(&self, id: &ProviderId, header: &Header<'_>) -> Result<Vec<u8>, Error> {
        if lock(&self.inner.registry).record(id).is_none() {
            lock(&self.inner.registry).reload()?;
        }
        let (pin, registers) = if let Some(pin) = self.registered_pin(id, header) {
            (pin, None)
        } else {
            let (process, standing) = self.require_owner(id, header).await?;
            let registers = (process.pid, standing);
            (self.pin(id, process).await?, Some(registers))
        };
        let crypto = self.inner.config.crypto;
        let uv_key = self
            .inner
            .verifier
            .status()
            .await
            .map_err(|error| Error::failed(sentence(&error.to_string())))?
            .uv_key;
        let (transition, registration) = {
            let mut registry = lock(&self.inner.registry);
            let transition = registry.register(id, pin, crypto, now_ms())?;
            let record = registry
                .record(id)
                .ok_or_else(|| RegistryError::Unknown(id.to_string()))?;
            let signer = record
                .endorsing_key()
                .ok_or_else(|| RegistryError::NotRegistered(id.clone()))?;
            let registration = Registration::new(crypto, id, transition.new, record.public_keys(), uv_key, signer)
                .map_err(|error| Error::failed(sentence(&error.to_string())))?;
            (transition, registration.encode())
        };
        if transition.executable_changed {
            let text = "another executable than the one that was enabled; the user is asked again";
            self.audit(
                &Entry::failed(AuditEvent::Provider, Failure::ExecutableChanged)
                    .provider(id)
                    .detail(text),
            );
        } else if let Some((pid, standing)) = registers {
            let text = format!("process {pid} registered ({})", standing.name());
            self.audit(&Entry::ok(AuditEvent::Provider).provider(id).detail(text));
        }
        self.announce(id, transition).await;
        if let (Some(link), Some(sender)) = (self.link(id), header.sender()) {
            link.register(sender);
            self.describe_soon(id, link);
        }
        Ok(registration)
    }

    /// `Update`: reads the manifests again.
    pub(crate) async fn update_provider(&self, id: &ProviderId, header: &Header<'_>) -> Result<(), Error> {
        self.require_pinned(id, header).await?;
        Ok(lock(&self.inner.registry).reload()?)
    }

    /// `Unregister`: forgets everything about the provider.
    pub(crate) async fn unregister_provider(&self, id: &ProviderId, header: &Header<'_>) -> Result<(), Error> {
        self.require_pinned(id, header).await?;
        let transition = lock(&self.inner.registry).unregister(id)?;
        self.change_cache(|cache| cache.clear(id))
            .map_err(|error| Error::failed(sentence(&error.to_string())))?;
        self.change_rules(|rules| rules.forget_provider(id));
        self.audit(&Entry::ok(AuditEvent::Provider).provider(id).detail("unregistered"));
        self.announce(id, transition).await;
        Ok(())
    }

    /// `State`.
    pub(crate) fn provider_state(&self, id: &ProviderId) -> Result<State, Error> {
        let registry = lock(&self.inner.registry);
        Ok(registry
            .record(id)
            .ok_or_else(|| RegistryError::Unknown(id.to_string()))?
            .state())
    }

    /// `PushMetadata`. A provider that the user has disabled may push: the user then sees what it would offer. One that was never enabled
    /// may not.
    pub(crate) async fn push_metadata(&self, id: &ProviderId, diff: &[u8], header: &Header<'_>) -> Result<u64, Error> {
        self.require_pinned(id, header).await?;
        if diff.len() > metadata::MAX_BYTES {
            return Err(Error::invalid_argument("The diff is too large."));
        }
        if !lock(&self.inner.registry).record(id).is_some_and(Record::was_enabled) {
            return Err(Error::not_ready(
                "The provider is not enabled; push when StateChanged tells that it is.",
            ));
        }
        let diff = Diff::decode(diff).map_err(|error| Error::invalid_argument(sentence(&error.to_string())))?;
        match self.change_cache(|cache| cache.push(id, diff)) {
            Ok(generation) => Ok(generation),
            Err(ApplyError::Generation { held }) => Ok(held),
            Err(error) => Err(Error::invalid_argument(sentence(&error.to_string()))),
        }
    }

    /// `VerifyUser`.
    pub(crate) async fn verify_user(
        &self,
        id: &ProviderId,
        transaction: TransactionId,
        hint: &str,
        buffer: &[u8],
        header: &Header<'_>,
    ) -> Result<Vec<u8>, Error> {
        let (cancel, attendance) = self.attend_sender(header)?;
        self.require_pinned(id, header).await?;
        // Only the vault is a role of ours, and proved where roles are.
        let standing = if id.as_str() == BUILT_IN && self.inner.callers.peers().proves() {
            Standing::Proved
        } else {
            Standing::Unproved
        };
        let (name, pin) = {
            let registry = lock(&self.inner.registry);
            let record = registry
                .record(id)
                .ok_or_else(|| RegistryError::Unknown(id.to_string()))?;
            if record.state() != State::Enabled {
                return Err(Error::not_ready("The provider is not enabled."));
            }
            (
                registry.shown_name(id),
                record.pin().map(|pin| pin.path.clone()).unwrap_or_default(),
            )
        };
        let caller = Caller {
            door: Door::Provider,
            traits: DoorTraits::default(),
            standing,
            app_id: None,
            name: name.to_string(),
            executable: pin,
            pid: 0,
            window: String::new(),
        };
        let asking = ApprovalCaller {
            caller,
            key: id.to_string(),
            cancel,
            ticket: std::sync::Mutex::default(),
            _attendance: Some(attendance),
        };
        let approval = Approval::VerifyUser {
            provider: ProviderName { id: id.clone(), name },
            hint: Some(hint.to_owned()).filter(|hint| !hint.is_empty()),
        };
        let approved = self
            .approve(
                &asking,
                approval,
                buffer.to_vec(),
                Some(transaction),
                AuditEvent::VerifyUser,
            )
            .await?;
        let evidence = approved
            .evidence
            .ok_or_else(|| Error::from(Cause::VerificationUnavailable))?;
        Ok(evidence.into_bytes())
    }

    /// Tells everybody that a provider's state changed.
    pub(super) async fn announce(&self, id: &ProviderId, transition: Transition) {
        if transition.old == transition.new {
            return;
        }
        let (old, new) = (transition.old.as_str(), transition.new.as_str());
        tracing::info!(provider = %id, old, new, "the provider's state changed");
        let sent = match SignalEmitter::new(&self.inner.connection, PATH) {
            Ok(emitter) => ProvidersInterface::state_changed(&emitter, id.as_str(), old, new).await,
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            tracing::warn!(%error, "StateChanged could not be sent");
        }
    }

    /// The process behind the connection of a provider, and how well it is known to be that. The built-in one is proved; a
    /// stranger's program has no unit that is ours to ask about, it is pinned.
    pub(super) async fn provider_process(
        &self,
        id: &ProviderId,
        name: &UniqueName<'_>,
    ) -> Result<(Process, Standing), CallerError> {
        let peers = self.inner.callers.peers();
        if id.as_str() == BUILT_IN && peers.proves() {
            let peer = peers.prove(name, Role::Vault).await?;
            return Ok((peer.process, peer.standing));
        }
        Ok((peers.identify(name).await?, Standing::Unproved))
    }

    /// The sender's process, if its connection owns the provider's bus name.
    async fn require_owner(&self, id: &ProviderId, header: &Header<'_>) -> Result<(Process, Standing), Error> {
        let bus_name = {
            let registry = lock(&self.inner.registry);
            registry
                .record(id)
                .ok_or_else(|| RegistryError::Unknown(id.to_string()))?
                .manifest
                .bus_name
                .clone()
        };
        let sender = header.sender().ok_or(CallerError::NoSender)?;
        let name = WellKnownName::try_from(bus_name.as_str()).map_err(|error| Error::failed(error.to_string()))?;
        let owner = self.inner.bus.get_name_owner(name.into()).await;
        if owner.is_ok_and(|owner| owner == *sender) {
            Ok(self.provider_process(id, sender).await?)
        } else {
            Err(Error::not_allowed(format!(
                "A provider must own its bus name, {bus_name}."
            )))
        }
    }

    /// The sender must be the connection that registered as this provider. Its process may hide its executable by now.
    async fn require_pinned(&self, id: &ProviderId, header: &Header<'_>) -> Result<(), Error> {
        let sender = header.sender().ok_or(CallerError::NoSender)?;
        if self.link(id).is_some_and(|link| link.is_registered_as(sender)) {
            return Ok(());
        }
        let (process, _) = self.require_owner(id, header).await?;
        match lock(&self.inner.registry).recognises(id, &process)? {
            Some(true) => Ok(()),
            _ => Err(Error::not_ready("The provider has to call Register first.")),
        }
    }

    /// The pin of the connection that registered already: it was looked at then, and may hide its process since.
    fn registered_pin(&self, id: &ProviderId, header: &Header<'_>) -> Option<Pin> {
        let link = self.link(id)?;
        link.is_registered_as(header.sender()?)
            .then(|| lock(&self.inner.registry).record(id)?.pin().cloned())?
    }

    /// The pin for a process: the known one if it is the same file, else a new one, for which the file is read.
    async fn pin(&self, id: &ProviderId, process: Process) -> Result<Pin, Error> {
        {
            let registry = lock(&self.inner.registry);
            let known = registry.record(id).and_then(|record| record.pin());
            if let (Some(true), Some(pin)) = (registry.recognises(id, &process)?, known) {
                return Ok(Pin {
                    file: process.file,
                    ..pin.clone()
                });
            }
        }
        if id.as_str() == BUILT_IN && self.inner.callers.is_own(&process) {
            return Ok(Pin {
                path: process.executable,
                file: process.file,
                changed_ns: None,
                digest: String::new(),
            });
        }
        let crypto = self.inner.config.crypto;
        let broker = self.clone();
        let read = tokio::task::spawn_blocking(move || Pin::of(&process, crypto, &broker.inner.digests)).await;
        read.map_err(|error| Error::failed(error.to_string()))?
            .map_err(|error| Error::failed(format!("The provider's executable cannot be read: {error}.")))
    }
}
