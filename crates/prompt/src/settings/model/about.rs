//! The version, and what is broken: which file, what is wrong, what helps, what works meanwhile.

use claviger_prompt_api::manage::Status;
use claviger_prompt_api::trouble::{Offer, Trouble};

use super::call::Call;
use super::page::{Act, Group, Page, Place, Row, Tone, Weight};
use super::state::Snapshot;
use crate::settings::text::{Speech, Text};

/// The page.
pub fn page(now: &Snapshot, speech: &Speech) -> Page {
    let status = &now.status;
    let mut groups = Vec::new();
    if status.scripted_prompt_allowed || status.prompt.scripted {
        let row = Row::new(speech.say(&Text::Scripted {})).in_tone(Tone::Error);
        groups.push(Group::new(speech.say(&Text::Warning {}), vec![row]));
    }
    groups.push(troubles(status, speech));
    groups.push(version(status, speech));
    Page { groups }
}

fn troubles(status: &Status, speech: &Speech) -> Group {
    let mut rows: Vec<Row> = status.troubles.iter().map(|trouble| row(trouble, speech)).collect();
    if rows.is_empty() {
        rows.push(Row::new(speech.say(&Text::NothingBroken {})));
    }
    rows.push(Row::new(speech.say(&Text::Doctor {})).note(speech.say(&Text::DoctorMore {})));
    Group::new(speech.say(&Text::Troubles {}), rows)
}

fn row(trouble: &Trouble, speech: &Speech) -> Row {
    let row = Row::new(speech.message(&trouble.found()))
        .note(speech.message(&trouble.remedy()))
        .note(speech.message(&trouble.still_works()))
        .in_tone(Tone::Error);
    match remedy(trouble) {
        Some((label, act)) => row.button(speech.say(&label), trouble.what.code(), act, Weight::Plain),
        None => row,
    }
}

/// The remedy as something to press, where there is one.
fn remedy(trouble: &Trouble) -> Option<(Text, Act)> {
    Some(match trouble.offer()? {
        Offer::DecideAnew => (Text::OpenProviders {}, Act::Show(Place::Providers)),
        Offer::Unlock(provider) => (Text::Unlock {}, Act::Do(Call::Unlock(provider))),
    })
}

fn version(status: &Status, speech: &Speech) -> Group {
    let entries = status.audit.entries;
    let rows = vec![
        Row::new(speech.say(&Text::VersionOf {
            version: status.version.clone(),
        })),
        Row::new(speech.say(&Text::LogHas { entries })).button(
            speech.say(&Text::OpenActivity {}),
            "",
            Act::Show(Place::Activity),
            Weight::Plain,
        ),
        Row::new(speech.say(&Text::FirstStepsRow {})).button(
            speech.say(&Text::FirstSteps {}),
            "",
            Act::FirstRun,
            Weight::Plain,
        ),
    ];
    Group::new(speech.say(&Text::Claviger {}), rows)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use claviger_prompt_api::trouble::{Damage, StateFile};

    use super::super::samples::snapshot;
    use super::*;

    fn trouble(what: StateFile, damage: Damage) -> Row {
        let mut now = snapshot();
        now.status.troubles = vec![Trouble {
            what,
            damage,
            file: "/state/x".into(),
            provider: None,
            set_aside: None,
        }];
        page(&now, &Speech::in_language("en")).groups[0].rows[0].clone()
    }

    #[test]
    fn a_trouble_names_file_remedy_and_what_works_meanwhile() {
        let row = trouble(StateFile::Vault, Damage::Malformed);
        assert!(row.title.contains("/state/x"), "{row:?}");
        assert_eq!((row.notes.len(), row.tone, row.controls.len()), (2, Tone::Error, 0));
    }

    #[test]
    fn a_remedy_that_the_broker_has_is_a_button() {
        assert_eq!(trouble(StateFile::Cache, Damage::Malformed).controls.len(), 1);
        assert_eq!(trouble(StateFile::Rules, Damage::Malformed).controls.len(), 1);
        assert!(trouble(StateFile::Rules, Damage::OpenToOthers).controls.is_empty());
    }

    #[test]
    fn a_script_that_may_approve_is_the_first_thing_said() {
        let mut now = snapshot();
        now.status.scripted_prompt_allowed = true;
        assert_eq!(
            page(&now, &Speech::in_language("en")).groups[0].rows[0].tone,
            Tone::Error
        );
    }
}
