//! What a client of the security key may learn of a failure: the one table from causes to CTAP statuses.
//!
//! Every status here comes after the user has seen a screen, but for those that follow from the request alone
//! (nobody does the algorithm), from the caller (it cancelled, or asked too much) or from the lack of a prompt.

use claviger_broker::Cause;
use claviger_ctap::status::Status;
use claviger_joint::answer;

/// What the client asked for, as far as the status depends on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Asked {
    /// Whether a credential was to be made; otherwise one was to be used or managed.
    pub makes: bool,
    /// Whether the client had taken the PIN itself, so that it knows the words of the PIN and not those of built-in verification.
    pub client_pin: bool,
}

/// The status for `cause` (CTAP 2.1 §8.2; the commands' algorithms in §6.1.2 and §6.2.2).
pub fn status_of(asked: Asked, cause: &Cause) -> Status {
    match cause {
        // §6.1.2 step 14, §6.2.2 step 9: the user declined. Or nobody can be asked, or nobody may answer; that much the user has
        // read.
        Cause::CancelledByUser | Cause::NoPrompt | Cause::DeniedByPolicy | Cause::Paused => Status::OperationDenied,
        Cause::ProviderDisabled if asked.makes => Status::OperationDenied,
        // §11.2.9.1.5: CTAPHID_CANCEL. A caller that is gone reads nothing any more.
        Cause::CancelledByCaller | Cause::CallerGone => Status::KeepaliveCancel,
        Cause::TimedOut => Status::UserActionTimeout,
        // §6.2.2 step 7. A provider that the user has disabled is not there.
        Cause::NoCredential | Cause::ProviderDisabled => Status::NoCredentials,
        // §6.1.2 step 12.
        Cause::Excluded => Status::CredentialExcluded,
        // §6.5.5.7: too many wrong ones.
        Cause::LockedOut if asked.client_pin => Status::PinBlocked,
        Cause::LockedOut => Status::UvBlocked,
        Cause::NoPin => Status::PinNotSet,
        // §6.1.2 step 3.
        Cause::Unsupported if asked.makes => Status::UnsupportedAlgorithm,
        Cause::Unsupported | Cause::Unserved(_) => Status::UnsupportedOption,
        Cause::Busy | Cause::ProviderRefused(answer::Status::Busy) => Status::ChannelBusy,
        Cause::ProviderHung => Status::ActionTimeout,
        Cause::Ambiguous
        | Cause::ProviderLocked
        | Cause::ProviderCrashed
        | Cause::ProviderUnreachable
        | Cause::ProviderRefused(_)
        | Cause::ProviderDamaged(_)
        | Cause::ProviderUnavailable(_)
        | Cause::AnswerRejected(_)
        | Cause::VerificationUnavailable
        | Cause::NotRecorded
        | Cause::Internal(_) => Status::Other,
    }
}

#[cfg(test)]
mod tests {
    use claviger_broker::{Internal, Said, check::Rejection};

    use super::*;

    const MAKE: Asked = Asked {
        makes: true,
        client_pin: false,
    };
    const GET: Asked = Asked {
        makes: false,
        client_pin: false,
    };

    #[test]
    fn every_cause_has_the_status_that_the_specification_gives_it() {
        for (cause, make, get) in [
            (Cause::CancelledByUser, 0x27, 0x27),
            (Cause::CancelledByCaller, 0x2d, 0x2d),
            (Cause::CallerGone, 0x2d, 0x2d),
            (Cause::TimedOut, 0x2f, 0x2f),
            (Cause::NoCredential, 0x2e, 0x2e),
            (Cause::Ambiguous, 0x7f, 0x7f),
            (Cause::Excluded, 0x19, 0x19),
            (Cause::LockedOut, 0x3c, 0x3c),
            (Cause::NoPin, 0x35, 0x35),
            (Cause::NoPrompt, 0x27, 0x27),
            (Cause::ProviderDisabled, 0x27, 0x2e),
            (Cause::ProviderLocked, 0x7f, 0x7f),
            (Cause::ProviderCrashed, 0x7f, 0x7f),
            (Cause::ProviderHung, 0x3a, 0x3a),
            (Cause::ProviderUnreachable, 0x7f, 0x7f),
            (Cause::ProviderRefused(answer::Status::Busy), 0x06, 0x06),
            (Cause::ProviderRefused(answer::Status::InvalidRequest), 0x7f, 0x7f),
            (Cause::ProviderRefused(answer::Status::Internal), 0x7f, 0x7f),
            (Cause::ProviderDamaged(Said::default()), 0x7f, 0x7f),
            (Cause::ProviderUnavailable(Said::default()), 0x7f, 0x7f),
            (Cause::AnswerRejected(Rejection::Signature), 0x7f, 0x7f),
            (Cause::Unsupported, 0x26, 0x2b),
            (Cause::DeniedByPolicy, 0x27, 0x27),
            (Cause::Busy, 0x06, 0x06),
            (Cause::VerificationUnavailable, 0x7f, 0x7f),
            (Cause::NotRecorded, 0x7f, 0x7f),
            (Cause::Paused, 0x27, 0x27),
            (Cause::Internal(Internal::TaskEnded), 0x7f, 0x7f),
        ] {
            assert_eq!(status_of(MAKE, &cause).code(), make, "make: {cause:?}");
            assert_eq!(status_of(GET, &cause).code(), get, "get: {cause:?}");
        }
    }

    #[test]
    fn a_client_that_took_the_pin_is_told_that_the_pin_is_blocked() {
        let asked = Asked {
            client_pin: true,
            ..GET
        };
        assert_eq!(status_of(asked, &Cause::LockedOut), Status::PinBlocked);
    }

    #[test]
    fn no_failure_is_a_success() {
        // A status of success without a response would be taken for an answer.
        for makes in [false, true] {
            for client_pin in [false, true] {
                let status = status_of(Asked { makes, client_pin }, &Cause::Internal(Internal::TaskEnded));
                assert_ne!(status, Status::Success);
            }
        }
    }
}
