//! The machine itself: one state, one step per event. What a step does with the user lives in [`asking`] and, when the PIN is lost, in
//! [`recovering`]; with a provider in [`serving`].

mod asking;
mod recovering;
mod serving;

use claviger_joint::{ProviderId, TransactionId};
use claviger_prompt_api::view::{Kind, TURN_ON, View};

use super::Tokens;
use super::input::{Approval, HelloStatus, Input, Wanted};
use super::message::{
    Assurance, AuditStep, Call, Check, Consent, Effect, Event, Outcome, ProviderFailure, ProviderReply,
};
use super::screens::{Offer, Offers, ScreenPurpose, Screens};
use crate::choice::Candidates;
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
                    Candidates::Nothing {
                        cause,
                        provider_name,
                        turn_on,
                    } => {
                        let nothing = FirstStep::Nothing {
                            cause,
                            provider_name,
                            turn_on,
                        };
                        (nothing, Offers::default())
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
        // A change of the PIN takes the PIN.
        let changes_pin = matches!(self.screens.purpose, ScreenPurpose::Approve(Approval::ChangePin));
        self.ticket = ticket.filter(|_| !changes_pin);
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

            (state @ (State::Telling(_) | State::MeetingDisabled(_)), Event::UserRefused) => {
                self.end(state, Cause::CancelledByUser, out)
            }
            (state @ State::LockedOut, Event::UserRefused | Event::UserApproved { .. }) => {
                self.end(state, Cause::LockedOut, out)
            }
            (state, event @ (Event::UserRecovers { .. } | Event::Recovered(_))) => self.recover(state, event, out),
            (state, Event::UserRefused) if self.on_screen.is_some() => {
                out.push(Effect::Audit(AuditStep::Refused));
                self.end(state, Cause::CancelledByUser, out)
            }
            (
                state @ (State::Telling(_) | State::MeetingDisabled(_) | State::MeetingExcluded),
                Event::UserApproved { choice, .. },
            ) => self.read(state, choice.as_deref(), out),

            (State::ChoosingPin { old }, Event::UserApproved { gesture, .. }) => self.pin_chosen(old, gesture, out),
            (State::SettingPin { consent }, Event::PinSet(result)) => self.pin_set(consent, result, out),
            (State::ChangingPin { consent }, Event::PinChanged(result)) => self.pin_changed(consent, result, out),

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
                self.verified(consent, selected, evidence, unlock, out)
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
            FirstStep::Nothing {
                cause: Cause::ProviderDisabled,
                provider_name: Some(name),
                turn_on: Some(provider),
            } => {
                let view = self.screens.disabled(&name);
                self.show(view, out);
                State::MeetingDisabled(provider)
            }
            FirstStep::Nothing {
                cause, provider_name, ..
            } => self.tell(cause, provider_name.as_deref(), out),
        }
    }

    /// The user has read what there was to read, and goes on.
    fn read(&mut self, state: State<T>, choice: Option<&str>, out: &mut Vec<Effect<T>>) -> State<T> {
        match state {
            State::MeetingDisabled(provider) if choice == Some(TURN_ON) => {
                out.push(Effect::Audit(AuditStep::Approved {
                    provider: Some(provider.clone()),
                }));
                self.finish(Ok(Outcome::TurnOn { provider }), out)
            }
            State::MeetingExcluded => {
                out.push(Effect::Audit(AuditStep::Approved { provider: None }));
                self.end(State::MeetingExcluded, Cause::Excluded, out)
            }
            // A notice is closed by either answer.
            state => self.end(state, Cause::CancelledByUser, out),
        }
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
            State::MeetingDisabled(_) => Cause::ProviderDisabled,
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
}

/// How a ceremony begins.
#[derive(Clone)]
enum FirstStep {
    Ask,
    Excluded,
    Nothing {
        cause: Cause,
        provider_name: Option<String>,
        turn_on: Option<ProviderId>,
    },
}

/// Where a ceremony stands. Consent, PIN and evidence live in the state that may use them and die with it.
enum State<T: Tokens> {
    /// Not begun.
    New,
    /// The user is choosing a PIN, in the place of the old one if there is one.
    ChoosingPin { old: Option<T::Gesture> },
    /// hello is setting it.
    SettingPin { consent: Consent },
    /// hello is setting it in the place of the old one.
    ChangingPin { consent: Consent },
    /// The user is asked.
    Asking,
    /// The user is told that the PIN is locked, and may give the recovery code.
    LockedOut,
    /// hello looks at the recovery code.
    Recovering,
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
    /// The user is told of a disabled provider that could help, and may turn it on.
    MeetingDisabled(ProviderId),
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
