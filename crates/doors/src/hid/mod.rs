//! The hid door: a security key that any program on this machine can use, and that is nothing but a report pipe to the kernel.
//!
//! ```text
//! any program ─ /dev/hidraw ─ kernel ─ /dev/uhid ── claviger hid ── socket ── claviger hid-door ── broker
//!                                                   (own user)              (the user's own)
//! ```
//!
//! * [`uhid`] is the language of `/dev/uhid`, with the one report descriptor that this project ever hands to the kernel.
//! * [`link`] is the user's end of the socket.
//! * [`pace`] keeps long messages from overrunning the programs that read them.

pub mod link;
pub mod pace;
pub mod uhid;
