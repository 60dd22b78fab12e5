//! What a ceremony starts from.

use claviger_ctap::types::RpId;
use claviger_hello::{CodeStatus, MethodStatus};
use claviger_joint::evidence::{Method, Purpose};
use claviger_joint::operation::Operation;
use claviger_joint::{ProviderId, TransactionId};
use claviger_prompt_api::manage::ProgramHost;
use claviger_prompt_api::names::ShownName;
use claviger_prompt_api::view::{AccountView, CallerView, SiteView};
use claviger_webauthn::Unserved;

use crate::choice::{Candidates, PasskeySnapshot, Preference, ProviderSnapshot, Requirements, candidates};
use crate::types::{Cause, CeremonyRequest};

/// Everything a [`super::Machine`] needs to know beforehand.
pub struct Input {
    /// What is to be done.
    pub wanted: Wanted,
    /// Who asks, and how to show it.
    pub context: Context,
    /// How hello is.
    pub hello: HelloStatus,
    /// The transaction of the first call of a provider and of the one repetition that `locked` may cause.
    pub transactions: [TransactionId; 2],
}

impl Input {
    /// The input for a `WebAuthn` ceremony.
    ///
    /// `expires_ms` is when the request expires, in milliseconds since the Unix epoch.
    pub fn ceremony(
        request: &CeremonyRequest,
        providers: &[ProviderSnapshot],
        passkeys: &[PasskeySnapshot],
        preference: &Preference,
        hello: HelloStatus,
        transactions: [TransactionId; 2],
        expires_ms: u64,
    ) -> Self {
        let need = request.operation().requirements();
        let account = request.operation().account();
        let verification = request.verifies();
        let unserved = unserved(request, providers);
        let able = |provider: &&ProviderSnapshot| {
            (provider.keeps_large_blobs || !request.requires_large_blobs())
                && (provider.keeps_protection || !request.enforces_protection())
        };
        let providers: Vec<_> = providers.iter().filter(able).cloned().collect();
        Self {
            wanted: Wanted::Answer(WantedAnswer {
                creates: matches!(need, Requirements::Make { .. }),
                rp_id: request.rp_id().clone(),
                candidates: match unserved {
                    Some(why) => Candidates::Nothing {
                        cause: Cause::Unserved(why),
                        provider_name: None,
                        turn_on: None,
                    },
                    None => candidates(&need, request.rp_id(), &providers, passkeys, preference),
                },
                verification,
                consent_only: !verification && request.operation().asks_hmac_secret(),
            }),
            context: Context {
                caller: CallerView::from(request.caller()),
                site: Some(SiteView::from(request)),
                account,
                expires_ms: Some(expires_ms),
            },
            hello,
            transactions,
        }
    }
}

impl Input {
    /// The same, with nobody to answer: the user is told why.
    #[must_use]
    pub fn refused(mut self, cause: Cause) -> Self {
        if let Wanted::Answer(wanted) = &mut self.wanted {
            wanted.candidates = Candidates::Nothing {
                cause,
                provider_name: None,
                turn_on: None,
            };
        }
        self
    }

    /// Whether no provider can do what is asked, as far as is known beforehand.
    pub fn is_unsupported(&self) -> bool {
        let Wanted::Answer(wanted) = &self.wanted else {
            return false;
        };
        matches!(&wanted.candidates, Candidates::Nothing { cause, .. } if *cause == Cause::Unsupported)
    }
}

/// Why nobody here can serve the request, if so: by itself, or because of what these providers are.
pub(crate) fn unserved(request: &CeremonyRequest, providers: &[ProviderSnapshot]) -> Option<Unserved> {
    let mut asked = providers
        .iter()
        .filter(|provider| provider.enabled && provider.allowed)
        .peekable();
    // Where nobody would be asked anyway, that is what the user is to hear.
    let lacking =
        request.requires_large_blobs() && asked.peek().is_some() && asked.all(|provider| !provider.keeps_large_blobs);
    request.unserved().or(lacking.then_some(Unserved::LargeBlobs))
}

/// What is to be done.
pub enum Wanted {
    /// Give a caller an answer from a provider.
    Answer(WantedAnswer),
    /// Have the user approve something that the daemon then does.
    Approve(Approval),
}

/// A `WebAuthn` ceremony.
pub struct WantedAnswer {
    /// Whether a passkey is made; otherwise one is used.
    pub creates: bool,
    /// The site's RP ID.
    pub rp_id: RpId,
    /// Who may answer.
    pub candidates: Candidates,
    /// Whether the user is verified: required or preferred by the site, or needed by PRF.
    pub verification: bool,
    /// Whether the answer must not say that the user was verified, even if a locked provider took the PIN: what hmac-secret gives
    /// depends on it (CTAP 2.1 §12.5), and must not depend on the provider's lock.
    pub consent_only: bool,
}

/// Something to approve, mostly with the PIN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approval {
    /// Unlock these providers.
    Unlock {
        /// Which ones.
        providers: Vec<ProviderName>,
    },
    /// Let a provider take part.
    EnableProvider {
        /// Which one.
        provider: ProviderName,
        /// The path of the program that it is: name and icon are what its author says.
        program: Option<String>,
        /// What that program is, where it runs what others give it.
        host: Option<ProgramHost>,
    },
    /// Verify the user for a provider, which gets the evidence.
    VerifyUser {
        /// Which one.
        provider: ProviderName,
        /// What it says it is for; untrusted.
        hint: Option<String>,
    },
    /// Delete a passkey; the evidence is for its provider.
    DeletePasskey {
        /// Its provider.
        provider: ProviderName,
        /// The account's name, as the cache has it.
        account: Option<String>,
        /// Its site.
        rp_id: RpId,
        /// Whether the provider is locked, so that it needs an unlock box too.
        locked: bool,
    },
    /// Rename a passkey; the evidence is for its provider.
    RenamePasskey {
        /// Its provider.
        provider: ProviderName,
        /// The account's name, as the cache has it.
        account: Option<String>,
        /// Its site.
        rp_id: RpId,
        /// The new name.
        new_name: String,
        /// Whether the provider is locked, so that it needs an unlock box too.
        locked: bool,
    },
    /// Use Claviger as the security key that a program looks for: agreed to without the PIN.
    UseSecurityKey,
    /// Show a program all passkeys that are found without being named.
    ListPasskeys,
    /// Change the PIN: the present one, and then the new one.
    ChangePin,
    /// Choose a PIN if there is none, then unlock these providers (which makes a new vault), if any.
    Setup {
        /// Which ones.
        providers: Vec<ProviderName>,
    },
    /// Make a recovery code.
    MakeRecoveryCode,
}

impl Approval {
    /// Whether the user proves to be the user; otherwise agreeing is enough.
    pub fn verifies(&self) -> bool {
        !matches!(self, Self::UseSecurityKey)
    }

    /// Whether hello holds what the verification opened for the change that follows.
    pub fn holds(&self) -> bool {
        matches!(self, Self::MakeRecoveryCode)
    }

    /// Whom the evidence is for.
    pub fn audience(&self) -> ProviderId {
        match self {
            Self::Unlock { .. }
            | Self::EnableProvider { .. }
            | Self::Setup { .. }
            | Self::UseSecurityKey
            | Self::ListPasskeys
            | Self::ChangePin
            | Self::MakeRecoveryCode => ProviderId::platform(),
            Self::VerifyUser { provider, .. }
            | Self::DeletePasskey { provider, .. }
            | Self::RenamePasskey { provider, .. } => provider.id.clone(),
        }
    }

    /// What the evidence is for.
    pub fn purpose(&self) -> Purpose {
        match self {
            Self::Unlock { .. }
            | Self::EnableProvider { .. }
            | Self::Setup { .. }
            | Self::UseSecurityKey
            | Self::ListPasskeys
            | Self::ChangePin
            | Self::MakeRecoveryCode => Purpose::Platform,
            Self::VerifyUser { .. } => Purpose::VerifyUser,
            Self::DeletePasskey { .. } => Purpose::Operation(Operation::Delete),
            Self::RenamePasskey { .. } => Purpose::Operation(Operation::Update),
        }
    }

    /// The ids of the providers that the verification unlocks.
    pub fn unlocks(&self) -> Vec<ProviderId> {
        match self {
            Self::Unlock { providers } | Self::Setup { providers } => {
                providers.iter().map(|provider| provider.id.clone()).collect()
            }
            Self::DeletePasskey {
                provider, locked: true, ..
            }
            | Self::RenamePasskey {
                provider, locked: true, ..
            } => {
                vec![provider.id.clone()]
            }
            _ => Vec::new(),
        }
    }
}

/// A provider's id and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderName {
    /// Its id.
    pub id: ProviderId,
    /// What to call it.
    pub name: ShownName,
}

/// What every screen of the ceremony shows.
#[derive(Debug, Clone)]
pub struct Context {
    /// Who asks.
    pub caller: CallerView,
    /// For which site.
    pub site: Option<SiteView>,
    /// The account that a passkey is made for.
    pub account: Option<AccountView>,
    /// When the request expires, in milliseconds since the Unix epoch.
    pub expires_ms: Option<u64>,
}

/// How hello is, as its `Status` tells: what the user can be verified by, each method with tries and a wait of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HelloStatus {
    /// The methods; none before there is a PIN, which stands behind all others.
    pub methods: Vec<MethodStatus>,
    /// Whether it makes the user wait because its file was put back or moved here, and not because of wrong PINs.
    pub restored: bool,
    /// How it is with the recovery code.
    pub recovery_code: CodeStatus,
}

impl HelloStatus {
    /// Whether a PIN has been chosen.
    pub fn pin_set(&self) -> bool {
        self.method(Method::Pin).is_some()
    }

    /// How it is with the PIN; before there is one, how it will be.
    pub fn pin(&self) -> MethodStatus {
        self.method(Method::Pin)
            .copied()
            .unwrap_or_else(MethodStatus::fresh_pin)
    }

    /// Whether the user may set a new PIN with the recovery code: wherever there is one, as nobody else knows that the PIN is forgotten.
    pub fn offers_recovery(&self) -> bool {
        self.pin_set() && self.recovery_code.opens()
    }

    /// Whether there are methods and none of them serves until recovery.
    pub fn locked_out(&self) -> bool {
        !self.methods.is_empty() && self.methods.iter().all(|status| status.locked_out)
    }

    /// Puts what has been learnt of a method in the place of what was known of it.
    pub fn learn(&mut self, learnt: MethodStatus) {
        self.forget(learnt.method);
        self.methods.push(learnt);
    }

    /// Takes note that the user cannot be verified by this method.
    pub fn forget(&mut self, method: Method) {
        self.methods.retain(|status| status.method != method);
    }

    fn method(&self, method: Method) -> Option<&MethodStatus> {
        self.methods.iter().find(|status| status.method == method)
    }
}
