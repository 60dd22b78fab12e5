//! The object behind the bus name: admits requests and runs them one at a time. What the platform is told unasked lives in
//! [`informing`].

mod informing;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use claviger_ctap::{
    get_assertion,
    large_blob::{self, AtGet},
    make_credential,
    prf::PrfInput,
    types::CredentialId,
};
use claviger_joint::{
    PROTOCOL_VERSION, ProviderId, TransactionId, Trouble,
    answer::{Answer, LockStatePayload},
    envelope::Request,
    evidence::VerifiedEvidence,
    messages::Description,
    operation::{Cancel, Delete, Operation, Update},
    unlock::UnlockError,
};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use zbus::{fdo, object_server::SignalEmitter};

use super::{
    Call, Failure, Provider,
    gate::{Admitted, Gate, Refused},
    link::BrokerLink,
    server::now_ms,
    unlock_keys::UnlockKeys,
};

/// What may have changed.
#[derive(Debug)]
pub(super) enum Change {
    /// Lock state or credentials, or both.
    Any,
    /// Credentials of the site with this RP ID.
    Site(String),
    /// This credential of the site with this RP ID was used at this time (milliseconds since 1970), and nothing else changed.
    Used(String, CredentialId, u64),
}

pub(super) struct Shared<P> {
    pub(super) id: ProviderId,
    pub(super) name: String,
    pub(super) provider: P,
    pub(super) unlock_keys: Option<UnlockKeys>,
    pub(super) gate: Arc<Mutex<Gate>>,
    pub(super) link: BrokerLink,
    /// Held by the operation that runs; fair, so operations run in the order of their requests.
    pub(super) turn: AsyncMutex<()>,
    /// The operations that run or wait, and how to cancel them.
    pub(super) pending: Mutex<HashMap<TransactionId, oneshot::Sender<()>>>,
    pub(super) max_waiting: usize,
    pub(super) changes: mpsc::UnboundedSender<Change>,
    pub(super) announced_lock: Mutex<bool>,
    pub(super) announced_trouble: Mutex<Option<Trouble>>,
}

/// The provider's object on the bus.
pub(super) struct Joint<P>(pub(super) Arc<Shared<P>>);

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
    async fn trouble_changed(emitter: &SignalEmitter<'_>, kind: u32, reason: &str) -> zbus::Result<()>;
}

impl<P: Provider> Shared<P> {
    fn describe(&self) -> Description {
        let locked = self.follow_lock();
        Description {
            get_info: self.provider.info().to_cbor(),
            sequence_floor: lock(&self.gate).floor(),
            unlock_key: self.unlock_keys.as_ref().map(UnlockKeys::public),
            locked,
            name: self.name.clone(),
            trouble: self.provider.trouble(),
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
        let boxed = admitted.request.unlock_box.as_ref().and(self.unlock_keys.as_ref());
        let boxed = boxed.map(|keys| (keys, keys.number()));
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
        if let Some(Err(error)) = boxed.map(|(keys, number)| keys.spend(number)) {
            tracing::error!(provider = %self.id, %error, "the unlock key stays as it is");
        }
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
        let was_locked = self.provider.is_locked();
        let result = self.unlock_and_run(request, evidence).await;
        let has_other_trouble = *lock(&self.announced_trouble) != self.provider.trouble();
        if was_locked != self.provider.is_locked() || has_other_trouble {
            self.changed(Change::Any);
        }
        let Done { payload, change } = result?;
        if let Some(change) = change {
            // After the other: the platform may learn of the credential in this very moment.
            self.changed(change);
        }
        Ok(payload)
    }

    async fn unlock_and_run(&self, request: Request, evidence: Option<VerifiedEvidence>) -> Result<Done, Failure> {
        if let Some(sealed) = &request.unlock_box
            && let Some(keys) = &self.unlock_keys
            && self.follow_lock()
        {
            let opened = keys.open(&self.id, request.transaction, sealed);
            let secret = opened.map_err(sealed_wrongly)?;
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
                let site = request.rp.id.clone();
                let payload = self.provider.make(call, request).await?.to_cbor();
                Ok(Done {
                    payload: Some(payload),
                    change: Some(Change::Site(site)),
                })
            }
            Operation::Get => {
                let request = get_assertion::Request::from_cbor(&parameters).map_err(malformed)?;
                if call.evidence.is_none() && asks_verified(&request)? {
                    return Err(Failure::invalid_request("this is answered only with evidence for it"));
                }
                // A client that only looks whether a credential is here does not use it.
                let present = request.options.up;
                let site = request.rp_id.clone();
                let response = self.provider.get(call, request).await?;
                Ok(Done {
                    payload: Some(response.to_cbor()),
                    change: present.then_some(Change::Used(site, response.credential.id, now_ms)),
                })
            }
            Operation::Unlock if self.unlock_keys.is_none() => Err(Failure::unsupported("there is nothing to unlock")),
            Operation::Unlock if self.provider.is_locked() => Err(Failure::invalid_request("no unlock box")),
            Operation::Unlock => Ok(Done::default()),
            Operation::Lock => self.provider.lock().await.map(|()| Done::default()),
            Operation::Delete => {
                let Delete { credential } = Delete::decode(&parameters).map_err(malformed)?;
                self.provider.delete(call, credential).await?;
                Ok(Done::changed())
            }
            Operation::Update => {
                let update = Update::decode(&parameters).map_err(malformed)?;
                self.provider.update(call, update).await?;
                Ok(Done::changed())
            }
            Operation::Cancel | Operation::LockState | Operation::Unknown(_) => {
                Err(Failure::internal("not an operation that waits"))
            }
        }
    }
}

impl<P: Provider> Shared<P> {
    /// Whether the provider is locked. The unlock key follows.
    fn follow_lock(&self) -> bool {
        let locked = self.provider.is_locked();
        let followed = self.unlock_keys.as_ref().map(|keys| keys.lock_is(locked));
        if let Some(Err(error)) = followed {
            tracing::error!(provider = %self.id, %error, "the unlock key stays as it is");
        }
        locked
    }
}

impl<P> Shared<P> {
    /// Has the platform told of a change, soon.
    pub(super) fn changed(&self, change: Change) {
        if self.changes.send(change).is_err() {
            tracing::debug!(provider = %self.id, "nobody keeps the platform informed any more");
        }
    }
}

/// What an operation that succeeded leaves.
#[derive(Default)]
struct Done {
    payload: Option<Vec<u8>>,
    change: Option<Change>,
}

impl Done {
    /// Nothing to answer; what changed is for the provider to list.
    fn changed() -> Self {
        Self {
            payload: None,
            change: Some(Change::Any),
        }
    }
}

/// Whether an assertion is to say that the user was verified, to give secrets of the verified, or to change what only they change.
fn asks_verified(request: &get_assertion::Request) -> Result<bool, Failure> {
    let prf = PrfInput::from_extensions(&request.extensions).map_err(malformed)?;
    let large_blob = request.extensions.text(large_blob::NAME).map(AtGet::from_input);
    let writes = matches!(large_blob.transpose().map_err(malformed)?, Some(AtGet::Write(_)));
    Ok(writes || request.options.uv || prf.is_some_and(|input| input.wants_output()))
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
