//! A page's ceremony between request and response: `claviger-webauthn` on one side, the broker's nouns on the other.

use claviger_broker::{Caller, CeremonyAnswer, CeremonyRequest, CtapRequest, RequestError, Requester};
use claviger_ctap::make_credential;
use claviger_webauthn::{CallerContext, Error, RelatedOrigin, ResponseJson, Unserved, create, get};

use super::message::{Kind, Mediation, Request};

/// ES384. Chromium 156 takes no attestation object with such a key: it would throw the answer away, and nobody but the person would
/// know of the passkey.
const NOT_TAKEN_BY_BROWSERS: i64 = -35;

/// Either ceremony, begun.
pub(super) enum Pending {
    Create(Box<create::Ceremony>),
    Get(Box<get::Ceremony>),
}

impl Pending {
    pub(super) fn begin(kind: Kind, options: &str, context: &CallerContext) -> Result<Self, Error> {
        Ok(match kind {
            Kind::Create => Self::Create(Box::new(create::Ceremony::begin(options, context)?)),
            Kind::Get => Self::Get(Box::new(get::Ceremony::begin(options, context)?)),
        })
    }

    /// What the broker is asked.
    pub(super) fn request(&self, caller: Caller, asked: &Request) -> Result<CeremonyRequest, RequestError> {
        let context = &asked.caller;
        let (operation, user_verification, timeout) = match self {
            Self::Create(ceremony) => (
                CtapRequest::Make(that_browsers_take(ceremony.request().clone())),
                ceremony.user_verification(),
                ceremony.timeout(),
            ),
            Self::Get(ceremony) => (
                CtapRequest::Get(ceremony.request().clone()),
                ceremony.user_verification(),
                ceremony.timeout(),
            ),
        };
        let framed = !context.same_origin_with_ancestors;
        let page = Requester::Page {
            origin: context.origin.clone(),
            top_origin: context.top_origin.clone().filter(|_| framed),
            related: self.related().cloned(),
        };
        let enforced = matches!(self, Self::Create(ceremony) if ceremony.enforces_protection());
        let large_blobs = matches!(self, Self::Create(ceremony) if ceremony.requires_large_blobs());
        Ok(
            CeremonyRequest::new(caller, page, operation, user_verification, timeout)?
                .with_unserved(self.unserved())
                .with_enforced_protection(enforced)
                .with_required_large_blobs(large_blobs)
                .offered_in_passing(asked.mediation == Mediation::Conditional),
        )
    }

    fn related(&self) -> Option<&RelatedOrigin> {
        match self {
            Self::Create(ceremony) => ceremony.related(),
            Self::Get(ceremony) => ceremony.related(),
        }
    }

    /// Why nobody can do what the page asks, if so.
    fn unserved(&self) -> Option<Unserved> {
        match self {
            Self::Create(ceremony) => ceremony.unserved(),
            Self::Get(ceremony) => ceremony.unserved(),
        }
    }

    /// The page's response.
    pub(super) fn finish(&self, answer: &CeremonyAnswer) -> Result<ResponseJson, Error> {
        match (self, answer) {
            (Self::Create(ceremony), CeremonyAnswer::Made(response)) => ceremony.finish(response),
            (Self::Get(ceremony), CeremonyAnswer::Got(response)) => ceremony.finish(response),
            _ => Err(Error::Provider("it is the answer to another question")),
        }
    }
}

/// The request without the algorithms whose keys a browser does not pass on. With none left, no provider can serve it.
fn that_browsers_take(mut request: make_credential::Request) -> make_credential::Request {
    request
        .algorithms
        .retain(|algorithm| *algorithm != NOT_TAKEN_BY_BROWSERS);
    request
}
