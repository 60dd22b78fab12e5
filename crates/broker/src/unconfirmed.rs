//! Passkeys whose site never heard of them: made, and then not delivered to the page that had asked.
//!
//! The providers know nothing of it, and the list outlives the broker in one JSON file, whose reading and writing is the daemon's.
//! A sign-in with such a passkey, or its end, takes it off the list.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use claviger_ctap::types::CredentialId;
use claviger_joint::{CredentialRef, ProviderId};
use serde::{Deserialize, Serialize};

/// The version of the file format.
const VERSION: u32 = 1;

/// The largest file that is read, in bytes: [`MAX`] passkeys with the longest ids.
pub const MAX_BYTES: u64 = 1024 * 1024;

/// The most that are kept; beyond them the oldest is forgotten.
pub const MAX: usize = 256;

/// The passkeys that no site has confirmed, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unconfirmed(Vec<CredentialRef>);

impl Unconfirmed {
    /// Reads the file. None if it is not ours, damaged, or of a later version.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let saved: Saved = serde_json::from_slice(json).ok()?;
        if saved.version != VERSION || saved.passkeys.len() > MAX {
            return None;
        }
        let read = |one: &SavedPasskey| {
            let id = BASE64_URL_SAFE_NO_PAD.decode(&one.id).ok()?;
            Some(CredentialRef {
                provider: ProviderId::parse(&one.provider).ok()?,
                id: CredentialId::new(id).ok()?,
            })
        };
        saved.passkeys.iter().map(read).collect::<Option<_>>().map(Self)
    }

    /// The file's content.
    pub fn to_json(&self) -> String {
        let saved = Saved {
            version: VERSION,
            passkeys: self
                .0
                .iter()
                .map(|one| SavedPasskey {
                    provider: one.provider.to_string(),
                    id: BASE64_URL_SAFE_NO_PAD.encode(one.id.as_bytes()),
                })
                .collect(),
        };
        // Strings and a number always serialise.
        serde_json::to_string(&saved).unwrap_or_default()
    }

    /// The site did not hear of this one.
    pub fn add(&mut self, credential: CredentialRef) {
        self.remove(&credential);
        if self.0.len() >= MAX {
            self.0.remove(0);
        }
        self.0.push(credential);
    }

    /// The site knows it, or it is gone. False if it was not on the list.
    pub fn remove(&mut self, credential: &CredentialRef) -> bool {
        let before = self.0.len();
        self.0.retain(|one| one != credential);
        self.0.len() < before
    }

    /// Whether it is on the list.
    pub fn contains(&self, credential: &CredentialRef) -> bool {
        self.0.contains(credential)
    }
}

#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    passkeys: Vec<SavedPasskey>,
}

#[derive(Serialize, Deserialize)]
struct SavedPasskey {
    provider: String,
    /// In base64url without padding.
    id: String,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn passkey(number: usize) -> CredentialRef {
        CredentialRef {
            provider: ProviderId::parse("org.example.Notebook").unwrap(),
            id: CredentialId::new(number.to_be_bytes()).unwrap(),
        }
    }

    #[test]
    fn the_list_is_read_as_it_was_written() {
        let mut list = Unconfirmed::default();
        list.add(passkey(1));
        list.add(passkey(2));
        assert_eq!(Unconfirmed::parse(list.to_json().as_bytes()), Some(list.clone()));
        assert!(list.remove(&passkey(1)) && !list.remove(&passkey(1)));
        assert!(list.contains(&passkey(2)) && !list.contains(&passkey(1)));
    }

    #[test]
    fn the_list_is_bounded_and_the_oldest_goes() {
        let mut list = Unconfirmed::default();
        (0..=MAX).for_each(|number| list.add(passkey(number)));
        assert!(!list.contains(&passkey(0)) && list.contains(&passkey(1)) && list.contains(&passkey(MAX)));
        assert!(Unconfirmed::parse(list.to_json().as_bytes()).is_some());
    }

    #[test]
    fn what_is_no_list_is_not_read() {
        for json in [
            "",
            "{}",
            r#"{"version":2,"passkeys":[]}"#,
            r#"{"version":1,"passkeys":[{"provider":"x","id":"AA"}]}"#,
        ] {
            assert_eq!(Unconfirmed::parse(json.as_bytes()), None, "{json}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Unconfirmed::parse(&bytes);
        }
    }
}
