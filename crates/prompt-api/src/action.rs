//! What a prompt sends back: what the user did with a [`View`](crate::view::View).

use serde::{Deserialize, Serialize};

/// The longest action a prompt may send, in bytes of JSON.
pub const MAX_ACTION_BYTES: usize = 1024;

/// The longest choice id in an action, in bytes; the ids that the broker hands out are far shorter.
pub const MAX_CHOICE_ID_BYTES: usize = 32;

/// What the user did, as a prompt reports it. The PIN is not in here: it travels beside it as a sealed memfd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Go on, with a choice (none: the preselected one).
    Approve {
        /// The id of the choice taken.
        choice: Option<String>,
        /// Whether to remember the provider for the site.
        remember: bool,
    },
    /// Do not; or: close this notice.
    Refuse {
        /// And do not let this site or program ask for a while.
        for_a_while: bool,
    },
    /// Set a new PIN with the recovery code, where the [view](crate::view::View::recovery) offers that. Code and PIN travel beside it, in
    /// this order.
    Recover,
}

impl Action {
    /// Reads an action.
    ///
    /// # Errors
    /// The prompt's fault, always: too long, not JSON, not one of the three actions, unknown keys, or a choice id that
    /// cannot be one of ours.
    pub fn parse(json: &str) -> Result<Self, ActionError> {
        if json.len() > MAX_ACTION_BYTES {
            return Err(ActionError::TooLong);
        }
        match serde_json::from_str(json).map_err(|_| ActionError::Malformed)? {
            Wire::Approve { choice: Some(id), .. } if !is_choice_id(&id) => Err(ActionError::ChoiceId),
            Wire::Approve { choice, remember } => Ok(Self::Approve { choice, remember }),
            Wire::Refuse { for_a_while } => Ok(Self::Refuse { for_a_while }),
            Wire::Recover {} => Ok(Self::Recover),
        }
    }

    /// The JSON that a prompt sends.
    pub fn to_json(&self) -> String {
        let wire = match self.clone() {
            Self::Approve { choice, remember } => Wire::Approve { choice, remember },
            Self::Refuse { for_a_while } => Wire::Refuse { for_a_while },
            Self::Recover => Wire::Recover {},
        };
        serde_json::to_string(&wire).unwrap_or_default()
    }
}

/// Why an action was not accepted; the prompt's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// More than [`MAX_ACTION_BYTES`].
    #[error("the prompt's action is too long")]
    TooLong,
    /// Not JSON, or not an action.
    #[error("the prompt's action is malformed")]
    Malformed,
    /// The choice cannot be an id of ours.
    #[error("the prompt's choice is malformed")]
    ChoiceId,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
enum Wire {
    Approve {
        #[serde(default)]
        choice: Option<String>,
        #[serde(default)]
        remember: bool,
    },
    Refuse {
        #[serde(default)]
        for_a_while: bool,
    },
    Recover {},
}

fn is_choice_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= MAX_CHOICE_ID_BYTES
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn actions_parse() {
        let approve = |choice: Option<&str>, remember| Action::Approve {
            choice: choice.map(str::to_owned),
            remember,
        };
        assert_eq!(
            Action::parse(r#"{"action":"approve","choice":"c1","remember":true}"#),
            Ok(approve(Some("c1"), true))
        );
        assert_eq!(
            Action::parse(r#"{"action":"approve","choice":null}"#),
            Ok(approve(None, false))
        );
        assert_eq!(
            Action::parse(r#"{"action":"refuse"}"#),
            Ok(Action::Refuse { for_a_while: false })
        );
        assert_eq!(
            Action::parse(r#"{"action":"refuse","for_a_while":true}"#),
            Ok(Action::Refuse { for_a_while: true })
        );
        assert_eq!(Action::parse(r#"{"action":"recover"}"#), Ok(Action::Recover));
        assert_eq!(Action::parse(&Action::Recover.to_json()), Ok(Action::Recover));
    }

    #[test]
    fn malformed_actions_are_refused() {
        for bad in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"action":"allow"}"#,
            r#"{"action":"approve","pin":"2580"}"#,
            r#"{"action":"recover","code":"0000"}"#,
        ] {
            assert_eq!(Action::parse(bad), Err(ActionError::Malformed), "{bad}");
        }
        assert_eq!(
            Action::parse(r#"{"action":"approve","choice":"../x"}"#),
            Err(ActionError::ChoiceId)
        );
        assert_eq!(
            Action::parse(r#"{"action":"approve","choice":""}"#),
            Err(ActionError::ChoiceId)
        );
        let long = format!(r#"{{"action":"approve","choice":"{}"}}"#, "c".repeat(33));
        assert_eq!(Action::parse(&long), Err(ActionError::ChoiceId));
        let huge = format!(r#"{{"action":"approve","choice":"{}"}}"#, "c".repeat(MAX_ACTION_BYTES));
        assert_eq!(Action::parse(&huge), Err(ActionError::TooLong));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_parses_or_is_refused(text in ".{0,200}") {
            if let Ok(action) = Action::parse(&text) {
                prop_assert_eq!(Action::parse(&action.to_json()), Ok(action));
            }
        }

        #[test]
        fn actions_survive_the_wire(choice in proptest::option::of("[a-z0-9-]{1,32}"), remember: bool) {
            let action = Action::Approve { choice, remember };
            prop_assert_eq!(Action::parse(&action.to_json()), Ok(action));
        }
    }
}
