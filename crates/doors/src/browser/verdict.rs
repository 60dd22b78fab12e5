//! What a page may learn of a failure.
//!
//! WebAuthn L3 §14.5 wants a site unable to tell "refused" from "no such passkey" from "locked": each of these is the same
//! `NotAllowedError` with the same words. What a page learns beyond that follows from its own input alone, or, for an excluded
//! credential, comes after the user's consent.

use std::borrow::Cow;

use claviger_broker::Cause;
use claviger_webauthn::{Error, Unserved};
use serde::Serialize;

use super::message::Kind;

/// The one message of every `NotAllowedError`.
pub const NOT_ALLOWED: &str = "The operation either timed out or was not allowed. \
    See: https://www.w3.org/TR/webauthn-3/#sctn-privacy-considerations-client.";

/// An exception as a page sees it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct DomError {
    /// The name of the `DOMException`, or `TypeError`.
    pub name: &'static str,
    /// Its message.
    pub message: Cow<'static, str>,
}

impl DomError {
    /// The answer to everything that a page must not be able to tell apart.
    pub fn not_allowed() -> Self {
        Self {
            name: "NotAllowedError",
            message: Cow::Borrowed(NOT_ALLOWED),
        }
    }

    /// What a page learns of a ceremony that ended with `cause`.
    pub fn of_cause(kind: Kind, cause: &Cause) -> Self {
        match (kind, cause) {
            // L3 §5.1.3: the broker gives this cause only after the user has consented to telling the site.
            (Kind::Create, Cause::Excluded) => Self {
                name: "InvalidStateError",
                message: Cow::Borrowed("There already is a passkey for this account."),
            },
            _ => Self::not_allowed(),
        }
    }

    /// What a page learns of a request that could not begin, or of an answer that could not be passed on.
    pub fn of_error(error: &Error) -> Self {
        if !error.is_callers_fault() {
            return Self::not_allowed();
        }
        Self {
            name: error.dom_name(),
            // It names members of the page's own options, no values and nothing of ours.
            message: Cow::Owned(error.to_string()),
        }
    }
}

/// What the user is told of `cause` by the extension, in case there was no prompt to tell it; never for the page.
pub fn problem_of_cause(cause: &Cause) -> Option<String> {
    match cause {
        Cause::CancelledByUser | Cause::CancelledByCaller | Cause::CallerGone => None,
        Cause::Unserved(Unserved::Frame) => Some(format!(
            "{cause}. Open the site in a tab of its own, and try again there."
        )),
        Cause::Unserved(_) | Cause::Unsupported => Some(format!(
            "{cause}. Choose “Use a security key instead”, and try again on the site."
        )),
        cause => Some(cause.to_string()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_broker::{Internal, Said, check::Rejection};
    use claviger_joint::answer::Status;
    use claviger_webauthn::{OriginError, RpIdError};

    use super::*;

    fn all_causes() -> Vec<Cause> {
        vec![
            Cause::CancelledByUser,
            Cause::CancelledByCaller,
            Cause::CallerGone,
            Cause::TimedOut,
            Cause::NoCredential,
            Cause::Ambiguous,
            Cause::Excluded,
            Cause::LockedOut,
            Cause::NoPin,
            Cause::NoPrompt,
            Cause::ProviderDisabled,
            Cause::ProviderLocked,
            Cause::ProviderCrashed,
            Cause::ProviderHung,
            Cause::ProviderUnreachable,
            Cause::ProviderRefused(Status::Busy),
            Cause::ProviderRefused(Status::InvalidRequest),
            Cause::ProviderRefused(Status::Internal),
            Cause::ProviderDamaged(Said::default()),
            Cause::ProviderUnavailable(Said::default()),
            Cause::AnswerRejected(Rejection::Signature),
            Cause::Unsupported,
            Cause::Unserved(Unserved::SecurityKey),
            Cause::Unserved(Unserved::LargeBlobs),
            Cause::Unserved(Unserved::Frame),
            Cause::Unserved(Unserved::Credentials),
            Cause::DeniedByPolicy,
            Cause::Busy,
            Cause::VerificationUnavailable,
            Cause::NotRecorded,
            Cause::Paused,
            Cause::Internal(Internal::TaskEnded),
        ]
    }

    #[test]
    fn a_page_cannot_tell_causes_apart() {
        for cause in all_causes() {
            let get = serde_json::to_string(&DomError::of_cause(Kind::Get, &cause)).unwrap();
            assert_eq!(
                get,
                serde_json::to_string(&DomError::not_allowed()).unwrap(),
                "{cause:?}"
            );
            if cause != Cause::Excluded {
                assert_eq!(
                    DomError::of_cause(Kind::Create, &cause),
                    DomError::not_allowed(),
                    "{cause:?}"
                );
            }
        }
    }

    #[test]
    fn an_excluded_credential_is_told_at_creation_only() {
        assert_eq!(
            DomError::of_cause(Kind::Create, &Cause::Excluded).name,
            "InvalidStateError"
        );
        assert_eq!(DomError::of_cause(Kind::Get, &Cause::Excluded), DomError::not_allowed());
    }

    #[test]
    fn what_follows_from_the_pages_own_input_is_told() {
        let malformed = Error::Malformed {
            field: "user.id".to_owned(),
            problem: "is missing",
        };
        for (error, name) in [
            (malformed, "TypeError"),
            (Error::UnknownPrfCredential, "SyntaxError"),
            (Error::NotSupported("x"), "NotSupportedError"),
            (Error::RpId(RpIdError::PublicSuffix), "SecurityError"),
            (Error::Origin(OriginError::Insecure), "SecurityError"),
            (Error::ForgedOverride, "SecurityError"),
        ] {
            assert_eq!(DomError::of_error(&error).name, name);
        }
    }

    #[test]
    fn the_rest_is_not() {
        for error in [Error::CrossOrigin("x"), Error::Provider("x")] {
            assert_eq!(DomError::of_error(&error), DomError::not_allowed());
        }
    }

    #[test]
    fn the_user_is_told_what_the_page_is_not() {
        assert!(problem_of_cause(&Cause::NoPrompt).unwrap().contains("claviger prompt"));
        assert_eq!(problem_of_cause(&Cause::CancelledByUser), None);
    }
}
