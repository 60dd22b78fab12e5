//! The codec against RFC 8949 appendix A, the rules of CTAP 2.1 §8, the limits, and random input.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::*;
use crate::testing::hex;

const LOOSE: Limits = Limits {
    max_bytes: 1 << 16,
    max_depth: 16,
    max_items: 1 << 16,
    other_simple: false,
};

/// What CTAP 2.1 §8 reads.
const CTAP2: Limits = Limits {
    other_simple: true,
    ..LOOSE
};

fn ints(numbers: &[i64]) -> Value {
    numbers.iter().map(|n| Value::from(*n)).collect::<Vec<_>>().into()
}

#[test]
fn rfc_8949_appendix_a_what_ctap_allows() {
    let longer: Vec<i64> = (1..=25).collect();
    let vectors: Vec<(&str, Value)> = vec![
        ("00", 0.into()),
        ("01", 1.into()),
        ("0a", 10.into()),
        ("17", 23.into()),
        ("1818", 24.into()),
        ("1819", 25.into()),
        ("1864", 100.into()),
        ("1903e8", 1000.into()),
        ("1a000f4240", 1_000_000.into()),
        ("1b000000e8d4a51000", 1_000_000_000_000_u64.into()),
        ("1bffffffffffffffff", u64::MAX.into()),
        ("3bffffffffffffffff", Value::Negative(u64::MAX)),
        ("20", (-1).into()),
        ("29", (-10).into()),
        ("3863", (-100).into()),
        ("3903e7", (-1000).into()),
        ("f4", false.into()),
        ("f5", true.into()),
        ("f6", Value::Null),
        ("40", Value::Bytes(vec![])),
        ("4401020304", vec![1_u8, 2, 3, 4].into()),
        ("60", "".into()),
        ("6161", "a".into()),
        ("6449455446", "IETF".into()),
        ("62225c", "\"\\".into()),
        ("62c3bc", "\u{fc}".into()),
        ("63e6b0b4", "\u{6c34}".into()),
        ("64f0908591", "\u{10151}".into()),
        ("80", ints(&[])),
        ("83010203", ints(&[1, 2, 3])),
        (
            "8301820203820405",
            Value::Array(vec![1.into(), ints(&[2, 3]), ints(&[4, 5])]),
        ),
        (
            "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
            ints(&longer),
        ),
        ("a0", Map::new().into()),
        ("a201020304", Map::new().with(1, 2).with(3, 4).into()),
        (
            "a26161016162820203",
            Map::new().with("a", 1).with("b", ints(&[2, 3])).into(),
        ),
        (
            "826161a161626163",
            Value::Array(vec!["a".into(), Map::new().with("b", "c").into()]),
        ),
        (
            "a56161614161626142616361436164614461656145",
            ["a", "b", "c", "d", "e"]
                .into_iter()
                .zip(["A", "B", "C", "D", "E"])
                .collect::<Map>()
                .into(),
        ),
    ];
    for (encoded, value) in vectors {
        assert_eq!(decode(&hex(encoded), &LOOSE), Ok(value.clone()), "{encoded}");
        assert_eq!(value.encode(), hex(encoded), "{encoded}");
    }
}

#[test]
fn floating_point_and_other_simple_values_are_kept_as_they_come_where_they_are_allowed() {
    for encoded in OTHER_SIMPLE {
        for whole in [format!("82{encoded}01"), format!("a1{encoded}{encoded}")] {
            let bytes = hex(&whole);
            assert_eq!(decode(&bytes, &CTAP2).unwrap().encode(), bytes, "{whole}");
            let refused = Err(CborError::Unsupported { offset: 1 });
            assert_eq!(decode(&bytes, &LOOSE), refused, "{whole}");
        }
        let value = decode(&hex(encoded), &CTAP2).unwrap();
        assert!(value.as_unsigned().is_none() && value.as_bool().is_none() && value != Value::Null);
    }
    // The size is part of the value: 1.0 in two bytes is not 1.0 in four.
    assert_ne!(decode(&hex("f93c00"), &CTAP2), decode(&hex("fa3f800000"), &CTAP2),);
    for cut in ["f8", "f93c", "fa3f8000", "fb3ff19999999999"] {
        assert!(
            matches!(decode(&hex(cut), &CTAP2), Err(CborError::Truncated { .. })),
            "{cut}"
        );
    }
}

/// Floating-point numbers (NaN and infinity too), undefined, and simple values without a meaning.
const OTHER_SIMPLE: [&str; 11] = [
    "f90000",
    "f93c00",
    "f97c00",
    "f97e00",
    "fa47c35000",
    "fa7fc00000",
    "fb3ff199999999999a",
    "f7",
    "f0",
    "f820",
    "f8ff",
];

#[test]
fn rfc_8949_appendix_a_what_ctap_forbids() {
    // Tags, reserved initial bytes, simple values in two bytes that have one, indefinite lengths.
    let unsupported = [
        "f800",
        "f818",
        "f81f",
        "fc",
        "c1",
        "c11a514b67b0",
        "c074323031332d30332d32315432303a30343a30305a",
        "d74401020304",
        "d818456449455446",
        "c249010000000000000000",
        "1c",
        "3d",
        "5e",
        "ff",
        "1f",
        "3f",
    ];
    for (encoded, limits) in unsupported
        .into_iter()
        .flat_map(|encoded| [(encoded, LOOSE), (encoded, CTAP2)])
    {
        assert_eq!(
            decode(&hex(encoded), &limits),
            Err(CborError::Unsupported { offset: 0 }),
            "{encoded}"
        );
    }
    for encoded in [
        "5f42010243030405ff",
        "7f657374726561646d696e67ff",
        "9fff",
        "9f018202039f0405ffff",
        "bfff",
    ] {
        assert_eq!(
            decode(&hex(encoded), &LOOSE),
            Err(CborError::Indefinite { offset: 0 }),
            "{encoded}"
        );
    }
}

#[test]
fn integers_and_lengths_are_in_the_shortest_form() {
    for encoded in [
        "1817",
        "190018",
        "1900ff",
        "1a0000ffff",
        "1b00000000ffffffff",
        "3817",
        "5800",
        "7801 61",
        "9800",
        "b800",
    ] {
        assert_eq!(
            decode(&hex(encoded), &LOOSE),
            Err(CborError::NotShortest { offset: 0 }),
            "{encoded}"
        );
    }
}

#[test]
fn map_keys_are_sorted_by_type_then_length_then_bytes() {
    // CTAP 2.1 §8: 10, 100, -1, "z", "aa"; byte strings sort between negative numbers and text.
    let map = Map::new()
        .with("aa", 6)
        .with("z", 5)
        .with(vec![9_u8], 4)
        .with(-1, 3)
        .with(100, 2)
        .with(10, 1);
    let canonical = hex("a6 0a01 186402 2003 410904 617a05 62616106");
    assert_eq!(Value::from(map.clone()).encode(), canonical);
    assert_eq!(decode(&canonical, &LOOSE), Ok(map.into()));

    for (wrong, offset) in [
        ("a2 0a01 0902", 3),
        ("a2 2001 0a02", 3),
        ("a2 62616101 617a02", 5),
        ("a2 617a01 616102", 4),
    ] {
        assert_eq!(
            decode(&hex(wrong), &LOOSE),
            Err(CborError::NotSorted { offset }),
            "{wrong}"
        );
    }
    for (wrong, offset) in [("a2 0101 0102", 3), ("a2 617a01 617a01", 4), ("a2 f501 f502", 3)] {
        assert_eq!(
            decode(&hex(wrong), &LOOSE),
            Err(CborError::DuplicateKey { offset }),
            "{wrong}"
        );
    }
}

#[test]
fn text_is_utf_8() {
    for wrong in ["61ff", "62c328", "63eda080"] {
        assert_eq!(
            decode(&hex(wrong), &LOOSE),
            Err(CborError::NotUtf8 { offset: 0 }),
            "{wrong}"
        );
    }
}

#[test]
fn input_ends_where_the_item_ends() {
    for (wrong, offset) in [
        ("", 0),
        ("18", 1),
        ("1901", 1),
        ("42ff", 1),
        ("6161 00", 2),
        ("8201", 0),
        ("a101", 0),
    ] {
        let error = decode(&hex(wrong), &LOOSE).unwrap_err();
        let expected = if wrong == "6161 00" {
            CborError::TrailingBytes { offset }
        } else {
            CborError::Truncated { offset }
        };
        assert_eq!(error, expected, "{wrong}");
    }
    assert_eq!(decode_prefix(&[1, 2, 3], &LOOSE), Ok((1.into(), &[2, 3][..])));
}

#[test]
fn a_long_promise_reserves_no_memory() {
    for wrong in [
        "9bffffffffffffffff",
        "bbffffffffffffffff",
        "5bffffffffffffffff",
        "7bffffffffffffffff",
        "9a7fffffff00",
    ] {
        assert!(
            matches!(decode(&hex(wrong), &LOOSE), Err(CborError::Truncated { .. })),
            "{wrong}"
        );
    }
}

#[test]
fn limits_hold_exactly() {
    let limits = Limits {
        max_bytes: 4,
        max_depth: 2,
        max_items: 3,
        other_simple: false,
    };
    assert!(decode(&hex("81 81 01"), &limits).is_ok());
    assert_eq!(decode(&hex("8181 80"), &limits), Err(CborError::TooDeep { offset: 2 }));
    assert_eq!(decode(&hex("8181 a0"), &limits), Err(CborError::TooDeep { offset: 2 }));
    assert!(decode(&hex("82 01 02"), &limits).is_ok());
    assert_eq!(
        decode(&hex("83 01 02 03"), &limits),
        Err(CborError::TooManyItems { offset: 0 })
    );
    assert_eq!(
        decode(&hex("44 01020304"), &limits),
        Err(CborError::TooLong { length: 5, limit: 4 })
    );
    assert_eq!(
        decode(&[0x01], &Limits { max_items: 0, ..limits }),
        Err(CborError::TooManyItems { offset: 0 })
    );

    let nest = |depth: usize| [vec![0x81; depth], vec![0x01]].concat();
    assert!(decode(&nest(4), &Limits::CTAP).is_ok());
    assert!(matches!(
        decode(&nest(5), &Limits::CTAP),
        Err(CborError::TooDeep { .. })
    ));
    assert!(matches!(
        decode(
            &nest(60_000),
            &Limits {
                max_depth: 255,
                ..LOOSE
            }
        ),
        Err(CborError::TooDeep { .. })
    ));
}

#[test]
fn maps_are_read_and_changed_by_key() {
    let mut map = Map::new().with(1, "one").with("two", 2).with(-3, true);
    assert_eq!(map.int(1).and_then(Value::as_text), Some("one"));
    assert_eq!(map.text("two").and_then(Value::as_unsigned), Some(2));
    assert_eq!(map.int(-3).and_then(Value::as_bool), Some(true));
    assert_eq!(map.text("one"), None);
    assert_eq!(map.insert("two", 22), Some(2.into()));
    assert_eq!(map.len(), 3);
    assert_eq!(map.remove_int(1), Some("one".into()));
    assert_eq!(map.remove_text("two"), Some(22.into()));
    assert_eq!(map.remove_int(7), None);
    assert!(!map.is_empty());
}

#[test]
fn numbers_convert_at_their_edges() {
    assert_eq!(Value::from(i64::MIN), Value::Negative(i64::MAX.unsigned_abs()));
    assert_eq!(Value::from(i64::MIN).as_int(), Some(i64::MIN));
    assert_eq!(Value::from(u64::MAX).as_int(), None);
    assert_eq!(Value::Negative(u64::MAX).as_int(), None);
    assert_eq!(Value::from(-1).as_unsigned(), None);
}

#[test]
fn debug_shows_no_byte_strings() {
    let value = Value::from(
        Map::new()
            .with("salt", vec![0xab_u8; 32])
            .with(-1, Value::Negative(u64::MAX)),
    );
    assert_eq!(
        format!("{value:?}"),
        r#"{-1: -18446744073709551616, "salt": bytes(32)}"#
    );
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<u64>().prop_map(Value::Unsigned),
        (0_u64..300).prop_map(Value::Unsigned),
        any::<u64>().prop_map(Value::Negative),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
        "\\PC{0,40}".prop_map(Value::Text),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
        prop::sample::select(&OTHER_SIMPLE[..]).prop_map(|encoded| decode(&hex(encoded), &CTAP2).unwrap()),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::vec((inner.clone(), inner), 0..8)
                .prop_map(|entries| Value::Map(entries.into_iter().collect())),
        ]
    })
}

/// Mostly well-formed heads with small arguments, so that random bytes often get past the first item.
fn cbor_like_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => 0_u8..24, 2 => 0x20_u8..0x38, 2 => 0x40_u8..0x44, 2 => 0x60_u8..0x64, 2 => 0x80_u8..0x84,
        3 => 0xa0_u8..0xa4, 1 => 0xf4_u8..0xfc, 1 => Just(0x18), 1 => any::<u8>()];
    prop::collection::vec(byte, 0..48)
}

fn proptest_config() -> ProptestConfig {
    ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(proptest_config())]

    #[test]
    fn decoding_undoes_encoding(value in any_value()) {
        prop_assert_eq!(decode(&value.encode(), &CTAP2), Ok(value));
    }

    #[test]
    fn only_what_encoding_gives_is_accepted(bytes in prop_oneof![cbor_like_bytes(), prop::collection::vec(any::<u8>(), 0..200)]) {
        if let Ok(value) = decode(&bytes, &CTAP2) {
            prop_assert_eq!(value.encode(), bytes);
        }
    }

    #[test]
    fn a_changed_byte_is_refused_or_decodes_to_another_value(value in any_value(), at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = value.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(other) = decode(&bytes, &CTAP2) {
            prop_assert_ne!(other, value);
        }
    }

    #[test]
    fn a_shorter_input_is_refused(value in any_value(), at in any::<prop::sample::Index>()) {
        let bytes = value.encode();
        prop_assert!(decode(&bytes[..at.index(bytes.len())], &CTAP2).is_err());
    }

    #[test]
    fn the_order_of_insertion_does_not_matter(entries in prop::collection::vec((any_value(), any::<u64>()), 0..12)) {
        let forward: Map = entries.iter().map(|(k, _)| (k.clone(), 0)).collect();
        let backward: Map = entries.iter().rev().map(|(k, _)| (k.clone(), 0)).collect();
        prop_assert_eq!(&forward, &backward);
        for (key, _) in &entries {
            prop_assert_eq!(forward.get(key), Some(&0.into()));
        }
    }
}
