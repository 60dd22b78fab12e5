//! What the door's process and the broker say to each other over `org.claviger.Ctap1`: canonical CBOR both ways, read with limits.
//!
//! Requests and replies are maps with integer keys; keys that are not known are passed over. The tables:
//!
//! | request | 1 | 2? | 3? | 4 |
//! |---|---|---|---|---|
//! | [`Ceremony`] (`Make`, `Get`) | CTAP request map, bytes | program | ticket, 16 bytes | |
//! | [`Select`] | | program | | |
//! | [`List`] | | program | ticket | |
//! | [`Delete`] | credential id | program | ticket | |
//! | [`Update`] | credential id | program | ticket | user map as CTAP has it |
//!
//! | reply | 1 | 2? | 3 |
//! |---|---|---|---|
//! | [`CeremonyReply`] | CTAP status | CTAP response map, bytes; with status 0 only | |
//! | [`ListReply`] | CTAP status | array of maps: see [`Listed`] | |
//! | [`Info`] | PIN set, bool | tries left | locked out, bool; 4?: clients may give the PIN, bool |
//!
//! The reply to `CheckPin`, [`PinCheck`], is hello's own, passed on.
//!
//! The CTAP request holds no `pinUvAuthParam`: the door has checked it. `options.uv` says whether the user is to be verified, and
//! hmac-secret comes in the form of the joint (`docs/provider-protocol.md` section 8).

use std::fmt;

use claviger_broker::{NotVerified, PinTicket, decode_ticket, encode_ticket};
use claviger_ctap::cbor::{Limits, Map, Value};
use claviger_ctap::status::Status;

use super::fields::Fields;

mod list;

pub use list::{Delete, LIST_LIMITS, List, ListReply, Listed, MAX_LISTED, Update};

/// What a request may be: the longest CTAP message over 64-byte reports, and room for what is around it.
pub const REQUEST_LIMITS: Limits = Limits {
    max_bytes: 16 * 1024,
    max_depth: 4,
    max_items: 128,
    other_simple: false,
};

/// What a reply to a ceremony may be.
pub const REPLY_LIMITS: Limits = Limits {
    max_bytes: Limits::JOINT.max_bytes + 64,
    max_depth: 2,
    max_items: 16,
    other_simple: false,
};

/// Longest name of a program, in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// Longest path of a program, in bytes.
pub const MAX_PATH_BYTES: usize = 4096;

/// Why a message cannot be read: its sender is at fault. The text holds nothing of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the message cannot be read: {0}")]
pub struct Malformed(pub(crate) &'static str);

/// The program that opened the virtual key, as the door's process found it in `/proc`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Program {
    /// What to call it: the name of its executable.
    pub name: String,
    /// Its executable, where it can be seen.
    pub executable: Option<String>,
    /// Its process.
    pub pid: Option<u32>,
}

/// `Make` and `Get`.
pub struct Ceremony {
    /// The CTAP request map, without command byte.
    pub request: Vec<u8>,
    /// Who asks, where that is known.
    pub program: Option<Program>,
    /// Stands for the PIN.
    pub ticket: Option<PinTicket>,
}

/// The reply to `Make` and `Get`.
#[derive(Clone, Eq, PartialEq)]
pub struct CeremonyReply {
    /// What the client is told.
    pub status: Status,
    /// The CTAP response map, without status byte, when the status is success.
    pub response: Option<Vec<u8>>,
}

/// `Select`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Select {
    /// Who asks, where that is known.
    pub program: Option<Program>,
}

/// The reply to `Info`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Info {
    /// Whether a PIN has been chosen.
    pub pin_set: bool,
    /// Attempts left before the lock-out.
    pub tries_left: u32,
    /// Whether there were too many wrong PINs.
    pub locked_out: bool,
    /// Whether the PIN can be given by a client; absent on the bus means no. A PIN that an older version of hello set has to be typed
    /// into a prompt once before it can.
    pub client_pin: bool,
}

/// The reply to `CheckPin`: a ticket that stands for the right PIN, once, or why there is none.
#[derive(Debug)]
pub struct PinCheck(pub Result<PinTicket, NotVerified>);

impl Program {
    fn to_map(&self) -> Map {
        Map::new()
            .with(1, self.name.as_str())
            .maybe(2, self.executable.as_deref())
            .maybe(3, self.pid)
    }

    fn take(fields: &mut Fields) -> Result<Option<Self>, Malformed> {
        let Some(value) = fields.take(2) else { return Ok(None) };
        let mut fields = Fields::of(value, "the program")?;
        let name = fields
            .take(1)
            .and_then(Value::into_text)
            .filter(|name| (1..=MAX_NAME_BYTES).contains(&name.len()))
            .ok_or(Malformed("the program's name"))?;
        let executable = fields
            .take(2)
            .map(|path| {
                path.into_text()
                    .filter(|path| (1..=MAX_PATH_BYTES).contains(&path.len()))
            })
            .map(|path| path.ok_or(Malformed("the program's executable")))
            .transpose()?;
        let pid = fields
            .take(3)
            .map(|pid| pid.as_unsigned().and_then(|pid| u32::try_from(pid).ok()))
            .map(|pid| pid.ok_or(Malformed("the program's process id")))
            .transpose()?;
        Ok(Some(Self { name, executable, pid }))
    }
}

/// Keys 2 and 3, which all requests share.
fn with_caller(map: Map, program: Option<&Program>, ticket: Option<&PinTicket>) -> Map {
    map.maybe(2, program.map(Program::to_map))
        .maybe(3, ticket.map(|ticket| ticket.as_bytes().as_slice()))
}

impl Ceremony {
    /// The bytes on the bus.
    pub fn encode(&self) -> Vec<u8> {
        let map = Map::new().with(1, self.request.as_slice());
        Value::from(with_caller(map, self.program.as_ref(), self.ticket.as_ref())).encode()
    }

    /// Reads a request.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::decode(bytes, &REQUEST_LIMITS)?;
        Ok(Self {
            request: fields
                .take(1)
                .and_then(Value::into_bytes)
                .ok_or(Malformed("the CTAP request"))?,
            program: Program::take(&mut fields)?,
            ticket: fields.ticket(3)?,
        })
    }
}

impl fmt::Debug for Ceremony {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The request holds the client data hash, the account, and perhaps salts and their wrap key.
        f.debug_struct("Ceremony")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

impl CeremonyReply {
    /// An answer.
    pub fn ok(response: Vec<u8>) -> Self {
        Self {
            status: Status::Success,
            response: Some(response),
        }
    }

    /// No answer. `status` is not success.
    pub fn failed(status: Status) -> Self {
        Self { status, response: None }
    }

    /// The bytes on the bus.
    pub fn encode(&self) -> Vec<u8> {
        let map = Map::new()
            .with(1, u64::from(self.status.code()))
            .maybe(2, self.response.as_deref());
        Value::from(map).encode()
    }

    /// Reads a reply: a response comes with success and only with it.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::decode(bytes, &REPLY_LIMITS)?;
        let status = fields.status(1)?;
        let response = fields
            .take(2)
            .map(|response| response.into_bytes().ok_or(Malformed("the CTAP response")))
            .transpose()?;
        if response.is_some() != (status == Status::Success) {
            return Err(Malformed("a response without success, or the other way round"));
        }
        Ok(Self { status, response })
    }
}

impl fmt::Debug for CeremonyReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CeremonyReply")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Select {
    /// The bytes on the bus.
    pub fn encode(&self) -> Vec<u8> {
        Value::from(with_caller(Map::new(), self.program.as_ref(), None)).encode()
    }

    /// Reads a request.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::decode(bytes, &REQUEST_LIMITS)?;
        Ok(Self {
            program: Program::take(&mut fields)?,
        })
    }
}

impl Info {
    /// The bytes on the bus.
    pub fn encode(self) -> Vec<u8> {
        let map = Map::new()
            .with(1, self.pin_set)
            .with(2, self.tries_left)
            .with(3, self.locked_out)
            .with(4, self.client_pin);
        Value::from(map).encode()
    }

    /// Reads a reply.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::decode(bytes, &REPLY_LIMITS)?;
        Ok(Self {
            pin_set: fields.boolean(1)?,
            tries_left: fields.number(2)?,
            locked_out: fields.boolean(3)?,
            client_pin: fields.take(4) == Some(Value::Bool(true)),
        })
    }
}

impl PinCheck {
    /// The bytes on the bus.
    pub fn encode(&self) -> Vec<u8> {
        encode_ticket(&self.0)
    }

    /// Reads a reply.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let outcome = decode_ticket(bytes).map_err(|_| Malformed("the outcome of a PIN"))?;
        Ok(Self(outcome))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
