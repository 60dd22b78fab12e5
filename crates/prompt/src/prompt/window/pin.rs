//! The fields for a PIN: one, or two for a new one.
//!
//! What is typed never gets into GTK's field: it is caught on its way and put together in [`Typed`], and a bullet for each character
//! goes into the field in its place. GTK 4.8 tells assistive programs what was typed into a field, hidden or not, and gives its
//! text as copies that nobody wipes; so there is nothing in it to tell, to copy or to show.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use adw::prelude::*;
use claviger_pin::{Pin, PinError};

use crate::drawing::{show_text, wrapping};
use crate::prompt::screen::{PinField, Worth};
use crate::prompt::typed::Typed;
use crate::words::Words;

/// What stands in the field for each character.
const BULLET: &str = "•";

/// Both fields with what is said below them.
pub struct PinEntry {
    column: gtk::Box,
    first: Field,
    again: Field,
    /// What a new one is worth.
    worth: gtk::LevelBar,
    /// The same in words.
    worth_words: gtk::Label,
    /// The tries that are left, or how long to wait.
    below: gtk::Label,
}

/// A field with its name.
struct Field {
    label: gtk::Label,
    entry: gtk::PasswordEntry,
    typed: Rc<RefCell<Typed>>,
}

impl PinEntry {
    pub fn new() -> Self {
        let column = gtk::Box::new(gtk::Orientation::Vertical, 6);
        let (first, again) = (Field::new(), Field::new());
        let below = wrapping(&["caption", "dim-label"]);
        let worth = gtk::LevelBar::builder()
            .mode(gtk::LevelBarMode::Discrete)
            .max_value(f64::from(Worth::BEST))
            .accessible_role(gtk::AccessibleRole::Presentation)
            .visible(false)
            .build();
        let worth_words = wrapping(&["caption"]);
        worth_words.set_visible(false);
        for field in [&first, &again] {
            column.append(&field.label);
            column.append(&field.entry);
        }
        column.append(&worth);
        column.append(&worth_words);
        column.append(&below);
        Self {
            column,
            first,
            again,
            worth,
            worth_words,
            below,
        }
    }

    /// Has what a new PIN is worth said in these words while it is typed.
    pub fn weigh(&self, words: Rc<Words>) {
        let (typed, again) = (Rc::clone(&self.first.typed), self.again.entry.clone());
        let (bar, label) = (self.worth.clone(), self.worth_words.clone());
        self.first.entry.connect_changed(move |_| {
            let worth = Worth::of(typed.borrow().as_str(), &words).filter(|_| again.is_visible());
            bar.set_visible(worth.is_some());
            bar.set_value(worth.as_ref().map_or(0.0, |worth| f64::from(worth.level)));
            show_text(&label, worth.as_ref().map(|worth| worth.words.as_str()));
        });
    }

    pub fn widget(&self) -> &gtk::Box {
        &self.column
    }

    /// Draws the fields that are asked for.
    pub fn draw(&self, field: Option<&PinField>) {
        self.column.set_visible(field.is_some());
        self.first.name(field.map(|field| field.label.as_str()));
        self.again.name(field.and_then(|field| field.again.as_deref()));
    }

    /// Lets type, or not; says how long to wait, or else how many tries are left.
    pub fn allow(&self, may_type: bool, waiting: Option<&str>, field: Option<&PinField>) {
        for field in [&self.first, &self.again] {
            field.entry.set_editable(may_type && waiting.is_none());
            field.entry.set_sensitive(waiting.is_none());
        }
        let text = waiting.or(field.and_then(|field| field.tries.as_deref()));
        show_text(&self.below, text);
    }

    /// Whether a PIN is asked for.
    pub fn is_asked(&self) -> bool {
        self.column.is_visible()
    }

    /// Whether nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.first.typed.borrow().is_empty()
    }

    /// Whether the same is typed twice.
    pub fn agree(&self) -> bool {
        self.first.typed.borrow().as_str() == self.again.typed.borrow().as_str()
    }

    /// Takes what is typed out of the fields.
    pub fn take(&self) -> Result<Pin, PinError> {
        let pin = Pin::new(self.first.typed.borrow().as_str());
        self.clear();
        pin
    }

    /// Wipes what is typed.
    pub fn clear(&self) {
        for field in [&self.first, &self.again] {
            field.entry.set_text("");
            field.typed.borrow_mut().clear();
        }
    }

    /// Puts the focus where typing goes on.
    pub fn focus(&self) {
        self.first.entry.grab_focus();
    }

    /// Enter in the last field calls this; in the first of two it goes to the second.
    pub fn when_entered(&self, entered: impl Fn() + Clone + 'static) {
        let again = self.again.entry.clone();
        let last = entered.clone();
        self.first.entry.connect_activate(move |_| {
            if again.is_visible() {
                again.grab_focus();
            } else {
                entered();
            }
        });
        self.again.entry.connect_activate(move |_| last());
    }
}

impl Field {
    fn new() -> Self {
        let entry = gtk::PasswordEntry::builder().show_peek_icon(false).build();
        entry.set_enable_undo(false);
        let label = gtk::Label::builder()
            .xalign(0.0)
            .wrap(true)
            .css_classes(["heading"])
            .mnemonic_widget(&entry)
            .build();
        let typed = Rc::new(RefCell::new(Typed::new()));
        if let Some(text) = entry.delegate().and_downcast::<gtk::Text>() {
            text.set_input_purpose(gtk::InputPurpose::Password);
            text.set_input_hints(gtk::InputHints::PRIVATE | gtk::InputHints::NO_SPELLCHECK | gtk::InputHints::NO_EMOJI);
            let into = Rc::clone(&typed);
            let own = Cell::new(false);
            text.connect_insert_text(move |field, text, at| {
                if own.get() {
                    return;
                }
                field.stop_signal_emission_by_name("insert-text");
                into.borrow_mut().insert(index(*at), text);
                own.set(true);
                field.insert_text(&BULLET.repeat(text.chars().count()), at);
                own.set(false);
            });
            let from = Rc::clone(&typed);
            text.connect_delete_text(move |_, start, end| {
                let (start, end) = (index(start), index(end));
                from.borrow_mut().delete(start, end.saturating_sub(start));
            });
        }
        Self { label, entry, typed }
    }

    /// Shows it by this name, or not at all.
    fn name(&self, name: Option<&str>) {
        show_text(&self.label, name);
        self.entry.set_visible(name.is_some());
    }
}

/// A place in a field; a negative one is its end.
fn index(of: i32) -> usize {
    usize::try_from(of).unwrap_or(usize::MAX)
}
