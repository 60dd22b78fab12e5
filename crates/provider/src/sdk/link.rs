//! The provider's side of the acquaintance with the broker: registration, metadata, verification of the user.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use claviger_ctap::crypto::Crypto;
use claviger_joint::{
    MessageError, ProviderId, TransactionId, evidence::VerifiedEvidence, messages::Registration, metadata::Diff,
};
use tokio::{sync::Mutex as AsyncMutex, time::timeout};
use zbus::Connection;

use super::{
    gate::Gate,
    server::{RegistrationHook, RegistrationPhase, now_ms},
    state::StateError,
};
use crate::dbus::{Providers1Proxy, StateChangedStream};

/// How long the broker may take for an answer that needs no user.
const BROKER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a verification of the user may take.
const VERIFY_TIMEOUT: Duration = Duration::from_mins(10);

/// The connection to the broker.
pub(super) struct BrokerLink {
    id: ProviderId,
    crypto: &'static dyn Crypto,
    broker: Providers1Proxy<'static>,
    gate: Arc<Mutex<Gate>>,
    hook: Option<RegistrationHook>,
    /// When the last attempt to register began. Held while one is under way, so that there is one at a time.
    attempt: AsyncMutex<Option<Instant>>,
}

impl BrokerLink {
    pub(super) async fn new(
        connection: &Connection,
        id: ProviderId,
        crypto: &'static dyn Crypto,
        gate: Arc<Mutex<Gate>>,
        hook: Option<RegistrationHook>,
    ) -> zbus::Result<Self> {
        let broker = Providers1Proxy::new(connection).await?;
        Ok(Self {
            id,
            crypto,
            broker,
            gate,
            hook,
            attempt: AsyncMutex::new(None),
        })
    }

    /// Whether this process hides from others but while it registers with a broker that does not know it.
    pub(super) fn hides(&self) -> bool {
        self.hook.is_some()
    }

    /// Registers with a broker that does not know this connection, which looks at our process then. One that hides shows itself
    /// meanwhile, so nothing secret may be in it: the caller sees to that.
    pub(super) async fn introduce(&self) {
        let mut attempt = self.attempt.lock().await;
        *attempt = Some(Instant::now());
        let phase = |phase| {
            if let Some(hook) = &self.hook {
                hook(phase);
            }
        };
        phase(RegistrationPhase::Before);
        self.register().await;
        phase(RegistrationPhase::After);
    }

    /// Registers again with the broker that knows this connection, unless that was begun after `since` already. Any program
    /// can bring it about, with a request under some key id: so a process that hides goes on hiding.
    pub(super) async fn renew(&self, since: Instant) {
        let mut attempt = self.attempt.lock().await;
        if attempt.is_none_or(|begun| begun < since) {
            *attempt = Some(Instant::now());
            self.register().await;
        }
    }

    async fn register(&self) {
        match self.ask_for_keys().await {
            Ok(registration) => {
                tracing::info!(provider = %self.id, state = registration.state().as_str(), "registered");
            }
            Err(error) => tracing::warn!(provider = %self.id, %error, "not registered"),
        }
    }

    async fn ask_for_keys(&self) -> Result<Registration, RegisterError> {
        let answer = timeout(BROKER_TIMEOUT, self.broker.register(self.id.as_str())).await;
        let registration = Registration::decode(&answer.map_err(|_| RegisterError::Timeout)??)?;
        self.gate().learn(&registration)?;
        Ok(registration)
    }

    /// Asks the user, through the platform.
    pub(super) async fn verify_user(
        &self,
        transaction: TransactionId,
        hint: &str,
        buffer: &[u8],
    ) -> Result<VerifiedEvidence, VerifyUserError> {
        let ask = self
            .broker
            .verify_user(self.id.as_str(), transaction.as_bytes(), hint, buffer);
        let answer = timeout(VERIFY_TIMEOUT, ask)
            .await
            .map_err(|_| VerifyUserError::NoAnswer)?;
        let evidence = answer.map_err(|_| VerifyUserError::NoAnswer)?;
        let hash = self.crypto.sha256(&[buffer]);
        let verified = self.gate().verify_evidence(&evidence, transaction, hash, now_ms());
        verified.map_err(|rule| VerifyUserError::Evidence(rule.to_string()))
    }

    /// The changes of providers' states.
    pub(super) async fn states(&self) -> zbus::Result<StateChangedStream> {
        self.broker.receive_state_changed().await
    }

    /// Sends one diff. True when the platform applied it.
    pub(super) async fn push(&self, diff: &Diff) -> bool {
        let encoded = diff.encode();
        match timeout(BROKER_TIMEOUT, self.broker.push_metadata(self.id.as_str(), &encoded)).await {
            Ok(Ok(held)) => held == diff.new,
            Ok(Err(error)) => {
                tracing::warn!(provider = %self.id, %error, "metadata not taken");
                false
            }
            Err(_) => {
                tracing::warn!(provider = %self.id, "no answer to a metadata push");
                false
            }
        }
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the user was not verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyUserError {
    /// The platform did not answer, or declined: the user refused, or there is no PIN, or no prompt.
    #[error("the platform did not verify the user")]
    NoAnswer,
    /// The platform's evidence is not good (the platform, or someone in its place, is at fault).
    #[error("the platform's evidence is refused: {0}")]
    Evidence(String),
}

/// Why the broker does not know us.
#[derive(Debug, thiserror::Error)]
enum RegisterError {
    #[error("the broker does not answer")]
    Timeout,
    #[error("the broker: {0}")]
    Bus(#[from] zbus::Error),
    #[error("the broker's answer: {0}")]
    Message(#[from] MessageError),
    #[error("{0}")]
    Keys(#[from] StateError),
}
