//! The vault behind the SDK: what the platform asks of any provider, asked of this one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use claviger_account::item::{Credential, Extension};
use claviger_ctap::authenticator;
use claviger_ctap::authenticator_data::{AuthenticatorData, Flags};
use claviger_ctap::crypto::native;
use claviger_ctap::large_blob::{AtGet, LargeBlob};
use claviger_ctap::prf::{self, PrfAnswer, PrfInput, PrfSalts};
use claviger_ctap::types::{CredentialDescriptor, RpEntity, UserEntity, UserId};
use claviger_ctap::{get_assertion, make_credential};
use claviger_joint::answer::Status;
use claviger_joint::envelope::{Caller, Door, Presentation};
use claviger_joint::evidence::{EvidenceClaims, Expected, Method, Purpose, Tier, VerifiedEvidence, verify};
use claviger_joint::operation::Update;
use claviger_joint::unlock::UnlockSecret;
use claviger_joint::{TransactionId, TroubleKind};
use claviger_provider::manifest::Manifest;
use claviger_provider::sdk::{Call, CredentialStore as _, Provider as _, StoreProvider};
use claviger_vault::Vault;
use claviger_vault::idle::{Clock, DEFAULT_IDLE};
use claviger_vault::provider::{AAGUID, MANIFEST, PROVIDER_ID, TIDY_AFTER, VaultStore};
use zeroize::Zeroizing;

/// Seconds that a test sets.
#[derive(Clone, Default)]
struct TestClock(Arc<AtomicU64>);

impl Clock for TestClock {
    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }

    fn unix_ms(&self) -> u64 {
        1_700_000_000_000 + self.0.load(Ordering::Relaxed) * 1000
    }
}

fn provider(dir: &Path, clock: &TestClock) -> StoreProvider<VaultStore<TestClock>> {
    let vault = Vault::attach(&common::options(dir), native()).unwrap();
    StoreProvider::new(Arc::new(Mutex::new(VaultStore::new(
        vault,
        clock.clone(),
        Some(DEFAULT_IDLE),
    ))))
}

fn secret() -> UnlockSecret {
    UnlockSecret::from_bytes(Zeroizing::new(common::SECRET))
}

fn evidence() -> VerifiedEvidence {
    let key = native().generate(claviger_ctap::crypto::Algorithm::EdDsa).unwrap();
    let id = Manifest::parse(MANIFEST).unwrap().id;
    let transaction = TransactionId([1; 16]);
    let claims = EvidenceClaims {
        audience: id.clone(),
        transaction,
        buffer_hash: [2; 32],
        method: Method::Pin,
        tier: Tier::Software,
        time_ms: 1000,
        count: 1,
        purpose: Purpose::VerifyUser,
    };
    let expected = Expected {
        audience: &id,
        transaction,
        buffer_hash: [2; 32],
        purpose: Purpose::VerifyUser,
        now_ms: 1000,
    };
    verify(
        native(),
        &claims.sign(native(), &key).unwrap(),
        key.public_key(),
        &expected,
        &mut 0,
    )
    .unwrap()
}

fn call(verified: bool) -> Call {
    Call {
        transaction: TransactionId([1; 16]),
        caller: Caller {
            app_id: None,
            name: "test".into(),
            origin: None,
            top_origin: None,
            door: Door::Browser,
        },
        window: None,
        presentation: Presentation::Silent,
        hint: None,
        evidence: verified.then(evidence),
        now_ms: 1_700_000_000_000,
    }
}

fn make_request(user: &str) -> make_credential::Request {
    let user = UserEntity {
        id: UserId::new(user.as_bytes()).unwrap(),
        name: Some(user.to_owned()),
        display_name: Some("Someone".into()),
    };
    let rp = RpEntity {
        id: "a.example".into(),
        name: Some("A".into()),
    };
    let mut request = make_credential::Request::new([3; 32], rp, user, vec![-7]);
    request.options.rk = true;
    request.extensions.insert(prf::NAME, PrfInput::default().to_value());
    request
}

#[tokio::test]
async fn make_and_get_with_prf_through_the_sdk() {
    let dir = tempfile::tempdir().unwrap();
    let vault = provider(dir.path(), &TestClock::default());
    assert!(vault.is_locked() && vault.takes_unlock_secret());
    assert_eq!(
        vault
            .make(call(true), make_request("alice"))
            .await
            .unwrap_err()
            .status(),
        Status::Locked
    );
    assert!(vault.metadata().unwrap().is_none());

    vault.unlock(secret()).await.unwrap();
    let made = vault.make(call(true), make_request("alice")).await.unwrap();
    let data = AuthenticatorData::parse(&made.auth_data).unwrap();
    let attested = data.attested.unwrap();
    assert_eq!(attested.aaguid, AAGUID);
    assert!(
        data.flags.contains(Flags::BE) && !data.flags.contains(Flags::BS),
        "eligible, and nobody else has it yet"
    );

    let mut outputs = Vec::new();
    for salt in [5_u8, 5, 6] {
        // Locked and opened between sign-ins: the PRF must not depend on what is in memory.
        vault.lock().await.unwrap();
        vault.unlock(secret()).await.unwrap();
        let mut request = get_assertion::Request::new("a.example", [4; 32]);
        request.options.uv = true;
        let salts = PrfSalts {
            first: Zeroizing::new([salt; 32]),
            second: None,
        };
        request.extensions.insert(
            prf::NAME,
            PrfInput {
                eval: Some(salts),
                eval_by_credential: vec![],
            }
            .to_value(),
        );
        let got = vault.get(call(true), request).await.unwrap();
        assert_eq!(got.credential.id, attested.id);
        let flags = AuthenticatorData::parse(&got.auth_data).unwrap().flags;
        assert!(flags.contains(Flags::UV) && flags.contains(Flags::BE) && !flags.contains(Flags::BS));
        let signed = [got.auth_data.as_slice(), &[4; 32]].concat();
        native().verify(&attested.public_key, &signed, &got.signature).unwrap();
        let answer = PrfAnswer::from_unsigned_outputs(&got.unsigned_extension_outputs.unwrap())
            .unwrap()
            .unwrap();
        outputs.push(*answer.results.unwrap().0.as_bytes());
    }
    assert_eq!(outputs[0], outputs[1]);
    assert_ne!(outputs[0], outputs[2]);
}

#[tokio::test]
async fn what_a_site_leaves_with_a_passkey_is_there_at_its_next_sign_in() {
    let dir = tempfile::tempdir().unwrap();
    let vault = provider(dir.path(), &TestClock::default());
    vault.unlock(secret()).await.unwrap();
    let keeps = |extension: &str| vault.info().supports_extension(extension);
    assert!(keeps("credBlob") && keeps("largeBlob"));
    let mut request = make_request("alice");
    request.extensions.insert("credBlob", b"what the site left".as_slice());
    let made = vault.make(call(true), request).await.unwrap();
    let outputs = |data: &[u8]| AuthenticatorData::parse(data).unwrap().extensions.unwrap();
    assert_eq!(outputs(&made.auth_data).text("credBlob").unwrap().as_bool(), Some(true));

    vault.lock().await.unwrap();
    vault.unlock(secret()).await.unwrap();
    let mut request = get_assertion::Request::new("a.example", [4; 32]);
    request.extensions.insert("credBlob", true);
    let used = vault.get(call(true), request).await.unwrap();
    assert_eq!(
        outputs(&used.auth_data).text("credBlob").unwrap().as_bytes(),
        Some(b"what the site left".as_slice())
    );
}

#[tokio::test]
async fn a_large_blob_survives_a_lock_and_the_other_fields_of_its_passkey_stay() {
    let dir = tempfile::tempdir().unwrap();
    let vault = provider(dir.path(), &TestClock::default());
    vault.unlock(secret()).await.unwrap();
    let mut request = make_request("alice");
    request.extensions.insert("credBlob", b"small".as_slice());
    let made = vault.make(call(true), request).await.unwrap();
    let id = AuthenticatorData::parse(&made.auth_data).unwrap().attested.unwrap().id;
    let get = |input: &AtGet| {
        let mut request = get_assertion::Request::new("a.example", [4; 32]);
        request.allow_list = vec![CredentialDescriptor::new(id.clone())];
        request.extensions.insert("largeBlob", input.to_input());
        request.extensions.insert("credBlob", true);
        vault.get(call(true), request)
    };
    let output = |response: &get_assertion::Response| {
        let outputs = response.unsigned_extension_outputs.as_ref().unwrap();
        outputs.text("largeBlob").unwrap().as_map().unwrap().clone()
    };
    for byte in [1, 2] {
        let blob = LargeBlob {
            data: vec![byte; 300].into(),
            original_size: 1000,
        };
        let written = get(&AtGet::Write(blob.clone())).await.unwrap();
        assert_eq!(output(&written).text("written").unwrap().as_bool(), Some(true));
        vault.lock().await.unwrap();
        vault.unlock(secret()).await.unwrap();
        let read = get(&AtGet::Read).await.unwrap();
        assert_eq!(LargeBlob::from_output(&output(&read)).unwrap(), Some(blob));
        let signed = AuthenticatorData::parse(&read.auth_data).unwrap().extensions.unwrap();
        assert_eq!(signed.text("credBlob").unwrap().as_bytes(), Some(b"small".as_slice()));
    }
}

#[tokio::test]
async fn without_evidence_no_uv_and_an_excluded_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let vault = provider(dir.path(), &TestClock::default());
    vault.unlock(secret()).await.unwrap();
    let made = vault.make(call(false), make_request("alice")).await.unwrap();
    let data = AuthenticatorData::parse(&made.auth_data).unwrap();
    assert!(!data.flags.contains(Flags::UV));
    let mut again = make_request("bob");
    again
        .exclude_list
        .push(CredentialDescriptor::new(data.attested.unwrap().id));
    assert_eq!(
        vault.make(call(true), again).await.unwrap_err().status(),
        Status::Excluded
    );
}

#[tokio::test]
async fn the_platform_lists_renames_and_deletes() {
    let dir = tempfile::tempdir().unwrap();
    let vault = provider(dir.path(), &TestClock::default());
    vault.unlock(secret()).await.unwrap();
    for user in ["alice", "bob"] {
        vault.make(call(true), make_request(user)).await.unwrap();
    }
    let entries = vault.metadata().unwrap().unwrap();
    assert_eq!(entries.len(), 2);
    assert!(
        entries
            .iter()
            .all(|e| e.rp_id.as_str() == "a.example" && e.discoverable && !e.backed_up)
    );
    let alice = entries
        .iter()
        .find(|e| e.user_name.as_deref() == Some("alice"))
        .unwrap()
        .credential_id
        .clone();
    let update = Update {
        credential: alice.clone(),
        user_name: Some("alice2".into()),
        display_name: None,
    };
    vault.update(call(true), update).await.unwrap();
    let entries = vault.metadata().unwrap().unwrap();
    let renamed = entries.iter().find(|e| e.credential_id == alice).unwrap();
    assert_eq!(
        (renamed.user_name.as_deref(), renamed.display_name.as_deref()),
        (Some("alice2"), Some("Someone"))
    );
    vault.delete(call(true), alice.clone()).await.unwrap();
    assert_eq!(
        vault.delete(call(true), alice).await.unwrap_err().status(),
        Status::NotFound
    );
    assert_eq!(vault.metadata().unwrap().unwrap().len(), 1);
}

#[tokio::test]
async fn the_wrong_secret_is_denied() {
    let dir = tempfile::tempdir().unwrap();
    let vault = provider(dir.path(), &TestClock::default());
    vault.unlock(secret()).await.unwrap();
    vault.lock().await.unwrap();
    let wrong = UnlockSecret::from_bytes(Zeroizing::new([0; 32]));
    let failure = vault.unlock(wrong).await.unwrap_err();
    assert_eq!(failure.status(), Status::Denied);
    assert!(failure.reason().contains("does not open"), "{failure}");
}

#[tokio::test]
async fn an_unused_vault_is_to_lock_and_use_puts_it_off() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::default();
    let vault = provider(dir.path(), &clock);
    let minute = Duration::from_mins(1);
    assert_eq!(vault.store().until_idle(), None, "locked already");
    vault.unlock(secret()).await.unwrap();
    assert_eq!(vault.store().until_idle(), Some(15 * minute));
    clock.0.store(14 * 60, Ordering::Relaxed);
    assert_eq!(vault.store().until_idle(), Some(minute));
    vault.metadata().unwrap();
    assert_eq!(vault.store().until_idle(), Some(minute), "being listed is no use");
    vault.make(call(true), make_request("alice")).await.unwrap();
    assert_eq!(vault.store().until_idle(), Some(15 * minute));
    clock.0.store(29 * 60, Ordering::Relaxed);
    assert_eq!(vault.store().until_idle(), Some(Duration::ZERO));
    vault.store().lock();
    assert_eq!(vault.store().until_idle(), None);
}

#[test]
fn the_manifest_is_the_vaults() {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    assert_eq!(manifest.id.to_string(), PROVIDER_ID);
    assert_eq!(manifest.bus_name, PROVIDER_ID);
    assert!(manifest.speaks_our_version());
}

#[tokio::test]
async fn what_a_site_asked_for_is_what_the_item_holds() {
    let dir = tempfile::tempdir().unwrap();
    let vault = provider(dir.path(), &TestClock::default());
    vault.unlock(secret()).await.unwrap();
    vault.make(call(true), make_request("alice")).await.unwrap();
    let store = vault.store();
    let info = store.vault().find("a.example").unwrap()[0].clone();
    let item = store.vault().item(info.item).unwrap();
    assert_eq!(item.title, "A");
    assert_eq!(item.scope.unwrap().urls, ["https://a.example"]);
    let Credential::Passkey(passkey) = &item.credentials[0] else {
        panic!("not a passkey")
    };
    let seeds = passkey
        .fido2_extensions
        .as_ref()
        .unwrap()
        .hmac_credentials
        .as_ref()
        .unwrap();
    assert_eq!(
        (seeds.with_uv.expose().len(), seeds.without_uv.expose().len()),
        (32, 32)
    );
    assert_ne!(seeds.with_uv.expose(), seeds.without_uv.expose());
}

#[tokio::test]
async fn a_passkey_whose_public_key_cannot_be_read_does_not_take_its_sites_others_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let provider = provider(dir.path(), &TestClock::default());
    provider.unlock(secret()).await.unwrap();
    provider.make(call(true), make_request("alice")).await.unwrap();
    provider.make(call(true), make_request("bob")).await.unwrap();
    provider.lock().await.unwrap();
    drop(provider);
    let mut vault = common::open(dir.path()).unwrap();
    let alice = vault.find("a.example").unwrap().pop().unwrap().clone();
    vault
        .update(alice.item, 1, |item| {
            for extension in &mut item.extensions {
                if let Extension::Passkey(passkey) = extension {
                    passkey.public_key.0.truncate(9);
                }
            }
            Ok(())
        })
        .unwrap();
    let store = VaultStore::new(vault, TestClock::default(), None);
    let served = authenticator::CredentialStore::find(&store, "a.example").unwrap();
    assert_eq!(served.len(), 1);
    assert_ne!(served[0].id, alice.credential_id);
}

#[tokio::test]
async fn a_key_is_of_the_first_algorithm_on_the_sites_list_that_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let vault = provider(dir.path(), &TestClock::default());
    vault.unlock(secret()).await.unwrap();
    for (asked, made) in [
        (vec![-49, -7], -49),
        (vec![-48, -7], -48),
        (vec![-35, -49], -35),
        (vec![-257, -8, -7], -8),
    ] {
        let mut request = make_request(&format!("alice {made}"));
        request.algorithms = asked;
        let answer = vault.make(call(true), request).await.unwrap();
        let data = AuthenticatorData::parse(&answer.auth_data).unwrap();
        assert_eq!(data.attested.unwrap().public_key.algorithm().cose(), made);
    }
    // RSA stays off.
    let mut rsa = make_request("bob");
    rsa.algorithms = vec![-257];
    let refused = vault.make(call(true), rsa).await.unwrap_err();
    assert_eq!(refused.status(), Status::Unsupported);
}

#[tokio::test]
async fn the_write_ahead_log_is_emptied_when_nobody_uses_the_vault_for_some_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::default();
    let vault = provider(dir.path(), &clock);
    vault.unlock(secret()).await.unwrap();
    vault.make(call(true), make_request("alice")).await.unwrap();
    let log = || {
        std::fs::metadata(dir.path().join("data/vault.sqlite3-wal"))
            .unwrap()
            .len()
    };
    let before = log();
    assert!(before > 0);
    clock.0.fetch_add(TIDY_AFTER.as_secs() - 1, Ordering::Relaxed);
    vault.store().tidy_when_unused();
    assert_eq!(log(), before);
    clock.0.fetch_add(1, Ordering::Relaxed);
    vault.store().tidy_when_unused();
    assert_eq!(log(), 0);
    assert!(!vault.is_locked());
}

/// Overwrites the row of the newest item, as a failing disk or a hand would.
fn damage_newest(dir: &Path) {
    let db = rusqlite::Connection::open(dir.join("data/vault.sqlite3")).unwrap();
    let changed = db.execute(
        "UPDATE items SET body = zeroblob(length(body)) WHERE rowid = (SELECT max(rowid) FROM items)",
        [],
    );
    assert_eq!(changed.unwrap(), 1);
}

#[tokio::test]
async fn damaged_passkeys_are_said_to_be_damaged_and_not_to_be_absent() {
    let dir = tempfile::tempdir().unwrap();
    let vault = provider(dir.path(), &TestClock::default());
    vault.unlock(secret()).await.unwrap();
    vault.make(call(true), make_request("alice")).await.unwrap();
    assert_eq!(vault.trouble(), None);
    assert_eq!(vault.metadata().unwrap().unwrap().len(), 1);
    drop(vault);
    damage_newest(dir.path());

    let vault = provider(dir.path(), &TestClock::default());
    vault.unlock(secret()).await.unwrap();
    let trouble = vault.trouble().unwrap();
    assert_eq!(trouble.kind, TroubleKind::Damaged);
    assert!(trouble.reason.unwrap().contains("1 of its items"));
    let asked = get_assertion::Request::new("a.example", [4; 32]);
    assert_eq!(
        vault.get(call(true), asked).await.unwrap_err().status(),
        Status::Damaged
    );
    assert_eq!(
        vault.metadata().unwrap_err().status(),
        Status::Damaged,
        "the platform keeps the list that it has"
    );
    vault.make(call(true), make_request("bob")).await.unwrap();
    let asked = get_assertion::Request::new("a.example", [4; 32]);
    vault.get(call(true), asked).await.unwrap();
}

#[tokio::test]
async fn a_vault_that_does_not_open_says_why_and_what_helps() {
    let dir = tempfile::tempdir().unwrap();
    let vault = provider(dir.path(), &TestClock::default());
    vault.unlock(secret()).await.unwrap();
    vault.lock().await.unwrap();
    let heads = dir.path().join("state/vault.heads");
    let kept = std::fs::read(&heads).unwrap();
    std::fs::remove_file(&heads).unwrap();
    assert_eq!(vault.unlock(secret()).await.unwrap_err().status(), Status::Damaged);
    let reason = vault.trouble().unwrap().reason.unwrap();
    assert!(reason.contains("--accept-restored"), "{reason}");
    std::fs::write(&heads, kept).unwrap();
    vault.unlock(secret()).await.unwrap();
    assert_eq!(vault.trouble(), None);
}
