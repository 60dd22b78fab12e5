//! Why a method of the broker failed, for programs by code and fault, for people in a sentence.
//!
//! On the bus the error's name says of what kind it is, and its body holds three strings: the sentence first, where every client
//! looks for it, then code and fault.

use std::fmt;

use zbus::DBusError;
use zbus::message::{Header, Message};
use zbus::names::ErrorName;

use crate::fault::Fault;

/// What the names of these errors begin with.
const PREFIX: &str = "org.claviger.Error.";

/// Why a method failed. It never holds a secret.
#[derive(Debug, Clone, PartialEq)]
pub enum Error {
    /// The bus itself failed.
    Bus(zbus::Error),
    /// The user said no, or did not prove to be the user.
    Refused(Reason),
    /// What the caller names does not exist.
    NotFound(Reason),
    /// The caller's argument cannot be used.
    InvalidArgument(Reason),
    /// The caller may not call this.
    NotAllowed(Reason),
    /// There is no prompt to ask the user with.
    NoPrompt(Reason),
    /// There were too many wrong PINs.
    LockedOut(Reason),
    /// Something has to be done first.
    NotReady(Reason),
    /// Anything else: a provider or the platform failed.
    Failed(Reason),
}

/// Why a method failed, as values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// A short stable name of what was the matter, as the audit log has it.
    pub code: String,
    /// Whose fault it is; absent where a later broker names one that is not known here.
    pub fault: Option<Fault>,
    /// The same for people: what is the matter and what can be done.
    pub sentence: String,
}

impl Reason {
    /// Says all three.
    pub fn new(code: &str, fault: Fault, sentence: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            fault: Some(fault),
            sentence: sentence.into(),
        }
    }
}

impl Error {
    /// What the caller names does not exist, and there is no more to it.
    pub fn not_found(sentence: impl Into<String>) -> Self {
        Self::NotFound(Reason::new("not-found", Fault::Caller, sentence))
    }

    /// The caller's argument cannot be used.
    pub fn invalid_argument(sentence: impl Into<String>) -> Self {
        Self::InvalidArgument(Reason::new("invalid-argument", Fault::Caller, sentence))
    }

    /// The caller may not call this.
    pub fn not_allowed(sentence: impl Into<String>) -> Self {
        Self::NotAllowed(Reason::new("not-allowed", Fault::Caller, sentence))
    }

    /// Something has to be done first, by the user.
    pub fn not_ready(sentence: impl Into<String>) -> Self {
        Self::NotReady(Reason::new("not-ready", Fault::User, sentence))
    }

    /// The platform failed in a way that has no code of its own.
    pub fn failed(sentence: impl Into<String>) -> Self {
        Self::Failed(Reason::new("failed", Fault::Platform, sentence))
    }

    /// Why the broker did not do it; none where the bus did not bring an answer.
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Bus(_) => None,
            Self::Refused(reason)
            | Self::NotFound(reason)
            | Self::InvalidArgument(reason)
            | Self::NotAllowed(reason)
            | Self::NoPrompt(reason)
            | Self::LockedOut(reason)
            | Self::NotReady(reason)
            | Self::Failed(reason) => Some(reason),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.reason()) {
            (Self::Bus(error), _) => error.fmt(f),
            (_, reason) => f.write_str(reason.map_or("", |reason| &reason.sentence)),
        }
    }
}

impl std::error::Error for Error {}

impl DBusError for Error {
    fn create_reply(&self, call: &Header<'_>) -> zbus::Result<Message> {
        let reply = Message::error(call, self.name());
        match self.reason() {
            Some(Reason { code, fault, sentence }) => reply.build(&(sentence, code, fault.map_or("", Fault::name))),
            None => reply.build(&self.to_string()),
        }
    }

    fn name(&self) -> ErrorName<'_> {
        ErrorName::from_static_str_unchecked(match self {
            // The name that zbus has for what is its own.
            Self::Bus(_) => "org.freedesktop.zbus.Error",
            Self::Refused(_) => "org.claviger.Error.Refused",
            Self::NotFound(_) => "org.claviger.Error.NotFound",
            Self::InvalidArgument(_) => "org.claviger.Error.InvalidArgument",
            Self::NotAllowed(_) => "org.claviger.Error.NotAllowed",
            Self::NoPrompt(_) => "org.claviger.Error.NoPrompt",
            Self::LockedOut(_) => "org.claviger.Error.LockedOut",
            Self::NotReady(_) => "org.claviger.Error.NotReady",
            Self::Failed(_) => "org.claviger.Error.Failed",
        })
    }

    fn description(&self) -> Option<&str> {
        self.reason().map(|reason| reason.sentence.as_str())
    }
}

impl From<zbus::Error> for Error {
    fn from(error: zbus::Error) -> Self {
        let zbus::Error::MethodError(name, _, message) = &error else {
            return Self::Bus(error);
        };
        let kind = match name.as_str().strip_prefix(PREFIX) {
            Some("Refused") => Self::Refused,
            Some("NotFound") => Self::NotFound,
            Some("InvalidArgument") => Self::InvalidArgument,
            Some("NotAllowed") => Self::NotAllowed,
            Some("NoPrompt") => Self::NoPrompt,
            Some("LockedOut") => Self::LockedOut,
            Some("NotReady") => Self::NotReady,
            Some("Failed") => Self::Failed,
            _ => return Self::Bus(error),
        };
        match message.body().deserialize::<(String, String, String)>() {
            Ok((sentence, code, fault)) => kind(Reason {
                code,
                fault: Fault::named(&fault),
                sentence,
            }),
            Err(_) => Self::Bus(error),
        }
    }
}
