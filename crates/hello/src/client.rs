//! Hello as the broker calls it.
//!
//! Start with [`HelloClient::new`]; every call finds hello on the bus (starting it if need be), has it proved that it is hello, and
//! only then passes a PIN on. The PIN stays in its sealed memory file: the broker gets a
//! descriptor from the prompt and hands it through without ever reading it. Evidence is checked before it is believed.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_ctap::crypto::{self, PublicKey};
use claviger_joint::{
    TransactionId,
    evidence::{self, EvidenceError, Expected},
};
use claviger_peer::{PeerError, Peers, Role};
use thiserror::Error;
use tokio::time::timeout;
use zbus::{Fd, proxy};

use crate::{
    evidence::UvEvidence,
    hello::Status,
    ticket::PinTicket,
    verification::{CodecError, NotVerified, VerifyReply, VerifyRequest, decode_outcome, decode_ticket},
};

/// How long hello may take for one call: the verifications that came before, each with its key derivation, and a slow disk.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Calls hello over the bus.
#[derive(Debug)]
pub struct HelloClient {
    peers: Arc<Peers>,
}

/// What came of a verification: like [`VerifyReply`], with the evidence checked.
#[derive(Debug)]
pub struct Verified {
    /// Evidence for the one operation of the request.
    pub evidence: Option<UvEvidence>,
    /// One unlock box for each that was asked for, in the same order.
    pub boxes: Vec<Vec<u8>>,
}

impl HelloClient {
    /// A client that trusts whom `peers` take for hello.
    pub fn new(peers: Arc<Peers>) -> Self {
        Self { peers }
    }

    /// Where things stand.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.status_of(&self.hello().await?).await
    }

    /// The public evidence key; `None` before a PIN is set.
    pub async fn uv_key(&self) -> Result<Option<PublicKey>, ClientError> {
        uv_key(&self.status().await?)
    }

    /// Sets the first PIN, from a sealed memory file.
    pub async fn set_pin(&self, new: impl AsFd) -> Result<(), ClientError> {
        let hello = self.hello().await?;
        within(hello.set_pin(borrowed(new.as_fd()))).await
    }

    /// Changes the PIN.
    pub async fn change_pin(&self, old: impl AsFd, new: impl AsFd) -> Result<(), ClientError> {
        let hello = self.hello().await?;
        done(hello.change_pin(borrowed(old.as_fd()), borrowed(new.as_fd()))).await
    }

    /// Why a PIN would be refused as a new one, for the user; `None` when it would do.
    pub async fn check_pin(&self, pin: impl AsFd) -> Result<Option<String>, ClientError> {
        let hello = self.hello().await?;
        let reason = within(hello.check_pin(borrowed(pin.as_fd()))).await?;
        Ok(Some(reason).filter(|reason| !reason.is_empty()))
    }

    /// Verifies the user once, with the PIN in a sealed memory file.
    ///
    /// The evidence in the answer carries hello's signature under the key that hello itself announces, is for the operation of
    /// the request, and is fresh. A refused gesture is [`ClientError::Refused`].
    pub async fn verify(&self, pin: impl AsFd, request: &VerifyRequest) -> Result<Verified, ClientError> {
        let hello = self.hello().await?;
        let answer = within(hello.verify(borrowed(pin.as_fd()), &request.encode())).await?;
        self.checked(&hello, &answer, request).await
    }

    /// Verifies the user once, at a reader, however long the person takes: end it with [`Self::cancel`], or by a PIN for the same
    /// transaction. It answers [`NotVerified::Cancelled`] then.
    pub async fn verify_by_reader(&self, request: &VerifyRequest) -> Result<Verified, ClientError> {
        let hello = self.hello().await?;
        let answer = hello.verify_by_reader(&request.encode()).await?;
        self.checked(&hello, &answer, request).await
    }

    /// Has hello look at a PIN as CTAP clients give it, in a sealed memory file of 16 bytes. The ticket is for
    /// [`Self::verify_ticket`], within [`LIFETIME`](crate::ticket::LIFETIME).
    pub async fn verify_client_pin(&self, pin: impl AsFd) -> Result<PinTicket, ClientError> {
        let hello = self.hello().await?;
        let answer = within(hello.verify_client_pin(borrowed(pin.as_fd()))).await?;
        Ok(decode_ticket(&answer)??)
    }

    /// [`Self::verify`] with a ticket in place of the PIN; the ticket is spent, whatever comes of it. A ticket that is too old
    /// or was replaced is refused with [`NotVerified::TicketGone`].
    pub async fn verify_ticket(&self, ticket: PinTicket, request: &VerifyRequest) -> Result<Verified, ClientError> {
        let hello = self.hello().await?;
        let answer = within(hello.verify_ticket(ticket.as_bytes(), &request.encode())).await?;
        self.checked(&hello, &answer, request).await
    }

    /// [`Self::verify`], with a ticket for the one change that the evidence is for.
    pub async fn verify_and_hold(
        &self,
        pin: impl AsFd,
        request: &VerifyRequest,
    ) -> Result<(Verified, PinTicket), ClientError> {
        let hello = self.hello().await?;
        let (answer, ticket) = within(hello.verify_and_hold(borrowed(pin.as_fd()), &request.encode())).await?;
        let verified = self.checked(&hello, &answer, request).await?;
        let ticket = ticket.as_slice().try_into().map(PinTicket::from_bytes);
        Ok((
            verified,
            ticket.map_err(|_| ClientError::Answer("hello gave no ticket"))?,
        ))
    }

    /// Makes a recovery code, in a sealed memory file. The ticket is spent, whatever comes of it.
    pub async fn make_recovery_code(&self, ticket: &PinTicket) -> Result<OwnedFd, ClientError> {
        let hello = self.hello().await?;
        let (answer, code) = within(hello.make_recovery_code(ticket.as_bytes())).await?;
        decode_outcome(&answer)??;
        let code = code.into_iter().next().map(OwnedFd::from);
        code.ok_or(ClientError::Answer("hello gave no recovery code"))
    }

    /// Has the code that was made be the one, with its first and its last group in a sealed memory file.
    pub async fn confirm_recovery_code(&self, ends: impl AsFd) -> Result<(), ClientError> {
        let hello = self.hello().await?;
        done(hello.confirm_recovery_code(borrowed(ends.as_fd()))).await
    }

    /// Tries a recovery code, in a sealed memory file, and changes nothing.
    pub async fn drill_recovery_code(&self, code: impl AsFd) -> Result<(), ClientError> {
        let hello = self.hello().await?;
        done(hello.drill_recovery_code(borrowed(code.as_fd()))).await
    }

    /// Sets a new PIN with the recovery code, both in sealed memory files.
    pub async fn recover(&self, code: impl AsFd, new: impl AsFd) -> Result<(), ClientError> {
        let hello = self.hello().await?;
        done(hello.recover(borrowed(code.as_fd()), borrowed(new.as_fd()))).await
    }

    /// Ends what is under way at hello for this transaction.
    pub async fn cancel(&self, transaction: TransactionId) -> Result<(), ClientError> {
        within(self.hello().await?.cancel(transaction.as_bytes())).await
    }

    /// Ends all that is under way at hello and makes all tickets worthless, because the user locks.
    pub async fn lock(&self) -> Result<(), ClientError> {
        within(self.hello().await?.lock()).await
    }
}

impl HelloClient {
    /// Hello by the name of its connection, started if need be and checked. Not kept: it may restart between two calls, and
    /// another program may take its name.
    async fn hello(&self) -> Result<Hello1Proxy<'static>, ClientError> {
        let owner = within_peers(self.peers.find(Role::Hello)).await?;
        Ok(Hello1Proxy::builder(self.peers.connection())
            .destination(owner)
            .build()
            .await?)
    }

    /// A verification's answer, with the evidence held against the request.
    async fn checked(
        &self,
        hello: &Hello1Proxy<'_>,
        answer: &[u8],
        request: &VerifyRequest,
    ) -> Result<Verified, ClientError> {
        let VerifyReply { evidence, boxes } = decode_outcome(answer)??;
        if boxes.len() != request.unlock.len() || evidence.is_some() != request.evidence.is_some() {
            return Err(ClientError::Answer("hello answered something else than was asked"));
        }
        let evidence = match (evidence, &request.evidence) {
            (Some(bytes), Some(operation)) => {
                let key = uv_key(&self.status_of(hello).await?)?.ok_or(ClientError::Answer("hello has no key"))?;
                let expected = Expected {
                    audience: &operation.audience,
                    transaction: operation.transaction,
                    buffer_hash: operation.buffer_hash,
                    purpose: operation.purpose,
                    now_ms: unix_ms(),
                };
                // No count is kept here: the transaction is fresh and ours, so only this answer can fit it. Providers keep one.
                let verified = evidence::verify(crypto::native(), &bytes, &key, &expected, &mut 0)?;
                Some(UvEvidence::new(bytes, verified.claims().clone()))
            }
            _ => None,
        };
        Ok(Verified { evidence, boxes })
    }

    async fn status_of(&self, hello: &Hello1Proxy<'_>) -> Result<Status, ClientError> {
        let json = within(hello.status()).await?;
        serde_json::from_str(&json).map_err(|_| ClientError::Answer("hello's status cannot be read"))
    }
}

/// Why a call came to nothing.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The user's: the gesture was not accepted.
    #[error(transparent)]
    Refused(#[from] NotVerified),
    /// The user's: the new PIN is too easy to guess; the text is the [code](claviger_pin::Weak::code) of why.
    #[error("{0}")]
    WeakPin(String),
    /// The prompt's: what it passed on is no sealed PIN; the text says why.
    #[error("{0}")]
    BadPin(String),
    /// The user's: what was typed is no recovery code; the text says why.
    #[error("{0}")]
    BadCode(String),
    /// There is a PIN already.
    #[error("a PIN is set already")]
    AlreadySet,
    /// The machine's: there is no reader to be verified at, or none that works; the text says why.
    #[error("{0}")]
    NoReader(String),
    /// Hello says that it cannot work; the text says why.
    #[error("{0}")]
    Failed(String),
    /// Hello does not take calls from this program.
    #[error("hello does not take calls from this program: {0}")]
    Denied(String),
    /// Another program has hello's name. Whoever started it is at fault.
    #[error("another program poses as hello: {0}")]
    Impostor(#[source] PeerError),
    /// Hello's answer is not one.
    #[error("{0}")]
    Answer(&'static str),
    /// Hello's answer cannot be read.
    #[error("hello's answer cannot be read: {0}")]
    Codec(#[from] CodecError),
    /// Hello's evidence is not good.
    #[error("hello's evidence is not good: {0}")]
    Evidence(#[from] EvidenceError),
    /// Hello did not answer in time.
    #[error("hello did not answer in time")]
    Timeout,
    /// Hello is not there, or the bus failed.
    #[error("hello cannot be reached: {0}")]
    Bus(zbus::Error),
}

impl From<zbus::Error> for ClientError {
    fn from(error: zbus::Error) -> Self {
        let zbus::Error::MethodError(name, text, _) = &error else {
            return Self::Bus(error);
        };
        let text = text.clone().unwrap_or_default();
        match name.as_str().strip_prefix("org.claviger.Hello1.Error.") {
            Some("WeakPin") => Self::WeakPin(text),
            Some("BadPin") => Self::BadPin(text),
            Some("BadCode") => Self::BadCode(text),
            Some("AlreadySet") => Self::AlreadySet,
            Some("NoReader") => Self::NoReader(text),
            Some("AccessDenied") => Self::Denied(text),
            Some("BadRequest") => Self::Answer("hello could not read the request"),
            Some(_) => Self::Failed(text),
            None => Self::Bus(error),
        }
    }
}

#[proxy(interface = "org.claviger.Hello1", default_path = "/org/claviger/Hello")]
trait Hello1 {
    fn status(&self) -> zbus::Result<String>;
    fn set_pin(&self, new: Fd<'_>) -> zbus::Result<()>;
    fn change_pin(&self, old: Fd<'_>, new: Fd<'_>) -> zbus::Result<Vec<u8>>;
    fn check_pin(&self, pin: Fd<'_>) -> zbus::Result<String>;
    fn verify(&self, pin: Fd<'_>, request: &[u8]) -> zbus::Result<Vec<u8>>;
    fn verify_and_hold(&self, pin: Fd<'_>, request: &[u8]) -> zbus::Result<(Vec<u8>, Vec<u8>)>;
    fn make_recovery_code(&self, ticket: &[u8]) -> zbus::Result<(Vec<u8>, Vec<zbus::OwnedFd>)>;
    fn confirm_recovery_code(&self, ends: Fd<'_>) -> zbus::Result<Vec<u8>>;
    fn drill_recovery_code(&self, code: Fd<'_>) -> zbus::Result<Vec<u8>>;
    fn recover(&self, code: Fd<'_>, new: Fd<'_>) -> zbus::Result<Vec<u8>>;
    fn verify_client_pin(&self, pin: Fd<'_>) -> zbus::Result<Vec<u8>>;
    fn verify_by_reader(&self, request: &[u8]) -> zbus::Result<Vec<u8>>;
    fn verify_ticket(&self, ticket: &[u8], request: &[u8]) -> zbus::Result<Vec<u8>>;
    fn cancel(&self, transaction: &[u8]) -> zbus::Result<()>;
    fn lock(&self) -> zbus::Result<()>;
}

async fn within<T>(call: impl Future<Output = zbus::Result<T>>) -> Result<T, ClientError> {
    Ok(timeout(TIMEOUT, call).await.map_err(|_| ClientError::Timeout)??)
}

/// [`within`] for what answers an outcome and nothing else.
async fn done(call: impl Future<Output = zbus::Result<Vec<u8>>>) -> Result<(), ClientError> {
    decode_outcome(&within(call).await?)??;
    Ok(())
}

async fn within_peers<T>(found: impl Future<Output = Result<T, PeerError>>) -> Result<T, ClientError> {
    let found = timeout(TIMEOUT, found).await.map_err(|_| ClientError::Timeout)?;
    found.map_err(|error| match error {
        PeerError::Bus(text) => ClientError::Bus(zbus::Error::Failure(text)),
        error => ClientError::Impostor(error),
    })
}

fn borrowed(file: BorrowedFd<'_>) -> Fd<'_> {
    Fd::Borrowed(file)
}

fn uv_key(status: &Status) -> Result<Option<PublicKey>, ClientError> {
    let Some(text) = &status.uv_key else { return Ok(None) };
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let key = bytes.and_then(|bytes| PublicKey::from_cose_bytes(&bytes).ok());
    key.map(Some).ok_or(ClientError::Answer("hello's key cannot be read"))
}

fn unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
