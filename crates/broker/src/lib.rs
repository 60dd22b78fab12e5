//! The platform: callers, ceremonies, provider registry, metadata cache, audit.
//!
//! Half of this crate is pure and half performs. The pure half decides: [`types`] holds the nouns of a ceremony,
//! [`choice`] finds who may answer, [`ceremony`] is its course, [`view`] what the user sees of it, [`queue`] whose turn it is on
//! the screen, [`rules`] what the user has said before.

pub mod ceremony;
pub mod choice;
pub mod queue;
pub mod rules;
pub mod types;
pub mod view;

pub use types::{
    Caller, Cause, CeremonyAnswer, CeremonyRequest, Door, Operation, Refusal, Site, UserVerification,
};
