//! How the broker's nouns look on a screen: site, caller, and why a ceremony ended.

use claviger_joint::Trouble;
use claviger_joint::answer::Status;
use claviger_prompt_api::manage::ProviderTrouble;
use claviger_prompt_api::message::Message;
use claviger_prompt_api::sanitise;
use claviger_prompt_api::text::problem;
use claviger_prompt_api::view::{CallerView, Problem, SiteView};
use claviger_webauthn::{Origin, Unserved};

use crate::types::{Caller, Cause, CeremonyRequest, Said};

impl From<&CeremonyRequest> for SiteView {
    fn from(request: &CeremonyRequest) -> Self {
        let origin = |origin: &Origin| sanitise::line(&origin.to_string(), sanitise::MAX_HOST_CHARS);
        Self {
            rp_id: sanitise::line(request.rp_id().as_str(), sanitise::MAX_HOST_CHARS),
            rp_name: request.operation().rp_name().and_then(sanitise::label),
            origin: request.origin().map(origin),
            top_origin: request.top_origin().map(origin),
            related: request.is_related(),
            offered: request.is_offered(),
        }
    }
}

impl From<&Caller> for CallerView {
    fn from(caller: &Caller) -> Self {
        Self {
            name: sanitise::label(&caller.name),
            executable: sanitise::line(&caller.executable.to_string_lossy(), sanitise::MAX_PATH_CHARS),
            window: Some(&caller.window).filter(|window| is_handle(window)).cloned(),
            pid: Some(caller.pid),
            door: caller.door.name().to_owned(),
        }
    }
}

/// The longest handle of a window, in bytes; compositors' are shorter.
const MAX_HANDLE: usize = 256;

/// Whether this is the handle of a window as the portals spell it.
fn is_handle(text: &str) -> bool {
    let handle = text.strip_prefix("x11:").or_else(|| text.strip_prefix("wayland:"));
    text.len() <= MAX_HANDLE
        && handle.is_some_and(|handle| !handle.is_empty() && handle.bytes().all(|byte| byte.is_ascii_graphic()))
}

/// The title and the text of a notice; `provider` is the name of the one that it is about.
pub(crate) fn notice(cause: &Cause, provider: Option<&str>, site: Option<String>) -> (Message, Problem) {
    let provider = provider.map(str::to_owned);
    let (title, text) = match cause {
        Cause::NoCredential => (Message::NoPasskeyTitle {}, Message::NoPasskey { provider, site }),
        Cause::ProviderDisabled => (
            Message::ProviderDisabledTitle {},
            Message::ProviderDisabled { provider },
        ),
        Cause::ProviderLocked => (Message::StillLockedTitle {}, Message::StillLocked { provider }),
        Cause::ProviderCrashed => (Message::ProviderStoppedTitle {}, Message::ProviderStopped { provider }),
        Cause::ProviderHung => (Message::NoAnswerTitle {}, Message::NoAnswer { provider }),
        Cause::ProviderUnreachable => (
            Message::ProviderUnreachableTitle {},
            Message::ProviderUnreachable { provider },
        ),
        Cause::ProviderRefused(Status::Busy) => (Message::ProviderBusyTitle {}, Message::ProviderBusy { provider }),
        Cause::ProviderRefused(_) => (Message::ProviderFailedTitle {}, Message::ProviderFailed { provider }),
        Cause::ProviderDamaged(said) => (
            Message::ProviderDamagedTitle {},
            Message::ProviderDamaged {
                provider,
                reason: said.words().map(str::to_owned),
            },
        ),
        Cause::ProviderUnavailable(said) => (
            Message::ProviderUnavailableTitle {},
            Message::ProviderUnavailable {
                provider,
                reason: said.words().map(str::to_owned),
            },
        ),
        Cause::AnswerRejected(_) => (Message::WrongAnswerTitle {}, Message::WrongAnswer { provider }),
        Cause::Ambiguous => (Message::AmbiguousTitle {}, Message::Ambiguous {}),
        Cause::Excluded => (Message::AlreadyThereTitle {}, Message::AlreadyThere { provider }),
        Cause::Unsupported => (Message::NotSupportedTitle {}, Message::NotSupported { provider, site }),
        Cause::Unserved(Unserved::SecurityKey) => {
            (Message::SecurityKeyWantedTitle {}, Message::SecurityKeyWanted { site })
        }
        Cause::Unserved(Unserved::LargeBlobs) => (Message::NotSupportedTitle {}, Message::LargeBlobsWanted { site }),
        Cause::Unserved(Unserved::Frame) => (Message::UnknownFrameTitle {}, Message::UnknownFrame { site }),
        Cause::Unserved(Unserved::Credentials) => (Message::NoPasskeyTitle {}, Message::NoPasskeysAllowed { site }),
        Cause::DeniedByPolicy => (Message::NotAllowedTitle {}, Message::NotAllowed { provider, site }),
        Cause::LockedOut => (Message::PinLockedTitle {}, Message::PinLocked {}),
        Cause::NoPin => (Message::NoPinTitle {}, Message::NoPin {}),
        Cause::VerificationUnavailable => (Message::NoVerificationTitle {}, Message::NoVerification {}),
        other => (
            Message::FailedTitle {},
            Message::Failed {
                why: other.code().to_owned(),
            },
        ),
    };
    (title, problem(cause.code(), text))
}

/// What is the matter with a provider.
pub(crate) fn trouble(trouble: Trouble) -> ProviderTrouble {
    ProviderTrouble {
        kind: trouble.kind,
        says: Said::of(trouble.reason).words().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_passed_on_where_its_handle_is_one() {
        for handle in ["x11:1a0000c", "wayland:9f3e-portal"] {
            assert!(is_handle(handle), "{handle}");
        }
        let long = format!("wayland:{}", "a".repeat(MAX_HANDLE));
        for other in ["", "x11:", "wayland:", "1a0000c", "x11:1 2", "wayland:\u{202e}", &long] {
            assert!(!is_handle(other), "{other}");
        }
    }
}
