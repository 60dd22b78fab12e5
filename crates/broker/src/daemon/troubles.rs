//! What of the platform is broken: of the broker's own files from memory, of the others' by looking at them.

use claviger_prompt_api::trouble::Trouble;
use claviger_prompt_api::view::{Kind, MAX_TROUBLES, View};

use super::{Broker, lock, now_ms};
use crate::state_file;

impl Broker {
    /// All of it, for who wants to know why something does not work. Files are looked at, so this is nothing for a good sign-in.
    pub(super) fn troubles(&self) -> Vec<Trouble> {
        // It may have room again by now, or none any more.
        self.can_record();
        let mut troubles = self.own_troubles();
        let looked = self.inner.config.look.as_ref().map(|look| look()).unwrap_or_default();
        for trouble in looked {
            // The broker tells better of its own: it knows what it did about it.
            if !troubles
                .iter()
                .any(|told| (told.what, &told.file) == (trouble.what, &trouble.file))
            {
                troubles.push(trouble);
            }
        }
        troubles
    }

    /// What a view says of it: a question what the broker has noticed, a notice whatever may be the reason for it.
    pub(super) fn troubles_on(&self, view: &View) -> Vec<Trouble> {
        let mut troubles = match view.kind {
            Kind::Idle => Vec::new(),
            Kind::Notice => self.troubles(),
            _ => self.own_troubles(),
        };
        troubles.truncate(MAX_TROUBLES);
        troubles
    }

    fn own_troubles(&self) -> Vec<Trouble> {
        let mut troubles = self.inner.troubles.clone();
        {
            let audit = lock(&self.inner.audit);
            troubles.extend(audit.troubles());
            troubles.extend(state_file::clock(audit.latest_ms(), now_ms(), audit.path()));
        }
        troubles.extend_from_slice(lock(&self.inner.registry).troubles());
        troubles.extend_from_slice(lock(&self.inner.cache).troubles());
        troubles.extend_from_slice(self.inner.privileged.troubles());
        troubles
    }
}
