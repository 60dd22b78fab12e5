//! A platform with one passkey and no user.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use claviger_broker::caller::{CallerError, PrivilegedCallers};
use claviger_broker::dbus::Identifier;
use claviger_broker::{Caller, CancelToken, Cause, CeremonyAnswer, CeremonyRequest, CtapRequest, Door, Withdrawal};
use claviger_ctap::authenticator_data::{AttestedCredential, AuthenticatorData, Flags};
use claviger_ctap::cbor::Map;
use claviger_ctap::crypto::{self, Algorithm};
use claviger_ctap::types::{Aaguid, CredentialDescriptor, CredentialId, RpId, UserEntity, UserId};
use claviger_ctap::{get_assertion, make_credential};
use claviger_doors::browser::message::Kind;
use claviger_doors::browser::{Platform, TRAITS};
use claviger_peer::Standing;
use claviger_webauthn::Unserved;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use zbus::message::Header;
use zbus::names::UniqueName;

pub const CREDENTIAL: &[u8] = b"the passkey";

/// What the stand-in does with a ceremony.
#[derive(Clone)]
pub enum Behaviour {
    Answer,
    AnswerForAnotherSite,
    Fail(Cause),
    /// Wait until the ceremony is withdrawn.
    Wait,
    /// The same, and nobody can ask the user.
    WaitForPrompt,
}

/// What happened inside.
#[derive(Debug)]
pub enum Event {
    Asked(Box<CeremonyRequest>),
    Withdrawn(Withdrawal),
    Refused(String),
    Undelivered(CredentialId),
}

pub struct StandIn {
    connection: zbus::Connection,
    identifier: Identifier,
    callers: PrivilegedCallers,
    behaviour: Mutex<Behaviour>,
    events: mpsc::UnboundedSender<Event>,
}

impl StandIn {
    /// `callers` are the programs that may be the parent of a native host.
    pub async fn new(
        connection: &zbus::Connection,
        callers: PrivilegedCallers,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<Event>) {
        let (events, receiver) = mpsc::unbounded_channel();
        let own = std::env::current_exe().unwrap();
        let stand_in = Self {
            connection: connection.clone(),
            identifier: Identifier::new(connection, &own).await.unwrap(),
            callers,
            behaviour: Mutex::new(Behaviour::Answer),
            events,
        };
        (Arc::new(stand_in), receiver)
    }

    pub fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }
}

impl Platform for StandIn {
    fn browser<'a>(&'a self, header: &'a Header<'_>) -> BoxFuture<'a, Result<Caller, CallerError>> {
        Box::pin(async move {
            let browser = self.identifier.require_browser(header, &self.callers).await?;
            Ok(Caller {
                door: Door::Browser,
                traits: TRAITS,
                standing: Standing::Unproved,
                app_id: None,
                name: browser.name,
                executable: browser.process.executable,
                pid: browser.process.pid,
                window: String::new(),
            })
        })
    }

    fn attend(&self, sender: &UniqueName<'_>, token: &CancelToken) -> Box<dyn Send> {
        let (connection, token, sender) = (self.connection.clone(), token.clone(), sender.to_string());
        let watch = tokio::spawn(async move {
            let bus = zbus::fdo::DBusProxy::new(&connection).await.unwrap();
            let arguments = [(0, sender.as_str()), (2, "")];
            let mut gone = bus.receive_name_owner_changed_with_args(&arguments).await.unwrap();
            gone.next().await;
            token.caller_gone();
        });
        Box::new(Watch(watch))
    }

    fn unserved(&self, request: &CeremonyRequest) -> Option<Unserved> {
        match *self.behaviour.lock().unwrap() {
            Behaviour::Fail(Cause::Unserved(why)) => Some(why),
            _ => request.unserved(),
        }
    }

    fn ceremony(&self, request: CeremonyRequest, cancel: CancelToken) -> BoxFuture<'_, Result<CeremonyAnswer, Cause>> {
        Box::pin(async move {
            self.events.send(Event::Asked(Box::new(request.clone()))).unwrap();
            let behaviour = self.behaviour.lock().unwrap().clone();
            match behaviour {
                Behaviour::Answer => Ok(answer(request.operation(), request.rp_id().as_str())),
                Behaviour::AnswerForAnotherSite => Ok(answer(request.operation(), "other.example")),
                Behaviour::Fail(cause) => Err(cause),
                Behaviour::Wait | Behaviour::WaitForPrompt => {
                    let why = cancel.withdrawn().await;
                    self.events.send(Event::Withdrawn(why)).unwrap();
                    Err(Cause::CancelledByCaller)
                }
            }
        })
    }

    fn prompt_missing(&self) -> BoxFuture<'_, ()> {
        let missing = matches!(*self.behaviour.lock().unwrap(), Behaviour::WaitForPrompt);
        Box::pin(async move {
            if !missing {
                std::future::pending::<()>().await;
            }
        })
    }

    fn undelivered(&self, _: &Caller, rp_id: &RpId, id: &CredentialId) {
        assert_eq!(rp_id.as_str(), "example.com");
        self.events.send(Event::Undelivered(id.clone())).unwrap();
    }

    fn refused(&self, _: &Caller, kind: Kind, detail: &str) {
        self.events
            .send(Event::Refused(format!("{}: {detail}", kind.name())))
            .unwrap();
    }
}

struct Watch(tokio::task::JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The parent of this process as the one browser there is; the file has to live until the list is loaded.
pub fn parent_as_browser() -> PrivilegedCallers {
    let parent = std::os::unix::process::parent_id();
    let executable: PathBuf = std::fs::read_link(format!("/proc/{parent}/exe")).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), executable.to_str().unwrap()).unwrap();
    PrivilegedCallers::load(&[file.path().to_owned()])
}

fn answer(operation: &CtapRequest, rp_id: &str) -> CeremonyAnswer {
    let id = CredentialId::new(CREDENTIAL).unwrap();
    let data = |attested| {
        AuthenticatorData {
            rp_id_hash: crypto::native().sha256(&[rp_id.as_bytes()]),
            flags: Flags::UP | Flags::UV,
            sign_count: 0,
            attested,
            extensions: None,
        }
        .encode()
    };
    match operation {
        CtapRequest::Make(_) => {
            let key = crypto::native().generate(Algorithm::Es256).unwrap();
            let attested = AttestedCredential {
                aaguid: Aaguid::default(),
                id,
                public_key: key.public_key().clone(),
            };
            CeremonyAnswer::Made(make_credential::Response::new("none", data(Some(attested)), Map::new()))
        }
        CtapRequest::Get(_) => {
            let mut response =
                get_assertion::Response::new(CredentialDescriptor::new(id), data(None), b"signature".to_vec());
            response.user = Some(UserEntity {
                id: UserId::new(b"user".as_slice()).unwrap(),
                name: None,
                display_name: None,
            });
            CeremonyAnswer::Got(response)
        }
    }
}
