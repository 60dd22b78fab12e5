//! A right PIN that a security-key client gave beforehand, in the form in which it crosses the platform.

use std::fmt;

use zeroize::Zeroizing;

/// Names a right client PIN that hello keeps for one verification: 16 random bytes of hello's.
///
/// Whoever holds it can have the user count as verified once, so it is kept like a secret: it is not `Clone`, does not print and
/// is wiped.
pub struct PinTicket(Zeroizing<[u8; Self::LENGTH]>);

impl PinTicket {
    /// Its length, in bytes.
    pub const LENGTH: usize = 16;

    /// A ticket that hello made.
    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// The bytes, for whoever passes it on.
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Debug for PinTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinTicket([redacted])")
    }
}

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
    /// There were too many wrong ones.
    Blocked,
    /// No PIN has been chosen, or it cannot be checked in this form.
    NotSet,
    /// It came too soon after a wrong one and was not looked at.
    Wait,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_does_not_print() {
        assert_eq!(
            format!("{:?}", PinTicket::from_bytes(&[0xab; 16])),
            "PinTicket([redacted])"
        );
    }
}
