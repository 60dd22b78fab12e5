//! What is done once the user has agreed: the provider is described, called and heard, and its answer given out.

use claviger_joint::answer::{NotDone, Status};
use claviger_joint::envelope::Presentation;
use claviger_joint::{CredentialRef, TransactionId};
use claviger_prompt_api::text;

use super::super::Tokens;
use super::super::message::{
    Assurance, AuditStep, Call, Checked, Consent, Effect, Execution, Outcome, Readiness, Verify, VerifyFailure,
};
use super::super::screens::{Offer, ScreenPurpose};
use super::{Machine, Selected, State};
use crate::choice::Lock;
use crate::types::Cause;

impl<T: Tokens> Machine<T> {
    pub(super) fn ready(
        &mut self,
        consent: Consent,
        mut selected: Selected,
        gesture: Option<T::Gesture>,
        readiness: Readiness,
        out: &mut Vec<Effect<T>>,
    ) -> State<T> {
        if !readiness.supported {
            return self.failed(&selected.offer, Cause::Unsupported, out);
        }
        selected.offer.candidate.lock = readiness.lock;
        self.offers.set_lock(&selected.offer.candidate.provider, readiness.lock);
        let locked = readiness.lock == Lock::Locked;
        // It locked itself since the user agreed: the ticket opens it without asking for anything more.
        match gesture.or_else(|| self.ticket.take_if(|_| locked)) {
            Some(gesture) => {
                let call = self.call(&selected);
                out.push(Effect::Verify(Verify {
                    gesture,
                    audience: call.provider.clone(),
                    purpose: self.screens.purpose.of_evidence(),
                    transaction: call.transaction,
                    unlock: if locked {
                        vec![call.provider.clone()]
                    } else {
                        Vec::new()
                    },
                    call: Some(call),
                    hold: false,
                }));
                State::Verifying {
                    consent,
                    selected: Some(selected),
                }
            }
            // It locked itself since the ceremony began: the same screen again, now with the PIN.
            None if locked => self.ask(Some(text::locked(&selected.offer.candidate.provider_name)), out),
            None => self.execute(consent, selected, None, None, out),
        }
    }

    /// hello verified the user: for the provider that was selected, or for an approval, which ends with that.
    pub(super) fn verified(
        &mut self,
        consent: Consent,
        selected: Option<Selected>,
        evidence: T::Evidence,
        unlock: Option<T::Unlock>,
        out: &mut Vec<Effect<T>>,
    ) -> State<T> {
        self.learn_pin(|pin| pin.wait_ms = 0);
        out.push(Effect::Audit(AuditStep::Verified));
        let evidence = Some(evidence);
        match selected {
            Some(selected) => self.execute(consent, selected, evidence, unlock, out),
            None => self.finish(
                Ok(Outcome::Approved {
                    consent,
                    evidence,
                    unlock,
                }),
                out,
            ),
        }
    }

    pub(super) fn not_verified(
        &mut self,
        selected: Option<Selected>,
        failure: VerifyFailure,
        out: &mut Vec<Effect<T>>,
    ) -> State<T> {
        out.push(Effect::Audit(AuditStep::NotVerified(failure)));
        match failure {
            VerifyFailure::Gesture(not_verified) => self.not_accepted(not_verified, out),
            VerifyFailure::Unavailable => self.tell(Cause::VerificationUnavailable, None, out),
            VerifyFailure::Provider(failure) => {
                let name = selected.map(|selected| selected.offer.candidate.provider_name);
                self.tell(failure.into(), name.as_deref(), out)
            }
        }
    }

    /// Calls the provider. The screen makes room for other ceremonies: the provider may take its time.
    pub(super) fn execute(
        &mut self,
        consent: Consent,
        selected: Selected,
        evidence: Option<T::Evidence>,
        unlock: Option<T::Unlock>,
        out: &mut Vec<Effect<T>>,
    ) -> State<T> {
        let evidence = evidence.filter(|_| !self.consent_only);
        let call = self.call(&selected);
        let assurance = if evidence.is_some() {
            Assurance::Verified
        } else {
            Assurance::Consented
        };
        let presentation = match selected.offer.candidate.lock {
            Lock::OwnMeans => Presentation::Visible,
            Lock::Open | Lock::Locked => Presentation::Silent,
        };
        self.close(out);
        out.push(Effect::Audit(AuditStep::Called {
            provider: call.provider.clone(),
            assurance,
        }));
        out.push(Effect::Execute(Execution {
            call: call.clone(),
            consent,
            evidence,
            unlock,
            presentation,
        }));
        State::Executing {
            selected,
            call,
            assurance,
        }
    }

    pub(super) fn declined(&mut self, selected: &Selected, not_done: NotDone, out: &mut Vec<Effect<T>>) -> State<T> {
        let own_means = selected.offer.candidate.lock == Lock::OwnMeans;
        match not_done.status {
            Status::Cancelled => {
                out.push(audit_failure(&selected.offer, &Cause::CancelledByUser));
                self.finish(Err(Cause::CancelledByUser), out)
            }
            // It locked itself under our hands: once more, with the PIN, for the same choice.
            Status::Locked if !self.repeated && !own_means => {
                out.push(audit_failure(&selected.offer, &Cause::ProviderLocked));
                self.repeated = true;
                self.offers.retain(|offer| offer.id == selected.offer.id);
                self.offers.set_lock(&selected.offer.candidate.provider, Lock::Locked);
                let problem = self
                    .asks_gesture()
                    .then(|| text::locked(&selected.offer.candidate.provider_name));
                self.ask(problem, out)
            }
            // It was to be opened, and the secret did not open it.
            Status::Denied if selected.offer.candidate.needs_unlock() => {
                self.failed(&selected.offer, Cause::ProviderLocked, out)
            }
            _ => self.failed(&selected.offer, not_done.into(), out),
        }
    }

    pub(super) fn answer(&mut self, selected: Selected, checked: Checked<T>, out: &mut Vec<Effect<T>>) -> State<T> {
        if let ScreenPurpose::Answer { rp_id, .. } = &self.screens.purpose {
            let provider = selected.offer.candidate.provider;
            if selected.remember {
                out.push(Effect::Remember {
                    rp_id: rp_id.clone(),
                    provider: provider.clone(),
                });
            }
            out.push(Effect::Used {
                rp_id: rp_id.clone(),
                credential: CredentialRef {
                    provider,
                    id: checked.credential,
                },
            });
        }
        self.finish(Ok(Outcome::Answered(checked.answer)), out)
    }

    /// A provider failed after the user had agreed to it: the user learns why before the caller learns that.
    pub(super) fn failed(&mut self, offer: &Offer, cause: Cause, out: &mut Vec<Effect<T>>) -> State<T> {
        out.push(audit_failure(offer, &cause));
        self.tell(cause, Some(&offer.candidate.provider_name), out)
    }

    pub(super) fn call(&self, selected: &Selected) -> Call {
        let candidate = &selected.offer.candidate;
        Call {
            provider: candidate.provider.clone(),
            credential: candidate.credential.clone(),
            transaction: self.transaction(),
        }
    }

    /// A provider never sees a transaction twice: the repetition has its own.
    pub(super) fn transaction(&self) -> TransactionId {
        let [first, second] = self.transactions;
        if self.repeated { second } else { first }
    }
}

fn audit_failure<T: Tokens>(offer: &Offer, cause: &Cause) -> Effect<T> {
    Effect::Audit(AuditStep::Failed {
        provider: offer.candidate.provider.clone(),
        cause: cause.clone(),
    })
}
