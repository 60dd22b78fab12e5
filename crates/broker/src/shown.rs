//! How the broker's nouns look on a screen: site, caller, and why a ceremony ended.

use claviger_joint::answer::Status;
use claviger_prompt_api::sanitise;
use claviger_prompt_api::text::{UNNAMED_PROGRAM, problem, sentence};
use claviger_prompt_api::view::{CallerView, Problem, SiteView};
use claviger_webauthn::Origin;

use crate::types::{Caller, Cause, CeremonyRequest};

impl From<&CeremonyRequest> for SiteView {
    fn from(request: &CeremonyRequest) -> Self {
        let origin = |origin: &Origin| sanitise::line(&origin.to_string(), sanitise::MAX_HOST_CHARS);
        Self {
            rp_id: sanitise::line(request.rp_id().as_str(), sanitise::MAX_HOST_CHARS),
            rp_name: request.operation().rp_name().and_then(sanitise::label),
            origin: request.origin().map(origin),
            top_origin: request.top_origin().map(origin),
        }
    }
}

impl From<&Caller> for CallerView {
    fn from(caller: &Caller) -> Self {
        Self {
            name: sanitise::label(&caller.name).unwrap_or_else(|| UNNAMED_PROGRAM.to_owned()),
            executable: sanitise::line(&caller.executable.to_string_lossy(), sanitise::MAX_PATH_CHARS),
            door: caller.door.name().to_owned(),
        }
    }
}

/// The title and the text of a notice; `provider_name` is the provider it is about.
pub(crate) fn notice(cause: &Cause, provider_name: Option<&str>, rp_id: Option<&str>) -> (String, Problem) {
    let provider = provider_name.unwrap_or("The provider");
    let site = rp_id.unwrap_or("this site");
    let (title, text) = match cause {
        Cause::NoCredential => match provider_name {
            Some(name) => (
                "No passkey found",
                format!("{name} has no passkey for {site}, or no longer has it."),
            ),
            None => (
                "No passkey found",
                format!("There is no passkey for {site} on this device."),
            ),
        },
        Cause::ProviderDisabled => (
            "Provider disabled",
            format!("{provider} could help, but it is disabled. Enable it with `claviger provider enable`."),
        ),
        Cause::ProviderLocked => (
            "Still locked",
            format!("{provider} stayed locked. Try again, or unlock it by its own means."),
        ),
        Cause::ProviderCrashed => (
            "Provider stopped",
            format!("{provider} stopped before it answered. Try again."),
        ),
        Cause::ProviderHung => (
            "No answer",
            format!("{provider} did not answer in time. Try again, or choose another provider."),
        ),
        Cause::ProviderUnreachable => (
            "Provider not available",
            format!("{provider} could not be started. `claviger doctor` may know why."),
        ),
        Cause::ProviderRefused(Status::Busy) => {
            ("Provider busy", format!("{provider} is busy. Try again in a moment."))
        }
        Cause::ProviderRefused(_) => (
            "Provider failed",
            format!("{provider} could not do it. The log has the details."),
        ),
        Cause::AnswerRejected(_) => (
            "Wrong answer",
            format!(
                "{provider} gave an answer that does not fit the request, so it was not passed on. The log has the details."
            ),
        ),
        Cause::Ambiguous => ("Which one?", sentence(&cause.to_string())),
        Cause::Excluded => (
            "Already there",
            format!("{provider} already keeps a passkey for this account."),
        ),
        Cause::Unsupported => (
            "Not supported",
            format!("None of your providers supports what {site} asks for."),
        ),
        Cause::DeniedByPolicy => ("Not allowed", format!("{provider} is not allowed to serve {site}.")),
        Cause::LockedOut => (
            "PIN locked",
            "There were too many wrong PINs in a row, so the PIN is locked.".to_owned(),
        ),
        Cause::NoPin => ("No PIN", "Choose a PIN first, with `claviger setup`.".to_owned()),
        Cause::VerificationUnavailable => (
            "Cannot check the PIN",
            "The part that checks PINs does not answer. `claviger doctor` may know why.".to_owned(),
        ),
        other => ("Something went wrong", format!("It did not work: {other}.")),
    };
    (title.to_owned(), problem(cause.code(), &text))
}
