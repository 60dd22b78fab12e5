//! The audit log for people: each entry in a sentence, the newest first, filtered; whether anybody changed the log; and its export.

use claviger_peer::Standing;
use claviger_prompt_api::manage::{AuditEntry, AuditLog};
use claviger_prompt_api::sanitise;
use serde::Deserialize;
use serde_json::Value;

use super::page::Tone;
use super::shown;
use super::state::Snapshot;
use crate::settings::text::{Speech, Text};

/// What the broker notes of a change, and the word for it here.
const KNOWN_NOTES: [(&str, &str); 14] = [
    ("enable the provider", "enabled"),
    ("disabled by the user", "disabled"),
    ("delete a passkey", "deleted"),
    ("rename a passkey", "renamed"),
    ("hide a passkey", "hidden"),
    ("offer a hidden passkey again", "unhidden"),
    ("change the order of the providers", "reordered"),
    ("turn on the security-key door", "key-on"),
    ("turn off the security-key door", "key-off"),
    ("change the PIN", "pin-changed"),
    ("the user agrees to unlock", "unlocked"),
    ("unlock", "unlocked"),
    ("a PIN was chosen", "pin-chosen"),
    ("list the passkeys", "listed"),
];

/// How many times of a provider's fault are told.
const SHOWN_FAULTS: usize = 3;

/// Which entries are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filter {
    /// All of them.
    #[default]
    All,
    /// What sites and programs asked for.
    SignIns,
    /// What changed in the platform.
    Changes,
    /// What did not go well.
    Failures,
}

impl Filter {
    /// All of them, in the order in which they are on offer.
    pub const ALL: [Self; 4] = [Self::All, Self::SignIns, Self::Changes, Self::Failures];

    /// Its name.
    pub fn text(self) -> Text {
        match self {
            Self::All => Text::FilterAll {},
            Self::SignIns => Text::FilterSignIns {},
            Self::Changes => Text::FilterChanges {},
            Self::Failures => Text::FilterFailures {},
        }
    }

    fn takes(self, entry: &AuditEntry, tone: Tone) -> bool {
        let event = entry.event.as_deref().unwrap_or_default();
        match self {
            Self::All => true,
            Self::SignIns => matches!(event, "create" | "get" | "verify-user"),
            Self::Changes => matches!(event, "provider" | "prompt" | "manage"),
            Self::Failures => tone != Tone::Plain,
        }
    }
}

/// An entry as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What happened, in a sentence.
    pub sentence: String,
    /// When, why not, and how the person was verified.
    pub details: String,
    /// How good or bad that is.
    pub tone: Tone,
}

/// The entries that the filter takes and that have every word of `query`, the newest first.
pub fn lines(now: &Snapshot, filter: Filter, query: &str, speech: &Speech) -> Vec<Line> {
    let query = query.to_lowercase();
    let words: Vec<&str> = query.split_whitespace().collect();
    let has_all = |line: &Line| {
        let text = format!("{}\n{}", line.sentence, line.details).to_lowercase();
        words.iter().all(|word| text.contains(word))
    };
    let newest_first = now.audit.entries.iter().rev();
    newest_first
        .filter_map(|line| explained(line, filter, now, speech))
        .filter(has_all)
        .collect()
}

/// The last times that this provider was at fault, the newest first, at most three.
pub fn faults(now: &Snapshot, provider: &str, speech: &Speech) -> Vec<Line> {
    let is_its = |line: &&Value| {
        let entry = AuditEntry::deserialize(*line);
        entry.is_ok_and(|entry| {
            entry.fault.as_deref() == Some("provider") && entry.provider.as_deref() == Some(provider)
        })
    };
    let newest_first = now.audit.entries.iter().rev().filter(is_its).take(SHOWN_FAULTS);
    newest_first
        .filter_map(|line| explained(line, Filter::All, now, speech))
        .collect()
}

/// Whether the log is as it was written, in a sentence.
pub fn intact(log: &AuditLog, speech: &Speech) -> (String, Tone) {
    if log.intact {
        return (speech.say(&Text::LogIntact {}), Tone::Plain);
    }
    let problem = log.problem.as_deref().map(shown::sentence);
    (speech.say(&Text::LogChanged { problem }), Tone::Error)
}

/// The log as a file for others to read: a JSON document on each line, as the platform keeps it.
pub fn export(log: &AuditLog) -> String {
    let lines = log.entries.iter().map(|entry| match entry {
        // A line that is no JSON.
        Value::String(text) => shown::sentence(text),
        document => sanitise::json(&document.to_string()),
    });
    lines.map(|line| line + "\n").collect()
}

fn explained(line: &Value, filter: Filter, now: &Snapshot, speech: &Speech) -> Option<Line> {
    let Ok(entry) = AuditEntry::deserialize(line) else {
        let unread = Line {
            sentence: speech.say(&Text::AuditUnread {}),
            details: sanitise::line(&line.to_string(), sanitise::MAX_PATH_CHARS),
            tone: Tone::Error,
        };
        return matches!(filter, Filter::All | Filter::Failures).then_some(unread);
    };
    let tone = tone(&entry);
    filter.takes(&entry, tone).then(|| Line {
        sentence: sentence(&entry, now, speech),
        details: details(&entry, speech),
        tone,
    })
}

fn tone(entry: &AuditEntry) -> Tone {
    match entry.event.as_deref() {
        Some("state" | "broken") => Tone::Error,
        Some("repaired") => Tone::Warning,
        _ if entry.result.as_deref() == Some("failed") => Tone::Warning,
        _ => Tone::Plain,
    }
}

fn sentence(entry: &AuditEntry, now: &Snapshot, speech: &Speech) -> String {
    speech.say(&Text::Audit {
        event: shown::name(event(entry)),
        ok: entry.result.as_deref() != Some("failed"),
        who: entry.caller.as_ref().map(|caller| shown::name(&caller.name)),
        site: entry.rp_id.as_deref().map(shown::name),
        provider: entry.provider.as_deref().map(|id| shown::name(now.provider_name(id))),
    })
}

/// What happened, as closely as there are words for it: what the broker notes of a change tells more than that there was one.
fn event(entry: &AuditEntry) -> &str {
    KNOWN_NOTES
        .iter()
        .find(|(note, _)| entry.detail.as_deref() == Some(note))
        .map_or(entry.event.as_deref().unwrap_or_default(), |(_, event)| event)
}

fn details(entry: &AuditEntry, speech: &Speech) -> String {
    let is_not_said = |detail: &&str| KNOWN_NOTES.iter().all(|(note, _)| note != detail);
    let unproved = entry.caller.as_ref().and_then(|caller| caller.standing) == Some(Standing::Unproved);
    let parts = [
        entry.time.map(|ms| speech.time(ms)),
        entry
            .cause
            .as_deref()
            .map(|cause| speech.say(&Text::AuditWhy { cause: cause.into() })),
        entry.evidence.as_ref().map(|evidence| {
            speech.say(&Text::AuditEvidence {
                method: evidence.method.clone(),
                tier: evidence.tier.clone(),
            })
        }),
        entry.detail.as_deref().filter(is_not_said).map(|detail| {
            speech.say(&Text::AuditNoted {
                detail: sanitise::unquoted(detail),
            })
        }),
        unproved.then(|| speech.say(&Text::AuditUnproved {})),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use serde_json::json;

    use super::super::samples::snapshot;
    use super::*;

    fn log() -> Snapshot {
        let mut now = snapshot();
        now.audit.entries = vec![
            json!({"time": 1, "event": "create", "result": "ok", "rp_id": "example.org", "provider": "org.claviger.Vault",
                "caller": {"name": "Chromium", "standing": "unproved"}, "evidence": {"method": "pin", "tier": "software"}}),
            json!({"time": 2, "event": "get", "result": "failed", "cause": "cancelled-by-user", "rp_id": "example.org",
                "caller": {"name": "Chromium"}}),
            json!({"time": 3, "event": "provider", "result": "ok", "provider": "org.example.Gone", "detail": "disabled by the user"}),
            json!("not a line"),
        ];
        now
    }

    #[test]
    fn each_entry_is_a_sentence_that_names_who_where_and_what() {
        let lines = lines(&log(), Filter::All, "", &Speech::in_language("en"));
        assert_eq!(lines.len(), 4);
        let created = &lines[3];
        for name in ["Chromium", "example.org", "Claviger vault"] {
            assert!(created.sentence.contains(name), "{created:?}");
        }
        assert_eq!(
            (created.tone, lines[2].tone, lines[0].tone),
            (Tone::Plain, Tone::Warning, Tone::Error)
        );
        assert!(
            lines[1].sentence.contains("turned off") && !lines[1].details.contains("noted"),
            "{:?}",
            lines[1]
        );
    }

    #[test]
    fn filters_take_what_they_say_and_a_search_finds_by_every_word() {
        let speech = Speech::in_language("en");
        let count = |filter, query| lines(&log(), filter, query, &speech).len();
        assert_eq!(count(Filter::SignIns, ""), 2);
        assert_eq!(count(Filter::Changes, ""), 1);
        assert_eq!(count(Filter::Failures, ""), 2);
        assert_eq!(count(Filter::All, "chromium vault"), 1);
    }

    #[test]
    fn a_provider_s_own_faults_are_told_and_no_others() {
        let mut now = snapshot();
        let entry = |time, provider: &str, fault| {
            json!({"time": time, "event": "get", "result": "failed", "cause": "provider-hung", "fault": fault,
                "rp_id": format!("{time}.example"), "provider": provider})
        };
        let other = entry(1, "org.example.Other", "provider");
        let user = entry(2, "org.claviger.Vault", "user");
        let own = (3..8).map(|time| entry(time, "org.claviger.Vault", "provider"));
        now.audit.entries = [other, user].into_iter().chain(own).collect();
        let told = faults(&now, "org.claviger.Vault", &Speech::in_language("en"));
        assert_eq!(told.len(), SHOWN_FAULTS);
        for (line, site) in told.iter().zip(["7.example", "6.example", "5.example"]) {
            assert!(
                line.sentence.contains(site) && line.details.contains("in time"),
                "{line:?}"
            );
        }
    }

    #[test]
    fn a_changed_log_is_an_error_with_the_place() {
        let mut log = log().audit;
        assert_eq!(intact(&log, &Speech::in_language("en")).1, Tone::Plain);
        log.intact = false;
        log.problem = Some("line 2 was changed".into());
        let (sentence, tone) = intact(&log, &Speech::in_language("en"));
        assert!(
            sentence.contains("line 2 was changed") && tone == Tone::Error,
            "{sentence}"
        );
    }

    #[test]
    fn an_export_is_a_line_for_each_entry() {
        let exported = export(&log().audit);
        assert_eq!(exported.lines().count(), 4);
        let first: Value = serde_json::from_str(exported.lines().next().unwrap()).unwrap();
        assert_eq!(first["event"], "create");
    }
}
