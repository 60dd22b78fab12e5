//! The screens of a ceremony: from what the machine knows to the view that a prompt draws.

use claviger_ctap::types::RpId;
use claviger_joint::ProviderId;
use claviger_joint::evidence::Purpose;
use claviger_joint::operation::Operation;
use claviger_prompt_api::message::Message;
use claviger_prompt_api::view::{AccountView, Choice, ChoiceKind, Kind, MethodView, Problem, SiteView, VERSION, View};
use claviger_prompt_api::{sanitise, text};

use super::input::{Approval, Context, ProviderName};
use crate::choice::{Candidate, Lock};
use crate::shown::notice;
use crate::types::Cause;

/// What a ceremony is to lead to.
pub(super) enum ScreenPurpose {
    /// An answer for a caller.
    Answer { creates: bool, rp_id: RpId },
    /// The user's approval.
    Approve(Approval),
}

impl ScreenPurpose {
    /// What evidence for it is for.
    pub(super) fn of_evidence(&self) -> Purpose {
        match self {
            Self::Answer { creates: true, .. } => Purpose::Operation(Operation::Make),
            Self::Answer { creates: false, .. } => Purpose::Operation(Operation::Get),
            Self::Approve(approval) => approval.purpose(),
        }
    }
}

/// A candidate under the name that the prompt knows it by.
#[derive(Clone)]
pub(super) struct Offer {
    pub(super) id: String,
    pub(super) candidate: Candidate,
}

/// The candidates of a ceremony.
#[derive(Default)]
pub(super) struct Offers {
    all: Vec<Offer>,
    preselected: Option<String>,
    several_providers: bool,
}

impl Offers {
    pub(super) fn new(candidates: Vec<Candidate>, preselected: Option<usize>) -> Self {
        let several_providers = candidates
            .first()
            .is_some_and(|first| candidates.iter().any(|candidate| candidate.provider != first.provider));
        let all: Vec<Offer> = (1..)
            .zip(candidates)
            .map(|(number, candidate)| Offer {
                id: format!("c{number}"),
                candidate,
            })
            .collect();
        let preselected = preselected
            .and_then(|index| all.get(index))
            .map(|offer| offer.id.clone());
        Self {
            all,
            preselected,
            several_providers,
        }
    }

    /// The offer of this id; without one the preselected; without that the only one.
    pub(super) fn find(&self, choice: Option<&str>) -> Option<&Offer> {
        match choice.or(self.preselected.as_deref()) {
            Some(id) => self.all.iter().find(|offer| offer.id == id),
            None if self.all.len() == 1 => self.all.first(),
            None => None,
        }
    }

    pub(super) fn preselect(&mut self, id: &str) {
        self.preselected = Some(id.to_owned());
    }

    /// Keeps the offers that `keep` says, and forgets a preselection that is gone.
    pub(super) fn retain(&mut self, keep: impl Fn(&Offer) -> bool) {
        self.all.retain(|offer| keep(offer));
        self.preselected
            .take_if(|id| !self.all.iter().any(|offer| offer.id == *id));
        if let [only] = self.all.as_slice() {
            self.preselected = Some(only.id.clone());
        }
    }

    pub(super) fn set_lock(&mut self, provider: &ProviderId, lock: Lock) {
        for offer in self
            .all
            .iter_mut()
            .filter(|offer| offer.candidate.provider == *provider)
        {
            offer.candidate.lock = lock;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether one of them is as `is` says.
    pub(super) fn any(&self, is: impl Fn(&Offer) -> bool) -> bool {
        self.all.iter().any(is)
    }

    pub(super) fn any_needs_unlock(&self) -> bool {
        self.all.iter().any(|offer| offer.candidate.needs_unlock())
    }

    /// Whether there were several providers to begin with: only then there is something to remember.
    pub(super) fn several_providers(&self) -> bool {
        self.several_providers
    }

    fn choices(&self) -> Vec<Choice> {
        self.all
            .iter()
            .map(|Offer { id, candidate }| Choice {
                id: id.clone(),
                kind: if candidate.credential.is_some() {
                    ChoiceKind::Passkey
                } else {
                    ChoiceKind::Provider
                },
                provider: candidate.provider.to_string(),
                provider_name: candidate.provider_name.clone(),
                label: candidate.label.clone(),
                details: candidate.details.clone(),
                locked: candidate.lock != Lock::Open,
            })
            .collect()
    }
}

/// Makes the views of one ceremony.
pub(super) struct Screens {
    pub(super) context: Context,
    pub(super) purpose: ScreenPurpose,
}

impl Screens {
    /// The screen that asks for choice, consent and PIN at once.
    pub(super) fn question(&self, offers: &Offers, methods: Vec<MethodView>, problem: Option<Problem>) -> View {
        let (kind, title) = match &self.purpose {
            ScreenPurpose::Answer { creates, rp_id } => {
                let kind = if *creates { Kind::Create } else { Kind::SignIn };
                (kind, self.site_title(kind, rp_id))
            }
            ScreenPurpose::Approve(approval) => approval_title(approval, self.context.caller.name.clone()),
        };
        let mut view = self.view(kind, title);
        view.choices = offers.choices();
        view.preselected.clone_from(&offers.preselected);
        view.remember = offers.several_providers();
        view.methods = methods;
        view.problem = problem;
        self.add_subject(&mut view);
        view
    }

    /// The screen that says that the site excludes a passkey which exists.
    pub(super) fn excluded(&self, offers: &Offers) -> View {
        let mut view = self.view(Kind::Create, Message::ExcludedTitle { site: self.rp_id() });
        view.problem = offers
            .all
            .first()
            .map(|offer| text::excluded(&offer.candidate.provider_name));
        view.choices = offers.choices();
        view.preselected.clone_from(&offers.preselected);
        view
    }

    /// The screen on which the user chooses a PIN.
    pub(super) fn choose_pin(&self, methods: Vec<MethodView>, problem: Option<Problem>) -> View {
        let title = match self.purpose {
            ScreenPurpose::Approve(Approval::ChangePin) => Message::NewPinTitle {},
            _ => Message::ChoosePinTitle {},
        };
        let mut view = self.view(Kind::ChoosePin, title);
        view.account = None;
        view.methods = methods;
        view.problem = problem;
        view
    }

    /// The screen that tells why it did not work.
    pub(super) fn notice(&self, cause: &Cause, provider_name: Option<&str>) -> View {
        let (title, problem) = notice(cause, provider_name, self.rp_id());
        let mut view = self.view(Kind::Notice, title);
        view.problem = Some(problem);
        view
    }

    /// The notice of a disabled provider that could help, with the offer to turn it on.
    pub(super) fn disabled(&self, provider_name: &str) -> View {
        View {
            turn_on: Some(provider_name.to_owned()),
            ..self.notice(&Cause::ProviderDisabled, Some(provider_name))
        }
    }

    fn view(&self, kind: Kind, title: Message) -> View {
        View {
            version: VERSION,
            kind,
            title: Some(title),
            site: self.context.site.clone(),
            caller: Some(self.context.caller.clone()),
            account: self.context.account.clone(),
            expires_ms: self.context.expires_ms,
            ..View::idle(0)
        }
    }

    /// What a program without an origin says of the site, nobody has checked: then the title says who says it.
    fn site_title(&self, kind: Kind, rp_id: &RpId) -> Message {
        let site = host(rp_id.as_str());
        match self.context.site.as_ref() {
            Some(SiteView {
                origin: Some(origin),
                related: true,
                ..
            }) => text::related_title(kind, origin_host(origin), site),
            Some(SiteView { offered: true, .. }) if kind == Kind::Create => Message::OfferedCreateTitle { site },
            Some(SiteView { origin: Some(_), .. }) => text::site_title(kind, site),
            _ => text::program_title(kind, self.context.caller.name.clone(), site),
        }
    }

    fn rp_id(&self) -> Option<String> {
        match &self.purpose {
            ScreenPurpose::Answer { rp_id, .. } => Some(host(rp_id.as_str())),
            ScreenPurpose::Approve(_) => None,
        }
    }

    /// Adds the program that an approval is about and what is said of it, or site and account of the passkey, where the context
    /// names none.
    fn add_subject(&self, view: &mut View) {
        if let ScreenPurpose::Approve(Approval::VerifyUser { provider, hint }) = &self.purpose {
            let words = hint.as_deref().and_then(sanitise::claim);
            view.claim = words.map(|words| Message::ProviderSays {
                provider: provider.name.to_string(),
                words,
            });
        }
        if let ScreenPurpose::Approve(Approval::EnableProvider { program, host, .. }) = &self.purpose {
            if let Some(host) = *host {
                let warning = Message::ProgramHost { host };
                view.problem
                    .get_or_insert_with(|| text::problem(text::PROGRAM_HOST, warning));
            }
            view.program = program
                .as_deref()
                .map(|path| sanitise::line(path, sanitise::MAX_PATH_CHARS));
        }
        let ScreenPurpose::Approve(
            Approval::DeletePasskey { account, rp_id, .. } | Approval::RenamePasskey { account, rp_id, .. },
        ) = &self.purpose
        else {
            return;
        };
        view.account
            .get_or_insert_with(|| AccountView::of(account.as_deref(), None));
        view.site.get_or_insert_with(|| SiteView {
            rp_id: host(rp_id.as_str()),
            rp_name: None,
            origin: None,
            top_origin: None,
            related: false,
            offered: false,
        });
    }
}

/// The host of an origin, as a title names a site.
fn origin_host(origin: &str) -> String {
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    host.to_owned()
}

/// An RP ID as it may be shown: at the security-key door it is any text.
fn host(rp_id: &str) -> String {
    sanitise::line(rp_id, sanitise::MAX_HOST_CHARS)
}

fn approval_title(approval: &Approval, program: Option<String>) -> (Kind, Message) {
    let label = |name: &Option<String>| name.as_deref().and_then(sanitise::claim);
    let shown = |provider: &ProviderName| provider.name.to_string();
    match approval {
        Approval::UseSecurityKey => (Kind::Verify, Message::UseTitle { program }),
        Approval::ListPasskeys => (Kind::Verify, Message::ListTitle { program }),
        Approval::ChangePin => (Kind::Verify, Message::ChangePinTitle {}),
        Approval::MakeRecoveryCode => (Kind::Verify, Message::RecoveryCodeTitle {}),
        Approval::Setup { providers } if providers.is_empty() => (Kind::Verify, Message::ConfirmPinTitle {}),
        Approval::Unlock { providers } | Approval::Setup { providers } => {
            let names: Vec<String> = providers.iter().map(shown).collect();
            (Kind::Unlock, text::unlock_title(&names))
        }
        Approval::EnableProvider { provider, .. } => {
            let provider = shown(provider);
            (Kind::EnableProvider, Message::EnableTitle { provider })
        }
        Approval::VerifyUser { provider, .. } => {
            let provider = shown(provider);
            (Kind::Verify, Message::VerifyTitle { provider })
        }
        Approval::DeletePasskey { account, rp_id, .. } => {
            let (account, site) = (label(account), host(rp_id.as_str()));
            (Kind::Verify, Message::DeleteTitle { account, site })
        }
        Approval::RenamePasskey {
            account,
            rp_id,
            new_name,
            ..
        } => {
            let (account, site, name) = (label(account), host(rp_id.as_str()), sanitise::claim(new_name));
            (Kind::Verify, Message::RenameTitle { account, site, name })
        }
    }
}
