//! A vault that version 1 wrote, at commit 3989857: it opens, and what was in it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::path::Path;

use claviger_account::ids::ItemId;
use claviger_account::item::Credential;
use claviger_ctap::authenticator::CredentialStore as _;
use claviger_ctap::crypto::{PublicKey, native};
use claviger_ctap::types::CredentialId;
use claviger_provider::sdk::CredentialStore as _;
use claviger_vault::Vault;
use claviger_vault::idle::SystemClock;
use claviger_vault::provider::VaultStore;
use common::open;
use tempfile::TempDir;

/// Credential id, public key, user name; as they were when the passkeys were made.
const BANK_ALICE: (&str, &str, &str) = (
    "5390ed10bb5a73ebfe4e21e89bf135327007a35d4a92e1a70c839b49fc1993c7",
    "a5010203262001215820fc3eb19a4842b93a4a8d751fa3679c89ee543dc627469a8ba8d84593520e902f2258204dd6abdbb3f27b47d80304226266ad42f8\
     b4f913f7c7caf55ff1d3e31cbfb4a4",
    "alice-260",
);
const BANK_BOB: (&str, &str, &str) = (
    "31f09dc2948c9fadb64b98f6c1f8fe6b13895c686eb1e3b2c9791524727a33e7",
    "a401010327200621582042ff9c6db49cffb3677ec68f4c4a6111aeb2fbd76f98ad6f6ddbda2d8a87bbd8",
    "bob",
);
const SHOP_ALICE: (&str, &str, &str) = (
    "117b2ef9ac08490459992127ed7d97ef9471a4a35882905e922772b76618174e",
    "a501020338222002215830acc50bef7c9efe7dbb7ab3b963611c9e67e9641a110c11da1d4bb7e4920db55741431add55bbefc9333363e231c5a14d225830\
     f3b505188394461212695e35b413187a0136d4bedab2e15fda2dadb602722d2e9cc013be3bdf52baea2d785844ebcbdd",
    "alice",
);
const DELETED: &str = "793279f28f7053158f0dcace299ef34aef912f5c5db17ea10e2d86971d3edc5b";
/// What each passkey's PRF gave for a salt of 32 bytes of 9.
const PRF: &str = "650c9bcf997fbfe17284d4977c89545d13be53ef46f67b7385061cbe993cbe84";

/// A copy of the fixture, which opening would change.
fn fixture() -> TempDir {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1");
    let dir = tempfile::tempdir().unwrap();
    for file in ["data/vault.sqlite3", "state/vault.heads"] {
        let to = dir.path().join(file);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from.join(file), to).unwrap();
    }
    dir
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn credential(hex: &str) -> CredentialId {
    CredentialId::new(bytes(hex)).unwrap()
}

fn serves(vault: &Vault, (id, public, username): (&str, &str, &str)) {
    let id = credential(id);
    let info = vault.passkey(&id).unwrap();
    assert_eq!(
        (info.username.as_str(), info.public_key.clone()),
        (username, bytes(public))
    );
    let signature = vault.sign(&id, b"message").unwrap();
    let public = PublicKey::from_cose_bytes(&info.public_key).unwrap();
    native().verify(&public, b"message", &signature).unwrap();
    assert_eq!(vault.prf(&id, &[9; 32]).unwrap().as_bytes().to_vec(), bytes(PRF));
}

#[test]
fn it_opens_lists_and_signs() {
    let dir = fixture();
    let vault = open(dir.path()).unwrap();
    for passkey in [BANK_ALICE, BANK_BOB, SHOP_ALICE] {
        serves(&vault, passkey);
    }
    assert!(vault.passkey(&credential(DELETED)).is_err());
    assert_eq!(vault.find("shop.example").unwrap().len(), 1);
    let item = vault.item(ItemId(*b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01")).unwrap();
    assert_eq!(item.title, "Not only passkeys");
    assert_eq!(item.credentials[1].kind(), Some("of-the-future"));
    assert!(item.other.field("later").is_some());
}

#[test]
fn it_verifies_from_its_genesis_and_goes_on() {
    let dir = fixture();
    let mut vault = open(dir.path()).unwrap();
    let report = vault.verify().unwrap();
    assert_eq!((report.changes, report.items, report.damage), (269, 7, vec![]));
    vault
        .rename_passkey(&credential(BANK_BOB.0), Some("robert".into()), None, 1_800_000_000_000)
        .unwrap();
    drop(vault);
    let vault = open(dir.path()).unwrap();
    serves(&vault, (BANK_BOB.0, BANK_BOB.1, "robert"));
    assert_eq!(vault.verify().unwrap().changes, 270);
}

#[test]
fn passkeys_whose_ids_have_a_wrong_length_hide_no_others_and_stay_as_they_are() {
    let dir = fixture();
    let mut vault = open(dir.path()).unwrap();
    assert_eq!(vault.damage().unwrap(), []);
    for (last, title) in [
        (0xd6, "bad userHandle"),
        (0xda, "bad userHandle"),
        (0xde, "bad credentialId"),
    ] {
        let mut id = [0; 16];
        id[15] = last;
        let kept = |vault: &Vault| {
            let item = vault.item(ItemId(id)).unwrap();
            assert_eq!((item.title.as_str(), item.passkeys().count()), (title, 0));
            assert_eq!(item.credentials[0].kind(), Some("passkey"));
            let Credential::Other(passkey) = &item.credentials[0] else {
                panic!("typed all the same")
            };
            passkey.expose().clone()
        };
        let before = kept(&vault);
        vault
            .update(ItemId(id), 1, |item| {
                item.favorite = Some(true);
                Ok(())
            })
            .unwrap();
        assert_eq!(kept(&vault), before);
    }
    let store = VaultStore::new(vault, SystemClock, None);
    assert_eq!(store.list().unwrap().len(), 3);
    let site = store.find("bank.example").unwrap();
    let users: Vec<_> = site.iter().filter_map(|record| record.user.name.as_deref()).collect();
    assert_eq!(users, ["bob", "alice-260"]);
}
