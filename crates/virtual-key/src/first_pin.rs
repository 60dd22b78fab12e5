//! The PIN of `--pin`: set as a client sets it, so that the key's own rules decide whether it will do.

use claviger_ctap::authenticator::device::{Device, Environment, command};
use claviger_ctap::client_pin::{Request, Response, SubCommand};
use claviger_ctap::crypto::Crypto;
use claviger_ctap::pin_protocol::{PinUvAuthProtocol, SharedSecret};
use claviger_ctap::status::Status;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// What setting the PIN came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FirstPin {
    /// It is the PIN now.
    Set,
    /// There was one already, which stays.
    Kept,
}

/// Sets the PIN unless the key has one (CTAP 2.1 §6.5.5.5).
pub fn set<E: Environment>(device: &mut Device<E>, pin: &str) -> Result<FirstPin, Failure> {
    // §6.5.1: padded with zeros to 64 bytes, the last of which is always a zero.
    if pin.len() >= PADDED {
        return Err(Failure::Usage("--pin: a PIN has at most 63 bytes".into()));
    }
    let crypto = device.environment().crypto();
    let mut padded = Zeroizing::new([0; PADDED]);
    padded.iter_mut().zip(pin.as_bytes()).for_each(|(to, from)| *to = *from);

    let mut agree = Request::new(SubCommand::GetKeyAgreement);
    agree.pin_uv_auth_protocol = Some(PROTOCOL.number());
    let answer = call(device, &agree).map_err(unexpected)?;
    let key = Response::from_cbor(&answer)
        .map_err(Failure::failed)?
        .key_agreement
        .ok_or_else(|| unexpected(Status::Other))?;
    let request = request(crypto, &key, padded.as_slice())?;
    match call(device, &request) {
        Ok(_) => Ok(FirstPin::Set),
        Err(Status::PinAuthInvalid) => Ok(FirstPin::Kept),
        Err(Status::PinPolicyViolation) => Err(Failure::Usage(
            "--pin: too short (a PIN has at least 4 characters, or as many as the state asks for)".into(),
        )),
        Err(status) => Err(unexpected(status)),
    }
}

const PADDED: usize = 64;

const PROTOCOL: PinUvAuthProtocol = PinUvAuthProtocol::Two;

fn request(
    crypto: &dyn Crypto,
    key: &claviger_ctap::crypto::ecdh::EcdhPublicKey,
    padded: &[u8],
) -> Result<Request, Failure> {
    let (public, secret) = SharedSecret::encapsulate(crypto, PROTOCOL, key).map_err(Failure::failed)?;
    let wrapped = secret.encrypt(crypto, padded).map_err(Failure::failed)?;
    let mut request = Request::new(SubCommand::SetPin);
    request.pin_uv_auth_protocol = Some(PROTOCOL.number());
    request.key_agreement = Some(public);
    request.pin_uv_auth_param = Some(secret.authenticate(crypto, &[&wrapped]));
    request.new_pin_enc = Some(wrapped);
    Ok(request)
}

/// The answer's body, or the status that the key refuses with.
fn call<E: Environment>(device: &mut Device<E>, request: &Request) -> Result<Vec<u8>, Status> {
    let message = [&[command::CLIENT_PIN], request.to_cbor().as_slice()].concat();
    let answer = device.process(0, &message);
    match answer.split_first() {
        Some((0, body)) => Ok(body.to_vec()),
        Some((status, _)) => Err(Status::from_code(*status).unwrap_or(Status::Other)),
        None => Err(Status::Other),
    }
}

fn unexpected(status: Status) -> Failure {
    Failure::Failed(format!("the PIN could not be set: {status}"))
}
