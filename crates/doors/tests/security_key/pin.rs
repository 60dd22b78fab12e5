//! clientPIN.

use claviger_broker::NotVerified;
use claviger_ctap::authenticator::device::command;
use claviger_ctap::cbor::{Limits, Map, Value, decode};
use claviger_ctap::client_pin::{Permissions, Request, SubCommand};
use claviger_ctap::crypto::portable;
use claviger_ctap::pin_protocol::PinUvAuthProtocol;
use claviger_ctap::status::Status;
use claviger_dev::ctap2::{Ctap2 as _, Token, pin_hash};
use claviger_doors::ctap::message::Info;

use super::client::{Key, PIN, SITE, get_request, make_request};
use super::stand_in::{Asked, StandIn, TICKET};

const TWO: PinUvAuthProtocol = PinUvAuthProtocol::Two;

#[test]
fn retries_are_hello_s() {
    for (tries_left, locked_out, pin, uv) in [(10, false, 8, 10), (3, false, 3, 3), (0, true, 0, 0), (4, true, 0, 0)] {
        let mut key = Key::new(StandIn::new());
        key.platform.info.set(Info {
            pin_set: true,
            tries_left,
            locked_out,
            client_pin: true,
        });
        let answer = key.client_pin(&Request::new(SubCommand::GetPinRetries)).unwrap();
        assert_eq!(answer.pin_retries, Some(pin), "never more than CTAP has");
        let answer = key.client_pin(&Request::new(SubCommand::GetUvRetries)).unwrap();
        assert_eq!(answer.uv_retries, Some(uv));
    }
}

#[test]
fn the_key_agreement_key_stays_until_a_wrong_pin() {
    let mut key = Key::new(StandIn::new());
    let mut ask = Request::new(SubCommand::GetKeyAgreement);
    assert_eq!(key.client_pin(&ask), Err(Status::MissingParameter));
    ask.pin_uv_auth_protocol = Some(3);
    assert_eq!(key.client_pin(&ask), Err(Status::InvalidParameter));
    ask.pin_uv_auth_protocol = Some(1);
    let first = key.client_pin(&ask).unwrap().key_agreement;
    assert!(first.is_some());
    assert_eq!(
        key.client_pin(&ask).unwrap().key_agreement,
        first,
        "Chromium asks twice"
    );
    key.platform.pin.set(Some(NotVerified::WrongPin {
        tries_left: 7,
        wait_ms: 0,
    }));
    let token = key.pin_token(TWO, PIN, Permissions::GET_ASSERTION, Some(SITE));
    assert_eq!(token.err(), Some(Status::PinInvalid));
    assert_ne!(key.client_pin(&ask).unwrap().key_agreement, first);
}

#[test]
fn hello_compares_the_hash_that_the_program_sends() {
    for protocol in PinUvAuthProtocol::ALL {
        let mut key = Key::new(StandIn::new());
        key.pin_token(protocol, PIN, Permissions::GET_ASSERTION, Some(SITE))
            .unwrap();
        assert_eq!(key.platform.asked(), [Asked::CheckPin(pin_hash(PIN))]);
    }
}

#[test]
fn what_hello_says_to_a_pin_reaches_the_program() {
    let wrong = |tries_left| NotVerified::WrongPin { tries_left, wait_ms: 0 };
    let wait = NotVerified::Wait {
        tries_left: 6,
        wait_ms: 30_000,
    };
    for (answer, status) in [
        (wrong(7), Status::PinInvalid),
        (wrong(0), Status::PinBlocked),
        (NotVerified::LockedOut, Status::PinBlocked),
        // Not for programs any more; the prompt still takes it.
        (NotVerified::PromptOnly { tries_left: 5 }, Status::PinAuthBlocked),
        (NotVerified::NoPin, Status::PinNotSet),
        (wait, Status::PinAuthBlocked),
        (NotVerified::Cancelled, Status::OperationDenied),
    ] {
        let mut key = Key::new(StandIn::new());
        key.platform.pin.set(Some(answer));
        let token = key.pin_token(TWO, PIN, Permissions::GET_ASSERTION, Some(SITE));
        assert_eq!(token.err(), Some(status), "{answer:?}");
    }
}

#[test]
fn the_superseded_token_binds_itself_to_the_first_site() {
    let mut key = Key::new(StandIn::new());
    let (mut request, secret) = key.agree(PinUvAuthProtocol::One);
    request.sub_command = SubCommand::GetPinToken.number();
    request.pin_hash_enc = Some(secret.encrypt(portable(), &pin_hash(PIN)).unwrap());
    let mut with_permissions = request.clone();
    with_permissions.permissions = Some(1);
    assert_eq!(key.client_pin(&with_permissions), Err(Status::InvalidParameter));
    let token = Token::open(&secret, &key.client_pin(&request).unwrap());
    key.platform.asked();
    let mut probe = get_request();
    probe.options.up = false;
    key.get(&token.sign_get(probe)).unwrap();
    let mut elsewhere = make_request();
    elsewhere.rp.id = "other.example".to_owned();
    assert_eq!(key.make(&token.sign_make(elsewhere)), Err(Status::PinAuthInvalid));
    key.platform.asked();
    key.make(&token.sign_make(make_request())).unwrap();
    assert!(matches!(key.platform.asked()[..], [Asked::Make(_, Some(TICKET))]));
}

#[test]
fn what_is_no_pin_hash_is_a_wrong_pin_that_costs_no_try() {
    for wrapped in [vec![], vec![1; 16], vec![2; 33], vec![3; 64]] {
        let mut key = Key::new(StandIn::new());
        let (mut request, _) = key.agree(TWO);
        request.sub_command = SubCommand::GetTokenUsingPin.number();
        request.permissions = Some(Permissions::GET_ASSERTION.bits().into());
        request.rp_id = Some(SITE.to_owned());
        request.pin_hash_enc = Some(wrapped);
        assert_eq!(key.client_pin(&request), Err(Status::PinInvalid));
        assert_eq!(key.platform.asked(), []);
    }
}

#[test]
fn tokens_need_what_the_specification_says_and_only_what_is_offered() {
    type Change = fn(&mut Request);
    let changes: [(Change, Status); 7] = [
        (|r| r.pin_uv_auth_protocol = None, Status::MissingParameter),
        (|r| r.key_agreement = None, Status::MissingParameter),
        (|r| r.permissions = None, Status::MissingParameter),
        (|r| r.rp_id = None, Status::MissingParameter),
        (|r| r.permissions = Some(0), Status::InvalidParameter),
        (|r| r.permissions = Some(0x21), Status::UnauthorizedPermission),
        (|r| r.permissions = Some(0x11), Status::UnauthorizedPermission),
    ];
    for sub_command in [SubCommand::GetTokenUsingUv, SubCommand::GetTokenUsingPin] {
        for (number, (change, status)) in changes.into_iter().enumerate() {
            let mut key = Key::new(StandIn::new());
            let mut request = token_request(&mut key, sub_command);
            change(&mut request);
            assert_eq!(
                key.client_pin(&request),
                Err(status),
                "{sub_command:?}, change {number}"
            );
            assert_eq!(key.platform.asked(), [], "no try was used up");
        }
    }
}

#[test]
fn a_key_that_is_none_is_invalid_and_not_missing() {
    for sub_command in [SubCommand::GetTokenUsingUv, SubCommand::GetTokenUsingPin] {
        let mut key = Key::new(StandIn::new());
        let request = token_request(&mut key, sub_command);
        let map = decode(&request.to_cbor(), &Limits::CTAP).unwrap().into_map().unwrap();
        let damaged = Value::from(map.with(3, Map::new())).encode();
        assert_eq!(key.cbor(command::CLIENT_PIN, &damaged), Err(Status::InvalidParameter));
        assert_eq!(key.platform.asked(), [], "no try was used up");
    }
}

#[test]
fn a_token_using_uv_needs_somebody_who_can_be_verified() {
    let mut key = Key::new(StandIn::without_pin());
    let token = key.uv_token(TWO, Permissions::GET_ASSERTION, Some(SITE));
    assert_eq!(token.err(), Some(Status::NotAllowed));
    let mut key = Key::new(StandIn::new());
    key.platform.info.set(Info {
        pin_set: true,
        tries_left: 0,
        locked_out: true,
        client_pin: true,
    });
    let token = key.uv_token(TWO, Permissions::GET_ASSERTION, Some(SITE));
    assert_eq!(token.err(), Some(Status::UvBlocked));
}

#[test]
fn the_pin_is_neither_set_nor_changed_from_here() {
    for sub_command in [SubCommand::SetPin, SubCommand::ChangePin] {
        let mut key = Key::new(StandIn::new());
        assert_eq!(key.client_pin(&Request::new(sub_command)), Err(Status::OperationDenied));
        assert_eq!(key.platform.asked(), []);
    }
}

/// A request for a token with everything in it that either way of getting one needs.
fn token_request(key: &mut Key, sub_command: SubCommand) -> Request {
    let (mut request, secret) = key.agree(TWO);
    request.sub_command = sub_command.number();
    request.permissions = Some(Permissions::GET_ASSERTION.bits().into());
    request.rp_id = Some(SITE.to_owned());
    request.pin_hash_enc = Some(secret.encrypt(portable(), &pin_hash(PIN)).unwrap());
    request
}
