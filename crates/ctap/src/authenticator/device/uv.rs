//! `performBuiltInUv` (CTAP 2.1 §6.5.3.1).

use super::{Device, Environment, Fault, Purpose, Verification, refuse};
use crate::status::Status;

impl<E: Environment> Device<E> {
    /// Verifies the user, in several tries if need be. The try is counted, durably, before the verifier runs.
    pub(super) fn perform_built_in_uv(&mut self, purpose: &Purpose<'_>) -> Result<E::Proof, Fault<E>> {
        for _ in 0..self.numbers.max_uv_attempts {
            let Some(left) = self.state.uv_retries.checked_sub(1) else {
                return refuse(Status::UvBlocked, "built-in user verification is blocked");
            };
            self.state.uv_retries = left;
            self.state.uv_count = self.state.uv_count.saturating_add(1);
            self.save()?;
            let outcome = self.environment.verify_user(purpose);
            // Only a mismatch uses a try up.
            if !matches!(outcome, Verification::NoMatch) {
                self.state.uv_retries = match outcome {
                    Verification::Verified(_) => self.numbers.max_uv_retries,
                    _ => left.saturating_add(1),
                };
                self.save()?;
            }
            match outcome {
                Verification::Verified(proof) => return Ok(proof),
                Verification::NoMatch => {}
                Verification::Denied => return refuse(Status::OperationDenied, "the user declined"),
                Verification::TimedOut => return refuse(Status::UserActionTimeout, "the user did nothing"),
                Verification::Cancelled => return refuse(Status::KeepaliveCancel, "the platform cancelled"),
            }
        }
        if self.state.uv_retries == 0 {
            refuse(Status::UvBlocked, "built-in user verification is blocked now")
        } else {
            refuse(Status::UvInvalid, "the user was not recognised")
        }
    }
}
