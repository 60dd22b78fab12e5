//! What is answered to a call that came to nothing.

use claviger_pin::memfd::MemfdError;
use zbus::DBusError;

use crate::{hello::HelloError, verification::CodecError};

/// What a caller did wrong, or what is wrong with the machine.
#[derive(Debug, DBusError)]
#[zbus(prefix = "org.claviger.Hello1.Error")]
pub(super) enum ServiceError {
    #[zbus(error)]
    ZBus(zbus::Error),
    /// The caller is not the broker.
    AccessDenied(String),
    /// What was passed is no sealed memory file with a PIN in it.
    BadPin(String),
    /// What was passed is no sealed memory file with a recovery code, or two of its groups, in it.
    BadCode(String),
    /// The request cannot be read.
    BadRequest(String),
    /// There is no reader to be verified at, or none that works.
    NoReader(String),
    /// The new PIN is too easy to guess; the text is for the user.
    WeakPin(String),
    /// There is a PIN already.
    AlreadySet(String),
    /// Hello cannot work on this machine; the text is for the user and the log.
    Failed(String),
}

impl ServiceError {
    /// What was passed is no recovery code.
    pub(super) fn bad_code(error: &MemfdError) -> Self {
        Self::BadCode(error.to_string())
    }
}

impl From<HelloError> for ServiceError {
    fn from(error: HelloError) -> Self {
        let text = error.to_string();
        match error {
            HelloError::Weak(weak) => Self::WeakPin(weak.code().to_owned()),
            HelloError::AlreadySet => Self::AlreadySet(text),
            _ => {
                tracing::error!(error = text, "hello cannot work");
                Self::Failed(text)
            }
        }
    }
}

impl From<CodecError> for ServiceError {
    fn from(error: CodecError) -> Self {
        Self::BadRequest(error.to_string())
    }
}
