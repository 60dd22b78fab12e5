//! What providers are called in front of people: which of their names could be taken for another's is found when manifests are read.

use claviger_joint::ProviderId;
use claviger_prompt_api::names::{ShownName, could_deceive};

use super::{Registry, is_built_in};

/// What the platform is called.
const PLATFORM: &str = "Claviger";

impl Registry {
    /// What to call the provider in front of a person.
    pub fn shown_name(&self, id: &ProviderId) -> ShownName {
        let Some(record) = self.records.get(id) else {
            return ShownName::unknown(id.as_str());
        };
        let name = &record.manifest.name;
        if record.deceptive {
            ShownName::with_id(name, id.as_str(), record.pin.as_ref().map(|pin| pin.path.as_path()))
        } else {
            ShownName::of(name, id.as_str())
        }
    }

    /// Finds the providers whose names could be taken for another's. The platform's own name is the built-in provider's alone.
    pub(super) fn tell_apart(&mut self) {
        let names: Vec<(ProviderId, String)> = self
            .records
            .iter()
            .map(|(id, record)| (id.clone(), record.manifest.name.clone()))
            .collect();
        for (id, record) in &mut self.records {
            let others = names
                .iter()
                .filter(|(other, _)| other != id)
                .map(|(_, name)| name.as_str());
            let platform = (!is_built_in(id)).then_some(PLATFORM);
            record.deceptive = could_deceive(&record.manifest.name, others.chain(platform));
        }
    }
}
