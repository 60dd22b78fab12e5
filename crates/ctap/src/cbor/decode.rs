//! The decoder: one pass over the input, recursion bounded by [`Limits::max_depth`].

use std::cmp::Ordering;

use thiserror::Error;

use super::{Map, OtherSimple, Value};

/// What a decoder is ready to accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of the whole input, in bytes.
    pub max_bytes: usize,
    /// Nesting of arrays and maps; 0 accepts scalars only.
    pub max_depth: u8,
    /// Data items in all, keys and containers counted too.
    pub max_items: usize,
    /// Whether floating-point numbers, `undefined` and other simple values are read, as CTAP 2.1 §8 has it; the
    /// platform's own structures are without.
    pub other_simple: bool,
}

impl Limits {
    /// A CTAP message on a 64-byte-report transport: 7609 bytes (CTAP 2.1 §11.2.4) and four levels (§8).
    pub const CTAP: Self = Self {
        max_bytes: 7609,
        max_depth: 4,
        max_items: 2048,
        other_simple: true,
    };

    /// A CTAP message inside the provider protocol: 60 KiB, so that it fits an envelope whatever else that holds
    /// (web sites send long allow lists, and no transport splits them here); six levels, because
    /// `prf.evalByCredential` puts a fifth into a request.
    pub const JOINT: Self = Self {
        max_bytes: 60 * 1024,
        max_depth: 6,
        max_items: 4096,
        other_simple: false,
    };

    /// A signed envelope, evidence, or another of the platform's own structures: 64 KiB, eight levels.
    pub const ENVELOPE: Self = Self {
        max_bytes: 64 * 1024,
        max_depth: 8,
        max_items: 8192,
        other_simple: false,
    };
}

/// Why bytes are not one canonical CBOR data item within the limits. Always the sender's fault.
///
/// Offsets count bytes from the start of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CborError {
    /// The input is longer than [`Limits::max_bytes`].
    #[error("the input has {length} bytes, more than the {limit} that are accepted")]
    TooLong {
        /// Length of the input.
        length: usize,
        /// The limit that it exceeds.
        limit: usize,
    },
    /// Arrays and maps nest deeper than [`Limits::max_depth`].
    #[error("nested too deeply at byte {offset}")]
    TooDeep {
        /// Where the container starts.
        offset: usize,
    },
    /// There are more data items than [`Limits::max_items`].
    #[error("too many data items at byte {offset}")]
    TooManyItems {
        /// Where the first item too many starts.
        offset: usize,
    },
    /// The input ends inside a data item.
    #[error("the input ends inside the item at byte {offset}")]
    Truncated {
        /// Where the incomplete part starts.
        offset: usize,
    },
    /// An integer or a length is not in its shortest form.
    #[error("not the shortest form at byte {offset}")]
    NotShortest {
        /// Where the item starts.
        offset: usize,
    },
    /// A string, array or map has indefinite length.
    #[error("indefinite length at byte {offset}")]
    Indefinite {
        /// Where the item starts.
        offset: usize,
    },
    /// A tag or a reserved initial byte; a floating-point number, `undefined` or another simple value, where
    /// [`Limits::other_simple`] does not allow them.
    #[error("an item of a kind that is not used here at byte {offset}")]
    Unsupported {
        /// Where the item starts.
        offset: usize,
    },
    /// A text string is not UTF-8.
    #[error("text that is not UTF-8 at byte {offset}")]
    NotUtf8 {
        /// Where the item starts.
        offset: usize,
    },
    /// A map key sorts before its predecessor.
    #[error("map keys out of order at byte {offset}")]
    NotSorted {
        /// Where the key starts.
        offset: usize,
    },
    /// A map has the same key twice.
    #[error("duplicate map key at byte {offset}")]
    DuplicateKey {
        /// Where the second key starts.
        offset: usize,
    },
    /// Bytes follow the data item.
    #[error("bytes after the end of the item at byte {offset}")]
    TrailingBytes {
        /// Where they start.
        offset: usize,
    },
}

/// Decodes `bytes`, all of them, as one data item.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Value, CborError> {
    let (value, rest) = decode_prefix(bytes, limits)?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(CborError::TrailingBytes {
            offset: bytes.len() - rest.len(),
        })
    }
}

/// Decodes the data item that `bytes` start with, and returns what follows it (for authenticator data).
pub fn decode_prefix<'a>(bytes: &'a [u8], limits: &Limits) -> Result<(Value, &'a [u8]), CborError> {
    if bytes.len() > limits.max_bytes {
        return Err(CborError::TooLong {
            length: bytes.len(),
            limit: limits.max_bytes,
        });
    }
    let mut decoder = Decoder {
        total: bytes.len(),
        rest: bytes,
        items_left: limits.max_items,
        other_simple: limits.other_simple,
    };
    let value = decoder.item(limits.max_depth)?;
    Ok((value, decoder.rest))
}

struct Decoder<'a> {
    total: usize,
    rest: &'a [u8],
    items_left: usize,
    other_simple: bool,
}

impl<'a> Decoder<'a> {
    fn item(&mut self, depth_left: u8) -> Result<Value, CborError> {
        let offset = self.offset();
        self.items_left = self
            .items_left
            .checked_sub(1)
            .ok_or(CborError::TooManyItems { offset })?;
        if let Some(other) = self.other_simple()? {
            return Ok(Value::Other(other));
        }
        let (major, argument) = self.head()?;
        match major {
            0 => Ok(Value::Unsigned(argument)),
            1 => Ok(Value::Negative(argument)),
            2 => Ok(Value::Bytes(self.take(argument)?.to_vec())),
            3 => match std::str::from_utf8(self.take(argument)?) {
                Ok(text) => Ok(Value::Text(text.to_owned())),
                Err(_) => Err(CborError::NotUtf8 { offset }),
            },
            4 => {
                let depth_left = depth_left.checked_sub(1).ok_or(CborError::TooDeep { offset })?;
                let mut items = Vec::with_capacity(self.capacity(argument, 1, offset)?);
                for _ in 0..argument {
                    items.push(self.item(depth_left)?);
                }
                Ok(Value::Array(items))
            }
            5 => {
                let depth_left = depth_left.checked_sub(1).ok_or(CborError::TooDeep { offset })?;
                self.capacity(argument, 2, offset)?;
                self.map(argument, depth_left).map(Value::Map)
            }
            // Major type 7: `head` has let through nothing but these three.
            _ => Ok(match argument {
                20 => Value::Bool(false),
                21 => Value::Bool(true),
                _ => Value::Null,
            }),
        }
    }

    fn map(&mut self, length: u64, depth_left: u8) -> Result<Map, CborError> {
        let mut map = Map::new();
        for _ in 0..length {
            let offset = self.offset();
            let key = self.item(depth_left)?;
            let value = self.item(depth_left)?;
            map.push(key, value).map_err(|order| match order {
                Ordering::Equal => CborError::DuplicateKey { offset },
                _ => CborError::NotSorted { offset },
            })?;
        }
        Ok(map)
    }

    /// What begins here, if it is of major type 7 and none of the three values that CTAP uses.
    fn other_simple(&mut self) -> Result<Option<OtherSimple>, CborError> {
        let offset = self.offset();
        let info = match self.rest.first() {
            Some(initial @ 0xe0..=0xff) => initial & 0x1f,
            _ => return Ok(None),
        };
        if !self.other_simple || (20..=22).contains(&info) {
            return Ok(None);
        }
        self.take(1)?;
        let argument = match info {
            0..=23 => 0,
            // RFC 8949 §3.3: below 32 there is one byte for them.
            24 => match u8::from_be_bytes(self.array()?) {
                value @ 32.. => value.into(),
                _ => return Err(CborError::Unsupported { offset }),
            },
            25 => u16::from_be_bytes(self.array()?).into(),
            26 => u32::from_be_bytes(self.array()?).into(),
            27 => u64::from_be_bytes(self.array()?),
            _ => return Err(CborError::Unsupported { offset }),
        };
        Ok(Some(OtherSimple { info, argument }))
    }

    /// Reads an initial byte and its argument.
    fn head(&mut self) -> Result<(u8, u64), CborError> {
        let offset = self.offset();
        let initial = self.array::<1>()?[0];
        let (major, info) = (initial >> 5, initial & 0x1f);
        if major == 6 || (major == 7 && !(20..=22).contains(&info)) {
            return Err(CborError::Unsupported { offset });
        }
        let (argument, smallest) = match info {
            0..=23 => (u64::from(info), 0),
            24 => (u64::from(u8::from_be_bytes(self.array()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.array()?)), 1 << 8),
            26 => (u64::from(u32::from_be_bytes(self.array()?)), 1 << 16),
            27 => (u64::from_be_bytes(self.array()?), 1 << 32),
            31 if (2..=5).contains(&major) => return Err(CborError::Indefinite { offset }),
            _ => return Err(CborError::Unsupported { offset }),
        };
        if argument < smallest {
            Err(CborError::NotShortest { offset })
        } else {
            Ok((major, argument))
        }
    }

    /// Refuses a container whose declared length the rest of the input or the item limit cannot hold, so that a
    /// few bytes never reserve much memory.
    fn capacity(&self, length: u64, items_each: usize, offset: usize) -> Result<usize, CborError> {
        let length = usize::try_from(length).map_err(|_| CborError::Truncated { offset })?;
        let items = length.checked_mul(items_each).ok_or(CborError::Truncated { offset })?;
        if items > self.rest.len() {
            Err(CborError::Truncated { offset })
        } else if items > self.items_left {
            Err(CborError::TooManyItems { offset })
        } else {
            Ok(length)
        }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], CborError> {
        let offset = self.offset();
        let length = usize::try_from(length).map_err(|_| CborError::Truncated { offset })?;
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(CborError::Truncated { offset })?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        let offset = self.offset();
        let (taken, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(CborError::Truncated { offset })?;
        self.rest = rest;
        Ok(*taken)
    }

    fn offset(&self) -> usize {
        self.total - self.rest.len()
    }
}
