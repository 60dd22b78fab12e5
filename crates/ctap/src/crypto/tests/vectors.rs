//! Published vectors.

use super::*;

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
        let key = PrivateKey::from_secret(Algorithm::EdDsa, &hex(secret)).unwrap();
        assert_eq!(key.public_key(), &PublicKey::from_ed25519(&hex_array(public)).unwrap());
        for crypto in both() {
            assert_eq!(crypto.sign(&key, &hex(message)), Ok(hex(signature)));
            assert_eq!(crypto.verify(key.public_key(), &hex(message), &hex(signature)), Ok(()));
        }
    }
}

/// RFC 6979 §A.2.6: the P-384 key.
#[cfg(feature = "es384")]
pub(super) const P384_SECRET: &str =
    "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5";

#[test]
fn portable_es256_follows_rfc_6979() {
    let vectors = [
        (
            "sample",
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ),
        (
            "test",
            "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
            "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
        ),
    ];
    follows_rfc_6979(&p256_key(), vectors);
}

#[cfg(feature = "es384")]
#[test]
fn portable_es384_follows_rfc_6979() {
    let key = PrivateKey::from_secret(Algorithm::Es384, &hex(P384_SECRET)).unwrap();
    let x = "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13";
    let y = "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720";
    let point = hex_array(&format!("04{x}{y}"));
    assert_eq!(key.public_key(), &PublicKey::from_p384_point(&point).unwrap());
    let vectors = [
        (
            "sample",
            "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46",
            "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
        ),
        (
            "test",
            "8203b63d3c853e8d77227fb377bcf7b7b772e97892a80f36ab775d509d7a5feb0542a7f0812998da8f1dd3ca3cf023db",
            "ddd0760448d42d8a43af45af836fce4de8be06b485e9b61b827c2f13173923e06a739f040649a667bf3b828246baa5a5",
        ),
    ];
    follows_rfc_6979(&key, vectors);
}

fn follows_rfc_6979(key: &PrivateKey, vectors: [(&str, &str, &str); 2]) {
    for (message, r, s) in vectors {
        let integer = |digits: &str| {
            let bytes = hex(digits);
            let sign: &[u8] = if bytes[0] >= 0x80 { &[0] } else { &[] };
            der::element(der::INTEGER, &[sign, &bytes])
        };
        let signature = der::element(der::SEQUENCE, &[&integer(r), &integer(s)]);
        assert_eq!(portable().sign(key, message.as_bytes()), Ok(signature.clone()));
        for crypto in both() {
            assert_eq!(crypto.verify(key.public_key(), message.as_bytes(), &signature), Ok(()));
            assert_eq!(
                crypto.verify(key.public_key(), b"other", &signature),
                Err(CryptoError::BadSignature)
            );
        }
    }
}
