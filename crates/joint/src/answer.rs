//! Answers: what a provider sends back.
//!
//! Answers are not signed: the bus says who sent them, and the platform checks what they contain before any caller sees it.

use std::fmt;

use claviger_ctap::cbor::{Limits, Map, Value};

use crate::{
    fields::{Fields, MessageError},
    ident::TransactionId,
};

/// The most bytes that an answer may have.
pub const MAX_BYTES: usize = 64 * 1024;

/// The most bytes that a reason may have.
pub const MAX_REASON_BYTES: usize = 256;

const LIMITS: Limits = Limits {
    max_bytes: MAX_BYTES,
    max_depth: 8,
    max_items: 256,
    other_simple: false,
};

/// How an operation ended. The set is closed: a number that is not here makes the answer unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// 0: done.
    Ok,
    /// 1: the user declined in the provider's own window, or the platform cancelled.
    Cancelled,
    /// 2: no such credential, or no such transaction to cancel.
    NotFound,
    /// 3: a credential of the exclude list is here.
    Excluded,
    /// 4: locked, and the request brought nothing that unlocks.
    Locked,
    /// 5: the queue is full.
    Busy,
    /// 6: not something this provider can do (operation, algorithm, extension).
    Unsupported,
    /// 7: a policy forbids it.
    Denied,
    /// 8: the request is refused: malformed, forged, replayed, expired, for someone else, without the evidence it needs.
    InvalidRequest,
    /// 9: the provider failed.
    Internal,
}

/// A provider's answer to one request.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The request that is answered; [`TransactionId::UNKNOWN`] when the request could not be verified and read.
    pub transaction: TransactionId,
    /// How it ended.
    pub status: Status,
    /// With [`Status::Ok`]: the CTAP response without its status byte, or the map of the operation. Never with another status.
    pub payload: Option<Vec<u8>>,
    /// Why, for the log only; at most 256 bytes, and nothing secret.
    pub reason: Option<String>,
}

impl Answer {
    /// The operation is done.
    pub fn ok(transaction: TransactionId, payload: Option<Vec<u8>>) -> Self {
        Self {
            transaction,
            status: Status::Ok,
            payload,
            reason: None,
        }
    }

    /// The operation failed. A reason that is too long is cut.
    pub fn failed(transaction: TransactionId, status: Status, reason: &str) -> Self {
        let end = reason.floor_char_boundary(MAX_REASON_BYTES);
        let reason = reason.get(..end).filter(|reason| !reason.is_empty()).map(str::to_owned);
        Self {
            transaction,
            status,
            payload: None,
            reason,
        }
    }

    /// The canonical map.
    pub fn encode(&self) -> Vec<u8> {
        let map = Map::new()
            .with(1, 1)
            .with(2, self.transaction.as_bytes())
            .with(3, self.status.number())
            .maybe(4, self.payload.as_deref())
            .maybe(5, self.reason.as_deref());
        Value::from(map).encode()
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// The provider is at fault.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::decode_versioned(bytes, &LIMITS)?;
        let status = Status::from_number(fields.unsigned(3)?).ok_or(MessageError::Value(3))?;
        let payload = fields.optional(4, |fields, key| fields.bytes(key).map(<[u8]>::to_vec))?;
        if payload.is_some() && status != Status::Ok {
            return Err(MessageError::Value(4));
        }
        Ok(Self {
            transaction: TransactionId::from_bytes(fields.bytes(2)?).ok_or(MessageError::Value(2))?,
            status,
            payload,
            reason: fields.optional_text(5, MAX_REASON_BYTES)?,
        })
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Payloads hold assertions and PRF outputs: the length only.
        f.debug_struct("Answer")
            .field("transaction", &self.transaction)
            .field("status", &self.status)
            .field(
                "payload",
                &format_args!("bytes({})", self.payload.as_ref().map_or(0, Vec::len)),
            )
            .field("reason", &self.reason)
            .finish()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "done",
            Self::Cancelled => "cancelled",
            Self::NotFound => "not found",
            Self::Excluded => "excluded",
            Self::Locked => "locked",
            Self::Busy => "busy",
            Self::Unsupported => "unsupported",
            Self::Denied => "denied",
            Self::InvalidRequest => "invalid request",
            Self::Internal => "internal error",
        })
    }
}

impl Status {
    /// The number on the wire.
    pub fn number(self) -> u64 {
        match self {
            Self::Ok => 0,
            Self::Cancelled => 1,
            Self::NotFound => 2,
            Self::Excluded => 3,
            Self::Locked => 4,
            Self::Busy => 5,
            Self::Unsupported => 6,
            Self::Denied => 7,
            Self::InvalidRequest => 8,
            Self::Internal => 9,
        }
    }

    /// The status with this number.
    pub fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            0 => Self::Ok,
            1 => Self::Cancelled,
            2 => Self::NotFound,
            3 => Self::Excluded,
            4 => Self::Locked,
            5 => Self::Busy,
            6 => Self::Unsupported,
            7 => Self::Denied,
            8 => Self::InvalidRequest,
            9 => Self::Internal,
            _ => return None,
        })
    }
}

/// The payload of an answer to [`crate::operation::Operation::LockState`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockStatePayload {
    /// Whether the provider is locked.
    pub locked: bool,
}

impl LockStatePayload {
    /// The canonical map `{1: locked}`.
    pub fn encode(&self) -> Vec<u8> {
        Value::from(Map::new().with(1, self.locked)).encode()
    }

    /// Reads the map.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        Ok(Self {
            locked: Fields::decode(bytes, &LIMITS)?.boolean(1)?,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRANSACTION: TransactionId = TransactionId([1; 16]);

    #[test]
    fn answers_come_back() {
        for answer in [
            Answer::ok(TRANSACTION, Some(vec![1, 2])),
            Answer::ok(TRANSACTION, None),
            Answer::failed(TRANSACTION, Status::Locked, "locked"),
            Answer::failed(TRANSACTION, Status::Cancelled, ""),
        ] {
            assert_eq!(Answer::decode(&answer.encode()), Ok(answer.clone()));
        }
        let state = LockStatePayload { locked: true };
        assert_eq!(LockStatePayload::decode(&state.encode()), Ok(state));
    }

    #[test]
    fn the_set_of_statuses_is_closed() {
        for number in 0..10 {
            assert_eq!(Status::from_number(number).unwrap().number(), number);
        }
        let map = Map::new().with(1, 1).with(2, TRANSACTION.as_bytes()).with(3, 10);
        assert_eq!(Answer::decode(&Value::from(map).encode()), Err(MessageError::Value(3)));
    }

    #[test]
    fn a_failure_carries_no_payload_and_a_short_reason() {
        let wrong = Answer {
            payload: Some(vec![1]),
            ..Answer::failed(TRANSACTION, Status::Denied, "no")
        };
        assert_eq!(Answer::decode(&wrong.encode()), Err(MessageError::Value(4)));
        let long = Answer::failed(TRANSACTION, Status::Internal, &"ä".repeat(400));
        assert_eq!(long.reason.as_deref(), Some("ä".repeat(128).as_str()));
        let too_long = Answer {
            reason: Some("x".repeat(257)),
            ..long
        };
        assert_eq!(Answer::decode(&too_long.encode()), Err(MessageError::Value(5)));
        assert!(!format!("{:?}", Answer::ok(TRANSACTION, Some(vec![0x5a]))).contains("90"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (Answer::decode(&bytes), LockStatePayload::decode(&bytes));
        }
    }
}
