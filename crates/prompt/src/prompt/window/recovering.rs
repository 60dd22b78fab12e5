//! The fields for the recovery code in the place of the question, which waits behind them.

use std::rc::Rc;
use std::time::Instant;

use claviger_prompt_api::message::Message;
use claviger_prompt_api::text::weak_pin;

use super::{Gesture, Parts};
use crate::prompt::guard::Change;
use crate::prompt::screen::{Outcome, Screen, wrong};

impl Parts {
    /// What is drawn of a screen that came: the fields for the code as long as somebody is at them, with the screen behind.
    pub(super) fn through_form(&self, screen: Screen, change: Change) -> Screen {
        let at_form = self.question.take().is_some() && change == Change::Same;
        let form = screen.recovery.as_ref().filter(|_| at_form).and_then(|recovery| {
            let problem = match &recovery.outcome {
                Outcome::PinSet => return None,
                Outcome::NotTaken(why) if self.busy.get() => Some(why.clone()),
                _ => self
                    .shown
                    .borrow()
                    .as_ref()
                    .and_then(|shown| shown.screen.problem.clone()),
            };
            let waiting = screen.waiting.clone();
            Some(Screen {
                problem,
                waiting,
                ..(*recovery.form).clone()
            })
        });
        let Some(form) = form else { return screen };
        self.question.replace(Some(screen));
        form
    }

    /// Puts the fields in the place of the question, if that counts now.
    pub(super) fn open_form(self: &Rc<Self>) {
        if self.busy.get() || !self.guard.borrow().may_approve(Instant::now()) {
            return;
        }
        let question = self.shown.borrow().as_ref().map(|shown| shown.screen.clone());
        let Some(question) = question else { return };
        let Some(recovery) = &question.recovery else { return };
        let waiting = question.waiting.clone();
        let form = Screen {
            waiting,
            ..(*recovery.form).clone()
        };
        self.question.replace(Some(question));
        self.body.forget_typed();
        self.show(form, Change::Same);
    }

    /// Puts the question back, without what was typed. Says whether it was not there.
    pub(super) fn close_form(self: &Rc<Self>) -> bool {
        let Some(question) = self.question.take() else {
            return false;
        };
        self.body.forget_typed();
        self.show(question, Change::Same);
        true
    }

    /// Gives the code and the new PIN, if that counts now and nothing is missing. What is wrong here stays typed.
    pub(super) fn give_code(self: &Rc<Self>) {
        let may = self
            .guard
            .borrow()
            .may_enter(!self.body.code.is_empty(), Instant::now());
        if self.busy.get() || !may {
            return;
        }
        let code = match self.body.code.read() {
            Ok(code) => code,
            Err(error) => {
                self.complain(self.words.say(&wrong(error)));
                return self.body.code.focus();
            }
        };
        if self.body.pin.is_empty() {
            return self.complain_of_pin(&Message::PinNeeded {});
        }
        if !self.body.pin.agree() {
            return self.complain_of_pin(&Message::PinsDiffer {});
        }
        let Ok(new) = self.body.pin.read() else {
            return self.complain_of_pin(&weak_pin("not-a-pin").text);
        };
        // hello would say the same, and the code would have to be typed once more.
        if let Err(weak) = new.quality() {
            return self.complain_of_pin(&weak_pin(weak.code()).text);
        }
        self.body.forget_typed();
        self.busy.set(true);
        self.body.problem.tell(None);
        self.update();
        (self.tell)(Gesture::Recover { code, new });
    }
}
