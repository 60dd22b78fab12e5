//! How the person is verified: the PIN, and how strongly what it opens is protected.

use claviger_peer::Standing;
use claviger_prompt_api::manage::{PinStatus, RecoveryCodeStatus};

use super::call::Call;
use super::page::{Act, Group, Page, Row, Tone, Weight};
use super::shown;
use super::state::Snapshot;
use crate::settings::text::{Speech, Text};

/// The page.
pub fn page(now: &Snapshot, speech: &Speech) -> Page {
    let status = &now.status;
    let pin = match &status.pin {
        Some(pin) => self::pin(*pin, speech),
        None => Row::new(speech.say(&Text::PinUnknown {}))
            .maybe(status.verification_problem.as_deref().map(shown::sentence))
            .in_tone(Tone::Error),
    };
    let mut groups = vec![Group::new(speech.say(&Text::Pin {}), vec![pin])];
    if let Some(tier) = &status.tier {
        let tier = tier.clone();
        let row =
            Row::new(speech.say(&Text::TierSentence { tier: tier.clone() })).note(speech.say(&Text::TierMore { tier }));
        groups.push(Group::new(
            speech.say(&Text::Protection {}),
            vec![row, roles(status.roles, speech)],
        ));
    }
    Page { groups }
}

/// Whether a person gets back in who has forgotten the PIN.
pub fn way_back(now: &Snapshot, speech: &Speech) -> Row {
    match now.status.recovery_code {
        RecoveryCodeStatus::Confirmed => {
            Row::new(speech.say(&Text::WayBack {})).note(speech.say(&Text::WayBackMore {}))
        }
        RecoveryCodeStatus::Pending | RecoveryCodeStatus::None => Row::new(speech.say(&Text::NoWayBack {}))
            .note(speech.say(&Text::NoWayBackMore {}))
            .in_tone(Tone::Warning),
    }
}

fn pin(pin: PinStatus, speech: &Speech) -> Row {
    if pin.locked_out {
        return Row::new(speech.say(&Text::PinLockedOut {}))
            .note(speech.say(&Text::PinLockedOutMore {}))
            .in_tone(Tone::Error);
    }
    if !pin.set {
        let label = speech.say(&Text::ChoosePin {});
        return Row::new(speech.say(&Text::PinNotSet {}))
            .note(speech.say(&Text::PinNotSetMore {}))
            .in_tone(Tone::Warning)
            .button(label, "", Act::Do(Call::ChoosePin), Weight::Suggested);
    }
    let tries_left = u64::from(pin.tries_left);
    let label = speech.say(&Text::ChangePin {});
    let mut row = Row::new(speech.say(&Text::PinSet {}))
        .note(speech.say(&Text::PinTries { tries_left }))
        .button(label, "", Act::Do(Call::ChangePin), Weight::Plain);
    if pin.wait_ms > 0 {
        let seconds = pin.wait_ms.div_ceil(1000);
        row = row.note(speech.say(&Text::PinWait { seconds })).in_tone(Tone::Warning);
    }
    if pin.restored {
        row = row.note(speech.say(&Text::PinRestored {})).in_tone(Tone::Warning);
    }
    row
}

fn roles(standing: Standing, speech: &Speech) -> Row {
    match standing {
        Standing::Proved => Row::new(speech.say(&Text::RolesProved {})),
        Standing::Unproved => {
            Row::new(speech.say(&Text::RolesUnproved {})).note(speech.say(&Text::RolesUnprovedMore {}))
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::super::page::Control;
    use super::super::samples::snapshot;
    use super::*;

    fn row(change: impl FnOnce(&mut PinStatus)) -> Row {
        let mut now = snapshot();
        if let Some(pin) = &mut now.status.pin {
            change(pin);
        }
        page(&now, &Speech::in_language("en")).groups[0].rows[0].clone()
    }

    #[test]
    fn tries_and_the_wait_are_told_and_a_pin_that_is_set_can_be_changed() {
        let told = row(|pin| {
            pin.tries_left = 3;
            pin.wait_ms = 1500;
        });
        assert!(told.notes[0].contains('3') && told.notes[1].contains('2'), "{told:?}");
        assert!(matches!(
            told.controls.as_slice(),
            [Control::Button {
                act: Act::Do(Call::ChangePin),
                ..
            }]
        ));
    }

    #[test]
    fn without_a_pin_one_can_be_chosen_and_after_too_many_wrong_ones_not() {
        assert_eq!(row(|pin| pin.set = false).controls.len(), 1);
        let locked = row(|pin| pin.locked_out = true);
        assert!(locked.controls.is_empty() && locked.tone == Tone::Error);
    }

    #[test]
    fn a_hello_that_does_not_answer_is_an_error_with_its_reason() {
        let mut now = snapshot();
        now.status.pin = None;
        now.status.tier = None;
        now.status.verification_problem = Some("Hello does not answer.".into());
        let page = page(&now, &Speech::in_language("en"));
        assert_eq!(page.groups[0].rows[0].notes, ["Hello does not answer."]);
        assert_eq!(page.groups.len(), 1);
    }

    #[test]
    fn a_way_back_is_one_that_was_typed_back() {
        let mut now = snapshot();
        let told = |now: &Snapshot| way_back(now, &Speech::in_language("en"));
        for code in [RecoveryCodeStatus::None, RecoveryCodeStatus::Pending] {
            now.status.recovery_code = code;
            assert!(told(&now).tone == Tone::Warning && told(&now).notes[0].contains("verify recovery-code"));
        }
        now.status.recovery_code = RecoveryCodeStatus::Confirmed;
        assert!(told(&now).tone == Tone::Plain && told(&now).notes[0].contains("verify recover”"));
    }
}
