//! What is recorded: one event, who asked, and how it ended.

use claviger_joint::ProviderId;
use claviger_joint::envelope::Door;
use claviger_peer::Standing;
use serde::{Serialize, Serializer};

use super::failure::Failure;

/// The longest text that a field keeps, in characters; longer ones are cut and end in `…`.
pub const MAX_FIELD: usize = 256;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditEvent {
    /// A create ceremony ended.
    Create,
    /// A get ceremony ended.
    Get,
    /// A user verification that a provider asked for ended.
    VerifyUser,
    /// The user was not verified: a wrong PIN, or one too many.
    Verification,
    /// A provider changed its state, its executable or its keys.
    Provider,
    /// A process became the one that asks the user.
    Prompt,
    /// The user managed something: rules, default provider, passkeys, locks.
    Manage,
    /// A file of the platform's state could not be used; `detail` tells which and why.
    State,
    /// The broker started; `detail` tells its version.
    Started,
    /// The broker shut down in order.
    Stopped,
    /// Opening the log found and cut off a torn last line.
    Repaired,
    /// Opening the log found a last line whose hash is wrong, or a whole log that is none and was set aside; the chain starts anew
    /// behind it.
    Broken,
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Who {
    /// The door, by its name.
    #[serde(serialize_with = "door_name")]
    pub door: Door,
    /// The name shown to the user, "Chromium".
    pub name: String,
    /// The executable, as `/proc` names it.
    pub executable: String,
    /// Whether it is proved that who spoke for it has that role, `proved` or `unproved`.
    pub standing: Standing,
}

/// What kind of user verification stood behind an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceKind {
    /// `pin`, `fingerprint`, …
    pub method: String,
    /// `software`, `tpm`, `system`.
    pub tier: String,
}

/// What is to be recorded. Texts longer than [`MAX_FIELD`] are cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// What happened.
    pub event: AuditEvent,
    /// Who asked, if anybody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<Who>,
    /// The relying party.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rp_id: Option<String>,
    /// The provider's id.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "provider_id")]
    pub provider: Option<ProviderId>,
    /// `ok` or `failed`.
    pub result: &'static str,
    /// Why it failed (`cause`) and whose fault that is (`fault`), for the user; sites never see it.
    #[serde(flatten)]
    pub failure: Option<Failure>,
    /// Kind of evidence, present exactly if the user was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceKind>,
    /// Anything else worth knowing, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Entry {
    /// Something that went well.
    pub fn ok(event: AuditEvent) -> Self {
        Self {
            event,
            caller: None,
            rp_id: None,
            provider: None,
            result: "ok",
            failure: None,
            evidence: None,
            detail: None,
        }
    }

    /// Something that did not, and why.
    pub fn failed(event: AuditEvent, failure: impl Into<Failure>) -> Self {
        Self {
            result: "failed",
            failure: Some(failure.into()),
            ..Self::ok(event)
        }
    }

    /// With the provider's id.
    #[must_use]
    pub fn provider(mut self, id: &ProviderId) -> Self {
        self.provider = Some(id.clone());
        self
    }

    /// With a remark.
    #[must_use]
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.detail = Some(text.into());
        self
    }

    /// The same with texts that fit.
    pub(super) fn bounded(&self) -> Self {
        let cut_opt = |text: &Option<String>| text.as_deref().map(cut);
        Self {
            event: self.event,
            caller: self.caller.as_ref().map(|who| Who {
                door: who.door,
                name: cut(&who.name),
                executable: cut(&who.executable),
                standing: who.standing,
            }),
            rp_id: cut_opt(&self.rp_id),
            provider: self.provider.clone(),
            result: self.result,
            failure: self.failure.clone(),
            evidence: self.evidence.as_ref().map(|kind| EvidenceKind {
                method: cut(&kind.method),
                tier: cut(&kind.tier),
            }),
            detail: cut_opt(&self.detail),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature.
fn door_name<S: Serializer>(door: &Door, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(door.name())
}

#[allow(clippy::ref_option)] // serde's signature.
fn provider_id<S: Serializer>(id: &Option<ProviderId>, serializer: S) -> Result<S::Ok, S::Error> {
    id.as_ref().map(ProviderId::as_str).serialize(serializer)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_FIELD) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}
