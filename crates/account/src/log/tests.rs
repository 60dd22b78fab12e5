use claviger_ctap::crypto::{Algorithm, native};
use proptest::prelude::*;

use super::*;
use crate::ids::{Epoch, ItemId};
use crate::revision::{Header, Parents};

const VAULT: VaultId = VaultId([2; 16]);
const DEVICE: DeviceId = DeviceId([3; 16]);

fn key() -> PrivateKey {
    PrivateKey::from_secret(Algorithm::EdDsa, &[5; 32]).unwrap()
}

fn ledger() -> Ledger {
    Ledger::genesis(native(), DEVICE, &key(), 1).unwrap().0
}

fn start() -> Log {
    Log::start(&ledger(), VAULT)
}

/// Appends a change that touches these items, and returns its bytes.
fn append(log: &mut Log, items: &[u8]) -> Vec<u8> {
    let end = log.end(DEVICE).unwrap();
    let revisions = items
        .iter()
        .map(|&n| {
            let item = ItemId([n; 16]);
            let (number, parents) = log.state().next(item);
            Revision {
                item,
                number,
                hash: native().sha256(&[&[n], &end.hash]),
                parents,
            }
        })
        .collect();
    let change = log.sign(native(), DEVICE, &key(), revisions, 42).unwrap();
    log.take(&change);
    change.bytes
}

fn replay(changes: &[Vec<u8>]) -> Result<Log, Error> {
    let mut log = start();
    for change in changes {
        log.verify_next(native(), &ledger(), DEVICE, change)?;
    }
    Ok(log)
}

fn resume(snapshot: &Snapshot) -> Result<Log, Error> {
    Log::resume(native(), &ledger(), VAULT, DEVICE, snapshot)
}

/// Signs any payload with the right key: what only the device itself could do wrong.
fn signed(edit: impl FnOnce(Map) -> Map) -> Vec<u8> {
    let map = Map::new()
        .with(1, 1)
        .with(2, ledger().account().0)
        .with(3, VAULT.0)
        .with(4, DEVICE.0)
        .with(5, 1)
        .with(6, ledger().head().hash)
        .with(7, 1)
        .with(8, Vec::<Value>::new())
        .with(9, Vec::<Value>::new());
    Sign1::sign(native(), &key(), &DEVICE.0, CHANGE, &Value::from(edit(map)).encode()).unwrap()
}

/// The payload of what [`signed`] made.
fn payload(change: &[u8]) -> Map {
    open(native(), &ledger(), DEVICE, CHANGE, change).unwrap()
}

#[test]
fn a_log_replays_to_the_same_state() {
    let mut log = start();
    let changes: Vec<_> = [&[1_u8][..], &[2, 3], &[1], &[]]
        .iter()
        .map(|items| append(&mut log, items))
        .collect();
    assert_eq!(replay(&changes).unwrap(), log);
    assert_eq!(log.state().next(ItemId([1; 16])).0, 3);
    assert_eq!(log.state().items().count(), 3);
}

/// What the code of commit 3989857 made of the same script, hashed.
#[test]
fn the_bytes_are_those_of_the_first_version_1() {
    let (_, entry) = Ledger::genesis(native(), DEVICE, &key(), 1).unwrap();
    let mut log = start();
    let changes = [&[1_u8][..], &[2, 3], &[1], &[]].map(|items| append(&mut log, items));
    let snapshot = log.snapshot(native(), DEVICE, &key()).unwrap();
    let header = Header {
        account: AccountId([1; 16]),
        vault: VaultId([2; 16]),
        item: ItemId([3; 16]),
        number: 7,
        parents: Parents::from_iter([[4; 32]]),
        epoch: Epoch::FIRST,
    };
    for (bytes, expected) in [
        (
            entry,
            "35ab37207847c8ea767ca5e38113b2df90a7814c4825a17bb84b488346084ef1",
        ),
        (
            changes.concat(),
            "fd82e90cdf3f0def2dac35ca3e64a673f687dd8ef5288a2b17f87f3ddd26a990",
        ),
        (
            snapshot.signed,
            "79d30914db6a836dcb24378a14dab3105ac98171fb2def8fbe7ea029c3e91426",
        ),
        (
            header.encode().unwrap(),
            "ada1ca7ab5e776eff05fb6473687bc0a31fdcc24575a05cd3ff69c7527bbaeee",
        ),
    ] {
        let hash = native().sha256(&[&bytes]);
        let hex = hash
            .iter()
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        assert_eq!(hex, expected);
    }
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
            matches!(
                replay(&[change]),
                Err(Error::Damaged(Damage::Log {
                    device: DEVICE,
                    sequence: 1
                }))
            ),
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
    let mut log = start();
    let change = append(&mut log, &[1]);
    let other = native().generate(Algorithm::EdDsa).unwrap();
    let (ledger, _) = Ledger::genesis(native(), DEVICE, &other, 1).unwrap();
    assert!(start().verify_next(native(), &ledger, DEVICE, &change).is_err());
}

#[test]
fn a_change_of_a_device_that_is_no_member_is_refused() {
    let mut log = start();
    let change = append(&mut log, &[1]);
    let stranger = DeviceId([9; 16]);
    let refused = start().verify_next(native(), &ledger(), stranger, &change);
    assert!(matches!(refused, Err(Error::Damaged(Damage::NotAMember))));
    assert!(log.sign(native(), stranger, &key(), vec![], 1).is_err());
}

#[test]
fn what_was_seen_of_others_is_read_and_refused_while_there_are_none() {
    let seen = |row: Vec<Value>| Change::decode(&payload(&signed(|m| m.with(8, vec![Value::from(row)]))));
    let row = vec![[9; 16].into(), 7.into(), [8; 32].into()];
    let head = Head {
        sequence: 7,
        hash: [8; 32],
    };
    assert_eq!(seen(row.clone()).unwrap().seen, Seen::from([(DeviceId([9; 16]), head)]));
    assert!(seen(row[..2].to_vec()).is_none());
    assert!(replay(&[signed(|m| m.with(8, vec![Value::from(row)]))]).is_err());
}

#[test]
fn a_change_comes_back_with_what_it_had_seen() {
    let change = Change {
        account: ledger().account(),
        vault: VAULT,
        device: DEVICE,
        sequence: 3,
        before: [1; 32],
        time_ms: 4,
        seen: Seen::from([(
            DeviceId([9; 16]),
            Head {
                sequence: 7,
                hash: [8; 32],
            },
        )]),
        revisions: vec![Revision {
            item: ItemId([1; 16]),
            number: 2,
            hash: [2; 32],
            parents: Parents::from_iter([[3; 32]]),
        }],
    };
    let map = decode(&change.encode().unwrap(), &Limits::ENVELOPE)
        .unwrap()
        .into_map()
        .unwrap();
    assert_eq!(Change::decode(&map), Some(change));
}

#[test]
fn a_state_is_a_set_of_heads_and_what_follows_takes_the_place_of_all_of_them() {
    let item = ItemId([1; 16]);
    let revision = |number, hash, parents: &[Hash]| Revision {
        item,
        number,
        hash: [hash; 32],
        parents: parents.iter().copied().collect(),
    };
    let mut state = State::default();
    assert_eq!(state.next(item), (1, Parents::default()));
    state.apply(&revision(1, 1, &[]));
    // Two that did not know of each other.
    state.apply(&revision(2, 3, &[[1; 32]]));
    state.apply(&revision(2, 2, &[[1; 32]]));
    assert_eq!((state.head(item, [2; 32]), state.head(item, [1; 32])), (Some(2), None));
    assert_eq!(state.items().collect::<Vec<_>>(), [item]);
    let (number, parents) = state.next(item);
    assert_eq!((number, parents.hashes()), (3, [[2; 32], [3; 32]].as_slice()));
    assert_eq!(State::decode(&state.encode()).unwrap(), state);
    state.apply(&revision(number, 4, parents.hashes()));
    assert_eq!(state.next(item).1.hashes(), [[4; 32]]);
}

#[test]
fn a_snapshot_resumes_where_it_was_taken() {
    let mut log = start();
    for n in 0..20 {
        append(&mut log, &[n % 7, 100 + n]);
    }
    let snapshot = log.snapshot(native(), DEVICE, &key()).unwrap();
    let mut resumed = resume(&snapshot).unwrap();
    assert_eq!(resumed, log);
    let next = append(&mut log, &[1]);
    resumed.verify_next(native(), &ledger(), DEVICE, &next).unwrap();
    assert_eq!(resumed, log);
    let change = append(&mut log, &[2]);
    let confused = Snapshot {
        signed: change,
        state: snapshot.state,
    };
    assert!(resume(&confused).is_err(), "a change is no snapshot");
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
        let mut log = start();
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
            let end = replay(&forged).map(|log| log.end(DEVICE).unwrap());
            prop_assert!(end.is_err() || end.is_ok_and(|head| head != log.end(DEVICE).unwrap()));
        }
    }

    #[test]
    fn any_changed_byte_of_a_snapshot_is_refused(state in any::<bool>(), at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut log = start();
        append(&mut log, &[1, 2]);
        let mut snapshot = log.snapshot(native(), DEVICE, &key()).unwrap();
        let bytes = if state { &mut snapshot.state } else { &mut snapshot.signed };
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(resume(&snapshot).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(replay(std::slice::from_ref(&bytes)).is_err());
        let snapshot = Snapshot { signed: bytes.clone(), state: bytes };
        prop_assert!(resume(&snapshot).is_err());
    }
}
