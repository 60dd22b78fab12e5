//! The rows of largeBlobs, authenticatorConfig and the extensions.

use claviger_ctap::authenticator_config::{MinPinLength, Request as Config, SubCommand as Configuring};
use claviger_ctap::large_blobs::{Request as Blobs, sealed};

use super::*;

fn blobs(key: Key, request: Blobs, change: fn(&mut Blobs)) -> (Key, Result<(), Status>) {
    let mut request = request;
    change(&mut request);
    sent(key, LB, &request.to_cbor())
}

fn whole() -> Blobs {
    let array = sealed(portable(), &[0x81, 0x41, 1]);
    let mut request = Blobs::set(array, 0);
    request.length = Some(19);
    request
}

fn config(mut key: Key, pin: bool, change: fn(&mut MinPinLength)) -> (Key, Result<(), Status>) {
    let mut params = MinPinLength::default();
    change(&mut params);
    let mut request = Config::new(Configuring::SetMinPinLength);
    request.params = Some(params.to_map());
    if pin {
        let token = key.token(PIN, Permissions::AUTHENTICATOR_CONFIGURATION, None);
        token.unwrap().sign_config(&mut request);
    }
    sent(key, CF, &request.to_cbor())
}

fn salts(code: u8) -> (Key, Result<(), Status>) {
    let mut key = Key::new();
    let (mut input, secret) = crate::extensions::hmac_input(&mut key, &[1; 32]);
    let wrapped = secret.encrypt(portable(), &[1; 16]).unwrap();
    input.insert(3, secret.authenticate(portable(), &[&wrapped]));
    input.insert(2, wrapped);
    key.made(b"alice");
    if code == GA {
        let mut request = bed::get(&[]);
        request.extensions = Map::new().with("hmac-secret", input);
        return sent(key, GA, &request.to_cbor());
    }
    let mut request = bed::make(b"bobby");
    request.extensions = Map::new().with("hmac-secret", true).with("hmac-secret-mc", input);
    sent(key, MC, &request.to_cbor())
}

#[allow(clippy::too_many_lines)]
pub fn rows() -> Vec<Row> {
    use Status as S;
    vec![
        // Extensions.
        row(MC, S::InvalidParameter, "half a salt", || salts(MC)),
        row(GA, S::InvalidParameter, "half a salt", || salts(GA)),
        // largeBlobs
        row(LB, S::InvalidCbor, "no CBOR", || sent(Key::new(), LB, &[0xff])),
        row(LB, S::CborUnexpectedType, "the offset is text", || {
            sent(
                Key::new(),
                LB,
                &edited(&Blobs::get(1, 0).to_cbor(), 3, Some("0".into())),
            )
        }),
        row(LB, S::InvalidParameter, "no offset", || {
            blobs(Key::new(), Blobs::get(1, 0), |r| r.offset = None)
        }),
        row(LB, S::InvalidLength, "a long fragment", || {
            blobs(Key::new(), Blobs::get(7546, 0), |_| ())
        }),
        row(LB, S::InvalidSeq, "a fragment before the first", || {
            blobs(Key::new(), Blobs::set(vec![1], 1), |_| ())
        }),
        row(LB, S::LargeBlobStorageFull, "too long in all", || {
            blobs(Key::new(), whole(), |r| r.length = Some(5000))
        }),
        row(LB, S::IntegrityFailure, "a wrong hash", || {
            blobs(Key::new(), whole(), |r| r.set = Some(vec![0; 19]))
        }),
        row(LB, S::PuatRequired, "no MAC", || {
            blobs(Key::with_pin(), whole(), |_| ())
        }),
        row(LB, S::MissingParameter, "a MAC without its protocol", || {
            blobs(Key::with_pin(), whole(), |r| r.pin_uv_auth_param = Some(vec![0; 32]))
        }),
        row(LB, S::PinAuthInvalid, "a MAC of no token", || {
            blobs(Key::with_pin(), whole(), |r| {
                r.pin_uv_auth_param = Some(vec![0; 32]);
                r.pin_uv_auth_protocol = Some(2);
            })
        }),
        // authenticatorConfig
        row(CF, S::InvalidCbor, "no CBOR", || sent(Key::new(), CF, &[0x1f])),
        row(CF, S::CborUnexpectedType, "the parameters are a number", || {
            let request = Config::new(Configuring::SetMinPinLength).to_cbor();
            sent(Key::new(), CF, &edited(&request, 2, Some(1.into())))
        }),
        row(CF, S::MissingParameter, "no subcommand", || {
            sent(Key::new(), CF, &[0xa0])
        }),
        row(CF, S::InvalidParameter, "enterprise attestation", || {
            let request = Config::new(Configuring::EnableEnterpriseAttestation);
            sent(Key::new(), CF, &request.to_cbor())
        }),
        row(CF, S::PuatRequired, "no MAC", || config(Key::with_pin(), false, |_| ())),
        row(CF, S::PinAuthInvalid, "a MAC of no token", || {
            let mut request = Config::new(Configuring::ToggleAlwaysUv);
            request.pin_uv_auth_param = Some(vec![0; 16]);
            request.pin_uv_auth_protocol = Some(1);
            sent(Key::with_pin(), CF, &request.to_cbor())
        }),
        row(CF, S::PinPolicyViolation, "a shorter minimum", || {
            config(Key::with_pin(), true, |p| p.new_min_pin_length = Some(3))
        }),
        row(CF, S::InvalidParameter, "a policy for PINs that is not there", || {
            config(Key::with_pin(), true, |p| p.pin_complexity_policy = true)
        }),
        row(CF, S::PinNotSet, "changing no PIN", || {
            config(Key::new(), false, |p| p.force_change_pin = true)
        }),
        row(CF, S::KeyStoreFull, "too many RP IDs", || {
            config(Key::with_pin(), true, |p| p.rp_ids = Some(vec![RP.to_owned(); 9]))
        }),
    ]
}
