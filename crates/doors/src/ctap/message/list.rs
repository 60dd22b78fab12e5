//! The messages of credential management: list, delete, update.

use claviger_broker::PinTicket;
use claviger_ctap::cbor::{Limits, Map, Value};
use claviger_ctap::crypto::PublicKey;
use claviger_ctap::status::Status;
use claviger_ctap::types::{CredentialId, UserEntity};

use super::super::fields::Fields;
use super::{Malformed, Program, REQUEST_LIMITS, with_caller};

/// What a list may be.
pub const LIST_LIMITS: Limits = Limits {
    max_bytes: 8 * 1024 * 1024,
    max_depth: 5,
    max_items: 32 * MAX_LISTED,
    other_simple: false,
};

/// Most credentials in a list.
pub const MAX_LISTED: usize = 2048;

/// `List`.
#[derive(Debug)]
pub struct List {
    /// Who asks, where that is known.
    pub program: Option<Program>,
    /// Stands for the PIN.
    pub ticket: Option<PinTicket>,
}

/// The reply to `List`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListReply {
    /// What the client is told.
    pub status: Status,
    /// The discoverable credentials, those of one RP ID one after the other.
    pub credentials: Vec<Listed>,
}

/// One credential of a list: 1 RP ID, 2 user map, 3 credential id, 4? COSE key, 5 credProtect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// Its RP ID.
    pub rp_id: String,
    /// Its account.
    pub user: UserEntity,
    /// The credential.
    pub credential: CredentialId,
    /// Its public key; absent when the platform never saw it being made.
    pub public_key: Option<PublicKey>,
    /// Its credProtect level (CTAP 2.1 §12.1).
    pub protection: u8,
}

/// `Delete`.
#[derive(Debug)]
pub struct Delete {
    /// The credential.
    pub credential: CredentialId,
    /// Who asks, where that is known.
    pub program: Option<Program>,
    /// Stands for the PIN.
    pub ticket: Option<PinTicket>,
}

/// `Update`.
#[derive(Debug)]
pub struct Update {
    /// The credential.
    pub credential: CredentialId,
    /// Who asks, where that is known.
    pub program: Option<Program>,
    /// Stands for the PIN.
    pub ticket: Option<PinTicket>,
    /// The account as it is to be from now on; its id must be what it is.
    pub user: UserEntity,
}

impl List {
    /// The bytes on the bus.
    pub fn encode(&self) -> Vec<u8> {
        Value::from(with_caller(Map::new(), self.program.as_ref(), self.ticket.as_ref())).encode()
    }

    /// Reads a request.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::decode(bytes, &REQUEST_LIMITS)?;
        Ok(Self {
            program: Program::take(&mut fields)?,
            ticket: fields.ticket(3)?,
        })
    }
}

impl ListReply {
    /// No list. `status` is not success.
    pub fn failed(status: Status) -> Self {
        Self {
            status,
            credentials: Vec::new(),
        }
    }

    /// The bytes on the bus.
    pub fn encode(&self) -> Vec<u8> {
        let listed = || -> Vec<Value> { self.credentials.iter().map(Listed::to_value).collect() };
        let map = Map::new()
            .with(1, u64::from(self.status.code()))
            .maybe(2, (self.status == Status::Success).then(listed));
        Value::from(map).encode()
    }

    /// Reads a reply.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::decode(bytes, &LIST_LIMITS)?;
        let status = fields.status(1)?;
        let listed = match fields.take(2) {
            None => Vec::new(),
            Some(value) => value.into_array().ok_or(Malformed("the list"))?,
        };
        if listed.len() > MAX_LISTED || (status != Status::Success && !listed.is_empty()) {
            return Err(Malformed("the list is too long, or there should be none"));
        }
        let credentials = listed.into_iter().map(Listed::from_value).collect::<Result<_, _>>()?;
        Ok(Self { status, credentials })
    }
}

impl Listed {
    fn to_value(&self) -> Value {
        Map::new()
            .with(1, self.rp_id.as_str())
            .with(2, self.user.to_cbor())
            .with(3, self.credential.as_bytes())
            .maybe(4, self.public_key.as_ref().map(PublicKey::to_cose))
            .with(5, u64::from(self.protection))
            .into()
    }

    fn from_value(value: Value) -> Result<Self, Malformed> {
        let mut fields = Fields::of(value, "an entry of the list")?;
        Ok(Self {
            rp_id: fields
                .take(1)
                .and_then(Value::into_text)
                .ok_or(Malformed("the RP ID of an entry"))?,
            user: fields.user(2)?,
            credential: fields.credential(3)?,
            public_key: fields
                .take(4)
                .map(|key| PublicKey::from_cose(&key).map_err(|_| Malformed("the key of an entry")))
                .transpose()?,
            protection: fields
                .take(5)
                .and_then(|level| level.as_unsigned())
                .and_then(|level| u8::try_from(level).ok())
                .filter(|level| (1..=3).contains(level))
                .ok_or(Malformed("the credProtect level of an entry"))?,
        })
    }
}

impl Delete {
    /// The bytes on the bus.
    pub fn encode(&self) -> Vec<u8> {
        let map = Map::new().with(1, self.credential.as_bytes());
        Value::from(with_caller(map, self.program.as_ref(), self.ticket.as_ref())).encode()
    }

    /// Reads a request.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::decode(bytes, &REQUEST_LIMITS)?;
        Ok(Self {
            credential: fields.credential(1)?,
            program: Program::take(&mut fields)?,
            ticket: fields.ticket(3)?,
        })
    }
}

impl Update {
    /// The bytes on the bus.
    pub fn encode(&self) -> Vec<u8> {
        let map = Map::new()
            .with(1, self.credential.as_bytes())
            .with(4, self.user.to_cbor());
        Value::from(with_caller(map, self.program.as_ref(), self.ticket.as_ref())).encode()
    }

    /// Reads a request.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::decode(bytes, &REQUEST_LIMITS)?;
        Ok(Self {
            credential: fields.credential(1)?,
            program: Program::take(&mut fields)?,
            ticket: fields.ticket(3)?,
            user: fields.user(4)?,
        })
    }
}
