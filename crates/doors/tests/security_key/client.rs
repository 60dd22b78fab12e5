//! A program that uses the key: the other half of the PIN/UV auth protocols.

use claviger_ctap::authenticator::device::command;
use claviger_ctap::client_pin::{self, Permissions, SubCommand};
use claviger_ctap::crypto::portable;
use claviger_ctap::pin_protocol::{PinUvAuthProtocol, SharedSecret};
use claviger_ctap::status::Status;
use claviger_ctap::types::RpEntity;
use claviger_ctap::{credential_management, get_assertion, make_credential};
use claviger_doors::hid::authenticator::Authenticator;
use futures_util::FutureExt as _;

use super::stand_in::{StandIn, alice};

pub const HASH: [u8; 32] = [9; 32];
pub const SITE: &str = "example.com";
pub const PIN: &str = "493817";

/// A key with its platform.
pub struct Key {
    pub platform: StandIn,
    authenticator: Authenticator,
    pub channel: u32,
}

/// A token, as the program has it.
pub struct Token {
    protocol: PinUvAuthProtocol,
    value: [u8; 32],
}

impl Key {
    pub fn new(platform: StandIn) -> Self {
        Self {
            platform,
            authenticator: Authenticator::new(portable()).unwrap(),
            channel: 1,
        }
    }

    /// Sends a command. The platform of these tests answers at once.
    pub fn send(&mut self, code: u8, parameters: &[u8]) -> Result<Vec<u8>, Status> {
        let message = [&[code], parameters].concat();
        let answer = self.authenticator.process(&self.platform, self.channel, &message);
        let answer = answer.now_or_never().expect("the platform answers at once");
        let (status, body) = answer.split_first().unwrap();
        match Status::from_code(*status).unwrap() {
            Status::Success => Ok(body.to_vec()),
            status => {
                assert!(body.is_empty(), "an error has no body");
                Err(status)
            }
        }
    }

    pub fn client_pin(&mut self, request: &client_pin::Request) -> Result<client_pin::Response, Status> {
        let body = self.send(command::CLIENT_PIN, &request.to_cbor())?;
        Ok(client_pin::Response::from_cbor(&body).unwrap())
    }

    pub fn make(&mut self, request: &make_credential::Request) -> Result<Vec<u8>, Status> {
        self.send(command::MAKE_CREDENTIAL, &request.to_cbor())
    }

    pub fn get(&mut self, request: &get_assertion::Request) -> Result<Vec<u8>, Status> {
        self.send(command::GET_ASSERTION, &request.to_cbor())
    }

    pub fn manage(
        &mut self,
        mut request: credential_management::Request,
        token: Option<&Token>,
    ) -> Result<credential_management::Response, Status> {
        if let Some(token) = token {
            request.pin_uv_auth_protocol = Some(token.protocol.number());
            request.pin_uv_auth_param = Some(token.mac(&request.authenticated()));
        }
        let body = self.send(command::CREDENTIAL_MANAGEMENT, &request.to_cbor())?;
        Ok(credential_management::Response::from_cbor(&body).unwrap())
    }

    pub fn agree(&mut self, protocol: PinUvAuthProtocol) -> (client_pin::Request, SharedSecret) {
        let mut request = client_pin::Request::new(SubCommand::GetKeyAgreement);
        request.pin_uv_auth_protocol = Some(protocol.number());
        let key = self.client_pin(&request).unwrap().key_agreement.unwrap();
        let (public, secret) = SharedSecret::encapsulate(portable(), protocol, &key).unwrap();
        request.key_agreement = Some(public);
        (request, secret)
    }

    pub fn uv_token(
        &mut self,
        protocol: PinUvAuthProtocol,
        permissions: Permissions,
        rp_id: Option<&str>,
    ) -> Result<Token, Status> {
        let (mut request, secret) = self.agree(protocol);
        request.sub_command = SubCommand::GetTokenUsingUv.number();
        request.permissions = Some(permissions.bits().into());
        request.rp_id = rp_id.map(str::to_owned);
        let response = self.client_pin(&request)?;
        Ok(Token::open(&secret, &response))
    }

    pub fn pin_token(
        &mut self,
        protocol: PinUvAuthProtocol,
        permissions: Permissions,
        rp_id: Option<&str>,
    ) -> Result<Token, Status> {
        let (mut request, secret) = self.agree(protocol);
        request.sub_command = SubCommand::GetTokenUsingPin.number();
        request.permissions = Some(permissions.bits().into());
        request.rp_id = rp_id.map(str::to_owned);
        request.pin_hash_enc = Some(secret.encrypt(portable(), &pin_hash()).unwrap());
        let response = self.client_pin(&request)?;
        Ok(Token::open(&secret, &response))
    }
}

impl Token {
    pub fn open(secret: &SharedSecret, response: &client_pin::Response) -> Self {
        let value = secret.decrypt(response.pin_uv_auth_token.as_ref().unwrap()).unwrap();
        Self {
            protocol: secret.protocol(),
            value: value.as_slice().try_into().unwrap(),
        }
    }

    pub fn mac(&self, message: &[u8]) -> Vec<u8> {
        self.protocol.authenticate(portable(), &self.value, &[message])
    }

    pub fn sign_make(&self, mut request: make_credential::Request) -> make_credential::Request {
        request.pin_uv_auth_param = Some(self.mac(&request.client_data_hash));
        request.pin_uv_auth_protocol = Some(self.protocol.number());
        request
    }

    pub fn sign_get(&self, mut request: get_assertion::Request) -> get_assertion::Request {
        request.pin_uv_auth_param = Some(self.mac(&request.client_data_hash));
        request.pin_uv_auth_protocol = Some(self.protocol.number());
        request
    }
}

pub fn pin_hash() -> [u8; 16] {
    portable().sha256(&[PIN.as_bytes()])[..16].try_into().unwrap()
}

pub fn make_request() -> make_credential::Request {
    let rp = RpEntity {
        id: SITE.to_owned(),
        name: Some("Example".to_owned()),
    };
    let mut request = make_credential::Request::new(HASH, rp, alice(), vec![-257, -7]);
    request.attestation_formats_preference = vec!["none".to_owned()];
    request
}

pub fn get_request() -> get_assertion::Request {
    get_assertion::Request::new(SITE, HASH)
}
