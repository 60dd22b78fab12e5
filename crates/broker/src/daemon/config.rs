//! What a broker is started with.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use claviger_ctap::crypto::Crypto;
use claviger_prompt_api::trouble::Trouble;

use super::{Deadlines, DoorSwitch, UserVerifier};

/// Finds what is broken by looking at files.
pub type Look = Arc<dyn Fn() -> Vec<Trouble> + Send + Sync>;

/// What the broker needs to know before it starts.
pub struct Config {
    /// Where registry, caches, rules and audit log are kept; made if missing.
    pub state_dir: PathBuf,
    /// Where manifests lie, the administrator's folders before the user's.
    pub manifest_dirs: Vec<PathBuf>,
    /// Files that list programs, beyond the known browsers, that may name a web origin.
    pub privileged_caller_files: Vec<PathBuf>,
    /// The broker's own program, which prompt and command line must run too.
    pub own_executable: PathBuf,
    /// Whether a prompt that acts by a script may attach: for tests only.
    pub allow_scripted_prompt: bool,
    /// The version to show.
    pub version: String,
    /// Who verifies users; `None` means hello over the same bus.
    pub verifier: Option<Arc<dyn UserVerifier>>,
    /// Looks at the files of the platform's other processes, which may not run because of them.
    pub look: Option<Look>,
    /// The switch of the security-key door, where there is such a door.
    pub door_switch: Option<Arc<dyn DoorSwitch>>,
    /// How long providers have.
    pub deadlines: Deadlines,
    /// The cryptography.
    pub crypto: &'static dyn Crypto,
}

impl Config {
    /// The usual configuration: hello over the bus, native cryptography, no scripted prompt, nothing beyond the known browsers.
    pub fn new(state_dir: PathBuf, manifest_dirs: Vec<PathBuf>, own_executable: PathBuf) -> Self {
        Self {
            state_dir,
            manifest_dirs,
            privileged_caller_files: Vec::new(),
            own_executable,
            allow_scripted_prompt: false,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            verifier: None,
            look: None,
            door_switch: None,
            deadlines: Deadlines::default(),
            crypto: claviger_ctap::crypto::native(),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("state_dir", &self.state_dir)
            .field("manifest_dirs", &self.manifest_dirs)
            .field("own_executable", &self.own_executable)
            .field("allow_scripted_prompt", &self.allow_scripted_prompt)
            .finish_non_exhaustive()
    }
}
