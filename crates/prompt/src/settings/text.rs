//! The settings' own words: what they say as codes with arguments, and the catalogues that say it in a language.
//!
//! They stand beside the broker's [`Message`]s and are read by the same [`Messages`]; a further language is a further file in `text/`.

use std::env;

use claviger_prompt_api::message::Message;
use claviger_prompt_api::messages::Messages;
use gtk::glib;
use serde::{Deserialize, Serialize};

/// The catalogues by language.
const CATALOGUES: [(&str, &str); 2] = [("en", include_str!("text/en.ftl")), ("de", include_str!("text/de.ftl"))];

/// Something that the settings say. The sentences stand in `text/en.ftl`, each under its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
#[allow(missing_docs)] // As for the broker's messages: they would stand twice.
pub enum Text {
    // The window.
    Title {},
    PagePasskeys {},
    PageProviders {},
    PageVerification {},
    PageWaysIn {},
    PageActivity {},
    PageAbout {},
    Back {},
    Reload {},
    Cancel {},
    Waiting {},
    StopWaiting {},
    Unreachable {},
    UnreachableMore {},
    TryAgain {},
    Loading {},

    // Passkeys.
    SearchPasskeys {},
    SortBy {},
    GroupBySite {},
    NoPasskeys {},
    NoPasskeysMore {},
    NoMatch {},
    OrderSite {},
    OrderAccount {},
    OrderLastUsed {},
    OrderCreated {},
    OrderProvider {},
    Passkey {},
    NoAccount {},
    LastUsed {
        time: String,
    },
    NeverUsed {},
    Unknown {},
    Unconfirmed {},
    UnconfirmedMore {},
    FactSite {},
    FactSiteName {},
    FactAccount {},
    FactDisplayName {},
    FactProvider {},
    FactCreated {},
    FactLastUsed {},
    FactCopies {},
    FactFound {},
    FactId {},
    Synced {},
    ThisDeviceOnly {},
    Discoverable {},
    NotDiscoverable {},
    RenameRow {},
    Rename {},
    RenameHeading {},
    NewName {},
    DeleteRow {},
    DeleteRowMore {},
    Delete {},
    DeleteHeading {
        account: String,
        site: String,
    },
    DeleteBody {
        site: String,
    },

    // Providers.
    Keeps {
        count: u64,
    },
    TakesPart {},
    ProviderOn {},
    ProviderOff {},
    IsUnreachable {},
    ProviderLocked {},
    ProviderOpen {},
    Lock {},
    Unlock {},
    IsDefault {},
    NotDefault {},
    MakeDefault {},
    MadeBy {},
    NoProgram {},
    IsDamaged {},
    IsUnavailable {},
    ManifestProblems {},
    NoProviders {},
    Rules {},
    RulesNote {},
    RemoveRule {},
    AddRuleRow {},
    AddRule {},
    RuleSite {},
    RuleProvider {},

    // Verification.
    Pin {},
    PinSet {},
    PinTries {
        tries_left: u64,
    },
    PinWait {
        seconds: u64,
    },
    PinRestored {},
    PinNotSet {},
    PinNotSetMore {},
    ChoosePin {},
    PinLockedOut {},
    PinLockedOutMore {},
    PinUnknown {},
    Protection {},
    TierSentence {
        tier: String,
    },
    TierMore {
        tier: String,
    },
    RolesProved {},
    RolesUnproved {},
    RolesUnprovedMore {},

    // Ways in.
    Browsers {},
    BrowsersNote {},
    BrowserDoorShut {},
    NoBrowsers {},
    HostFound {},
    HostMissing {},
    LoadExtension {
        folder: Option<String>,
    },
    BrowserByKey {},
    BrowserWithoutKey {},
    KeyCannotShow {},
    KeyDoor {},
    KeyDoorNote {},
    KeyPlugged {},
    KeyListening {},
    KeyOff {},
    KeyUnplugged {},
    KeyNotRunning {},
    KeyTurnOn {},
    KeyTurnOff {},
    KeyDoctor {},

    // Activity.
    SearchActivity {},
    Show {},
    FilterAll {},
    FilterSignIns {},
    FilterChanges {},
    FilterFailures {},
    LogIntact {},
    LogChanged {
        problem: Option<String>,
    },
    NoActivity {},
    Export {},
    ExportName {},
    Exported {},
    NotExported {
        problem: String,
    },
    /// `event`, or what more closely happened, and whether it went well; the rest as far as it is known.
    Audit {
        event: String,
        ok: bool,
        who: Option<String>,
        site: Option<String>,
        provider: Option<String>,
    },
    AuditWhy {
        cause: String,
    },
    AuditEvidence {
        method: String,
        tier: String,
    },
    AuditNoted {
        detail: String,
    },
    AuditUnproved {},
    AuditUnread {},

    // About.
    Warning {},
    Scripted {},
    Troubles {},
    NothingBroken {},
    Doctor {},
    DoctorMore {},
    OpenProviders {},
    Claviger {},
    VersionOf {
        version: String,
    },
    LogHas {
        entries: u64,
    },
    OpenActivity {},

    // First steps.
    FirstSteps {},
    FirstStepsRow {},
    StepPin {},
    StepPinNote {},
    StepBrowsers {},
    StepBrowsersNote {},
    StepBack {},
    StepBackNote {},
    NoWayBack {},
    NoWayBackMore {},
    Next {},
    Previous {},
    Finish {},

    // What has been done.
    DoneEnabled {},
    DoneDisabled {},
    DoneDefault {},
    DoneRule {
        site: String,
    },
    DoneNoRule {
        site: String,
    },
    DoneLocked {},
    DoneUnlocked {},
    DonePin {},
    DoneRenamed {},
    DoneDeleted {},
}

/// Says everything in the person's language.
pub struct Speech(Messages);

impl Speech {
    /// In the language of this session.
    pub fn of_session() -> Self {
        Self::with(Messages::of_environment(|name| env::var(name).ok()))
    }

    /// In the language of this locale, or else in English.
    pub fn in_language(locale: &str) -> Self {
        Self::with(Messages::in_language(locale))
    }

    fn with(messages: Messages) -> Self {
        Self(messages.with(&CATALOGUES).isolating())
    }

    /// Says it.
    pub fn say(&self, text: &Text) -> String {
        self.0.say(text)
    }

    /// Says what the broker has words for.
    pub fn message(&self, message: &Message) -> String {
        self.0.text(message)
    }

    /// A moment, in milliseconds since the Unix epoch, by the clock on the wall.
    #[allow(clippy::unused_self)] // How a moment is written is the language's, and one day a catalogue's.
    pub fn time(&self, ms: u64) -> String {
        let seconds = i64::try_from(ms / 1000).unwrap_or(i64::MAX);
        let moment = glib::DateTime::from_unix_local(seconds).and_then(|moment| moment.format("%F %R"));
        moment.map_or_else(|_| String::new(), |text| text.to_string())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
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
            "tier": "software", "folder": "/x", "problem": "P", "event": "get", "ok": true, "who": "Chromium", "provider": "Vault",
            "cause": "timed-out", "method": "pin", "detail": "D", "version": "1", "entries": 5,
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
}
