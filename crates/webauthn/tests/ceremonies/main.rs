//! Both ceremonies, from the page's JSON to the page's JSON, with a provider that answers as it is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod create;
mod get;
