//! What all pages draw with beside [`drawing`](crate::drawing): names for who cannot see, signs for good and bad, and the frame of a page.

use adw::prelude::*;

use crate::drawing::{ROOM, wrapped};
use crate::settings::model::page::Tone;

/// The room between what stands side by side, in pixels of the display's scale.
const ROOM_BETWEEN: u32 = 12;

/// The widest that a page is, in pixels of the display's scale.
pub const WIDEST: i32 = 640;

/// A label that wraps and takes what room there is.
pub fn wrapping(text: &str, classes: &[&str]) -> gtk::Label {
    let label = wrapped(text, classes);
    label.set_hexpand(true);
    label
}

/// A search with these words in it, which are also its name; the name's label goes into `place` beside it.
pub fn search(words: &str, place: &gtk::Box) -> gtk::SearchEntry {
    let entry = gtk::SearchEntry::builder()
        .hexpand(true)
        .placeholder_text(words)
        .build();
    name(&entry, words, place);
    entry
}

/// What stands above a list: what narrows it down, with room around.
pub fn bar() -> gtk::Box {
    gtk::Box::builder()
        .orientation(gtk::Orientation::Vertical)
        .spacing(ROOM / 2)
        .margin_top(ROOM)
        .margin_start(ROOM)
        .margin_end(ROOM)
        .build()
}

/// Puts these side by side, or below each other where that is too wide.
pub fn side_by_side(widgets: &[&gtk::Widget]) -> gtk::FlowBox {
    let row = gtk::FlowBox::builder()
        .selection_mode(gtk::SelectionMode::None)
        .column_spacing(ROOM_BETWEEN)
        .row_spacing(ROOM_BETWEEN)
        .max_children_per_line(u32::try_from(widgets.len()).unwrap_or(u32::MAX))
        .build();
    for widget in widgets {
        // What has the keyboard is the widget, not its place.
        let place = gtk::FlowBoxChild::builder()
            .child(*widget)
            .focusable(false)
            .halign(gtk::Align::Start)
            .build();
        row.append(&place);
    }
    row
}

/// A button whose label wraps where it must.
pub fn wrapping_button(label: &str) -> gtk::Button {
    let button = gtk::Button::with_label(label);
    if let Some(label) = button.child().and_downcast::<gtk::Label>() {
        wrap(&label);
        label.set_justify(gtk::Justification::Center);
    }
    button
}

/// Something to tick, whose label wraps where it must.
pub fn wrapping_check(label: &str) -> gtk::CheckButton {
    let check = gtk::CheckButton::with_label(label);
    if let Some(label) = check.last_child().and_downcast::<gtk::Label>() {
        wrap(&label);
    }
    check
}

fn wrap(label: &gtk::Label) {
    label.set_wrap(true);
    label.set_wrap_mode(gtk::pango::WrapMode::WordChar);
}

/// A page of a bar above either of what is in the stack.
pub fn listed(bar: &gtk::Box, stack: &gtk::Stack) -> gtk::Box {
    let page = gtk::Box::new(gtk::Orientation::Vertical, ROOM / 2);
    page.append(&adw::Clamp::builder().maximum_size(WIDEST).child(bar).build());
    page.append(stack);
    page
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
