//! What is asked of one verification and what comes of it, as values and as CBOR on the bus.
//!
//! One gesture serves one operation: a request asks for evidence for at most one, and for unlock boxes for the providers
//! that this same operation needs opened. All decoders take canonical CBOR only, with limits.

mod outcome;
mod request;

use claviger_ctap::cbor::{CborError, Limits, Value};
use thiserror::Error;

pub use outcome::{NotVerified, Outcome, VerifyReply, decode_ticket, encode_ticket};
pub(crate) use outcome::{decode_outcome, encode_outcome};
pub use request::{EvidenceScope, UnlockTarget, VerifyRequest};

/// Most unlock boxes of one verification.
pub const MAX_UNLOCKS: usize = 16;

const LIMITS: Limits = Limits {
    max_bytes: 16 * 1024,
    max_depth: 4,
    max_items: 512,
    other_simple: false,
};

/// Why bytes are no request or answer. The sender's fault.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum CodecError {
    /// Not canonical CBOR, or beyond the limits.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// A field is missing or is not what it must be; its key.
    #[error("field {0} is missing or malformed")]
    Field(i64),
    /// Something is asked for more often than one gesture may serve.
    #[error("more is asked for than one gesture may serve")]
    TooMany,
}

fn array(value: &Value, key: i64) -> Result<&[Value], CodecError> {
    value
        .as_map()
        .and_then(|map| map.int(key))
        .and_then(Value::as_array)
        .ok_or(CodecError::Field(key))
}

fn field<T>(value: &Value, key: i64, read: impl FnOnce(&Value) -> Option<T>) -> Result<T, CodecError> {
    value
        .as_map()
        .and_then(|map| map.int(key))
        .and_then(read)
        .ok_or(CodecError::Field(key))
}
