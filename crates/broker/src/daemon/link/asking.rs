//! Starting a provider, having it describe itself, and asking it: what the broker does over a [`ProviderLink`].

use std::fmt;
use std::sync::Arc;

use claviger_ctap::get_info;
use claviger_joint::PROTOCOL_VERSION;
use claviger_joint::answer::{Answer, NotDone, Status};
use claviger_joint::envelope::{self, Grease, MAX_LIFETIME_MS, MAX_SEQUENCE_AHEAD_US, Request};
use claviger_joint::messages::Description;
use claviger_joint::operation::Operation;
use claviger_joint::{ProviderId, TransactionId};
use claviger_provider::dbus::{PROVIDER_INTERFACE, PROVIDER_PATH};
use tokio::time::{Instant, timeout, timeout_at};
use zbus::names::{OwnedUniqueName, UniqueName, WellKnownName};

use super::{Deadlines, Live, ProviderLink};
use crate::ceremony::ProviderFailure;
use crate::check::Rejection;
use crate::daemon::unsigned::UnsignedRequest;
use crate::daemon::{Broker, lock, now_ms, now_us};
use crate::registry::{Profile, RegistryError, State};

/// Why there is no answer that could be read.
#[derive(Debug)]
pub(in crate::daemon) enum NoAnswer {
    /// There is none.
    Failed(ProviderFailure),
    /// It is none to the request.
    Unreadable(Rejection),
}

impl Broker {
    /// The link to a provider.
    pub(in crate::daemon) fn link(&self, id: &ProviderId) -> Option<Arc<ProviderLink>> {
        let registry = lock(&self.inner.registry);
        let bus_name = &registry.record(id)?.manifest.bus_name;
        let mut links = lock(&self.inner.links);
        let link = links
            .entry(id.clone())
            .or_insert_with(|| Arc::new(ProviderLink::new(bus_name)));
        if link.bus_name != *bus_name {
            *link = Arc::new(ProviderLink::new(bus_name));
        }
        Some(Arc::clone(link))
    }

    /// An enabled provider, started and described if it was not yet.
    pub(in crate::daemon) async fn ready(&self, id: &ProviderId) -> Result<Live, ProviderFailure> {
        let link = self.link(id).ok_or(ProviderFailure::Unreachable)?;
        let live = match link.up_to_date() {
            Some(live) => live,
            None => self.describe(id, &link).await?,
        };
        // Its executable may have been found to be another one, just now.
        let enabled = lock(&self.inner.registry)
            .record(id)
            .is_some_and(|record| record.state() == State::Enabled);
        if enabled {
            Ok(live)
        } else {
            Err(ProviderFailure::Unreachable)
        }
    }

    /// Describes a provider that just registered, so that the next ceremony knows whether it is locked.
    pub(in crate::daemon) fn describe_soon(&self, id: &ProviderId, link: Arc<ProviderLink>) {
        let (broker, id) = (self.clone(), id.clone());
        tokio::spawn(async move {
            if let Err(failure) = broker.describe(&id, &link).await {
                tracing::warn!(provider = %id, ?failure, "the provider registered but could not be described");
            }
        });
    }

    /// Starts a provider if need be and waits until it has registered; for one that may still be disabled.
    pub(in crate::daemon) async fn start_provider(&self, id: &ProviderId) -> Result<(), ProviderFailure> {
        let link = self.link(id).ok_or(ProviderFailure::Unreachable)?;
        let _turn = link.starting.lock().await;
        self.run_provider(id, &link).await.map(drop)
    }

    /// Signs and sends one request, and reads the answer.
    pub(in crate::daemon) async fn execute(
        &self,
        id: &ProviderId,
        live: &Live,
        request: UnsignedRequest,
    ) -> Result<Answer, NoAnswer> {
        // Looking and closing need no record.
        if !matches!(request.operation, Operation::Lock | Operation::Cancel) && !self.can_record() {
            return Err(NoAnswer::Failed(ProviderFailure::NotRecorded));
        }
        let limit = Instant::now() + self.deadlines().execute;
        let deadline = request.deadline.map_or(limit, |deadline| deadline.min(limit));
        let transaction = request.transaction;
        let (bytes, expires_ms) = self.request(id, live, request, deadline).await.map_err(|failure| {
            if failure == ProviderFailure::Crashed {
                self.lost(id, &live.name);
            }
            NoAnswer::Failed(failure)
        })?;
        let answer = Answer::decode(&bytes).map_err(|error| NoAnswer::Unreadable(Rejection::Unreadable(error)))?;
        if let Err(NotDone {
            status,
            reason: Some(reason),
        }) = &answer.result
        {
            tracing::info!(provider = %id, ?status, reason, "the provider says");
        }
        if answer.status() == Err(Status::Cancelled) && now_ms() >= expires_ms {
            // It gave up because its time was over; nobody said no.
            return Err(NoAnswer::Failed(ProviderFailure::Hung));
        }
        // Only who could not read a request does not know its name, and that one cannot have done it.
        let unread = answer.transaction == TransactionId::UNKNOWN && answer.result.is_err();
        if answer.transaction != transaction && !unread {
            return Err(NoAnswer::Unreadable(Rejection::AnotherRequest));
        }
        Ok(answer)
    }

    /// The unread answer to a request, and when the request expired.
    async fn request(
        &self,
        id: &ProviderId,
        live: &Live,
        request: UnsignedRequest,
        deadline: Instant,
    ) -> Result<(Vec<u8>, u64), ProviderFailure> {
        let link = self.link(id).ok_or(ProviderFailure::Unreachable)?;
        if request.unlock_box.is_some() {
            link.box_sent(live.name.as_str());
        }
        let (envelope, expires_ms) = self.sign(id, request, deadline).map_err(|error| {
            tracing::error!(provider = %id, %error, "the request could not be made");
            ProviderFailure::Unreachable
        })?;
        let bytes = self.call(&live.name, "Execute", &(envelope,), deadline).await?;
        Ok((bytes, expires_ms))
    }

    pub(in crate::daemon) fn deadlines(&self) -> &Deadlines {
        &self.inner.config.deadlines
    }

    async fn describe(&self, id: &ProviderId, link: &ProviderLink) -> Result<Live, ProviderFailure> {
        let _turn = link.starting.lock().await;
        if let Some(live) = link.up_to_date() {
            return Ok(live);
        }
        let name = self.run_provider(id, link).await?;
        link.describing();
        let deadline = Instant::now() + self.deadlines().describe;
        let bytes = self
            .call::<_, Vec<u8>>(&name, "Describe", &(vec![PROTOCOL_VERSION],), deadline)
            .await?;
        let unusable = |error: &dyn fmt::Display| {
            tracing::warn!(provider = %id, %error, "the provider's description cannot be used");
            ProviderFailure::Unreachable
        };
        let description = Description::decode(&bytes).map_err(|error| unusable(&error))?;
        let info = get_info::Response::from_cbor(&description.get_info).map_err(|error| unusable(&error))?;
        if description.sequence_floor > now_us().saturating_add(MAX_SEQUENCE_AHEAD_US) {
            return Err(unusable(&"its sequence floor lies far ahead of the clock"));
        }
        let profile = Profile::new(info, description.unlock_key.is_some());
        {
            let mut registry = lock(&self.inner.registry);
            if let Some(record) = registry.record_mut(id) {
                record.raise_sequence(description.sequence_floor);
            }
            if let Err(error) = registry.set_profile(id, profile) {
                tracing::error!(provider = %id, %error, "the provider's profile was not saved");
            }
        }
        link.described(&name, description);
        link.live().ok_or(ProviderFailure::Crashed)
    }

    /// Has the bus start the provider, and sees that the process behind its name is the pinned program.
    async fn run_provider(&self, id: &ProviderId, link: &ProviderLink) -> Result<OwnedUniqueName, ProviderFailure> {
        let name = timeout(self.deadlines().start, self.owner_of(&link.bus_name))
            .await
            .map_err(|_| ProviderFailure::Hung)??;
        link.owned_by(&name);
        let registered = async {
            let mut notified = std::pin::pin!(link.registered.notified());
            loop {
                notified.as_mut().enable();
                if link.is_registered() {
                    return;
                }
                notified.as_mut().await;
                notified.set(link.registered.notified());
            }
        };
        if timeout(self.deadlines().register, registered).await.is_ok() {
            return Ok(name);
        }
        // It runs longer than the broker and has not noticed; good enough if it is what was pinned and can be seen to be.
        let process = self.provider_process(id, &name).await;
        let known = process.map(|(process, _)| lock(&self.inner.registry).recognises(id, &process));
        if matches!(known, Ok(Ok(Some(true)))) {
            return Ok(name);
        }
        tracing::warn!(provider = %id, "the provider runs but does not register");
        Err(ProviderFailure::Unreachable)
    }

    /// The owner of a bus name, started if there is none.
    async fn owner_of(&self, bus_name: &str) -> Result<OwnedUniqueName, ProviderFailure> {
        let name = WellKnownName::try_from(bus_name).map_err(|_| ProviderFailure::Unreachable)?;
        let bus = &self.inner.bus;
        if let Ok(owner) = bus.get_name_owner(name.clone().into()).await {
            return Ok(owner);
        }
        bus.start_service_by_name(name.clone(), 0).await.map_err(|error| {
            tracing::warn!(name = bus_name, %error, "the provider could not be started");
            ProviderFailure::Unreachable
        })?;
        bus.get_name_owner(name.into())
            .await
            .map_err(|_| ProviderFailure::Crashed)
    }

    async fn call<B, R>(
        &self,
        name: &UniqueName<'_>,
        method: &str,
        body: &B,
        deadline: Instant,
    ) -> Result<R, ProviderFailure>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
        R: for<'d> zbus::zvariant::DynamicDeserialize<'d>,
    {
        let call = self
            .inner
            .connection
            .call_method(Some(name), PROVIDER_PATH, Some(PROVIDER_INTERFACE), method, body);
        let message = timeout_at(deadline, call)
            .await
            .map_err(|_| ProviderFailure::Hung)?
            .map_err(|error| failure(&error))?;
        message.body().deserialize().map_err(|_| ProviderFailure::Unreachable)
    }

    /// The envelope, and when it expires.
    fn sign(&self, id: &ProviderId, request: UnsignedRequest, deadline: Instant) -> Result<(Vec<u8>, u64), SignError> {
        let crypto = self.inner.config.crypto;
        let left = u64::try_from(deadline.saturating_duration_since(Instant::now()).as_millis()).unwrap_or(u64::MAX);
        let issued_ms = now_ms();
        let grease = Grease::random(crypto)?;
        let mut registry = lock(&self.inner.registry);
        let record = registry
            .record_mut(id)
            .ok_or_else(|| RegistryError::Unknown(id.to_string()))?;
        let signed = Request {
            provider: id.clone(),
            operation: request.operation,
            transaction: request.transaction,
            sequence: record.next_sequence(now_us()),
            issued_ms,
            expires_ms: issued_ms.saturating_add(left.min(MAX_LIFETIME_MS)),
            caller: request.caller,
            window: request.window,
            parameters: request.parameters,
            evidence: request.evidence,
            presentation: request.presentation,
            hint: None,
            unlock_box: request.unlock_box,
        };
        let key = record
            .signing_key()
            .ok_or_else(|| RegistryError::NotRegistered(id.clone()))?;
        Ok((signed.sign(crypto, key, &grease)?, signed.expires_ms))
    }

    /// A call found the connection ended before the bus told.
    fn lost(&self, id: &ProviderId, name: &UniqueName<'_>) {
        if let Some(link) = lock(&self.inner.links).get(id) {
            link.name_owner_changed(name.as_str(), None);
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum SignError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Envelope(#[from] envelope::EnvelopeError),
    #[error(transparent)]
    Crypto(#[from] claviger_ctap::crypto::CryptoError),
}

/// What an error from the bus says about the provider. Only the error's name is looked at: its text is the provider's.
fn failure(error: &zbus::Error) -> ProviderFailure {
    use zbus::fdo::Error as Bus;
    match error {
        zbus::Error::FDO(bus) => match **bus {
            Bus::NoReply(_) | Bus::ServiceUnknown(_) | Bus::NameHasNoOwner(_) | Bus::Disconnected(_) => {
                return ProviderFailure::Crashed;
            }
            _ => tracing::warn!(error = %zbus::DBusError::name(&**bus), "a call to a provider failed"),
        },
        zbus::Error::MethodError(name, ..) => tracing::warn!(error = %name, "a call to a provider failed"),
        other => tracing::warn!(error = %other, "a call to a provider failed"),
    }
    ProviderFailure::Unreachable
}
