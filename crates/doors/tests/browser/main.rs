//! The browser door from the native host's pipes over a private bus to a stand-in for the platform.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod service;
mod stand_in;
