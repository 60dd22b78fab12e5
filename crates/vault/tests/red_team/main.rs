//! Attacks on the vault's process by programs of the same user.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    // What zbus makes of an interface's methods.
    clippy::unused_self,
    clippy::used_underscore_binding
)]

#[path = "../common/mod.rs"]
mod common;
mod memory;
mod platform;
