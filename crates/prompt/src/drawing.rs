//! What both windows draw with: labels that show their text as it is, never as markup, and cannot grow out of the window.

use adw::prelude::*;
use gtk::pango;

/// The room between parts, in pixels of the display's scale.
pub const ROOM: i32 = 12;

/// A label whose text wraps where it must, in the middle of a word if need be.
pub fn wrapping(classes: &[&str]) -> gtk::Label {
    gtk::Label::builder()
        .wrap(true)
        .wrap_mode(pango::WrapMode::WordChar)
        .natural_wrap_mode(gtk::NaturalWrapMode::Word)
        .xalign(0.0)
        .css_classes(classes)
        .attributes(&plain())
        .build()
}

/// No hyphen where a line is broken: in a name it would be a character of that name.
pub fn plain() -> pango::AttrList {
    let attributes = pango::AttrList::new();
    attributes.insert(pango::AttrInt::new_insert_hyphens(false));
    attributes
}

/// A label of one line, which loses its middle when it is too long: two names that differ do so at an end.
pub fn one_line(classes: &[&str]) -> gtk::Label {
    gtk::Label::builder()
        .ellipsize(pango::EllipsizeMode::Middle)
        .single_line_mode(true)
        .overflow(gtk::Overflow::Hidden)
        .xalign(0.0)
        .css_classes(classes)
        .build()
}

/// A wrapping label with this text.
pub fn wrapped(text: &str, classes: &[&str]) -> gtk::Label {
    let label = wrapping(classes);
    label.set_text(text);
    label
}

/// Shows the label with this text, or not at all.
pub fn show_text(label: &gtk::Label, text: Option<&str>) {
    label.set_visible(text.is_some());
    label.set_text(text.unwrap_or_default());
}

/// A row with room on all four sides.
pub fn padded() -> gtk::Box {
    gtk::Box::builder()
        .spacing(ROOM)
        .margin_start(ROOM)
        .margin_end(ROOM)
        .margin_top(ROOM)
        .margin_bottom(ROOM)
        .build()
}
