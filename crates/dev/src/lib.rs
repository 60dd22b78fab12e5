//! What the tests of more than one crate share. It is a dev-dependency and never part of a program; whatever stands in for one
//! crate alone lives in that crate's tests.
//!
//! * [`bus`] is a D-Bus of one test's own.
//! * [`ctaphid`] is a program at a security key, [`ctap2`] what it does there.
//! * [`logind`] tells of sleep and of locked sessions.
//! * [`memory`] finds secrets in the memory of a process.
//! * [`wait`] is for what others do meanwhile.
//! * [`joint`] is the platform's side of the joint, [`store`] what a provider keeps.

// Whatever does not hold here fails the test that asked.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc
)]

pub mod bus;
pub mod ctap2;
pub mod ctaphid;
pub mod joint;
pub mod logind;
pub mod memory;
pub mod store;
pub mod wait;
