//! The extensions (CTAP 2.1 §12) in the form of the joint. Malformed inputs are refused; extensions that are not known are left out.

use claviger_ctap::MessageError;
use claviger_ctap::authenticator::Refusal;
use claviger_ctap::authenticator::hmac_secret::HmacSecretInput;
use claviger_ctap::cbor::{Map, Value};
use claviger_ctap::crypto::Crypto;
use claviger_ctap::crypto::ecdh::EphemeralKey;
use claviger_ctap::status::Status;

use super::refuse;

/// The names, in the order in which getInfo tells them.
pub(super) const NAMES: [&str; 2] = [CRED_PROTECT, HMAC_SECRET];

const CRED_PROTECT: &str = "credProtect";
const HMAC_SECRET: &str = "hmac-secret";

/// The inputs of makeCredential.
pub(super) fn at_creation(inputs: &Map) -> Result<Map, Refusal> {
    let mut asked = Map::new();
    // §12.1.
    if let Some(value) = inputs.text(CRED_PROTECT) {
        let level = value.as_unsigned().ok_or(wrong_type(CRED_PROTECT))?;
        if !(1..=3).contains(&level) {
            return refuse(Status::InvalidOption, "an unknown credProtect level");
        }
        asked.insert(CRED_PROTECT, level);
    }
    // §12.5.
    if let Some(value) = inputs.text(HMAC_SECRET)
        && value.as_bool().ok_or(wrong_type(HMAC_SECRET))?
    {
        asked.insert(HMAC_SECRET, true);
    }
    Ok(asked)
}

/// The inputs of getAssertion. The salts of hmac-secret are decrypted here; the outputs are encrypted by the provider, because they are
/// part of what it signs.
pub(super) fn at_assertion(
    crypto: &dyn Crypto,
    key_agreement: &EphemeralKey,
    inputs: &Map,
    up: bool,
) -> Result<Map, Refusal> {
    let mut asked = Map::new();
    if let Some(value) = inputs.text(HMAC_SECRET) {
        // §12.5: nothing is computed behind the user's back.
        if !up {
            return refuse(Status::UnsupportedOption, "hmac-secret without user presence");
        }
        asked.insert(
            HMAC_SECRET,
            joint_form(&HmacSecretInput::open(crypto, key_agreement, value)?),
        );
    }
    Ok(asked)
}

/// Salts (1), protocol (2) and the shared secret that wraps the outputs (3).
fn joint_form(input: &HmacSecretInput) -> Value {
    let mut salts = input.first().to_vec();
    salts.extend(input.second().into_iter().flatten());
    let secret = input.secret();
    Map::new()
        .with(1, salts)
        .with(2, secret.protocol().number())
        .with(3, secret.to_bytes().as_slice())
        .into()
}

fn wrong_type(field: &'static str) -> MessageError {
    MessageError::WrongType { field }
}
