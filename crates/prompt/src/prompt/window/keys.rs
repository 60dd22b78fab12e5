//! What is pressed in the window, before any control of it hears of it.

use std::rc::Rc;
use std::time::Instant;

use adw::prelude::*;
use gtk::{gdk, glib};

use super::Parts;
use crate::prompt::guard::{Key, Verdict};

/// Has every key and click pass the guard.
pub(super) fn listen(parts: &Rc<Parts>) {
    let keys = gtk::EventControllerKey::builder()
        .propagation_phase(gtk::PropagationPhase::Capture)
        .build();
    let heard = Rc::downgrade(parts);
    keys.connect_key_pressed(move |_, key, _, _| {
        let Some(parts) = heard.upgrade() else {
            return glib::Propagation::Stop;
        };
        let verdict = parts.guard.borrow_mut().key(kind(key), Instant::now());
        match verdict {
            Verdict::Pass => return glib::Propagation::Proceed,
            Verdict::Refuse => parts.leave(),
            // The keys have to rest for longer now.
            Verdict::Drop => parts.update(),
        }
        glib::Propagation::Stop
    });
    parts.window.add_controller(keys);

    let clicks = gtk::GestureClick::builder()
        .button(0)
        .propagation_phase(gtk::PropagationPhase::Capture)
        .build();
    let heard = Rc::downgrade(parts);
    clicks.connect_pressed(move |_, _, _, _| {
        if let Some(parts) = heard.upgrade() {
            parts.guard.borrow_mut().clicked(Instant::now());
        }
    });
    parts.window.add_controller(clicks);
}

fn kind(key: gdk::Key) -> Key {
    match key {
        gdk::Key::Escape => Key::Escape,
        gdk::Key::Tab
        | gdk::Key::ISO_Left_Tab
        | gdk::Key::KP_Tab
        | gdk::Key::Up
        | gdk::Key::Down
        | gdk::Key::Left
        | gdk::Key::Right
        | gdk::Key::Page_Up
        | gdk::Key::Page_Down
        | gdk::Key::Home
        | gdk::Key::End => Key::Move,
        _ => Key::Other,
    }
}
