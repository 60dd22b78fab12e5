//! The extensions (CTAP 2.1 §12; hmac-secret-mc and thirdPartyPayment: CTAP 2.2): what a request asks for, and what the answer says.
//!
//! Malformed inputs are refused; extensions that are not known are ignored. Deviation: inputs are read before the user is
//! asked (the specification has extensions after the consent), so that nobody touches a key for nothing.

use super::store::{Attributes, CredentialSecrets, LargeBlobKey, Protection};
use super::{Device, DeviceStore, Environment, Fault, refuse};
use crate::authenticator::hmac_secret::{self, HmacSecretInput};
use crate::authenticator::{CRED_BLOB, CRED_PROTECT, Error};
use crate::cbor::{Map, Value};
use crate::fields::MessageError;
use crate::make_credential;
use crate::prf::PrfSeed;
use crate::status::Status;
use crate::types::CredentialId;

/// The names, in the order in which getInfo tells them.
pub(super) const NAMES: [&str; 7] = [
    CRED_BLOB,
    CRED_PROTECT,
    hmac_secret::NAME,
    hmac_secret::NAME_MC,
    LARGE_BLOB_KEY,
    MIN_PIN_LENGTH,
    THIRD_PARTY_PAYMENT,
];

const LARGE_BLOB_KEY: &str = "largeBlobKey";
const MIN_PIN_LENGTH: &str = "minPinLength";
const THIRD_PARTY_PAYMENT: &str = "thirdPartyPayment";

/// What a makeCredential request asks for.
#[derive(Default)]
pub(super) struct AtCreation {
    protection: Option<Protection>,
    cred_blob: Option<Vec<u8>>,
    hmac_secret: bool,
    salts: Option<HmacSecretInput>,
    large_blob_key: bool,
    min_pin_length: bool,
    third_party_payment: Option<bool>,
}

/// What it gets.
pub(super) struct Created {
    pub(super) attributes: Attributes,
    pub(super) secrets: CredentialSecrets,
    /// The signed outputs.
    pub(super) outputs: Option<Map>,
}

/// What a getAssertion request asks for.
#[derive(Default)]
pub(super) struct AtAssertion {
    cred_blob: bool,
    salts: Option<HmacSecretInput>,
    large_blob_key: bool,
    third_party_payment: bool,
}

impl<E: Environment> Device<E> {
    /// Reads the inputs of makeCredential.
    pub(super) fn creation_inputs(&self, request: &make_credential::Request) -> Result<AtCreation, Fault<E>> {
        let inputs = &request.extensions;
        let mut asked = AtCreation::default();
        // §12.1.
        if let Some(value) = inputs.text(CRED_PROTECT) {
            let number = value.as_unsigned().ok_or(wrong_type(CRED_PROTECT))?;
            let level = Protection::from_number(number);
            asked.protection =
                Some(level.ok_or(Error::refused(Status::InvalidOption, "an unknown credProtect level"))?);
        }
        // §12.2.
        if let Some(value) = inputs.text(CRED_BLOB) {
            asked.cred_blob = Some(value.as_bytes().ok_or(wrong_type(CRED_BLOB))?.to_vec());
        }
        // §12.3: only `true`, and only for a discoverable credential.
        asked.large_blob_key = only_true(inputs, LARGE_BLOB_KEY)?;
        if asked.large_blob_key && !request.options.rk {
            return refuse(Status::InvalidOption, "largeBlobKey without a discoverable credential");
        }
        // §12.5.
        if let Some(value) = inputs.text(hmac_secret::NAME) {
            asked.hmac_secret = value.as_bool().ok_or(wrong_type(hmac_secret::NAME))?;
        }
        // §12.4: only for those that an administrator has named.
        if let Some(value) = inputs.text(MIN_PIN_LENGTH) {
            let wanted = value.as_bool().ok_or(wrong_type(MIN_PIN_LENGTH))?;
            asked.min_pin_length = wanted && self.state.min_pin_rp_ids.contains(&request.rp.id);
        }
        // thirdPartyPayment, CTAP 2.2.
        if let Some(value) = inputs.text(THIRD_PARTY_PAYMENT) {
            asked.third_party_payment = Some(value.as_bool().ok_or(wrong_type(THIRD_PARTY_PAYMENT))?);
        }
        // hmac-secret-mc, CTAP 2.2: outputs at creation, of a secret that is asked for.
        if let Some(value) = inputs.text(hmac_secret::NAME_MC) {
            if !asked.hmac_secret {
                return refuse(Status::MissingParameter, "hmac-secret-mc without hmac-secret");
            }
            asked.salts = Some(HmacSecretInput::open(self.crypto(), &self.key_agreement, value)?);
        }
        Ok(asked)
    }

    /// Makes what the inputs ask for. `discoverable` and `verified` say of what kind the credential and the ceremony
    /// are.
    pub(super) fn create_extras(
        &self,
        asked: AtCreation,
        discoverable: bool,
        verified: bool,
    ) -> Result<Created, Fault<E>> {
        let crypto = self.crypto();
        let secrets = CredentialSecrets {
            verified_seed: PrfSeed::generate(crypto)?,
            unverified_seed: PrfSeed::generate(crypto)?,
            large_blob_key: asked
                .large_blob_key
                .then(|| LargeBlobKey::generate(crypto))
                .transpose()?,
        };
        let mut attributes = Attributes::default();
        let mut outputs = Map::new();
        if let Some(protection) = asked.protection {
            attributes.protection = protection;
            outputs.insert(CRED_PROTECT, protection.number());
        }
        if let Some(blob) = asked.cred_blob {
            let kept = discoverable && blob.len() <= self.numbers.max_cred_blob_bytes;
            attributes.cred_blob = kept.then_some(blob);
            outputs.insert(CRED_BLOB, kept);
        }
        if let Some(payment) = asked.third_party_payment {
            attributes.third_party_payment = payment;
            outputs.insert(THIRD_PARTY_PAYMENT, payment);
        }
        if asked.min_pin_length {
            outputs.insert(MIN_PIN_LENGTH, self.state.min_pin_length);
        }
        if asked.hmac_secret {
            outputs.insert(hmac_secret::NAME, true);
        }
        if let Some(salts) = asked.salts {
            let seed = if verified {
                &secrets.verified_seed
            } else {
                &secrets.unverified_seed
            };
            let output = salts.answer(crypto, |salt| Ok::<_, Fault<E>>(seed.evaluate(crypto, salt)))?;
            outputs.insert(hmac_secret::NAME_MC, output);
        }
        Ok(Created {
            attributes,
            secrets,
            outputs: (!outputs.is_empty()).then_some(outputs),
        })
    }

    /// Reads the inputs of getAssertion.
    pub(super) fn assertion_inputs(&self, inputs: &Map, up: bool) -> Result<AtAssertion, Fault<E>> {
        let mut asked = AtAssertion::default();
        if let Some(value) = inputs.text(CRED_BLOB) {
            asked.cred_blob = value.as_bool().ok_or(wrong_type(CRED_BLOB))?;
        }
        asked.large_blob_key = only_true(inputs, LARGE_BLOB_KEY)?;
        if let Some(value) = inputs.text(THIRD_PARTY_PAYMENT) {
            asked.third_party_payment = value.as_bool().ok_or(wrong_type(THIRD_PARTY_PAYMENT))?;
        }
        if let Some(value) = inputs.text(hmac_secret::NAME) {
            // §12.5: nothing is computed behind the user's back.
            if !up {
                return refuse(Status::UnsupportedOption, "hmac-secret without user presence");
            }
            asked.salts = Some(HmacSecretInput::open(self.crypto(), &self.key_agreement, value)?);
        }
        Ok(asked)
    }

    /// The signed outputs for one credential.
    pub(super) fn assertion_outputs(
        &self,
        asked: &AtAssertion,
        id: &CredentialId,
        attributes: &Attributes,
        verified: bool,
    ) -> Result<Option<Map>, Fault<E>> {
        let mut outputs = Map::new();
        if asked.cred_blob {
            // §12.2: an empty string when there is none.
            outputs.insert(CRED_BLOB, attributes.cred_blob.clone().unwrap_or_default());
        }
        if asked.third_party_payment {
            outputs.insert(THIRD_PARTY_PAYMENT, attributes.third_party_payment);
        }
        if let Some(salts) = &asked.salts {
            let store = self.environment.store();
            let one = |salt: &[u8; 32]| store.hmac_secret(id, verified, salt).map_err(Error::Store);
            outputs.insert(hmac_secret::NAME, salts.answer(self.crypto(), one)?);
        }
        Ok((!outputs.is_empty()).then_some(outputs))
    }

    /// The key for large blobs, for a request that asks for it.
    pub(super) fn assertion_large_blob_key(
        &self,
        asked: &AtAssertion,
        id: &CredentialId,
    ) -> Result<Option<LargeBlobKey>, Fault<E>> {
        if !asked.large_blob_key {
            return Ok(None);
        }
        self.environment.store().large_blob_key(id).map_err(Error::Store)
    }
}

/// An extension whose only input is `true`.
fn only_true<S>(inputs: &Map, name: &'static str) -> Result<bool, Error<S>> {
    match inputs.text(name) {
        None => Ok(false),
        Some(Value::Bool(true)) => Ok(true),
        Some(Value::Bool(false)) => refuse(
            Status::InvalidOption,
            "an extension that can only be asked for with true",
        ),
        Some(_) => Err(wrong_type(name).into()),
    }
}

fn wrong_type(field: &'static str) -> MessageError {
    MessageError::WrongType { field }
}
