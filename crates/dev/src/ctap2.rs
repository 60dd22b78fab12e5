//! The client's half of CTAP2: what a program does with a security key, whichever way it reaches it.

use claviger_ctap::authenticator::device::command;
use claviger_ctap::client_pin::{self, Permissions, SubCommand};
use claviger_ctap::crypto::native;
use claviger_ctap::pin_protocol::{PinUvAuthProtocol, SharedSecret};
use claviger_ctap::status::Status;
use claviger_ctap::{credential_management, get_assertion, get_info, make_credential};

/// Whatever carries a CTAP2 command to an authenticator. All else follows from that.
pub trait Ctap2 {
    /// Sends one command and waits for its answer: the body, or the status that is not a success.
    fn cbor(&mut self, code: u8, parameters: &[u8]) -> Result<Vec<u8>, Status>;

    /// `authenticatorGetInfo`.
    fn info(&mut self) -> get_info::Response {
        get_info::Response::from_cbor(&self.cbor(command::GET_INFO, &[]).unwrap()).unwrap()
    }

    /// `authenticatorMakeCredential`.
    fn make(&mut self, request: &make_credential::Request) -> Result<make_credential::Response, Status> {
        let body = self.cbor(command::MAKE_CREDENTIAL, &request.to_cbor())?;
        Ok(make_credential::Response::from_cbor(&body).unwrap())
    }

    /// `authenticatorGetAssertion`.
    fn get(&mut self, request: &get_assertion::Request) -> Result<get_assertion::Response, Status> {
        let body = self.cbor(command::GET_ASSERTION, &request.to_cbor())?;
        Ok(get_assertion::Response::from_cbor(&body).unwrap())
    }

    /// `authenticatorClientPIN`.
    fn client_pin(&mut self, request: &client_pin::Request) -> Result<client_pin::Response, Status> {
        let body = self.cbor(command::CLIENT_PIN, &request.to_cbor())?;
        Ok(client_pin::Response::from_cbor(&body).unwrap())
    }

    /// `authenticatorCredentialManagement`, signed with the token if there is one.
    fn manage(
        &mut self,
        mut request: credential_management::Request,
        token: Option<&Token>,
    ) -> Result<credential_management::Response, Status> {
        if let Some(token) = token {
            request.pin_uv_auth_protocol = Some(token.protocol.number());
            request.pin_uv_auth_param = Some(token.mac(&request.authenticated()));
        }
        let body = self.cbor(command::CREDENTIAL_MANAGEMENT, &request.to_cbor())?;
        Ok(credential_management::Response::from_cbor(&body).unwrap())
    }

    /// Agrees on a secret (CTAP 2.1 §6.5.5.4). The request that comes with it has the client's key.
    fn agree(&mut self, protocol: PinUvAuthProtocol) -> (client_pin::Request, SharedSecret) {
        let mut request = client_pin::Request::new(SubCommand::GetKeyAgreement);
        request.pin_uv_auth_protocol = Some(protocol.number());
        let key = self.client_pin(&request).unwrap().key_agreement.unwrap();
        let (public, secret) = SharedSecret::encapsulate(native(), protocol, &key).unwrap();
        request.key_agreement = Some(public);
        (request, secret)
    }

    /// A token by the authenticator's own verification.
    fn uv_token(
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

    /// A token by this PIN.
    fn pin_token(
        &mut self,
        protocol: PinUvAuthProtocol,
        pin: &str,
        permissions: Permissions,
        rp_id: Option<&str>,
    ) -> Result<Token, Status> {
        let (mut request, secret) = self.agree(protocol);
        request.sub_command = SubCommand::GetTokenUsingPin.number();
        request.permissions = Some(permissions.bits().into());
        request.rp_id = rp_id.map(str::to_owned);
        request.pin_hash_enc = Some(secret.encrypt(native(), &pin_hash(pin)).unwrap());
        let response = self.client_pin(&request)?;
        Ok(Token::open(&secret, &response))
    }

    /// How many wrong PINs are left, and whether the key has to be plugged in again before the next one.
    fn pin_retries(&mut self) -> (u64, bool) {
        let mut request = client_pin::Request::new(SubCommand::GetPinRetries);
        request.pin_uv_auth_protocol = Some(PinUvAuthProtocol::Two.number());
        let answer = self.client_pin(&request).unwrap();
        (answer.pin_retries.unwrap(), answer.power_cycle_state.unwrap_or(false))
    }
}

/// A `pinUvAuthToken`, as the client has it.
#[derive(Debug, PartialEq)]
pub struct Token {
    protocol: PinUvAuthProtocol,
    value: [u8; 32],
}

impl Token {
    /// Takes it out of the answer.
    pub fn open(secret: &SharedSecret, response: &client_pin::Response) -> Self {
        let value = secret.decrypt(response.pin_uv_auth_token.as_ref().unwrap()).unwrap();
        Self {
            protocol: secret.protocol(),
            value: value.as_slice().try_into().unwrap(),
        }
    }

    /// What a `pinUvAuthParam` over this message is.
    pub fn mac(&self, message: &[u8]) -> Vec<u8> {
        self.protocol.authenticate(native(), &self.value, &[message])
    }

    /// The registration with this token.
    pub fn sign_make(&self, mut request: make_credential::Request) -> make_credential::Request {
        request.pin_uv_auth_param = Some(self.mac(&request.client_data_hash));
        request.pin_uv_auth_protocol = Some(self.protocol.number());
        request
    }

    /// The sign-in with this token.
    pub fn sign_get(&self, mut request: get_assertion::Request) -> get_assertion::Request {
        request.pin_uv_auth_param = Some(self.mac(&request.client_data_hash));
        request.pin_uv_auth_protocol = Some(self.protocol.number());
        request
    }
}

/// What a client sends of a PIN: the first half of its SHA-256.
pub fn pin_hash(pin: &str) -> [u8; 16] {
    native().sha256(&[pin.as_bytes()])[..16].try_into().unwrap()
}
