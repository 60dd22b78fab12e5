//! What a *get next* continues (CTAP 2.1 §6, stateful commands).

use super::extensions::AtAssertion;
use super::store::StoredCredential;
use crate::authenticator_data::Flags;

/// A list that a client is half-way through. Only the channel that began it may go on, and only for a while.
pub(super) struct Continuation {
    pub(super) channel: u32,
    /// When it was last used.
    pub(super) touched_ms: u64,
    pub(super) kind: Kind,
}

/// The lists. Those that are given out hold what is still to come, in reverse, so that the next is popped.
pub(super) enum Kind {
    /// Assertions for the accounts of one site.
    Assertions {
        rest: Vec<StoredCredential>,
        client_data_hash: [u8; 32],
        flags: Flags,
        extensions: AtAssertion,
    },
    /// RP IDs with the site's names.
    Rps(Vec<(String, Option<String>)>),
    /// Credentials of one site.
    Credentials(Vec<StoredCredential>),
}
