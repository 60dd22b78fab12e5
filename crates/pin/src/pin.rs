//! The PIN: a secret text of 4 to 127 characters, and what makes one too easy to guess.
//!
//! A [`Pin`] is made from what a person typed and is always in Unicode normalisation form C, so that `é` typed as one
//! character and as two is the same PIN (CTAP 2.1 section 6.5.1 asks the same). It is not `Clone`, prints as
//! `[redacted]` and is wiped when dropped. Between processes it travels only as a sealed memory file ([`crate::memfd`]).

mod common;
mod quality;
mod strength;

use core::fmt;

use icu_normalizer::ComposingNormalizerBorrowed;
use thiserror::Error;
use zeroize::Zeroizing;

pub use quality::{Weak, quality, quality_for};
pub use strength::{Lasts, Strength};

/// A PIN: 4 to 127 Unicode characters in form C, without control characters.
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// Fewest characters of a PIN.
    pub const MIN_CHARS: usize = 4;
    /// Most characters of a PIN.
    pub const MAX_CHARS: usize = 127;
    /// Most bytes that are read as one PIN: [`Self::MAX_CHARS`] characters of four bytes.
    pub const MAX_BYTES: usize = 4 * Self::MAX_CHARS;

    /// Takes what the person typed. Says nothing about how good the PIN is; that is [`Self::quality`].
    pub fn new(typed: &str) -> Result<Self, PinError> {
        if typed.len() > Self::MAX_BYTES {
            return Err(PinError::TooLong);
        }
        if typed.chars().any(char::is_control) {
            return Err(PinError::ControlCharacter);
        }
        // The capacity covers the longest expansion of form C (three times in UTF-8, Unicode TR 15), because a string
        // that grows leaves copies of the secret behind in freed memory.
        let mut text = Zeroizing::new(String::with_capacity(3 * Self::MAX_BYTES));
        text.extend(ComposingNormalizerBorrowed::new_nfc().normalize_iter(typed.chars()));
        match text.chars().count() {
            0..Self::MIN_CHARS => Err(PinError::TooShort),
            Self::MIN_CHARS..=Self::MAX_CHARS => Ok(Self(text)),
            _ => Err(PinError::TooLong),
        }
    }

    /// Takes UTF-8 bytes, for example from a sealed memory file.
    pub fn from_utf8(bytes: &[u8]) -> Result<Self, PinError> {
        let typed = core::str::from_utf8(bytes).map_err(|_| PinError::NotText)?;
        Self::new(typed)
    }

    /// Whether this PIN is good enough to be chosen: see [`quality`].
    pub fn quality(&self) -> Result<(), Weak> {
        quality(&self.0)
    }

    /// [`Self::quality`] for somebody to whom these names belong: words, in any case.
    pub fn quality_for(&self, names: &[String]) -> Result<(), Weak> {
        quality_for(&self.0, names)
    }

    /// The normalised text as UTF-8: what the key derivation takes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin([redacted])")
    }
}

/// Why a text is no PIN at all. The user's to put right.
#[derive(Clone, Copy, Debug, Error, Eq, PartialEq)]
pub enum PinError {
    /// Fewer than [`Pin::MIN_CHARS`] characters.
    #[error("a PIN has at least 4 characters")]
    TooShort,
    /// More than [`Pin::MAX_CHARS`] characters.
    #[error("a PIN has at most 127 characters")]
    TooLong,
    /// A line end, tab or other control character, which many prompts cannot type again.
    #[error("a PIN has no control characters such as a line end or tab")]
    ControlCharacter,
    /// Not UTF-8.
    #[error("a PIN is text in UTF-8")]
    NotText,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_characters_not_bytes() {
        assert_eq!(Pin::new("123").unwrap_err(), PinError::TooShort);
        assert_eq!(Pin::new("äöü").unwrap_err(), PinError::TooShort);
        assert!(Pin::new("äöüß").is_ok());
        assert!(Pin::new(&"😀".repeat(127)).is_ok());
        assert_eq!(Pin::new(&"😀".repeat(128)).unwrap_err(), PinError::TooLong);
        assert_eq!(Pin::new(&"x".repeat(128)).unwrap_err(), PinError::TooLong);
    }

    #[test]
    fn composed_and_decomposed_are_the_same_pin() {
        let one = Pin::new("caf\u{e9}s").unwrap();
        let two = Pin::new("cafe\u{301}s").unwrap();
        assert_eq!(one.as_bytes(), two.as_bytes());
        // Four characters as typed, three in form C.
        assert_eq!(Pin::new("abe\u{301}").unwrap_err(), PinError::TooShort);
    }

    #[test]
    fn refuses_what_cannot_be_typed_again() {
        assert_eq!(Pin::new("1234\n").unwrap_err(), PinError::ControlCharacter);
        assert_eq!(Pin::new("12\u{0}34").unwrap_err(), PinError::ControlCharacter);
        assert_eq!(
            Pin::from_utf8(&[0x31, 0x32, 0x33, 0xff]).unwrap_err(),
            PinError::NotText
        );
    }

    #[test]
    fn prints_nothing_of_itself() {
        assert_eq!(format!("{:?}", Pin::new("zebra-94").unwrap()), "Pin([redacted])");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_makes_a_pin_or_an_error_without_growing(text in "\\PC{0,200}") {
            if let Ok(pin) = Pin::new(&text) {
                let count = pin.0.chars().count();
                prop_assert!((Pin::MIN_CHARS..=Pin::MAX_CHARS).contains(&count));
                prop_assert!(pin.0.len() <= 3 * Pin::MAX_BYTES);
                // Normalising twice changes nothing.
                let again = Pin::new(&pin.0).unwrap();
                prop_assert_eq!(again.as_bytes(), pin.as_bytes());
            }
        }
    }
}
