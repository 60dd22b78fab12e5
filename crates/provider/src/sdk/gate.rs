//! The gate: every rule by which a provider refuses a request, in the order of the protocol's section "What a provider must
//! refuse". Nothing behind it sees a request that did not pass.

use std::{collections::HashMap, path::Path};

use claviger_ctap::{cose::Sign1, crypto::Crypto, get_assertion};
use claviger_joint::{
    MessageError, ProviderId, TransactionId,
    answer::Status,
    envelope::{EnvelopeError, MAX_LIFETIME_MS, MAX_SEQUENCE_AHEAD_US, Request, SignedRequest},
    evidence::{self, EvidenceError, Expected, Purpose, VerifiedEvidence},
    messages::Registration,
    operation::Operation,
};

use super::state::{NumbersFile, Pins, StateError};

/// How far in the future a request may be issued, in milliseconds, should the clock be set back by a little in between.
/// There is none for expiry: one clock serves both sides.
pub const SKEW_MS: u64 = 5_000;

/// The most transactions that are remembered. Each is forgotten at its expiry.
pub const MAX_TRANSACTIONS: usize = 4096;

/// The most silent probes that are remembered, apart from the other transactions: a program may look for its credentials as often as
/// it likes, and must not use up the room of what a person is asked about.
pub const MAX_PROBES: usize = 1024;

/// A request that passed, with its evidence when it brought any.
pub(super) struct Admitted {
    pub(super) request: Request,
    pub(super) evidence: Option<VerifiedEvidence>,
}

/// A request that did not pass.
#[derive(Debug)]
pub(super) struct Refused {
    /// [`TransactionId::UNKNOWN`] when the signature is not good: nothing of such a request is believed.
    pub(super) transaction: TransactionId,
    pub(super) rule: Rule,
}

/// The rule by which a request is refused. But for [`Rule::Memory`] and [`Rule::Disk`] the sender is at fault.
#[derive(Debug, thiserror::Error)]
pub(super) enum Rule {
    #[error("{0}")]
    Envelope(#[from] EnvelopeError),
    #[error("the key id is not known")]
    UnknownKey,
    #[error("the request is for another provider")]
    OtherProvider,
    #[error("the request was issued in the future")]
    Future,
    #[error("the request has expired")]
    Expired,
    #[error("the request lives for no time, or for too long")]
    Lifetime,
    #[error("the sequence number was used, or may have been")]
    Sequence,
    #[error("the sequence number lies far ahead of the clock")]
    Ahead,
    #[error("the transaction is known already")]
    Duplicate,
    #[error("too many transactions are remembered")]
    Memory,
    #[error("the evidence is signed under a key that is not known")]
    UnknownUvKey,
    #[error("{0}")]
    Evidence(#[from] EvidenceError),
    #[error("this is done only with evidence that the user was verified for it")]
    NoEvidence,
    #[error("operation {0} is not known")]
    Operation(u64),
    #[error("the sequence number cannot be written down")]
    Disk,
}

impl Rule {
    /// The status that tells of this rule.
    pub(super) fn status(&self) -> Status {
        match self {
            Self::Operation(_) | Self::Envelope(EnvelopeError::Message(MessageError::Version(_))) => {
                Status::Unsupported
            }
            Self::Memory => Status::Busy,
            Self::Disk => Status::Internal,
            _ => Status::InvalidRequest,
        }
    }

    /// Whether renewing the acquaintance with the platform may make the request acceptable. Such a request has used up
    /// nothing, so it can be tried again.
    pub(super) fn may_pass_with_new_keys(&self) -> bool {
        matches!(self, Self::UnknownKey | Self::UnknownUvKey)
    }
}

/// The memory of a provider: whom it trusts, and what it has seen.
pub(super) struct Gate {
    provider: ProviderId,
    crypto: &'static dyn Crypto,
    pins: Pins,
    journal: NumbersFile,
    transactions: Remembered<MAX_TRANSACTIONS>,
    probes: Remembered<MAX_PROBES>,
}

/// Transactions that have not expired, with their expiry: at most so many.
#[derive(Default)]
struct Remembered<const ROOM: usize>(HashMap<TransactionId, u64>);

impl<const ROOM: usize> Remembered<ROOM> {
    fn has_room(&mut self, now_ms: u64) -> bool {
        if self.0.len() >= ROOM {
            self.0.retain(|_, expires_ms| *expires_ms > now_ms);
        }
        self.0.len() < ROOM
    }
}

impl Gate {
    /// Opens the memory in this folder, which exists.
    pub(super) fn open(folder: &Path, provider: ProviderId, crypto: &'static dyn Crypto) -> Result<Self, StateError> {
        let pins = Pins::open(folder, crypto)?;
        Ok(Self {
            provider,
            crypto,
            pins,
            journal: NumbersFile::open(folder)?,
            transactions: Remembered::default(),
            probes: Remembered::default(),
        })
    }

    /// The highest sequence number that counts as used.
    pub(super) fn floor(&self) -> u64 {
        self.journal.highest()
    }

    /// Learns the platform's keys, as far as they are trusted.
    pub(super) fn learn(&mut self, registration: &Registration) -> Result<(), StateError> {
        self.pins.learn(self.crypto, &self.provider, registration)
    }

    /// Lets a request in, or says by which rule it stays outside. `now_ms` is the time in milliseconds since 1970.
    pub(super) fn admit(&mut self, envelope: &[u8], now_ms: u64) -> Result<Admitted, Refused> {
        // 1. A known key, and its signature.
        let request = self.verify(envelope).map_err(|rule| Refused {
            transaction: TransactionId::UNKNOWN,
            rule,
        })?;
        let transaction = request.transaction;
        self.judge(request, now_ms)
            .map_err(|rule| Refused { transaction, rule })
    }

    /// Checks evidence for a buffer that this provider asked about.
    pub(super) fn verify_evidence(
        &mut self,
        bytes: &[u8],
        transaction: TransactionId,
        buffer_hash: [u8; 32],
        now_ms: u64,
    ) -> Result<VerifiedEvidence, Rule> {
        let mut count = self.journal.evidence();
        let expected = self.expected(transaction, buffer_hash, Purpose::VerifyUser, now_ms);
        let evidence = self.check_evidence(bytes, &expected, &mut count)?;
        self.journal.accept_evidence(count).map_err(|_| Rule::Disk)?;
        Ok(evidence)
    }

    fn verify(&self, envelope: &[u8]) -> Result<Request, Rule> {
        let signed = SignedRequest::parse(envelope)?;
        let key = self.pins.request_key(signed.kid()).ok_or(Rule::UnknownKey)?;
        Ok(signed.verify(self.crypto, key)?)
    }

    fn judge(&mut self, request: Request, now_ms: u64) -> Result<Admitted, Rule> {
        // 2. For us.
        if request.provider != self.provider {
            return Err(Rule::OtherProvider);
        }
        // 3. Now.
        if request.issued_ms > now_ms.saturating_add(SKEW_MS) {
            return Err(Rule::Future);
        }
        if request.expires_ms <= now_ms {
            return Err(Rule::Expired);
        }
        match request.expires_ms.checked_sub(request.issued_ms) {
            Some(1..=MAX_LIFETIME_MS) => {}
            _ => return Err(Rule::Lifetime),
        }
        // 4. New.
        if !self.journal.admits(request.sequence) {
            return Err(Rule::Sequence);
        }
        // One such number would take away all that come in its shadow.
        if request.sequence > now_ms.saturating_mul(1000).saturating_add(MAX_SEQUENCE_AHEAD_US) {
            return Err(Rule::Ahead);
        }
        let is_probe = is_probe(&request);
        let has_room = if is_probe {
            self.probes.has_room(now_ms)
        } else {
            self.transactions.has_room(now_ms)
        };
        let (transactions, probes) = (&self.transactions.0, &self.probes.0);
        let is_known = transactions.contains_key(&request.transaction) || probes.contains_key(&request.transaction);
        if is_known || request.transaction == TransactionId::UNKNOWN {
            return Err(Rule::Duplicate);
        }
        if !has_room {
            return Err(Rule::Memory);
        }
        // 5. Evidence under a key that we do not know yet: the request stays unused until we have asked the platform.
        if let Some(bytes) = &request.evidence {
            let signed = Sign1::parse(bytes).map_err(EvidenceError::from)?;
            if self.pins.uv_key().is_none_or(|(kid, _)| kid.0 != signed.kid()) {
                return Err(Rule::UnknownUvKey);
            }
        }
        // 6. From here on the request is used up, whatever becomes of it; this is on disk before anything is done.
        let mut count = self.journal.evidence();
        let buffer_hash = self.crypto.sha256(&[&request.parameters]);
        let purpose = Purpose::Operation(request.operation);
        let expected = self.expected(request.transaction, buffer_hash, purpose, now_ms);
        let evidence = request
            .evidence
            .as_deref()
            .map(|bytes| self.check_evidence(bytes, &expected, &mut count));
        let remembered = if is_probe {
            &mut self.probes.0
        } else {
            &mut self.transactions.0
        };
        remembered.insert(request.transaction, request.expires_ms);
        self.journal.accept(request.sequence, count).map_err(|_| Rule::Disk)?;
        let evidence = evidence.transpose()?;
        if evidence.is_none() && request.operation.needs_evidence() {
            return Err(Rule::NoEvidence);
        }
        // 7. Something that we know.
        if let Operation::Unknown(number) = request.operation {
            return Err(Rule::Operation(number));
        }
        Ok(Admitted { request, evidence })
    }

    /// What evidence must say to be good for us.
    fn expected(
        &self,
        transaction: TransactionId,
        buffer_hash: [u8; 32],
        purpose: Purpose,
        now_ms: u64,
    ) -> Expected<'_> {
        Expected {
            audience: &self.provider,
            transaction,
            buffer_hash,
            purpose,
            now_ms,
        }
    }

    fn check_evidence(
        &self,
        bytes: &[u8],
        expected: &Expected<'_>,
        last_count: &mut u64,
    ) -> Result<VerifiedEvidence, Rule> {
        let (_, key) = self.pins.uv_key().ok_or(Rule::UnknownUvKey)?;
        Ok(evidence::verify(self.crypto, bytes, key, expected, last_count)?)
    }
}

/// Whether a request only looks for a credential: an assertion without the user's presence, which proves and opens nothing.
fn is_probe(request: &Request) -> bool {
    request.operation == Operation::Get
        && request.evidence.is_none()
        && request.unlock_box.is_none()
        && get_assertion::Request::from_cbor(&request.parameters).is_ok_and(|get| !get.options.up)
}

#[cfg(test)]
mod tests;
