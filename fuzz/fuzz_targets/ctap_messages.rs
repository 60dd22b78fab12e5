//! CTAP requests, responses, authenticator data, keys and COSE_Sign1: nothing crashes, whatever the bytes.
#![no_main]

use claviger_ctap::authenticator_data::AuthenticatorData;
use claviger_ctap::cose::Sign1;
use claviger_ctap::crypto::{PrivateKey, PublicKey};
use claviger_ctap::{get_assertion, get_info, make_credential};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = make_credential::Request::from_cbor(bytes);
    let _ = make_credential::Response::from_cbor(bytes);
    let _ = get_assertion::Request::from_cbor(bytes);
    let _ = get_assertion::Response::from_cbor(bytes);
    let _ = get_info::Response::from_cbor(bytes);
    let _ = PublicKey::from_cose_bytes(bytes);
    let _ = PrivateKey::from_pkcs8_der(bytes, None);
    let _ = Sign1::parse(bytes);
    if let Ok(data) = AuthenticatorData::parse(bytes) {
        assert_eq!(data.encode(), bytes);
    }
});
