//! Credential protection (CTAP 2.1 §12.1, WebAuthn's `credentialProtectionPolicy`): how much of a passkey shows without verification.

use claviger_ctap::{
    authenticator::{CRED_PROTECT, device::Protection},
    authenticator_data::AuthenticatorData,
    cbor::Value,
};

use crate::{Error, json::Object};

/// What a page asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ProtectionPolicy {
    level: Protection,
    /// Whether the page wants no passkey without it.
    pub(crate) enforced: bool,
}

impl ProtectionPolicy {
    /// Reads the policy at registration. An unknown one is ignored, but not when it is to be enforced.
    pub(crate) fn parse(extensions: Option<Object<'_>>) -> Result<Option<Self>, Error> {
        let Some(extensions) = extensions else {
            return Ok(None);
        };
        let enforced = extensions.boolean("enforceCredentialProtectionPolicy")? == Some(true);
        let level = match extensions.text("credentialProtectionPolicy")? {
            Some("userVerificationOptional") => Protection::Optional,
            Some("userVerificationOptionalWithCredentialIDList") => Protection::OptionalWithIdList,
            Some("userVerificationRequired") => Protection::Required,
            Some(_) if enforced => return Err(Error::NotSupported("an unknown credential protection policy")),
            Some(_) | None => return Ok(None),
        };
        // What protects nothing is had everywhere.
        let enforced = enforced && level != Protection::Optional;
        Ok(Some(Self { level, enforced }))
    }

    /// The extension input of the CTAP request, where there is something to ask for.
    pub(crate) fn request(self) -> Option<u64> {
        (self.level != Protection::Optional).then_some(self.level.number())
    }

    /// Checks that a new passkey is protected as the page insists.
    pub(crate) fn check(self, made: &AuthenticatorData) -> Result<(), Error> {
        let kept = made
            .extensions
            .as_ref()
            .and_then(|outputs| outputs.text(CRED_PROTECT))
            .and_then(Value::as_unsigned)
            .and_then(Protection::from_number)
            .unwrap_or_default();
        if self.enforced && kept < self.level {
            return Err(Error::Provider("it does not protect the passkey as the site insists"));
        }
        Ok(())
    }
}
