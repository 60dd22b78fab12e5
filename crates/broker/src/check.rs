//! Rule 5 of the design: nothing that a provider answers leaves unchecked.
//!
//! Pure functions over the request as it was sent and the bytes that came back. An answer passes whole or not at all; what passes
//! is the parsed response, so nothing unparsed can travel on. A provider whose answer is refused here is broken or hostile: the
//! site learns `NotAllowedError`, the user and the log which check failed.
//!
//! Not checked here, because the platform cannot: that the private key exists only once, and that a signature under a key that the
//! platform has never seen is the right one ([`Assertion::key_known`] tells).

use claviger_ctap::authenticator_data::{AuthenticatorData, Flags};
use claviger_ctap::cbor::{Map, Value};
use claviger_ctap::crypto::{Algorithm, Crypto, PublicKey};
use claviger_ctap::types::CredentialId;
use claviger_ctap::{MessageError, get_assertion, make_credential};

use crate::ceremony::Assurance;

/// Which check an answer failed. Always the provider's fault. The texts hold nothing of the answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Not one canonical CBOR map of the right shape, or authenticator data that is malformed or contradicts itself.
    #[error("it is not well formed: {0}")]
    Malformed(#[from] MessageError),
    /// For another site.
    #[error("it is for another RP ID")]
    RpId,
    /// The user-present flag is missing.
    #[error("it does not say that the user was present")]
    NotPresent,
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
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Its public key, seen at registration.
    pub public_key: Option<&'a PublicKey>,
    /// The user handle of its account.
    pub user_handle: Option<&'a [u8]>,
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
    let outputs = [data.extensions.as_ref(), response.unsigned_extension_outputs.as_ref()];
    check_extensions(&request.extensions, outputs, assurance)?;
    Ok(NewCredential {
        id: credential.id.clone(),
        public_key: credential.public_key.clone(),
        backed_up: data.flags.contains(Flags::BS),
        response,
    })
}

/// Checks the answer to `authenticatorGetAssertion`.
///
/// `request` is the one that was sent, its allow list narrowed to the user's choice if there was one; `known` looks up what the
/// platform knows about a credential.
pub fn asserted<'a>(
    crypto: &dyn Crypto,
    request: &get_assertion::Request,
    assurance: Assurance,
    payload: &[u8],
    known: impl FnOnce(&CredentialId) -> Known<'a>,
) -> Result<Assertion, Rejection> {
    let response = get_assertion::Response::from_cbor(payload)?;
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
    let handle = response.user.as_ref().map(|user| user.id.as_bytes());
    // Without an allow list the handle is all by which the site finds the account (WebAuthn level 3, 7.2 step 6).
    let missing = handle.is_none() && request.allow_list.is_empty();
    let another = handle
        .zip(known.user_handle)
        .is_some_and(|(answered, expected)| answered != expected);
    if missing || another {
        return Err(Rejection::Account);
    }
    if let Some(key) = known.public_key {
        let message = [response.auth_data.as_slice(), &request.client_data_hash].concat();
        crypto
            .verify(key, &message, &response.signature)
            .map_err(|_| Rejection::Signature)?;
    }
    let outputs = [data.extensions.as_ref(), response.unsigned_extension_outputs.as_ref()];
    check_extensions(&request.extensions, outputs, assurance)?;
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
    if !data.flags.contains(Flags::UP) {
        return Err(Rejection::NotPresent);
    }
    match (data.flags.contains(Flags::UV), assurance) {
        (true, Assurance::Consented) => Err(Rejection::VerificationClaimed),
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

/// Extensions answer only when asked (`WebAuthn` level 3, 9). PRF outputs are secrets of the verified user: no output without
/// verification, and not more outputs than salts.
fn check_extensions(asked: &Map, outputs: [Option<&Map>; 2], assurance: Assurance) -> Result<(), Rejection> {
    for (name, output) in outputs.into_iter().flatten().flat_map(Map::iter) {
        let Some(name) = name.as_text() else {
            return Err(Rejection::Extension("without a name".into()));
        };
        let acceptable = match asked.text(name) {
            None => false,
            Some(input) if name == "prf" => prf_fits(input, output, assurance),
            Some(_) => true,
        };
        if !acceptable {
            return Err(Rejection::Extension(
                name.chars().take(32).filter(|c| !c.is_control()).collect(),
            ));
        }
    }
    Ok(())
}

fn prf_fits(input: &Value, output: &Value, assurance: Assurance) -> bool {
    let (Some(input), Some(output)) = (input.as_map(), output.as_map()) else {
        return false;
    };
    let known = |map: &Map, names: [&str; 2]| {
        map.iter()
            .all(|(key, _)| key.as_text().is_some_and(|key| names.contains(&key)))
    };
    if !known(output, ["enabled", "results"]) || output.text("enabled").is_some_and(|value| value.as_bool().is_none()) {
        return false;
    }
    let Some(results) = output.text("results") else {
        return true;
    };
    let Some(results) = results.as_map() else { return false };
    let by_credential = input.text("evalByCredential").and_then(Value::as_map);
    let salts = || {
        input
            .text("eval")
            .into_iter()
            .chain(by_credential.into_iter().flat_map(Map::iter).map(|(_, value)| value))
    };
    let asked = |which: &str| {
        salts()
            .filter_map(Value::as_map)
            .any(|salts| salts.text(which).is_some())
    };
    let fits = |which: &str| match results.text(which) {
        None => true,
        Some(value) => value.as_bytes().is_some_and(|bytes| bytes.len() == 32) && asked(which),
    };
    assurance == Assurance::Verified
        && known(results, ["first", "second"])
        && results.text("first").is_some()
        && fits("first")
        && fits("second")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::authenticator_data::AttestedCredential;
    use claviger_ctap::crypto::{PrivateKey, native};
    use claviger_ctap::types::{Aaguid, CredentialDescriptor, RpEntity, UserEntity, UserId};
    use proptest::prelude::*;

    use super::*;

    const RP: &str = "example.org";
    const HASH: [u8; 32] = [7; 32];

    fn key(algorithm: Algorithm) -> PrivateKey {
        PrivateKey::from_secret(algorithm, &[3; 32]).unwrap()
    }

    fn credential(byte: u8) -> CredentialId {
        CredentialId::new(vec![byte; 32]).unwrap()
    }

    fn user(byte: u8) -> UserEntity {
        UserEntity {
            id: UserId::new(vec![byte; 8]).unwrap(),
            name: Some("alice".into()),
            display_name: None,
        }
    }

    fn prf(salts: Map) -> Map {
        Map::new().with("prf", Map::new().with("eval", salts))
    }

    fn results(map: Map) -> Map {
        Map::new().with("prf", Map::new().with("enabled", true).with("results", map))
    }

    /// A make ceremony that passes; the tests change one thing each.
    struct Make {
        request: make_credential::Request,
        assurance: Assurance,
        data: AuthenticatorData,
        fmt: &'static str,
        unsigned: Option<Map>,
        in_use: bool,
    }

    impl Make {
        fn new(algorithm: Algorithm) -> Self {
            let rp = RpEntity {
                id: RP.into(),
                name: None,
            };
            let data = AuthenticatorData {
                rp_id_hash: native().sha256(&[RP.as_bytes()]),
                flags: Flags::UP | Flags::UV | Flags::BE,
                sign_count: 0,
                attested: Some(AttestedCredential {
                    aaguid: Aaguid::default(),
                    id: credential(1),
                    public_key: key(algorithm).public_key().clone(),
                }),
                extensions: None,
            };
            Self {
                request: make_credential::Request::new(HASH, rp, user(1), vec![-257, algorithm.cose()]),
                assurance: Assurance::Verified,
                data,
                fmt: "packed",
                unsigned: None,
                in_use: false,
            }
        }

        fn response(&self) -> make_credential::Response {
            let auth_data = self.data.encode();
            let statement = match &self.data.attested {
                Some(new) if self.fmt == "packed" => {
                    let key = key(new.public_key.algorithm());
                    let message = [auth_data.as_slice(), &self.request.client_data_hash].concat();
                    let signature = native().sign(&key, &message).unwrap();
                    Map::new().with("alg", key.algorithm().cose()).with("sig", signature)
                }
                _ => Map::new(),
            };
            let mut response = make_credential::Response::new(self.fmt, auth_data, statement);
            response.unsigned_extension_outputs = self.unsigned.clone();
            response
        }

        fn check(&self) -> Result<NewCredential, Rejection> {
            self.check_response(&self.response())
        }

        fn check_response(&self, response: &make_credential::Response) -> Result<NewCredential, Rejection> {
            made(native(), &self.request, self.assurance, &response.to_cbor(), |_| {
                self.in_use
            })
        }
    }

    /// A get ceremony that passes.
    struct Get {
        request: get_assertion::Request,
        assurance: Assurance,
        data: AuthenticatorData,
        id: CredentialId,
        user: Option<UserEntity>,
        unsigned: Option<Map>,
        known_key: Option<PublicKey>,
        known_handle: Option<Vec<u8>>,
    }

    impl Get {
        fn new() -> Self {
            let data = AuthenticatorData {
                rp_id_hash: native().sha256(&[RP.as_bytes()]),
                flags: Flags::UP | Flags::UV,
                sign_count: 9,
                attested: None,
                extensions: None,
            };
            Self {
                request: get_assertion::Request::new(RP, HASH),
                assurance: Assurance::Verified,
                data,
                id: credential(1),
                user: Some(user(1)),
                unsigned: None,
                known_key: Some(key(Algorithm::Es256).public_key().clone()),
                known_handle: Some(vec![1; 8]),
            }
        }

        fn response(&self) -> get_assertion::Response {
            let auth_data = self.data.encode();
            let message = [auth_data.as_slice(), &self.request.client_data_hash].concat();
            let signature = native().sign(&key(Algorithm::Es256), &message).unwrap();
            let credential = CredentialDescriptor::new(self.id.clone());
            let mut response = get_assertion::Response::new(credential, auth_data, signature);
            response.user = self.user.clone();
            response.unsigned_extension_outputs = self.unsigned.clone();
            response
        }

        fn check(&self) -> Result<Assertion, Rejection> {
            self.check_bytes(&self.response().to_cbor())
        }

        fn check_bytes(&self, bytes: &[u8]) -> Result<Assertion, Rejection> {
            asserted(native(), &self.request, self.assurance, bytes, |_| Known {
                public_key: self.known_key.as_ref(),
                user_handle: self.known_handle.as_deref(),
            })
        }
    }

    #[test]
    fn good_answers_pass() {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
            let made = Make::new(algorithm).check().unwrap();
            assert_eq!(
                (made.id, &made.public_key),
                (credential(1), key(algorithm).public_key())
            );
            assert!(!made.backed_up);
        }
        assert!(
            Make {
                fmt: "none",
                ..Make::new(Algorithm::Es256)
            }
            .check()
            .is_ok()
        );
        assert!(Get::new().check().unwrap().key_known);
        assert!(
            !Get {
                known_key: None,
                ..Get::new()
            }
            .check()
            .unwrap()
            .key_known
        );
    }

    #[test]
    fn another_site_is_rejected() {
        let mut make = Make::new(Algorithm::Es256);
        make.request.rp.id = "example.com".into();
        assert_eq!(make.check(), Err(Rejection::RpId));
        let mut get = Get::new();
        get.request.rp_id = "example.com".into();
        assert_eq!(get.check(), Err(Rejection::RpId));
    }

    #[test]
    fn flags_must_match_the_evidence() {
        let cases = [
            (Flags::UP, Assurance::Verified, Rejection::VerificationMissing),
            (
                Flags::UP | Flags::UV,
                Assurance::Consented,
                Rejection::VerificationClaimed,
            ),
            (Flags::UV, Assurance::Verified, Rejection::NotPresent),
            (Flags::NONE, Assurance::Consented, Rejection::NotPresent),
        ];
        for (flags, assurance, rejection) in cases {
            let (mut make, mut get) = (Make::new(Algorithm::Es256), Get::new());
            (make.data.flags, make.assurance) = (flags, assurance);
            (get.data.flags, get.assurance) = (flags, assurance);
            assert_eq!(make.check(), Err(rejection.clone()));
            assert_eq!(get.check(), Err(rejection));
        }
        let mut get = Get::new();
        (get.data.flags, get.assurance) = (Flags::UP, Assurance::Consented);
        assert!(get.check().is_ok());
        get.data.flags = Flags::UP | Flags::BS;
        assert!(
            matches!(get.check(), Err(Rejection::Malformed(_))),
            "backed up without being eligible"
        );
    }

    #[test]
    fn credentials_must_be_where_they_belong() {
        let mut make = Make::new(Algorithm::Es256);
        make.fmt = "none";
        let attested = make.data.attested.take();
        assert_eq!(make.check(), Err(Rejection::AttestedCredential));
        let mut get = Get::new();
        get.data.attested = attested;
        assert_eq!(get.check(), Err(Rejection::AttestedCredential));
    }

    #[test]
    fn the_algorithm_must_have_been_asked_for() {
        let mut make = Make::new(Algorithm::Es256);
        make.request.algorithms = vec![-8];
        assert_eq!(make.check(), Err(Rejection::Algorithm));
    }

    #[test]
    fn ids_in_use_are_rejected() {
        let mut make = Make::new(Algorithm::Es256);
        make.request.exclude_list = vec![CredentialDescriptor::new(credential(1))];
        assert_eq!(make.check(), Err(Rejection::CredentialInUse));
        assert_eq!(
            Make {
                in_use: true,
                ..Make::new(Algorithm::Es256)
            }
            .check(),
            Err(Rejection::CredentialInUse)
        );
    }

    #[test]
    fn only_plain_attestation_passes() {
        let make = Make::new(Algorithm::Es256);
        let with = |change: fn(&mut make_credential::Response)| {
            let mut response = make.response();
            change(&mut response);
            make.check_response(&response)
        };
        assert_eq!(with(|r| r.fmt = "tpm".into()), Err(Rejection::Attestation));
        assert_eq!(with(|r| r.fmt = "none".into()), Err(Rejection::Attestation));
        assert_eq!(with(|r| r.att_stmt = Map::new()), Err(Rejection::Attestation));
        assert_eq!(
            with(|r| drop(r.att_stmt.insert("x5c", Vec::<Value>::new()))),
            Err(Rejection::Attestation)
        );
        assert_eq!(
            with(|r| drop(r.att_stmt.insert("alg", -8))),
            Err(Rejection::Attestation)
        );
        assert_eq!(
            with(|r| r.enterprise_attestation = Some(true)),
            Err(Rejection::Attestation)
        );
        assert_eq!(
            with(|r| drop(r.att_stmt.insert("sig", vec![0x30_u8, 0]))),
            Err(Rejection::Signature)
        );
    }

    #[test]
    fn attestation_covers_the_client_data() {
        let mut make = Make::new(Algorithm::EdDsa);
        let response = make.response();
        make.request.client_data_hash = [8; 32];
        assert_eq!(make.check_response(&response), Err(Rejection::Signature));
    }

    #[test]
    fn only_allowed_credentials_pass() {
        let mut get = Get::new();
        get.request.allow_list = vec![CredentialDescriptor::new(credential(2))];
        assert_eq!(get.check(), Err(Rejection::NotAllowed));
        get.request.allow_list.push(CredentialDescriptor::new(credential(1)));
        assert!(get.check().is_ok());
    }

    #[test]
    fn a_known_key_must_have_signed() {
        let other = PrivateKey::from_secret(Algorithm::Es256, &[4; 32]).unwrap();
        let get = Get {
            known_key: Some(other.public_key().clone()),
            ..Get::new()
        };
        assert_eq!(get.check(), Err(Rejection::Signature));
        let mut get = Get::new();
        let bytes = get.response().to_cbor();
        get.request.client_data_hash = [8; 32];
        assert_eq!(get.check_bytes(&bytes), Err(Rejection::Signature));
    }

    #[test]
    fn the_account_must_be_the_credentials() {
        let mut get = Get {
            user: None,
            ..Get::new()
        };
        assert_eq!(get.check(), Err(Rejection::Account), "discoverable without a handle");
        get.request.allow_list = vec![CredentialDescriptor::new(credential(1))];
        assert!(get.check().is_ok());
        assert_eq!(
            Get {
                user: Some(user(2)),
                ..Get::new()
            }
            .check(),
            Err(Rejection::Account)
        );
        assert!(
            Get {
                user: Some(user(2)),
                known_handle: None,
                ..Get::new()
            }
            .check()
            .is_ok()
        );
    }

    #[test]
    fn extensions_answer_only_when_asked() {
        let mut get = Get::new();
        get.unsigned = Some(Map::new().with("largeBlob", true));
        assert_eq!(get.check(), Err(Rejection::Extension("largeBlob".into())));
        let mut make = Make::new(Algorithm::Es256);
        make.data.extensions = Some(Map::new().with("credProtect", 2));
        assert_eq!(make.check(), Err(Rejection::Extension("credProtect".into())));
        make.request.extensions = Map::new().with("credProtect", 2);
        assert!(make.check().is_ok());
    }

    #[test]
    fn prf_answers_salts_of_a_verified_user() {
        let bytes = |n| vec![5_u8; n];
        let one = || prf(Map::new().with("first", bytes(32)));
        let mut get = Get::new();
        get.unsigned = Some(results(Map::new().with("first", bytes(32))));
        assert_eq!(get.check(), Err(Rejection::Extension("prf".into())), "not asked");
        get.request.extensions = one();
        assert!(get.check().is_ok());
        get.unsigned = Some(results(Map::new().with("first", bytes(31))));
        assert!(get.check().is_err(), "too short");
        get.unsigned = Some(results(Map::new().with("first", bytes(32)).with("second", bytes(32))));
        assert!(get.check().is_err(), "more outputs than salts");
        get.unsigned = Some(results(Map::new().with("first", bytes(32)).with("third", bytes(32))));
        assert!(get.check().is_err(), "an output of another name");
        get.unsigned = Some(results(Map::new()));
        assert!(get.check().is_err(), "no output at all");
        get.unsigned = Some(Map::new().with("prf", Map::new().with("enabled", 1)));
        assert!(get.check().is_err(), "not a truth value");
        get.unsigned = Some(results(Map::new().with("first", bytes(32))));
        (get.assurance, get.data.flags) = (Assurance::Consented, Flags::UP);
        assert!(get.check().is_err(), "without verification");

        let by_credential = Map::new().with(
            vec![1_u8; 32],
            Map::new().with("first", bytes(32)).with("second", bytes(32)),
        );
        let mut get = Get::new();
        get.request.extensions = Map::new().with("prf", Map::new().with("evalByCredential", by_credential));
        get.unsigned = Some(results(Map::new().with("first", bytes(32)).with("second", bytes(32))));
        assert!(get.check().is_ok());
    }

    #[test]
    fn non_canonical_encodings_are_rejected() {
        let get = Get::new();
        let mut bytes = get.response().to_cbor();
        bytes.push(0);
        assert!(matches!(get.check_bytes(&bytes), Err(Rejection::Malformed(_))));
        bytes.pop();
        // The map's first key, 1, in two bytes instead of one.
        let long = [&bytes[..1], &[0x18, 0x01], &bytes[2..]].concat();
        assert!(matches!(get.check_bytes(&long), Err(Rejection::Malformed(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_changed_bit_of_the_signed_part_passes(position in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let get = Get::new();
            let mut response = get.response();
            let signed = response.auth_data.len();
            let at = position.index(signed + response.signature.len());
            match at.checked_sub(signed) {
                None => response.auth_data[at] ^= 1 << bit,
                Some(at) => response.signature[at] ^= 1 << bit,
            }
            prop_assert!(get.check_bytes(&response.to_cbor()).is_err());
        }

        #[test]
        fn arbitrary_bytes_are_rejected(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(Get::new().check_bytes(&bytes).is_err());
            let make = Make::new(Algorithm::Es256);
            prop_assert!(made(native(), &make.request, make.assurance, &bytes, |_| false).is_err());
        }
    }
}
