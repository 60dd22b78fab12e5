//! The providers: who they are, whether they take part, and the rules for sites.

use claviger_joint::TroubleKind;
use claviger_prompt_api::manage::{Provider, ProviderState};
use claviger_prompt_api::message::Message;
use claviger_prompt_api::sanitise;

use super::activity;
use super::call::Call;
use super::page::{Act, Group, Page, Place, Row, Tone, Weight};
use super::shown;
use super::state::{Origin, Snapshot};
use crate::settings::text::{Speech, Text};

/// The page.
pub fn page(now: &Snapshot, speech: &Speech) -> Page {
    let mut groups: Vec<Group> = now
        .status
        .providers
        .iter()
        .map(|provider| group(now, provider, speech))
        .collect();
    groups.push(rules(now, speech));
    let problems: Vec<Row> = now
        .status
        .manifest_problems
        .iter()
        .map(|problem| {
            Row::new(shown::path(&problem.manifest))
                .note(shown::sentence(&problem.problem))
                .in_tone(Tone::Error)
        })
        .collect();
    if !problems.is_empty() {
        groups.push(Group::new(speech.say(&Text::ManifestProblems {}), problems));
    }
    Page { groups }
}

fn group(now: &Snapshot, provider: &Provider, speech: &Speech) -> Group {
    let rows = [
        trouble(provider, speech),
        Some(takes_part(provider, speech)),
        lock(provider, speech),
        is_default(provider, speech),
        place(now, provider, speech),
        Some(made_by(now, provider, speech)),
        last_faults(now, provider, speech),
    ];
    let count = u64::try_from(provider.passkeys).unwrap_or(u64::MAX);
    Group::new(name(provider), rows.into_iter().flatten().collect())
        .with_logo(now.logos.get(&provider.id).cloned().unwrap_or_default())
        .noting(speech.say(&Text::Keeps { count }))
}

fn takes_part(provider: &Provider, speech: &Speech) -> Row {
    let on = provider.state != ProviderState::Disabled;
    let (state, tone) = match provider.state {
        ProviderState::Enabled => (Text::ProviderOn {}, Tone::Plain),
        ProviderState::Disabled => (Text::ProviderOff {}, Tone::Plain),
        ProviderState::Unreachable => (Text::IsUnreachable {}, Tone::Error),
    };
    let call = if on {
        Call::Disable(provider.id.clone())
    } else {
        Call::Enable(provider.id.clone())
    };
    Row::new(speech.say(&Text::TakesPart {}))
        .note(speech.say(&state))
        .in_tone(tone)
        .switch(&name(provider), on, Act::Do(call))
}

/// Only what runs is locked or open, and only what takes part may be opened.
fn lock(provider: &Provider, speech: &Speech) -> Option<Row> {
    let locked = provider.locked.filter(|_| provider.state == ProviderState::Enabled)?;
    let (state, label, call) = if locked {
        (
            Text::ProviderLocked {},
            Text::Unlock {},
            Call::Unlock(provider.id.clone()),
        )
    } else {
        (Text::ProviderOpen {}, Text::Lock {}, Call::Lock(provider.id.clone()))
    };
    let row = Row::new(speech.say(&state));
    Some(row.button(speech.say(&label), &name(provider), Act::Do(call), Weight::Plain))
}

fn is_default(provider: &Provider, speech: &Speech) -> Option<Row> {
    if provider.default {
        return Some(Row::new(speech.say(&Text::IsDefault {})));
    }
    let act = Act::Do(Call::MakeDefault(provider.id.clone()));
    (provider.state == ProviderState::Enabled).then(|| {
        Row::new(speech.say(&Text::NotDefault {})).button(
            speech.say(&Text::MakeDefault {}),
            &name(provider),
            act,
            Weight::Plain,
        )
    })
}

/// Where it stands among the others, which the broker lists as it offers them.
fn place(now: &Snapshot, provider: &Provider, speech: &Speech) -> Option<Row> {
    let order: Vec<String> = now.status.providers.iter().map(|one| one.id.clone()).collect();
    let place = order.iter().position(|id| *id == provider.id)?;
    if order.len() < 2 {
        return None;
    }
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let title = speech.say(&Text::PlaceOf {
        place: number(place + 1),
        count: number(order.len()),
    });
    let moves = [
        (place.checked_sub(1), Text::MoveUp {}),
        (Some(place + 1).filter(|to| *to < order.len()), Text::MoveDown {}),
    ];
    let row = Row::new(title).note(speech.say(&Text::PlaceMore {}));
    Some(moves.into_iter().fold(row, |row, (to, label)| {
        let Some(to) = to else { return row };
        let mut order = order.clone();
        order.swap(place, to);
        let act = Act::Do(Call::Order(order));
        row.button(speech.say(&label), &name(provider), act, Weight::Plain)
    }))
}

/// Its program, where that comes from, and what it means if that runs what others give it.
fn made_by(now: &Snapshot, provider: &Provider, speech: &Speech) -> Row {
    let program = provider.executable.as_deref().map(shown::path);
    let program = program.unwrap_or_else(|| speech.say(&Text::NoProgram {}));
    let origin = provider.executable.as_ref().and_then(|path| now.origins.get(path));
    let origin = origin.map(|origin| match origin {
        Origin::Package(package) => speech.say(&Text::FromPackage {
            package: shown::name(package),
        }),
        Origin::NoPackage => speech.say(&Text::NotFromPackage {}),
    });
    let row = Row::new(speech.say(&Text::MadeBy {}))
        .maybe(origin)
        .note(program)
        .note(format!("{}, {}", provider.id, shown::path(&provider.manifest)));
    match provider.host {
        Some(host) => row
            .note(speech.message(&Message::ProgramHost { host }))
            .in_tone(Tone::Warning),
        None => row,
    }
}

/// When it was at fault, with the way to all that happened.
fn last_faults(now: &Snapshot, provider: &Provider, speech: &Speech) -> Option<Row> {
    let faults = activity::faults(now, &provider.id, speech);
    let row = Row::new(speech.say(&Text::LastFaults {})).in_tone(Tone::Warning);
    let told = faults
        .iter()
        .fold(row, |row, line| row.note(format!("{} {}", line.sentence, line.details)));
    let label = speech.say(&Text::OpenActivity {});
    (!faults.is_empty()).then(|| told.button(label, &name(provider), Act::Show(Place::Activity), Weight::Plain))
}

fn trouble(provider: &Provider, speech: &Speech) -> Option<Row> {
    let trouble = provider.trouble.as_ref()?;
    let kind = match trouble.kind {
        TroubleKind::Damaged => Text::IsDamaged {},
        TroubleKind::Unavailable => Text::IsUnavailable {},
    };
    let says = trouble.says.as_ref().map(|words| {
        speech.message(&Message::ProviderSays {
            provider: name(provider),
            words: sanitise::unquoted(words),
        })
    });
    Some(Row::new(speech.say(&kind)).maybe(says).in_tone(Tone::Error))
}

fn rules(now: &Snapshot, speech: &Speech) -> Group {
    let mut rows: Vec<Row> = now
        .rules
        .iter()
        .map(|rule| {
            let site = shown::name(&rule.rp_id);
            let remove = Act::Do(Call::ClearRule(rule.rp_id.clone()));
            let label = speech.say(&Text::RemoveRule {});
            Row::new(site.clone())
                .note(shown::name(now.provider_name(&rule.provider)))
                .button(label, &site, remove, Weight::Plain)
        })
        .collect();
    if !now.status.providers.is_empty() {
        let label = speech.say(&Text::AddRule {});
        rows.push(Row::new(speech.say(&Text::AddRuleRow {})).button(label, "", Act::AddRule, Weight::Plain));
    }
    if rows.is_empty() {
        rows.push(Row::new(speech.say(&Text::NoProviders {})));
    }
    Group::new(speech.say(&Text::Rules {}), rows).noting(speech.say(&Text::RulesNote {}))
}

/// A provider's name as it is shown.
pub fn name(provider: &Provider) -> String {
    shown::name(&provider.name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use claviger_prompt_api::logo::{Format, Logo, Logos};
    use claviger_prompt_api::manage::{ProgramHost, ProviderTrouble, Rule};

    use super::super::page::Control;
    use super::super::samples::{provider, snapshot};
    use super::*;

    fn acts(page: &Page) -> Vec<Act> {
        let controls = page
            .groups
            .iter()
            .flat_map(|group| &group.rows)
            .flat_map(|row| &row.controls);
        controls
            .map(|control| match control {
                Control::Switch { act, .. } | Control::Button { act, .. } => act.clone(),
            })
            .collect()
    }

    fn with(change: impl FnOnce(&mut Provider)) -> Page {
        let mut now = snapshot();
        let mut one = provider("org.example.Notebook", "Notebook");
        change(&mut one);
        now.status.providers = vec![one];
        page(&now, &Speech::in_language("en"))
    }

    #[test]
    fn a_disabled_provider_can_be_turned_on_and_nothing_else() {
        let page = with(|provider| {
            provider.state = ProviderState::Disabled;
            provider.locked = Some(true);
            provider.default = false;
        });
        assert_eq!(
            acts(&page),
            [Act::Do(Call::Enable("org.example.Notebook".into())), Act::AddRule]
        );
    }

    #[test]
    fn a_locked_one_can_be_opened_and_an_open_one_locked() {
        for (locked, call) in [(true, Call::Unlock as fn(String) -> Call), (false, Call::Lock)] {
            let page = with(|provider| provider.locked = Some(locked));
            assert!(acts(&page).contains(&Act::Do(call("org.example.Notebook".into()))));
        }
        assert!(
            !acts(&with(|provider| provider.locked = None))
                .iter()
                .any(|act| matches!(act, Act::Do(Call::Lock(_))))
        );
    }

    #[test]
    fn what_a_provider_says_of_its_trouble_stands_in_quotation_marks_with_its_name() {
        let page = with(|provider| {
            provider.trouble = Some(ProviderTrouble {
                kind: TroubleKind::Damaged,
                says: Some("disk gone” all is well".into()),
            });
        });
        let row = &page.groups[0].rows[0];
        assert_eq!(row.tone, Tone::Error);
        assert!(
            row.notes[0].ends_with('”') && row.notes[0].matches('”').count() == 1,
            "{row:?}"
        );
    }

    #[test]
    fn a_program_that_runs_others_is_warned_of() {
        let page = with(|provider| provider.host = Some(ProgramHost::Interpreter));
        assert!(
            page.groups[0]
                .rows
                .iter()
                .any(|row| row.tone == Tone::Warning && row.notes.len() == 3)
        );
    }

    #[test]
    fn a_logo_stands_beside_its_provider_and_an_empty_one_where_there_is_none() {
        let mut now = snapshot();
        now.status.providers.push(provider("org.example.Notebook", "Notebook"));
        let logos = Logos {
            light: Some(Logo::new(Format::Svg, b"<svg/>")),
            dark: None,
        };
        now.logos.insert("org.example.Notebook".into(), logos.clone());
        let page = page(&now, &Speech::in_language("en"));
        let drawn: Vec<_> = page.groups.iter().map(|group| group.logo.clone()).collect();
        assert_eq!(drawn, [Some(Logos::default()), Some(logos), None]);
    }

    #[test]
    fn who_made_a_provider_is_a_package_or_none_and_its_program() {
        let mut now = snapshot();
        let notes = |now: &Snapshot| {
            let page = page(now, &Speech::in_language("en"));
            let rows = page.groups.into_iter().next().unwrap().rows;
            let row = rows.into_iter().find(|row| row.title == "Made by").unwrap();
            // Without the marks around what was filled in.
            row.notes
                .iter()
                .map(|note| note.replace(['\u{2068}', '\u{2069}'], ""))
                .collect::<Vec<_>>()
        };
        assert_eq!(notes(&now)[0], "/usr/bin/claviger");
        for (origin, said) in [
            (Origin::Package("claviger".into()), "Package claviger"),
            (Origin::NoPackage, "Not from a package"),
        ] {
            now.origins.insert("/usr/bin/claviger".into(), origin);
            assert_eq!(notes(&now)[..2], [said, "/usr/bin/claviger"]);
        }
    }

    #[test]
    fn each_provider_can_be_moved_where_there_is_room_and_one_alone_not() {
        let mut now = snapshot();
        let speech = Speech::in_language("en");
        let orders = |now: &Snapshot| -> Vec<Vec<String>> {
            let acts = acts(&page(now, &speech)).into_iter();
            acts.filter_map(|act| match act {
                Act::Do(Call::Order(order)) => Some(order),
                _ => None,
            })
            .collect()
        };
        now.status.providers = vec![provider("a", "A")];
        assert_eq!(orders(&now), Vec::<Vec<String>>::new());
        now.status.providers = ["a", "b", "c"].map(|id| provider(id, id)).into();
        let expected = [["b", "a", "c"], ["b", "a", "c"], ["a", "c", "b"], ["a", "c", "b"]];
        assert_eq!(orders(&now), expected);
    }

    #[test]
    fn what_went_wrong_with_a_provider_stands_with_it() {
        let mut now = snapshot();
        let speech = Speech::in_language("en");
        let shows = |now: &Snapshot| acts(&page(now, &speech)).contains(&Act::Show(Place::Activity));
        assert!(!shows(&now));
        now.audit.entries = vec![serde_json::json!({"time": 1, "event": "get", "result": "failed",
            "cause": "provider-crashed", "fault": "provider", "provider": "org.claviger.Vault"})];
        assert!(shows(&now));
    }

    #[test]
    fn a_rule_can_be_removed_whether_or_not_its_provider_is_there() {
        let mut now = snapshot();
        let rule = Rule {
            rp_id: "example.org".into(),
            provider: "org.example.Gone".into(),
        };
        now.rules = vec![rule];
        let page = page(&now, &Speech::in_language("en"));
        assert!(acts(&page).contains(&Act::Do(Call::ClearRule("example.org".into()))));
    }
}
