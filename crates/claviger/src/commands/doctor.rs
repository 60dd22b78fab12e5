//! `claviger doctor`: looks at each piece that a working platform needs and says how to mend what is missing.

use std::path::Path;

use claviger_kernel::sandbox;
use claviger_prompt_api::manage::{ProviderState, RecoveryCodeStatus};
use claviger_prompt_api::messages::Messages;
use claviger_prompt_api::sanitise;
use claviger_prompt_api::trouble::{Damage, StateFile, Trouble};
use serde_json::json;

use super::client;
use super::doctor_hid;
use super::setup;
use crate::broken;
use crate::dirs::Dirs;
use crate::output::{self, Failure, line};

/// One thing that was looked at.
#[derive(Debug)]
pub struct Finding {
    what: String,
    state: State,
    remedy: Option<String>,
}

/// How it stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Good,
    /// Works, but less than it could.
    Weak,
    Missing,
    /// It is there and cannot be used as it is.
    Broken,
}

/// Runs the command. Ends with [`Failure::Incomplete`] when something is missing or broken.
pub async fn run(dirs: &Dirs, as_json: bool) -> Result<(), Failure> {
    let mut findings = vec![session_bus()];
    findings.extend(installed(dirs)?);
    findings.push(extension_folder()?);
    findings.push(landlock());
    findings.extend(doctor_hid::findings());
    // Before the broker is asked, which sets aside what it cannot use when it starts.
    let broken = broken::troubles(dirs);
    findings.extend(platform(broken).await);
    if as_json {
        output::json(&as_value(&findings))?;
    } else {
        print(&findings)?;
    }
    if findings.iter().any(Finding::is_bad) {
        Err(Failure::Incomplete)
    } else {
        Ok(())
    }
}

fn print(findings: &[Finding]) -> Result<(), Failure> {
    for finding in findings {
        let mark = match finding.state {
            State::Good => "ok     ",
            State::Weak => "weak   ",
            State::Missing => "missing",
            State::Broken => "broken ",
        };
        line(format_args!("{mark}  {}", finding.what))?;
        if let Some(remedy) = &finding.remedy {
            line(format_args!("         → {remedy}"))?;
        }
    }
    Ok(())
}

fn as_value(findings: &[Finding]) -> serde_json::Value {
    findings
        .iter()
        .map(|finding| {
            let state = match finding.state {
                State::Good => "ok",
                State::Weak => "weak",
                State::Missing => "missing",
                State::Broken => "broken",
            };
            json!({"what": finding.what, "state": state, "remedy": finding.remedy})
        })
        .collect()
}

fn session_bus() -> Finding {
    let there = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some()
        || std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|dir| Path::new(&dir).join("bus").exists());
    Finding::new(
        "session bus",
        there,
        "start Claviger inside your session, or a private one: `dbus-run-session -- claviger status`",
    )
}

fn installed(dirs: &Dirs) -> Result<Vec<Finding>, Failure> {
    let program = std::env::current_exe().map_err(Failure::failed)?;
    let pieces = if setup::is_packaged(&program) {
        let mut pieces = setup::package(Path::new("/"), &program);
        pieces.extend(setup::pieces_beside_package(dirs));
        pieces
    } else {
        setup::pieces(dirs, &program)
    };
    Ok(pieces
        .iter()
        .map(|piece| {
            let what = format!("{} ({})", piece.path.display(), piece.purpose);
            // What a package has in /etc is the administrator's to change.
            let is_changed = piece.path.starts_with("/etc") && piece.path.exists();
            Finding::new(what, piece.is_in_place() || is_changed, "run `claviger setup`")
        })
        .collect())
}

fn extension_folder() -> Result<Finding, Failure> {
    let program = std::env::current_exe().map_err(Failure::failed)?;
    let folder = setup::extension_folder(&program);
    Ok(Finding::new(
        format!("browser extension in {}", folder.display()),
        folder.join("manifest.json").exists(),
        "build it: `npm ci && npm run build` in the folder extension/ of the source",
    ))
}

fn landlock() -> Finding {
    let known = sandbox::has_landlock();
    Finding::weak(
        "Landlock, which keeps the vault to its own files",
        known,
        "use a kernel with Landlock (5.13 or newer, `lsm=landlock,…`); until then file permissions alone guard them",
    )
}

async fn platform(broken: Vec<Trouble>) -> Vec<Finding> {
    let status = match client::status().await {
        Ok(status) => status,
        Err(error) => {
            let remedy = format!("run `claviger setup`, then `claviger status` ({error})");
            let mut findings = vec![Finding::new("broker", false, &remedy)];
            findings.extend(broken.iter().map(Finding::broken));
            return findings;
        }
    };
    let pin = status.pin.as_ref();
    let remedy = |without: &'static str| match status.recovery_code {
        RecoveryCodeStatus::None => without,
        RecoveryCodeStatus::Pending | RecoveryCodeStatus::Confirmed => {
            "set a new PIN with your recovery code: `claviger verify recover`"
        }
    };
    let mut findings = vec![
        Finding::new("broker", true, ""),
        Finding::new("PIN", pin.is_some_and(|pin| pin.set), "choose one: `claviger setup`"),
        Finding::new(
            "a prompt to ask you with",
            status.prompt.attached,
            "start one in a terminal: `claviger prompt`",
        ),
        Finding::new(
            "PIN not locked out",
            !pin.is_some_and(|pin| pin.locked_out),
            remedy("see \"Locked out\" in SECURITY.md"),
        ),
    ];
    if pin.is_some_and(|pin| pin.set) {
        findings.push(Finding::weak(
            "recovery code, without which a forgotten PIN loses your passkeys",
            status.recovery_code == RecoveryCodeStatus::Confirmed,
            "make one: `claviger verify recovery-code`",
        ));
    }
    if pin.is_some_and(|pin| pin.restored) {
        findings.push(Finding::weak(
            "hello's file was put back or moved here, so the PIN has to wait and has two tries",
            false,
            remedy("wait, then give the right PIN; see \"Restoring a backup\" in SECURITY.md"),
        ));
    }
    if status.scripted_prompt_allowed {
        findings.push(Finding {
            what: "this broker lets a SCRIPT approve for you (--allow-scripted-prompt)".into(),
            state: State::Weak,
            remedy: Some("only for tests: restart the broker without it".into()),
        });
    }
    findings.extend(status.providers.iter().filter_map(|provider| {
        let trouble = provider.trouble.as_ref()?;
        let what = format!("what {} keeps", sanitise::quoted(&provider.name));
        let says = trouble.says.as_ref().map(|words| format!("it says “{words}”"));
        Some(Finding::new(
            what,
            false,
            &says.unwrap_or_else(|| "ask its maker".to_owned()),
        ))
    }));
    let enabled = status
        .providers
        .iter()
        .any(|provider| provider.state == ProviderState::Enabled);
    findings.push(Finding::new(
        "an enabled provider",
        enabled,
        "enable one: `claviger provider enable org.claviger.Vault`",
    ));
    // What both have seen the broker tells better: it knows what it did about it.
    let unknown = |trouble: &&Trouble| {
        let is_it = |told: &&Trouble| (told.what, &told.file) == (trouble.what, &trouble.file);
        !status.troubles.iter().any(|told| is_it(&told))
    };
    findings.extend(broken.iter().filter(unknown).map(Finding::broken));
    findings.extend(status.troubles.iter().map(Finding::broken));
    findings.extend(status.manifest_problems.iter().map(|problem| Finding {
        what: format!("{}: {}", problem.manifest.display(), problem.problem),
        state: State::Weak,
        remedy: Some("repair it, or install the provider again; other providers work".into()),
    }));
    findings
}

impl Finding {
    /// Something that the platform does not work without.
    pub fn new(what: impl Into<String>, good: bool, remedy: &str) -> Self {
        Self {
            what: what.into(),
            state: if good { State::Good } else { State::Missing },
            remedy: (!good).then(|| remedy.to_owned()),
        }
    }

    /// A file that cannot be used as it is: what helps, and what works meanwhile.
    fn broken(trouble: &Trouble) -> Self {
        let messages = Messages::english();
        let (remedy, works) = (messages.text(&trouble.remedy()), messages.text(&trouble.still_works()));
        Self {
            what: messages.text(&trouble.found()),
            state: match (trouble.what, trouble.damage) {
                // Hello does not read a file that others could have.
                (StateFile::Hello, _) => State::Broken,
                (_, Damage::OpenToOthers | Damage::Behind) => State::Weak,
                _ => State::Broken,
            },
            remedy: Some(format!("{} {works}", remedy.trim())),
        }
    }

    fn is_bad(&self) -> bool {
        matches!(self.state, State::Missing | State::Broken)
    }

    /// Something that the platform works without, but not as well.
    pub fn weak(what: impl Into<String>, good: bool, remedy: &str) -> Self {
        Self {
            state: if good { State::Good } else { State::Weak },
            ..Self::new(what, good, remedy)
        }
    }
}
