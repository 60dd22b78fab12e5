//! The broker on the session bus: three interfaces at one object.
//!
//! * [`Prompt1`](PromptInterface) for whatever draws the views: the broker's own program or a `claviger-prompt` beside it.
//! * [`Manage1`](ManageInterface) for the command line and the settings: the broker's own program, or a `claviger-settings` beside it.
//! * [`Providers1`](ProvidersInterface) for providers, each at the bus name that its manifest gives it.
//!
//! Methods here check who calls and turn values into D-Bus ones; what they do is [`crate::daemon`]'s. The interfaces of doors are
//! theirs, at the same object.

mod identify;
mod manage;
mod prompt;
mod providers;

use claviger_prompt_api::dbus::{Error, Reason};
use claviger_prompt_api::text::sentence;

pub use identify::{Browser, Identifier};
pub use manage::ManageInterface;
pub use prompt::PromptInterface;
pub use providers::ProvidersInterface;

use crate::caller::CallerError;
use crate::types::Cause;

impl From<CallerError> for Error {
    fn from(error: CallerError) -> Self {
        Self::not_allowed(sentence(&error.to_string()))
    }
}

impl From<Cause> for Error {
    fn from(cause: Cause) -> Self {
        let mut reason = Reason::new(cause.code(), cause.fault(), sentence(&cause.to_string()));
        match cause {
            Cause::CancelledByUser => Self::Refused(reason),
            Cause::NoPrompt => Self::NoPrompt(reason),
            Cause::LockedOut => Self::LockedOut(reason),
            Cause::NoPin => {
                "No PIN has been chosen yet. Run `claviger setup` to choose one.".clone_into(&mut reason.sentence);
                Self::NotReady(reason)
            }
            Cause::NoCredential => Self::NotFound(reason),
            _ => Self::Failed(reason),
        }
    }
}
