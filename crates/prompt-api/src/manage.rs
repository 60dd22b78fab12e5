//! What `org.claviger.Manage1` answers: how the platform is, its providers, passkeys, rules and audit log.
//!
//! On the bus each is a JSON document with the member names of these types; the broker writes them and a command or a settings
//! window reads them. Members that a later version adds are ignored. Nothing here is secret.

use std::path::PathBuf;

use claviger_joint::TroubleKind;
use claviger_peer::Standing;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::trouble::Trouble;

/// How the platform is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The version of the broker's program.
    pub version: String,
    /// The broker's process.
    pub pid: u32,
    /// How strongly hello's keys are protected: `software`, `tpm` or `system`; absent while hello cannot be asked.
    pub tier: Option<String>,
    /// How it is with the PIN; absent while hello cannot be asked.
    pub pin: Option<PinStatus>,
    /// How it is with the recovery code; without one a forgotten PIN loses the passkeys.
    #[serde(default)]
    pub recovery_code: RecoveryCodeStatus,
    /// Whether logind is heard, so that hello and vault lock at sleep and with the session; absent while hello cannot be asked.
    #[serde(default)]
    pub locks_with_session: Option<bool>,
    /// Why hello cannot be asked, in a sentence.
    pub verification_problem: Option<String>,
    /// Whether hello, the vault and the security-key door are proved to be ours, or only run the right program.
    pub roles: Standing,
    /// Who asks the user.
    pub prompt: PromptStatus,
    /// Whether a script may approve for the user: for tests only, and to be said loudly.
    pub scripted_prompt_allowed: bool,
    /// The providers, in the user's order, and otherwise by name.
    pub providers: Vec<Provider>,
    /// Manifests of providers that cannot be used.
    pub manifest_problems: Vec<ManifestProblem>,
    /// What is broken; empty when all is well.
    #[serde(default)]
    pub troubles: Vec<Trouble>,
    /// Whether the user wants the security-key door; absent where there is none to switch.
    #[serde(default)]
    pub security_key: Option<bool>,
    /// The doors that are open, by name.
    pub doors: Vec<String>,
    /// Programs that may say for which site they ask, besides the browsers that are known.
    #[serde(default)]
    pub allowed_programs: Vec<AllowedProgram>,
    /// Ceremonies that have begun and not ended.
    pub ceremonies_running: usize,
    /// Where the audit log stands.
    pub audit: AuditHead,
}

/// A program that may say for which site it asks, because a list says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedProgram {
    /// Its path.
    pub program: PathBuf,
    /// The list that it stands in: the user's or the administrator's.
    pub list: PathBuf,
    /// Whether it counts: only root and the user may change it.
    pub counts: bool,
}

/// How it is with the PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinStatus {
    /// Whether one has been chosen.
    pub set: bool,
    /// Attempts left before the lock-out.
    pub tries_left: u32,
    /// Milliseconds until an attempt is looked at.
    pub wait_ms: u64,
    /// Whether there were too many wrong ones.
    pub locked_out: bool,
    /// Whether attempts are missing, and the wait is long, because hello's file was put back or moved here: no wrong ones were given.
    #[serde(default)]
    pub restored: bool,
}

/// How it is with the recovery code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecoveryCodeStatus {
    /// There is none, or hello cannot be asked.
    #[default]
    None,
    /// One was made, and nobody typed it back.
    Pending,
    /// There is one, and it was typed back.
    Confirmed,
}

/// Who asks the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptStatus {
    /// Whether a prompt is attached.
    pub attached: bool,
    /// Its kind: `terminal`, `scripted` or `graphical`.
    pub kind: Option<String>,
    /// How well it is known to be a prompt of ours. Always unproved in a terminal.
    pub standing: Option<Standing>,
    /// Whether it answers from a script.
    pub scripted: bool,
}

/// A manifest that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestProblem {
    /// The file.
    pub manifest: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

/// Where the audit log stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// How many entries it has.
    pub entries: u64,
    /// The hash of the last one, in hexadecimal.
    pub head: String,
}

/// A provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Its id, in reverse DNS.
    pub id: String,
    /// Its name, fit to be shown: with id and program where it could be taken for another's.
    pub name: String,
    /// Whether it takes part.
    pub state: ProviderState,
    /// Whether the platform knows its program.
    pub registered: bool,
    /// Whether it is locked; absent while it does not run.
    pub locked: Option<bool>,
    /// What is the matter with it, as it says.
    #[serde(default)]
    pub trouble: Option<ProviderTrouble>,
    /// Whether it runs.
    pub running: bool,
    /// Whether new passkeys go to it unless the user chooses otherwise.
    pub default: bool,
    /// How many passkeys it keeps, as far as it has told.
    pub passkeys: usize,
    /// Its program: the one that is pinned, or else the one that its manifest names.
    pub executable: Option<PathBuf>,
    /// What the pinned program is, where it runs what others give it: then more than this provider passes for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<ProgramHost>,
    /// The version of the provider protocol that is spoken with it.
    pub version: u32,
    /// Its manifest.
    pub manifest: PathBuf,
}

/// What is the matter with a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderTrouble {
    /// The kind of trouble.
    #[serde(with = "crate::word")]
    pub kind: TroubleKind,
    /// The provider's own words, sanitised: to be shown as its words.
    pub says: Option<String>,
}

/// A program that runs what others give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProgramHost {
    /// It runs scripts: each one passes for the provider.
    Interpreter,
    /// It loads programs and libraries: each one passes for the provider.
    Loader,
    /// It starts sandboxes: what runs in one passes for the provider.
    Sandbox,
    /// One of a later version's, by whoever reads this.
    #[serde(other)]
    Other,
}

/// Whether a provider takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderState {
    /// It does.
    Enabled,
    /// It does not, until the user enables it.
    Disabled,
    /// It would, but it does not run and D-Bus cannot start it.
    Unreachable,
}

impl ProviderState {
    /// The name in the JSON form.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Unreachable => "unreachable",
        }
    }
}

/// A passkey, as its provider described it. All texts but the ids come from sites and providers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools)] // Each is a member of its own in JSON.
pub struct Passkey {
    /// The credential id, in base64url without padding.
    pub id: String,
    /// The site.
    pub rp_id: String,
    /// The site's name for itself.
    pub rp_name: Option<String>,
    /// The account (`alice@example.com`).
    pub user_name: Option<String>,
    /// The account's name for display ("Alice").
    pub display_name: Option<String>,
    /// The id of the provider that keeps it.
    pub provider: String,
    /// The provider's name.
    pub provider_name: String,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_ms: Option<u64>,
    /// When it was last used, in milliseconds since the Unix epoch.
    pub last_used_ms: Option<u64>,
    /// Whether it is known to exist elsewhere too (the BS flag).
    pub backed_up: bool,
    /// Whether it is found without being named.
    pub discoverable: bool,
    /// Whether its site is known to have heard of it: false where the browser could not give the new passkey to the page.
    #[serde(default = "yes")]
    pub confirmed: bool,
    /// Whether the user has hidden it: then it is not offered at a sign-in.
    #[serde(default)]
    pub hidden: bool,
    /// The provider's own mark.
    pub tag: Option<String>,
    /// The COSE number of its algorithm, where the platform knows the key.
    pub algorithm: Option<i64>,
}

fn yes() -> bool {
    true
}

/// A choice that the user had remembered, or made in the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The site.
    pub rp_id: String,
    /// The id of the provider that is offered first there.
    pub provider: String,
}

/// The end of the audit log, and whether the whole of it is intact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditLog {
    /// The lines, oldest first, each as it stands in the file: mostly an [`AuditEntry`]; a line that is no JSON is a text.
    pub entries: Vec<Value>,
    /// Whether the chain of hashes holds from the first line to the last.
    pub intact: bool,
    /// What is wrong with it, in a sentence.
    pub problem: Option<String>,
    /// The hash of the last line, in hexadecimal.
    pub head: String,
}

/// A line of the audit log. What is not said is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct AuditEntry {
    /// When, in milliseconds since the Unix epoch.
    pub time: Option<u64>,
    /// What happened.
    pub event: Option<String>,
    /// Anything else worth knowing, in words.
    pub detail: Option<String>,
    /// `ok` or `failed`.
    pub result: Option<String>,
    /// The site.
    pub rp_id: Option<String>,
    /// The provider's id.
    pub provider: Option<String>,
    /// Who asked.
    pub caller: Option<AuditCaller>,
    /// The code of what went wrong.
    pub cause: Option<String>,
    /// Whose fault that was, by the name of a [`Fault`](crate::fault::Fault) or of a later version's.
    pub fault: Option<String>,
    /// How the user was verified.
    pub evidence: Option<AuditEvidence>,
}

/// Who asked, in the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AuditCaller {
    /// The name shown to the user.
    pub name: String,
    /// Whether it is proved that who spoke for it has that role; absent in the entries of earlier versions.
    #[serde(default)]
    pub standing: Option<Standing>,
}

/// How the user was verified, in the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AuditEvidence {
    /// `pin`, `fingerprint`, …
    pub method: String,
    /// `software`, `tpm` or `system`.
    pub tier: String,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn provider_states_are_named_alike_in_json_and_in_code() {
        for state in [
            ProviderState::Enabled,
            ProviderState::Disabled,
            ProviderState::Unreachable,
        ] {
            assert_eq!(serde_json::to_value(state).unwrap(), json!(state.name()));
        }
    }

    #[test]
    fn a_status_of_a_later_version_is_read_for_what_is_known() {
        let status: Status = serde_json::from_value(json!({
            "version": "2.0.0", "pid": 7, "roles": "proved", "tier": "tpm", "pin": null, "verification_problem": "Hello does not answer.",
            "prompt": {"attached": false, "kind": null, "scripted": false}, "scripted_prompt_allowed": false,
            "providers": [], "manifest_problems": [], "doors": ["browser"], "ceremonies_running": 0,
            "audit": {"entries": 3, "head": "00"}, "roles": "unproved", "weather": "fine",
        }))
        .unwrap();
        assert_eq!((status.tier.as_deref(), status.pin), (Some("tpm"), None));
    }

    #[test]
    fn an_audit_entry_is_read_whatever_it_leaves_out_or_adds() {
        let entry: AuditEntry = serde_json::from_value(json!({
            "seq": 1, "time": 5, "event": "get", "caller": {"door": "browser", "name": "Chromium", "executable": "/x"},
            "result": "failed", "cause": "timed-out", "fault": "user", "prev": "00", "hash": "01",
        }))
        .unwrap();
        let caller = entry.caller.unwrap();
        assert_eq!((caller.name.as_str(), caller.standing), ("Chromium", None));
        assert_eq!(entry.evidence, None);
        assert!(serde_json::from_value::<AuditEntry>(json!("not a line")).is_err());
    }
}
