//! The hid door: a security key that any program on this machine can use, and that is nothing but a report pipe to the kernel.
//!
//! ```text
//! any program ─ /dev/hidraw ─ kernel ─ /dev/uhid ── claviger hid ── socket ── claviger hid-door ── broker
//!                                                   (own user)              (the user's own)
//! ```
//!
//! * [`helper`] is what the helper does: who gets a key, and how reports pass. The language of `/dev/uhid` is [`claviger_kernel::uhid`].
//! * [`link`] is the user's end of the socket.
//! * In the broker the door is an entrance for CTAP ([`crate::ctap`]), for the door's process only.
//! * [`process`] is the door's process: [`runner`] moves reports between a transport and the [`authenticator`], which asks its
//!   [`upstream`], the broker over the [`bus`]. [`seqpacket`] is a transport without a kernel device, [`control`] how others see the process.

pub mod authenticator;
pub mod bus;
pub mod control;
mod door;
pub mod helper;
pub mod link;
pub mod process;
mod program;
pub mod runner;
pub mod seqpacket;
pub mod turn;
pub mod upstream;

pub use door::{ENTRANCE, open};
