//! The fields for a PIN: one, or two for a new one.

use std::rc::Rc;

use adw::prelude::*;
use claviger_pin::{Pin, PinError};

use super::field::Field;
use crate::drawing::{show_text, wrapping};
use crate::prompt::screen::{PinField, Worth};
use crate::words::Words;

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

    /// What is said of a new PIN while it is typed.
    pub fn words(&self) -> &gtk::Label {
        &self.worth_words
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

    /// What is typed.
    pub fn read(&self) -> Result<Pin, PinError> {
        Pin::new(self.first.typed.borrow().as_str())
    }

    /// Takes what is typed out of the fields.
    pub fn take(&self) -> Result<Pin, PinError> {
        let pin = self.read();
        self.clear();
        pin
    }

    /// Wipes what is typed.
    pub fn clear(&self) {
        self.first.clear();
        self.again.clear();
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
