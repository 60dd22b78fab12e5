//! What goes into the machine and what comes out of it.

use std::fmt;

use claviger_ctap::types::{CredentialId, RpId};
use claviger_hello::verification::NotVerified;
use claviger_joint::answer::NotDone;
use claviger_joint::envelope::Presentation;
use claviger_joint::evidence::Purpose;
use claviger_joint::{CredentialRef, ProviderId, TransactionId};
use claviger_prompt_api::view::{Kind, View};

use super::Tokens;
use crate::check::Rejection;
use crate::types::Cause;

/// Something happened.
pub enum Event<T: Tokens> {
    /// The ceremony may begin; once, first.
    Started,
    /// A prompt is there now. The view needs no repeating: the queue has it.
    PromptAttached,
    /// A view is waiting, no prompt is there and none can be started.
    PromptUnavailable,
    /// The prompt that showed the view went away, and no other took its place.
    PromptClosed,
    /// The user agreed to what is on screen.
    UserApproved {
        /// The id of the choice taken; `None` means the preselected one.
        choice: Option<String>,
        /// Whether to remember the provider for the site.
        remember: bool,
        /// What the user did to be verified, if the view asked for it.
        gesture: Option<T::Gesture>,
    },
    /// The user declined, or closed a notice.
    UserRefused,
    /// The user gave the recovery code and a new PIN, which the view offered.
    UserRecovers {
        /// The code.
        code: T::Gesture,
        /// The PIN to be.
        new: T::Gesture,
    },
    /// hello's answer to [`Effect::Recover`].
    Recovered(Result<(), RecoveryFailure>),
    /// hello's answer to [`Effect::SetPin`].
    PinSet(Result<(), PinFailure>),
    /// hello's answer to [`Effect::ChangePin`].
    PinChanged(Result<(), NotChanged<T>>),
    /// hello's good answer to [`Effect::Verify`].
    Verified {
        /// Evidence for the audience and transaction that `Verify` named.
        evidence: T::Evidence,
        /// The unlock boxes, when `Verify` asked for any.
        unlock: Option<T::Unlock>,
    },
    /// hello's other answers to [`Effect::Verify`].
    VerifyFailed(VerifyFailure),
    /// The answer to [`Effect::DescribeProvider`].
    ProviderReady(Readiness),
    /// The answer to [`Effect::Execute`].
    ProviderAnswered(ProviderReply<T>),
    /// No answer to [`Effect::DescribeProvider`] or [`Effect::Execute`].
    ProviderFailed(ProviderFailure),
    /// The answer to [`Effect::CheckAnswer`].
    AnswerChecked(Result<Checked<T>, Rejection>),
    /// The caller's process or connection is gone.
    CallerGone,
    /// The caller withdrew its request.
    CallerCancelled,
    /// The ceremony's time is over.
    TimedOut,
}

/// Why a new PIN was not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PinFailure {
    /// It is too easy to guess, too short or too long; the reason is hello's code for it.
    Weak(String),
    /// There is one already: somebody else's ceremony was faster.
    AlreadySet,
    /// hello cannot be reached, or failed.
    Unavailable,
}

/// Why the PIN was not changed.
pub enum NotChanged<T: Tokens> {
    /// The new one is no good, so the old one was not looked at.
    Weak {
        /// hello's code for it.
        reason: String,
        /// The old one, which still stands for the user.
        old: T::Gesture,
    },
    /// hello did not accept the old one.
    Old(NotVerified),
    /// hello cannot be reached, or failed.
    Unavailable,
}

/// Why hello did not do what was asked with the recovery code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecoveryFailure {
    /// The new PIN is too easy to guess, too short or too long; the reason is hello's code for it.
    Weak(String),
    /// What was given is no recovery code; the text is for the user.
    NotACode(String),
    /// hello did not accept what was given.
    Refused(NotVerified),
    /// hello cannot be reached, or failed.
    Unavailable,
}

/// Why there is no evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyFailure {
    /// hello did not accept what the user did.
    Gesture(NotVerified),
    /// hello cannot be reached, failed, or gave evidence that does not fit.
    Unavailable,
    /// A provider to be unlocked could not be described (approvals only: they have no step of their own for it).
    Provider(ProviderFailure),
}

/// How a provider is, seen just before it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// Whether it is locked.
    pub lock: crate::choice::Lock,
    /// Whether its getInfo fits the request (an algorithm in common, for a new passkey).
    pub supported: bool,
}

/// How a provider failed to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderFailure {
    /// Its connection went away.
    Crashed,
    /// It let its deadline pass.
    Hung,
    /// It could not be started or spoken to.
    Unreachable,
    /// It was not asked, because that could not be recorded.
    NotRecorded,
}

impl From<ProviderFailure> for Cause {
    fn from(failure: ProviderFailure) -> Self {
        match failure {
            ProviderFailure::Crashed => Self::ProviderCrashed,
            ProviderFailure::Hung => Self::ProviderHung,
            ProviderFailure::Unreachable => Self::ProviderUnreachable,
            ProviderFailure::NotRecorded => Self::NotRecorded,
        }
    }
}

/// A provider's answer.
pub enum ProviderReply<T: Tokens> {
    /// Status ok, with the unchecked payload.
    Ok(T::Reply),
    /// Any other status.
    Declined(NotDone),
}

/// An answer that passed.
pub struct Checked<T: Tokens> {
    /// The answer.
    pub answer: T::Answer,
    /// The passkey that it is of.
    pub credential: CredentialId,
}

/// Something to do. Effects are performed in the order in which [`super::Machine::handle`] returns them.
pub enum Effect<T: Tokens> {
    /// Put this view into the prompt queue, in place of the ceremony's present one if it has one.
    ShowView(Box<View>),
    /// Take the ceremony's view out of the queue.
    CloseView,
    /// Give hello this PIN as the new one. Answered by [`Event::PinSet`].
    SetPin(T::Gesture),
    /// Give hello a new PIN in the place of the old one. Answered by [`Event::PinChanged`].
    ChangePin {
        /// The present PIN.
        old: T::Gesture,
        /// The PIN to be.
        new: T::Gesture,
    },
    /// Have hello set a new PIN with the recovery code. Answered by [`Event::Recovered`].
    Recover {
        /// The code.
        code: T::Gesture,
        /// The PIN to be.
        new: T::Gesture,
    },
    /// Have hello verify. Answered by [`Event::Verified`] or [`Event::VerifyFailed`].
    Verify(Verify<T>),
    /// Start the provider if need be and ask how it is. Answered by [`Event::ProviderReady`] or [`Event::ProviderFailed`].
    DescribeProvider {
        /// The provider's id.
        provider: ProviderId,
    },
    /// Send the request through the joint. Answered by [`Event::ProviderAnswered`] or [`Event::ProviderFailed`].
    Execute(Execution<T>),
    /// Tell the provider to drop the transaction; wait for nothing.
    CancelProvider {
        /// The provider's id.
        provider: ProviderId,
        /// The transaction to drop.
        transaction: TransactionId,
    },
    /// Check a provider's answer (rule 5). Answered by [`Event::AnswerChecked`].
    CheckAnswer(Check<T>),
    /// Make this provider the user's rule for this site.
    Remember {
        /// The site.
        rp_id: RpId,
        /// The provider.
        provider: ProviderId,
    },
    /// A passkey served its site: learn what was last used.
    Used {
        /// The site.
        rp_id: RpId,
        /// The passkey.
        credential: CredentialRef,
    },
    /// Write an audit entry.
    Audit(AuditStep),
    /// The ceremony is over; once, last.
    Finish(Result<Outcome<T>, Cause>),
}

/// An order to verify the user.
pub struct Verify<T: Tokens> {
    /// The PIN to check.
    pub gesture: T::Gesture,
    /// Whom the evidence is for: a provider, or [`ProviderId::platform`].
    pub audience: ProviderId,
    /// What it is for.
    pub purpose: Purpose,
    /// The transaction that the evidence is bound to.
    pub transaction: TransactionId,
    /// The call that the evidence will go with; its parameters, with user verification asked for, are the buffer whose hash
    /// the evidence carries. `None` for approvals.
    pub call: Option<Call>,
    /// The ids of the providers to make unlock boxes for.
    pub unlock: Vec<ProviderId>,
    /// Whether hello is to hold what it opened for the change that follows.
    pub hold: bool,
}

/// One call of a provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// The provider's id.
    pub provider: ProviderId,
    /// The passkey to use, when the user chose one; the request's allow list is narrowed to it.
    pub credential: Option<CredentialId>,
    /// The transaction it runs under.
    pub transaction: TransactionId,
}

/// An order to send a request to a provider.
pub struct Execution<T: Tokens> {
    /// What to call.
    pub call: Call,
    /// The user's consent, which the request is made of.
    pub consent: Consent,
    /// The evidence; with it, and only with it, the request asks for user verification.
    pub evidence: Option<T::Evidence>,
    /// The unlock box.
    pub unlock: Option<T::Unlock>,
    /// Whether the provider may put up a window.
    pub presentation: Presentation,
}

/// Proof that the user agreed to what was on screen. Only the machine makes one, and it is spent on the one request that it permits.
#[derive(Debug)]
pub struct Consent {
    _made_by_the_machine: (),
}

impl Consent {
    pub(super) fn given() -> Self {
        Self {
            _made_by_the_machine: (),
        }
    }

    /// Uses it up.
    pub(crate) fn spend(self) {
        let Self {
            _made_by_the_machine: (),
        } = self;
    }
}

/// An order to check an answer.
pub struct Check<T: Tokens> {
    /// The call it answers.
    pub call: Call,
    /// The unchecked answer.
    pub reply: T::Reply,
    /// What its flags must say.
    pub assurance: Assurance,
}

/// What an answer may claim about the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assurance {
    /// Consent only: UP set, UV not set.
    Consented,
    /// Evidence was given: UP and UV set.
    Verified,
    /// Nobody was asked: neither is set.
    Absent,
}

/// How a ceremony ended well.
pub enum Outcome<T: Tokens> {
    /// A checked answer for the caller.
    Answered(T::Answer),
    /// The approval that was asked for.
    Approved {
        /// The user's consent.
        consent: Consent,
        /// Evidence for the approval's audience; absent only where choosing or changing a PIN was all there was to do.
        evidence: Option<T::Evidence>,
        /// The unlock boxes.
        unlock: Option<T::Unlock>,
    },
    /// Nobody can answer, and the user wants this disabled provider turned on: nothing is agreed to by that but to be asked.
    TurnOn {
        /// The provider's id.
        provider: ProviderId,
    },
}

/// A step worth an audit entry. Beginning and end are the daemon's to write, who knows the request and sees the `Finish`, and so is what
/// hello does to the PIN, which may come after the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditStep {
    /// A view was put before the user for the first time or with another purpose.
    Asked(Kind),
    /// The user agreed; for a ceremony with this provider.
    Approved {
        /// The provider's id.
        provider: Option<ProviderId>,
    },
    /// The user declined.
    Refused,
    /// hello verified the user.
    Verified,
    /// hello did not.
    NotVerified(VerifyFailure),
    /// The request went to a provider.
    Called {
        /// The provider's id.
        provider: ProviderId,
        /// What it may claim.
        assurance: Assurance,
    },
    /// A provider declined or failed.
    Failed {
        /// The provider's id.
        provider: ProviderId,
        /// Why.
        cause: Cause,
    },
}

impl AuditStep {
    /// A short stable name for the audit log.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Asked(_) => "asked",
            Self::Approved { .. } => "approved",
            Self::Refused => "refused",
            Self::Verified => "verified",
            Self::NotVerified(_) => "not-verified",
            Self::Called { .. } => "called",
            Self::Failed { .. } => "failed",
        }
    }
}

// Events and effects carry PINs, evidence, answers and credential ids: print their kind, never what is in them.
impl<T: Tokens> fmt::Debug for Event<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Started => "Started",
            Self::PromptAttached => "PromptAttached",
            Self::PromptUnavailable => "PromptUnavailable",
            Self::PromptClosed => "PromptClosed",
            Self::UserApproved { .. } => "UserApproved",
            Self::UserRefused => "UserRefused",
            Self::UserRecovers { .. } => "UserRecovers",
            Self::Recovered(_) => "Recovered",
            Self::PinSet(_) => "PinSet",
            Self::PinChanged(_) => "PinChanged",
            Self::Verified { .. } => "Verified",
            Self::VerifyFailed(failure) => return write!(f, "VerifyFailed({failure:?})"),
            Self::ProviderReady(readiness) => return write!(f, "ProviderReady({readiness:?})"),
            Self::ProviderAnswered(ProviderReply::Ok(_)) => "ProviderAnswered(Ok)",
            Self::ProviderAnswered(ProviderReply::Declined(NotDone { status, .. })) => {
                return write!(f, "ProviderAnswered({status:?})");
            }
            Self::ProviderFailed(failure) => return write!(f, "ProviderFailed({failure:?})"),
            Self::AnswerChecked(Ok(_)) => "AnswerChecked(Ok)",
            Self::AnswerChecked(Err(_)) => "AnswerChecked(Err)",
            Self::CallerGone => "CallerGone",
            Self::CallerCancelled => "CallerCancelled",
            Self::TimedOut => "TimedOut",
        })
    }
}

impl<T: Tokens> fmt::Debug for Effect<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShowView(view) => write!(f, "ShowView({})", view.kind.name()),
            Self::CloseView => f.write_str("CloseView"),
            Self::SetPin(_) => f.write_str("SetPin"),
            Self::ChangePin { .. } => f.write_str("ChangePin"),
            Self::Recover { .. } => f.write_str("Recover"),
            Self::Verify(verify) => write!(f, "Verify({})", verify.audience),
            Self::DescribeProvider { provider } => write!(f, "DescribeProvider({provider})"),
            Self::Execute(execution) => write!(f, "Execute({})", execution.call.provider),
            Self::CancelProvider { provider, .. } => write!(f, "CancelProvider({provider})"),
            Self::CheckAnswer(check) => write!(f, "CheckAnswer({:?})", check.assurance),
            Self::Remember { provider, .. } => write!(f, "Remember({provider})"),
            Self::Used { credential, .. } => write!(f, "Used({})", credential.provider),
            Self::Audit(audit) => write!(f, "Audit({})", audit.code()),
            Self::Finish(Ok(Outcome::Answered(_))) => f.write_str("Finish(Answered)"),
            Self::Finish(Ok(Outcome::Approved { .. })) => f.write_str("Finish(Approved)"),
            Self::Finish(Ok(Outcome::TurnOn { provider })) => write!(f, "Finish(TurnOn({provider}))"),
            Self::Finish(Err(cause)) => write!(f, "Finish({cause:?})"),
        }
    }
}
