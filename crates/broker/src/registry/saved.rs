//! The registry's file, `providers.json`.

use std::collections::BTreeMap;

use claviger_prompt_api::trouble::Damage;
use serde::{Deserialize, Serialize};

use super::{BUILT_IN, Pin, Profile, State};

/// The version of the file format.
pub(super) const VERSION: u32 = 1;

/// `providers.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SavedAll {
    pub(super) version: u32,
    #[serde(default)]
    pub(super) providers: BTreeMap<String, Saved>,
}

impl SavedAll {
    /// Reads the file, or says what is wrong with it.
    pub(super) fn parse(json: &[u8]) -> Result<Self, Damage> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        // The version first: a later one may have any other keys.
        let Version { version } = serde_json::from_slice(json).map_err(|_| Damage::Malformed)?;
        match version {
            VERSION => serde_json::from_slice(json).map_err(|_| Damage::Malformed),
            later if later > VERSION => Err(Damage::LaterVersion),
            _ => Err(Damage::Malformed),
        }
    }

    /// What holds when nobody knows what was decided: the vault, which is enabled when it is new, is not new.
    pub(super) fn lost() -> BTreeMap<String, Saved> {
        let disabled = Saved {
            state: State::Registered,
            ..Saved::default()
        };
        BTreeMap::from([(BUILT_IN.to_owned(), disabled)])
    }
}

/// What is kept of one provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Saved {
    #[serde(with = "state_word")]
    pub(super) state: State,
    pub(super) pin: Option<Pin>,
    #[serde(default)]
    pub(super) profile: Option<Profile>,
    /// Whether a person has ever enabled it. Files of the time before tell it only of those that are enabled.
    #[serde(default)]
    pub(super) was_enabled: bool,
}

impl Default for Saved {
    fn default() -> Self {
        Self {
            state: State::Unregistered,
            pin: None,
            profile: None,
            was_enabled: false,
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
