//! Strict CTAP2 canonical CBOR (CTAP 2.1 §8, a subset of RFC 8949).
//!
//! [`decode`] accepts exactly the byte strings that [`Value::encode`] produces, and nothing else: shortest-form
//! integers and lengths, definite lengths, map keys sorted and unique, valid UTF-8; no tags, no trailing bytes. Two
//! different encodings of one value never both verify, so whatever is signed, hashed or compared here has one form.
//!
//! Floating point and `undefined`, which CTAP2 allows and no member of its messages has, are read only where
//! [`Limits::other_simple`] says so: to be told from what is no CBOR, and to be passed over in what is not known.
//!
//! Every call to [`decode`] names its [`Limits`]; memory use is bounded before anything is allocated for the input.
//!
//! ```
//! use claviger_ctap::cbor::{Limits, Map, Value, decode};
//!
//! let value = Value::from(Map::new().with(1, "one").with("two", vec![2_u8]));
//! let bytes = value.encode();
//! assert_eq!(decode(&bytes, &Limits::CTAP), Ok(value));
//! ```

mod decode;
mod encode;
mod map;
#[cfg(test)]
mod tests;

use std::fmt;

pub use decode::{CborError, Limits, decode, decode_prefix};
pub use map::Map;

/// One CBOR data item of the kinds that CTAP2 uses.
///
/// `Debug` prints byte strings as `bytes(length)` only: they carry hashes, signatures, salts and user handles.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Major type 0.
    Unsigned(u64),
    /// Major type 1: the number −1 − n, where n is the field.
    Negative(u64),
    /// Major type 2.
    Bytes(Vec<u8>),
    /// Major type 3.
    Text(String),
    /// Major type 4.
    Array(Vec<Value>),
    /// Major type 5.
    Map(Map),
    /// Simple values 20 and 21.
    Bool(bool),
    /// Simple value 22.
    Null,
    /// The rest of major type 7.
    Other(OtherSimple),
}

/// A floating-point number, `undefined`, or another simple value, kept as it came: CTAP 2.1 §8 does not change the
/// representation of a floating-point number, so its size is part of it. Only [`decode`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherSimple {
    /// The low five bits of the initial byte.
    info: u8,
    argument: u64,
}

impl Value {
    /// The canonical encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        encode::encode_into(self, &mut out);
        out
    }

    /// The value of an unsigned integer.
    pub fn as_unsigned(&self) -> Option<u64> {
        match self {
            Self::Unsigned(n) => Some(*n),
            _ => None,
        }
    }

    /// The value of an integer that fits `i64`.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Unsigned(n) => i64::try_from(*n).ok(),
            Self::Negative(n) => i64::try_from(*n).ok().map(|n| -1 - n),
            _ => None,
        }
    }

    /// The content of a byte string.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The content of a text string.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The map.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The truth value.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// The content of a byte string, without copying.
    pub fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The content of a text string, without copying.
    pub fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of an array, without copying.
    pub fn into_array(self) -> Option<Vec<Value>> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The map, without copying.
    pub fn into_map(self) -> Option<Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned(n) => write!(f, "{n}"),
            Self::Negative(n) => write!(f, "{}", -1 - i128::from(*n)),
            Self::Bytes(bytes) => write!(f, "bytes({})", bytes.len()),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Array(items) => f.debug_list().entries(items).finish(),
            Self::Map(map) => map.fmt(f),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Null => f.write_str("null"),
            Self::Other(_) => f.write_str("other"),
        }
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Unsigned(n)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        // `!n` is −1 − n, which is not negative when n is: the conversion cannot lose anything.
        if n < 0 {
            Self::Negative((!n).unsigned_abs())
        } else {
            Self::Unsigned(n.unsigned_abs())
        }
    }
}

impl From<u32> for Value {
    fn from(n: u32) -> Self {
        Self::Unsigned(u64::from(n))
    }
}

impl From<i32> for Value {
    fn from(n: i32) -> Self {
        Self::from(i64::from(n))
    }
}

impl From<u8> for Value {
    fn from(n: u8) -> Self {
        Self::Unsigned(u64::from(n))
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(bytes: &[u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::Array(items)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}
