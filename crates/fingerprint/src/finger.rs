//! The ten fingers by fprintd's names.

/// A finger of one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // They are what they are called.
pub enum Finger {
    LeftThumb,
    LeftIndex,
    LeftMiddle,
    LeftRing,
    LeftLittle,
    RightThumb,
    RightIndex,
    RightMiddle,
    RightRing,
    RightLittle,
}

impl Finger {
    /// All of them, the left hand's first, each from the thumb on.
    pub const ALL: [Self; 10] = [
        Self::LeftThumb,
        Self::LeftIndex,
        Self::LeftMiddle,
        Self::LeftRing,
        Self::LeftLittle,
        Self::RightThumb,
        Self::RightIndex,
        Self::RightMiddle,
        Self::RightRing,
        Self::RightLittle,
    ];

    /// What fprintd calls it (`net.reactivated.Fprint.Device`, "Fingerprint names").
    pub fn name(self) -> &'static str {
        match self {
            Self::LeftThumb => "left-thumb",
            Self::LeftIndex => "left-index-finger",
            Self::LeftMiddle => "left-middle-finger",
            Self::LeftRing => "left-ring-finger",
            Self::LeftLittle => "left-little-finger",
            Self::RightThumb => "right-thumb",
            Self::RightIndex => "right-index-finger",
            Self::RightMiddle => "right-middle-finger",
            Self::RightRing => "right-ring-finger",
            Self::RightLittle => "right-little-finger",
        }
    }

    /// The finger that fprintd calls so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|finger| finger.name() == name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_finger_has_one_name_and_nothing_else_is_one() {
        for finger in Finger::ALL {
            assert_eq!(Finger::named(finger.name()), Some(finger));
        }
        for other in ["", "any", "left-toe", "Left-Thumb"] {
            assert_eq!(Finger::named(other), None);
        }
    }
}
