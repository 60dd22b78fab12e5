//! How a ceremony may end without an answer, and whose fault that is.

use std::fmt;

use claviger_ctap::crypto::CryptoError;
use claviger_joint::Trouble;
use claviger_joint::answer::{NotDone, Status};
pub use claviger_prompt_api::fault::Fault;
use claviger_prompt_api::sanitise;
use claviger_webauthn::Unserved;

use crate::check::Rejection;

/// The most characters that are shown of what a provider says of its trouble.
const MAX_SAID_CHARS: usize = 256;

/// Why a ceremony ended without an answer: the true cause, for the user and the log.
///
/// A website learns less; what it learns is the doors' matter. The text never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The user said no.
    #[error("you cancelled it")]
    CancelledByUser,
    /// The caller withdrew its request.
    #[error("the program that asked cancelled its request")]
    CancelledByCaller,
    /// The caller's process or its connection is gone.
    #[error("the program that asked has gone")]
    CallerGone,
    /// Time ran out before the user or the provider was done.
    #[error("the time for this request ran out")]
    TimedOut,
    /// No provider holds a passkey for this site and this request.
    #[error("there is no passkey for this site")]
    NoCredential,
    /// Several providers hold a passkey of the id that was named, and the caller cannot say which it means.
    #[error("several providers keep a passkey of that id; choose one with `claviger passkey`")]
    Ambiguous,
    /// A provider already holds one of the passkeys that the site excludes; told to the site only after consent.
    #[error("there already is a passkey for this account")]
    Excluded,
    /// Too many wrong PINs in a row.
    #[error("the PIN is locked after too many wrong attempts")]
    LockedOut,
    /// Verification is needed and no PIN has been chosen.
    #[error("no PIN has been chosen yet")]
    NoPin,
    /// There is no prompt to ask the user with.
    #[error("there is no prompt to ask with; start `claviger prompt`")]
    NoPrompt,
    /// Only a disabled provider could have served.
    #[error("the provider that could serve this is disabled")]
    ProviderDisabled,
    /// The provider stayed locked although the user had verified.
    #[error("the provider stayed locked")]
    ProviderLocked,
    /// The provider's process ended before it answered.
    #[error("the provider stopped before it answered")]
    ProviderCrashed,
    /// The provider let its deadline pass.
    #[error("the provider did not answer in time")]
    ProviderHung,
    /// The provider could not be started or reached.
    #[error("the provider could not be reached")]
    ProviderUnreachable,
    /// The provider answered with a status that has no cause of its own here.
    #[error("the provider refused: {0}")]
    ProviderRefused(Status),
    /// What the provider keeps cannot be read or trusted any more.
    #[error("the provider is damaged{0}")]
    ProviderDamaged(Said),
    /// The provider cannot work now.
    #[error("the provider cannot work now{0}")]
    ProviderUnavailable(Said),
    /// The provider's answer failed a check (rule 5 of the design).
    #[error("the provider's answer was rejected: {0}")]
    AnswerRejected(Rejection),
    /// No enabled provider can do what was asked.
    #[error("no provider supports what the site asked for")]
    Unsupported,
    /// The site asks for what no provider can do, whichever it is.
    #[error(transparent)]
    Unserved(Unserved),
    /// A rule of the user, the administrator or the provider forbids it.
    #[error("not allowed for this site")]
    DeniedByPolicy,
    /// It asked in vain too often, or the user wants no question of it for a while.
    #[error("it asked too often, or you wanted no question of it for a while")]
    Paused,
    /// Too many requests are waiting, from this caller or altogether.
    #[error("too many requests are waiting")]
    Busy,
    /// User verification itself does not work (hello cannot be reached or fails).
    #[error("user verification is not available")]
    VerificationUnavailable,
    /// It could not be recorded in the audit log, so it was not done.
    #[error("it cannot be recorded in the audit log (is the disk full?), and nothing is done that is not recorded")]
    NotRecorded,
    /// A fault of the platform.
    #[error("internal fault: {0}")]
    Internal(#[from] Internal),
}

impl Cause {
    /// A short stable code for the audit log, for JSON and for the `problem.code` of a notice.
    pub fn code(&self) -> &'static str {
        match self {
            Self::CancelledByUser => "cancelled-by-user",
            Self::CancelledByCaller => "cancelled-by-caller",
            Self::CallerGone => "caller-gone",
            Self::TimedOut => "timed-out",
            Self::NoCredential => "no-credential",
            Self::Ambiguous => "ambiguous",
            Self::Excluded => "excluded",
            Self::LockedOut => "locked-out",
            Self::NoPin => "no-pin",
            Self::NoPrompt => "no-prompt",
            Self::ProviderDisabled => "provider-disabled",
            Self::ProviderLocked => "provider-locked",
            Self::ProviderCrashed => "provider-crashed",
            Self::ProviderHung => "provider-hung",
            Self::ProviderUnreachable => "provider-unreachable",
            Self::ProviderRefused(_) => "provider-refused",
            Self::ProviderDamaged(_) => "provider-damaged",
            Self::ProviderUnavailable(_) => "provider-unavailable",
            Self::AnswerRejected(_) => "answer-rejected",
            Self::Unsupported => "unsupported",
            Self::Unserved(Unserved::SecurityKey) => "security-key-wanted",
            Self::Unserved(Unserved::LargeBlobs) => "large-blobs-wanted",
            Self::Unserved(Unserved::Frame) => "unknown-frame",
            Self::Unserved(Unserved::Credentials) => "no-passkeys-allowed",
            Self::DeniedByPolicy => "denied-by-policy",
            Self::Busy => "busy",
            Self::Paused => "paused",
            Self::VerificationUnavailable => "verification-unavailable",
            Self::NotRecorded => "not-recorded",
            Self::Internal(_) => "internal",
        }
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::CancelledByCaller
            | Self::CallerGone
            | Self::Excluded
            | Self::Unsupported
            | Self::Unserved(_)
            | Self::Busy
            | Self::Paused => Fault::Caller,
            Self::CancelledByUser
            | Self::TimedOut
            | Self::NoCredential
            | Self::LockedOut
            | Self::NoPin
            | Self::ProviderDisabled => Fault::User,
            Self::Ambiguous
            | Self::ProviderLocked
            | Self::ProviderCrashed
            | Self::ProviderHung
            | Self::ProviderUnreachable
            | Self::ProviderRefused(_)
            | Self::ProviderDamaged(_)
            | Self::ProviderUnavailable(_)
            | Self::AnswerRejected(_) => Fault::Provider,
            Self::DeniedByPolicy => Fault::Policy,
            Self::NoPrompt | Self::VerificationUnavailable | Self::NotRecorded | Self::Internal(_) => Fault::Platform,
        }
    }
}

impl From<NotDone> for Cause {
    /// What a status other than ok means for the ceremony.
    fn from(NotDone { status, reason }: NotDone) -> Self {
        match status {
            Status::Cancelled => Self::CancelledByUser,
            Status::NotFound => Self::NoCredential,
            Status::Excluded => Self::Excluded,
            Status::Locked => Self::ProviderLocked,
            Status::Unsupported => Self::Unsupported,
            Status::Denied => Self::DeniedByPolicy,
            Status::Damaged => Self::ProviderDamaged(Said::of(reason)),
            Status::Unavailable => Self::ProviderUnavailable(Said::of(reason)),
            Status::Busy | Status::InvalidRequest | Status::Internal => Self::ProviderRefused(status),
        }
    }
}

impl From<Trouble> for Cause {
    fn from(Trouble { kind, reason }: Trouble) -> Self {
        NotDone {
            status: kind.status(),
            reason,
        }
        .into()
    }
}

impl From<CryptoError> for Cause {
    fn from(error: CryptoError) -> Self {
        Self::Internal(Internal::Crypto(error))
    }
}

/// What a provider says of its trouble, if it says anything: its own words, sanitised, and quoted wherever they are shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said(Option<String>);

impl Said {
    /// What is left of a provider's words.
    pub(crate) fn of(reason: Option<String>) -> Self {
        let clean = sanitise::line(&sanitise::unquoted(&reason.unwrap_or_default()), MAX_SAID_CHARS);
        Self((!clean.is_empty()).then_some(clean))
    }

    /// The words.
    pub fn words(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |words| write!(f, ": it says “{words}”"))
    }
}

/// What went wrong within the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Internal {
    /// No randomness, or a key that does not serve.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// A ceremony's task ended before it had an end.
    #[error("the ceremony's task ended")]
    TaskEnded,
    /// A ceremony ended with an approval, or an approval with an answer.
    #[error("it ended with another kind of outcome than it was begun for")]
    WrongOutcome,
}
