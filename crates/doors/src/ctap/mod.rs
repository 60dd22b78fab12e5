//! CTAP over the bus: what a door's process that speaks CTAP with programs, and the broker, say to each other.
//!
//! A request in, a response out, and the caller beside it. The door's process ends the transport and the PIN/UV auth protocols; here
//! begin the ceremonies. This is no door, and knows none: each one that uses it serves [`service::Ctap1`] at an object of its own
//! ([`Entrance`]), so that no process says of itself which door it is.
//!
//! * [`service`] runs in the broker, in front of a [`Platform`]. [`message`] is what the two say to each other, [`proxy`] the door's end of it,
//!   [`verdict`] what a program may learn of a failure.

mod fields;
pub mod message;
pub mod platform;
pub mod proxy;
mod question;
pub mod service;
pub mod verdict;

pub use platform::{DoorProcess, Platform};
pub use service::Entrance;
