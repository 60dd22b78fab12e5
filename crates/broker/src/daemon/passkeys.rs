//! What the user does with single passkeys: look, rename, delete. The security-key door's side of it lives in
//! [`super::security_key`].

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claviger_ctap::types::CredentialId;
use claviger_joint::ProviderId;
use claviger_joint::operation::{Delete, MAX_NAME_BYTES, Update};
use claviger_prompt_api::dbus::Error;
use claviger_prompt_api::manage::Passkey as Listed;
use zbus::message::Header;

use super::approvals::Applicant;
use super::link::Live;
use super::steps::envelope_caller;
use super::unsigned::{Agreed, UnsignedRequest};
use super::{Broker, lock};
use crate::audit::Event;
use crate::ceremony::Approval;
use crate::types::Cause;

/// A passkey that the user names.
pub(super) struct Passkey {
    pub(super) provider: ProviderId,
    pub(super) credential: CredentialId,
    pub(super) rp_id: String,
    pub(super) account: Option<String>,
}

impl Broker {
    /// `Passkeys`.
    pub(crate) fn passkeys(&self, filter: &str) -> Vec<Listed> {
        let filter = filter.to_lowercase();
        let (registry, cache) = (lock(&self.inner.registry), lock(&self.inner.cache));
        let mut found: Vec<Listed> = Vec::new();
        for (id, cached) in cache.all() {
            let entry = &cached.entry;
            let provider_name = registry
                .record(id)
                .map_or_else(|| id.to_string(), |record| record.manifest.name.clone());
            let user = entry.user_name.clone().unwrap_or_default();
            let texts = [
                &entry.rp_id,
                &user,
                &provider_name,
                entry.rp_name.as_ref().unwrap_or(&user),
            ];
            let display = entry.display_name.iter();
            if !texts
                .into_iter()
                .chain(display)
                .any(|text| text.to_lowercase().contains(&filter))
            {
                continue;
            }
            found.push(Listed {
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
                tag: entry.tag.clone(),
                algorithm: cached.public_key.as_ref().map(|key| key.algorithm().cose()),
            });
        }
        found.sort_by(|a, b| (&a.rp_id, &a.user_name).cmp(&(&b.rp_id, &b.user_name)));
        found
    }

    /// `RenamePasskey`.
    pub(crate) async fn rename_passkey(&self, id: &str, name: &str, header: &Header<'_>) -> Result<(), Error> {
        let applicant = self.applicant(header).await?;
        if name.trim().is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
            return Err(Error::InvalidArgument(format!(
                "A name has 1 to {MAX_NAME_BYTES} bytes and no control characters."
            )));
        }
        let passkey = self.find_passkey(id)?;
        let live = self.ready(&passkey.provider).await.map_err(Cause::from)?;
        let parameters = Update {
            credential: passkey.credential.clone(),
            user_name: Some(name.to_owned()),
            display_name: None,
        }
        .encode();
        let approval = Approval::RenamePasskey {
            provider: self.provider_name(&passkey.provider),
            account: passkey.account,
            rp_id: passkey.rp_id,
            new_name: name.to_owned(),
            locked: live.locked,
        };
        self.change(
            &applicant,
            &passkey.provider,
            &live,
            approval,
            (Agreed::Update, parameters),
        )
        .await?;
        self.change_cache(|cache| cache.renamed(&passkey.provider, &passkey.credential, Some(name), None));
        Ok(())
    }

    /// `DeletePasskey`.
    pub(crate) async fn delete_passkey(&self, id: &str, header: &Header<'_>) -> Result<(), Error> {
        let applicant = self.applicant(header).await?;
        let passkey = self.find_passkey(id)?;
        let live = self.ready(&passkey.provider).await.map_err(Cause::from)?;
        let parameters = Delete {
            credential: passkey.credential.clone(),
        }
        .encode();
        let approval = Approval::DeletePasskey {
            provider: self.provider_name(&passkey.provider),
            account: passkey.account,
            rp_id: passkey.rp_id,
            locked: live.locked,
        };
        self.change(
            &applicant,
            &passkey.provider,
            &live,
            approval,
            (Agreed::Delete, parameters),
        )
        .await?;
        self.change_cache(|cache| cache.removed(&passkey.provider, &passkey.credential));
        Ok(())
    }

    /// Has the user agree and the provider do it.
    pub(super) async fn change(
        &self,
        applicant: &Applicant,
        provider: &ProviderId,
        live: &Live,
        approval: Approval,
        (what, parameters): (Agreed, Vec<u8>),
    ) -> Result<(), Cause> {
        let approved = self
            .approve(applicant, approval, parameters.clone(), None, Event::Manage)
            .await?;
        let sealed = approved.boxes.into_iter().next().map(|(_, sealed)| sealed);
        let caller = envelope_caller(&applicant.caller, None);
        let request = UnsignedRequest::agreed(approved.consent, what, approved.transaction, parameters, caller)
            .with_evidence(approved.evidence)
            .with_unlock_box(sealed);
        self.order(provider, live, request).await.map(drop)
    }

    /// What is known of a credential, whoever holds it.
    pub(super) fn passkey(&self, credential: &CredentialId) -> Option<Passkey> {
        let cache = lock(&self.inner.cache);
        let mut all = cache.all();
        let (provider, cached) = all.find(|(_, cached)| cached.entry.credential_id == *credential)?;
        Some(Passkey {
            provider: provider.clone(),
            rp_id: cached.entry.rp_id.clone(),
            account: cached
                .entry
                .user_name
                .clone()
                .or_else(|| cached.entry.display_name.clone()),
            credential: credential.clone(),
        })
    }

    fn find_passkey(&self, id: &str) -> Result<Passkey, Error> {
        let credential = URL_SAFE_NO_PAD
            .decode(id)
            .ok()
            .and_then(|bytes| CredentialId::new(bytes).ok());
        let credential = credential.ok_or_else(|| Error::InvalidArgument("That is not the id of a passkey.".into()))?;
        self.passkey(&credential)
            .ok_or_else(|| Error::NotFound("There is no passkey of that id.".into()))
    }
}
