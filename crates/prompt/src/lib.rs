//! The windows of the platform, in GTK 4 and libadwaita: the [`prompt`] that asks. They draw what the broker says and decide nothing.
//!
//! [`bus`] is the connection, on a thread of its own. What a screen says is plain data, made without GTK
//! ([`prompt::screen`]), and so is when a gesture counts ([`prompt::guard`]); only [`prompt::window`] and what is below it has widgets.

pub mod bus;
pub mod prompt;
pub mod words;
