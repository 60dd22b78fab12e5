//! The encoder. There is nothing to choose: a [`Value`] has one canonical encoding.

use super::{OtherSimple, Value};

pub(super) fn encode_into(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Unsigned(n) => head(0, *n, out),
        Value::Negative(n) => head(1, *n, out),
        Value::Bytes(bytes) => {
            head(2, bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
        Value::Text(text) => {
            head(3, text.len() as u64, out);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Array(items) => {
            head(4, items.len() as u64, out);
            for item in items {
                encode_into(item, out);
            }
        }
        Value::Map(map) => {
            head(5, map.len() as u64, out);
            for (key, value) in map {
                encode_into(key, out);
                encode_into(value, out);
            }
        }
        Value::Bool(false) => out.push(0xf4),
        Value::Bool(true) => out.push(0xf5),
        Value::Null => out.push(0xf6),
        Value::Other(OtherSimple { info, argument }) => {
            out.push(0xe0 | info);
            let bytes = argument.to_be_bytes();
            let length = match info {
                24 => 1,
                25 => 2,
                26 => 4,
                27 => 8,
                _ => 0,
            };
            out.extend(bytes.iter().skip(bytes.len() - length));
        }
    }
}

/// Writes the initial byte and its argument in the shortest form (RFC 8949 §3).
fn head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    if let Ok(n) = u8::try_from(argument) {
        if n < 24 {
            out.push(major | n);
        } else {
            out.extend_from_slice(&[major | 0x18, n]);
        }
    } else if let Ok(n) = u16::try_from(argument) {
        out.push(major | 0x19);
        out.extend_from_slice(&n.to_be_bytes());
    } else if let Ok(n) = u32::try_from(argument) {
        out.push(major | 0x1a);
        out.extend_from_slice(&n.to_be_bytes());
    } else {
        out.push(major | 0x1b);
        out.extend_from_slice(&argument.to_be_bytes());
    }
}
