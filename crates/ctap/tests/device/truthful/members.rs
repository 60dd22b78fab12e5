//! Each member of the answer: limits hold to the last unit, lists work element by element.

use claviger_ctap::authenticator::device::{BuiltInUv, command};
use claviger_ctap::authenticator_config as config;
use claviger_ctap::cbor::Map;
use claviger_ctap::client_pin::Permissions;
use claviger_ctap::crypto::{Algorithm, portable};
use claviger_ctap::get_info::Response as Info;
use claviger_ctap::large_blobs::Request as Blobs;
use claviger_ctap::pin_protocol::PinUvAuthProtocol;
use claviger_ctap::status::Status;

use super::{Configuration, told};
use crate::bed::{HASH, Key, RP, get, id_of, make, settings};
use crate::config::min_pin;

fn number(value: Option<u64>) -> usize {
    usize::try_from(value.unwrap()).unwrap()
}

pub fn check(setup: &Configuration, info: &Info, map: &Map) {
    for (key, _) in map {
        match key.as_unsigned().unwrap() {
            // Checked elsewhere: versions, extensions, options.
            0x01 | 0x02 | 0x04 => {}
            0x03 => aaguid(setup, info),
            0x05 => message_size(setup, number(info.max_msg_size)),
            0x06 => protocols(setup, info),
            0x07 => lists(setup, number(info.max_credential_count_in_list)),
            // The length of ids is looked at with each that is made, in `room`.
            0x08 | 0x14 => room(setup, info),
            0x09 => assert_eq!(info.transports, settings().transports),
            0x0a => algorithms(setup, info),
            0x0b => large_blobs(setup, info.max_serialized_large_blob_array.unwrap()),
            0x0c => assert_eq!(info.force_pin_change, Some(false)),
            0x0d | 0x1d => pin_lengths(setup, info),
            0x0e => assert_eq!(info.firmware_version, setup.description.firmware_version),
            0x0f => cred_blob(setup, number(info.max_cred_blob_length)),
            0x10 => rp_ids(setup, number(info.max_rp_ids_for_set_min_pin_length)),
            0x12 => assert!(info.uv_modality == setup.description.uv_modality && setup.uv != BuiltInUv::None),
            0x13 => assert_eq!(info.certifications, setup.description.certifications),
            0x16 => formats(setup, info),
            0x17 => uv_count(setup, info.uv_count_since_last_pin_entry.unwrap()),
            0x19 | 0x1e => identity(setup, info),
            0x1a => {
                assert_eq!(info.transports_for_reset, info.transports);
                setup.key().call(command::RESET, &[]).unwrap();
            }
            0x1f => commands(setup, info),
            other => panic!("no check for the member {other:#04x}"),
        }
    }
}

fn aaguid(setup: &Configuration, info: &Info) {
    let mut key = setup.key_with_pin();
    let response = setup.make(&mut key, make(b"alice")).unwrap();
    let data = claviger_ctap::authenticator_data::AuthenticatorData::parse(&response.auth_data).unwrap();
    assert_eq!(data.attested.unwrap().aaguid, info.aaguid);
}

fn message_size(setup: &Configuration, longest: usize) {
    let mut key = setup.key();
    let mut message = vec![0; longest];
    message[0] = command::CLIENT_PIN;
    assert_ne!(key.raw(&message), Err(Status::RequestTooLarge));
    message.push(0);
    assert_eq!(key.raw(&message), Err(Status::RequestTooLarge));
}

fn protocols(setup: &Configuration, info: &Info) {
    for number in 0..5 {
        let mut key = setup.key_with_pin();
        let protocol = PinUvAuthProtocol::from_number(number);
        assert_eq!(protocol.is_some(), info.pin_uv_auth_protocols.contains(&number));
        if let Some(protocol) = protocol {
            key.protocol = protocol;
            setup.token(&mut key, Permissions::GET_ASSERTION);
        }
    }
}

fn lists(setup: &Configuration, longest: usize) {
    let mut key = setup.key_with_pin();
    let id = id_of(&setup.make(&mut key, make(b"alice")).unwrap());
    for (length, refused) in [(longest, None), (longest + 1, Some(Status::LimitExceeded))] {
        let mut request = get(&vec![&id; length]);
        request.options.up = false;
        assert_eq!(key.get(&request).err(), refused);
        let mut request = make(b"bobby");
        request.exclude_list = get(&vec![&id; length]).allow_list;
        let refused = refused.or(Some(Status::CredentialExcluded));
        assert_eq!(setup.make(&mut key, request).err(), refused);
    }
}

fn room(setup: &Configuration, info: &Info) {
    let mut key = setup.key_with_pin();
    let room = info.remaining_discoverable_credentials.unwrap();
    for n in 0..room {
        let mut request = make(&[u8::try_from(n).unwrap() + 1]);
        request.options.rk = n % 2 == 1;
        let id = id_of(&setup.make(&mut key, request).unwrap());
        assert!(id.as_bytes().len() <= number(info.max_credential_id_length));
        assert_eq!(key.info().remaining_discoverable_credentials, Some(room - n - 1));
    }
    let one_more = setup.make(&mut key, make(b"one more"));
    assert_eq!(one_more.err(), Some(Status::KeyStoreFull));
}

fn algorithms(setup: &Configuration, info: &Info) {
    let mut key = setup.key_with_pin();
    for id in -300..=0 {
        let mut request = make(b"alice");
        request.algorithms = vec![id];
        if !info.algorithms.contains(&id) {
            let refused = key.make(&request).err();
            assert_eq!(refused, Some(Status::UnsupportedAlgorithm), "{id}");
            continue;
        }
        let response = setup.make(&mut key, request).unwrap();
        let data = claviger_ctap::authenticator_data::AuthenticatorData::parse(&response.auth_data).unwrap();
        let public = data.attested.unwrap().public_key;
        assert_eq!(Some(public.algorithm()), Algorithm::from_cose(id));
        let mut request = get(&[]);
        setup.token(&mut key, Permissions::GET_ASSERTION).sign_get(&mut request);
        let response = key.get(&request).unwrap();
        let signed = [response.auth_data.as_slice(), &HASH].concat();
        portable().verify(&public, &signed, &response.signature).unwrap();
    }
}

fn large_blobs(setup: &Configuration, longest: u64) {
    let mut key = setup.key_with_pin();
    for (length, expected) in [
        (longest, Ok(Vec::new())),
        (longest + 1, Err(Status::LargeBlobStorageFull)),
    ] {
        let mut request = Blobs::set(vec![0; 100], 0);
        request.length = Some(length);
        setup
            .token(&mut key, Permissions::LARGE_BLOB_WRITE)
            .sign_blobs(&mut request);
        assert_eq!(key.blobs(&request), expected);
    }
}

fn pin_lengths(setup: &Configuration, info: &Info) {
    let (shortest, longest) = (number(info.min_pin_length), number(info.max_pin_length));
    assert_eq!(shortest, usize::from(setup.numbers.min_pin_length));
    let mut key = setup.key_with_pin();
    for (length, expected) in [
        (shortest - 1, Err(Status::PinPolicyViolation)),
        (longest + 1, Err(Status::PinPolicyViolation)),
        (shortest, Ok(())),
        (longest, Ok(())),
    ] {
        let old = if length == longest {
            "2".repeat(shortest)
        } else {
            setup.pin()
        };
        assert_eq!(key.change_pin(&old, &"2".repeat(length)), expected, "{length}");
    }
}

fn cred_blob(setup: &Configuration, longest: usize) {
    for (length, kept) in [(longest, true), (longest + 1, false)] {
        let mut request = make(b"alice");
        request.extensions = Map::new().with("credBlob", vec![1; length]);
        let response = setup.make(&mut setup.key_with_pin(), request).unwrap();
        let data = claviger_ctap::authenticator_data::AuthenticatorData::parse(&response.auth_data).unwrap();
        assert_eq!(data.extensions, Some(Map::new().with("credBlob", kept)));
    }
}

fn rp_ids(setup: &Configuration, most: usize) {
    for (count, expected) in [(most, Ok(())), (most + 1, Err(Status::KeyStoreFull))] {
        let mut key = setup.key_with_pin();
        let result = min_pin(&mut key, Some(&setup.pin()), |p| {
            p.rp_ids = Some(vec![RP.to_owned(); count]);
        });
        assert_eq!(result, expected);
    }
}

fn formats(setup: &Configuration, info: &Info) {
    for format in &info.attestation_formats {
        let mut request = make(b"alice");
        request.attestation_formats_preference = vec!["unheard-of".to_owned(), format.clone()];
        let response = setup.make(&mut setup.key_with_pin(), request).unwrap();
        assert_eq!(response.fmt, *format);
    }
}

fn uv_count(setup: &Configuration, before: u64) {
    // Switching alwaysUv on may have taken one.
    assert!(before <= 1 && setup.uv != BuiltInUv::None);
    if setup.uv == BuiltInUv::Configured {
        let mut key: Key = setup.key_with_pin();
        let count = |key: &mut Key| key.info().uv_count_since_last_pin_entry.unwrap();
        let start = count(&mut key);
        key.token_by_uv(Permissions::GET_ASSERTION, Some(RP)).unwrap();
        assert_eq!(count(&mut key), start + 1);
        setup.token(&mut key, Permissions::GET_ASSERTION);
        assert_eq!(count(&mut key), 0);
    }
}

fn identity(setup: &Configuration, info: &Info) {
    let mut key = setup.key();
    let (first, second) = (told(&mut key).0, told(&mut key).0);
    assert_ne!(first.enc_identifier, second.enc_identifier);
    assert_ne!(first.enc_cred_store_state, second.enc_cred_store_state);
    for value in [&info.enc_identifier, &info.enc_cred_store_state] {
        assert_eq!(value.as_ref().unwrap().len(), 32);
    }
}

fn commands(setup: &Configuration, info: &Info) {
    for number in [0, 1, 2, 3, 4, 5, 0x40, 0xff] {
        let mut key = setup.key_with_pin();
        let mut request = config::Request::new(config::SubCommand::SetMinPinLength);
        request.sub_command = number;
        setup
            .token(&mut key, Permissions::AUTHENTICATOR_CONFIGURATION)
            .sign_config(&mut request);
        let offered = info.authenticator_config_commands.contains(&number);
        assert_eq!(key.config(&request).is_ok(), offered, "{number}");
    }
}
