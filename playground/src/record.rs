//! The record of ceremonies: one JSON object a line, for verifiers that share no code with webauthn-rs.
//!
//! `{"kind": "create" | "get", "options": …, "response": …, "expected": {"challenge", "origin", "rpId",
//! "userVerification"}, "accepted": bool, "refusal": null | "…"}`. The public key of an assertion is not in it: a
//! verifier takes it from the registration that it has verified itself.

use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
    sync::{Mutex, PoisonError},
};

use serde_json::Value;

/// Writes the record.
pub(crate) struct Recorder(Mutex<File>);

impl Recorder {
    /// Starts an empty record.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(Mutex::new(File::create(path)?)))
    }

    /// Appends one finished ceremony.
    pub(crate) fn append(&self, ceremony: &Value) -> io::Result<()> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(file, "{ceremony}")
    }
}
