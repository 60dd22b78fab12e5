//! What a compositor wants to see before it brings a window up: a token of the gesture by which a person wished it.
//!
//! The notification server has one for the press of a notification and sends it just before it tells of the press (Desktop
//! Notifications 1.2, `ActivationToken`). `GLib` passes it on from 2.75 on only, so it is listened to here.

use std::cell::RefCell;
use std::rc::Rc;

use gtk::gio::prelude::*;
use gtk::{gio, glib};

/// The interface, which no other name on the bus has a use for.
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";

/// The longest token that is taken, in bytes.
const MAX_TOKEN: usize = 256;

/// The token of the press that has not been told yet.
#[derive(Default)]
pub struct Tokens {
    heard: RefCell<Option<gio::SignalSubscription>>,
    latest: RefCell<Option<String>>,
}

impl Tokens {
    /// Listens on this bus from now on.
    pub fn listen(self: &Rc<Self>, bus: &gio::DBusConnection) {
        if self.heard.borrow().is_some() {
            return;
        }
        let tokens = Rc::downgrade(self);
        let heard = bus.subscribe_to_signal(
            Some(NOTIFICATIONS),
            Some(NOTIFICATIONS),
            Some("ActivationToken"),
            None,
            None,
            gio::DBusSignalFlags::NONE,
            move |signal| {
                let token = signal.parameters.get::<(u32, String)>().map(|(_, token)| token);
                let token = token.filter(|token| !token.is_empty() && token.len() <= MAX_TOKEN);
                if let Some(tokens) = tokens.upgrade() {
                    tokens.latest.replace(token);
                }
            },
        );
        self.heard.replace(Some(heard));
    }

    /// Activates the application, which brings its window up, with the token of the press: GTK hands a compositor the token that comes with
    /// an activation and no other. `false` without a token, or without a bus to send it by.
    pub fn activate(&self, application: &adw::Application) -> bool {
        let Some(token) = self.latest.take() else {
            return false;
        };
        let way = application.dbus_connection().zip(application.dbus_object_path());
        let own = way.and_then(|(bus, path)| Some((bus.unique_name()?, bus, path)));
        let Some((own, bus, path)) = own else { return false };
        let platform_data = glib::VariantDict::new(None);
        for name in ["activation-token", "desktop-startup-id"] {
            platform_data.insert(name, &token);
        }
        let arguments = glib::Variant::tuple_from_iter([platform_data.end()]);
        bus.call(
            Some(&own),
            &path,
            "org.freedesktop.Application",
            "Activate",
            Some(&arguments),
            None,
            gio::DBusCallFlags::NONE,
            -1,
            gio::Cancellable::NONE,
            // It is this process that answers.
            |_| {},
        );
        true
    }
}
