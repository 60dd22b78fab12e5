//! What comes of one verification, as a value and as CBOR on the bus.

use core::fmt;

use claviger_ctap::cbor::{Map, Value, decode};
use claviger_joint::{evidence, unlock};
use thiserror::Error;

use super::{CodecError, LIMITS, MAX_UNLOCKS, array, field};
use crate::ticket::PinTicket;

/// What came of a gesture that hello accepted; evidence and boxes as they go on to the provider.
#[derive(Default, Eq, PartialEq)]
pub struct VerifyReply {
    /// Signed evidence, when it was asked for.
    pub evidence: Option<Vec<u8>>,
    /// One unlock box for each that was asked for, in the same order.
    pub boxes: Vec<Vec<u8>>,
}

impl fmt::Debug for VerifyReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "VerifyReply {{ evidence: {}, boxes: {} }}",
            self.evidence.is_some(),
            self.boxes.len()
        )
    }
}

/// Why hello did not accept a gesture. The user's to put right; the texts are for the user.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum NotVerified {
    /// Outcome 1: the PIN was looked at and is wrong.
    #[error("wrong PIN")]
    WrongPin {
        /// Wrong PINs that may still be given; 0 means that this one locked hello.
        tries_left: u8,
        /// The wait before the next is looked at, in milliseconds.
        wait_ms: u64,
    },
    /// Outcome 2: the PIN was not looked at, because the wait after the last wrong one is not over.
    #[error("too many wrong PINs: wait before the next one")]
    Wait {
        /// Wrong PINs that may still be given after the wait.
        tries_left: u8,
        /// What is left of the wait, in milliseconds.
        wait_ms: u64,
    },
    /// Outcome 3: the PIN was not looked at and none will be, until recovery.
    #[error("locked after too many wrong PINs; only recovery opens it again")]
    LockedOut,
    /// Outcome 4: there is no PIN yet; to a CTAP client also: none that can be given as a CTAP client gives it.
    #[error("no PIN is set")]
    NoPin,
    /// Outcome 5, to CTAP clients only: the PIN was not looked at, because the tries that are left are kept for the prompt.
    #[error("too many wrong PINs from programs: enter the PIN in a prompt of Claviger first")]
    PromptOnly {
        /// Wrong PINs that may still be given, in a prompt.
        tries_left: u8,
    },
    /// Outcome 6, to tickets only: there is no such ticket, or no longer.
    #[error("the PIN was entered too long ago, or has served already")]
    TicketGone,
    /// Outcome 7: the verification was cancelled, or the user locked, before the gesture was accepted. Whether it was the right
    /// one is not said, and a try that was spent on it stays spent.
    #[error("the verification was cancelled")]
    Cancelled,
    /// Outcome 8, to recovery codes only: it is not the code, or not its two groups.
    #[error("this is not your recovery code")]
    WrongCode {
        /// The wait before the next is looked at, in milliseconds.
        wait_ms: u64,
    },
    /// Outcome 9, to recovery codes only: there is none; or none that waits to be typed back.
    #[error("there is no such recovery code")]
    NoCode,
}

impl NotVerified {
    /// The word that the audit log uses.
    pub fn code(self) -> &'static str {
        match self {
            Self::WrongPin { tries_left: 0, .. } | Self::LockedOut => "locked-out",
            Self::WrongPin { .. } => "wrong-pin",
            Self::Wait { .. } => "wait",
            Self::NoPin => "no-pin",
            Self::PromptOnly { .. } => "prompt-only",
            Self::TicketGone => "ticket-gone",
            Self::Cancelled => "cancelled",
            Self::WrongCode { .. } => "wrong-code",
            Self::NoCode => "no-code",
        }
    }
}

/// What hello answers to a verification.
pub type Outcome = Result<VerifyReply, NotVerified>;

/// As it comes from hello: `{1: outcome, 2: tries left, 3: wait in ms, 4: [evidence], 5: [boxes]}`.
pub(crate) fn encode_outcome(outcome: &Outcome) -> Vec<u8> {
    let reply = outcome.as_ref().ok();
    let list = |items: &[Vec<u8>]| {
        items
            .iter()
            .map(|bytes| Value::from(bytes.as_slice()))
            .collect::<Vec<_>>()
    };
    let evidence = list(reply.map_or(&[], |reply| reply.evidence.as_slice()));
    let boxes = list(reply.map_or(&[], |reply| reply.boxes.as_slice()));
    let map = head(outcome.as_ref().err().copied());
    Value::from(map.with(4, evidence).with(5, boxes)).encode()
}

/// Reads what [`encode_outcome`] wrote.
pub(crate) fn decode_outcome(bytes: &[u8]) -> Result<Outcome, CodecError> {
    let value = decode(bytes, &LIMITS)?;
    if let Some(refusal) = refusal(&value)? {
        return Ok(Err(refusal));
    }
    let bytes = |key, most: usize| {
        let items = array(&value, key)?.iter();
        let items = items.map(|item| item.as_bytes().filter(|item| item.len() <= most).map(<[u8]>::to_vec));
        items.collect::<Option<Vec<_>>>().ok_or(CodecError::Field(key))
    };
    let mut evidence = bytes(4, evidence::MAX_BYTES)?;
    let boxes = bytes(5, unlock::MAX_BYTES)?;
    if evidence.len() > 1 || boxes.len() > MAX_UNLOCKS {
        return Err(CodecError::TooMany);
    }
    Ok(Ok(VerifyReply {
        evidence: evidence.pop(),
        boxes,
    }))
}

/// What came of a PIN from a CTAP client, as `VerifyClientPin` answers and the security-key door is told: `{1: outcome, 2: tries left, 3: wait in ms, 4?: ticket}`.
pub fn encode_ticket(outcome: &Result<PinTicket, NotVerified>) -> Vec<u8> {
    let map = head(outcome.as_ref().err().copied());
    Value::from(match outcome {
        Ok(ticket) => map.with(4, *ticket.as_bytes()),
        Err(_) => map,
    })
    .encode()
}

/// Reads what [`encode_ticket`] wrote.
pub fn decode_ticket(bytes: &[u8]) -> Result<Result<PinTicket, NotVerified>, CodecError> {
    let value = decode(bytes, &LIMITS)?;
    if let Some(refusal) = refusal(&value)? {
        return Ok(Err(refusal));
    }
    field(&value, 4, |ticket| {
        Some(PinTicket::from_bytes(ticket.as_bytes()?.try_into().ok()?))
    })
    .map(Ok)
}

/// `{1: outcome, 2: tries left, 3: wait in ms}`.
fn head(refusal: Option<NotVerified>) -> Map {
    let (number, tries_left, wait_ms) = match refusal {
        None => (0, 0, 0),
        Some(NotVerified::WrongPin { tries_left, wait_ms }) => (1, tries_left, wait_ms),
        Some(NotVerified::Wait { tries_left, wait_ms }) => (2, tries_left, wait_ms),
        Some(NotVerified::LockedOut) => (3, 0, 0),
        Some(NotVerified::NoPin) => (4, 0, 0),
        Some(NotVerified::PromptOnly { tries_left }) => (5, tries_left, 0),
        Some(NotVerified::TicketGone) => (6, 0, 0),
        Some(NotVerified::Cancelled) => (7, 0, 0),
        Some(NotVerified::WrongCode { wait_ms }) => (8, 0, wait_ms),
        Some(NotVerified::NoCode) => (9, 0, 0),
    };
    Map::new().with(1, number).with(2, tries_left).with(3, wait_ms)
}

/// Reads what [`head`] wrote.
fn refusal(value: &Value) -> Result<Option<NotVerified>, CodecError> {
    let number = |key| field(value, key, Value::as_unsigned);
    let tries_left = u8::try_from(number(2)?).map_err(|_| CodecError::Field(2))?;
    let wait_ms = number(3)?;
    Ok(Some(match number(1)? {
        0 => return Ok(None),
        1 => NotVerified::WrongPin { tries_left, wait_ms },
        2 => NotVerified::Wait { tries_left, wait_ms },
        3 => NotVerified::LockedOut,
        4 => NotVerified::NoPin,
        5 => NotVerified::PromptOnly { tries_left },
        6 => NotVerified::TicketGone,
        7 => NotVerified::Cancelled,
        8 => NotVerified::WrongCode { wait_ms },
        9 => NotVerified::NoCode,
        _ => return Err(CodecError::Field(1)),
    }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn outcomes_go_there_and_back() {
        for outcome in [
            Ok(VerifyReply::default()),
            Ok(VerifyReply {
                evidence: Some(vec![1, 2, 3]),
                boxes: vec![vec![4], vec![5, 6]],
            }),
            Err(NotVerified::WrongPin {
                tries_left: 6,
                wait_ms: 30_000,
            }),
            Err(NotVerified::Wait {
                tries_left: 6,
                wait_ms: 12,
            }),
            Err(NotVerified::LockedOut),
            Err(NotVerified::NoPin),
            Err(NotVerified::PromptOnly { tries_left: 5 }),
            Err(NotVerified::TicketGone),
            Err(NotVerified::Cancelled),
            Err(NotVerified::WrongCode { wait_ms: 2_000 }),
            Err(NotVerified::NoCode),
        ] {
            assert_eq!(decode_outcome(&encode_outcome(&outcome)), Ok(outcome));
        }
        let unknown = Value::from(Map::new().with(1, 10).with(2, 0).with(3, 0)).encode();
        assert_eq!(decode_outcome(&unknown), Err(CodecError::Field(1)));
    }

    #[test]
    fn tickets_go_there_and_back_and_only_whole() {
        let ticket = PinTicket::from_bytes(&[9; 16]);
        let bytes = encode_ticket(&Ok(ticket));
        assert_eq!(decode_ticket(&bytes).unwrap().unwrap().as_bytes(), &[9; 16]);
        let refused = NotVerified::WrongPin {
            tries_left: 6,
            wait_ms: 30_000,
        };
        assert_eq!(
            decode_ticket(&encode_ticket(&Err(refused))).unwrap().unwrap_err(),
            refused
        );
        let short = Value::from(head(None).with(4, [9; 15])).encode();
        assert_eq!(decode_ticket(&short).unwrap_err(), CodecError::Field(4));
        assert_eq!(
            decode_ticket(&Value::from(head(None)).encode()).unwrap_err(),
            CodecError::Field(4)
        );
    }

    #[test]
    fn prints_no_signature() {
        let reply = VerifyReply {
            evidence: Some(vec![0xab; 4]),
            boxes: vec![],
        };
        assert_eq!(format!("{reply:?}"), "VerifyReply { evidence: true, boxes: 0 }");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Nothing but a real answer is one that lets somebody in.
        #[test]
        fn arbitrary_bytes_let_nobody_in(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(!matches!(decode_outcome(&bytes), Ok(Ok(_))) || bytes.len() > 10);
        }
    }
}
