//! The window with its pages: draws what the broker told last, calls it when something is pressed, and looks again afterwards.

mod activity;
mod dialogs;
mod export;
mod first_run;
mod frame;
mod list;
mod passkeys;
mod sheet;
mod widgets;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use adw::prelude::*;
use gtk::{gio, glib};

use self::activity::ActivityPage;
use self::dialogs::Dialogs;
use self::first_run::FirstRun;
use self::frame::Frame;
use self::passkeys::PasskeysPage;
use self::sheet::{Sheet, Tell};
use super::browsers;
use super::link::{self, Failure};
use super::model::call::Call;
use super::model::page::{Act, Page, Place};
use super::model::state::Snapshot;
use super::model::{about, first_run as first_steps, providers, shown, verification, ways_in};
use super::packages::Packages;
use super::text::{Speech, Text};

/// The action that shows the page whose name it is given, of the window and of the application.
pub const SHOW: &str = "show";

/// How often the security key is looked at while a page shows it, in seconds.
const KEY_SECONDS: u32 = 2;

/// What makes a page from what is known.
type Maker = fn(&Snapshot, &Speech) -> Page;

/// The pages that are sheets, with what makes each.
const SHEETS: [(Place, Maker); 4] = [
    (Place::Providers, providers::page),
    (Place::Verification, verification::page),
    (Place::WaysIn, ways_in::page),
    (Place::About, about::page),
];

/// The settings window.
pub struct Window;

struct Parts {
    frame: Rc<Frame>,
    passkeys: PasskeysPage,
    activity: ActivityPage,
    sheets: Vec<Sheet>,
    /// The first steps, while they are shown.
    first_run: RefCell<Option<FirstRun>>,
    dialogs: Dialogs,
    speech: Rc<Speech>,
    packages: Arc<Packages>,
    now: RefCell<Option<Rc<Snapshot>>>,
    /// The call that waits for the person.
    waiting: RefCell<Option<glib::JoinHandle<()>>>,
    loading: Cell<bool>,
}

impl Window {
    /// Opens the window with this page in front; it lives until it is closed.
    pub fn open(application: &adw::Application, speech: Rc<Speech>, place: Place) {
        let frame = Frame::new(application, &speech);
        let parts = Rc::new_cyclic(|parts| Parts::new(parts, frame, speech));
        for place in Place::ALL {
            parts.frame.pages.add_named(&parts.page(place), Some(place.name()));
        }
        parts.listen();
        parts.listen_for_search();
        parts.listen_for_pages();
        parts.watch_the_key();
        parts.frame.show(place);
        parts.look();
        parts.frame.window.present();
        let held = RefCell::new(Some(Rc::clone(&parts)));
        parts.frame.window.connect_destroy(move |_| drop(held.take()));
    }
}

impl Parts {
    fn new(this: &Weak<Self>, frame: Rc<Frame>, speech: Rc<Speech>) -> Self {
        let parts = this.clone();
        let tell: Tell = Rc::new(move |act| parts.upgrade().iter().for_each(|parts| parts.act(&act)));
        let (opening, exporting) = (this.clone(), this.clone());
        Self {
            passkeys: PasskeysPage::new(Rc::clone(&speech), move |passkey| {
                opening
                    .upgrade()
                    .iter()
                    .for_each(|parts| parts.dialogs.details(passkey));
            }),
            activity: ActivityPage::new(Rc::clone(&speech), move || {
                exporting.upgrade().iter().for_each(export::save);
            }),
            sheets: SHEETS.iter().map(|_| Sheet::new(Rc::clone(&tell))).collect(),
            first_run: RefCell::default(),
            dialogs: Dialogs {
                parent: frame.window.clone(),
                speech: Rc::clone(&speech),
                tell,
            },
            frame,
            speech,
            packages: Arc::new(Packages::of_system()),
            now: RefCell::default(),
            waiting: RefCell::default(),
            loading: Cell::default(),
        }
    }

    fn page(&self, place: Place) -> gtk::Widget {
        let sheet = SHEETS.iter().zip(&self.sheets).find(|((of, _), _)| *of == place);
        match (place, sheet) {
            (_, Some((_, sheet))) => sheet.widget().clone().upcast(),
            (Place::Activity, None) => self.activity.widget().clone().upcast(),
            (_, None) => self.passkeys.widget().clone().upcast(),
        }
    }

    fn listen(self: &Rc<Self>) {
        let with = |act: fn(&Rc<Self>)| {
            let parts = Rc::downgrade(self);
            move || parts.upgrade().iter().for_each(act)
        };
        for button in [&self.frame.reload, &self.frame.again] {
            let look = with(Self::look);
            button.connect_clicked(move |_| look());
        }
        let leave = with(Self::leave);
        self.frame.stop.connect_clicked(move |_| leave());
        // A logo has to suit its surroundings.
        let redraw = with(|parts| parts.redraw());
        adw::StyleManager::default().connect_dark_notify(move |_| redraw());
        // Much may have happened while another window was in front.
        let look = with(Self::look);
        self.frame.window.connect_is_active_notify(move |window| {
            if window.is_active() {
                look();
            }
        });
    }

    /// Ctrl and F search in what has a search.
    fn listen_for_search(self: &Rc<Self>) {
        let parts = Rc::downgrade(self);
        let search = gtk::CallbackAction::new(move |_, _| {
            let Some(parts) = parts.upgrade() else {
                return glib::Propagation::Proceed;
            };
            match parts.frame.shown() {
                Some(Place::Passkeys) => parts.passkeys.search(),
                Some(Place::Activity) => parts.activity.search(),
                _ => return glib::Propagation::Proceed,
            }
            glib::Propagation::Stop
        });
        let keys = gtk::KeyvalTrigger::new(gtk::gdk::Key::f, gtk::gdk::ModifierType::CONTROL_MASK);
        let shortcuts = gtk::ShortcutController::new();
        shortcuts.set_scope(gtk::ShortcutScope::Global);
        shortcuts.add_shortcut(gtk::Shortcut::new(Some(keys), Some(search)));
        self.frame.window.add_controller(shortcuts);
    }

    /// Shows the page that another start of the program names.
    fn listen_for_pages(&self) {
        let frame = Rc::downgrade(&self.frame);
        let show = gio::SimpleAction::new(SHOW, Some(&String::static_variant_type()));
        show.connect_activate(move |_, name| {
            let place = name
                .and_then(glib::Variant::get::<String>)
                .and_then(|name| Place::named(&name));
            if let (Some(frame), Some(place)) = (frame.upgrade(), place) {
                frame.show(place);
            }
        });
        self.frame.window.add_action(&show);
    }

    /// The security key comes and goes by itself: while a page shows it, it is looked at every now and then.
    fn watch_the_key(self: &Rc<Self>) {
        let parts = Rc::downgrade(self);
        glib::timeout_add_seconds_local(KEY_SECONDS, move || {
            let Some(parts) = parts.upgrade() else {
                return glib::ControlFlow::Break;
            };
            let shows = parts.frame.shown() == Some(Place::WaysIn) || parts.first_run.borrow().is_some();
            if shows && parts.frame.window.is_visible() {
                glib::spawn_future_local(async move {
                    let key = link::security_key().await.ok();
                    let differs = parts
                        .now
                        .borrow()
                        .as_ref()
                        .is_some_and(|now| key.is_some_and(|key| now.key != key));
                    if differs {
                        parts.look();
                    }
                });
            }
            glib::ControlFlow::Continue
        });
    }

    /// Asks the broker how everything is.
    fn look(self: &Rc<Self>) {
        if self.loading.replace(true) {
            return;
        }
        let parts = Rc::clone(self);
        let packages = Arc::clone(&self.packages);
        glib::spawn_future_local(async move {
            let answer = link::load(packages).await;
            parts.loading.set(false);
            match answer {
                Ok(now) => parts.draw(now),
                Err(Failure::Refused(why)) => parts.frame.unreachable(&shown::sentence(&why)),
                Err(Failure::Unreachable(why)) => {
                    parts.frame.unreachable(&parts.speech.say(&Text::UnreachableMore {}));
                    glib::g_warning!("claviger-settings", "{why}");
                }
            }
        });
    }

    fn draw(self: &Rc<Self>, now: Snapshot) {
        let begins = self.now.borrow().is_none();
        let now = Rc::new(now);
        if self.now.borrow().as_ref() != Some(&now) {
            for ((_, page), sheet) in SHEETS.iter().zip(&self.sheets) {
                sheet.draw(&page(&now, &self.speech));
            }
            self.passkeys.draw(now.passkeys.clone());
            self.activity.draw(Rc::clone(&now));
            if let Some(first_run) = self.first_run.borrow().as_ref() {
                first_run.draw(&now);
            }
            self.now.replace(Some(Rc::clone(&now)));
        }
        self.frame.answered();
        if begins && first_steps::is_due(&now) {
            self.first_steps();
        }
    }

    fn act(self: &Rc<Self>, act: &Act) {
        match act.clone() {
            Act::Do(call) => self.call(call),
            Act::AddRule => {
                let now = self.now.borrow();
                self.dialogs
                    .add_rule(now.as_ref().map_or(&[], |now| now.status.providers.as_slice()));
            }
            Act::Rename { provider, id, name } => self.dialogs.rename(provider, id, &name),
            Act::Delete {
                provider,
                id,
                account,
                site,
            } => self.dialogs.delete(provider, id, account, site),
            Act::SetUp(what) => {
                let said = match browsers::set_up(&what) {
                    Ok(()) => Text::BrowserSetUp {},
                    Err(error) => Text::BrowserNotSetUp {
                        file: shown::path(&what.manifest),
                        problem: shown::sentence(error.message()),
                    },
                };
                self.frame.notice(&self.speech.say(&said));
                self.look();
            }
            Act::Copy(path) => {
                self.frame.window.clipboard().set_text(&path);
                self.frame.notice(&self.speech.say(&Text::Copied {}));
            }
            Act::Show(place) => self.frame.show(place),
            Act::FirstRun => self.first_steps(),
        }
    }

    /// Has the broker do something, and tells how it went. One question to the person at a time.
    fn call(self: &Rc<Self>, call: Call) {
        let asks = call.asks();
        if asks && self.waiting.borrow().is_some() {
            self.redraw();
            return self.frame.notice(&self.speech.say(&Text::Waiting {}));
        }
        let parts = Rc::clone(self);
        let task = glib::spawn_future_local(async move {
            let done = call.done();
            let answer = link::call(call).await;
            if asks {
                parts.waiting.take();
                parts.frame.wait(false);
            }
            match answer {
                Ok(()) => parts.frame.notice(&parts.speech.say(&done)),
                Err(Failure::Refused(why)) => parts.frame.notice(&shown::sentence(&why)),
                Err(Failure::Unreachable(_)) => parts.frame.notice(&parts.speech.say(&Text::Unreachable {})),
            }
            parts.redraw();
            parts.look();
        });
        if asks {
            self.waiting.replace(Some(task));
            self.frame.wait(true);
        }
    }

    /// Waits no longer for the person. The broker sees that nobody does, and takes its question away.
    fn leave(self: &Rc<Self>) {
        if let Some(task) = self.waiting.take() {
            task.abort();
        }
        self.frame.wait(false);
        self.redraw();
        self.look();
    }

    /// Shows the first steps, in a window that is made anew each time.
    fn first_steps(self: &Rc<Self>) {
        let steps = FirstRun::new(&self.frame.window, Rc::clone(&self.speech), &self.dialogs.tell);
        if let Some(now) = self.now.borrow().as_ref() {
            steps.draw(now);
        }
        let parts = Rc::downgrade(self);
        steps.when_closed(move || parts.upgrade().iter().for_each(|parts| drop(parts.first_run.take())));
        steps.present();
        self.first_run.replace(Some(steps));
    }

    /// Puts every switch back to where it stands.
    fn redraw(&self) {
        self.sheets.iter().for_each(Sheet::redraw);
        self.first_run.borrow().iter().for_each(FirstRun::redraw);
    }
}
