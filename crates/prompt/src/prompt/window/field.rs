//! A field that a secret is typed into.
//!
//! What is typed never gets into GTK's field: it is caught on its way and put together in [`Typed`], and a bullet for each character
//! goes into the field in its place. GTK 4.8 tells assistive programs what was typed into a field, hidden or not, and gives its
//! text as copies that nobody wipes; so there is nothing in it to tell, to copy or to show.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use adw::prelude::*;

use crate::drawing::{show_text, wrapping};
use crate::prompt::typed::Typed;

/// What stands in the field for each character.
const BULLET: &str = "•";

/// A field with its name.
pub struct Field {
    /// The name, above it.
    pub label: gtk::Label,
    /// The field, with bullets in it.
    pub entry: gtk::PasswordEntry,
    /// What was typed.
    pub typed: Rc<RefCell<Typed>>,
}

impl Field {
    pub fn new() -> Self {
        let entry = gtk::PasswordEntry::builder().show_peek_icon(false).build();
        entry.set_enable_undo(false);
        let label = wrapping(&["heading"]);
        label.set_mnemonic_widget(Some(&entry));
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
    pub fn name(&self, name: Option<&str>) {
        show_text(&self.label, name);
        self.entry.set_visible(name.is_some());
    }

    /// Wipes what is typed.
    pub fn clear(&self) {
        self.entry.set_text("");
        self.typed.borrow_mut().clear();
    }
}

/// A place in a field; a negative one is its end.
fn index(of: i32) -> usize {
    usize::try_from(of).unwrap_or(usize::MAX)
}
