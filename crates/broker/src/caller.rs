//! Who a process is: taken from `/proc`, never from a message. Which process is at the other end of a bus connection is asked by
//! [`crate::dbus::Identifier`].
//!
//! The bus tells the process of a connection; `/proc/PID/stat` tells its parent and when it started, `/proc/PID/exe` what it
//! runs. A process id may be reused between two such questions, so every reading is bracketed: a pidfd comes first, the start time
//! is read before and after, and at the end the pidfd must still be alive and the connection still be that process's.
//!
//! What `/proc/PID/exe` *says* proves nothing: in a mount namespace of its own, which anybody may make, a process puts any file at
//! any path. Programs are therefore recognised by the file that runs ([`Process::file`], read through `/proc/PID/exe` and not by
//! its name), compared with the file that the broker itself finds where the program is installed.
//!
//! Limits, stated so that nobody relies on more: processes of the same user may trace each other unless Yama forbids it, and a
//! program may hand its bus connection to another one. What this module proves is "a connection made by this executable".

mod privileged;
mod process;

use std::path::PathBuf;

pub use privileged::PrivilegedCallers;
pub use process::{FileId, Process};

pub(crate) use privileged::is_beside;
pub(crate) use process::{alive, pidfd_target, read_alive};

/// Why a caller could not be identified, or is not who it must be.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// The message has no sender: it did not come over a bus.
    #[error("the message names no sender")]
    NoSender,
    /// The caller left the bus or its process ended.
    #[error("the caller is gone")]
    Gone,
    /// Another user's process.
    #[error("the caller is a process of another user ({0})")]
    OtherUser(u32),
    /// The process does not let itself be looked at (`PR_SET_DUMPABLE=0`, another namespace, a security module).
    #[error("process {0} hides its executable")]
    Hidden(u32),
    /// `/proc` says something that it should not.
    #[error("what /proc says about process {pid} cannot be read: {what}")]
    Proc {
        /// The process.
        pid: u32,
        /// What is wrong.
        what: String,
    },
    /// The bus did not tell who the caller is.
    #[error("the bus does not tell who the caller is: {0}")]
    Bus(String),
    /// The caller runs another program than this interface is for.
    #[error("{} may not use this interface", .0.display())]
    WrongExecutable(PathBuf),
    /// The caller's parent is no browser on the list of privileged callers.
    #[error("{} is not on the list of privileged callers", .0.display())]
    NotPrivileged(PathBuf),
    /// The program was replaced or removed while it runs, so that nothing tells any more what it was.
    #[error("{} was updated while it runs; restart it", .0.display())]
    Replaced(PathBuf),
}
