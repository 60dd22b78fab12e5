//! Reduced motion: who wants nothing to move says so once, to the desktop.
//!
//! GTK animates nothing where its own setting says so, and takes that from the desktop under Wayland, or from a daemon of X11's. Where
//! neither tells it, the desktop's setting is read here.

use gtk::gio;
use gtk::gio::prelude::*;

/// What desktops call it.
const DESKTOP: &str = "org.gnome.desktop.interface";

/// The key of it.
const ANIMATIONS: &str = "enable-animations";

/// Has the windows of this process stand still if that is what the desktop was told. To be called once there is a display.
pub fn heed() {
    let known = gio::SettingsSchemaSource::default().and_then(|all| all.lookup(DESKTOP, true));
    // To ask for what is not there would end the process.
    if !known.is_some_and(|schema| schema.has_key(ANIMATIONS)) {
        return;
    }
    let still = !gio::Settings::new(DESKTOP).boolean(ANIMATIONS);
    if let Some(settings) = gtk::Settings::default().filter(|_| still) {
        settings.set_gtk_enable_animations(false);
    }
}
