//! How the program ends badly, and what it says then. The exit statuses are those of `claviger`.

use std::io::{self, Write as _};
use std::process::ExitCode;

/// Why the key does not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something went wrong that is not covered below. Exit status 1.
    #[error("{0}")]
    Failed(String),
    /// The arguments make no sense. Exit status 2.
    #[error("{0}")]
    Usage(String),
}

impl Failure {
    /// Any other failure, told in its own words.
    pub fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }

    /// The exit status of this failure.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
        })
    }
}

/// Prints a message that is no event of the key, on standard error.
pub fn note(text: impl std::fmt::Display) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
