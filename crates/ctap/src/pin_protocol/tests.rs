//! Vectors, computed with python's `cryptography` 48.0.0 over OpenSSL by `tests/vectors/pin_protocol.py`, which shares
//! no code with this crate; and what holds for all inputs.

use proptest::prelude::*;

use super::*;
use crate::crypto::portable;
use crate::testing::{hex, hex_array};

const Z_SHA256: &str = "1ec02cfb0421e2a0328e6737a6c08ebec1b8028a23488ba37e64aac2eac89db3";
const HMAC_KEY: &str = "8da12c0f9997c5f11c4110fc28598f91acc9025de91db49aa2aba7a311bf4139";
const AES_KEY: &str = "743562500c3df309c9b074d46a7cf8cecef2368ae7966e7078f73796d5e3e11c";

fn counting(first: u8) -> [u8; 32] {
    std::array::from_fn(|n| first + u8::try_from(n).unwrap())
}

fn message() -> [u8; 64] {
    std::array::from_fn(|n| u8::try_from(n).unwrap())
}

/// The authenticator's and the platform's secret for the scalars 01…20 and 21…40.
fn pair(protocol: PinUvAuthProtocol) -> (SharedSecret, SharedSecret) {
    let a = EphemeralKey::from_secret(&counting(1)).unwrap();
    let b = EphemeralKey::from_secret(&counting(33)).unwrap();
    let secret =
        |own, other: &EphemeralKey| SharedSecret::decapsulate(portable(), protocol, own, other.public()).unwrap();
    (secret(&a, &b), secret(&b, &a))
}

#[test]
fn both_sides_derive_the_keys_of_the_vectors() {
    let (one, other) = pair(PinUvAuthProtocol::One);
    assert_eq!(
        (*one.hmac_key, *one.aes_key),
        (hex_array(Z_SHA256), hex_array(Z_SHA256))
    );
    assert_eq!(one.hmac_key, other.hmac_key);
    let (two, other) = pair(PinUvAuthProtocol::Two);
    assert_eq!((*two.hmac_key, *two.aes_key), (hex_array(HMAC_KEY), hex_array(AES_KEY)));
    assert_eq!((two.hmac_key, two.aes_key), (other.hmac_key, other.aes_key));
}

#[test]
fn ciphertexts_are_those_of_the_vectors() {
    let one = hex("f90d2de5e9661a888d437eb1a7aa5a1f11f6c51a23e4b050c0d181511a73fcbf
         1f224c546f1b69848ca8fec67d5fd76befa487542d6ff98cdc8abb515f6d24a5");
    let two = hex("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf
         9763c0c9b1932e504d722f2378cd74a439d4a54e4145d63212b9a48e38ef6051
         ca576b675a21af702c4af5ea176dd98cd97907c5500d760301ef7bf2d16c63b0");
    let iv = hex_array("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
    for (protocol, iv, expected) in [
        (PinUvAuthProtocol::One, [0; 16], one),
        (PinUvAuthProtocol::Two, iv, two),
    ] {
        let (secret, _) = pair(protocol);
        assert_eq!(secret.encrypt_with(iv, &message()).unwrap(), expected);
        assert_eq!(secret.decrypt(&expected).unwrap().as_slice(), message());
    }
}

#[test]
fn macs_are_those_of_the_vectors() {
    let token = counting(0x40);
    for (protocol, by_secret, by_token) in [
        (
            PinUvAuthProtocol::One,
            "641af749105003f375fd0bafcee4891b",
            "0d73d1b7937e0aaae57642ef63f278ca",
        ),
        (
            PinUvAuthProtocol::Two,
            "a133aadc62833e5b05853638c88b7e529cad9ed222cdf71fe28a159406e9e63d",
            "0d73d1b7937e0aaae57642ef63f278ca00f2c53538ebd9b16546538829fe62da",
        ),
    ] {
        let (secret, _) = pair(protocol);
        let message = message();
        let (first, second) = message.split_at(20);
        assert_eq!(secret.authenticate(portable(), &[first, second]), hex(by_secret));
        assert_eq!(protocol.authenticate(portable(), &token, &[&message]), hex(by_token));
        assert_eq!(protocol.verify(portable(), &token, &[&message], &hex(by_token)), Ok(()));
    }
}

#[test]
fn a_mac_that_is_shortened_lengthened_or_changed_does_not_verify() {
    for protocol in PinUvAuthProtocol::ALL {
        let (secret, _) = pair(protocol);
        let good = secret.authenticate(portable(), &[b"m"]);
        let mut changed = good.clone();
        changed[0] ^= 1;
        let longer = [good.as_slice(), &[0]].concat();
        for bad in [&good[..good.len() - 1], &[], &changed, &longer] {
            assert_eq!(secret.verify(portable(), &[b"m"], bad), Err(PinProtocolError::BadMac));
        }
        assert_eq!(secret.verify(portable(), &[b"m"], &good), Ok(()));
        assert_eq!(secret.verify(portable(), &[b"n"], &good), Err(PinProtocolError::BadMac));
    }
}

#[test]
fn protocol_two_never_uses_an_iv_twice() {
    let (secret, _) = pair(PinUvAuthProtocol::Two);
    let one = secret.encrypt(portable(), &[0; 32]).unwrap();
    let two = secret.encrypt(portable(), &[0; 32]).unwrap();
    assert_ne!(one, two);
    assert_eq!(one.len(), 48);
}

#[test]
fn numbers_go_both_ways_and_no_others_exist() {
    for protocol in PinUvAuthProtocol::ALL {
        assert_eq!(PinUvAuthProtocol::from_number(protocol.number()), Some(protocol));
    }
    for number in [0, 3, u64::MAX] {
        assert_eq!(PinUvAuthProtocol::from_number(number), None);
    }
}

#[test]
fn debug_shows_no_key() {
    let (secret, _) = pair(PinUvAuthProtocol::Two);
    assert_eq!(format!("{secret:?}"), "SharedSecret(Two, [redacted])");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whole_blocks_come_back_and_all_else_is_refused(two: bool, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let protocol = if two { PinUvAuthProtocol::Two } else { PinUvAuthProtocol::One };
        let (platform, authenticator) = pair(protocol);
        match platform.encrypt(portable(), &bytes) {
            Ok(wrapped) => {
                prop_assert!(bytes.len().is_multiple_of(16));
                let back = authenticator.decrypt(&wrapped).unwrap();
                prop_assert_eq!(back.as_slice(), bytes.as_slice());
            }
            Err(error) => {
                prop_assert!(!bytes.len().is_multiple_of(16));
                prop_assert_eq!(error, PinProtocolError::Length);
            }
        }
        // Arbitrary bytes decrypt to something or are refused; nothing else happens.
        let decrypted = authenticator.decrypt(&bytes).is_ok();
        prop_assert_eq!(decrypted, bytes.len().is_multiple_of(16) && (!two || bytes.len() >= 16));
    }
}

#[test]
fn a_secret_survives_the_way_to_another_process() {
    for protocol in PinUvAuthProtocol::ALL {
        let (here, _) = pair(protocol);
        let bytes = here.to_bytes();
        let there = SharedSecret::from_bytes(protocol, &bytes).unwrap();
        assert_eq!((&here.hmac_key, &here.aes_key), (&there.hmac_key, &there.aes_key));
        for wrong in [bytes.len() - 1, 0, 33] {
            let bytes = vec![0; wrong];
            assert_eq!(
                SharedSecret::from_bytes(protocol, &bytes).err(),
                Some(PinProtocolError::Length)
            );
        }
    }
}
