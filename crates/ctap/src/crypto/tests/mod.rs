//! Both implementations against published vectors, against each other, and against hostile keys and signatures.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;

mod ecdh;
mod formats;
mod vectors;
mod wycheproof;

use super::ecdh::{EcdhPublicKey, EphemeralKey};
use super::*;
use crate::cbor::{Limits, Map, Value, decode};
use crate::testing::{hex, hex_array};

/// RFC 6979 §A.2.5: the P-256 key, and its public point.
const P256_SECRET: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
const P256_X: &str = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";
const P256_Y: &str = "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";

/// RFC 8032 §7.1: secret, public, message, signature.
const ED25519: [[&str; 4]; 3] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
];

fn both() -> Vec<&'static dyn Crypto> {
    vec![
        portable(),
        #[cfg(feature = "native")]
        native(),
    ]
}

fn p256_key() -> PrivateKey {
    PrivateKey::from_secret(Algorithm::Es256, &hex(P256_SECRET)).unwrap()
}

/// One key of each algorithm, always the same.
fn key(algorithm: Algorithm) -> PrivateKey {
    let secret = match algorithm {
        #[cfg(feature = "es384")]
        Algorithm::Es384 => hex(vectors::P384_SECRET),
        #[cfg(feature = "rs256")]
        Algorithm::Rs256 => return PrivateKey::from_pkcs8_der(&hex(formats::RSA_PKCS8), None).unwrap(),
        _ => hex(P256_SECRET),
    };
    PrivateKey::from_secret(algorithm, &secret).unwrap()
}

/// The public key of [`key`] and its signature of `message`, made once for all cases of a property test.
fn signed(algorithm: Algorithm) -> (PublicKey, Vec<u8>) {
    type Signed = Vec<(Algorithm, PublicKey, Vec<u8>)>;
    static SIGNED: std::sync::LazyLock<Signed> = std::sync::LazyLock::new(|| {
        let sign = |algorithm: &Algorithm| {
            let key = key(*algorithm);
            let signature = portable().sign(&key, b"message").unwrap();
            (*algorithm, key.public_key().clone(), signature)
        };
        Algorithm::ALL.iter().map(sign).collect()
    });
    let (_, key, signature) = SIGNED.iter().find(|(one, ..)| *one == algorithm).unwrap();
    (key.clone(), signature.clone())
}

#[test]
fn each_implementation_verifies_what_the_other_signs() {
    for algorithm in Algorithm::ALL.iter().copied() {
        for signer in both() {
            let key = signer.generate(algorithm).unwrap();
            for round in 0_u8..8 {
                let message = vec![round; usize::from(round) * 37];
                let signature = signer.sign(&key, &message).unwrap();
                for verifier in both() {
                    assert_eq!(verifier.verify(key.public_key(), &message, &signature), Ok(()));
                    let mut wrong = signature.clone();
                    *wrong.last_mut().unwrap() ^= 1;
                    assert!(verifier.verify(key.public_key(), &message, &wrong).is_err());
                    assert!(verifier.verify(key.public_key(), &message, &signature[1..]).is_err());
                    assert!(verifier.verify(key.public_key(), &message, &[]).is_err());
                    let longer = [signature.as_slice(), &[0]].concat();
                    assert!(verifier.verify(key.public_key(), &message, &longer).is_err());
                }
            }
        }
    }
}

#[test]
fn keys_of_two_algorithms_do_not_mix() {
    for crypto in both() {
        let (es256, eddsa) = (
            crypto.generate(Algorithm::Es256).unwrap(),
            crypto.generate(Algorithm::EdDsa).unwrap(),
        );
        let signature = crypto.sign(&eddsa, b"m").unwrap();
        assert_eq!(
            crypto.verify(es256.public_key(), b"m", &signature),
            Err(CryptoError::BadSignature)
        );
        let mixed = PrivateKey::from_parts(Algorithm::EdDsa, &[1; 32], es256.public_key().clone());
        assert!(matches!(mixed, Err(CryptoError::InvalidKey(_))));
    }
}

#[test]
fn a_public_key_of_another_pair_does_not_endanger_the_secret() {
    for crypto in both() {
        for algorithm in Algorithm::ALL.iter().copied() {
            let (one, two) = (crypto.generate(algorithm).unwrap(), crypto.generate(algorithm).unwrap());
            let mixed = PrivateKey::from_parts(algorithm, &one.secret_bytes(), two.public_key().clone()).unwrap();
            // Either refused, or a signature under the true public key: never the wrong key hashed into the nonce.
            if let Ok(signature) = crypto.sign(&mixed, b"m") {
                assert_eq!(crypto.verify(one.public_key(), b"m", &signature), Ok(()));
            }
        }
    }
}

#[test]
fn ed25519_is_verified_strictly() {
    let [_, public, message, signature] = ED25519[1];
    let key = PublicKey::from_ed25519(&hex_array(public)).unwrap();
    // s + L: the same signature to a lax verifier (RFC 8032 §8.4).
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut malleable = hex(signature);
    let mut carry = 0_u16;
    for (byte, add) in malleable[32..].iter_mut().zip(&order) {
        let sum = u16::from(*byte) + u16::from(*add) + carry;
        let [high, low] = sum.to_be_bytes();
        (carry, *byte) = (u16::from(high), low);
    }
    for crypto in both() {
        assert_eq!(
            crypto.verify(&key, &hex(message), &malleable),
            Err(CryptoError::BadSignature)
        );
    }
}

#[test]
fn weak_and_malformed_public_keys_are_refused() {
    // Order 1, 2, 4, 8 (RFC 8032 base field p = 2²⁵⁵ − 19), and a non-canonical y = p + 3.
    for weak in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0200000000000000000000000000000000000000000000000000000000000000",
    ] {
        assert!(PublicKey::from_ed25519(&hex_array(weak)).is_err(), "{weak}");
    }
    let mut point: [u8; 65] = hex_array(&format!("04{P256_X}{P256_Y}"));
    assert!(PublicKey::from_p256_point(&point).is_ok());
    point[64] ^= 1;
    assert!(PublicKey::from_p256_point(&point).is_err());
    assert!(PublicKey::from_p256_point(&[0; 65]).is_err());
    // Hybrid form: the right point under a prefix that SEC 1 has and WebAuthn has not.
    let hybrid: [u8; 65] = hex_array(&format!("07{P256_X}{P256_Y}"));
    assert!(PublicKey::from_p256_point(&hybrid).is_err());
    // Scalars 0 and n.
    let n = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    for secret in [[0; 32], hex_array(n)] {
        assert!(PrivateKey::from_secret(Algorithm::Es256, &secret).is_err());
        assert!(PrivateKey::from_parts(Algorithm::Es256, &secret, p256_key().public_key().clone()).is_err());
    }
}

#[test]
fn debug_shows_no_secret() {
    for algorithm in Algorithm::ALL.iter().copied() {
        let key = portable().generate(algorithm).unwrap();
        assert_eq!(format!("{key:?}"), format!("PrivateKey({algorithm:?}, [redacted])"));
    }
    let key = EphemeralKey::from_secret(&[0x42; 32]).unwrap();
    assert_eq!(format!("{key:?}"), "EphemeralKey([redacted])");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let key = p256_key();
        for crypto in both() {
            prop_assert!(crypto.verify(key.public_key(), b"m", &bytes).is_err());
        }
        let _ = PrivateKey::from_pkcs8_der(&bytes, None);
        let _ = PublicKey::from_cose_bytes(&bytes);
    }

    #[test]
    fn both_implementations_judge_a_changed_signature_alike(
        algorithm in prop::sample::select(Algorithm::ALL),
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let (key, mut signature) = signed(algorithm);
        let at = at.index(signature.len());
        signature[at] ^= flip;
        for crypto in both() {
            prop_assert!(crypto.verify(&key, b"message", &signature).is_err());
        }
    }

    #[test]
    fn both_implementations_compute_the_same(
        key in prop::collection::vec(any::<u8>(), 0..150),
        data in prop::collection::vec(any::<u8>(), 0..150),
        length in 0_usize..100,
    ) {
        let outputs: Vec<_> = both()
            .into_iter()
            .map(|crypto| {
                let mut okm = vec![0; length];
                crypto.hkdf_sha256(&key, &data, b"info", &mut okm).unwrap();
                (crypto.sha256(&[&key, &data]), crypto.hmac_sha256(&key, &[&data]), okm)
            })
            .collect();
        prop_assert!(outputs.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
