//! The persistent token of CTAP 2.2: what it may do, how long it lasts, and what it alone can read in getInfo.

use aes::Aes128;
use cbc::cipher::{Array, BlockModeDecrypt as _, KeyIvInit as _};
use claviger_ctap::authenticator::device::command;
use claviger_ctap::authenticator_config::{MinPinLength, Request as Config, SubCommand as Configuring};
use claviger_ctap::cbor::Map;
use claviger_ctap::client_pin::Permissions;
use claviger_ctap::credential_management::SubCommand;
use claviger_ctap::crypto::portable;
use claviger_ctap::pin_protocol::PinUvAuthProtocol;
use claviger_ctap::status::Status;
use claviger_ctap::types::{UserEntity, UserId};

use crate::bed::{Key, PIN, RP, Token, descriptor, get, id_of, make};
use crate::management::{hash, request};

const PCMR: Permissions = Permissions::PERSISTENT_CREDENTIAL_MANAGEMENT_READ_ONLY;

/// The value of a member that getInfo encrypts under the token.
fn read(token: &Token, name: &[u8], wrapped: &[u8]) -> [u8; 16] {
    let mut key = [0; 16];
    portable().hkdf_sha256(&[0; 32], &token.value, name, &mut key).unwrap();
    let (iv, block) = wrapped.split_at(16);
    let mut block = Array(<[u8; 16]>::try_from(block).unwrap());
    cbc::Decryptor::<Aes128>::new(&Array(key), &Array(iv.try_into().unwrap())).decrypt_block(&mut block);
    block.0
}

/// Which device this is, and in what state its credentials are.
fn identity(key: &mut Key, token: &Token) -> ([u8; 16], [u8; 16]) {
    let info = key.info();
    let device = read(token, b"encIdentifier", &info.enc_identifier.unwrap());
    let store = read(token, b"encCredStoreState", &info.enc_cred_store_state.unwrap());
    (device, store)
}

fn looks(key: &mut Key, token: &Token) -> Result<(), Status> {
    key.manage(&request(SubCommand::GetCredsMetadata, None, token))
        .map(drop)
}

#[test]
fn it_looks_at_credentials_and_changes_none() {
    for protocol in PinUvAuthProtocol::ALL {
        let mut key = Key::with_pin();
        let id = key.made(b"alice");
        key.protocol = protocol;
        let token = key.token(PIN, PCMR, None).unwrap();
        assert!(key.info().options["perCredMgmtRO"]);
        looks(&mut key, &token).unwrap();
        let rp = key
            .manage(&request(SubCommand::EnumerateRpsBegin, None, &token))
            .unwrap();
        assert_eq!(rp.rp.unwrap().id, RP);
        let site = Map::new().with(1, hash(RP));
        let begin = request(SubCommand::EnumerateCredentialsBegin, Some(site), &token);
        let credential = key.manage(&begin).unwrap();
        assert_eq!(credential.credential.unwrap().id, id);
        assert_eq!(credential.third_party_payment, Some(false));

        let named = Map::new().with(2, descriptor(&id).to_cbor());
        let user = UserEntity {
            id: UserId::new(*b"alice").unwrap(),
            name: None,
            display_name: None,
        };
        for (sub_command, params) in [
            (SubCommand::DeleteCredential, named.clone()),
            (SubCommand::UpdateUserInformation, named.with(3, user.to_cbor())),
        ] {
            let refused = key.manage(&request(sub_command, Some(params), &token));
            assert_eq!(refused.err(), Some(Status::PinAuthInvalid));
        }
        // Nor is it good for anything else.
        let mut signed = get(&[&id]);
        token.sign_get(&mut signed);
        assert_eq!(key.get(&signed).err(), Some(Status::PinAuthInvalid));
        let mut toggle = Config::new(Configuring::ToggleAlwaysUv);
        token.sign_config(&mut toggle);
        assert_eq!(key.config(&toggle), Err(Status::PinAuthInvalid));
    }
}

#[test]
fn it_outlives_other_tokens_power_cycles_time_and_the_process() {
    let mut key = Key::with_pin();
    key.made(b"alice");
    let token = key.token(PIN, PCMR, None).unwrap();
    let before = identity(&mut key, &token);
    key.token(PIN, Permissions::GET_ASSERTION, Some(RP)).unwrap();
    key.wait(86_400_000);
    key.device.power_cycle().unwrap();
    looks(&mut key, &token).unwrap();

    let mut world = crate::bed::world();
    std::mem::swap(&mut world.store, &mut key.world().store);
    let mut key = Key::with(world, claviger_ctap::authenticator::device::Numbers::default());
    looks(&mut key, &token).unwrap();
    assert_eq!(identity(&mut key, &token), before);
    // Whoever asks again gets the same.
    assert_eq!(key.token(PIN, PCMR, None).unwrap().value, token.value);
}

#[test]
fn it_ends_with_the_pin_with_a_pin_that_must_be_changed_and_with_a_reset() {
    let events: [fn(&mut Key); 3] = [
        |key| key.change_pin(PIN, "another").unwrap(),
        |key| {
            let mut params = MinPinLength::default();
            params.force_change_pin = true;
            let mut config = Config::new(Configuring::SetMinPinLength);
            config.params = Some(params.to_map());
            let token = key.token(PIN, Permissions::AUTHENTICATOR_CONFIGURATION, None);
            token.unwrap().sign_config(&mut config);
            key.config(&config).unwrap();
        },
        |key| drop(key.call(command::RESET, &[]).unwrap()),
    ];
    for event in events {
        let mut key = Key::with_pin();
        let token = key.token(PIN, PCMR, None).unwrap();
        looks(&mut key, &token).unwrap();
        event(&mut key);
        assert_eq!(looks(&mut key, &token), Err(Status::PinAuthInvalid));
    }
}

#[test]
fn before_anybody_has_it_it_opens_nothing_and_a_fingerprint_gives_it_too() {
    let mut key = Key::with_uv();
    let token = key.token_by_uv(PCMR, None).unwrap();
    looks(&mut key, &token).unwrap();
    // A device that has never given it: the right value would not help.
    let mut other = Key::with_uv();
    assert_eq!(looks(&mut other, &token), Err(Status::PinAuthInvalid));
}

#[test]
fn the_identity_looks_different_each_time_and_is_the_same_until_a_reset() {
    let mut key = Key::with_pin();
    let token = key.token(PIN, PCMR, None).unwrap();
    let (first, second) = (key.info(), key.info());
    assert_ne!(first.enc_identifier, second.enc_identifier);
    assert_ne!(first.enc_cred_store_state, second.enc_cred_store_state);
    let (device, _) = identity(&mut key, &token);

    key.call(command::RESET, &[]).unwrap();
    key.set_pin(PIN).unwrap();
    let token = key.token(PIN, PCMR, None).unwrap();
    assert_ne!(identity(&mut key, &token).0, device);
}

#[test]
fn the_store_state_changes_with_each_discoverable_credential_and_with_nothing_else() {
    let mut key = Key::with_pin();
    let token = key.token(PIN, PCMR, None).unwrap();
    let mut last = identity(&mut key, &token).1;
    let mut changed = |key: &mut Key| {
        let now = identity(key, &token).1;
        std::mem::replace(&mut last, now) != now
    };
    let id = key.made(b"alice");
    assert!(changed(&mut key));
    key.get(&get(&[&id])).unwrap();
    let mut hidden = make(b"bobby");
    hidden.options.rk = false;
    id_of(&key.make(&hidden).unwrap());
    assert!(!changed(&mut key));

    let manager = key.token(PIN, Permissions::CREDENTIAL_MANAGEMENT, None).unwrap();
    let user = UserEntity {
        id: UserId::new(*b"alice").unwrap(),
        name: Some("new".to_owned()),
        display_name: None,
    };
    let named = Map::new().with(2, descriptor(&id).to_cbor());
    let update = named.clone().with(3, user.to_cbor());
    key.manage(&request(SubCommand::UpdateUserInformation, Some(update), &manager))
        .unwrap();
    assert!(changed(&mut key));
    key.manage(&request(SubCommand::DeleteCredential, Some(named), &manager))
        .unwrap();
    assert!(changed(&mut key));
}
