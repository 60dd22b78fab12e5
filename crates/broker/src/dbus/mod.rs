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

use claviger_prompt_api::dbus::Error;
use claviger_prompt_api::text::sentence;

pub use identify::{Browser, Identifier};
pub use manage::ManageInterface;
pub use prompt::PromptInterface;
pub use providers::ProvidersInterface;

use crate::caller::CallerError;
use crate::types::Cause;

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
