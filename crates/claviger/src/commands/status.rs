//! `claviger status`: how the platform stands, the honest tier first.

use claviger_doors::hid::control::Report;
use claviger_joint::TroubleKind;
use claviger_peer::Standing;
use claviger_prompt_api::manage::{PromptStatus, Provider, RecoveryCodeStatus, Status};
use claviger_prompt_api::messages::Messages;
use claviger_prompt_api::sanitise;
use claviger_prompt_api::trouble::Trouble;
use serde::Serialize;

use super::{client, door, verify};
use crate::broken;
use crate::dirs::Dirs;
use crate::output::{self, Failure, line};

/// The document that `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    status: &'a Status,
    security_key: &'a Report,
}

/// Runs the command.
pub async fn run(dirs: &Dirs, as_json: bool) -> Result<(), Failure> {
    let status = client::status().await?;
    let key = door::security_key().await?;
    if as_json {
        return output::json(&Document {
            status: &status,
            security_key: &key,
        });
    }
    if status.prompt.scripted || status.scripted_prompt_allowed {
        line(
            "!!! A SCRIPT may approve for you: this broker was started with --allow-scripted-prompt. Tests only. !!!",
        )?;
    }
    line(format_args!("Claviger {}", status.version))?;
    line(format_args!(
        "Tier:      {} (what that protects against, and what not: SECURITY.md)",
        status.tier.as_deref().unwrap_or("–")
    ))?;
    line(format_args!("Roles:     {}", roles(status.roles)))?;
    line(format_args!("PIN:       {}", pin(&status)))?;
    line(format_args!("Recovery:  {}", verify::describe(status.recovery_code)))?;
    if let Some(is) = status.locks_with_session {
        line(format_args!("Locks:     {}", locks(is)))?;
    }
    line(format_args!("Prompt:    {}", prompt(&status.prompt)))?;
    for provider in &status.providers {
        line(format_args!("Provider:  {}", describe(provider)))?;
    }
    let messages = Messages::english();
    let seen = broken::troubles(dirs);
    let is_told = |trouble: &&Trouble| !status.troubles.iter().any(|told| told.file == trouble.file);
    for trouble in seen.iter().filter(is_told).chain(&status.troubles) {
        line(format_args!("Broken:    {}", messages.text(&trouble.found())))?;
        line(format_args!("           → {}", messages.text(&trouble.remedy())))?;
    }
    line(format_args!("Doors:     {}", status.doors.join(", ")))?;
    line(format_args!("Key:       {}", door::describe(&key)))?;
    line(format_args!(
        "Audit log: {} entries, head {}",
        status.audit.entries, status.audit.head
    ))
}

fn roles(standing: Standing) -> &'static str {
    match standing {
        Standing::Proved => "proved (systemd started hello, vault and security-key door from the package's units)",
        Standing::Unproved => "unproved (not the package's: any program of yours can pose as one of them; SECURITY.md)",
    }
}

fn locks(with_session: bool) -> &'static str {
    if with_session {
        "when unused, at sleep, and when the session is locked, left or ended"
    } else {
        "when unused and by `claviger lock` only: there is no logind that would tell of sleep or of the session's lock"
    }
}

fn prompt(prompt: &PromptStatus) -> String {
    match (prompt.kind.as_deref(), prompt.standing) {
        (Some(kind), Some(standing)) => format!("{kind}, {}", standing.name()),
        (Some(kind), None) => kind.to_owned(),
        (None, _) => "none; start `claviger prompt`".into(),
    }
}

/// How it is with the PIN.
pub fn pin(status: &Status) -> String {
    match &status.pin {
        Some(pin) if pin.locked_out => match status.recovery_code {
            RecoveryCodeStatus::None => "locked out after too many wrong tries (see SECURITY.md)".into(),
            RecoveryCodeStatus::Pending | RecoveryCodeStatus::Confirmed => {
                "locked out after too many wrong tries; your recovery code sets a new one: `claviger verify recover`"
                    .into()
            }
        },
        Some(pin) if pin.set => {
            let why = if pin.restored {
                "; hello's file was put back or moved here, see \"Restoring a backup\" in SECURITY.md"
            } else {
                ""
            };
            let wait = match pin.wait_ms {
                0 => String::new(),
                ms => format!(", next try in {} s", ms.div_ceil(1000)),
            };
            format!("set, {} tries left{wait}{why}", pin.tries_left)
        }
        Some(_) => "not chosen yet; run `claviger setup`".into(),
        None => {
            let problem = status.verification_problem.as_deref();
            format!("cannot be asked. {}", problem.unwrap_or("Run `claviger doctor`."))
        }
    }
}

fn describe(provider: &Provider) -> String {
    let mut parts = vec![provider.state.name().to_owned()];
    if provider.locked == Some(true) {
        parts.push("locked".into());
    }
    if provider.default {
        parts.push("default".into());
    }
    parts.push(format!("{} passkeys", provider.passkeys));
    if let Some(trouble) = &provider.trouble {
        let kind = match trouble.kind {
            TroubleKind::Damaged => "damaged",
            TroubleKind::Unavailable => "not available",
        };
        let says = trouble.says.as_ref().map(|words| format!("; it says “{words}”"));
        parts.push(format!("{kind}{}", says.unwrap_or_default()));
    }
    let name = sanitise::quoted(&provider.name);
    format!("{name} ({}): {}", provider.id, parts.join(", "))
}
