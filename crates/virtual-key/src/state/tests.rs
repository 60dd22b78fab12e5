//! Unit tests of the store and its file.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use claviger_ctap::authenticator::device::Protection;
use claviger_ctap::crypto::{Algorithm, native};
use claviger_ctap::types::UserId;
use tempfile::TempDir;

use super::*;

fn credential(rp_id: &str, user: &str, algorithm: Algorithm) -> (StoredCredential, PrivateKey, CredentialSecrets) {
    let crypto = native();
    let key = crypto.generate(algorithm).unwrap();
    let record = CredentialRecord {
        id: CredentialId::random(crypto).unwrap(),
        rp_id: rp_id.into(),
        rp_name: Some("A site".into()),
        user: UserEntity {
            id: UserId::new(user.as_bytes()).unwrap(),
            name: Some(user.into()),
            display_name: None,
        },
        public_key: key.public_key().clone(),
        discoverable: true,
        backup_eligible: false,
        backed_up: false,
        sign_count: 0,
        created_ms: 1_700_000_000_000,
    };
    let mut attributes = Attributes::default();
    attributes.protection = Protection::Required;
    attributes.application = Some([9; 32]);
    attributes.cred_blob = Some(b"blob".to_vec());
    attributes.third_party_payment = true;
    let secrets = CredentialSecrets {
        verified_seed: PrfSeed::generate(crypto).unwrap(),
        unverified_seed: PrfSeed::generate(crypto).unwrap(),
        large_blob_key: Some(LargeBlobKey::generate(crypto).unwrap()),
    };
    (StoredCredential { record, attributes }, key, secrets)
}

fn open(folder: &TempDir) -> Result<Store, StateError> {
    Store::open(native(), StateFile::open(&folder.path().join("key.json"))?)
}

#[test]
fn everything_is_there_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder).unwrap();
    let mut ids = Vec::new();
    for algorithm in Algorithm::ALL {
        let (stored, key, secrets) = credential("example.com", &format!("{algorithm:?}"), *algorithm);
        ids.push(stored.record.id.clone());
        store.insert_new(stored, key, secrets).unwrap();
    }
    store.save_state(b"device").unwrap();
    store.save_large_blobs(b"blobs").unwrap();
    assert_eq!(store.next_sign_count(&ids[0]).unwrap(), 1);
    let before = store.all().unwrap();
    let secret = |store: &Store, verified| *store.hmac_secret(&ids[1], verified, &[3; 32]).unwrap().as_bytes();
    let secrets = [secret(&store, true), secret(&store, false)];
    let blob_key = *store.large_blob_key(&ids[0]).unwrap().unwrap().as_bytes();
    drop(store);

    let mut store = open(&folder).unwrap();
    assert_eq!(store.all().unwrap(), before);
    assert_eq!(store.load_state().unwrap().unwrap().as_slice(), b"device");
    assert_eq!(store.load_large_blobs().unwrap().unwrap(), b"blobs");
    assert_eq!([secret(&store, true), secret(&store, false)], secrets);
    assert_eq!(*store.large_blob_key(&ids[0]).unwrap().unwrap().as_bytes(), blob_key);
    assert_eq!(store.next_sign_count(&ids[0]).unwrap(), 2);
    for (id, stored) in ids.iter().zip(&before) {
        let signature = store.sign(id, b"message").unwrap();
        native()
            .verify(&stored.record.public_key, b"message", &signature)
            .unwrap();
    }
}

#[test]
fn the_file_keeps_every_attribute_that_there_is() {
    // The type can grow without this crate noticing. When it has: keep the new one in the file, then name it here.
    let all = "Attributes { protection: Optional, application: false, cred_blob: None, third_party_payment: false }";
    assert_eq!(format!("{:?}", Attributes::default()), all);
}

#[test]
fn the_file_is_for_its_user_only_and_warns_and_nothing_lies_beside_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key.json");
    open(&folder).unwrap().write().unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    open(&folder).unwrap().write().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&path).unwrap().contains("NOT ENCRYPTED"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn one_at_a_time_also_when_both_start_without_a_file() {
    let folder = TempDir::new().unwrap();
    let (mut first, mut second) = (open(&folder).unwrap(), open(&folder).unwrap());
    first.write().unwrap();
    assert!(matches!(second.write(), Err(StateError::InUse(_))));
    assert!(matches!(open(&folder), Err(StateError::InUse(_))));
    // Still after the file has been replaced.
    first.save_state(b"x").unwrap();
    assert!(matches!(open(&folder), Err(StateError::InUse(_))));
    drop(first);
    assert!(open(&folder).is_ok());
}

#[test]
fn a_damaged_file_is_refused_with_the_reason_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key.json");
    let mut store = open(&folder).unwrap();
    let (stored, key, secrets) = credential("example.com", "alice", Algorithm::Es256);
    store.insert_new(stored, key, secrets).unwrap();
    drop(store);
    let good = fs::read_to_string(&path).unwrap();
    let damaged = [
        String::new(),
        "{}".into(),
        "\u{0}\u{1}".into(),
        good[..good.len() / 2].to_owned(),
        good.replace("claviger-virtual-key", "something-else"),
        good.replace("\"version\": 1", "\"version\": 2"),
        good.replace("\"cred_protect\": 3", "\"cred_protect\": 4"),
        good.replace("\"private_key\": \"", "\"private_key\": \"AAAA"),
        good.replace("\"private_key\": \"", "\"private_key\": \"*"),
        good.replace("\"hmac_secret_with_uv\": \"", "\"hmac_secret_with_uv\": \"AAAA"),
        good.replace("\"warning\"", "\"wrong\""),
        good.replace("\"rp_name\"", "\"added_later\": 1, \"rp_name\""),
    ];
    for text in damaged {
        fs::write(&path, &text).unwrap();
        match open(&folder) {
            Err(StateError::Damaged { why, .. }) => assert!(!why.is_empty()),
            other => panic!("{other:?} for {text}"),
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    fs::write(&path, &good).unwrap();
    assert_eq!(open(&folder).unwrap().count(), 1);
}

#[test]
fn what_cannot_be_written_has_not_happened() {
    let folder = TempDir::new().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let mut store = Store::open(native(), StateFile::open(&inner.join("key.json")).unwrap()).unwrap();
    store.write().unwrap();
    // Not even root can write into a directory that is gone.
    fs::remove_dir_all(&inner).unwrap();
    let (stored, key, secrets) = credential("example.com", "alice", Algorithm::Es256);
    assert!(matches!(
        store.insert_new(stored, key, secrets),
        Err(StateError::File { .. })
    ));
    assert_eq!(store.count(), 0);
}

#[test]
fn a_new_credential_for_the_same_account_replaces_the_old_one() {
    let mut store = Store::in_memory(native());
    for _ in 0..2 {
        let (stored, key, secrets) = credential("example.com", "alice", Algorithm::Es256);
        store.insert_new(stored, key, secrets).unwrap();
    }
    assert_eq!(store.count(), 1);
    store.erase().unwrap();
    assert_eq!((store.count(), store.load_state().unwrap()), (0, None));
}

#[test]
fn a_symbolic_link_stays_one() {
    let folder = TempDir::new().unwrap();
    let link = folder.path().join("link.json");
    std::os::unix::fs::symlink(folder.path().join("key.json"), &link).unwrap();
    open(&folder).unwrap().write().unwrap();
    let mut store = Store::open(native(), StateFile::open(&link).unwrap()).unwrap();
    store.write().unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn a_folder_is_no_state_file() {
    let folder = TempDir::new().unwrap();
    assert!(matches!(StateFile::open(folder.path()), Err(StateError::File { .. })));
    assert!(matches!(
        StateFile::open(&folder.path().join("no/such")),
        Err(StateError::File { .. })
    ));
}
