//! The audit log: who asked for what, which provider answered, and how it ended. Never a secret.
//!
//! One JSON object per line, appended to one file. Each line carries the hash of the line before it (`prev`) and its own
//! (`hash`), so a line that was changed, removed from the middle or moved shows in [`verify`]. The hash is SHA-256 over the
//! bytes of the line up to (not including) `,"hash":"`; a checker in another language needs no canonical JSON, only the line.
//!
//! What the chain does not show: lines cut off at the end. Whoever wrote them knows the head, and compares ([`verify_with`]); who needs
//! it beyond the broker's life keeps the head ([`AuditLog::head`], printed by `claviger status`) elsewhere.
//!
//! Appending is one `write` without `fsync`: the log is on the path of every sign-in. A power cut may therefore lose or tear the
//! last lines; [`AuditLog::open`] cuts off a torn line and records that it did. What is no log at all is set aside.

mod entry;
mod failure;
mod line;
mod read;
mod repeats;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use claviger_ctap::crypto;
use claviger_files::Unfit;
use claviger_prompt_api::trouble::{Damage, StateFile, Trouble};
use rustix::fs::{FallocateFlags, fallocate, fstatvfs};
use rustix::io::Errno;
use serde::Serialize;

pub use entry::{AuditEvent, Entry, EvidenceKind, MAX_FIELD, Who};
pub use failure::Failure;
pub use line::MAX_LINE;
pub(crate) use line::hex;
use line::{Body, GENESIS, HASH_MARK, LINE_BEGINS, Line};
pub use read::{VerifyError, last, verify, verify_with};
pub(crate) use repeats::Repeats;

use crate::state_file;

/// Where the chain stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Number of the last line, 0 if there is none.
    pub seq: u64,
    /// Its hash in hexadecimal.
    pub hash: String,
}

/// Why the log could not be opened or written: always the machine's fault.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The file system refused.
    #[error("the audit log {path} cannot be used: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// Another broker has it open.
    #[error("the audit log {0} is in use by another broker")]
    InUse(PathBuf),
}

/// How much room the disk promises at a time, in bytes: some hundred entries.
const ROOM: u64 = 64 * 1024;

/// The room that there is at least before something is done that must be recorded: the longest entries of several at a time.
const LEAST_ROOM: u64 = 48 * 1024;

/// The open log.
#[derive(Debug)]
pub struct AuditLog {
    file: File,
    path: PathBuf,
    seq: u64,
    hash: [u8; 32],
    /// The latest time that a line of it is known to have, in Unix milliseconds.
    latest_ms: u64,
    /// How long the whole lines are.
    length: u64,
    /// Up to where the disk has promised room.
    room: u64,
    /// Why the last attempt to write or to get room failed, if it did.
    unwritable: Option<Damage>,
    troubles: Vec<Trouble>,
}

impl AuditLog {
    /// Opens or creates the log at `path` (readable by the user only). A torn last line is cut off and the fact recorded; a damaged
    /// one stays, and a [`AuditEvent::Broken`] line behind it starts the chain anew, so that [`verify`] goes on showing the damage.
    /// What is no log (a folder, a pipe, other bytes) is set aside, and a new one begins by saying so.
    ///
    /// Only the end of the file is read, however long it is. A disk without room is no reason not to open the log.
    /// `now_ms` is Unix time in milliseconds.
    pub fn open(path: &Path, now_ms: u64) -> Result<Self, AuditError> {
        let io = |source| AuditError::Io {
            path: path.to_owned(),
            source,
        };
        let mut aside = None;
        let (file, tail) = match open_log(path)? {
            Ok(log) => log,
            Err(damage) => {
                aside = Some(state_file::set_aside(StateFile::AuditLog, damage, path));
                open_log(path)?.map_err(|_| io(io::ErrorKind::InvalidData.into()))?
            }
        };
        let mut audit = Self {
            file,
            path: path.to_owned(),
            seq: 0,
            hash: GENESIS,
            latest_ms: 0,
            length: tail.intact_len,
            room: 0,
            unwritable: None,
            troubles: Vec::new(),
        };
        if tail.torn > 0 {
            audit.file.set_len(tail.intact_len).map_err(io)?;
        }
        let mut broken = false;
        if let Some(line) = &tail.last_line {
            if let Ok(line) = Line::parse(line) {
                (audit.seq, audit.hash, audit.latest_ms) = (line.seq, line.hash, line.time);
            } else {
                broken = true;
                audit.hash = crypto::native().sha256(&[line]);
            }
        }
        if broken {
            tracing::warn!(path = %path.display(), "the last line of the audit log is damaged");
            let entry = Entry::failed(AuditEvent::Broken, Failure::LogDamaged).detail("the line before this one");
            audit.append_if_possible(now_ms, &entry);
        }
        if tail.torn > 0 {
            tracing::warn!(path = %path.display(), bytes = tail.torn, "cut a torn last line off the audit log");
            let detail = format!("cut off {} bytes that a crash left behind", tail.torn);
            audit.append_if_possible(now_ms, &Entry::ok(AuditEvent::Repaired).detail(detail));
        }
        if let Some(trouble) = aside {
            let entry = Entry::failed(AuditEvent::Broken, Failure::LogDamaged).detail(trouble.to_string());
            audit.append_if_possible(now_ms, &entry);
            audit.troubles.push(trouble);
        }
        if state_file::is_open_to_others(path) {
            let open = state_file::trouble(StateFile::AuditLog, Damage::OpenToOthers, path);
            audit.troubles.push(state_file::noted(open));
        }
        Ok(audit)
    }

    /// Appends one line; no `fsync`. `now_ms` is Unix time in milliseconds.
    pub fn append(&mut self, now_ms: u64, entry: &Entry) -> Result<(), AuditError> {
        let seq = self.seq.saturating_add(1);
        let prev = hex(&self.hash);
        let body = Body {
            seq,
            time: now_ms,
            entry: entry.bounded(),
            prev: &prev,
        };
        let io = |source| AuditError::Io {
            path: self.path.clone(),
            source,
        };
        let mut line = serde_json::to_string(&body).map_err(|error| io(error.into()))?;
        line.pop(); // the closing brace: the hash follows
        let hash = crypto::native().sha256(&[line.as_bytes()]);
        line.push_str(HASH_MARK);
        line.push_str(&hex(&hash));
        line.push_str("\"}\n");
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            // What was written of it would tear the log.
            if let Err(error) = self.file.set_len(self.length) {
                tracing::error!(%error, "a torn line stays in the audit log");
            }
            self.unwritable = Some(state_file::damage(&error));
            return Err(io(error));
        }
        self.length = self.length.saturating_add(line.len() as u64);
        (self.seq, self.hash) = (seq, hash);
        self.latest_ms = self.latest_ms.max(now_ms);
        Ok(())
    }

    /// Makes sure that there is room for some entries, before something is done that must have one. Of a disk that fills up meanwhile
    /// the log has its part already.
    pub fn reserve(&mut self) -> Result<(), AuditError> {
        if self.room >= self.length.saturating_add(LEAST_ROOM) {
            self.unwritable = None;
            return Ok(());
        }
        match allocate(&self.file, self.length) {
            Ok(()) => {
                self.room = self.length.saturating_add(ROOM);
                self.unwritable = None;
                Ok(())
            }
            Err(source) => {
                self.unwritable = Some(state_file::damage(&source));
                Err(AuditError::Io {
                    path: self.path.clone(),
                    source,
                })
            }
        }
    }

    fn append_if_possible(&mut self, now_ms: u64, entry: &Entry) {
        if let Err(error) = self.append(now_ms, entry) {
            tracing::error!(%error, "the audit entry was not written");
        }
    }

    /// Where the chain stands.
    pub fn head(&self) -> Head {
        Head {
            seq: self.seq,
            hash: hex(&self.hash),
        }
    }

    /// Makes everything appended so far survive a power cut; for an orderly shutdown.
    pub fn sync(&self) -> Result<(), AuditError> {
        self.file.sync_data().map_err(|source| AuditError::Io {
            path: self.path.clone(),
            source,
        })
    }

    /// The latest time that this log is known to have been written at, in Unix milliseconds; 0 for an empty one.
    pub fn latest_ms(&self) -> u64 {
        self.latest_ms
    }

    /// What is wrong with it: what was found when it was opened, and whether it can be written now.
    pub fn troubles(&self) -> impl Iterator<Item = Trouble> {
        let unwritable = self
            .unwritable
            .map(|damage| state_file::trouble(StateFile::AuditLog, damage, &self.path));
        self.troubles.iter().cloned().chain(unwritable)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Has the disk keep room behind the log. Where the file system cannot promise any, there has to be some.
fn allocate(file: &File, length: u64) -> io::Result<()> {
    match fallocate(file, FallocateFlags::KEEP_SIZE, length, ROOM) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            let disk = fstatvfs(file)?;
            if disk.f_bavail.saturating_mul(disk.f_frsize) < ROOM {
                return Err(Errno::NOSPC.into());
            }
            Ok(())
        }
        allocated => Ok(allocated?),
    }
}

/// The log at `path`, locked, with its end; or why what is there is no log. Waits for nobody.
fn open_log(path: &Path) -> Result<Result<(File, Tail), Damage>, AuditError> {
    let io = |source| AuditError::Io {
        path: path.to_owned(),
        source,
    };
    let mut file = match claviger_files::open(path, OpenOptions::new().read(true).append(true).create(true)) {
        Ok(file) => file,
        Err(error) if Unfit::of(&error).is_some() => return Ok(Err(Damage::NotAFile)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && path.exists() => {
            return Ok(Err(Damage::Unusable));
        }
        Err(error) => return Err(io(error)),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(AuditError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => return Err(io(source)),
    }
    let tail = Tail::read(&mut file).map_err(io)?;
    Ok(if tail.is_of_a_log {
        Ok((file, tail))
    } else {
        Err(Damage::Malformed)
    })
}

/// The end of the file: its last whole line, and how much behind it is torn.
struct Tail {
    last_line: Option<Vec<u8>>,
    intact_len: u64,
    torn: u64,
    /// Whether what is behind the last whole line can be the beginning of one of ours.
    is_of_a_log: bool,
}

impl Tail {
    fn read(file: &mut File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        // Two lines at their longest: the torn one and the whole one before it.
        let window = length.min(2 * u64::try_from(MAX_LINE).unwrap_or(u64::MAX));
        file.seek(SeekFrom::Start(length - window))?;
        let mut bytes = Vec::new();
        file.take(window).read_to_end(&mut bytes)?;
        let intact = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let torn = u64::try_from(bytes.len() - intact).unwrap_or(u64::MAX);
        let rest = bytes.split_off(intact);
        let is_of_a_log = rest.len() <= MAX_LINE && rest.iter().zip(LINE_BEGINS).all(|(byte, ours)| byte == ours);
        bytes.pop();
        let last_line = (intact > 0)
            .then(|| bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1))
            .map(|start| bytes.split_off(start));
        Ok(Self {
            last_line,
            intact_len: length - torn,
            torn,
            is_of_a_log,
        })
    }
}

#[cfg(test)]
mod tests;
