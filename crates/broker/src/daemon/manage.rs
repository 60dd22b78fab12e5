//! What the user does with the platform itself: look, choose, enable, lock, unlock. Single passkeys live in [`super::passkeys`].

use std::path::{Path, PathBuf};

use claviger_ctap::types::RpId;
use claviger_joint::ProviderId;
use claviger_peer::Standing;
use claviger_prompt_api::dbus::{Error, Reason};
use claviger_prompt_api::manage::{
    AuditHead, AuditLog, ManifestProblem, PinStatus, PromptStatus, Provider, ProviderState, RecoveryCodeStatus, Rule,
    Status,
};
use claviger_prompt_api::sanitise;
use claviger_prompt_api::text::sentence;
use claviger_webauthn::Origin;
use zbus::message::Header;

use super::link::Live;
use super::steps::envelope_caller;
use super::unsigned::UnsignedRequest;
use super::{Broker, lock, recovery};
use crate::audit::{self, AuditEvent, Entry};
use crate::ceremony::{Approval, ProviderName};
use crate::registry::{BUILT_IN, Pin, RegistryError, State};
use crate::rules::order::{MAX_ORDERED, Order};
use crate::shown;
use crate::types::{Caller, Cause, Door, DoorTraits};

impl Broker {
    /// `Status`.
    pub(crate) async fn status(&self) -> Result<Status, Error> {
        let verifier = self.inner.verifier.status_now().await;
        let attached = self.inner.prompt.attached();
        let providers = self.provider_list().await;
        let manifest_problems = lock(&self.inner.registry)
            .problems()
            .iter()
            .map(|(path, error)| ManifestProblem {
                manifest: path.clone(),
                problem: error.to_string(),
            })
            .collect();
        let head = lock(&self.inner.audit).head();
        Ok(Status {
            version: self.inner.config.version.clone(),
            pid: std::process::id(),
            tier: verifier.as_ref().ok().map(|status| status.tier.to_string()),
            pin: verifier.as_ref().ok().map(|status| {
                let pin = status.hello.pin();
                PinStatus {
                    set: status.hello.pin_set(),
                    tries_left: pin.tries_left.into(),
                    wait_ms: pin.wait_ms,
                    locked_out: pin.locked_out,
                    restored: status.hello.restored,
                }
            }),
            recovery_code: verifier.as_ref().map_or_else(
                |_| RecoveryCodeStatus::None,
                |status| recovery::told(status.hello.recovery_code),
            ),
            locks_with_session: verifier.as_ref().ok().map(|status| status.locks_with_session),
            verification_problem: verifier.err().map(|error| sentence(&error.to_string())),
            roles: if self.inner.callers.peers().proves() {
                Standing::Proved
            } else {
                Standing::Unproved
            },
            prompt: PromptStatus {
                attached: attached.is_some(),
                scripted: attached.as_ref().is_some_and(|prompt| prompt.kind == "scripted"),
                standing: attached.as_ref().map(|prompt| prompt.standing),
                kind: attached.map(|prompt| prompt.kind),
            },
            scripted_prompt_allowed: self.inner.config.allow_scripted_prompt,
            providers,
            manifest_problems,
            troubles: self.troubles(),
            security_key: self.security_key_wanted(),
            doors: lock(&self.inner.doors).iter().map(ToString::to_string).collect(),
            allowed_programs: self.inner.privileged.listed(),
            ceremonies_running: lock(&self.inner.queue).admitted(),
            audit: AuditHead {
                entries: head.seq,
                head: head.hash,
            },
        })
    }

    /// `Providers`.
    pub(crate) async fn providers(&self) -> Result<Vec<Provider>, Error> {
        lock(&self.inner.registry).reload()?;
        Ok(self.provider_list().await)
    }

    /// `DisableProvider`.
    pub(crate) async fn disable_provider(&self, id: &str) -> Result<(), Error> {
        let id = self.known_provider(id)?;
        let transition = lock(&self.inner.registry).disable(&id)?;
        if transition.old != transition.new {
            self.audit(
                &Entry::ok(AuditEvent::Provider)
                    .provider(&id)
                    .detail("disabled by the user"),
            );
        }
        self.announce(&id, transition).await;
        Ok(())
    }

    /// `SetDefaultProvider`.
    pub(crate) async fn set_default_provider(&self, id: &str) -> Result<(), Error> {
        let id = self.known_provider(id)?;
        self.require_program(&id).await?;
        self.decide_rules(|rules| rules.set_default_provider(Some(&id)))
    }

    /// `SetProviderOrder`.
    pub(crate) fn set_provider_order(&self, ids: &[String]) -> Result<(), Error> {
        if ids.len() > MAX_ORDERED {
            return Err(Error::invalid_argument("There are not that many providers."));
        }
        let ids = ids.iter().map(|id| self.known_provider(id)).collect::<Result<_, _>>()?;
        let order = Order::new(ids).map_err(|_| Error::invalid_argument("A provider has one place in the order."))?;
        self.decide_rules(|rules| rules.set_order(order))?;
        self.audit(&Entry::ok(AuditEvent::Manage).detail("change the order of the providers"));
        Ok(())
    }

    /// `Rules`.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        let file = lock(&self.inner.rules);
        let rules = file.rules.iter().map(|(rp_id, provider)| Rule {
            rp_id: rp_id.as_str().to_owned(),
            provider: provider.to_string(),
        });
        rules.collect()
    }

    /// `SetRule`.
    pub(crate) async fn set_rule(&self, site: &str, provider: &str) -> Result<(), Error> {
        let id = self.known_provider(provider)?;
        let rp_id = site_of(site)?;
        self.require_program(&id).await?;
        self.decide_rules(|rules| rules.remember(&rp_id, &id))?
            .map_err(|error| Error::invalid_argument(sentence(&error.to_string())))
    }

    /// `ClearRule`.
    pub(crate) fn clear_rule(&self, site: &str) -> Result<(), Error> {
        // One from before sites were normalised is known by its own spelling only.
        let spellings = [RpId::new(site).ok(), site_of(site).ok()];
        let mut had_rule = false;
        for rp_id in spellings.iter().flatten() {
            had_rule |= self.decide_rules(|rules| rules.forget(rp_id))?;
        }
        if had_rule {
            Ok(())
        } else {
            let site = sanitise::line(site, sanitise::MAX_HOST_CHARS);
            Err(Error::not_found(format!("There is no rule for {site}.")))
        }
    }

    /// A provider that is to come first must be one that can be started.
    async fn require_program(&self, id: &ProviderId) -> Result<(), Error> {
        self.list_activatable().await;
        let (registry, links) = (lock(&self.inner.registry), lock(&self.inner.links));
        let Some(record) = registry.record(id) else {
            return Err(RegistryError::Unknown(id.to_string()).into());
        };
        let running = links.get(id).is_some_and(|link| link.is_running());
        let can_start = lock(&self.inner.activatable).contains(&record.manifest.bus_name);
        let named = record.manifest.exec.as_deref().map(Path::new);
        let is_missing = named.is_some_and(|program| program.is_absolute() && !program.exists());
        if running || (can_start && !is_missing) {
            Ok(())
        } else {
            Err(Error::not_ready(format!(
                "{id} cannot be started: its program is missing. Install it, or choose another one."
            )))
        }
    }

    /// `Lock`.
    pub(crate) async fn lock(&self, provider: &str) -> Result<(), Error> {
        let ids = if provider.is_empty() {
            self.enabled_providers()
        } else {
            vec![self.known_provider(provider)?]
        };
        // Otherwise what is being verified, or a PIN of two minutes ago, would open again what is locked now.
        self.inner.verifier.lock().await;
        let caller = own_caller();
        for id in ids {
            // A provider that does not run has nothing open.
            let Some((link, live)) = self.link(&id).and_then(|link| link.live().map(|live| (link, live))) else {
                continue;
            };
            if live.locked || live.description.unlock_key.is_none() {
                continue;
            }
            let lock = UnsignedRequest::lock(self.transaction()?, envelope_caller(&caller, None));
            self.order(&id, &live, lock).await?;
            link.lock_changed(live.name.as_str(), true);
        }
        Ok(())
    }

    /// `Unlock`.
    pub(crate) async fn unlock(&self, provider: &str, header: &Header<'_>) -> Result<(), Error> {
        let asking = self.asking(header).await?;
        let ids = if provider.is_empty() {
            self.enabled_providers()
        } else {
            vec![self.known_provider(provider)?]
        };
        let (providers, left_out) = self.locked_among(ids).await;
        if !providers.is_empty() {
            let approval = Approval::Unlock { providers };
            let approved = self
                .approve(&asking, approval, Vec::new(), None, AuditEvent::Manage)
                .await?;
            self.open_boxes(&asking.caller, approved).await?;
        }
        match left_out {
            None => Ok(()),
            Some((id, cause)) if provider.is_empty() => {
                self.audit(
                    &Entry::failed(AuditEvent::Manage, cause.clone())
                        .provider(&id)
                        .detail("unlock"),
                );
                let text = format!(
                    "{} was not unlocked: {cause}. `claviger doctor` may know why.",
                    self.provider_name(&id).name
                );
                Err(Error::Failed(Reason::new(cause.code(), cause.fault(), text)))
            }
            Some((_, cause)) => Err(cause.into()),
        }
    }

    /// `Setup`.
    pub(crate) async fn setup(&self, header: &Header<'_>) -> Result<(), Error> {
        let asking = self.asking(header).await?;
        let mut providers = Vec::new();
        let vault = self.known_provider(BUILT_IN).ok();
        if let Some(vault) = vault.clone() {
            if self.provider_state(&vault)? == State::Unregistered {
                self.start_provider(&vault).await.map_err(Cause::from)?;
            }
            if self.provider_state(&vault)? == State::Enabled {
                let (locked, left_out) = self.locked_among(vec![vault]).await;
                if let Some((_, cause)) = left_out {
                    return Err(cause.into());
                }
                providers = locked;
            }
        }
        let status = self
            .inner
            .verifier
            .status()
            .await
            .map_err(|error| Error::failed(sentence(&error.to_string())))?;
        if !status.hello.pin_set() || !providers.is_empty() {
            let approval = Approval::Setup { providers };
            let approved = self
                .approve(&asking, approval, Vec::new(), None, AuditEvent::Manage)
                .await?;
            self.open_boxes(&asking.caller, approved).await?;
        }
        match vault.map(|vault| self.provider_state(&vault)).transpose()? {
            Some(State::Enabled) | None => Ok(()),
            Some(State::Registered | State::Unregistered) => {
                let (code, fault) = (Cause::ProviderDisabled.code(), Cause::ProviderDisabled.fault());
                let text = format!(
                    "The vault is disabled, so no passkey can be made in it; enable it: `claviger provider enable {BUILT_IN}`."
                );
                Err(Error::Failed(Reason::new(code, fault, text)))
            }
        }
    }

    /// `ChangePin`.
    pub(crate) async fn change_pin(&self, header: &Header<'_>) -> Result<(), Error> {
        let asking = self.asking(header).await?;
        let status = self.inner.verifier.status_now().await;
        let status = status.map_err(|error| Error::failed(sentence(&error.to_string())))?;
        if !status.hello.pin_set() {
            return Err(Error::not_ready("There is no PIN to change: choose one first."));
        }
        self.approve(&asking, Approval::ChangePin, Vec::new(), None, AuditEvent::Manage)
            .await?;
        Ok(())
    }

    /// `Audit`.
    pub(crate) async fn audit_entries(&self, count: u32) -> Result<AuditLog, Error> {
        let path = self.inner.audit_path();
        let count = usize::try_from(count.min(10_000)).unwrap_or(usize::MAX);
        self.audit_repeats();
        let head = lock(&self.inner.audit).head();
        let known = head.clone();
        let read =
            tokio::task::spawn_blocking(move || (audit::last(&path, count), audit::verify_with(&path, &known))).await;
        let (entries, verified) = read.map_err(|error| Error::failed(error.to_string()))?;
        let entries = entries.map_err(|error| Error::failed(format!("The audit log cannot be read: {error}.")))?;
        let problem = verified.as_ref().err().map(|error| sentence(&error.to_string()));
        Ok(AuditLog {
            entries,
            intact: verified.is_ok(),
            problem,
            head: head.hash,
        })
    }

    async fn provider_list(&self) -> Vec<Provider> {
        self.refresh_activatable().await;
        let (registry, cache, rules) = (
            lock(&self.inner.registry),
            lock(&self.inner.cache),
            lock(&self.inner.rules),
        );
        let (links, activatable) = (lock(&self.inner.links), lock(&self.inner.activatable));
        let default = rules.rules.default_provider().or_else(|| registry.built_in());
        let list = registry.records().map(|(id, record)| {
            let link = links.get(id);
            let running = link.is_some_and(|link| link.is_running());
            let provider = Provider {
                id: id.to_string(),
                name: registry.shown_name(id).to_string(),
                state: match record.state() {
                    State::Enabled if !running && !activatable.contains(&record.manifest.bus_name) => {
                        ProviderState::Unreachable
                    }
                    State::Enabled => ProviderState::Enabled,
                    State::Registered | State::Unregistered => ProviderState::Disabled,
                },
                registered: record.state() != State::Unregistered,
                locked: link.and_then(|link| link.locked()),
                trouble: link.and_then(|link| link.trouble()).map(shown::trouble),
                running,
                default: Some(id) == default,
                passkeys: cache.count(id),
                executable: record
                    .pin()
                    .map(|pin| pin.path.clone())
                    .or_else(|| record.manifest.exec.clone().map(PathBuf::from)),
                host: record.pin().and_then(Pin::host),
                version: claviger_joint::PROTOCOL_VERSION,
                manifest: record.source.clone(),
            };
            (id.clone(), provider)
        });
        let mut list: Vec<(ProviderId, Provider)> = list.collect();
        // As they are offered where nothing speaks for one of them.
        list.sort_by_cached_key(|(id, provider)| {
            (rules.rules.order().place(id), provider.name.to_lowercase(), id.clone())
        });
        list.into_iter().map(|(_, provider)| provider).collect()
    }

    /// Those of these providers that an unlock box opens and that are locked; and the first that cannot be asked, with the reason.
    async fn locked_among(&self, ids: Vec<ProviderId>) -> (Vec<ProviderName>, Option<(ProviderId, Cause)>) {
        let (mut locked, mut left_out) = (Vec::new(), None);
        for id in ids {
            match self.ready(&id).await {
                Ok(Live {
                    locked: true,
                    description,
                    ..
                }) if description.unlock_key.is_some() => {
                    locked.push(self.provider_name(&id));
                }
                Ok(_) => {}
                Err(failure) => {
                    tracing::warn!(provider = %id, ?failure, "left out");
                    left_out.get_or_insert((id, failure.into()));
                }
            }
        }
        (locked, left_out)
    }

    fn enabled_providers(&self) -> Vec<ProviderId> {
        let registry = lock(&self.inner.registry);
        registry
            .records()
            .filter(|(_, record)| record.state() == State::Enabled)
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// A provider that has a manifest, found by its id, or by its name where that is nobody else's and not like it.
    pub(super) fn known_provider(&self, text: &str) -> Result<ProviderId, Error> {
        let find = || {
            let registry = lock(&self.inner.registry);
            let called = |id: &ProviderId| registry.shown_name(id).as_str().eq_ignore_ascii_case(text);
            let mut ids = registry.records().map(|(id, _)| id);
            ids.find(|id| id.as_str() == text || called(id)).cloned()
        };
        if let Some(id) = find() {
            return Ok(id);
        }
        lock(&self.inner.registry).reload()?;
        find().ok_or_else(|| RegistryError::Unknown(text.chars().take(100).collect()).into())
    }

    pub(super) fn provider_name(&self, id: &ProviderId) -> ProviderName {
        let name = lock(&self.inner.registry).shown_name(id);
        ProviderName { id: id.clone(), name }
    }

    pub(super) fn pinned(&self, id: &ProviderId) -> Option<crate::registry::Pin> {
        lock(&self.inner.registry)
            .record(id)
            .and_then(|record| record.pin().cloned())
    }
}

/// The site that a person means: an RP ID as sites use it, in lower case and as punycode. The address of a page stands for its host.
fn site_of(text: &str) -> Result<RpId, Error> {
    let text = text.trim();
    let host = match text.split_once("://") {
        Some((_, rest)) => rest.split(['/', '?', '#']).next().unwrap_or_default(),
        None => text.strip_suffix('/').unwrap_or(text),
    };
    let origin = Origin::parse(&format!("https://{host}"));
    let site = origin.ok().and_then(|origin| origin.claim(None).ok());
    let is_of_a_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_');
    let site = site.filter(|site| site.as_str().chars().all(is_of_a_name));
    site.ok_or_else(|| {
        let text = sanitise::line(text, sanitise::MAX_HOST_CHARS);
        Error::invalid_argument(format!("“{text}” is no site. A rule needs one, such as example.com."))
    })
}

/// The platform itself as a caller, for what needs no consent.
fn own_caller() -> Caller {
    Caller {
        door: Door::Cli,
        traits: DoorTraits::default(),
        standing: Standing::Proved,
        app_id: None,
        name: "Claviger".into(),
        executable: PathBuf::new(),
        pid: std::process::id(),
        window: String::new(),
    }
}
