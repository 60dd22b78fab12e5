//! What a view looks like, as plain data: every sentence in the user's language, which controls there are, which of them is
//! taken when nothing is chosen, and what is dangerous. No widgets, no clock.
//!
//! Nothing here knows what an action leads to. What of a view was chosen by others is sanitised once more on its way in.

mod pin;
mod recovery;
mod site;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::rc::Rc;

use claviger_joint::evidence;
use claviger_prompt_api::logo::{Logos, MAX_LOGOS};
use claviger_prompt_api::message::{Agreement, Field, Message};
use claviger_prompt_api::sanitise::{MAX_HOST_CHARS, MAX_LABEL_CHARS, MAX_PATH_CHARS, line};
use claviger_prompt_api::text::{PIN_SET, PROGRAM_HOST, WAIT};
use claviger_prompt_api::trouble::Trouble;
use claviger_prompt_api::view::{self, CallerView, ChoiceKind, Kind, MAX_TROUBLES, MethodView, TURN_ON, View};

pub use pin::{PinField, Worth};
pub use recovery::{CodeField, Outcome, Recovery, Spelling, wrong};
pub use site::Site;

use crate::words::Words;

/// From how many choices on there is a field to search them.
const SEARCHED_FROM: usize = 8;

/// One screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen {
    /// The headline.
    pub title: String,
    /// The site, where the screen is about one.
    pub site: Option<Site>,
    /// Who asks.
    pub asker: Option<Asker>,
    /// What else is named: the page, the account, a provider's program.
    pub facts: Vec<Fact>,
    /// What the one that asks says it is for, in quotation marks.
    pub claim: Option<String>,
    /// What there is to choose from, or where the passkey is or goes.
    pub choices: Option<Choices>,
    /// The offer to remember the choice; it is taken unless somebody objects.
    pub remember: Option<String>,
    /// The recovery code that is asked for, before the PIN.
    pub code: Option<CodeField>,
    /// The PIN that is asked for.
    pub pin: Option<PinField>,
    /// The way to take the recovery code instead, where that is on offer.
    pub recovery: Option<Recovery>,
    /// The other ways to be verified, each in words.
    pub methods: Vec<String>,
    /// What went wrong, or what a notice says.
    pub problem: Option<Told>,
    /// What of the platform is broken, each with what helps and what works meanwhile.
    pub troubles: Vec<String>,
    /// The button that agrees; none on a notice.
    pub agree: Option<Button>,
    /// The button that does not.
    pub refuse: String,
    /// The button that refuses this one for a while, and what it means.
    pub for_a_while: Option<(String, String)>,
    /// How many further requests wait.
    pub waiting: Option<String>,
    /// What has nothing to do with the question and should be known some time.
    pub note: Option<String>,
}

/// The program that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// What the program is called here.
    pub label: String,
    /// Its name, or words for one that has none.
    pub name: String,
    /// Whether it has one.
    pub is_named: bool,
    /// The path of its program, if that is known.
    pub executable: Option<String>,
    /// The handle of its window, if that is known.
    pub window: Option<String>,
    /// Its process, likewise.
    pub pid: Option<u32>,
    /// That it, and no web page, named the site, where that is so.
    pub warning: Option<String>,
}

/// Something with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The name.
    pub name: String,
    /// What it is.
    pub value: String,
    /// More of it.
    pub more: Option<String>,
}

/// What there is to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// What is chosen.
    pub heading: String,
    /// The choices, at least one.
    pub items: Vec<Item>,
    /// The one that is taken when nobody chooses.
    pub preselected: Option<usize>,
    /// The words of the search, if there are so many that one wants it.
    pub search: Option<Search>,
}

/// One choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What the broker calls it.
    pub id: String,
    /// The line to show.
    pub title: String,
    /// What is said of it, and where it is kept.
    pub details: String,
    /// What its provider is drawn by.
    pub logos: Option<Rc<Logos>>,
}

/// The words around a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The name of the field.
    pub label: String,
    /// What stands in the place of the list when nothing matches.
    pub nothing: String,
}

/// A sentence to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The sentence.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

/// How a sentence is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// To be read.
    Plain,
    /// To be thought about.
    Warning,
    /// Something did not work.
    Error,
    /// Something did.
    Success,
}

/// A button that agrees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What stands on it.
    pub label: String,
    /// Whether what it does cannot be undone.
    pub dangerous: bool,
    /// The choice that it makes, where there is none to make beside it.
    pub choice: Option<&'static str>,
}

impl Screen {
    /// The screen of a view; none of the idle one.
    pub fn of(view: &View, words: &Words) -> Option<Self> {
        if view.kind == Kind::Idle {
            return None;
        }
        let site = view.site.as_ref().map(|site| Site::of(site, words));
        Some(Self {
            title: view.title.as_ref().map(|title| words.say(title)).unwrap_or_default(),
            site,
            asker: view.caller.as_ref().map(|caller| asker(view, caller, words)),
            facts: facts(view, words),
            claim: view.claim.as_ref().map(|claim| words.say(claim)),
            choices: choices(view, words),
            remember: view.remember.then(|| words.say(&Message::Remember {})),
            code: None,
            pin: view.pin().map(|offered| PinField::of(offered, words)),
            recovery: view.recovery.then(|| Recovery::of(view, words)),
            methods: view
                .methods
                .iter()
                .filter_map(|offered| method(offered, words))
                .collect(),
            problem: problem(view, words),
            troubles: view
                .troubles
                .iter()
                .take(MAX_TROUBLES)
                .map(|told| trouble(told, words))
                .collect(),
            agree: agree(view, words),
            refuse: words.say(&match view.kind {
                Kind::Notice => Message::CloseButton {},
                _ => Message::RefuseButton {},
            }),
            for_a_while: Some((
                words.say(&Message::RefuseForAWhile {}),
                words.say(&Message::RefuseForAWhileHint {}),
            )),
            waiting: (view.waiting > 0).then(|| words.say(&Message::MoreWaiting { count: view.waiting })),
            note: view.note.as_ref().map(|note| words.say(note)),
        })
    }

    /// Whether what a person is about to agree to looks the same on both. How many wait behind is no part of it.
    pub fn asks_the_same_as(&self, other: &Self) -> bool {
        let alike = Self {
            waiting: other.waiting.clone(),
            ..self.clone()
        };
        alike == *other
    }
}

fn asker(view: &View, caller: &CallerView, words: &Words) -> Asker {
    let name = caller.name.as_deref().map(|name| line(name, MAX_LABEL_CHARS));
    let name = name.filter(|name| !name.is_empty());
    let executable = line(&caller.executable, MAX_PATH_CHARS);
    // A page's origin is checked; what a program says of a site, nobody has.
    let unchecked = view.site.as_ref().is_some_and(|site| site.origin.is_none())
        && matches!(view.kind, Kind::Create | Kind::SignIn);
    Asker {
        label: field(Field::Caller, words),
        is_named: name.is_some(),
        name: words.say(&Message::Caller {
            program: name,
            executable: None,
            door: caller.door.clone(),
        }),
        executable: Some(executable).filter(|path| !path.is_empty()),
        window: caller.window.clone(),
        pid: caller.pid,
        warning: unchecked.then(|| words.say(&Message::NamedByProgram {})),
    }
}

fn facts(view: &View, words: &Words) -> Vec<Fact> {
    let fact = |name, value: String| Fact {
        name: field(name, words),
        value,
        more: None,
    };
    let mut facts = Vec::new();
    if let Some(site) = &view.site {
        let same = format!("https://{}", site.rp_id);
        let origin = site.origin.iter();
        let origin = origin.filter(|origin| **origin != same || site.top_origin.is_some());
        facts.extend(origin.map(|origin| fact(Field::Page, line(origin, MAX_HOST_CHARS))));
        let top = site.top_origin.iter();
        facts.extend(top.map(|origin| fact(Field::TopPage, line(origin, MAX_HOST_CHARS))));
    }
    if let Some(account) = &view.account {
        let shown = |name: &Option<String>| {
            let name = name.as_deref().map(|name| line(name, MAX_LABEL_CHARS));
            name.filter(|name| !name.is_empty())
        };
        let (name, display_name) = (shown(&account.name), shown(&account.display_name));
        let first = name.clone().or_else(|| display_name.clone());
        facts.push(Fact {
            more: display_name.filter(|shown| name.is_some() && first.as_ref() != Some(shown)),
            ..fact(Field::Account, words.say(&Message::Account { account: first }))
        });
    }
    let program = view.program.iter();
    facts.extend(program.map(|path| fact(Field::Program, line(path, MAX_PATH_CHARS))));
    facts
}

fn choices(view: &View, words: &Words) -> Option<Choices> {
    let first = view.choices.first()?;
    let logos = view.logos.iter().take(MAX_LOGOS);
    let logos: HashMap<&str, Rc<Logos>> = logos.map(|(id, logos)| (id.as_str(), Rc::new(logos.clone()))).collect();
    let items = view.choices.iter().map(|choice| Item {
        logos: logos.get(choice.provider.as_str()).cloned(),
        ..item(choice, words)
    });
    let items: Vec<Item> = items.collect();
    let heading = match first.kind {
        ChoiceKind::Provider if view.kind == Kind::SignIn => Field::Passkey,
        ChoiceKind::Provider => Field::Place,
        ChoiceKind::Passkey => Field::Passkey,
    };
    let preselected = view.preselected.as_ref();
    Some(Choices {
        heading: field(heading, words),
        preselected: match items.len() {
            1 => Some(0),
            _ => view.choices.iter().position(|choice| Some(&choice.id) == preselected),
        },
        search: (items.len() >= SEARCHED_FROM).then(|| Search {
            label: words.say(&Message::SearchChoices {}),
            nothing: words.say(&Message::NothingFound {}),
        }),
        items,
    })
}

fn item(choice: &view::Choice, words: &Words) -> Item {
    let place = Message::Place {
        provider: choice.provider_name.clone(),
        locked: choice.locked,
    };
    // A provider's own line names it; only that it is locked is news.
    let place = (choice.kind == ChoiceKind::Passkey || choice.locked).then_some(&place);
    let mut details: Vec<String> = choice.details.iter().chain(place).map(|said| words.say(said)).collect();
    // The broker may have named the provider already.
    details.dedup();
    Item {
        id: choice.id.clone(),
        title: words.say(&choice.label),
        details: details.join(" · "),
        logos: None,
    }
}

/// What a method other than the PIN looks like; nothing of one that is not known here.
fn method(offered: &MethodView, words: &Words) -> Option<String> {
    use evidence::Method;
    if matches!(offered.method, Method::Pin | Method::Other(_)) {
        return None;
    }
    let state = match &offered.progress {
        view::Progress::TryAgain { why } => return Some(words.say(why)),
        view::Progress::Waiting => "waiting",
        view::Progress::Ready | view::Progress::Unknown => "ready",
    };
    Some(words.say(&Message::OtherMethod {
        method: offered.method.to_string(),
        state: state.to_owned(),
    }))
}

fn problem(view: &View, words: &Words) -> Option<Told> {
    let problem = view.problem.as_ref()?;
    // The PIN's field says it, second by second.
    if problem.code == WAIT && view.pin().is_some_and(|pin| pin.wait_ms > 0) {
        return None;
    }
    let tone = match (view.kind, problem.code.as_str()) {
        (_, PIN_SET) => Tone::Success,
        (Kind::Notice, _) => Tone::Plain,
        (_, PROGRAM_HOST) => Tone::Warning,
        _ => Tone::Error,
    };
    Some(Told {
        text: words.say(&problem.text),
        tone,
    })
}

/// What is broken, what helps and what works meanwhile, in a row.
fn trouble(told: &Trouble, words: &Words) -> String {
    told.said().map(|said| words.say(&said).trim().to_owned()).join(" ")
}

fn agree(view: &View, words: &Words) -> Option<Button> {
    let to = match (view.kind, &view.title) {
        (Kind::Notice, _) => return view.turn_on.as_ref().map(|provider| turn_on(provider, words)),
        (Kind::Idle, _) => return None,
        (_, Some(Message::DeleteTitle { .. })) => Agreement::Delete,
        (_, Some(Message::RenameTitle { .. })) => Agreement::Rename,
        (Kind::Create, Some(Message::ExcludedTitle { .. })) | (Kind::Verify, _) => Agreement::Continue,
        (Kind::Create, _) => Agreement::Create,
        (Kind::SignIn, _) => Agreement::SignIn,
        (Kind::ChoosePin, _) => Agreement::SetPin,
        (Kind::EnableProvider, _) => Agreement::TurnOn,
        (Kind::Unlock, _) => Agreement::Unlock,
    };
    Some(Button {
        label: words.say(&Message::Agree { to }),
        dangerous: to == Agreement::Delete,
        choice: None,
    })
}

/// The button that has the provider turned on; what that means is the next screen.
fn turn_on(provider: &str, words: &Words) -> Button {
    let provider = line(provider, MAX_LABEL_CHARS);
    Button {
        label: words.say(&Message::TurnOn { provider }),
        dangerous: false,
        choice: Some(TURN_ON),
    }
}

fn field(field: Field, words: &Words) -> String {
    words.say(&Message::Field { field })
}
