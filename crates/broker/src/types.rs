//! The nouns of a ceremony: who asks ([`Caller`], [`Requester`]), for what ([`CeremonyRequest`]), and how it ended ([`Cause`]).
//!
//! Doors build these values, the broker consumes them. Nothing here is secret, but client data hashes, user handles and
//! PRF salts sit inside the CTAP requests, so the types that hold a request do not print it.

mod cause;
mod request;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use claviger_ctap::cbor::Map;
use claviger_ctap::types::{CredentialDescriptor, CredentialId};
use claviger_ctap::{get_assertion, make_credential, prf};
pub use claviger_joint::envelope::Door;
use claviger_peer::Standing;
use claviger_prompt_api::view::AccountView;
pub use claviger_webauthn::UserVerification;

pub use cause::{Cause, Fault, Internal, Said};
pub use request::{CeremonyRequest, RequestError, Requester};

use crate::choice::Requirements;

/// What the platform does otherwise for callers at one door than at another. A door states it of itself; nothing else is decided by
/// which door a caller came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DoorTraits {
    /// It knows the origin of the page that asks, and may name it.
    pub names_origins: bool,
    /// To a caller that asks for no verification, a passkey that only the verified may see (credProtect, CTAP 2.1 §12.1) is not
    /// there. At the other doors the user is verified for it.
    pub hides_protected: bool,
    /// A caller learns before anybody is asked that no provider can do what it wants (CTAP 2.1 §6.1.2 step 3).
    pub tells_unsupported: bool,
    /// How long a question may wait for a prompt where there is none and none can be started: one may be on its way, or be started by a
    /// person who is told elsewhere that it is missing.
    pub waits_for_prompt: Duration,
}

/// The program that asks, as the bus and `/proc` tell it, never as it tells itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The door it came through: for people, the log and providers.
    pub door: Door,
    /// What is special about that door.
    pub traits: DoorTraits,
    /// How well it is known that whoever speaks for it is what it seems: a browser's native host, the command line and all that is not
    /// installed as a package prove nothing.
    pub standing: Standing,
    /// Its application id, where the sandbox or the desktop vouches for one.
    pub app_id: Option<String>,
    /// What to call it in front of a person ("Chromium"); empty where it has no name.
    pub name: String,
    /// Its executable: of the browser itself, not of the native host the browser started.
    pub executable: PathBuf,
    /// Its process id, for the log only: it may be reused once the process has gone.
    pub pid: u32,
    /// Its window handle as the portal spells it (`wayland:…`, `x11:…`); empty where unknown.
    pub window: String,
}

/// What the caller asks for, as a CTAP request.
#[derive(Clone, PartialEq, Eq)]
pub enum CtapRequest {
    /// Make a passkey.
    Make(make_credential::Request),
    /// Use one.
    Get(get_assertion::Request),
}

impl CtapRequest {
    /// The RP ID that the request names, as the caller sent it: that of a [`CeremonyRequest`] is checked.
    fn rp_id(&self) -> &str {
        match self {
            Self::Make(request) => &request.rp.id,
            Self::Get(request) => &request.rp_id,
        }
    }

    /// The relying party's name for itself: untrusted text.
    pub fn rp_name(&self) -> Option<&str> {
        match self {
            Self::Make(request) => request.rp.name.as_deref(),
            Self::Get(_) => None,
        }
    }

    /// What is asked of a provider, as far as it matters for the choice of one.
    pub fn requirements(&self) -> Requirements {
        let ids = |list: &[CredentialDescriptor]| list.iter().map(|entry| entry.id.clone()).collect();
        match self {
            Self::Make(request) => Requirements::Make {
                algorithms: request.algorithms.clone(),
                prf: self.asks_prf() || self.asks_hmac_secret(),
                exclude: ids(&request.exclude_list),
                user_handle: request.user.id.clone(),
            },
            Self::Get(request) => Requirements::Get {
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

    /// The request as it goes to a provider: user verification is asked for when evidence comes along and only then, the
    /// allow list is narrowed to the passkey that the user chose, and a list is cut to what an envelope holds.
    ///
    /// A descriptor of the caller's own for that passkey is kept as it is, with its transports. Of a longer list the end is known to
    /// the metadata caches only: they were asked before.
    #[must_use]
    pub fn for_provider(&self, credential: Option<&CredentialId>, verify: bool) -> Self {
        match self {
            Self::Make(request) => {
                let mut request = request.clone();
                request.options.uv = verify;
                cut(&mut request.exclude_list);
                Self::Make(request)
            }
            Self::Get(request) => {
                let mut request = request.clone();
                request.options.uv = verify;
                if let Some(id) = credential {
                    request.allow_list.retain(|entry| entry.id == *id);
                    request.allow_list.truncate(1);
                    if request.allow_list.is_empty() {
                        request.allow_list.push(CredentialDescriptor::new(id.clone()));
                    }
                }
                cut(&mut request.allow_list);
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

/// Most bytes of the ids that a provider is sent.
///
/// Invariant: leaves room for the rest of the request in an envelope of 64 KiB.
const MAX_LIST_BYTES: usize = 32 * 1024;

/// Leaves out the end of a list that is too long for an envelope.
fn cut(list: &mut Vec<CredentialDescriptor>) {
    let mut room = MAX_LIST_BYTES;
    list.retain(|entry| {
        let left = room.checked_sub(entry.id.as_bytes().len());
        room = left.unwrap_or_default();
        left.is_some()
    });
}

impl fmt::Debug for CtapRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Make(_) => "Make",
            Self::Get(_) => "Get",
        })
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
