//! What the commands print: plain text for people, JSON for programs, and how a command ends.

use std::io::{self, Write};
use std::process::ExitCode;

use serde::Serialize;

/// How a command ended badly. The exit status is part of the interface: scripts rely on it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something went wrong that is not covered below. Exit status 1.
    #[error("{0}")]
    Failed(String),
    /// The arguments make no sense. Exit status 2.
    #[error("{0}")]
    Usage(String),
    /// The platform does not answer. Exit status 3.
    #[error("the platform cannot be reached: {0}\nRun `claviger doctor` to see what is missing.")]
    Unreachable(String),
    /// The user said no, or could not be verified. Exit status 4.
    #[error("{0}")]
    Refused(String),
    /// `doctor` found something missing; the report is already printed. Exit status 5.
    #[error("something is missing")]
    Incomplete,
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
            Self::Unreachable(_) => 3,
            Self::Refused(_) => 4,
            Self::Incomplete => 5,
        })
    }
}

/// Prints one line. A closed pipe (`claviger audit | head`) ends the command quietly.
pub fn line(text: impl std::fmt::Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").map_err(Failure::failed)
}

/// Prints a JSON document, its members in alphabetical order.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let value = serde_json::to_value(value).map_err(Failure::failed)?;
    line(serde_json::to_string_pretty(&value).map_err(Failure::failed)?)
}

/// Prints a message that is not the command's result, on standard error.
pub fn note(text: impl std::fmt::Display) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints rows in columns as wide as their widest cell; the first row is the heading.
pub fn table(rows: &[Vec<String>]) -> Result<(), Failure> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        line(cells.join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_has_its_own_exit_status() {
        let all = [
            Failure::failed("x"),
            Failure::Usage(String::new()),
            Failure::Unreachable(String::new()),
            Failure::Refused(String::new()),
            Failure::Incomplete,
        ];
        let codes: std::collections::BTreeSet<String> = all.iter().map(|f| format!("{:?}", f.exit_code())).collect();
        assert_eq!(codes.len(), all.len());
    }
}
