//! The extension `largeBlob` (CTAP 2.2) as it crosses the provider protocol: bytes of a site's that lie with a credential and may be
//! replaced. The array of `authenticatorLargeBlobs`, which a security key has instead, is [`large_blobs`](crate::large_blobs).
//!
//! Inputs are `{"support": "required" | "preferred"}` in make, `{"read": true}` or `{"write": bytes, "originalSize": uint}` in get.
//! Outputs stand beside the signed data: `{"supported": bool}`; `{"blob": bytes, "originalSize": uint}`, or `{}` where there is none;
//! `{"written": bool}`.

use std::fmt;

use zeroize::Zeroizing;

use crate::cbor::{Map, Value};
use crate::fields::MessageError;

/// The name of the extension.
pub const NAME: &str = "largeBlob";

/// Most bytes of a blob as it is kept: compressed.
pub const MAX_BYTES: usize = 4096;

/// Most bytes of a blob as the site knows it.
pub const MAX_ORIGINAL_BYTES: u64 = 65_536;

/// A blob as it is kept: what the client has made of the site's bytes by raw DEFLATE (RFC 1951). It is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct LargeBlob {
    /// The compressed bytes.
    pub data: Zeroizing<Vec<u8>>,
    /// How many bytes the site gave.
    pub original_size: u64,
}

impl LargeBlob {
    /// Whether it is no longer than blobs may be.
    pub fn fits(&self) -> bool {
        self.data.len() <= MAX_BYTES && self.original_size <= MAX_ORIGINAL_BYTES
    }

    /// Reads the output of a request to read; `None` when there is no blob in it.
    pub fn from_output(output: &Map) -> Result<Option<Self>, MessageError> {
        Self::from_map(output, "blob")
    }

    /// The counterpart of [`Self::from_output`].
    pub fn to_output(&self) -> Map {
        self.to_map("blob")
    }

    fn from_map(map: &Map, name: &str) -> Result<Option<Self>, MessageError> {
        let Some(data) = map.text(name) else {
            return Ok(None);
        };
        let data = data.as_bytes().ok_or(WRONG_TYPE)?;
        let original_size = map.text(ORIGINAL_SIZE).and_then(Value::as_unsigned).ok_or(INVALID)?;
        Ok(Some(Self {
            data: Zeroizing::new(data.to_vec()),
            original_size,
        }))
    }

    fn to_map(&self, name: &str) -> Map {
        Map::new()
            .with(name, self.data.as_slice())
            .with(ORIGINAL_SIZE, self.original_size)
    }
}

impl fmt::Debug for LargeBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LargeBlob({} bytes)", self.data.len())
    }
}

/// What get asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AtGet {
    /// The blob.
    Read,
    /// That it is replaced by this one.
    Write(LargeBlob),
}

impl AtGet {
    /// Reads the input.
    pub fn from_input(input: &Value) -> Result<Self, MessageError> {
        let map = input.as_map().ok_or(WRONG_TYPE)?;
        let read = map.text("read").map(|value| value.as_bool() == Some(true));
        match (read, LargeBlob::from_map(map, "write")?) {
            (Some(true), None) => Ok(Self::Read),
            (None, Some(blob)) => Ok(Self::Write(blob)),
            _ => Err(INVALID),
        }
    }

    /// The counterpart of [`Self::from_input`].
    pub fn to_input(&self) -> Map {
        match self {
            Self::Read => Map::new().with("read", true),
            Self::Write(blob) => blob.to_map("write"),
        }
    }
}

const ORIGINAL_SIZE: &str = "originalSize";
const WRONG_TYPE: MessageError = MessageError::WrongType { field: NAME };
const INVALID: MessageError = MessageError::Invalid { field: NAME };
