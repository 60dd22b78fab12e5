//! `hmac-secret` (CTAP 2.1 §12.5) and `hmac-secret-mc` (CTAP 2.2): 32 secret bytes for a credential and a salt, wrapped
//! for the platform.

use zeroize::Zeroizing;

use super::authorize::supported;
use super::{Device, Environment, Fault, refuse};
use crate::authenticator::Error;
use crate::cbor::Value;
use crate::crypto::Crypto;
use crate::crypto::ecdh::EcdhPublicKey;
use crate::fields::{Fields, MessageError};
use crate::pin_protocol::{PinUvAuthProtocol, SharedSecret};
use crate::prf::PrfOutput;
use crate::status::Status;

/// The extension's name; at creation it asks for the secret only.
pub(super) const NAME: &str = "hmac-secret";

/// The extension that gives outputs at creation.
pub(super) const NAME_MC: &str = "hmac-secret-mc";

/// One or two salts, and the secret under which the outputs go back.
pub(super) struct Salts {
    secret: SharedSecret,
    first: Zeroizing<[u8; 32]>,
    second: Option<Zeroizing<[u8; 32]>>,
}

impl<E: Environment> Device<E> {
    /// Reads and unwraps the input: key agreement (1), `saltEnc` (2), `saltAuth` (3), protocol (4, default 1).
    pub(super) fn hmac_salts(&self, input: &Value) -> Result<Salts, Fault<E>> {
        let mut fields = Fields::from_value(input.clone(), NAME)?;
        let platform = fields.require(1, "hmac-secret.keyAgreement", Some)?;
        let platform = EcdhPublicKey::from_cose(&platform).map_err(MessageError::from)?;
        let wrapped = fields.require(2, "hmac-secret.saltEnc", Value::into_bytes)?;
        let mac = fields.require(3, "hmac-secret.saltAuth", Value::into_bytes)?;
        let number = fields.take(4, "hmac-secret.pinUvAuthProtocol", |v| v.as_unsigned())?;
        let protocol = supported(number.or(Some(PinUvAuthProtocol::One.number())))?;
        let secret = SharedSecret::decapsulate(self.crypto(), protocol, &self.key_agreement, &platform)?;
        if secret.verify(self.crypto(), &[&wrapped], &mac).is_err() {
            return refuse(Status::PinAuthInvalid, "the MAC over the salts is wrong");
        }
        let salts = secret.decrypt(&wrapped).unwrap_or_default();
        let (first, rest) = salts.split_first_chunk().unwrap_or((&[0; 32], &[0]));
        let second = match rest.len() {
            0 => None,
            _ => Some(Zeroizing::new(rest.try_into().map_err(|_| {
                Error::refused(Status::InvalidLength, "neither one salt of 32 bytes nor two")
            })?)),
        };
        Ok(Salts {
            first: Zeroizing::new(*first),
            second,
            secret,
        })
    }
}

impl Salts {
    /// The outputs for the salts, one after the other, encrypted.
    pub(super) fn outputs<S>(
        &self,
        crypto: &dyn Crypto,
        evaluate: impl Fn(&[u8; 32]) -> Result<PrfOutput, Error<S>>,
    ) -> Result<Vec<u8>, Error<S>> {
        let mut plain = Zeroizing::new(Vec::with_capacity(64));
        plain.extend_from_slice(evaluate(&self.first)?.as_bytes());
        if let Some(second) = &self.second {
            plain.extend_from_slice(evaluate(second)?.as_bytes());
        }
        let wrapped = self.secret.encrypt(crypto, &plain);
        wrapped.map_err(|_| Error::refused(Status::Other, "the outputs could not be encrypted"))
    }
}
