//! What there is to read on a screen, with the choices and the PIN among it.

use std::cell::RefCell;
use std::path::Path;

use adw::prelude::*;
use gtk::pango;

use super::choices::ChoiceList;
use super::code::CodeEntry;
use super::footer::{button, say};
use super::pin::PinEntry;
use super::problem::Problem;
use super::text::{left_to_right, named};
use crate::drawing::{ROOM, plain, show_text, wrapped, wrapping};
use crate::logo::Gallery;
use crate::prompt::program::Program;
use crate::prompt::screen::{Asker, Choices, Fact, Recovery, Screen, Site, Told, Tone};

/// The widest that a line of text is, in pixels of the display's scale.
const WIDEST: i32 = 480;

/// How large a program's icon is, likewise.
const ICON: i32 = 32;

/// The part of the window that scrolls.
pub struct Body {
    scroller: gtk::ScrolledWindow,
    title: gtk::Label,
    /// Who, where and whom, one row each.
    details: gtk::ListBox,
    claim: gtk::Label,
    /// The list, if there is more than one choice.
    pub choices: ChoiceList,
    remember: gtk::CheckButton,
    remembered: gtk::Label,
    /// What went wrong.
    pub problem: Problem,
    /// What is broken, below all that the question is about.
    troubles: gtk::Label,
    /// The recovery code's field.
    pub code: CodeEntry,
    /// The PIN's fields.
    pub pin: PinEntry,
    /// The button that has the recovery code taken instead.
    recover: gtk::Button,
    methods: gtk::Label,
    /// What has nothing to do with the question, at the very end.
    note: gtk::Label,
    /// The program that asked last, by its path.
    program: RefCell<Option<(Option<String>, Option<Program>)>>,
    gallery: Gallery,
}

impl Body {
    pub fn new() -> Self {
        let gallery = Gallery::default();
        let body = Self {
            scroller: gtk::ScrolledWindow::builder()
                .hscrollbar_policy(gtk::PolicyType::Never)
                .propagate_natural_height(true)
                .vexpand(true)
                .build(),
            title: wrapping(&["title-2"]),
            details: gtk::ListBox::builder()
                .accessible_role(gtk::AccessibleRole::Group)
                .selection_mode(gtk::SelectionMode::None)
                .css_classes(["boxed-list"])
                .build(),
            claim: wrapping(&[]),
            choices: ChoiceList::new(&gallery),
            remember: gtk::CheckButton::new(),
            remembered: wrapping(&[]),
            problem: Problem::new(),
            troubles: wrapping(&["caption", "warning"]),
            code: CodeEntry::new(),
            pin: PinEntry::new(),
            recover: button(&["flat"]),
            methods: wrapping(&["dim-label"]),
            note: wrapping(&["caption", "dim-label"]),
            program: RefCell::default(),
            gallery,
        };
        let column = gtk::Box::builder()
            .orientation(gtk::Orientation::Vertical)
            .spacing(ROOM)
            .margin_start(ROOM * 3 / 2)
            .margin_end(ROOM * 3 / 2)
            .margin_bottom(ROOM)
            .build();
        body.title.set_mnemonic_widget(Some(&body.details));
        column.append(&body.title);
        column.append(&body.details);
        column.append(&body.claim);
        column.append(body.choices.widget());
        body.remember.set_child(Some(&body.remembered));
        body.remembered.set_mnemonic_widget(Some(&body.remember));
        column.append(&body.remember);
        column.append(body.problem.widget());
        column.append(body.code.widget());
        column.append(body.pin.widget());
        column.append(&body.recover);
        column.append(&body.methods);
        column.append(&body.troubles);
        column.append(&body.note);
        body.scroller
            .set_child(Some(&adw::Clamp::builder().maximum_size(WIDEST).child(&column).build()));
        body
    }

    pub fn widget(&self) -> &gtk::ScrolledWindow {
        &self.scroller
    }

    /// How high all of it is at this width.
    pub fn height(&self, width: i32) -> i32 {
        self.choices.fit(width - 3 * ROOM);
        let content = self.scroller.child();
        content.map_or(0, |content| content.measure(gtk::Orientation::Vertical, width).1)
    }

    /// Draws the screen. On one that asks the `same` as before, what was chosen and typed stays.
    pub fn draw(&self, screen: &Screen, same: bool) {
        self.title.set_text(&screen.title);
        self.draw_details(screen);
        show_text(&self.claim, screen.claim.as_deref());
        if screen.code.is_some() {
            // What was chosen stays for the question behind this one.
            self.choices.widget().set_visible(false);
        } else {
            self.choices
                .draw(screen.choices.as_ref().filter(|choices| choices.items.len() > 1), same);
            self.choices.only(screen.choices.as_ref().and_then(only));
        }
        self.remember.set_visible(screen.remember.is_some());
        self.remembered.set_text(screen.remember.as_deref().unwrap_or_default());
        if !same {
            self.remember.set_active(true);
        }
        self.problem.tell(screen.problem.as_ref());
        self.code.draw(screen.code.as_ref());
        self.pin.draw(screen.pin.as_ref());
        self.draw_recovery(screen.recovery.as_ref());
        show_text(&self.note, screen.note.as_deref());
        let troubles = screen.troubles.join("\n\n");
        show_text(
            &self.troubles,
            Some(troubles.as_str()).filter(|troubles| !troubles.is_empty()),
        );
        let methods = screen.methods.join("\n");
        show_text(
            &self.methods,
            Some(methods.as_str()).filter(|methods| !methods.is_empty()),
        );
    }

    /// Says that it worked, and nothing else.
    pub fn succeed(&self, words: &str) {
        self.clear();
        self.remember.set_visible(false);
        self.code.draw(None);
        self.pin.draw(None);
        show_text(&self.methods, None);
        self.problem.tell(Some(&Told {
            text: words.to_owned(),
            tone: Tone::Success,
        }));
    }

    /// Leaves nothing to see.
    pub fn clear(&self) {
        self.title.set_text("");
        self.empty_details();
        self.choices.draw(None, false);
        show_text(&self.claim, None);
        show_text(&self.troubles, None);
        show_text(&self.note, None);
        self.draw_recovery(None);
        self.problem.tell(None);
    }

    /// Puts the focus into the first field, if there is one.
    pub fn focus_field(&self) -> bool {
        if self.code.is_asked() {
            self.code.focus();
        } else if self.pin.is_asked() {
            self.pin.focus();
        } else {
            return false;
        }
        true
    }

    /// Wipes what is typed.
    pub fn forget_typed(&self) {
        self.code.clear();
        self.pin.clear();
    }

    /// The button that has the recovery code taken calls this.
    pub fn when_recovering(&self, recovering: impl Fn() + 'static) {
        self.recover.connect_clicked(move |_| recovering());
    }

    /// Whatever is said anew while a person types or is told what is missing calls this: it may need more room.
    pub fn when_said(&self, said: impl Fn() + Clone + 'static) {
        for label in [self.code.words(), self.pin.words(), self.problem.words()] {
            let said = said.clone();
            label.connect_label_notify(move |_| said());
        }
    }

    /// Lets have the recovery code taken, or not.
    pub fn allow_recovery(&self, may_recover: bool) {
        self.recover.set_sensitive(may_recover);
    }

    fn draw_recovery(&self, recovery: Option<&Recovery>) {
        self.recover.set_visible(recovery.is_some());
        let Some(recovery) = recovery else { return };
        say(&self.recover, &recovery.label);
        let classes: &[&str] = if recovery.is_the_way { &["pill"] } else { &["flat"] };
        self.recover.set_css_classes(classes);
    }

    /// Whether the choice is to be remembered, where that is on offer.
    pub fn remembers(&self) -> bool {
        self.remember.is_visible() && self.remember.is_active()
    }

    /// What the desktop knows of the program, which is the same for most of the questions in a row.
    fn program(&self, asker: &Asker) -> Option<Program> {
        let mut known = self.program.borrow_mut();
        if known
            .as_ref()
            .is_none_or(|(executable, _)| *executable != asker.executable)
        {
            let program = asker
                .executable
                .as_deref()
                .and_then(|path| Program::of(Path::new(path)));
            *known = Some((asker.executable.clone(), program));
        }
        known.as_ref().and_then(|(_, program)| program.clone())
    }

    fn empty_details(&self) {
        while let Some(row) = self.details.first_child() {
            self.details.remove(&row);
        }
    }

    fn draw_details(&self, screen: &Screen) {
        self.empty_details();
        let add = |content: &gtk::Box| {
            // Something to read and nothing to choose from, whatever it looks like.
            let row = gtk::ListBoxRow::builder()
                .accessible_role(gtk::AccessibleRole::Group)
                .activatable(false)
                .focusable(false)
                .child(content)
                .build();
            for side in [gtk::Widget::set_margin_start, gtk::Widget::set_margin_end] {
                side(content.upcast_ref(), ROOM);
            }
            content.set_margin_top(ROOM * 2 / 3);
            content.set_margin_bottom(ROOM * 2 / 3);
            self.details.append(&row);
        };
        if let Some(drawn) = screen.site.as_ref().map(site) {
            add(&drawn);
        }
        if let Some(drawn) = &screen.asker {
            add(&asker(drawn, self.program(drawn).as_ref()));
        }
        for drawn in screen.facts.iter().map(fact) {
            add(&drawn);
        }
        let place = screen
            .choices
            .as_ref()
            .and_then(|choices| Some((&choices.heading, only(choices)?)));
        if let Some((heading, item)) = place {
            let more = Some(item.details.clone()).filter(|details| !details.is_empty());
            let drawn = fact(&Fact {
                name: heading.clone(),
                value: item.title.clone(),
                more,
            });
            if let Some(logos) = &item.logos {
                let logo = Gallery::place();
                self.gallery.draw(Some(logos), &logo);
                add(&beside(&logo, &drawn));
            } else {
                add(&drawn);
            }
        }
        self.details.set_visible(self.details.first_child().is_some());
    }
}

/// The choice that is none, because it is the only one.
fn only(choices: &Choices) -> Option<&crate::prompt::screen::Item> {
    match choices.items.as_slice() {
        [only] => Some(only),
        _ => None,
    }
}

fn site(site: &Site) -> gtk::Box {
    let name = wrapped(&left_to_right(&format!("{}{}", site.before, site.domain)), &[]);
    if site.is_host {
        name.add_css_class("title-4");
        let weights = plain();
        let quiet = "\u{2066}".len() + site.before.len();
        let mut light = pango::AttrInt::new_weight(pango::Weight::Normal);
        light.set_end_index(u32::try_from(quiet).unwrap_or(u32::MAX));
        let mut bold = pango::AttrInt::new_weight(pango::Weight::Bold);
        bold.set_start_index(u32::try_from(quiet).unwrap_or(u32::MAX));
        weights.insert(light);
        weights.insert(bold);
        name.set_attributes(Some(&weights));
    }
    let drawn = named(&site.label, &name);
    if let Some(punycode) = &site.punycode {
        drawn.append(&wrapped(&left_to_right(punycode), &[]));
    }
    drawn
}

fn asker(asker: &Asker, program: Option<&Program>) -> gtk::Box {
    let drawn = named(&asker.label, &wrapped(&asker.name, &[]));
    drawn.set_hexpand(true);
    if let Some(executable) = &asker.executable {
        drawn.append(&wrapped(&left_to_right(executable), &["caption", "dim-label"]));
    }
    if let Some(warning) = &asker.warning {
        drawn.append(&wrapped(warning, &["warning"]));
    }
    let Some(program) = program else { return drawn };
    if !asker.is_named {
        drawn.append(&wrapped(&program.name, &["caption", "dim-label"]));
    }
    let Some(icon) = &program.icon else { return drawn };
    let icon = gtk::Image::builder()
        .icon_name(icon)
        .pixel_size(ICON)
        .valign(gtk::Align::Start)
        .accessible_role(gtk::AccessibleRole::Presentation)
        .build();
    beside(&icon, &drawn)
}

/// A picture beside what it is of.
fn beside(picture: &gtk::Image, drawn: &gtk::Box) -> gtk::Box {
    let row = gtk::Box::new(gtk::Orientation::Horizontal, ROOM);
    drawn.set_hexpand(true);
    row.append(picture);
    row.append(drawn);
    row
}

fn fact(fact: &Fact) -> gtk::Box {
    let drawn = named(&fact.name, &wrapped(&fact.value, &[]));
    if let Some(more) = &fact.more {
        drawn.append(&wrapped(more, &["caption", "dim-label"]));
    }
    drawn
}
