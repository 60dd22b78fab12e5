//! One line of the log, and the hashes that chain it to the one before.

use claviger_ctap::crypto;
use serde::Serialize;
use serde_json::Value;

use super::Entry;

/// The longest line that the log holds or a reader accepts, in bytes.
pub const MAX_LINE: usize = 16 * 1024;

/// What separates the hashed part of a line from its hash.
pub(super) const HASH_MARK: &str = ",\"hash\":\"";

/// How every line begins.
pub(super) const LINE_BEGINS: &[u8] = br#"{"seq":"#;

/// `prev` of the first line.
pub(super) const GENESIS: [u8; 32] = [0; 32];

/// A line without its hash; the order of the fields is the order in the file.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    pub(super) seq: u64,
    pub(super) time: u64,
    #[serde(flatten)]
    pub(super) entry: Entry,
    pub(super) prev: &'a str,
}

/// The links of a line whose own hash was checked.
pub(super) struct Line {
    pub(super) seq: u64,
    pub(super) time: u64,
    pub(super) prev: [u8; 32],
    pub(super) hash: [u8; 32],
}

impl Line {
    /// Reads a line, or says what is wrong with it.
    pub(super) fn parse(line: &[u8]) -> Result<Self, &'static str> {
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
            time: value.get("time").and_then(Value::as_u64).unwrap_or_default(),
            prev,
            hash: stated,
        })
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
