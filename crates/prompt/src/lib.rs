//! The windows of the platform, in GTK 4 and libadwaita: the [`prompt`] that asks, and the [`settings`]. They draw what the broker
//! says and decide nothing.
//!
//! [`bus`] is the connection, on a thread of its own. What a screen says is plain data, made without GTK
//! ([`prompt::screen`], [`settings::model`]), and so is when a gesture counts ([`prompt::guard`]); only [`prompt::window`],
//! [`settings::window`] and what is below them has widgets.

pub mod bus;
pub mod confined;
mod data_dirs;
mod drawing;
pub mod prompt;
pub mod settings;
pub mod words;
