//! The vault through its public face: what goes in comes out, after a lock and after a new start.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use claviger_account::ids::ItemId;
use claviger_account::item::{BasicAuth, Credential, EditableField, Fields, Item};
use claviger_account::secret::SecretText;
use claviger_ctap::crypto::{Algorithm, native};
use claviger_ctap::prf::PrfSeed;
use claviger_vault::{Error, Vault};
use common::{SECRET, add, open, options, record};

fn file(directory: &Path) -> PathBuf {
    directory.join("data/vault.sqlite3")
}

#[test]
fn passkeys_survive_a_lock_and_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    let algorithms = [
        Algorithm::Es256,
        Algorithm::EdDsa,
        Algorithm::Es384,
        Algorithm::MlDsa44,
        Algorithm::MlDsa65,
    ];
    for algorithm in algorithms {
        let key = native().generate(algorithm).unwrap();
        let record = record("bank.example", &format!("{algorithm:?}"), &key);
        vault
            .add_passkey(&record, &key, &PrfSeed::from_bytes(&[7; 32]), None)
            .unwrap();
    }
    let salt = [9; 32];
    let before = vault
        .prf(&vault.find("bank.example").unwrap()[0].credential_id, &salt)
        .unwrap();
    vault.lock();
    assert!(matches!(vault.find("bank.example"), Err(Error::Locked)));
    vault.unlock(&SECRET, 2).unwrap();
    drop(vault);

    let vault = open(dir.path()).unwrap();
    let found = vault.find("bank.example").unwrap();
    assert_eq!(found.len(), algorithms.len());
    for info in found {
        let public = claviger_ctap::crypto::PublicKey::from_cose_bytes(&info.public_key).unwrap();
        let signature = vault.sign(&info.credential_id, b"message").unwrap();
        native().verify(&public, b"message", &signature).unwrap();
        assert!(info.backup_eligible && info.discoverable);
        assert_eq!(
            vault.prf(&info.credential_id, &salt).unwrap().as_bytes(),
            before.as_bytes()
        );
        assert_ne!(
            vault.prf(&info.credential_id, &[8; 32]).unwrap().as_bytes(),
            before.as_bytes()
        );
    }
    assert!(vault.find("other.example").unwrap().is_empty());
}

#[test]
fn a_passkey_has_another_secret_for_unverified_users() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    let added = add(&mut vault, "bank.example", "alice").unwrap();
    let (id, salt) = (added.id, [9; 32]);
    let unverified = vault.prf_unverified(&id, &salt).unwrap();
    assert_ne!(unverified.as_bytes(), vault.prf(&id, &salt).unwrap().as_bytes());
    vault.lock();
    vault.unlock(&SECRET, 2).unwrap();
    assert_eq!(
        unverified.as_bytes(),
        vault.prf_unverified(&id, &salt).unwrap().as_bytes()
    );
}

#[test]
fn only_hosts_are_places_on_the_web() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    for (rp_id, web) in [("bank.example", true), ("ssh:", false), ("ssh:a/b c", false)] {
        add(&mut vault, rp_id, "alice").unwrap();
        let item = vault.item(vault.find(rp_id).unwrap()[0].item).unwrap();
        assert_eq!(item.scope.is_some(), web, "{rp_id}");
    }
}

#[test]
fn a_new_passkey_for_the_same_account_replaces_the_old() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    let old = add(&mut vault, "bank.example", "alice").unwrap();
    add(&mut vault, "bank.example", "bob").unwrap();
    let new = add(&mut vault, "bank.example", "alice").unwrap();
    let ids = |vault: &Vault| -> Vec<_> {
        vault
            .find("bank.example")
            .unwrap()
            .iter()
            .map(|info| info.credential_id.clone())
            .collect()
    };
    assert_eq!(ids(&vault).len(), 2);
    assert!(ids(&vault).contains(&new.id));
    assert!(matches!(vault.sign(&old.id, b"m"), Err(Error::NotFound)));
    drop(vault);
    let vault = open(dir.path()).unwrap();
    assert_eq!(ids(&vault).len(), 2);
    assert_eq!(vault.verify().unwrap().items, 2);
}

#[test]
fn renamed_and_deleted_stay_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    let (alice, bob) = (
        add(&mut vault, "a.example", "alice").unwrap(),
        add(&mut vault, "a.example", "bob").unwrap(),
    );
    vault
        .rename_passkey(&alice.id, Some("alice2".into()), Some("Alice".into()), 5_000)
        .unwrap();
    vault.remove_passkey(&bob.id, 6_000).unwrap();
    drop(vault);
    let mut vault = open(dir.path()).unwrap();
    let found = vault.find("a.example").unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].username.as_str(), found[0].user_display_name.as_str()),
        ("alice2", "Alice")
    );
    assert_eq!(vault.item(found[0].item).unwrap().modified_at, Some(5));
    assert!(matches!(vault.remove_passkey(&bob.id, 7_000), Err(Error::NotFound)));
    assert_eq!(vault.verify().unwrap().damage, []);
}

#[test]
fn other_items_and_imported_passkeys_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    let key = native().generate(Algorithm::Es256).unwrap();
    let mut made = Vault::attach(&options(&dir.path().join("elsewhere")), native()).unwrap();
    made.unlock(&SECRET, 1).unwrap();
    let record = record("bank.example", "alice", &key);
    let id = made
        .add_passkey(&record, &key, &PrfSeed::from_bytes(&[7; 32]), None)
        .unwrap();

    // As another manager would export it: without our extension, beside a password.
    let mut item = made.item(id).unwrap();
    item.extensions.clear();
    item.credentials.push(Credential::BasicAuth(BasicAuth {
        username: None,
        password: Some(EditableField {
            id: None,
            field_type: "concealed-string".into(),
            value: SecretText::new("hunter2".into()),
            label: None,
            other: Fields::default(),
        }),
        other: Fields::default(),
    }));
    vault.add(item, 1).unwrap();
    assert_eq!(
        vault.find("bank.example").unwrap()[0].public_key,
        key.public_key().cose_bytes()
    );
    assert!(
        matches!(vault.add(made.item(id).unwrap(), 1), Err(Error::Exists)),
        "the same item twice"
    );

    vault.remove_passkey(&record.id, 2).unwrap();
    assert!(vault.find("bank.example").unwrap().is_empty());
    let left = vault.item(id).unwrap();
    assert_eq!(
        left.credentials.iter().map(|c| c.kind().unwrap()).collect::<Vec<_>>(),
        ["basic-auth"]
    );
    vault.remove(id, 3).unwrap();
    assert!(matches!(vault.item(id), Err(Error::NotFound)));
}

#[test]
fn a_passkey_with_a_broken_key_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    let item = Item::from_json(
        br#"{"id":"AAAAAAAAAAAAAAAAAAAAAQ","title":"x","credentials":[{"type":"passkey","credentialId":"AQ","rpId":"a.example",
            "username":"","userDisplayName":"","userHandle":"AQ","key":"AQID"}]}"#,
    );
    assert!(matches!(vault.add(item.unwrap(), 1), Err(Error::BadKey)));
    assert_eq!(vault.verify().unwrap().changes, 0);
}

#[test]
fn another_secret_does_not_open_and_does_not_replace() {
    let dir = tempfile::tempdir().unwrap();
    add(&mut open(dir.path()).unwrap(), "a.example", "alice").unwrap();
    let mut vault = Vault::attach(&options(dir.path()), native()).unwrap();
    assert!(vault.exists());
    assert!(matches!(vault.unlock(&[0; 32], 1), Err(Error::WrongSecret)));
    assert!(vault.is_locked());
    vault.unlock(&SECRET, 1).unwrap();
    assert_eq!(vault.find("a.example").unwrap().len(), 1);
}

#[test]
fn one_process_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let vault = open(dir.path()).unwrap();
    let second = Vault::attach(&options(dir.path()), native()).unwrap_err();
    assert!(matches!(second, Error::InUse(_)), "{second}");
    assert!(second.to_string().contains("another process"), "{second}");
    drop(vault);
    open(dir.path()).unwrap();
}

#[test]
fn nobody_else_may_read_and_nothing_stands_in_clear() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    let record = add(&mut vault, "very-private-bank.example", "alice-of-wonderland").unwrap();
    for name in ["data", "state"] {
        assert_eq!(
            dir.path().join(name).metadata().unwrap().permissions().mode() & 0o777,
            0o700,
            "{name}"
        );
        for entry in dir.path().join(name).read_dir().unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(
                path.metadata().unwrap().permissions().mode() & 0o777,
                0o600,
                "{}",
                path.display()
            );
            let bytes = std::fs::read(&path).unwrap();
            for clear in [
                b"very-private-bank".as_slice(),
                b"wonderland",
                b"passkey\"",
                record.id.as_bytes(),
                &SECRET,
            ] {
                assert!(
                    !bytes.windows(clear.len()).any(|window| window == clear),
                    "{}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn what_was_deleted_is_gone_from_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    let record = add(&mut vault, "a.example", "alice").unwrap();
    vault.lock();
    let body = || -> Vec<u8> {
        rusqlite::Connection::open(file(dir.path()))
            .unwrap()
            .query_row("SELECT body FROM items", [], |r| r.get(0))
            .unwrap()
    };
    let part = body()[24..88].to_vec();
    let holds = || {
        std::fs::read(file(dir.path()))
            .unwrap()
            .windows(part.len())
            .any(|window| window == part)
    };
    assert!(holds());
    vault.unlock(&SECRET, 1).unwrap();
    vault.remove_passkey(&record.id, 2).unwrap();
    vault.lock();
    assert!(!holds());
}

#[test]
fn hundreds_of_changes_are_summed_up_in_snapshots_and_still_verify_from_the_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    let mut item = Item::new(ItemId([1; 16]), "0");
    item.tags.push("x".into());
    let id = vault.add(item, 0).unwrap();
    for n in 1..600 {
        vault
            .update(id, n * 1000, |item| {
                item.title = n.to_string();
                Ok(())
            })
            .unwrap();
    }
    drop(vault);
    let snapshot: i64 = rusqlite::Connection::open(file(dir.path()))
        .unwrap()
        .query_row("SELECT sequence FROM snapshot", [], |row| row.get(0))
        .unwrap();
    assert_eq!(snapshot, 512);
    let vault = open(dir.path()).unwrap();
    let report = vault.verify().unwrap();
    assert_eq!((report.changes, report.items, report.damage), (600, 1, vec![]));
    let item = vault.item(id).unwrap();
    assert_eq!((item.title.as_str(), item.tags.len()), ("599", 1));
}

#[test]
fn an_import_of_many_is_in_chunks() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    let items = (0..600_u32)
        .map(|n| Item::new(ItemId::random(native()).unwrap(), n.to_string()))
        .collect();
    vault.import(items, 1).unwrap();
    let report = vault.verify().unwrap();
    assert_eq!((report.changes, report.items), (3, 600));
}

#[test]
fn the_folders_may_be_behind_links_and_the_files_are_none() {
    use std::os::unix::fs::symlink;

    let home = tempfile::tempdir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("home");
    symlink(home.path(), &link).unwrap();
    let mut vault = open(&link).unwrap();
    let made = add(&mut vault, "bank.example", "a").unwrap();
    drop(vault);
    assert_eq!(open(home.path()).unwrap().passkey(&made.id).unwrap().username, "a");

    for name in ["data/vault.sqlite3", "data/vault.lock", "state/vault.heads"] {
        let (place, elsewhere) = (home.path().join(name), home.path().join("elsewhere"));
        std::fs::rename(&place, &elsewhere).unwrap();
        symlink(&elsewhere, &place).unwrap();
        let refused = open(&link).unwrap_err();
        assert!(
            matches!(refused, Error::NotAVault(_) | Error::Io(_)),
            "{name}: {refused}"
        );
        assert!(place.is_symlink(), "{name}");
        std::fs::rename(&elsewhere, &place).unwrap();
    }
    open(&link).unwrap().sign(&made.id, b"m").unwrap();
}

#[test]
fn an_unused_vault_has_an_empty_write_ahead_log() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    for n in 0..100 {
        add(&mut vault, &format!("s{n}.example"), "a").unwrap();
    }
    let log = file(dir.path()).with_extension("sqlite3-wal");
    assert!(std::fs::metadata(&log).unwrap().len() > 0);
    vault.tidy().unwrap();
    assert_eq!(std::fs::metadata(&log).unwrap().len(), 0);
    assert_eq!(vault.verify().unwrap().items, 100);
    add(&mut vault, "after.example", "a").unwrap();
    vault.tidy().unwrap();
    assert_eq!(std::fs::metadata(&log).unwrap().len(), 0);
    vault.lock();
    vault.tidy().unwrap();
}
