//! credentialManagement.

use claviger_ctap::cbor::Map;
use claviger_ctap::client_pin::Permissions;
use claviger_ctap::credential_management::{Request, SubCommand};
use claviger_ctap::pin_protocol::PinUvAuthProtocol;
use claviger_ctap::status::Status;
use claviger_ctap::types::{CredentialDescriptor, CredentialId, UserEntity, UserId};
use claviger_dev::ctap2::{Ctap2 as _, Token};

use super::client::{Key, PIN};
use super::stand_in::{Asked, StandIn, TICKET, alice, listed, rp_id_hash};

const CM: Permissions = Permissions::CREDENTIAL_MANAGEMENT;
const TWO: PinUvAuthProtocol = PinUvAuthProtocol::Two;

fn key() -> Key {
    let key = Key::new(StandIn::new());
    *key.platform.list.borrow_mut() = vec![listed("b.example", 1), listed("a.example", 2), listed("b.example", 3)];
    key
}

fn of_site(sub_command: SubCommand, rp_id: &str) -> Request {
    let mut request = Request::new(sub_command);
    request.params = Some(Map::new().with(1, rp_id_hash(rp_id)));
    request
}

fn of_credential(sub_command: SubCommand, id: u8, user: Option<&UserEntity>) -> Request {
    let descriptor = CredentialDescriptor::new(CredentialId::new([id; 32]).unwrap());
    let mut params = Map::new().with(2, descriptor.to_cbor());
    if let Some(user) = user {
        params.insert(3, user.to_cbor());
    }
    let mut request = Request::new(sub_command);
    request.params = Some(params);
    request
}

fn names(key: &mut Key, token: &Token) -> Vec<String> {
    let mut response = key
        .manage(Request::new(SubCommand::EnumerateRpsBegin), Some(token))
        .unwrap();
    let total = response.total_rps.unwrap();
    let mut names = Vec::new();
    loop {
        let rp = response.rp.unwrap();
        assert_eq!(response.rp_id_hash, Some(rp_id_hash(&rp.id)));
        names.push(rp.id);
        if names.len() as u64 == total {
            return names;
        }
        response = key
            .manage(Request::new(SubCommand::EnumerateRpsGetNextRp), None)
            .unwrap();
    }
}

#[test]
fn the_user_agrees_once_for_each_token() {
    let mut key = key();
    let token = key.uv_token(TWO, CM, None).unwrap();
    let metadata = key
        .manage(Request::new(SubCommand::GetCredsMetadata), Some(&token))
        .unwrap();
    assert_eq!(metadata.existing_credentials, Some(3));
    assert!(metadata.remaining_credentials.unwrap() > 0);
    assert_eq!(names(&mut key, &token), ["a.example", "b.example"]);
    let first = key
        .manage(
            of_site(SubCommand::EnumerateCredentialsBegin, "b.example"),
            Some(&token),
        )
        .unwrap();
    assert_eq!((first.total_credentials, first.cred_protect), (Some(2), Some(1)));
    assert_eq!(first.credential.unwrap().id.as_bytes(), [1; 32]);
    assert_eq!(first.user, Some(alice()));
    let next = Request::new(SubCommand::EnumerateCredentialsGetNextCredential);
    let second = key.manage(next.clone(), None).unwrap();
    assert_eq!(second.credential.unwrap().id.as_bytes(), [3; 32]);
    assert_eq!(key.manage(next, None), Err(Status::NotAllowed));
    assert_eq!(key.platform.asked(), [Asked::List(None)]);

    let token = key.pin_token(TWO, PIN, CM, None).unwrap();
    key.platform.asked();
    names(&mut key, &token);
    assert_eq!(key.platform.asked(), [Asked::List(Some(TICKET))]);
}

#[test]
fn who_proves_the_pin_again_on_its_channel_is_still_shown_what_it_was_shown_for_the_pin() {
    let mut key = key();
    // As `ssh-keygen -K` does it: a token for each question.
    let fresh = |key: &mut Key| key.pin_token(TWO, PIN, CM, None).unwrap();
    let lists = |key: &mut Key, token: &Token| {
        key.platform.asked();
        names(key, token);
        key.platform.asked().len()
    };
    let token = fresh(&mut key);
    assert_eq!(lists(&mut key, &token), 1);
    for _ in 0..4 {
        let token = fresh(&mut key);
        assert_eq!(lists(&mut key, &token), 0, "one approval");
        key.platform.now_ms.set(key.platform.now_ms.get() + 29_000);
    }
    // Not what was shown long ago, on another channel, or without the PIN.
    key.platform.now_ms.set(key.platform.now_ms.get() + 2_000);
    let token = fresh(&mut key);
    assert_eq!(lists(&mut key, &token), 1, "too late");
    key.channel = 2;
    let token = fresh(&mut key);
    assert_eq!(lists(&mut key, &token), 1, "another channel");
    let token = key.uv_token(TWO, CM, None).unwrap();
    assert_eq!(lists(&mut key, &token), 1, "a token for nothing");
    let token = fresh(&mut key);
    assert_eq!(lists(&mut key, &token), 1, "it had not proved the PIN");
}

#[test]
fn a_refusal_shows_nothing_and_the_next_try_asks_again() {
    let mut key = key();
    let token = key.uv_token(TWO, CM, None).unwrap();
    let ask = Request::new(SubCommand::EnumerateRpsBegin);
    key.platform.refuses.set(Some(Status::OperationDenied));
    assert_eq!(key.manage(ask.clone(), Some(&token)), Err(Status::OperationDenied));
    key.platform.refuses.set(None);
    assert!(key.manage(ask, Some(&token)).is_ok());
    assert_eq!(key.platform.asked(), [Asked::List(None), Asked::List(None)]);
}

#[test]
fn nothing_is_managed_without_the_permission() {
    let requests = || {
        [
            Request::new(SubCommand::GetCredsMetadata),
            Request::new(SubCommand::EnumerateRpsBegin),
            of_site(SubCommand::EnumerateCredentialsBegin, "b.example"),
            of_credential(SubCommand::UpdateUserInformation, 1, Some(&alice())),
            of_credential(SubCommand::DeleteCredential, 1, None),
        ]
    };
    let mut key = key();
    let wrong = key
        .uv_token(TWO, Permissions::GET_ASSERTION, Some("b.example"))
        .unwrap();
    for request in requests() {
        assert_eq!(key.manage(request.clone(), None), Err(Status::PuatRequired));
        assert_eq!(key.manage(request, Some(&wrong)), Err(Status::PinAuthInvalid));
    }
    // A token for one site does what concerns this site.
    let bound = key.uv_token(TWO, CM, Some("b.example")).unwrap();
    for (request, answer) in requests().into_iter().zip([false, false, true, true, true]) {
        let done = key.manage(request, Some(&bound));
        assert_eq!(done.is_ok(), answer, "{done:?}");
    }
    let asked = key.platform.asked();
    assert_eq!(asked.iter().filter(|asked| matches!(asked, Asked::List(_))).count(), 1);
    let bound = key.uv_token(TWO, CM, Some("b.example")).unwrap();
    for request in [
        of_site(SubCommand::EnumerateCredentialsBegin, "a.example"),
        of_credential(SubCommand::DeleteCredential, 2, None),
        of_credential(SubCommand::DeleteCredential, 9, None),
    ] {
        assert_eq!(key.manage(request, Some(&bound)), Err(Status::PinAuthInvalid));
    }
    assert!(
        !key.platform
            .asked()
            .iter()
            .any(|asked| matches!(asked, Asked::Delete(..)))
    );
}

#[test]
fn a_deletion_shows_in_the_list_that_was_shown() {
    let mut key = key();
    let token = key.pin_token(TWO, PIN, CM, None).unwrap();
    key.platform.asked();
    // A program that knows what it wants needs no list, and its ticket is for the deletion.
    key.manage(of_credential(SubCommand::DeleteCredential, 2, None), Some(&token))
        .unwrap();
    let id = CredentialId::new([2; 32]).unwrap();
    assert_eq!(key.platform.asked(), [Asked::Delete(id.clone(), Some(TICKET))]);
    assert_eq!(
        key.manage(of_credential(SubCommand::DeleteCredential, 2, None), Some(&token)),
        Err(Status::NoCredentials),
        "gone"
    );
    key.platform.asked();
    assert_eq!(names(&mut key, &token), ["b.example"]);
    assert_eq!(key.platform.asked(), [Asked::List(None)], "the ticket is spent");
    key.manage(of_credential(SubCommand::DeleteCredential, 1, None), Some(&token))
        .unwrap();
    let first = key
        .manage(
            of_site(SubCommand::EnumerateCredentialsBegin, "b.example"),
            Some(&token),
        )
        .unwrap();
    assert_eq!(first.total_credentials, Some(1));
    assert_eq!(
        key.manage(of_credential(SubCommand::DeleteCredential, 1, None), Some(&token)),
        Err(Status::NoCredentials)
    );
    let asked = key.platform.asked();
    assert_eq!(asked.len(), 1, "what is not in the list is not asked for: {asked:?}");
}

#[test]
fn names_are_changed_and_accounts_are_not() {
    let mut key = key();
    let token = key.uv_token(TWO, CM, None).unwrap();
    names(&mut key, &token);
    key.platform.asked();
    let new = UserEntity {
        name: Some("new@example.com".to_owned()),
        display_name: Some(String::new()),
        ..alice()
    };
    key.manage(
        of_credential(SubCommand::UpdateUserInformation, 1, Some(&new)),
        Some(&token),
    )
    .unwrap();
    let kept = UserEntity {
        display_name: None,
        ..new.clone()
    };
    let id = CredentialId::new([1; 32]).unwrap();
    assert_eq!(key.platform.asked(), [Asked::Update(id, kept.clone(), None)]);
    let first = key
        .manage(
            of_site(SubCommand::EnumerateCredentialsBegin, "b.example"),
            Some(&token),
        )
        .unwrap();
    assert_eq!(first.user, Some(kept));
    let stranger = UserEntity {
        id: UserId::new(*b"bob").unwrap(),
        ..new
    };
    assert_eq!(
        key.manage(
            of_credential(SubCommand::UpdateUserInformation, 1, Some(&stranger)),
            Some(&token)
        ),
        Err(Status::InvalidParameter)
    );
    assert_eq!(key.platform.asked(), []);
}

#[test]
fn an_enumeration_belongs_to_its_channel_and_ends_with_another_command() {
    let mut key = key();
    let token = key.uv_token(TWO, CM, None).unwrap();
    let begin = Request::new(SubCommand::EnumerateRpsBegin);
    let next = Request::new(SubCommand::EnumerateRpsGetNextRp);
    key.manage(begin.clone(), Some(&token)).unwrap();
    key.channel = 2;
    assert_eq!(key.manage(next.clone(), None), Err(Status::NotAllowed));
    key.channel = 1;
    assert_eq!(key.manage(next.clone(), None), Err(Status::NotAllowed), "it has ended");
    key.manage(begin.clone(), Some(&token)).unwrap();
    let other = Request::new(SubCommand::EnumerateCredentialsGetNextCredential);
    assert_eq!(key.manage(other, None), Err(Status::NotAllowed));
    key.manage(begin, Some(&token)).unwrap();
    key.platform.now_ms.set(key.platform.now_ms.get() + 30_001);
    assert_eq!(key.manage(next, None), Err(Status::NotAllowed), "too late");
}

#[test]
fn the_prototype_s_code_will_do() {
    let mut key = key();
    let token = key.uv_token(TWO, CM, None).unwrap();
    let mut request = Request::new(SubCommand::GetCredsMetadata);
    request.pin_uv_auth_protocol = Some(2);
    request.pin_uv_auth_param = Some(token.mac(&request.authenticated()));
    assert!(key.cbor(0x41, &request.to_cbor()).is_ok());
    assert_eq!(key.cbor(0x41, &request.to_cbor()), key.cbor(0x0a, &request.to_cbor()));
}

#[test]
fn where_there_is_nothing_there_is_no_list() {
    let mut key = Key::new(StandIn::new());
    let token = key.uv_token(TWO, CM, None).unwrap();
    let begin = Request::new(SubCommand::EnumerateRpsBegin);
    assert_eq!(key.manage(begin, Some(&token)), Err(Status::NoCredentials));
    let metadata = key
        .manage(Request::new(SubCommand::GetCredsMetadata), Some(&token))
        .unwrap();
    assert_eq!(metadata.existing_credentials, Some(0));
    assert_eq!(key.platform.asked(), [Asked::List(None)]);
}
