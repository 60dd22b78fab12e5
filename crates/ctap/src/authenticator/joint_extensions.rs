//! The extensions of a security key as a provider serves them: credProtect (CTAP 2.1 §12.1), credBlob (§12.2), hmac-secret (§12.5) and
//! hmac-secret-mc (CTAP 2.2).
//!
//! The PIN/UV auth protocol ends at the platform. What comes here in the place of `saltEnc` and `saltAuth` are the salts themselves and
//! the *wrap key*, the shared secret of that protocol, under which the outputs go into the signed authenticator data.

use zeroize::Zeroizing;

use super::device::Protection;
use super::hmac_secret::{HmacSecretInput, NAME, NAME_MC};
use super::{Authenticator, CredentialRecord, CredentialStore, Error};
use crate::cbor::{Map, Value};
use crate::crypto::portable;
use crate::fields::MessageError;
use crate::make_credential::Request;
use crate::pin_protocol::{PinUvAuthProtocol, SharedSecret};
use crate::prf::PrfSeed;
use crate::status::Status;

/// The name of the extension credProtect.
pub const CRED_PROTECT: &str = "credProtect";

/// The name of the extension credBlob.
pub const CRED_BLOB: &str = "credBlob";

/// Longest credBlob, in bytes: what every authenticator that knows them takes (CTAP 2.1 §12.2).
pub const MAX_CRED_BLOB: usize = 32;

/// Separates the salts of unverified users from all that a client can send for a verified one.
const UNVERIFIED: &[u8] = b"claviger hmac-secret without user verification\0";

/// Which of the two secrets of a credential hmac-secret is to evaluate (CTAP 2.1 §12.5).
///
/// The client's request decides, not whether the user happened to be verified: a passkey is never made without verification, and a locked
/// provider is opened with the PIN, for programs too that asked for neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretOf {
    /// 0: `CredRandomWithoutUV`.
    Anybody,
    /// 1: `CredRandomWithUV`, which is that of PRF.
    TheVerified,
}

impl SecretOf {
    /// The secret for a client that asks for verification, or does not.
    pub fn client(asks_verification: bool) -> Self {
        if asks_verification {
            Self::TheVerified
        } else {
            Self::Anybody
        }
    }
}

/// What is asked for at creation.
pub(super) struct AtCreation {
    /// The level of credProtect that the new credential gets.
    pub(super) protection: Protection,
    /// The credBlob that it keeps.
    pub(super) cred_blob: Option<Vec<u8>>,
    /// The signed outputs.
    pub(super) outputs: Option<Map>,
}

/// The salt that stands for `salt` where the user is not verified and the store has one secret only.
pub(super) fn unverified_salt(salt: &[u8; 32]) -> [u8; 32] {
    portable().sha256(&[UNVERIFIED, salt])
}

impl<S: CredentialStore> Authenticator<S> {
    /// Reads the inputs of makeCredential and gives the outputs.
    pub(super) fn extensions_at_creation(
        &self,
        request: &Request,
        verified: bool,
        seed: &PrfSeed,
    ) -> Result<AtCreation, Error<S::Error>> {
        let inputs = &request.extensions;
        let mut outputs = Map::new();
        let mut protection = Protection::default();
        if let Some(value) = inputs.text(CRED_PROTECT) {
            let number = value.as_unsigned().ok_or(wrong_type(CRED_PROTECT))?;
            let unknown = Error::refused(Status::InvalidOption, "an unknown credProtect level");
            protection = Protection::from_number(number).ok_or(unknown)?;
            outputs.insert(CRED_PROTECT, number);
        }
        let mut cred_blob = None;
        if let Some(value) = inputs.text(CRED_BLOB).filter(|_| self.store.keeps_blobs()) {
            let blob = value.as_bytes().ok_or(wrong_type(CRED_BLOB))?;
            cred_blob = (request.options.rk && blob.len() <= MAX_CRED_BLOB).then(|| blob.to_vec());
            outputs.insert(CRED_BLOB, cred_blob.is_some());
        }
        let asked = match inputs.text(NAME) {
            Some(value) => value.as_bool().ok_or(wrong_type(NAME))?,
            None => false,
        };
        if asked {
            outputs.insert(NAME, true);
        }
        if let Some(value) = inputs.text(NAME_MC) {
            if !asked {
                return Err(Error::refused(
                    Status::MissingParameter,
                    "hmac-secret-mc without hmac-secret",
                ));
            }
            let (input, secret) = HmacSecretInput::from_joint(value)?;
            // Deviation: the secret for unverified users is the store's, which does not have the credential yet.
            if secret == SecretOf::Anybody {
                return Err(Error::refused(
                    Status::UnsupportedOption,
                    "hmac-secret-mc gives the secret of the verified user only",
                ));
            }
            if !verified {
                return Err(Error::refused(
                    Status::PuatRequired,
                    "hmac-secret-mc needs user verification",
                ));
            }
            let output = input.answer::<Error<S::Error>>(self.crypto, |salt| Ok(seed.evaluate(self.crypto, salt)))?;
            outputs.insert(NAME_MC, output);
        }
        Ok(AtCreation {
            protection,
            cred_blob,
            outputs: (!outputs.is_empty()).then_some(outputs),
        })
    }

    /// The outputs of getAssertion for one credential.
    pub(super) fn extensions_at_assertion(
        &self,
        inputs: &Map,
        up: bool,
        verified: bool,
        record: &CredentialRecord,
    ) -> Result<Option<Map>, Error<S::Error>> {
        let mut outputs = Map::new();
        if let Some(value) = inputs.text(CRED_BLOB).filter(|_| self.store.keeps_blobs())
            && value.as_bool().ok_or(wrong_type(CRED_BLOB))?
        {
            // §12.2: an empty string when there is none.
            let blob = self.store.cred_blob(&record.id).map_err(Error::Store)?;
            outputs.insert(CRED_BLOB, blob.unwrap_or_default());
        }
        if let Some(value) = inputs.text(NAME) {
            outputs.insert(NAME, self.hmac_secret_output(value, up, verified, record)?);
        }
        Ok((!outputs.is_empty()).then_some(outputs))
    }

    fn hmac_secret_output(
        &self,
        input: &Value,
        up: bool,
        verified: bool,
        record: &CredentialRecord,
    ) -> Result<Vec<u8>, Error<S::Error>> {
        // §12.5: nothing is computed behind the user's back.
        if !up {
            return Err(Error::refused(
                Status::UnsupportedOption,
                "hmac-secret without user presence",
            ));
        }
        let (input, secret) = HmacSecretInput::from_joint(input)?;
        if secret == SecretOf::TheVerified && !verified {
            return Err(Error::refused(
                Status::PuatRequired,
                "this secret needs user verification",
            ));
        }
        input.answer(self.crypto, |salt| {
            let output = match secret {
                SecretOf::TheVerified => self.store.prf(&record.id, salt),
                SecretOf::Anybody => self.store.prf_unverified(&record.id, salt),
            };
            output.map_err(Error::Store)
        })
    }
}

fn wrong_type(field: &'static str) -> MessageError {
    MessageError::WrongType { field }
}

impl HmacSecretInput {
    /// Reads the form that crosses the provider protocol: salts, 32 or 64 bytes (1), PIN/UV auth protocol (2), wrap key (3), whose
    /// secret (4).
    pub fn from_joint(input: &Value) -> Result<(Self, SecretOf), MessageError> {
        let invalid = MessageError::Invalid { field: NAME };
        let map = input.as_map().ok_or(wrong_type(NAME))?;
        let bytes = |key| map.int(key).and_then(Value::as_bytes).ok_or(invalid);
        let number = map.int(2).and_then(Value::as_unsigned).ok_or(invalid)?;
        let protocol = PinUvAuthProtocol::from_number(number).ok_or(invalid)?;
        let secret = SharedSecret::from_bytes(protocol, bytes(3)?).map_err(|_| invalid)?;
        let whose = match map.int(4).and_then(Value::as_unsigned) {
            Some(0) => SecretOf::Anybody,
            Some(1) => SecretOf::TheVerified,
            _ => return Err(invalid),
        };
        Ok((Self::new(secret, bytes(1)?).ok_or(invalid)?, whose))
    }

    /// The counterpart of [`Self::from_joint`]. The value is not wiped: it is on its way out of the process.
    pub fn to_joint(&self, whose: SecretOf) -> Value {
        let mut salts = Zeroizing::new(Vec::with_capacity(64));
        salts.extend_from_slice(self.first());
        salts.extend_from_slice(self.second().map_or(&[][..], |second| second));
        Map::new()
            .with(1, salts.as_slice())
            .with(2, self.secret().protocol().number())
            .with(3, self.secret().to_bytes().as_slice())
            .with(4, u64::from(whose == SecretOf::TheVerified))
            .into()
    }
}
