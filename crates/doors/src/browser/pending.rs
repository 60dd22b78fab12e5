//! A page's ceremony between request and response: `claviger-webauthn` on one side, the broker's nouns on the other.

use claviger_broker::{Caller, CeremonyAnswer, CeremonyRequest, Operation, Site, UserVerification};
use claviger_webauthn::{CallerContext, Error, ResponseJson, create, get};

use super::message::Kind;

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
    pub(super) fn request(&self, caller: Caller, context: &CallerContext) -> CeremonyRequest {
        let (rp_id, rp_name, operation, user_verification, timeout) = match self {
            Self::Create(ceremony) => (
                ceremony.rp_id(),
                ceremony.request().rp.name.clone(),
                Operation::Make(ceremony.request().clone()),
                ceremony.user_verification(),
                ceremony.timeout(),
            ),
            Self::Get(ceremony) => (
                ceremony.rp_id(),
                None,
                Operation::Get(ceremony.request().clone()),
                ceremony.user_verification(),
                ceremony.timeout(),
            ),
        };
        let framed = !context.same_origin_with_ancestors;
        CeremonyRequest {
            caller,
            site: Site {
                rp_id: rp_id.to_string(),
                rp_name,
                origin: Some(context.origin.to_string()),
                top_origin: context.top_origin.as_ref().filter(|_| framed).map(ToString::to_string),
            },
            operation,
            user_verification: match user_verification {
                claviger_webauthn::UserVerification::Required => UserVerification::Required,
                claviger_webauthn::UserVerification::Preferred => UserVerification::Preferred,
                claviger_webauthn::UserVerification::Discouraged => UserVerification::Discouraged,
            },
            timeout,
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
