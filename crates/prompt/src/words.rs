//! The words of the windows: the catalogues of [`claviger_prompt_api::messages`] in the language of the session.

use std::env;

use claviger_prompt_api::message::Message;
use claviger_prompt_api::messages::Messages;

/// The mark that says so of a paragraph. Both languages are written from left to right.
const LEFT_TO_RIGHT: char = '\u{200e}';

/// What the catalogues put before a name (first strong isolate).
const NAME: char = '\u{2068}';

/// Says things in the user's language.
pub struct Words(Messages);

impl Words {
    /// In the language of this session.
    pub fn of_session() -> Self {
        Self(Messages::of_environment(|name| env::var(name).ok()).isolating())
    }

    /// In the language of this locale, or else in English.
    pub fn in_language(locale: &str) -> Self {
        Self(Messages::in_language(locale).isolating())
    }

    /// The message in words, which run in their language's direction even where they begin with somebody's name.
    pub fn say(&self, message: &Message) -> String {
        let text = self.0.text(message);
        if text.starts_with(NAME) {
            format!("{LEFT_TO_RIGHT}{text}")
        } else {
            text
        }
    }
}
