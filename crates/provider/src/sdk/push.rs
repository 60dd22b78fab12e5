//! Making the platform know our credentials, by the shortest way.

use claviger_ctap::types::CredentialId;
use claviger_joint::metadata::{Diff, Entry, Generation};

use super::{
    Failure, Provider,
    link::BrokerLink,
    server::now_ms,
    told::{Changes, Told},
};

/// The platform's metadata of this provider, as far as we know it.
#[derive(Debug, Default)]
pub(super) struct Cache {
    told: Told,
    generation: Generation,
    /// Whether the platform has what it was told. Not so at the start, with a new broker, or after a push that failed.
    is_known: bool,
    last: Generation,
}

impl Cache {
    /// The platform may have anything: the next push is full.
    pub(super) fn forget(&mut self) {
        self.is_known = false;
    }

    /// Pushes what differs from what the platform has.
    pub(super) async fn push_all<P: Provider>(&mut self, link: &BrokerLink, provider: &P) -> Result<(), Failure> {
        if self.is_known
            && let Some(entries) = provider.metadata()?
        {
            let changes = self.told.changes(entries, false);
            self.push(link, changes, false).await;
        }
        // Should the platform turn out to have another generation than we believe, once more with everything.
        if !self.is_known
            && let Some(entries) = provider.metadata()?
        {
            let changes = self.told.changes(entries, true);
            self.push(link, changes, true).await;
        }
        Ok(())
    }

    /// Pushes what differs for one site: the cost is its, whatever the number of credentials.
    pub(super) async fn push_site<P: Provider>(
        &mut self,
        link: &BrokerLink,
        provider: &P,
        rp_id: &str,
    ) -> Result<(), Failure> {
        if self.is_known
            && let Some(entries) = provider.metadata_of_site(rp_id)?
        {
            let changes = self.told.changes_of_site(rp_id, entries);
            self.push(link, changes, false).await;
        }
        if self.is_known {
            Ok(())
        } else {
            self.push_all(link, provider).await
        }
    }

    /// Tells that one credential was used.
    pub(super) async fn push_used<P: Provider>(
        &mut self,
        link: &BrokerLink,
        provider: &P,
        (rp_id, id): (&str, &CredentialId),
        at_ms: u64,
    ) -> Result<(), Failure> {
        let Some(entries) = provider.metadata_of_site(rp_id)?.filter(|_| self.is_known) else {
            return Ok(());
        };
        let used = entries.into_iter().find(|entry| entry.credential_id == *id);
        let upserts = used.map(|entry| Entry {
            last_used_ms: entry.last_used_ms.max(Some(at_ms)),
            ..entry.shortened()
        });
        let changes = Changes {
            upserts: upserts.into_iter().collect(),
            ..Changes::default()
        };
        self.push(link, changes, false).await;
        Ok(())
    }

    async fn push(&mut self, link: &BrokerLink, changes: Changes, full: bool) {
        let Changes {
            upserts,
            removed,
            removed_of,
        } = changes;
        let last = &mut self.last;
        self.is_known = true;
        for diff in Diff::parts(self.generation, full, upserts, removed, || next(last)) {
            self.is_known = link.push(&diff).await;
            if !self.is_known {
                return;
            }
            if diff.full {
                self.told = Told::default();
            }
            self.told.untell(&diff.removed, removed_of);
            self.told.tell(&diff.upserts);
            self.generation = diff.new;
        }
    }
}

/// A new generation: microseconds since 1970, so that generations grow over restarts too without being kept.
fn next(last: &mut Generation) -> Generation {
    *last = (*last + 1).max(now_ms().saturating_mul(1000));
    *last
}
