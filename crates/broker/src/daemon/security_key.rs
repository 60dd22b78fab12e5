//! What the security-key door asks beyond ceremonies: the silent probe, the choice of a key, and credential management.

use std::sync::PoisonError;
use std::time::Duration;

use claviger_ctap::authenticator::device::Protection;
use claviger_ctap::authenticator_data::{AuthenticatorData, Flags};
use claviger_ctap::crypto::{Algorithm, PublicKey};
use claviger_ctap::get_assertion;
use claviger_ctap::types::{CredentialDescriptor, CredentialId, RpId, UserEntity, UserId};
use claviger_hello::ticket::PinTicket;
use claviger_joint::{CredentialRef, ProviderId};
use tokio::time::Instant;

use super::approvals::ApprovalCaller;
use super::link::Live;
use super::passkeys::Names;
use super::steps::envelope_caller;
use super::unsigned::UnsignedRequest;
use super::{Broker, lock};
use crate::audit::{AuditEvent, Entry};
use crate::cancel::CancelToken;
use crate::ceremony::{Approval, Assurance};
use crate::check::{self, Known};
use crate::registry::State;
use crate::types::{Caller, Cause};

/// How many probes are answered in [`PROBE_WINDOW`], whoever asks: clients split long allow lists into several, and a benchmark asks
/// some hundred times. A program that asks without end shall not keep broker and provider busy.
const MAX_PROBES: u32 = 2000;

/// The time that [`MAX_PROBES`] counts for.
const PROBE_WINDOW: Duration = Duration::from_secs(10);

/// A credential as credential management shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedCredential {
    /// Its RP ID.
    pub rp_id: RpId,
    /// Its account.
    pub user: UserEntity,
    /// The credential.
    pub credential: CredentialId,
    /// Its public key; absent when the platform never saw it being made.
    pub public_key: Option<PublicKey>,
    /// Its credProtect level.
    pub protection: Protection,
}

/// Who asks, and how it withdraws. The door keeps an eye on its connection itself.
#[derive(Debug)]
pub struct SecurityKeyCaller {
    /// The program.
    pub caller: Caller,
    /// Stands for the PIN.
    pub ticket: Option<PinTicket>,
    /// Takes the question back.
    pub cancel: CancelToken,
}

/// How many probes there were of late.
#[derive(Debug, Default)]
pub(super) struct Probes(std::sync::Mutex<Option<(Instant, u32)>>);

impl Probes {
    fn admit(&self, now: Instant) -> Result<(), Cause> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = slot
            .filter(|(since, _)| now.saturating_duration_since(*since) < PROBE_WINDOW)
            .unwrap_or((now, 0));
        *slot = Some((since, count.saturating_add(1)));
        if count < MAX_PROBES { Ok(()) } else { Err(Cause::Busy) }
    }
}

impl Broker {
    /// Answers a request for an assertion without user presence, by which clients look whether one of their credentials is here
    /// (CTAP 2.1 §6.2.2, `up` false). Nobody is asked, no provider is started or unlocked.
    ///
    /// A provider that is open signs. For one that is not, what is known of it answers, with a signature that verifies under no key:
    /// whoever needs a true one must ask for presence. A request that names no credentials finds none, since it could only be meant
    /// to learn whether there is an account.
    ///
    /// # Errors
    /// [`Cause::NoCredential`]; [`Cause::Busy`] when there are too many; a provider's failure.
    pub async fn probe(
        &self,
        caller: &Caller,
        request: &get_assertion::Request,
    ) -> Result<get_assertion::Response, Cause> {
        self.inner.probes.admit(Instant::now())?;
        let (provider, id, known, protected) = self.probed(request).ok_or(Cause::NoCredential)?;
        let mut request = request.clone();
        // What an extension computes needs presence.
        request.extensions = claviger_ctap::cbor::Map::new();
        (request.options.up, request.options.uv) = (false, false);
        request.allow_list.retain(|allowed| allowed.id == id);
        request.allow_list.truncate(1);
        let open = self
            .link(&provider)
            .and_then(|link| link.live())
            // A provider rightly hides what needs verification.
            .filter(|live| !live.locked && !protected);
        match open {
            Some(live) => {
                self.probe_provider(caller, &provider, &live, &request, known.as_ref())
                    .await
            }
            None => self.unsigned(&request, id, known.as_ref()),
        }
    }

    /// Has the user say that this is the security key to use (CTAP 2.1 §6.9, `authenticatorSelection`).
    ///
    /// # Errors
    /// See [`Cause`].
    pub async fn select(&self, from: SecurityKeyCaller) -> Result<(), Cause> {
        let asking = ApprovalCaller::at_the_security_key(from);
        let approved = self.approve(&asking, Approval::UseSecurityKey, Vec::new(), None, AuditEvent::Manage);
        approved.await.map(drop)
    }

    /// Lists the discoverable credentials of all enabled providers, by RP ID, once the user has agreed and was verified.
    ///
    /// # Errors
    /// See [`Cause`].
    pub async fn list_credentials(&self, from: SecurityKeyCaller) -> Result<Vec<ManagedCredential>, Cause> {
        let asking = ApprovalCaller::at_the_security_key(from);
        self.approve(&asking, Approval::ListPasskeys, Vec::new(), None, AuditEvent::Manage)
            .await?;
        let (registry, cache) = (lock(&self.inner.registry), lock(&self.inner.cache));
        let mut list: Vec<ManagedCredential> = cache
            .all()
            .filter(|(provider, cached)| {
                let enabled = registry
                    .record(provider)
                    .is_some_and(|record| record.state() == State::Enabled);
                enabled && cached.entry.discoverable
            })
            .filter_map(|(_, cached)| {
                let entry = &cached.entry;
                Some(ManagedCredential {
                    rp_id: entry.rp_id.clone(),
                    user: UserEntity {
                        id: entry.user_handle.clone()?,
                        name: entry.user_name.clone(),
                        display_name: entry.display_name.clone(),
                    },
                    credential: entry.credential_id.clone(),
                    public_key: cached.public_key(),
                    protection: entry.protection,
                })
            })
            .collect();
        list.sort_by(|a, b| (&a.rp_id, &a.user.name, &a.credential).cmp(&(&b.rp_id, &b.user.name, &b.credential)));
        Ok(list)
    }

    /// The user handle of a credential's account; `None` when its provider does not tell. Nobody is asked.
    pub fn account_of(&self, credential: &CredentialRef) -> Option<UserId> {
        let cache = lock(&self.inner.cache);
        let cached = cache.credential(&credential.provider, &credential.id)?;
        cached.entry.user_handle.clone()
    }

    /// Deletes a credential once the user has agreed and was verified.
    ///
    /// # Errors
    /// [`Cause::NoCredential`] when there is no such; else see [`Cause`].
    pub async fn delete_credential(&self, from: SecurityKeyCaller, credential: &CredentialRef) -> Result<(), Cause> {
        self.delete(&ApprovalCaller::at_the_security_key(from), credential)
            .await
    }

    /// Changes the names of a credential's account once the user has agreed and was verified. A name that is absent goes.
    ///
    /// # Errors
    /// [`Cause::NoCredential`] when there is no such; else see [`Cause`].
    pub async fn update_credential(
        &self,
        from: SecurityKeyCaller,
        credential: &CredentialRef,
        user: &UserEntity,
    ) -> Result<(), Cause> {
        let names = Names {
            user_name: Some(user.name.clone().unwrap_or_default()),
            display_name: Some(user.display_name.clone().unwrap_or_default()),
        };
        self.update(&ApprovalCaller::at_the_security_key(from), credential, names)
            .await
    }

    /// The first credential of the allow list that is here, with what is known of it and whether it shows to the verified only.
    ///
    /// Those show to a client that asks for verification: it has a token, and looks which of its list it will use the token for.
    fn probed(&self, request: &get_assertion::Request) -> Option<(ProviderId, CredentialId, Option<PublicKey>, bool)> {
        let (registry, cache, rules) = (
            lock(&self.inner.registry),
            lock(&self.inner.cache),
            lock(&self.inner.rules),
        );
        let hidden = |provider: &ProviderId, id: &CredentialId| {
            rules.rules.hides(&CredentialRef {
                provider: provider.clone(),
                id: id.clone(),
            })
        };
        let serves = |provider: &ProviderId| {
            registry
                .record(provider)
                .is_some_and(|record| record.state() == State::Enabled && record.manifest.serves(&request.rp_id))
        };
        request.allow_list.iter().find_map(|allowed| {
            let mut here = cache.for_site(&request.rp_id);
            let (provider, cached) = here.find(|(provider, cached)| {
                cached.entry.credential_id == allowed.id
                    && cached.entry.protection.shows_to(request.options.uv, true)
                    && serves(provider)
                    && !hidden(provider, &allowed.id)
            })?;
            let protected = !cached.entry.protection.shows_to(false, true);
            Some((provider.clone(), allowed.id.clone(), cached.public_key(), protected))
        })
    }

    async fn probe_provider(
        &self,
        caller: &Caller,
        provider: &ProviderId,
        live: &Live,
        request: &get_assertion::Request,
        key: Option<&PublicKey>,
    ) -> Result<get_assertion::Response, Cause> {
        let probe = UnsignedRequest::probe(request, self.transaction()?, envelope_caller(caller, None));
        let payload = self.order(provider, live, probe).await?.unwrap_or_default();
        let known = |_: &CredentialId| Known {
            public_key: key.cloned(),
            user_handle: None,
        };
        let crypto = self.inner.config.crypto;
        let checked =
            check::asserted(crypto, request, false, Assurance::Absent, &payload, known).map_err(Cause::AnswerRejected);
        let entry = match &checked {
            Ok(_) => Entry::ok(AuditEvent::Get).detail("a silent probe, without the user"),
            Err(cause) => Entry::failed(AuditEvent::Get, cause.clone()).detail("a silent probe"),
        };
        self.audit_unasked(Entry {
            caller: Some(super::journal::who(caller)),
            rp_id: Some(request.rp_id.clone()),
            ..entry.provider(provider)
        });
        let mut response = checked?.response;
        // Nobody agreed to say whose it is.
        response.user = None;
        Ok(response)
    }

    /// What a credential of a provider that cannot sign now answers: its id, and a signature by a key that nobody keeps.
    fn unsigned(
        &self,
        request: &get_assertion::Request,
        id: CredentialId,
        key: Option<&PublicKey>,
    ) -> Result<get_assertion::Response, Cause> {
        let crypto = self.inner.config.crypto;
        let auth_data = AuthenticatorData {
            rp_id_hash: crypto.sha256(&[request.rp_id.as_bytes()]),
            flags: Flags::NONE,
            sign_count: 0,
            attested: None,
            extensions: None,
        }
        .encode();
        let nobodys = crypto.generate(key.map_or(Algorithm::Es256, PublicKey::algorithm))?;
        let signature = crypto.sign(&nobodys, &auth_data)?;
        Ok(get_assertion::Response::new(
            CredentialDescriptor::new(id),
            auth_data,
            signature,
        ))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_bounded_until_the_window_is_over() {
        let (probes, start) = (Probes::default(), Instant::now());
        for nth in 0..MAX_PROBES {
            let now = start + PROBE_WINDOW * nth / (2 * MAX_PROBES);
            assert_eq!(probes.admit(now), Ok(()));
        }
        let almost = PROBE_WINDOW.checked_sub(Duration::from_millis(1)).unwrap();
        assert_eq!(probes.admit(start + almost), Err(Cause::Busy));
        assert_eq!(probes.admit(start + PROBE_WINDOW), Ok(()));
    }
}
