//! Labels: text as it is, never markup, and none that could grow out of the window.

use adw::prelude::*;
use gtk::pango;

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

/// A name above what it names.
pub fn named(name: &str, value: &impl IsA<gtk::Widget>) -> gtk::Box {
    let both = gtk::Box::new(gtk::Orientation::Vertical, 2);
    both.append(&wrapped(name, &["caption", "dim-label"]));
    both.append(value);
    both
}

/// Text that is written from left to right whatever stands around it: a host, a path.
pub fn left_to_right(text: &str) -> String {
    format!("\u{2066}{text}\u{2069}")
}
