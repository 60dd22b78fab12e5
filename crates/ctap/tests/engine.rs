//! The authenticator engine through its public face: every command, every way to be refused.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use claviger_ctap::authenticator::{
    Attestation, Authenticator, Backup, CredentialRecord, CredentialStore, Error, MemoryStore, NoUv, PrfOutput,
    PrfSeed, Settings, UvProof,
};
use claviger_ctap::authenticator_data::{AuthenticatorData, Flags};
use claviger_ctap::cbor::{Map, Value};
use claviger_ctap::crypto::{Algorithm, PrivateKey, portable};
use claviger_ctap::get_assertion::{self, Request as Get};
use claviger_ctap::make_credential::{self, Request as Make};
use claviger_ctap::prf::{self, PrfAnswer, PrfInput, PrfSalts};
use claviger_ctap::status::Status;
use claviger_ctap::types::{Aaguid, CredentialDescriptor, CredentialId, RpEntity, UserEntity, UserId};

const RP: &str = "example.com";
const HASH: [u8; 32] = [0xcd; 32];

/// Stands for the evidence that a deployment's verifier makes.
struct Verified;

impl UvProof for Verified {}

type Engine = Authenticator<MemoryStore>;

fn settings() -> Settings {
    Settings::new(Aaguid(*b"an authenticator"))
}

fn engine_with(settings: Settings) -> Engine {
    Authenticator::new(MemoryStore::new(portable()), settings, portable())
}

fn engine() -> Engine {
    engine_with(settings())
}

fn user(handle: &[u8]) -> UserEntity {
    UserEntity {
        id: UserId::new(handle).unwrap(),
        name: Some("alice@example.com".to_owned()),
        display_name: Some("Alice".to_owned()),
    }
}

fn make(handle: &[u8]) -> Make {
    let rp = RpEntity {
        id: RP.to_owned(),
        name: Some("Example".to_owned()),
    };
    let mut request = Make::new(HASH, rp, user(handle), vec![-7, -8]);
    request.options.rk = true;
    request
}

fn get(allow: &[&CredentialId]) -> Get {
    let mut request = Get::new(RP, HASH);
    request.allow_list = allow
        .iter()
        .map(|id| CredentialDescriptor::new((*id).clone()))
        .collect();
    request
}

fn made(engine: &mut Engine, request: &Make) -> CredentialId {
    let response = engine.make_credential(request, None::<NoUv>, 1).unwrap();
    AuthenticatorData::parse(&response.auth_data)
        .unwrap()
        .attested
        .unwrap()
        .id
}

#[track_caller]
fn assert_status<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, Error<E>>, status: Status) {
    assert_eq!(result.map_err(|error| error.status()).unwrap_err(), status);
}

fn salts(first: u8, second: Option<u8>) -> PrfSalts {
    PrfSalts {
        first: [first; 32].into(),
        second: second.map(|byte| [byte; 32].into()),
    }
}

fn with_prf(input: &PrfInput) -> Map {
    Map::new().with(prf::NAME, input.to_value())
}

fn prf_results(outputs: Option<&Map>) -> ([u8; 32], Option<[u8; 32]>) {
    let (first, second) = PrfAnswer::from_unsigned_outputs(outputs.unwrap())
        .unwrap()
        .unwrap()
        .results
        .unwrap();
    (*first.as_bytes(), second.map(|output| *output.as_bytes()))
}

// makeCredential

#[test]
fn a_credential_is_made_and_signs_in() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let mut engine = engine();
        let mut request = make(b"alice");
        request.algorithms = vec![algorithm.cose()];
        let response = engine
            .make_credential(&request, Some(Verified), 1_700_000_000_000)
            .unwrap();
        assert_eq!((response.fmt.as_str(), response.att_stmt.len()), ("none", 0));
        assert_eq!(response.unsigned_extension_outputs, None);

        let data = AuthenticatorData::parse(&response.auth_data).unwrap();
        assert_eq!(data.flags, Flags::UP | Flags::UV | Flags::BE | Flags::AT);
        assert_eq!(data.rp_id_hash, portable().sha256(&[RP.as_bytes()]));
        assert_eq!(data.sign_count, 0);
        let credential = data.attested.unwrap();
        assert_eq!(credential.aaguid, settings().aaguid);
        assert_eq!(credential.public_key.algorithm(), algorithm);

        let record = engine.store().records().next().unwrap().clone();
        assert_eq!(record.id, credential.id);
        assert_eq!(record.public_key, credential.public_key);
        assert_eq!(
            (record.rp_id.as_str(), record.rp_name.as_deref()),
            (RP, Some("Example"))
        );
        assert_eq!((record.user, record.created_ms), (user(b"alice"), 1_700_000_000_000));
        assert!(record.discoverable && record.backup_eligible && !record.backed_up);

        let assertion = engine.get_assertion(&get(&[]), Some(Verified)).unwrap();
        assert_eq!(assertion.credential.id, credential.id);
        let data = AuthenticatorData::parse(&assertion.auth_data).unwrap();
        assert_eq!(data.flags, Flags::UP | Flags::UV | Flags::BE);
        assert_eq!((data.attested, data.extensions), (None, None));
        let signed = [assertion.auth_data.as_slice(), &HASH].concat();
        assert_eq!(
            portable().verify(&credential.public_key, &signed, &assertion.signature),
            Ok(())
        );
    }
}

#[test]
fn the_sites_first_supported_algorithm_is_taken() {
    for (asked, taken) in [(vec![-257, -8, -7], -8), (vec![-7, -8], -7), (vec![-8, -7], -8)] {
        let mut engine = engine();
        let mut request = make(b"alice");
        request.algorithms = asked;
        made(&mut engine, &request);
        assert_eq!(
            engine.store().records().next().unwrap().public_key.algorithm().cose(),
            taken
        );
    }
}

#[test]
fn without_a_supported_algorithm_nothing_is_made() {
    let only_es256 = Settings {
        algorithms: vec![Algorithm::Es256],
        ..settings()
    };
    for (settings, algorithms) in [
        (settings(), vec![-257, -65535]),
        (settings(), vec![]),
        (only_es256, vec![-8]),
    ] {
        let mut engine = engine_with(settings);
        let mut request = make(b"alice");
        request.algorithms = algorithms;
        assert_status(
            engine.make_credential(&request, None::<NoUv>, 1),
            Status::UnsupportedAlgorithm,
        );
        assert_eq!(engine.store().records().count(), 0);
    }
}

#[test]
fn the_uv_flag_comes_from_the_proof_alone() {
    let mut engine = engine();
    let mut request = make(b"alice");
    let flags = |response: make_credential::Response| AuthenticatorData::parse(&response.auth_data).unwrap().flags;
    assert!(!flags(engine.make_credential(&request, None::<NoUv>, 1).unwrap()).contains(Flags::UV));
    assert!(flags(engine.make_credential(&request, Some(Verified), 1).unwrap()).contains(Flags::UV));
    request.options.uv = true;
    assert!(flags(engine.make_credential(&request, Some(Verified), 1).unwrap()).contains(Flags::UV));
    assert_status(engine.make_credential(&request, None::<NoUv>, 1), Status::PuatRequired);
}

#[test]
fn what_creation_does_not_offer_is_refused() {
    let refuse = |change: fn(&mut Make), status| {
        let mut engine = engine();
        let mut request = make(b"alice");
        change(&mut request);
        assert_status(engine.make_credential(&request, Some(Verified), 1), status);
        assert_eq!(engine.store().records().count(), 0);
    };
    refuse(|r| r.options.up = false, Status::InvalidOption);
    refuse(|r| r.enterprise_attestation = Some(1), Status::InvalidParameter);
    refuse(|r| r.pin_uv_auth_param = Some(vec![]), Status::PinNotSet);
    refuse(|r| r.pin_uv_auth_param = Some(vec![1; 16]), Status::MissingParameter);
    refuse(
        |r| (r.pin_uv_auth_param, r.pin_uv_auth_protocol) = (Some(vec![1; 16]), Some(2)),
        Status::InvalidParameter,
    );
}

#[test]
fn an_excluded_credential_stops_creation_for_its_own_site_only() {
    let mut engine = engine();
    let id = made(&mut engine, &make(b"alice"));
    let mut request = make(b"bob");
    let unknown = CredentialDescriptor::new(CredentialId::new([9; 16]).unwrap());
    request.exclude_list = vec![unknown.clone(), CredentialDescriptor::new(id)];
    assert_status(
        engine.make_credential(&request, Some(Verified), 1),
        Status::CredentialExcluded,
    );
    assert_eq!(engine.store().records().count(), 1);

    request.rp.id = "example.org".to_owned();
    assert!(engine.make_credential(&request, None::<NoUv>, 1).is_ok());
    request.rp.id = RP.to_owned();
    request.exclude_list = vec![unknown];
    assert!(engine.make_credential(&request, None::<NoUv>, 1).is_ok());
}

#[test]
fn lists_have_a_limit() {
    let mut engine = engine_with(Settings {
        max_credentials_in_list: 2,
        ..settings()
    });
    let id = made(&mut engine, &make(b"alice"));
    let list = vec![CredentialDescriptor::new(id); 3];
    let mut request = make(b"bob");
    request.exclude_list.clone_from(&list);
    assert_status(engine.make_credential(&request, None::<NoUv>, 1), Status::LimitExceeded);
    let mut request = get(&[]);
    request.allow_list = list;
    assert_status(engine.get_assertion(&request, None::<NoUv>), Status::LimitExceeded);
    request.allow_list.truncate(2);
    assert!(engine.get_assertion(&request, None::<NoUv>).is_ok());
}

#[test]
fn a_new_passkey_replaces_the_accounts_old_one() {
    let mut engine = engine();
    let first = made(&mut engine, &make(b"alice"));
    let second = made(&mut engine, &make(b"alice"));
    made(&mut engine, &make(b"bob"));
    let mut elsewhere = make(b"alice");
    elsewhere.rp.id = "example.org".to_owned();
    made(&mut engine, &elsewhere);
    let mut by_id_only = make(b"alice");
    by_id_only.options.rk = false;
    made(&mut engine, &by_id_only);

    let ids: Vec<_> = engine.store().records().map(|record| record.id.clone()).collect();
    assert_eq!(ids.len(), 4);
    assert!(!ids.contains(&first) && ids.contains(&second));
}

#[test]
fn backup_flags_say_what_the_settings_say() {
    for (backup, flags) in [
        (Backup::DeviceBound, Flags::NONE),
        (Backup::Eligible, Flags::BE),
        (Backup::BackedUp, Flags::BE | Flags::BS),
    ] {
        let mut engine = engine_with(Settings { backup, ..settings() });
        let response = engine.make_credential(&make(b"alice"), None::<NoUv>, 1).unwrap();
        let data = AuthenticatorData::parse(&response.auth_data).unwrap();
        assert_eq!(data.flags, flags | Flags::UP | Flags::AT);
        let response = engine.get_assertion(&get(&[]), None::<NoUv>).unwrap();
        assert_eq!(
            AuthenticatorData::parse(&response.auth_data).unwrap().flags,
            flags | Flags::UP
        );
    }
}

#[test]
fn attestation_is_what_the_request_prefers_of_what_the_settings_offer() {
    let (with_self, by_default) = (Attestation::SelfWhenPreferred, Attestation::SelfUnlessNonePreferred);
    for (attestation, preference, format) in [
        (&with_self, vec![], "none"),
        (&with_self, vec!["packed"], "packed"),
        (&with_self, vec!["tpm", "packed", "none"], "packed"),
        (&with_self, vec!["none", "packed"], "none"),
        (&with_self, vec!["tpm"], "none"),
        (&by_default, vec![], "packed"),
        (&by_default, vec!["tpm"], "packed"),
        (&by_default, vec!["tpm", "none", "packed"], "none"),
        (&Attestation::None, vec!["packed"], "none"),
    ] {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
            let mut engine = engine_with(Settings {
                attestation: attestation.clone(),
                ..settings()
            });
            let mut request = make(b"alice");
            request.algorithms = vec![algorithm.cose()];
            request.attestation_formats_preference = preference.iter().map(|&f| f.to_owned()).collect();
            let response = engine.make_credential(&request, None::<NoUv>, 1).unwrap();
            assert_eq!(response.fmt, format);
            if format == "none" {
                assert!(response.att_stmt.is_empty());
                continue;
            }
            assert_eq!(response.att_stmt.len(), 2);
            assert_eq!(
                response.att_stmt.text("alg").and_then(Value::as_int),
                Some(algorithm.cose())
            );
            let key = AuthenticatorData::parse(&response.auth_data)
                .unwrap()
                .attested
                .unwrap()
                .public_key;
            let signed = [response.auth_data.as_slice(), &HASH].concat();
            let signature = response.att_stmt.text("sig").and_then(Value::as_bytes).unwrap();
            assert_eq!(portable().verify(&key, &signed, signature), Ok(()));
        }
    }
}

// getAssertion

#[test]
fn without_a_fitting_credential_nothing_is_signed() {
    let mut engine = engine();
    assert_status(engine.get_assertion(&get(&[]), None::<NoUv>), Status::NoCredentials);
    let id = made(&mut engine, &make(b"alice"));
    let unknown = CredentialId::new([9; 16]).unwrap();
    assert_status(
        engine.get_assertion(&get(&[&unknown]), None::<NoUv>),
        Status::NoCredentials,
    );
    let mut elsewhere = get(&[&id]);
    elsewhere.rp_id = "example.org".to_owned();
    assert_status(engine.get_assertion(&elsewhere, None::<NoUv>), Status::NoCredentials);
}

#[test]
fn a_credential_that_is_not_discoverable_is_found_by_id_only() {
    let mut engine = engine();
    let mut request = make(b"alice");
    request.options.rk = false;
    let id = made(&mut engine, &request);
    assert_status(engine.get_assertion(&get(&[]), Some(Verified)), Status::NoCredentials);
    let response = engine.get_assertion(&get(&[&id]), Some(Verified)).unwrap();
    assert_eq!(response.user, None);
}

#[test]
fn the_allow_list_decides_in_its_order_and_the_newest_otherwise() {
    let mut engine = engine();
    let ids: Vec<_> = [(&b"a"[..], 10), (b"b", 30), (b"c", 20)]
        .into_iter()
        .map(|(handle, now)| {
            let response = engine.make_credential(&make(handle), None::<NoUv>, now).unwrap();
            AuthenticatorData::parse(&response.auth_data)
                .unwrap()
                .attested
                .unwrap()
                .id
        })
        .collect();
    let mut chosen = |allow: &[&CredentialId]| engine.get_assertion(&get(allow), None::<NoUv>).unwrap().credential.id;
    assert_eq!(chosen(&[]), ids[1]);
    assert_eq!(chosen(&[&ids[2], &ids[0]]), ids[2]);
    assert_eq!(
        chosen(&[&CredentialId::new([9; 16]).unwrap(), &ids[0], &ids[1]]),
        ids[0]
    );
    let response = engine.get_assertion(&get(&[]), None::<NoUv>).unwrap();
    assert_eq!((response.number_of_credentials, response.user_selected), (None, None));
}

#[test]
fn names_are_told_after_verification_only_and_the_handle_always() {
    let mut engine = engine();
    let id = made(&mut engine, &make(b"alice"));
    for allow in [vec![], vec![&id]] {
        let verified = engine.get_assertion(&get(&allow), Some(Verified)).unwrap();
        assert_eq!(verified.user, Some(user(b"alice")));
        let present = engine.get_assertion(&get(&allow), None::<NoUv>).unwrap();
        let nameless = UserEntity {
            name: None,
            display_name: None,
            ..user(b"alice")
        };
        assert_eq!(present.user, Some(nameless));
    }
}

#[test]
fn assertion_flags_follow_options_and_proof() {
    let mut engine = engine();
    made(&mut engine, &make(b"alice"));
    let mut request = get(&[]);
    let flags = |r: get_assertion::Response| AuthenticatorData::parse(&r.auth_data).unwrap().flags;
    request.options.up = false;
    assert_eq!(flags(engine.get_assertion(&request, None::<NoUv>).unwrap()), Flags::BE);
    assert_eq!(
        flags(engine.get_assertion(&request, Some(Verified)).unwrap()),
        Flags::BE | Flags::UV
    );
    request.options.uv = true;
    assert_status(engine.get_assertion(&request, None::<NoUv>), Status::PuatRequired);
}

#[test]
fn what_assertions_do_not_offer_is_refused() {
    let mut engine = engine();
    made(&mut engine, &make(b"alice"));
    for (param, protocol, status) in [
        (vec![], Some(1), Status::PinNotSet),
        (vec![1; 16], None, Status::MissingParameter),
        (vec![1; 16], Some(1), Status::InvalidParameter),
    ] {
        let mut request = get(&[]);
        (request.pin_uv_auth_param, request.pin_uv_auth_protocol) = (Some(param), protocol);
        assert_status(engine.get_assertion(&request, Some(Verified)), status);
    }
}

// prf

#[test]
fn prf_is_stable_for_a_credential_and_salt_and_differs_otherwise() {
    let mut engine = engine();
    let mut request = make(b"alice");
    request.extensions = with_prf(&PrfInput {
        eval: Some(salts(1, Some(2))),
        eval_by_credential: vec![],
    });
    let response = engine.make_credential(&request, Some(Verified), 1).unwrap();
    let outputs = response.unsigned_extension_outputs.as_ref();
    assert_eq!(
        PrfAnswer::from_unsigned_outputs(outputs.unwrap())
            .unwrap()
            .unwrap()
            .enabled,
        Some(true)
    );
    let at_creation = prf_results(outputs);
    assert_ne!(Some(at_creation.0), at_creation.1);

    let evaluate = |engine: &mut Engine, id: &CredentialId, salts| {
        let mut request = get(&[id]);
        request.extensions = with_prf(&PrfInput {
            eval: Some(salts),
            eval_by_credential: vec![],
        });
        let response = engine.get_assertion(&request, Some(Verified)).unwrap();
        assert_eq!(AuthenticatorData::parse(&response.auth_data).unwrap().extensions, None);
        prf_results(response.unsigned_extension_outputs.as_ref())
    };
    let alice = AuthenticatorData::parse(&response.auth_data)
        .unwrap()
        .attested
        .unwrap()
        .id;
    assert_eq!(evaluate(&mut engine, &alice, salts(1, Some(2))), at_creation);
    assert_eq!(
        evaluate(&mut engine, &alice, salts(2, None)),
        (at_creation.1.unwrap(), None)
    );
    let bob = made(&mut engine, &make(b"bob"));
    assert_ne!(evaluate(&mut engine, &bob, salts(1, None)).0, at_creation.0);
}

#[test]
fn prf_salts_for_one_credential_come_before_those_for_all() {
    let mut engine = engine();
    let (alice, bob) = (made(&mut engine, &make(b"alice")), made(&mut engine, &make(b"bob")));
    let mut evaluate = |id: &CredentialId, input: &PrfInput| {
        let mut request = get(&[id]);
        request.extensions = with_prf(input);
        let response = engine.get_assertion(&request, Some(Verified)).unwrap();
        let outputs = response.unsigned_extension_outputs.unwrap();
        PrfAnswer::from_unsigned_outputs(&outputs)
            .unwrap()
            .unwrap()
            .results
            .map(|(first, _)| *first.as_bytes())
    };
    let eval = |byte| PrfInput {
        eval: Some(salts(byte, None)),
        eval_by_credential: vec![],
    };
    let both = PrfInput {
        eval: Some(salts(1, None)),
        eval_by_credential: vec![(alice.clone(), salts(2, None))],
    };
    assert_eq!(evaluate(&alice, &both), evaluate(&alice, &eval(2)));
    assert_eq!(evaluate(&bob, &both), evaluate(&bob, &eval(1)));
    let for_alice = PrfInput {
        eval: None,
        eval_by_credential: vec![(alice, salts(2, None))],
    };
    assert_eq!(evaluate(&bob, &for_alice), None);
}

#[test]
fn prf_needs_verification_and_presence() {
    let mut engine = engine();
    let input = PrfInput {
        eval: Some(salts(1, None)),
        eval_by_credential: vec![],
    };
    let mut request = make(b"alice");
    request.extensions = with_prf(&input);
    assert_status(engine.make_credential(&request, None::<NoUv>, 1), Status::PuatRequired);
    assert_eq!(engine.store().records().count(), 0);

    // Asking whether outputs will be available needs nothing.
    request.extensions = with_prf(&PrfInput::default());
    let response = engine.make_credential(&request, None::<NoUv>, 1).unwrap();
    let answer = PrfAnswer::from_unsigned_outputs(&response.unsigned_extension_outputs.unwrap())
        .unwrap()
        .unwrap();
    assert!(answer.enabled == Some(true) && answer.results.is_none());

    let mut request = get(&[]);
    request.extensions = with_prf(&input);
    assert_status(engine.get_assertion(&request, None::<NoUv>), Status::PuatRequired);
    request.options.up = false;
    assert_status(
        engine.get_assertion(&request, Some(Verified)),
        Status::UnsupportedOption,
    );
    let mut request = get(&[]);
    request.rk = Some(false);
    assert_status(
        engine.get_assertion(&request, Some(Verified)),
        Status::UnsupportedOption,
    );
}

#[test]
fn malformed_prf_input_is_refused_and_unknown_extensions_are_ignored() {
    let mut engine = engine();
    let eval = |map: Map| Value::from(Map::new().with("eval", map));
    for (input, status) in [
        (Value::Null, Status::CborUnexpectedType),
        (eval(Map::new()), Status::MissingParameter),
        (eval(Map::new().with("first", vec![1_u8; 31])), Status::InvalidParameter),
        (eval(Map::new().with("first", "text")), Status::CborUnexpectedType),
        (
            Map::new()
                .with("evalByCredential", Map::new().with("id", Map::new()))
                .into(),
            Status::InvalidParameter,
        ),
    ] {
        let mut request = make(b"alice");
        request.extensions = Map::new().with(prf::NAME, input);
        assert_status(engine.make_credential(&request, Some(Verified), 1), status);
    }
    let id = CredentialId::new([1; 16]).unwrap();
    let mut request = make(b"alice");
    request.extensions = with_prf(&PrfInput {
        eval: None,
        eval_by_credential: vec![(id, salts(1, None))],
    });
    assert_status(
        engine.make_credential(&request, Some(Verified), 1),
        Status::InvalidParameter,
    );
    assert_eq!(engine.store().records().count(), 0);

    request.extensions = Map::new()
        .with("example.com/unknown", Value::Null)
        .with("minPinLength", true);
    let response = engine.make_credential(&request, None::<NoUv>, 1).unwrap();
    assert_eq!(response.unsigned_extension_outputs, None);
}

// credBlob

fn signed_output(auth_data: &[u8], name: &str) -> Option<Value> {
    let data = AuthenticatorData::parse(auth_data).unwrap();
    data.extensions.and_then(|outputs| outputs.text(name).cloned())
}

#[test]
fn a_cred_blob_is_kept_with_a_discoverable_credential_and_read_back() {
    for (length, discoverable, kept) in [(0, true, true), (32, true, true), (33, true, false), (32, false, false)] {
        let mut engine = engine();
        let mut request = make(b"alice");
        request.options.rk = discoverable;
        request.extensions = Map::new().with("credBlob", vec![7_u8; length]);
        let response = engine.make_credential(&request, Some(Verified), 1).unwrap();
        let output = signed_output(&response.auth_data, "credBlob");
        assert_eq!(output, Some(Value::from(kept)), "{length} {discoverable}");

        let id = engine.store().records().next().unwrap().id.clone();
        let mut request = get(&[&id]);
        let silent = engine.get_assertion(&request, Some(Verified)).unwrap();
        assert_eq!(signed_output(&silent.auth_data, "credBlob"), None, "nobody asked");
        request.extensions = Map::new().with("credBlob", true);
        let read = engine.get_assertion(&request, Some(Verified)).unwrap();
        let blob = vec![7_u8; if kept { length } else { 0 }];
        assert_eq!(signed_output(&read.auth_data, "credBlob"), Some(Value::from(blob)));
    }
}

#[test]
fn a_cred_blob_of_another_type_is_refused_and_a_store_without_blobs_says_nothing() {
    let mut request = make(b"alice");
    request.extensions = Map::new().with("credBlob", true);
    assert_status(
        engine().make_credential(&request, Some(Verified), 1),
        Status::CborUnexpectedType,
    );

    let mut store = Faulty {
        inner: MemoryStore::new(portable()),
        fails: "nothing",
    };
    let mut without = Authenticator::new(&mut store, settings(), portable());
    assert!(!without.get_info().supports_extension("credBlob"));
    let response = without.make_credential(&request, Some(Verified), 1).unwrap();
    assert_eq!(signed_output(&response.auth_data, "credBlob"), None);
}

// getInfo

#[test]
fn get_info_tells_what_the_settings_allow() {
    let info = engine().get_info();
    assert_eq!(info.versions, ["FIDO_2_0", "FIDO_2_1"]);
    assert_eq!(info.aaguid, settings().aaguid);
    assert_eq!(info.algorithms, [-7, -8]);
    assert_eq!(info.transports, ["internal"]);
    assert_eq!(info.attestation_formats, ["packed"]);
    assert!(info.supports_extension("prf") && info.supports_extension("credBlob"));
    assert_eq!(info.max_cred_blob_length, Some(32));
    assert_eq!(info.options.get("uv"), Some(&true));
    assert_eq!(info.max_credential_id_length, Some(1023));

    let settings = Settings {
        algorithms: vec![Algorithm::EdDsa],
        attestation: Attestation::None,
        ..settings()
    };
    let info = engine_with(settings).get_info();
    assert_eq!(info.algorithms, [-8]);
    assert!(info.attestation_formats.is_empty());
}

// The store

#[derive(Debug)]
struct Broken(&'static str);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Broken {}

/// A store that fails at one of its calls.
struct Faulty {
    inner: MemoryStore,
    fails: &'static str,
}

impl Faulty {
    fn check(&self, call: &'static str) -> Result<(), Broken> {
        if call == self.fails { Err(Broken(call)) } else { Ok(()) }
    }
}

impl CredentialStore for Faulty {
    type Error = Broken;

    fn find(&self, rp_id: &str) -> Result<Vec<CredentialRecord>, Broken> {
        self.check("find")?;
        Ok(self.inner.find(rp_id).unwrap())
    }

    fn insert(
        &mut self,
        record: CredentialRecord,
        key: PrivateKey,
        prf_seed: PrfSeed,
        cred_blob: Option<Vec<u8>>,
    ) -> Result<(), Broken> {
        self.check("insert")?;
        self.inner.insert(record, key, prf_seed, cred_blob).unwrap();
        Ok(())
    }

    fn sign(&self, id: &CredentialId, message: &[u8]) -> Result<Vec<u8>, Broken> {
        self.check("sign")?;
        Ok(self.inner.sign(id, message).unwrap())
    }

    fn prf(&self, id: &CredentialId, salt: &[u8; 32]) -> Result<PrfOutput, Broken> {
        self.check("prf")?;
        Ok(self.inner.prf(id, salt).unwrap())
    }
}

#[test]
fn the_stores_own_error_comes_through() {
    for fails in ["find", "insert", "sign", "prf", "nothing"] {
        let mut store = Faulty {
            inner: MemoryStore::new(portable()),
            fails: "nothing",
        };
        let mut engine = Authenticator::new(&mut store, settings(), portable());
        engine.make_credential(&make(b"alice"), None::<NoUv>, 1).unwrap();
        store.fails = fails;

        let mut engine = Authenticator::new(&mut store, settings(), portable());
        let make_result = engine.make_credential(&make(b"bob"), None::<NoUv>, 1).map(drop);
        let mut request = get(&[]);
        request.extensions = with_prf(&PrfInput {
            eval: Some(salts(1, None)),
            eval_by_credential: vec![],
        });
        let get_result = engine.get_assertion(&request, Some(Verified)).map(drop);

        for (result, calls) in [
            (make_result, ["find", "insert", ""]),
            (get_result, ["find", "sign", "prf"]),
        ] {
            match result {
                Err(Error::Store(Broken(call))) => assert_eq!(call, fails),
                Ok(()) => assert!(!calls.contains(&fails), "{fails} was not called"),
                Err(other) => panic!("{other}"),
            }
        }
    }
}
