//! Enterprise attestation (CTAP 2.1 §7.1): whether a request gets one.
//!
//! A device is capable of it when its settings carry an enterprise attestation; it gives none before
//! authenticatorConfig has enabled it, and none after a reset.

use super::{Device, Environment, Fault, refuse};
use crate::authenticator::attestation;
use crate::status::Status;

impl<E: Environment> Device<E> {
    /// Whether the deployment has supplied what enterprise attestation needs.
    pub(super) fn enterprise_capable(&self) -> bool {
        attestation::enterprise_capable(&self.settings)
    }

    /// §6.11.1: for good, until a reset. Enabling it again changes nothing.
    pub(super) fn enable_enterprise(&mut self) -> Result<(), Fault<E>> {
        self.state.enterprise = true;
        self.save()
    }

    /// §6.1.2 step 9.
    pub(super) fn check_enterprise(&self, asked: Option<u64>) -> Result<(), Fault<E>> {
        match asked {
            // 9.1. Not capable, or not enabled.
            Some(_) if !(self.enterprise_capable() && self.state.enterprise) => {
                refuse(Status::InvalidParameter, "enterprise attestation is not enabled")
            }
            // 9.2. Vendor-facilitated or platform-managed; there is no third kind.
            None | Some(1 | 2) => Ok(()),
            Some(_) => refuse(Status::InvalidOption, "an unknown kind of enterprise attestation"),
        }
    }
}
