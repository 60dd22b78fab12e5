//! The PIN from a CTAP client, and its ticket.

use std::sync::Arc;

use claviger_pin::{ClientPin, Pin};

use super::{Hello, HelloError, OpenKey, open_key::Counts};
use crate::{
    attempt::Attempt,
    keys::Opened,
    machine::{Act, Event, Way},
    store::State,
    ticket::{For, PinTicket},
    verification::{NotVerified, VerifyReply, VerifyRequest},
};

impl Hello {
    /// [`Self::verify`] with a PIN, and keeps what it opened behind a ticket for the one change that the evidence is for.
    pub fn verify_and_hold(&self, pin: Pin, request: &VerifyRequest) -> Result<(VerifyReply, PinTicket), HelloError> {
        self.verify_and_hold_at(&self.arm(request, Way::Pin), pin, request)
    }

    /// [`Self::verify_and_hold`] for an attempt that was armed when it was asked for.
    pub(crate) fn verify_and_hold_at(
        &self,
        attempt: &Attempt,
        pin: Pin,
        request: &VerifyRequest,
    ) -> Result<(VerifyReply, PinTicket), HelloError> {
        let open = self.check(attempt, pin.into(), u32::from(request.evidence.is_some()))?;
        let reply = open.serve(request)?;
        Ok((reply, self.hold(attempt, open, For::Change)?))
    }

    /// Looks at a PIN as a CTAP client gives it, at the cost of a try like any other; a right one makes a ticket.
    pub fn verify_client_pin(&self, pin: ClientPin) -> Result<PinTicket, HelloError> {
        self.verify_client_pin_at(&self.arm_alone(Way::ClientPin), pin)
    }

    /// [`Self::verify_client_pin`] for an attempt that was armed when it was asked for.
    pub(crate) fn verify_client_pin_at(&self, attempt: &Attempt, pin: ClientPin) -> Result<PinTicket, HelloError> {
        let open = self.check(attempt, pin.into(), 0)?;
        self.hold(attempt, open, For::Evidence)
    }

    /// Keeps what was opened behind a ticket.
    fn hold(&self, attempt: &Attempt, open: OpenKey, purpose: For) -> Result<PinTicket, HelloError> {
        let mut tickets = self.tickets();
        // A lock ends the attempts first and the tickets then, so a ticket is not made after it.
        if !attempt.stands() {
            return Err(NotVerified::Cancelled.into());
        }
        Ok(tickets.issue(self.crypto, open.opened, purpose, self.clock.moment())?)
    }

    /// What is behind a ticket, as the one success of this attempt. The ticket is spent, whatever comes of it.
    pub(super) fn spend_ticket(
        &self,
        attempt: &Attempt,
        ticket: &PinTicket,
        purpose: For,
    ) -> Result<Opened, HelloError> {
        let now = self.clock.moment();
        let opened = self.tickets().take(ticket, purpose, now);
        let opened = opened.ok_or(NotVerified::TicketGone)?;
        // The try was spent and given back with the PIN.
        let steps = [Event::Gesture, Event::Written, Event::Right].map(|event| attempt.step(event, now));
        if steps.ends_with(&[Act::GiveOut]) {
            Ok(opened)
        } else {
            Err(NotVerified::Cancelled.into())
        }
    }

    /// The key behind a ticket, for this attempt. The ticket is spent, whatever comes of it.
    pub(super) fn redeem(
        &self,
        attempt: &Attempt,
        ticket: &PinTicket,
        attestations: u32,
    ) -> Result<OpenKey, HelloError> {
        let opened = self.spend_ticket(attempt, ticket, For::Evidence)?;
        let change = self.durable.change();
        let state = change.state().ok_or(NotVerified::NoPin)?;
        let signer = self.signer(&opened.key, &state)?;
        // The count is taken now and not with the PIN: providers refuse evidence with a lower count than the last they saw.
        let mut counted = State::clone(&state);
        let counts = Counts::take(&mut counted, attestations, self.clock.unix_ms());
        if attestations > 0 {
            change.replace(counted)?;
        }
        Ok(OpenKey {
            opened,
            signer,
            crypto: self.crypto,
            clock: Arc::clone(&self.clock),
            counts,
        })
    }

    /// Wipes what is too old: the keys of tickets, and what was to be typed back of a new recovery code. It is not taken any more in any
    /// case; this is for whoever reads memory.
    pub fn sweep(&self) {
        let now = self.clock.moment();
        self.tickets().sweep(now);
        self.made().take_if(|made| !made.is_good(now));
    }

    /// Makes this ticket worthless.
    pub fn forget_ticket(&self, ticket: &PinTicket) {
        self.tickets().forget(ticket);
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
