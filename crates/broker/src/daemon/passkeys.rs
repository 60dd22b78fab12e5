//! What the user does with single passkeys, from the command line or at a door: look, rename, delete.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claviger_ctap::types::{CredentialId, RpId};
use claviger_joint::operation::{Delete, MAX_NAME_BYTES, Update};
use claviger_joint::{CredentialRef, ProviderId};
use claviger_prompt_api::dbus::Error;
use claviger_prompt_api::manage::Passkey;
use claviger_prompt_api::text::sentence;
use zbus::message::Header;

use super::approvals::ApprovalCaller;
use super::link::Live;
use super::steps::envelope_caller;
use super::unsigned::{Agreed, UnsignedRequest};
use super::{Broker, lock};
use crate::audit::{AuditEvent, Entry};
use crate::ceremony::Approval;
use crate::registry::State;
use crate::types::Cause;

/// A passkey as the cache knows it.
struct Known {
    rp_id: RpId,
    account: Option<String>,
}

/// New names of a passkey's account: an absent one stays as it is, an empty one goes.
pub(super) struct Names {
    pub(super) user_name: Option<String>,
    pub(super) display_name: Option<String>,
}

impl Broker {
    /// `Passkeys`.
    pub(crate) fn passkeys(&self, filter: &str) -> Vec<Passkey> {
        let filter = filter.to_lowercase();
        let (registry, cache, rules) = (
            lock(&self.inner.registry),
            lock(&self.inner.cache),
            lock(&self.inner.rules),
        );
        let unconfirmed = lock(&self.inner.unconfirmed);
        let mut names = BTreeMap::new();
        let mut found: Vec<Passkey> = Vec::new();
        for (id, cached) in cache.all() {
            let entry = &cached.entry;
            let name = names
                .entry(id.clone())
                .or_insert_with(|| registry.shown_name(id).to_string());
            let provider_name = name.clone();
            let user = entry.user_name.clone().unwrap_or_default();
            let texts = [
                entry.rp_id.as_str(),
                &user,
                &provider_name,
                entry.rp_name.as_ref().unwrap_or(&user),
            ];
            let display = entry.display_name.as_deref();
            if !texts
                .into_iter()
                .chain(display)
                .any(|text| text.to_lowercase().contains(&filter))
            {
                continue;
            }
            let credential = CredentialRef {
                provider: id.clone(),
                id: entry.credential_id.clone(),
            };
            found.push(Passkey {
                id: URL_SAFE_NO_PAD.encode(entry.credential_id.as_bytes()),
                rp_id: entry.rp_id.to_string(),
                rp_name: entry.rp_name.clone(),
                user_name: entry.user_name.clone(),
                display_name: entry.display_name.clone(),
                provider: id.to_string(),
                provider_name,
                created_ms: entry.created_ms,
                last_used_ms: entry.last_used_ms,
                backed_up: entry.backed_up,
                discoverable: entry.discoverable,
                confirmed: !unconfirmed.list.contains(&credential),
                hidden: rules.rules.hides(&credential),
                tag: entry.tag.clone(),
                algorithm: cached.algorithm(),
            });
        }
        found.sort_by(|a, b| (&a.rp_id, &a.user_name).cmp(&(&b.rp_id, &b.user_name)));
        found
    }

    /// `RenamePasskey`.
    pub(crate) async fn rename_passkey(
        &self,
        (provider, id): (&str, &str),
        name: &str,
        header: &Header<'_>,
    ) -> Result<(), Error> {
        let asking = self.asking(header).await?;
        if name.trim().is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
            return Err(Error::invalid_argument(format!(
                "A name has 1 to {MAX_NAME_BYTES} bytes and no control characters."
            )));
        }
        let names = Names {
            user_name: Some(name.to_owned()),
            display_name: None,
        };
        let credential = self.named_credential(provider, id)?;
        Ok(self.update(&asking, &credential, names).await?)
    }

    /// `DeletePasskey`.
    pub(crate) async fn delete_passkey(&self, provider: &str, id: &str, header: &Header<'_>) -> Result<(), Error> {
        let asking = self.asking(header).await?;
        let credential = self.named_credential(provider, id)?;
        Ok(self.delete(&asking, &credential).await?)
    }

    /// `HidePasskey` and `UnhidePasskey`.
    pub(crate) fn hide_passkey(&self, provider: &str, id: &str, hide: bool) -> Result<(), Error> {
        let credential = self.named_credential(provider, id)?;
        let site = self.known(&credential)?.rp_id;
        let changed = if hide {
            self.decide_rules(|rules| rules.hide(&credential))?
                .map_err(|error| Error::invalid_argument(sentence(&error.to_string())))?
        } else {
            self.decide_rules(|rules| rules.unhide(&credential))?
        };
        if changed {
            let what = if hide {
                "hide a passkey"
            } else {
                "offer a hidden passkey again"
            };
            self.audit(&Entry {
                rp_id: Some(site.to_string()),
                ..Entry::ok(AuditEvent::Manage)
                    .provider(&credential.provider)
                    .detail(what)
            });
        }
        Ok(())
    }

    /// The passkey that a client means who knows ids only, as CTAP has it. Nobody is asked.
    ///
    /// # Errors
    /// [`Cause::NoCredential`]; [`Cause::Ambiguous`] when several enabled providers have one of that id: no provider is to stand in the
    /// place of another by taking its ids.
    pub fn credential(&self, id: &CredentialId) -> Result<CredentialRef, Cause> {
        let (registry, cache) = (lock(&self.inner.registry), lock(&self.inner.cache));
        let enabled = registry
            .records()
            .filter(|(_, record)| record.state() == State::Enabled);
        let mut holders = enabled.filter(|(provider, _)| cache.credential(provider, id).is_some());
        match (holders.next(), holders.next()) {
            (Some((provider, _)), None) => Ok(CredentialRef {
                provider: provider.clone(),
                id: id.clone(),
            }),
            (None, _) => Err(Cause::NoCredential),
            (Some(_), Some(_)) => Err(Cause::Ambiguous),
        }
    }

    /// Deletes a passkey once the user has agreed and was verified.
    pub(super) async fn delete(&self, asking: &ApprovalCaller, credential: &CredentialRef) -> Result<(), Cause> {
        let known = self.known(credential)?;
        let live = self.ready(&credential.provider).await?;
        let parameters = Delete {
            credential: credential.id.clone(),
        };
        let approval = Approval::DeletePasskey {
            provider: self.provider_name(&credential.provider),
            account: known.account,
            rp_id: known.rp_id,
            locked: live.locked,
        };
        let what = (Agreed::Delete, parameters.encode());
        self.change(asking, &credential.provider, &live, approval, what).await?;
        self.change_cache(|cache| cache.removed(&credential.provider, &credential.id));
        self.confirmed(credential);
        self.change_rules(|rules| rules.unhide(credential));
        Ok(())
    }

    /// Changes the names of a passkey's account once the user has agreed and was verified.
    pub(super) async fn update(
        &self,
        asking: &ApprovalCaller,
        credential: &CredentialRef,
        names: Names,
    ) -> Result<(), Cause> {
        let known = self.known(credential)?;
        let live = self.ready(&credential.provider).await?;
        let shown = [&names.user_name, &names.display_name]
            .into_iter()
            .flatten()
            .find(|name| !name.is_empty());
        let approval = Approval::RenamePasskey {
            provider: self.provider_name(&credential.provider),
            account: known.account,
            rp_id: known.rp_id,
            new_name: shown.cloned().unwrap_or_default(),
            locked: live.locked,
        };
        let parameters = Update {
            credential: credential.id.clone(),
            user_name: names.user_name.clone(),
            display_name: names.display_name.clone(),
        };
        let what = (Agreed::Update, parameters.encode());
        self.change(asking, &credential.provider, &live, approval, what).await?;
        let (user_name, display_name) = (names.user_name.as_deref(), names.display_name.as_deref());
        self.change_cache(|cache| cache.renamed(&credential.provider, &credential.id, user_name, display_name));
        Ok(())
    }

    /// Has the user agree and the provider do it.
    async fn change(
        &self,
        asking: &ApprovalCaller,
        provider: &ProviderId,
        live: &Live,
        approval: Approval,
        (what, parameters): (Agreed, Vec<u8>),
    ) -> Result<(), Cause> {
        let approved = self
            .approve(asking, approval, parameters.clone(), None, AuditEvent::Manage)
            .await?;
        let sealed = approved.boxes.into_iter().next().map(|(_, sealed)| sealed);
        let caller = envelope_caller(&asking.caller, None);
        let request = UnsignedRequest::agreed(approved.consent, what, approved.transaction, parameters, caller)
            .with_evidence(approved.evidence)
            .with_unlock_box(sealed);
        self.order(provider, live, request).await.map(drop)
    }

    fn known(&self, credential: &CredentialRef) -> Result<Known, Cause> {
        let cache = lock(&self.inner.cache);
        let cached = cache
            .credential(&credential.provider, &credential.id)
            .ok_or(Cause::NoCredential)?;
        let entry = &cached.entry;
        Ok(Known {
            rp_id: entry.rp_id.clone(),
            account: entry.user_name.clone().or_else(|| entry.display_name.clone()),
        })
    }

    /// The passkey that a caller of `Manage1` names; whether there is one, turns out later.
    fn named_credential(&self, provider: &str, id: &str) -> Result<CredentialRef, Error> {
        let id = URL_SAFE_NO_PAD
            .decode(id)
            .ok()
            .and_then(|bytes| CredentialId::new(bytes).ok());
        Ok(CredentialRef {
            id: id.ok_or_else(|| Error::invalid_argument("That is not the id of a passkey."))?,
            provider: self.known_provider(provider)?,
        })
    }
}
