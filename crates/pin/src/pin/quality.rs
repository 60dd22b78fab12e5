//! How easy a PIN is to guess.
//!
//! Windows refuses exactly the hundred digit PINs with a constant difference. That leaves birthdays, `2580` (down the
//! middle of a keypad) and `password1`. Here a PIN is refused when a guesser who knows people would come to it early: by a
//! rule (repetition, sequences, keyboard lines, dates), by the list of the most used ones, or because it is glued
//! together from at most [`MAX_PIECES`] such parts. The rules are kept narrow enough that nine of ten random
//! four-digit PINs pass nearly always (a test counts them); the try counter does the rest.

use thiserror::Error;
use zeroize::Zeroizing;

use super::{Pin, PinError, common::COMMON};

/// A PIN glued together from up to this many guessable pieces counts as guessable.
const MAX_PIECES: usize = 3;
/// Longer texts are not searched for pieces: covering one takes more pieces than [`MAX_PIECES`].
const MAX_PIECED_CHARS: usize = 40;
/// Fewest characters of a sequence, repetition or keyboard line inside a longer PIN.
const MIN_RUN: usize = 3;
/// Years of birth and of "this year" for long enough.
const YEARS: core::ops::RangeInclusive<u32> = 1900..=2039;

/// Straight lines on keypads and keyboards, read in either direction.
const LINES: &[&str] = &[
    "1234567890",
    "0123456789",
    "2580",
    "0147",
    "147",
    "258",
    "369",
    "159",
    "357", // keypads
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "qwertzuiopü",
    "asdfghjklöä",
    "yxcvbnm,.-", // QWERTY, QWERTZ
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "йцукенгшщзхъ",
    "фывапролджэ",
    "ячсмитьбю", // AZERTY, Cyrillic
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
    "7ujm",
    "8ik,",
    "9ol.",
    "0p;/",
    "1qay",
    "6zhn", // columns
    "!@#$%^&*()",
    "!\"§$%&/()=", // shifted digits
];

/// Why a PIN is too easy to guess. Says what to avoid, never the PIN.
#[derive(Clone, Copy, Debug, Error, Eq, PartialEq)]
pub enum Weak {
    /// No PIN at all.
    #[error(transparent)]
    NotAPin(#[from] PinError),
    /// `1111`, `121212`, `1122`, or the same forwards and backwards.
    #[error("this PIN repeats itself: choose one with less of a pattern")]
    Repetition,
    /// `1234`, `9630`, `abcd`: a constant step from character to character.
    #[error("this PIN is a sequence: choose one without regular steps")]
    Sequence,
    /// A straight line on a keypad or keyboard.
    #[error("this PIN is a line on the keyboard: choose one that jumps about")]
    KeyboardLine,
    /// A year or a date.
    #[error("this PIN looks like a date or a year, and those are guessed first")]
    Date,
    /// One of the most used PINs and passwords.
    #[error("this PIN is one of the most used ones")]
    Common,
    /// The user's own name, or that of their machine, alone or with little beside it.
    #[error("this PIN is made of a name of yours or of your machine")]
    Name,
    /// Nothing but a few of the above, one after the other.
    #[error("this PIN is made of parts that are guessed first")]
    Pieces,
}

impl Weak {
    /// The word for it on the bus, for prompts to say it in the user's language.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotAPin(_) => "not-a-pin",
            Self::Repetition => "repetition",
            Self::Sequence => "sequence",
            Self::KeyboardLine => "keyboard-line",
            Self::Date => "date",
            Self::Common => "common",
            Self::Name => "name",
            Self::Pieces => "pieces",
        }
    }
}

/// Whether `text` is good enough to be chosen as a PIN.
pub fn quality(text: &str) -> Result<(), Weak> {
    quality_for(text, &[])
}

/// Whether `text` is good enough to be chosen as a PIN by somebody to whom these names belong: words, in any case.
pub fn quality_for(text: &str, names: &[String]) -> Result<(), Weak> {
    let pin = Pin::new(text)?;
    let text = core::str::from_utf8(pin.as_bytes()).map_err(|_| PinError::NotText)?;
    let mut folded = Zeroizing::new(Vec::with_capacity(3 * Pin::MAX_CHARS));
    folded.extend(text.chars().flat_map(char::to_lowercase));
    let names: Vec<Vec<char>> = names
        .iter()
        .map(|name| name.chars().flat_map(char::to_lowercase).collect())
        .filter(|name: &Vec<char>| name.len() >= MIN_RUN)
        .collect();
    if let Some(weak) = whole(&folded) {
        return Err(weak);
    }
    if is_made_of_pieces(&folded, &[]) {
        return Err(Weak::Pieces);
    }
    if is_made_of_pieces(&folded, &names) {
        return Err(Weak::Name);
    }
    Ok(())
}

/// The rules for a text as a whole.
fn whole(text: &[char]) -> Option<Weak> {
    if repeats(text) || is_mirrored(text) || is_doubled(text) {
        Some(Weak::Repetition)
    } else if has_constant_step(text) {
        Some(Weak::Sequence)
    } else if is_keyboard_line(text) {
        Some(Weak::KeyboardLine)
    } else if is_date(text) {
        Some(Weak::Date)
    } else if is_common(text) {
        Some(Weak::Common)
    } else {
        None
    }
}

/// The same block over and over, when the block is short or weak itself: `7777`, `121212`, `12341234`.
fn repeats(text: &[char]) -> bool {
    (1..=text.len() / 2)
        .filter(|size| text.len().is_multiple_of(*size))
        .any(|size| {
            let mut blocks = text.chunks_exact(size);
            let first = blocks.next().unwrap_or_default();
            blocks.all(|block| block == first) && (size < Pin::MIN_CHARS || whole(first).is_some())
        })
}

/// The same forwards and backwards, when half of it is short or weak itself: `1221`, `1234321`.
fn is_mirrored(text: &[char]) -> bool {
    let half = text.get(..text.len().div_ceil(2)).unwrap_or_default();
    text.len() >= Pin::MIN_CHARS
        && text.iter().eq(text.iter().rev())
        && (half.len() < Pin::MIN_CHARS || has_constant_step(half) || is_keyboard_line(half) || is_common(half))
}

/// Every character twice, when one of each is short or weak: `1122`, `112233`.
fn is_doubled(text: &[char]) -> bool {
    if text.len() < Pin::MIN_CHARS || !text.chunks(2).all(|pair| matches!(pair, [a, b] if a == b)) {
        return false;
    }
    let mut half = Zeroizing::new(Vec::with_capacity(text.len()));
    half.extend(text.iter().step_by(2).copied());
    half.len() < MIN_RUN || has_constant_step(&half) || is_keyboard_line(&half) || is_common(&half)
}

/// Digits with one difference modulo ten throughout (Windows' rule), or neighbouring letters of an alphabet.
fn has_constant_step(text: &[char]) -> bool {
    if text.len() < MIN_RUN {
        return false;
    }
    if let Some(digits) = digits(text) {
        let mut steps = digits.windows(2).map(|pair| match pair {
            [a, b] => (b + 10 - a) % 10,
            _ => 0,
        });
        let first = steps.next();
        return steps.all(|step| Some(step) == first);
    }
    is_even_run(text)
}

/// Characters whose code points go up or down evenly, by at most three for digits and one for anything else.
pub(super) fn is_even_run(text: &[char]) -> bool {
    let mut steps = text.windows(2).map(|pair| match pair {
        [a, b] => i64::from(u32::from(*b)) - i64::from(u32::from(*a)),
        _ => 0,
    });
    let limit = if text.iter().all(char::is_ascii_digit) { 3 } else { 1 };
    let Some(first) = steps.next() else { return false };
    first.abs() <= limit && steps.all(|step| step == first)
}

pub(super) fn is_keyboard_line(text: &[char]) -> bool {
    text.len() >= MIN_RUN
        && LINES.iter().any(|line| {
            let line: Vec<char> = line.chars().collect();
            line.windows(text.len())
                .any(|part| part == text || part.iter().rev().eq(text))
        })
}

/// A year, or a day, month and perhaps year in the usual orders, with or without `.`, `/`, `-` between.
fn is_date(text: &[char]) -> bool {
    let mut bare = Zeroizing::new(Vec::with_capacity(text.len()));
    bare.extend(
        text.iter()
            .copied()
            .filter(|character| !matches!(character, '.' | '/' | '-' | ' ')),
    );
    let Some(digits) = digits(&bare) else { return false };
    let number = |from, to| {
        digits
            .get(from..to)
            .unwrap_or_default()
            .iter()
            .fold(0, |number, digit| number * 10 + digit)
    };
    let is_year = |number| YEARS.contains(&number);
    let is_month = |number| (1..=12).contains(&number);
    let are_day_and_month =
        |one: u32, two: u32| (is_month(one) && (1..=31).contains(&two)) || (is_month(two) && (1..=31).contains(&one));
    match digits.len() {
        4 => is_year(number(0, 4)) || are_day_and_month(number(0, 2), number(2, 4)),
        6 => {
            are_day_and_month(number(0, 2), number(2, 4))
                || are_day_and_month(number(2, 4), number(4, 6))
                || (is_month(number(0, 2)) && is_year(number(2, 6)))
                || (is_year(number(0, 4)) && is_month(number(4, 6)))
        }
        8 => {
            (are_day_and_month(number(0, 2), number(2, 4)) && is_year(number(4, 8)))
                || (is_year(number(0, 4)) && are_day_and_month(number(4, 6), number(6, 8)))
        }
        _ => false,
    }
}

/// In the list, as it stands or with the usual substitutions (`p@ssw0rd`) undone.
pub(super) fn is_common(text: &[char]) -> bool {
    let listed = |plain: &str| COMMON.binary_search(&plain).is_ok();
    let mut plain = Zeroizing::new(String::with_capacity(4 * text.len()));
    plain.extend(text);
    if listed(&plain) {
        return true;
    }
    if digits(text).is_some() {
        return false;
    }
    plain.clear();
    plain.extend(text.iter().map(|character| match character {
        '@' | '4' => 'a',
        '3' => 'e',
        '1' | '!' => 'i',
        '0' => 'o',
        '$' | '5' => 's',
        '7' => 't',
        other => *other,
    }));
    listed(&plain)
}

/// Whether the whole text is at most [`MAX_PIECES`] guessable pieces, one after the other. Names in lower case are such pieces too.
fn is_made_of_pieces(text: &[char], names: &[Vec<char>]) -> bool {
    if text.len() > MAX_PIECED_CHARS {
        return false;
    }
    // fewest[i]: the fewest pieces that make up the first i characters.
    let mut fewest = vec![usize::MAX; text.len() + 1];
    if let Some(empty) = fewest.first_mut() {
        *empty = 0;
    }
    for end in 1..=text.len() {
        let best = (0..end)
            .filter(|start| {
                let part = text.get(*start..end);
                part.is_some_and(|part| is_piece(part, *start, text) || is_name(part, names))
            })
            .filter_map(|start| fewest.get(start).copied())
            .min()
            .unwrap_or(usize::MAX);
        if let Some(slot) = fewest.get_mut(end) {
            *slot = best.saturating_add(1);
        }
    }
    fewest.last().is_some_and(|pieces| *pieces <= MAX_PIECES)
}

/// A guessable part: a run, a keyboard line, a listed word, a year, or up to three digits or signs after a word.
fn is_piece(part: &[char], start: usize, whole: &[char]) -> bool {
    let closes_a_word = start >= Pin::MIN_CHARS
        && start + part.len() == whole.len()
        && part.len() <= 3
        && part.iter().all(|character| !character.is_alphabetic())
        && whole.iter().any(|character| character.is_alphabetic());
    let is_year = digits(part).is_some_and(|digits| {
        digits.len() == 4 && YEARS.contains(&digits.iter().fold(0, |number, digit| number * 10 + digit))
    });
    (part.len() >= MIN_RUN && (is_even_run(part) || is_keyboard_line(part)))
        || (part.len() >= Pin::MIN_CHARS && is_common(part))
        || is_year
        || closes_a_word
}

/// A name, forwards or backwards.
fn is_name(part: &[char], names: &[Vec<char>]) -> bool {
    names
        .iter()
        .any(|name| name.as_slice() == part || name.iter().rev().eq(part))
}

/// The text as ASCII digits, when it is nothing else.
pub(super) fn digits(text: &[char]) -> Option<Zeroizing<Vec<u32>>> {
    let mut digits = Zeroizing::new(Vec::with_capacity(text.len()));
    for character in text {
        digits.push(character.to_digit(10)?);
    }
    Some(digits)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn list_is_sorted_unique_and_lower_case() {
        assert!(COMMON.windows(2).all(|pair| pair[0] < pair[1]));
        for entry in COMMON {
            assert_eq!(*entry, entry.to_lowercase());
            assert!(entry.chars().count() >= Pin::MIN_CHARS, "{entry}");
        }
    }

    #[test]
    fn names_the_reason() {
        for (pin, weak) in [
            ("123", Weak::NotAPin(PinError::TooShort)),
            ("1111", Weak::Repetition),
            ("1212", Weak::Repetition),
            ("123123", Weak::Repetition),
            ("12341234", Weak::Repetition),
            ("1221", Weak::Repetition),
            ("1234321", Weak::Repetition),
            ("1122", Weak::Repetition),
            ("112233", Weak::Repetition),
            ("1234", Weak::Sequence),
            ("9630", Weak::Sequence),
            ("1357", Weak::Sequence),
            ("AbCdEf", Weak::Sequence),
            ("2580", Weak::KeyboardLine),
            ("qwertz", Weak::KeyboardLine),
            ("lkjhgf", Weak::KeyboardLine),
            ("1984", Weak::Date),
            ("2412", Weak::Date),
            ("1224", Weak::Date),
            ("241285", Weak::Date),
            ("851224", Weak::Date),
            ("24121985", Weak::Date),
            ("1985-12-24", Weak::Date),
            ("24.12.1985", Weak::Date),
            ("5683", Weak::Common),
            ("Password", Weak::Common),
            ("P@ssw0rd", Weak::Common),
            ("ILoveYou", Weak::Common),
            ("1qaz2wsx", Weak::Common),
            ("3edc4rfv", Weak::Pieces),
            ("password2024", Weak::Pieces),
            ("Dragon99!", Weak::Pieces),
            ("monkey1234", Weak::Pieces),
            ("qwertypassword1", Weak::Pieces),
            ("147896", Weak::Common),
            ("25808642", Weak::Pieces),
        ] {
            assert_eq!(quality(pin), Err(weak), "{pin}");
        }
    }

    #[test]
    fn the_users_own_names_are_refused_and_what_only_contains_them_is_not() {
        let names = ["Ottilie", "Quisp", "zx", "gandalfbox"].map(str::to_owned);
        for pin in [
            "ottilie",
            "OTTILIE7",
            "eilitto",
            "Quisp1987",
            "ottiliequisp",
            "quispquisp",
            "gandalfbox!",
        ] {
            assert_eq!(quality_for(pin, &names), Err(Weak::Name), "{pin}");
        }
        for pin in ["ottilie-4938", "493817", "zx-zebra-94"] {
            assert_eq!(quality_for(pin, &names), Ok(()), "{pin}");
        }
        assert_eq!(quality("ottilie7"), Ok(()));
    }

    #[test]
    fn lets_good_ones_pass() {
        for pin in [
            "2749",
            "8305",
            "493817",
            "739584",
            "zebra-94",
            "correct horse battery staple",
            "ngaio7",
            "ßöä-2026x",
        ] {
            assert_eq!(quality(pin), Ok(()), "{pin}");
        }
    }

    #[test]
    fn refuses_all_hundred_constant_step_pins_that_windows_refuses() {
        for start in 0..10 {
            for step in 0..10 {
                let pin: String = (0..4)
                    .map(|n| char::from_digit((start + n * step) % 10, 10).unwrap())
                    .collect();
                assert!(quality(&pin).is_err(), "{pin}");
            }
        }
    }

    #[test]
    fn leaves_enough_pins_to_choose_from() {
        let refused = (0..10_000).filter(|n| quality(&format!("{n:04}")).is_err()).count();
        assert!((500..=1_300).contains(&refused), "{refused} of 10000");
        let refused = (0..1_000_000)
            .step_by(499)
            .filter(|n| quality(&format!("{n:06}")).is_err())
            .count();
        assert!((100..=260).contains(&refused), "{refused} of 2005");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_judged(text in any::<String>()) {
            let _ = quality(&text);
        }

        #[test]
        fn long_texts_are_judged(text in "[a-c0-9]{0,200}") {
            let _ = quality(&text);
        }

        #[test]
        fn one_character_over_and_over_is_always_refused(character in any::<char>(), count in 4_usize..=127) {
            let text: String = core::iter::repeat_n(character, count).collect();
            prop_assert!(quality(&text).is_err());
        }

        #[test]
        fn case_makes_no_weak_pin_strong(index in 0..COMMON.len()) {
            prop_assert!(quality(&COMMON[index].to_uppercase()).is_err() || COMMON[index].contains('ß'));
        }
    }
}
