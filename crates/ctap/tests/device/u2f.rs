//! U2F: raw APDUs in, data and status words out; and one set of credentials for both protocols.

use claviger_ctap::authenticator::device::{Device, Numbers, Presence};
use claviger_ctap::authenticator_config::{Request as Config, SubCommand as Configuring};
use claviger_ctap::authenticator_data::AuthenticatorData;
use claviger_ctap::cbor::Map;
use claviger_ctap::crypto::{Algorithm, PublicKey, portable};
use claviger_ctap::status::Status;
use claviger_ctap::types::CredentialId;
use claviger_ctap::u2f::{Control, Request, StatusWord};
use proptest::prelude::*;

use crate::bed::{HASH, Key, RP, get, id_of, make, settings, world};

const CHALLENGE: [u8; 32] = [0x5a; 32];

fn app(rp_id: &str) -> [u8; 32] {
    portable().sha256(&[rp_id.as_bytes()])
}

fn sent(key: &mut Key, apdu: &[u8]) -> Result<Vec<u8>, [u8; 2]> {
    let answer = key.device.process_u2f(apdu);
    let (body, word) = answer.split_last_chunk::<2>().unwrap();
    if *word == StatusWord::NoError.to_bytes() {
        Ok(body.to_vec())
    } else {
        assert!(body.is_empty());
        Err(*word)
    }
}

fn word<T>(status: StatusWord) -> Result<T, [u8; 2]> {
    Err(status.to_bytes())
}

fn register(rp_id: &str) -> Request {
    Request::Register {
        challenge: CHALLENGE,
        application: app(rp_id),
    }
}

fn authenticate(control: Control, rp_id: &str, key_handle: &[u8]) -> Request {
    Request::Authenticate {
        control,
        challenge: CHALLENGE,
        application: app(rp_id),
        key_handle: key_handle.to_vec(),
    }
}

struct Registration {
    point: [u8; 65],
    key: PublicKey,
    handle: Vec<u8>,
    certificate: Vec<u8>,
    signature: Vec<u8>,
}

fn registered(key: &mut Key, rp_id: &str) -> Registration {
    let body = sent(key, &register(rp_id).to_apdu()).unwrap();
    assert_eq!(body[0], 5);
    let point: [u8; 65] = body[1..66].try_into().unwrap();
    let length = usize::from(body[66]);
    let (handle, rest) = body[67..].split_at(length);
    let (certificate, signature) = rest.split_at(der_length(rest));
    Registration {
        point,
        key: PublicKey::from_p256_point(&point).unwrap(),
        handle: handle.to_vec(),
        certificate: certificate.to_vec(),
        signature: signature.to_vec(),
    }
}

/// The length of the DER element at the start, header included.
fn der_length(der: &[u8]) -> usize {
    assert_eq!(der[0], 0x30);
    match der[1] {
        short @ 0..=0x7f => 2 + usize::from(short),
        0x81 => 3 + usize::from(der[2]),
        0x82 => 4 + usize::from(u16::from_be_bytes([der[2], der[3]])),
        other => panic!("{other} is no length of this certificate"),
    }
}

/// The signed counter, after the signature was checked.
fn authenticated(key: &mut Key, control: Control, rp_id: &str, handle: &[u8], public: &PublicKey) -> (u8, u32) {
    let body = sent(key, &authenticate(control, rp_id, handle).to_apdu()).unwrap();
    let signed = [app(rp_id).as_slice(), &body[..5], &CHALLENGE].concat();
    portable().verify(public, &signed, &body[5..]).unwrap();
    (body[0], u32::from_be_bytes(body[1..5].try_into().unwrap()))
}

#[test]
fn a_registration_is_signed_by_the_key_of_its_certificate() {
    let mut key = Key::new();
    let made = registered(&mut key, RP);
    let signed = [&[0], app(RP).as_slice(), &CHALLENGE, &made.handle, &made.point].concat();
    portable().verify(&made.key, &signed, &made.signature).unwrap();

    // The certificate: content, algorithm, signature over the content by the same key.
    let header = made.certificate.len() - (der_length(&made.certificate) - 4);
    let content = &made.certificate[header..];
    let content = &content[..der_length(content)];
    let rest = &made.certificate[header + content.len()..];
    let rest = &rest[der_length(rest)..];
    assert_eq!((rest[0], usize::from(rest[1]), rest[2]), (3, rest.len() - 2, 0));
    portable().verify(&made.key, content, &rest[3..]).unwrap();
    assert!(content.ends_with(&made.key.to_spki_der()));
}

#[test]
fn a_u2f_credential_signs_with_and_without_presence_and_counts() {
    let mut key = Key::new();
    let made = registered(&mut key, RP);
    key.world().asked.clear();
    let (with, first) = authenticated(&mut key, Control::EnforcePresence, RP, &made.handle, &made.key);
    assert_eq!(key.world().asked.len(), 1);
    let (without, second) = authenticated(&mut key, Control::DontEnforcePresence, RP, &made.handle, &made.key);
    assert_eq!(key.world().asked.len(), 1);
    assert_eq!((with, without), (1, 0));
    assert!(second > first);
}

#[test]
fn a_u2f_credential_signs_in_with_ctap2_at_its_own_site_only() {
    let mut key = Key::new();
    let made = registered(&mut key, RP);
    let id = CredentialId::new(made.handle).unwrap();
    let response = key.get(&get(&[&id])).unwrap();
    let data = AuthenticatorData::parse(&response.auth_data).unwrap();
    assert_eq!((data.rp_id_hash, response.user), (app(RP), None));
    let signed = [response.auth_data.as_slice(), &HASH].concat();
    portable().verify(&made.key, &signed, &response.signature).unwrap();

    assert_eq!(key.get(&get(&[])).err(), Some(Status::NoCredentials));
    let mut other = get(&[&id]);
    other.rp_id = "example.org".to_owned();
    assert_eq!(key.get(&other).err(), Some(Status::NoCredentials));
    // Nor at a site whose RP ID is what it is stored under.
    other.rp_id = key.world().store.records().next().unwrap().rp_id.clone();
    assert_eq!(key.get(&other).err(), Some(Status::NoCredentials));
    // It is excluded like any other.
    let mut excluding = make(b"alice");
    excluding.exclude_list = get(&[&id]).allow_list;
    assert_eq!(key.make(&excluding).err(), Some(Status::CredentialExcluded));
}

#[test]
fn a_ctap2_credential_signs_in_with_u2f_unless_it_needs_verification_or_is_of_another_kind() {
    let mut key = Key::with_uv();
    for (level, algorithm, usable) in [
        (1, Algorithm::Es256, true),
        (2, Algorithm::Es256, true),
        (3, Algorithm::Es256, false),
        (1, Algorithm::EdDsa, false),
    ] {
        let mut request = make(b"alice");
        request.options.uv = true;
        request.algorithms = vec![algorithm.cose()];
        request.extensions = Map::new().with("credProtect", level);
        let response = key.make(&request).unwrap();
        let id = id_of(&response);
        let check = authenticate(Control::CheckOnly, RP, id.as_bytes()).to_apdu();
        let expected = if usable {
            StatusWord::ConditionsNotSatisfied
        } else {
            StatusWord::WrongData
        };
        assert_eq!(sent(&mut key, &check), word(expected));
        if usable {
            let data = AuthenticatorData::parse(&response.auth_data).unwrap();
            let public = data.attested.unwrap().public_key;
            authenticated(&mut key, Control::EnforcePresence, RP, id.as_bytes(), &public);
        }
    }
}

#[test]
fn whatever_the_user_does_but_agree_means_not_yet() {
    let mut key = Key::new();
    let made = registered(&mut key, RP);
    for touch in [Presence::Denied, Presence::TimedOut, Presence::Cancelled] {
        for request in [register(RP), authenticate(Control::EnforcePresence, RP, &made.handle)] {
            key.world().touches.push_back(touch);
            assert_eq!(
                sent(&mut key, &request.to_apdu()),
                word(StatusWord::ConditionsNotSatisfied)
            );
        }
    }
}

#[test]
fn each_bad_apdu_has_its_status_word() {
    let mut key = Key::new();
    let made = registered(&mut key, RP);
    let good = authenticate(Control::EnforcePresence, RP, &made.handle).to_apdu();
    let edited = |index: usize, byte: u8| {
        let mut apdu = good.clone();
        apdu[index] = byte;
        apdu
    };
    for (apdu, expected) in [
        (vec![], StatusWord::WrongLength),
        (vec![0, 3, 0], StatusWord::WrongLength),
        (vec![0, 3, 0, 0, 1, 7], StatusWord::WrongLength),
        (vec![0x80, 3, 0, 0], StatusWord::ClassNotSupported),
        (vec![0, 0xc0, 0, 0], StatusWord::InstructionNotSupported),
        // Whatever its lengths are.
        (vec![0, 0xc0, 0, 0, 5, 1], StatusWord::InstructionNotSupported),
        (vec![0, 1, 0, 0], StatusWord::WrongLength),
        (vec![0, 2, 3, 0, 65], StatusWord::WrongLength),
        (edited(2, 9), StatusWord::IncorrectParameters),
        // Lc, and the length of the key handle.
        (edited(6, 98), StatusWord::WrongLength),
        (edited(7 + 64, 31), StatusWord::WrongLength),
        // Another site, another handle.
        (edited(7 + 32, 0), StatusWord::WrongData),
        (edited(7 + 65, made.handle[0] ^ 1), StatusWord::WrongData),
    ] {
        assert_eq!(sent(&mut key, &apdu), word(expected), "{apdu:02x?}");
        sent(&mut key, &good).unwrap();
    }
}

#[test]
fn short_and_extended_apdus_say_the_same() {
    let body = [CHALLENGE, app(RP)].concat();
    let short = [&[0, 1, 0, 0, 64], body.as_slice()].concat();
    let extended = [&[0, 1, 0, 0, 0, 0, 64], body.as_slice()].concat();
    for (apdu, le) in [(&short, [0].as_slice()), (&extended, [0, 0].as_slice())] {
        assert_eq!(Request::parse(apdu), Ok(register(RP)));
        assert_eq!(Request::parse(&[apdu, le].concat()), Ok(register(RP)));
    }
    for le in [[].as_slice(), &[0], &[0, 0, 0]] {
        assert_eq!(Request::parse(&[&[0, 3, 0, 0], le].concat()), Ok(Request::Version));
    }
}

#[test]
fn u2f_is_off_with_always_uv_without_es256_and_when_it_is_not_wanted() {
    let version = Request::Version.to_apdu();
    let refused = word(StatusWord::CommandNotAllowed);
    let mut key = Key::new();
    assert_eq!(sent(&mut key, &version), Ok(b"U2F_V2".to_vec()));
    key.config(&Config::new(Configuring::ToggleAlwaysUv)).unwrap();
    assert_eq!(sent(&mut key, &version), refused);
    assert!(!key.info().versions.contains(&"U2F_V2".to_owned()));

    let mut only_eddsa = settings();
    only_eddsa.algorithms = vec![Algorithm::EdDsa];
    let without = Device::new(world(), settings(), Numbers::default())
        .unwrap()
        .without_u2f();
    let other = Device::new(world(), only_eddsa, Numbers::default()).unwrap();
    for device in [without, other] {
        key.device = device;
        assert_eq!(sent(&mut key, &version), refused);
        assert!(!key.info().versions.contains(&"U2F_V2".to_owned()));
    }
}

#[test]
fn a_full_device_registers_nothing() {
    let numbers = Numbers {
        max_credentials: 1,
        ..Numbers::default()
    };
    let mut key = Key::with(world(), numbers);
    registered(&mut key, RP);
    assert_eq!(
        sent(&mut key, &register(RP).to_apdu()),
        word(StatusWord::NotEnoughMemory)
    );
}

#[test]
fn a_u2f_command_ends_an_enumeration() {
    let mut key = Key::new();
    key.made(b"alice");
    key.made(b"bobby");
    key.get(&get(&[])).unwrap();
    sent(&mut key, &Request::Version.to_apdu()).unwrap();
    assert_eq!(key.next().err(), Some(Status::NotAllowed));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_apdu_gets_a_status_word_and_what_is_read_is_written_back(
        instruction in 0_u8..5,
        p1 in prop::sample::select(vec![0_u8, 3, 7, 8]),
        rest in prop::collection::vec(any::<u8>(), 0..120),
        shaped: bool,
    ) {
        let mut apdu = vec![0, instruction, p1, 0];
        if shaped {
            apdu.extend([0, 0, u8::try_from(rest.len()).unwrap()]);
        }
        apdu.extend(&rest);
        if shaped && rest.len() > 64 {
            // A key handle of the length that is left.
            apdu[7 + 64] = u8::try_from(rest.len() - 65).unwrap();
        }
        let answer = Key::new().device.process_u2f(&apdu);
        prop_assert!(answer.len() >= 2);
        if let Ok(request) = Request::parse(&apdu) {
            prop_assert_eq!(Request::parse(&request.to_apdu()), Ok(request));
        }
    }
}
