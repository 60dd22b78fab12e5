//! What a user is verified for.

use crate::operation::Operation;

/// The one thing that a piece of evidence is good for. On the wire one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The number of the operation, below 256: a request of the platform's for it.
    Operation(Operation),
    /// 256: something of the provider's own, which it asked the platform about (`VerifyUser`). Good for no request.
    VerifyUser,
    /// 257: something of the platform's own, such as enabling a provider. Good for no provider.
    Platform,
}

const VERIFY_USER: u64 = 256;
const PLATFORM: u64 = 257;

impl Purpose {
    /// The number on the wire.
    pub fn number(self) -> u64 {
        match self {
            Self::Operation(operation) => operation.number(),
            Self::VerifyUser => VERIFY_USER,
            Self::Platform => PLATFORM,
        }
    }

    /// The purpose with this number. A number that later versions may give a meaning is an operation that nobody knows.
    pub fn from_number(number: u64) -> Self {
        match number {
            VERIFY_USER => Self::VerifyUser,
            PLATFORM => Self::Platform,
            other => Self::Operation(Operation::from_number(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_have_numbers_of_their_own() {
        for number in [1, 2, 7, 8, 9, 255, 256, 257, 258, u64::MAX] {
            assert_eq!(Purpose::from_number(number).number(), number);
        }
        assert_eq!(Purpose::from_number(1), Purpose::Operation(Operation::Make));
    }
}
