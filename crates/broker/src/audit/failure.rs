//! Why something failed, as the log tells it.

use claviger_hello::verification::NotVerified;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::ceremony::VerifyFailure;
use crate::types::{Cause, Fault};

/// Why something failed. An entry holds its [code](Failure::code) as `cause` and its [fault](Failure::fault) as `fault`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A ceremony or an approval ended so.
    Ended(Cause),
    /// Hello did not verify the user.
    NotVerified(VerifyFailure),
    /// A door refused the request before there was a ceremony.
    RefusedAtDoor,
    /// The new passkey did not reach the page that had asked for it.
    Undelivered,
    /// The provider runs another program than the one that was enabled.
    ExecutableChanged,
    /// More of the same, which was counted and not written.
    Repeated,
    /// A line of this log is not as it was written.
    LogDamaged,
    /// A file of the platform's state could not be used.
    StateDamaged,
}

impl Failure {
    /// A short stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ended(cause) => cause.code(),
            Self::NotVerified(VerifyFailure::Gesture(why)) => why.code(),
            Self::NotVerified(VerifyFailure::Unavailable) => Cause::VerificationUnavailable.code(),
            Self::NotVerified(VerifyFailure::Provider(failure)) => Cause::from(*failure).code(),
            Self::RefusedAtDoor => "refused-at-door",
            Self::Undelivered => "undelivered",
            Self::ExecutableChanged => "executable-changed",
            Self::Repeated => "repeated",
            Self::LogDamaged => "log-damaged",
            Self::StateDamaged => "state-damaged",
        }
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Ended(cause) => cause.fault(),
            // Too many wrong ones from programs, not from the user.
            Self::NotVerified(VerifyFailure::Gesture(NotVerified::PromptOnly { .. }))
            | Self::RefusedAtDoor
            | Self::Undelivered
            | Self::Repeated => Fault::Caller,
            Self::NotVerified(VerifyFailure::Gesture(_)) => Fault::User,
            Self::NotVerified(VerifyFailure::Provider(_)) | Self::ExecutableChanged => Fault::Provider,
            Self::NotVerified(VerifyFailure::Unavailable) | Self::LogDamaged | Self::StateDamaged => Fault::Platform,
        }
    }
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        Self::Ended(cause)
    }
}

impl From<NotVerified> for Failure {
    fn from(why: NotVerified) -> Self {
        Self::NotVerified(VerifyFailure::Gesture(why))
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Failure", 2)?;
        fields.serialize_field("cause", self.code())?;
        fields.serialize_field("fault", self.fault().name())?;
        fields.end()
    }
}
