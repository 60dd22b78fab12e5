#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::os::unix::fs::MetadataExt as _;

use claviger_ctap::authenticator::device::Protection;
use claviger_ctap::cbor::Map;
use claviger_ctap::crypto::{Algorithm, native};
use claviger_ctap::types::{RpId, UserId};
use claviger_joint::metadata::{Diff, Entry};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::cache::Cache;

fn provider() -> ProviderId {
    ProviderId::parse("org.example.Notebook").unwrap()
}

fn file(dir: &TempDir) -> PathBuf {
    dir.path().join("org.example.Notebook.cache")
}

/// As people have them: two for a site.
fn entry(number: u32) -> Entry {
    let mut id = vec![0x5a; 32];
    id[..4].copy_from_slice(&number.to_be_bytes());
    Entry {
        credential_id: CredentialId::new(id).unwrap(),
        rp_id: RpId::new(format!("p{}.example.net", number / 2)).unwrap(),
        rp_name: Some("An example".into()),
        user_handle: Some(UserId::new(vec![7; 16]).unwrap()),
        user_name: Some(format!("user{number}@example.net")),
        display_name: Some("A. User".into()),
        created_ms: Some(1_700_000_000_000),
        last_used_ms: None,
        backed_up: false,
        tag: None,
        discoverable: true,
        protection: Protection::Optional,
    }
}

fn diff(base: u64, upserts: Vec<Entry>) -> Diff {
    Diff {
        base,
        new: base + 1,
        full: base == 0,
        more: false,
        upserts,
        removed: Vec::new(),
    }
}

fn save(cache: &mut Cache) {
    for unsaved in cache.take_unsaved() {
        unsaved.save().unwrap();
    }
}

fn open(dir: &TempDir) -> Cache {
    Cache::open(dir.path(), native()).unwrap()
}

fn all(cache: &Cache) -> Vec<Cached> {
    cache.all().map(|(_, cached)| cached).collect()
}

/// A file with three changes: a list, a use, a new name.
fn changed_twice(dir: &TempDir) -> (Cache, [u64; 3]) {
    let mut cache = open(dir);
    let id = entry(1).credential_id;
    cache.push(&provider(), diff(0, vec![entry(1), entry(2)])).unwrap();
    let mut lengths = [0; 3];
    for (nth, length) in lengths.iter_mut().enumerate() {
        match nth {
            0 => {}
            1 => cache.used(&provider(), &id, 70),
            _ => cache.renamed(&provider(), &id, Some("bob"), None),
        }
        save(&mut cache);
        *length = std::fs::metadata(file(dir)).unwrap().len();
    }
    (cache, lengths)
}

#[test]
fn a_change_costs_its_own_length_whatever_the_list_has() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = open(&dir);
    let list = (0..5000).map(entry).collect();
    cache.push(&provider(), diff(0, list)).unwrap();
    save(&mut cache);
    let before = std::fs::metadata(file(&dir)).unwrap();
    cache.used(&provider(), &entry(7).credential_id, 70);
    cache.push(&provider(), diff(1, vec![entry(5001)])).unwrap();
    cache.removed(&provider(), &entry(8).credential_id);
    save(&mut cache);
    let after = std::fs::metadata(file(&dir)).unwrap();
    assert_eq!(before.ino(), after.ino(), "it is not another file");
    assert!((1..1000).contains(&(after.len() - before.len())));
    let reopened = open(&dir);
    assert!(all(&reopened) == all(&cache));
    assert_eq!(
        (reopened.count(&provider()), reopened.generation(&provider())),
        (5000, 2)
    );
}

#[test]
fn a_file_that_grew_too_long_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (mut cache, [first, ..]) = changed_twice(&dir);
    let mut longest = 0;
    for now in 0..3 * MIN_ADDED as u64 {
        cache.used(&provider(), &entry(1).credential_id, 100 + now);
        save(&mut cache);
        longest = longest.max(std::fs::metadata(file(&dir)).unwrap().len());
    }
    assert!(longest < first * 2 * MIN_ADDED as u64);
    assert!(all(&open(&dir)) == all(&cache));
}

#[test]
fn a_change_that_was_cut_off_costs_itself_alone_and_nothing_is_added_behind_it() {
    for at in [1, 3, 4, 20] {
        let dir = tempfile::tempdir().unwrap();
        let (_, [_, second, third]) = changed_twice(&dir);
        let bytes = std::fs::read(file(&dir)).unwrap();
        std::fs::write(file(&dir), &bytes[..usize::try_from(third).unwrap() - at]).unwrap();
        let mut cache = open(&dir);
        assert!(cache.troubles().is_empty());
        let known = cache.credential(&provider(), &entry(1).credential_id).unwrap();
        assert_eq!(known.entry.last_used_ms, Some(70));
        assert_eq!(known.entry.user_name, entry(1).user_name);
        cache.used(&provider(), &entry(2).credential_id, 80);
        save(&mut cache);
        assert!(all(&open(&dir)) == all(&cache));
        // A power cut may leave zeros instead.
        let mut bytes = bytes;
        bytes[usize::try_from(second).unwrap()..].fill(0);
        std::fs::write(file(&dir), bytes).unwrap();
        assert!(open(&dir).troubles().is_empty());
    }
}

#[test]
fn a_list_that_is_not_whole_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = open(&dir);
    // More than a frame.
    cache.push(&provider(), diff(0, (0..800).map(entry).collect())).unwrap();
    save(&mut cache);
    let bytes = std::fs::read(file(&dir)).unwrap();
    let first = usize::try_from(u32::from_be_bytes(bytes[HEADER..HEADER + 4].try_into().unwrap())).unwrap();
    for length in [HEADER, HEADER + 4 + first, bytes.len() - 1] {
        std::fs::write(file(&dir), &bytes[..length]).unwrap();
        let cache = open(&dir);
        assert_eq!((cache.count(&provider()), cache.troubles().len()), (0, 1), "{length}");
    }
}

#[test]
fn no_frame_stands_for_another() {
    let dir = tempfile::tempdir().unwrap();
    let (_, lengths) = changed_twice(&dir);
    let bytes = std::fs::read(file(&dir)).unwrap();
    let [first, second, third] = lengths.map(|length| usize::try_from(length).unwrap());
    let left_out = [&bytes[..first], &bytes[second..]].concat();
    let twice = [&bytes[..], &bytes[second..third]].concat();
    let turned = [&bytes[..first], &bytes[second..third], &bytes[first..second]].concat();
    let mut flipped = bytes.clone();
    flipped[first + 10] ^= 1;
    for wrong in [left_out, twice, turned, flipped] {
        std::fs::write(file(&dir), wrong).unwrap();
        let cache = open(&dir);
        assert_eq!((cache.count(&provider()), cache.troubles().len()), (0, 1));
    }
    std::fs::write(file(&dir), bytes).unwrap();
    assert_eq!(open(&dir).count(&provider()), 2);
}

#[test]
fn a_file_that_cannot_be_added_to_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (mut cache, _) = changed_twice(&dir);
    std::fs::remove_file(file(&dir)).unwrap();
    cache.used(&provider(), &entry(2).credential_id, 80);
    for unsaved in cache.take_unsaved() {
        assert!(unsaved.save().is_err());
    }
    cache.not_saved(&[provider()]);
    save(&mut cache);
    assert!(all(&open(&dir)) == all(&cache));
}

#[test]
fn a_file_of_version_1_is_read_and_becomes_one_of_version_2() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(&dir));
    let key: [u8; 32] = std::fs::read(dir.path().join("cache.key")).unwrap().try_into().unwrap();
    let public = native().generate(Algorithm::Es256).unwrap().public_key().clone();
    let left_out = Entry {
        last_used_ms: Some(9),
        ..entry(3)
    };
    let file_1 = Map::new()
        .with(1, 7)
        .with(
            2,
            vec![
                Value::from(Map::new().with(1, entry(1).to_value()).with(2, public.to_cose())),
                Value::from(Map::new().with(1, entry(2).to_value())),
            ],
        )
        .with(3, vec![Value::from(Map::new().with(1, left_out.to_value()))]);
    let plain = Value::from(file_1).encode();
    let aad = [MAGIC_1.as_slice(), provider().as_str().as_bytes()].concat();
    let payload = Payload { msg: &plain, aad: &aad };
    let sealed = XChaCha20Poly1305::new(&key.into())
        .encrypt(&XNonce::from([5; 24]), payload)
        .unwrap();
    let sealed = [MAGIC_1.as_slice(), &[5; 24], &sealed].concat();
    claviger_files::replace_private(&file(&dir), &sealed, Durability::Crash).unwrap();

    let mut cache = open(&dir);
    assert!(cache.troubles().is_empty());
    assert_eq!((cache.count(&provider()), cache.generation(&provider())), (2, 7));
    let first = cache.credential(&provider(), &entry(1).credential_id).unwrap();
    assert_eq!((first.public_key(), first.entry), (Some(public), entry(1)));
    cache.push(&provider(), diff(7, vec![entry(3)])).unwrap();
    save(&mut cache);
    assert!(std::fs::read(file(&dir)).unwrap().starts_with(MAGIC));
    let reopened = open(&dir);
    assert!(all(&reopened) == all(&cache));
    let third = reopened.credential(&provider(), &entry(3).credential_id).unwrap();
    assert_eq!(third.entry.last_used_ms, Some(9), "what was known of it came back");
}

#[test]
fn a_cached_passkey_takes_less_than_300_bytes() {
    const MANY: u32 = 40_000;
    let resident = || -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    let dir = tempfile::tempdir().unwrap();
    let mut cache = open(&dir);
    let before = resident();
    for first in (0..MANY).step_by(256) {
        let part = Diff {
            full: first == 0,
            more: first + 256 < MANY,
            ..diff(first.into(), (first..MANY.min(first + 256)).map(entry).collect())
        };
        let part = Diff {
            base: u64::from(first) / 256,
            new: u64::from(first) / 256 + 1,
            ..part
        };
        cache.push(&provider(), part).unwrap();
    }
    save(&mut cache);
    let each = (resident() - before) * 1024 / u64::from(MANY);
    assert_eq!(cache.count(&provider()), MANY as usize);
    assert!(each < 300, "{each} bytes");
}

/// What may happen to a list.
#[derive(Debug, Clone)]
enum Step {
    Full(Vec<u32>),
    Some(Vec<u32>, Vec<u32>),
    Learn(u32),
    Used(u32, u64),
    Removed(u32),
    Save,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let set = || proptest::collection::btree_set(0..8_u32, 0..6).prop_map(|set| set.into_iter().collect::<Vec<_>>());
    prop_oneof![
        set().prop_map(Step::Full),
        (set(), set()).prop_map(|(upserts, removed)| Step::Some(upserts, removed)),
        (0..8_u32).prop_map(Step::Learn),
        (0..8_u32, 0..99_u64).prop_map(|(number, now)| Step::Used(number, now)),
        (0..8_u32).prop_map(Step::Removed),
        Just(Step::Save),
        Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happened_the_file_says_what_the_memory_knew(steps in proptest::collection::vec(step(), 0..30)) {
        let dir = tempfile::tempdir().unwrap();
        let key = native().generate(Algorithm::EdDsa).unwrap().public_key().clone();
        let mut cache = open(&dir);
        for step in steps {
            match step {
                Step::Full(list) => {
                    let full = Diff { full: true, ..diff(cache.generation(&provider()), list.into_iter().map(entry).collect()) };
                    cache.push(&provider(), full).unwrap();
                }
                Step::Some(upserts, removed) => {
                    let base = cache.generation(&provider());
                    let removed = removed.into_iter().filter(|id| !upserts.contains(id)).map(|id| entry(id).credential_id).collect();
                    let some = Diff { full: false, removed, ..diff(base, upserts.into_iter().map(entry).collect()) };
                    cache.push(&provider(), some).unwrap();
                }
                Step::Learn(id) => cache.learn(&provider(), entry(id), &key),
                Step::Used(id, now) => cache.used(&provider(), &entry(id).credential_id, now),
                Step::Removed(id) => cache.removed(&provider(), &entry(id).credential_id),
                Step::Save => save(&mut cache),
                Step::Reopen => {
                    save(&mut cache);
                    let reopened = open(&dir);
                    prop_assert!(reopened.troubles().is_empty());
                    prop_assert!(all(&reopened) == all(&cache));
                    prop_assert_eq!(reopened.generation(&provider()), cache.generation(&provider()));
                    cache = reopened;
                }
            }
        }
        save(&mut cache);
        // All come back, those that were left out with what was known of them.
        let mut reopened = open(&dir);
        let everything = Diff { full: true, ..diff(cache.generation(&provider()), (0..8).map(entry).collect()) };
        cache.push(&provider(), everything.clone()).unwrap();
        reopened.push(&provider(), everything).unwrap();
        prop_assert!(all(&reopened) == all(&cache));
    }
}
