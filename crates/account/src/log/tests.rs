use super::*;
use crate::ids::{AccountId, DeviceId, VaultId};
use claviger_ctap::crypto::{Algorithm, native};
use proptest::prelude::*;

const GENESIS: Hash = [7; 32];

fn place() -> Place {
    Place {
        account: AccountId([1; 16]),
        vault: VaultId([2; 16]),
        device: DeviceId([3; 16]),
    }
}

fn key() -> PrivateKey {
    PrivateKey::from_secret(Algorithm::EdDsa, &[5; 32]).unwrap()
}

/// Appends a change that touches these items, and returns its bytes.
fn append(log: &mut Log, items: &[u8]) -> Vec<u8> {
    let revisions = items
        .iter()
        .map(|&n| {
            let item = ItemId([n; 16]);
            let before = log.items().get(&item);
            Revision {
                item,
                number: before.map_or(1, |c| c.revision + 1),
                hash: native().sha256(&[&[n], &log.head().hash]),
                parent: before.map(|c| c.hash),
            }
        })
        .collect();
    let change = log.sign(native(), &key(), revisions, 42).unwrap();
    log.take(&change);
    change.bytes
}

fn replay(changes: &[Vec<u8>]) -> Result<Log, Error> {
    let mut log = Log::start(place(), GENESIS);
    for change in changes {
        log.verify_next(native(), key().public_key(), change)?;
    }
    Ok(log)
}

/// Signs any payload with the right key: what only the device itself could do wrong.
fn signed(edit: impl FnOnce(Map) -> Map) -> Vec<u8> {
    let map = Map::new()
        .with(1, 1)
        .with(2, place().account.0)
        .with(3, place().vault.0)
        .with(4, place().device.0)
        .with(5, 1)
        .with(6, GENESIS)
        .with(7, 1)
        .with(8, Vec::<Value>::new())
        .with(9, Vec::<Value>::new());
    Sign1::sign(
        native(),
        &key(),
        &place().device.0,
        CHANGE,
        &Value::from(edit(map)).encode(),
    )
    .unwrap()
}

#[test]
fn a_log_replays_to_the_same_state() {
    let mut log = Log::start(place(), GENESIS);
    let changes: Vec<_> = [&[1_u8][..], &[2, 3], &[1], &[]]
        .iter()
        .map(|items| append(&mut log, items))
        .collect();
    assert_eq!(replay(&changes).unwrap(), log);
    assert_eq!(log.items()[&ItemId([1; 16])].revision, 2);
}

#[test]
fn a_change_for_another_place_version_or_position_is_refused() {
    assert!(replay(&[signed(|m| m)]).is_ok());
    assert!(replay(&[signed(|m| m.with(99, "later fields are fine"))]).is_ok());
    let wrong: [(i64, Value); 6] = [
        (1, 2.into()),
        (2, [9; 16].into()),
        (3, [9; 16].into()),
        (4, [9; 16].into()),
        (5, 2.into()),
        (6, [9; 32].into()),
    ];
    for (field, value) in wrong {
        let change = signed(|m| m.with(field, value));
        assert!(
            matches!(replay(&[change]), Err(Error::Damaged(Damage::Log(1)))),
            "field {field}"
        );
    }
}

#[test]
fn a_revision_must_follow_the_one_before() {
    let row = |revision: u64, parent: Value| Value::from(vec![[1; 16].into(), revision.into(), [4; 32].into(), parent]);
    assert!(replay(&[signed(|m| m.with(9, vec![row(1, Value::Null)]))]).is_ok());
    for rows in [
        vec![row(2, Value::Null)],
        vec![row(1, [4; 32].into())],
        vec![row(1, Value::Null), row(1, Value::Null)],
        vec![row(1, Value::Null), row(2, [4; 32].into())],
    ] {
        assert!(replay(&[signed(|m| m.with(9, rows))]).is_err());
    }
}

#[test]
fn a_change_by_another_key_is_refused() {
    let mut log = Log::start(place(), GENESIS);
    let change = append(&mut log, &[1]);
    let other = native().generate(Algorithm::EdDsa).unwrap();
    assert!(
        Log::start(place(), GENESIS)
            .verify_next(native(), other.public_key(), &change)
            .is_err()
    );
}

#[test]
fn a_snapshot_resumes_where_it_was_taken() {
    let mut log = Log::start(place(), GENESIS);
    for n in 0..20 {
        append(&mut log, &[n % 7, 100 + n]);
    }
    let snapshot = log.snapshot(native(), &key()).unwrap();
    let mut resumed = Log::resume(native(), place(), key().public_key(), &snapshot).unwrap();
    assert_eq!(resumed, log);
    let next = append(&mut log, &[1]);
    resumed.verify_next(native(), key().public_key(), &next).unwrap();
    assert_eq!(resumed, log);
    let change = append(&mut log, &[2]);
    let confused = Snapshot {
        signed: change,
        state: snapshot.state,
    };
    assert!(
        Log::resume(native(), place(), key().public_key(), &confused).is_err(),
        "a change is no snapshot"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_other_sequence_of_changes_verifies_to_the_same_end(
        script in prop::collection::vec(prop::collection::btree_set(0_u8..6, 0..3), 2..12),
        what in 0_u8..4,
        a in any::<prop::sample::Index>(),
        b in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let mut log = Log::start(place(), GENESIS);
        let honest: Vec<_> =
            script.iter().map(|items| append(&mut log, &items.iter().copied().collect::<Vec<_>>())).collect();
        prop_assert_eq!(&replay(&honest).unwrap(), &log);
        let mut forged = honest.clone();
        let (a, b) = (a.index(honest.len()), b.index(honest.len()));
        match what {
            0 => { forged.remove(a); }
            1 => forged.swap(a, b),
            2 => forged.insert(a, honest[b].clone()),
            _ => { let at = b % forged[a].len(); forged[a][at] ^= flip; }
        }
        if forged != honest {
            // A shorter prefix verifies by itself; its head is what gives it away (and the record of heads notices).
            let end = replay(&forged).map(|log| log.head());
            prop_assert!(end.is_err() || end.is_ok_and(|head| head != log.head()));
        }
    }

    #[test]
    fn any_changed_byte_of_a_snapshot_is_refused(state in any::<bool>(), at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut log = Log::start(place(), GENESIS);
        append(&mut log, &[1, 2]);
        let mut snapshot = log.snapshot(native(), &key()).unwrap();
        let bytes = if state { &mut snapshot.state } else { &mut snapshot.signed };
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(Log::resume(native(), place(), key().public_key(), &snapshot).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(replay(std::slice::from_ref(&bytes)).is_err());
        let snapshot = Snapshot { signed: bytes.clone(), state: bytes };
        prop_assert!(Log::resume(native(), place(), key().public_key(), &snapshot).is_err());
    }
}
