//! CTAP requests, responses, authenticator data, keys, certificates, COSE_Sign1 and U2F: nothing crashes, whatever the bytes, and what
//! is accepted is written back to an equal message.
#![no_main]

#[path = "../../crates/ctap/tests/device/certificates.rs"]
#[allow(dead_code)]
mod certificates;

use std::sync::LazyLock;

use claviger_ctap::authenticator::{AttestationSigner, Attester};
use claviger_ctap::authenticator_data::AuthenticatorData;
use claviger_ctap::cbor::{Limits, decode};
use claviger_ctap::cose::Sign1;
use claviger_ctap::crypto::ecdh::EcdhPublicKey;
use claviger_ctap::crypto::{Crypto, CryptoError, PrivateKey, PublicKey};
use claviger_ctap::prf::{PrfAnswer, PrfInput};
use claviger_ctap::types::Aaguid;
use claviger_ctap::{authenticator_config as config, client_pin, credential_management as management};
use claviger_ctap::{get_assertion, get_info, large_blobs, make_credential, u2f};
use libfuzzer_sys::fuzz_target;

/// The key whose certificate the bytes may be.
static PUBLIC: LazyLock<PublicKey> = LazyLock::new(|| {
    let key = PrivateKey::from_pkcs8_der(&certificates::bytes(certificates::KEY), None).unwrap();
    key.public_key().clone()
});

/// Has that key, and signs nothing.
struct Holder;

impl AttestationSigner for Holder {
    fn public_key(&self) -> &PublicKey {
        &PUBLIC
    }

    fn sign(&self, _: &dyn Crypto, _: &[u8]) -> Result<Vec<u8>, CryptoError> {
        Err(CryptoError::Random)
    }
}

/// What a decoder accepts comes back the same from what its encoder writes.
macro_rules! round_trip {
    ($parse:expr, $bytes:expr) => {
        if let Ok(message) = $parse($bytes) {
            let again = $parse(&message.to_cbor());
            assert!(again.as_ref() == Ok(&message));
        }
    };
}

fuzz_target!(|bytes: &[u8]| {
    round_trip!(make_credential::Request::from_cbor, bytes);
    round_trip!(make_credential::Response::from_cbor, bytes);
    round_trip!(get_assertion::Request::from_cbor, bytes);
    round_trip!(get_assertion::Response::from_cbor, bytes);
    round_trip!(get_info::Response::from_cbor, bytes);
    round_trip!(|b: &[u8]| client_pin::Request::from_cbor_within(b, &Limits::CTAP), bytes);
    round_trip!(client_pin::Response::from_cbor, bytes);
    round_trip!(|b: &[u8]| management::Request::from_cbor_within(b, &Limits::CTAP), bytes);
    round_trip!(management::Response::from_cbor, bytes);
    round_trip!(|b: &[u8]| config::Request::from_cbor_within(b, &Limits::CTAP), bytes);
    round_trip!(|b: &[u8]| large_blobs::Request::from_cbor_within(b, &Limits::CTAP), bytes);
    if let Ok(request) = management::Request::from_cbor_within(bytes, &Limits::CTAP) {
        let _ = (request.rp_id_hash(), request.credential(), request.user(), request.authenticated());
    }
    if let Ok(request) = config::Request::from_cbor_within(bytes, &Limits::CTAP) {
        let _ = (request.min_pin_length(), request.authenticated());
    }

    if let Ok(key) = PublicKey::from_cose_bytes(bytes) {
        assert_eq!(key.cose_bytes(), bytes);
    }
    let _ = PrivateKey::from_pkcs8_der(bytes, None);
    if bytes.first() == Some(&0x30) {
        let _ = Attester::new(Holder, vec![bytes.to_vec()], Aaguid(*b"a security key !"));
    }
    let _ = Sign1::parse(bytes);
    if let Ok(value) = decode(bytes, &Limits::JOINT) {
        if let Ok(key) = EcdhPublicKey::from_cose(&value) {
            assert_eq!(key.cose_bytes(), bytes);
        }
        if let Some(map) = value.as_map() {
            let _ = (PrfInput::from_extensions(map), PrfAnswer::from_unsigned_outputs(map));
        }
    }
    if let Ok(data) = AuthenticatorData::parse(bytes) {
        assert_eq!(data.encode(), bytes);
    }
    if let Ok(request) = u2f::Request::parse(bytes) {
        assert_eq!(u2f::Request::parse(&request.to_apdu()), Ok(request));
    }
});
