//! The audit log: who asked for what, which provider answered, and how it ended. Never a secret.
//!
//! One JSON object per line, appended to one file. Each line carries the hash of the line before it (`prev`) and its own
//! (`hash`), so a line that was changed, removed from the middle or moved shows in [`verify`]. The hash is SHA-256 over the
//! bytes of the line up to (not including) `,"hash":"`; a checker in another language needs no canonical JSON, only the line.
//!
//! What the chain does not show: lines cut off at the end. Whoever needs that keeps the head ([`Audit::head`], printed by
//! `claviger status`) elsewhere and compares.
//!
//! Appending is one `write` without `fsync`: the log is on the path of every sign-in. A power cut may therefore lose or tear the
//! last lines; [`Audit::open`] cuts off a torn line and records that it did.

mod repeats;

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use claviger_ctap::crypto;
use serde::Serialize;
use serde_json::Value;

pub(crate) use repeats::Repeats;

/// The longest text that a field keeps, in characters; longer ones are cut and end in `…`.
pub const MAX_FIELD: usize = 256;

/// The longest line that the log holds or a reader accepts, in bytes.
pub const MAX_LINE: usize = 16 * 1024;

/// What separates the hashed part of a line from its hash.
const HASH_MARK: &str = ",\"hash\":\"";

/// `prev` of the first line.
const GENESIS: [u8; 32] = [0; 32];

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A create ceremony ended.
    Create,
    /// A get ceremony ended.
    Get,
    /// A user verification that a provider asked for ended.
    VerifyUser,
    /// The user was not verified: a wrong PIN, or one too many.
    Verification,
    /// A provider changed its state, its executable or its keys.
    Provider,
    /// The user managed something: rules, default provider, passkeys, locks.
    Manage,
    /// The broker started; `detail` tells its version.
    Started,
    /// The broker shut down in order.
    Stopped,
    /// Opening the log found and cut off a torn last line.
    Repaired,
    /// Opening the log found a last line whose hash is wrong; the chain starts anew behind it.
    Broken,
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Who {
    /// The door: `browser`, `cli`, …
    pub door: String,
    /// The name shown to the user, "Chromium".
    pub name: String,
    /// The executable, as `/proc` names it.
    pub executable: String,
}

/// What kind of user verification stood behind an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceKind {
    /// `pin`, `fingerprint`, …
    pub method: String,
    /// `software`, `tpm`, `system`.
    pub tier: String,
}

/// What is to be recorded. Texts longer than [`MAX_FIELD`] are cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// What happened.
    pub event: Event,
    /// Who asked, if anybody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<Who>,
    /// The relying party.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rp_id: Option<String>,
    /// The provider's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// `ok` or `failed`.
    pub result: &'static str,
    /// The true cause of a failure, for the user; sites never see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Kind of evidence, present exactly if the user was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceKind>,
    /// Anything else worth knowing, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Entry {
    /// Something that went well.
    pub fn ok(event: Event) -> Self {
        Self {
            event,
            caller: None,
            rp_id: None,
            provider: None,
            result: "ok",
            cause: None,
            evidence: None,
            detail: None,
        }
    }

    /// Something that did not, and why.
    pub fn failed(event: Event, cause: impl Into<String>) -> Self {
        Self {
            result: "failed",
            cause: Some(cause.into()),
            ..Self::ok(event)
        }
    }

    /// With the provider's id.
    #[must_use]
    pub fn provider(mut self, id: impl Into<String>) -> Self {
        self.provider = Some(id.into());
        self
    }

    /// With a remark.
    #[must_use]
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.detail = Some(text.into());
        self
    }

    fn bounded(&self) -> Self {
        let cut_opt = |text: &Option<String>| text.as_deref().map(cut);
        Self {
            event: self.event,
            caller: self.caller.as_ref().map(|who| Who {
                door: cut(&who.door),
                name: cut(&who.name),
                executable: cut(&who.executable),
            }),
            rp_id: cut_opt(&self.rp_id),
            provider: cut_opt(&self.provider),
            result: self.result,
            cause: cut_opt(&self.cause),
            evidence: self.evidence.as_ref().map(|kind| EvidenceKind {
                method: cut(&kind.method),
                tier: cut(&kind.tier),
            }),
            detail: cut_opt(&self.detail),
        }
    }
}

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
    /// A line does not continue the one before it: something was removed, moved or inserted.
    #[error("line {line} does not continue line {}", line - 1)]
    ChainBroken {
        /// Counted from 1.
        line: u64,
    },
}

/// The open log.
#[derive(Debug)]
pub struct Audit {
    file: File,
    path: PathBuf,
    seq: u64,
    hash: [u8; 32],
}

impl Audit {
    /// Opens or creates the log at `path` (readable by the user only). A torn last line is cut off and the fact recorded; a damaged
    /// one stays, and a [`Event::Broken`] line behind it starts the chain anew, so that [`verify`] goes on showing the damage.
    ///
    /// Only the end of the file is read, however long it is. `now_ms` is Unix time in milliseconds.
    pub fn open(path: &Path, now_ms: u64) -> Result<Self, AuditError> {
        let io = |source| AuditError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(AuditError::InUse(path.to_owned())),
            Err(std::fs::TryLockError::Error(source)) => return Err(io(source)),
        }
        let tail = Tail::read(&mut file).map_err(io)?;
        let mut audit = Self {
            file,
            path: path.to_owned(),
            seq: 0,
            hash: GENESIS,
        };
        if tail.torn > 0 {
            audit.file.set_len(tail.intact_len).map_err(io)?;
        }
        let mut broken = false;
        if let Some(line) = &tail.last_line {
            if let Ok(line) = Line::parse(line) {
                (audit.seq, audit.hash) = (line.seq, line.hash);
            } else {
                broken = true;
                audit.hash = crypto::native().sha256(&[line]);
            }
        }
        if broken {
            tracing::warn!(path = %path.display(), "the last line of the audit log is damaged");
            audit.append(
                now_ms,
                &Entry::failed(Event::Broken, "the line before this one is damaged"),
            )?;
        }
        if tail.torn > 0 {
            tracing::warn!(path = %path.display(), bytes = tail.torn, "cut a torn last line off the audit log");
            let detail = format!("cut off {} bytes that a crash left behind", tail.torn);
            audit.append(now_ms, &Entry::ok(Event::Repaired).detail(detail))?;
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
        self.file.write_all(line.as_bytes()).map_err(io)?;
        (self.seq, self.hash) = (seq, hash);
        Ok(())
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

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Checks a whole log from its first line: every hash, every link, every number. A torn last line (no line end) is an error here;
/// the next [`Audit::open`] repairs it.
pub fn verify(path: &Path) -> Result<Head, VerifyError> {
    let mut reader = BufReader::new(File::open(path)?);
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
    }
}

/// The last `count` lines as JSON values, oldest first; lines that are not JSON come as strings. Not a check: that is [`verify`].
pub fn last(path: &Path, count: usize) -> io::Result<Vec<Value>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut window = 64 * 1024;
    loop {
        window = length.min(window);
        file.seek(SeekFrom::Start(length - window))?;
        let mut bytes = Vec::new();
        Read::by_ref(&mut file).take(window).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let whole = window == length;
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

/// A line without its hash; the order of the fields is the order in the file.
#[derive(Serialize)]
struct Body<'a> {
    seq: u64,
    time: u64,
    #[serde(flatten)]
    entry: Entry,
    prev: &'a str,
}

/// The links of a line whose own hash was checked.
struct Line {
    seq: u64,
    prev: [u8; 32],
    hash: [u8; 32],
}

impl Line {
    fn parse(line: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8")?;
        let value: Value = serde_json::from_str(text).map_err(|_| "it is not JSON")?;
        let (body, rest) = text.rsplit_once(HASH_MARK).ok_or("it has no hash")?;
        let stated = rest
            .strip_suffix("\"}")
            .and_then(unhex)
            .ok_or("its hash is not at its end")?;
        if crypto::native().sha256(&[body.as_bytes()]) != stated {
            return Err("its hash is wrong");
        }
        let seq = value.get("seq").and_then(Value::as_u64).ok_or("it has no number")?;
        let prev = value
            .get("prev")
            .and_then(Value::as_str)
            .and_then(unhex)
            .ok_or("it has no link")?;
        Ok(Self {
            seq,
            prev,
            hash: stated,
        })
    }
}

/// The end of the file: its last whole line, and how much behind it is torn.
struct Tail {
    last_line: Option<Vec<u8>>,
    intact_len: u64,
    torn: u64,
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
        bytes.truncate(intact);
        bytes.pop();
        let last_line = (intact > 0)
            .then(|| bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1))
            .map(|start| bytes.split_off(start));
        Ok(Self {
            last_line,
            intact_len: length - torn,
            torn,
        })
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_FIELD) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut out = [0_u8; 32];
    if text.len() != 64 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (at, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn entry(cause: &str) -> Entry {
        Entry {
            caller: Some(Who {
                door: "browser".into(),
                name: "Chromium".into(),
                executable: "/usr/bin/chromium".into(),
            }),
            rp_id: Some("example.org".into()),
            ..Entry::failed(Event::Get, cause)
        }
    }

    fn log(lines: u64) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let mut audit = Audit::open(&path, 1).unwrap();
        for number in 0..lines {
            audit.append(number, &entry("a \"quoted\",\"hash\":\" cause")).unwrap();
        }
        (dir, path)
    }

    #[test]
    fn chain_verifies_across_reopening() {
        let (_dir, path) = log(5);
        let head = {
            let mut audit = Audit::open(&path, 9).unwrap();
            audit.append(10, &Entry::ok(Event::Started)).unwrap();
            audit.head()
        };
        assert_eq!(head.seq, 6);
        assert_eq!(verify(&path).unwrap(), head);
    }

    #[test]
    fn a_second_broker_is_refused() {
        let (_dir, path) = log(1);
        let _first = Audit::open(&path, 1).unwrap();
        assert!(matches!(Audit::open(&path, 1), Err(AuditError::InUse(_))));
    }

    #[test]
    fn torn_line_is_cut_off_and_recorded_wherever_it_tore() {
        let (_dir, path) = log(3);
        let whole = std::fs::read(&path).unwrap();
        let second_end = whole.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(1).unwrap().0 + 1;
        for end in second_end + 1..whole.len() {
            std::fs::write(&path, &whole[..end]).unwrap();
            assert!(matches!(verify(&path), Err(VerifyError::Damaged { line: 3, .. })));
            drop(Audit::open(&path, 7).unwrap());
            assert_eq!(verify(&path).unwrap().seq, 3);
            assert_eq!(last(&path, 1).unwrap()[0]["event"], "repaired");
        }
    }

    #[test]
    fn every_changed_byte_shows() {
        let (_dir, path) = log(3);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x01;
            std::fs::write(&path, &changed).unwrap();
            assert!(verify(&path).is_err(), "byte {at}");
        }
    }

    #[test]
    fn removed_swapped_and_repeated_lines_show() {
        let (_dir, path) = log(4);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for order in [vec![0, 2, 3], vec![0, 2, 1, 3], vec![0, 1, 1, 2, 3], vec![1, 2, 3]] {
            let changed: Vec<&str> = order.iter().map(|n| lines[*n]).collect();
            std::fs::write(&path, changed.join("\n") + "\n").unwrap();
            assert!(
                matches!(verify(&path), Err(VerifyError::ChainBroken { .. })),
                "{order:?}"
            );
        }
    }

    #[test]
    fn damage_at_the_end_stays_visible() {
        let (_dir, path) = log(2);
        let text = std::fs::read_to_string(&path)
            .unwrap()
            .replacen("Chromium", "chromium", 2);
        std::fs::write(&path, text).unwrap();
        let mut audit = Audit::open(&path, 7).unwrap();
        audit.append(8, &Entry::ok(Event::Started)).unwrap();
        assert_eq!(last(&path, 2).unwrap()[0]["event"], "broken");
        assert!(verify(&path).is_err());
    }

    #[test]
    fn long_fields_are_cut_and_control_characters_cannot_end_a_line() {
        let (_dir, path) = log(0);
        let mut audit = Audit::open(&path, 1).unwrap();
        audit.append(1, &entry(&format!("\n{}", "ä".repeat(5000)))).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
        assert_eq!(
            last(&path, 9).unwrap()[0]["cause"].as_str().unwrap().chars().count(),
            MAX_FIELD + 1
        );
        assert_eq!(verify(&path).unwrap().seq, 1);
    }

    #[test]
    fn last_reads_only_the_end() {
        let (_dir, path) = log(500);
        let lines = last(&path, 3).unwrap();
        assert_eq!(
            lines
                .iter()
                .map(|line| line["seq"].as_u64().unwrap())
                .collect::<Vec<_>>(),
            [498, 499, 500]
        );
    }
}
