//! `org.claviger.Ctap1` over a real bus, in front of a platform that the test plays.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use claviger_broker::caller::CallerError;
use claviger_broker::ceremony::{HelloStatus, MethodStatus};
use claviger_broker::{
    Caller, CancelToken, Cause, CeremonyAnswer, CeremonyRequest, CtapRequest, Door, ManagedCredential, NotVerified,
    PinTicket, Requester, SecurityKeyCaller, Tier, Unavailable, UserVerification, VerifierStatus,
};
use claviger_ctap::authenticator::device::Protection;
use claviger_ctap::cbor::{Map, Value};
use claviger_ctap::status::Status;
use claviger_ctap::types::{CredentialDescriptor, CredentialId, RpEntity, RpId, UserEntity, UserId};
use claviger_ctap::{get_assertion, make_credential};
use claviger_dev::bus::Bus;
use claviger_doors::ctap::message::{
    Ceremony, CeremonyReply, Delete, Info, List, ListReply, PinCheck, Program, Select, Update,
};
use claviger_doors::ctap::proxy::Ctap1Proxy;
use claviger_doors::ctap::service::Ctap1;
use claviger_doors::ctap::{DoorProcess, Platform};
use claviger_doors::hid::ENTRANCE;
use claviger_joint::{CredentialRef, ProviderId};
use claviger_peer::{PeerError, Standing};
use claviger_prompt_api::dbus;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use zbus::Connection;
use zbus::message::Header;
use zbus::names::UniqueName;

const SITE: &str = "example.org";

fn id() -> CredentialId {
    CredentialId::new(vec![7; 32]).unwrap()
}

fn alice() -> UserEntity {
    UserEntity {
        id: UserId::new(*b"alice").unwrap(),
        name: Some("alice".into()),
        display_name: None,
    }
}

/// A platform that does as the test says and keeps what it was asked.
#[derive(Default)]
struct Played {
    stranger: bool,
    hangs: bool,
    fails: Option<Cause>,
    asked: Mutex<Vec<CeremonyRequest>>,
    tickets: Mutex<Vec<Option<[u8; 16]>>>,
    seen: Mutex<Vec<String>>,
    began: Notify,
}

impl Played {
    async fn result<T>(&self, what: &str, cancel: &CancelToken, answer: T) -> Result<T, Cause> {
        self.seen.lock().unwrap().push(what.to_owned());
        self.began.notify_one();
        if self.hangs {
            cancel.withdrawn().await;
            return Err(Cause::CancelledByCaller);
        }
        self.fails.clone().map_or(Ok(answer), Err)
    }

    async fn managed<T>(&self, what: &str, from: SecurityKeyCaller, answer: T) -> Result<T, Cause> {
        assert_eq!(from.caller.door, Door::Hid);
        let ticket = from.ticket.as_ref().map(|ticket| *ticket.as_bytes());
        self.tickets.lock().unwrap().push(ticket);
        self.result(what, &from.cancel, answer).await
    }
}

fn got() -> get_assertion::Response {
    let mut response = get_assertion::Response::new(CredentialDescriptor::new(id()), vec![1; 37], vec![2; 70]);
    response.user = Some(alice());
    response
}

impl Platform for Played {
    fn own<'a>(&'a self, _: &'a Header<'_>) -> BoxFuture<'a, Result<DoorProcess, CallerError>> {
        let stranger = self.stranger;
        Box::pin(async move {
            if stranger {
                Err(CallerError::Peer(PeerError::Gone))
            } else {
                Ok(DoorProcess {
                    pid: 4711,
                    standing: Standing::Proved,
                })
            }
        })
    }

    fn attend(&self, _: &UniqueName<'_>, _: &CancelToken) -> Box<dyn Send> {
        Box::new(())
    }

    fn ceremony(
        &self,
        request: CeremonyRequest,
        ticket: Option<PinTicket>,
        cancel: CancelToken,
    ) -> BoxFuture<'_, Result<CeremonyAnswer, Cause>> {
        Box::pin(async move {
            let answer = match request.operation() {
                CtapRequest::Make(_) => {
                    CeremonyAnswer::Made(make_credential::Response::new("none", vec![1; 37], Map::new()))
                }
                CtapRequest::Get(_) => CeremonyAnswer::Got(got()),
            };
            self.asked.lock().unwrap().push(request);
            self.tickets
                .lock()
                .unwrap()
                .push(ticket.map(|ticket| *ticket.as_bytes()));
            self.result("ceremony", &cancel, answer).await
        })
    }

    fn probe<'a>(
        &'a self,
        _: &'a Caller,
        _: &'a get_assertion::Request,
    ) -> BoxFuture<'a, Result<get_assertion::Response, Cause>> {
        Box::pin(async move { self.result("probe", &CancelToken::new(), got()).await })
    }

    fn select(&self, from: SecurityKeyCaller) -> BoxFuture<'_, Result<(), Cause>> {
        Box::pin(self.managed("select", from, ()))
    }

    fn list(&self, from: SecurityKeyCaller) -> BoxFuture<'_, Result<Vec<ManagedCredential>, Cause>> {
        let one = ManagedCredential {
            rp_id: RpId::new(SITE).unwrap(),
            user: alice(),
            credential: id(),
            public_key: None,
            protection: Protection::Required,
        };
        Box::pin(self.managed("list", from, vec![one]))
    }

    fn credential(&self, credential: &CredentialId) -> Result<CredentialRef, Cause> {
        let provider = ProviderId::parse("org.example.Notebook").unwrap();
        let id = credential.clone();
        if id == self::id() {
            Ok(CredentialRef { provider, id })
        } else {
            Err(Cause::NoCredential)
        }
    }

    fn account(&self, _: &CredentialRef) -> Option<UserId> {
        Some(alice().id)
    }

    fn delete<'a>(&'a self, from: SecurityKeyCaller, _: &'a CredentialRef) -> BoxFuture<'a, Result<(), Cause>> {
        Box::pin(self.managed("delete", from, ()))
    }

    fn update<'a>(
        &'a self,
        from: SecurityKeyCaller,
        _: &'a CredentialRef,
        _: &'a UserEntity,
    ) -> BoxFuture<'a, Result<(), Cause>> {
        Box::pin(self.managed("update", from, ()))
    }

    fn status(&self) -> BoxFuture<'_, Result<VerifierStatus, Unavailable>> {
        Box::pin(async {
            Ok(VerifierStatus {
                hello: HelloStatus {
                    methods: vec![MethodStatus {
                        tries_left: 8,
                        ..MethodStatus::fresh_pin()
                    }],
                    ..HelloStatus::default()
                },
                tier: Tier::Software,
                uv_key: None,
                client_pin: true,
                locks_with_session: true,
            })
        })
    }

    fn check_pin<'a>(
        &'a self,
        _: &'a Caller,
        _: OwnedFd,
    ) -> BoxFuture<'a, Result<Result<PinTicket, NotVerified>, Unavailable>> {
        Box::pin(async { Ok(Ok(PinTicket::from_bytes(&[5; 16]))) })
    }
}

/// A bus with the interface on it.
struct Bed {
    _bus: Bus,
    _server: Connection,
    proxy: Ctap1Proxy<'static>,
    platform: Arc<Played>,
}

impl Bed {
    async fn new(platform: Played) -> Self {
        let bus = Bus::start();
        let (server, platform) = (bus.connect().await, Arc::new(platform));
        let interface = Ctap1::new(ENTRANCE, Arc::clone(&platform) as Arc<dyn Platform>);
        server.object_server().at(ENTRANCE.path, interface).await.unwrap();
        server.request_name(dbus::NAME).await.unwrap();
        let proxy = Ctap1Proxy::new(&bus.connect().await, ENTRANCE.path).await.unwrap();
        Self {
            _bus: bus,
            _server: server,
            proxy,
            platform,
        }
    }

    async fn get(&self, request: &get_assertion::Request) -> CeremonyReply {
        CeremonyReply::decode(&self.proxy.get(&call(request.to_cbor())).await.unwrap()).unwrap()
    }

    async fn make(&self, request: &make_credential::Request) -> CeremonyReply {
        CeremonyReply::decode(&self.proxy.make(&call(request.to_cbor())).await.unwrap()).unwrap()
    }
}

fn ssh() -> Program {
    Program {
        name: "ssh".into(),
        executable: Some("/usr/bin/ssh".into()),
        pid: Some(12),
    }
}

fn call(request: Vec<u8>) -> Vec<u8> {
    Ceremony {
        request,
        program: Some(ssh()),
        ticket: Some(PinTicket::from_bytes(&[3; 16])),
    }
    .encode()
}

fn get() -> get_assertion::Request {
    get_assertion::Request::new(SITE, [1; 32])
}

fn make() -> make_credential::Request {
    let rp = RpEntity {
        id: "ssh:".into(),
        name: None,
    };
    make_credential::Request::new([1; 32], rp, alice(), vec![-7])
}

#[tokio::test]
async fn a_request_becomes_a_ceremony_without_an_origin() {
    let bed = Bed::new(Played::default()).await;
    let mut request = make();
    request.options.uv = true;
    request.extensions = Map::new()
        .with("credProtect", 2)
        .with("hmac-secret", true)
        .with("prf", Map::new())
        .with("credBlob", vec![1_u8])
        .with("largeBlob", Map::new().with("support", "required"));
    request.pin_uv_auth_param = Some(vec![1; 16]);
    let reply = bed.make(&request).await;
    assert_eq!(reply.status, Status::Success);
    let response = make_credential::Response::from_cbor(&reply.response.unwrap()).unwrap();
    assert_eq!(response.fmt, "none");
    let asked = bed.platform.asked.lock().unwrap().remove(0);
    assert_eq!(
        (&asked.caller().name[..], asked.caller().pid, asked.caller().door),
        ("ssh", 12, Door::Hid)
    );
    assert_eq!(
        (asked.rp_id().as_str(), asked.requester()),
        ("ssh:", &Requester::Program)
    );
    assert_eq!(asked.user_verification, UserVerification::Required);
    let CtapRequest::Make(sent) = asked.operation() else {
        panic!("another operation")
    };
    assert_eq!(
        sent.extensions,
        Map::new().with("credProtect", 2).with("hmac-secret", true)
    );
    assert_eq!(sent.pin_uv_auth_param, None);
    assert_eq!(*bed.platform.tickets.lock().unwrap(), [Some([3; 16])]);
}

#[tokio::test]
async fn an_assertion_says_that_the_user_chose_where_nothing_was_named() {
    let bed = Bed::new(Played::default()).await;
    let response = |reply: CeremonyReply| get_assertion::Response::from_cbor(&reply.response.unwrap()).unwrap();
    assert_eq!(response(bed.get(&get()).await).user_selected, Some(true));
    let mut named = get();
    named.allow_list = vec![CredentialDescriptor::new(id())];
    assert_eq!(response(bed.get(&named).await).user_selected, None);
    let asked = bed.platform.asked.lock().unwrap();
    assert_eq!(asked[0].user_verification, UserVerification::Discouraged);
}

#[tokio::test]
async fn a_silent_probe_is_no_ceremony() {
    let bed = Bed::new(Played::default()).await;
    let mut probe = get();
    probe.options.up = false;
    assert_eq!(bed.get(&probe).await.status, Status::Success);
    assert_eq!(*bed.platform.seen.lock().unwrap(), ["probe"]);
}

#[tokio::test]
async fn what_a_request_says_wrong_is_told_before_anybody_is_asked() {
    let bed = Bed::new(Played::default()).await;
    let status = async |request: &make_credential::Request| bed.make(request).await.status;
    let mut wrong = make();
    wrong.options.up = false;
    assert_eq!(status(&wrong).await, Status::InvalidOption);
    let mut wrong = make();
    wrong.enterprise_attestation = Some(1);
    assert_eq!(status(&wrong).await, Status::InvalidParameter);
    let mut wrong = make();
    wrong.rp.id = "x".repeat(254);
    assert_eq!(status(&wrong).await, Status::LimitExceeded);
    let mut wrong = make();
    wrong.extensions = Map::new().with("hmac-secret", true).with("hmac-secret-mc", Map::new());
    assert_eq!(status(&wrong).await, Status::PuatRequired);
    let missing = call(Value::from(Map::new().with(1, SITE)).encode());
    let reply = bed.proxy.get(&missing).await.unwrap();
    assert_eq!(CeremonyReply::decode(&reply).unwrap().status, Status::MissingParameter);
    assert!(bed.platform.seen.lock().unwrap().is_empty());
    // What is no request of the door at all is an error of the bus.
    assert!(bed.proxy.make(b"nonsense").await.is_err());
    assert!(bed.proxy.delete(b"").await.is_err());
}

#[tokio::test]
async fn causes_reach_the_client_as_statuses() {
    for (cause, status) in [
        (Cause::CancelledByUser, Status::OperationDenied),
        (Cause::NoCredential, Status::NoCredentials),
        (Cause::LockedOut, Status::PinBlocked),
    ] {
        let bed = Bed::new(Played {
            fails: Some(cause),
            ..Played::default()
        })
        .await;
        assert_eq!(bed.get(&get()).await, CeremonyReply::failed(status));
        let select = Select { program: None }.encode();
        assert_ne!(bed.proxy.select(&select).await.unwrap(), 0);
        let list = List {
            program: None,
            ticket: None,
        };
        let reply = ListReply::decode(&bed.proxy.list(&list.encode()).await.unwrap()).unwrap();
        assert!(reply.status != Status::Success && reply.credentials.is_empty());
    }
}

#[tokio::test]
async fn cancelling_ends_what_runs_and_leaves_room_for_the_next() {
    let bed = Bed::new(Played {
        hangs: true,
        ..Played::default()
    })
    .await;
    for _ in 0..20 {
        let cancel = async {
            bed.platform.began.notified().await;
            bed.proxy.cancel().await.unwrap();
        };
        let request = get();
        let (reply, ()) = tokio::join!(bed.get(&request), cancel);
        assert_eq!(reply.status, Status::KeepaliveCancel);
    }
}

#[tokio::test]
async fn credentials_are_managed() {
    let bed = Bed::new(Played::default()).await;
    assert_eq!(
        bed.proxy
            .select(&Select { program: Some(ssh()) }.encode())
            .await
            .unwrap(),
        0
    );
    let ticket = || Some(PinTicket::from_bytes(&[4; 16]));
    let list = List {
        program: Some(ssh()),
        ticket: ticket(),
    };
    let reply = ListReply::decode(&bed.proxy.list(&list.encode()).await.unwrap()).unwrap();
    assert_eq!((reply.credentials.len(), reply.credentials[0].protection), (1, 3));
    let delete = Delete {
        credential: id(),
        program: Some(ssh()),
        ticket: None,
    };
    assert_eq!(bed.proxy.delete(&delete.encode()).await.unwrap(), 0);
    let update = |user| Update {
        credential: id(),
        program: Some(ssh()),
        ticket: None,
        user,
    };
    assert_eq!(bed.proxy.update(&update(alice()).encode()).await.unwrap(), 0);
    let bob = UserEntity {
        id: UserId::new(*b"bob").unwrap(),
        ..alice()
    };
    let status = bed.proxy.update(&update(bob).encode()).await.unwrap();
    assert_eq!(status, u32::from(Status::InvalidParameter.code()));
    assert_eq!(
        *bed.platform.seen.lock().unwrap(),
        ["select", "list", "delete", "update"]
    );
    assert_eq!(bed.platform.tickets.lock().unwrap()[1], Some([4; 16]));
}

#[tokio::test]
async fn the_pin_is_told_of_and_checked() {
    let bed = Bed::new(Played::default()).await;
    let info = Info::decode(&bed.proxy.info().await.unwrap()).unwrap();
    assert_eq!((info.pin_set, info.tries_left, info.client_pin), (true, 8, true));
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[0; 16]).unwrap();
    let check = PinCheck::decode(&bed.proxy.check_pin(zbus::Fd::from(&file)).await.unwrap()).unwrap();
    assert_eq!(check.0.unwrap().as_bytes(), &[5; 16]);
}

#[tokio::test]
async fn another_program_gets_nothing() {
    let bed = Bed::new(Played {
        stranger: true,
        ..Played::default()
    })
    .await;
    let select = Select { program: None }.encode();
    assert!(bed.proxy.get(&call(get().to_cbor())).await.is_err());
    assert!(bed.proxy.select(&select).await.is_err());
    assert!(bed.proxy.info().await.is_err());
    let file = tempfile::tempfile().unwrap();
    assert!(bed.proxy.check_pin(zbus::Fd::from(&file)).await.is_err());
    assert!(bed.platform.seen.lock().unwrap().is_empty());
}
