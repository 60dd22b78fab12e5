//! The single steps of a ceremony that another process takes: a provider made ready, a provider asked, the user verified. In
//! which order lives in [`super::run`].

use claviger_ctap::get_info;
use claviger_ctap::types::RpEntity;
use claviger_hello::verification::{EvidenceScope, UnlockTarget, VerifyRequest};
use claviger_joint::answer::{Answer, Status};
use claviger_joint::{ProviderId, envelope};
use claviger_webauthn::Origin;

use super::Broker;
use super::link::NoAnswer;
use super::run::{Gesture, Opened, Real, Reply};
use super::unsigned::UnsignedRequest;
use crate::ceremony::{Event, ProviderFailure, ProviderReply, Readiness, Verify, VerifyFailure};
use crate::check::Rejection;
use crate::choice::Lock;
use crate::types::{Caller, CeremonyRequest};

impl Broker {
    /// Asks a provider and turns what comes back into the machine's words.
    pub(super) async fn ask(&self, id: &ProviderId, request: UnsignedRequest) -> Event<Real> {
        // It was described a moment ago; if it is not there now, it has stopped since.
        let Some((link, live)) = self.link(id).and_then(|link| link.live().map(|live| (link, live))) else {
            return Event::ProviderFailed(ProviderFailure::Crashed);
        };
        let unlocks = request.unlock_box.is_some();
        match self.execute(id, &live, request).await {
            Ok(answer) => {
                match answer.status() {
                    Ok(()) if unlocks => link.lock_changed(live.name.as_str(), false),
                    Err(Status::Locked) => link.lock_changed(live.name.as_str(), true),
                    _ => {}
                }
                Event::ProviderAnswered(reply(answer))
            }
            Err(NoAnswer::Failed(failure)) => Event::ProviderFailed(failure),
            Err(NoAnswer::Unreadable(why)) => Event::ProviderAnswered(ProviderReply::Ok(Reply::Unreadable(why))),
        }
    }

    /// Starts and describes a provider. `algorithms` are those that a new credential may have.
    pub(super) async fn readiness(
        &self,
        provider: &ProviderId,
        algorithms: Option<&[i64]>,
    ) -> Result<Readiness, ProviderFailure> {
        let live = self.ready(provider).await?;
        let lock = match (live.locked, &live.description.unlock_key) {
            (false, _) => Lock::Open,
            (true, Some(_)) => Lock::Locked,
            (true, None) => Lock::OwnMeans,
        };
        let supported = match algorithms {
            None => true,
            Some(wanted) => {
                // It was decoded when the provider was described.
                let info = get_info::Response::from_cbor(&live.description.get_info).ok();
                info.is_some_and(|info| {
                    info.algorithms.is_empty() || info.algorithms.iter().any(|known| wanted.contains(known))
                })
            }
        };
        Ok(Readiness { lock, supported })
    }

    /// Has hello verify the user, with boxes for the providers that are to be unlocked.
    pub(super) async fn verify(
        &self,
        verify: Verify<Real>,
        buffer_hash: [u8; 32],
    ) -> Result<Event<Real>, VerifyFailure> {
        let transaction = verify.transaction;
        let mut unlock = Vec::new();
        for provider in &verify.unlock {
            let unreachable = VerifyFailure::Provider(ProviderFailure::Unreachable);
            let live = self.ready(provider).await.map_err(VerifyFailure::Provider)?;
            let recipient = live.description.unlock_key.clone().ok_or(unreachable)?;
            unlock.push(UnlockTarget {
                provider: provider.clone(),
                transaction,
                recipient,
            });
        }
        let request = VerifyRequest {
            evidence: Some(EvidenceScope {
                audience: verify.audience,
                purpose: verify.purpose,
                transaction,
                buffer_hash,
            }),
            unlock,
        };
        let verifier = &self.inner.verifier;
        let mut held = None;
        let verification = match verify.gesture {
            Gesture::Pin(pin) if verify.hold => {
                let (verification, ticket) = verifier.verify_and_hold(pin, request).await?;
                held = Some(ticket);
                verification
            }
            Gesture::Pin(pin) => verifier.verify(pin, request).await?,
            Gesture::Ticket(ticket) => verifier.verify_ticket(ticket, request).await?,
            // Nothing is verified with it.
            Gesture::RecoveryCode(_) => return Err(VerifyFailure::Unavailable),
        };
        if verification.boxes.len() != verify.unlock.len() {
            return Err(VerifyFailure::Unavailable);
        }
        let boxes: Vec<_> = verify.unlock.into_iter().zip(verification.boxes).collect();
        Ok(Event::Verified {
            evidence: verification.evidence,
            unlock: (!boxes.is_empty() || held.is_some()).then_some(Opened { boxes, ticket: held }),
        })
    }
}

/// The caller as a provider is told.
pub(super) fn envelope_caller(caller: &Caller, request: Option<&CeremonyRequest>) -> envelope::Caller {
    let cut = |text: &str| {
        text.get(..text.floor_char_boundary(envelope::MAX_TEXT_BYTES))
            .unwrap_or_default()
            .to_owned()
    };
    envelope::Caller {
        app_id: caller.app_id.as_deref().map(cut),
        name: cut(&caller.name),
        origin: request.and_then(CeremonyRequest::origin).map(Origin::to_string),
        top_origin: request.and_then(CeremonyRequest::top_origin).map(Origin::to_string),
        door: caller.door,
    }
}

pub(super) fn rp_name(rp: &RpEntity) -> Option<String> {
    rp.name.clone().filter(|name| !name.is_empty())
}

fn reply(answer: Answer) -> ProviderReply<Real> {
    match answer.result {
        Ok(Some(payload)) => ProviderReply::Ok(Reply::Payload(payload)),
        Ok(None) => ProviderReply::Ok(Reply::Unreadable(Rejection::Empty)),
        Err(not_done) => ProviderReply::Declined(not_done),
    }
}
