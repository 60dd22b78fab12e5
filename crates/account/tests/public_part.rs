//! The public part needs nothing of the rest: its files alone make a crate, this one.
//!
//! The process that talks to the server, and the server, are built on it. A module of it that came to use a key or an item
//! would not compile here. Their tests run along.
#![allow(dead_code, unused_imports, missing_docs, reason = "nobody uses this copy")]

#[path = "../src"]
mod account {
    pub mod error;
    pub mod ids;
    pub mod ledger;
    pub mod log;
    pub mod revision;
}

use account::{error, ids, ledger, log, revision};
