//! Scripted answers for tests: a JSON list of rules, the first that fits a view answers it.
//!
//! ```json
//! [ {"when": {"kind": "choose-pin"}, "do": {"approve": true, "pin": "493817"}},
//!   {"when": {"kind": "create", "rp_id": "localhost"}, "times": 1,
//!    "do": {"approve": true, "choose": "Notebook", "pin": "493817", "remember": true}},
//!   {"when": {}, "do": {"refuse": true}} ]
//! ```
//!
//! `when` may name `kind`, `rp_id`, `account`, `caller`, `provider` (one of the choices) and `problem` (its code, or
//! `"none"`); a missing name fits everything. `times` lets a rule answer only so often. `do` is one of `approve`, `refuse`
//! and `hang` (leave the question open); `delay_ms` waits before an approval; `choose` names a choice by id, provider or label. The broker takes such a
//! prompt only when it was started with `--allow-scripted-prompt`, and `claviger status` says so loudly.

use std::path::Path;
use std::time::Duration;

use claviger_prompt_api::messages::Messages;
use claviger_prompt_api::view::View;
use serde::Deserialize;

/// The largest script that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// A parsed script with the count of answers that each rule has left.
#[derive(Debug)]
pub struct Script {
    rules: Vec<Rule>,
}

/// What the script says to one view.
#[derive(Debug, Eq, PartialEq)]
pub enum Reply {
    /// Approve with this choice (a choice's id) and this PIN.
    Approve {
        /// The choice's id; the preselected one when the script names none.
        choice: Option<String>,
        /// Whether to remember the provider for the site.
        remember: bool,
        /// The PIN, when the view asks for one.
        pin: Option<ScriptedPin>,
        /// How long to think before.
        delay: Duration,
    },
    /// Say no.
    Refuse,
    /// Leave the question open.
    Hang,
    /// The rule wants a choice that the view does not offer: said in the log, and refused.
    Impossible(String),
}

/// A PIN from a script. Test data, but treated like any other PIN: it is never printed.
#[derive(Clone, Deserialize, Eq, PartialEq)]
#[serde(transparent)]
pub struct ScriptedPin(pub String);

/// Why a script cannot be used. The fault is its author's.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("cannot read the script {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is too large.
    #[error("the script is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// The file is not a list of rules. The text is the parser's, which names the line and not the content.
    #[error("the script is not a list of rules: line {line}, column {column}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A rule says none or several of approve, refuse and hang.
    #[error("rule {0} must say exactly one of approve, refuse and hang")]
    Ambiguous(usize),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default)]
    when: When,
    #[serde(rename = "do")]
    act: Act,
    times: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct When {
    kind: Option<String>,
    rp_id: Option<String>,
    account: Option<String>,
    caller: Option<String>,
    provider: Option<String>,
    problem: Option<String>,
}

// Four words of a script, not a state: `parse` holds that exactly one of the first three is said.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    #[serde(default)]
    approve: bool,
    #[serde(default)]
    refuse: bool,
    #[serde(default)]
    hang: bool,
    choose: Option<String>,
    #[serde(default)]
    remember: bool,
    pin: Option<ScriptedPin>,
    #[serde(default)]
    delay_ms: u64,
}

impl Script {
    /// Reads a script from a file.
    pub fn load(path: &Path) -> Result<Self, ScriptError> {
        let text = std::fs::read_to_string(path).map_err(|source| ScriptError::Read {
            path: path.display().to_string(),
            source,
        })?;
        Self::parse(&text)
    }

    /// Parses a script.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        if text.len() > MAX_BYTES {
            return Err(ScriptError::TooLarge);
        }
        let rules: Vec<Rule> = serde_json::from_str(text).map_err(|error| ScriptError::Syntax {
            line: error.line(),
            column: error.column(),
        })?;
        let ambiguous = rules.iter().position(|rule| {
            [rule.act.approve, rule.act.refuse, rule.act.hang]
                .into_iter()
                .filter(|said| *said)
                .count()
                != 1
        });
        match ambiguous {
            Some(index) => Err(ScriptError::Ambiguous(index + 1)),
            None => Ok(Self { rules }),
        }
    }

    /// The answer to a view; a view that no rule fits is refused, so that a test never waits for nothing.
    pub fn reply(&mut self, view: &View) -> Reply {
        let Some(rule) = self
            .rules
            .iter_mut()
            .find(|rule| rule.times != Some(0) && rule.when.fits(view))
        else {
            return Reply::Refuse;
        };
        if let Some(times) = &mut rule.times {
            *times -= 1;
        }
        rule.act.reply(view)
    }
}

impl When {
    fn fits(&self, view: &View) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|w| Some(w) == found);
        let problem = view.problem.as_ref().map_or("none", |problem| problem.code.as_str());
        is(&self.kind, Some(view.kind.name()))
            && is(&self.rp_id, view.site.as_ref().map(|site| site.rp_id.as_str()))
            && is(
                &self.account,
                view.account.as_ref().and_then(|account| account.name.as_deref()),
            )
            && is(
                &self.caller,
                view.caller.as_ref().and_then(|caller| caller.name.as_deref()),
            )
            && is(&self.problem, Some(problem))
            && self.provider.as_deref().is_none_or(|wanted| {
                view.choices
                    .iter()
                    .any(|choice| choice.provider == wanted || choice.provider_name == wanted)
            })
    }
}

impl Act {
    fn reply(&self, view: &View) -> Reply {
        if self.hang {
            return Reply::Hang;
        }
        if self.refuse {
            return Reply::Refuse;
        }
        let choice = match &self.choose {
            None => view
                .preselected
                .clone()
                .or_else(|| view.choices.first().map(|choice| choice.id.clone())),
            Some(wanted) => {
                let messages = Messages::english();
                let found = view.choices.iter().find(|choice| {
                    let label = messages.text(&choice.label);
                    [&choice.id, &label, &choice.provider, &choice.provider_name].contains(&wanted)
                });
                match found {
                    Some(choice) => Some(choice.id.clone()),
                    None => return Reply::Impossible(wanted.clone()),
                }
            }
        };
        Reply::Approve {
            choice,
            remember: self.remember,
            pin: view.pin().is_some().then(|| self.pin.clone()).flatten(),
            delay: Duration::from_millis(self.delay_ms),
        }
    }
}

impl std::fmt::Debug for ScriptedPin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use claviger_joint::evidence::Method;
    use claviger_prompt_api::message::Message;
    use claviger_prompt_api::view::{Choice, ChoiceKind, Kind, MethodView, Progress, Purpose, SiteView};

    use super::*;

    fn view(kind: Kind, rp_id: &str) -> View {
        let choice = |id: &str, name: &str| Choice {
            id: id.into(),
            kind: ChoiceKind::Provider,
            provider: format!("org.example.{name}"),
            provider_name: name.into(),
            label: Message::Provider {
                provider: Some(name.into()),
            },
            details: Vec::new(),
            locked: false,
        };
        View {
            kind,
            site: Some(SiteView {
                rp_id: rp_id.into(),
                rp_name: None,
                origin: None,
                top_origin: None,
                related: false,
                offered: false,
            }),
            choices: vec![choice("c1", "Vault"), choice("c2", "Notebook")],
            preselected: Some("c1".into()),
            methods: vec![MethodView {
                method: Method::Pin,
                purpose: Purpose::Verify,
                tries_left: 8,
                wait_ms: 0,
                progress: Progress::Ready,
            }],
            ..View::idle(1)
        }
    }

    fn approval(choice: &str) -> Reply {
        Reply::Approve {
            choice: Some(choice.into()),
            remember: false,
            pin: Some(ScriptedPin("493817".into())),
            delay: Duration::ZERO,
        }
    }

    #[test]
    fn the_first_fitting_rule_answers_and_runs_out() {
        let mut script = Script::parse(
            r#"[{"when":{"kind":"create","rp_id":"example.org"},"times":1,
                 "do":{"approve":true,"choose":"Notebook","pin":"493817"}},
                {"when":{"kind":"create"},"do":{"approve":true,"pin":"493817"}},
                {"when":{"kind":"verify"},"do":{"hang":true}}]"#,
        )
        .unwrap();
        let create = view(Kind::Create, "example.org");
        assert_eq!(script.reply(&create), approval("c2"));
        assert_eq!(script.reply(&create), approval("c1"), "the first rule has run out");
        assert_eq!(script.reply(&view(Kind::Verify, "example.org")), Reply::Hang);
        assert_eq!(
            script.reply(&view(Kind::SignIn, "example.org")),
            Reply::Refuse,
            "no rule fits"
        );
    }

    #[test]
    fn a_choice_that_is_not_offered_is_not_replaced_by_another() {
        let mut script = Script::parse(r#"[{"do":{"approve":true,"choose":"Nobody"}}]"#).unwrap();
        assert_eq!(
            script.reply(&view(Kind::Create, "example.org")),
            Reply::Impossible("Nobody".into())
        );
    }

    #[test]
    fn a_pin_is_sent_only_where_one_is_asked_for_and_never_printed() {
        let mut script = Script::parse(r#"[{"do":{"approve":true,"pin":"493817"}}]"#).unwrap();
        assert!(!format!("{script:?}").contains("493817"));
        let asked_nothing = View {
            methods: Vec::new(),
            ..view(Kind::SignIn, "example.org")
        };
        assert!(matches!(script.reply(&asked_nothing), Reply::Approve { pin: None, .. }));
    }

    #[test]
    fn bad_scripts_are_refused_with_the_place() {
        assert!(matches!(
            Script::parse("[{}]"),
            Err(ScriptError::Syntax { line: 1, .. })
        ));
        assert!(matches!(
            Script::parse(r#"[{"do":{}}]"#),
            Err(ScriptError::Ambiguous(1))
        ));
        assert!(matches!(
            Script::parse(r#"[{"do":{"hang":true,"refuse":true}}]"#),
            Err(ScriptError::Ambiguous(1))
        ));
        assert!(matches!(
            Script::parse(r#"[{"when":{"knid":"create"},"do":{"hang":true}}]"#),
            Err(ScriptError::Syntax { .. })
        ));
        assert!(matches!(
            Script::parse(&" ".repeat(MAX_BYTES + 1)),
            Err(ScriptError::TooLarge)
        ));
    }
}
