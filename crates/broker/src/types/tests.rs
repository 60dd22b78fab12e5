use std::time::Duration;

use claviger_ctap::cbor::Limits;
use claviger_ctap::types::{RpEntity, UserEntity, UserId};
use claviger_peer::Standing;
use claviger_webauthn::{Origin, RelatedOrigin, RpIdError};

use super::*;

fn descriptor(id: u8) -> CredentialDescriptor {
    let mut descriptor = CredentialDescriptor::new(CredentialId::new([id; 16]).unwrap());
    descriptor.transports = vec!["internal".to_owned()];
    descriptor
}

fn get(allow: &[u8]) -> CtapRequest {
    let mut request = get_assertion::Request::new("example.com", [7; 32]);
    request.allow_list = allow.iter().map(|id| descriptor(*id)).collect();
    CtapRequest::Get(request)
}

fn make() -> make_credential::Request {
    let rp = RpEntity {
        id: "example.com".to_owned(),
        name: None,
    };
    let id = UserId::new([5; 8]).unwrap();
    let user = UserEntity {
        id,
        name: Some("alice".to_owned()),
        display_name: None,
    };
    make_credential::Request::new([7; 32], rp, user, vec![-7])
}

#[test]
fn a_get_is_narrowed_to_the_chosen_passkey() {
    for allow in [&[][..], &[1], &[1, 2]] {
        match get(allow).for_provider(Some(&CredentialId::new([1; 16]).unwrap()), true) {
            CtapRequest::Get(request) => {
                assert_eq!(request.allow_list.len(), 1);
                assert_eq!(request.allow_list[0].id.as_bytes(), [1; 16]);
                assert_eq!(request.allow_list[0].transports.is_empty(), allow.is_empty());
                assert!(request.options.uv);
            }
            CtapRequest::Make(_) => panic!("another operation"),
        }
    }
    assert_eq!(get(&[1, 2]).for_provider(None, false), get(&[1, 2]));
}

#[test]
fn a_long_list_is_cut_to_what_an_envelope_holds() {
    let long: Vec<_> = (0..64_u8)
        .map(|n| CredentialDescriptor::new(CredentialId::new([n; 1023]).unwrap()))
        .collect();
    let mut request = make();
    request.exclude_list = long.clone();
    let sent = CtapRequest::Make(request).for_provider(None, false);
    assert!(sent.parameters().len() < Limits::ENVELOPE.max_bytes - 4096);
    let CtapRequest::Make(sent) = sent else {
        panic!("another operation");
    };
    assert_eq!(sent.exclude_list, long[..32], "the first ones stay");
    // The passkey that the user chose is there, wherever it was in the list.
    let mut request = get_assertion::Request::new("example.com", [7; 32]);
    request.allow_list = long;
    let chosen = CredentialId::new([63; 1023]).unwrap();
    match CtapRequest::Get(request).for_provider(Some(&chosen), true) {
        CtapRequest::Get(request) => assert_eq!(request.allow_list[0].id, chosen),
        CtapRequest::Make(_) => panic!("another operation"),
    }
}

#[test]
fn a_related_origin_needs_its_own_proof() {
    let origin = |text: &str| Origin::parse(text).unwrap();
    let ask = |from: &str, related: Option<(&str, &str)>| {
        let traits = DoorTraits {
            names_origins: true,
            ..DoorTraits::default()
        };
        let caller = Caller {
            door: Door::Browser,
            traits,
            standing: Standing::Unproved,
            app_id: None,
            name: "Chromium".to_owned(),
            executable: "/usr/bin/chromium".into(),
            pid: 1,
            window: String::new(),
        };
        let related = related.map(|(from, rp_id)| RelatedOrigin::vouched_for(&origin(from), rp_id).unwrap());
        let page = Requester::Page {
            origin: origin(from),
            top_origin: None,
            related,
        };
        let minute = Duration::from_mins(1);
        CeremonyRequest::new(caller, page, get(&[]), UserVerification::Required, minute)
    };
    let shop = "https://shop.example.org";
    assert!(ask(shop, Some((shop, "example.com"))).unwrap().is_related());
    for proof in [
        None,
        Some((shop, "example.net")),
        Some(("https://other.example.org", "example.com")),
    ] {
        assert!(matches!(ask(shop, proof), Err(RequestError::RpId(RpIdError::Foreign))));
    }
}

#[test]
fn verification_is_asked_for_only_with_evidence() {
    let mut request = make();
    request.options.uv = true;
    match CtapRequest::Make(request).for_provider(None, false) {
        CtapRequest::Make(request) => assert!(!request.options.uv, "whatever the caller had set"),
        CtapRequest::Get(_) => panic!("another operation"),
    }
}

#[test]
fn the_need_of_a_request_is_seen() {
    let mut request = make();
    request.exclude_list = vec![descriptor(3)];
    request.extensions.insert("prf", claviger_ctap::cbor::Map::new());
    let operation = CtapRequest::Make(request);
    assert!(operation.asks_prf());
    let exclude = vec![CredentialId::new([3; 16]).unwrap()];
    let need = Requirements::Make {
        algorithms: vec![-7],
        prf: true,
        exclude,
        user_handle: UserId::new([5; 8]).unwrap(),
    };
    assert!(operation.requirements() == need);
    assert_eq!(operation.account().unwrap().name.as_deref(), Some("alice"));
    assert!(!get(&[]).asks_prf());
    assert!(
        get(&[1]).requirements()
            == Requirements::Get {
                allow: vec![CredentialId::new([1; 16]).unwrap()]
            }
    );
}

#[test]
fn an_operation_prints_its_kind_only() {
    assert_eq!(format!("{:?}", get(&[1])), "Get");
    assert_eq!(format!("{:?}", CtapRequest::Make(make())), "Make");
}
