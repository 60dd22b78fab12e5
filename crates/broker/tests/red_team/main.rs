//! Attacks on the broker, and broken files below it: see docs/faults.md.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    missing_docs
)]

#[path = "../bed/mod.rs"]
mod bed;

mod broken_files;
mod full_disk;
mod lists;
mod managers;
mod names;
mod pestering;
mod strangers;
