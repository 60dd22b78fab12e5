//! The user's rules: which provider for which site, which by default, in which order, which was used last, and which passkeys are hidden.
//!
//! Parsed from and written to one JSON file, whose reading and writing is the daemon's. The file names the sites that the
//! user has passkeys for, so it belongs into a directory that only the user can read.

mod hidden;
pub mod order;

use std::collections::BTreeMap;

use claviger_ctap::types::RpId;
use claviger_joint::{CredentialRef, ProviderId};
use claviger_prompt_api::trouble::Damage;
use serde::{Deserialize, Serialize};

use self::hidden::{Hidden, SavedPasskey};
use self::order::Order;
use crate::choice::Preference;

/// The version of the file format.
pub const VERSION: u32 = 1;

/// The largest file that is read, in bytes.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The most sites that are kept.
pub const MAX_SITES: usize = 10_000;

/// Why rules were not read or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// The file is not ours or damaged.
    #[error("the rules file is malformed")]
    Malformed,
    /// The file was written by a later version.
    #[error("the rules file has a version that this program does not know")]
    Version,
    /// The file or a name in it is too long.
    #[error("a name or the file is longer than allowed")]
    TooLong,
    /// There are [`MAX_SITES`] rules, or as many hidden passkeys or ordered providers as there may be, already.
    #[error("there are too many rules")]
    TooMany,
}

impl From<RulesError> for Damage {
    fn from(error: RulesError) -> Self {
        match error {
            RulesError::Malformed => Self::Malformed,
            RulesError::Version => Self::LaterVersion,
            RulesError::TooLong | RulesError::TooMany => Self::TooLarge,
        }
    }
}

/// All rules of one user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    default_provider: Option<ProviderId>,
    order: Order,
    sites: BTreeMap<RpId, SiteRule>,
    hidden: Hidden,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct SiteRule {
    /// The provider the user wants for this site.
    provider: Option<ProviderId>,
    /// The provider that served this site last.
    last_used: Option<ProviderId>,
    /// When it did, in milliseconds since the Unix epoch.
    last_used_ms: u64,
}

impl Rules {
    /// Reads a rules file.
    ///
    /// # Errors
    /// The file's fault: malformed, of another version, or beyond a limit.
    pub fn parse(json: &[u8]) -> Result<Self, RulesError> {
        if json.len() > MAX_BYTES {
            return Err(RulesError::TooLong);
        }
        // The version first: a later one may have any other keys.
        let Version { version } = serde_json::from_slice(json).map_err(|_| RulesError::Malformed)?;
        if version != VERSION {
            return Err(RulesError::Version);
        }
        let file: File = serde_json::from_slice(json).map_err(|_| RulesError::Malformed)?;
        if file.sites.len() > MAX_SITES {
            return Err(RulesError::TooMany);
        }
        let mut sites = BTreeMap::new();
        for (rp_id, saved) in file.sites {
            sites.insert(read_rp_id(rp_id)?, saved.read()?);
        }
        Ok(Self {
            default_provider: file.default_provider.as_deref().map(read_provider).transpose()?,
            order: Order::read(&file.order)?,
            sites,
            hidden: Hidden::read(&file.hidden)?,
        })
    }

    /// The rules file.
    pub fn to_json(&self) -> String {
        let file = File {
            version: VERSION,
            default_provider: self.default_provider.as_ref().map(ProviderId::to_string),
            sites: self
                .sites
                .iter()
                .map(|(rp_id, rule)| (rp_id.to_string(), SavedRule::of(rule)))
                .collect(),
            order: self.order.saved(),
            hidden: self.hidden.saved(),
        };
        // Strings and numbers under string keys always serialise.
        serde_json::to_string_pretty(&file).unwrap_or_default()
    }

    /// What matters for one site.
    pub fn preference(&self, rp_id: &RpId) -> Preference {
        let rule = self.sites.get(rp_id);
        Preference {
            remembered: rule.and_then(|rule| rule.provider.clone()),
            last_used: rule.and_then(|rule| rule.last_used.clone()),
            default_provider: self.default_provider.clone(),
            order: self.order.clone(),
        }
    }

    /// The default provider.
    pub fn default_provider(&self) -> Option<&ProviderId> {
        self.default_provider.as_ref()
    }

    /// Sets or clears the default provider.
    pub fn set_default_provider(&mut self, provider: Option<&ProviderId>) {
        self.default_provider = provider.cloned();
    }

    /// The order in which providers are offered.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// Has providers offered in this order.
    pub fn set_order(&mut self, order: Order) {
        self.order = order;
    }

    /// The sites with a rule of the user's, and its provider, by RP ID.
    pub fn iter(&self) -> impl Iterator<Item = (&RpId, &ProviderId)> {
        self.sites
            .iter()
            .filter_map(|(rp_id, rule)| Some((rp_id, rule.provider.as_ref()?)))
    }

    /// Makes `provider` the rule for a site.
    ///
    /// # Errors
    /// [`RulesError::TooMany`] when every kept site has a rule of its own.
    pub fn remember(&mut self, rp_id: &RpId, provider: &ProviderId) -> Result<(), RulesError> {
        self.site(rp_id)?.provider = Some(provider.clone());
        Ok(())
    }

    /// Removes the rule for a site; says whether there was one.
    pub fn forget(&mut self, rp_id: &RpId) -> bool {
        let Some(rule) = self.sites.get_mut(rp_id) else {
            return false;
        };
        let had_rule = rule.provider.take().is_some();
        if rule.last_used.is_none() {
            self.sites.remove(rp_id);
        }
        had_rule
    }

    /// Learns that `provider` served a site at `now_ms` (milliseconds since the Unix epoch).
    ///
    /// # Errors
    /// As [`Rules::remember`]; it is safe to go on without having learnt it.
    pub fn used(&mut self, rp_id: &RpId, provider: &ProviderId, now_ms: u64) -> Result<(), RulesError> {
        let rule = self.site(rp_id)?;
        rule.last_used = Some(provider.clone());
        rule.last_used_ms = now_ms;
        Ok(())
    }

    /// Hides a passkey; says whether it was offered before.
    ///
    /// # Errors
    /// [`RulesError::TooMany`].
    pub fn hide(&mut self, credential: &CredentialRef) -> Result<bool, RulesError> {
        self.hidden.add(credential)
    }

    /// Has a passkey offered again; says whether it was hidden.
    pub fn unhide(&mut self, credential: &CredentialRef) -> bool {
        self.hidden.remove(credential)
    }

    /// Whether a passkey is hidden.
    pub fn hides(&self, credential: &CredentialRef) -> bool {
        self.hidden.contains(credential)
    }

    /// Removes every trace of a provider that has gone.
    pub fn forget_provider(&mut self, provider: &ProviderId) {
        let is_it = |named: &mut ProviderId| named == provider;
        self.default_provider.take_if(is_it);
        self.order.forget_provider(provider);
        self.hidden.forget_provider(provider);
        self.sites.retain(|_, rule| {
            rule.provider.take_if(is_it);
            rule.last_used.take_if(is_it);
            rule.provider.is_some() || rule.last_used.is_some()
        });
    }

    /// The site's entry; a new one may push out the one that was used longest ago and has no rule.
    fn site(&mut self, rp_id: &RpId) -> Result<&mut SiteRule, RulesError> {
        if !self.sites.contains_key(rp_id) && self.sites.len() >= MAX_SITES {
            let oldest = self
                .sites
                .iter()
                .filter(|(_, rule)| rule.provider.is_none())
                .min_by_key(|(_, rule)| rule.last_used_ms)
                .map(|(rp_id, _)| rp_id.clone())
                .ok_or(RulesError::TooMany)?;
            self.sites.remove(&oldest);
        }
        Ok(self.sites.entry(rp_id.clone()).or_default())
    }
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default)]
    default_provider: Option<String>,
    #[serde(default)]
    sites: BTreeMap<String, SavedRule>,
    /// As `hidden`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    order: Vec<String>,
    /// Not written where there is none, for brokers that do not know it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hidden: Vec<SavedPasskey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_used: Option<String>,
    #[serde(default)]
    last_used_ms: u64,
}

impl SavedRule {
    fn of(rule: &SiteRule) -> Self {
        Self {
            provider: rule.provider.as_ref().map(ProviderId::to_string),
            last_used: rule.last_used.as_ref().map(ProviderId::to_string),
            last_used_ms: rule.last_used_ms,
        }
    }

    fn read(&self) -> Result<SiteRule, RulesError> {
        Ok(SiteRule {
            provider: self.provider.as_deref().map(read_provider).transpose()?,
            last_used: self.last_used.as_deref().map(read_provider).transpose()?,
            last_used_ms: self.last_used_ms,
        })
    }
}

fn read_rp_id(text: String) -> Result<RpId, RulesError> {
    let too_long = text.len() > RpId::MAX_BYTES;
    RpId::new(text).map_err(|_| unfit(too_long))
}

fn read_provider(text: &str) -> Result<ProviderId, RulesError> {
    ProviderId::parse(text).map_err(|_| unfit(text.len() > ProviderId::MAX_BYTES))
}

fn unfit(too_long: bool) -> RulesError {
    if too_long {
        RulesError::TooLong
    } else {
        RulesError::Malformed
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn site(rp_id: &str) -> RpId {
        RpId::new(rp_id).unwrap()
    }

    /// A provider by the last part of its id, or the whole of it.
    fn id(text: &str) -> ProviderId {
        ProviderId::parse(text)
            .or_else(|_| ProviderId::parse(&format!("org.example.{text}")))
            .unwrap()
    }

    #[test]
    fn rules_are_remembered_written_and_read() {
        let mut rules = Rules::default();
        rules.remember(&site("example.com"), &id("org.claviger.Vault")).unwrap();
        rules
            .used(&site("example.com"), &id("org.example.Notebook"), 5)
            .unwrap();
        rules
            .used(&site("other.example"), &id("org.example.Notebook"), 6)
            .unwrap();
        rules.set_default_provider(Some(&id("org.claviger.Vault")));
        let read = Rules::parse(rules.to_json().as_bytes()).unwrap();
        assert_eq!(read, rules);
        assert_eq!(
            read.iter().collect::<Vec<_>>(),
            [(&site("example.com"), &id("org.claviger.Vault"))]
        );
        assert_eq!(
            read.preference(&site("example.com")),
            Preference {
                remembered: Some(id("org.claviger.Vault")),
                last_used: Some(id("org.example.Notebook")),
                default_provider: Some(id("org.claviger.Vault")),
                order: Order::default(),
            }
        );
        assert_eq!(read.preference(&site("unknown.example")).remembered, None);
    }

    #[test]
    fn rules_and_providers_are_forgotten() {
        let mut rules = Rules::default();
        rules.remember(&site("a.example"), &id("p")).unwrap();
        rules.remember(&site("b.example"), &id("q")).unwrap();
        rules.used(&site("b.example"), &id("p"), 1).unwrap();
        rules.set_default_provider(Some(&id("p")));
        assert!(rules.forget(&site("b.example")));
        assert!(!rules.forget(&site("b.example")));
        assert_eq!(rules.preference(&site("b.example")).last_used, Some(id("p")));
        rules.forget_provider(&id("p"));
        assert_eq!(rules, Rules::default());
    }

    #[test]
    fn foreign_files_are_refused() {
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"version":1,"site":{}}"#,
            r#"{"version":1,"sites":{"a":{"p":1}}}"#,
            r#"{"version":1,"sites":{"":{}}}"#,
            r#"{"version":1,"default_provider":"vault"}"#,
        ] {
            assert_eq!(Rules::parse(bad.as_bytes()), Err(RulesError::Malformed), "{bad}");
        }
        assert_eq!(
            Rules::parse(br#"{"version":2,"anything":true}"#),
            Err(RulesError::Version)
        );
        let long = format!(
            r#"{{"version":1,"sites":{{"{}":{{}}}}}}"#,
            "a".repeat(RpId::MAX_BYTES + 1)
        );
        assert_eq!(Rules::parse(long.as_bytes()), Err(RulesError::TooLong));
        let long = format!(
            r#"{{"version":1,"default_provider":"{}"}}"#,
            "a".repeat(ProviderId::MAX_BYTES + 1)
        );
        assert_eq!(Rules::parse(long.as_bytes()), Err(RulesError::TooLong));
        assert_eq!(Rules::parse(&vec![b' '; MAX_BYTES + 1]), Err(RulesError::TooLong));
    }

    #[test]
    fn the_oldest_use_makes_room_but_no_rule_does() {
        let mut rules = Rules::default();
        rules.remember(&site("kept.example"), &id("p")).unwrap();
        for number in 1..MAX_SITES {
            rules
                .used(&site(&format!("{number}.example")), &id("p"), 1_000 + number as u64)
                .unwrap();
        }
        rules.used(&site("new.example"), &id("p"), 9_999_999).unwrap();
        assert_eq!(rules.sites.len(), MAX_SITES);
        assert_eq!(rules.preference(&site("1.example")).last_used, None);
        assert_eq!(rules.preference(&site("kept.example")).remembered, Some(id("p")));
        for rule in rules.sites.values_mut() {
            rule.provider = Some(id("p"));
        }
        assert_eq!(
            rules.remember(&site("more.example"), &id("p")),
            Err(RulesError::TooMany)
        );
        assert!(rules.to_json().len() < MAX_BYTES);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_parse_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Rules::parse(&bytes);
        }

        #[test]
        fn what_is_written_is_read(
            sites in proptest::collection::btree_map(".{1,60}", ("[a-z]{1,20}", any::<bool>(), any::<u64>()), 0..20),
        ) {
            let mut rules = Rules::default();
            for (rp_id, (provider, rule, now_ms)) in &sites {
                if *rule {
                    rules.remember(&site(rp_id), &id(provider)).unwrap();
                } else {
                    rules.used(&site(rp_id), &id(provider), *now_ms).unwrap();
                }
            }
            prop_assert_eq!(Rules::parse(rules.to_json().as_bytes()).unwrap(), rules);
        }
    }
}
