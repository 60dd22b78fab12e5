//! What is asked of one verification and what comes of it, as values and as CBOR on the bus.
//!
//! One gesture serves one operation: a request asks for evidence for at most one, and for unlock boxes for the providers
//! that this same operation needs opened. All decoders take canonical CBOR only, with limits.

use core::fmt;

use claviger_ctap::{
    cbor::{CborError, Limits, Map, Value, decode},
    crypto::ecdh::EcdhPublicKey,
};
use claviger_joint::{ProviderId, TransactionId, evidence, unlock};
use thiserror::Error;

use crate::ticket::PinTicket;

/// Most unlock boxes of one verification.
pub const MAX_UNLOCKS: usize = 16;

const LIMITS: Limits = Limits {
    max_bytes: 16 * 1024,
    max_depth: 4,
    max_items: 512,
    other_simple: false,
};

/// The operation that evidence is to be made for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operation {
    /// The provider that gets the evidence.
    pub audience: ProviderId,
    /// The transaction.
    pub transaction: TransactionId,
    /// SHA-256 of the operation's parameters.
    pub buffer_hash: [u8; 32],
}

/// A provider to be unlocked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnlockTarget {
    /// The provider whose secret is sealed.
    pub provider: ProviderId,
    /// The transaction that the box is bound to.
    pub transaction: TransactionId,
    /// The key of the provider's process, from its `Describe`.
    pub recipient: EcdhPublicKey,
}

/// What one gesture is to bring about. The default, nothing, only tells whether the PIN is right.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct VerifyRequest {
    /// The one operation to make evidence for.
    pub evidence: Option<Operation>,
    /// Providers to unlock for it, at most [`MAX_UNLOCKS`].
    pub unlock: Vec<UnlockTarget>,
}

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
pub enum Refusal {
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
}

/// What hello answers to a verification.
pub type Outcome = Result<VerifyReply, Refusal>;

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

impl VerifyRequest {
    /// As it goes to hello: `{1: [{1: audience, 2: transaction, 3: buffer hash}], 2: [{1: provider, 2: transaction, 3: COSE_Key}]}`.
    pub fn encode(&self) -> Vec<u8> {
        let evidence = self.evidence.iter().map(|operation| {
            let map = Map::new().with(1, operation.audience.as_str());
            Value::from(
                map.with(2, operation.transaction.as_bytes())
                    .with(3, operation.buffer_hash),
            )
        });
        let unlock = self.unlock.iter().map(|target| {
            let map = Map::new().with(1, target.provider.as_str());
            Value::from(
                map.with(2, target.transaction.as_bytes())
                    .with(3, target.recipient.to_cose()),
            )
        });
        Value::from(
            Map::new()
                .with(1, evidence.collect::<Vec<_>>())
                .with(2, unlock.collect::<Vec<_>>()),
        )
        .encode()
    }

    /// Reads what [`Self::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let value = decode(bytes, &LIMITS)?;
        let list = |key| array(&value, key);
        let evidence = match list(1)? {
            [] => None,
            [operation] => Some(Operation {
                audience: provider(operation)?,
                transaction: transaction(operation)?,
                buffer_hash: field(operation, 3, |hash| hash.as_bytes()?.try_into().ok())?,
            }),
            _ => return Err(CodecError::TooMany),
        };
        let targets = list(2)?;
        if targets.len() > MAX_UNLOCKS {
            return Err(CodecError::TooMany);
        }
        let unlock = targets.iter().map(|target| {
            let recipient = field(target, 3, |key| EcdhPublicKey::from_cose(key).ok())?;
            Ok(UnlockTarget {
                provider: provider(target)?,
                transaction: transaction(target)?,
                recipient,
            })
        });
        Ok(Self {
            evidence,
            unlock: unlock.collect::<Result<_, CodecError>>()?,
        })
    }
}

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

/// As `VerifyClientPin` answers: `{1: outcome, 2: tries left, 3: wait in ms, 4?: ticket}`.
pub(crate) fn encode_ticket(outcome: &Result<PinTicket, Refusal>) -> Vec<u8> {
    let map = head(outcome.as_ref().err().copied());
    Value::from(match outcome {
        Ok(ticket) => map.with(4, *ticket.as_bytes()),
        Err(_) => map,
    })
    .encode()
}

/// Reads what [`encode_ticket`] wrote.
pub(crate) fn decode_ticket(bytes: &[u8]) -> Result<Result<PinTicket, Refusal>, CodecError> {
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
fn head(refusal: Option<Refusal>) -> Map {
    let (number, tries_left, wait_ms) = match refusal {
        None => (0, crate::counter::MAX_FAILURES, 0),
        Some(Refusal::WrongPin { tries_left, wait_ms }) => (1, tries_left, wait_ms),
        Some(Refusal::Wait { tries_left, wait_ms }) => (2, tries_left, wait_ms),
        Some(Refusal::LockedOut) => (3, 0, 0),
        Some(Refusal::NoPin) => (4, 0, 0),
        Some(Refusal::PromptOnly { tries_left }) => (5, tries_left, 0),
        Some(Refusal::TicketGone) => (6, 0, 0),
    };
    Map::new().with(1, number).with(2, tries_left).with(3, wait_ms)
}

/// Reads what [`head`] wrote.
fn refusal(value: &Value) -> Result<Option<Refusal>, CodecError> {
    let number = |key| field(value, key, Value::as_unsigned);
    let tries_left = u8::try_from(number(2)?).map_err(|_| CodecError::Field(2))?;
    let wait_ms = number(3)?;
    Ok(Some(match number(1)? {
        0 => return Ok(None),
        1 => Refusal::WrongPin { tries_left, wait_ms },
        2 => Refusal::Wait { tries_left, wait_ms },
        3 => Refusal::LockedOut,
        4 => Refusal::NoPin,
        5 => Refusal::PromptOnly { tries_left },
        6 => Refusal::TicketGone,
        _ => return Err(CodecError::Field(1)),
    }))
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

fn provider(value: &Value) -> Result<ProviderId, CodecError> {
    field(value, 1, |id| ProviderId::parse(id.as_text()?).ok())
}

fn transaction(value: &Value) -> Result<TransactionId, CodecError> {
    field(value, 2, |id| TransactionId::from_bytes(id.as_bytes()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::crypto::{ecdh::EphemeralKey, native};
    use proptest::prelude::*;

    use super::*;

    fn request(unlocks: usize) -> VerifyRequest {
        let id = ProviderId::parse("org.example.Notebook").unwrap();
        let transaction = TransactionId([4; 16]);
        let recipient = EphemeralKey::generate(native()).unwrap().public().clone();
        let target = UnlockTarget {
            provider: id.clone(),
            transaction,
            recipient,
        };
        VerifyRequest {
            evidence: Some(Operation {
                audience: id,
                transaction,
                buffer_hash: [5; 32],
            }),
            unlock: vec![target; unlocks],
        }
    }

    #[test]
    fn requests_go_there_and_back() {
        for request in [VerifyRequest::default(), request(0), request(1), request(MAX_UNLOCKS)] {
            assert_eq!(VerifyRequest::decode(&request.encode()), Ok(request));
        }
    }

    #[test]
    fn one_gesture_is_one_operation() {
        let mut map = decode(&request(0).encode(), &LIMITS).unwrap().into_map().unwrap();
        let one = map.int(1).unwrap().as_array().unwrap()[0].clone();
        map.insert(1, vec![one.clone(), one]);
        assert_eq!(
            VerifyRequest::decode(&Value::from(map).encode()),
            Err(CodecError::TooMany)
        );
        assert_eq!(
            VerifyRequest::decode(&request(MAX_UNLOCKS + 1).encode()),
            Err(CodecError::TooMany)
        );
    }

    #[test]
    fn outcomes_go_there_and_back() {
        for outcome in [
            Ok(VerifyReply::default()),
            Ok(VerifyReply {
                evidence: Some(vec![1, 2, 3]),
                boxes: vec![vec![4], vec![5, 6]],
            }),
            Err(Refusal::WrongPin {
                tries_left: 6,
                wait_ms: 30_000,
            }),
            Err(Refusal::Wait {
                tries_left: 6,
                wait_ms: 12,
            }),
            Err(Refusal::LockedOut),
            Err(Refusal::NoPin),
            Err(Refusal::PromptOnly { tries_left: 5 }),
            Err(Refusal::TicketGone),
        ] {
            assert_eq!(decode_outcome(&encode_outcome(&outcome)), Ok(outcome));
        }
        let unknown = Value::from(Map::new().with(1, 7).with(2, 0).with(3, 0)).encode();
        assert_eq!(decode_outcome(&unknown), Err(CodecError::Field(1)));
    }

    #[test]
    fn tickets_go_there_and_back_and_only_whole() {
        let ticket = PinTicket::from_bytes(&[9; 16]);
        let bytes = encode_ticket(&Ok(ticket));
        assert_eq!(decode_ticket(&bytes).unwrap().unwrap().as_bytes(), &[9; 16]);
        let refused = Refusal::WrongPin {
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

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = VerifyRequest::decode(&bytes);
            // Nothing but a real answer is one that lets somebody in.
            prop_assert!(!matches!(decode_outcome(&bytes), Ok(Ok(_))) || bytes.len() > 10);
        }

        #[test]
        fn changed_requests_never_panic(position in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = request(2).encode();
            let at = position.index(bytes.len());
            bytes[at] = byte;
            if let Ok(request) = VerifyRequest::decode(&bytes) {
                prop_assert_eq!(request.encode(), bytes);
            }
        }
    }
}
