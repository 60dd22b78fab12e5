//! The words of the windows: the catalogues of [`claviger_prompt_api::messages`] in the language of the session, and what others chose
//! made fit to stand beside them.

use std::env;

use claviger_prompt_api::message::Message;
use claviger_prompt_api::messages::Messages;
use claviger_prompt_api::sanitise;

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

    /// The message in words.
    pub fn say(&self, message: &Message) -> String {
        self.0.text(message)
    }
}

/// What others chose, as one line of at most `max` characters. The broker has done so already; this holds whoever made the view.
pub fn line(text: &str, max: usize) -> String {
    sanitise::line(text, max)
}
