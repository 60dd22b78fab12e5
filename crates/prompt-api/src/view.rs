//! What the user sees: the view that a prompt draws.
//!
//! A [`View`] is complete: a prompt needs nothing else to draw it, keeps no state between two of them, and decides nothing.
//! Whether it is a terminal, a script or a window makes no difference to the broker. The JSON form is version 1 of the
//! prompt interface. All text that a site or a provider had a hand in has been through [`sanitise`] before it gets here,
//! and every sentence for people is a [`Message`], for the prompt to say in the user's language. What the prompt sends back is an [`Action`](crate::action::Action).

use std::collections::BTreeMap;

use claviger_joint::evidence::Method;
use serde::{Deserialize, Serialize};

use crate::logo::Logos;
use crate::message::Message;
use crate::sanitise;
use crate::trouble::Trouble;

/// The version of the view and action formats.
pub const VERSION: u32 = 1;

/// The choice that stands for turning on the provider which [`View::turn_on`] names. What enabling means is another screen, with the PIN.
pub const TURN_ON: &str = "turn-on";

/// The most troubles that go with one view; `claviger doctor` has them all.
pub const MAX_TROUBLES: usize = 8;

/// One screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The format's version, [`VERSION`].
    pub version: u32,
    /// Which prompt this is; 0 when there is nothing to show. Stamped by the broker's queue.
    pub prompt: u64,
    /// Grows with every change of what is on show; an action names the revision it answers. Stamped by the queue.
    pub revision: u32,
    /// What the screen is for.
    pub kind: Kind,
    /// The headline; absent when there is nothing to show.
    pub title: Option<Message>,
    /// The site, when the ceremony is for one.
    pub site: Option<SiteView>,
    /// The program that asks; absent on the idle view only.
    pub caller: Option<CallerView>,
    /// The account that a passkey is made for.
    pub account: Option<AccountView>,
    /// What the one that asks says it is for: their words, and no more than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Message>,
    /// The path of the program that is to take part as a provider; on [`Kind::EnableProvider`] only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// What there is to choose from. One entry needs no picker but says where the passkey is or goes.
    pub choices: Vec<Choice>,
    /// The logos of the providers among the choices, by provider id; at most [`MAX_LOGOS`](crate::logo::MAX_LOGOS). Added by the daemon.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub logos: BTreeMap<String, Logos>,
    /// The provider that is disabled and could help, on a notice: to turn it on, approve with [`TURN_ON`] as the choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_on: Option<String>,
    /// The choice taken when the user names none.
    pub preselected: Option<String>,
    /// Whether to offer "remember this choice for the site".
    pub remember: bool,
    /// What the user can do on this screen to be verified, any one of them; empty where agreeing is enough.
    pub methods: Vec<MethodView>,
    /// What went wrong just now, or what a notice has to say.
    pub problem: Option<Problem>,
    /// What of the platform is broken, as far as it is known while this is asked; at most [`MAX_TROUBLES`]. Added by the daemon.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<Trouble>,
    /// What the user should know some time, in a quiet line; it has nothing to do with the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Message>,
    /// Whether the user may give the recovery code and a new PIN instead: [`Action::Recover`](crate::action::Action::Recover).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recovery: bool,
    /// When the request expires, in milliseconds since the Unix epoch.
    pub expires_ms: Option<u64>,
    /// How many further requests wait until this one is answered. Stamped by the queue; an answer may be to a view with another number.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waiting: u32,
    /// Whether what was on show before has come to a good end; on the idle view only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub done: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde calls it.
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl View {
    /// The view that says there is nothing to do.
    pub fn idle(revision: u32) -> Self {
        Self {
            version: VERSION,
            prompt: 0,
            revision,
            kind: Kind::Idle,
            title: None,
            site: None,
            caller: None,
            account: None,
            claim: None,
            program: None,
            choices: Vec::new(),
            logos: BTreeMap::new(),
            turn_on: None,
            preselected: None,
            remember: false,
            methods: Vec::new(),
            problem: None,
            troubles: Vec::new(),
            note: None,
            recovery: false,
            expires_ms: None,
            waiting: 0,
            done: false,
        }
    }

    /// How the PIN is on offer on this screen, if it is.
    pub fn pin(&self) -> Option<&MethodView> {
        self.methods.iter().find(|offered| offered.method == Method::Pin)
    }

    /// Whether this is the other view with another number of requests behind it, or with what came of the last one: no other question.
    pub fn asks_the_same_as(&self, other: &Self) -> bool {
        let alike = Self {
            revision: other.revision,
            waiting: other.waiting,
            done: other.done,
            ..self.clone()
        };
        alike == *other
    }

    /// The JSON that a prompt receives.
    pub fn to_json(&self) -> String {
        // A tree of strings, numbers and booleans with string keys always serialises.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What a screen is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Make a passkey, or be told that there already is one.
    Create,
    /// Use a passkey.
    SignIn,
    /// Choose the PIN that everything else needs.
    ChoosePin,
    /// Let a provider take part.
    EnableProvider,
    /// Unlock providers.
    Unlock,
    /// Verify for anything else: a provider's own question, deleting or renaming a passkey.
    Verify,
    /// Something to read and close.
    Notice,
    /// Nothing to show.
    Idle,
}

impl Kind {
    /// The name in the JSON form.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::SignIn => "sign-in",
            Self::ChoosePin => "choose-pin",
            Self::EnableProvider => "enable-provider",
            Self::Unlock => "unlock",
            Self::Verify => "verify",
            Self::Notice => "notice",
            Self::Idle => "idle",
        }
    }
}

/// The site on a screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteView {
    /// The RP ID: the one name here that has been checked.
    pub rp_id: String,
    /// The site's name for itself, sanitised; never a reason to trust it.
    pub rp_name: Option<String>,
    /// The origin of the page.
    pub origin: Option<String>,
    /// The origin of the top-level page, where it is another.
    pub top_origin: Option<String>,
    /// Whether the RP ID is that of another site, which lists the origin as related: then the title names both.
    #[serde(default)]
    pub related: bool,
    /// Whether the site offers it in passing (conditional mediation) and nobody waits for it.
    #[serde(default)]
    pub offered: bool,
}

/// The caller on a screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerView {
    /// Its name for people, where it has one.
    pub name: Option<String>,
    /// The path of its executable.
    pub executable: String,
    /// The window that it asks from, as the portals spell it (`x11:` and the number in hexadecimal, `wayland:` and the handle), where its
    /// door knows that. It decides about which window a prompt stands, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// Its process, by which a display knows its windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The door it came through: `browser`, `portal`, `hid`, `cli`, or `provider` for a provider that has the user verified.
    pub door: String,
}

/// The account on a screen; both parts come from the site and are sanitised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// The user name (`alice@example.com`), where there is one that can be shown.
    pub name: Option<String>,
    /// The name for display ("Alice").
    pub display_name: Option<String>,
}

impl AccountView {
    /// The account as a prompt may show it.
    pub fn of(name: Option<&str>, display_name: Option<&str>) -> Self {
        Self {
            name: name.and_then(sanitise::label),
            display_name: display_name.and_then(sanitise::label),
        }
    }
}

/// One thing to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The name to answer with; it means something in this prompt only and says nothing about the credential.
    pub id: String,
    /// What is chosen.
    pub kind: ChoiceKind,
    /// The provider's id.
    pub provider: String,
    /// The provider's name.
    pub provider_name: String,
    /// The line to show.
    pub label: Message,
    /// What to say beside it, possibly nothing: each a few words of their own.
    pub details: Vec<Message>,
    /// Whether the provider is locked, so that the PIN is needed to use it.
    pub locked: bool,
}

/// What a choice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChoiceKind {
    /// A provider to keep the new passkey in, or to look for one in.
    Provider,
    /// A passkey.
    Passkey,
}

/// One way to be verified, as it is on offer on a screen.
///
/// A prompt draws those that it knows and leaves out the others: a further method is a further entry of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodView {
    /// What the user does: `pin` is to type a PIN, `fingerprint` to touch the reader, and so on.
    #[serde(with = "crate::word")]
    pub method: Method,
    /// What it is asked for.
    pub purpose: Purpose,
    /// How many wrong attempts are left before the lock-out.
    pub tries_left: u32,
    /// How long hello will refuse to look at one, in milliseconds from when the view was made.
    pub wait_ms: u64,
    /// How far it is.
    #[serde(default)]
    pub progress: Progress,
}

/// How far a method is, as a prompt may draw it beside the method.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Progress {
    /// The user may begin.
    #[default]
    Ready,
    /// Hello waits for the user, at a reader for example: there is nothing to type.
    Waiting,
    /// What the user did was seen and not accepted; `why` also says what to do about it.
    TryAgain {
        /// What to tell people.
        why: Message,
    },
    /// What a later version says.
    #[serde(other)]
    Unknown,
}

/// What a method is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// To prove who is there.
    Verify,
    /// To be set up: a PIN to become the new one.
    New,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable code: one of [`text`](crate::text)'s or the code of what the ceremony ended with.
    pub code: String,
    /// What to tell people.
    pub text: Message,
}

#[cfg(test)]
mod tests;
