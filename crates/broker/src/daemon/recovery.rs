//! The recovery code as the user manages it. What is typed goes to hello as it came, unread.

use std::os::fd::OwnedFd;

use claviger_hello::CodeStatus;
use claviger_hello::verification::NotVerified;
use claviger_prompt_api::dbus::{Error, Reason};
use claviger_prompt_api::fault::Fault;
use claviger_prompt_api::manage::RecoveryCodeStatus;
use claviger_prompt_api::text::sentence;
use zbus::message::Header;

use super::Broker;
use crate::audit::{AuditEvent, Entry, Failure};
use crate::ceremony::{Approval, RecoveryFailure, VerifyFailure};
use crate::types::{Cause, Internal};

/// What the evidence for a recovery code is bound to.
const MAKE_CODE: &[u8] = b"make a recovery code";

impl Broker {
    /// `MakeRecoveryCode`.
    pub(crate) async fn make_recovery_code(&self, header: &Header<'_>) -> Result<OwnedFd, Error> {
        let asking = self.asking(header).await?;
        let (approval, buffer) = (Approval::MakeRecoveryCode, MAKE_CODE.to_vec());
        let approved = self
            .approve(&asking, approval, buffer, None, AuditEvent::Manage)
            .await?;
        let ticket = approved.ticket.ok_or_else(|| Cause::from(Internal::WrongOutcome))?;
        let made = self.inner.verifier.make_recovery_code(ticket).await;
        self.audit_change("a recovery code was made", &made);
        made.map_err(Error::from)
    }

    /// `ConfirmRecoveryCode`.
    pub(crate) async fn confirm_recovery_code(&self, ends: OwnedFd) -> Result<(), Error> {
        self.require_record()?;
        let confirmed = self.inner.verifier.confirm_recovery_code(ends).await;
        self.audit_change("the recovery code was typed back", &confirmed);
        confirmed.map_err(Error::from)
    }

    /// `DrillRecoveryCode`.
    pub(crate) async fn drill_recovery_code(&self, code: OwnedFd) -> Result<(), Error> {
        self.require_record()?;
        let tried = self.inner.verifier.drill_recovery_code(code).await;
        self.audit_change("the recovery code was tried", &tried);
        tried.map_err(Error::from)
    }

    /// `Recover`.
    pub(crate) async fn recover(&self, code: OwnedFd, new: OwnedFd) -> Result<(), Error> {
        self.require_record()?;
        let recovered = self.inner.verifier.recover(code, new).await;
        self.audit_recovery(&recovered);
        recovered.map_err(Error::from)
    }

    /// What came of the recovery code, for the audit log.
    pub(super) fn audit_recovery(&self, result: &Result<(), RecoveryFailure>) {
        self.audit_change("a new PIN was set with the recovery code", result);
    }

    /// What must not happen without an audit entry begins with this.
    pub(super) fn require_record(&self) -> Result<(), Error> {
        if self.can_record() {
            Ok(())
        } else {
            Err(Cause::NotRecorded.into())
        }
    }

    fn audit_change<T>(&self, what: &str, result: &Result<T, RecoveryFailure>) {
        let entry = match result {
            Ok(_) => Entry::ok(AuditEvent::Manage),
            Err(RecoveryFailure::Refused(why)) => Entry::failed(AuditEvent::Manage, *why),
            Err(RecoveryFailure::Unavailable) => {
                let unavailable = Failure::NotVerified(VerifyFailure::Unavailable);
                Entry::failed(AuditEvent::Manage, unavailable)
            }
            // Nothing was tried: the user types it again.
            Err(RecoveryFailure::Weak(_) | RecoveryFailure::NotACode(_)) => return,
        };
        self.audit(&entry.detail(what));
    }
}

impl From<RecoveryFailure> for Error {
    fn from(failure: RecoveryFailure) -> Self {
        let user = |code: &str, text: &str| Reason::new(code, Fault::User, sentence(text));
        match failure {
            RecoveryFailure::Weak(reason) => {
                let text = format!("the new PIN will not do ({reason})");
                Self::InvalidArgument(user("weak-pin", &text))
            }
            RecoveryFailure::NotACode(why) => Self::InvalidArgument(user("not-a-code", &why)),
            RecoveryFailure::Refused(why @ NotVerified::Wait { wait_ms, .. }) => {
                let text = format!("wait {} s before the next try", wait_ms.div_ceil(1000));
                Self::NotReady(user(why.code(), &text))
            }
            RecoveryFailure::Refused(why @ NotVerified::NoCode) => Self::NotFound(user(why.code(), &why.to_string())),
            RecoveryFailure::Refused(why) => Self::Refused(user(why.code(), &why.to_string())),
            RecoveryFailure::Unavailable => Cause::VerificationUnavailable.into(),
        }
    }
}

/// How it is with the recovery code, as it is told.
pub(super) fn told(status: CodeStatus) -> RecoveryCodeStatus {
    match status {
        CodeStatus::None => RecoveryCodeStatus::None,
        CodeStatus::Pending => RecoveryCodeStatus::Pending,
        CodeStatus::Confirmed => RecoveryCodeStatus::Confirmed,
    }
}
