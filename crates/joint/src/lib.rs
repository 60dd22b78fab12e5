//! The joint's words: what a provider of passkeys and the platform say to each other, as types and canonical CBOR.
//!
//! Everything that holds credentials is a *provider*: a program of its own that owns a name on the session bus, is a CTAP2
//! authenticator, and answers signed requests. The protocol is written down in `docs/provider-protocol.md`; this crate has its
//! messages, signatures and limits, and nothing that touches a bus, a file or a clock. Who is called and when is the business of
//! `claviger-provider` (one end, for authors) and `claviger-broker` (the other).
//!
//! * The platform signs [`envelope`]s, reads [`answer`]s, [`messages::Description`]s and [`metadata`].
//! * Hello signs [`evidence`] and seals [`unlock`] boxes.
//! * A provider verifies both, and answers.

pub mod answer;
pub mod envelope;
pub mod evidence;
mod fields;
mod ident;
mod keys;
pub mod messages;
pub mod metadata;
pub mod operation;
pub mod text;
mod trouble;
pub mod unlock;

pub use fields::MessageError;
pub use ident::{CredentialRef, IdError, ProviderId, TransactionId};
pub use keys::KeyId;
pub use trouble::{Trouble, TroubleKind};

/// The version of the protocol that this crate speaks.
pub const PROTOCOL_VERSION: u32 = 1;
