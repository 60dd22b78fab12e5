//! The way back in: the button that leads to it, the screen that takes the recovery code and a new PIN, and what is said of the code while
//! it is typed.

use claviger_pin::{RecoveryCode, RecoveryCodeError};
use claviger_prompt_api::message::{Agreement, Field, Message};
use claviger_prompt_api::text::{PIN_SET, WAIT, WEAK_PIN, WRONG_RECOVERY_CODE};
use claviger_prompt_api::view::{Kind, View};

use super::{Button, PinField, Screen, Told, Tone, field};
use crate::words::Words;

/// How the recovery code is given instead of the PIN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The button that leads there.
    pub label: String,
    /// Whether it is the way on, because the PIN cannot be typed now.
    pub is_the_way: bool,
    /// What became of the code that was given last.
    pub outcome: Outcome,
    /// The screen with the fields. It is the window's own, and the broker's question waits behind it, which knows how many more do.
    pub form: Box<Screen>,
}

/// What became of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// None was given, as far as the view says.
    None,
    /// It was not taken, for this reason, or the PIN was not.
    NotTaken(Told),
    /// The new PIN is set.
    PinSet,
}

/// The field for the recovery code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeField {
    /// What it is called.
    pub label: String,
}

/// How the code is that is typed so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelling {
    /// The same in words, naming the group that looks wrong where that can be told.
    pub words: String,
    /// Whether it is right so far, all there, or wrong.
    pub tone: Tone,
}

impl Recovery {
    pub(super) fn of(view: &View, words: &Words) -> Self {
        let locked = view.kind == Kind::Notice || view.pin().is_some_and(|pin| pin.wait_ms > 0);
        let outcome = match &view.problem {
            Some(problem) if problem.code == PIN_SET => Outcome::PinSet,
            Some(problem) if [WRONG_RECOVERY_CODE, WEAK_PIN, WAIT].contains(&problem.code.as_str()) => {
                Outcome::NotTaken(Told {
                    text: words.say(&problem.text),
                    tone: Tone::Error,
                })
            }
            _ => Outcome::None,
        };
        Self {
            label: words.say(&Message::UseRecoveryCode { locked }),
            is_the_way: locked,
            outcome,
            form: Box::new(form(words)),
        }
    }
}

/// The screen that takes the code.
fn form(words: &Words) -> Screen {
    Screen {
        title: words.say(&Message::RecoverTitle {}),
        site: None,
        asker: None,
        facts: Vec::new(),
        claim: None,
        choices: None,
        remember: None,
        code: Some(CodeField {
            label: field(Field::RecoveryCode, words),
        }),
        pin: Some(PinField::new_one(words)),
        recovery: None,
        methods: Vec::new(),
        problem: Some(Told {
            text: words.say(&Message::RecoverHint {}),
            tone: Tone::Plain,
        }),
        troubles: Vec::new(),
        agree: Some(Button {
            label: words.say(&Message::Agree { to: Agreement::SetPin }),
            dangerous: false,
            choice: None,
        }),
        refuse: words.say(&Message::BackButton {}),
        for_a_while: None,
        waiting: None,
        note: None,
    }
}

impl Spelling {
    /// What is typed so far is this; nothing yet of nothing.
    pub fn of(typed: &str, words: &Words) -> Option<Self> {
        let (message, tone) = match RecoveryCode::parse(typed) {
            Ok(_) => (Message::CodeFits {}, Tone::Success),
            Err(RecoveryCodeError::Length { found: 0, .. }) => return None,
            Err(RecoveryCodeError::Length { found, wanted }) if found < wanted => (
                Message::CodeProgress {
                    groups: found * RecoveryCode::GROUPS / wanted,
                },
                Tone::Plain,
            ),
            Err(error) => (wrong(error), Tone::Error),
        };
        let words = words.say(&message);
        Some(Self { words, tone })
    }
}

/// Why this is no recovery code, and where to look.
pub fn wrong(error: RecoveryCodeError) -> Message {
    match error {
        RecoveryCodeError::Mistyped { group } => Message::CodeMistyped { group },
        RecoveryCodeError::Foreign { group: Some(group) } => Message::CodeForeign { group },
        RecoveryCodeError::Foreign { group: None } | RecoveryCodeError::Length { .. } => Message::NotARecoveryCode {},
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CODE: &str = "000G-40R4-0M30-E209-185G-R38E-1WYR";

    #[test]
    fn what_is_typed_of_a_code_says_how_far_it_is_and_which_group_is_wrong() {
        let words = Words::in_language("en");
        let spelling = |typed: &str| {
            let said = Spelling::of(typed, &words)?;
            Some((said.words.replace(['\u{200e}', '\u{2068}', '\u{2069}'], ""), said.tone))
        };
        let said = |text: &str, tone| Some((text.to_owned(), tone));
        assert_eq!(spelling(" -"), None);
        assert_eq!(spelling("000"), said("0 groups of seven are typed", Tone::Plain));
        assert_eq!(spelling("000g 4"), said("One group of seven is typed", Tone::Plain));
        assert_eq!(spelling(&CODE[..29]), said("6 groups of seven are typed", Tone::Plain));
        assert_eq!(
            spelling(&CODE.to_lowercase()),
            said("All seven groups fit together", Tone::Success)
        );
        let (slip, tone) = spelling(&CODE.replace("E209", "E299")).unwrap();
        assert!(slip.ends_with("Look at group 4.") && tone == Tone::Error, "{slip}");
        let (foreign, tone) = spelling("000G-4U").unwrap();
        assert!(foreign.starts_with("Group 2 has") && tone == Tone::Error, "{foreign}");
        let (long, tone) = spelling(&format!("{CODE}0")).unwrap();
        assert!(long.contains("seven groups of four") && tone == Tone::Error, "{long}");
    }
}
