//! Reading a log that may be open elsewhere: its check, and its end for people.

use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use serde_json::Value;

use super::Head;
use super::line::{GENESIS, Line, MAX_LINE, hex};

/// How much of a log's end is looked at for its last lines, in bytes.
const MAX_WINDOW: u64 = 64 * 1024 * 1024;

/// What is wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The file cannot be read.
    #[error("the audit log cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A line is not one of ours.
    #[error("line {line} is damaged: {what}")]
    Damaged {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Not the log whose head is known: its end was cut off, or all of it was written anew.
    #[error("entry {known} is not the one that was written: the log was cut off, or replaced")]
    OtherHead {
        /// The number of the entry that is known.
        known: u64,
    },
    /// A line does not continue the one before it: something was removed, moved or inserted.
    #[error("line {line} does not continue line {}", line - 1)]
    ChainBroken {
        /// Counted from 1.
        line: u64,
    },
}

/// Checks a whole log from its first line: every hash, every link, every number. A torn last line (no line end) is an error here;
/// the next [`AuditLog::open`](super::AuditLog::open) repairs it.
pub fn verify(path: &Path) -> Result<Head, VerifyError> {
    verify_each(path, |_, _| Ok(()))
}

/// The same for a log whose writer knows its head: that entry must be in it too, as it was written. Later ones may follow.
pub fn verify_with(path: &Path, known: &Head) -> Result<Head, VerifyError> {
    let other = VerifyError::OtherHead { known: known.seq };
    let found = verify_each(path, |seq, hash| {
        if seq == known.seq && hex(hash) != known.hash {
            return Err(VerifyError::OtherHead { known: seq });
        }
        Ok(())
    })?;
    if found.seq < known.seq { Err(other) } else { Ok(found) }
}

fn verify_each(path: &Path, each: impl Fn(u64, &[u8; 32]) -> Result<(), VerifyError>) -> Result<Head, VerifyError> {
    let mut reader = BufReader::new(claviger_files::open(path, OpenOptions::new().read(true))?);
    let (mut seq, mut hash, mut number) = (0_u64, GENESIS, 0_u64);
    let mut raw = Vec::new();
    loop {
        raw.clear();
        let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
        if reader.by_ref().take(limit).read_until(b'\n', &mut raw)? == 0 {
            return Ok(Head { seq, hash: hex(&hash) });
        }
        number += 1;
        let Some((b'\n', text)) = raw.split_last() else {
            return Err(VerifyError::Damaged {
                line: number,
                what: "it does not end, or is too long",
            });
        };
        let line = Line::parse(text).map_err(|what| VerifyError::Damaged { line: number, what })?;
        if line.prev != hash || line.seq != seq + 1 {
            return Err(VerifyError::ChainBroken { line: number });
        }
        (seq, hash) = (line.seq, line.hash);
        each(seq, &hash)?;
    }
}

/// The last `count` lines as JSON values, oldest first; lines that are not JSON come as strings. Not a check: that is [`verify`].
pub fn last(path: &Path, count: usize) -> io::Result<Vec<Value>> {
    let mut file = claviger_files::open(path, OpenOptions::new().read(true))?;
    let length = file.metadata()?.len();
    let mut window = 64 * 1024;
    loop {
        window = length.min(window);
        file.seek(SeekFrom::Start(length - window))?;
        let mut bytes = Vec::new();
        Read::by_ref(&mut file).take(window).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        // Nobody's lines are that long: what is there is no log.
        let whole = window == length || window >= MAX_WINDOW;
        // The window may begin within a line.
        let lines: Vec<&str> = text.lines().skip(usize::from(!whole)).collect();
        if !whole && lines.len() < count {
            window *= 2;
            continue;
        }
        let from = lines.len().saturating_sub(count);
        return Ok(lines
            .into_iter()
            .skip(from)
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| Value::String(line.to_owned())))
            .collect());
    }
}
