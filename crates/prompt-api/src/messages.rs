//! Messages in the user's language: the catalogues, in Fluent, and what reads them.
//!
//! A further language is a further file beside `messages/en.ftl`, named in `CATALOGUES`. What a catalogue lacks is said in English.
//! A terminal says messages as they are, a window with [marks](Messages::isolating) that keep each argument's direction of writing
//! to itself.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use serde::Serialize;
use serde_json::Value;
use unic_langid::LanguageIdentifier;

use crate::message::Message;
use crate::sanitise;

/// The catalogues by language.
const CATALOGUES: [(&str, &str); 2] = [
    (ENGLISH, include_str!("messages/en.ftl")),
    ("de", include_str!("messages/de.ftl")),
];

/// The language that every message exists in.
const ENGLISH: &str = "en";

/// Says messages in one language.
pub struct Messages {
    /// The user's language, where it is not English, and English.
    bundles: Vec<FluentBundle<FluentResource>>,
}

impl Messages {
    /// In English.
    pub fn english() -> Self {
        Self::in_language(ENGLISH)
    }

    /// In the language of this locale as POSIX or BCP 47 spells it (`de_AT.UTF-8`, `de-AT`), or in English where there is no catalogue
    /// for it.
    pub fn in_language(locale: &str) -> Self {
        let language = language(locale);
        let wanted = CATALOGUES
            .iter()
            .filter(|(name, _)| *name == language && *name != ENGLISH);
        let english = CATALOGUES.iter().filter(|(name, _)| *name == ENGLISH);
        let bundles = wanted.chain(english).map(|(name, text)| bundle(name, text)).collect();
        Self { bundles }
    }

    /// In the language that these variables of the environment ask for, in gettext's order: `LANGUAGE` has several, and counts only
    /// where the locale is not `C`.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
        let locale = locale.unwrap_or_default();
        if matches!(language(&locale), "" | "C" | "POSIX") {
            return Self::english();
        }
        let several = set("LANGUAGE").unwrap_or_default();
        let spoken = |wanted: &&str| CATALOGUES.iter().any(|(name, _)| *name == language(wanted));
        let wanted = several.split(':').chain([locale.as_str()]).find(spoken);
        Self::in_language(wanted.unwrap_or(ENGLISH))
    }

    /// The same with marks around each argument that keep its direction of writing to itself. They are invisible in a window and
    /// visible in some terminals.
    #[must_use]
    pub fn isolating(mut self) -> Self {
        for bundle in &mut self.bundles {
            bundle.set_use_isolating(true);
        }
        self
    }

    /// The same with further catalogues by language, for a window's own words; none of them names a message that is there already.
    #[must_use]
    pub fn with(mut self, catalogues: &[(&str, &str)]) -> Self {
        for bundle in &mut self.bundles {
            let language = bundle.locales.first().map(|language| language.language.to_string());
            let own = catalogues.iter().filter(|(name, _)| Some(*name) == language.as_deref());
            own.for_each(|(_, text)| add(bundle, text));
        }
        self
    }

    /// The message as a sentence or two. What others chose of it is [one line](sanitise::line) each, wherever it comes from.
    pub fn text(&self, message: &Message) -> String {
        self.say(message)
    }

    /// The same for a message of [further catalogues](Self::with): an object with a `code` and the arguments beside it.
    pub fn say(&self, message: &impl Serialize) -> String {
        // A tree of strings and numbers with string keys always serialises, to an object with a code.
        let Ok(Value::Object(members)) = serde_json::to_value(message) else {
            return String::new();
        };
        let mut args = FluentArgs::new();
        let mut code = "";
        for (name, value) in &members {
            match value {
                Value::String(text) if name == "code" => code = text,
                Value::String(text) => args.set(name.as_str(), sanitise::line(text, sanitise::MAX_HOST_CHARS)),
                Value::Number(number) => args.set(name.as_str(), number.as_u64().unwrap_or_default()),
                Value::Bool(true) => args.set(name.as_str(), 1_u64),
                _ => args.set(name.as_str(), 0_u64),
            }
        }
        self.said(code, &args).unwrap_or_else(|| code.to_owned())
    }

    /// The words of the first catalogue that has them.
    fn said(&self, code: &str, args: &FluentArgs<'_>) -> Option<String> {
        self.bundles.iter().find_map(|bundle| {
            let pattern = bundle.get_message(code)?.value()?;
            let mut errors = Vec::new();
            let text = bundle.format_pattern(pattern, Some(args), &mut errors).into_owned();
            errors.is_empty().then_some(text)
        })
    }
}

/// The language of a locale.
fn language(locale: &str) -> &str {
    locale.split(['-', '_', '.', '@']).next().unwrap_or_default()
}

fn bundle(language: &str, text: &str) -> FluentBundle<FluentResource> {
    let languages = language.parse::<LanguageIdentifier>().into_iter().collect();
    let mut bundle = FluentBundle::new_concurrent(languages);
    bundle.set_use_isolating(false);
    add(&mut bundle, text);
    bundle
}

fn add(bundle: &mut FluentBundle<FluentResource>, text: &str) {
    // Both fail only for a catalogue that the tests have not seen; what can be read of it serves.
    let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(resource, _)| resource);
    let _ = bundle.add_resource(resource);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use serde_json::json;

    use super::*;

    /// The codes of all messages, as serde knows them from the type.
    fn codes() -> BTreeSet<String> {
        let error = serde_json::from_value::<Message>(json!({"code": "?"}))
            .unwrap_err()
            .to_string();
        let list = error.split_once("expected one of ").unwrap().1;
        list.split(", ").map(|code| code.trim_matches('`').to_owned()).collect()
    }

    /// The names of the messages in a catalogue.
    fn names(catalogue: &str) -> BTreeSet<String> {
        let named = catalogue
            .lines()
            .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
        named.map(|line| line.split_once(" =").unwrap().0.to_owned()).collect()
    }

    /// A message of this code with these arguments; those that it does not have are ignored.
    fn message(code: &str, argument: &Value) -> Message {
        serde_json::from_value(json!({
            "code": code, "group": 3, "groups": 2, "site": "example.com", "origin": "shop.example.org", "provider": "Notebook", "program": argument, "account": argument,
            "name": argument.as_str().unwrap_or("Work"), "words": "Export", "reason": "date", "why": "timed-out",
            "more": 1, "tries_left": 1, "seconds": 3, "minutes": 2, "executable": argument, "door": "hid",
            "locked": argument.is_string(), "count": 2, "guesses": "10 000", "lasts": "hours",
            "to": "delete", "field": "site", "method": "face", "state": "ready", "host": "loader", "what": "rules", "damage": "malformed", "file": "/x", "set_aside": argument,
        }))
        .unwrap()
    }

    #[test]
    fn every_code_has_a_message_and_no_message_is_without_use() {
        for (language, catalogue) in CATALOGUES {
            let names = names(catalogue);
            let unsaid: Vec<_> = codes().difference(&names).cloned().collect();
            assert!(unsaid.is_empty(), "{language} lacks {unsaid:?}");
            for name in names.difference(&codes()) {
                assert!(
                    catalogue.contains(&format!("{{ {name} }}")),
                    "{language}: nothing uses {name}"
                );
            }
        }
    }

    /// The sources of this workspace's crates, without their tests' own files.
    fn sources() -> String {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut folders: Vec<PathBuf> = fs::read_dir(crates)
            .unwrap()
            .map(|it| it.unwrap().path().join("src"))
            .filter(|folder| folder.is_dir())
            .collect();
        let mut text = String::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|it| it == "rs")
                    && path != Path::new(crates).join("prompt-api/src/messages.rs")
                {
                    text.push_str(&fs::read_to_string(path).unwrap());
                }
            }
        }
        text
    }

    /// `wrong-pin` as `WrongPin`.
    fn variant(code: &str) -> String {
        code.split('-')
            .map(|word| word[..1].to_uppercase() + &word[1..])
            .collect()
    }

    #[test]
    fn every_message_is_said_by_somebody() {
        let sources = sources();
        for code in codes() {
            let said = format!("Message::{} {{", variant(&code));
            assert!(sources.contains(&said), "nobody says {code}");
        }
    }

    #[test]
    fn every_message_is_said_whether_its_arguments_are_there_or_not() {
        for (language, catalogue) in CATALOGUES {
            let messages = Messages::in_language(language);
            FluentResource::try_new(catalogue.to_owned()).expect("a catalogue");
            for code in names(catalogue).intersection(&codes()) {
                for argument in [json!("Alice"), Value::Null] {
                    let text = messages.text(&message(code, &argument));
                    assert!(
                        text != *code && !text.contains(['{', '\n']),
                        "{language}: {code}: {text:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_has_no_name_gets_words() {
        let english = Messages::english();
        let say = |message| english.text(&message);
        let program = |name: Option<&str>| Message::UseTitle {
            program: name.map(str::to_owned),
        };
        assert_eq!(
            say(program(Some("ssh"))),
            "A program (ssh) asks for a security key. Use Claviger?"
        );
        assert_eq!(say(program(None)), "A program asks for a security key. Use Claviger?");
        // Nobody takes the words of the nameless by a name.
        assert_eq!(
            say(program(Some("0"))),
            "A program (0) asks for a security key. Use Claviger?"
        );
        let unlock = |provider: Option<&str>, more| Message::UnlockTitle {
            provider: provider.map(str::to_owned),
            more,
        };
        assert_eq!(say(unlock(None, 0)), "Unlock");
        assert_eq!(say(unlock(Some("Safe"), 0)), "Unlock Safe");
        assert_eq!(say(unlock(Some("Safe"), 2)), "Unlock Safe and 2 more");
    }

    #[test]
    fn numbers_have_their_grammar() {
        let english = Messages::english();
        let left = |tries_left| english.text(&Message::WrongPin { tries_left });
        assert_eq!(left(1), "That PIN is wrong. One attempt is left.");
        assert_eq!(left(9), "That PIN is wrong. 9 attempts are left.");
        let wait = |seconds| english.text(&Message::WaitSeconds { seconds });
        assert_eq!(wait(1), "Too many wrong attempts. Wait one second before the next one.");
        assert_eq!(
            wait(30),
            "Too many wrong attempts. Wait 30 seconds before the next one."
        );
        let place = |locked| {
            let provider = "Safe".to_owned();
            english.text(&Message::Place { provider, locked })
        };
        assert_eq!(
            (place(false), place(true)),
            ("Safe".to_owned(), "Safe, locked".to_owned())
        );
    }

    #[test]
    fn an_argument_is_never_read_as_fluent() {
        let site = "{ $program } “x” { account }".to_owned();
        let text = Messages::english().text(&Message::SignInTitle { site: site.clone() });
        assert_eq!(text, format!("Sign in to {site}"));
    }

    #[test]
    fn a_language_without_a_catalogue_is_said_in_english() {
        for locale in ["en_GB.UTF-8", "xx-YY", "C", ""] {
            let text = Messages::in_language(locale).text(&Message::ChoosePinTitle {});
            assert_eq!(text, "Choose a PIN for your passkeys");
        }
    }
}
