//! Where the desktop keeps what programs say of themselves (Base Directory Specification 0.8).

use std::env;
use std::path::PathBuf;

/// The folders for all users when the environment names none.
const SYSTEM: &str = "/usr/local/share:/usr/share";

/// The folders for all users, the most important first.
pub fn system() -> Vec<PathBuf> {
    let named = env::var("XDG_DATA_DIRS").ok().filter(|dirs| !dirs.is_empty());
    env::split_paths(named.as_deref().unwrap_or(SYSTEM)).collect()
}
