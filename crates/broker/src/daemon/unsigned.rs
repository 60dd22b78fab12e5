//! A request to a provider before it is numbered, dated and signed: what is asked, and what permits it.
//!
//! There is no other way to one than the constructors here. Whatever makes, uses, changes or deletes a passkey with the user is made of
//! their [`Consent`]; unlocking, of a box that only a verification yields; the rest asks nothing of a passkey.

use std::time::Duration;

use claviger_hello::UvEvidence;
use claviger_joint::TransactionId;
use claviger_joint::envelope::{Caller, Presentation};
use claviger_joint::operation::{Cancel, Operation};
use tokio::time::Instant;

use crate::ceremony::Consent;

/// How long a silent probe lives. The provider remembers each until its end, and nobody waits for one any longer.
const PROBE_LIFE: Duration = Duration::from_secs(3);

/// See the [module](self).
pub(super) struct UnsignedRequest {
    pub(super) operation: Operation,
    pub(super) transaction: TransactionId,
    pub(super) parameters: Vec<u8>,
    pub(super) evidence: Option<Vec<u8>>,
    pub(super) unlock_box: Option<Vec<u8>>,
    pub(super) presentation: Presentation,
    pub(super) caller: Caller,
    pub(super) window: Option<String>,
    /// When it ends at the latest; providers have no longer than their own deadline in any case.
    pub(super) deadline: Option<Instant>,
}

/// What the user can agree to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agreed {
    /// Make a passkey.
    Make,
    /// Use one.
    Get,
    /// Delete one.
    Delete,
    /// Change the names of one.
    Update,
}

impl UnsignedRequest {
    /// What the user agreed to.
    pub(super) fn agreed(
        consent: Consent,
        what: Agreed,
        transaction: TransactionId,
        parameters: Vec<u8>,
        caller: Caller,
    ) -> Self {
        consent.spend();
        let operation = match what {
            Agreed::Make => Operation::Make,
            Agreed::Get => Operation::Get,
            Agreed::Delete => Operation::Delete,
            Agreed::Update => Operation::Update,
        };
        Self {
            parameters,
            ..Self::bare(operation, transaction, caller)
        }
    }

    /// With evidence for it.
    pub(super) fn with_evidence(mut self, evidence: Option<UvEvidence>) -> Self {
        self.evidence = evidence.map(UvEvidence::into_bytes);
        self
    }

    /// With the box that opens the provider.
    pub(super) fn with_unlock_box(mut self, unlock_box: Option<Vec<u8>>) -> Self {
        self.unlock_box = unlock_box;
        self
    }

    /// To open the provider, by a box for this transaction.
    pub(super) fn unlock(unlock_box: Vec<u8>, transaction: TransactionId, caller: Caller) -> Self {
        Self::bare(Operation::Unlock, transaction, caller).with_unlock_box(Some(unlock_box))
    }

    /// To close it.
    pub(super) fn lock(transaction: TransactionId, caller: Caller) -> Self {
        Self::bare(Operation::Lock, transaction, caller)
    }

    /// To have it give up another transaction.
    pub(super) fn cancel(target: TransactionId, transaction: TransactionId, caller: Caller) -> Self {
        Self {
            parameters: Cancel { target }.encode(),
            ..Self::bare(Operation::Cancel, transaction, caller)
        }
    }

    /// To look for a passkey in silence: the request for an assertion must not ask for user presence.
    pub(super) fn probe(
        request: &claviger_ctap::get_assertion::Request,
        transaction: TransactionId,
        caller: Caller,
    ) -> Self {
        let mut request = request.clone();
        (request.options.up, request.options.uv) = (false, false);
        Self {
            parameters: request.to_cbor(),
            deadline: Some(Instant::now() + PROBE_LIFE),
            ..Self::bare(Operation::Get, transaction, caller)
        }
    }

    fn bare(operation: Operation, transaction: TransactionId, caller: Caller) -> Self {
        Self {
            operation,
            transaction,
            parameters: Vec::new(),
            evidence: None,
            unlock_box: None,
            presentation: Presentation::Silent,
            caller,
            window: None,
            deadline: None,
        }
    }
}
