//! The extensions (CTAP 2.1 §12) in the form of the joint. Malformed inputs are refused; extensions that are not known are left out.

use claviger_ctap::MessageError;
use claviger_ctap::authenticator::hmac_secret::{HmacSecretInput, NAME as HMAC_SECRET, NAME_MC as HMAC_SECRET_MC};
use claviger_ctap::authenticator::{CRED_PROTECT, Refusal, SecretOf};
use claviger_ctap::cbor::Map;
use claviger_ctap::crypto::Crypto;
use claviger_ctap::crypto::ecdh::EphemeralKey;
use claviger_ctap::status::Status;

use super::refuse;

/// The names, in the order in which getInfo tells them.
pub(super) const NAMES: [&str; 3] = [CRED_PROTECT, HMAC_SECRET, HMAC_SECRET_MC];

/// The inputs of makeCredential.
///
/// The salts of hmac-secret are decrypted here; the outputs are encrypted by the provider, because they are part of what it signs.
pub(super) fn at_creation(crypto: &dyn Crypto, key_agreement: &EphemeralKey, inputs: &Map) -> Result<Map, Refusal> {
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
    // CTAP 2.2: outputs at creation, of a secret that is asked for.
    if let Some(value) = inputs.text(HMAC_SECRET_MC) {
        if asked.text(HMAC_SECRET).is_none() {
            return refuse(Status::MissingParameter, "hmac-secret-mc without hmac-secret");
        }
        let input = HmacSecretInput::open(crypto, key_agreement, value)?;
        // A program that asks for no verification is told so (`doors::ctap`).
        asked.insert(HMAC_SECRET_MC, input.to_joint(SecretOf::TheVerified));
    }
    Ok(asked)
}

/// The inputs of getAssertion.
pub(super) fn at_assertion(
    crypto: &dyn Crypto,
    key_agreement: &EphemeralKey,
    inputs: &Map,
    (up, verifies): (bool, bool),
) -> Result<Map, Refusal> {
    let mut asked = Map::new();
    if let Some(value) = inputs.text(HMAC_SECRET) {
        // §12.5: nothing is computed behind the user's back.
        if !up {
            return refuse(Status::UnsupportedOption, "hmac-secret without user presence");
        }
        let input = HmacSecretInput::open(crypto, key_agreement, value)?;
        asked.insert(HMAC_SECRET, input.to_joint(SecretOf::client(verifies)));
    }
    Ok(asked)
}

fn wrong_type(field: &'static str) -> MessageError {
    MessageError::WrongType { field }
}
