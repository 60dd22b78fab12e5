//! Tests of the store: its codec against damage, and its replacement against power cuts at every point.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod power;

use std::sync::LazyLock;

use claviger_ctap::crypto::native;
use power::Disk;
use proptest::prelude::*;

use super::*;
use crate::{
    counter::{TryCounter, TryPolicy},
    keys::UserKey,
    protector::{CodeKeys, KdfParameters, PinKeys, Wrapping},
};
use claviger_pin::{Pin, RecoveryCode};

static STATE: LazyLock<State> = LazyLock::new(|| {
    let key = UserKey::generate(native()).unwrap();
    let pin = Pin::new("zebra-94").unwrap();
    State {
        evidence_count: 41,
        copies: 2,
        uv_key: key.evidence_key(native()).unwrap().public_key().clone(),
        records: vec![Record::Used(Box::new(Protector::new(
            Wrapping::Pin(PinKeys::wrap(native(), &pin, KdfParameters::STANDARD, &key).unwrap()),
            2,
        )))],
    }
});

/// The same with a recovery code that was made, typed back, made anew, and typed back.
static WITH_CODE: LazyLock<[State; 4]> = LazyLock::new(|| {
    let key = UserKey::generate(native()).unwrap();
    let another = |keys: CodeKeys| {
        let code = RecoveryCode::generate(native()).unwrap();
        keys.with_pending(native(), &code, b"somebody", &key).unwrap()
    };
    let made = another(CodeKeys::default());
    let confirmed = made.clone().confirmed().unwrap();
    let replacing = another(confirmed.clone());
    let replaced = replacing.clone().confirmed().unwrap();
    [made, confirmed, replacing, replaced].map(|keys| {
        let mut state = STATE.clone();
        state.add(Protector::new(Wrapping::RecoveryCode(keys), 2));
        state
    })
});

fn moment(since_boot_ms: u64) -> Moment {
    Moment {
        boot: [3; 16],
        since_boot_ms,
    }
}

fn with_failures(failures: u8) -> State {
    let last = (failures > 0).then(|| moment(77));
    let mut state = STATE.clone();
    state.protector_mut(Method::Pin).unwrap().tries = TryCounter::from_parts(&TryPolicy::PIN, failures, last).unwrap();
    state
}

fn same(one: &State, two: &State) -> bool {
    encode(native(), 0, None, one) == encode(native(), 0, None, two)
}

/// A map with a correct checksum, whatever is in it.
fn sealed(map: Map) -> Vec<u8> {
    let mut bytes = Value::from(map).encode();
    let checksum = native().sha256(&[&bytes]);
    bytes.extend_from_slice(&checksum);
    bytes
}

fn as_map(state: &State) -> Map {
    let bytes = encode(
        native(),
        9,
        Some(Birth {
            seconds: 5,
            nanoseconds: 6,
        }),
        state,
    );
    decode(&bytes[..bytes.len() - CHECKSUM], &LIMITS)
        .unwrap()
        .into_map()
        .unwrap()
}

#[test]
fn reads_what_it_wrote() {
    let birth = Birth {
        seconds: -5,
        nanoseconds: 999_999_999,
    };
    let states = [STATE.clone(), with_failures(10)].into_iter().chain(WITH_CODE.clone());
    for (state, born) in states.zip([None, Some(birth)].into_iter().cycle()) {
        let parsed = parse(native(), &encode(native(), 17, born, &state)).unwrap();
        assert_eq!((parsed.generation, parsed.born), (17, born));
        assert!(same(&parsed.state, &state));
    }
}

#[test]
fn every_field_is_checked() {
    let good = as_map(&with_failures(3));
    assert!(parse(native(), &sealed(good.clone())).is_ok());
    let pair = |a: Value, b: Value| Value::from(vec![a, b]);
    let pin = STATE.records[0].to_cbor();
    let code = WITH_CODE[0].records[1].to_cbor();
    for (key, bad) in [
        (1, Value::from("other")),
        (3, Value::from(-1)),
        (4, Value::from("1")),
        (5, pair(Value::from(1), Value::from(1_u64 << 32))),
        (5, Value::from(vec![Value::from(1)])),
        (6, Value::from(Map::new())),
        (7, Value::from(vec![Value::Null])),
        (7, Value::from(vec![Value::from(vec![Value::from(1), Value::from(1)])])),
        (7, Value::from(vec![pin.clone(), pin.clone()])),
        (7, Value::from(vec![pin, code.clone(), code])),
        (8, Value::Null),
        // The PIN's protector says that its tries account for two.
        (8, Value::from(1)),
    ] {
        let mut map = good.clone();
        map.insert(key, bad);
        assert!(
            matches!(parse(native(), &sealed(map)), Err(StoreError::Damaged(_))),
            "field {key}"
        );
    }
    for key in 1..=8 {
        let mut map = good.clone();
        map.remove_int(key);
        assert!(parse(native(), &sealed(map)).is_err(), "field {key}");
    }
    assert!(matches!(
        parse(native(), &sealed(good.clone().with(9, 1))),
        Err(StoreError::Damaged(_))
    ));
    assert!(matches!(
        parse(native(), &sealed(good.with(2, 5))),
        Err(StoreError::Version(5))
    ));
}

/// A fingerprint of a later version, and a PIN in a state of a later version. The record of one is not even CBOR.
fn of_later_versions() -> [Value; 2] {
    let later = |kind: u64, state: u64, record: &[u8]| {
        Value::from(vec![Value::from(kind), Value::from(state), Value::from(record)])
    };
    [later(2, 1, &[0xff; 99]), later(1, 7, &[0xa1, 0x01, 0x18, 0x05])]
}

#[test]
fn protectors_of_later_versions_stay_byte_for_byte_and_in_their_place() {
    let [finger, other_pin] = of_later_versions();
    let records = vec![
        finger,
        STATE.records[0].to_cbor(),
        other_pin,
        WITH_CODE[0].records[1].to_cbor(),
    ];
    let file = sealed(as_map(&STATE).with(7, records.clone()));
    let Parsed { state, .. } = parse(native(), &file).unwrap();
    assert_eq!(state.protectors().count(), 2);
    // Every change writes them as they were, and the tries that are counted are the PIN's.
    let mut changed = state.clone();
    changed.protector_mut(Method::Pin).unwrap().tries =
        TryCounter::from_parts(&TryPolicy::PIN, 4, Some(moment(77))).unwrap();
    let written = as_map(&changed);
    let now = written.int(7).unwrap().as_array().unwrap();
    assert_eq!((&now[0], &now[2..]), (&records[0], &records[2..]));
    assert_ne!(now[1], records[1]);
    // And unchanged it is the same file.
    assert_eq!(sealed(as_map(&state)), file);
}

#[test]
fn a_file_without_a_pin_that_this_version_takes_is_left_alone() {
    let [finger, other_pin] = of_later_versions();
    let without = sealed(as_map(&STATE).with(7, vec![finger, other_pin]));
    assert!(matches!(parse(native(), &without), Err(StoreError::NoPin)));
}

#[test]
fn a_copy_counts_for_every_protector_now_or_when_it_is_known() {
    let mut state = with_failures(1);
    assert!(!state.settle_copies(moment(90)));
    state.copies += 1;
    assert!(state.settle_copies(moment(90)));
    assert!(!state.settle_copies(moment(91)));
    let protector = state.protectors().next().unwrap();
    assert_eq!(
        (protector.copies, protector.tries.gate(moment(90)).tries_left()),
        (3, 2)
    );
    // The file says three for those that this version does not know.
    assert_eq!(as_map(&state).int(8).and_then(Value::as_unsigned), Some(3));
}

#[test]
fn a_copy_put_in_the_place_of_the_file_shows() {
    let disk = Disk::default();
    let (mut store, found) = Store::open(Box::new(disk.clone()), native()).unwrap();
    assert!(found.state.is_none() && !found.restored);
    store.replace(&STATE).unwrap();
    let backup = disk.newest();
    store.replace(&with_failures(9)).unwrap();
    let (_, found) = Store::open(Box::new(disk.clone()), native()).unwrap();
    assert!(!found.restored);
    disk.put_back(backup);
    let (_, found) = Store::open(Box::new(disk), native()).unwrap();
    assert!(found.restored);
}

/// The steps of a replacement, each of which may be the last one before the power goes.
const STEPS: usize = 6;

/// Cuts the power before every step and after the last one, lets everything that was not synced turn out in every way it
/// may, and looks at what is there afterwards.
#[test]
fn a_power_cut_leaves_the_old_state_or_the_new_one() {
    let recovered = {
        let mut state = WITH_CODE[1].clone();
        let anew = Protector::new(STATE.protectors().next().unwrap().wrapping.clone(), 2);
        *state.protector_mut(Method::Pin).unwrap() = anew;
        state
    };
    let locked_out = {
        let mut state = WITH_CODE[1].clone();
        let tries = TryCounter::from_parts(&TryPolicy::PIN, 10, Some(moment(77))).unwrap();
        state.protector_mut(Method::Pin).unwrap().tries = tries;
        state
    };
    let [made, confirmed, replacing, replaced] = WITH_CODE.clone();
    for (old, new) in [
        (with_failures(3), with_failures(4)),
        (STATE.clone(), made.clone()),
        (made, confirmed.clone()),
        (confirmed, replacing.clone()),
        (replacing, replaced),
        (locked_out, recovered),
    ] {
        cut_the_power(&old, &new);
    }
}

fn cut_the_power(old: &State, new: &State) {
    let mut outcomes = 0;
    for steps in 0..=STEPS {
        let disk = Disk::default();
        let (mut store, _) = Store::open(Box::new(disk.clone()), native()).unwrap();
        store.replace(old).unwrap();
        disk.cut_after(steps);
        let finished = store.replace(new).is_ok();
        assert_eq!(finished, steps == STEPS);
        for survivor in disk.after_power_cut() {
            outcomes += 1;
            let (mut store, found) = Store::open(Box::new(survivor.clone()), native()).unwrap();
            let state = found.state.unwrap();
            assert!(!found.restored);
            assert!(same(&state, new) || (!finished && same(&state, old)), "{steps} steps");
            // And it goes on from there, remainders or not.
            store.replace(&with_failures(5)).unwrap();
            let (_, found) = Store::open(Box::new(survivor), native()).unwrap();
            assert!(same(&found.state.unwrap(), &with_failures(5)));
        }
    }
    assert!(outcomes > STEPS);
}

#[test]
fn a_power_cut_during_the_first_replacement_leaves_nothing_or_the_state() {
    // The first one begins with a note, so that no file of this version is ever without one.
    for steps in 0..=STEPS + 1 {
        let disk = Disk::default();
        let (mut store, _) = Store::open(Box::new(disk.clone()), native()).unwrap();
        disk.cut_after(steps);
        let finished = store.replace(&STATE).is_ok();
        for survivor in disk.after_power_cut() {
            let (_, found) = Store::open(Box::new(survivor), native()).unwrap();
            assert!(!found.restored);
            match found.state {
                Some(state) => assert!(same(&state, &STATE)),
                None => assert!(!finished),
            }
        }
    }
}

/// The simulated disk must be able to show what would happen without the syncs, or the tests above would prove nothing.
#[test]
fn without_the_sync_the_power_cut_would_show() {
    let disk = Disk::default();
    let mut medium: Box<dyn Medium> = Box::new(disk.clone());
    medium.create().unwrap();
    medium.fill(&encode(native(), 1, None, &STATE)).unwrap();
    medium.publish().unwrap();
    medium.sync_directory().unwrap();
    let broken = |disk: Disk| Store::open(Box::new(disk), native()).is_err();
    assert!(disk.after_power_cut().into_iter().any(broken));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(parse(native(), &bytes).is_err());
    }

    /// With a checksum that fits, so that the map itself is reached.
    #[test]
    fn arbitrary_maps_are_refused(content in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut bytes = content;
        let checksum = native().sha256(&[&bytes]);
        bytes.extend_from_slice(&checksum);
        prop_assert!(parse(native(), &bytes).is_err());
    }

    /// A byte changed, checksum mended: whatever still parses spent as many tries as a file can say, and none parses as a counter
    /// outside its range.
    #[test]
    fn edited_maps_never_panic_nor_yield_impossible_tries(position in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let good = encode(native(), 9, None, &with_failures(10));
        let mut content = good[..good.len() - CHECKSUM].to_vec();
        let at = position.index(content.len());
        content[at] = byte;
        let checksum = native().sha256(&[&content]);
        content.extend_from_slice(&checksum);
        if let Ok(parsed) = parse(native(), &content) {
            for protector in parsed.state.protectors() {
                prop_assert!(protector.tries.failures() <= TryPolicy::PIN.max_failures);
            }
        }
    }

    #[test]
    fn any_flipped_bit_is_refused(position in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut bytes = encode(native(), 9, None, &with_failures(10));
        let at = position.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(parse(native(), &bytes).is_err());
    }

    #[test]
    fn any_truncation_is_refused(position in any::<prop::sample::Index>()) {
        let bytes = encode(native(), 9, None, &with_failures(10));
        prop_assert!(parse(native(), &bytes[..position.index(bytes.len())]).is_err());
    }
}
