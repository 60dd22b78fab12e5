//! The settings window: what the platform keeps and how it is, and what a person may do about it.
//!
//! What each page says is plain data, made without GTK from what the broker answers ([`model`], in the words of [`text`]);
//! [`link`] asks the broker, [`browsers`] looks for browsers and [`packages`] for where programs come from; only [`window`] and what is below it has widgets. Nothing is decided
//! here: a switch or button calls a method of `org.claviger.Manage1`, and whatever needs the person's agreement is asked by the
//! broker's own prompt.

pub mod app;
pub mod arguments;
pub mod browsers;
pub mod link;
pub mod model;
pub mod packages;
pub mod text;
pub mod window;
