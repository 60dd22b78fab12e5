//! The client PIN: its policy, its try counters, and comparing it (CTAP 2.1 §6.5.1, §6.5.2.2, §6.5.5).

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::state::PinRecord;
use super::{Device, Environment, Fault, refuse};
use crate::crypto::ecdh::EphemeralKey;
use crate::pin_protocol::SharedSecret;
use crate::status::Status;

/// A PIN arrives padded with zeros to this many bytes (§6.5.5.5).
const PADDED: usize = 64;

impl<E: Environment> Device<E> {
    /// Whether a PIN may be tried at all.
    pub(super) fn pin_may_be_tried(&self) -> Result<(), Fault<E>> {
        if self.state.pin.is_none() {
            return refuse(Status::PinNotSet, "there is no PIN");
        }
        if self.state.pin_retries == 0 {
            return refuse(Status::PinBlocked, "no tries are left");
        }
        if self.power_cycle_needed() {
            return refuse(Status::PinAuthBlocked, "a power cycle is needed before the next try");
        }
        Ok(())
    }

    /// Whether too many PINs in a row were wrong.
    pub(super) fn power_cycle_needed(&self) -> bool {
        self.pin_mismatches >= self.numbers.max_pin_mismatches
    }

    /// Compares the PIN's hash. The try is counted, durably, before anything is looked at.
    pub(super) fn try_pin(&mut self, secret: &SharedSecret, pin_hash_enc: &[u8]) -> Result<(), Fault<E>> {
        self.state.pin_retries = self.state.pin_retries.saturating_sub(1);
        self.save()?;
        // What does not decrypt is a wrong PIN: no second kind of answer for an attacker to learn from.
        let hash = secret.decrypt(pin_hash_enc).unwrap_or_default();
        let stored = self.state.pin.as_ref();
        if stored.is_some_and(|pin| pin.hash.ct_eq(hash.as_slice()).into()) {
            self.state.pin_retries = self.numbers.max_pin_retries;
            // §6.5.2.3: whoever knows the PIN may use the built-in verifier again.
            self.state.uv_retries = self.numbers.max_uv_retries;
            self.state.uv_count = 0;
            self.pin_mismatches = 0;
            return self.save();
        }
        // `regenerate`: what was captured with the old key is worth nothing now.
        self.key_agreement = EphemeralKey::generate(self.crypto())?;
        self.pin_mismatches = self.pin_mismatches.saturating_add(1);
        if self.state.pin_retries == 0 {
            refuse(Status::PinBlocked, "a wrong PIN, and no tries are left")
        } else if self.power_cycle_needed() {
            refuse(Status::PinAuthBlocked, "a wrong PIN, and one too many in a row")
        } else {
            refuse(Status::PinInvalid, "a wrong PIN")
        }
    }

    /// Decrypts and checks a new PIN: 4 (or the minimum) code points to 63 bytes of UTF-8.
    pub(super) fn new_pin(&self, secret: &SharedSecret, new_pin_enc: &[u8]) -> Result<PinRecord, Fault<E>> {
        let Ok(padded) = secret.decrypt(new_pin_enc) else {
            return refuse(Status::PinAuthInvalid, "a new PIN that does not decrypt");
        };
        if padded.len() != PADDED {
            return refuse(Status::InvalidParameter, "a new PIN that is not padded to 64 bytes");
        }
        let end = padded.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let pin = padded.get(..end).unwrap_or_default();
        let length = std::str::from_utf8(pin).map(|text| text.chars().count());
        let length = length.ok().and_then(|length| u8::try_from(length).ok());
        let Some(length) = length.filter(|length| *length >= self.state.min_pin_length && end < PADDED) else {
            return refuse(Status::PinPolicyViolation, "a new PIN too short, too long, or not text");
        };
        let mut hash = Zeroizing::new([0; 16]);
        let digest = Zeroizing::new(self.crypto().sha256(&[pin]));
        hash.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
        Ok(PinRecord { hash, length })
    }

    /// Keeps a new PIN, with all its tries; every token is gone.
    pub(super) fn keep_pin(&mut self, pin: PinRecord) -> Result<(), Fault<E>> {
        self.state.pin = Some(pin);
        self.state.pin_retries = self.numbers.max_pin_retries;
        self.state.force_pin_change = false;
        self.tokens.clear();
        self.save()
    }
}
