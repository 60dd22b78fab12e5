//! The application: one window, which a second start brings to the front, with the page that it names.

use std::process::ExitCode;
use std::rc::Rc;

use adw::prelude::*;
use gtk::gio;
use gtk::glib::Variant;

use super::model::page::Place;
use super::text::Speech;
use super::window::{SHOW, Window};

/// The application's id, which its desktop file is named by.
pub const ID: &str = "org.claviger.Settings";

/// Shows the window until it is closed; `place` is the page to show.
pub fn run(place: Option<Place>) -> ExitCode {
    let application = adw::Application::builder().application_id(ID).build();
    let show = gio::SimpleAction::new(SHOW, Some(&String::static_variant_type()));
    let shown = application.downgrade();
    show.connect_activate(move |_, name| {
        let name = name.and_then(Variant::get::<String>).unwrap_or_default();
        if let (Some(application), Some(place)) = (shown.upgrade(), Place::named(&name)) {
            bring(&application, Some(place));
        }
    });
    application.add_action(&show);
    application.connect_activate(|application| bring(application, None));
    // Where the window is another process's, that one is told.
    if let Some(place) = place
        && application.register(gio::Cancellable::NONE).is_ok()
    {
        application.activate_action(SHOW, Some(&place.name().to_variant()));
    }
    ExitCode::from(application.run_with_args::<&str>(&[]).get())
}

fn bring(application: &adw::Application, place: Option<Place>) {
    match application.active_window() {
        Some(window) => {
            if let Some(place) = place {
                let shown = window.activate_action(&format!("win.{SHOW}"), Some(&place.name().to_variant()));
                if let Err(error) = shown {
                    gtk::glib::g_warning!("claviger-settings", "{error}");
                }
            }
            window.present();
        }
        None => Window::open(
            application,
            Rc::new(Speech::of_session()),
            place.unwrap_or(Place::Passkeys),
        ),
    }
}
