//! COSE keys, `SubjectPublicKeyInfo` and PKCS#8: the bytes of other implementations, and what is refused.

use super::*;

#[test]
fn cose_keys_have_the_bytes_of_webauthn() {
    // WebAuthn Level 3 §6.5.1.1, the examples' structure with known keys.
    let es256 = hex(&format!("a5 0102 0326 2001 215820{P256_X} 225820{P256_Y}"));
    assert_eq!(p256_key().public_key().cose_bytes(), es256);
    assert_eq!(&PublicKey::from_cose_bytes(&es256).unwrap(), p256_key().public_key());

    let [secret, public, ..] = ED25519[0];
    let eddsa = hex(&format!("a4 0101 0327 2006 215820{public}"));
    let key = PrivateKey::from_secret(Algorithm::EdDsa, &hex(secret)).unwrap();
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
    let key = PrivateKey::from_secret(Algorithm::EdDsa, &hex(secret)).unwrap();
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
    assert_eq!(*parse(&version_2).unwrap().secret_bytes(), hex(secret));
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
    for key in Algorithm::ALL.iter().copied().map(key) {
        let read = PrivateKey::from_pkcs8_der(&key.to_pkcs8_der(), None).unwrap();
        assert_eq!(
            (read.public_key(), read.secret_bytes()),
            (key.public_key(), key.secret_bytes())
        );
    }
}

#[test]
fn damaged_pkcs8_is_refused() {
    for key in Algorithm::ALL.iter().copied().map(key) {
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
fn every_kind_of_key_comes_back_from_its_cose_key() {
    for key in Algorithm::ALL.iter().copied().map(key) {
        let cose = key.public_key().to_cose();
        assert_eq!(&PublicKey::from_cose(&cose).unwrap(), key.public_key());
        assert_eq!(&PublicKey::from_cose_bytes(&cose.encode()).unwrap(), key.public_key());
        let (longest, _) = key.algorithm().longest();
        assert_eq!(cose.encode().len(), longest, "{:?}", key.algorithm());
        // No member may be missing, be of another type, or be there beside the required ones.
        let map = cose.into_map().unwrap();
        for (name, _) in map.clone() {
            let name = name.as_int().unwrap();
            let mut without = map.clone();
            without.remove_int(name);
            assert!(PublicKey::from_cose(&without.into()).is_err(), "{name} missing");
            for wrong in [Value::Bool(true), Value::from(vec![4_u8]), Value::from(99)] {
                assert!(
                    PublicKey::from_cose(&map.clone().with(name, wrong).into()).is_err(),
                    "{name} wrong"
                );
            }
        }
        assert!(PublicKey::from_cose(&map.with(-9, 1).into()).is_err());
    }
}

#[cfg(feature = "ml-dsa")]
#[test]
fn ml_dsa_keys_have_the_members_of_rfc_9964_and_the_bytes_of_rfc_9881() {
    let seed: Vec<u8> = (0..32).collect();
    for (algorithm, cose, oid, public) in [
        (Algorithm::MlDsa44, -48, "0609608648016503040311", 1312),
        (Algorithm::MlDsa65, -49, "0609608648016503040312", 1952),
    ] {
        let key = PrivateKey::from_secret(algorithm, &seed).unwrap();
        let map = key.public_key().to_cose().into_map().unwrap();
        assert_eq!(map.int(1).unwrap().as_int(), Some(7), "kty AKP");
        assert_eq!(map.int(3).unwrap().as_int(), Some(cose));
        assert_eq!(map.int(-1).unwrap().as_bytes().unwrap().len(), public);

        // RFC 9881 §C.1: the seed form of the private key.
        let seed_form =
            format!("3034020100300b{oid}04228020000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
        assert_eq!(*key.to_pkcs8_der(), hex(&seed_form));
        // The form with both, which is what OpenSSL 3.5 writes.
        let identifier = der::element(der::SEQUENCE, &[&hex(oid)]);
        let wrap = |private: &[u8]| {
            let private = der::element(der::OCTET_STRING, &[private]);
            der::element(der::SEQUENCE, &[&[2, 1, 0], &identifier, &private])
        };
        let (first, second) = (der::element(4, &[&seed]), der::element(4, &[&[0; 2560]]));
        let both = wrap(&der::element(der::SEQUENCE, &[&first, &second]));
        let read = PrivateKey::from_pkcs8_der(&both, None).unwrap();
        assert_eq!(read.public_key(), key.public_key());
        // The expanded key alone, and a seed of another length.
        assert!(PrivateKey::from_pkcs8_der(&wrap(&second), None).is_err());
        assert!(PrivateKey::from_pkcs8_der(&wrap(&der::element(0x80, &[&seed[1..]])), None).is_err());
    }
}

#[cfg(feature = "rs256")]
#[test]
fn rsa_keys_have_the_bytes_of_openssl() {
    let key = key(Algorithm::Rs256);
    assert_eq!(*key.to_pkcs8_der(), hex(RSA_PKCS8));
    let spki = key.public_key().to_spki_der();
    // The modulus stands at the same place in both files: after the version in one, first in the other.
    assert_eq!(
        spki[..33],
        hex("30820122300d06092a864886f70d01010105000382010f003082010a0282010100")
    );
    assert_eq!(spki[33..289], hex(RSA_PKCS8)[38..294]);
    assert_eq!(spki[289..], [2, 3, 1, 0, 1]);
    for crypto in both() {
        let signature = crypto.sign(&key, b"m").unwrap();
        assert_eq!(
            signature,
            portable().sign(&key, b"m").unwrap(),
            "no randomness in this scheme"
        );
    }
    // 1024 bits; a leading zero; an even modulus; exponents 1 and 2.
    let (n, e) = (vec![0xff; 256], [1, 0, 1]);
    assert!(PublicKey::from_rsa(&n, &e).is_ok());
    assert!(PublicKey::from_rsa(&n[..128], &e).is_err());
    assert!(PublicKey::from_rsa(&[&[0], n.as_slice()].concat(), &e).is_err());
    assert!(PublicKey::from_rsa(&[&n[1..], &[0xfe]].concat(), &e).is_err());
    for e in [[1].as_slice(), &[2], &[0, 3], &[], &[1, 0, 0, 0, 1]] {
        assert!(PublicKey::from_rsa(&n, e).is_err());
    }
}

/// Made with OpenSSL 3.0 for this test.
#[cfg(feature = "rs256")]
pub(super) const RSA_PKCS8: &str = "308204bf020100300d06092a864886f70d0101010500048204a9308204a50201000282010100c75639e5af19d8b541cb7df1ccbfcb5b4e19\
    ac7ef52f0b254c4d4cd0ece166ece645c1c8212eff3824d295be4e1488d0958c8edc0030b783c21dc2a6cb41a456d6c6230a016e16ea8f31\
    7a7ca3c176465e06423a28bf170fe3908b280a7c26156d31d035b1bf8b11058d2534c333b302e9136f5bed9746eb31cf820dbde3dc10ea2f\
    96d51159e34be34f8e3959bef77c42ce47630f9b86ccc5ff0fdb5e6036ba167b0bee756e1b09fa538f41f258d9c2d25330f4abc079d54888\
    2af74137ffe36f759a758a6b837e3a4ee69f5d1b41d5d8858acda08bcbcb436e58f688808acd7279cc76b079c1e917fc9110a47a1ccbcb4b\
    8580131846c2d6f0355580e752430203010001028201005e38f1d111bd83e3d99fd87e6d2bd371eb2ed38c87549f4e180d09dc4fbc13acb3\
    04121f09206fdf17f8ba7363f0ece2bb6ddf313a9dcc80e946abf5af69edc6666aedb1130ff8a112e26e656ffa486fe68dcacc36ea6c7a44\
    34d4b22e929465d8618d6b74037836a98b18252287d37bf2b40f1542ef18c49f9cd87aaa6184695b4fd7ff0417ee229fdaecac17230e92c6\
    b8b0f79875999847db4de8ccba39ac4af09dfed5fb8bb3bbc69e85bcb9f6c726e94ca7674e8087c64387cf3c3887dc3e46459d1dc9883369\
    4fae563e484061fc292ad65f3bde0760c6d25ff7e21b0989b68fc03f8fc5e98732b2098937bf7c93e132d15932f2f685aaa55a72c2365102\
    818100feb33cb51513dad7932fb3f3ffec9039a84b73f601ccffda4484011ace4e3e4ade3bf111a3670713f8de584da8c37f52d6fe3d638e\
    4270ebe598eeee58725136c0e7c2eb2e03d594d8bd52438fbb40020d9bf0afe5f558f5d6b425424066915026a0191aa3415c69f4dd34ffee\
    c0e8cc77a39a4d68132a36fd6bd7e4f0d4394d02818100c85aa84fa6aafff4567dcae87b7f05d0341bdc2240eae374671b0c9a4ba725c859\
    7186111924d4aa4bbf67dfaef3843e625cdf32dfa9920ebb9cba11e6719681213c934d4fdf1c18573f0ad4b70678613353746742be017deb\
    69677efa27ccffd7f9067cee654a5d18df95bedebc27e137dfdc1a7cd6b32f80da1a64c70a71cf02818100d15fa23df1afbaac90101ccc2d\
    cbd7dbaddf28da482caefe4c687f47fbe4120d15970cdac50a82a50666310cd5f8af87f7b853daad2d2d0a9e5913c0d6f05296c209431075\
    692d800893c93644c7571cd8f721ea570d532df46b6e5d81f74ee92677616ba65caa8d677f187c73561d8947a833c602120f17d94777d879\
    a8dbd902818100c4bcd0fdb5e9c080cbd5a643f7d0d9828348c0371a8c0c622744d67144cc933b532938bedd73df28824d27d0ec58cf88fa\
    c9bb9a972a49f411a26acc5cff390cfff81da5134340b15e2ad795dd4b8b35d752a1c12c36abfc5c081acb0315c6258c8c4a24af6be343db\
    c2e1a695cd2953ecabf3d446b6052a265b0503e4b78add02818100e02f1dd54734e81e142b801d105244b35038b52d1f30e665b90af2fdf6\
    0f7a7c3761ebad1610fdfd5bb4792860143893e97d7658f6810e3cc0cc3c6a00696c154ca061e99c5530922dcddaef5bd2f72d262766651a\
    4b582d1e01d33d9bd8a9433090296d2aef8b337789b599ec0d99e5ad6afdfe85f559c702d74d58c81ca36c";
