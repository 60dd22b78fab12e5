//! The page of what happened: search, filter, whether the record is intact, the list, and its export.

use std::cell::RefCell;
use std::rc::Rc;

use adw::prelude::*;

use super::list::{List, Shown};
use super::widgets::{bar, listed, name, search, set_sign, side_by_side, sign, wrapping, wrapping_button};
use crate::drawing::ROOM;
use crate::settings::model::activity::{Filter, Line, intact, lines};
use crate::settings::model::page::Tone;
use crate::settings::model::state::Snapshot;
use crate::settings::text::{Speech, Text};

/// The page.
pub struct ActivityPage(Rc<Parts>);

struct Parts {
    page: gtk::Box,
    bar: gtk::Box,
    search: gtk::SearchEntry,
    filter: gtk::DropDown,
    export: gtk::Button,
    sign: gtk::Image,
    intact: gtk::Label,
    stack: gtk::Stack,
    empty: adw::StatusPage,
    list: List<Line>,
    shown: RefCell<Option<Rc<Snapshot>>>,
    speech: Rc<Speech>,
}

impl ActivityPage {
    /// A page with nothing in it yet; `export` is told when the record is to be saved.
    pub fn new(speech: Rc<Speech>, export: impl Fn() + 'static) -> Self {
        let names: Vec<String> = Filter::ALL.iter().map(|filter| speech.say(&filter.text())).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let list = List::new(true, row, |_| {});
        let (bar, stack) = (bar(), gtk::Stack::new());
        let search = search(&speech.say(&Text::SearchActivity {}), &bar);
        let parts = Rc::new(Parts {
            page: listed(&bar, &stack),
            search,
            filter: gtk::DropDown::from_strings(&names),
            export: wrapping_button(&speech.say(&Text::Export {})),
            sign: sign(Tone::Plain),
            intact: wrapping("", &["caption", "dim-label"]),
            stack,
            bar,
            empty: adw::StatusPage::builder()
                .icon_name("document-open-recent-symbolic")
                .build(),
            list,
            shown: RefCell::default(),
            speech,
        });
        parts.lay_out();
        parts.export.connect_clicked(move |_| export());
        let changed = Rc::downgrade(&parts);
        parts
            .search
            .connect_search_changed(move |_| changed.upgrade().iter().for_each(|parts| parts.fill()));
        let changed = Rc::downgrade(&parts);
        parts
            .filter
            .connect_selected_notify(move |_| changed.upgrade().iter().for_each(|parts| parts.fill()));
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

    /// Shows what happened; search and filter stay.
    pub fn draw(&self, now: Rc<Snapshot>) {
        let (sentence, tone) = intact(&now.audit, &self.0.speech);
        self.0.intact.set_text(&sentence);
        set_sign(&self.0.sign, tone);
        self.0.shown.replace(Some(now));
        self.0.fill();
    }
}

impl Parts {
    fn lay_out(&self) {
        let second = side_by_side(&[self.filter.upcast_ref(), self.export.upcast_ref()]);
        let third = gtk::Box::new(gtk::Orientation::Horizontal, ROOM / 2);
        third.append(&self.sign);
        third.append(&self.intact);
        let bar = &self.bar;
        name(&self.filter, &self.speech.say(&Text::Show {}), bar);
        self.list.name(&self.speech.say(&Text::PageActivity {}), bar);
        bar.append(&self.search);
        bar.append(&second);
        bar.append(&third);
        self.stack.add_child(self.list.widget());
        self.stack.add_child(&self.empty);
    }

    fn fill(&self) {
        let shown = self.shown.borrow();
        let Some(now) = shown.as_ref() else { return };
        let filter = usize::try_from(self.filter.selected())
            .ok()
            .and_then(|nth| Filter::ALL.get(nth).copied());
        let lines = lines(now, filter.unwrap_or_default(), &self.search.text(), &self.speech);
        let nothing = lines.is_empty();
        self.list.fill(lines);
        if nothing {
            let title = if now.audit.entries.is_empty() {
                Text::NoActivity {}
            } else {
                Text::NoMatch {}
            };
            self.empty.set_title(&self.speech.say(&title));
            self.stack.set_visible_child(&self.empty);
        } else {
            self.stack.set_visible_child(self.list.widget());
        }
    }
}

fn row(line: &Line) -> Shown {
    Shown::Row {
        title: line.sentence.clone(),
        details: line.details.clone(),
        tone: line.tone,
        opens: false,
    }
}
