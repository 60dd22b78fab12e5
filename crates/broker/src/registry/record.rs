//! One provider: what its author says, what the user decided, and the keys and numbers of its requests.

use std::path::PathBuf;

use claviger_ctap::authenticator::CRED_PROTECT;
use claviger_ctap::crypto::{PrivateKey, PublicKey};
use claviger_ctap::get_info;
use claviger_ctap::large_blob;
use claviger_prompt_api::logo::Logos;
use claviger_provider::manifest::Manifest;
use serde::{Deserialize, Serialize};

use super::keys::RequestKeys;
use super::saved::Saved;
use super::{Pin, State};

/// One provider.
#[derive(Debug)]
pub struct Record {
    /// What its author says about it.
    pub manifest: Manifest,
    /// Where the manifest was found.
    pub source: PathBuf,
    /// What its author draws it by, as far as it may be drawn.
    pub logos: Logos,
    /// Whether its name could be taken for another's.
    pub(super) deceptive: bool,
    pub(super) state: State,
    pub(super) pin: Option<Pin>,
    pub(super) profile: Option<Profile>,
    pub(super) was_enabled: bool,
    /// `None` while their file is damaged.
    pub(super) keys: Option<RequestKeys>,
    pub(super) sequence: u64,
}

impl Record {
    /// What the user decided.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether it has ever been enabled. One that never was takes no part in anything: it is a line in the settings.
    pub fn was_enabled(&self) -> bool {
        self.was_enabled || self.state == State::Enabled
    }

    /// The pinned program, once registered.
    pub fn pin(&self) -> Option<&Pin> {
        self.pin.as_ref()
    }

    /// What it last said of itself.
    pub fn profile(&self) -> Option<&Profile> {
        self.profile.as_ref()
    }

    /// What is kept of it beside its keys.
    pub(super) fn saved(&self) -> Saved {
        Saved {
            state: self.state,
            pin: self.pin.clone(),
            profile: self.profile.clone(),
            was_enabled: self.was_enabled,
        }
    }

    /// A provider as it was kept, with its manifest and its keys.
    pub(super) fn new(manifest: Manifest, source: PathBuf, saved: Saved, keys: Option<RequestKeys>) -> Self {
        Self {
            manifest,
            source,
            logos: Logos::default(),
            deceptive: false,
            state: saved.state,
            pin: saved.pin,
            profile: saved.profile,
            was_enabled: saved.was_enabled,
            keys,
            sequence: 0,
        }
    }

    /// Takes back a change that could not be kept.
    pub(super) fn restore(&mut self, saved: Saved) {
        self.state = saved.state;
        self.pin = saved.pin;
        self.profile = saved.profile;
        self.was_enabled = saved.was_enabled;
    }

    /// The key that signs requests to this provider.
    pub fn signing_key(&self) -> Option<&PrivateKey> {
        self.keys.as_ref()?.current()
    }

    /// The oldest key that is still valid: the one that every registered provider has pinned, so it endorses the others.
    pub fn endorsing_key(&self) -> Option<&PrivateKey> {
        self.keys.as_ref()?.oldest()
    }

    /// The public keys that the provider accepts requests from, current one first.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.keys.as_ref().map(RequestKeys::public).unwrap_or_default()
    }

    /// The number of the next request: above all earlier ones and above the provider's floor, and at least the time in
    /// microseconds, so that a lost state file does not make the provider refuse.
    pub fn next_sequence(&mut self, now_us: u64) -> u64 {
        self.sequence = self.sequence.saturating_add(1).max(now_us);
        self.sequence
    }

    /// Raises the numbering above what the provider says it has seen.
    pub fn raise_sequence(&mut self, floor: u64) {
        self.sequence = self.sequence.max(floor);
    }
}

/// What a provider said of itself when it was last described: enough to find the candidates of a ceremony before it is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools)] // Independent abilities.
pub struct Profile {
    /// The COSE algorithms it makes keys for; empty if it does not tell.
    pub algorithms: Vec<i64>,
    /// Whether it evaluates PRF.
    pub prf: bool,
    /// Whether it keeps credProtect levels. Not in files of the time before.
    #[serde(default)]
    pub keeps_protection: bool,
    /// Whether it keeps large blobs. Not in files of the time before.
    #[serde(default)]
    pub keeps_large_blobs: bool,
    /// Whether an unlock box opens it. Such a provider is taken to be locked when it is started.
    pub takes_unlock_box: bool,
}

impl Profile {
    /// What is kept of a description with this getInfo.
    pub fn new(info: get_info::Response, takes_unlock_box: bool) -> Self {
        Self {
            // Not `hmac-secret`: that one is for programs at the security key, and a page gets nothing by it.
            prf: info.supports_extension("prf"),
            keeps_protection: info.supports_extension(CRED_PROTECT),
            keeps_large_blobs: info.supports_extension(large_blob::NAME),
            takes_unlock_box,
            algorithms: info.algorithms,
        }
    }
}

#[cfg(test)]
mod tests {
    use claviger_ctap::types::Aaguid;

    use super::*;

    #[test]
    fn who_has_hmac_secret_alone_does_not_do_prf() {
        for (extension, prf) in [("hmac-secret", false), ("prf", true)] {
            let mut info = get_info::Response::new(vec!["FIDO_2_1".to_owned()], Aaguid::default());
            info.extensions = vec![extension.to_owned()];
            assert_eq!(Profile::new(info, false).prf, prf, "{extension}");
        }
    }

    #[test]
    fn who_keeps_small_blobs_alone_keeps_no_large_ones() {
        for (extension, keeps) in [("credBlob", false), ("largeBlob", true)] {
            let mut info = get_info::Response::new(vec!["FIDO_2_1".to_owned()], Aaguid::default());
            info.extensions = vec![extension.to_owned()];
            assert_eq!(Profile::new(info, false).keeps_large_blobs, keeps, "{extension}");
        }
    }
}
