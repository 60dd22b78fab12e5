//! A right PIN that a security-key client gave beforehand, in the form in which it crosses the platform.

pub use claviger_hello::ticket::PinTicket;

/// What came of a client PIN.
#[derive(Debug)]
pub struct ClientPinCheck {
    /// Whether it was right.
    pub outcome: ClientPinOutcome,
    /// Attempts left before the lock-out; the same count as that of PINs typed into the prompt.
    pub tries_left: u32,
}

/// Whether a client PIN was right.
#[derive(Debug)]
pub enum ClientPinOutcome {
    /// It was; the ticket stands for it once, for two minutes at most.
    Right(PinTicket),
    /// It was not.
    Wrong,
    /// There were too many wrong ones: locked out if no attempts are left; otherwise those that are left are kept for the prompt,
    /// and the right PIN there opens this way again.
    Blocked,
    /// No PIN has been chosen, or it cannot be checked in this form.
    NotSet,
    /// It came too soon after a wrong one and was not looked at.
    Wait,
}
