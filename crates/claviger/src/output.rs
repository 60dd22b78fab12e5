//! What the program prints: plain text for people, JSON for programs, the log, and how a command ends.
//!
//! Nothing else here has the terminal, so nothing reaches it that has not been through [`sanitise`]: sites, providers and programs
//! have a hand in almost every line. What a line says of its own stays as it is; what would leave the line does not get there.

use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use claviger_prompt_api::dbus::{self, Reason};
use claviger_prompt_api::fault::Fault;
use claviger_prompt_api::sanitise;
use claviger_prompt_api::text::sentence;
use serde::Serialize;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

/// Whether this command has printed its document. A program that reads one does not look for a second.
static PRINTED: AtomicBool = AtomicBool::new(false);

/// The longest cell of a table, in characters: an origin or a path.
const MAX_CELL_CHARS: usize = sanitise::MAX_HOST_CHARS;

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
    #[error("the platform cannot be reached: {0}")]
    Unreachable(String),
    /// The user said no, or could not be verified. Exit status 4.
    #[error("{0}")]
    Refused(String),
    /// `doctor` found something missing; the report is already printed. Exit status 5.
    #[error("something is missing")]
    Incomplete,
    /// The broker did not do it and says why. Exit status 4 or 2 where that is the user's refusal or wrong usage, or else 1.
    #[error("{0}")]
    Broker(dbus::Error),
}

impl Failure {
    /// Any other failure, told in its own words.
    pub fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }

    /// Tells the failure on standard error. With `as_json` it goes to standard output too, for the program that reads a document there,
    /// unless one is printed already.
    pub fn tell(&self, as_json: bool) {
        note(format_args!("claviger: {self}"));
        if let Some(remedy) = self.remedy() {
            note(remedy);
        }
        if as_json && !PRINTED.load(Ordering::Relaxed) {
            let reason = self.reason();
            let fault = reason.fault.map(Fault::name);
            // Nobody is left to tell when standard output is closed.
            let _ = json(&json!({"error": {"code": reason.code, "fault": fault, "sentence": reason.sentence}}));
        }
    }

    /// What it is for a program: the broker's own reason, or that of this command.
    fn reason(&self) -> Reason {
        let (code, fault) = match self {
            Self::Failed(_) => ("failed", Fault::Platform),
            Self::Usage(_) => ("usage", Fault::Caller),
            Self::Unreachable(_) => ("unreachable", Fault::Platform),
            Self::Refused(_) => ("refused", Fault::User),
            Self::Incomplete => ("incomplete", Fault::Platform),
            Self::Broker(error) => match error.reason() {
                Some(reason) => return reason.clone(),
                None => ("unreachable", Fault::Platform),
            },
        };
        Reason::new(code, fault, sentence(&self.to_string()))
    }

    /// What to do about it, where there is something.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable(_) => Some("Run `claviger doctor` to see what is missing."),
            _ => None,
        }
    }

    /// The exit status of this failure.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) | Self::Broker(dbus::Error::InvalidArgument(_)) => 2,
            Self::Unreachable(_) | Self::Broker(dbus::Error::Bus(_)) => 3,
            Self::Refused(_) | Self::Broker(dbus::Error::Refused(_) | dbus::Error::LockedOut(_)) => 4,
            Self::Incomplete => 5,
            Self::Failed(_) | Self::Broker(_) => 1,
        })
    }
}

/// Prints one line. A closed pipe (`claviger audit | head`) ends the command quietly.
pub fn line(text: impl std::fmt::Display) -> Result<(), Failure> {
    print(&format!("{}\n", sanitise::shown(&text.to_string())))
}

/// Prints a question, whose answer is typed behind it.
pub fn question(text: impl std::fmt::Display) -> Result<(), Failure> {
    print(&format!("{} ", sanitise::shown(&text.to_string())))
}

/// Says that a command has done what it is for: in a sentence, or as JSON for programs, which need no words.
pub fn done(as_json: bool, text: impl std::fmt::Display) -> Result<(), Failure> {
    if as_json {
        json(&json!({"done": true}))
    } else {
        line(text)
    }
}

/// Prints a JSON document, its members in alphabetical order. It is for programs and says what is; only how it is spelled is for the
/// terminal that it may end in.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let value = serde_json::to_value(value).map_err(Failure::failed)?;
    let document = serde_json::to_string_pretty(&value).map_err(Failure::failed)?;
    PRINTED.store(true, Ordering::Relaxed);
    print(&format!("{}\n", sanitise::json(&document)))
}

/// Prints a JSON document on one line, for a program that reads one after the other.
pub fn json_line(value: &impl Serialize) -> Result<(), Failure> {
    let document = serde_json::to_string(value).map_err(Failure::failed)?;
    print(&format!("{}\n", sanitise::json(&document)))
}

/// Where a text goes that this program wrote as a whole and nobody else had a hand in: a manual, completions.
pub fn own_words() -> impl Write {
    io::stdout()
}

/// Whether a person reads what is printed.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Prints a message that is not the command's result, on standard error.
pub fn note(text: impl std::fmt::Display) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{}", sanitise::shown(&text.to_string()));
}

/// Prints rows in columns as wide as their widest cell; the first row is the heading. No cell looks like two.
pub fn table(rows: &[Vec<String>]) -> Result<(), Failure> {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| sanitise::line(cell, MAX_CELL_CHARS)).collect())
        .collect();
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
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        line(cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// The log on standard error. An entry is a line, whatever stands in its fields.
#[derive(Clone, Copy, Debug)]
pub struct Log;

/// Takes one entry of the log.
#[derive(Debug)]
pub struct Entry;

impl<'a> MakeWriter<'a> for Log {
    type Writer = Entry;

    fn make_writer(&'a self) -> Entry {
        Entry
    }
}

impl Write for Entry {
    /// `tracing-subscriber` writes an entry at once, with its end.
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(entry);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        writeln!(io::stderr().lock(), "{}", sanitise::shown(text))?;
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Failure::failed)
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
