//! What the broker told last, from which all pages are made.

use std::collections::BTreeMap;
use std::path::PathBuf;

use claviger_prompt_api::logo::Logos;
use claviger_prompt_api::manage::{AuditLog, Passkey, Rule, Status};
use serde::Deserialize;

/// All that the window knows, as of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// How the platform is, with its providers.
    pub status: Status,
    /// The providers' logos, by id; absent where there are none.
    pub logos: BTreeMap<String, Logos>,
    /// Where the providers' programs come from, as far as this machine tells, by their paths.
    pub origins: BTreeMap<PathBuf, Origin>,
    /// The passkeys of all providers.
    pub passkeys: Vec<Passkey>,
    /// The rules for sites.
    pub rules: Vec<Rule>,
    /// The newest part of the audit log.
    pub audit: AuditLog,
    /// How the security-key door is.
    pub key: KeyDoor,
    /// The browsers of this machine.
    pub browsers: Vec<Browser>,
}

impl Snapshot {
    /// A provider's name, or its id where there is no such provider any more.
    pub fn provider_name<'a>(&'a self, id: &'a str) -> &'a str {
        let provider = self.status.providers.iter().find(|provider| provider.id == id);
        provider.map_or(id, |provider| provider.name.as_str())
    }
}

/// Where a program comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The package of this name brought it.
    Package(String),
    /// No package did.
    NoPackage,
}

/// How the security-key door is, as `org.claviger.HidDoor1.Status` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KeyDoor {
    /// In one word.
    pub state: KeyDoorState,
    /// Why there is no key, in words.
    #[serde(default)]
    pub problem: Option<String>,
    /// Whether root has installed the helper, without which there is no key.
    #[serde(skip)]
    pub helper: bool,
}

/// The same in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyDoorState {
    /// Switched off.
    Off,
    /// Programs can open a key.
    Plugged,
    /// It listens at a socket.
    Listening,
    /// There is no key; the problem says why.
    Unplugged,
    /// Nobody answers: the door's process does not run. Also what this version does not know.
    #[serde(other)]
    NotRunning,
}

/// A browser that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Browser {
    /// Its name, as its desktop file has it.
    pub name: String,
    /// Which way it comes in.
    pub way: Way,
}

/// Whether a browser finds the platform's program, by a native-messaging manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// The manifest is there.
    Found,
    /// It is not, and can be written.
    Writable(SetUp),
    /// It is not, and there is no program that it could name.
    NoProgram,
}

/// What sets a browser up: a manifest that names a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetUp {
    /// Where the browser of this user looks for the manifest.
    pub manifest: PathBuf,
    /// The program that it is to start.
    pub program: PathBuf,
}

/// Which way a browser comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// By the extension.
    Extension {
        /// Whether the browser finds the platform's program.
        host: Host,
        /// Where the extension is, to be loaded from there; absent where no package brought it.
        folder: Option<PathBuf>,
    },
    /// By the virtual security key.
    SecurityKey,
}
