//! The nouns of a ceremony: who asks ([`Caller`]), for which site ([`Site`]), for what, and how it ended ([`Cause`]).
//!
//! Doors build these values, the broker consumes them. Nothing here is secret, but client data hashes, user handles and
//! PRF salts sit inside the CTAP requests, so the types that hold a request do not print it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use claviger_ctap::authenticator::device::Protection;
use claviger_ctap::cbor::Map;
use claviger_ctap::types::{CredentialDescriptor, CredentialId};
use claviger_ctap::{get_assertion, make_credential, prf};

use crate::choice::Need;
use crate::view::AccountView;

/// A way into the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// The browser extension and its native host.
    Browser,
    /// The desktop portal, used by ordinary applications.
    Portal,
    /// The virtual security key.
    Hid,
    /// The command line.
    Cli,
}

impl Door {
    /// The name of the door in views, envelopes and the audit log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Portal => "portal",
            Self::Hid => "hid",
            Self::Cli => "cli",
        }
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The program that asks, as the bus and `/proc` tell it, never as it tells itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The door it came through.
    pub door: Door,
    /// Its application id, where the sandbox or the desktop vouches for one.
    pub app_id: Option<String>,
    /// What to call it in front of a person ("Chromium").
    pub name: String,
    /// Its executable: of the browser itself, not of the native host the browser started.
    pub executable: PathBuf,
    /// Its process id, for the log only: it may be reused once the process has gone.
    pub pid: u32,
    /// Its window handle as the portal spells it (`wayland:…`, `x11:…`); empty where unknown.
    pub window: String,
}

/// The site, or relying party, that a ceremony is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The RP ID, lower case, already checked against the origin.
    pub rp_id: String,
    /// The relying party's name for itself: untrusted text.
    pub rp_name: Option<String>,
    /// The origin of the page, where the door knows one.
    pub origin: Option<String>,
    /// The origin of the top-level page, where it is another one.
    pub top_origin: Option<String>,
}

/// What the relying party asks of user verification (`WebAuthn` level 3, 5.8.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserVerification {
    /// No answer without it.
    Required,
    /// Done, because a PIN always exists here.
    Preferred,
    /// Left out, unless a locked provider or PRF needs it.
    Discouraged,
}

/// What the caller asks for, as a CTAP request.
#[derive(Clone, PartialEq, Eq)]
pub enum Operation {
    /// Make a passkey.
    Make(make_credential::Request),
    /// Use one.
    Get(get_assertion::Request),
}

impl Operation {
    /// What is asked of a provider, as far as it matters for the choice of one.
    pub fn need(&self) -> Need {
        let ids = |list: &[CredentialDescriptor]| list.iter().map(|entry| entry.id.as_bytes().to_vec()).collect();
        match self {
            Self::Make(request) => Need::Make {
                algorithms: request.algorithms.clone(),
                prf: self.asks_prf() || self.asks_hmac_secret(),
                exclude: ids(&request.exclude_list),
                user_handle: request.user.id.as_bytes().to_vec(),
            },
            Self::Get(request) => Need::Get {
                allow: ids(&request.allow_list),
            },
        }
    }

    /// Whether the site asks for PRF, which needs user verification.
    pub fn asks_prf(&self) -> bool {
        self.extensions().text(prf::NAME).is_some()
    }

    /// Whether a program asks for hmac-secret, which is another secret without user verification than with it.
    pub fn asks_hmac_secret(&self) -> bool {
        self.extensions().text("hmac-secret").is_some()
    }

    fn extensions(&self) -> &Map {
        match self {
            Self::Make(request) => &request.extensions,
            Self::Get(request) => &request.extensions,
        }
    }

    /// The account that a passkey is to be made for.
    pub fn account(&self) -> Option<AccountView> {
        match self {
            Self::Make(request) => Some(AccountView::of(
                request.user.name.as_deref(),
                request.user.display_name.as_deref(),
            )),
            Self::Get(_) => None,
        }
    }

    /// The request as it goes to a provider: user verification is asked for when evidence comes along and only then, and the
    /// allow list is narrowed to the passkey that the user chose.
    ///
    /// A descriptor of the caller's own for that passkey is kept as it is, with its transports.
    #[must_use]
    pub fn for_provider(&self, credential: Option<&[u8]>, verify: bool) -> Self {
        match self {
            Self::Make(request) => {
                let mut request = request.clone();
                request.options.uv = verify;
                Self::Make(request)
            }
            Self::Get(request) => {
                let mut request = request.clone();
                request.options.uv = verify;
                if let Some(id) = credential.and_then(|id| CredentialId::new(id).ok()) {
                    request.allow_list.retain(|entry| entry.id == id);
                    request.allow_list.truncate(1);
                    if request.allow_list.is_empty() {
                        request.allow_list.push(CredentialDescriptor::new(id));
                    }
                }
                Self::Get(request)
            }
        }
    }

    /// The `parameters` of the joint: the request as canonical CBOR, without the command byte.
    pub fn parameters(&self) -> Vec<u8> {
        match self {
            Self::Make(request) => request.to_cbor(),
            Self::Get(request) => request.to_cbor(),
        }
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Make(_) => "Make",
            Self::Get(_) => "Get",
        })
    }
}

/// One request from a door.
#[derive(Debug, Clone)]
pub struct CeremonyRequest {
    /// Who asks.
    pub caller: Caller,
    /// For which site.
    pub site: Site,
    /// For what.
    pub operation: Operation,
    /// What the site asks of user verification.
    pub user_verification: UserVerification,
    /// How long the whole ceremony may take; clamped by the door.
    pub timeout: Duration,
}

impl CeremonyRequest {
    /// Whether the user is verified, whatever is chosen.
    pub(crate) fn verifies(&self) -> bool {
        self.user_verification != UserVerification::Discouraged || self.operation.asks_prf()
    }

    /// Whether a credential of this credProtect level is not there without verification (CTAP 2.1 §12.1), which is not asked for.
    pub(crate) fn hides(&self, protection: Protection) -> bool {
        let named = !matches!(&self.operation, Operation::Get(request) if request.allow_list.is_empty());
        !protection.shows_to(self.verifies(), named)
    }

    /// Whether the ceremony knows of a credential of this level.
    pub(crate) fn sees(&self, protection: Protection) -> bool {
        self.caller.door != Door::Hid || !self.hides(protection)
    }
}

/// What a ceremony gives when it ends well: a checked CTAP response.
pub enum CeremonyAnswer {
    /// A passkey was made.
    Made(make_credential::Response),
    /// A passkey was used.
    Got(get_assertion::Response),
}

impl fmt::Debug for CeremonyAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Made(_) => "Made",
            Self::Got(_) => "Got",
        })
    }
}

/// Why a ceremony ended without an answer: the true cause, for the user and the log.
///
/// A website learns less; what it learns is the doors' matter. The text never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The user said no.
    #[error("you cancelled it")]
    CancelledByUser,
    /// The caller withdrew its request.
    #[error("the program that asked cancelled its request")]
    CancelledByCaller,
    /// The caller's process or its connection is gone.
    #[error("the program that asked has gone")]
    CallerGone,
    /// Time ran out before the user or the provider was done.
    #[error("the time for this request ran out")]
    TimedOut,
    /// No provider holds a passkey for this site and this request.
    #[error("there is no passkey for this site")]
    NoCredential,
    /// A provider already holds one of the passkeys that the site excludes; told to the site only after consent.
    #[error("there already is a passkey for this account")]
    Excluded,
    /// Too many wrong PINs in a row.
    #[error("the PIN is locked after too many wrong attempts")]
    LockedOut,
    /// Verification is needed and no PIN has been chosen.
    #[error("no PIN has been chosen yet")]
    NoPin,
    /// There is no prompt to ask the user with.
    #[error("there is no prompt to ask with; start `claviger prompt`")]
    NoPrompt,
    /// Only a disabled provider could have served.
    #[error("the provider that could serve this is disabled")]
    ProviderDisabled,
    /// The provider stayed locked although the user had verified.
    #[error("the provider stayed locked")]
    ProviderLocked,
    /// The provider's process ended before it answered.
    #[error("the provider stopped before it answered")]
    ProviderCrashed,
    /// The provider let its deadline pass.
    #[error("the provider did not answer in time")]
    ProviderHung,
    /// The provider could not be started or reached.
    #[error("the provider could not be reached")]
    ProviderUnreachable,
    /// The provider answered with a refusal of its own.
    #[error("the provider refused: {0}")]
    ProviderRefused(Refusal),
    /// The provider's answer failed a check (rule 5 of the design); the text names the check.
    #[error("the provider's answer was rejected: {0}")]
    AnswerRejected(String),
    /// No enabled provider can do what was asked.
    #[error("no provider supports what the site asked for")]
    Unsupported,
    /// A rule of the user, the administrator or the provider forbids it.
    #[error("not allowed for this site")]
    DeniedByPolicy,
    /// Too many requests are waiting, from this caller or altogether.
    #[error("too many requests are waiting")]
    Busy,
    /// User verification itself does not work (hello cannot be reached or fails).
    #[error("user verification is not available")]
    VerificationUnavailable,
    /// A fault of the platform; the text is for the log.
    #[error("internal fault: {0}")]
    Internal(String),
}

impl Cause {
    /// A short stable code for the audit log, for JSON and for the `problem.code` of a notice.
    pub fn code(&self) -> &'static str {
        match self {
            Self::CancelledByUser => "cancelled-by-user",
            Self::CancelledByCaller => "cancelled-by-caller",
            Self::CallerGone => "caller-gone",
            Self::TimedOut => "timed-out",
            Self::NoCredential => "no-credential",
            Self::Excluded => "excluded",
            Self::LockedOut => "locked-out",
            Self::NoPin => "no-pin",
            Self::NoPrompt => "no-prompt",
            Self::ProviderDisabled => "provider-disabled",
            Self::ProviderLocked => "provider-locked",
            Self::ProviderCrashed => "provider-crashed",
            Self::ProviderHung => "provider-hung",
            Self::ProviderUnreachable => "provider-unreachable",
            Self::ProviderRefused(_) => "provider-refused",
            Self::AnswerRejected(_) => "answer-rejected",
            Self::Unsupported => "unsupported",
            Self::DeniedByPolicy => "denied-by-policy",
            Self::Busy => "busy",
            Self::VerificationUnavailable => "verification-unavailable",
            Self::Internal(_) => "internal",
        }
    }
}

/// The statuses of the joint by which a provider refuses without a cause of its own in [`Cause`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is busy with another request.
    #[error("busy")]
    Busy,
    /// It holds our request to be malformed, replayed or expired.
    #[error("invalid request")]
    InvalidRequest,
    /// It failed within itself.
    #[error("internal error")]
    Internal,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
