//! Which programs may name a web origin, and why a caller is turned away. Who a caller is, [`crate::dbus::Identifier`] finds out.

mod privileged;

use std::path::PathBuf;

use claviger_peer::PeerError;

pub use privileged::PrivilegedCallers;

/// Why a caller could not be identified, or is not who it must be.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// The message has no sender: it did not come over a bus.
    #[error("the message names no sender")]
    NoSender,
    /// It cannot be told who it is, or it is not proved to be who it must be.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// The caller runs another program than this interface is for.
    #[error("{} may not use this interface", .0.display())]
    WrongExecutable(PathBuf),
    /// The caller's parent is no browser on the list of privileged callers.
    #[error("{} is not on the list of privileged callers", .0.display())]
    NotPrivileged(PathBuf),
}
