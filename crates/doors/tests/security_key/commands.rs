//! getInfo, makeCredential, getAssertion, selection, and what the door does not have.

use claviger_ctap::authenticator::device::command;
use claviger_ctap::cbor::Map;
use claviger_ctap::client_pin::Permissions;
use claviger_ctap::crypto::{PublicKey, portable};
use claviger_ctap::get_info;
use claviger_ctap::make_credential;
use claviger_ctap::pin_protocol::{PinUvAuthProtocol, SharedSecret};
use claviger_ctap::status::Status;
use claviger_ctap::types::{CredentialDescriptor, CredentialId};
use claviger_ctap::{cbor, get_assertion};
use claviger_dev::ctap2::Ctap2 as _;
use claviger_doors::ctap::message::Info;
use proptest::prelude::*;

use super::client::{HASH, Key, PIN, SITE, get_request, make_request};
use super::stand_in::{Asked, MODEL, StandIn, TICKET};

const BOTH: [PinUvAuthProtocol; 2] = PinUvAuthProtocol::ALL;

/// A creation with built-in verification.
fn verified() -> make_credential::Request {
    let mut request = make_request();
    request.options.uv = true;
    request
}

fn descriptor(id: u8) -> CredentialDescriptor {
    CredentialDescriptor::new(CredentialId::new([id; 32]).unwrap())
}

#[test]
fn get_info_says_what_can_be_done_now() {
    let with_pin = Key::new(StandIn::new()).info();
    assert_eq!(with_pin.versions, ["FIDO_2_0", "FIDO_2_1"]);
    assert_eq!(with_pin.extensions, ["credProtect", "hmac-secret", "hmac-secret-mc"]);
    assert_eq!(with_pin.algorithms, [-7, -8]);
    assert_eq!(with_pin.transports, ["usb"]);
    let options = |info: &get_info::Response| info.options.clone().into_iter().collect::<Vec<_>>();
    let always = ["credMgmt", "pinUvAuthToken", "rk", "up"];
    for name in always {
        assert_eq!(with_pin.options.get(name), Some(&true), "{name}");
    }
    assert_eq!(with_pin.options.get("uv"), Some(&true));
    assert_eq!(with_pin.options.get("clientPin"), Some(&true));
    assert_eq!(with_pin.options.get("makeCredUvNotRqd"), Some(&false));
    assert_eq!(
        options(&with_pin).len(),
        always.len() + 3,
        "nothing else, `plat` least of all"
    );

    let without_pin = Key::new(StandIn::without_pin()).info();
    assert_eq!(without_pin.options.get("uv"), Some(&false));
    assert_eq!(
        without_pin.options.get("clientPin"),
        None,
        "false would offer to set one"
    );
    assert_eq!(without_pin.options.get("makeCredUvNotRqd"), Some(&true));
}

#[test]
fn what_the_door_does_not_have_gets_the_status_that_says_so() {
    for (message, status) in [
        (&[][..], Status::InvalidLength),
        (&[command::RESET], Status::OperationDenied),
        (&[command::GET_NEXT_ASSERTION], Status::NotAllowed),
        (&[command::LARGE_BLOBS, 0xa0], Status::InvalidCommand),
        (&[command::CONFIG, 0xa0], Status::InvalidCommand),
        (&[0x09, 0xa0], Status::InvalidCommand),
        (&[0x42], Status::InvalidCommand),
        (&[0xff], Status::InvalidCommand),
        (&[command::GET_INFO, 0xa0], Status::InvalidLength),
        (&[command::SELECTION, 0xa0], Status::InvalidLength),
        (&[command::RESET, 0xa0], Status::InvalidLength),
        (&[command::MAKE_CREDENTIAL], Status::InvalidCbor),
        (&[command::MAKE_CREDENTIAL, 0xa0], Status::MissingParameter),
        (&[command::GET_ASSERTION, 0x80], Status::CborUnexpectedType),
        (
            &[command::CLIENT_PIN, 0xa1, 0x02, 0x18, 0x63],
            Status::InvalidSubcommand,
        ),
        (
            &[command::CREDENTIAL_MANAGEMENT, 0xa1, 0x01, 0x18, 0x63],
            Status::InvalidSubcommand,
        ),
    ] {
        let mut key = Key::new(StandIn::new());
        let answer = match message {
            [] => continue_with_nothing(&mut key),
            [code, parameters @ ..] => key.cbor(*code, parameters),
        };
        assert_eq!(answer, Err(status), "{message:02x?}");
        assert_eq!(key.platform.asked(), [], "{message:02x?}");
        assert!(key.cbor(command::GET_INFO, &[]).is_ok(), "the next good one works");
    }
}

fn continue_with_nothing(key: &mut Key) -> Result<Vec<u8>, Status> {
    use futures_util::FutureExt as _;
    let mut authenticator = claviger_doors::hid::authenticator::DoorAuthenticator::new(portable()).unwrap();
    let answer = authenticator.process(&key.platform, 1, &[]).now_or_never().unwrap();
    Err(Status::from_code(answer[0]).unwrap())
}

#[test]
fn selection_is_one_screen() {
    let mut key = Key::new(StandIn::new());
    assert_eq!(key.cbor(command::SELECTION, &[]), Ok(Vec::new()));
    assert_eq!(key.platform.asked(), [Asked::Select]);
    for status in [
        Status::OperationDenied,
        Status::UserActionTimeout,
        Status::KeepaliveCancel,
    ] {
        key.platform.refuses.set(Some(status));
        assert_eq!(key.cbor(command::SELECTION, &[]), Err(status));
    }
}

#[test]
fn a_browser_s_dummy_credential_is_a_selection_and_never_made() {
    let empty = |mut request: make_credential::Request| {
        request.pin_uv_auth_param = Some(Vec::new());
        request.pin_uv_auth_protocol = Some(1);
        request
    };
    let blink = || {
        let mut request = make_request();
        request.rp.id = "make.me.blink".to_owned();
        request
    };
    for (platform, status) in [
        (StandIn::new as fn() -> StandIn, Status::PinInvalid),
        (StandIn::without_pin, Status::PinNotSet),
    ] {
        for request in [blink(), empty(blink()), empty(make_request())] {
            let mut key = Key::new(platform());
            assert_eq!(key.make(&request), Err(status));
            assert_eq!(key.platform.asked(), [Asked::Select]);
            key.platform.refuses.set(Some(Status::OperationDenied));
            assert_eq!(key.make(&request), Err(Status::OperationDenied));
        }
        let mut key = Key::new(platform());
        let mut request = get_request();
        request.pin_uv_auth_param = Some(Vec::new());
        assert_eq!(key.get(&request), Err(status));
        assert_eq!(key.platform.asked(), [Asked::Select]);
    }
}

/// A platform whose PIN programs cannot ask for.
fn without_client_pin() -> StandIn {
    let platform = StandIn::new();
    let info = platform.info.get();
    platform.info.set(Info {
        client_pin: false,
        ..info
    });
    platform
}

#[test]
fn a_program_that_could_ask_for_the_pin_creates_nothing_without_verification() {
    // What `systemd-cryptenroll`, `pamu2fcfg` and `ssh-keygen` ask for at first: they ask for the PIN then.
    let mut key = Key::new(StandIn::new());
    assert_eq!(key.make(&make_request()), Err(Status::PuatRequired));
    assert_eq!(key.platform.asked(), [], "nobody is bothered");
    let token = key
        .pin_token(PinUvAuthProtocol::Two, PIN, Permissions::MAKE_CREDENTIAL, Some(SITE))
        .unwrap();
    assert!(key.make(&token.sign_make(make_request())).is_ok());
}

#[test]
fn where_no_program_can_ask_for_the_pin_a_credential_without_verification_asks_for_consent_only() {
    for platform in [StandIn::without_pin, without_client_pin] {
        let mut key = Key::new(platform());
        let mut request = make_request();
        request.exclude_list = vec![descriptor(3)];
        let response = key.make(&request).unwrap();
        assert_eq!(
            response.unsigned_extension_outputs, None,
            "only what every client takes"
        );
        assert_eq!(key.platform.asked(), [Asked::Make(Box::new(request), None)]);
    }
    let mut key = Key::new(without_client_pin());
    let mut request = make_request();
    request.options.rk = true;
    assert_eq!(key.make(&request), Err(Status::PuatRequired));
}

#[test]
fn built_in_verification_is_asked_of_the_ceremony() {
    let mut key = Key::new(StandIn::new());
    let mut request = make_request();
    request.options.uv = true;
    request.options.rk = true;
    key.make(&request).unwrap();
    assert_eq!(key.platform.asked(), [Asked::Make(Box::new(request), None)]);
    let mut request = get_request();
    request.options.uv = true;
    key.get(&request).unwrap();
    assert_eq!(key.platform.asked(), [Asked::Get(Box::new(request), None)]);
}

#[test]
fn what_a_token_using_uv_is_used_for_verifies_the_user() {
    for protocol in BOTH {
        let mut key = Key::new(StandIn::new());
        let token = key
            .uv_token(protocol, Permissions::MAKE_CREDENTIAL, Some(SITE))
            .unwrap();
        assert_eq!(key.platform.asked(), [], "a token asks nobody");
        let mut request = make_request();
        request.options.rk = true;
        key.make(&token.sign_make(request.clone())).unwrap();
        request.options.uv = true;
        assert_eq!(key.platform.asked(), [Asked::Make(Box::new(request.clone()), None)]);
        // It is good for one operation.
        request.options.uv = false;
        assert_eq!(key.make(&token.sign_make(request)), Err(Status::PinAuthInvalid));
        assert_eq!(key.platform.asked(), []);
    }
}

#[test]
fn what_a_token_using_pin_is_used_for_brings_the_ticket() {
    for protocol in BOTH {
        let mut key = Key::new(StandIn::new());
        let token = key
            .pin_token(protocol, PIN, Permissions::GET_ASSERTION, Some(SITE))
            .unwrap();
        key.platform.asked();
        let mut request = get_request();
        key.get(&token.sign_get(request.clone())).unwrap();
        request.options.uv = true;
        assert_eq!(key.platform.asked(), [Asked::Get(Box::new(request), Some(TICKET))]);
        assert_eq!(key.get(&token.sign_get(get_request())), Err(Status::PinAuthInvalid));
    }
}

#[test]
fn a_refused_ceremony_keeps_the_token_and_loses_the_ticket() {
    let mut key = Key::new(StandIn::new());
    let token = key
        .pin_token(PinUvAuthProtocol::Two, PIN, Permissions::GET_ASSERTION, Some(SITE))
        .unwrap();
    key.platform.refuses.set(Some(Status::OperationDenied));
    assert_eq!(key.get(&token.sign_get(get_request())), Err(Status::OperationDenied));
    key.platform.asked();
    key.platform.refuses.set(None);
    key.get(&token.sign_get(get_request())).unwrap();
    let mut verified = get_request();
    verified.options.uv = true;
    // The prompt asks for the PIN this time.
    assert_eq!(key.platform.asked(), [Asked::Get(Box::new(verified), None)]);
}

#[test]
fn a_silent_probe_asks_nobody_and_spends_nothing() {
    let mut key = Key::new(StandIn::new());
    let both = Permissions::MAKE_CREDENTIAL | Permissions::GET_ASSERTION;
    let token = key.pin_token(PinUvAuthProtocol::Two, PIN, both, Some(SITE)).unwrap();
    key.platform.asked();
    let mut probe = get_request();
    probe.options.up = false;
    probe.allow_list = vec![descriptor(5)];
    // With a token (Firefox), without (Chromium), and with `uv`, for which nobody is asked either.
    let mut with_uv = probe.clone();
    with_uv.options.uv = true;
    for (request, by_token) in [
        (token.sign_get(probe.clone()), true),
        (probe.clone(), false),
        (with_uv.clone(), false),
    ] {
        let response = key.get(&request).unwrap();
        let user = response.user.unwrap();
        assert_eq!(
            (user.name, user.display_name),
            (None, None),
            "no names without verification"
        );
        // Whoever has a token finds what needs verification, too.
        let expected = if by_token { &with_uv } else { &probe };
        assert_eq!(key.platform.asked(), [Asked::Get(Box::new(expected.clone()), None)]);
    }
    key.platform.refuses.set(Some(Status::NoCredentials));
    assert_eq!(key.get(&probe), Err(Status::NoCredentials));
    key.platform.refuses.set(None);
    key.platform.asked();
    key.make(&token.sign_make(make_request())).unwrap();
    assert!(matches!(key.platform.asked()[..], [Asked::Make(_, Some(TICKET))]));
}

#[test]
fn an_assertion_holds_only_what_every_client_takes() {
    let mut key = Key::new(StandIn::new());
    let mut request = get_request();
    request.options.uv = true;
    let body = key.cbor(command::GET_ASSERTION, &request.to_cbor()).unwrap();
    let map = cbor::decode(&body, &cbor::Limits::CTAP).unwrap().into_map().unwrap();
    let keys: Vec<_> = map.iter().map(|(key, _)| key.as_int().unwrap()).collect();
    assert_eq!(keys, [1, 2, 3, 4], "authenticator-rs refuses `userSelected`");
    let user = get_assertion::Response::from_cbor(&body).unwrap().user.unwrap();
    assert_eq!(
        (user.name, user.display_name),
        (None, None),
        "Chromium asks again which account"
    );
}

#[test]
fn requests_that_the_specification_refuses_are_refused_before_the_user_is_bothered() {
    type Change = fn(&mut make_credential::Request);
    let changes: [(Change, Status); 10] = [
        (|r| r.algorithms = vec![-257], Status::UnsupportedAlgorithm),
        (|r| r.options.up = false, Status::InvalidOption),
        (|r| r.options.uv = false, Status::PuatRequired),
        (|r| (r.options.uv, r.options.rk) = (false, true), Status::PuatRequired),
        (|r| r.enterprise_attestation = Some(1), Status::InvalidParameter),
        (|r| r.pin_uv_auth_param = Some(vec![1; 16]), Status::MissingParameter),
        (
            |r| (r.pin_uv_auth_param, r.pin_uv_auth_protocol) = (Some(vec![1; 16]), Some(3)),
            Status::InvalidParameter,
        ),
        (
            |r| (r.pin_uv_auth_param, r.pin_uv_auth_protocol) = (Some(vec![1; 32]), Some(2)),
            Status::PinAuthInvalid,
        ),
        (|r| r.exclude_list = vec![descriptor(1); 101], Status::LimitExceeded),
        (
            |r| r.extensions = Map::new().with("credProtect", 4),
            Status::InvalidOption,
        ),
    ];
    for (number, (change, status)) in changes.into_iter().enumerate() {
        let mut key = Key::new(StandIn::new());
        let mut request = verified();
        change(&mut request);
        assert_eq!(key.make(&request), Err(status), "change {number}");
        assert_eq!(key.platform.asked(), [], "change {number}");
    }
    let mut key = Key::new(StandIn::without_pin());
    let mut request = make_request();
    request.options.uv = true;
    assert_eq!(key.make(&request), Err(Status::InvalidOption), "nobody can be verified");
    let mut request = get_request();
    request.options.uv = true;
    assert_eq!(key.get(&request), Err(Status::InvalidOption));
    for rk in [false, true] {
        let mut request = get_request();
        request.rk = Some(rk);
        assert_eq!(key.get(&request), Err(Status::UnsupportedOption));
    }
    assert_eq!(key.platform.asked(), []);
    // Without a PIN a discoverable credential needs no verification.
    let mut request = make_request();
    request.options.rk = true;
    assert!(key.make(&request).is_ok());
}

#[test]
fn a_token_serves_its_own_site_and_permission_only() {
    let mut key = Key::new(StandIn::new());
    let two = PinUvAuthProtocol::Two;
    let token = key
        .uv_token(two, Permissions::MAKE_CREDENTIAL, Some("other.example"))
        .unwrap();
    assert_eq!(key.make(&token.sign_make(make_request())), Err(Status::PinAuthInvalid));
    let token = key.uv_token(two, Permissions::MAKE_CREDENTIAL, Some(SITE)).unwrap();
    assert_eq!(key.get(&token.sign_get(get_request())), Err(Status::PinAuthInvalid));
    let older = key.uv_token(two, Permissions::GET_ASSERTION, Some(SITE)).unwrap();
    let newer = key.uv_token(two, Permissions::GET_ASSERTION, Some(SITE)).unwrap();
    assert_eq!(key.get(&older.sign_get(get_request())), Err(Status::PinAuthInvalid));
    assert_eq!(key.platform.asked(), []);
    key.platform.now_ms.set(key.platform.now_ms.get() + 30_001);
    assert_eq!(
        key.get(&newer.sign_get(get_request())),
        Err(Status::PinAuthInvalid),
        "too late"
    );
    assert_eq!(key.platform.asked(), []);
}

#[test]
fn extensions_travel_in_the_joint_s_form_and_unknown_ones_do_not() {
    let mut key = Key::new(StandIn::new());
    let mut request = verified();
    let known = Map::new().with("credProtect", 3).with("hmac-secret", true);
    request.extensions = known
        .clone()
        .with("credBlob", vec![1])
        .with("largeBlob", Map::new().with("support", "required"))
        .with("minPinLength", true);
    key.make(&request).unwrap();
    let [Asked::Make(asked, _)] = &key.platform.asked()[..] else {
        panic!("a make");
    };
    assert_eq!(asked.extensions, known);
}

#[test]
fn the_salts_of_hmac_secret_arrive_decrypted_with_the_key_that_wraps_the_answer() {
    for protocol in BOTH {
        for salts in [vec![1; 32], [[1; 32], [2; 32]].concat()] {
            let mut key = Key::new(StandIn::new());
            let (agreed, secret) = key.agree(protocol);
            let wrapped = secret.encrypt(portable(), &salts).unwrap();
            let mac = secret.authenticate(portable(), &[&wrapped]);
            let input = Map::new()
                .with(1, agreed.key_agreement.clone().unwrap().to_cose())
                .with(2, wrapped)
                .with(3, mac)
                .with(4, protocol.number());
            let mut request = get_request();
            request.extensions = Map::new().with("hmac-secret", input.clone());
            key.get(&request).unwrap();
            let [Asked::Get(asked, None)] = &key.platform.asked()[..] else {
                panic!("a get");
            };
            let form = asked.extensions.text("hmac-secret").unwrap().as_map().unwrap();
            assert_eq!(form.int(1).unwrap().as_bytes(), Some(salts.as_slice()));
            assert_eq!(form.int(2).unwrap().as_unsigned(), Some(protocol.number()));
            // What is wrapped under that key can be read by the program.
            let bytes = form.int(3).unwrap().as_bytes().unwrap();
            let same = SharedSecret::from_bytes(protocol, bytes).unwrap();
            let output = same.encrypt(portable(), &[5; 32]).unwrap();
            assert_eq!(*secret.decrypt(&output).unwrap(), [5; 32]);

            request.extensions = Map::new().with("hmac-secret", input.clone().with(3, vec![0; 32]));
            assert_eq!(key.get(&request), Err(Status::PinAuthInvalid));
            request.extensions = Map::new().with("hmac-secret", input);
            request.options.up = false;
            assert_eq!(key.get(&request), Err(Status::UnsupportedOption));
            assert_eq!(key.platform.asked(), []);
        }
    }
}

#[test]
fn outputs_at_creation_are_for_who_asks_for_the_secret() {
    let mut key = Key::new(StandIn::new());
    let (agreed, secret) = key.agree(PinUvAuthProtocol::Two);
    let wrapped = secret.encrypt(portable(), &[1; 32]).unwrap();
    let mac = secret.authenticate(portable(), &[&wrapped]);
    let input = Map::new()
        .with(1, agreed.key_agreement.unwrap().to_cose())
        .with(2, wrapped)
        .with(3, mac)
        .with(4, 2);
    let mut request = verified();
    request.extensions = Map::new().with("hmac-secret-mc", input.clone());
    assert_eq!(key.make(&request), Err(Status::MissingParameter));
    request.extensions = Map::new()
        .with("hmac-secret", true)
        .with("hmac-secret-mc", input.clone().with(3, vec![0; 32]));
    assert_eq!(key.make(&request), Err(Status::PinAuthInvalid));
    assert_eq!(key.platform.asked(), []);
    request.extensions = Map::new().with("hmac-secret", true).with("hmac-secret-mc", input);
    key.make(&request).unwrap();
    let [Asked::Make(asked, _)] = &key.platform.asked()[..] else {
        panic!("a make");
    };
    let form = asked.extensions.text("hmac-secret-mc").unwrap().as_map().unwrap();
    assert_eq!(form.int(1).unwrap().as_bytes(), Some(&[1; 32][..]));
}

#[test]
fn what_the_platform_refuses_reaches_the_program_as_it_is() {
    for status in [
        Status::OperationDenied,
        Status::UserActionTimeout,
        Status::CredentialExcluded,
        Status::KeyStoreFull,
        Status::UvBlocked,
        Status::Other,
    ] {
        let mut key = Key::new(StandIn::new());
        key.platform.refuses.set(Some(status));
        assert_eq!(key.make(&verified()), Err(status));
        assert_eq!(key.get(&get_request()), Err(status));
    }
}

#[test]
fn who_prefers_no_attestation_format_gets_one_with_a_signature() {
    let mut key = Key::new(StandIn::new());
    let mut request = verified();
    request.attestation_formats_preference.clear();
    key.make(&request).unwrap();
    request.attestation_formats_preference = vec!["packed".to_owned()];
    assert_eq!(
        key.platform.asked(),
        [Asked::Make(Box::new(request), None)],
        "libfido2 takes no other"
    );
}

#[test]
fn a_self_attestation_goes_out_as_one_by_a_certificate_of_its_own() {
    let mut key = Key::new(StandIn::new());
    key.platform.attests.set(true);
    let mut request = verified();
    request.attestation_formats_preference.clear();
    let response = key.make(&request).unwrap();
    assert_eq!(response.fmt, "packed");
    let statement = &response.att_stmt;
    assert_eq!(statement.text("alg").and_then(cbor::Value::as_int), Some(-7));
    let chain = statement.text("x5c").and_then(cbor::Value::as_array).unwrap();
    let [certificate] = chain else {
        panic!("one certificate")
    };
    let certificate = certificate.as_bytes().unwrap();
    // A P-256 key ends with its uncompressed point, after a bit string's head: what libfido2 reads and verifies with.
    let head = [0x03, 0x42, 0x00];
    let at = certificate.windows(3).position(|window| window == head).unwrap() + 3;
    let public_key = PublicKey::from_p256_point(certificate[at..at + 65].try_into().unwrap()).unwrap();
    let signed = [response.auth_data.as_slice(), &HASH].concat();
    let signature = statement.text("sig").and_then(cbor::Value::as_bytes).unwrap();
    assert_eq!(portable().verify(&public_key, &signed, signature), Ok(()));
    assert!(
        certificate.windows(16).any(|window| window == MODEL.0),
        "the provider's model, as in the authenticator data"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_gets_one_status_and_the_next_good_command_works(
        messages in prop::collection::vec((0_u8..0x43, prop::collection::vec(any::<u8>(), 0..80)), 1..20),
    ) {
        let mut key = Key::new(StandIn::new());
        for (code, parameters) in messages {
            let _ = key.cbor(code, &parameters);
        }
        prop_assert!(key.cbor(command::GET_INFO, &[]).is_ok());
    }
}

#[test]
fn openssh_asks_for_its_own_application() {
    let mut key = Key::new(StandIn::new());
    let mut request = verified();
    request.rp.id = "ssh:".to_owned();
    request.algorithms = vec![-8];
    request.extensions = Map::new().with("credProtect", 1);
    key.make(&request).unwrap();
    let [Asked::Make(asked, _)] = &key.platform.asked()[..] else {
        panic!("a make");
    };
    assert_eq!((asked.rp.id.as_str(), asked.client_data_hash), ("ssh:", HASH));
}
