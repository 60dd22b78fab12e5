//! The input and the output of `hmac-secret` (CTAP 2.1 §12.5) and `hmac-secret-mc` (CTAP 2.2): one or two salts from the
//! platform, and as many secrets of 32 bytes back, both encrypted under the secret that the PIN/UV auth protocol has
//! agreed on.
//!
//! Who computes the outputs is not said here: [`HmacSecretInput::open`] gives the salts, [`HmacSecretInput::answer`] asks
//! for the outputs, and [`seal`] is for whoever has them already.

use std::fmt;

use zeroize::Zeroizing;

use super::Refusal;
use super::token::supported_protocol;
use crate::cbor::Value;
use crate::crypto::Crypto;
use crate::crypto::ecdh::{EcdhPublicKey, EphemeralKey};
use crate::fields::{Fields, MessageError};
use crate::pin_protocol::{PinUvAuthProtocol, SharedSecret};
use crate::prf::PrfOutput;
use crate::status::Status;

/// The extension's name; at creation it asks for the secret only.
pub const NAME: &str = "hmac-secret";

/// The extension that gives outputs at creation.
pub const NAME_MC: &str = "hmac-secret-mc";

/// One or two salts, and the secret under which the outputs go back. Zeroised on drop.
pub struct HmacSecretInput {
    secret: SharedSecret,
    first: Zeroizing<[u8; 32]>,
    second: Option<Zeroizing<[u8; 32]>>,
}

impl HmacSecretInput {
    /// Reads an input, checks its MAC and decrypts its salts. `key` is the key-agreement key that the platform has got.
    ///
    /// The members: `keyAgreement` (1), `saltEnc` (2), `saltAuth` (3), `pinUvAuthProtocol` (4, without it 1).
    pub fn open(crypto: &dyn Crypto, key: &EphemeralKey, input: &Value) -> Result<Self, Refusal> {
        let mut fields = Fields::from_value(input.clone(), NAME)?;
        let platform = fields.require(1, "hmac-secret.keyAgreement", |value| value.into_map().map(Value::from))?;
        let platform = EcdhPublicKey::from_cose(&platform).map_err(MessageError::from)?;
        let wrapped = fields.require(2, "hmac-secret.saltEnc", Value::into_bytes)?;
        let mac = fields.require(3, "hmac-secret.saltAuth", Value::into_bytes)?;
        let number = fields.take(4, "hmac-secret.pinUvAuthProtocol", |v| v.as_unsigned())?;
        let protocol = supported_protocol(number.or(Some(PinUvAuthProtocol::One.number())))?;
        let secret = SharedSecret::decapsulate(crypto, protocol, key, &platform)?;
        if secret.verify(crypto, &[&wrapped], &mac).is_err() {
            return Err(Refusal::new(Status::PinAuthInvalid, "the MAC over the salts is wrong"));
        }
        let salts = secret.decrypt(&wrapped).unwrap_or_default();
        // CTAP 2.1 and later; CTAP 2.0 said INVALID_LENGTH.
        let (first, second) = split(&salts).ok_or(Refusal::new(
            Status::InvalidParameter,
            "neither one salt of 32 bytes nor two",
        ))?;
        Ok(Self { secret, first, second })
    }

    /// One salt of 32 bytes or two, decrypted already; `None` for any other length.
    pub fn new(secret: SharedSecret, salts: &[u8]) -> Option<Self> {
        let (first, second) = split(salts)?;
        Some(Self { secret, first, second })
    }

    /// The first salt.
    pub fn first(&self) -> &[u8; 32] {
        &self.first
    }

    /// The second, when the platform asks for two outputs.
    pub fn second(&self) -> Option<&[u8; 32]> {
        self.second.as_deref()
    }

    /// The secret under which the salts came and the outputs go.
    pub fn secret(&self) -> &SharedSecret {
        &self.secret
    }

    /// Evaluates each salt, and encrypts the outputs for the platform.
    pub fn answer<E: From<Refusal>>(
        &self,
        crypto: &dyn Crypto,
        evaluate: impl Fn(&[u8; 32]) -> Result<PrfOutput, E>,
    ) -> Result<Vec<u8>, E> {
        let first = evaluate(&self.first)?;
        let second = self.second().map(evaluate).transpose()?;
        Ok(seal(crypto, &self.secret, &first, second.as_ref())?)
    }
}

/// Encrypts one or two outputs as the platform expects them.
pub fn seal(
    crypto: &dyn Crypto,
    secret: &SharedSecret,
    first: &PrfOutput,
    second: Option<&PrfOutput>,
) -> Result<Vec<u8>, Refusal> {
    let mut plain = Zeroizing::new(Vec::with_capacity(64));
    plain.extend_from_slice(first.as_bytes());
    if let Some(second) = second {
        plain.extend_from_slice(second.as_bytes());
    }
    let wrapped = secret.encrypt(crypto, &plain);
    wrapped.map_err(|_| Refusal::new(Status::Other, "the outputs could not be encrypted"))
}

impl fmt::Debug for HmacSecretInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacSecretInput([redacted])")
    }
}

type Salt = Zeroizing<[u8; 32]>;

/// One salt or two.
fn split(salts: &[u8]) -> Option<(Salt, Option<Salt>)> {
    let (first, rest) = salts.split_first_chunk()?;
    let second = match rest.len() {
        0 => None,
        _ => Some(Zeroizing::new(rest.try_into().ok()?)),
    };
    Some((Zeroizing::new(*first), second))
}
