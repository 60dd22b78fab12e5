//! What is measured of this crate: an authenticator and a security key, each with one credential. Also compiled into the
//! comparison in `../compare`.

use claviger_ctap::authenticator::device::{
    BuiltInUv, Device, Environment, Numbers, Presence, Purpose, StoreError, Verification, command,
};
use claviger_ctap::authenticator::{Authenticator, Error, MemoryStore, NoUv, Settings};
use claviger_ctap::client_pin::{self, Permissions, SubCommand};
use claviger_ctap::crypto::{Algorithm, Crypto};
use claviger_ctap::pin_protocol::{PinUvAuthProtocol, SharedSecret};
use claviger_ctap::types::{Aaguid, RpEntity, UserEntity, UserId};
use claviger_ctap::{get_assertion, make_credential};

/// The size of what an assertion signs: authenticator data without extensions, and the hash of the client data.
pub const SIGNED: usize = 37 + 32;

/// A security key whose user always agrees.
pub struct Key(Device<Surroundings>);

impl Key {
    /// A new key that offers this algorithm.
    pub fn new(crypto: &'static dyn Crypto, algorithm: Algorithm) -> Self {
        let desk = Surroundings {
            crypto,
            store: MemoryStore::new(crypto),
        };
        Self(Device::new(desk, settings(algorithm), Numbers::default()).unwrap())
    }

    /// Carries out a command that must succeed.
    pub fn process(&mut self, command: &[u8]) -> Vec<u8> {
        let answer = self.0.process(1, command);
        assert_eq!(answer.first(), Some(&0), "the command succeeds");
        answer
    }

    /// Sets a PIN and returns a command that asks for a token with it. The key agrees on the same secret until a PIN
    /// is wrong, so the command can be given again and again.
    pub fn token_command(&mut self) -> Vec<u8> {
        let crypto = self.0.environment().crypto;
        let protocol = PinUvAuthProtocol::Two;
        let mut ask = client_pin::Request::new(SubCommand::GetKeyAgreement);
        ask.pin_uv_auth_protocol = Some(protocol.number());
        let answer = self.process(&pin_command(&ask));
        let answer = client_pin::Response::from_cbor(&answer[1..]).unwrap();
        let (public, secret) = SharedSecret::encapsulate(crypto, protocol, &answer.key_agreement.unwrap()).unwrap();
        let request = |sub_command| {
            let mut request = client_pin::Request::new(sub_command);
            request.pin_uv_auth_protocol = Some(protocol.number());
            request.key_agreement = Some(public.clone());
            request
        };

        let mut pin = [0; 64];
        pin[..4].copy_from_slice(b"1234");
        let mut set = request(SubCommand::SetPin);
        let new_pin_enc = secret.encrypt(crypto, &pin).unwrap();
        set.pin_uv_auth_param = Some(secret.authenticate(crypto, &[&new_pin_enc]));
        set.new_pin_enc = Some(new_pin_enc);
        self.process(&pin_command(&set));

        let mut token = request(SubCommand::GetTokenUsingPin);
        let hash = crypto.sha256(&[b"1234"]);
        token.pin_hash_enc = Some(secret.encrypt(crypto, &hash[..16]).unwrap());
        token.permissions = Some(Permissions::GET_ASSERTION.bits().into());
        token.rp_id = Some("example.com".to_owned());
        pin_command(&token)
    }
}

/// An authenticator for a platform that has asked the user already.
pub fn authenticator(crypto: &'static dyn Crypto, algorithm: Algorithm) -> Authenticator<MemoryStore> {
    let mut authenticator = Authenticator::new(MemoryStore::new(crypto), settings(algorithm), crypto);
    authenticator
        .make_credential(&make(algorithm), None::<NoUv>, 0)
        .unwrap();
    authenticator
}

/// A request for a discoverable credential, always for the same account: a new one replaces the one before.
pub fn make(algorithm: Algorithm) -> make_credential::Request {
    let rp = RpEntity {
        id: "example.com".to_owned(),
        name: Some("Example".to_owned()),
    };
    let user = UserEntity {
        id: UserId::new([1; 16]).unwrap(),
        name: Some("alice@example.com".to_owned()),
        display_name: Some("Alice".to_owned()),
    };
    let mut request = make_credential::Request::new([1; 32], rp, user, vec![algorithm.cose()]);
    request.options.rk = true;
    request
}

/// A request to sign in with it.
pub fn get() -> get_assertion::Request {
    get_assertion::Request::new("example.com", [2; 32])
}

/// The same as a command.
pub fn make_command(algorithm: Algorithm) -> Vec<u8> {
    [&[command::MAKE_CREDENTIAL], make(algorithm).to_cbor().as_slice()].concat()
}

/// The same as a command.
pub fn get_command() -> Vec<u8> {
    [&[command::GET_ASSERTION], get().to_cbor().as_slice()].concat()
}

fn pin_command(request: &client_pin::Request) -> Vec<u8> {
    [&[command::CLIENT_PIN], request.to_cbor().as_slice()].concat()
}

fn settings(algorithm: Algorithm) -> Settings {
    Settings {
        algorithms: vec![algorithm],
        ..Settings::new(Aaguid(*b"benchmark device"))
    }
}

struct Surroundings {
    crypto: &'static dyn Crypto,
    store: MemoryStore,
}

impl Environment for Surroundings {
    type Store = MemoryStore;
    type Proof = NoUv;

    fn crypto(&self) -> &'static dyn Crypto {
        self.crypto
    }

    fn monotonic_ms(&self) -> u64 {
        0
    }

    fn unix_ms(&self) -> u64 {
        0
    }

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    fn store_mut(&mut self) -> &mut MemoryStore {
        &mut self.store
    }

    fn user_presence(&mut self, _: &Purpose<'_>) -> Presence {
        Presence::Given
    }

    fn built_in_uv(&self) -> BuiltInUv {
        BuiltInUv::None
    }

    fn verify_user(&mut self, _: &Purpose<'_>) -> Verification<NoUv> {
        Verification::Denied
    }

    fn failed(&mut self, error: &Error<StoreError<Self>>) {
        eprintln!("{error}");
    }
}
