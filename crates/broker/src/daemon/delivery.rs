//! What became of a passkey after its ceremony: whether the site ever heard of it.

use claviger_ctap::types::{CredentialId, RpId};
use claviger_joint::CredentialRef;

use super::journal::who;
use super::{Broker, lock};
use crate::audit::{AuditEvent, Entry, Failure};
use crate::types::Caller;
use crate::unconfirmed::Unconfirmed;

/// The list, and whether the file is behind it.
#[derive(Default)]
pub(super) struct UnconfirmedFile {
    pub(super) list: Unconfirmed,
    pub(super) unsaved: bool,
}

impl Broker {
    /// Takes note that a new passkey did not reach the page that had asked `caller` for it: the site does not know it. It is kept, told in
    /// the audit log and marked in the list of passkeys, and a next one for the same account replaces it.
    pub fn undelivered(&self, caller: &Caller, rp_id: &RpId, id: &CredentialId) {
        let holders: Vec<CredentialRef> = {
            let cache = lock(&self.inner.cache);
            let holding = cache
                .for_site(rp_id.as_str())
                .filter(|(_, cached)| cached.entry.credential_id == *id);
            holding
                .map(|(provider, _)| CredentialRef {
                    provider: provider.clone(),
                    id: id.clone(),
                })
                .collect()
        };
        for credential in holders {
            self.audit_unasked(Entry {
                caller: Some(who(caller)),
                rp_id: Some(rp_id.to_string()),
                provider: Some(credential.provider.clone()),
                ..Entry::failed(AuditEvent::Create, Failure::Undelivered)
                    .detail("the passkey was made, but the browser did not give it to the page")
            });
            self.change_unconfirmed(|list| list.add(credential));
        }
    }

    /// A site has taken this passkey, or it is gone.
    pub(super) fn confirmed(&self, credential: &CredentialRef) {
        if lock(&self.inner.unconfirmed).list.contains(credential) {
            self.change_unconfirmed(|list| {
                list.remove(credential);
            });
        }
    }

    fn change_unconfirmed(&self, change: impl FnOnce(&mut Unconfirmed)) {
        {
            let mut file = lock(&self.inner.unconfirmed);
            file.unsaved = true;
            change(&mut file.list);
        }
        self.inner.unsaved.notify_one();
    }
}
