//! What the user is asked and what of it comes back: the one screen, the choice of a PIN, consent, and a gesture that was not accepted.

use claviger_hello::verification::NotVerified;
use claviger_hello::{CodeStatus, MethodStatus};
use claviger_joint::evidence::Method;
use claviger_prompt_api::message::Message;
use claviger_prompt_api::text;
use claviger_prompt_api::view::{MethodView, Problem, Progress, Purpose, View};

use super::super::Tokens;
use super::super::input::Approval;
use super::super::message::{AuditStep, Consent, Effect, NotChanged, Outcome, PinFailure, Verify, VerifyFailure};
use super::super::screens::{Offer, ScreenPurpose};
use super::{Machine, Selected, State};
use crate::types::Cause;

impl<T: Tokens> Machine<T> {
    /// Puts the one screen of the ceremony before the user, or the screen that must come before it.
    pub(super) fn ask(&mut self, problem: Option<Problem>, out: &mut Vec<Effect<T>>) -> State<T> {
        let consent_will_do = !self.verification && matches!(self.screens.purpose, ScreenPurpose::Approve(_));
        if self.hello.locked_out() && self.ticket.is_none() && !consent_will_do {
            let serves = |offer: &Offer| !self.verification && !offer.candidate.needs_unlock();
            if self.hello.offers_recovery() && !self.offers.any(serves) {
                return self.offer_recovery(problem, out);
            }
            // What needs no PIN can still be done.
            let verification = self.verification;
            self.offers
                .retain(|offer| !verification && !offer.candidate.needs_unlock());
            if self.offers.is_empty() {
                return self.tell(Cause::LockedOut, None, out);
            }
        }
        if self.asks_gesture() && !self.hello.pin_set() {
            return self.choose_pin(None, problem, out);
        }
        let methods = if self.asks_gesture() {
            self.methods(problem.as_ref())
        } else {
            Vec::new()
        };
        let all_wait = !methods.is_empty() && methods.iter().all(|method| method.wait_ms > 0);
        let soonest = methods.iter().map(|method| method.wait_ms).min();
        let waiting = soonest.filter(|_| all_wait).map(text::wait);
        let mut view = self.screens.question(&self.offers, methods, problem.or(waiting));
        view.recovery = self.hello.offers_recovery() && !view.methods.is_empty();
        view.note = self.note(&view);
        self.show(view, out);
        State::Asking
    }

    /// What is said beside a question that takes the PIN.
    fn note(&self, view: &View) -> Option<Message> {
        let makes_one = matches!(self.screens.purpose, ScreenPurpose::Approve(Approval::MakeRecoveryCode));
        let lacks_one = !view.methods.is_empty() && self.hello.recovery_code != CodeStatus::Confirmed;
        (lacks_one && !makes_one).then_some(Message::NoRecoveryCode {})
    }

    /// Has the user choose a PIN, in the place of the old one if there is one.
    fn choose_pin(&mut self, old: Option<T::Gesture>, problem: Option<Problem>, out: &mut Vec<Effect<T>>) -> State<T> {
        let view = self.screens.choose_pin(vec![new_pin(problem.as_ref())], problem);
        self.show(view, out);
        State::ChoosingPin { old }
    }

    /// The user chose a PIN, or agreed without one.
    pub(super) fn pin_chosen(
        &mut self,
        old: Option<T::Gesture>,
        new: Option<T::Gesture>,
        out: &mut Vec<Effect<T>>,
    ) -> State<T> {
        let consent = Consent::given();
        match (old, new) {
            (old, None) => self.choose_pin(old, Some(text::pin_needed()), out),
            (None, Some(new)) => {
                out.push(Effect::SetPin(new));
                State::SettingPin { consent }
            }
            (Some(old), Some(new)) => {
                out.push(Effect::ChangePin { old, new });
                State::ChangingPin { consent }
            }
        }
    }

    pub(super) fn pin_set(
        &mut self,
        consent: Consent,
        result: Result<(), PinFailure>,
        out: &mut Vec<Effect<T>>,
    ) -> State<T> {
        match result {
            Ok(()) => {
                self.hello.learn(MethodStatus::fresh_pin());
                match &self.screens.purpose {
                    ScreenPurpose::Approve(Approval::Setup { providers }) if providers.is_empty() => {
                        self.pin_is_all(consent, out)
                    }
                    ScreenPurpose::Approve(Approval::ChangePin) => self.pin_is_all(consent, out),
                    // Entering it once more is no bother but a check that the user knows what was typed; and agreeing to a
                    // PIN is not agreeing to the request.
                    _ => self.ask(None, out),
                }
            }
            Err(PinFailure::AlreadySet) => {
                self.hello.learn(MethodStatus::fresh_pin());
                self.ask(None, out)
            }
            Err(PinFailure::Weak(reason)) => self.choose_pin(None, Some(text::weak_pin(&reason)), out),
            Err(PinFailure::Unavailable) => self.tell(Cause::VerificationUnavailable, None, out),
        }
    }

    pub(super) fn pin_changed(
        &mut self,
        consent: Consent,
        result: Result<(), NotChanged<T>>,
        out: &mut Vec<Effect<T>>,
    ) -> State<T> {
        match result {
            Ok(()) => self.pin_is_all(consent, out),
            Err(NotChanged::Weak { reason, old }) => self.choose_pin(Some(old), Some(text::weak_pin(&reason)), out),
            Err(NotChanged::Old(why)) => {
                out.push(Effect::Audit(AuditStep::NotVerified(VerifyFailure::Gesture(why))));
                self.not_accepted(why, out)
            }
            Err(NotChanged::Unavailable) => self.tell(Cause::VerificationUnavailable, None, out),
        }
    }

    /// What was asked for was a PIN, and there it is.
    pub(super) fn pin_is_all(&mut self, consent: Consent, out: &mut Vec<Effect<T>>) -> State<T> {
        let outcome = Outcome::Approved {
            consent,
            evidence: None,
            unlock: None,
        };
        self.finish(Ok(outcome), out)
    }

    /// The user agreed to what the one screen asks.
    pub(super) fn agreed(
        &mut self,
        choice: Option<&str>,
        remember: bool,
        gesture: Option<T::Gesture>,
        out: &mut Vec<Effect<T>>,
    ) -> State<T> {
        let gesture = gesture.filter(|_| self.asks_gesture());
        match &self.screens.purpose {
            ScreenPurpose::Approve(approval) => {
                let approval = approval.clone();
                self.approved(&approval, gesture, out)
            }
            ScreenPurpose::Answer { .. } => self.chosen(choice, remember, gesture, out),
        }
    }

    /// The user agreed to an approval.
    pub(super) fn approved(
        &mut self,
        approval: &Approval,
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
        if matches!(self.screens.purpose, ScreenPurpose::Approve(Approval::ChangePin)) {
            // hello looks at it when it gets the new one: a PIN is for one look.
            return self.choose_pin(Some(gesture), None, out);
        }
        out.push(Effect::Audit(AuditStep::Approved { provider: None }));
        out.push(Effect::Verify(Verify {
            gesture,
            audience: approval.audience(),
            purpose: approval.purpose(),
            transaction: self.transaction(),
            call: None,
            unlock: approval.unlocks(),
            hold: approval.holds(),
        }));
        State::Verifying {
            consent: Consent::given(),
            selected: None,
        }
    }

    /// The user agreed to a ceremony and chose, or took what was preselected.
    pub(super) fn chosen(
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

    /// The user's gesture was not accepted: says why, and asks again where that helps.
    pub(super) fn not_accepted(&mut self, why: NotVerified, out: &mut Vec<Effect<T>>) -> State<T> {
        match why {
            NotVerified::WrongPin { tries_left: 0, .. } | NotVerified::LockedOut => {
                self.learn_pin(|pin| pin.locked_out = true);
                if self.hello.offers_recovery() {
                    return self.offer_recovery(None, out);
                }
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
            NotVerified::PromptOnly { .. } | NotVerified::WrongCode { .. } | NotVerified::NoCode => {
                self.tell(Cause::VerificationUnavailable, None, out)
            }
        }
    }

    /// Whether the screen asks the user to be verified: if any of its choices needs it.
    pub(super) fn asks_gesture(&self) -> bool {
        self.ticket.is_none() && (self.verification || self.offers.any_needs_unlock())
    }

    /// What the user can do on a screen. Of hello's methods the PIN is offered: for the others there is nobody yet to have hello wait
    /// at a reader.
    pub(super) fn methods(&self, problem: Option<&Problem>) -> Vec<MethodView> {
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

    pub(super) fn learn_pin(&mut self, change: impl FnOnce(&mut MethodStatus)) {
        let mut pin = self.hello.pin();
        change(&mut pin);
        self.hello.learn(pin);
    }
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
