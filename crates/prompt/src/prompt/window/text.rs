//! Labels that only the window that asks has.

use adw::prelude::*;

use crate::drawing::wrapped;

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
