//! Requests that the fuzzer shapes.

use claviger_ctap::cbor::{Map, Value};
use claviger_ctap::get_assertion::Request as Get;
use claviger_ctap::make_credential::Request as Make;
use claviger_ctap::types::{CredentialId, UserId};
use libfuzzer_sys::arbitrary::{Result, Unstructured};

use crate::bed::{descriptor, get, make_at};

pub const SITES: [&str; 3] = ["example.com", "example.org", "x"];

const EXTENSIONS: [&str; 9] = [
    "credBlob",
    "credProtect",
    "hmac-secret",
    "hmac-secret-mc",
    "largeBlobKey",
    "minPinLength",
    "thirdPartyPayment",
    "prf",
    "unheard-of",
];

/// Any value, of the kinds and sizes that requests hold.
pub fn value(input: &mut Unstructured<'_>, depth: u8) -> Result<Value> {
    let kinds = if depth == 0 { 4 } else { 6 };
    Ok(match input.int_in_range(0..=kinds)? {
        0 => Value::from(u64::from(input.arbitrary::<u16>()?)),
        1 => Value::from(i64::from(input.arbitrary::<i16>()?)),
        2 => Value::from(input.arbitrary::<bool>()?),
        3 => {
            let length = *input.choose(&[0, 1, 16, 31, 32, 33, 48, 64, 80])?;
            Value::Bytes(vec![input.arbitrary()?; length])
        }
        4 => Value::from(*input.choose(&["", "public-key", "example.com", "none", "packed", "é"])?),
        5 => {
            let count = input.int_in_range(0..=3)?;
            let items: Result<Vec<Value>> = (0..count).map(|_| value(input, depth - 1)).collect();
            items?.into()
        }
        _ => {
            let mut map = Map::new();
            for _ in 0..input.int_in_range(0..=4)? {
                let key = if input.arbitrary()? {
                    Value::from(u64::from(input.int_in_range(0_u8..=12)?))
                } else {
                    Value::from(*input.choose(&["id", "type", "alg", "name", "rk", "up", "uv"])?)
                };
                map.insert(key, value(input, depth - 1)?);
            }
            map.into()
        }
    })
}

/// Extension inputs: right ones and others. The input of hmac-secret comes from outside.
pub fn extensions(input: &mut Unstructured<'_>, salts: &Map) -> Result<Map> {
    let mut map = Map::new();
    for _ in 0..input.int_in_range(0..=3)? {
        let name = *input.choose(&EXTENSIONS)?;
        let content = match input.int_in_range(0..=5)? {
            0 => value(input, 2)?,
            1 => salts.clone().into(),
            2 => Value::from(u64::from(input.int_in_range(0_u8..=4)?)),
            3 => Value::Bytes(vec![7; input.int_in_range(0..=40)?]),
            _ => true.into(),
        };
        map.insert(name, content);
    }
    Ok(map)
}

/// A well-formed request for a credential.
pub fn making(input: &mut Unstructured<'_>, known: &[CredentialId]) -> Result<Make> {
    let handle = [input.int_in_range(1_u8..=4)?];
    let mut request = make_at(input.choose::<&str>(&SITES)?, &handle);
    request.options.rk = input.arbitrary()?;
    request.options.uv = input.ratio(1, 4)?;
    request.options.up = !input.ratio(1, 16)?;
    if input.ratio(1, 8)? {
        request.algorithms = vec![i64::from(input.arbitrary::<i16>()?), -8];
    }
    if input.ratio(1, 8)? {
        request.user.id = UserId::new(vec![9; input.int_in_range(1..=64)?]).unwrap();
        request.user.name = Some("ä".repeat(input.int_in_range(0..=300)?));
    }
    if input.ratio(1, 4)? && !known.is_empty() {
        request.exclude_list = vec![descriptor(input.choose(known)?)];
    }
    if input.ratio(1, 8)? {
        request.enterprise_attestation = Some(input.int_in_range(0..=3)?);
        request.attestation_formats_preference = vec!["packed".to_owned()];
    }
    Ok(request)
}

/// A well-formed request for an assertion.
pub fn getting(input: &mut Unstructured<'_>, known: &[CredentialId]) -> Result<Get> {
    let mut request = get(&[]);
    request.rp_id = (*input.choose(&SITES)?).to_owned();
    request.options.up = !input.ratio(1, 4)?;
    request.options.uv = input.ratio(1, 4)?;
    if !known.is_empty() {
        for _ in 0..input.int_in_range(0..=9)? {
            request.allow_list.push(descriptor(input.choose(known)?));
        }
    }
    Ok(request)
}
