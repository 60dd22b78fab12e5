//! `claviger-virtual-key` as its clients meet it: the real program, over real sockets, with a client written here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod client;
mod key;
mod state;
mod transports;
mod usage;
mod user;
