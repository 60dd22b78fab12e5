//! What a right gesture opens, and what can be done with it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use claviger_ctap::crypto::{Crypto, PrivateKey, ecdh::EcdhPublicKey};
use claviger_joint::{ProviderId, TransactionId, evidence::EvidenceClaims, unlock};

use super::HelloError;
use crate::{
    clock::Clock,
    evidence::UvEvidence,
    keys::Opened,
    store::State,
    verification::{EvidenceScope, VerifyReply, VerifyRequest},
};

/// The user's key in the hand, after a right gesture. Drop it as soon as the one operation is done: it wipes itself.
pub struct OpenKey {
    pub(super) opened: Opened,
    pub(super) signer: PrivateKey,
    pub(super) crypto: &'static dyn Crypto,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) counts: Counts,
}

/// The counts that evidence of one gesture may have. They were taken durably, so that no power cut lets one be given twice.
#[derive(Debug)]
pub(super) struct Counts {
    next: AtomicU64,
    last: u64,
}

impl Counts {
    /// The next `many` after the highest that this state has given, which is raised to the last of them. They begin at the clock's
    /// microseconds where that is higher: providers take no count twice, and a state that was put back has forgotten some.
    pub(super) fn take(state: &mut State, many: u32, unix_ms: u64) -> Self {
        let next = state.evidence_count.saturating_add(1).max(unix_ms.saturating_mul(1000));
        state.evidence_count = next.saturating_sub(1).saturating_add(u64::from(many));
        Self {
            next: AtomicU64::new(next),
            last: state.evidence_count,
        }
    }

    fn next(&self) -> Option<u64> {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        (count <= self.last).then_some(count)
    }
}

impl OpenKey {
    /// Signs evidence for this operation, with a count that no other evidence has.
    pub fn attest(&self, operation: &EvidenceScope) -> Result<UvEvidence, HelloError> {
        let count = self.counts.next().ok_or(HelloError::GestureSpent)?;
        let claims = EvidenceClaims {
            audience: operation.audience.clone(),
            transaction: operation.transaction,
            buffer_hash: operation.buffer_hash,
            purpose: operation.purpose,
            method: self.opened.method,
            tier: self.opened.tier,
            time_ms: self.clock.unix_ms(),
            count,
        };
        let bytes = claims.sign(self.crypto, &self.signer)?;
        Ok(UvEvidence::new(bytes, claims))
    }

    /// Does what one request asks for.
    pub(super) fn serve(&self, request: &VerifyRequest) -> Result<VerifyReply, HelloError> {
        let evidence = request
            .evidence
            .as_ref()
            .map(|operation| self.attest(operation))
            .transpose()?;
        let boxes = request
            .unlock
            .iter()
            .map(|target| self.unlock_box(&target.provider, target.transaction, &target.recipient));
        Ok(VerifyReply {
            evidence: evidence.map(UvEvidence::into_bytes),
            boxes: boxes.collect::<Result<_, _>>()?,
        })
    }

    /// Seals this provider's unlock secret to its process, for this transaction.
    pub fn unlock_box(
        &self,
        provider: &ProviderId,
        transaction: TransactionId,
        recipient: &EcdhPublicKey,
    ) -> Result<Vec<u8>, HelloError> {
        let secret = self.opened.key.unlock_secret(self.crypto, provider)?;
        Ok(unlock::seal(self.crypto, recipient, provider, transaction, &secret)?)
    }
}

impl fmt::Debug for OpenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenKey([redacted])")
    }
}
