//! The code's spelling, and what it forgives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use claviger_ctap::crypto::native;
use proptest::prelude::*;

use super::*;

fn code(bytes: [u8; 16]) -> RecoveryCode {
    RecoveryCode(Box::new(Zeroizing::new(bytes)))
}

/// The characters without dashes.
fn plain(code: &RecoveryCode) -> Vec<u8> {
    code.spelled().bytes().filter(|byte| *byte != b'-').collect()
}

#[test]
fn the_vectors_of_the_documentation() {
    let text = include_str!("../recovery.rs");
    let rows = text
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.strip_suffix("` |"));
    let mut count = 0;
    for row in rows {
        let (bytes, spelled) = row.split_once("` | `").unwrap();
        let bytes = u128::from_str_radix(bytes, 16).unwrap().to_be_bytes();
        assert_eq!(*code(bytes).spelled(), spelled);
        assert_eq!(RecoveryCode::parse(spelled).unwrap().as_bytes(), &bytes);
        count += 1;
    }
    assert_eq!(count, 3);
}

#[test]
fn what_hands_and_eyes_confuse_is_forgiven() {
    let made = code(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f_u128.to_be_bytes());
    let spelled = made.spelled();
    for typed in [
        spelled.to_lowercase(),
        spelled.replace('-', ""),
        spelled.replace('-', " – "),
        format!("\t{} \n", spelled.replace('-', "\n")),
        spelled.replace('0', "O"),
        spelled.replace('0', "o").replace('1', "l"),
        spelled.replace('1', "I"),
    ] {
        assert_eq!(
            RecoveryCode::parse(&typed).unwrap().as_bytes(),
            made.as_bytes(),
            "{typed}"
        );
    }
}

#[test]
fn every_single_wrong_character_is_found_and_its_group_named() {
    let made = code(*b"\x9c\x01\x77\xfe\x3a\x55\x00\x81\xd2\x4b\x6f\x19\xe8\x20\xc3\xa5");
    let right = plain(&made);
    for position in 0..CHARACTERS {
        for digit in DIGITS.iter().filter(|digit| **digit != right[position]) {
            let mut typed = right.clone();
            typed[position] = *digit;
            let refused = RecoveryCode::from_utf8(&typed).unwrap_err();
            assert_eq!(
                refused,
                RecoveryCodeError::Mistyped {
                    group: Some(position / GROUP + 1)
                }
            );
            assert!(
                refused
                    .to_string()
                    .ends_with(&format!("look at group {}", position / GROUP + 1))
            );
        }
    }
}

#[test]
fn what_is_no_code_says_why() {
    let spelled = code([7; 16]).spelled();
    let refused = |typed: &str| RecoveryCode::parse(typed).unwrap_err();
    assert_eq!(refused(""), RecoveryCodeError::Length { found: 0, wanted: 28 });
    assert_eq!(
        refused(&spelled[1..]),
        RecoveryCodeError::Length { found: 27, wanted: 28 }
    );
    assert_eq!(
        refused(&format!("{}0", *spelled)),
        RecoveryCodeError::Length { found: 29, wanted: 28 }
    );
    let foreign = |group| RecoveryCodeError::Foreign { group };
    let (before, after) = spelled.split_at(15);
    assert_eq!(refused(&format!("{before}U{}", &after[1..])), foreign(Some(4)));
    assert_eq!(refused("é"), foreign(Some(1)));
    assert_eq!(RecoveryCode::from_utf8(&[0xff; 28]).unwrap_err(), foreign(None));
}

#[test]
fn two_groups_show_that_somebody_has_the_code() {
    let made = code([0xa7; 16]);
    let spelled = made.spelled();
    let (first, last) = (&spelled[..4], &spelled[30..]);
    for typed in [format!("{first} {last}"), format!("{first}{last}").to_lowercase()] {
        let ends = CodeEnds::parse(&typed).unwrap();
        assert!(made.ends().is(&ends));
        assert!(!code([0xa6; 16]).ends().is(&ends));
        assert!(made.ends().is(&CodeEnds::from_utf8(ends.spelled().as_bytes()).unwrap()));
    }
    assert!(!made.ends().is(&CodeEnds::parse(&format!("{last} {first}")).unwrap()));
    assert!(CodeEnds::parse(first).is_err());
}

#[test]
fn nothing_of_it_is_printed() {
    let made = RecoveryCode::generate(native()).unwrap();
    assert_eq!(format!("{made:?}"), "RecoveryCode([redacted])");
    assert_eq!(
        format!("{:?}", CodeEnds::parse("0000 0000").unwrap()),
        "CodeEnds([redacted])"
    );
    assert_ne!(made.as_bytes(), RecoveryCode::generate(native()).unwrap().as_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_code_is_read_as_it_is_spelled(bytes: [u8; 16]) {
        let spelled = code(bytes).spelled();
        prop_assert_eq!(spelled.len(), 34);
        let read = RecoveryCode::parse(&spelled).unwrap();
        prop_assert_eq!(read.as_bytes(), &bytes);
    }

    #[test]
    fn two_wrong_characters_never_pass(bytes: [u8; 16], one in 0..28_usize, two in 0..28_usize, a in 0..32_usize, b in 0..32_usize) {
        let mut typed = plain(&code(bytes));
        let before = typed.clone();
        (typed[one], typed[two]) = (DIGITS[a], DIGITS[b]);
        prop_assert_eq!(RecoveryCode::from_utf8(&typed).is_ok(), typed == before);
    }

    #[test]
    fn two_characters_that_changed_places_never_pass(bytes: [u8; 16], one in 0..28_usize, two in 0..28_usize) {
        let mut typed = plain(&code(bytes));
        let before = typed.clone();
        typed.swap(one, two);
        prop_assert_eq!(RecoveryCode::from_utf8(&typed).is_ok(), typed == before);
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,60}") {
        let _ = RecoveryCode::parse(&text);
        let _ = CodeEnds::parse(&text);
    }
}

#[test]
fn a_code_that_is_moved_leaves_no_copy_behind() {
    let code = code([7; 16]);
    let ends = code.ends();
    let (bytes, typed) = (code.as_bytes().as_ptr(), ends.0.as_ptr());
    let moved = Box::new((code, ends));
    assert_eq!((moved.0.as_bytes().as_ptr(), moved.1.0.as_ptr()), (bytes, typed));
}
