//! What all pages draw with: labels that never read their text as markup, names for who cannot see, and signs for good and bad.

use adw::prelude::*;
use gtk::pango;

use crate::settings::model::page::Tone;

/// The room between parts, in pixels of the display's scale.
pub const ROOM: i32 = 12;

/// The widest that a page is, likewise.
pub const WIDEST: i32 = 640;

/// A label whose text wraps where it must, in the middle of a word if need be.
pub fn wrapping(text: &str, classes: &[&str]) -> gtk::Label {
    gtk::Label::builder()
        .label(text)
        .wrap(true)
        .wrap_mode(pango::WrapMode::WordChar)
        .natural_wrap_mode(gtk::NaturalWrapMode::Word)
        .xalign(0.0)
        .hexpand(true)
        .css_classes(classes)
        .build()
}

/// A label of one line, which loses its middle when it is too long: two names that differ do so at an end.
pub fn one_line(classes: &[&str]) -> gtk::Label {
    gtk::Label::builder()
        .ellipsize(pango::EllipsizeMode::Middle)
        .single_line_mode(true)
        .xalign(0.0)
        .hexpand(true)
        .css_classes(classes)
        .build()
}

/// Gives a widget a name for who cannot see where it stands: a label that nobody sees, which goes into `place` beside it. GTK before
/// 4.10 lets Rust do so by a label only, and is lost when that stands outside the window.
pub fn name(widget: &impl IsA<gtk::Widget>, name: &str, place: &gtk::Box) {
    let label = gtk::Label::builder()
        .label(name)
        .visible(false)
        .mnemonic_widget(widget)
        .build();
    place.append(&label);
}

/// The sign of a tone. The words beside it say the same.
pub fn sign(tone: Tone) -> gtk::Image {
    let image = gtk::Image::builder()
        .accessible_role(gtk::AccessibleRole::Presentation)
        .valign(gtk::Align::Start)
        .build();
    set_sign(&image, tone);
    image
}

/// Shows the sign of this tone.
pub fn set_sign(image: &gtk::Image, tone: Tone) {
    let (icon, class) = match tone {
        Tone::Plain => (None, None),
        Tone::Warning => (Some("dialog-warning-symbolic"), Some("warning")),
        Tone::Error => (Some("dialog-error-symbolic"), Some("error")),
    };
    image.set_visible(icon.is_some());
    image.set_icon_name(icon);
    image.set_css_classes(class.as_slice());
}

/// A button with an icon alone, and its name.
pub fn icon_button(icon: &str, label: &str) -> gtk::Button {
    let content = gtk::Box::new(gtk::Orientation::Horizontal, 0);
    let image = gtk::Image::builder()
        .icon_name(icon)
        .accessible_role(gtk::AccessibleRole::Presentation)
        .build();
    content.append(&image);
    let button = gtk::Button::builder()
        .child(&content)
        .tooltip_text(label)
        .css_classes(["image-button"])
        .build();
    name(&button, label, &content);
    button
}

/// A column with room around it, no wider than a page.
pub fn column(content: &impl IsA<gtk::Widget>) -> gtk::ScrolledWindow {
    let clamp = adw::Clamp::builder().maximum_size(WIDEST).child(content).build();
    gtk::ScrolledWindow::builder()
        .hscrollbar_policy(gtk::PolicyType::Never)
        .vexpand(true)
        .child(&clamp)
        .build()
}
