//! The PIN from a CTAP client, and its ticket.

use std::sync::{Arc, atomic::AtomicU64};

use super::{Hello, HelloError, Inner, OpenKey};
use crate::{
    client_pin::ClientPin,
    counter::MAX_FAILURES,
    protector::{Form, Gesture},
    store::StoreError,
    ticket::PinTicket,
    verification::{Refusal, VerifyReply, VerifyRequest},
};

/// Wrong PINs in a row after which no further one is taken from CTAP clients. A program that speaks to a security key needs no
/// window and no user to guess; it must not be able to lock the user out, so the other tries are the prompt's.
pub const MAX_CLIENT_FAILURES: u8 = 5;

impl Hello {
    /// Looks at a PIN as a CTAP client gives it, at the cost of a try like any other; a right one makes a ticket.
    pub fn verify_client_pin(&self, pin: &ClientPin) -> Result<PinTicket, HelloError> {
        let mut inner = self.inner();
        let state = inner.state.as_ref().filter(|state| state.takes_client_pin());
        let state = state.ok_or(HelloError::Refused(Refusal::NoPin))?;
        let failures = state.tries.failures();
        if (MAX_CLIENT_FAILURES..MAX_FAILURES).contains(&failures) {
            let tries_left = MAX_FAILURES.saturating_sub(failures);
            return Err(Refusal::PromptOnly { tries_left }.into());
        }
        let OpenKey { key, .. } = self.open_with_gesture(&mut inner, Gesture::ClientPin(pin), 0)?;
        Ok(self.tickets().issue(self.crypto, key, self.clock.moment())?)
    }

    /// [`Self::verify`] with a ticket in place of the PIN. The ticket is spent, whatever comes of it.
    pub fn verify_ticket(&self, ticket: &PinTicket, request: &VerifyRequest) -> Result<VerifyReply, HelloError> {
        let mut inner = self.inner();
        let key = self.tickets().take(ticket, self.clock.moment());
        let key = key.ok_or(HelloError::Refused(Refusal::TicketGone))?;
        let Inner { store, state } = &mut *inner;
        let state = state.as_mut().ok_or(HelloError::Refused(Refusal::NoPin))?;
        let protector = state
            .protector(Form::Client)
            .ok_or(StoreError::Damaged("a protector is missing"))?;
        let (method, tier) = (protector.method(), protector.tier());
        let signer = self.signer(&key, state)?;
        // The count is taken now and not with the PIN: providers refuse evidence with a lower count than the last they saw.
        let first_count = state.evidence_count.saturating_add(1);
        if request.evidence.is_some() {
            let mut counted = state.clone();
            counted.evidence_count = first_count;
            store.replace(&counted)?;
            *state = counted;
        }
        let open = OpenKey {
            key,
            signer,
            method,
            tier,
            crypto: self.crypto,
            clock: Arc::clone(&self.clock),
            next_count: AtomicU64::new(first_count),
            last_count: state.evidence_count,
        };
        open.serve(request)
    }

    /// Wipes the keys of tickets that are too old. They are not taken any more in any case; this is for whoever reads memory.
    pub fn sweep_tickets(&self) {
        self.tickets().sweep(self.clock.moment());
    }

    /// Makes all tickets worthless.
    pub fn forget_tickets(&self) {
        self.tickets().clear();
    }

    /// Makes this ticket worthless.
    pub fn forget_ticket(&self, ticket: &PinTicket) {
        drop(self.tickets().take(ticket, self.clock.moment()));
    }

    /// How many tickets are good.
    pub fn open_tickets(&self) -> usize {
        let mut tickets = self.tickets();
        tickets.sweep(self.clock.moment());
        tickets.len()
    }
}

#[cfg(test)]
mod tests;
