//! The hid door's authenticator and its CTAPHID side, in front of a stand-in for the platform.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod client;
mod commands;
mod management;
mod pin;
mod reports;
mod stand_in;
