//! What others chose or wrote, as it stands on a page: one line of words, cut where it is too long.

use std::path::Path;

use claviger_prompt_api::sanitise;

/// A name: a site, a provider, a program.
pub fn name(text: &str) -> String {
    sanitise::line(text, sanitise::MAX_HOST_CHARS)
}

/// A sentence.
pub fn sentence(text: &str) -> String {
    sanitise::line(text, sanitise::MAX_LINE_CHARS)
}

/// A path.
pub fn path(path: &Path) -> String {
    sanitise::line(&path.display().to_string(), sanitise::MAX_PATH_CHARS)
}
