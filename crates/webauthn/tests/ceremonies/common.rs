//! What the tests of both ceremonies share: callers, and a provider that answers as it is told.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use claviger_ctap::{
    authenticator_data::{AttestedCredential, AuthenticatorData, Flags},
    crypto::{self, Algorithm, PublicKey},
    types::{Aaguid, CredentialId},
};
use claviger_webauthn::{CallerContext, Origin};
use serde_json::Value;

pub const AAGUID: Aaguid = Aaguid(*b"claviger-aaguid!");

pub fn origin(text: &str) -> Origin {
    Origin::parse(text).unwrap()
}

pub fn page(text: &str) -> CallerContext {
    CallerContext::top_level(origin(text))
}

pub fn frame(own: &str, top: Option<&str>) -> CallerContext {
    CallerContext {
        origin: origin(own),
        same_origin_with_ancestors: false,
        top_origin: top.map(origin),
        checks_related_origins: false,
    }
}

pub fn public_key(algorithm: Algorithm) -> PublicKey {
    crypto::native().generate(algorithm).unwrap().public_key().clone()
}

pub fn authenticator_data(rp_id: &str, flags: Flags, attested: Option<AttestedCredential>) -> Vec<u8> {
    AuthenticatorData {
        rp_id_hash: crypto::native().sha256(&[rp_id.as_bytes()]),
        flags,
        sign_count: 0,
        attested,
        extensions: None,
    }
    .encode()
}

pub fn credential(id: &[u8], aaguid: Aaguid, public_key: PublicKey) -> AttestedCredential {
    AttestedCredential {
        aaguid,
        id: CredentialId::new(id).unwrap(),
        public_key,
    }
}

pub fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of a base64url member.
pub fn bytes(value: &Value) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
}

/// `options` with the members of `changes` put over it, `null` removing one.
pub fn with(options: Value, changes: Value) -> String {
    let (Value::Object(mut options), Value::Object(changes)) = (options, changes) else {
        panic!("both are objects");
    };
    for (name, value) in changes {
        match value {
            Value::Null => options.remove(&name),
            value => options.insert(name, value),
        };
    }
    Value::Object(options).to_string()
}
