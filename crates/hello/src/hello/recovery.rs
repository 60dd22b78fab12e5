//! The recovery code: made, typed back, tried, and used on a bad day.

use claviger_pin::{CodeEnds, Pin, RecoveryCode};

use super::{Hello, HelloError};
use crate::{
    attempt::Attempt,
    counter::Moment,
    machine::Way,
    protector::{CodeKeys, Protector, Wrapping},
    store::State,
    ticket::{CODE_LIFETIME, For, PinTicket},
    verification::NotVerified,
};

/// How often the two groups of a new code may be typed back wrong.
const MAX_MISTYPED: u8 = 10;

/// Of a code that was made and not typed back yet: what is to be typed.
pub(super) struct Made {
    ends: CodeEnds,
    since: Moment,
    mistyped: u8,
}

impl Made {
    /// Whether it may still be typed back.
    pub(super) fn is_good(&self, now: Moment) -> bool {
        now.is_within(CODE_LIFETIME, self.since)
    }
}

impl Hello {
    /// Makes a recovery code, with the ticket of a right PIN. It opens from now on; the one before goes when this one is
    /// [confirmed](Self::confirm_recovery_code). It is told this once.
    pub fn make_recovery_code(&self, ticket: &PinTicket) -> Result<RecoveryCode, HelloError> {
        self.make_recovery_code_at(&self.arm_alone(Way::ClientPin), ticket)
    }

    /// [`Self::make_recovery_code`] for an attempt that was armed when it was asked for.
    pub(crate) fn make_recovery_code_at(
        &self,
        attempt: &Attempt,
        ticket: &PinTicket,
    ) -> Result<RecoveryCode, HelloError> {
        let opened = self.spend_ticket(attempt, ticket, For::Change)?;
        let code = RecoveryCode::generate(self.crypto)?;
        let change = self.durable.change();
        let mut next = State::clone(&*change.state().ok_or(NotVerified::NoPin)?);
        let keys = next.code_keys().cloned().unwrap_or_default();
        let keys = keys.with_pending(self.crypto, &code, &next.uv_key.cose_bytes(), &opened.key)?;
        next.put(Wrapping::RecoveryCode(keys));
        // A lock ends the attempts first and forgets what is to be typed back then, so nothing is put there after it.
        let mut slot = self.made();
        if !attempt.stands() {
            return Err(NotVerified::Cancelled.into());
        }
        *slot = Some(Made {
            ends: code.ends(),
            since: self.clock.moment(),
            mistyped: 0,
        });
        drop(slot);
        // Nobody takes it as typed back before the change is over: that takes a change of its own.
        if let Err(error) = change.replace(next) {
            *self.made() = None;
            return Err(error.into());
        }
        if !attempt.stands() {
            // The code in the file is nobody's: it is told to no one.
            return Err(NotVerified::Cancelled.into());
        }
        tracing::info!("a recovery code was made");
        Ok(code)
    }

    /// Takes the first and the last group of the code that was made as a sign that the person has it: it is the code from now on, and
    /// the one before opens no more. [`NotVerified::NoCode`] says that none waits for that, any more: make another one.
    pub fn confirm_recovery_code(&self, ends: &CodeEnds) -> Result<(), HelloError> {
        // Begun before the ends are looked at, so that what is confirmed is the code that they are of, and no newer one.
        let change = self.durable.change();
        self.typed_back(ends)?;
        let mut next = State::clone(&*change.state().ok_or(NotVerified::NoCode)?);
        let keys = next.code_keys().cloned().and_then(CodeKeys::confirmed);
        next.put(Wrapping::RecoveryCode(keys.ok_or(NotVerified::NoCode)?));
        change.replace(next)?;
        tracing::info!("the recovery code was typed back");
        Ok(())
    }

    /// Looks at what was typed back. The right ends are looked at once: on a disk that does not take the change, another code is made.
    fn typed_back(&self, ends: &CodeEnds) -> Result<(), NotVerified> {
        let mut slot = self.made();
        let now = self.clock.moment();
        slot.take_if(|made| !made.is_good(now));
        let made = slot.as_mut().ok_or(NotVerified::NoCode)?;
        if made.ends.is(ends) {
            *slot = None;
            return Ok(());
        }
        made.mistyped = made.mistyped.saturating_add(1);
        slot.take_if(|made| made.mistyped >= MAX_MISTYPED);
        Err(NotVerified::WrongCode { wait_ms: 0 })
    }

    /// Tries the recovery code and changes nothing, beyond that wrong ones make the next one wait.
    pub fn drill_recovery_code(&self, code: RecoveryCode) -> Result<(), HelloError> {
        self.drill_recovery_code_at(&self.arm_alone(Way::RecoveryCode), code)
    }

    /// [`Self::drill_recovery_code`] for an attempt that was armed when it was asked for.
    pub(crate) fn drill_recovery_code_at(&self, attempt: &Attempt, code: RecoveryCode) -> Result<(), HelloError> {
        self.check(attempt, code.into(), 0).map(drop)
    }

    /// Sets a new PIN with the recovery code. No wrong PIN counts any more, and the user's key, with all that hangs on it, stays.
    ///
    /// A PIN that is too easy to guess is refused before the code is looked at. Whatever was under way ends.
    pub fn recover(&self, code: RecoveryCode, new: &Pin) -> Result<(), HelloError> {
        self.recover_at(&self.arm_alone(Way::RecoveryCode), code, new)
    }

    /// [`Self::recover`] for an attempt that was armed when it was asked for.
    pub(crate) fn recover_at(&self, attempt: &Attempt, code: RecoveryCode, new: &Pin) -> Result<(), HelloError> {
        self.quality(new)?;
        self.check_and_rewrap(attempt, code.into(), new)?;
        self.lock();
        tracing::info!("a new PIN was set with the recovery code");
        Ok(())
    }
}

impl State {
    /// What the recovery codes wrap.
    fn code_keys(&self) -> Option<&CodeKeys> {
        self.protectors().find_map(|protector| match &protector.wrapping {
            Wrapping::RecoveryCode(keys) => Some(keys),
            Wrapping::Pin(_) => None,
        })
    }

    /// Has a protector of this kind take this, with the tries that were spent on it.
    fn put(&mut self, wrapping: Wrapping) {
        match self.protector_mut(wrapping.method()) {
            Some(protector) => protector.wrapping = wrapping,
            None => self.add(Protector::new(wrapping, self.copies)),
        }
    }

    /// Has a protector of this kind take this, with no tries spent.
    pub(super) fn put_anew(&mut self, wrapping: Wrapping) {
        let anew = Protector::new(wrapping, self.copies);
        match self.protector_mut(anew.method()) {
            Some(protector) => *protector = anew,
            None => self.add(anew),
        }
    }
}

#[cfg(test)]
mod tests;
