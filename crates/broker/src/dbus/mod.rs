//! The broker on the session bus: three interfaces at one object.
//!
//! * [`Prompt1`](PromptInterface) for whatever draws the views: the broker's own program or a `claviger-prompt` beside it.
//! * [`Manage1`](ManageInterface) for the command line and the settings: the broker's own program only.
//! * [`Providers1`](ProvidersInterface) for providers, each at the bus name that its manifest gives it.
//!
//! Methods here check who calls and turn values into D-Bus ones; what they do is [`crate::daemon`]'s. The interfaces of doors are
//! theirs, at the same object.

mod identify;
mod manage;
mod prompt;
mod providers;

use zbus::DBusError;

pub use identify::{Browser, Identifier};
pub use manage::{Manage1Proxy, ManageInterface};
pub use prompt::{Prompt1Proxy, PromptInterface};
pub use providers::ProvidersInterface;

use crate::caller::CallerError;
use crate::types::Cause;
pub(crate) use crate::view::text::sentence;

/// The broker's bus name.
pub const NAME: &str = claviger_provider::dbus::BROKER_NAME;

/// The broker's object.
pub const PATH: &str = claviger_provider::dbus::BROKER_PATH;

/// The bus name of the prompt, which is started when one is needed and none is attached.
pub const PROMPT_NAME: &str = "org.claviger.Prompt";

/// Why a method failed. The message is a sentence for people and says what can be done; it never holds a secret.
#[derive(Debug, Clone, PartialEq, DBusError)]
#[zbus(prefix = "org.claviger.Error")]
pub enum Error {
    /// The bus itself failed.
    #[zbus(error)]
    Bus(zbus::Error),
    /// The user said no, or did not prove to be the user.
    Refused(String),
    /// What the caller names does not exist.
    NotFound(String),
    /// The caller's argument cannot be used.
    InvalidArgument(String),
    /// The caller may not call this.
    NotAllowed(String),
    /// There is no prompt to ask the user with.
    NoPrompt(String),
    /// There were too many wrong PINs.
    LockedOut(String),
    /// Something has to be done first.
    NotReady(String),
    /// Anything else: a provider or the platform failed.
    Failed(String),
}

impl From<CallerError> for Error {
    fn from(error: CallerError) -> Self {
        Self::NotAllowed(sentence(&error.to_string()))
    }
}

impl From<Cause> for Error {
    fn from(cause: Cause) -> Self {
        let text = sentence(&cause.to_string());
        match cause {
            Cause::CancelledByUser => Self::Refused(text),
            Cause::NoPrompt => Self::NoPrompt(text),
            Cause::LockedOut => Self::LockedOut(text),
            Cause::NoPin => Self::NotReady("No PIN has been chosen yet. Run `claviger setup` to choose one.".into()),
            Cause::NoCredential => Self::NotFound(text),
            _ => Self::Failed(text),
        }
    }
}
