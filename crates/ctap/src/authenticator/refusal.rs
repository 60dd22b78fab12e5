//! Why a request is refused, before any store has a say.

use super::Error;
use crate::crypto::CryptoError;
use crate::fields::MessageError;
use crate::status::Status;

/// Why a request is refused by what is common to all authenticators: [tokens](super::token) and
/// [hmac-secret](super::hmac_secret).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A rule of the specification: the platform's doing.
    #[error("refused with {status}: {why}")]
    Rule {
        /// What the platform is told.
        status: Status,
        /// What the log is told.
        why: &'static str,
    },
    /// An input is malformed: the platform's fault.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// Cryptography failed: this machine's fault.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

impl Refusal {
    /// The status that an authenticator answers with.
    pub fn status(&self) -> Status {
        match self {
            Self::Rule { status, .. } => *status,
            Self::Message(error) => error.status(),
            Self::Crypto(_) => Status::Other,
        }
    }

    pub(super) fn new(status: Status, why: &'static str) -> Self {
        Self::Rule { status, why }
    }
}

impl<E> From<Refusal> for Error<E> {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Rule { status, why } => Self::Refused { status, why },
            Refusal::Message(error) => Self::Message(error),
            Refusal::Crypto(error) => Self::Crypto(error),
        }
    }
}
