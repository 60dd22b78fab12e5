//! Attacks on hello: reading the memory of a process that has locked.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

#[path = "../bed/mod.rs"]
mod bed;
mod memory;
