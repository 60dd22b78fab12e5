//! The PIN as prompts and hello both know it: what one is ([`Pin`]), how easily it is guessed ([`quality`], [`Strength`]), what a CTAP client says of
//! it ([`ClientPin`]), and how either travels between processes ([`memfd`]).
//!
//! What a PIN opens is hello's and not here, so that a window can take what was typed without linking hello.

mod client_pin;
pub mod memfd;
mod pin;

pub use client_pin::ClientPin;
pub use pin::{Lasts, Pin, PinError, Strength, Weak, quality};
