//! A platform that does what a test says and remembers what it was asked.

use std::cell::{Cell, RefCell};

use claviger_broker::{NotVerified, PinTicket};
use claviger_ctap::authenticator_data::{AttestedCredential, AuthenticatorData, Flags};
use claviger_ctap::cbor::Map;
use claviger_ctap::crypto::{Algorithm, portable};
use claviger_ctap::status::Status;
use claviger_ctap::types::{Aaguid, CredentialDescriptor, CredentialId, UserEntity, UserId};
use claviger_ctap::{get_assertion, make_credential};
use claviger_doors::ctap::message::{Info, Listed, PinCheck};
use claviger_doors::hid::upstream::Upstream;
use zeroize::Zeroizing;

/// What the platform was asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    Info,
    Make(Box<make_credential::Request>, Option<[u8; 16]>),
    Get(Box<get_assertion::Request>, Option<[u8; 16]>),
    Select,
    List(Option<[u8; 16]>),
    Delete(CredentialId, Option<[u8; 16]>),
    Update(CredentialId, UserEntity, Option<[u8; 16]>),
    CheckPin([u8; 16]),
    Cancel,
}

pub struct StandIn {
    pub now_ms: Cell<u64>,
    pub info: Cell<Info>,
    /// What becomes of a question to the user; `None`: what it should.
    pub refuses: Cell<Option<Status>>,
    /// Nobody answers.
    pub hangs: Cell<bool>,
    /// What hello says to a PIN; `None`: it is right.
    pub pin: Cell<Option<NotVerified>>,
    pub list: RefCell<Vec<Listed>>,
    /// Whether new credentials come with self attestation.
    pub attests: Cell<bool>,
    asked: RefCell<Vec<Asked>>,
    waits: Cell<bool>,
}

/// The provider's model.
pub const MODEL: Aaguid = Aaguid(*b"a provider's own");

pub const TICKET: [u8; 16] = *b"a ticket, sixtee";

impl StandIn {
    pub fn new() -> Self {
        Self {
            now_ms: Cell::new(1_000_000),
            info: Cell::new(Info {
                pin_set: true,
                tries_left: 10,
                locked_out: false,
                client_pin: true,
            }),
            refuses: Cell::new(None),
            hangs: Cell::new(false),
            pin: Cell::new(None),
            list: RefCell::new(Vec::new()),
            attests: Cell::new(false),
            asked: RefCell::new(Vec::new()),
            waits: Cell::new(false),
        }
    }

    pub fn without_pin() -> Self {
        let platform = Self::new();
        platform.info.set(Info {
            pin_set: false,
            tries_left: 10,
            locked_out: false,
            client_pin: false,
        });
        platform.pin.set(Some(NotVerified::NoPin));
        platform
    }

    /// What was asked since the last call, but for how the PIN stands.
    pub fn asked(&self) -> Vec<Asked> {
        let asked = std::mem::take(&mut *self.asked.borrow_mut());
        asked.into_iter().filter(|asked| *asked != Asked::Info).collect()
    }

    fn note(&self, asked: Asked) {
        self.asked.borrow_mut().push(asked);
    }

    async fn user(&self, asked: Asked) -> Result<(), Status> {
        self.note(asked);
        if self.hangs.get() {
            self.waits.set(true);
            std::future::pending::<()>().await;
        }
        self.refuses.get().map_or(Ok(()), Err)
    }
}

pub fn rp_id_hash(rp_id: &str) -> [u8; 32] {
    portable().sha256(&[rp_id.as_bytes()])
}

pub fn alice() -> UserEntity {
    UserEntity {
        id: UserId::new(*b"alice").unwrap(),
        name: Some("alice@example.com".to_owned()),
        display_name: Some("Alice".to_owned()),
    }
}

pub fn listed(rp_id: &str, id: u8) -> Listed {
    Listed {
        rp_id: rp_id.to_owned(),
        user: alice(),
        credential: CredentialId::new([id; 32]).unwrap(),
        public_key: None,
        protection: 1,
    }
}

fn auth_data(rp_id: &str, up: bool, uv: bool) -> Vec<u8> {
    AuthenticatorData {
        rp_id_hash: rp_id_hash(rp_id),
        flags: Flags::NONE.with_if(up, Flags::UP).with_if(uv, Flags::UV),
        sign_count: 0,
        attested: None,
        extensions: None,
    }
    .encode()
}

/// A new credential of an `EdDSA` key, with its self attestation.
fn self_attested(request: &make_credential::Request) -> make_credential::Response {
    let key = portable().generate(Algorithm::EdDsa).unwrap();
    let data = AuthenticatorData {
        rp_id_hash: rp_id_hash(&request.rp.id),
        flags: Flags::UP.with_if(request.options.uv, Flags::UV),
        sign_count: 0,
        attested: Some(AttestedCredential {
            aaguid: MODEL,
            id: CredentialId::new([1; 32]).unwrap(),
            public_key: key.public_key().clone(),
        }),
        extensions: None,
    }
    .encode();
    let signed = [data.as_slice(), &request.client_data_hash].concat();
    let signature = portable().sign(&key, &signed).unwrap();
    let statement = Map::new().with("alg", Algorithm::EdDsa.cose()).with("sig", signature);
    make_credential::Response::new("packed", data, statement)
}

#[allow(clippy::needless_pass_by_value)]
fn bytes(ticket: Option<PinTicket>) -> Option<[u8; 16]> {
    ticket.map(|ticket| *ticket.as_bytes())
}

impl Upstream for StandIn {
    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    async fn info(&self) -> Result<Info, Status> {
        self.note(Asked::Info);
        Ok(self.info.get())
    }

    async fn make(
        &self,
        request: &make_credential::Request,
        ticket: Option<PinTicket>,
    ) -> Result<make_credential::Response, Status> {
        self.user(Asked::Make(Box::new(request.clone()), bytes(ticket))).await?;
        let mut response = if self.attests.get() {
            self_attested(request)
        } else {
            let data = auth_data(&request.rp.id, true, request.options.uv);
            make_credential::Response::new("none", data, Map::new())
        };
        response.unsigned_extension_outputs = Some(Map::new().with("unsigned", true));
        Ok(response)
    }

    async fn get(
        &self,
        request: &get_assertion::Request,
        ticket: Option<PinTicket>,
    ) -> Result<get_assertion::Response, Status> {
        self.user(Asked::Get(Box::new(request.clone()), bytes(ticket))).await?;
        let id = request.allow_list.first().map(|descriptor| descriptor.id.clone());
        let id = id.unwrap_or_else(|| CredentialId::new([1; 32]).unwrap());
        let verified = request.options.up && request.options.uv;
        let data = auth_data(&request.rp_id, request.options.up, verified);
        let mut response = get_assertion::Response::new(CredentialDescriptor::new(id), data, vec![7; 70]);
        response.user = Some(alice());
        response.user_selected = Some(true);
        response.unsigned_extension_outputs = Some(Map::new().with("unsigned", true));
        Ok(response)
    }

    async fn select(&self) -> Result<(), Status> {
        self.user(Asked::Select).await
    }

    async fn list(&self, ticket: Option<PinTicket>) -> Result<Vec<Listed>, Status> {
        self.user(Asked::List(bytes(ticket))).await?;
        Ok(self.list.borrow().clone())
    }

    async fn delete(&self, id: &CredentialId, ticket: Option<PinTicket>) -> Result<(), Status> {
        self.user(Asked::Delete(id.clone(), bytes(ticket))).await?;
        let mut list = self.list.borrow_mut();
        let before = list.len();
        list.retain(|one| one.credential != *id);
        if list.len() < before {
            Ok(())
        } else {
            Err(Status::NoCredentials)
        }
    }

    async fn update(&self, id: &CredentialId, user: &UserEntity, ticket: Option<PinTicket>) -> Result<(), Status> {
        self.user(Asked::Update(id.clone(), user.clone(), bytes(ticket))).await
    }

    async fn check_pin(&self, pin_hash: Zeroizing<[u8; 16]>) -> Result<PinCheck, Status> {
        self.note(Asked::CheckPin(*pin_hash));
        let outcome = self.pin.get().map_or_else(|| Ok(PinTicket::from_bytes(&TICKET)), Err);
        Ok(PinCheck(outcome))
    }

    async fn cancel(&self) {
        self.waits.set(false);
        self.note(Asked::Cancel);
    }

    fn waits_for_user(&self) -> bool {
        self.waits.get()
    }
}
