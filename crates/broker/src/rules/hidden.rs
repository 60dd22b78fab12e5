//! The passkeys that the user has hidden: they stay where they are and are not offered at a sign-in.

use std::collections::BTreeSet;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use claviger_ctap::types::CredentialId;
use claviger_joint::{CredentialRef, ProviderId};
use serde::{Deserialize, Serialize};

use super::{RulesError, read_provider};

/// The most that can be hidden.
pub const MAX_HIDDEN: usize = 10_000;

/// The hidden passkeys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hidden(BTreeSet<CredentialRef>);

impl Hidden {
    pub(super) fn add(&mut self, credential: &CredentialRef) -> Result<bool, RulesError> {
        if self.0.len() >= MAX_HIDDEN && !self.0.contains(credential) {
            return Err(RulesError::TooMany);
        }
        Ok(self.0.insert(credential.clone()))
    }

    pub(super) fn remove(&mut self, credential: &CredentialRef) -> bool {
        self.0.remove(credential)
    }

    pub(super) fn contains(&self, credential: &CredentialRef) -> bool {
        self.0.contains(credential)
    }

    pub(super) fn forget_provider(&mut self, provider: &ProviderId) {
        self.0.retain(|one| one.provider != *provider);
    }

    pub(super) fn read(saved: &[SavedPasskey]) -> Result<Self, RulesError> {
        if saved.len() > MAX_HIDDEN {
            return Err(RulesError::TooMany);
        }
        let read = |one: &SavedPasskey| {
            let id = BASE64_URL_SAFE_NO_PAD.decode(&one.id).ok();
            let id = id.and_then(|id| CredentialId::new(id).ok());
            Ok(CredentialRef {
                provider: read_provider(&one.provider)?,
                id: id.ok_or(RulesError::Malformed)?,
            })
        };
        saved.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn saved(&self) -> Vec<SavedPasskey> {
        let save = |one: &CredentialRef| SavedPasskey {
            provider: one.provider.to_string(),
            id: BASE64_URL_SAFE_NO_PAD.encode(one.id.as_bytes()),
        };
        self.0.iter().map(save).collect()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedPasskey {
    provider: String,
    /// In base64url without padding.
    id: String,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Rules;
    use super::*;

    fn passkey(provider: &str) -> CredentialRef {
        CredentialRef {
            provider: ProviderId::parse(provider).unwrap(),
            id: CredentialId::new(vec![7; 32]).unwrap(),
        }
    }

    #[test]
    fn what_is_hidden_is_still_hidden_when_it_was_written_and_read() {
        let (here, there) = (passkey("org.example.Here"), passkey("org.example.There"));
        let mut rules = Rules::default();
        assert!(
            !rules.to_json().contains("hidden"),
            "an older broker reads what hides nothing"
        );
        assert_eq!((rules.hide(&here), rules.hide(&here)), (Ok(true), Ok(false)));
        let mut rules = Rules::parse(rules.to_json().as_bytes()).unwrap();
        assert!(
            rules.hides(&here) && !rules.hides(&there),
            "an id counts for its provider only"
        );
        assert!(rules.unhide(&here) && !rules.unhide(&here));
        rules.hide(&there).unwrap();
        rules.forget_provider(&there.provider);
        assert!(!rules.hides(&there));
    }

    #[test]
    fn what_is_no_passkey_is_damage() {
        for id in ["", "!", &"A".repeat(2000)] {
            let json = format!(r#"{{"version": 1, "hidden": [{{"provider": "org.example.Here", "id": "{id}"}}]}}"#);
            assert_eq!(Rules::parse(json.as_bytes()), Err(RulesError::Malformed), "{id}");
        }
    }
}
