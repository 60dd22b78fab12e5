//! getInfo never lies: what it tells works, and what it does not tell does not.

use claviger_ctap::authenticator::device::{BuiltInUv, Numbers, command};
use claviger_ctap::authenticator_data::AuthenticatorData;
use claviger_ctap::cbor::{Map, Value};
use claviger_ctap::client_pin::{Permissions, Request, SubCommand};
use claviger_ctap::crypto::Algorithm;
use claviger_ctap::large_blobs::Request as Blobs;
use claviger_ctap::pin_protocol::PinUvAuthProtocol;
use claviger_ctap::status::Status;
use proptest::prelude::*;

use crate::bed::{Key, RP, get, id_of, make, world};
use crate::config::min_pin;
use crate::extensions::{hmac_input, with};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_get_info_tells_works_and_what_it_does_not_tell_does_not(
        pin: bool,
        uv in prop_oneof![Just(BuiltInUv::None), Just(BuiltInUv::NotConfigured), Just(BuiltInUv::Configured)],
        max_message_bytes in 1100_usize..=7609,
        max_credentials in 2_usize..6,
        min_pin_length in 4_u8..12,
    ) {
        let mut world = world();
        world.uv = uv;
        let numbers = Numbers { max_message_bytes, max_credentials, min_pin_length, max_name_bytes: 64, ..Numbers::default() };
        let mut key = Key::with(world, numbers);
        let pin_text = "1".repeat(min_pin_length.into());
        if pin {
            key.set_pin(&pin_text).unwrap();
        }
        check(&mut key, &pin_text);
    }
}

fn check(key: &mut Key, pin: &str) {
    let info = key.info();
    let told = |option: &str| info.options.get(option).copied();
    assert!(!info.versions.iter().any(|version| version == "FIDO_2_2"));

    // U2F_V2: with ES256 and without alwaysUv.
    assert!(info.versions.iter().any(|version| version == "U2F_V2"));
    assert_eq!(key.device.process_u2f(&[0, 3, 0, 0]), b"U2F_V2\x90\x00");

    // minPINLength and clientPin.
    let min = usize::try_from(info.min_pin_length.unwrap()).unwrap();
    match told("clientPin") {
        Some(true) => assert_eq!(key.set_pin(pin), Err(Status::PinAuthInvalid)),
        Some(false) => {
            let short = "1".repeat(min - 1);
            assert_eq!(key.set_pin(&short), Err(Status::PinPolicyViolation));
            assert!(key.old_token(pin).is_err());
            key.set_pin(&"1".repeat(min)).unwrap();
        }
        None => panic!("clientPIN is always there"),
    }

    // pinUvAuthProtocols, pinUvAuthToken.
    assert_eq!(told("pinUvAuthToken"), Some(true));
    for number in &info.pin_uv_auth_protocols {
        key.protocol = PinUvAuthProtocol::from_number(*number).unwrap();
        key.token(pin, Permissions::GET_ASSERTION, Some(RP)).unwrap();
    }

    // uv.
    let by_finger = key.token_by_uv(Permissions::MAKE_CREDENTIAL, Some(RP)).map(drop);
    let retries = key.pin(&Request::new(SubCommand::GetUvRetries)).map(drop);
    let mut request = make(b"uv");
    (request.options.rk, request.options.uv) = (false, true);
    match told("uv") {
        Some(true) => {
            assert_eq!((by_finger, retries), (Ok(()), Ok(())));
            key.make(&request).unwrap();
        }
        other => {
            let refused = other.map_or(Status::InvalidSubcommand, |_| Status::NotAllowed);
            assert_eq!(by_finger, Err(refused));
            assert_eq!(retries.is_ok(), other.is_some());
            assert_eq!(key.make(&request).err(), Some(Status::InvalidOption));
        }
    }
    key.call(command::RESET, &[]).unwrap();
    key.set_pin(pin).unwrap();

    // makeCredUvNotRqd, algorithms, and room for as many as there are said to be.
    assert_eq!(told("makeCredUvNotRqd"), Some(true));
    let room = info.remaining_discoverable_credentials.unwrap();
    let mut ids = Vec::new();
    for n in 0..room {
        let algorithm = info.algorithms[usize::try_from(n).unwrap() % info.algorithms.len()];
        assert!(Algorithm::from_cose(algorithm).is_some());
        let mut request = make(&[u8::try_from(n).unwrap() + 1]);
        request.algorithms = vec![algorithm];
        // rk: with the PIN.
        assert_eq!(told("rk"), Some(true));
        request.options.rk = n % 2 == 1;
        if request.options.rk {
            key.token(pin, Permissions::MAKE_CREDENTIAL, Some(RP))
                .unwrap()
                .sign_make(&mut request);
        }
        // attestationFormats.
        request
            .attestation_formats_preference
            .clone_from(&info.attestation_formats);
        let response = key.make(&request).unwrap();
        assert_eq!(Some(&response.fmt), info.attestation_formats.first());
        ids.push(id_of(&response));
        assert!(ids.last().unwrap().as_bytes().len() as u64 <= info.max_credential_id_length.unwrap());
    }
    let mut one_more = make(b"one more");
    one_more.options.rk = false;
    assert_eq!(key.make(&one_more).err(), Some(Status::KeyStoreFull));
    assert_eq!(key.info().remaining_discoverable_credentials, Some(0));

    // maxCredentialCountInList, up.
    let longest = usize::try_from(info.max_credential_count_in_list.unwrap()).unwrap();
    key.get(&get(&vec![&ids[0]; longest])).unwrap();
    let too_long = key.get(&get(&vec![&ids[0]; longest + 1]));
    assert_eq!(too_long.err(), Some(Status::LimitExceeded));

    // maxMsgSize: the longest message is read, a longer one is not.
    let longest = usize::try_from(info.max_msg_size.unwrap()).unwrap();
    let mut message = vec![0; longest];
    message[0] = command::CLIENT_PIN;
    assert_ne!(key.raw(&message), Err(Status::RequestTooLarge));
    message.push(0);
    assert_eq!(key.raw(&message), Err(Status::RequestTooLarge));

    // credMgmt.
    assert_eq!(told("credMgmt"), Some(true));
    key.token(pin, Permissions::CREDENTIAL_MANAGEMENT, None).unwrap();

    // What is not told.
    for absent in ["bioEnroll", "ep", "userVerificationMgmtPreview"] {
        assert_eq!(told(absent), None);
    }
    for code in [0x09, 0x40, 0x41] {
        assert_eq!(key.call(code, &[0xa0]).err(), Some(Status::InvalidCommand));
    }
    let refused = key.token(pin, Permissions::BIO_ENROLLMENT, None).err();
    assert_eq!(refused, Some(Status::UnauthorizedPermission));
    check_the_rest(key, pin);
}

/// The extensions, large blobs and authenticatorConfig.
fn check_the_rest(key: &mut Key, pin: &str) {
    key.call(command::RESET, &[]).unwrap();
    key.set_pin(pin).unwrap();
    let info = key.info();
    let told = |option: &str| info.options.get(option).copied();

    // Each extension gives an output; maxCredBlobLength.
    for name in &info.extensions {
        key.call(command::RESET, &[]).unwrap();
        key.set_pin(pin).unwrap();
        let (input, _) = hmac_input(key, &[1; 32]);
        let longest = usize::try_from(info.max_cred_blob_length.unwrap()).unwrap();
        let value = match name.as_str() {
            "credBlob" => Value::from(vec![1; longest]),
            "credProtect" => Value::from(2),
            "hmac-secret-mc" => Value::from(input),
            "minPinLength" => {
                min_pin(key, Some(pin), |p| p.rp_ids = Some(vec![RP.to_owned()])).unwrap();
                Value::from(true)
            }
            _ => Value::from(true),
        };
        let mut request = with(Map::new().with(name.as_str(), value));
        if name == "hmac-secret-mc" {
            request.extensions.insert("hmac-secret", true);
        }
        let token = key.token(pin, Permissions::MAKE_CREDENTIAL, Some(RP)).unwrap();
        token.sign_make(&mut request);
        let response = key.make(&request).unwrap();
        let outputs = AuthenticatorData::parse(&response.auth_data).unwrap().extensions;
        let output = outputs.as_ref().and_then(|outputs| outputs.text(name));
        match name.as_str() {
            "largeBlobKey" => assert!(response.large_blob_key.is_some()),
            "minPinLength" => assert_eq!(output.unwrap().as_unsigned(), info.min_pin_length),
            "credBlob" => assert_eq!(output.unwrap().as_bool(), Some(true)),
            _ => assert!(output.is_some(), "{name}"),
        }
    }

    // largeBlobs, maxSerializedLargeBlobArray.
    assert_eq!(told("largeBlobs"), Some(true));
    let longest = info.max_serialized_large_blob_array.unwrap();
    for (length, room) in [(longest, true), (longest + 1, false)] {
        let mut request = Blobs::set(vec![0; 100], 0);
        request.length = Some(length);
        let token = key.token(pin, Permissions::LARGE_BLOB_WRITE, None).unwrap();
        token.sign_blobs(&mut request);
        let expected = if room {
            Ok(Vec::new())
        } else {
            Err(Status::LargeBlobStorageFull)
        };
        assert_eq!(key.blobs(&request), expected);
    }

    // authnrCfg, setMinPINLength, maxRPIDsForSetMinPINLength.
    assert_eq!((told("authnrCfg"), told("setMinPINLength")), (Some(true), Some(true)));
    let most = usize::try_from(info.max_rp_ids_for_set_min_pin_length.unwrap()).unwrap();
    min_pin(key, Some(pin), |p| p.rp_ids = Some(vec![RP.to_owned(); most])).unwrap();
    let too_many = min_pin(key, Some(pin), |p| p.rp_ids = Some(vec![RP.to_owned(); most + 1]));
    assert_eq!(too_many, Err(Status::KeyStoreFull));

    // alwaysUv, forcePINChange.
    assert_eq!(told("alwaysUv"), Some(false));
    assert_eq!(info.force_pin_change, Some(false));
}
