//! A request from a door.

use std::time::Duration;

use claviger_ctap::authenticator::device::Protection;
use claviger_ctap::types::{LengthError, RpId};
use claviger_webauthn::{Origin, RelatedOrigin, RpIdError, Unserved};

use super::{Caller, CtapRequest, UserVerification};

/// In whose name the caller asks.
///
/// An application that is entitled to some RP IDs becomes a variant of its own with the portal door, which looks that up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requester {
    /// A page, whose origin the door knows and the RP ID fits.
    Page {
        /// Its origin.
        origin: Origin,
        /// The origin of the top-level page, where it is another one.
        top_origin: Option<Origin>,
        /// The proof that the RP ID is the page's, where its origin is none.
        related: Option<RelatedOrigin>,
    },
    /// A program that names an RP ID and nothing else: nobody can check that it is its own, so the user is told whose word it is.
    Program,
}

/// One request from a door.
///
/// It has one RP ID, that of its operation: what the user reads is what the provider signs. So there is one way to make it, and its
/// parts cannot be exchanged afterwards.
///
/// ```
/// # use std::time::Duration;
/// # use claviger_broker::{Caller, CeremonyRequest, Door, DoorTraits, CtapRequest, Requester, UserVerification};
/// # use claviger_ctap::get_assertion;
/// # use claviger_peer::Standing;
/// # use claviger_webauthn::Origin;
/// # let traits = DoorTraits { names_origins: true, ..DoorTraits::default() };
/// # let caller = Caller { door: Door::Browser, traits, standing: Standing::Unproved, app_id: None, name: "Chromium".into(), executable: "/usr/bin/chromium".into(), pid: 1, window: String::new() };
/// let page = |origin| Ok::<_, claviger_webauthn::OriginError>(Requester::Page { origin: Origin::parse(origin)?, top_origin: None, related: None });
/// let get = CtapRequest::Get(get_assertion::Request::new("example.com", [7; 32]));
/// let ask = |requester| CeremonyRequest::new(caller.clone(), requester, get.clone(), UserVerification::Required, Duration::from_secs(60));
/// assert_eq!(ask(page("https://login.example.com")?)?.rp_id().as_str(), "example.com");
/// assert!(ask(page("https://example.org")?).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A second RP ID has no place in it, and neither has an operation of another:
///
/// ```compile_fail,E0451
/// # use claviger_broker::CeremonyRequest;
/// # use claviger_ctap::types::RpId;
/// fn shown_as(request: CeremonyRequest, rp_id: RpId) -> CeremonyRequest {
///     CeremonyRequest { rp_id, ..request }
/// }
/// ```
///
/// ```compile_fail,E0616
/// # use claviger_broker::{CeremonyRequest, CtapRequest};
/// fn signed_as(request: &mut CeremonyRequest, operation: CtapRequest) {
///     request.operation = operation;
/// }
/// ```
#[derive(Debug, Clone)]
pub struct CeremonyRequest {
    caller: Caller,
    requester: Requester,
    rp_id: RpId,
    operation: CtapRequest,
    unserved: Option<Unserved>,
    enforces_protection: bool,
    requires_large_blobs: bool,
    offered: bool,
    /// What the site asks of user verification.
    pub user_verification: UserVerification,
    /// How long the whole ceremony may take; clamped by the door.
    pub timeout: Duration,
}

impl CeremonyRequest {
    /// A request of `caller`, in the name of `requester`, for the RP ID that `operation` names.
    ///
    /// # Errors
    /// The caller's fault, or its door's: see [`RequestError`].
    pub fn new(
        caller: Caller,
        requester: Requester,
        operation: CtapRequest,
        user_verification: UserVerification,
        timeout: Duration,
    ) -> Result<Self, RequestError> {
        let rp_id = RpId::new(operation.rp_id())?;
        if let Requester::Page { origin, related, .. } = &requester {
            if !caller.traits.names_origins {
                return Err(RequestError::Origin);
            }
            // In another spelling it would be another RP ID to the provider, which hashes it.
            match origin.claim(Some(rp_id.as_str())) {
                Ok(own) if own == rp_id => {}
                Ok(_) => return Err(RequestError::Spelling),
                Err(RpIdError::Foreign) if proves(related.as_ref(), origin, &rp_id) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self {
            caller,
            requester,
            rp_id,
            operation,
            unserved: None,
            enforces_protection: false,
            requires_large_blobs: false,
            offered: false,
            user_verification,
            timeout,
        })
    }

    /// The same, which nobody can serve for this reason: no provider hears of it, the user is told.
    #[must_use]
    pub fn with_unserved(mut self, why: Option<Unserved>) -> Self {
        self.unserved = why;
        self
    }

    /// The same; if `enforced`, only a provider that keeps credProtect levels may serve it.
    #[must_use]
    pub fn with_enforced_protection(mut self, enforced: bool) -> Self {
        self.enforces_protection = enforced;
        self
    }

    /// The same; if `required`, only a provider that keeps large blobs may serve it.
    #[must_use]
    pub fn with_required_large_blobs(mut self, required: bool) -> Self {
        self.requires_large_blobs = required;
        self
    }

    /// The same; if `offered`, the site offers it in passing (conditional mediation) and the user is told so.
    #[must_use]
    pub fn offered_in_passing(mut self, offered: bool) -> Self {
        self.offered = offered;
        self
    }

    /// Who asks.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// In whose name.
    pub fn requester(&self) -> &Requester {
        &self.requester
    }

    /// For which site.
    pub fn rp_id(&self) -> &RpId {
        &self.rp_id
    }

    /// For what.
    pub fn operation(&self) -> &CtapRequest {
        &self.operation
    }

    /// Whether the site offers it in passing.
    pub fn is_offered(&self) -> bool {
        self.offered
    }

    /// Whether only a provider that keeps credProtect levels may serve it.
    pub fn enforces_protection(&self) -> bool {
        self.enforces_protection
    }

    /// Whether only a provider that keeps large blobs may serve it.
    pub fn requires_large_blobs(&self) -> bool {
        self.requires_large_blobs
    }

    /// Why nobody can serve it, if so.
    pub fn unserved(&self) -> Option<Unserved> {
        self.unserved
    }

    /// The origin of the page that asks, where the door knows one.
    pub fn origin(&self) -> Option<&Origin> {
        match &self.requester {
            Requester::Page { origin, .. } => Some(origin),
            Requester::Program => None,
        }
    }

    /// Whether the RP ID is another site's, which lists the page's origin as related.
    pub fn is_related(&self) -> bool {
        matches!(&self.requester, Requester::Page { related: Some(_), .. })
    }

    /// The origin of the top-level page, where it is another one than the page's.
    pub fn top_origin(&self) -> Option<&Origin> {
        match &self.requester {
            Requester::Page { top_origin, .. } => top_origin.as_ref(),
            Requester::Program => None,
        }
    }

    /// Whether the user is verified, whatever is chosen. To make a passkey always: who has copied a request key shall not be able to plant
    /// one.
    pub(crate) fn verifies(&self) -> bool {
        matches!(self.operation, CtapRequest::Make(_))
            || self.user_verification != UserVerification::Discouraged
            || self.operation.asks_prf()
    }

    /// Whether a credential of this credProtect level is not there without verification (CTAP 2.1 §12.1), which is not asked for.
    pub(crate) fn hides(&self, protection: Protection) -> bool {
        let named = !matches!(&self.operation, CtapRequest::Get(request) if request.allow_list.is_empty());
        !protection.shows_to(self.verifies(), named)
    }

    /// Whether the ceremony knows of a credential of this level.
    pub(crate) fn sees(&self, protection: Protection) -> bool {
        !self.caller.traits.hides_protected || !self.hides(protection)
    }
}

/// Whether a browser's word about related origins is about these two.
fn proves(related: Option<&RelatedOrigin>, origin: &Origin, rp_id: &RpId) -> bool {
    related.is_some_and(|related| related.origin() == origin && related.rp_id() == rp_id)
}

/// Why there is no such request. The caller's fault, or that of the door that should have told it so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The RP ID is empty or too long.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// The RP ID is not the page's.
    #[error(transparent)]
    RpId(#[from] RpIdError),
    /// The RP ID is the page's but not in its normal form, lower-case ASCII.
    #[error("the RP ID is not in its normal form")]
    Spelling,
    /// A page's origin from a door that does not know such.
    #[error("this door cannot say which page asks")]
    Origin,
}
