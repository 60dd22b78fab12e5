//! A ceremony from the door's request to its answer: what it starts from, its task, its entry in the audit log. What the
//! task does lives in [`super::run`].

use claviger_hello::ticket::PinTicket;
use claviger_joint::{CredentialRef, ProviderId, TransactionId};
use claviger_webauthn::{Origin, Unserved};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::journal::{needs_no_user, who};
use super::run::{self, CeremonyOrApproval, Finished};
use super::{Broker, caller_key, lock, now_ms};
use crate::audit::{AuditEvent, Entry};
use crate::cancel::CancelToken;
use crate::ceremony::{Input, Outcome, unserved};
use crate::choice::{Lock, PasskeySnapshot, Preference, ProviderSnapshot};
use crate::patience::{Asker, End};
use crate::queue::Ticket;
use crate::registry::{Record, State};
use crate::types::{Cause, CeremonyAnswer, CeremonyRequest, CtapRequest, Internal, UserVerification};

impl Broker {
    /// Runs one ceremony to its end. Any number may run side by side.
    ///
    /// The answer has passed every check. A `Cause` is the true one, for the user and the log; what the site may learn is the door's
    /// matter. Dropping the future does not end the ceremony: [`CancelToken`] does.
    ///
    /// # Errors
    /// See [`Cause`].
    pub async fn ceremony(&self, request: CeremonyRequest, cancel: CancelToken) -> Result<CeremonyAnswer, Cause> {
        self.ceremony_with(request, None, cancel).await
    }

    /// The same for a caller that has a ticket of [`Broker::check_client_pin`]: it stands for the PIN, so the user is asked for consent
    /// only. A ticket that hello has forgotten is no error: then the PIN is asked for.
    ///
    /// # Errors
    /// See [`Cause`].
    pub async fn ceremony_with(
        &self,
        mut request: CeremonyRequest,
        mut ticket: Option<PinTicket>,
        cancel: CancelToken,
    ) -> Result<CeremonyAnswer, Cause> {
        let (caller, rp_id) = (request.caller().clone(), request.rp_id().clone());
        let key = caller_key(&caller);
        let started = Instant::now();
        let deadline = started + request.timeout;
        let expires_ms = now_ms().saturating_add(u64::try_from(request.timeout.as_millis()).unwrap_or(u64::MAX));
        let event = match request.operation() {
            CtapRequest::Make(_) => AuditEvent::Create,
            CtapRequest::Get(_) => AuditEvent::Get,
        };
        // A frame asks in the name of the page that it is in: frames are free to have any number of origins.
        let page = request.top_origin().or_else(|| request.origin()).map(Origin::to_string);
        let finished = loop {
            let input = self.input(&mut request, expires_ms).await?;
            if caller.traits.tells_unsupported && input.is_unsupported() {
                return Err(self.refused_early(&caller, event, &rp_id, Cause::Unsupported));
            }
            let asked_for = CeremonyOrApproval::Ceremony(Box::new(request.clone()));
            let asker = (key.as_str(), page.as_deref());
            let finished = self
                .run(asker, (input, ticket.take()), asked_for, deadline, cancel.clone())
                .await;
            let Ok(Outcome::TurnOn { provider }) = &finished.result else {
                break finished;
            };
            // Then it begins anew, with one more to choose.
            if let Err(error) = self.turn_on(&caller, provider, deadline, &cancel).await {
                tracing::info!(%provider, %error, "the provider stays disabled");
                break Finished {
                    result: Err(Cause::ProviderDisabled),
                    ..finished
                };
            }
        };
        let entry = match &finished.result {
            Ok(_) => Entry::ok(event),
            Err(cause) => Entry {
                detail: Some(cause.to_string()),
                ..Entry::failed(event, cause.clone())
            },
        };
        let entry = Entry {
            caller: Some(who(&caller)),
            rp_id: Some(rp_id.to_string()),
            provider: finished.provider,
            evidence: finished.evidence,
            detail: entry.detail.clone().or(finished.remark),
            ..entry
        };
        match &finished.result {
            Err(cause) if entry.evidence.is_none() && needs_no_user(cause) => self.audit_unasked(entry),
            _ => self.audit(&entry),
        }
        tracing::debug!(
            milliseconds = started.elapsed().as_millis(),
            ok = finished.result.is_ok(),
            "a ceremony ended"
        );
        match finished.result? {
            Outcome::Answered(answer) => Ok(answer),
            Outcome::Approved { .. } | Outcome::TurnOn { .. } => Err(Internal::WrongOutcome.into()),
        }
    }

    /// What a ceremony starts from now, or the reason why it is refused, which the user is told.
    async fn input(&self, request: &mut CeremonyRequest, expires_ms: u64) -> Result<Input, Cause> {
        let hello = self.inner.verifier.status().await.map(|status| status.hello);
        self.introduce_vault().await;
        self.refresh_activatable().await;
        self.heed_protection(request);
        let refused = if !self.can_record() {
            Some(Cause::NotRecorded)
        } else if hello.is_err() {
            // What it is that is broken stands on the same notice.
            Some(Cause::VerificationUnavailable)
        } else {
            None
        };
        let transactions = [self.transaction()?, self.transaction()?];
        let (providers, passkeys, preference) = self.snapshot(request);
        let input = Input::ceremony(
            request,
            &providers,
            &passkeys,
            &preference,
            hello.unwrap_or_default(),
            transactions,
            expires_ms,
        );
        Ok(match refused {
            Some(cause) => input.refused(cause),
            None => input,
        })
    }

    /// Runs a machine in a task of its own, for a caller and, if it is a browser, a page.
    pub(super) async fn run(
        &self,
        (caller, page): (&str, Option<&str>),
        start: (Input, Option<PinTicket>),
        asked_for: CeremonyOrApproval,
        deadline: Instant,
        cancel: CancelToken,
    ) -> Finished {
        let asker = Asker {
            caller: caller.to_owned(),
            page: page.map(str::to_owned),
        };
        if lock(&self.inner.patience).wait_ms(&asker, now_ms()) > 0 {
            return Finished::early(Cause::Paused);
        }
        let ticket = match lock(&self.inner.queue).admit(caller, page) {
            Ok(ticket) => ticket,
            Err(cause) => return Finished::early(cause),
        };
        let (sender, mailbox) = mpsc::unbounded_channel();
        lock(&self.inner.ceremonies).insert(ticket, sender);
        let ceremony = run::Ceremony::new(self.clone(), ticket, asked_for, deadline);
        let broker = self.clone();
        let task = tokio::spawn(async move {
            let _place = Place { broker, ticket };
            ceremony.run(start, mailbox, cancel).await
        });
        let finished = task
            .await
            .unwrap_or_else(|_| Finished::early(Internal::TaskEnded.into()));
        if let Some(end) = end_of(&finished.result) {
            lock(&self.inner.patience).ended(&asker, end, now_ms());
        }
        finished
    }

    /// Why no provider that takes part now can serve this request, if so: what a ceremony of it would show.
    pub fn unserved(&self, request: &CeremonyRequest) -> Option<Unserved> {
        // The providers matter to such a request alone.
        if !request.requires_large_blobs() {
            return request.unserved();
        }
        unserved(request, &self.snapshot(request).0)
    }

    /// What a ceremony for `rp_id` starts from.
    fn snapshot(&self, request: &CeremonyRequest) -> (Vec<ProviderSnapshot>, Vec<PasskeySnapshot>, Preference) {
        let (registry, cache, rules) = (
            lock(&self.inner.registry),
            lock(&self.inner.cache),
            lock(&self.inner.rules),
        );
        let (links, activatable) = (lock(&self.inner.links), lock(&self.inner.activatable));
        let unconfirmed = lock(&self.inner.unconfirmed);
        let rp_id = request.rp_id();
        let makes = matches!(request.operation(), CtapRequest::Make(_));
        let providers = registry
            .records()
            .filter(|(_, record)| record.state() != State::Unregistered && record.was_enabled())
            .map(|(id, record)| {
                let link = links.get(id);
                let profile = record.profile();
                let running = link.is_some_and(|link| link.is_running());
                let locked = link.and_then(|link| link.locked());
                let takes_box = profile.is_some_and(|profile| profile.takes_unlock_box);
                ProviderSnapshot {
                    id: id.clone(),
                    name: registry.shown_name(id),
                    enabled: record.state() == State::Enabled,
                    reachable: running || activatable.contains(&record.manifest.bus_name),
                    lock: match locked {
                        // One that a box opens begins locked when it is started.
                        Some(true) | None if takes_box => Lock::Locked,
                        Some(true) => Lock::OwnMeans,
                        Some(false) | None => Lock::Open,
                    },
                    algorithms: profile
                        .map(|profile| profile.algorithms.clone())
                        .filter(|list| !list.is_empty()),
                    prf: profile.is_some_and(|profile| profile.prf),
                    keeps_protection: profile.is_none_or(|profile| profile.keeps_protection),
                    keeps_large_blobs: profile.is_none_or(|profile| profile.keeps_large_blobs),
                    allowed: record.manifest.serves(rp_id.as_str()),
                    metadata_known: cache.generation(id) > 0,
                    trouble: link.and_then(|link| link.trouble()).map(Cause::from),
                }
            })
            .collect();
        let takes_part = |id: &ProviderId| registry.record(id).is_some_and(Record::was_enabled);
        let passkeys = cache
            .for_site(rp_id.as_str())
            .filter(|(provider, cached)| takes_part(provider) && request.sees(cached.entry.protection))
            .map(|(provider, cached)| {
                let credential = CredentialRef {
                    provider: provider.clone(),
                    id: cached.entry.credential_id.clone(),
                };
                (credential, cached)
            })
            // What is hidden is not offered; a second one for its account is not made either.
            .filter(|(credential, _)| makes || !rules.rules.hides(credential))
            .map(|(credential, cached)| PasskeySnapshot {
                confirmed: !unconfirmed.list.contains(&credential),
                credential,
                rp_id: cached.entry.rp_id.clone(),
                user_handle: cached.entry.user_handle.clone(),
                user_name: cached.entry.user_name.clone(),
                display_name: cached.entry.display_name.clone(),
                discoverable: cached.entry.discoverable,
                created_ms: cached.entry.created_ms,
                last_used_ms: cached.entry.last_used_ms,
            })
            .collect();
        let mut preference = rules.rules.preference(rp_id);
        if preference.default_provider.is_none() {
            preference.default_provider = registry.built_in().cloned();
        }
        (providers, passkeys, preference)
    }

    /// A site that asks for no verification may have asked for it before, when it had the passkey made (credProtect). Then the user
    /// is verified, unless the door hides such a passkey.
    fn heed_protection(&self, request: &mut CeremonyRequest) {
        let cache = lock(&self.inner.cache);
        let owed = cache
            .for_site(request.rp_id().as_str())
            .any(|(_, cached)| request.sees(cached.entry.protection) && request.hides(cached.entry.protection));
        if owed {
            request.user_verification = UserVerification::Required;
        }
    }

    pub(super) fn transaction(&self) -> Result<TransactionId, Cause> {
        Ok(TransactionId::random(self.inner.config.crypto)?)
    }
}

/// What an end means for the patience with the asker; nothing where the fault is not its own and nobody was bothered.
fn end_of(result: &Result<Outcome<run::Real>, Cause>) -> Option<End> {
    match result {
        Ok(_) => Some(End::Answered),
        Err(Cause::CancelledByUser | Cause::TimedOut) => Some(End::Declined),
        Err(
            Cause::CancelledByCaller
            | Cause::CallerGone
            | Cause::NoCredential
            | Cause::Excluded
            | Cause::ProviderDisabled
            | Cause::Unsupported
            | Cause::Unserved(_),
        ) => Some(End::CameToNothing),
        Err(_) => None,
    }
}

/// A ceremony's place in the queue, given back however its task ends: a view that nobody serves would stay in front for ever.
struct Place {
    broker: Broker,
    ticket: Ticket,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.broker.inner.queue).leave(self.ticket);
        lock(&self.broker.inner.ceremonies).remove(&self.ticket);
        self.broker.inner.prompt.wake();
    }
}
