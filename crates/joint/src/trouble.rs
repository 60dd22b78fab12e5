//! Trouble: that a provider cannot serve as it should, told when it is described and whenever that changes.
//!
//! A provider whose store is damaged still runs, and may still serve some of its credentials. Saying so keeps the platform from telling
//! the user that there is no passkey.

use std::{fmt, str::FromStr};

use claviger_ctap::cbor::{Map, Value};

use crate::{
    answer::{MAX_REASON_BYTES, Status, shortened},
    evidence::UnknownWord,
    fields::{Fields, MessageError},
};

/// What is the matter with a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The kind of trouble.
    pub kind: TroubleKind,
    /// The provider's words for the person: what is wrong and what helps. At most 256 bytes, nothing secret.
    pub reason: Option<String>,
}

/// The kinds of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TroubleKind {
    /// 10, as [`Status::Damaged`]: what it keeps, or some of it, cannot be read or trusted any more.
    Damaged,
    /// 11, as [`Status::Unavailable`]: it cannot work now.
    Unavailable,
}

impl Trouble {
    /// Trouble of this kind. A reason that is too long is cut.
    pub fn new(kind: TroubleKind, reason: &str) -> Self {
        let reason = shortened(reason);
        Self { kind, reason }
    }

    /// What the signal `TroubleChanged` says: a number, 0 when all is well, and the reason.
    pub fn to_signal(trouble: Option<&Self>) -> (u32, &str) {
        trouble.map_or((0, ""), |trouble| {
            (trouble.kind.number(), trouble.reason.as_deref().unwrap_or_default())
        })
    }

    /// Reads what the signal says.
    ///
    /// # Errors
    /// The provider is at fault.
    pub fn from_signal(number: u32, reason: &str) -> Result<Option<Self>, MessageError> {
        if number == 0 {
            return Ok(None);
        }
        let kind = TroubleKind::from_number(number.into()).ok_or(MessageError::Value(1))?;
        Ok(Some(Self::new(kind, reason)))
    }

    /// The canonical map `{1: kind, 2?: reason}`.
    pub(crate) fn to_map(&self) -> Value {
        Map::new()
            .with(1, self.kind.number())
            .maybe(2, self.reason.as_deref())
            .into()
    }

    /// Reads the map.
    pub(crate) fn read(fields: &Fields) -> Result<Self, MessageError> {
        Ok(Self {
            kind: TroubleKind::from_number(fields.unsigned(1)?).ok_or(MessageError::Value(1))?,
            reason: fields.optional_text(2, MAX_REASON_BYTES)?,
        })
    }
}

/// The word that status and `--json` use.
impl fmt::Display for TroubleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "damaged",
            Self::Unavailable => "unavailable",
        })
    }
}

impl FromStr for TroubleKind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let mut kinds = [Self::Damaged, Self::Unavailable].into_iter();
        kinds.find(|kind| kind.to_string() == word).ok_or(UnknownWord)
    }
}

impl TroubleKind {
    /// The status of an answer that cannot be given because of it.
    pub fn status(self) -> Status {
        match self {
            Self::Damaged => Status::Damaged,
            Self::Unavailable => Status::Unavailable,
        }
    }

    fn number(self) -> u32 {
        match self {
            Self::Damaged => 10,
            Self::Unavailable => 11,
        }
    }

    fn from_number(number: u64) -> Option<Self> {
        [Self::Damaged, Self::Unavailable]
            .into_iter()
            .find(|kind| u64::from(kind.number()) == number)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_the_number_of_its_status() {
        for kind in [TroubleKind::Damaged, TroubleKind::Unavailable] {
            assert_eq!(u64::from(kind.number()), kind.status().number());
        }
    }

    #[test]
    fn trouble_comes_back_by_either_way() {
        for kind in [TroubleKind::Damaged, TroubleKind::Unavailable] {
            for reason in ["", "12 rows of vault.sqlite3 cannot be read; restore a backup"] {
                let trouble = Trouble::new(kind, reason);
                let fields = Fields::nested(&trouble.to_map(), 7).unwrap();
                assert_eq!(Trouble::read(&fields), Ok(trouble.clone()));
                let (number, said) = Trouble::to_signal(Some(&trouble));
                assert_eq!(Trouble::from_signal(number, said), Ok(Some(trouble)));
            }
        }
        let (number, said) = Trouble::to_signal(None);
        assert_eq!(Trouble::from_signal(number, said), Ok(None));
        assert_eq!(Trouble::from_signal(9, ""), Err(MessageError::Value(1)));
        let long = Trouble::from_signal(10, &"ä".repeat(400)).unwrap().unwrap();
        assert_eq!(long.reason, Some("ä".repeat(128)));
    }
}
