//! How many guesses a PIN stands, and how long that keeps a thief busy who has a copy of hello's file.
//!
//! The estimate is meant to be too low rather than too high: the text is taken for the cheapest chain of what people make PINs
//! of. Digits and signs count as if each had been drawn; letters in a row are taken for words, of which the first five letters are
//! worth twenty thousand guesses and each further one half a digit, which is about what running text has; runs, keyboard lines, years
//! and the most used PINs count as little as they are worth. Capitals within words count nothing, because most people put them
//! first.

use zeroize::Zeroizing;

use super::quality::{self, Weak, digits, is_common, is_even_run, is_keyboard_line};
use super::{Pin, PinError};

/// What a thief tries in a second, on ten strong graphics cards. A guess at hello's Argon2id (64 MiB, t = 3) moves some 0.6 GB, so a card
/// whose memory moves 3 TB in a second tries five thousand; the core of an ordinary computer five to ten.
const GUESSES_PER_SECOND: f64 = 50_000.0;

/// What follows are numbers of guesses, as powers of ten: each of ten digits, 26 letters, 52 where both cases occur, 33 signs on a
/// keyboard, and whatever else there is.
const DIGIT: f64 = 1.0;
const LETTER: f64 = 1.415;
const LETTER_OF_TWO_CASES: f64 = 1.716;
const SIGN: f64 = 1.519;
const OTHER: f64 = 2.0;

/// A word of up to [`WORD_CHARS`] letters, and each letter beyond.
const WORD: f64 = 4.3;
const WORD_CHARS: usize = 5;
const FURTHER_LETTER: f64 = 0.5;

/// A run or keyboard line (where it begins, which way and how far), one of the most used PINs, and a year.
const RUN: f64 = 3.0;
const LISTED: f64 = 3.0;
const YEAR: f64 = 2.2;

/// Fewest characters of a run, and of a word.
const MIN_PART: usize = 3;
/// Longer parts are not looked at as a whole; they are chains of shorter ones.
const MAX_PART: usize = 12;

/// How well a PIN stands against guesses. It says nothing else of the PIN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strength {
    /// How many guesses there are before it, as a power of ten.
    guesses: f64,
}

/// How long a thief is busy, rounded down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lasts {
    /// Less than a minute.
    Moments,
    /// So many minutes, less than an hour.
    Minutes(u32),
    /// So many hours, less than a day.
    Hours(u32),
    /// So many days, less than a year.
    Days(u32),
    /// So many years, up to a thousand.
    Years(u32),
    /// More than a thousand years.
    Ages,
}

impl Strength {
    /// The strength of a PIN that may be chosen.
    ///
    /// # Errors
    /// Why it may not: what hello refuses ([`super::quality()`]).
    pub fn of(text: &str) -> Result<Self, Weak> {
        quality::quality(text)?;
        let pin = Pin::new(text)?;
        let text = core::str::from_utf8(pin.as_bytes()).map_err(|_| PinError::NotText)?;
        let both_cases = text.chars().any(char::is_uppercase) && text.chars().any(char::is_lowercase);
        let mut folded = Zeroizing::new(Vec::with_capacity(3 * Pin::MAX_CHARS));
        folded.extend(text.chars().flat_map(char::to_lowercase));
        Ok(Self {
            guesses: cheapest(&folded, if both_cases { LETTER_OF_TWO_CASES } else { LETTER }),
        })
    }

    /// How many guesses there are, as a power of ten, rounded down.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Between 0 and 254 + 1.
    pub fn magnitude(self) -> u32 {
        // What is added up from decimal fractions may lie just below the whole number that it is.
        (self.guesses + 1e-6).floor() as u32
    }

    /// How long somebody with a copy of hello's file needs, who is lucky in half of the cases.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A float becomes the nearest number that there is.
    pub fn lasts(self) -> Lasts {
        let minutes = 10_f64.powf(self.guesses) / 2.0 / GUESSES_PER_SECOND / 60.0;
        let whole = |minutes: f64| minutes as u32;
        let (hour, day, year) = (60.0, 1440.0, 525_960.0);
        match minutes {
            _ if minutes < 1.0 => Lasts::Moments,
            _ if minutes < hour => Lasts::Minutes(whole(minutes)),
            _ if minutes < day => Lasts::Hours(whole(minutes / hour)),
            _ if minutes < year => Lasts::Days(whole(minutes / day)),
            _ if minutes <= 1000.0 * year => Lasts::Years(whole(minutes / year)),
            _ => Lasts::Ages,
        }
    }
}

/// The guesses for the cheapest chain of parts that makes up the text, as a power of ten.
fn cheapest(text: &[char], letter: f64) -> f64 {
    // least[i]: of the first i characters.
    let mut least = vec![f64::INFINITY; text.len() + 1];
    if let Some(nothing) = least.first_mut() {
        *nothing = 0.0;
    }
    for end in 1..=text.len() {
        let best = (end.saturating_sub(MAX_PART)..end)
            .filter_map(|start| {
                let before = *least.get(start)?;
                Some(before + part(text.get(start..end)?, letter))
            })
            .fold(f64::INFINITY, f64::min);
        if let Some(slot) = least.get_mut(end) {
            *slot = best;
        }
    }
    least.last().copied().unwrap_or_default()
}

/// The guesses for one part, as a power of ten; infinite where it is no part of any kind.
fn part(part: &[char], letter: f64) -> f64 {
    if let [single] = part {
        return character(*single, letter);
    }
    if part.len() < MIN_PART {
        return f64::INFINITY;
    }
    let mut least = f64::INFINITY;
    if part.iter().all(|character| character.is_alphabetic()) {
        let further = part.len().saturating_sub(WORD_CHARS);
        let further: f64 = (0..further).map(|_| FURTHER_LETTER).sum();
        least = WORD + further;
    }
    if is_even_run(part) || is_keyboard_line(part) {
        least = least.min(RUN);
    }
    if part.len() >= Pin::MIN_CHARS && is_common(part) {
        least = least.min(LISTED);
    }
    if digits(part).is_some_and(|digits| matches!(digits.as_slice(), [1, 9, _, _] | [2, 0, 0..=3, _])) {
        least = least.min(YEAR);
    }
    least
}

fn character(character: char, letter: f64) -> f64 {
    match character {
        '0'..='9' => DIGIT,
        'a'..='z' => letter,
        ' '..='~' => SIGN,
        _ => OTHER,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn magnitude(pin: &str) -> u32 {
        Strength::of(pin).unwrap().magnitude()
    }

    fn lasts(pin: &str) -> Lasts {
        Strength::of(pin).unwrap().lasts()
    }

    #[test]
    fn what_hello_refuses_has_no_strength() {
        for weak in ["", "123", "1234", "2580", "19841984", "password1"] {
            assert_eq!(Strength::of(weak), Err(quality::quality(weak).unwrap_err()), "{weak}");
        }
    }

    #[test]
    fn digits_are_ten_each_and_a_year_is_not_four_of_them() {
        assert_eq!((magnitude("4938"), lasts("4938")), (4, Lasts::Moments));
        assert_eq!((magnitude("493817"), lasts("493817")), (6, Lasts::Moments));
        assert_eq!((magnitude("49381760"), lasts("49381760")), (8, Lasts::Minutes(16)));
        assert_eq!((magnitude("4938176052"), lasts("4938176052")), (10, Lasts::Days(1)));
        assert_eq!(
            (magnitude("493817605294"), lasts("493817605294")),
            (12, Lasts::Days(115))
        );
        assert!(magnitude("49381984") < 8);
    }

    #[test]
    fn the_thief_has_ten_cards_that_their_memory_limits() {
        // Each pass reads two blocks and writes one for each block of the memory.
        let moved_by_a_guess = 3.0 * 3.0 * 64.0 * 1024.0 * 1024.0;
        let by_a_card = 3e12 / moved_by_a_guess;
        assert!((GUESSES_PER_SECOND / (10.0 * by_a_card) - 1.0).abs() < 0.02);
    }

    #[test]
    fn words_are_worth_their_number_and_not_their_letters() {
        assert_eq!(magnitude("zither 58"), 8);
        assert!(magnitude("Correct Horse") < 13 && magnitude("correct horse battery staple") > 20);
        assert_eq!(magnitude("Correct Horse"), magnitude("Correct HORSE"));
        assert_eq!(lasts("correct horse battery staple"), Lasts::Ages);
    }

    #[test]
    fn a_run_or_a_common_pin_within_a_longer_one_adds_little() {
        assert!(magnitude("k7#123456") < magnitude("k7#936150"));
        assert!(magnitude("k7#password") < 8);
    }

    proptest! {
        #[test]
        fn no_pin_is_worth_more_than_its_characters(pin in "[ -~]{4,127}") {
            if let Ok(strength) = Strength::of(&pin) {
                let characters = u32::try_from(pin.chars().count()).unwrap();
                prop_assert!(strength.magnitude() <= 2 * characters);
            }
        }

        #[test]
        fn nothing_that_is_typed_is_too_much(pin in "\\PC{0,200}") {
            let _ = Strength::of(&pin).map(Strength::lasts);
        }
    }
}
