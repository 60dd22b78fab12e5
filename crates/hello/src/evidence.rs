//! Evidence on this side of the joint: the value that only a verification makes.
//!
//! A [`UvEvidence`] comes out of [`OpenKey::attest`](crate::OpenKey::attest), after a right PIN, and out of
//! [`HelloClient::verify`](crate::client::HelloClient::verify), after hello's signature and every claim were checked. Nothing
//! else makes one, it is not `Clone`, and it is spent by being sent on: [`UvEvidence::into_bytes`].

use core::fmt;

use claviger_joint::evidence::EvidenceClaims;

/// Signed proof that the user was verified for one operation.
pub struct UvEvidence {
    bytes: Vec<u8>,
    claims: EvidenceClaims,
}

impl UvEvidence {
    /// For the two places named above.
    pub(crate) fn new(bytes: Vec<u8>, claims: EvidenceClaims) -> Self {
        Self { bytes, claims }
    }

    /// What it says: for whom, for which transaction, how and when.
    pub fn claims(&self) -> &EvidenceClaims {
        &self.claims
    }

    /// The `COSE_Sign1` to send on to the provider.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl fmt::Debug for UvEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "UvEvidence({}, count {})",
            self.claims.transaction, self.claims.count
        )
    }
}
