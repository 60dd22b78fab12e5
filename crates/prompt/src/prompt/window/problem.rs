//! What went wrong, or what else there is to say in the middle of a screen.

use adw::prelude::*;
use gtk::pango;

use crate::drawing::ROOM;
use crate::prompt::screen::{Told, Tone};

/// The place for what went wrong. A screen reader says it when it changes.
pub struct Problem {
    column: gtk::Box,
    row: gtk::Box,
    icon: gtk::Image,
    label: gtk::Label,
    /// The same for a screen reader, which hears of changes of what is always there only; nobody sees it.
    announced: gtk::Label,
}

impl Problem {
    pub fn new() -> Self {
        let row = gtk::Box::new(gtk::Orientation::Horizontal, ROOM / 2);
        let icon = gtk::Image::builder()
            .valign(gtk::Align::Start)
            .accessible_role(gtk::AccessibleRole::Presentation)
            .build();
        let label = gtk::Label::builder()
            .wrap(true)
            .wrap_mode(pango::WrapMode::WordChar)
            .xalign(0.0)
            .hexpand(true)
            .build();
        row.append(&icon);
        row.append(&label);
        row.set_visible(false);
        let announced = gtk::Label::builder()
            .opacity(0.0)
            .single_line_mode(true)
            .ellipsize(pango::EllipsizeMode::End)
            .accessible_role(gtk::AccessibleRole::Alert)
            .build();
        let small = pango::AttrList::new();
        small.insert(pango::AttrFloat::new_scale(0.01));
        announced.set_attributes(Some(&small));
        let column = gtk::Box::new(gtk::Orientation::Vertical, 0);
        column.append(&row);
        column.append(&announced);
        Self {
            column,
            row,
            icon,
            label,
            announced,
        }
    }

    pub fn widget(&self) -> &gtk::Box {
        &self.column
    }

    /// What is said, as it is seen.
    pub fn words(&self) -> &gtk::Label {
        &self.label
    }

    /// Says it, or nothing.
    pub fn tell(&self, told: Option<&Told>) {
        let text = told.map_or("", |told| told.text.as_str());
        self.row.set_visible(told.is_some());
        self.label.set_text(text);
        self.announced.set_text(text);
        let (class, icon) = match told.map(|told| told.tone) {
            Some(Tone::Error) => (Some("error"), Some("dialog-error-symbolic")),
            Some(Tone::Warning) => (Some("warning"), Some("dialog-warning-symbolic")),
            Some(Tone::Success) => (Some("success"), Some("emblem-ok-symbolic")),
            Some(Tone::Plain) | None => (None, None),
        };
        self.row.set_css_classes(class.as_slice());
        self.icon.set_visible(icon.is_some());
        self.icon.set_icon_name(icon);
    }
}
