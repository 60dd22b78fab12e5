//! Both implementations against published vectors, against each other, and against hostile keys and signatures.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;

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
    PrivateKey::from_secret(Algorithm::Es256, &hex_array(P256_SECRET)).unwrap()
}

#[test]
fn sha256_hmac_and_hkdf_follow_their_standards() {
    for crypto in both() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(crypto.sha256(&[b"a", b"", b"bc"]).to_vec(), hex(abc));

        // RFC 4231, test cases 1, 2 and 6 (a key longer than a block).
        for (key, data, mac) in [
            (
                vec![0x0b; 20],
                &b"Hi There"[..],
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            let (head, tail) = data.split_at(3);
            assert_eq!(crypto.hmac_sha256(&key, &[head, tail]).to_vec(), hex(mac));
        }

        // RFC 5869 §A.1 and §A.3.
        let mut okm = [0; 42];
        let info = hex("f0f1f2f3f4f5f6f7f8f9");
        crypto
            .hkdf_sha256(&hex("000102030405060708090a0b0c"), &[0x0b; 22], &info, &mut okm)
            .unwrap();
        let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
        assert_eq!(okm.to_vec(), hex(expected));
        crypto.hkdf_sha256(&[], &[0x0b; 22], &[], &mut okm).unwrap();
        let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
        assert_eq!(okm.to_vec(), hex(expected));
        assert!(crypto.hkdf_sha256(&[], &[1], &[], &mut [0; 255 * 32]).is_ok());
        assert_eq!(
            crypto.hkdf_sha256(&[], &[1], &[], &mut [0; 255 * 32 + 1]),
            Err(CryptoError::OutputTooLong)
        );
    }
}

#[test]
fn ed25519_follows_rfc_8032() {
    for [secret, public, message, signature] in ED25519 {
        let key = PrivateKey::from_secret(Algorithm::EdDsa, &hex_array(secret)).unwrap();
        assert_eq!(key.public_key(), &PublicKey::from_ed25519(&hex_array(public)).unwrap());
        for crypto in both() {
            assert_eq!(crypto.sign(&key, &hex(message)), Ok(hex(signature)));
            assert_eq!(crypto.verify(key.public_key(), &hex(message), &hex(signature)), Ok(()));
        }
    }
}

#[test]
fn portable_es256_follows_rfc_6979() {
    let key = p256_key();
    for (message, r, s) in [
        (
            "sample",
            "00efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
            "00f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ),
        (
            "test",
            "00f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
            "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
        ),
    ] {
        let (r, s) = (hex(r), hex(s));
        let integer = |n: &[u8]| [&[2, u8::try_from(n.len()).unwrap()], n].concat();
        let content = [integer(&r), integer(&s)].concat();
        let der = [&[0x30, u8::try_from(content.len()).unwrap()], content.as_slice()].concat();
        assert_eq!(portable().sign(&key, message.as_bytes()), Ok(der.clone()));
        for crypto in both() {
            assert_eq!(crypto.verify(key.public_key(), message.as_bytes(), &der), Ok(()));
            assert_eq!(
                crypto.verify(key.public_key(), b"other", &der),
                Err(CryptoError::BadSignature)
            );
        }
    }
}

#[test]
fn each_implementation_verifies_what_the_other_signs() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
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
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
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
fn cose_keys_have_the_bytes_of_webauthn() {
    // WebAuthn Level 3 §6.5.1.1, the examples' structure with known keys.
    let es256 = hex(&format!("a5 0102 0326 2001 215820{P256_X} 225820{P256_Y}"));
    assert_eq!(p256_key().public_key().cose_bytes(), es256);
    assert_eq!(&PublicKey::from_cose_bytes(&es256).unwrap(), p256_key().public_key());

    let [secret, public, ..] = ED25519[0];
    let eddsa = hex(&format!("a4 0101 0327 2006 215820{public}"));
    let key = PrivateKey::from_secret(Algorithm::EdDsa, &hex_array(secret)).unwrap();
    assert_eq!(key.public_key().cose_bytes(), eddsa);
    assert_eq!(&PublicKey::from_cose_bytes(&eddsa).unwrap(), key.public_key());
}

#[test]
fn cose_keys_are_read_strictly() {
    let good = p256_key().public_key().to_cose().into_map().unwrap();
    let refused = |map: Map| PublicKey::from_cose(&Value::from(map)).is_err();
    assert!(!refused(good.clone()));
    assert!(refused(good.clone().with(2, vec![1_u8])), "an optional member");
    assert!(refused(good.clone().with(3, -8)), "the other algorithm");
    assert!(refused(good.clone().with(3, -257)), "an unknown algorithm");
    assert!(refused(good.clone().with(1, 1)), "another key type");
    assert!(refused(good.clone().with(-1, 2)), "another curve");
    assert!(refused(good.clone().with(-2, vec![1_u8; 31])), "a short coordinate");
    assert!(refused(good.clone().with(-3, true)), "a compressed point");
    assert!(refused(Map::new()));
    assert!(PublicKey::from_cose(&Value::Null).is_err());
    let mut missing = good;
    missing.remove_int(-3);
    assert!(refused(missing));
}

#[test]
fn der_has_the_bytes_of_other_implementations() {
    // P-256: written by OpenSSL 3.0 from the same scalar.
    let spki = hex(&format!(
        "3059301306072a8648ce3d020106082a8648ce3d03010703420004{P256_X}{P256_Y}"
    ));
    assert_eq!(p256_key().public_key().to_spki_der(), spki);
    let pkcs8 = hex(&format!(
        "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420{P256_SECRET}a14403420004{P256_X}{P256_Y}"
    ));
    assert_eq!(*p256_key().to_pkcs8_der(), pkcs8);

    // Ed25519: RFC 8410 §10.1 and §10.3.
    let secret = "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842";
    let public = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
    let key = PrivateKey::from_secret(Algorithm::EdDsa, &hex_array(secret)).unwrap();
    assert_eq!(
        key.public_key().to_spki_der(),
        hex(&format!("302a300506032b6570032100{public}"))
    );
    assert_eq!(
        *key.to_pkcs8_der(),
        hex(&format!("302e020100300506032b657004220420{secret}"))
    );
}

#[test]
fn pkcs8_of_other_implementations_is_read() {
    let parse = |digits: &str| PrivateKey::from_pkcs8_der(&hex(digits), None);
    // RFC 8410 §10.3, version 2 with an attribute and the public key.
    let secret = "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842";
    let public = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
    let attribute = "a01f301d060a2a864886f70d01090914310f0c0d437572646c6520436861697273";
    let version_2 = format!("3072020101300506032b657004220420{secret}{attribute}812100{public}");
    assert_eq!(*parse(&version_2).unwrap().secret_bytes(), hex_array::<32>(secret));
    // P-256 without a public key, with parameters inside, and with both.
    let head = "301306072a8648ce3d020106082a8648ce3d030107";
    let bare = format!("3041020100{head}042730250201010420{P256_SECRET}");
    let parameters = format!("304d020100{head}043330310201010420{P256_SECRET}a00a06082a8648ce3d030107");
    for file in [bare, parameters] {
        let key = parse(&file).unwrap();
        assert_eq!(key.public_key(), p256_key().public_key());
        let cheap = PrivateKey::from_pkcs8_der(&hex(&file), Some(key.public_key().clone())).unwrap();
        assert_eq!(cheap.secret_bytes(), key.secret_bytes());
    }
    for key in [p256_key(), PrivateKey::from_secret(Algorithm::EdDsa, &[7; 32]).unwrap()] {
        let read = PrivateKey::from_pkcs8_der(&key.to_pkcs8_der(), None).unwrap();
        assert_eq!(
            (read.public_key(), read.secret_bytes()),
            (key.public_key(), key.secret_bytes())
        );
    }
}

#[test]
fn damaged_pkcs8_is_refused() {
    for key in [p256_key(), PrivateKey::from_secret(Algorithm::EdDsa, &[7; 32]).unwrap()] {
        let good = key.to_pkcs8_der();
        for end in 0..good.len() {
            assert!(PrivateKey::from_pkcs8_der(&good[..end], None).is_err(), "cut at {end}");
        }
        assert!(PrivateKey::from_pkcs8_der(&[good.as_slice(), &[0]].concat(), None).is_err());
        // Every bit of the structure matters; the bits of the two keys make another key or are not looked at.
        for at in 0..16 {
            let mut wrong = good.to_vec();
            wrong[at] ^= 0x20;
            assert!(PrivateKey::from_pkcs8_der(&wrong, None).is_err(), "byte {at}");
        }
    }
}

#[test]
fn ecdh_follows_rfc_5903() {
    // §8.1: the 256-bit group.
    let initiator = hex_array("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433");
    let responder = hex_array("c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53");
    let shared = hex("d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de");
    let initiator = EphemeralKey::from_secret(&initiator).unwrap();
    let responder = EphemeralKey::from_secret(&responder).unwrap();
    assert_eq!(initiator.agree(responder.public()).to_vec(), shared);
    assert_eq!(responder.agree(initiator.public()).to_vec(), shared);
    let x = "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180";
    let y = "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3";
    let cose = hex(&format!("a5 0102 033818 2001 215820{x} 225820{y}"));
    assert_eq!(initiator.public().cose_bytes(), cose);
    let parsed = EcdhPublicKey::from_cose(&decode(&cose, &Limits::CTAP).unwrap()).unwrap();
    assert_eq!(&parsed, initiator.public());
}

#[test]
fn ecdh_keys_are_read_strictly() {
    let key = EphemeralKey::generate(portable()).unwrap();
    let good = key.public().to_cose().into_map().unwrap();
    let refused = |map: Map| EcdhPublicKey::from_cose(&Value::from(map)).is_err();
    assert!(!refused(good.clone()));
    assert!(refused(good.clone().with(3, -7)), "a signature key");
    assert!(
        refused(good.clone().with(-2, vec![0_u8; 32]).with(-3, vec![1_u8; 32])),
        "off the curve"
    );
    assert!(refused(good.clone().with(4, 1)), "another member");
    assert!(PublicKey::from_cose(&good.into()).is_err(), "not a signature key");
}

#[test]
fn debug_shows_no_secret() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let key = PrivateKey::from_secret(algorithm, &[0x42; 32]).unwrap();
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
        algorithm in prop_oneof![Just(Algorithm::Es256), Just(Algorithm::EdDsa)],
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let key = PrivateKey::from_secret(algorithm, &hex_array(P256_SECRET)).unwrap();
        let mut signature = portable().sign(&key, b"message").unwrap();
        let at = at.index(signature.len());
        signature[at] ^= flip;
        for crypto in both() {
            prop_assert!(crypto.verify(key.public_key(), b"message", &signature).is_err());
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
