#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use claviger_ctap::authenticator::device::Protection;
use claviger_ctap::crypto::{Algorithm, native};
use claviger_ctap::types::RpId;
use claviger_joint::metadata::{MAX_CREDENTIALS, Snapshot};

use super::*;

fn provider() -> ProviderId {
    ProviderId::parse("org.example.Notebook").unwrap()
}

fn credential(byte: u8) -> CredentialId {
    CredentialId::new(vec![byte; 16]).unwrap()
}

fn entry(byte: u8, rp_id: &str) -> Entry {
    Entry {
        credential_id: credential(byte),
        rp_id: RpId::new(rp_id).unwrap(),
        rp_name: None,
        user_handle: None,
        user_name: Some("alice-of-wonderland".into()),
        display_name: None,
        created_ms: Some(1),
        last_used_ms: None,
        backed_up: false,
        tag: None,
        discoverable: true,
        protection: Protection::Optional,
    }
}

fn full(new: u64, upserts: Vec<Entry>) -> Diff {
    Diff {
        base: 0,
        new,
        full: true,
        more: false,
        upserts,
        removed: Vec::new(),
    }
}

fn key() -> PublicKey {
    native().generate(Algorithm::EdDsa).unwrap().public_key().clone()
}

fn ids(cache: &Cache, rp_id: &str) -> Vec<CredentialId> {
    cache
        .for_site(rp_id)
        .map(|(_, cached)| cached.entry.credential_id.clone())
        .collect()
}

fn save(cache: &mut Cache) {
    for unsaved in cache.take_unsaved() {
        unsaved.save().unwrap();
    }
}

#[test]
fn diffs_are_applied_in_order_and_found_by_site() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(dir.path(), native()).unwrap();
    cache
        .push(&provider(), full(1, vec![entry(1, "a.example"), entry(2, "b.example")]))
        .unwrap();
    assert_eq!(ids(&cache, "a.example"), [credential(1)]);
    let diff = Diff {
        base: 1,
        new: 2,
        full: false,
        more: false,
        upserts: vec![entry(3, "a.example")],
        removed: vec![credential(1)],
    };
    assert_eq!(cache.push(&provider(), diff.clone()), Ok(2));
    assert_eq!(ids(&cache, "a.example"), [credential(3)]);
    assert_eq!(cache.count(&provider()), 2);
    assert_eq!(cache.push(&provider(), diff), Err(ApplyError::Generation { held: 2 }));
    assert_eq!(ids(&cache, "c.example"), []);
}

#[test]
fn a_refused_diff_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(dir.path(), native()).unwrap();
    cache.push(&provider(), full(5, vec![entry(1, "a.example")])).unwrap();
    let twice = Diff {
        base: 5,
        new: 6,
        full: false,
        more: false,
        upserts: vec![entry(2, "a.example")],
        removed: vec![credential(2)],
    };
    assert_eq!(cache.push(&provider(), twice), Err(ApplyError::Contradiction));
    let backwards = Diff {
        base: 5,
        new: 5,
        full: false,
        more: false,
        upserts: vec![entry(2, "a.example")],
        removed: vec![],
    };
    assert_eq!(cache.push(&provider(), backwards), Err(ApplyError::Contradiction));
    assert_eq!(ids(&cache, "a.example"), [credential(1)]);
    assert_eq!(cache.generation(&provider()), 5);
}

#[test]
fn keys_and_last_use_stay_with_the_credential() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(dir.path(), native()).unwrap();
    let (first, id) = (key(), credential(1));
    cache.learn(&provider(), entry(1, "a.example"), &first);
    cache.used(&provider(), &id, 70);
    cache
        .push(&provider(), full(1, vec![entry(1, "a.example"), entry(2, "a.example")]))
        .unwrap();
    let cached = cache.credential(&provider(), &id).unwrap();
    assert_eq!(
        (cached.public_key(), cached.entry.last_used_ms),
        (Some(first), Some(70))
    );
    assert!(cache.credential(&provider(), &credential(2)).unwrap().key.is_none());
    cache
        .push(&provider(), full(2, vec![entry(1, "other.example")]))
        .unwrap();
    assert!(
        cache.credential(&provider(), &id).unwrap().key.is_none(),
        "it is another credential now"
    );
    assert_eq!(ids(&cache, "a.example"), []);
}

#[test]
fn keys_and_last_use_survive_a_list_that_comes_in_parts() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(dir.path(), native()).unwrap();
    let (first, second) = (key(), key());
    cache.learn(&provider(), entry(1, "a.example"), &first);
    cache.learn(&provider(), entry(2, "a.example"), &second);
    cache.used(&provider(), &credential(2), 70);
    cache.push(&provider(), full(1, vec![entry(1, "a.example")])).unwrap();
    assert_eq!(
        ids(&cache, "a.example"),
        [credential(1)],
        "what was left out is not offered"
    );
    // The broker ends between the parts, and the provider starts over once.
    save(&mut cache);
    let mut cache = Cache::open(dir.path(), native()).unwrap();
    cache.push(&provider(), full(2, vec![entry(1, "a.example")])).unwrap();
    let rest = Diff {
        base: 2,
        new: 3,
        full: false,
        more: false,
        upserts: vec![entry(2, "a.example")],
        removed: Vec::new(),
    };
    cache.push(&provider(), rest).unwrap();
    let known = |byte| {
        let cached = cache.credential(&provider(), &credential(byte)).unwrap();
        (cached.public_key(), cached.entry.last_used_ms)
    };
    assert_eq!((known(1), known(2)), ((Some(first), None), (Some(second), Some(70))));
}

#[test]
fn three_hundred_keys_survive_the_push_of_all() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(dir.path(), native()).unwrap();
    let all: Vec<Entry> = (0_u16..300)
        .map(|number| Entry {
            credential_id: CredentialId::new(number.to_be_bytes().repeat(8)).unwrap(),
            ..entry(0, "a.example")
        })
        .collect();
    let public = key();
    for entry in &all {
        cache.learn(&provider(), entry.clone(), &public);
    }
    let mut generation = 0;
    let diffs = <Snapshot>::default().diffs_to(all, true, || {
        generation += 1;
        generation
    });
    assert!(diffs.len() > 1);
    for diff in diffs {
        cache.push(&provider(), diff).unwrap();
    }
    assert_eq!(cache.all().filter(|(_, cached)| cached.key.is_some()).count(), 300);
}

#[test]
fn a_full_list_still_learns_when_its_credentials_were_used() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(dir.path(), native()).unwrap();
    let numbered = |number: u32| Entry {
        credential_id: CredentialId::new(number.to_be_bytes().to_vec()).unwrap(),
        ..entry(0, "a.example")
    };
    let most = u32::try_from(MAX_CREDENTIALS).unwrap();
    cache
        .push(&provider(), full(1, (0..most).map(numbered).collect()))
        .unwrap();
    let changed = |base, entry| Diff {
        base,
        new: base + 1,
        full: false,
        more: false,
        upserts: vec![entry],
        removed: Vec::new(),
    };
    let used = Entry {
        last_used_ms: Some(70),
        ..numbered(5)
    };
    assert_eq!(cache.push(&provider(), changed(1, used.clone())), Ok(2));
    let cached = cache.credential(&provider(), &used.credential_id).unwrap();
    assert_eq!(cached.entry.last_used_ms, Some(70));
    let one_more = cache.push(&provider(), changed(2, numbered(most)));
    assert_eq!(
        (one_more, cache.count(&provider())),
        (Err(ApplyError::TooMany), MAX_CREDENTIALS)
    );
    cache.learn(&provider(), numbered(most), &key());
    assert_eq!(cache.count(&provider()), MAX_CREDENTIALS);
}

#[test]
fn what_is_removed_does_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(dir.path(), native()).unwrap();
    cache.learn(&provider(), entry(1, "a.example"), &key());
    cache.push(&provider(), full(1, Vec::new())).unwrap();
    cache.removed(&provider(), &credential(1));
    cache.push(&provider(), full(2, vec![entry(1, "a.example")])).unwrap();
    assert!(cache.credential(&provider(), &credential(1)).unwrap().key.is_none());
}

#[test]
fn the_providers_own_words_win_over_the_ceremonys() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(dir.path(), native()).unwrap();
    let pushed = Entry {
        tag: Some("work".into()),
        ..entry(1, "a.example")
    };
    cache.push(&provider(), full(1, vec![pushed])).unwrap();
    cache.learn(&provider(), entry(1, "a.example"), &key());
    let cached = cache.credential(&provider(), &credential(1)).unwrap();
    assert_eq!(cached.entry.tag.as_deref(), Some("work"));
    assert!(cached.key.is_some());
}

#[test]
fn it_survives_a_restart_encrypted() {
    let dir = tempfile::tempdir().unwrap();
    let public = key();
    {
        let mut cache = Cache::open(dir.path(), native()).unwrap();
        cache.push(&provider(), full(3, vec![entry(2, "b.example")])).unwrap();
        cache.learn(&provider(), entry(1, "a.example"), &public);
        save(&mut cache);
        assert!(cache.take_unsaved().is_empty());
    }
    let cache = Cache::open(dir.path(), native()).unwrap();
    assert_eq!(cache.generation(&provider()), 3);
    assert_eq!(
        cache.credential(&provider(), &credential(1)).unwrap().public_key(),
        Some(public)
    );
    assert_eq!(
        cache.credential(&provider(), &credential(2)).unwrap().entry,
        entry(2, "b.example")
    );
    let file = std::fs::read(dir.path().join("org.example.Notebook.cache")).unwrap();
    assert!(
        !file
            .windows(9)
            .any(|window| window == b"a.example" || window == b"alice-of-")
    );
}

#[test]
fn damaged_or_exchanged_files_are_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("org.example.Notebook.cache");
    {
        let mut cache = Cache::open(dir.path(), native()).unwrap();
        cache.push(&provider(), full(3, vec![entry(2, "b.example")])).unwrap();
        save(&mut cache);
    }
    let other = ProviderId::parse("org.example.Other").unwrap();
    std::fs::copy(&path, dir.path().join("org.example.Other.cache")).unwrap();
    let cache = Cache::open(dir.path(), native()).unwrap();
    assert_eq!((cache.generation(&provider()), cache.generation(&other)), (3, 0));
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(Cache::open(dir.path(), native()).unwrap().generation(&provider()), 0);
    std::fs::write(&path, &bytes[..20]).unwrap();
    assert_eq!(Cache::open(dir.path(), native()).unwrap().generation(&provider()), 0);
}

#[test]
fn a_provider_that_goes_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(dir.path(), native()).unwrap();
    cache.push(&provider(), full(1, vec![entry(1, "a.example")])).unwrap();
    save(&mut cache);
    cache.clear(&provider()).unwrap();
    assert_eq!((cache.count(&provider()), ids(&cache, "a.example").len()), (0, 0));
    assert_eq!(Cache::open(dir.path(), native()).unwrap().generation(&provider()), 0);
}

#[test]
fn names_and_removals_are_learnt() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(dir.path(), native()).unwrap();
    cache.push(&provider(), full(1, vec![entry(1, "a.example")])).unwrap();
    cache.renamed(&provider(), &credential(1), Some("bob"), None);
    assert_eq!(cache.all().next().unwrap().1.entry.user_name.as_deref(), Some("bob"));
    cache.removed(&provider(), &credential(1));
    assert_eq!(ids(&cache, "a.example"), []);
    assert_eq!(cache.all().count(), 0);
}

#[test]
fn all_lists_together_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(dir.path(), native()).unwrap();
    assert_eq!(cache.most, MAX_ALL);
    cache.most = 5;
    let other = |number: u8| ProviderId::parse(&format!("org.example.P{number}")).unwrap();
    let list = |from: u8, to: u8| (from..to).map(|byte| entry(byte, "a.example")).collect::<Vec<_>>();
    cache.push(&other(1), full(1, list(0, 3))).unwrap();
    cache.push(&other(2), full(1, list(0, 2))).unwrap();
    assert_eq!(cache.push(&other(3), full(1, list(0, 1))), Err(ApplyError::TooMany));
    cache.push(&other(1), full(2, list(0, 2))).unwrap();
    cache.push(&other(3), full(2, list(0, 1))).unwrap();
    assert_eq!(cache.push(&other(2), full(2, list(0, 3))), Err(ApplyError::TooMany));
    assert_eq!(cache.count(&other(2)), 2, "and nothing changed");
}

#[test]
fn a_list_in_parts_takes_the_others_place_when_its_last_part_is_in() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(dir.path(), native()).unwrap();
    cache
        .push(&provider(), full(1, vec![entry(1, "a.example"), entry(2, "a.example")]))
        .unwrap();
    let part = Diff {
        more: true,
        ..full(5, vec![entry(3, "a.example")])
    };
    assert_eq!(
        cache.push(&provider(), part),
        Ok(5),
        "the provider's next part builds on this one"
    );
    assert_eq!((cache.count(&provider()), cache.generation(&provider())), (2, 1));
    save(&mut cache);
    // What is kept meanwhile is the list that counts.
    let reopened = Cache::open(dir.path(), native()).unwrap();
    assert_eq!((reopened.count(&provider()), reopened.generation(&provider())), (2, 1));
    let last = Diff {
        base: 5,
        full: false,
        ..full(6, vec![entry(1, "a.example")])
    };
    assert_eq!(cache.push(&provider(), last), Ok(6));
    assert_eq!((cache.count(&provider()), cache.generation(&provider())), (2, 6));
}
