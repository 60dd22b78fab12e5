//! The list of what there is to choose from: as many rows as there is room for, however many choices there are.

use std::cell::RefCell;
use std::rc::Rc;

use adw::prelude::*;
use gtk::{gio, glib, pango};

use crate::drawing::{one_line, wrapping};
use crate::logo::Gallery;
use crate::prompt::screen::{Choices, Item};

/// How high the list gets before it scrolls, in pixels of the display's scale.
const HIGHEST: i32 = 240;

/// The most lines that are said of one choice.
const MOST_LINES: i32 = 3;

/// The list with its search.
pub struct ChoiceList {
    column: gtk::Box,
    heading: gtk::Label,
    search: gtk::SearchEntry,
    /// The name of the search, for those who do not see that it is one.
    searched: gtk::Label,
    nothing: gtk::Label,
    scroller: gtk::ScrolledWindow,
    list: gtk::ListView,
    store: gio::ListStore,
    filter: gtk::CustomFilter,
    selection: gtk::SingleSelection,
    drawn: RefCell<Option<Choices>>,
    /// The choice that needs no list, being the only one.
    only: RefCell<Option<String>>,
}

impl ChoiceList {
    /// The list; logos are drawn from the gallery.
    pub fn new(gallery: &Gallery) -> Self {
        let store = gio::ListStore::new::<glib::BoxedAnyObject>();
        let search = gtk::SearchEntry::new();
        let wanted = Rc::new(RefCell::new(String::new()));
        let looked_for = Rc::clone(&wanted);
        let filter = gtk::CustomFilter::new(move |object| {
            object
                .downcast_ref::<glib::BoxedAnyObject>()
                .is_some_and(|boxed| matches(&boxed.borrow::<Item>(), &looked_for.borrow()))
        });
        let found = gtk::FilterListModel::new(Some(store.clone()), Some(filter.clone()));
        // Nothing is chosen by itself: what a search leaves over is not what somebody wants.
        let selection = gtk::SingleSelection::builder().model(&found).autoselect(false).build();
        let list = gtk::ListView::builder()
            .model(&selection)
            .factory(&rows(gallery))
            .css_classes(["boxed-list"])
            .build();
        let scroller = gtk::ScrolledWindow::builder()
            .hscrollbar_policy(gtk::PolicyType::Never)
            .propagate_natural_height(true)
            .max_content_height(HIGHEST)
            .child(&list)
            .css_classes(["card"])
            .build();
        let heading = wrapping(&["heading"]);
        heading.set_mnemonic_widget(Some(&list));
        let searched = gtk::Label::builder().visible(false).mnemonic_widget(&search).build();
        let nothing = wrapping(&["dim-label"]);
        nothing.set_visible(false);
        let column = gtk::Box::new(gtk::Orientation::Vertical, 6);
        column.append(&heading);
        column.append(&searched);
        column.append(&search);
        column.append(&nothing);
        column.append(&scroller);
        let (filtered, empty) = (filter.clone(), nothing.clone());
        search.connect_search_changed(move |search| {
            wanted.replace(search.text().to_lowercase());
            filtered.changed(gtk::FilterChange::Different);
            empty.set_visible(found.n_items() == 0);
        });
        Self {
            column,
            heading,
            search,
            searched,
            nothing,
            scroller,
            list,
            store,
            filter,
            selection,
            drawn: RefCell::default(),
            only: RefCell::default(),
        }
    }

    pub fn widget(&self) -> &gtk::Box {
        &self.column
    }

    /// Draws the choices. Where they are the `same` as before, what was chosen and looked for stays.
    pub fn draw(&self, choices: Option<&Choices>, same: bool) {
        self.column.set_visible(choices.is_some());
        if same && self.drawn.borrow().as_ref() == choices {
            return;
        }
        self.drawn.replace(choices.cloned());
        self.search.set_text("");
        self.store.remove_all();
        let Some(choices) = choices else { return };
        self.heading.set_text(&choices.heading);
        self.search.set_visible(choices.search.is_some());
        if let Some(search) = &choices.search {
            self.search.set_placeholder_text(Some(&search.label));
            self.searched.set_text(&search.label);
            self.nothing.set_text(&search.nothing);
        }
        let items: Vec<glib::BoxedAnyObject> = choices.items.iter().cloned().map(glib::BoxedAnyObject::new).collect();
        self.store.extend_from_slice(&items);
        self.filter.changed(gtk::FilterChange::Different);
        let preselected = choices.preselected.and_then(|index| u32::try_from(index).ok());
        self.selection
            .set_selected(preselected.unwrap_or(gtk::INVALID_LIST_POSITION));
    }

    /// Makes the list as high as its rows at this width, as long as that is not too high.
    pub fn fit(&self, width: i32) {
        let height = self.list.measure(gtk::Orientation::Vertical, width).1;
        self.scroller.set_min_content_height(height.min(HIGHEST));
    }

    /// Names the choice that needs no list.
    pub fn only(&self, item: Option<&Item>) {
        self.only.replace(item.map(|item| item.id.clone()));
    }

    /// The choice that is taken now.
    pub fn chosen(&self) -> Option<String> {
        let selected = self.selection.selected_item().and_downcast::<glib::BoxedAnyObject>();
        let selected = selected.map(|boxed| boxed.borrow::<Item>().id.clone());
        selected.or_else(|| self.only.borrow().clone())
    }

    /// Puts the focus on the list, if there is one.
    pub fn focus(&self) -> bool {
        self.column.is_visible() && self.list.grab_focus()
    }

    /// Enter on a row, or a double click, calls this.
    pub fn when_activated(&self, activated: impl Fn() + 'static) {
        self.list.connect_activate(move |_, _| activated());
    }
}

fn matches(item: &Item, wanted: &str) -> bool {
    wanted.is_empty() || item.title.to_lowercase().contains(wanted) || item.details.to_lowercase().contains(wanted)
}

/// Makes the rows that are in sight, and fills them.
fn rows(gallery: &Gallery) -> gtk::SignalListItemFactory {
    let factory = gtk::SignalListItemFactory::new();
    factory.connect_setup(|_, row| {
        let Some(row) = row.downcast_ref::<gtk::ListItem>() else {
            return;
        };
        let texts = gtk::Box::new(gtk::Orientation::Vertical, 2);
        texts.set_hexpand(true);
        texts.append(&one_line(&[]));
        let details = wrapping(&["caption", "dim-label"]);
        details.set_lines(MOST_LINES);
        details.set_ellipsize(pango::EllipsizeMode::End);
        texts.append(&details);
        let mark = gtk::Image::builder()
            .icon_name("object-select-symbolic")
            .accessible_role(gtk::AccessibleRole::Presentation)
            .build();
        row.bind_property("selected", &mark, "visible").sync_create().build();
        let line = gtk::Box::new(gtk::Orientation::Horizontal, 6);
        line.set_margin_top(6);
        line.set_margin_bottom(6);
        line.set_margin_start(12);
        line.set_margin_end(12);
        let logo = Gallery::place();
        logo.set_valign(gtk::Align::Center);
        line.append(&logo);
        line.append(&texts);
        line.append(&mark);
        row.set_child(Some(&line));
    });
    let gallery = gallery.clone();
    factory.connect_bind(move |_, row| {
        let Some(row) = row.downcast_ref::<gtk::ListItem>() else {
            return;
        };
        let Some(boxed) = row.item().and_downcast::<glib::BoxedAnyObject>() else {
            return;
        };
        let item = boxed.borrow::<Item>();
        let logo = row.child().and_then(|line| line.first_child());
        let texts = logo.as_ref().and_then(WidgetExt::next_sibling);
        if let Some(place) = logo.and_downcast::<gtk::Image>() {
            place.set_visible(item.logos.is_some());
            gallery.draw(item.logos.as_ref(), &place);
        }
        let title = texts
            .as_ref()
            .and_then(WidgetExt::first_child)
            .and_downcast::<gtk::Label>();
        let details = texts
            .as_ref()
            .and_then(WidgetExt::last_child)
            .and_downcast::<gtk::Label>();
        let (Some(title), Some(details)) = (title, details) else {
            return;
        };
        title.set_text(&item.title);
        details.set_text(&item.details);
        details.set_visible(!item.details.is_empty());
        if let Some(whole) = row.child().and_then(|line| line.parent()) {
            let name = format!("{} {}", item.title, item.details);
            whole.set_tooltip_text(Some(&name));
            // What a screen reader calls the row.
            title.set_mnemonic_widget(Some(&whole));
            details.set_mnemonic_widget(Some(&whole));
        }
    });
    factory
}
