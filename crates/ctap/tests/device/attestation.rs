//! Attestation by keys that the deployment supplies: for all devices of a model, and for one device of an enterprise.

use std::sync::Arc;

use claviger_ctap::authenticator::device::{Device, Numbers};
use claviger_ctap::authenticator::{Attestation, Attester, Enterprise, NoUv, Settings};
use claviger_ctap::authenticator_config as config;
use claviger_ctap::cbor::Value;
use claviger_ctap::client_pin::Permissions;
use claviger_ctap::crypto::{Algorithm, PrivateKey, portable};
use claviger_ctap::make_credential::Response;
use claviger_ctap::status::Status;
use claviger_ctap::types::Aaguid;

use crate::bed::{HASH, Key, PIN, RP, make, make_at, settings, world};
use crate::certificates::{AUTHORITY, CRITICAL_AAGUID, GOOD, KEY, NO_AAGUID, OTHER_UNIT, ROOT, bytes};

fn key() -> PrivateKey {
    PrivateKey::from_pkcs8_der(&bytes(KEY), None).unwrap()
}

fn attester() -> Arc<Attester> {
    Arc::new(Attester::new(key(), vec![bytes(GOOD), bytes(ROOT)], settings().aaguid).unwrap())
}

fn certified() -> Settings {
    Settings {
        attestation: Attestation::Certified(attester()),
        ..settings()
    }
}

/// Of both kinds, at one site by the vendor's list.
pub fn enterprise(rp_id: &str) -> Enterprise {
    Enterprise {
        attester: attester(),
        rp_ids: vec![rp_id.to_owned()],
        platform_managed: true,
    }
}

fn for_enterprise(platform_managed: bool) -> Settings {
    Settings {
        enterprise: Some(Enterprise {
            platform_managed,
            ..enterprise("corp.example")
        }),
        ..settings()
    }
}

fn device(settings: Settings) -> Key {
    Key {
        device: Device::new(world(), settings, Numbers::default()).unwrap(),
        protocol: claviger_ctap::pin_protocol::PinUvAuthProtocol::Two,
    }
}

/// The statement is packed, by the supplied key, with its certificates.
fn assert_certified(response: &Response) {
    assert_eq!(response.fmt, "packed");
    let statement = &response.att_stmt;
    assert_eq!(statement.len(), 3);
    assert_eq!(
        statement.text("alg").and_then(Value::as_int),
        Some(Algorithm::Es256.cose())
    );
    let chain = vec![Value::from(bytes(GOOD)), Value::from(bytes(ROOT))];
    assert_eq!(statement.text("x5c"), Some(&Value::from(chain)));
    let signed = [response.auth_data.as_slice(), &HASH].concat();
    let signature = statement.text("sig").and_then(Value::as_bytes).unwrap();
    assert_eq!(portable().verify(key().public_key(), &signed, signature), Ok(()));
}

#[test]
fn certificates_must_keep_the_rules_of_webauthn() {
    let made = |chain: &[&str], aaguid| {
        let chain = chain.iter().map(|digits| bytes(digits)).collect();
        Attester::new(key(), chain, aaguid)
            .map(drop)
            .map_err(|unfit| unfit.to_string())
    };
    let aaguid = settings().aaguid;
    assert_eq!(made(&[GOOD], aaguid), Ok(()));
    assert_eq!(made(&[GOOD, ROOT], aaguid), Ok(()));
    for (chain, aaguid, why) in [
        (&[][..], aaguid, "there is none"),
        (&[NO_AAGUID], aaguid, "has no id-fido-gen-ce-aaguid"),
        (&[CRITICAL_AAGUID], aaguid, "is critical"),
        (&[AUTHORITY], aaguid, "no certificate authority"),
        (&[OTHER_UNIT], aaguid, "unit is not"),
        (&[ROOT], aaguid, "unit is not"),
        (&[GOOD], Aaguid([1; 16]), "names another AAGUID"),
        (&[GOOD, GOOD], aaguid, "order of their issuers"),
        (&[GOOD, "3003020100"], aaguid, "not an X.509 certificate"),
    ] {
        let error = made(chain, aaguid).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    let other = PrivateKey::from_secret(Algorithm::Es256, &[1; 32]).unwrap();
    let error = Attester::new(other, vec![bytes(GOOD)], aaguid).map(drop).unwrap_err();
    assert!(error.to_string().contains("another key"), "{error}");
    assert_eq!(format!("{:?}", attester()), "Attester(Es256, 2 certificates)");
}

#[test]
fn damaged_certificates_are_refused_and_never_panic() {
    let good = bytes(GOOD);
    for end in 0..good.len() {
        assert!(Attester::new(key(), vec![good[..end].to_vec()], settings().aaguid).is_err());
    }
    for at in 0..good.len() {
        let mut wrong = good.clone();
        wrong[at] ^= 0x10;
        let _ = Attester::new(key(), vec![wrong], settings().aaguid);
    }
}

#[test]
fn a_supplied_key_attests_unless_none_is_preferred() {
    let mut key = device(certified());
    assert_eq!(key.info().attestation_formats, ["packed"]);
    for (preference, certified) in [
        (vec![], true),
        (vec!["tpm", "packed"], true),
        (vec!["none", "packed"], false),
    ] {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
            let mut request = make(b"alice");
            request.algorithms = vec![algorithm.cose()];
            request.attestation_formats_preference = preference.iter().map(|&format| format.to_owned()).collect();
            let response = key.make(&request).unwrap();
            assert_eq!(response.enterprise_attestation, None);
            if certified {
                assert_certified(&response);
            } else {
                assert_eq!((response.fmt.as_str(), response.att_stmt.is_empty()), ("none", true));
            }
        }
    }
}

#[test]
fn a_one_time_key_attests_unless_none_is_preferred_and_fits_the_message_that_is_announced() {
    let one_time = || Settings {
        attestation: Attestation::OneTimeUnlessNonePreferred,
        ..settings()
    };
    let mut key = device(one_time());
    assert_eq!(key.info().attestation_formats, ["packed"]);
    let mut statements = Vec::new();
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let mut request = make(b"alice");
        request.algorithms = vec![algorithm.cose()];
        let response = key.make(&request).unwrap();
        assert_eq!((response.fmt.as_str(), response.att_stmt.len()), ("packed", 3));
        assert_eq!(response.att_stmt.text("alg").and_then(Value::as_int), Some(-7));
        statements.push(response.att_stmt.text("x5c").cloned().unwrap());
        request.attestation_formats_preference = vec!["none".to_owned()];
        assert_eq!(key.make(&request).unwrap().fmt, "none");
    }
    assert_ne!(statements[0], statements[1]);
    let short = Numbers {
        max_message_bytes: 1400,
        ..Numbers::default()
    };
    assert!(Device::new(world(), one_time(), short).is_err());
}

#[test]
fn a_key_of_another_model_attests_nothing() {
    let mut key = device(Settings {
        aaguid: Aaguid([9; 16]),
        ..certified()
    });
    assert_eq!(key.make(&make(b"alice")).err(), Some(Status::Other));
}

#[test]
fn certificates_that_fit_no_message_are_refused_at_the_start() {
    let chain = std::iter::once(bytes(GOOD)).chain(vec![bytes(ROOT); 20]);
    // The root issued itself, so it may stand there any number of times.
    let attester = Attester::new(key(), chain.collect(), settings().aaguid).unwrap();
    let settings = Settings {
        attestation: Attestation::Certified(Arc::new(attester)),
        ..settings()
    };
    assert!(Device::new(world(), settings, Numbers::default()).is_err());
}

#[test]
fn enterprise_attestation_is_off_until_enabled_and_after_a_reset() {
    let mut key = device(for_enterprise(true));
    let mut request = make_at("corp.example", b"alice");
    request.enterprise_attestation = Some(1);
    assert!(!key.info().options["ep"]);
    assert_eq!(key.make(&request).err(), Some(Status::InvalidParameter));

    let enable = config::Request::new(config::SubCommand::EnableEnterpriseAttestation);
    key.config(&enable).unwrap();
    assert!(key.info().options["ep"]);
    let response = key.make(&request).unwrap();
    assert_eq!(response.enterprise_attestation, Some(true));
    assert_certified(&response);
    request.enterprise_attestation = Some(3);
    assert_eq!(key.make(&request).err(), Some(Status::InvalidOption));
    request.enterprise_attestation = None;
    let response = key.make(&request).unwrap();
    assert_eq!(
        (response.enterprise_attestation, response.att_stmt.text("x5c")),
        (None, None)
    );

    key.call(claviger_ctap::authenticator::device::command::RESET, &[])
        .unwrap();
    assert!(!key.info().options["ep"]);
}

#[test]
fn enabling_needs_the_permission_when_there_is_a_pin() {
    let mut key = device(for_enterprise(false));
    key.set_pin(PIN).unwrap();
    let mut enable = config::Request::new(config::SubCommand::EnableEnterpriseAttestation);
    assert_eq!(key.config(&enable), Err(Status::PuatRequired));
    let token = key.token(PIN, Permissions::AUTHENTICATOR_CONFIGURATION, None).unwrap();
    token.sign_config(&mut enable);
    key.config(&enable).unwrap();
    assert!(key.info().options["ep"]);
}

#[test]
fn who_gets_enterprise_attestation_depends_on_its_kind_and_the_list() {
    for (platform_managed, kind, rp_id, given) in [
        (false, 1, "corp.example", true),
        (false, 1, RP, false),
        (false, 2, "corp.example", true),
        (false, 2, RP, false),
        (true, 1, "corp.example", true),
        (true, 1, RP, false),
        (true, 2, RP, true),
    ] {
        let mut key = device(for_enterprise(platform_managed));
        key.config(&config::Request::new(config::SubCommand::EnableEnterpriseAttestation))
            .unwrap();
        let mut request = make_at(rp_id, b"alice");
        request.enterprise_attestation = Some(kind);
        let response = key.make(&request).unwrap();
        assert_eq!(
            response.enterprise_attestation,
            given.then_some(true),
            "{platform_managed} {kind} {rp_id}"
        );
        assert_eq!(response.att_stmt.text("x5c").is_some(), given);
        if given {
            assert_certified(&response);
        }
    }
}

#[test]
fn an_authenticator_of_a_platform_gives_what_its_settings_carry() {
    use claviger_ctap::authenticator::{Authenticator, MemoryStore};
    let mut engine = Authenticator::new(MemoryStore::new(portable()), for_enterprise(true), portable());
    assert!(engine.get_info().options["ep"]);
    let mut request = make(b"alice");
    request.enterprise_attestation = Some(2);
    let response = engine.make_credential(&request, None::<NoUv>, 0).unwrap();
    assert_eq!(response.enterprise_attestation, Some(true));
    assert_certified(&response);
    request.enterprise_attestation = Some(3);
    let refused = engine.make_credential(&request, None::<NoUv>, 0).unwrap_err();
    assert_eq!(refused.status(), Status::InvalidOption);
}
