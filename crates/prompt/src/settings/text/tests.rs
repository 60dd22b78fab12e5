//! That nothing is left untranslated, unsaid or said twice.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;

/// The codes of all texts, as serde knows them from the type.
fn codes() -> BTreeSet<String> {
    let error = serde_json::from_value::<Text>(json!({"code": "?"}))
        .unwrap_err()
        .to_string();
    let (_, list) = error.split_once("expected one of ").unwrap();
    list.split(", ").map(|code| code.trim_matches('`').to_owned()).collect()
}

fn names(catalogue: &str) -> BTreeSet<String> {
    let named = catalogue
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
    named.map(|line| line.split_once(" =").unwrap().0.to_owned()).collect()
}

fn sample(code: &str) -> Text {
    serde_json::from_value(json!({
        "code": code, "time": "T", "account": "alice", "site": "example.org", "count": 2, "tries_left": 3, "seconds": 4,
        "tier": "software", "folder": "/x", "file": "/y", "problem": "P", "event": "get", "ok": true, "who": "Chromium", "provider": "Vault",
        "cause": "timed-out", "method": "pin", "detail": "D", "version": "1", "entries": 5, "package": "claviger", "place": 1,
    }))
    .unwrap()
}

#[test]
fn every_language_says_every_text_and_no_other() {
    for (language, catalogue) in CATALOGUES {
        let names = names(catalogue);
        assert_eq!(
            codes().difference(&names).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "{language} lacks these"
        );
        for name in names.difference(&codes()) {
            assert!(
                catalogue.contains(&format!("{{ {name} }}")),
                "{language} has {name}, which nothing says"
            );
        }
    }
}

#[test]
fn every_text_is_said_with_its_arguments_in_every_language() {
    let english = Speech::in_language("en");
    for (language, _) in CATALOGUES {
        let speech = Speech::in_language(language);
        for code in codes() {
            let said = speech.say(&sample(&code));
            assert!(
                !said.is_empty() && said != code && !said.contains('{'),
                "{language}: {code}: {said}"
            );
            let may_be_alike =
                ["browsers", "claviger", "page-passkeys", "passkey", "pin", "title"].contains(&code.as_str());
            assert!(
                language == "en" || may_be_alike || said != english.say(&sample(&code)),
                "{code} is not translated"
            );
        }
    }
}

#[test]
fn no_text_has_the_name_of_a_message_of_the_broker_s() {
    let messages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../prompt-api/src/messages/en.ftl");
    let taken = names(&fs::read_to_string(messages).unwrap());
    for (language, catalogue) in CATALOGUES {
        let both = names(catalogue);
        assert_eq!(
            both.intersection(&taken).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "{language}"
        );
    }
}

#[test]
fn every_text_is_said_somewhere() {
    let mut source = String::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/settings"), &mut source);
    for code in codes() {
        let variant: String = code
            .split('-')
            .map(|word| word[..1].to_uppercase() + &word[1..])
            .collect();
        assert!(
            source.contains(&format!("Text::{variant} {{")),
            "nothing says {variant}"
        );
    }
}

fn read(folder: &Path, source: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, source);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *source += &fs::read_to_string(path).unwrap();
        }
    }
}
