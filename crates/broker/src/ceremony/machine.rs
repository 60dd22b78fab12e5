//! The machine itself: one state, one step per event.

use claviger_hello::MethodStatus;
use claviger_hello::verification::NotVerified;
use claviger_joint::answer::{NotDone, Status};
use claviger_joint::envelope::Presentation;
use claviger_joint::evidence::Method;
use claviger_joint::{CredentialRef, ProviderId, TransactionId};
use claviger_prompt_api::text;
use claviger_prompt_api::view::{Kind, MethodView, Problem, Progress, Purpose, View};

use super::Tokens;
use super::input::{Approval, HelloStatus, Input, Wanted};
use super::message::{
    Assurance, AuditStep, Call, Check, Checked, Consent, Effect, Event, Execution, Outcome, PinFailure,
    ProviderFailure, ProviderReply, Readiness, Verify, VerifyFailure,
};
use super::screens::{Offer, Offers, ScreenPurpose, Screens};
use crate::choice::{Candidates, Lock};
use crate::types::Cause;

/// One ceremony, from request to answer. See the [module](super) for its course and its promises.
pub struct Machine<T: Tokens> {
    screens: Screens,
    first_step: FirstStep,
    offers: Offers,
    hello: HelloStatus,
    transactions: [TransactionId; 2],
    /// Whether the one repetition after an unexpected `locked` has begun.
    repeated: bool,
    /// Whether verification is needed whatever is chosen.
    verification: bool,
    /// Whether evidence is left out of the call; see [`super::WantedAnswer::consent_only`].
    consent_only: bool,
    /// Stands for the PIN, once: the user typed it into the caller before.
    ticket: Option<T::Gesture>,
    /// The kind of the view in the prompt queue, if there is one.
    on_screen: Option<Kind>,
    state: State<T>,
}

impl<T: Tokens> Machine<T> {
    /// A machine that waits for [`Event::Started`].
    pub fn new(input: Input) -> Self {
        let (purpose, verification, consent_only, first_step, offers) = match input.wanted {
            Wanted::Approve(approval) => {
                let verification = approval.verifies();
                (
                    ScreenPurpose::Approve(approval),
                    verification,
                    false,
                    FirstStep::Ask,
                    Offers::default(),
                )
            }
            Wanted::Answer(wanted) => {
                let (first_step, offers) = match wanted.candidates {
                    Candidates::Choose {
                        candidates,
                        preselected,
                    } => (FirstStep::Ask, Offers::new(candidates, preselected)),
                    Candidates::Excluded { existing } => (FirstStep::Excluded, Offers::new(existing, Some(0))),
                    Candidates::Nothing { cause, provider_name } => {
                        (FirstStep::Nothing { cause, provider_name }, Offers::default())
                    }
                };
                let purpose = ScreenPurpose::Answer {
                    creates: wanted.creates,
                    rp_id: wanted.rp_id,
                };
                (purpose, wanted.verification, wanted.consent_only, first_step, offers)
            }
        };
        Self {
            screens: Screens {
                context: input.context,
                purpose,
            },
            first_step,
            offers,
            hello: input.hello,
            transactions: input.transactions,
            repeated: false,
            verification,
            consent_only,
            ticket: None,
            on_screen: None,
            state: State::New,
        }
    }

    /// The same, with something that stands for the PIN once: as long as it does, the screen asks for consent only.
    #[must_use]
    pub fn with_ticket(mut self, ticket: Option<T::Gesture>) -> Self {
        self.ticket = ticket;
        self
    }

    /// Takes one event and returns what to do about it, in order. An event out of turn does nothing.
    pub fn handle(&mut self, event: Event<T>) -> Vec<Effect<T>> {
        let mut effects = Vec::new();
        let state = std::mem::replace(&mut self.state, State::Done);
        self.state = self.step(state, event, &mut effects);
        effects
    }

    /// Whether [`Effect::Finish`] has been returned.
    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::Done)
    }

    fn step(&mut self, state: State<T>, event: Event<T>, out: &mut Vec<Effect<T>>) -> State<T> {
        match (state, event) {
            (State::Done, _) => State::Done,
            (state, Event::CallerGone) => self.end(state, Cause::CallerGone, out),
            (state, Event::CallerCancelled) => self.end(state, Cause::CancelledByCaller, out),
            (state, Event::TimedOut) => self.end(state, Cause::TimedOut, out),
            (state, Event::PromptClosed | Event::PromptUnavailable) if self.on_screen.is_some() => {
                self.end(state, Cause::NoPrompt, out)
            }
            (State::New, Event::Started) => self.begin(out),

            // A notice is closed by either answer.
            (State::Telling(cause), Event::UserRefused | Event::UserApproved { .. }) => {
                self.end(State::Telling(cause.clone()), cause, out)
            }
            (state, Event::UserRefused) if self.on_screen.is_some() => {
                out.push(Effect::Audit(AuditStep::Refused));
                self.end(state, Cause::CancelledByUser, out)
            }
            (State::MeetingExcluded, Event::UserApproved { .. }) => {
                out.push(Effect::Audit(AuditStep::Approved { provider: None }));
                self.end(State::MeetingExcluded, Cause::Excluded, out)
            }

            (State::ChoosingPin, Event::UserApproved { gesture, .. }) => match gesture {
                Some(gesture) => {
                    out.push(Effect::SetPin(gesture));
                    State::SettingPin {
                        consent: Consent::given(),
                    }
                }
                None => self.choose_pin(Some(text::pin_needed()), out),
            },
            (State::SettingPin { consent }, Event::PinSet(result)) => self.pin_set(consent, result, out),

            (
                State::Asking,
                Event::UserApproved {
                    choice,
                    remember,
                    gesture,
                },
            ) => self.agreed(choice.as_deref(), remember, gesture, out),
            (
                State::Describing {
                    consent,
                    selected,
                    gesture,
                },
                Event::ProviderReady(readiness),
            ) => self.ready(consent, selected, gesture, readiness, out),
            (State::Describing { selected, .. }, Event::ProviderFailed(failure)) => {
                self.failed(&selected.offer, failure.into(), out)
            }
            (State::Verifying { consent, selected }, Event::Verified { evidence, unlock }) => {
                self.learn_pin(|pin| pin.wait_ms = 0);
                out.push(Effect::Audit(AuditStep::Verified));
                match selected {
                    Some(selected) => self.execute(consent, selected, Some(evidence), unlock, out),
                    None => self.finish(
                        Ok(Outcome::Approved {
                            consent,
                            evidence: Some(evidence),
                            unlock,
                        }),
                        out,
                    ),
                }
            }
            (State::Verifying { selected, .. }, Event::VerifyFailed(failure)) => {
                self.not_verified(selected, failure, out)
            }
            (
                State::Executing {
                    selected,
                    call,
                    assurance,
                },
                Event::ProviderAnswered(reply),
            ) => match reply {
                ProviderReply::Ok(reply) => {
                    out.push(Effect::CheckAnswer(Check { call, reply, assurance }));
                    State::Checking { selected }
                }
                ProviderReply::Declined(not_done) => self.declined(&selected, not_done, out),
            },
            (State::Executing { selected, call, .. }, Event::ProviderFailed(failure)) => {
                if failure == ProviderFailure::Hung {
                    out.push(Effect::CancelProvider {
                        provider: call.provider,
                        transaction: call.transaction,
                    });
                }
                self.failed(&selected.offer, failure.into(), out)
            }
            (State::Checking { selected }, Event::AnswerChecked(checked)) => match checked {
                Ok(checked) => self.answer(selected, checked, out),
                Err(rejection) => self.failed(&selected.offer, Cause::AnswerRejected(rejection), out),
            },
            (state, _) => state,
        }
    }

    fn begin(&mut self, out: &mut Vec<Effect<T>>) -> State<T> {
        match self.first_step.clone() {
            FirstStep::Ask => self.ask(None, out),
            FirstStep::Excluded => {
                let view = self.screens.excluded(&self.offers);
                self.show(view, out);
                State::MeetingExcluded
            }
            FirstStep::Nothing { cause, provider_name } => self.tell(cause, provider_name.as_deref(), out),
        }
    }

    /// Puts the one screen of the ceremony before the user, or the screen that must come before it.
    fn ask(&mut self, problem: Option<Problem>, out: &mut Vec<Effect<T>>) -> State<T> {
        let consent_will_do = !self.verification && matches!(self.screens.purpose, ScreenPurpose::Approve(_));
        if self.hello.locked_out() && self.ticket.is_none() && !consent_will_do {
            // What needs no PIN can still be done.
            let verification = self.verification;
            self.offers
                .retain(|offer| !verification && !offer.candidate.needs_unlock());
            if self.offers.is_empty() {
                return self.tell(Cause::LockedOut, None, out);
            }
        }
        if self.asks_gesture() && !self.hello.pin_set() {
            return self.choose_pin(problem, out);
        }
        let methods = if self.asks_gesture() {
            self.methods(problem.as_ref())
        } else {
            Vec::new()
        };
        let all_wait = !methods.is_empty() && methods.iter().all(|method| method.wait_ms > 0);
        let soonest = methods.iter().map(|method| method.wait_ms).min();
        let waiting = soonest.filter(|_| all_wait).map(text::wait);
        let view = self.screens.question(&self.offers, methods, problem.or(waiting));
        self.show(view, out);
        State::Asking
    }

    fn choose_pin(&mut self, problem: Option<Problem>, out: &mut Vec<Effect<T>>) -> State<T> {
        let view = self.screens.choose_pin(vec![new_pin(problem.as_ref())], problem);
        self.show(view, out);
        State::ChoosingPin
    }

    fn pin_set(&mut self, consent: Consent, result: Result<(), PinFailure>, out: &mut Vec<Effect<T>>) -> State<T> {
        match result {
            Ok(()) => {
                self.hello.learn(MethodStatus::fresh_pin());
                out.push(Effect::Audit(AuditStep::PinChosen));
                match &self.screens.purpose {
                    ScreenPurpose::Approve(Approval::Setup { providers }) if providers.is_empty() => self.finish(
                        Ok(Outcome::Approved {
                            consent,
                            evidence: None,
                            unlock: None,
                        }),
                        out,
                    ),
                    // Entering it once more is no bother but a check that the user knows what was typed; and agreeing to a
                    // PIN is not agreeing to the request.
                    _ => self.ask(None, out),
                }
            }
            Err(PinFailure::AlreadySet) => {
                self.hello.learn(MethodStatus::fresh_pin());
                self.ask(None, out)
            }
            Err(PinFailure::Weak(reason)) => self.choose_pin(Some(text::weak_pin(&reason)), out),
            Err(PinFailure::Unavailable) => self.tell(Cause::VerificationUnavailable, None, out),
        }
    }

    /// The user agreed to what the one screen asks.
    fn agreed(
        &mut self,
        choice: Option<&str>,
        remember: bool,
        gesture: Option<T::Gesture>,
        out: &mut Vec<Effect<T>>,
    ) -> State<T> {
        let gesture = gesture.filter(|_| self.asks_gesture());
        match &self.screens.purpose {
            ScreenPurpose::Approve(approval) => {
                let (audience, unlock) = (approval.audience(), approval.unlocks());
                self.approved(audience, unlock, gesture, out)
            }
            ScreenPurpose::Answer { .. } => self.chosen(choice, remember, gesture, out),
        }
    }

    /// The user agreed to an approval.
    fn approved(
        &mut self,
        audience: ProviderId,
        unlock: Vec<ProviderId>,
        gesture: Option<T::Gesture>,
        out: &mut Vec<Effect<T>>,
    ) -> State<T> {
        if !self.verification {
            out.push(Effect::Audit(AuditStep::Approved { provider: None }));
            let outcome = Outcome::Approved {
                consent: Consent::given(),
                evidence: None,
                unlock: None,
            };
            return self.finish(Ok(outcome), out);
        }
        let Some(gesture) = gesture.or_else(|| self.ticket.take()) else {
            return self.ask(Some(text::pin_needed()), out);
        };
        out.push(Effect::Audit(AuditStep::Approved { provider: None }));
        out.push(Effect::Verify(Verify {
            gesture,
            audience,
            purpose: self.screens.purpose.of_evidence(),
            transaction: self.transaction(),
            call: None,
            unlock,
        }));
        State::Verifying {
            consent: Consent::given(),
            selected: None,
        }
    }

    /// The user agreed to a ceremony and chose, or took what was preselected.
    fn chosen(
        &mut self,
        choice: Option<&str>,
        remember: bool,
        gesture: Option<T::Gesture>,
        out: &mut Vec<Effect<T>>,
    ) -> State<T> {
        let Some(offer) = self.offers.find(choice).cloned() else {
            return self.ask(Some(text::choice_needed()), out);
        };
        self.offers.preselect(&offer.id);
        let needed = self.verification || offer.candidate.needs_unlock();
        let gesture = gesture.or_else(|| self.ticket.take_if(|_| needed));
        if gesture.is_none() && needed {
            return self.ask(Some(text::pin_needed()), out);
        }
        let provider = offer.candidate.provider.clone();
        out.push(Effect::Audit(AuditStep::Approved {
            provider: Some(provider.clone()),
        }));
        out.push(Effect::DescribeProvider { provider });
        let selected = Selected {
            remember: remember && self.offers.several_providers(),
            offer,
        };
        State::Describing {
            consent: Consent::given(),
            selected,
            gesture,
        }
    }

    fn ready(
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

    fn not_verified(
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

    /// The user's gesture was not accepted: says why, and asks again where that helps.
    fn not_accepted(&mut self, why: NotVerified, out: &mut Vec<Effect<T>>) -> State<T> {
        match why {
            NotVerified::WrongPin { tries_left: 0, .. } | NotVerified::LockedOut => {
                self.learn_pin(|pin| pin.locked_out = true);
                self.tell(Cause::LockedOut, None, out)
            }
            NotVerified::WrongPin { tries_left, wait_ms } => {
                self.learn_pin(|pin| (pin.tries_left, pin.wait_ms) = (tries_left, wait_ms));
                self.ask(Some(text::wrong_pin(tries_left.into())), out)
            }
            NotVerified::Wait { wait_ms, .. } => {
                self.learn_pin(|pin| pin.wait_ms = wait_ms);
                self.ask(Some(text::wait(wait_ms)), out)
            }
            NotVerified::NoPin => {
                self.hello.forget(Method::Pin);
                self.ask(None, out)
            }
            // It was used up by the attempt, so this time the screen asks for the PIN.
            NotVerified::TicketGone => self.ask(Some(text::ticket_gone()), out),
            // The user locked in between; what the screen asks still stands.
            NotVerified::Cancelled => self.ask(None, out),
            // Not an answer to a PIN from the prompt.
            NotVerified::PromptOnly { .. } => self.tell(Cause::VerificationUnavailable, None, out),
        }
    }

    /// Calls the provider. The screen makes room for other ceremonies: the provider may take its time.
    fn execute(
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

    fn declined(&mut self, selected: &Selected, not_done: NotDone, out: &mut Vec<Effect<T>>) -> State<T> {
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

    fn answer(&mut self, selected: Selected, checked: Checked<T>, out: &mut Vec<Effect<T>>) -> State<T> {
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
    fn failed(&mut self, offer: &Offer, cause: Cause, out: &mut Vec<Effect<T>>) -> State<T> {
        out.push(audit_failure(offer, &cause));
        self.tell(cause, Some(&offer.candidate.provider_name), out)
    }

    fn tell(&mut self, cause: Cause, provider_name: Option<&str>, out: &mut Vec<Effect<T>>) -> State<T> {
        let view = self.screens.notice(&cause, provider_name);
        self.show(view, out);
        State::Telling(cause)
    }

    /// Ends the ceremony from outside or by the user. A cause that the user is just being told stays the cause.
    fn end(&mut self, state: State<T>, cause: Cause, out: &mut Vec<Effect<T>>) -> State<T> {
        let cause = match state {
            State::Telling(told) => told,
            State::Executing { call, .. } => {
                out.push(Effect::CancelProvider {
                    provider: call.provider,
                    transaction: call.transaction,
                });
                cause
            }
            _ => cause,
        };
        self.finish(Err(cause), out)
    }

    fn finish(&mut self, result: Result<Outcome<T>, Cause>, out: &mut Vec<Effect<T>>) -> State<T> {
        self.close(out);
        out.push(Effect::Finish(result));
        State::Done
    }

    fn show(&mut self, view: View, out: &mut Vec<Effect<T>>) {
        if self.on_screen != Some(view.kind) {
            out.push(Effect::Audit(AuditStep::Asked(view.kind)));
        }
        self.on_screen = Some(view.kind);
        out.push(Effect::ShowView(Box::new(view)));
    }

    fn close(&mut self, out: &mut Vec<Effect<T>>) {
        if self.on_screen.take().is_some() {
            out.push(Effect::CloseView);
        }
    }

    /// Whether the screen asks the user to be verified: if any of its choices needs it.
    fn asks_gesture(&self) -> bool {
        self.ticket.is_none() && (self.verification || self.offers.any_needs_unlock())
    }

    /// What the user can do on a screen. Of hello's methods the PIN is offered: for the others there is nobody yet to have hello wait
    /// at a reader.
    fn methods(&self, problem: Option<&Problem>) -> Vec<MethodView> {
        let usable = self.hello.methods.iter().filter(|status| !status.locked_out);
        let offered = usable.filter(|status| status.method == Method::Pin);
        offered
            .map(|status| MethodView {
                method: status.method,
                purpose: Purpose::Verify,
                tries_left: status.tries_left.into(),
                wait_ms: status.wait_ms,
                progress: pin_progress(problem),
            })
            .collect()
    }

    fn learn_pin(&mut self, change: impl FnOnce(&mut MethodStatus)) {
        let mut pin = self.hello.pin();
        change(&mut pin);
        self.hello.learn(pin);
    }

    fn call(&self, selected: &Selected) -> Call {
        let candidate = &selected.offer.candidate;
        Call {
            provider: candidate.provider.clone(),
            credential: candidate.credential.clone(),
            transaction: self.transaction(),
        }
    }

    /// A provider never sees a transaction twice: the repetition has its own.
    fn transaction(&self) -> TransactionId {
        let [first, second] = self.transactions;
        if self.repeated { second } else { first }
    }
}

/// How a ceremony begins.
#[derive(Clone)]
enum FirstStep {
    Ask,
    Excluded,
    Nothing {
        cause: Cause,
        provider_name: Option<String>,
    },
}

/// Where a ceremony stands. Consent, PIN and evidence live in the state that may use them and die with it.
enum State<T: Tokens> {
    /// Not begun.
    New,
    /// The user is choosing a PIN.
    ChoosingPin,
    /// hello is setting it.
    SettingPin { consent: Consent },
    /// The user is asked.
    Asking,
    /// The user is told of an excluded passkey and asked whether to tell the site.
    MeetingExcluded,
    /// The provider is started and asked how it is.
    Describing {
        consent: Consent,
        selected: Selected,
        gesture: Option<T::Gesture>,
    },
    /// hello verifies; for a ceremony something is selected, for an approval not.
    Verifying {
        consent: Consent,
        selected: Option<Selected>,
    },
    /// The provider works.
    Executing {
        selected: Selected,
        call: Call,
        assurance: Assurance,
    },
    /// Its answer is being checked.
    Checking { selected: Selected },
    /// The user reads why it did not work.
    Telling(Cause),
    /// Over.
    Done,
}

/// What the user took.
struct Selected {
    offer: Offer,
    remember: bool,
}

/// The field for a PIN that is to be chosen.
fn new_pin(problem: Option<&Problem>) -> MethodView {
    let fresh = MethodStatus::fresh_pin();
    MethodView {
        method: fresh.method,
        purpose: Purpose::New,
        tries_left: fresh.tries_left.into(),
        wait_ms: fresh.wait_ms,
        progress: pin_progress(problem),
    }
}

/// How far the PIN is on a screen with this problem.
fn pin_progress(problem: Option<&Problem>) -> Progress {
    let about_the_pin = [text::WRONG_PIN, text::WEAK_PIN, text::WAIT];
    match problem {
        Some(problem) if about_the_pin.contains(&problem.code.as_str()) => Progress::TryAgain {
            why: problem.text.clone(),
        },
        _ => Progress::Ready,
    }
}

fn audit_failure<T: Tokens>(offer: &Offer, cause: &Cause) -> Effect<T> {
    Effect::Audit(AuditStep::Failed {
        provider: offer.candidate.provider.clone(),
        cause: cause.clone(),
    })
}
