//! Who verifies the user: hello over the bus, or, for measuring and for other tiers, something in its place.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claviger_ctap::crypto::PublicKey;
use claviger_hello::client::{ClientError, HelloClient, Verified};
use claviger_hello::ticket::PinTicket;
use claviger_hello::verification::{NotVerified, VerifyRequest};
use claviger_hello::{MethodStatus, UvEvidence};
use claviger_joint::evidence::Tier;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::lock;
use crate::ceremony::{HelloStatus, PinFailure, RecoveryFailure, VerifyFailure};

/// How long hello's status is believed without asking again. Whatever the broker does itself is known at once; this bounds how
/// late it sees a PIN that was changed elsewhere.
const STATUS_AGE: Duration = Duration::from_secs(5);

/// What hello says of itself.
#[derive(Debug, Clone)]
pub struct VerifierStatus {
    /// What a ceremony needs to know.
    pub hello: HelloStatus,
    /// How strongly it is protected.
    pub tier: Tier,
    /// The key that evidence is signed with; `None` before a PIN is set.
    pub uv_key: Option<PublicKey>,
    /// Whether the PIN can be checked as CTAP clients give it. A PIN that an older version set has to be given in a prompt once
    /// before it can.
    pub client_pin: bool,
    /// Whether hello and vault hear of sleep and of the session's lock, and lock then.
    pub locks_with_session: bool,
}

/// Hello cannot be reached or does not answer sensibly. The text is for the log.
#[derive(Debug, Clone, thiserror::Error)]
#[error("user verification is not available: {0}")]
pub struct Unavailable(pub String);

/// Why a PIN was not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeFailure {
    /// The new one is too easy to guess, or is none; the reason is hello's code for it. The old one was not looked at.
    Weak(String),
    /// The old one was not accepted.
    Old(NotVerified),
    /// Hello cannot be reached, or failed.
    Unavailable,
}

/// What came of a verification.
#[derive(Debug)]
pub struct Verification {
    /// The evidence that was asked for.
    pub evidence: UvEvidence,
    /// One unlock box for each target, in their order.
    pub boxes: Vec<Vec<u8>>,
}

/// Verifies users. The broker's own is [`BusVerifier`].
///
/// PINs are descriptors of sealed memory files, handed through unread.
pub trait UserVerifier: Send + Sync + 'static {
    /// How it is, possibly from memory.
    fn status(&self) -> BoxFuture<'_, Result<VerifierStatus, Unavailable>>;

    /// How it is now, for a person who asks.
    fn status_now(&self) -> BoxFuture<'_, Result<VerifierStatus, Unavailable>> {
        self.status()
    }

    /// Sets the first PIN.
    fn set_pin(&self, pin: OwnedFd) -> BoxFuture<'_, Result<(), PinFailure>>;

    /// Puts a new PIN in the place of the old one, which counts as a try like any other.
    fn change_pin(&self, old: OwnedFd, new: OwnedFd) -> BoxFuture<'_, Result<(), ChangeFailure>> {
        drop((old, new));
        Box::pin(async { Err(ChangeFailure::Unavailable) })
    }

    /// Verifies the user once, with evidence for one operation.
    fn verify(&self, pin: OwnedFd, request: VerifyRequest) -> BoxFuture<'_, Result<Verification, VerifyFailure>>;

    /// Like [`Self::verify`], with a ticket for the one change that the evidence is for.
    fn verify_and_hold(
        &self,
        pin: OwnedFd,
        request: VerifyRequest,
    ) -> BoxFuture<'_, Result<(Verification, PinTicket), VerifyFailure>> {
        drop((pin, request));
        Box::pin(async { Err(VerifyFailure::Unavailable) })
    }

    /// Makes a recovery code, in a sealed memory file.
    fn make_recovery_code(&self, ticket: PinTicket) -> BoxFuture<'_, Result<OwnedFd, RecoveryFailure>> {
        drop(ticket);
        Box::pin(async { Err(RecoveryFailure::Unavailable) })
    }

    /// Has the code that was made be the one, with its first and its last group.
    fn confirm_recovery_code(&self, ends: OwnedFd) -> BoxFuture<'_, Result<(), RecoveryFailure>> {
        drop(ends);
        Box::pin(async { Err(RecoveryFailure::Unavailable) })
    }

    /// Tries a recovery code, and changes nothing.
    fn drill_recovery_code(&self, code: OwnedFd) -> BoxFuture<'_, Result<(), RecoveryFailure>> {
        drop(code);
        Box::pin(async { Err(RecoveryFailure::Unavailable) })
    }

    /// Sets a new PIN with the recovery code.
    fn recover(&self, code: OwnedFd, new: OwnedFd) -> BoxFuture<'_, Result<(), RecoveryFailure>> {
        drop((code, new));
        Box::pin(async { Err(RecoveryFailure::Unavailable) })
    }

    /// Checks a client PIN (CTAP 2.1 §6.5): a sealed memory file with the first 16 bytes of its SHA-256. A right one yields a ticket
    /// for one [`Self::verify_ticket`] within two minutes.
    fn check_client_pin(
        &self,
        pin_hash: OwnedFd,
    ) -> BoxFuture<'_, Result<Result<PinTicket, NotVerified>, Unavailable>> {
        drop(pin_hash);
        Box::pin(async { Err(Unavailable("client PINs are not checked here".into())) })
    }

    /// Like [`Self::verify`], with a ticket in the place of a PIN. The ticket is used up whatever comes of it.
    fn verify_ticket(
        &self,
        ticket: PinTicket,
        request: VerifyRequest,
    ) -> BoxFuture<'_, Result<Verification, VerifyFailure>> {
        drop((ticket, request));
        Box::pin(async { Err(VerifyFailure::Gesture(NotVerified::TicketGone)) })
    }

    /// Ends all that is under way and makes all tickets worthless, because the user locks.
    fn lock(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// Hello over the bus.
#[derive(Debug)]
pub struct BusVerifier {
    client: HelloClient,
    status: Mutex<Option<(Instant, Arc<VerifierStatus>)>>,
}

impl BusVerifier {
    /// The hello that owns the well-known name, which the bus starts when it is first needed.
    pub fn new(client: HelloClient) -> Self {
        Self {
            client,
            status: Mutex::default(),
        }
    }

    /// A right PIN gives all tries back; asking hello for that would cost every ceremony a round trip.
    fn forgiven(&self) {
        if let Some((_, status)) = &mut *lock(&self.status) {
            let hello = &mut Arc::make_mut(status).hello;
            hello.learn(MethodStatus::fresh_pin());
            hello.restored = false;
        }
    }

    fn forget(&self) {
        *lock(&self.status) = None;
    }
}

impl UserVerifier for BusVerifier {
    fn status_now(&self) -> BoxFuture<'_, Result<VerifierStatus, Unavailable>> {
        self.forget();
        self.status()
    }

    fn status(&self) -> BoxFuture<'_, Result<VerifierStatus, Unavailable>> {
        Box::pin(async move {
            if let Some((at, status)) = &*lock(&self.status)
                && at.elapsed() < STATUS_AGE
            {
                return Ok(VerifierStatus::clone(status));
            }
            let status = self
                .client
                .status()
                .await
                .map_err(|error| Unavailable(error.to_string()))?;
            let uv_key = status.uv_key.as_deref().map(decode_key).transpose()?;
            let status = VerifierStatus {
                hello: HelloStatus {
                    methods: status.methods,
                    restored: status.restored,
                    recovery_code: status.recovery_code,
                },
                tier: status.tier,
                uv_key,
                client_pin: status.client_pin,
                locks_with_session: status.locks_with_session,
            };
            // While wrong PINs count, the truth changes by the second.
            let settled = |method: &MethodStatus| method.wait_ms == 0;
            if status.hello.pin_set() && status.hello.methods.iter().all(settled) {
                *lock(&self.status) = Some((Instant::now(), Arc::new(status.clone())));
            }
            Ok(status)
        })
    }

    fn set_pin(&self, pin: OwnedFd) -> BoxFuture<'_, Result<(), PinFailure>> {
        Box::pin(async move {
            self.forget();
            self.client.set_pin(pin).await.map_err(|error| match error {
                ClientError::WeakPin(reason) => PinFailure::Weak(reason),
                ClientError::BadPin(_) => PinFailure::Weak("not-a-pin".to_owned()),
                ClientError::AlreadySet => PinFailure::AlreadySet,
                other => {
                    tracing::error!(error = %other, "hello did not set the PIN");
                    PinFailure::Unavailable
                }
            })
        })
    }

    fn change_pin(&self, old: OwnedFd, new: OwnedFd) -> BoxFuture<'_, Result<(), ChangeFailure>> {
        Box::pin(async move {
            let changed = self.client.change_pin(old, new).await;
            self.forget();
            changed.map_err(|error| match error {
                ClientError::WeakPin(reason) => ChangeFailure::Weak(reason),
                ClientError::BadPin(_) => ChangeFailure::Weak("not-a-pin".to_owned()),
                ClientError::Refused(why) => ChangeFailure::Old(why),
                other => {
                    tracing::error!(error = %other, "hello did not change the PIN");
                    ChangeFailure::Unavailable
                }
            })
        })
    }

    fn verify(&self, pin: OwnedFd, request: VerifyRequest) -> BoxFuture<'_, Result<Verification, VerifyFailure>> {
        Box::pin(async move { self.verified(self.client.verify(pin, &request).await).await })
    }

    fn verify_and_hold(
        &self,
        pin: OwnedFd,
        request: VerifyRequest,
    ) -> BoxFuture<'_, Result<(Verification, PinTicket), VerifyFailure>> {
        Box::pin(async move {
            let (verified, ticket) = match self.client.verify_and_hold(pin, &request).await {
                Ok((verified, ticket)) => (Ok(verified), Some(ticket)),
                Err(error) => (Err(error), None),
            };
            let verification = self.verified(verified).await?;
            Ok((verification, ticket.ok_or(VerifyFailure::Unavailable)?))
        })
    }

    fn make_recovery_code(&self, ticket: PinTicket) -> BoxFuture<'_, Result<OwnedFd, RecoveryFailure>> {
        Box::pin(async move { self.recovery(self.client.make_recovery_code(&ticket).await) })
    }

    fn confirm_recovery_code(&self, ends: OwnedFd) -> BoxFuture<'_, Result<(), RecoveryFailure>> {
        Box::pin(async move { self.recovery(self.client.confirm_recovery_code(ends).await) })
    }

    fn drill_recovery_code(&self, code: OwnedFd) -> BoxFuture<'_, Result<(), RecoveryFailure>> {
        Box::pin(async move { self.recovery(self.client.drill_recovery_code(code).await) })
    }

    fn recover(&self, code: OwnedFd, new: OwnedFd) -> BoxFuture<'_, Result<(), RecoveryFailure>> {
        Box::pin(async move { self.recovery(self.client.recover(code, new).await) })
    }

    fn check_client_pin(
        &self,
        pin_hash: OwnedFd,
    ) -> BoxFuture<'_, Result<Result<PinTicket, NotVerified>, Unavailable>> {
        Box::pin(async move {
            let error = match self.client.verify_client_pin(pin_hash).await {
                Ok(ticket) => {
                    self.forgiven();
                    return Ok(Ok(ticket));
                }
                Err(error) => error,
            };
            self.forget();
            match error {
                ClientError::Refused(why) => Ok(Err(why)),
                other => Err(Unavailable(other.to_string())),
            }
        })
    }

    fn verify_ticket(
        &self,
        ticket: PinTicket,
        request: VerifyRequest,
    ) -> BoxFuture<'_, Result<Verification, VerifyFailure>> {
        Box::pin(async move {
            match self.client.verify_ticket(ticket, &request).await {
                // It gives no tries back; the PIN that it is for did.
                Ok(Verified { evidence, boxes }) => {
                    let evidence = evidence.ok_or(VerifyFailure::Unavailable)?;
                    Ok(Verification { evidence, boxes })
                }
                Err(error) => self.verified(Err(error)).await,
            }
        })
    }

    fn lock(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // Whatever this broker asked for: a person may be waited for, or a broker before it have left something open.
            if let Err(error) = self.client.lock().await {
                tracing::warn!(%error, "hello was not told that the user locks; its tickets end by themselves");
            }
        })
    }
}

impl BusVerifier {
    /// What came of the recovery code, in the broker's words. What was known of hello may be otherwise now.
    fn recovery<T>(&self, result: Result<T, ClientError>) -> Result<T, RecoveryFailure> {
        self.forget();
        result.map_err(|error| match error {
            ClientError::WeakPin(reason) => RecoveryFailure::Weak(reason),
            ClientError::BadPin(_) => RecoveryFailure::Weak("not-a-pin".to_owned()),
            ClientError::BadCode(why) => RecoveryFailure::NotACode(why),
            ClientError::Refused(why) => RecoveryFailure::Refused(why),
            other => {
                tracing::error!(error = %other, "hello did not do it");
                RecoveryFailure::Unavailable
            }
        })
    }

    /// What came of a PIN or ticket, in the broker's words.
    async fn verified(&self, result: Result<Verified, ClientError>) -> Result<Verification, VerifyFailure> {
        let error = match result {
            Ok(Verified { evidence, boxes }) => {
                self.forgiven();
                let evidence = evidence.ok_or(VerifyFailure::Unavailable)?;
                return Ok(Verification { evidence, boxes });
            }
            Err(error) => error,
        };
        self.forget();
        match error {
            ClientError::Refused(why) => Err(VerifyFailure::Gesture(why)),
            // What cannot be a PIN is no right one; it was not looked at, so it cost no try.
            ClientError::BadPin(_) => match self.client.status().await {
                Ok(status) => Err(VerifyFailure::Gesture(status.pin().map_or(NotVerified::NoPin, |pin| {
                    NotVerified::WrongPin {
                        tries_left: pin.tries_left,
                        wait_ms: pin.wait_ms,
                    }
                }))),
                Err(_) => Err(VerifyFailure::Unavailable),
            },
            other => {
                tracing::error!(error = %other, "hello did not verify");
                Err(VerifyFailure::Unavailable)
            }
        }
    }
}

fn decode_key(text: &str) -> Result<PublicKey, Unavailable> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let key = bytes.and_then(|bytes| PublicKey::from_cose_bytes(&bytes).ok());
    key.ok_or_else(|| Unavailable("hello's key cannot be read".into()))
}
