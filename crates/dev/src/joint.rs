//! The joint as tests play the platform's side of it: keys by their number, and a request that is in order.

use claviger_ctap::crypto::{Algorithm, PrivateKey, PublicKey};
use claviger_joint::envelope::{Caller, Door, Presentation, Request};
use claviger_joint::operation::Operation;
use claviger_joint::{ProviderId, TransactionId};

/// How long a request lives, in milliseconds.
const LIFE_MS: u64 = 60_000;

/// An Ed25519 key of this number, the same each time.
pub fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_secret(Algorithm::EdDsa, &[seed; 32]).unwrap()
}

/// Its public half.
pub fn public(seed: u8) -> PublicKey {
    key(seed).public_key().clone()
}

/// A request of a program without an origin, with empty parameters and no evidence, issued at this time (milliseconds since 1970).
/// Its sequence number is the caller's to choose.
pub fn request(provider: ProviderId, operation: Operation, transaction: TransactionId, issued_ms: u64) -> Request {
    Request {
        provider,
        operation,
        transaction,
        sequence: 1,
        issued_ms,
        expires_ms: issued_ms + LIFE_MS,
        caller: Caller {
            app_id: None,
            name: "test".into(),
            origin: None,
            top_origin: None,
            door: Door::Cli,
        },
        window: None,
        parameters: vec![0xa0],
        evidence: None,
        presentation: Presentation::Silent,
        hint: None,
        unlock_box: None,
    }
}
