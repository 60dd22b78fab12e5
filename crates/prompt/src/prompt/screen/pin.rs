//! The field that a PIN is typed into: one to verify with, or two for a new one, with the tries and the waiting that are left.

use std::time::Duration;

use claviger_pin::{Lasts, Strength};
use claviger_prompt_api::message::{self, Field, Message};
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

/// What a new PIN is worth, while it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worth {
    /// The same in words: how many guesses and how long they take, or why hello would refuse it.
    pub words: String,
    /// From 0, which hello refuses, to [`Worth::BEST`].
    pub level: u8,
}

impl Worth {
    /// What a thief is not done with in a lifetime.
    pub const BEST: u8 = 4;

    /// What is typed so far is worth this; nothing yet of nothing.
    pub fn of(typed: &str, words: &Words) -> Option<Self> {
        if typed.is_empty() {
            return None;
        }
        let strength = match Strength::of(typed) {
            Ok(strength) => strength,
            Err(weak) => {
                return Some(Self {
                    words: words.say(&text::weak_pin(weak.code()).text),
                    level: 0,
                });
            }
        };
        let (level, lasts, count) = match strength.lasts() {
            Lasts::Moments => (1, message::Lasts::Moments, 0),
            Lasts::Minutes(count) => (1, message::Lasts::Minutes, count),
            Lasts::Hours(count) => (2, message::Lasts::Hours, count),
            Lasts::Days(count) => (2, message::Lasts::Days, count),
            Lasts::Years(count) if count < 100 => (3, message::Lasts::Years, count),
            Lasts::Years(count) => (Self::BEST, message::Lasts::Years, count),
            Lasts::Ages => (Self::BEST, message::Lasts::Ages, 0),
        };
        let guesses = power_of_ten(strength.magnitude());
        Some(Self {
            words: words.say(&Message::PinStrength { guesses, lasts, count }),
            level,
        })
    }
}

/// Written out with spaces while it can be read, or else as a power.
fn power_of_ten(power: u32) -> String {
    if power > 12 {
        let raised = |digit: char| {
            digit
                .to_digit(10)
                .and_then(|digit| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(digit as usize))
        };
        return format!("10{}", power.to_string().chars().filter_map(raised).collect::<String>());
    }
    let mut text = "1".to_owned();
    for left in (0..power).rev() {
        if left % 3 == 2 {
            text.push(' ');
        }
        text.push('0');
    }
    text
}

impl PinField {
    pub(super) fn of(offered: &MethodView, words: &Words) -> Self {
        let tries_left = offered.tries_left;
        match offered.purpose {
            Purpose::Verify => Self {
                label: words.say(&Message::Field { field: Field::Pin }),
                again: None,
                tries: Some(words.say(&Message::TriesLeft { tries_left })),
                wait: Duration::from_millis(offered.wait_ms),
            },
            Purpose::New => Self::new_one(words),
        }
    }

    /// The fields for a PIN to be.
    pub(super) fn new_one(words: &Words) -> Self {
        let field = |field| words.say(&Message::Field { field });
        Self {
            label: field(Field::NewPin),
            again: Some(field(Field::PinAgain)),
            tries: None,
            wait: Duration::ZERO,
        }
    }

    /// How much longer no PIN is looked at, `shown` after the view came, in words; nothing when one may be typed.
    pub fn waiting(&self, shown: Duration, words: &Words) -> Option<String> {
        let left = self.wait.saturating_sub(shown);
        let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        (left > 0).then(|| words.say(&text::wait(left).text))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_new_pin_says_its_guesses_and_the_thief_s_time_or_why_it_is_refused() {
        let words = Words::in_language("en");
        let worth = |typed| Worth::of(typed, &words);
        assert_eq!(worth(""), None);
        let refused = worth("1234").unwrap();
        assert_eq!(
            (refused.level, refused.words.contains("sequence")),
            (0, true),
            "{refused:?}"
        );
        let short = worth("4938").unwrap();
        assert!(
            short.level == 1 && short.words.contains("less than a minute"),
            "{short:?}"
        );
        let long = worth("correct horse battery staple").unwrap();
        assert!(
            long.level == Worth::BEST && long.words.contains("thousand years"),
            "{long:?}"
        );
    }

    #[test]
    fn guesses_can_be_read() {
        let read = |power| power_of_ten(power);
        assert_eq!((read(0).as_str(), read(4).as_str()), ("1", "10 000"));
        assert_eq!((read(5).as_str(), read(6).as_str()), ("100 000", "1 000 000"));
        assert_eq!(read(24), "10²⁴");
    }
}
