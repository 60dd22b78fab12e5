//! Reading the maps of the joint: integer keys, known types, unknown keys passed over.

use claviger_ctap::cbor::{self, CborError, Limits, Map, Value};

/// Why a message of the joint cannot be read. Whoever sent it is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Not canonical CBOR, or beyond the limits.
    #[error("not canonical CBOR: {0}")]
    Cbor(#[from] CborError),
    /// The outermost item is not a map.
    #[error("not a map")]
    NotAMap,
    /// A required key is missing.
    #[error("key {0} is missing")]
    Missing(i64),
    /// A key's value has another type, length or range than the protocol gives it.
    #[error("the value of key {0} is out of its type or range")]
    Value(i64),
    /// The version (key 1) is not one that this crate speaks.
    #[error("version {0} of the protocol is not spoken here")]
    Version(u64),
}

/// One map that is being read.
pub(crate) struct Fields(Map);

impl Fields {
    /// Reads an encoded map.
    pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Self, MessageError> {
        cbor::decode(bytes, limits)?
            .into_map()
            .map(Self)
            .ok_or(MessageError::NotAMap)
    }

    /// The same, for a message whose key 1 is the version.
    pub(crate) fn decode_versioned(bytes: &[u8], limits: &Limits) -> Result<Self, MessageError> {
        let fields = Self::decode(bytes, limits)?;
        match fields.unsigned(1)? {
            1 => Ok(fields),
            other => Err(MessageError::Version(other)),
        }
    }

    /// A map inside a map. Faults are reported under the outer key.
    pub(crate) fn nested(value: &Value, key: i64) -> Result<Self, MessageError> {
        value
            .as_map()
            .map(|map| Self(map.clone()))
            .ok_or(MessageError::Value(key))
    }

    pub(crate) fn value(&self, key: i64) -> Result<&Value, MessageError> {
        self.0.int(key).ok_or(MessageError::Missing(key))
    }

    pub(crate) fn unsigned(&self, key: i64) -> Result<u64, MessageError> {
        self.value(key)?.as_unsigned().ok_or(MessageError::Value(key))
    }

    pub(crate) fn boolean(&self, key: i64) -> Result<bool, MessageError> {
        self.value(key)?.as_bool().ok_or(MessageError::Value(key))
    }

    pub(crate) fn bytes(&self, key: i64) -> Result<&[u8], MessageError> {
        self.value(key)?.as_bytes().ok_or(MessageError::Value(key))
    }

    pub(crate) fn array(&self, key: i64) -> Result<&[Value], MessageError> {
        self.value(key)?.as_array().ok_or(MessageError::Value(key))
    }

    /// Text of at most `max` bytes.
    pub(crate) fn text(&self, key: i64, max: usize) -> Result<&str, MessageError> {
        self.value(key)?
            .as_text()
            .filter(|text| text.len() <= max)
            .ok_or(MessageError::Value(key))
    }

    pub(crate) fn map(&self, key: i64) -> Result<Self, MessageError> {
        Self::nested(self.value(key)?, key)
    }

    /// What `read` gives, or `None` when the key is absent. A key that is present must be right.
    pub(crate) fn optional<T>(
        &self,
        key: i64,
        read: impl FnOnce(&Self, i64) -> Result<T, MessageError>,
    ) -> Result<Option<T>, MessageError> {
        self.0.int(key).map(|_| read(self, key)).transpose()
    }

    /// Optional text of at most `max` bytes.
    pub(crate) fn optional_text(&self, key: i64, max: usize) -> Result<Option<String>, MessageError> {
        self.optional(key, |fields, key| Ok(fields.text(key, max)?.to_owned()))
    }
}
