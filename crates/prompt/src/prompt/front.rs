//! In front: the window belongs to the one that its question is about, stands above it and has the focus.
//!
//! Where a door names the window that is asked from, it is that one. Most name none, nor a token for activation. X11 lets a program find them by itself: the active window, or else the
//! uppermost one of the program that asks, tells its process ([`x11`]). Where windows do not know of each other, as on
//! Wayland, what does not get the focus within [`PATIENCE`] is announced by a notification, and pressing that brings the token.

mod token;
mod x11;

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use adw::prelude::*;
use claviger_prompt_api::message::Message;
use gdk4_x11::X11Surface;
use gtk::{gio, glib};

use self::token::Tokens;
use self::x11::Display;
use crate::words::Words;

/// How long the window may be without the focus before a notification stands for it.
const PATIENCE: Duration = Duration::from_millis(200);

/// The notification's name; a newer one takes the place of an older.
const NOTIFICATION: &str = "question";

/// The action that brings the window up.
const SHOW: &str = "show";

/// What is known of the window that a question is asked from.
#[derive(Debug, Default)]
pub struct AskersWindow {
    /// The program whose window it is.
    pub program: Option<PathBuf>,
    /// Its process, whose executable a confined one cannot look at.
    pub pid: Option<u32>,
    /// Its handle, as the portals spell it.
    pub handle: Option<String>,
}

/// Brings the one window to the front.
pub struct Front {
    application: adw::Application,
    window: adw::ApplicationWindow,
    words: Rc<Words>,
    tokens: Rc<Tokens>,
    /// The display, where it is X11; connected to when it is first needed.
    display: RefCell<Option<Display>>,
}

impl Front {
    /// For the application's window.
    pub fn new(application: &adw::Application, window: &adw::ApplicationWindow, words: Rc<Words>) -> Self {
        let show = gio::SimpleAction::new(SHOW, None);
        let tokens = Rc::<Tokens>::default();
        let (raised, given) = (window.downgrade(), Rc::clone(&tokens));
        let activated = application.downgrade();
        show.connect_activate(move |_, _| {
            let activated = activated
                .upgrade()
                .is_some_and(|application| given.activate(&application));
            if let Some(window) = raised.upgrade().filter(|_| !activated) {
                window.present();
            }
        });
        application.add_action(&show);
        let told = application.clone();
        window.connect_is_active_notify(move |window| {
            if window.is_active() {
                told.withdraw_notification(NOTIFICATION);
            }
        });
        Self {
            application: application.clone(),
            window: window.clone(),
            words,
            tokens,
            display: RefCell::default(),
        }
    }

    /// Brings the window up for a question with this title asked from that window.
    pub fn bring(&self, title: &str, asker: &AskersWindow) {
        WidgetExt::realize(&self.window);
        self.belong(asker);
        self.window.present();
        self.activate();
        if let Some(bus) = self.application.dbus_connection() {
            self.tokens.listen(&bus);
        }
        let (window, application) = (self.window.downgrade(), self.application.clone());
        let (title, body) = (title.to_owned(), self.words.say(&Message::AnswerWaits {}));
        glib::timeout_add_local_once(PATIENCE, move || {
            let hidden = window
                .upgrade()
                .is_some_and(|window| window.is_visible() && !window.is_active());
            if hidden {
                let notification = gio::Notification::new(&title);
                notification.set_body(Some(&body));
                notification.set_priority(gio::NotificationPriority::Urgent);
                notification.set_default_action(&format!("app.{SHOW}"));
                application.send_notification(Some(NOTIFICATION), &notification);
            }
        });
    }

    /// Takes back what stands for the window.
    pub fn withdraw(&self) {
        self.application.withdraw_notification(NOTIFICATION);
    }

    /// Makes the window one of the window that the question is about, before it is on screen.
    fn belong(&self, asker: &AskersWindow) {
        let Some(own) = self.own() else { return };
        let mut display = self.display.borrow_mut();
        if display.is_none() {
            *display = Display::connect().ok();
        }
        // Without the display's help the window manager decides where the window goes.
        let _ = display.as_ref().map(|display| display.belong(own, asker));
    }

    /// Asks for the focus as a person would by the task list: whoever asks the question cannot prove that somebody clicked.
    fn activate(&self) {
        let Some(own) = self.own() else { return };
        WidgetExt::display(&self.window).sync();
        let _ = self.display.borrow().as_ref().map(|display| display.activate(own));
    }

    /// The window on X11.
    fn own(&self) -> Option<u32> {
        let surface = self.window.surface().and_downcast::<X11Surface>()?;
        u32::try_from(surface.xid()).ok()
    }
}
