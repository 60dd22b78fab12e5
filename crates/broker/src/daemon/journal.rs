//! What the broker writes into the audit log, and what of it is counted instead.

use claviger_ctap::types::RpId;

use super::{Broker, lock, now_ms};
use crate::audit::{AuditEvent, Entry, EvidenceKind, Failure, Who};
use crate::types::{Caller, Cause};

impl Broker {
    /// Records a request that a door refused before any ceremony began: a foreign RP ID, a forged origin, … `detail` holds no secret.
    pub fn refused_at_door(&self, caller: &Caller, event: AuditEvent, rp_id: Option<&str>, detail: &str) {
        let entry = Entry::failed(event, Failure::RefusedAtDoor).detail(detail);
        self.audit_unasked(Entry {
            caller: Some(who(caller)),
            rp_id: rp_id.map(str::to_owned),
            ..entry
        });
    }

    /// Whether what is about to be done can be recorded. If not, it is not done.
    pub(super) fn can_record(&self) -> bool {
        let reserved = lock(&self.inner.audit).reserve();
        if let Err(error) = &reserved {
            tracing::error!(%error, "nothing can be recorded");
        }
        reserved.is_ok()
    }

    /// Writes an audit entry. What must not happen without one asks [`Broker::can_record`] first.
    pub(super) fn audit(&self, entry: &Entry) {
        if let Err(error) = lock(&self.inner.audit).append(now_ms(), entry) {
            tracing::error!(%error, "the audit entry was not written");
        }
    }

    /// Writes an audit entry about something that a caller can do as often as it likes, because the user is not asked: repetitions
    /// are counted.
    pub(super) fn audit_unasked(&self, entry: Entry) {
        self.audit_repeats();
        let admitted = lock(&self.inner.repeats).admit(entry, now_ms());
        if let Some(entry) = admitted {
            self.audit(&entry);
        }
    }

    /// Records a request that ends before the user is asked, and gives the cause back.
    pub(super) fn refused_early(&self, caller: &Caller, event: AuditEvent, rp_id: &RpId, cause: Cause) -> Cause {
        self.audit_unasked(Entry {
            caller: Some(who(caller)),
            rp_id: Some(rp_id.to_string()),
            ..Entry::failed(event, cause.clone())
        });
        cause
    }

    /// Writes what was counted and is due.
    pub(super) fn audit_repeats(&self) {
        let due = lock(&self.inner.repeats).due(now_ms());
        for entry in due {
            self.audit(&entry);
        }
    }
}

/// Whether a page can have its ceremonies end like this without the user doing anything.
pub(super) fn needs_no_user(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Busy
            | Cause::Paused
            | Cause::VerificationUnavailable
            | Cause::CancelledByCaller
            | Cause::CallerGone
            | Cause::NoPrompt
            | Cause::Unsupported
            | Cause::Unserved(_)
            | Cause::DeniedByPolicy
            | Cause::ProviderDisabled
    )
}

pub(super) fn who(caller: &Caller) -> Who {
    Who {
        door: caller.door,
        name: caller.name.clone(),
        executable: caller.executable.to_string_lossy().into_owned(),
        standing: caller.standing,
    }
}

/// The kind of evidence, for the audit log.
pub(super) fn evidence_kind(claims: &claviger_joint::evidence::EvidenceClaims) -> EvidenceKind {
    EvidenceKind {
        method: claims.method.to_string(),
        tier: claims.tier.to_string(),
    }
}
