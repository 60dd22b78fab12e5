//! The window around the pages: their names at the side, a header, the bar that says what is waited for, and short notices.

use std::cell::RefCell;
use std::rc::Rc;

use adw::prelude::*;
use gtk::glib;

use super::widgets::{icon_button, name, wrapping_button};
use crate::drawing::ROOM;
use crate::settings::model::page::Place;
use crate::settings::text::{Speech, Text};

/// The window's size when there is room, in pixels of the display's scale.
const SIZE: (i32, i32) = (860, 640);

/// The smallest that it is used at, likewise.
const SMALLEST: (i32, i32) = (360, 400);

/// The widgets of the window itself.
pub struct Frame {
    /// The window.
    pub window: adw::ApplicationWindow,
    /// Where the pages go, by their names.
    pub pages: gtk::Stack,
    /// Looks again.
    pub reload: gtk::Button,
    /// Tries again when nobody answered.
    pub again: gtk::Button,
    /// Stops waiting.
    pub stop: gtk::Button,
    leaflet: adw::Leaflet,
    names: gtk::ListBox,
    title: gtk::Label,
    waiting: gtk::Revealer,
    toasts: adw::ToastOverlay,
    toast: RefCell<Option<adw::Toast>>,
    nobody: adw::StatusPage,
    whole: gtk::Stack,
}

impl Frame {
    /// The window with no page in it yet.
    pub fn new(application: &adw::Application, speech: &Speech) -> Rc<Self> {
        let say = |text: Text| speech.say(&text);
        let frame = Rc::new(Self {
            window: adw::ApplicationWindow::builder()
                .application(application)
                .title(say(Text::Title {}))
                .icon_name(crate::settings::app::ID)
                .default_width(SIZE.0)
                .default_height(SIZE.1)
                .width_request(SMALLEST.0)
                .height_request(SMALLEST.1)
                .build(),
            pages: gtk::Stack::new(),
            reload: icon_button("view-refresh-symbolic", &say(Text::Reload {})),
            again: gtk::Button::builder()
                .label(say(Text::TryAgain {}))
                .halign(gtk::Align::Center)
                .css_classes(["pill", "suggested-action"])
                .build(),
            stop: wrapping_button(&say(Text::StopWaiting {})),
            leaflet: adw::Leaflet::builder().can_navigate_back(true).build(),
            names: gtk::ListBox::builder()
                .css_classes(["navigation-sidebar"])
                .vexpand(true)
                .build(),
            title: gtk::Label::builder()
                .css_classes(["title"])
                .ellipsize(gtk::pango::EllipsizeMode::End)
                .build(),
            waiting: gtk::Revealer::new(),
            toasts: adw::ToastOverlay::new(),
            toast: RefCell::default(),
            nobody: adw::StatusPage::builder()
                .icon_name("network-offline-symbolic")
                .title(say(Text::Unreachable {}))
                .build(),
            whole: gtk::Stack::new(),
        });
        frame.lay_out(speech);
        frame.listen();
        frame
    }

    /// Shows a page. In a narrow window it takes the whole of it, unless it is only the one to begin with.
    pub fn show(&self, place: Place) {
        let row = Place::ALL
            .iter()
            .position(|one| *one == place)
            .and_then(|nth| i32::try_from(nth).ok());
        self.names
            .select_row(row.and_then(|nth| self.names.row_at_index(nth)).as_ref());
        self.leaflet.navigate(adw::NavigationDirection::Forward);
    }

    /// The page that is shown.
    pub fn shown(&self) -> Option<Place> {
        Place::named(&self.pages.visible_child_name()?)
    }

    /// Shows the pages, now that there is something to show.
    pub fn answered(&self) {
        self.whole.set_visible_child_name("pages");
    }

    /// Says that nobody answers, and what to do or why.
    pub fn unreachable(&self, more: &str) {
        self.nobody.set_description(Some(&glib::markup_escape_text(more)));
        self.whole.set_visible_child_name("unreachable");
    }

    /// Says that the person's answer is waited for, or no more.
    pub fn wait(&self, waits: bool) {
        self.waiting.set_reveal_child(waits);
        self.waiting.set_visible(waits);
    }

    /// A short notice, which is not read as markup. It takes the place of the one before, which else would have to be over first.
    pub fn notice(&self, text: &str) {
        let toast = adw::Toast::new(&glib::markup_escape_text(text));
        toast.set_timeout(8);
        if let Some(before) = self.toast.replace(Some(toast.clone())) {
            before.dismiss();
        }
        self.toasts.add_toast(toast);
    }

    fn lay_out(&self, speech: &Speech) {
        let say = |text: Text| speech.say(&text);
        for place in Place::ALL {
            let label = gtk::Label::builder()
                .label(say(heading(place)))
                .xalign(0.0)
                .margin_top(ROOM / 2)
                .margin_bottom(ROOM / 2)
                .build();
            let row = gtk::ListBoxRow::builder().child(&label).build();
            label.set_mnemonic_widget(Some(&row));
            self.names.append(&row);
        }
        let side = gtk::Box::builder()
            .orientation(gtk::Orientation::Vertical)
            .width_request(200)
            .build();
        let side_header = adw::HeaderBar::builder()
            .show_end_title_buttons(false)
            .title_widget(
                &gtk::Label::builder()
                    .label(say(Text::Title {}))
                    .css_classes(["title"])
                    .build(),
            )
            .build();
        side.append(&side_header);
        side.append(&self.names);
        name(&self.names, &say(Text::Title {}), &side);

        let main = gtk::Box::builder()
            .orientation(gtk::Orientation::Vertical)
            .hexpand(true)
            .build();
        let back = icon_button("go-previous-symbolic", &say(Text::Back {}));
        let header = adw::HeaderBar::builder().title_widget(&self.title).build();
        header.pack_start(&back);
        header.pack_end(&self.reload);
        main.append(&header);
        main.append(&self.waiting);
        main.append(&self.toasts);
        self.waiting.set_child(Some(&self.wait_bar(speech)));
        self.wait(false);

        self.lay_out_whole(speech);
        self.toasts.set_child(Some(&self.whole));
        self.leaflet.append(&side);
        self.leaflet
            .append(&gtk::Separator::new(gtk::Orientation::Vertical))
            .set_navigatable(false);
        self.leaflet.append(&main);
        self.leaflet.set_visible_child(&main);
        self.leaflet
            .bind_property("folded", &back, "visible")
            .sync_create()
            .build();
        self.leaflet
            .bind_property("folded", &side_header, "show-end-title-buttons")
            .sync_create()
            .build();
        let (leaflet, names) = (self.leaflet.downgrade(), self.names.downgrade());
        back.connect_clicked(move |_| {
            if let (Some(leaflet), Some(names)) = (leaflet.upgrade(), names.upgrade()) {
                leaflet.navigate(adw::NavigationDirection::Back);
                // Else the keyboard stays with a page that is not to be seen.
                names.selected_row().iter().for_each(|row| {
                    row.grab_focus();
                });
            }
        });
        self.window.set_content(Some(&self.leaflet));
    }

    /// What there is before an answer, in place of one, and behind it.
    fn lay_out_whole(&self, speech: &Speech) {
        let say = |text: Text| speech.say(&text);
        let loading = adw::StatusPage::builder().title(say(Text::Loading {})).build();
        self.nobody.set_child(Some(&self.again));
        self.whole.set_vexpand(true);
        self.whole.add_named(&loading, Some("loading"));
        self.whole.add_named(&self.nobody, Some("unreachable"));
        self.whole.add_named(&self.pages, Some("pages"));
    }

    fn wait_bar(&self, speech: &Speech) -> gtk::Box {
        let bar = gtk::Box::builder()
            .spacing(ROOM)
            .margin_start(ROOM)
            .margin_end(ROOM)
            .margin_top(ROOM / 2)
            .margin_bottom(ROOM / 2)
            .build();
        bar.append(
            &gtk::Spinner::builder()
                .spinning(true)
                .accessible_role(gtk::AccessibleRole::Presentation)
                .build(),
        );
        let text = gtk::Label::builder()
            .label(speech.say(&Text::Waiting {}))
            .wrap(true)
            .xalign(0.0)
            .hexpand(true)
            .accessible_role(gtk::AccessibleRole::Alert)
            .build();
        bar.append(&text);
        self.stop.set_valign(gtk::Align::Center);
        bar.append(&self.stop);
        bar
    }

    /// The names at the side choose the page.
    fn listen(self: &Rc<Self>) {
        let frame = Rc::downgrade(self);
        self.names.connect_row_selected(move |_, row| {
            let place = row
                .and_then(|row| usize::try_from(row.index()).ok())
                .and_then(|nth| Place::ALL.get(nth));
            if let (Some(frame), Some(place)) = (frame.upgrade(), place) {
                frame.pages.set_visible_child_name(place.name());
                let label = row
                    .and_then(gtk::prelude::ListBoxRowExt::child)
                    .and_downcast::<gtk::Label>();
                frame
                    .title
                    .set_text(&label.map(|label| label.text()).unwrap_or_default());
            }
        });
        let leaflet = self.leaflet.downgrade();
        self.names.connect_row_activated(move |_, _| {
            leaflet.upgrade().iter().for_each(|leaflet| {
                leaflet.navigate(adw::NavigationDirection::Forward);
            });
        });
    }
}

/// A page's name.
fn heading(place: Place) -> Text {
    match place {
        Place::Passkeys => Text::PagePasskeys {},
        Place::Providers => Text::PageProviders {},
        Place::Verification => Text::PageVerification {},
        Place::WaysIn => Text::PageWaysIn {},
        Place::Activity => Text::PageActivity {},
        Place::About => Text::PageAbout {},
    }
}
