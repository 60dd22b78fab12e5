//! credentialManagement: what a manager of passkeys sees and does.

use claviger_ctap::authenticator::device::{Numbers, command};
use claviger_ctap::cbor::Map;
use claviger_ctap::client_pin::Permissions;
use claviger_ctap::credential_management::{Request, Response, SubCommand};
use claviger_ctap::crypto::portable;
use claviger_ctap::get_assertion::Request as Get;
use claviger_ctap::status::Status;
use claviger_ctap::types::{CredentialId, UserEntity, UserId};

use crate::bed::{CHANNEL, Key, PIN, RP, Reply, Token, descriptor, get, id_of, make, make_at};

pub fn hash(rp_id: &str) -> [u8; 32] {
    portable().sha256(&[rp_id.as_bytes()])
}

pub fn request(sub_command: SubCommand, params: Option<Map>, token: &Token) -> Request {
    let mut request = Request::new(sub_command);
    request.params = params;
    token.sign_manage(&mut request);
    request
}

fn next(key: &mut Key, sub_command: SubCommand) -> Reply<Response> {
    key.manage(&Request::new(sub_command))
}

/// A probe: an assertion with a touch would spend the token.
fn silent() -> Get {
    let mut request = get(&[]);
    request.options.up = false;
    request
}

fn for_site(rp_id: &str) -> Map {
    Map::new().with(1, hash(rp_id))
}

fn for_credential(id: &CredentialId) -> Map {
    Map::new().with(2, descriptor(id).to_cbor())
}

/// Alice and Bob at example.com, Alice at example.org, and one credential that is not discoverable.
fn populated() -> (Key, Token) {
    let mut key = Key::with_pin();
    for (rp_id, handle, rk) in [
        (RP, b"alice", true),
        ("example.org", b"alice", true),
        (RP, b"bobby", true),
        (RP, b"carol", false),
    ] {
        let token = key.token(PIN, Permissions::MAKE_CREDENTIAL, Some(rp_id)).unwrap();
        let mut request = make_at(rp_id, handle);
        request.options.rk = rk;
        token.sign_make(&mut request);
        key.make(&request).unwrap();
    }
    let token = key.token(PIN, Permissions::CREDENTIAL_MANAGEMENT, None).unwrap();
    (key, token)
}

#[test]
fn discoverable_credentials_are_counted_and_all_take_room() {
    let (mut key, token) = populated();
    let response = key
        .manage(&request(SubCommand::GetCredsMetadata, None, &token))
        .unwrap();
    assert_eq!(response.existing_credentials, Some(3));
    assert_eq!(response.remaining_credentials, Some(996));
    assert_eq!(key.info().remaining_discoverable_credentials, Some(996));
}

#[test]
fn every_site_and_every_credential_is_enumerated_once() {
    let (mut key, token) = populated();
    let first = key
        .manage(&request(SubCommand::EnumerateRpsBegin, None, &token))
        .unwrap();
    assert_eq!(first.total_rps, Some(2));
    let second = next(&mut key, SubCommand::EnumerateRpsGetNextRp).unwrap();
    assert_eq!(second.total_rps, None);
    assert_eq!(
        next(&mut key, SubCommand::EnumerateRpsGetNextRp).err(),
        Some(Status::NotAllowed)
    );
    for (response, rp_id) in [(first, RP), (second, "example.org")] {
        assert_eq!(response.rp_id_hash, Some(hash(rp_id)));
        assert_eq!(response.rp.unwrap().id, rp_id);
    }

    let begin = request(SubCommand::EnumerateCredentialsBegin, Some(for_site(RP)), &token);
    let first = key.manage(&begin).unwrap();
    assert_eq!(first.total_credentials, Some(2));
    let second = next(&mut key, SubCommand::EnumerateCredentialsGetNextCredential).unwrap();
    assert_eq!(
        next(&mut key, SubCommand::EnumerateCredentialsGetNextCredential).err(),
        Some(Status::NotAllowed)
    );
    for (response, handle) in [(first, b"alice"), (second, b"bobby")] {
        let user = response.user.unwrap();
        assert_eq!(user.id.as_bytes(), handle);
        assert!(user.name.is_some());
        assert!(response.public_key.is_some());
        key.get(&get(&[&response.credential.unwrap().id])).unwrap();
    }
}

#[test]
fn the_code_of_the_prototype_manages_credentials_too() {
    let (mut key, token) = populated();
    let begin = request(SubCommand::EnumerateRpsBegin, None, &token).to_cbor();
    let next = Request::new(SubCommand::EnumerateRpsGetNextRp).to_cbor();
    for parameters in [begin, next] {
        let answer = key.call(command::CREDENTIAL_MANAGEMENT_PROTOTYPE, &parameters).unwrap();
        assert!(Response::from_cbor(&answer).unwrap().rp.is_some());
    }
}

#[test]
fn an_enumeration_ends_with_another_command_another_channel_and_with_time() {
    let (mut key, token) = populated();
    let begin = request(SubCommand::EnumerateRpsBegin, None, &token);
    let go_on = Request::new(SubCommand::EnumerateRpsGetNextRp);

    key.manage(&begin).unwrap();
    key.info();
    assert_eq!(key.manage(&go_on).err(), Some(Status::NotAllowed));

    key.manage(&begin).unwrap();
    let message = [&[command::CREDENTIAL_MANAGEMENT], go_on.to_cbor().as_slice()].concat();
    assert_eq!(key.raw_on(CHANNEL + 1, &message).err(), Some(Status::NotAllowed));

    key.manage(&begin).unwrap();
    key.wait(30_001);
    assert_eq!(key.manage(&go_on).err(), Some(Status::NotAllowed));
    // An enumeration of sites is none of credentials.
    key.manage(&begin).unwrap();
    let wrong = next(&mut key, SubCommand::EnumerateCredentialsGetNextCredential);
    assert_eq!(wrong.err(), Some(Status::NotAllowed));
}

#[test]
fn a_deleted_credential_is_gone() {
    let (mut key, token) = populated();
    let id = key.get(&silent()).unwrap().credential.id;
    let delete = request(SubCommand::DeleteCredential, Some(for_credential(&id)), &token);
    key.manage(&delete).unwrap();
    assert_eq!(key.get(&get(&[&id])).err(), Some(Status::NoCredentials));
    assert_eq!(key.manage(&delete).err(), Some(Status::NoCredentials));
}

#[test]
fn an_accounts_names_are_changed_or_removed_and_its_handle_never() {
    let (mut key, token) = populated();
    let assertion = key.get(&silent()).unwrap();
    let id = assertion.credential.id;
    let user = UserEntity {
        id: assertion.user.unwrap().id,
        name: Some("new name".to_owned()),
        display_name: Some(String::new()),
    };
    let change = for_credential(&id).with(3, user.to_cbor());
    key.manage(&request(SubCommand::UpdateUserInformation, Some(change), &token))
        .unwrap();
    let record = key.world().store.records().find(|record| record.id == id).unwrap();
    assert_eq!(record.user.name.as_deref(), Some("new name"));
    assert_eq!(record.user.display_name, None);

    let other = UserEntity {
        id: UserId::new(*b"mallory").unwrap(),
        ..user
    };
    let change = for_credential(&id).with(3, other.to_cbor());
    let refused = key.manage(&request(SubCommand::UpdateUserInformation, Some(change), &token));
    assert_eq!(refused.err(), Some(Status::InvalidParameter));
}

#[test]
fn a_token_that_is_bound_to_a_site_manages_this_site_only() {
    let (mut key, _) = populated();
    let at_org = key
        .world()
        .store
        .records()
        .find(|record| record.rp_id == "example.org")
        .unwrap()
        .id
        .clone();
    let token = key.token(PIN, Permissions::CREDENTIAL_MANAGEMENT, Some(RP)).unwrap();
    let own = request(SubCommand::EnumerateCredentialsBegin, Some(for_site(RP)), &token);
    key.manage(&own).unwrap();
    for refused in [
        request(SubCommand::EnumerateRpsBegin, None, &token),
        request(
            SubCommand::EnumerateCredentialsBegin,
            Some(for_site("example.org")),
            &token,
        ),
        request(SubCommand::DeleteCredential, Some(for_credential(&at_org)), &token),
    ] {
        assert_eq!(key.manage(&refused).err(), Some(Status::PinAuthInvalid));
    }
}

#[test]
fn the_mac_covers_the_subcommand_and_its_parameters() {
    let (mut key, token) = populated();
    let id = key.get(&silent()).unwrap().credential.id;
    let mut swapped = request(SubCommand::EnumerateCredentialsBegin, Some(for_site(RP)), &token);
    swapped.params = Some(for_site("example.org"));
    assert_eq!(key.manage(&swapped).err(), Some(Status::PinAuthInvalid));
    let mut raised = request(SubCommand::GetCredsMetadata, Some(for_credential(&id)), &token);
    raised.sub_command = SubCommand::DeleteCredential.number();
    assert_eq!(key.manage(&raised).err(), Some(Status::PinAuthInvalid));
    key.get(&get(&[&id])).unwrap();
}

#[test]
fn a_full_device_takes_a_replacement_and_nothing_else() {
    let numbers = Numbers {
        max_credentials: 1,
        ..Numbers::default()
    };
    let mut key = Key::with(crate::bed::world(), numbers);
    key.make(&make(b"alice")).unwrap();
    assert_eq!(key.info().remaining_discoverable_credentials, Some(0));
    assert_eq!(key.make(&make(b"bob")).err(), Some(Status::KeyStoreFull));
    let new = id_of(&key.make(&make(b"alice")).unwrap());
    assert_eq!(key.get(&silent()).unwrap().credential.id, new);
}
