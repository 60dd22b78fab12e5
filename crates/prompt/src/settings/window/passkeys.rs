//! The page of passkeys: search, order, groups, and the list.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use adw::prelude::*;
use claviger_prompt_api::manage::Passkey;

use super::list::{List, Shown};
use super::widgets::{bar, listed, name, search, side_by_side, wrapping_check};
use crate::settings::model::page::Tone;
use crate::settings::model::passkeys::{Line, Order, Passkeys, summary};
use crate::settings::text::{Speech, Text};

/// The page.
pub struct PasskeysPage(Rc<Parts>);

struct Parts {
    page: gtk::Box,
    bar: gtk::Box,
    search: gtk::SearchEntry,
    order: gtk::DropDown,
    grouped: gtk::CheckButton,
    stack: gtk::Stack,
    empty: adw::StatusPage,
    list: List<Line>,
    shown: Rc<Showing>,
    speech: Rc<Speech>,
}

/// What the rows are made from.
#[derive(Default)]
struct Showing {
    passkeys: RefCell<Passkeys>,
    grouped: Cell<bool>,
}

impl PasskeysPage {
    /// A page with nothing in it yet; `open` is told of the passkey that is pressed.
    pub fn new(speech: Rc<Speech>, open: impl Fn(&Passkey) + 'static) -> Self {
        let shown: Rc<Showing> = Rc::default();
        let (seen, words) = (Rc::clone(&shown), Rc::clone(&speech));
        let opened = Rc::clone(&shown);
        let list = List::new(
            false,
            move |line| row(line, &seen, &words),
            move |line| {
                let passkeys = opened.passkeys.borrow();
                if let Line::Passkey(place) = line
                    && let Some(passkey) = passkeys.at(*place)
                {
                    open(passkey);
                }
            },
        );
        let names: Vec<String> = Order::ALL.iter().map(|order| speech.say(&order.text())).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (bar, stack) = (bar(), gtk::Stack::new());
        let search = search(&speech.say(&Text::SearchPasskeys {}), &bar);
        let parts = Rc::new(Parts {
            page: listed(&bar, &stack),
            search,
            order: gtk::DropDown::from_strings(&names),
            grouped: wrapping_check(&speech.say(&Text::GroupBySite {})),
            stack,
            bar,
            empty: adw::StatusPage::builder().icon_name("dialog-password-symbolic").build(),
            list,
            shown,
            speech,
        });
        parts.lay_out();
        parts.listen();
        Self(parts)
    }

    /// Puts the focus where a search is typed.
    pub fn search(&self) {
        self.0.search.grab_focus();
    }

    /// The widget.
    pub fn widget(&self) -> &gtk::Box {
        &self.0.page
    }

    /// Shows these passkeys; search and order stay.
    pub fn draw(&self, passkeys: Vec<Passkey>) {
        self.0.shown.passkeys.replace(Passkeys::new(passkeys));
        self.0.fill();
    }
}

impl Parts {
    fn lay_out(&self) {
        let second = side_by_side(&[self.order.upcast_ref(), self.grouped.upcast_ref()]);
        let bar = &self.bar;
        name(&self.order, &self.speech.say(&Text::SortBy {}), bar);
        self.list.name(&self.speech.say(&Text::PagePasskeys {}), bar);
        bar.append(&self.search);
        bar.append(&second);
        self.stack.add_child(self.list.widget());
        self.stack.add_child(&self.empty);
    }

    fn listen(self: &Rc<Self>) {
        let again = |parts: &Rc<Self>| {
            let parts = Rc::downgrade(parts);
            move || parts.upgrade().iter().for_each(|parts| parts.fill())
        };
        let changed = again(self);
        self.search.connect_search_changed(move |_| changed());
        let changed = again(self);
        self.order.connect_selected_notify(move |_| changed());
        let changed = again(self);
        self.grouped.connect_toggled(move |_| changed());
    }

    fn fill(&self) {
        let order = usize::try_from(self.order.selected())
            .ok()
            .and_then(|nth| Order::ALL.get(nth).copied());
        let grouped = self.grouped.is_active();
        self.shown.grouped.set(grouped);
        let lines = self
            .shown
            .passkeys
            .borrow()
            .lines(&self.search.text(), order.unwrap_or_default(), grouped);
        let nothing = lines.is_empty();
        self.list.fill(lines);
        if !nothing {
            return self.stack.set_visible_child(self.list.widget());
        }
        let (title, more) = if self.shown.passkeys.borrow().is_empty() {
            (Text::NoPasskeys {}, Some(Text::NoPasskeysMore {}))
        } else {
            (Text::NoMatch {}, None)
        };
        self.empty.set_title(&self.speech.say(&title));
        self.empty
            .set_description(more.map(|more| self.speech.say(&more)).as_deref());
        self.stack.set_visible_child(&self.empty);
    }
}

fn row(line: &Line, shown: &Showing, speech: &Speech) -> Shown {
    let passkeys = shown.passkeys.borrow();
    let place = match line {
        Line::Heading(site) => return Shown::Heading(site.clone()),
        Line::Passkey(place) => *place,
    };
    // A row whose passkey has gone is drawn no more.
    let Some(passkey) = passkeys.at(place) else {
        return Shown::Heading(String::new());
    };
    let summary = summary(passkey, shown.grouped.get(), speech);
    Shown::Row {
        title: summary.account,
        details: summary.details,
        tone: if summary.unconfirmed {
            Tone::Warning
        } else {
            Tone::Plain
        },
        opens: true,
    }
}
