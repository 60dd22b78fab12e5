//! Gestures: what a person did to be verified.

use core::fmt;

use futures_util::future::BoxFuture;

use claviger_pin::{ClientPin, Pin, RecoveryCode};

use crate::{machine::Way, ticket::PinTicket};

/// What a person did. It carries the secret that goes with it, if any, so it is kept like one: not `Clone`, and it prints its
/// kind only. Serves one verification.
///
/// A further method is a further variant, and a protector that takes it.
#[non_exhaustive]
pub enum Gesture {
    /// Typed a PIN into a prompt.
    Pin(Pin),
    /// Typed a PIN into a program that speaks CTAP.
    ClientPin(ClientPin),
    /// Did that a little earlier, and the program brings the ticket. The try was spent and given back then.
    Ticket(PinTicket),
    /// Typed the recovery code.
    RecoveryCode(RecoveryCode),
}

impl Gesture {
    /// In which way it verifies.
    pub fn way(&self) -> Way {
        match self {
            Self::Pin(_) => Way::Pin,
            Self::ClientPin(_) | Self::Ticket(_) => Way::ClientPin,
            Self::RecoveryCode(_) => Way::RecoveryCode,
        }
    }
}

impl fmt::Debug for Gesture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pin(_) => "Gesture(Pin)",
            Self::ClientPin(_) => "Gesture(ClientPin)",
            Self::Ticket(_) => "Gesture(Ticket)",
            Self::RecoveryCode(_) => "Gesture(RecoveryCode)",
        })
    }
}

impl From<Pin> for Gesture {
    fn from(pin: Pin) -> Self {
        Self::Pin(pin)
    }
}

impl From<ClientPin> for Gesture {
    fn from(pin: ClientPin) -> Self {
        Self::ClientPin(pin)
    }
}

impl From<RecoveryCode> for Gesture {
    fn from(code: RecoveryCode) -> Self {
        Self::RecoveryCode(code)
    }
}

impl From<PinTicket> for Gesture {
    fn from(ticket: PinTicket) -> Self {
        Self::Ticket(ticket)
    }
}

/// Something at which hello waits for a person: a fingerprint reader, a camera, a card reader.
///
/// What it gives is a claim like a PIN that came over the bus: a protector decides whether it is the user's, after a try was
/// spent on it.
pub trait Reader: Send + Sync + 'static {
    /// In which way what it gives verifies.
    fn way(&self) -> Way;

    /// Waits for the person, as long as it takes. Dropping the future makes the reader free for others.
    fn gesture(&self) -> BoxFuture<'_, Result<Gesture, ReaderError>>;
}

/// Why a reader does not read: unplugged, taken by another program, broken. The machine's.
pub type ReaderError = Box<dyn std::error::Error + Send + Sync>;
