//! What the platform knows of our credentials, and the shortest way to make it know better.

use claviger_ctap::types::CredentialId;
use claviger_joint::metadata::{Diff, Entry, Generation, Snapshot};

use super::{Failure, Provider, link::BrokerLink, server::now_ms};

/// The platform's metadata of this provider, as far as we know it.
#[derive(Debug, Default)]
pub(super) struct Cache {
    snapshot: Snapshot,
    /// Whether the platform has `snapshot`. Not so at the start, with a new broker, or after a push that failed.
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
        let Some(mut entries) = provider.metadata()? else {
            return Ok(());
        };
        self.keep_last_used(&mut entries);
        // Should the platform turn out to have another generation than we believe, once more with everything.
        for _ in 0..2 {
            let full = !self.is_known;
            let last = &mut self.last;
            let diffs = self.snapshot.diffs_to(entries.clone(), full, || next(last));
            self.is_known = true;
            for diff in diffs {
                self.push(link, diff).await;
                if !self.is_known {
                    break;
                }
            }
            if self.is_known || full {
                break;
            }
        }
        Ok(())
    }

    /// Tells that one credential was used: one entry, whatever the number of credentials.
    pub(super) async fn push_used(&mut self, link: &BrokerLink, id: &CredentialId, at_ms: u64) {
        let Some(entry) = self.snapshot.entries().get(id).filter(|_| self.is_known) else {
            return;
        };
        let entry = Entry {
            last_used_ms: Some(at_ms),
            ..entry.clone()
        };
        let (base, new) = (self.snapshot.generation(), next(&mut self.last));
        self.push(
            link,
            Diff {
                base,
                new,
                full: false,
                upserts: vec![entry],
                removed: Vec::new(),
            },
        )
        .await;
    }

    async fn push(&mut self, link: &BrokerLink, diff: Diff) {
        self.is_known = link.push(&diff).await && self.snapshot.apply(diff).is_ok();
    }

    /// A provider that does not note when it was used does not unsay what we noted.
    fn keep_last_used(&self, entries: &mut [Entry]) {
        for entry in entries {
            let noted = self
                .snapshot
                .entries()
                .get(&entry.credential_id)
                .and_then(|known| known.last_used_ms);
            entry.last_used_ms = entry.last_used_ms.max(noted);
        }
    }
}

/// A new generation: microseconds since 1970, so that generations grow over restarts too without being kept.
fn next(last: &mut Generation) -> Generation {
    *last = (*last + 1).max(now_ms().saturating_mul(1000));
    *last
}
