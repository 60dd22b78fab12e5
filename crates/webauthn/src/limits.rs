//! Every number that bounds what a page may make us do, in one place. A test holds their invariants.

use std::time::Duration;

/// Longest options JSON, in bytes.
///
/// Invariant: at least as large as every list at its limit in base64url, so that a list's own limit is what a page meets.
pub const MAX_JSON_BYTES: usize = 512 * 1024;

/// Deepest nesting of the options JSON. The standard's own members need 5 (`extensions.prf.evalByCredential.ID.first`).
pub const MAX_JSON_DEPTH: usize = 16;

/// Longest challenge, in bytes. The standard recommends at least 16 and sets no upper bound; 32 to 64 are usual.
pub const MAX_CHALLENGE_BYTES: usize = 64 * 1024;

/// Most entries of an allow or exclude list. Chromium stops at 64.
pub const MAX_DESCRIPTORS: usize = 256;

/// Most bytes of all ids of an allow or exclude list together. Chromium's longest list has 64 ids of 1023 bytes.
///
/// Invariant: as long a list as a browser may send.
pub const MAX_DESCRIPTOR_BYTES: usize = 128 * 1024;

/// Most entries of `pubKeyCredParams`, `hints`, `attestationFormats` and `transports`.
pub const MAX_SMALL_LIST: usize = 64;

/// Longest name that is kept, in bytes; more is cut at a character boundary.
///
/// Invariant: at least 64 (L3 §6.4.1).
pub const MAX_NAME_BYTES: usize = 256;

/// Most entries of `prf.evalByCredential` (each becomes two salts in the request).
pub const MAX_PRF_CREDENTIALS: usize = 64;

/// The timeout of a page that names none (L3 §15.1: 300 s, for every user verification requirement).
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(5);

/// The shortest timeout: a person has to read and type a PIN.
pub const MIN_TIMEOUT: Duration = Duration::from_secs(15);

/// The longest timeout.
pub const MAX_TIMEOUT: Duration = Duration::from_mins(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_invariants_hold() {
        const {
            assert!(MAX_JSON_BYTES >= 2 * MAX_DESCRIPTOR_BYTES * 4 / 3 + MAX_CHALLENGE_BYTES * 4 / 3);
            assert!(MAX_DESCRIPTOR_BYTES >= 64 * claviger_ctap::types::CredentialId::MAX);
            assert!(MAX_NAME_BYTES >= 64);
            assert!(MAX_JSON_DEPTH >= 5);
        }
        assert!(MIN_TIMEOUT <= DEFAULT_TIMEOUT && DEFAULT_TIMEOUT <= MAX_TIMEOUT);
    }
}
