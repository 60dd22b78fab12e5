//! Which program a provider is.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use claviger_ctap::crypto::Crypto;
use claviger_peer::{FileId, Process};
use serde::{Deserialize, Serialize};

use crate::audit::hex;

const CHUNK_BYTES: u64 = 1024 * 1024;

/// The program that a provider is. For an interpreted provider this is the interpreter: a pin does not reach the script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Its path when it was pinned.
    pub path: PathBuf,
    /// The file, for a quick comparison.
    pub file: FileId,
    /// SHA-256 over the SHA-256 of each MiB of the file, in hexadecimal; empty for the broker's own executable, which is
    /// recognised by [`FileId`].
    pub digest: String,
}

impl Pin {
    /// Pins what `process` runs. Reads the whole file: not for the hot path.
    pub fn of(process: &Process, crypto: &dyn Crypto) -> io::Result<Self> {
        let mut file = File::open(format!("/proc/{}/exe", process.pid))?;
        // A process that runs another program since must not have that one's content under its own file.
        if FileId::from(&file.metadata()?) != process.file {
            return Err(io::Error::other("the process runs another program by now"));
        }
        let (mut digests, mut chunk) = (Vec::new(), Vec::new());
        loop {
            chunk.clear();
            if Read::by_ref(&mut file).take(CHUNK_BYTES).read_to_end(&mut chunk)? == 0 {
                break;
            }
            digests.extend_from_slice(&crypto.sha256(&[&chunk]));
        }
        Ok(Self {
            path: process.executable.clone(),
            file: process.file,
            digest: hex(&crypto.sha256(&[&digests])),
        })
    }

    /// Whether this is the same program: the same file, or the same content at the same place (reinstalled).
    pub(super) fn is_same_program(&self, seen: &Self) -> bool {
        self.file == seen.file || (self.path == seen.path && !self.digest.is_empty() && self.digest == seen.digest)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use claviger_ctap::crypto::native;

    use super::*;

    #[test]
    fn content_is_taken_only_from_the_file_that_was_seen() {
        let own = Process::read(std::process::id()).unwrap();
        assert_eq!(Pin::of(&own, native()).unwrap().file, own.file);
        let elsewhere = Process {
            file: FileId::of(std::path::Path::new("/")).unwrap(),
            ..own
        };
        assert!(Pin::of(&elsewhere, native()).is_err());
    }
}
