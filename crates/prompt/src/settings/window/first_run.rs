//! The first steps: three pages, one after the other.

use std::cell::Cell;
use std::rc::Rc;

use adw::prelude::*;
use gtk::glib;

use super::sheet::{Sheet, Tell};
use super::widgets::wrapping;
use crate::drawing::{ROOM, padded};
use crate::settings::model::first_run::{STEPS, steps};
use crate::settings::model::state::Snapshot;
use crate::settings::text::{Speech, Text};

/// The window of the first steps.
#[derive(Clone)]
pub struct FirstRun(Rc<Parts>);

struct Parts {
    window: adw::Window,
    stack: gtk::Stack,
    steps: Vec<Step>,
    previous: gtk::Button,
    next: gtk::Button,
    at: Cell<usize>,
    speech: Rc<Speech>,
}

struct Step {
    page: gtk::Box,
    title: gtk::Label,
    note: gtk::Label,
    sheet: Sheet,
}

impl FirstRun {
    /// The window over its parent, which is told what is pressed.
    pub fn new(parent: &adw::ApplicationWindow, speech: Rc<Speech>, tell: &Tell) -> Self {
        let window = adw::Window::builder()
            .transient_for(parent)
            .modal(true)
            .title(speech.say(&Text::FirstSteps {}))
            .default_width(480)
            .default_height(540)
            .build();
        let parts = Rc::new(Parts {
            window,
            stack: gtk::Stack::builder()
                .transition_type(gtk::StackTransitionType::SlideLeftRight)
                .build(),
            steps: (0..STEPS).map(|_| Step::new(tell)).collect(),
            previous: gtk::Button::with_label(&speech.say(&Text::Previous {})),
            next: gtk::Button::builder()
                .css_classes(["suggested-action"])
                .hexpand(true)
                .halign(gtk::Align::End)
                .build(),
            at: Cell::default(),
            speech,
        });
        parts.lay_out();
        let moves = |by: isize| {
            let parts = Rc::downgrade(&parts);
            move |_: &gtk::Button| {
                if let Some(parts) = parts.upgrade() {
                    parts.go(parts.at.get().checked_add_signed(by));
                }
            }
        };
        parts.previous.connect_clicked(moves(-1));
        parts.next.connect_clicked(moves(1));
        Self(parts)
    }

    /// Draws the steps as things are now.
    pub fn draw(&self, now: &Snapshot) {
        for (step, said) in self.0.steps.iter().zip(steps(now, &self.0.speech)) {
            step.title.set_text(&said.title);
            step.note.set_text(&said.note);
            step.sheet.draw(&said.page);
        }
    }

    /// The same, whatever has been done to its switches.
    pub fn redraw(&self) {
        self.0.steps.iter().for_each(|step| step.sheet.redraw());
    }

    /// What is done when it is closed.
    pub fn when_closed(&self, done: impl Fn() + 'static) {
        self.0.window.connect_close_request(move |_| {
            done();
            glib::Propagation::Proceed
        });
    }

    /// Shows the first step.
    pub fn present(&self) {
        self.0.go(Some(0));
        self.0.window.present();
    }
}

impl Step {
    fn new(tell: &Tell) -> Self {
        let step = Self {
            page: gtk::Box::new(gtk::Orientation::Vertical, ROOM / 2),
            title: wrapping("", &["title-2"]),
            note: wrapping("", &["dim-label"]),
            sheet: Sheet::new(Rc::clone(tell)),
        };
        for label in [&step.title, &step.note] {
            label.set_margin_start(ROOM);
            label.set_margin_end(ROOM);
            step.page.append(label);
        }
        step.page.append(step.sheet.widget());
        step
    }
}

impl Parts {
    fn lay_out(&self) {
        let content = gtk::Box::new(gtk::Orientation::Vertical, 0);
        content.append(&adw::HeaderBar::builder().css_classes(["flat"]).build());
        for step in &self.steps {
            self.stack.add_child(&step.page);
        }
        content.append(&self.stack);
        let buttons = padded();
        buttons.append(&self.previous);
        buttons.append(&self.next);
        content.append(&buttons);
        self.window.set_content(Some(&content));
    }

    /// Shows this step, or ends behind the last.
    fn go(&self, to: Option<usize>) {
        let Some(to) = to else { return };
        let Some(step) = self.steps.get(to) else {
            return self.window.close();
        };
        self.at.set(to);
        self.stack.set_visible_child(&step.page);
        self.previous.set_visible(to > 0);
        let label = if to + 1 == self.steps.len() {
            Text::Finish {}
        } else {
            Text::Next {}
        };
        self.next.set_label(&self.speech.say(&label));
    }
}
