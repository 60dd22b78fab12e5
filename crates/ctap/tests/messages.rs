//! CTAP messages and authenticator data on the wire: known bytes, strictness where it matters, tolerance where the
//! specification asks for it, and random input.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use claviger_ctap::authenticator_data::{AttestedCredential, AuthenticatorData, Flags};
use claviger_ctap::cbor::{CborError, Limits, Map, Value, decode};
use claviger_ctap::crypto::{Algorithm, PrivateKey};
use claviger_ctap::prf::PrfInput;
use claviger_ctap::status::Status;
use claviger_ctap::types::{Aaguid, CredentialDescriptor, CredentialId, RpEntity, UserEntity, UserId};
use claviger_ctap::{MessageError, get_assertion, get_info, make_credential};
use proptest::prelude::*;

fn id(bytes: &[u8]) -> CredentialId {
    CredentialId::new(bytes).unwrap()
}

fn make() -> make_credential::Request {
    let rp = RpEntity {
        id: "a.com".to_owned(),
        name: None,
    };
    let user = UserEntity {
        id: UserId::new([7]).unwrap(),
        name: Some("n".to_owned()),
        display_name: None,
    };
    make_credential::Request::new([1; 32], rp, user, vec![-7])
}

fn full_make() -> make_credential::Request {
    let mut request = make();
    request.rp.name = Some("A".to_owned());
    request.user.display_name = Some("N".to_owned());
    request.algorithms = vec![-8, -7, -257];
    request.exclude_list = vec![
        CredentialDescriptor::new(id(&[1])),
        CredentialDescriptor {
            id: id(&[2; 1023]),
            transports: vec!["usb".to_owned(), "new".to_owned()],
        },
    ];
    request.extensions = Map::new().with("prf", Map::new());
    request.options = make_credential::Options {
        rk: true,
        up: false,
        uv: true,
    };
    request.pin_uv_auth_param = Some(vec![1; 16]);
    request.pin_uv_auth_protocol = Some(2);
    request.enterprise_attestation = Some(1);
    request.attestation_formats_preference = vec!["packed".to_owned()];
    request
}

fn full_get() -> get_assertion::Request {
    let mut request = get_assertion::Request::new("a.com", [1; 32]);
    request.allow_list = full_make().exclude_list;
    request.extensions = Map::new().with("prf", Map::new());
    request.options = get_assertion::Options { up: false, uv: true };
    request.pin_uv_auth_param = Some(vec![1; 16]);
    request.pin_uv_auth_protocol = Some(2);
    request
}

fn map_of(bytes: &[u8]) -> Map {
    decode(bytes, &Limits::JOINT).unwrap().into_map().unwrap()
}

fn make_status(map: Map) -> Option<Status> {
    make_credential::Request::from_cbor(&Value::from(map).encode())
        .err()
        .map(|error| error.status())
}

fn get_status(map: Map) -> Option<Status> {
    get_assertion::Request::from_cbor(&Value::from(map).encode())
        .err()
        .map(|error| error.status())
}

#[test]
fn a_small_request_has_these_bytes() {
    let mut expected = vec![0xa4, 0x01, 0x58, 0x20];
    expected.extend_from_slice(&[1; 32]);
    expected.extend_from_slice(
        b"\x02\xa1\x62id\x65a.com\x03\xa2\x62id\x41\x07\x64name\x61n\x04\x81\xa2\x63alg\x26\x64type\x6apublic-key",
    );
    assert_eq!(make().to_cbor(), expected);

    let mut expected = b"\xa2\x01\x65a.com\x02\x58\x20".to_vec();
    expected.extend_from_slice(&[1; 32]);
    assert_eq!(get_assertion::Request::new("a.com", [1; 32]).to_cbor(), expected);
}

#[test]
fn messages_come_back_as_they_were() {
    for request in [make(), full_make()] {
        assert_eq!(
            make_credential::Request::from_cbor(&request.to_cbor()).unwrap(),
            request
        );
    }
    for request in [get_assertion::Request::new("a.com", [1; 32]), full_get()] {
        assert_eq!(get_assertion::Request::from_cbor(&request.to_cbor()).unwrap(), request);
    }

    let mut made = make_credential::Response::new("packed", vec![1, 2], Map::new().with("alg", -7));
    assert_eq!(make_credential::Response::from_cbor(&made.to_cbor()).unwrap(), made);
    made.enterprise_attestation = Some(true);
    made.unsigned_extension_outputs = Some(Map::new().with("prf", Map::new()));
    assert_eq!(make_credential::Response::from_cbor(&made.to_cbor()).unwrap(), made);

    let mut got = get_assertion::Response::new(CredentialDescriptor::new(id(&[1])), vec![1], vec![2]);
    assert_eq!(get_assertion::Response::from_cbor(&got.to_cbor()).unwrap(), got);
    got.user = Some(full_make().user);
    got.number_of_credentials = Some(2);
    got.user_selected = Some(true);
    got.unsigned_extension_outputs = Some(Map::new());
    assert_eq!(get_assertion::Response::from_cbor(&got.to_cbor()).unwrap(), got);

    let mut info = get_info::Response::new(vec!["FIDO_2_1".to_owned()], Aaguid([3; 16]));
    assert_eq!(get_info::Response::from_cbor(&info.to_cbor()).unwrap(), info);
    info.extensions = vec!["prf".to_owned()];
    info.options.insert("rk".to_owned(), true);
    info.max_msg_size = Some(1200);
    info.pin_uv_auth_protocols = vec![2, 1];
    info.max_credential_count_in_list = Some(8);
    info.max_credential_id_length = Some(128);
    info.transports = vec!["usb".to_owned()];
    info.algorithms = vec![-7];
    info.firmware_version = Some(5);
    info.attestation_formats = vec!["packed".to_owned()];
    assert_eq!(get_info::Response::from_cbor(&info.to_cbor()).unwrap(), info);
}

#[test]
fn unknown_members_are_ignored() {
    let extra = |bytes: &[u8]| Value::from(map_of(bytes).with(0x7f, "new").with("grease", Value::Null)).encode();
    assert_eq!(
        make_credential::Request::from_cbor(&extra(&full_make().to_cbor())).unwrap(),
        full_make()
    );
    assert_eq!(
        get_assertion::Request::from_cbor(&extra(&full_get().to_cbor())).unwrap(),
        full_get()
    );

    let options = Map::new().with("rk", true).with("new", true);
    let request = Value::from(map_of(&make().to_cbor()).with(0x07, options)).encode();
    assert!(make_credential::Request::from_cbor(&request).unwrap().options.rk);
}

#[test]
fn other_credential_types_are_skipped() {
    let other = Map::new().with("alg", -7).with("type", "other");
    let request = Value::from(map_of(&make().to_cbor()).with(0x04, vec![Value::from(other)])).encode();
    assert!(
        make_credential::Request::from_cbor(&request)
            .unwrap()
            .algorithms
            .is_empty()
    );
    let other = Map::new().with("id", vec![1_u8]).with("type", "other");
    let request = Value::from(map_of(&full_get().to_cbor()).with(0x03, vec![Value::from(other)])).encode();
    let request = get_assertion::Request::from_cbor(&request).unwrap();
    assert!(request.allow_list.is_empty() && request.unknown_types_only);
    assert_eq!(get_assertion::Request::from_cbor(&request.to_cbor()).unwrap(), request);
    for request in [full_get(), get_assertion::Request::new("a.com", [0; 32])] {
        let again = get_assertion::Request::from_cbor(&request.to_cbor()).unwrap();
        assert!(!again.unknown_types_only);
    }
}

#[test]
fn each_defect_has_its_status() {
    for key in 1..=4 {
        let mut map = map_of(&make().to_cbor());
        map.remove_int(key);
        assert_eq!(make_status(map.clone()), Some(Status::MissingParameter), "{key}");
        assert_eq!(
            make_status(map.with(key, true)),
            Some(Status::CborUnexpectedType),
            "{key}"
        );
    }
    for key in 1..=2 {
        let mut map = map_of(&full_get().to_cbor());
        map.remove_int(key);
        assert_eq!(get_status(map.clone()), Some(Status::MissingParameter), "{key}");
        assert_eq!(
            get_status(map.with(key, true)),
            Some(Status::CborUnexpectedType),
            "{key}"
        );
    }
    let make = || map_of(&make().to_cbor());
    for key in 5..=11 {
        assert_eq!(
            make_status(make().with(key, "text")),
            Some(Status::CborUnexpectedType),
            "{key}"
        );
    }
    let descriptor = |bytes: usize| Map::new().with("id", vec![1_u8; bytes]).with("type", "public-key");
    let list = |map: Map| vec![Value::from(map)];
    assert_eq!(
        make_status(make().with(1, vec![1_u8; 31])),
        Some(Status::InvalidParameter)
    );
    assert_eq!(make_status(make().with(2, Map::new())), Some(Status::MissingParameter));
    assert_eq!(
        make_status(make().with(3, Map::new().with("id", vec![0_u8; 65]))),
        Some(Status::InvalidParameter)
    );
    assert_eq!(
        make_status(make().with(3, Map::new().with("id", Vec::<u8>::new()))),
        Some(Status::InvalidParameter)
    );
    assert_eq!(
        make_status(make().with(4, list(Map::new().with("alg", -7)))),
        Some(Status::MissingParameter)
    );
    for length in [0, 1, 1023, 1024] {
        assert_eq!(make_status(make().with(5, list(descriptor(length)))), None, "{length}");
    }
    assert_eq!(
        make_status(make().with(7, Map::new().with("rk", 1))),
        Some(Status::CborUnexpectedType)
    );
    let get = map_of(&full_get().to_cbor());
    for rk in [true, false] {
        // Whoever carries out the command refuses it, when its turn comes.
        let request = Value::from(get.clone().with(5, Map::new().with("rk", rk))).encode();
        assert_eq!(get_assertion::Request::from_cbor(&request).unwrap().rk, Some(rk));
    }

    let status = |bytes: &[u8]| make_credential::Request::from_cbor(bytes).unwrap_err().status();
    assert_eq!(status(&[0xff]), Status::InvalidCbor);
    assert_eq!(status(&[0x80]), Status::CborUnexpectedType);
    assert_eq!(status(&vec![0; 70_000]), Status::LimitExceeded);
}

#[test]
fn a_security_keys_transport_is_narrower_than_the_joint() {
    let mut request = full_get();
    request.allow_list = (0..10).map(|n| CredentialDescriptor::new(id(&[n; 1000]))).collect();
    let bytes = request.to_cbor();
    assert_eq!(get_assertion::Request::from_cbor(&bytes).unwrap(), request);
    let narrow = get_assertion::Request::from_cbor_within(&bytes, &Limits::CTAP).unwrap_err();
    assert!(matches!(narrow, MessageError::Cbor(CborError::TooLong { .. })));
}

#[test]
fn the_attestation_object_has_text_keys_in_canonical_order() {
    let response = make_credential::Response::new("none", vec![1, 2], Map::new());
    assert_eq!(
        response.attestation_object(),
        b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x42\x01\x02"
    );
}

// Authenticator data

fn data() -> AuthenticatorData {
    let key = PrivateKey::from_secret(Algorithm::Es256, &[1; 32]).unwrap();
    AuthenticatorData {
        rp_id_hash: [9; 32],
        flags: Flags::UP | Flags::UV | Flags::BE | Flags::AT | Flags::ED,
        sign_count: 0x0102_0304,
        attested: Some(AttestedCredential {
            aaguid: Aaguid([2; 16]),
            id: id(&[3; 300]),
            public_key: key.public_key().clone(),
        }),
        extensions: Some(Map::new().with("credProtect", 2)),
    }
}

#[test]
fn authenticator_data_has_the_layout_of_webauthn() {
    let bytes = data().encode();
    assert_eq!(bytes[..32], [9; 32]);
    assert_eq!(bytes[32..37], [0xcd, 1, 2, 3, 4]);
    assert_eq!(bytes[37..53], [2; 16]);
    assert_eq!(bytes[53..55], [1, 44]);
    assert_eq!(bytes[55..355], [3; 300]);
    assert_eq!(
        bytes[355..],
        [
            data().attested.unwrap().public_key.cose_bytes(),
            b"\xa1\x6bcredProtect\x02".to_vec()
        ]
        .concat()
    );
    assert_eq!(AuthenticatorData::parse(&bytes), Ok(data()));

    let bare = AuthenticatorData {
        flags: Flags::UP,
        attested: None,
        extensions: None,
        ..data()
    };
    assert_eq!(bare.encode().len(), 37);
    assert_eq!(AuthenticatorData::parse(&bare.encode()), Ok(bare));
}

#[test]
fn authenticator_data_is_parsed_strictly() {
    let good = data().encode();
    for end in 0..good.len() {
        assert!(AuthenticatorData::parse(&good[..end]).is_err(), "cut at {end}");
    }
    assert!(AuthenticatorData::parse(&[good.as_slice(), &[0]].concat()).is_err());
    // Reserved bits; BS without BE; AT or ED cleared or set against the content.
    for flags in [0xcd | 0x02, 0xcd | 0x20, 0xd5, 0x4d, 0x8d, 0x0d] {
        let mut wrong = good.clone();
        wrong[32] = flags;
        assert!(AuthenticatorData::parse(&wrong).is_err(), "{flags:02x}");
    }
    let bare = AuthenticatorData {
        flags: Flags::UP,
        attested: None,
        extensions: None,
        ..data()
    }
    .encode();
    for flags in [0x41, 0x81] {
        let mut wrong = bare.clone();
        wrong[32] = flags;
        assert!(AuthenticatorData::parse(&wrong).is_err(), "{flags:02x}");
    }
    // An empty credential id.
    let key = data().attested.unwrap().public_key.cose_bytes();
    let mut wrong = [&good[..53], &[0, 0], key.as_slice()].concat();
    wrong[32] = 0x41;
    assert!(AuthenticatorData::parse(&wrong).is_err());
    // Extensions that are no map.
    let mut wrong = [bare.as_slice(), &[0x80]].concat();
    wrong[32] = 0x81;
    assert!(AuthenticatorData::parse(&wrong).is_err());
}

fn any_message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(make().to_cbor()),
        Just(full_make().to_cbor()),
        Just(full_get().to_cbor()),
        Just(data().encode()),
        Just(make_credential::Response::new("none", data().encode(), Map::new()).to_cbor()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_and_damaged_bytes_never_panic(
        message in any_message(),
        noise in prop::collection::vec(any::<u8>(), 0..80),
        at in any::<prop::sample::Index>(),
    ) {
        let at = at.index(message.len());
        let end = (at + noise.len()).min(message.len());
        let damaged = [&message[..at], &noise, &message[end..]].concat();
        for bytes in [&noise, &damaged] {
            let _ = make_credential::Request::from_cbor(bytes);
            let _ = make_credential::Response::from_cbor(bytes);
            let _ = get_assertion::Request::from_cbor(bytes);
            let _ = get_assertion::Response::from_cbor(bytes);
            let _ = get_info::Response::from_cbor(bytes);
            if let Ok(data) = AuthenticatorData::parse(bytes) {
                prop_assert_eq!(&data.encode(), bytes);
            }
            if let Ok(Value::Map(extensions)) = decode(bytes, &Limits::JOINT) {
                let _ = PrfInput::from_extensions(&extensions);
            }
        }
    }

    #[test]
    fn authenticator_data_encodes_what_it_parsed(
        rp_id_hash in any::<[u8; 32]>(),
        flags in any::<u8>(),
        sign_count in any::<u32>(),
        id in prop::collection::vec(any::<u8>(), 1..1024),
        attested in any::<bool>(),
        extended in any::<bool>(),
    ) {
        let Some(flags) = Flags::from_bits(flags & 0x1d) else { return Ok(()) };
        let data = AuthenticatorData {
            rp_id_hash,
            flags: flags.with_if(attested, Flags::AT).with_if(extended, Flags::ED),
            sign_count,
            attested: attested.then(|| AttestedCredential { id: CredentialId::new(id).unwrap(), ..data().attested.unwrap() }),
            extensions: extended.then(|| Map::new().with("x", 1)),
        };
        prop_assert_eq!(AuthenticatorData::parse(&data.encode()), Ok(data));
    }
}
