//! Each option, true, false or absent.

use claviger_ctap::authenticator::device::{BuiltInUv, command};
use claviger_ctap::authenticator_config as config;
use claviger_ctap::cbor::{Map, Value};
use claviger_ctap::client_pin::{Permissions, Request, SubCommand};
use claviger_ctap::credential_management as management;
use claviger_ctap::get_info::Response as Info;
use claviger_ctap::large_blobs::Request as Blobs;
use claviger_ctap::status::Status;

use super::Configuration;
use crate::bed::{Key, RP, Reply, get, id_of, make};
use crate::config::min_pin;

pub fn check(setup: &Configuration, info: &Info) {
    for (name, value) in &info.options {
        match (name.as_str(), *value) {
            ("rk", true) => discoverable(setup),
            ("up", true) => presence(setup),
            ("plat", false) => assert!(info.transports.iter().all(|t| t != "nowhere")),
            ("clientPin", set) => client_pin(setup, set),
            ("uv", configured) => built_in(setup, configured),
            ("uvAcfg", true) => configured_by_uv(setup),
            ("pinUvAuthToken", true) => {
                setup.token(&mut setup.key_with_pin(), Permissions::GET_ASSERTION);
            }
            ("credMgmt", true) => manages(setup, Permissions::CREDENTIAL_MANAGEMENT).unwrap(),
            ("credentialMgmtPreview", true) => {
                let begin = management::Request::new(management::SubCommand::EnumerateRpsGetNextRp).to_cbor();
                let answer = setup.key().call(command::CREDENTIAL_MANAGEMENT_PROTOTYPE, &begin);
                assert_eq!(answer, Err(Status::NotAllowed));
            }
            ("perCredMgmtRO", true) => {
                manages(setup, Permissions::PERSISTENT_CREDENTIAL_MANAGEMENT_READ_ONLY).unwrap();
            }
            ("largeBlobs", true) => drop(setup.key().blobs(&Blobs::get(17, 0)).unwrap()),
            ("authnrCfg", true) => assert!(!info.authenticator_config_commands.is_empty()),
            ("ep", enabled) => enterprise(setup, Some(enabled)),
            ("setMinPINLength", true) => {
                let longer = u64::from(setup.numbers.min_pin_length) + 1;
                let mut key = setup.key_with_pin();
                min_pin(&mut key, Some(&setup.pin()), |p| p.new_min_pin_length = Some(longer)).unwrap();
                assert_eq!(key.info().min_pin_length, Some(longer));
            }
            ("alwaysUv", on) => always_uv(setup, on),
            ("makeCredUvNotRqd", not_required) => unverified(setup, not_required),
            (other, value) => panic!("no check for the option {other}: {value}"),
        }
    }
    if !info.options.contains_key("uv") {
        assert!(setup.key().pin(&Request::new(SubCommand::GetUvRetries)).is_err());
        let refused = setup.key().token_by_uv(Permissions::GET_ASSERTION, Some(RP)).err();
        assert_eq!(refused, Some(Status::InvalidSubcommand));
        assert!(!info.options.contains_key("uvAcfg"));
    }
    if !info.options.contains_key("ep") {
        enterprise(setup, None);
    }
}

fn discoverable(setup: &Configuration) {
    let mut key = setup.key_with_pin();
    let id = id_of(&setup.make(&mut key, make(b"alice")).unwrap());
    let mut request = get(&[]);
    setup.token(&mut key, Permissions::GET_ASSERTION).sign_get(&mut request);
    assert_eq!(key.get(&request).unwrap().credential.id, id);
}

fn presence(setup: &Configuration) {
    let mut key = setup.key_with_pin();
    setup.make(&mut key, make(b"alice")).unwrap();
    assert!(key.world().asked.iter().any(|asked| asked.starts_with("touch")));
}

fn client_pin(setup: &Configuration, set: bool) {
    let mut key = setup.key();
    if set {
        assert_eq!(key.set_pin(&setup.pin()), Err(Status::PinAuthInvalid));
        key.old_token(&setup.pin()).unwrap();
    } else {
        assert_eq!(key.old_token(&setup.pin()).err(), Some(Status::PinNotSet));
        key.set_pin(&setup.pin()).unwrap();
    }
}

fn built_in(setup: &Configuration, configured: bool) {
    assert_eq!(setup.uv == BuiltInUv::Configured, configured);
    let mut key = setup.key();
    key.pin(&Request::new(SubCommand::GetUvRetries)).unwrap();
    let token = key.token_by_uv(Permissions::MAKE_CREDENTIAL, Some(RP)).map(drop);
    let mut request = make(b"alice");
    request.options.uv = true;
    let made = key.make(&request).map(drop);
    if configured {
        assert_eq!((token, made), (Ok(()), Ok(())));
    } else {
        assert_eq!((token, made), (Err(Status::NotAllowed), Err(Status::InvalidOption)));
    }
}

fn configured_by_uv(setup: &Configuration) {
    let token = setup.key().token_by_uv(Permissions::AUTHENTICATOR_CONFIGURATION, None);
    let refused = (setup.uv == BuiltInUv::NotConfigured).then_some(Status::NotAllowed);
    assert_eq!(token.err(), refused);
}

fn manages(setup: &Configuration, permission: Permissions) -> Reply<()> {
    let mut key = setup.key_with_pin();
    let token = setup.token(&mut key, permission);
    let mut request = management::Request::new(management::SubCommand::GetCredsMetadata);
    token.sign_manage(&mut request);
    key.manage(&request).map(drop)
}

fn enterprise(setup: &Configuration, enabled: Option<bool>) {
    let mut key = setup.key_with_pin();
    let mut request = make(b"alice");
    request.enterprise_attestation = Some(1);
    let refused = (enabled != Some(true)).then_some(Status::InvalidParameter);
    assert_eq!(setup.make(&mut key, request.clone()).err(), refused);
    let mut enable = config::Request::new(config::SubCommand::EnableEnterpriseAttestation);
    setup
        .token(&mut key, Permissions::AUTHENTICATOR_CONFIGURATION)
        .sign_config(&mut enable);
    if enabled.is_none() {
        assert_eq!(key.config(&enable), Err(Status::InvalidParameter));
        return;
    }
    key.config(&enable).unwrap();
    setup.make(&mut key, request).unwrap();
    key.call(command::RESET, &[]).unwrap();
    assert_eq!(key.info().options.get("ep"), Some(&false));
}

fn always_uv(setup: &Configuration, on: bool) {
    let mut key = setup.key_with_pin();
    let id = id_of(&setup.make(&mut key, make(b"alice")).unwrap());
    let answer = key.get(&get(&[&id]));
    let verifies = setup.uv == BuiltInUv::Configured;
    assert_eq!(answer.err(), (on && !verifies).then_some(Status::PuatRequired));
}

fn unverified(setup: &Configuration, not_required: bool) {
    assert_eq!(
        not_required,
        !setup.always_uv && (setup.unverified_creation || !setup.pin)
    );
    let mut request = make(b"alice");
    request.options.rk = false;
    let mut key: Key = setup.key_with_pin();
    // The PIN may be what makes it required.
    let not_required = key.info().options["makeCredUvNotRqd"];
    let result = key.make(&request).map(drop);
    // With alwaysUv the device uses its verifier unasked.
    let verifies = setup.always_uv && setup.uv == BuiltInUv::Configured;
    let expected = if not_required || verifies {
        Ok(())
    } else {
        Err(Status::PuatRequired)
    };
    assert_eq!(result, expected);
    // An option that nobody has defined changes nothing.
    let unknown = Map::new().with("rk2", true);
    let mut edited = claviger_ctap::cbor::decode(&request.to_cbor(), &claviger_ctap::cbor::Limits::CTAP)
        .unwrap()
        .into_map()
        .unwrap();
    edited.insert(7, unknown);
    let again = key.call(command::MAKE_CREDENTIAL, &Value::from(edited).encode());
    assert_eq!(again.map(drop), expected);
}
