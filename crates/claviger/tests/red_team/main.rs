//! Attacks on the person at the terminal: what a page, a provider or a program says must not become more than words.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod broker;
#[path = "../support/mod.rs"]
mod support;
