//! `org.claviger.Ctap1`: the broker's side of CTAP over the bus.
//!
//! Its only callers are the platform's own processes. What a program may learn of a failure is decided here ([`super::verdict`]), so that
//! the door's process never knows more than its client.
//!
//! A ceremony lives as long as the door's bus connection: when that ends, prompt and provider's work are taken back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use claviger_broker::caller::CallerError;
use claviger_broker::{Broker, CancelToken, Cause, CtapRequest, Door, DoorTraits, PinTicket, SecurityKeyCaller};
use claviger_ctap::status::Status;
use zbus::OwnedFd;
use zbus::fdo;
use zbus::message::Header;
use zbus::names::UniqueName;

use super::message::{
    Ceremony, CeremonyReply, Delete, Info, List, ListReply, Malformed, PinCheck, Program, Select, Update,
};
use super::platform::{DoorProcess, Platform};
use super::question;
use super::verdict::{Asked, status_of};

/// Most ceremonies of one door at a time. CTAPHID has one transaction at a time; a cancelled one may still be ending.
const MAX_PER_DOOR: usize = 8;

/// A door, as the interface has to know it.
#[derive(Debug, Clone, Copy)]
pub struct Entrance {
    /// Which one it is.
    pub door: Door,
    /// What is special about it.
    pub traits: DoorTraits,
    /// The object that its process talks to.
    pub path: &'static str,
}

impl Entrance {
    /// Serves the interface for this door.
    ///
    /// # Errors
    ///
    /// The bus refused.
    pub async fn open(self, broker: &Broker) -> zbus::Result<()> {
        let interface = Ctap1::new(self, Arc::new(broker.clone()));
        broker.connection().object_server().at(self.path, interface).await?;
        broker.door_opened(self.door);
        Ok(())
    }
}

/// The interface of one door.
pub struct Ctap1 {
    entrance: Entrance,
    platform: Arc<dyn Platform>,
    running: Arc<Running>,
}

impl Ctap1 {
    /// An interface for a door in front of `platform`.
    pub fn new(entrance: Entrance, platform: Arc<dyn Platform>) -> Self {
        Self {
            entrance,
            platform,
            running: Arc::default(),
        }
    }

    async fn perform(&self, makes: bool, call: Ceremony, process: DoorProcess, cancel: CancelToken) -> CeremonyReply {
        let asked = Asked {
            makes,
            client_pin: call.ticket.is_some(),
        };
        let operation = if makes {
            question::make(&call.request).map(CtapRequest::Make)
        } else {
            question::get(&call.request).map(CtapRequest::Get)
        };
        let operation = match operation {
            Ok(operation) => operation,
            Err(status) => return CeremonyReply::failed(status),
        };
        let caller = question::caller(&self.entrance, call.program, process);
        // A client that only looks: nobody is asked.
        if let CtapRequest::Get(request) = &operation
            && !request.options.up
        {
            return match self.platform.probe(&caller, request).await {
                Ok(response) => CeremonyReply::ok(response.to_cbor()),
                Err(cause) => CeremonyReply::failed(status_of(asked, &cause)),
            };
        }
        let named = matches!(&operation, CtapRequest::Get(request) if !request.allow_list.is_empty());
        let request = match question::ceremony(caller, operation) {
            Ok(request) => request,
            Err(status) => return CeremonyReply::failed(status),
        };
        match self.platform.ceremony(request, call.ticket, cancel).await {
            Ok(answer) => CeremonyReply::ok(question::response(answer, named)),
            Err(cause) => {
                tracing::info!(
                    makes,
                    cause = cause.code(),
                    "a program's request ended without an answer"
                );
                CeremonyReply::failed(status_of(asked, &cause))
            }
        }
    }
}

// The interface macro dictates the methods' shape.
#[allow(clippy::needless_pass_by_value, clippy::unused_self)]
#[zbus::interface(name = "org.claviger.Ctap1")]
impl Ctap1 {
    /// `authenticatorMakeCredential`: [`Ceremony`] → [`CeremonyReply`].
    ///
    /// Whatever becomes of the ceremony is a reply. A D-Bus error means that the sender may not ask or asked nonsense; so it is
    /// with all methods.
    async fn make(&self, request: Vec<u8>, #[zbus(header)] header: Header<'_>) -> fdo::Result<Vec<u8>> {
        let call = Ceremony::decode(&request).map_err(invalid)?;
        let turn = self.begin(&header).await?;
        Ok(self
            .perform(true, call, turn.process, turn.cancel.clone())
            .await
            .encode())
    }

    /// `authenticatorGetAssertion`: [`Ceremony`] → [`CeremonyReply`]. With `up` false it asks nobody.
    async fn get(&self, request: Vec<u8>, #[zbus(header)] header: Header<'_>) -> fdo::Result<Vec<u8>> {
        let call = Ceremony::decode(&request).map_err(invalid)?;
        let turn = self.begin(&header).await?;
        Ok(self
            .perform(false, call, turn.process, turn.cancel.clone())
            .await
            .encode())
    }

    /// `authenticatorSelection`: [`Select`] → a CTAP status, once the user has said that this is the key to use, or not.
    async fn select(&self, request: Vec<u8>, #[zbus(header)] header: Header<'_>) -> fdo::Result<u32> {
        let Select { program } = Select::decode(&request).map_err(invalid)?;
        let turn = self.begin(&header).await?;
        Ok(done(
            managing(None),
            self.platform.select(turn.caller(program, None)).await,
        ))
    }

    /// The discoverable credentials, once the user has agreed and was verified: [`List`] → [`ListReply`].
    async fn list(&self, request: Vec<u8>, #[zbus(header)] header: Header<'_>) -> fdo::Result<Vec<u8>> {
        let List { program, ticket } = List::decode(&request).map_err(invalid)?;
        let turn = self.begin(&header).await?;
        let asked = managing(ticket.as_ref());
        let reply = match self.platform.list(turn.caller(program, ticket)).await {
            Ok(list) => question::list(list),
            Err(cause) => ListReply::failed(status_of(asked, &cause)),
        };
        Ok(reply.encode())
    }

    /// Deletes a credential, once the user has agreed and was verified: [`Delete`] → a CTAP status.
    async fn delete(&self, request: Vec<u8>, #[zbus(header)] header: Header<'_>) -> fdo::Result<u32> {
        let call = Delete::decode(&request).map_err(invalid)?;
        let turn = self.begin(&header).await?;
        let asked = managing(call.ticket.as_ref());
        let credential = match self.platform.credential(&call.credential) {
            Ok(credential) => credential,
            Err(cause) => return Ok(done(asked, Err(cause))),
        };
        let from = turn.caller(call.program, call.ticket);
        Ok(done(asked, self.platform.delete(from, &credential).await))
    }

    /// Changes the names of a credential's account, once the user has agreed and was verified: [`Update`] → a CTAP status.
    async fn update(&self, request: Vec<u8>, #[zbus(header)] header: Header<'_>) -> fdo::Result<u32> {
        let call = Update::decode(&request).map_err(invalid)?;
        let turn = self.begin(&header).await?;
        let asked = managing(call.ticket.as_ref());
        let credential = match self.platform.credential(&call.credential) {
            Ok(credential) => credential,
            Err(cause) => return Ok(done(asked, Err(cause))),
        };
        // CTAP 2.1 §6.8.6: the account itself may not change.
        if self
            .platform
            .account(&credential)
            .is_some_and(|account| account != call.user.id)
        {
            return Ok(u32::from(Status::InvalidParameter.code()));
        }
        let from = turn.caller(call.program, call.ticket);
        Ok(done(asked, self.platform.update(from, &credential, &call.user).await))
    }

    /// Ends what the sender has running; nothing running is no error.
    fn cancel(&self, #[zbus(header)] header: Header<'_>) -> fdo::Result<()> {
        let sender = header.sender().ok_or_else(|| fdo::Error::from(CallerError::NoSender))?;
        self.running.cancel(sender);
        Ok(())
    }

    /// How the PIN is: [`Info`]. Asks nobody.
    async fn info(&self, #[zbus(header)] header: Header<'_>) -> fdo::Result<Vec<u8>> {
        self.platform.own(&header).await?;
        let verifier = self.platform.status().await.map_err(|error| unavailable(&error))?;
        let pin = verifier.hello.pin();
        let info = Info {
            pin_set: verifier.hello.pin_set(),
            tries_left: pin.tries_left.into(),
            locked_out: pin.locked_out,
            client_pin: verifier.client_pin,
        };
        Ok(info.encode())
    }

    /// Checks a client PIN, `LEFT(SHA-256(PIN), 16)` in a sealed memory file: [`PinCheck`].
    async fn check_pin(&self, pin_hash: OwnedFd, #[zbus(header)] header: Header<'_>) -> fdo::Result<Vec<u8>> {
        let process = self.platform.own(&header).await?;
        let checked = self
            .platform
            .check_pin(&question::caller(&self.entrance, None, process), pin_hash.into())
            .await;
        let check = PinCheck(checked.map_err(|error| unavailable(&error))?);
        Ok(check.encode())
    }
}

impl Ctap1 {
    /// Lets a call of the door in.
    async fn begin(&self, header: &Header<'_>) -> fdo::Result<Turn> {
        let sender = header.sender().ok_or_else(|| fdo::Error::from(CallerError::NoSender))?;
        // Both before anything is awaited, so that neither a `Cancel` nor the sender's end can come too early to be noticed.
        let cancel = CancelToken::new();
        let admission = self.running.admit(sender, &cancel)?;
        let attendance = self.platform.attend(sender, &cancel);
        let process = self.platform.own(header).await?;
        Ok(Turn {
            entrance: self.entrance,
            process,
            cancel,
            _admission: admission,
            _attendance: attendance,
        })
    }
}

/// A call of a door's process while it runs.
struct Turn {
    entrance: Entrance,
    process: DoorProcess,
    cancel: CancelToken,
    _admission: Admission,
    _attendance: Box<dyn Send>,
}

impl Turn {
    fn caller(&self, program: Option<Program>, ticket: Option<PinTicket>) -> SecurityKeyCaller {
        SecurityKeyCaller {
            caller: question::caller(&self.entrance, program, self.process),
            ticket,
            cancel: self.cancel.clone(),
        }
    }
}

/// Managing credentials, with or without a PIN that the client took.
fn managing(ticket: Option<&PinTicket>) -> Asked {
    Asked {
        makes: false,
        client_pin: ticket.is_some(),
    }
}

/// A status alone, as the bus carries it.
fn done(asked: Asked, result: Result<(), Cause>) -> u32 {
    let status = match result {
        Ok(()) => Status::Success,
        Err(cause) => status_of(asked, &cause),
    };
    u32::from(status.code())
}

/// What can be cancelled, by door.
#[derive(Default)]
struct Running(Mutex<HashMap<String, Vec<(u64, CancelToken)>>>);

impl Running {
    fn admit(self: &Arc<Self>, sender: &UniqueName<'_>, token: &CancelToken) -> fdo::Result<Admission> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = running.entry(sender.as_str().to_owned()).or_default();
        if tokens.len() >= MAX_PER_DOOR {
            return Err(fdo::Error::LimitsExceeded("too many requests at a time".to_owned()));
        }
        let number = tokens.last().map_or(0, |(last, _)| last.wrapping_add(1));
        tokens.push((number, token.clone()));
        Ok(Admission {
            running: Arc::clone(self),
            sender: sender.as_str().to_owned(),
            number,
        })
    }

    fn cancel(&self, sender: &UniqueName<'_>) {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, token) in running.get(sender.as_str()).into_iter().flatten() {
            token.cancel();
        }
    }
}

/// A place among what runs, given back when dropped.
struct Admission {
    running: Arc<Running>,
    sender: String,
    number: u64,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut running = self.running.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tokens) = running.get_mut(&self.sender) {
            tokens.retain(|(number, _)| *number != self.number);
            if tokens.is_empty() {
                running.remove(&self.sender);
            }
        }
    }
}

fn invalid(error: Malformed) -> fdo::Error {
    fdo::Error::InvalidArgs(error.to_string())
}

fn unavailable(error: &claviger_broker::Unavailable) -> fdo::Error {
    fdo::Error::Failed(error.to_string())
}
