//! The registry's file, `providers.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Pin, Profile, State};

/// `providers.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SavedAll {
    pub(super) version: u32,
    #[serde(default)]
    pub(super) providers: BTreeMap<String, Saved>,
}

/// What is kept of one provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Saved {
    #[serde(with = "state_word")]
    pub(super) state: State,
    pub(super) pin: Option<Pin>,
    #[serde(default)]
    pub(super) profile: Option<Profile>,
}

impl Default for Saved {
    fn default() -> Self {
        Self {
            state: State::Unregistered,
            pin: None,
            profile: None,
        }
    }
}

/// A state as its word on the bus.
mod state_word {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::State;

    #[allow(clippy::trivially_copy_pass_by_ref)] // serde gives a reference.
    pub(super) fn serialize<S: Serializer>(state: &State, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(state.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<State, D::Error> {
        let word = String::deserialize(deserializer)?;
        State::parse(&word).ok_or_else(|| D::Error::custom("not a provider state"))
    }
}
