//! A list of as many rows as there is room for, however many lines it has: each line is a heading or two lines of text.

use std::cell::RefCell;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::rc::Rc;

use adw::prelude::*;
use gtk::{gio, glib};

use super::widgets::{WIDEST, name, set_sign, sign, wrapping};
use crate::drawing::{ROOM, one_line};
use crate::settings::model::page::Tone;

/// What a row shows.
pub enum Shown {
    /// A heading over the rows that follow.
    Heading(String),
    /// A row.
    Row {
        /// Its first line.
        title: String,
        /// Its second line.
        details: String,
        /// Its sign.
        tone: Tone,
        /// Whether pressing it opens something.
        opens: bool,
    },
}

/// The list, whose lines are values of `T`.
pub struct List<T> {
    scroller: gtk::ScrolledWindow,
    view: gtk::ListView,
    store: gio::ListStore,
    lines: PhantomData<T>,
}

impl<T: Clone + 'static> List<T> {
    /// A list with nothing in it yet, whose titles wrap or are cut to a line each. `show` says what is shown of a line, `open` is told which one is pressed.
    pub fn new(wraps: bool, show: impl Fn(&T) -> Shown + 'static, open: impl Fn(&T) + 'static) -> Self {
        let store = gio::ListStore::new::<glib::BoxedAnyObject>();
        let view = gtk::ListView::builder()
            .model(&gtk::NoSelection::new(Some(store.clone())))
            .factory(&factory(wraps, Rc::new(show)))
            .single_click_activate(true)
            .css_classes(["navigation-sidebar"])
            .build();
        let lines = store.clone();
        view.connect_activate(move |_, place| {
            if let Some(line) = lines.item(place).and_downcast::<glib::BoxedAnyObject>() {
                let line = line.borrow::<T>().clone();
                open(&line);
            }
        });
        let clamp = adw::ClampScrollable::builder()
            .maximum_size(WIDEST)
            .child(&view)
            .build();
        let scroller = gtk::ScrolledWindow::builder()
            .hscrollbar_policy(gtk::PolicyType::Never)
            .vexpand(true)
            .child(&clamp)
            .build();
        Self {
            scroller,
            view,
            store,
            lines: PhantomData,
        }
    }

    /// Gives the list a name, whose label goes into `place` beside it.
    pub fn name(&self, spoken: &str, place: &gtk::Box) {
        name(&self.view, spoken, place);
    }

    /// The widget.
    pub fn widget(&self) -> &gtk::ScrolledWindow {
        &self.scroller
    }

    /// Shows these lines in place of what there was.
    pub fn fill(&self, lines: Vec<T>) {
        let lines: Vec<glib::BoxedAnyObject> = lines.into_iter().map(glib::BoxedAnyObject::new).collect();
        self.store.splice(0, self.store.n_items(), &lines);
    }
}

/// The widgets of one row, which show one line after the other.
struct Cell {
    heading: gtk::Label,
    row: gtk::Box,
    title: gtk::Label,
    details: gtk::Label,
    sign: gtk::Image,
    arrow: gtk::Image,
}

impl Cell {
    fn new(wraps: bool) -> (gtk::Box, Self) {
        let cell = Self {
            heading: one_line(&["heading"]),
            row: gtk::Box::builder().spacing(ROOM).build(),
            title: if wraps { wrapping("", &[]) } else { one_line(&[]) },
            details: wrapping("", &["caption", "dim-label"]),
            sign: sign(Tone::Plain),
            arrow: gtk::Image::builder()
                .icon_name("go-next-symbolic")
                .accessible_role(gtk::AccessibleRole::Presentation)
                .build(),
        };
        let texts = gtk::Box::new(gtk::Orientation::Vertical, ROOM / 4);
        texts.append(&cell.title);
        texts.append(&cell.details);
        cell.sign.set_valign(gtk::Align::Center);
        cell.row.append(&cell.sign);
        cell.row.append(&texts);
        cell.row.append(&cell.arrow);
        let both = gtk::Box::builder()
            .orientation(gtk::Orientation::Vertical)
            .margin_top(ROOM / 2)
            .margin_bottom(ROOM / 2)
            .build();
        both.append(&cell.heading);
        both.append(&cell.row);
        (both, cell)
    }

    fn show(&self, shown: &Shown) {
        let is_row = matches!(shown, Shown::Row { .. });
        self.heading.set_visible(!is_row);
        self.row.set_visible(is_row);
        match shown {
            Shown::Heading(text) => self.heading.set_text(text),
            Shown::Row {
                title,
                details,
                tone,
                opens,
            } => {
                self.title.set_text(title);
                self.details.set_text(details);
                set_sign(&self.sign, *tone);
                self.arrow.set_visible(*opens);
            }
        }
    }
}

fn factory<T: 'static>(wraps: bool, show: Rc<dyn Fn(&T) -> Shown>) -> gtk::SignalListItemFactory {
    let factory = gtk::SignalListItemFactory::new();
    let cells: Rc<RefCell<HashMap<gtk::Widget, Rc<Cell>>>> = Rc::default();
    let made = Rc::clone(&cells);
    factory.connect_setup(move |_, item| {
        if let Some(item) = item.downcast_ref::<gtk::ListItem>() {
            let (widget, cell) = Cell::new(wraps);
            item.set_child(Some(&widget));
            made.borrow_mut().insert(widget.upcast(), Rc::new(cell));
        }
    });
    let bound = Rc::clone(&cells);
    factory.connect_bind(move |_, item| {
        let Some(item) = item.downcast_ref::<gtk::ListItem>() else {
            return;
        };
        let line = item.item().and_downcast::<glib::BoxedAnyObject>();
        let widget = item.child();
        let cell = widget.as_ref().and_then(|widget| bound.borrow().get(widget).cloned());
        let (Some(line), Some(widget), Some(cell)) = (line, widget, cell) else {
            return;
        };
        let shown = show(&line.borrow::<T>());
        item.set_activatable(matches!(shown, Shown::Row { opens: true, .. }));
        cell.show(&shown);
        // The row itself is what a screen reader lands on, and it has no name of its own.
        let row = widget.parent();
        let (naming, silent): (&[&gtk::Label], &[&gtk::Label]) = match shown {
            Shown::Heading(_) => (&[&cell.heading], &[&cell.title, &cell.details]),
            Shown::Row { .. } => (&[&cell.title, &cell.details], &[&cell.heading]),
        };
        for label in silent {
            label.set_mnemonic_widget(None::<&gtk::Widget>);
        }
        for label in naming {
            label.set_mnemonic_widget(row.as_ref());
        }
    });
    factory.connect_teardown(move |_, item| {
        let child = item.downcast_ref::<gtk::ListItem>().and_then(gtk::ListItem::child);
        if let Some(widget) = child {
            cells.borrow_mut().remove(&widget);
        }
    });
    factory
}
