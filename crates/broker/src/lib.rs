//! The platform: callers, ceremonies, provider registry, metadata cache, audit.
//!
//! Half of this crate is pure and half performs. The pure half decides: [`types`] holds the nouns of a ceremony,
//! [`choice`] finds who may answer, [`ceremony`] is its course, [`queue`] whose turn it is on the screen, [`patience`] who has asked in vain too often, [`rules`] what the user has said before, [`check`] what must hold of an answer.
//!
//! The performing half is [`daemon`], over [`caller`] (what a process is), [`registry`] (which providers), [`cache`] (which passkeys),
//! [`audit`] (what happened) and [`dbus`] (the interfaces).
//!
//! * You run the platform: [`Broker::start`], and [`Broker::shut_down`] at the end.
//! * You write a door: identify the caller ([`Broker::callers`]), attend it ([`Broker::attend`]), run [`Broker::ceremony`].
//! * You write a prompt or a settings window: that takes no broker but `claviger-prompt-api`.

pub mod audit;
pub mod cache;
pub mod caller;
mod cancel;
pub mod ceremony;
pub mod check;
pub mod choice;
pub mod daemon;
pub mod dbus;
pub mod patience;
pub mod queue;
pub mod registry;
pub mod rules;
mod shown;
pub mod state_file;
pub mod types;
mod unconfirmed;

pub use cancel::{CancelToken, Withdrawal};
pub use claviger_hello::ticket::PinTicket;
pub use claviger_hello::verification::{NotVerified, decode_ticket, encode_ticket};
pub use claviger_joint::evidence::Tier;
pub use daemon::{
    Broker, Config, Deadlines, DoorSwitch, ManagedCredential, SecurityKeyCaller, StartError, Unavailable, UserVerifier,
    Verification, VerifierStatus,
};
pub use types::{
    Caller, Cause, CeremonyAnswer, CeremonyRequest, CtapRequest, Door, DoorTraits, Fault, Internal, RequestError,
    Requester, Said, UserVerification,
};
