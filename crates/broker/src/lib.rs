//! The platform: callers, ceremonies, provider registry, metadata cache, audit.
//!
//! Half of this crate is pure and half performs. The pure half decides: [`types`] holds the nouns of a ceremony.

pub mod types;

pub use types::{Caller, Cause, Door, Refusal, Site, UserVerification};
