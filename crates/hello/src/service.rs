//! `org.claviger.Hello1`: hello on the bus.
//!
//! Every call is answered only to the user's broker. PINs arrive as sealed memory files and
//! never as strings. Guesses are looked at in the order in which they came, off the thread that serves the bus; each is armed when it
//! comes, so a lock or a cancel ends what waits for its turn too. Nothing else
//! waits for them, and nothing at all for a person: `Status`, `Lock` and `Cancel` answer meanwhile. Errors that are
//! the caller's have names under `org.claviger.Hello1.Error`; a wrong PIN is no error but an outcome.

mod error;

use core::time::Duration;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use claviger_joint::TransactionId;
use claviger_logind::Logind;
use claviger_peer::{Peers, Role};
use futures_util::{StreamExt, future::select_ok};
use tokio::sync::Mutex;
use zbus::{
    Connection,
    fdo::{DBusProxy, RequestNameFlags},
    interface,
    message::Header,
    names::UniqueName,
};

use crate::{
    attempt::Attempt,
    bus::{NAME, PATH},
    gesture::{Gesture, Reader, ReaderError},
    hello::{Hello, HelloError, Status},
    machine::Way,
    ticket::{self, PinTicket},
    verification::{NotVerified, VerifyReply, VerifyRequest, encode_outcome, encode_ticket},
};
use claviger_pin::{Pin, memfd};
use error::ServiceError;

/// How long a guess that is being looked at may keep the machine from sleeping, and hello from ending. logind waits for five seconds.
const SETTLING: Duration = Duration::from_secs(4);

/// What is around hello.
#[derive(Default)]
pub struct Surroundings {
    /// What a person can be waited for at, for `VerifyByReader`.
    pub readers: Vec<Box<dyn Reader>>,
    /// Who tells when to lock. `None`: only the user does.
    pub logind: Option<Logind>,
}

/// Serves `hello` on the connection of `peers` under its name until the bus goes away or `until` resolves; then locks it and returns.
///
/// `peers` tell who the broker is: nobody else may call.
///
/// # Errors
/// The bus refused, or another process owns the name already.
pub async fn run(
    peers: Peers,
    hello: Hello,
    around: Surroundings,
    until: impl Future<Output = ()>,
) -> zbus::Result<()> {
    let connection = peers.connection().clone();
    let core = Core {
        hello: Arc::new(hello),
        queue: Arc::default(),
    };
    let watched = Arc::new(AtomicBool::new(false));
    let service = Service {
        core: core.clone(),
        peers,
        readers: around.readers,
        watched: Arc::clone(&watched),
    };
    connection.object_server().at(PATH, service).await?;
    connection
        .request_name_with_flags(NAME, RequestNameFlags::DO_NOT_QUEUE)
        .await?;
    tracing::info!("hello serves");
    let locking = async {
        match around.logind {
            Some(logind) => {
                let told = |is: bool| watched.store(is, Ordering::Relaxed);
                logind.watch(told, |_| core.lock_and_settle()).await;
            }
            None => core::future::pending().await,
        }
    };
    tokio::select! {
        () = connection.closed() => {}
        () = until => {}
        () = locking => {}
    }
    // Wiped here and not by the end of the process, which wipes nothing.
    core.lock_and_settle().await;
    Ok(())
}

/// Hello, and the queue of those who have something looked at.
#[derive(Clone)]
struct Core {
    hello: Arc<Hello>,
    /// Whose guess is next. First come, first served, and never more than one thread for all.
    queue: Arc<Mutex<()>>,
}

impl Core {
    /// Locks, and waits until nobody has anything of a gesture in hand that came before.
    async fn lock_and_settle(&self) {
        self.hello.lock();
        if tokio::time::timeout(SETTLING, self.queue.lock()).await.is_err() {
            tracing::warn!("a gesture is still being looked at; nothing comes of it");
        }
    }
}

struct Service {
    core: Core,
    peers: Peers,
    readers: Vec<Box<dyn Reader>>,
    /// Whether somebody tells when to lock.
    watched: Arc<AtomicBool>,
}

#[interface(name = "org.claviger.Hello1")]
impl Service {
    /// Where things stand, as JSON: see [`crate::Status`].
    async fn status(&self, #[zbus(header)] header: Header<'_>) -> Result<String, ServiceError> {
        self.admit(&header).await?;
        let status = Status {
            locks_with_session: self.watched.load(Ordering::Relaxed),
            ..self.core.hello.status()
        };
        serde_json::to_string(&status).map_err(|error| ServiceError::Failed(error.to_string()))
    }

    /// Sets the first PIN.
    async fn set_pin(&self, #[zbus(header)] header: Header<'_>, new: zbus::OwnedFd) -> Result<(), ServiceError> {
        self.admit(&header).await?;
        let new = receive(&new)?;
        self.queued(move |hello| hello.set_pin(&new)).await
    }

    /// Changes the PIN; answers an outcome like `Verify`, without evidence or boxes.
    async fn change_pin(
        &self,
        #[zbus(header)] header: Header<'_>,
        old: zbus::OwnedFd,
        new: zbus::OwnedFd,
    ) -> Result<Vec<u8>, ServiceError> {
        self.admit(&header).await?;
        let attempt = self.core.hello.arm_alone(Way::Pin);
        let (old, new) = (receive(&old)?, receive(&new)?);
        self.done(move |hello| hello.change_pin_at(&attempt, old, &new)).await
    }

    /// Whether a PIN would do: an empty text, or the reason why not, for the user.
    async fn check_pin(&self, #[zbus(header)] header: Header<'_>, pin: zbus::OwnedFd) -> Result<String, ServiceError> {
        self.admit(&header).await?;
        match memfd::receive(&pin) {
            Ok(pin) => Ok(self
                .core
                .hello
                .quality(&pin)
                .err()
                .map(|weak| weak.to_string())
                .unwrap_or_default()),
            Err(memfd::MemfdError::Pin(error)) => Ok(error.to_string()),
            Err(error) => Err(ServiceError::BadPin(error.to_string())),
        }
    }

    /// Verifies the user once: request and answer as in [`crate::verification`].
    async fn verify(
        &self,
        #[zbus(header)] header: Header<'_>,
        pin: zbus::OwnedFd,
        request: Vec<u8>,
    ) -> Result<Vec<u8>, ServiceError> {
        self.admit(&header).await?;
        let request = VerifyRequest::decode(&request)?;
        let attempt = self.core.hello.arm(&request, Way::Pin);
        let pin = receive(&pin)?;
        self.verified(attempt, pin.into(), request).await
    }

    /// `Verify`, and a ticket of 16 bytes for the one change that it is for; without one when the PIN was not accepted.
    async fn verify_and_hold(
        &self,
        #[zbus(header)] header: Header<'_>,
        pin: zbus::OwnedFd,
        request: Vec<u8>,
    ) -> Result<(Vec<u8>, Vec<u8>), ServiceError> {
        self.admit(&header).await?;
        let request = VerifyRequest::decode(&request)?;
        let attempt = self.core.hello.arm(&request, Way::Pin);
        let pin = receive(&pin)?;
        let verified = self.queued(move |hello| outcome(hello.verify_and_hold_at(&attempt, pin, &request)));
        Ok(match verified.await? {
            Ok((reply, ticket)) => {
                self.sweep_after(ticket::LIFETIME);
                (encode_outcome(&Ok(reply)), ticket.as_bytes().to_vec())
            }
            Err(refusal) => (encode_outcome(&Err(refusal)), Vec::new()),
        })
    }

    /// Makes a recovery code, with a ticket; answers an outcome and, in a sealed memory file, the code.
    async fn make_recovery_code(
        &self,
        #[zbus(header)] header: Header<'_>,
        ticket: Vec<u8>,
    ) -> Result<(Vec<u8>, Vec<zbus::OwnedFd>), ServiceError> {
        self.admit(&header).await?;
        let ticket = ticket_of(&ticket)?;
        let attempt = self.core.hello.arm_alone(Way::ClientPin);
        let made = self.queued(move |hello| outcome(hello.make_recovery_code_at(&attempt, &ticket)));
        let (outcome, code) = match made.await? {
            Ok(code) => {
                self.sweep_after(ticket::CODE_LIFETIME);
                (Ok(VerifyReply::default()), Some(code))
            }
            Err(refusal) => (Err(refusal), None),
        };
        let sealed = code.map(|code| memfd::seal_recovery_code(&code)).transpose();
        let sealed = sealed.map_err(|error| ServiceError::Failed(error.to_string()))?;
        Ok((encode_outcome(&outcome), sealed.map(Into::into).into_iter().collect()))
    }

    /// Takes the first and the last group of the code that was made, from a sealed memory file; answers an outcome.
    async fn confirm_recovery_code(
        &self,
        #[zbus(header)] header: Header<'_>,
        ends: zbus::OwnedFd,
    ) -> Result<Vec<u8>, ServiceError> {
        self.admit(&header).await?;
        let ends = memfd::receive_code_ends(&ends).map_err(|error| ServiceError::bad_code(&error))?;
        self.done(move |hello| hello.confirm_recovery_code(&ends)).await
    }

    /// Tries a recovery code, from a sealed memory file; answers an outcome.
    async fn drill_recovery_code(
        &self,
        #[zbus(header)] header: Header<'_>,
        code: zbus::OwnedFd,
    ) -> Result<Vec<u8>, ServiceError> {
        self.admit(&header).await?;
        let attempt = self.core.hello.arm_alone(Way::RecoveryCode);
        let code = memfd::receive_recovery_code(&code).map_err(|error| ServiceError::bad_code(&error))?;
        self.done(move |hello| hello.drill_recovery_code_at(&attempt, code))
            .await
    }

    /// Sets a new PIN with the recovery code, both from sealed memory files; answers an outcome.
    async fn recover(
        &self,
        #[zbus(header)] header: Header<'_>,
        code: zbus::OwnedFd,
        new: zbus::OwnedFd,
    ) -> Result<Vec<u8>, ServiceError> {
        self.admit(&header).await?;
        let attempt = self.core.hello.arm_alone(Way::RecoveryCode);
        let code = memfd::receive_recovery_code(&code).map_err(|error| ServiceError::bad_code(&error))?;
        let new = receive(&new)?;
        self.done(move |hello| hello.recover_at(&attempt, code, &new)).await
    }

    /// `Verify` with what a reader gives, however long the person takes. It ends early when the user locks, when the transaction is
    /// cancelled or verified by a PIN, and when the caller leaves the bus.
    async fn verify_by_reader(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        request: Vec<u8>,
    ) -> Result<Vec<u8>, ServiceError> {
        let caller = self.admit(&header).await?;
        let request = VerifyRequest::decode(&request)?;
        let read = tokio::select! {
            biased;
            left = left(connection, &caller) => left.map(|()| None)?,
            read = self.read(&request) => read?,
        };
        match read {
            Some((attempt, gesture)) => self.verified(attempt, gesture, request).await,
            None => Ok(encode_outcome(&Err(NotVerified::Cancelled))),
        }
    }

    /// Looks at a PIN as CTAP clients give it, from a sealed memory file of 16 bytes; answers an outcome and, if it is right, a
    /// ticket: see [`crate::ticket`].
    async fn verify_client_pin(
        &self,
        #[zbus(header)] header: Header<'_>,
        pin: zbus::OwnedFd,
    ) -> Result<Vec<u8>, ServiceError> {
        self.admit(&header).await?;
        let attempt = self.core.hello.arm_alone(Way::ClientPin);
        let pin = memfd::receive_client_pin(&pin).map_err(|error| ServiceError::BadPin(error.to_string()))?;
        let outcome = self.queued(move |hello| outcome(hello.verify_client_pin_at(&attempt, pin)));
        let outcome = outcome.await?;
        if outcome.is_ok() {
            self.sweep_after(ticket::LIFETIME);
        }
        Ok(encode_ticket(&outcome))
    }

    /// `Verify` with a ticket in place of the PIN. The ticket is spent, whatever comes of it.
    async fn verify_ticket(
        &self,
        #[zbus(header)] header: Header<'_>,
        ticket: Vec<u8>,
        request: Vec<u8>,
    ) -> Result<Vec<u8>, ServiceError> {
        self.admit(&header).await?;
        let ticket = ticket_of(&ticket)?;
        let request = VerifyRequest::decode(&request).inspect_err(|_| self.core.hello.forget_ticket(&ticket))?;
        let attempt = self.core.hello.arm(&request, Way::ClientPin);
        self.verified(attempt, ticket.into(), request).await
    }

    /// Ends what is under way for this transaction, of 16 bytes: its caller wants it no more.
    async fn cancel(&self, #[zbus(header)] header: Header<'_>, transaction: Vec<u8>) -> Result<(), ServiceError> {
        self.admit(&header).await?;
        let transaction = TransactionId::from_bytes(&transaction)
            .ok_or_else(|| ServiceError::BadRequest("a transaction has 16 bytes".into()))?;
        self.core.hello.cancel(transaction);
        Ok(())
    }

    /// Ends all that is under way and makes all tickets worthless: the user locks.
    async fn lock(&self, #[zbus(header)] header: Header<'_>) -> Result<(), ServiceError> {
        self.admit(&header).await?;
        self.core.hello.lock();
        Ok(())
    }
}

impl Service {
    /// Lets the broker in, and says under which name it calls.
    async fn admit(&self, header: &Header<'_>) -> Result<UniqueName<'static>, ServiceError> {
        let sender = header
            .sender()
            .ok_or_else(|| ServiceError::AccessDenied("the call has no sender".to_owned()))?;
        self.peers.prove(sender, Role::Broker).await.map_err(|error| {
            tracing::warn!(%sender, %error, "a call was refused");
            ServiceError::AccessDenied(error.to_string())
        })?;
        Ok(sender.to_owned())
    }

    /// Waits for the person at all readers; the first gesture counts, and the others are let go. `None` when the attempt ends before.
    async fn read(&self, request: &VerifyRequest) -> Result<Option<(Attempt, Gesture)>, ServiceError> {
        if self.readers.is_empty() {
            return Err(ServiceError::NoReader(
                "there is no reader to be verified at".to_owned(),
            ));
        }
        let read = select_ok(self.readers.iter().map(|reader| {
            let attempt = self.core.hello.arm(request, reader.way());
            Box::pin(async move {
                tokio::select! {
                    biased;
                    () = attempt.over() => Ok(None),
                    gesture = reader.gesture() => gesture.map(|gesture| Some((attempt, gesture))),
                }
            })
        }))
        .await;
        read.map(|(read, _)| read).map_err(|error: ReaderError| {
            tracing::warn!(%error, "no reader works");
            ServiceError::NoReader(error.to_string())
        })
    }

    /// Has a gesture checked when all that came before are, and answers what came of it.
    async fn verified(
        &self,
        attempt: Attempt,
        gesture: Gesture,
        request: VerifyRequest,
    ) -> Result<Vec<u8>, ServiceError> {
        let outcome = self.queued(move |hello| outcome(hello.verify_at(&attempt, gesture, &request)));
        Ok(encode_outcome(&outcome.await?))
    }

    /// Nobody need come back with a ticket, or type a code back, for it to be wiped in time.
    fn sweep_after(&self, lifetime: Duration) {
        let hello = Arc::clone(&self.core.hello);
        tokio::spawn(async move {
            tokio::time::sleep(lifetime).await;
            hello.sweep();
        });
    }

    /// Has something done that brings nothing back but its outcome.
    async fn done(
        &self,
        work: impl FnOnce(&Hello) -> Result<(), HelloError> + Send + 'static,
    ) -> Result<Vec<u8>, ServiceError> {
        let outcome = self.queued(move |hello| outcome(work(hello).map(|()| VerifyReply::default())));
        Ok(encode_outcome(&outcome.await?))
    }

    /// Runs the slow part off the bus's thread, when all that came before are done.
    async fn queued<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Hello) -> Result<T, HelloError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let _turn = self.core.queue.lock().await;
        let hello = Arc::clone(&self.core.hello);
        let done = tokio::task::spawn_blocking(move || work(&hello)).await;
        done.map_err(|_| ServiceError::Failed("hello failed inside; its log says more".to_owned()))?
            .map_err(Into::into)
    }
}

/// Returns when this name has left the bus.
async fn left(connection: &Connection, name: &UniqueName<'_>) -> zbus::Result<()> {
    let bus = DBusProxy::new(connection).await?;
    let mut changes = bus.receive_name_owner_changed_with_args(&[(0, name.as_str())]).await?;
    // Asked after the watch has begun, or an end between the call and the watch would go unnoticed.
    if !bus.name_has_owner(name.clone().into()).await? {
        return Ok(());
    }
    while let Some(change) = changes.next().await {
        if change.args()?.new_owner().is_none() {
            return Ok(());
        }
    }
    Ok(())
}

fn receive(file: &zbus::OwnedFd) -> Result<Pin, ServiceError> {
    memfd::receive(file).map_err(|error| ServiceError::BadPin(error.to_string()))
}

fn ticket_of(bytes: &[u8]) -> Result<PinTicket, ServiceError> {
    let ticket = bytes.try_into().map(PinTicket::from_bytes);
    ticket.map_err(|_| ServiceError::BadRequest("a ticket has 16 bytes".into()))
}

/// A refused gesture is an answer, not a failure.
fn outcome<T>(result: Result<T, HelloError>) -> Result<Result<T, NotVerified>, HelloError> {
    match result {
        Ok(reply) => Ok(Ok(reply)),
        Err(HelloError::Refused(refusal)) => Ok(Err(refusal)),
        Err(error) => Err(error),
    }
}
