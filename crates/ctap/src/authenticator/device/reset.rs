//! `authenticatorReset` (CTAP 2.1 §6.6).

use super::state::State;
use super::{Answer, Device, DeviceStore, Environment, Purpose, refuse};
use crate::authenticator::Error;
use crate::status::Status;

impl<E: Environment> Device<E> {
    pub(super) fn reset(&mut self) -> Answer<E> {
        // A device without a display accepts a reset only just after power-up, so that a user who touches it does not
        // agree to a reset that some program has slipped in.
        let age = self.environment.monotonic_ms().saturating_sub(self.powered_ms);
        if self.numbers.reset_window_ms.is_some_and(|window| age > window) {
            return refuse(Status::NotAllowed, "a reset long after power-up");
        }
        self.ask(&Purpose::Reset, Status::UserActionTimeout)?;
        // Credentials, PIN, counters, tokens, large blobs, what authenticatorConfig has set, and the device's identity.
        // A failing store leaves the old state in use.
        let fresh = State::fresh(&self.numbers, self.crypto())?;
        self.environment.store_mut().erase().map_err(Error::Store)?;
        self.state = fresh;
        // But for the window: it is the plugging in that opens it.
        let powered_ms = self.powered_ms;
        self.power_cycle()?;
        self.powered_ms = powered_ms;
        Ok(Vec::new())
    }
}
