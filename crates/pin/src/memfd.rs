//! A PIN on its way between processes: a sealed memory file.
//!
//! The prompt writes the PIN into a `memfd`, seals it, and passes the descriptor over D-Bus. Descriptors do not show up in
//! bus monitors or logs, nobody can change the bytes after the fact, and the memory goes when the last descriptor is closed.
//! Whoever receives one trusts nothing: [`receive`] takes only a complete set of seals, no more bytes than a PIN has, and
//! reads by position, so that the sender's file offset plays no part.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::{
    fs::{FileType, MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, memfd_create},
    io::{Errno, pread, pwrite},
};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{ClientPin, CodeEnds, Pin, PinError, RecoveryCode, RecoveryCodeError};

/// What must be sealed: no change of the bytes, no change of the size, and no change of the seals.
const SEALS: SealFlags = SealFlags::WRITE
    .union(SealFlags::GROW)
    .union(SealFlags::SHRINK)
    .union(SealFlags::SEAL);

/// Puts the PIN into a new sealed memory file, ready to be passed on. Errors are the kernel's (out of memory or descriptors).
pub fn seal(pin: &Pin) -> Result<OwnedFd, MemfdError> {
    seal_bytes(pin.as_bytes())
}

/// Puts what a CTAP client said of the PIN into a new sealed memory file of exactly [`ClientPin::LENGTH`] bytes.
pub fn seal_client_pin(pin: &ClientPin) -> Result<OwnedFd, MemfdError> {
    seal_bytes(pin.as_bytes())
}

/// Puts the recovery code, as it is spelled, into a new sealed memory file.
pub fn seal_recovery_code(code: &RecoveryCode) -> Result<OwnedFd, MemfdError> {
    seal_bytes(code.spelled().as_bytes())
}

/// Puts the first and the last group of a recovery code into a new sealed memory file.
pub fn seal_code_ends(ends: &CodeEnds) -> Result<OwnedFd, MemfdError> {
    seal_bytes(ends.spelled().as_bytes())
}

/// Takes the PIN out of a memory file that somebody passed to us.
pub fn receive(file: impl AsFd) -> Result<Pin, MemfdError> {
    let bytes = receive_bytes(file.as_fd(), Pin::MAX_BYTES)?.map_err(|_| PinError::TooLong)?;
    Ok(Pin::from_utf8(&bytes)?)
}

/// Takes what a CTAP client said of the PIN out of a memory file of exactly [`ClientPin::LENGTH`] bytes.
pub fn receive_client_pin(file: impl AsFd) -> Result<ClientPin, MemfdError> {
    let bytes = receive_bytes(file.as_fd(), ClientPin::LENGTH)?;
    bytes
        .ok()
        .and_then(|bytes| ClientPin::from_bytes(&bytes))
        .ok_or(MemfdError::ClientPinLength)
}

/// Takes a recovery code out of a memory file, as a person may have typed it.
pub fn receive_recovery_code(file: impl AsFd) -> Result<RecoveryCode, MemfdError> {
    Ok(RecoveryCode::from_utf8(&receive_code_text(
        file.as_fd(),
        RecoveryCode::CHARACTERS,
    )?)?)
}

/// Takes the first and the last group of a recovery code out of a memory file, as a person may have typed them.
pub fn receive_code_ends(file: impl AsFd) -> Result<CodeEnds, MemfdError> {
    Ok(CodeEnds::from_utf8(&receive_code_text(
        file.as_fd(),
        CodeEnds::CHARACTERS,
    )?)?)
}

/// What was typed where `wanted` characters belong.
fn receive_code_text(file: BorrowedFd<'_>, wanted: usize) -> Result<Zeroizing<Vec<u8>>, MemfdError> {
    let bytes = receive_bytes(file, RecoveryCode::MAX_BYTES)?;
    // It is not read, so nobody knows how many of them are separators.
    Ok(bytes.map_err(|found| RecoveryCodeError::Length { found, wanted })?)
}

fn seal_bytes(secret: &[u8]) -> Result<OwnedFd, MemfdError> {
    let file = memfd_create("claviger-pin", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut rest = secret;
    let mut offset = 0;
    while !rest.is_empty() {
        let written = pwrite(&file, rest, offset)?;
        rest = rest.get(written..).unwrap_or_default();
        offset = offset.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
    }
    fcntl_add_seals(&file, SEALS)?;
    Ok(file)
}

/// All bytes of a sealed memory file, or else how many there are, when that is more than `most`.
fn receive_bytes(file: BorrowedFd<'_>, most: usize) -> Result<Result<Zeroizing<Vec<u8>>, usize>, MemfdError> {
    // Everything but memory files fails here (pipes, sockets, ordinary files) or lacks the seals (files in a tmpfs).
    let seals = match fcntl_get_seals(file) {
        Ok(seals) => seals,
        Err(Errno::INVAL) => return Err(MemfdError::NotAMemoryFile),
        Err(error) => return Err(error.into()),
    };
    if !seals.contains(SEALS) {
        return Err(MemfdError::NotSealed);
    }
    let status = fstat(file)?;
    // A memory file has no name in any directory.
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile || status.st_nlink != 0 {
        return Err(MemfdError::NotAMemoryFile);
    }
    let size = usize::try_from(status.st_size).unwrap_or(usize::MAX);
    if size > most {
        return Ok(Err(size));
    }
    let mut bytes = Zeroizing::new(vec![0; size]);
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        // Sealed against shrinking, so an early end cannot happen; it would leave zeros, which are no PIN and nobody's hash.
        match pread(file, rest, u64::try_from(filled).unwrap_or(u64::MAX))? {
            0 => break,
            read => filled = filled.saturating_add(read),
        }
    }
    Ok(Ok(bytes))
}

/// Why a descriptor yields no PIN and no recovery code.
#[derive(Debug, Error)]
pub enum MemfdError {
    /// The sender's fault: a pipe, socket or ordinary file.
    #[error("the secret did not come in a memory file")]
    NotAMemoryFile,
    /// The sender's fault: it could still change the bytes.
    #[error("the memory file with the secret is not sealed")]
    NotSealed,
    /// The user's: what is in the file cannot be a PIN.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// The sender's: what a CTAP client says of a PIN has exactly [`ClientPin::LENGTH`] bytes.
    #[error("the hash of a PIN has 16 bytes")]
    ClientPinLength,
    /// The user's: what is in the file is no recovery code.
    #[error(transparent)]
    RecoveryCode(#[from] RecoveryCodeError),
    /// The kernel's.
    #[error("the memory file with the secret cannot be used: {0}")]
    Kernel(#[from] Errno),
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use std::io::{Seek, SeekFrom, Write};

    use super::*;

    fn memory_file(bytes: &[u8], seals: SealFlags) -> std::fs::File {
        let file = memfd_create("test", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        let mut file = std::fs::File::from(file);
        file.write_all(bytes).unwrap();
        fcntl_add_seals(&file, seals).unwrap();
        file
    }

    #[test]
    fn a_pin_goes_through() {
        let pin = Pin::new("zebra-94 ü").unwrap();
        let file = seal(&pin).unwrap();
        assert_eq!(receive(&file).unwrap().as_bytes(), pin.as_bytes());
        // Reading moved nothing, and nothing can be changed any more.
        assert_eq!(receive(&file).unwrap().as_bytes(), pin.as_bytes());
        assert_eq!(pwrite(&file, b"x", 0).unwrap_err(), Errno::PERM);
    }

    #[test]
    fn what_a_client_says_of_a_pin_goes_through_in_its_one_length() {
        let pin = ClientPin::from_bytes(&[7; 16]).unwrap();
        let file = seal_client_pin(&pin).unwrap();
        assert_eq!(receive_client_pin(&file).unwrap().as_bytes(), pin.as_bytes());
        for length in [0, 15, 17, 600] {
            let other = memory_file(&vec![7; length], SEALS);
            assert!(
                matches!(receive_client_pin(&other), Err(MemfdError::ClientPinLength)),
                "{length}"
            );
        }
        let unsealed = memory_file(&[7; 16], SEALS.difference(SealFlags::WRITE));
        assert!(matches!(receive_client_pin(&unsealed), Err(MemfdError::NotSealed)));
    }

    #[test]
    fn a_recovery_code_goes_through() {
        let code = RecoveryCode::parse("000G-40R4-0M30-E209-185G-R38E-1WYR").unwrap();
        let file = seal_recovery_code(&code).unwrap();
        assert_eq!(receive_recovery_code(&file).unwrap().as_bytes(), code.as_bytes());
        let ends = CodeEnds::parse("000G 1WYR").unwrap();
        assert!(
            code.ends()
                .is(&receive_code_ends(seal_code_ends(&ends).unwrap()).unwrap())
        );
        assert!(matches!(receive_code_ends(&file), Err(MemfdError::RecoveryCode(_))));
        let long = memory_file(&[b'0'; RecoveryCode::MAX_BYTES + 1], SEALS);
        for (error, wanted) in [
            (receive_recovery_code(&long).unwrap_err(), 28),
            (receive_code_ends(&long).unwrap_err(), 8),
        ] {
            assert_eq!(
                error.to_string(),
                format!("129 characters were typed, and {wanted} belong there")
            );
        }
        let unsealed = memory_file(code.spelled().as_bytes(), SEALS.difference(SealFlags::WRITE));
        let error = receive_recovery_code(&unsealed).unwrap_err();
        assert_eq!(error.to_string(), "the memory file with the secret is not sealed");
        let (pipe, _writer) = std::io::pipe().unwrap();
        let error = receive_code_ends(&pipe).unwrap_err();
        assert_eq!(error.to_string(), "the secret did not come in a memory file");
    }

    #[test]
    fn the_senders_offset_plays_no_part() {
        let mut file = memory_file(b"8305xyz", SEALS);
        file.seek(SeekFrom::Start(5)).unwrap();
        assert_eq!(receive(&file).unwrap().as_bytes(), b"8305xyz");
    }

    #[test]
    fn every_missing_seal_is_noticed() {
        for missing in [SealFlags::WRITE, SealFlags::GROW, SealFlags::SHRINK, SealFlags::SEAL] {
            let file = memory_file(b"8305", SEALS.difference(missing));
            assert!(matches!(receive(&file), Err(MemfdError::NotSealed)), "{missing:?}");
        }
    }

    #[test]
    fn other_files_are_refused() {
        let ordinary = tempfile::tempfile().unwrap();
        assert!(matches!(
            receive(&ordinary),
            Err(MemfdError::NotAMemoryFile | MemfdError::NotSealed)
        ));
        let (reader, _writer) = std::io::pipe().unwrap();
        assert!(matches!(receive(&reader), Err(MemfdError::NotAMemoryFile)));
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert!(matches!(receive(&socket), Err(MemfdError::NotAMemoryFile)));
    }

    #[test]
    fn size_and_content_are_checked() {
        assert!(matches!(
            receive(memory_file(&[b'x'; 509], SEALS)),
            Err(MemfdError::Pin(PinError::TooLong))
        ));
        assert!(matches!(
            receive(memory_file(b"", SEALS)),
            Err(MemfdError::Pin(PinError::TooShort))
        ));
        assert!(matches!(
            receive(memory_file(&[0xff; 8], SEALS)),
            Err(MemfdError::Pin(PinError::NotText))
        ));
        assert!(matches!(
            receive(memory_file(&[0; 8], SEALS)),
            Err(MemfdError::Pin(PinError::ControlCharacter))
        ));
        let huge = memory_file(b"", SealFlags::empty());
        huge.set_len(1 << 40).unwrap();
        fcntl_add_seals(&huge, SEALS).unwrap();
        assert!(matches!(receive(&huge), Err(MemfdError::Pin(PinError::TooLong))));
    }
}
