//! The application: one window, which a second start brings to the front.

use std::process::ExitCode;
use std::rc::Rc;

use adw::prelude::*;

use super::model::page::Place;
use super::text::Speech;
use super::window::Window;

/// The application's id, which its desktop file is named by.
pub const ID: &str = "org.claviger.Settings";

/// Shows the window until it is closed; `place` is the page to begin with.
pub fn run(place: Place) -> ExitCode {
    let application = adw::Application::builder().application_id(ID).build();
    application.connect_activate(move |application| match application.active_window() {
        Some(window) => window.present(),
        None => Window::open(application, Rc::new(Speech::of_session()), place),
    });
    ExitCode::from(application.run_with_args::<&str>(&[]).get())
}
