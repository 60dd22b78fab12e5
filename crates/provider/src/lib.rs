//! The joint: how a provider of passkeys and the platform talk.
//!
//! Everything that holds credentials is a *provider*: a program of its own that owns a name on the session bus, is a CTAP2
//! authenticator, and answers signed requests. The protocol is written down in `docs/provider-protocol.md`, which this crate
//! implements; a provider in another language needs that page only.
//!
//! * You write a provider: implement [`sdk::CredentialStore`] (you keep records and sign) or [`sdk::Provider`] (you answer
//!   make and get yourself), and hand it to [`sdk::serve`]. Everything that a provider must refuse is refused before your code runs.
//!   `examples/notebook.rs` is a whole provider.
//! * You write the platform: read [`manifest`]s, sign [`envelope`]s, read [`answer`]s and [`metadata`].
//! * You verify users (hello): sign [`evidence`], seal [`unlock`] boxes.

pub mod answer;
pub mod dbus;
pub mod envelope;
pub mod evidence;
mod fields;
mod ident;
mod keys;
pub mod manifest;
pub mod messages;
pub mod metadata;
pub mod operation;
pub mod sdk;
pub mod svg;
pub mod unlock;

pub use fields::MessageError;
pub use ident::{IdError, ProviderId, TransactionId};
pub use keys::KeyId;
