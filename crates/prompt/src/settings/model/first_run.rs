//! The first steps: a PIN, the browsers, and how to get back in.

use super::page::{Group, Page};
use super::state::Snapshot;
use super::{verification, ways_in};
use crate::settings::text::{Speech, Text};

/// How many steps there are.
pub const STEPS: usize = 3;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is about.
    pub title: String,
    /// Why.
    pub note: String,
    /// What there is to do.
    pub page: Page,
}

/// Whether a person who opens the window has not begun yet.
pub fn is_due(now: &Snapshot) -> bool {
    now.status.pin.as_ref().is_some_and(|pin| !pin.set)
}

/// The steps.
pub fn steps(now: &Snapshot, speech: &Speech) -> [Step; STEPS] {
    let mut pin = verification::page(now, speech);
    pin.groups.truncate(1);
    [
        Step {
            title: speech.say(&Text::StepPin {}),
            note: speech.say(&Text::StepPinNote {}),
            page: pin,
        },
        Step {
            title: speech.say(&Text::StepBrowsers {}),
            note: speech.say(&Text::StepBrowsersNote {}),
            page: Page {
                groups: vec![ways_in::browsers(now, speech)],
            },
        },
        Step {
            title: speech.say(&Text::StepBack {}),
            note: speech.say(&Text::StepBackNote {}),
            page: Page {
                groups: vec![Group::new(String::new(), vec![verification::way_back(now, speech)])],
            },
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::super::samples::snapshot;
    use super::*;

    #[test]
    fn the_first_steps_are_due_until_there_is_a_pin_and_not_while_nobody_knows() {
        let mut now = snapshot();
        assert!(!is_due(&now));
        if let Some(pin) = &mut now.status.pin {
            pin.set = false;
        }
        assert!(is_due(&now));
        now.status.pin = None;
        assert!(!is_due(&now));
    }

    #[test]
    fn every_step_has_something_to_read() {
        for step in steps(&snapshot(), &Speech::in_language("de")) {
            assert!(step.page.groups.iter().all(|group| !group.rows.is_empty()), "{step:?}");
        }
    }
}
