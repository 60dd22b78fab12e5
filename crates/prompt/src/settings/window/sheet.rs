//! Draws a [`Page`]: its groups as lists of rows, and passes on what is pressed.

use std::cell::RefCell;
use std::rc::Rc;

use adw::prelude::*;
use gtk::glib;

use super::widgets::{column, name, sign, wrapping, wrapping_button};
use crate::drawing::{ROOM, padded};
use crate::logo::Gallery;
use crate::settings::model::page::{Act, Control, Group, Page, Row, Tone, Weight};

/// What is told when something is pressed.
pub type Tell = Rc<dyn Fn(Act)>;

/// The place of a page.
#[derive(Clone)]
pub struct Sheet {
    scroller: gtk::ScrolledWindow,
    groups: gtk::Box,
    drawn: Rc<RefCell<Page>>,
    tell: Tell,
    gallery: Gallery,
    controls: Rc<RefCell<Vec<Placed>>>,
}

/// A control that is drawn.
struct Placed {
    /// What it is about, which may be nothing.
    of: String,
    label: String,
    widget: gtk::Widget,
}

impl Sheet {
    /// A place with nothing in it yet.
    pub fn new(tell: Tell) -> Self {
        let groups = gtk::Box::builder()
            .orientation(gtk::Orientation::Vertical)
            .spacing(ROOM * 2)
            .margin_top(ROOM)
            .margin_bottom(ROOM * 2)
            .margin_start(ROOM)
            .margin_end(ROOM)
            .build();
        Self {
            scroller: column(&groups),
            groups,
            drawn: Rc::default(),
            tell,
            gallery: Gallery::with_generic("application-x-executable-symbolic"),
            controls: Rc::default(),
        }
    }

    /// The widget.
    pub fn widget(&self) -> &gtk::ScrolledWindow {
        &self.scroller
    }

    /// Draws the page, if it is another one than what is drawn.
    pub fn draw(&self, page: &Page) {
        if *self.drawn.borrow() != *page {
            self.drawn.replace(page.clone());
            self.redraw();
        }
    }

    /// Draws the page as it was told last, whatever has been done to its switches.
    pub fn redraw(&self) {
        let adjustment = self.scroller.vadjustment();
        let at = adjustment.value();
        let before = self.controls.take();
        let focused = before.into_iter().find(|control| control.widget.is_focus());
        while let Some(group) = self.groups.first_child() {
            self.groups.remove(&group);
        }
        for group in &self.drawn.borrow().groups {
            self.groups.append(&self.group(group));
        }
        let next = focused.and_then(|before| self.in_place_of(&before));
        // Where it was, once the rows have their heights; the keyboard too, which may have gone elsewhere with its row.
        glib::idle_add_local_once(move || {
            adjustment.set_value(at);
            if let Some(widget) = next {
                widget.grab_focus();
            }
        });
    }

    /// The control that does what this one did, or else another one of the same thing.
    fn in_place_of(&self, before: &Placed) -> Option<gtk::Widget> {
        let controls = self.controls.borrow();
        let same = |control: &&Placed| control.of == before.of && control.label == before.label;
        let akin = |control: &&Placed| !before.of.is_empty() && control.of == before.of;
        let found = controls.iter().find(same).or_else(|| controls.iter().find(akin));
        found.map(|control| control.widget.clone())
    }

    fn place(&self, of: &str, label: &str, widget: &impl IsA<gtk::Widget>) {
        self.controls.borrow_mut().push(Placed {
            of: of.to_owned(),
            label: label.to_owned(),
            widget: widget.clone().upcast(),
        });
    }

    fn group(&self, group: &Group) -> gtk::Box {
        let drawn = gtk::Box::new(gtk::Orientation::Vertical, ROOM / 2);
        if !group.heading.is_empty() {
            drawn.append(&self.heading(group));
        }
        if let Some(note) = &group.note {
            drawn.append(&wrapping(note, &["dim-label"]));
        }
        let list = gtk::ListBox::builder()
            .selection_mode(gtk::SelectionMode::None)
            .css_classes(["boxed-list"])
            .build();
        for row in &group.rows {
            list.append(&self.row(row));
        }
        drawn.append(&list);
        if !group.heading.is_empty() {
            name(&list, &group.heading, &drawn);
        }
        drawn
    }

    fn heading(&self, group: &Group) -> gtk::Widget {
        let heading = wrapping(&group.heading, &["heading"]);
        let Some(logo) = &group.logo else {
            return heading.upcast();
        };
        let place = Gallery::place();
        self.gallery.draw(Some(&Rc::new(logo.clone())), &place);
        let both = gtk::Box::builder().spacing(ROOM / 2).build();
        both.append(&place);
        both.append(&heading);
        both.upcast()
    }

    fn row(&self, row: &Row) -> gtk::ListBoxRow {
        let line = padded();
        if row.tone != Tone::Plain {
            line.append(&sign(row.tone));
        }
        let texts = gtk::Box::builder()
            .orientation(gtk::Orientation::Vertical)
            .spacing(ROOM / 4)
            .valign(gtk::Align::Center)
            .hexpand(true)
            .build();
        let title = wrapping(&row.title, &[]);
        texts.append(&title);
        for note in &row.notes {
            texts.append(&wrapping(note, &["caption", "dim-label"]));
        }
        line.append(&texts);
        for control in &row.controls {
            match control {
                Control::Switch { name: spoken, on, act } => {
                    let switch = self.switch(*on, act);
                    line.append(&switch);
                    self.place("", spoken, &switch);
                    name(&switch, spoken, &line);
                }
                // Below, because its words need the room of a narrow window.
                Control::Button { label, of, act, weight } => {
                    let button = self.button(label, act, *weight);
                    texts.append(&button);
                    self.place(of, label, &button);
                    if !of.is_empty() {
                        // Behind its label, which is a name already.
                        name(&button, of, &texts);
                    }
                }
            }
        }
        let drawn = gtk::ListBoxRow::builder()
            .activatable(false)
            .focusable(false)
            .child(&line)
            .build();
        title.set_mnemonic_widget(Some(&drawn));
        drawn
    }

    fn switch(&self, on: bool, act: &Act) -> gtk::Switch {
        let switch = gtk::Switch::builder()
            .active(on)
            .state(on)
            .valign(gtk::Align::Center)
            .build();
        let (tell, act) = (Rc::clone(&self.tell), act.clone());
        switch.connect_state_set(move |_, _| {
            tell(act.clone());
            // It stands where it stood until it is so.
            glib::Propagation::Stop
        });
        switch
    }

    fn button(&self, label: &str, act: &Act, weight: Weight) -> gtk::Button {
        let button = wrapping_button(label);
        button.set_halign(gtk::Align::Start);
        button.set_margin_top(ROOM / 2);
        match weight {
            Weight::Plain => {}
            Weight::Suggested => button.add_css_class("suggested-action"),
            Weight::Dangerous => button.add_css_class("destructive-action"),
        }
        let (tell, act) = (Rc::clone(&self.tell), act.clone());
        button.connect_clicked(move |_| tell(act.clone()));
        button
    }
}
