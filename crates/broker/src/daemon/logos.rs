//! Logos for those who draw: beside the choices of a view, and for the settings.

use std::collections::BTreeMap;

use claviger_joint::ProviderId;
use claviger_prompt_api::dbus::Error;
use claviger_prompt_api::logo::{Logos, MAX_LOGOS};
use claviger_prompt_api::view::Choice;

use super::{Broker, lock};
use crate::registry::RegistryError;

impl Broker {
    /// `Logos`: of one provider, enabled or not.
    pub(crate) fn logos(&self, provider: &str) -> Result<Logos, Error> {
        let id = self.known_provider(provider)?;
        let registry = lock(&self.inner.registry);
        let record = registry.record(&id).ok_or(RegistryError::Unknown(id.to_string()))?;
        Ok(record.logos.clone())
    }

    /// The logos of the providers among these choices, as many as go with a view.
    pub(super) fn logos_of(&self, choices: &[Choice]) -> BTreeMap<String, Logos> {
        let registry = lock(&self.inner.registry);
        let mut logos = BTreeMap::new();
        for choice in choices {
            if logos.len() == MAX_LOGOS {
                break;
            }
            let id = ProviderId::parse(&choice.provider).ok();
            let record = id.and_then(|id| registry.record(&id));
            let drawn = record.map(|record| &record.logos).filter(|logos| !logos.is_empty());
            if let Some(drawn) = drawn.filter(|_| !logos.contains_key(&choice.provider)) {
                logos.insert(choice.provider.clone(), drawn.clone());
            }
        }
        logos
    }
}
