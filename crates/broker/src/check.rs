//! Rule 5 of the design: nothing that a provider answers leaves unchecked.
//!
//! Pure functions over the request as it was sent and the bytes that came back. An answer passes whole or not at all; what passes
//! is the parsed response, so nothing unparsed can travel on. A provider whose answer is refused here is broken or hostile: the
//! site learns `NotAllowedError`, the user and the log which check failed.
//!
//! Not checked here, because the platform cannot: that the private key exists only once, and that a signature under a key that the
//! platform has never seen is the right one ([`Assertion::key_known`] tells).

use claviger_ctap::authenticator::device::Protection;
use claviger_ctap::authenticator_data::{AuthenticatorData, Flags};
use claviger_ctap::cbor::Value;
use claviger_ctap::crypto::{Algorithm, Crypto, PublicKey};
use claviger_ctap::types::{CredentialId, UserEntity, UserId};
use claviger_ctap::{MessageError, get_assertion, make_credential};
use extensions::Extensions;

use crate::ceremony::Assurance;

/// Which check an answer failed. Always the provider's fault. The texts hold nothing of the answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Not an answer of the joint.
    #[error("it cannot be read: {0}")]
    Unreadable(claviger_joint::MessageError),
    /// It says that all is well, and nothing else.
    #[error("it has no payload")]
    Empty,
    /// It names another transaction than the request, or answers what was not asked.
    #[error("it answers another request")]
    AnotherRequest,
    /// Not one canonical CBOR map of the right shape, or authenticator data that is malformed or contradicts itself.
    #[error("it is not well formed: {0}")]
    Malformed(#[from] MessageError),
    /// For another site.
    #[error("it is for another RP ID")]
    RpId,
    /// The user-present flag is missing.
    #[error("it does not say that the user was present")]
    NotPresent,
    /// The user-present flag is set although nobody was asked.
    #[error("it claims that the user was present")]
    PresenceClaimed,
    /// The user-verified flag is set without evidence.
    #[error("it claims a user verification that did not take place")]
    VerificationClaimed,
    /// The user-verified flag is missing although evidence was sent.
    #[error("it does not confirm the user verification")]
    VerificationMissing,
    /// A new credential is missing, or an assertion brings one.
    #[error("its attested credential data is missing or out of place")]
    AttestedCredential,
    /// The new credential's algorithm was not asked for.
    #[error("it made a key of an algorithm that was not asked for")]
    Algorithm,
    /// The new credential's id is on the exclude list, or known already.
    #[error("it made a credential whose id is already in use")]
    CredentialInUse,
    /// Signed by a credential that was not allowed.
    #[error("it used a credential that was not allowed")]
    NotAllowed,
    /// The attestation statement is none of those that the platform passes on.
    #[error("its attestation statement is not acceptable")]
    Attestation,
    /// A signature does not verify.
    #[error("its signature is wrong")]
    Signature,
    /// The account is missing or is not the one that the credential belongs to.
    #[error("it names no account, or another one")]
    Account,
    /// An extension answered that was not asked, or in a wrong way.
    #[error("the output of the extension {0} was not asked for or is malformed")]
    Extension(String),
}

/// A new credential that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCredential {
    /// The answer.
    pub response: make_credential::Response,
    /// The credential's id.
    pub id: CredentialId,
    /// Its public key, which later assertions are checked against.
    pub public_key: PublicKey,
    /// Whether it is backed up at present.
    pub backed_up: bool,
    /// The credProtect level that the provider says to keep.
    pub protection: Protection,
}

/// An assertion that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// The answer.
    pub response: get_assertion::Response,
    /// Whether the signature was checked: the platform saw the credential's registration. Otherwise everything else was.
    pub key_known: bool,
}

/// What the platform knows about the credential that answered an assertion.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Its public key, seen at registration.
    pub public_key: Option<PublicKey>,
    /// The user handle of its account.
    pub user_handle: Option<UserId>,
}

/// Checks the answer to `authenticatorMakeCredential`.
///
/// `request` is the one that was sent; `in_use` tells whether the platform knows a credential of that id already.
pub fn made(
    crypto: &dyn Crypto,
    request: &make_credential::Request,
    assurance: Assurance,
    payload: &[u8],
    in_use: impl FnOnce(&CredentialId) -> bool,
) -> Result<NewCredential, Rejection> {
    let response = make_credential::Response::from_cbor(payload)?;
    let data = AuthenticatorData::parse(&response.auth_data)?;
    check_data(crypto, &data, &request.rp.id, assurance)?;
    let credential = data.attested.as_ref().ok_or(Rejection::AttestedCredential)?;
    if !request.algorithms.contains(&credential.public_key.algorithm().cose()) {
        return Err(Rejection::Algorithm);
    }
    if request.exclude_list.iter().any(|excluded| excluded.id == credential.id) || in_use(&credential.id) {
        return Err(Rejection::CredentialInUse);
    }
    check_attestation(crypto, request, &response, &credential.public_key)?;
    extensions::check(&Extensions {
        asked: &request.extensions,
        signed: data.extensions.as_ref(),
        unsigned: response.unsigned_extension_outputs.as_ref(),
        makes: true,
        assurance,
    })?;
    Ok(NewCredential {
        protection: extensions::protection(data.extensions.as_ref()),
        id: credential.id.clone(),
        public_key: credential.public_key.clone(),
        backed_up: data.flags.contains(Flags::BS),
        response,
    })
}

/// Checks the answer to `authenticatorGetAssertion`.
///
/// `request` is the one that was sent, its allow list narrowed to the user's choice if there was one. `discoverable` tells that the
/// site itself named no credentials. `known` looks up what the platform knows about a credential.
///
/// An authenticator that was given an allow list may leave out the account (CTAP 2.1, 6.2.3); for a site that named none it is
/// filled in from what the platform knows.
pub fn asserted(
    crypto: &dyn Crypto,
    request: &get_assertion::Request,
    discoverable: bool,
    assurance: Assurance,
    payload: &[u8],
    known: impl FnOnce(&CredentialId) -> Known,
) -> Result<Assertion, Rejection> {
    let mut response = get_assertion::Response::from_cbor(payload)?;
    let data = AuthenticatorData::parse(&response.auth_data)?;
    check_data(crypto, &data, &request.rp_id, assurance)?;
    if data.attested.is_some() {
        return Err(Rejection::AttestedCredential);
    }
    let id = &response.credential.id;
    if !request.allow_list.is_empty() && !request.allow_list.iter().any(|allowed| allowed.id == *id) {
        return Err(Rejection::NotAllowed);
    }
    let known = known(id);
    match (&response.user, known.user_handle) {
        (Some(user), Some(handle)) if user.id != handle => return Err(Rejection::Account),
        (None, Some(id)) if discoverable => {
            response.user = Some(UserEntity {
                id,
                name: None,
                display_name: None,
            });
        }
        // The handle is all by which the site finds the account (WebAuthn level 3, 7.2 step 6).
        (None, None) if discoverable => return Err(Rejection::Account),
        _ => {}
    }
    if let Some(key) = &known.public_key {
        let message = [response.auth_data.as_slice(), &request.client_data_hash].concat();
        crypto
            .verify(key, &message, &response.signature)
            .map_err(|_| Rejection::Signature)?;
    }
    extensions::check(&Extensions {
        asked: &request.extensions,
        signed: data.extensions.as_ref(),
        unsigned: response.unsigned_extension_outputs.as_ref(),
        makes: false,
        assurance,
    })?;
    Ok(Assertion {
        key_known: known.public_key.is_some(),
        response,
    })
}

/// What is alike in both: the site and the flags. Reserved flags, and BS without BE, do not pass the parser.
fn check_data(
    crypto: &dyn Crypto,
    data: &AuthenticatorData,
    rp_id: &str,
    assurance: Assurance,
) -> Result<(), Rejection> {
    if data.rp_id_hash != crypto.sha256(&[rp_id.as_bytes()]) {
        return Err(Rejection::RpId);
    }
    match (data.flags.contains(Flags::UP), assurance) {
        (true, Assurance::Absent) => return Err(Rejection::PresenceClaimed),
        (false, Assurance::Consented | Assurance::Verified) => return Err(Rejection::NotPresent),
        _ => {}
    }
    match (data.flags.contains(Flags::UV), assurance) {
        (true, Assurance::Consented | Assurance::Absent) => Err(Rejection::VerificationClaimed),
        (false, Assurance::Verified) => Err(Rejection::VerificationMissing),
        _ => Ok(()),
    }
}

/// `none`, or `packed` self attestation (`WebAuthn` level 3, 8.2 and 8.7). Anything else could tell sites more about the device than
/// the user agreed to.
fn check_attestation(
    crypto: &dyn Crypto,
    request: &make_credential::Request,
    response: &make_credential::Response,
    key: &PublicKey,
) -> Result<(), Rejection> {
    if response.enterprise_attestation == Some(true) {
        return Err(Rejection::Attestation);
    }
    match response.fmt.as_str() {
        "none" if response.att_stmt.is_empty() => Ok(()),
        "packed" => {
            let algorithm = response
                .att_stmt
                .text("alg")
                .and_then(Value::as_int)
                .and_then(Algorithm::from_cose);
            let signature = response.att_stmt.text("sig").and_then(Value::as_bytes);
            let (Some(algorithm), Some(signature), 2) = (algorithm, signature, response.att_stmt.len()) else {
                return Err(Rejection::Attestation);
            };
            if algorithm != key.algorithm() {
                return Err(Rejection::Attestation);
            }
            let message = [response.auth_data.as_slice(), &request.client_data_hash].concat();
            crypto
                .verify(key, &message, signature)
                .map_err(|_| Rejection::Signature)
        }
        _ => Err(Rejection::Attestation),
    }
}

mod extensions;

#[cfg(test)]
mod tests;
