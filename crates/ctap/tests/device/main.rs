//! The engine behind a transport: raw commands in, status bytes and answers out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod attestation;
mod bed;
mod certificates;
mod client_pin;
mod codes;
mod config;
mod credentials;
mod extensions;
mod large_blobs;
mod management;
mod persistent;
mod precedence;
mod sequences;
mod truthful;
mod u2f;
mod wire;

/// What the bed computes with.
fn crypto() -> &'static dyn claviger_ctap::crypto::Crypto {
    claviger_ctap::crypto::portable()
}
