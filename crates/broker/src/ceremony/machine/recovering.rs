//! The way back in: the recovery code and a new PIN, wherever the PIN is asked for.

use claviger_hello::verification::NotVerified;
use claviger_hello::{CodeStatus, MethodStatus};
use claviger_prompt_api::text;
use claviger_prompt_api::view::Problem;

use super::super::Tokens;
use super::super::input::Approval;
use super::super::message::{Consent, Effect, Event, RecoveryFailure};
use super::super::screens::ScreenPurpose;
use super::{Machine, State};
use crate::types::Cause;

impl<T: Tokens> Machine<T> {
    /// The user gave the code and a PIN, where the screen offered that, or hello has looked at them.
    pub(super) fn recover(&mut self, state: State<T>, event: Event<T>, out: &mut Vec<Effect<T>>) -> State<T> {
        match (state, event) {
            (State::LockedOut | State::Asking, Event::UserRecovers { code, new }) if self.hello.offers_recovery() => {
                out.push(Effect::Recover { code, new });
                State::Recovering
            }
            (State::Recovering, Event::Recovered(result)) => self.recovered(result, out),
            (state, _) => state,
        }
    }

    /// Tells that the PIN is locked, and that the recovery code helps.
    pub(super) fn offer_recovery(&mut self, problem: Option<Problem>, out: &mut Vec<Effect<T>>) -> State<T> {
        let mut view = self.screens.notice(&Cause::LockedOut, None);
        view.recovery = true;
        view.problem = Some(problem.unwrap_or_else(text::locked_out));
        self.show(view, out);
        State::LockedOut
    }

    /// hello has looked at the recovery code.
    fn recovered(&mut self, result: Result<(), RecoveryFailure>, out: &mut Vec<Effect<T>>) -> State<T> {
        let problem = match result {
            Ok(()) => {
                self.hello.restored = false;
                self.hello.learn(MethodStatus::fresh_pin());
                if matches!(self.screens.purpose, ScreenPurpose::Approve(Approval::ChangePin)) {
                    return self.pin_is_all(Consent::given(), out);
                }
                // Giving it once more is no bother but a check, and setting a PIN is not agreeing to the request.
                Some(text::pin_set())
            }
            // Locked meanwhile: the question stands.
            Err(RecoveryFailure::Refused(NotVerified::Cancelled)) => None,
            Err(RecoveryFailure::Refused(NotVerified::NoCode)) => {
                self.hello.recovery_code = CodeStatus::None;
                None
            }
            Err(RecoveryFailure::Weak(reason)) => Some(text::weak_pin(&reason)),
            Err(RecoveryFailure::NotACode(_)) => Some(text::not_a_recovery_code()),
            Err(RecoveryFailure::Refused(NotVerified::WrongCode { .. })) => Some(text::wrong_recovery_code()),
            Err(RecoveryFailure::Refused(NotVerified::Wait { wait_ms, .. })) => Some(text::wait(wait_ms)),
            Err(RecoveryFailure::Refused(_) | RecoveryFailure::Unavailable) => {
                return self.tell(Cause::VerificationUnavailable, None, out);
            }
        };
        self.ask(problem, out)
    }
}
