//! What a page is made of: groups of rows, and in a row the controls that do something.

use claviger_prompt_api::logo::Logos;

use super::call::Call;
use super::state::SetUp;

/// A page: its groups from top to bottom.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The groups, none of them without a row.
    pub groups: Vec<Group>,
}

/// Rows that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// What they are about.
    pub heading: String,
    /// What to draw beside the heading: a logo, or in the place of an empty one an icon that says no more than that it is a program.
    pub logo: Option<Logos>,
    /// A sentence about all of them.
    pub note: Option<String>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// One thing and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// The thing, in a few words or a sentence.
    pub title: String,
    /// What else there is to say, a line each.
    pub notes: Vec<String>,
    /// How good or bad that is.
    pub tone: Tone,
    /// What can be done, most usual first.
    pub controls: Vec<Control>,
}

/// How good or bad what a row says is. The words say it too; a window adds a colour and a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// As it should be.
    #[default]
    Plain,
    /// Worth a look.
    Warning,
    /// Something does not work.
    Error,
}

/// Something to press.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// On or off. It shows what is, and changes when that has changed.
    Switch {
        /// What it switches, for who cannot see where it stands.
        name: String,
        /// How it stands.
        on: bool,
        /// What switches it to the other side.
        act: Act,
    },
    /// A button.
    Button {
        /// What stands on it.
        label: String,
        /// What it is about, for who cannot see where it stands; empty where the label says it all.
        of: String,
        /// What pressing it does.
        act: Act,
        /// How it is to look.
        weight: Weight,
    },
}

/// How much pressing a button means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// One among others.
    Plain,
    /// What most people want next.
    Suggested,
    /// It takes something away.
    Dangerous,
}

/// What pressing something does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Calls the broker.
    Do(Call),
    /// Asks for a site and a provider, and then sets a rule.
    AddRule,
    /// Asks for a passkey's new name.
    Rename {
        /// The provider that keeps it.
        provider: String,
        /// Its id.
        id: String,
        /// Its present name.
        name: String,
    },
    /// Says what it means, and then deletes a passkey.
    Delete {
        /// The provider that keeps it.
        provider: String,
        /// Its id.
        id: String,
        /// The account, as it is shown.
        account: String,
        /// The site, as it is shown.
        site: String,
    },
    /// Has a browser find the platform's program.
    SetUp(SetUp),
    /// Puts a path where it can be pasted from.
    Copy(String),
    /// Shows another page.
    Show(Place),
    /// Shows the first steps.
    FirstRun,
}

/// The pages, in the order of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// All passkeys.
    Passkeys,
    /// Who keeps them.
    Providers,
    /// How the person is verified.
    Verification,
    /// How browsers and programs come in.
    WaysIn,
    /// What happened.
    Activity,
    /// Version and troubles.
    About,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Passkeys,
        Self::Providers,
        Self::Verification,
        Self::WaysIn,
        Self::Activity,
        Self::About,
    ];

    /// The name that the window has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passkeys => "passkeys",
            Self::Providers => "providers",
            Self::Verification => "verification",
            Self::WaysIn => "ways-in",
            Self::Activity => "activity",
            Self::About => "about",
        }
    }

    /// The page of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.name() == name)
    }
}

impl Group {
    /// Rows under a heading.
    pub fn new(heading: String, rows: Vec<Row>) -> Self {
        Self {
            heading,
            logo: None,
            note: None,
            rows,
        }
    }

    /// With this logo, which may be an empty one, beside its heading.
    #[must_use]
    pub fn with_logo(mut self, logo: Logos) -> Self {
        self.logo = Some(logo);
        self
    }

    /// With a sentence about all of them.
    #[must_use]
    pub fn noting(mut self, note: String) -> Self {
        self.note = Some(note);
        self
    }
}

impl Row {
    /// A row that says this and no more.
    pub fn new(title: String) -> Self {
        Self {
            title,
            ..Self::default()
        }
    }

    /// With a further line.
    #[must_use]
    pub fn note(mut self, note: String) -> Self {
        self.notes.push(note);
        self
    }

    /// With a further line, if there is one.
    #[must_use]
    pub fn maybe(mut self, note: Option<String>) -> Self {
        self.notes.extend(note);
        self
    }

    /// In this tone.
    #[must_use]
    pub fn in_tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// With a switch. What it is about is the row's title and `of`.
    #[must_use]
    pub fn switch(mut self, of: &str, on: bool, act: Act) -> Self {
        let name = format!("{}: {of}", self.title);
        self.controls.push(Control::Switch { name, on, act });
        self
    }

    /// With a button that is about `of`, if its label does not say it all.
    #[must_use]
    pub fn button(mut self, label: String, of: &str, act: Act, weight: Weight) -> Self {
        self.controls.push(Control::Button {
            label,
            of: of.to_owned(),
            act,
            weight,
        });
        self
    }
}
