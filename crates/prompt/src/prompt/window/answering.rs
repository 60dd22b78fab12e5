//! What a person does with a question: agrees, does not, or leaves out something that is needed.

use std::rc::Rc;
use std::time::Instant;

use claviger_prompt_api::message::Message;
use claviger_prompt_api::text::weak_pin;

use super::{Gesture, Parts};
use crate::prompt::screen::{Told, Tone};

impl Parts {
    /// Agrees, if that counts now and nothing is missing.
    pub(super) fn agree(self: &Rc<Self>) {
        if self.question.borrow().is_some() {
            return self.give_code();
        }
        let choice = {
            let shown = self.shown.borrow();
            shown.as_ref().and_then(|shown| shown.screen.agree.as_ref()?.choice)
        };
        let may = |typed| self.guard.borrow().may_enter(typed, Instant::now());
        let pin = {
            let shown = self.shown.borrow();
            let Some(shown) = shown.as_ref().filter(|shown| shown.screen.agree.is_some()) else {
                return;
            };
            if self.busy.get() || !may(!self.body.pin.is_empty()) || self.waiting(shown).is_some() {
                return;
            }
            if shown.screen.choices.is_some() && self.body.choices.chosen().is_none() {
                let text = self.words.say(&Message::ChoiceNeeded {});
                self.complain(text);
                self.body.choices.focus();
                return;
            }
            shown
                .screen
                .pin
                .as_ref()
                .map(|field| (field.again.is_some(), self.body.pin.is_empty()))
        };
        let pin = match pin {
            None => None,
            Some((_, true)) => return self.complain_of_pin(&Message::PinNeeded {}),
            Some((true, _)) if !self.body.pin.agree() => return self.complain_of_pin(&Message::PinsDiffer {}),
            Some(_) => match self.body.pin.take() {
                Ok(pin) => Some(pin),
                Err(_) => return self.complain_of_pin(&weak_pin("not-a-pin").text),
            },
        };
        self.busy.set(true);
        self.body.problem.tell(None);
        self.update();
        (self.tell)(Gesture::Approve {
            choice: choice.map(str::to_owned).or_else(|| self.body.choices.chosen()),
            remember: self.body.remembers(),
            pin,
        });
    }

    /// Does not agree, whatever is on show.
    pub(super) fn refuse(&self, for_a_while: bool) {
        if self.shown.borrow().is_some() {
            (self.tell)(Gesture::Refuse { for_a_while });
        }
    }

    /// Goes back one step: from the recovery code to the question, and from the question by not agreeing.
    pub(super) fn leave(self: &Rc<Self>) {
        if !self.close_form() {
            self.refuse(false);
        }
    }

    /// A choice was entered: that is all where no PIN follows.
    pub(super) fn choose(self: &Rc<Self>) {
        if self.body.pin.is_asked() {
            self.body.pin.focus();
        } else {
            self.agree();
        }
    }

    /// Says what is wrong with the PIN.
    pub(super) fn complain_of_pin(&self, message: &Message) {
        self.complain(self.words.say(message));
        self.body.pin.focus();
    }

    /// Says what is wrong.
    pub(super) fn complain(&self, text: String) {
        let tone = Tone::Error;
        self.body.problem.tell(Some(&Told { text, tone }));
    }
}
