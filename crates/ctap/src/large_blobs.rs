//! `authenticatorLargeBlobs` (0x0c): the request, and what both sides do with the array (CTAP 2.1 §6.10).
//!
//! Members that are not known are ignored on reading, as the specification requires. The answer to a read is the map
//! {1: fragment}; the answer to a write is empty.

use std::fmt;

use crate::cbor::{Limits, Map, Value};
use crate::crypto::Crypto;
use crate::fields::{Fields, MessageError};

/// The array ends with this many bytes of its own SHA-256 (§6.10.2).
pub const TRAILER: usize = 16;

/// A request. `Debug` shows lengths only.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Request {
    /// Read so many bytes.
    pub get: Option<u64>,
    /// Write this fragment.
    pub set: Option<Vec<u8>>,
    /// From here on. Required.
    pub offset: Option<u64>,
    /// With the first fragment: the length of the whole array.
    pub length: Option<u64>,
    /// The MAC under the token: over 32 bytes 0xff, the bytes 0c 00, the offset (4 bytes, little endian), and the
    /// SHA-256 of the fragment.
    pub pin_uv_auth_param: Option<Vec<u8>>,
    /// The PIN/UV auth protocol.
    pub pin_uv_auth_protocol: Option<u64>,
}

impl Request {
    /// Asks for `count` bytes from `offset` on.
    pub fn get(count: u64, offset: u64) -> Self {
        Self {
            get: Some(count),
            offset: Some(offset),
            ..Self::default()
        }
    }

    /// Writes `fragment` at `offset`.
    pub fn set(fragment: Vec<u8>, offset: u64) -> Self {
        Self {
            set: Some(fragment),
            offset: Some(offset),
            ..Self::default()
        }
    }

    /// The parameters of the command as canonical CBOR, without the command byte.
    pub fn to_cbor(&self) -> Vec<u8> {
        let map = Map::new()
            .maybe(0x01, self.get)
            .maybe(0x02, self.set.as_deref())
            .maybe(0x03, self.offset)
            .maybe(0x04, self.length)
            .maybe(0x05, self.pin_uv_auth_param.as_deref())
            .maybe(0x06, self.pin_uv_auth_protocol);
        Value::from(map).encode()
    }

    /// Parses a request within the limits of the transport that it came by.
    pub fn from_cbor_within(bytes: &[u8], limits: &Limits) -> Result<Self, MessageError> {
        let mut fields = Fields::decode(bytes, limits)?;
        Ok(Self {
            get: fields.take(0x01, "get", |v| v.as_unsigned())?,
            set: fields.take(0x02, "set", Value::into_bytes)?,
            offset: fields.take(0x03, "offset", |v| v.as_unsigned())?,
            length: fields.take(0x04, "length", |v| v.as_unsigned())?,
            pin_uv_auth_param: fields.take(0x05, "pinUvAuthParam", Value::into_bytes)?,
            pin_uv_auth_protocol: fields.take(0x06, "pinUvAuthProtocol", |v| v.as_unsigned())?,
        })
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("large_blobs::Request")
            .field("get", &self.get)
            .field("set", &self.set.as_ref().map(Vec::len))
            .field("offset", &self.offset)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// The array with the trailer that makes it whole: what is written, fragment by fragment.
pub fn sealed(crypto: &dyn Crypto, array: &[u8]) -> Vec<u8> {
    let hash = crypto.sha256(&[array]);
    array.iter().chain(hash.iter().take(TRAILER)).copied().collect()
}

/// Whether an array ends with its own hash. A platform that reads one that does not takes it for empty.
pub fn is_intact(crypto: &dyn Crypto, array: &[u8]) -> bool {
    let content = array.len().checked_sub(TRAILER).and_then(|end| array.get(..end));
    content.is_some_and(|content| !content.is_empty() && sealed(crypto, content) == array)
}
