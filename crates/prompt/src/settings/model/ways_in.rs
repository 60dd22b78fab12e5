//! The ways in: each browser with what is missing, and the virtual security key.

use claviger_prompt_api::manage::AllowedProgram;

use super::call::Call;
use super::page::{Act, Control, Group, Page, Row, Tone, Weight};
use super::shown;
use super::state::{Browser, Host, KeyDoor, KeyDoorState, Snapshot, Way};
use crate::settings::text::{Speech, Text};

/// The door of browsers, as the broker names it.
const BROWSER_DOOR: &str = "browser";

/// The page.
pub fn page(now: &Snapshot, speech: &Speech) -> Page {
    let key = vec![key(&now.key, now.status.security_key, speech)];
    let key = Group::new(speech.say(&Text::KeyDoor {}), key).noting(speech.say(&Text::KeyDoorNote {}));
    let groups = [Some(browsers(now, speech)), Some(key), programs(now, speech)];
    Page {
        groups: groups.into_iter().flatten().collect(),
    }
}

/// The browsers of this machine, each with what to do for it.
pub fn browsers(now: &Snapshot, speech: &Speech) -> Group {
    let open = now.status.doors.iter().any(|door| door == BROWSER_DOOR);
    let shut = (!open).then(|| Row::new(speech.say(&Text::BrowserDoorShut {})).in_tone(Tone::Error));
    let none = now
        .browsers
        .is_empty()
        .then(|| Row::new(speech.say(&Text::NoBrowsers {})));
    let each = now.browsers.iter().map(|found| browser(found, now.key.state, speech));
    let rows = shut.into_iter().chain(none).chain(each).collect();
    Group::new(speech.say(&Text::Browsers {}), rows).noting(speech.say(&Text::BrowsersNote {}))
}

fn browser(browser: &Browser, key: KeyDoorState, speech: &Speech) -> Row {
    let name = shown::name(&browser.name);
    let row = Row::new(name.clone());
    match &browser.way {
        Way::Extension {
            host: Host::NoProgram, ..
        } => row.note(speech.say(&Text::HostMissing {})).in_tone(Tone::Warning),
        Way::Extension {
            host: Host::Writable(what),
            ..
        } => {
            let act = Act::SetUp(what.clone());
            row.note(speech.say(&Text::HostWritable {}))
                .in_tone(Tone::Warning)
                .button(speech.say(&Text::SetUp {}), &name, act, Weight::Suggested)
        }
        Way::Extension {
            host: Host::Found,
            folder,
        } => {
            let shown = folder.as_deref().map(shown::path);
            let row = row
                .note(speech.say(&Text::HostFound {}))
                .note(speech.say(&Text::LoadExtension { folder: shown }));
            match folder.as_deref().and_then(|folder| folder.to_str()) {
                Some(folder) => {
                    let act = Act::Copy(folder.to_owned());
                    row.button(speech.say(&Text::CopyFolder {}), &name, act, Weight::Plain)
                }
                None => row,
            }
        }
        Way::SecurityKey if matches!(key, KeyDoorState::Plugged | KeyDoorState::Listening) => row
            .note(speech.say(&Text::BrowserByKey {}))
            .note(speech.say(&Text::KeyCannotShow {})),
        Way::SecurityKey => row
            .note(speech.say(&Text::BrowserWithoutKey {}))
            .note(speech.say(&Text::KeyCannotShow {}))
            .in_tone(Tone::Warning),
    }
}

/// The programs that a list lets name a site; nothing where there is none.
fn programs(now: &Snapshot, speech: &Speech) -> Option<Group> {
    let program = |allowed: &AllowedProgram| {
        let list = shown::path(&allowed.list);
        let row = Row::new(shown::path(&allowed.program)).note(speech.say(&Text::AllowedBy { file: list }));
        if allowed.counts {
            row
        } else {
            row.note(speech.say(&Text::AllowedInVain {})).in_tone(Tone::Warning)
        }
    };
    let rows: Vec<Row> = now.status.allowed_programs.iter().map(program).collect();
    (!rows.is_empty())
        .then(|| Group::new(speech.say(&Text::AllowedPrograms {}), rows).noting(speech.say(&Text::AllowedNote {})))
}

/// The security key, with its switch where the broker has one: `wanted` is how that stands, whether or not there is a key by now.
fn key(door: &KeyDoor, wanted: Option<bool>, speech: &Speech) -> Row {
    let (state, tone) = match door.state {
        KeyDoorState::Plugged => (Text::KeyPlugged {}, Tone::Plain),
        KeyDoorState::Listening => (Text::KeyListening {}, Tone::Plain),
        KeyDoorState::Off => (Text::KeyOff {}, Tone::Plain),
        KeyDoorState::Unplugged if !door.helper => (Text::KeyWaits {}, Tone::Warning),
        KeyDoorState::Unplugged => (Text::KeyUnplugged {}, Tone::Warning),
        KeyDoorState::NotRunning if wanted == Some(false) => (Text::KeyOff {}, Tone::Plain),
        KeyDoorState::NotRunning => (Text::KeyNotRunning {}, Tone::Plain),
    };
    let problem = door.problem.as_deref().map(shown::sentence);
    let more = match door.state {
        KeyDoorState::Plugged | KeyDoorState::Listening | KeyDoorState::Off => None,
        KeyDoorState::Unplugged | KeyDoorState::NotRunning if !door.helper => Some(Text::KeyNeedsHelper {}),
        KeyDoorState::Unplugged => Some(Text::KeyDoctor {}),
        KeyDoorState::NotRunning => Some(Text::KeyStart {}),
    };
    let row = Row::new(speech.say(&state))
        .maybe(problem)
        .maybe(more.map(|more| speech.say(&more)))
        .note(speech.say(&Text::KeyCannotShow {}))
        .in_tone(tone);
    let switch = wanted.map(|on| Control::Switch {
        name: speech.say(&Text::KeyDoor {}),
        on,
        act: Act::Do(Call::SwitchSecurityKey(!on)),
    });
    Row {
        controls: switch.into_iter().collect(),
        ..row
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::super::samples::snapshot;
    use super::super::state::SetUp;
    use super::*;

    #[test]
    fn a_browser_that_cannot_find_the_platform_is_a_warning_with_what_to_do() {
        let mut now = snapshot();
        let what = SetUp {
            manifest: "/home/alice/.config/chromium/NativeMessagingHosts/org.claviger.browser.json".into(),
            program: "/usr/lib/claviger/claviger-native-host".into(),
        };
        now.browsers = [Host::Found, Host::NoProgram, Host::Writable(what.clone())]
            .map(|host| Browser {
                name: "Chromium".into(),
                way: Way::Extension {
                    host,
                    folder: Some("/usr/share/claviger/extension".into()),
                },
            })
            .to_vec();
        let rows = browsers(&now, &Speech::in_language("en")).rows;
        assert_eq!(
            rows.iter().map(|row| row.tone).collect::<Vec<_>>(),
            [Tone::Plain, Tone::Warning, Tone::Warning]
        );
        assert!(rows[1].notes[0].contains("claviger setup"), "{rows:?}");
        let pressed = |row: &Row| match row.controls.first() {
            Some(Control::Button { act, .. }) => Some(act.clone()),
            _ => None,
        };
        assert_eq!(
            rows.iter().map(pressed).collect::<Vec<_>>(),
            [
                Some(Act::Copy("/usr/share/claviger/extension".into())),
                None,
                Some(Act::SetUp(what))
            ]
        );
    }

    #[test]
    fn a_browser_served_by_the_key_says_what_that_cannot_show() {
        let mut now = snapshot();
        now.browsers = vec![Browser {
            name: "Firefox".into(),
            way: Way::SecurityKey,
        }];
        for state in [KeyDoorState::Plugged, KeyDoorState::Off] {
            now.key.state = state;
            let row = &browsers(&now, &Speech::in_language("en")).rows[0];
            assert_eq!(row.tone == Tone::Plain, state == KeyDoorState::Plugged);
            assert_eq!(row.notes.len(), 2);
        }
    }

    #[test]
    fn a_program_that_may_name_sites_is_listed_with_who_allows_it_and_whether_it_counts() {
        let mut now = snapshot();
        let speech = Speech::in_language("en");
        now.status.allowed_programs = Vec::new();
        assert_eq!(page(&now, &speech).groups.len(), 2);
        now.status.allowed_programs = [true, false]
            .map(|counts| AllowedProgram {
                program: "/opt/browser/browser".into(),
                list: "/etc/claviger/privileged-callers".into(),
                counts,
            })
            .to_vec();
        let group = page(&now, &speech).groups.pop().unwrap_or_default();
        let tones: Vec<Tone> = group.rows.iter().map(|row| row.tone).collect();
        assert_eq!(tones, [Tone::Plain, Tone::Warning]);
        assert_eq!(group.rows[0].title, "/opt/browser/browser");
        assert!(
            group.rows[0].notes[0].contains("/etc/claviger/privileged-callers"),
            "{group:?}"
        );
    }

    #[test]
    fn why_there_is_no_key_is_told() {
        let mut now = snapshot();
        now.key = KeyDoor {
            state: KeyDoorState::Unplugged,
            problem: Some("no /dev/uhid".into()),
            helper: true,
        };
        let page = page(&now, &Speech::in_language("en"));
        assert!(page.groups[1].rows[0].notes.contains(&"no /dev/uhid".to_owned()));
    }

    #[test]
    fn the_keys_switch_stands_as_the_person_wants_and_turns_to_the_other_side() {
        let mut now = snapshot();
        let speech = Speech::in_language("en");
        for on in [true, false] {
            now.status.security_key = Some(on);
            let row = &page(&now, &speech).groups[1].rows[0];
            let Some(Control::Switch { on: stands, act, .. }) = row.controls.first() else {
                panic!("no switch in {row:?}");
            };
            assert_eq!((*stands, act), (on, &Act::Do(Call::SwitchSecurityKey(!on))));
        }
        now.status.security_key = None;
        assert!(page(&now, &speech).groups[1].rows[0].controls.is_empty());
    }

    #[test]
    fn a_key_says_what_it_waits_for_and_what_root_has_to_run() {
        let speech = Speech::in_language("en");
        let said = |state, helper, wanted| {
            let door = KeyDoor {
                state,
                problem: None,
                helper,
            };
            let row = key(&door, Some(wanted), &speech);
            format!("{}\n{}", row.title, row.notes.join("\n"))
        };
        for state in [KeyDoorState::Unplugged, KeyDoorState::NotRunning] {
            assert!(said(state, false, true).contains("sudo claviger setup --system"));
            assert!(!said(state, true, true).contains("sudo"));
        }
        assert!(said(KeyDoorState::Unplugged, false, true).contains("waits for its helper"));
        assert!(said(KeyDoorState::NotRunning, true, true).contains("systemctl --user start claviger-hid-door"));
        assert!(said(KeyDoorState::NotRunning, true, false).contains("Switched off"));
    }

    #[test]
    fn what_a_key_cannot_show_stands_beside_its_switch() {
        let speech = Speech::in_language("en");
        let row = key(&snapshot().key, Some(true), &speech);
        assert!(row.notes.contains(&speech.say(&Text::KeyCannotShow {})));
    }
}
