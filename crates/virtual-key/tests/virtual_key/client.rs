//! What a website's page would ask of the key, and a relying party's look at the answer.

use claviger_ctap::authenticator::device::command;
use claviger_ctap::authenticator_data::AuthenticatorData;
use claviger_ctap::client_pin::Permissions;
use claviger_ctap::crypto::{PublicKey, native};
use claviger_ctap::ctaphid::Command;
use claviger_ctap::pin_protocol::PinUvAuthProtocol;
use claviger_ctap::status::Status;
use claviger_ctap::types::{CredentialDescriptor, CredentialId, RpEntity, UserEntity, UserId};
use claviger_ctap::{get_assertion, make_credential};
use claviger_dev::ctap2::{Ctap2 as _, Token};
use claviger_dev::ctaphid::Client;

pub const RP: &str = "example.com";
pub const HASH: [u8; 32] = [0xcd; 32];

const TWO: PinUvAuthProtocol = PinUvAuthProtocol::Two;

/// What a registration gave.
#[derive(Debug, PartialEq)]
pub struct Passkey {
    pub id: CredentialId,
    pub key: PublicKey,
    pub flags: u8,
}

/// Asks until the key is done with what it was told to stop.
pub fn info_when_free(client: &mut Client) {
    let busy = (Command::Error, vec![Status::ChannelBusy.code()]);
    while client.call(Command::Cbor, &[command::GET_INFO]) == busy {}
}

/// A token for both commands at [`RP`].
pub fn pin_token(client: &mut Client, pin: &str) -> Result<Token, Status> {
    client.pin_token(TWO, pin, both(), Some(RP))
}

/// The same by the built-in verifier.
pub fn uv_token(client: &mut Client) -> Result<Token, Status> {
    client.uv_token(TWO, both(), Some(RP))
}

/// Makes a discoverable passkey.
pub fn register(client: &mut Client, user: &str, token: Option<&Token>) -> Result<Passkey, Status> {
    let request = make_request(user);
    let answer = client.make(&match token {
        Some(token) => token.sign_make(request),
        None => request,
    })?;
    let data = AuthenticatorData::parse(&answer.auth_data).unwrap();
    let attested = data.attested.unwrap();
    Ok(Passkey {
        id: attested.id,
        key: attested.public_key,
        flags: data.flags.bits(),
    })
}

/// Signs in with a passkey, checks the signature, and returns flags and counter.
pub fn sign_in(client: &mut Client, passkey: &Passkey, token: Option<&Token>) -> Result<(u8, u32), Status> {
    let mut request = get_assertion::Request::new(RP, HASH);
    request.allow_list = vec![CredentialDescriptor::new(passkey.id.clone())];
    let answer = client.get(&match token {
        Some(token) => token.sign_get(request),
        None => request,
    })?;
    let signed = [answer.auth_data.as_slice(), &HASH].concat();
    native().verify(&passkey.key, &signed, &answer.signature).unwrap();
    let data = AuthenticatorData::parse(&answer.auth_data).unwrap();
    Ok((data.flags.bits(), data.sign_count))
}

pub fn make_request(user: &str) -> make_credential::Request {
    let rp = RpEntity {
        id: RP.into(),
        name: None,
    };
    let user = UserEntity {
        id: UserId::new(user.as_bytes()).unwrap(),
        name: Some(user.into()),
        display_name: None,
    };
    let mut request = make_credential::Request::new(HASH, rp, user, vec![-7, -8, -35, -48, -49, -257]);
    request.options.rk = true;
    request
}

fn both() -> Permissions {
    Permissions::MAKE_CREDENTIAL | Permissions::GET_ASSERTION
}
