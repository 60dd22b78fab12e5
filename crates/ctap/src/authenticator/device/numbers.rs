//! The numbers that a deployment may tune, in one place.

use thiserror::Error;

use crate::crypto::Algorithm;
use crate::types::{RpId, UserId};

/// Limits, counters and times of a device. The defaults are those of a USB security key; [`Self::check`] holds what must
/// be true of any other choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// `maxMsgSize`: the longest command, its code included, in bytes. 1024 (CTAP 2.1 §6.4) to 7609 (§11.2.4).
    pub max_message_bytes: usize,
    /// Discoverable and other credentials in all. At least 1.
    pub max_credentials: usize,
    /// Longest RP ID, in bytes. 1 to 255.
    pub max_rp_id_bytes: usize,
    /// Names of sites and accounts are cut to this many bytes; at least 64 (CTAP 2.1 §6.1.2).
    pub max_name_bytes: usize,
    /// Longest credBlob, in bytes. At least 32 (CTAP 2.1 §12.2).
    pub max_cred_blob_bytes: usize,
    /// Longest large-blob array, in bytes. At least 1024 (CTAP 2.1 §6.10).
    pub max_large_blob_bytes: usize,
    /// Wrong PINs until the PIN is blocked. At most 8 (CTAP 2.1 §6.5.2.2).
    pub max_pin_retries: u8,
    /// Consecutive wrong PINs until a power cycle is needed. At most 3 (CTAP 2.1 §6.5.2.2, `PIN_AUTH_BLOCKED`).
    pub max_pin_mismatches: u8,
    /// Shortest PIN of a new device, in Unicode code points. At least 4 (CTAP 2.1 §6.5.1).
    pub min_pin_length: u8,
    /// RP IDs that may learn the shortest length of a PIN (CTAP 2.1 §6.11.4).
    pub max_min_pin_rp_ids: usize,
    /// Failed built-in verifications until it is blocked. 1 to 25 (CTAP 2.1 §6.5.2.3).
    pub max_uv_retries: u8,
    /// Verifications tried within one command. 1 to 5 (CTAP 2.1 §6.5.2.3).
    pub max_uv_attempts: u8,
    /// A token that is not used within this time is gone (CTAP 2.1 §6.5.2.1, *initial usage time limit*).
    pub token_initial_ms: u64,
    /// Presence proven while a token was made counts for this time (*user present time limit*).
    pub token_present_ms: u64,
    /// No token lives longer (*max usage time period*). At most 10 minutes.
    pub token_max_ms: u64,
    /// After this time there is no *get next* (CTAP 2.1 §6.3: 30 seconds).
    pub continuation_ms: u64,
    /// A reset is accepted for this time after power-up (CTAP 2.1 §6.6: 10 seconds); `None`: always, for a device with
    /// a display that says what is about to happen.
    pub reset_window_ms: Option<u64>,
}

/// Two numbers that contradict each other or the specification: the deployment's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Inconsistent(&'static str);

impl Default for Numbers {
    fn default() -> Self {
        Self {
            max_message_bytes: 7609,
            max_credentials: 1000,
            max_rp_id_bytes: RpId::MAX_BYTES,
            max_name_bytes: 256,
            max_cred_blob_bytes: 32,
            max_large_blob_bytes: 4096,
            max_pin_retries: 8,
            max_pin_mismatches: 3,
            min_pin_length: 4,
            max_min_pin_rp_ids: 8,
            max_uv_retries: 5,
            max_uv_attempts: 3,
            token_initial_ms: 30_000,
            token_present_ms: 30_000,
            token_max_ms: 600_000,
            continuation_ms: 30_000,
            reset_window_ms: Some(10_000),
        }
    }
}

impl Numbers {
    /// Whether the numbers keep the promises that their descriptions make.
    pub fn check(&self) -> Result<(), Inconsistent> {
        let rules = [
            ((1024..=7609).contains(&self.max_message_bytes), "max_message_bytes"),
            (
                self.longest_answer() <= self.max_message_bytes,
                "names too long for max_message_bytes",
            ),
            (self.max_credentials >= 1, "max_credentials"),
            ((1..=255).contains(&self.max_rp_id_bytes), "max_rp_id_bytes"),
            (self.max_name_bytes >= 64, "max_name_bytes"),
            (self.max_cred_blob_bytes >= 32, "max_cred_blob_bytes"),
            (self.max_large_blob_bytes >= 1024, "max_large_blob_bytes"),
            ((1..=8).contains(&self.max_pin_retries), "max_pin_retries"),
            ((1..=3).contains(&self.max_pin_mismatches), "max_pin_mismatches"),
            ((4..=63).contains(&self.min_pin_length), "min_pin_length"),
            ((1..=25).contains(&self.max_uv_retries), "max_uv_retries"),
            ((1..=5).contains(&self.max_uv_attempts), "max_uv_attempts"),
            (
                self.token_max_ms <= 600_000 && self.token_initial_ms <= self.token_max_ms,
                "token lifetimes",
            ),
            (self.token_present_ms <= self.token_max_ms, "token_present_ms"),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            None => Ok(()),
            Some((_, broken)) => Err(Inconsistent(broken)),
        }
    }

    /// Whether the keys and signatures of these algorithms fit a message, with everything else that may be in it;
    /// `certified` are the bytes of the longest attestation with certificates.
    pub(super) fn check_algorithms(&self, algorithms: &[Algorithm], certified: usize) -> Result<(), Inconsistent> {
        let fits = |algorithm: &Algorithm| {
            let (key, signature) = algorithm.longest();
            self.longest_answer() + key + signature.max(certified) <= self.max_message_bytes
        };
        // What every device has fits by the invariants above.
        let small = [Algorithm::Es256, Algorithm::EdDsa];
        if algorithms
            .iter()
            .all(|algorithm| certified == 0 && small.contains(algorithm) || fits(algorithm))
        {
            Ok(())
        } else {
            Err(Inconsistent(
                "keys, signatures or certificates that do not fit max_message_bytes",
            ))
        }
    }

    /// What one answer may hold beside long keys and signatures: user, RP, id, a small key and a small signature, with
    /// room to spare for their keys and lengths.
    fn longest_answer(&self) -> usize {
        512 + self.max_rp_id_bytes + 2 * self.max_name_bytes + UserId::MAX + self.max_cred_blob_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_keep_every_invariant() {
        assert_eq!(Numbers::default().check(), Ok(()));
    }

    #[test]
    fn every_algorithm_fits_the_defaults_and_long_ones_need_long_messages() {
        assert_eq!(Numbers::default().check_algorithms(Algorithm::ALL, 0), Ok(()));
        assert!(Numbers::default().check_algorithms(&[Algorithm::Es256], 7000).is_err());
        let short = Numbers {
            max_message_bytes: 1400,
            ..Numbers::default()
        };
        assert_eq!(short.check(), Ok(()));
        for algorithm in Algorithm::ALL {
            let small = [Algorithm::Es256, Algorithm::EdDsa].contains(algorithm);
            assert_eq!(short.check_algorithms(&[*algorithm], 0).is_ok(), small, "{algorithm:?}");
        }
    }

    #[test]
    fn each_invariant_is_held() {
        type Change = fn(&mut Numbers);
        let changes: [Change; 17] = [
            |n| n.max_message_bytes = 1023,
            |n| n.max_message_bytes = 7610,
            |n| n.max_name_bytes = 4000,
            |n| n.max_name_bytes = 63,
            |n| n.max_credentials = 0,
            |n| n.max_rp_id_bytes = 0,
            |n| n.max_rp_id_bytes = 256,
            |n| n.max_cred_blob_bytes = 31,
            |n| n.max_large_blob_bytes = 1023,
            |n| n.max_pin_retries = 9,
            |n| n.max_pin_mismatches = 4,
            |n| n.min_pin_length = 3,
            |n| n.max_uv_retries = 26,
            |n| n.max_uv_attempts = 6,
            |n| n.token_max_ms = 600_001,
            |n| n.token_initial_ms = 600_001,
            |n| n.token_present_ms = 600_001,
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut numbers = Numbers::default();
            change(&mut numbers);
            assert!(numbers.check().is_err(), "change {index} was accepted");
        }
    }
}
