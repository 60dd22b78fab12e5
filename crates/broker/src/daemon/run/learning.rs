//! What a provider's answer is held against, and what rules and caches learn from one that passes.

use claviger_ctap::types::{CredentialId, RpId};
use claviger_joint::CredentialRef;
use claviger_joint::metadata::Entry as Metadata;

use super::{Ceremony, CeremonyOrApproval, Real, Reply};
use crate::ceremony::{Assurance, Check, Checked};
use crate::check::{self, Known, Rejection};
use crate::daemon::steps::rp_name;
use crate::daemon::{lock, now_ms};
use crate::types::{CeremonyAnswer, CtapRequest};

impl Ceremony {
    /// Rule 5, and what the cache learns from an answer that passes.
    pub(super) fn check(&mut self, check: Check<Real>) -> Result<Checked<Real>, Rejection> {
        let payload = match check.reply {
            Reply::Payload(payload) => payload,
            Reply::Unreadable(why) => return Err(why),
        };
        let CeremonyOrApproval::Ceremony(request) = &self.asked_for else {
            return Err(Rejection::AnotherRequest);
        };
        let provider = check.call.provider;
        let crypto = self.broker.inner.config.crypto;
        let sent = request
            .operation()
            .for_provider(check.call.credential.as_ref(), check.assurance == Assurance::Verified);
        match sent {
            CtapRequest::Make(sent) => {
                let in_use = |id: &CredentialId| {
                    let cache = lock(&self.broker.inner.cache);
                    // The provider itself may have pushed the new entry already; the key is what nobody has seen yet.
                    cache
                        .credential(&provider, id)
                        .is_some_and(|cached| cached.key.is_some())
                };
                let made = check::made(crypto, &sent, check.assurance, &payload, in_use)?;
                let entry = Metadata {
                    credential_id: made.id.clone(),
                    rp_id: request.rp_id().clone(),
                    rp_name: rp_name(&sent.rp),
                    user_handle: Some(sent.user.id.clone()),
                    user_name: sent.user.name.clone(),
                    display_name: sent.user.display_name.clone(),
                    created_ms: Some(now_ms()),
                    last_used_ms: None,
                    backed_up: made.backed_up,
                    tag: None,
                    discoverable: sent.options.rk,
                    protection: made.protection,
                };
                self.broker
                    .change_cache(|cache| cache.learn(&provider, entry, &made.public_key));
                Ok(Checked {
                    answer: CeremonyAnswer::Made(made.response),
                    credential: made.id,
                })
            }
            CtapRequest::Get(sent) => {
                let discoverable =
                    matches!(request.operation(), CtapRequest::Get(asked) if asked.allow_list.is_empty());
                let cache = lock(&self.broker.inner.cache);
                let known = |id: &CredentialId| match cache.credential(&provider, id) {
                    // What is known of another site's credential of the same id says nothing.
                    Some(cached) if cached.entry.rp_id == *request.rp_id() => Known {
                        public_key: cached.public_key(),
                        user_handle: cached.entry.user_handle,
                    },
                    _ => Known::default(),
                };
                let got = check::asserted(crypto, &sent, discoverable, check.assurance, &payload, known)?;
                if !got.key_known {
                    let remark = "the signature could not be checked: the passkey was not made through this platform";
                    self.remark = Some(remark.into());
                }
                drop(cache);
                self.broker.confirmed(&CredentialRef {
                    provider,
                    id: got.response.credential.id.clone(),
                });
                Ok(Checked {
                    credential: got.response.credential.id.clone(),
                    answer: CeremonyAnswer::Got(got.response),
                })
            }
        }
    }

    /// What the rules and the cache learn from a use.
    pub(super) fn used(&self, rp_id: &RpId, credential: &CredentialRef) {
        let now = now_ms();
        if let Err(error) = self
            .broker
            .change_rules(|rules| rules.used(rp_id, &credential.provider, now))
        {
            tracing::debug!(%error, "the use was not remembered");
        }
        self.broker
            .change_cache(|cache| cache.used(&credential.provider, &credential.id, now));
    }
}
