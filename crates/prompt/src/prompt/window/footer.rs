//! The buttons below a screen.

use adw::prelude::*;
use gtk::pango;

use crate::drawing::{ROOM, show_text, wrapping};
use crate::prompt::screen::Screen;

/// The buttons.
pub struct Footer {
    column: gtk::Box,
    agree: gtk::Button,
    refuse: gtk::Button,
    for_a_while: gtk::Button,
    waiting: gtk::Label,
}

impl Footer {
    pub fn new() -> Self {
        let (agree, refuse) = (button(&["pill"]), button(&["pill"]));
        let for_a_while = button(&["flat"]);
        for_a_while.set_halign(gtk::Align::Center);
        let waiting = wrapping(&["dim-label"]);
        waiting.set_xalign(0.5);
        waiting.set_justify(gtk::Justification::Center);
        let both = gtk::Box::builder().spacing(ROOM).homogeneous(true).build();
        both.append(&refuse);
        both.append(&agree);
        let column = gtk::Box::builder()
            .orientation(gtk::Orientation::Vertical)
            .spacing(ROOM / 2)
            .margin_start(ROOM * 3 / 2)
            .margin_end(ROOM * 3 / 2)
            .margin_top(ROOM / 2)
            .margin_bottom(ROOM)
            .build();
        column.append(&both);
        column.append(&for_a_while);
        column.append(&waiting);
        Self {
            column,
            agree,
            refuse,
            for_a_while,
            waiting,
        }
    }

    pub fn widget(&self) -> &gtk::Box {
        &self.column
    }

    /// Draws the screen's buttons.
    pub fn draw(&self, screen: &Screen) {
        self.agree.set_visible(screen.agree.is_some());
        if let Some(agree) = &screen.agree {
            say(&self.agree, &agree.label);
            let classes = [
                "pill",
                if agree.dangerous {
                    "destructive-action"
                } else {
                    "suggested-action"
                },
            ];
            self.agree.set_css_classes(&classes);
        }
        say(&self.refuse, &screen.refuse);
        self.for_a_while.set_visible(screen.for_a_while.is_some());
        if let Some((label, meaning)) = &screen.for_a_while {
            say(&self.for_a_while, label);
            self.for_a_while.set_tooltip_text(Some(meaning));
        }
        show_text(&self.waiting, screen.waiting.as_deref());
    }

    /// Lets agree, or not.
    pub fn allow(&self, may_agree: bool) {
        self.agree.set_sensitive(may_agree);
    }

    /// Says in the place of the button that the answer is under way.
    pub fn working(&self, words: Option<&str>) {
        if let Some(words) = words {
            say(&self.agree, words);
        }
    }

    pub fn when_agreed(&self, agreed: impl Fn() + 'static) {
        self.agree.connect_clicked(move |_| agreed());
    }

    pub fn when_refused(&self, refused: impl Fn() + 'static) {
        self.refuse.connect_clicked(move |_| refused());
    }

    pub fn when_refused_for_a_while(&self, refused: impl Fn() + 'static) {
        self.for_a_while.connect_clicked(move |_| refused());
    }
}

/// A button in this dress.
pub fn button(classes: &[&str]) -> gtk::Button {
    gtk::Button::builder().css_classes(classes).build()
}

/// Writes on a button. The text wraps, so that two of them fit side by side in any language and size.
pub fn say(button: &gtk::Button, text: &str) {
    button.set_label(text);
    if let Some(label) = button.child().and_downcast::<gtk::Label>() {
        label.set_wrap(true);
        label.set_wrap_mode(pango::WrapMode::WordChar);
        label.set_justify(gtk::Justification::Center);
    }
}
