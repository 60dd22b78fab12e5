//! A world around a device, with its user and its clock in the test's hands; and a platform that talks to it. The fuzz
//! targets include this file too; whoever does brings `crate::crypto`.

use std::collections::VecDeque;

use claviger_ctap::authenticator::device::{
    BuiltInUv, Device, Environment, Numbers, Presence, Purpose, StoreError, Verification, command,
};
use claviger_ctap::authenticator::{Backup, Error, MemoryStore, Settings, UvProof};
use claviger_ctap::authenticator_config as config;
use claviger_ctap::authenticator_data::AuthenticatorData;
use claviger_ctap::client_pin::{self, Permissions, SubCommand};
use claviger_ctap::credential_management as management;
use claviger_ctap::crypto::Crypto;
use claviger_ctap::get_assertion::{self, Request as Get};
use claviger_ctap::get_info;
use claviger_ctap::large_blobs;
use claviger_ctap::make_credential::{self, Request as Make};
use claviger_ctap::pin_protocol::{PinUvAuthProtocol, SharedSecret};
use claviger_ctap::status::Status;
use claviger_ctap::types::{Aaguid, CredentialDescriptor, CredentialId, RpEntity, UserEntity, UserId};

use crate::crypto;

pub const RP: &str = "example.com";
pub const HASH: [u8; 32] = [0xcd; 32];
pub const PIN: &str = "1234";
pub const CHANNEL: u32 = 7;

pub struct Fingerprint;

impl UvProof for Fingerprint {}

/// What the finger does at the next verification.
#[derive(Clone, Copy, Debug)]
pub enum Finger {
    Right,
    Wrong,
    Away,
    No,
    Cancelled,
}

pub struct World {
    pub store: MemoryStore,
    pub now_ms: u64,
    /// What a clock on the wall showed when `now_ms` was 0, in milliseconds since 1970; a test may set it.
    pub wall_ms: u64,
    /// What the user does next; when empty, they agree.
    pub touches: VecDeque<Presence>,
    pub uv: BuiltInUv,
    /// What the finger does next; when empty, it is the right one.
    pub fingers: VecDeque<Finger>,
    /// What the user was asked, as text.
    pub asked: Vec<String>,
    pub failures: Vec<String>,
}

impl Environment for World {
    type Store = MemoryStore;
    type Proof = Fingerprint;

    fn crypto(&self) -> &'static dyn Crypto {
        crypto()
    }

    fn monotonic_ms(&self) -> u64 {
        self.now_ms
    }

    fn unix_ms(&self) -> u64 {
        self.wall_ms + self.now_ms
    }

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    fn store_mut(&mut self) -> &mut MemoryStore {
        &mut self.store
    }

    fn user_presence(&mut self, purpose: &Purpose<'_>) -> Presence {
        self.asked.push(format!("touch: {purpose:?}"));
        self.touches.pop_front().unwrap_or(Presence::Given)
    }

    fn built_in_uv(&self) -> BuiltInUv {
        self.uv
    }

    fn verify_user(&mut self, purpose: &Purpose<'_>) -> Verification<Fingerprint> {
        self.asked.push(format!("finger: {purpose:?}"));
        match self.fingers.pop_front().unwrap_or(Finger::Right) {
            Finger::Right => Verification::Verified(Fingerprint),
            Finger::Wrong => Verification::NoMatch,
            Finger::Away => Verification::TimedOut,
            Finger::No => Verification::Denied,
            Finger::Cancelled => Verification::Cancelled,
        }
    }

    fn failed(&mut self, error: &Error<StoreError<Self>>) {
        self.failures.push(error.to_string());
    }
}

/// A device and the platform that it is plugged into.
pub struct Key {
    pub device: Device<World>,
    pub protocol: PinUvAuthProtocol,
}

pub type Reply<T> = Result<T, Status>;

pub fn world() -> World {
    World {
        store: MemoryStore::new(crypto()),
        now_ms: 1_000,
        wall_ms: 1_700_000_000_000,
        touches: VecDeque::new(),
        uv: BuiltInUv::None,
        fingers: VecDeque::new(),
        asked: Vec::new(),
        failures: Vec::new(),
    }
}

pub fn settings() -> Settings {
    Settings {
        backup: Backup::DeviceBound,
        max_credentials_in_list: 8,
        ..Settings::new(Aaguid(*b"a security key !"))
    }
}

impl Key {
    pub fn with(world: World, numbers: Numbers) -> Self {
        Self {
            device: Device::new(world, settings(), numbers).unwrap(),
            protocol: PinUvAuthProtocol::Two,
        }
    }

    pub fn new() -> Self {
        Self::with(world(), Numbers::default())
    }

    pub fn with_pin() -> Self {
        let mut key = Self::new();
        key.set_pin(PIN).unwrap();
        key
    }

    pub fn with_uv() -> Self {
        let mut world = world();
        world.uv = BuiltInUv::Configured;
        Self::with(world, Numbers::default())
    }

    pub fn world(&mut self) -> &mut World {
        self.device.environment_mut()
    }

    pub fn wait(&mut self, ms: u64) {
        self.world().now_ms += ms;
    }

    pub fn raw(&mut self, command: &[u8]) -> Reply<Vec<u8>> {
        self.raw_on(CHANNEL, command)
    }

    pub fn raw_on(&mut self, channel: u32, command: &[u8]) -> Reply<Vec<u8>> {
        let answer = self.device.process(channel, command);
        let (status, body) = answer.split_first().unwrap();
        match Status::from_code(*status).unwrap() {
            Status::Success => Ok(body.to_vec()),
            refused => {
                assert!(body.is_empty(), "a refusal has no body");
                Err(refused)
            }
        }
    }

    pub fn call(&mut self, code: u8, parameters: &[u8]) -> Reply<Vec<u8>> {
        self.raw(&[&[code], parameters].concat())
    }

    pub fn info(&mut self) -> get_info::Response {
        get_info::Response::from_cbor(&self.call(command::GET_INFO, &[]).unwrap()).unwrap()
    }

    pub fn make(&mut self, request: &Make) -> Reply<make_credential::Response> {
        let body = self.call(command::MAKE_CREDENTIAL, &request.to_cbor())?;
        Ok(make_credential::Response::from_cbor(&body).unwrap())
    }

    pub fn get(&mut self, request: &Get) -> Reply<get_assertion::Response> {
        let body = self.call(command::GET_ASSERTION, &request.to_cbor())?;
        Ok(get_assertion::Response::from_cbor(&body).unwrap())
    }

    pub fn next(&mut self) -> Reply<get_assertion::Response> {
        let body = self.call(command::GET_NEXT_ASSERTION, &[])?;
        Ok(get_assertion::Response::from_cbor(&body).unwrap())
    }

    pub fn pin(&mut self, request: &client_pin::Request) -> Reply<client_pin::Response> {
        let body = self.call(command::CLIENT_PIN, &request.to_cbor())?;
        Ok(client_pin::Response::from_cbor(&body).unwrap())
    }

    pub fn manage(&mut self, request: &management::Request) -> Reply<management::Response> {
        let body = self.call(command::CREDENTIAL_MANAGEMENT, &request.to_cbor())?;
        Ok(management::Response::from_cbor(&body).unwrap())
    }

    pub fn config(&mut self, request: &config::Request) -> Reply<()> {
        self.call(command::CONFIG, &request.to_cbor()).map(drop)
    }

    pub fn blobs(&mut self, request: &large_blobs::Request) -> Reply<Vec<u8>> {
        self.call(command::LARGE_BLOBS, &request.to_cbor())
    }

    /// A clientPIN request with a fresh key agreement, and the secret that goes with it.
    pub fn agreed(&mut self, sub_command: SubCommand) -> (client_pin::Request, SharedSecret) {
        let mut request = client_pin::Request::new(SubCommand::GetKeyAgreement);
        request.pin_uv_auth_protocol = Some(self.protocol.number());
        let key = self.pin(&request).unwrap().key_agreement.unwrap();
        let (public, secret) = SharedSecret::encapsulate(crypto(), self.protocol, &key).unwrap();
        let mut request = client_pin::Request::new(sub_command);
        request.pin_uv_auth_protocol = Some(self.protocol.number());
        request.key_agreement = Some(public);
        (request, secret)
    }

    pub fn set_pin(&mut self, pin: &str) -> Reply<()> {
        let (mut request, secret) = self.agreed(SubCommand::SetPin);
        let new_pin_enc = secret.encrypt(crypto(), &padded(pin)).unwrap();
        request.pin_uv_auth_param = Some(secret.authenticate(crypto(), &[&new_pin_enc]));
        request.new_pin_enc = Some(new_pin_enc);
        self.pin(&request).map(drop)
    }

    pub fn change_pin(&mut self, old: &str, new: &str) -> Reply<()> {
        let (mut request, secret) = self.agreed(SubCommand::ChangePin);
        let new_pin_enc = secret.encrypt(crypto(), &padded(new)).unwrap();
        let pin_hash_enc = secret.encrypt(crypto(), &pin_hash(old)).unwrap();
        request.pin_uv_auth_param = Some(secret.authenticate(crypto(), &[&new_pin_enc, &pin_hash_enc]));
        request.new_pin_enc = Some(new_pin_enc);
        request.pin_hash_enc = Some(pin_hash_enc);
        self.pin(&request).map(drop)
    }

    pub fn token(&mut self, pin: &str, permissions: Permissions, rp_id: Option<&str>) -> Reply<Token> {
        let (mut request, secret) = self.agreed(SubCommand::GetTokenUsingPin);
        request.pin_hash_enc = Some(secret.encrypt(crypto(), &pin_hash(pin)).unwrap());
        request.permissions = Some(permissions.bits().into());
        request.rp_id = rp_id.map(str::to_owned);
        self.open(&request, &secret)
    }

    pub fn token_by_uv(&mut self, permissions: Permissions, rp_id: Option<&str>) -> Reply<Token> {
        let (mut request, secret) = self.agreed(SubCommand::GetTokenUsingUv);
        request.permissions = Some(permissions.bits().into());
        request.rp_id = rp_id.map(str::to_owned);
        self.open(&request, &secret)
    }

    pub fn old_token(&mut self, pin: &str) -> Reply<Token> {
        let (mut request, secret) = self.agreed(SubCommand::GetPinToken);
        request.pin_hash_enc = Some(secret.encrypt(crypto(), &pin_hash(pin)).unwrap());
        self.open(&request, &secret)
    }

    fn open(&mut self, request: &client_pin::Request, secret: &SharedSecret) -> Reply<Token> {
        let wrapped = self.pin(request)?.pin_uv_auth_token.unwrap();
        Ok(Token {
            protocol: self.protocol,
            value: secret.decrypt(&wrapped).unwrap().as_slice().try_into().unwrap(),
        })
    }

    pub fn pin_retries(&mut self) -> (u64, bool) {
        let response = self.pin(&client_pin::Request::new(SubCommand::GetPinRetries)).unwrap();
        (response.pin_retries.unwrap(), response.power_cycle_state.unwrap())
    }

    /// Makes a credential with whatever this key needs for it, and returns its id.
    pub fn made(&mut self, handle: &[u8]) -> CredentialId {
        let mut request = make(handle);
        if self.info().options["clientPin"] {
            let token = self.token(PIN, Permissions::MAKE_CREDENTIAL, Some(RP)).unwrap();
            token.sign_make(&mut request);
        }
        id_of(&self.make(&request).unwrap())
    }
}

/// A token on the platform's side.
pub struct Token {
    pub protocol: PinUvAuthProtocol,
    pub value: [u8; 32],
}

impl Token {
    pub fn mac(&self, message: &[u8]) -> Vec<u8> {
        self.protocol.authenticate(crypto(), &self.value, &[message])
    }

    pub fn sign_make(&self, request: &mut Make) {
        request.pin_uv_auth_protocol = Some(self.protocol.number());
        request.pin_uv_auth_param = Some(self.mac(&request.client_data_hash));
    }

    pub fn sign_get(&self, request: &mut Get) {
        request.pin_uv_auth_protocol = Some(self.protocol.number());
        request.pin_uv_auth_param = Some(self.mac(&request.client_data_hash));
    }

    pub fn sign_config(&self, request: &mut config::Request) {
        request.pin_uv_auth_protocol = Some(self.protocol.number());
        request.pin_uv_auth_param = Some(self.mac(&request.authenticated()));
    }

    pub fn sign_blobs(&self, request: &mut large_blobs::Request) {
        let fragment = crypto().sha256(&[request.set.as_deref().unwrap()]);
        let offset = u32::try_from(request.offset.unwrap()).unwrap().to_le_bytes();
        let message = [[0xff; 32].as_slice(), &[0x0c, 0], &offset, &fragment].concat();
        request.pin_uv_auth_protocol = Some(self.protocol.number());
        request.pin_uv_auth_param = Some(self.mac(&message));
    }

    pub fn sign_manage(&self, request: &mut management::Request) {
        request.pin_uv_auth_protocol = Some(self.protocol.number());
        request.pin_uv_auth_param = Some(self.mac(&request.authenticated()));
    }
}

pub fn padded(pin: &str) -> [u8; 64] {
    let mut out = [0; 64];
    out[..pin.len()].copy_from_slice(pin.as_bytes());
    out
}

pub fn pin_hash(pin: &str) -> [u8; 16] {
    crypto().sha256(&[pin.as_bytes()])[..16].try_into().unwrap()
}

pub fn make(handle: &[u8]) -> Make {
    make_at(RP, handle)
}

pub fn make_at(rp_id: &str, handle: &[u8]) -> Make {
    let rp = RpEntity {
        id: rp_id.to_owned(),
        name: Some("Example".to_owned()),
    };
    let user = UserEntity {
        id: UserId::new(handle).unwrap(),
        name: Some(format!("{} by name", String::from_utf8_lossy(handle))),
        display_name: Some("Display".to_owned()),
    };
    let mut request = Make::new(HASH, rp, user, vec![-7, -8]);
    request.options.rk = true;
    request
}

pub fn get(allow: &[&CredentialId]) -> Get {
    let mut request = Get::new(RP, HASH);
    request.allow_list = allow.iter().map(|id| descriptor(id)).collect();
    request
}

pub fn descriptor(id: &CredentialId) -> CredentialDescriptor {
    CredentialDescriptor::new(id.clone())
}

pub fn id_of(response: &make_credential::Response) -> CredentialId {
    AuthenticatorData::parse(&response.auth_data)
        .unwrap()
        .attested
        .unwrap()
        .id
}
