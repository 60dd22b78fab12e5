//! The course of one ceremony, as a machine without I/O, clock or randomness: events in, effects out.
//!
//! The daemon makes a [`Machine`] from an [`Input`] (what it knows beforehand), feeds it [`Event::Started`] and then whatever
//! happens, and performs each [`Effect`] in the order given. The machine ends with exactly one [`Effect::Finish`]; events
//! that come later, or out of turn, do nothing.
//!
//! ```text
//!  New ─► (choose PIN ─► set it) ─► ask ─► describe ─► verify ─► execute ─► check ─► Finish(Ok)
//!                                    ▲         │          │         │         │
//!                                    └─────────┴──────────┘         │         │      wrong PIN, provider locked
//!                                    └──────────────────────────────┘         │      `locked` in spite of all: once
//!                                  any failure after that ─► notice ─► Finish(Err(cause))
//! ```
//!
//! What holds, and what holds it:
//!
//! * **One screen.** The view that offers the choice takes the PIN too. It comes back only with a problem to tell.
//! * **A ticket is a PIN, once.** With one ([`Machine::with_ticket`]) the screen asks for choice and consent only, until it is spent; if
//!   hello has forgotten it, the screen comes back and asks for the PIN. It replaces the PIN, never the consent.
//! * **No answer without consent.** An [`Execution`] holds a [`Consent`], which only an approval on screen makes; the daemon's
//!   requests to make, use, change or delete a passkey are built from one and spend it.
//! * **No UV flag without evidence.** The evidence is a value of [`Tokens::Evidence`], which comes in with
//!   [`Event::Verified`], is moved into the one [`Execution`] it is for, and is dropped when the course changes.
//! * **Nothing after the end.** Whatever ends a ceremony closes its view and cancels the provider's work; `Finish` is last.
//!
//! Approvals that are no `WebAuthn` ceremonies (unlock, enable a provider, delete a passkey, …) run on the same machine and
//! the same screens; they end after verification, with [`Outcome::Approved`].

mod input;
mod machine;
mod message;
mod screens;

#[cfg(test)]
#[allow(clippy::expect_used)]
mod fixtures;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod interleavings;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;

pub use claviger_hello::MethodStatus;
pub(crate) use input::unserved;
pub use input::{Approval, Context, HelloStatus, Input, ProviderName, Wanted, WantedAnswer};
pub use machine::Machine;
pub use message::{
    Assurance, AuditStep, Call, Check, Checked, Consent, Effect, Event, Execution, NotChanged, Outcome, PinFailure,
    ProviderFailure, ProviderReply, Readiness, RecoveryFailure, Verify, VerifyFailure,
};

/// The values that pass through the machine untouched: it moves them, and cannot make, copy or read them.
///
/// The daemon's are real; the tests' are numbered, so that every one can be followed.
pub trait Tokens {
    /// What the user did to be verified, on its way from the prompt to hello (a PIN in a sealed memory file, …).
    type Gesture;
    /// Proof of one verification, bound to one transaction. Not `Clone` in any deployment.
    type Evidence;
    /// The unlock boxes that the same verification yielded.
    type Unlock;
    /// What a provider answered, unchecked.
    type Reply;
    /// The answer after the checks, ready for the caller.
    type Answer;
}
