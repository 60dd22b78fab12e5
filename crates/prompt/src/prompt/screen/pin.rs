//! The field that a PIN is typed into: one to verify with, or two for a new one, with the tries and the waiting that are left.

use std::time::Duration;

use claviger_prompt_api::message::{Field, Message};
use claviger_prompt_api::text;
use claviger_prompt_api::view::{MethodView, Purpose};

use crate::words::Words;

/// The field for a PIN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinField {
    /// What it is called.
    pub label: String,
    /// What the second field is called, where the PIN is a new one.
    pub again: Option<String>,
    /// How many tries are left, where that counts.
    pub tries: Option<String>,
    /// How long none is looked at, from when the view came.
    pub wait: Duration,
}

impl PinField {
    pub(super) fn of(offered: &MethodView, words: &Words) -> Self {
        let field = |field| words.say(&Message::Field { field });
        let tries_left = offered.tries_left;
        match offered.purpose {
            Purpose::Verify => Self {
                label: field(Field::Pin),
                again: None,
                tries: Some(words.say(&Message::TriesLeft { tries_left })),
                wait: Duration::from_millis(offered.wait_ms),
            },
            Purpose::New => Self {
                label: field(Field::NewPin),
                again: Some(field(Field::PinAgain)),
                tries: None,
                wait: Duration::ZERO,
            },
        }
    }

    /// How much longer no PIN is looked at, `shown` after the view came, in words; nothing when one may be typed.
    pub fn waiting(&self, shown: Duration, words: &Words) -> Option<String> {
        let left = self.wait.saturating_sub(shown);
        let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        (left > 0).then(|| words.say(&text::wait(left).text))
    }
}
