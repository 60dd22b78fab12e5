#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use claviger_ctap::authenticator::SecretOf;
use claviger_ctap::authenticator::hmac_secret::HmacSecretInput;
use claviger_ctap::authenticator_data::AttestedCredential;
use claviger_ctap::cbor::Map;
use claviger_ctap::crypto::{PrivateKey, native};
use claviger_ctap::large_blob::{AtGet, LargeBlob};
use claviger_ctap::pin_protocol::{PinUvAuthProtocol, SharedSecret};
use claviger_ctap::types::{Aaguid, CredentialDescriptor, RpEntity};
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
    discoverable: bool,
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
            discoverable: true,
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
        asserted(
            native(),
            &self.request,
            self.discoverable,
            self.assurance,
            bytes,
            |_| Known {
                public_key: self.known_key.clone(),
                user_handle: self.known_handle.as_deref().map(|handle| UserId::new(handle).unwrap()),
            },
        )
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
    let get = Get {
        user: Some(user(2)),
        ..Get::new()
    };
    assert_eq!(get.check(), Err(Rejection::Account));
    let get = Get {
        user: Some(user(2)),
        known_handle: None,
        ..Get::new()
    };
    assert!(get.check().is_ok());
}

#[test]
fn a_site_that_named_no_credentials_gets_the_account_all_the_same() {
    let mut get = Get {
        user: None,
        known_handle: None,
        ..Get::new()
    };
    get.request.allow_list = vec![CredentialDescriptor::new(credential(1))];
    assert_eq!(get.check(), Err(Rejection::Account), "nobody knows it");
    get.known_handle = Some(vec![1; 8]);
    let account = get.check().unwrap().response.user.unwrap();
    assert_eq!((account.id.as_bytes(), account.name), ([1_u8; 8].as_slice(), None));
    get.discoverable = false;
    assert!(get.check().unwrap().response.user.is_none());
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
    assert_eq!(make.check().unwrap().protection, Protection::OptionalWithIdList);
    // What is not signed may be changed on its way; and nothing is asked of an extension that the platform does not know.
    make.unsigned = make.data.extensions.take();
    assert!(make.check().is_err());
    let mut get = Get::new();
    get.request.extensions = Map::new().with("minPinLength", true);
    get.data.extensions = Some(Map::new().with("minPinLength", 6));
    assert!(get.check().is_err());
}

#[test]
fn whether_a_passkey_can_hold_a_large_blob_is_told_where_it_was_asked() {
    let support = Map::new().with("largeBlob", Map::new().with("support", "preferred"));
    let told = |name: &str, value: bool| Map::new().with("largeBlob", Map::new().with(name, value));
    for (asked, answered, passes) in [
        (support.clone(), told("supported", true), true),
        (support.clone(), told("supported", false), true),
        (support.clone(), told("written", true), false),
        (support.clone(), Map::new().with("largeBlob", true), false),
        (
            support.clone(),
            Map::new().with("largeBlob", blob(1).to_output()),
            false,
        ),
        (Map::new(), told("supported", true), false),
    ] {
        let mut make = Make::new(Algorithm::Es256);
        make.request.extensions = asked;
        make.unsigned = Some(answered.clone());
        assert_eq!(make.check().is_ok(), passes, "{answered:?}");
        make.data.extensions = make.unsigned.take();
        assert!(make.check().is_err(), "signed: {answered:?}");
    }
}

#[test]
fn a_large_blob_is_answered_as_it_was_asked_for() {
    let (read, write) = (AtGet::Read, AtGet::Write(blob(1)));
    let told = |name: &str, value: bool| Map::new().with(name, value);
    let one_too_long = LargeBlob {
        original_size: 65_537,
        ..blob(1)
    };
    for (asked, answered, passes) in [
        (Some(&read), blob(4096).to_output(), true),
        (Some(&read), Map::new(), true),
        (Some(&read), blob(4097).to_output(), false),
        (Some(&read), one_too_long.to_output(), false),
        (Some(&read), Map::new().with("blob", vec![1_u8]), false),
        (Some(&read), blob(1).to_output().with("written", true), false),
        (Some(&read), told("written", true), false),
        (Some(&write), told("written", true), true),
        (Some(&write), told("written", false), true),
        (Some(&write), told("supported", true), false),
        (Some(&write), blob(1).to_output(), false),
        (Some(&write), Map::new(), false),
        (None, blob(1).to_output(), false),
        (None, Map::new(), false),
    ] {
        let mut get = Get::new();
        get.request.extensions = asked.map_or_else(Map::new, |asked| Map::new().with("largeBlob", asked.to_input()));
        get.unsigned = Some(Map::new().with("largeBlob", answered.clone()));
        assert_eq!(get.check().is_ok(), passes, "{asked:?} {answered:?}");
        get.data.extensions = get.unsigned.take();
        assert!(get.check().is_err(), "signed: {answered:?}");
    }
}

#[test]
fn no_large_blob_is_written_for_who_was_not_verified() {
    let mut get = Get::new();
    get.request.extensions = Map::new().with("largeBlob", AtGet::Write(blob(1)).to_input());
    get.unsigned = Some(Map::new().with("largeBlob", Map::new().with("written", true)));
    (get.assurance, get.data.flags) = (Assurance::Consented, Flags::UP);
    assert_eq!(get.check(), Err(Rejection::Extension("largeBlob".into())));
    get.request.extensions = Map::new().with("largeBlob", AtGet::Read.to_input());
    get.unsigned = Some(Map::new().with("largeBlob", blob(1).to_output()));
    assert!(get.check().is_ok(), "reading is another matter");
}

fn blob(length: usize) -> LargeBlob {
    LargeBlob {
        data: vec![1; length].into(),
        original_size: 9000,
    }
}

#[test]
fn a_cred_blob_is_answered_as_it_was_asked_for() {
    let bytes = |length: usize| Value::from(vec![1_u8; length]);
    for (asked, answered, passes) in [
        (Some(bytes(3)), Value::from(true), true),
        (Some(bytes(3)), Value::from(false), true),
        (Some(bytes(3)), bytes(3), false),
        (None, Value::from(true), false),
    ] {
        let mut make = Make::new(Algorithm::Es256);
        make.request.extensions = asked.map_or_else(Map::new, |asked| Map::new().with("credBlob", asked));
        make.data.extensions = Some(Map::new().with("credBlob", answered.clone()));
        assert_eq!(make.check().is_ok(), passes, "{answered:?}");
        make.unsigned = make.data.extensions.take();
        assert!(make.check().is_err(), "not signed");
    }
    for (asked, answered, passes) in [
        (Some(true), bytes(0), true),
        (Some(true), bytes(32), true),
        (Some(true), bytes(33), false),
        (Some(true), Value::from(true), false),
        (Some(false), bytes(3), false),
        (None, bytes(3), false),
    ] {
        let mut get = Get::new();
        get.request.extensions = asked.map_or_else(Map::new, |asked| Map::new().with("credBlob", asked));
        get.data.extensions = Some(Map::new().with("credBlob", answered.clone()));
        assert_eq!(get.check().is_ok(), passes, "{asked:?} {answered:?}");
    }
}

#[test]
fn cred_protect_is_answered_with_the_level_that_was_asked_for() {
    for (asked, answered, passes) in [(2, 2, true), (3, 3, true), (3, 2, false), (1, 3, false)] {
        let mut make = Make::new(Algorithm::Es256);
        make.request.extensions = Map::new().with("credProtect", asked);
        make.data.extensions = Some(Map::new().with("credProtect", answered));
        assert_eq!(make.check().is_ok(), passes, "{asked} {answered}");
    }
    // A provider that does not know the extension answers without it.
    let mut make = Make::new(Algorithm::Es256);
    make.request.extensions = Map::new().with("credProtect", 3);
    assert_eq!(make.check().unwrap().protection, Protection::Optional);
}

fn salts(protocol: PinUvAuthProtocol, count: usize) -> Value {
    let length = if protocol == PinUvAuthProtocol::One { 32 } else { 64 };
    let secret = SharedSecret::from_bytes(protocol, &vec![1; length]).unwrap();
    HmacSecretInput::new(secret, &vec![2; 32 * count])
        .unwrap()
        .to_joint(SecretOf::TheVerified)
}

#[test]
fn hmac_secret_is_as_long_as_the_salts_make_it() {
    for (protocol, count, length) in [
        (PinUvAuthProtocol::One, 1, 32),
        (PinUvAuthProtocol::One, 2, 64),
        (PinUvAuthProtocol::Two, 1, 48),
        (PinUvAuthProtocol::Two, 2, 80),
    ] {
        let mut get = Get::new();
        get.data.extensions = Some(Map::new().with("hmac-secret", vec![9_u8; length]));
        assert!(get.check().is_err(), "not asked");
        get.request.extensions = Map::new().with("hmac-secret", salts(protocol, count));
        assert!(get.check().is_ok());
        get.data.extensions = Some(Map::new().with("hmac-secret", vec![9_u8; length + 16]));
        assert!(get.check().is_err(), "too long");
        get.data.extensions = Some(Map::new().with("hmac-secret", true));
        assert!(get.check().is_err(), "no bytes");
        get.data.extensions = None;
        get.unsigned = Some(Map::new().with("hmac-secret", vec![9_u8; length]));
        assert!(get.check().is_err(), "not signed");
    }
}

#[test]
fn hmac_secret_at_creation_is_promised_or_given_as_asked() {
    let asked = || {
        Map::new()
            .with("hmac-secret", true)
            .with("hmac-secret-mc", salts(PinUvAuthProtocol::Two, 1))
    };
    let answered = || {
        Map::new()
            .with("hmac-secret", true)
            .with("hmac-secret-mc", vec![9_u8; 48])
    };
    let mut make = Make::new(Algorithm::Es256);
    make.request.extensions = asked();
    make.data.extensions = Some(answered());
    assert!(make.check().is_ok());
    (make.assurance, make.data.flags) = (Assurance::Consented, Flags::UP | Flags::BE);
    assert!(make.check().is_err(), "without verification");
    let mut make = Make::new(Algorithm::Es256);
    make.data.extensions = Some(answered());
    assert!(make.check().is_err(), "not asked");
    make.request.extensions = Map::new().with("hmac-secret", false);
    make.data.extensions = Some(Map::new().with("hmac-secret", true));
    assert!(make.check().is_err(), "asked not to");
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
