//! How a user was verified, and how strongly the verifier's key is protected: numbers on the wire, words in status and logs.

use core::{fmt, str::FromStr};

/// How the user was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// 1: a PIN.
    Pin,
    /// 2: a fingerprint.
    Fingerprint,
    /// 3: the face.
    Face,
    /// 4: the account's password.
    Password,
    /// 5: a smart card.
    SmartCard,
    /// 6: a security key.
    SecurityKey,
    /// A method that a later version may define.
    Other(u64),
}

/// How strongly hello's key is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// 1: in a file of the user, sealed by the PIN alone.
    Software,
    /// 2: sealed by a TPM.
    Tpm,
    /// 3: sealed, and held by a system service that the user's programs cannot read.
    System,
    /// A tier that a later version may define; nothing may be concluded from it.
    Other(u64),
}

impl Method {
    /// The number on the wire.
    pub fn number(self) -> u64 {
        match self {
            Self::Pin => 1,
            Self::Fingerprint => 2,
            Self::Face => 3,
            Self::Password => 4,
            Self::SmartCard => 5,
            Self::SecurityKey => 6,
            Self::Other(number) => number,
        }
    }

    pub(super) fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Pin,
            2 => Self::Fingerprint,
            3 => Self::Face,
            4 => Self::Password,
            5 => Self::SmartCard,
            6 => Self::SecurityKey,
            other => Self::Other(other),
        }
    }
}

impl Tier {
    /// The number on the wire.
    pub fn number(self) -> u64 {
        match self {
            Self::Software => 1,
            Self::Tpm => 2,
            Self::System => 3,
            Self::Other(number) => number,
        }
    }

    pub(super) fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Software,
            2 => Self::Tpm,
            3 => Self::System,
            other => Self::Other(other),
        }
    }
}

/// The word that status, audit log and `--json` use.
impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pin => "pin",
            Self::Fingerprint => "fingerprint",
            Self::Face => "face",
            Self::Password => "password",
            Self::SmartCard => "smart-card",
            Self::SecurityKey => "security-key",
            Self::Other(number) => return write!(f, "method-{number}"),
        })
    }
}

impl FromStr for Method {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        from_word(word, "method-", Self::from_number)
    }
}

/// The word that status, audit log and `--json` use.
impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Software => "software",
            Self::Tpm => "tpm",
            Self::System => "system",
            Self::Other(number) => return write!(f, "tier-{number}"),
        })
    }
}

impl FromStr for Tier {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        from_word(word, "tier-", Self::from_number)
    }
}

/// A word that names no method, tier or trouble. Whoever wrote it is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the word names no method, tier or trouble")]
pub struct UnknownWord;

/// The value whose word this is: one of those with a name, or the prefix and a number.
fn from_word<T: fmt::Display>(word: &str, prefix: &str, number: impl Fn(u64) -> T) -> Result<T, UnknownWord> {
    /// More than either has names.
    const NAMED: u64 = 16;
    let value = match word.strip_prefix(prefix) {
        Some(digits) => digits.parse().ok().map(number),
        None => (0..NAMED).map(number).find(|value| value.to_string() == word),
    };
    // One word for one value: neither `tier-1` nor `tier-+9`.
    value.filter(|value| value.to_string() == word).ok_or(UnknownWord)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn every_method_and_tier_has_one_word() {
        for number in [0, 1, 2, 3, 4, 5, 6, 7, 4_000, u64::MAX] {
            let (method, tier) = (Method::from_number(number), Tier::from_number(number));
            assert_eq!(method.to_string().parse(), Ok(method));
            assert_eq!(tier.to_string().parse(), Ok(tier));
        }
        assert_eq!("smart-card".parse(), Ok(Method::SmartCard));
        assert_eq!("system".parse(), Ok(Tier::System));
        for word in ["", "PIN", "method-1", "method-+9", "method-", "tier-7"] {
            assert_eq!(word.parse::<Method>(), Err(UnknownWord), "{word}");
        }
        assert_eq!("tier-3".parse::<Tier>(), Err(UnknownWord));
    }
}
