//! Who may answer a ceremony, and in which order the user sees them: pure functions over what is known beforehand.
//!
//! [`candidates`] takes what is asked ([`Requirements`]), the providers ([`ProviderSnapshot`]), the passkeys that their metadata caches
//! name ([`PasskeySnapshot`]) and the user's rule for the site ([`Preference`]), and gives the course of the ceremony
//! ([`Candidates`]): choose among candidates, meet an excluded passkey, or tell the user why there is nothing.

use std::cmp::Reverse;

use claviger_ctap::types::{CredentialId, RpId, UserId};
use claviger_joint::{CredentialRef, ProviderId};
use claviger_prompt_api::message::Message;
use claviger_prompt_api::names::ShownName;
use claviger_prompt_api::sanitise;

use crate::rules::order::Order;
use crate::types::Cause;

/// What the broker knows of a provider when a ceremony begins.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Independent facts, each read in one place.
pub struct ProviderSnapshot {
    /// Its id.
    pub id: ProviderId,
    /// What to call it.
    pub name: ShownName,
    /// Whether the user has enabled it.
    pub enabled: bool,
    /// Whether it runs or can be started.
    pub reachable: bool,
    /// Whether it is locked, as far as is known before it is asked.
    pub lock: Lock,
    /// The COSE algorithms it makes keys for; `None` when it has never been asked.
    pub algorithms: Option<Vec<i64>>,
    /// Whether it evaluates PRF.
    pub prf: bool,
    /// Whether it keeps the level of credProtect that a new passkey is to have.
    pub keeps_protection: bool,
    /// Whether it keeps large blobs; a provider that was never asked may.
    pub keeps_large_blobs: bool,
    /// Whether its manifest and the policy let it serve this RP ID.
    pub allowed: bool,
    /// Whether it has ever pushed its metadata; without, only the provider itself knows what it holds.
    pub metadata_known: bool,
    /// What is the matter with it, as it says.
    pub trouble: Option<Cause>,
}

/// Whether a provider can be used as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// It is open, or never locks.
    Open,
    /// It is locked and takes an unlock box, so the user's PIN opens it.
    Locked,
    /// It is locked and unlocks by its own means: it may put up its own window.
    OwnMeans,
}

/// One passkey, as a provider's metadata cache names it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasskeySnapshot {
    /// Which one it is.
    pub credential: CredentialRef,
    /// The RP ID it belongs to.
    pub rp_id: RpId,
    /// The user handle, where known.
    pub user_handle: Option<UserId>,
    /// The user name.
    pub user_name: Option<String>,
    /// The name for display.
    pub display_name: Option<String>,
    /// Whether it is found without being named in an allow list.
    pub discoverable: bool,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_ms: Option<u64>,
    /// When it was last used, in milliseconds since the Unix epoch.
    pub last_used_ms: Option<u64>,
    /// Whether its site knows it, as far as is known.
    pub confirmed: bool,
}

/// What is asked of a provider.
#[derive(Clone, PartialEq, Eq)]
pub enum Requirements {
    /// A new passkey.
    Make {
        /// The COSE algorithms that the site accepts, best first.
        algorithms: Vec<i64>,
        /// Whether the site asks for PRF.
        prf: bool,
        /// The credential ids that must not exist yet.
        exclude: Vec<CredentialId>,
        /// The user handle the passkey is for.
        user_handle: UserId,
    },
    /// An assertion.
    Get {
        /// The credential ids that may answer; empty means any discoverable one.
        allow: Vec<CredentialId>,
    },
}

/// What the user has said or done before, as far as it matters for this site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preference {
    /// The provider that the user's rule for this site names.
    pub remembered: Option<ProviderId>,
    /// The provider that last served this site.
    pub last_used: Option<ProviderId>,
    /// The default provider for every site.
    pub default_provider: Option<ProviderId>,
    /// The order of all others.
    pub order: Order,
}

/// One possible answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The provider's id.
    pub provider: ProviderId,
    /// The provider's name, fit to be shown.
    pub provider_name: String,
    /// The passkey, where one is meant and known.
    pub credential: Option<CredentialId>,
    /// The line to show.
    pub label: Message,
    /// What to say beside it; may be nothing.
    pub details: Vec<Message>,
    /// Whether the provider is locked.
    pub lock: Lock,
}

impl Candidate {
    /// Whether the provider cannot be used until the user has entered the PIN.
    pub fn needs_unlock(&self) -> bool {
        self.lock == Lock::Locked
    }
}

/// The course a ceremony takes.
#[derive(Clone, PartialEq, Eq)]
pub enum Candidates {
    /// The user chooses, or agrees to the only candidate.
    Choose {
        /// In the order to show them; never empty.
        candidates: Vec<Candidate>,
        /// The index of the one to begin with; `None` when nothing speaks for any.
        preselected: Option<usize>,
    },
    /// The exclude list names passkeys that exist.
    Excluded {
        /// Those passkeys; never empty.
        existing: Vec<Candidate>,
    },
    /// Nobody can answer.
    Nothing {
        /// Why.
        cause: Cause,
        /// The name of the provider that the cause is about, where it is about one.
        provider_name: Option<String>,
        /// The one to turn on, where being disabled is all that is the matter with it.
        turn_on: Option<ProviderId>,
    },
}

/// Finds the course of a ceremony for `rp_id`.
pub fn candidates(
    need: &Requirements,
    rp_id: &RpId,
    providers: &[ProviderSnapshot],
    passkeys: &[PasskeySnapshot],
    preference: &Preference,
) -> Candidates {
    let here: Vec<(&PasskeySnapshot, &ProviderSnapshot)> = passkeys
        .iter()
        .filter(|passkey| passkey.rp_id == *rp_id)
        .filter_map(|passkey| {
            providers
                .iter()
                .find(|provider| provider.id == passkey.credential.provider)
                .map(|provider| (passkey, provider))
        })
        .collect();
    match need {
        Requirements::Make {
            algorithms,
            prf,
            exclude,
            user_handle,
        } => {
            let existing: Vec<Candidate> = here
                .iter()
                .filter(|(passkey, _)| exclude.contains(&passkey.credential.id))
                .map(|(passkey, provider)| passkey_candidate(passkey, provider, true))
                .collect();
            if !existing.is_empty() {
                return Candidates::Excluded { existing };
            }
            candidates_to_make(algorithms, *prf, user_handle, providers, &here, preference)
        }
        Requirements::Get { allow } => candidates_to_get(allow, providers, &here, preference),
    }
}

fn candidates_to_make(
    algorithms: &[i64],
    prf: bool,
    user_handle: &UserId,
    providers: &[ProviderSnapshot],
    here: &[(&PasskeySnapshot, &ProviderSnapshot)],
    preference: &Preference,
) -> Candidates {
    let (mut usable, refused) = usable(providers.iter());
    let offered = usable.len();
    usable.retain(|provider| {
        provider
            .algorithms
            .as_ref()
            .is_none_or(|known| algorithms.iter().any(|algorithm| known.contains(algorithm)))
    });
    if usable.is_empty() {
        return match refused {
            _ if offered > 0 => Candidates::Nothing {
                cause: Cause::Unsupported,
                provider_name: None,
                turn_on: None,
            },
            Some(refused) => refused,
            None => Candidates::Nothing {
                cause: Cause::Unsupported,
                provider_name: None,
                turn_on: None,
            },
        };
    }
    // PRF is an extension: a site that asks for it must still get a passkey where nobody has it (WebAuthn 9.3). But where
    // somebody has it, the others would only disappoint.
    if prf && usable.iter().any(|provider| provider.prf) {
        usable.retain(|provider| provider.prf);
    }
    usable.sort_by_cached_key(|provider| {
        (
            rank(&provider.id, preference),
            provider.name.as_str().to_lowercase(),
            &provider.id,
        )
    });
    let candidates: Vec<Candidate> = usable
        .iter()
        .map(|provider| {
            let same_account = here.iter().any(|(passkey, holder)| {
                holder.id == provider.id && passkey.user_handle.as_ref() == Some(user_handle) && passkey.discoverable
            });
            let name = provider.name.to_string();
            Candidate {
                provider: provider.id.clone(),
                provider_name: name.clone(),
                credential: None,
                label: Message::Provider { provider: Some(name) },
                // CTAP has it replace that one (CTAP 2.1, 6.1.2 step 17).
                details: same_account
                    .then_some(Message::ReplacesPasskey {})
                    .into_iter()
                    .collect(),
                lock: provider.lock,
            }
        })
        .collect();
    choose(candidates, preference)
}

fn candidates_to_get(
    allow: &[CredentialId],
    providers: &[ProviderSnapshot],
    here: &[(&PasskeySnapshot, &ProviderSnapshot)],
    preference: &Preference,
) -> Candidates {
    let mut matching: Vec<_> = here
        .iter()
        .copied()
        .filter(|(passkey, _)| {
            if allow.is_empty() {
                passkey.discoverable
            } else {
                allow.contains(&passkey.credential.id)
            }
        })
        .collect();
    let (holders, refused) = usable(matching.iter().map(|(_, provider)| *provider));
    matching.retain(|(_, provider)| holders.iter().any(|holder| holder.id == provider.id));
    matching.sort_by_cached_key(|(passkey, provider)| {
        (
            preference.remembered.as_ref() != Some(&provider.id),
            Reverse(passkey.last_used_ms),
            rank(&provider.id, preference),
            Reverse(passkey.created_ms),
            passkey.user_name.clone(),
            passkey.credential.id.clone(),
        )
    });
    let several = holders.len() > 1;
    let mut candidates: Vec<Candidate> = matching
        .iter()
        .map(|(passkey, provider)| passkey_candidate(passkey, provider, several))
        .collect();
    // A provider whose passkeys we have never been told of may hold the one that is wanted: offer to look there.
    let (mut unknown, _) = usable(providers.iter().filter(|provider| !provider.metadata_known));
    unknown.sort_by_cached_key(|provider| {
        (
            rank(&provider.id, preference),
            provider.name.as_str().to_lowercase(),
            &provider.id,
        )
    });
    candidates.extend(unknown.into_iter().map(|provider| {
        let name = provider.name.to_string();
        Candidate {
            provider: provider.id.clone(),
            label: Message::LookIn { provider: name.clone() },
            provider_name: name,
            credential: None,
            details: Vec::new(),
            lock: provider.lock,
        }
    }));
    if candidates.is_empty() {
        return refused
            .or_else(|| in_trouble(providers))
            .unwrap_or(Candidates::Nothing {
                cause: Cause::NoCredential,
                provider_name: None,
                turn_on: None,
            });
    }
    choose(candidates, preference)
}

/// The providers among `all` that may be asked, each once, and what to tell the user if there are none: the first reason that
/// the user can do something about.
fn usable<'a>(all: impl Iterator<Item = &'a ProviderSnapshot>) -> (Vec<&'a ProviderSnapshot>, Option<Candidates>) {
    let mut usable: Vec<&ProviderSnapshot> = Vec::new();
    let mut refused: Option<(u8, Candidates)> = None;
    for provider in all {
        let (weight, cause) = if !provider.allowed {
            (2, Cause::DeniedByPolicy)
        } else if !provider.enabled {
            (0, Cause::ProviderDisabled)
        } else if !provider.reachable {
            (1, Cause::ProviderUnreachable)
        } else {
            if !usable.iter().any(|known| known.id == provider.id) {
                usable.push(provider);
            }
            continue;
        };
        if refused.as_ref().is_none_or(|(before, _)| weight < *before) {
            let provider_name = Some(provider.name.to_string());
            let turn_on = (cause == Cause::ProviderDisabled && provider.reachable).then(|| provider.id.clone());
            let nothing = Candidates::Nothing {
                cause,
                provider_name,
                turn_on,
            };
            refused = Some((weight, nothing));
        }
    }
    (usable, refused.map(|(_, candidates)| candidates))
}

/// What to tell the user when there is no passkey and a provider could not say whether it has one.
fn in_trouble(providers: &[ProviderSnapshot]) -> Option<Candidates> {
    let mut asked = providers.iter().filter(|provider| provider.allowed && provider.enabled);
    asked.find_map(|provider| {
        Some(Candidates::Nothing {
            cause: provider.trouble.clone()?,
            provider_name: Some(provider.name.to_string()),
            turn_on: None,
        })
    })
}

/// The user's rule for the site, then last used, then the default, then the rest in the user's order.
fn rank(provider: &ProviderId, preference: &Preference) -> (u8, usize) {
    (reason(provider, preference), preference.order.place(provider))
}

/// What speaks for a provider here, the best first; `u8::MAX` if nothing does.
fn reason(provider: &ProviderId, preference: &Preference) -> u8 {
    let order = [
        &preference.remembered,
        &preference.last_used,
        &preference.default_provider,
    ];
    (0_u8..)
        .zip(order)
        .find(|(_, named)| named.as_ref() == Some(provider))
        .map_or(u8::MAX, |(rank, _)| rank)
}

/// Begins with the first candidate if something speaks for it.
fn choose(candidates: Vec<Candidate>, preference: &Preference) -> Candidates {
    let speaks = match candidates.as_slice() {
        [first, rest @ ..] => {
            rest.is_empty() || first.credential.is_some() || reason(&first.provider, preference) != u8::MAX
        }
        [] => false,
    };
    Candidates::Choose {
        candidates,
        preselected: speaks.then_some(0),
    }
}

fn passkey_candidate(passkey: &PasskeySnapshot, provider: &ProviderSnapshot, several_providers: bool) -> Candidate {
    let provider_name = provider.name.to_string();
    let user_name = passkey.user_name.as_deref().and_then(sanitise::label);
    let display_name = passkey.display_name.as_deref().and_then(sanitise::label);
    let (account, second) = match (user_name, display_name) {
        (Some(user), Some(display)) if user != display => (Some(user), Some(display)),
        (user, display) => (user.or(display), None),
    };
    let place = several_providers.then(|| {
        let name = provider_name.clone();
        if provider.enabled {
            Message::Provider { provider: Some(name) }
        } else {
            Message::DisabledProvider { provider: name }
        }
    });
    let second = second.map(|name| Message::DisplayName { name });
    let doubt = (!passkey.confirmed).then_some(Message::NeverConfirmed {});
    Candidate {
        provider: provider.id.clone(),
        provider_name,
        credential: Some(passkey.credential.id.clone()),
        label: Message::Account { account },
        details: second.into_iter().chain(place).chain(doubt).collect(),
        lock: provider.lock,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
