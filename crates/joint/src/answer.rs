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

/// The number of the status ok.
const OK: u64 = 0;

const LIMITS: Limits = Limits {
    max_bytes: MAX_BYTES,
    max_depth: 8,
    max_items: 256,
    other_simple: false,
};

/// Why an operation was not done: every status but ok, which an [`Answer`] says by being one. The set is closed: a number that is not
/// here makes the answer unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
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
    /// 10: what the provider keeps cannot be read or trusted any more. The reason is for the person.
    Damaged,
    /// 11: the provider cannot work now (its server, its device, its disk). The reason is for the person.
    Unavailable,
}

/// Why an operation was not done, with the provider's words for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotDone {
    /// The kind of reason.
    pub status: Status,
    /// The provider's own words, at most 256 bytes and nothing secret: with [`Status::Damaged`] and [`Status::Unavailable`] for the
    /// person, to whom they are shown as the provider's; else for the log only.
    pub reason: Option<String>,
}

/// A provider's answer to one request.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The request that is answered; [`TransactionId::UNKNOWN`] when the request could not be verified and read.
    pub transaction: TransactionId,
    /// When it was done, the CTAP response without its status byte, or the map of the operation.
    pub result: Result<Option<Vec<u8>>, NotDone>,
}

impl Answer {
    /// The operation is done.
    pub fn ok(transaction: TransactionId, payload: Option<Vec<u8>>) -> Self {
        Self {
            transaction,
            result: Ok(payload),
        }
    }

    /// The operation failed. A reason that is too long is cut.
    pub fn failed(transaction: TransactionId, status: Status, reason: &str) -> Self {
        let reason = shortened(reason);
        Self {
            transaction,
            result: Err(NotDone { status, reason }),
        }
    }

    /// Whether the operation was done, and why not.
    pub fn status(&self) -> Result<(), Status> {
        self.result.as_ref().map(drop).map_err(|not_done| not_done.status)
    }

    /// The canonical map.
    pub fn encode(&self) -> Vec<u8> {
        let map = Map::new().with(1, 1).with(2, self.transaction.as_bytes());
        let map = match &self.result {
            Ok(payload) => map.with(3, OK).maybe(4, payload.as_deref()),
            Err(NotDone { status, reason }) => map.with(3, status.number()).maybe(5, reason.as_deref()),
        };
        Value::from(map).encode()
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// The provider is at fault.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::decode_versioned(bytes, &LIMITS)?;
        let transaction = TransactionId::from_bytes(fields.bytes(2)?).ok_or(MessageError::Value(2))?;
        let payload = fields.optional(4, |fields, key| fields.bytes(key).map(<[u8]>::to_vec))?;
        let reason = fields.optional_text(5, MAX_REASON_BYTES)?;
        let result = match (fields.unsigned(3)?, payload) {
            (OK, payload) => Ok(payload),
            (_, Some(_)) => return Err(MessageError::Value(4)),
            (number, None) => Err(NotDone {
                status: Status::from_number(number).ok_or(MessageError::Value(3))?,
                reason,
            }),
        };
        Ok(Self { transaction, result })
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Payloads hold assertions and PRF outputs: the length only.
        let result = self
            .result
            .as_ref()
            .map(|payload| format!("bytes({})", payload.as_ref().map_or(0, Vec::len)));
        f.debug_struct("Answer")
            .field("transaction", &self.transaction)
            .field("result", &result)
            .finish()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "cancelled",
            Self::NotFound => "not found",
            Self::Excluded => "excluded",
            Self::Locked => "locked",
            Self::Busy => "busy",
            Self::Unsupported => "unsupported",
            Self::Denied => "denied",
            Self::InvalidRequest => "invalid request",
            Self::Internal => "internal error",
            Self::Damaged => "damaged",
            Self::Unavailable => "unavailable",
        })
    }
}

impl Status {
    /// The number on the wire, 1 to 11; 0 is ok.
    pub fn number(self) -> u64 {
        match self {
            Self::Cancelled => 1,
            Self::NotFound => 2,
            Self::Excluded => 3,
            Self::Locked => 4,
            Self::Busy => 5,
            Self::Unsupported => 6,
            Self::Denied => 7,
            Self::InvalidRequest => 8,
            Self::Internal => 9,
            Self::Damaged => 10,
            Self::Unavailable => 11,
        }
    }

    /// The status with this number.
    pub fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            1 => Self::Cancelled,
            2 => Self::NotFound,
            3 => Self::Excluded,
            4 => Self::Locked,
            5 => Self::Busy,
            6 => Self::Unsupported,
            7 => Self::Denied,
            8 => Self::InvalidRequest,
            9 => Self::Internal,
            10 => Self::Damaged,
            11 => Self::Unavailable,
            _ => return None,
        })
    }
}

/// The reason as far as it may go, if there is one.
pub(crate) fn shortened(reason: &str) -> Option<String> {
    let end = reason.floor_char_boundary(MAX_REASON_BYTES);
    reason.get(..end).filter(|reason| !reason.is_empty()).map(str::to_owned)
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
        for number in 1..12 {
            assert_eq!(Status::from_number(number).unwrap().number(), number);
        }
        assert_eq!(Status::from_number(0), None, "ok is no reason");
        let map = Map::new().with(1, 1).with(2, TRANSACTION.as_bytes()).with(3, 12);
        assert_eq!(Answer::decode(&Value::from(map).encode()), Err(MessageError::Value(3)));
    }

    #[test]
    fn a_failure_carries_no_payload_and_a_short_reason() {
        let map = |status: u64| Map::new().with(1, 1).with(2, TRANSACTION.as_bytes()).with(3, status);
        let read = |map: Map| Answer::decode(&Value::from(map).encode());
        assert_eq!(read(map(7).with(4, [1])), Err(MessageError::Value(4)));
        let long = Answer::failed(TRANSACTION, Status::Internal, &"ä".repeat(400));
        assert_eq!(long.result.unwrap_err().reason, Some("ä".repeat(128)));
        assert_eq!(read(map(9).with(5, "x".repeat(257))), Err(MessageError::Value(5)));
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
