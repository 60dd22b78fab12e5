//! Attacks on the command line: a broker that is none, and text and timing that are meant for the person at the terminal.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod broker;
mod pin;
#[path = "../support/mod.rs"]
mod support;
mod terminal;
