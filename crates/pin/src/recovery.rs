//! The recovery code: 128 random bits that a person prints or writes down, and types on a bad day.
//!
//! 16 random bytes are 26 characters of Crockford's base32 (the last one has two bits to spare, which are zero), followed by two check
//! characters: seven groups of four, `KM8V-2Q0T-…`. There is no `I`, `L`, `O` and `U` in it. What is typed is forgiven its case, spaces
//! and dashes, `O` for `0`, and `I` and `L` for `1`. The two check characters are ten bits, of a code over GF(32) that finds every
//! wrong character, every two wrong ones and every two neighbours that changed places; one wrong character it also places, so that the
//! person can be told which group to look at.
//!
//! Like a PIN a code is not `Clone`, prints as `[redacted]`, is wiped when dropped, and travels in a sealed memory file
//! ([`crate::memfd`]). It has more bits than anybody can guess, so nothing stretches it.
//!
//! # Test vectors
//!
//! | 16 bytes, in hexadecimal | code |
//! |---|---|
//! | `00000000000000000000000000000000` | `0000-0000-0000-0000-0000-0000-0000` |
//! | `ffffffffffffffffffffffffffffffff` | `ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZWYX` |
//! | `000102030405060708090a0b0c0d0e0f` | `000G-40R4-0M30-E209-185G-R38E-1WYR` |

use core::fmt;

use claviger_ctap::crypto::{Crypto, CryptoError};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

/// Crockford's digits.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters that carry the bytes.
const PAYLOAD: usize = 26;
/// All characters of a code.
const CHARACTERS: usize = 28;
/// Characters of a group.
const GROUP: usize = 4;

/// A recovery code. Its bytes are in a box and are written there, because a value that is moved leaves a copy behind that nobody wipes.
pub struct RecoveryCode(Box<Zeroizing<[u8; Self::LENGTH]>>);

impl RecoveryCode {
    /// Length in bytes.
    pub const LENGTH: usize = 16;
    /// Groups of its spelling.
    pub const GROUPS: usize = CHARACTERS / GROUP;
    /// Characters of its spelling, without dashes.
    pub(crate) const CHARACTERS: usize = Self::GROUPS * GROUP;
    /// The most bytes of text that are read as one code: its characters with a separator behind each, and some to spare.
    pub const MAX_BYTES: usize = 128;

    /// A new one.
    pub fn generate(crypto: &dyn Crypto) -> Result<Self, CryptoError> {
        let mut bytes = Box::new(Zeroizing::new([0; Self::LENGTH]));
        crypto.random(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// Reads what a person typed.
    pub fn parse(typed: &str) -> Result<Self, RecoveryCodeError> {
        let symbols = symbols::<CHARACTERS>(typed)?;
        let syndromes = syndromes(&symbols);
        if syndromes != (0, 0) {
            return Err(RecoveryCodeError::Mistyped {
                group: wrong_position(syndromes).map(|position| position / GROUP + 1),
            });
        }
        let mut bytes = Box::new(Zeroizing::new([0; Self::LENGTH]));
        let (mut bits, mut held, mut next) = (0_u32, 0_u32, bytes.iter_mut());
        for symbol in symbols.iter().take(PAYLOAD) {
            bits = (bits << 5) | u32::from(*symbol);
            held += 5;
            if held >= 8 {
                held -= 8;
                if let Some(byte) = next.next() {
                    *byte = u8::try_from((bits >> held) & 0xff).unwrap_or_default();
                }
                bits &= (1 << held) - 1;
            }
        }
        // No code that was ever made has anything there.
        if bits != 0 {
            return Err(RecoveryCodeError::Mistyped { group: None });
        }
        Ok(Self(bytes))
    }

    /// [`Self::parse`] of UTF-8 bytes, for example from a sealed memory file.
    pub fn from_utf8(bytes: &[u8]) -> Result<Self, RecoveryCodeError> {
        let typed = core::str::from_utf8(bytes).map_err(|_| RecoveryCodeError::Foreign { group: None })?;
        Self::parse(typed)
    }

    /// As it is printed: seven groups of four with dashes between. It is the secret itself.
    pub fn spelled(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(CHARACTERS + Self::GROUPS));
        let mut symbols = Zeroizing::new([0; CHARACTERS]);
        self.spell(&mut symbols);
        for (index, symbol) in symbols.iter().enumerate() {
            if index > 0 && index % GROUP == 0 {
                text.push('-');
            }
            text.push(DIGITS.get(usize::from(*symbol)).copied().map_or('0', char::from));
        }
        text
    }

    /// The bytes: what the key derivation takes.
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// Its first and its last group: enough to show that somebody has it before them.
    pub fn ends(&self) -> CodeEnds {
        let mut symbols = Zeroizing::new([0; CHARACTERS]);
        self.spell(&mut symbols);
        let (first, last) = (symbols.iter().take(GROUP), symbols.iter().skip(CHARACTERS - GROUP));
        let mut ends = Box::new(Zeroizing::new([0; 2 * GROUP]));
        for (to, from) in ends.iter_mut().zip(first.chain(last)) {
            *to = *from;
        }
        CodeEnds(ends)
    }

    /// Writes its characters as numbers.
    fn spell(&self, symbols: &mut [u8; CHARACTERS]) {
        let (mut bits, mut held) = (0_u32, 0_u32);
        let mut bytes = self.0.iter();
        for symbol in symbols.iter_mut().take(PAYLOAD) {
            if held < 5 {
                bits = (bits << 8) | u32::from(bytes.next().copied().unwrap_or_default());
                held += 8;
            }
            held -= 5;
            *symbol = u8::try_from((bits >> held) & 31).unwrap_or_default();
            bits &= (1 << held) - 1;
        }
        set_checks(symbols);
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode([redacted])")
    }
}

/// The first and the last group of a code, as somebody typed them. In a box, like [`RecoveryCode`].
pub struct CodeEnds(Box<Zeroizing<[u8; 2 * GROUP]>>);

impl CodeEnds {
    /// Characters of both groups.
    pub(crate) const CHARACTERS: usize = 2 * GROUP;

    /// Reads the two groups, with or without something between them.
    pub fn parse(typed: &str) -> Result<Self, RecoveryCodeError> {
        symbols(typed).map(Self)
    }

    /// [`Self::parse`] of UTF-8 bytes, for example from a sealed memory file.
    pub fn from_utf8(bytes: &[u8]) -> Result<Self, RecoveryCodeError> {
        let typed = core::str::from_utf8(bytes).map_err(|_| RecoveryCodeError::Foreign { group: None })?;
        Self::parse(typed)
    }

    /// Whether the other one is the same, told in the same time either way.
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(other.0.as_slice()).into()
    }

    /// The two groups as they are printed.
    pub fn spelled(&self) -> Zeroizing<String> {
        let digit = |symbol: &u8| DIGITS.get(usize::from(*symbol)).copied().map_or('0', char::from);
        Zeroizing::new(self.0.iter().map(digit).collect())
    }
}

impl fmt::Debug for CodeEnds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeEnds([redacted])")
    }
}

/// Why a text is no recovery code. The user's to put right.
#[derive(Clone, Copy, Debug, Error, Eq, PartialEq)]
pub enum RecoveryCodeError {
    /// Too few characters or too many.
    #[error("{found} characters were typed, and {wanted} belong there")]
    Length {
        /// Characters that were typed, without spaces and dashes.
        found: usize,
        /// Characters that belong there.
        wanted: usize,
    },
    /// A character that no recovery code has.
    #[error("a recovery code has letters and digits only, and no U")]
    Foreign {
        /// The group that the first such character is in, from 1; `None` of what is no text at all.
        group: Option<usize>,
    },
    /// The check characters do not fit. With one wrong character it is known where it is.
    #[error("the code is mistyped{}", group.map(|group| format!(": look at group {group}")).unwrap_or_default())]
    Mistyped {
        /// The group that looks wrong, from 1.
        group: Option<usize>,
    },
}

/// The characters of a typed text as numbers.
fn symbols<const COUNT: usize>(typed: &str) -> Result<Box<Zeroizing<[u8; COUNT]>>, RecoveryCodeError> {
    let mut symbols = Box::new(Zeroizing::new([0; COUNT]));
    let mut found = 0_usize;
    for character in typed.chars().filter(|character| !is_separator(*character)) {
        let number = number(character).ok_or(RecoveryCodeError::Foreign {
            group: Some(found / GROUP + 1),
        })?;
        if let Some(symbol) = symbols.get_mut(found) {
            *symbol = number;
        }
        found = found.saturating_add(1);
    }
    if found == COUNT {
        Ok(symbols)
    } else {
        Err(RecoveryCodeError::Length { found, wanted: COUNT })
    }
}

/// What people and printers put between groups.
fn is_separator(character: char) -> bool {
    character.is_whitespace() || matches!(character, '-' | '‐' | '‑' | '–' | '—' | '_' | '.' | ':')
}

fn number(character: char) -> Option<u8> {
    let digit = match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let position = DIGITS.iter().position(|known| char::from(*known) == digit)?;
    u8::try_from(position).ok()
}

/// `a · b` in GF(32), with `x⁵ + x² + 1`.
fn times(a: u8, b: u8) -> u8 {
    let mut product = 0;
    let (mut a, mut b) = (a, b);
    while b != 0 {
        if b & 1 != 0 {
            product ^= a;
        }
        a = (a << 1) ^ if a & 16 != 0 { 0b10_0101 } else { 0 };
        b >>= 1;
    }
    product
}

/// The sum of all characters, and that of all characters times their place: `x` to the power of their position.
fn syndromes(symbols: &[u8; CHARACTERS]) -> (u8, u8) {
    let mut place = 1;
    symbols.iter().fold((0, 0), |(sum, weighted), symbol| {
        let term = times(*symbol, place);
        place = times(place, 2);
        (sum ^ symbol, weighted ^ term)
    })
}

/// Where the one wrong character is, if one would explain it: the quotient of the two sums is its place.
fn wrong_position((sum, weighted): (u8, u8)) -> Option<usize> {
    let mut place = 1;
    for position in 0..CHARACTERS {
        if sum != 0 && times(sum, place) == weighted {
            return Some(position);
        }
        place = times(place, 2);
    }
    None
}

/// Sets the last two characters so that both sums are zero.
fn set_checks(symbols: &mut [u8; CHARACTERS]) {
    let (sum, weighted) = syndromes(symbols);
    // a + b = sum and a·x²⁶ + b·x²⁷ = weighted. There are 1024 pairs, and one that fits.
    let first = (0..PAYLOAD).fold(1, |place, _| times(place, 2));
    let second = times(first, 2);
    for a in 0..32 {
        let b = a ^ sum;
        if times(a, first) ^ times(b, second) == weighted {
            let checks = symbols.iter_mut().skip(PAYLOAD);
            checks.zip([a, b]).for_each(|(symbol, check)| *symbol = check);
            return;
        }
    }
}

#[cfg(test)]
mod tests;
