//! The ways in. Each door is a module, and none knows another.
//!
//! A door names the caller (from the bus and `/proc`, never from the message), turns the caller's language into a
//! [`CeremonyRequest`](claviger_broker::CeremonyRequest), and tells the caller no more about a failure than its standard allows.
//!
//! * [`browser`]: Chromium's extension and its native host.
//! * [`hid`]: a security key in front of every program, through the kernel.
//!
//! What doors share that speak CTAP is [`ctap`].

pub mod browser;
pub mod ctap;
pub mod hid;
