//! What more than one of our programs asks of Linux itself, and nothing that knows a passkey.
//!
//! * [`changes`] waits for what inotify tells.
//! * [`uhid`] is the language of `/dev/uhid`, with the one report descriptor that this project ever hands to the kernel.
//! * [`pace`] keeps long messages from overrunning the programs that read such a device.
//! * [`sandbox`] is what a process gives up before it does anything.

pub mod changes;
pub mod pace;
pub mod sandbox;
pub mod uhid;
