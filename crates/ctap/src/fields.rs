//! Reading the members of a CTAP map, and what can be wrong with them.

use thiserror::Error;

use crate::cbor::{CborError, Limits, Map, Value, decode};
use crate::crypto::CryptoError;
use crate::status::Status;

/// Why a CTAP message is refused before any command looks at it. Always the sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Not canonical CBOR.
    #[error("not canonical CBOR: {0}")]
    Cbor(#[from] CborError),
    /// A member has another CBOR type than the specification gives it.
    #[error("{field} has the wrong type")]
    WrongType {
        /// The member, as the specification names it.
        field: &'static str,
    },
    /// A required member is absent.
    #[error("{field} is missing")]
    Missing {
        /// The member, as the specification names it.
        field: &'static str,
    },
    /// A member has a value that it may not have.
    #[error("{field} is invalid")]
    Invalid {
        /// The member, as the specification names it.
        field: &'static str,
    },
    /// A public key in a message is not a valid key.
    #[error(transparent)]
    Key(#[from] CryptoError),
}

impl MessageError {
    /// The status that an authenticator answers with.
    pub fn status(&self) -> Status {
        match self {
            Self::Cbor(CborError::TooLong { .. } | CborError::TooManyItems { .. }) => Status::LimitExceeded,
            Self::Cbor(_) => Status::InvalidCbor,
            Self::WrongType { .. } => Status::CborUnexpectedType,
            Self::Missing { .. } => Status::MissingParameter,
            Self::Invalid { .. } | Self::Key(_) => Status::InvalidParameter,
        }
    }
}

/// The members of one map, taken out one by one. What is left at the end is ignored, as CTAP 2.1 §6 requires.
pub(crate) struct Fields {
    map: Map,
}

impl Fields {
    pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Self, MessageError> {
        Self::from_value(decode(bytes, limits)?, "the message")
    }

    pub(crate) fn from_value(value: Value, field: &'static str) -> Result<Self, MessageError> {
        Ok(Self {
            map: value.into_map().ok_or(MessageError::WrongType { field })?,
        })
    }

    /// Takes an optional member. `parse` says whether the type fits.
    pub(crate) fn take<T>(
        &mut self,
        key: impl Into<Value>,
        field: &'static str,
        parse: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>, MessageError> {
        match self.map.remove(&key.into()) {
            Some(value) => parse(value).map(Some).ok_or(MessageError::WrongType { field }),
            None => Ok(None),
        }
    }

    /// Takes a required member.
    pub(crate) fn require<T>(
        &mut self,
        key: impl Into<Value>,
        field: &'static str,
        parse: impl FnOnce(Value) -> Option<T>,
    ) -> Result<T, MessageError> {
        self.take(key, field, parse)?.ok_or(MessageError::Missing { field })
    }

    /// Takes a required byte string of exactly 32 bytes.
    pub(crate) fn require_32(&mut self, key: i64, field: &'static str) -> Result<[u8; 32], MessageError> {
        let bytes = self.require(key, field, Value::into_bytes)?;
        bytes.try_into().map_err(|_| MessageError::Invalid { field })
    }

    /// Takes an optional array; absent is empty.
    pub(crate) fn list(&mut self, key: i64, field: &'static str) -> Result<Vec<Value>, MessageError> {
        Ok(self.take(key, field, Value::into_array)?.unwrap_or_default())
    }

    /// Takes an optional map; absent is empty.
    pub(crate) fn map(&mut self, key: i64, field: &'static str) -> Result<Map, MessageError> {
        Ok(self.take(key, field, Value::into_map)?.unwrap_or_default())
    }
}

/// Takes an optional key for large blobs, which several answers carry.
pub(crate) fn large_blob_key(fields: &mut Fields, key: i64) -> Result<Option<[u8; 32]>, MessageError> {
    let field = "largeBlobKey";
    let bytes = fields.take(key, field, Value::into_bytes)?;
    bytes
        .map(|bytes| bytes.try_into().map_err(|_| MessageError::Invalid { field }))
        .transpose()
}

/// Reads one option of an options map.
pub(crate) fn option(options: &Map, name: &'static str) -> Result<Option<bool>, MessageError> {
    match options.text(name) {
        Some(value) => value.as_bool().map(Some).ok_or(MessageError::WrongType { field: name }),
        None => Ok(None),
    }
}

/// A list to write, unless it is empty: then CTAP leaves the member out.
pub(crate) fn list(values: Vec<Value>) -> Option<Vec<Value>> {
    Some(values).filter(|values| !values.is_empty())
}

/// The same for a map.
pub(crate) fn members(map: Map) -> Option<Map> {
    Some(map).filter(|map| !map.is_empty())
}
