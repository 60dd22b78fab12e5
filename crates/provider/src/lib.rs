//! For authors of providers: the SDK, the manifest and the D-Bus interfaces of the joint.
//!
//! Everything that holds credentials is a *provider*: a program of its own that owns a name on the session bus, is a CTAP2
//! authenticator, and answers signed requests. The protocol is written down in `docs/provider-protocol.md`, which this crate
//! implements; a provider in another language needs that page only.
//!
//! * You write a provider: implement [`sdk::CredentialStore`] (you keep records and sign) or [`sdk::Provider`] (you answer
//!   make and get yourself), and hand it to [`sdk::serve`]. Everything that a provider must refuse is refused before your code runs.
//!   `examples/notebook.rs` is a whole provider.
//! * You write the platform: read [`manifest`]s, and call the other end through [`dbus`].
//!
//! The messages themselves are [`joint`]'s, a crate without D-Bus and files.

pub mod dbus;
pub mod icon;
pub mod manifest;
pub mod sdk;

pub use claviger_joint as joint;
