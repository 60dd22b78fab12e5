//! What people type to be verified, as prompts and hello both know it: a PIN ([`Pin`]), how easily it is guessed ([`quality`],
//! [`Strength`]), what a CTAP client says of it ([`ClientPin`]), the recovery code ([`RecoveryCode`]), and how each travels between
//! processes ([`memfd`]).
//!
//! What they open is hello's and not here, so that a window can take what was typed without linking hello.

mod client_pin;
pub mod memfd;
mod pin;
mod recovery;

pub use client_pin::ClientPin;
pub use pin::{Lasts, Pin, PinError, Strength, Weak, quality};
pub use recovery::{CodeEnds, RecoveryCode, RecoveryCodeError};
