//! The field for the recovery code, and what is said of it while it is typed.

use std::rc::Rc;

use adw::prelude::*;
use claviger_pin::{RecoveryCode, RecoveryCodeError};

use super::field::Field;
use crate::drawing::{show_text, wrapping};
use crate::prompt::screen::{CodeField, Spelling, Tone};
use crate::words::Words;

/// The field with what is said below it.
pub struct CodeEntry {
    column: gtk::Box,
    field: Field,
    spelling: gtk::Label,
}

impl CodeEntry {
    pub fn new() -> Self {
        let column = gtk::Box::new(gtk::Orientation::Vertical, 6);
        let field = Field::new();
        let spelling = wrapping(&["caption"]);
        spelling.set_visible(false);
        column.append(&field.label);
        column.append(&field.entry);
        column.append(&spelling);
        Self {
            column,
            field,
            spelling,
        }
    }

    pub fn widget(&self) -> &gtk::Box {
        &self.column
    }

    /// Has said in these words how the code is, while it is typed.
    pub fn check(&self, words: Rc<Words>) {
        let (typed, label) = (Rc::clone(&self.field.typed), self.spelling.clone());
        self.field.entry.connect_changed(move |_| {
            let spelling = Spelling::of(typed.borrow().as_str(), &words);
            let class = match spelling.as_ref().map(|spelling| spelling.tone) {
                Some(Tone::Error) => "error",
                Some(Tone::Success) => "success",
                _ => "dim-label",
            };
            label.set_css_classes(&["caption", class]);
            show_text(&label, spelling.as_ref().map(|spelling| spelling.words.as_str()));
        });
    }

    /// What is said below the field.
    pub fn words(&self) -> &gtk::Label {
        &self.spelling
    }

    /// Draws the field, if it is asked for.
    pub fn draw(&self, field: Option<&CodeField>) {
        self.column.set_visible(field.is_some());
        self.field.name(field.map(|field| field.label.as_str()));
    }

    /// Lets type, or not.
    pub fn allow(&self, may_type: bool) {
        self.field.entry.set_editable(may_type);
    }

    /// Whether a code is asked for.
    pub fn is_asked(&self) -> bool {
        self.column.is_visible()
    }

    /// Whether nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.field.typed.borrow().is_empty()
    }

    /// What is typed.
    pub fn read(&self) -> Result<RecoveryCode, RecoveryCodeError> {
        RecoveryCode::parse(self.field.typed.borrow().as_str())
    }

    /// Wipes what is typed.
    pub fn clear(&self) {
        self.field.clear();
    }

    /// Puts the focus where typing goes on.
    pub fn focus(&self) {
        self.field.entry.grab_focus();
    }

    /// Enter calls this.
    pub fn when_entered(&self, entered: impl Fn() + 'static) {
        self.field.entry.connect_activate(move |_| entered());
    }
}
