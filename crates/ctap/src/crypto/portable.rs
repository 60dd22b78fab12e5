//! `RustCrypto`: Rust alone, constant time where secrets are touched.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

#[cfg(feature = "es384")]
use super::ecdsa::es384;
#[cfg(feature = "ml-dsa")]
use super::ml_dsa;
use super::public::Material;
#[cfg(feature = "rs256")]
use super::rs256;
use super::{Algorithm, Crypto, CryptoError, PrivateKey, PublicKey, ecdsa::es256, ed25519};

pub(super) struct Portable;

impl Crypto for Portable {
    fn random(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        getrandom::fill(out).map_err(|_| CryptoError::Random)
    }

    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        hash.finalize().into()
    }

    fn hmac_sha256(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        // RFC 2104 §2: a key of one block needs no further treatment, and the constructor for it cannot fail.
        let mut block = Zeroizing::new([0_u8; 64]);
        let hashed;
        let key = if key.len() > block.len() {
            hashed = Zeroizing::new(self.sha256(&[key]));
            hashed.as_slice()
        } else {
            key
        };
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        let mut mac = Hmac::<Sha256>::new((&*block).into());
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn hkdf_sha256(&self, salt: &[u8], ikm: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
        let prk = hkdf::Hkdf::<Sha256>::new(Some(salt), ikm);
        prk.expand(info, out).map_err(|_| CryptoError::OutputTooLong)
    }

    fn generate(&self, algorithm: Algorithm) -> Result<PrivateKey, CryptoError> {
        generate(self, algorithm)
    }

    fn sign(&self, key: &PrivateKey, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        sign(self, key, message)
    }

    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        verify(key, message, signature)
    }
}

/// A key from random bytes. A scalar on a curve of NIST is out of range once in 2³² tries; then the next one is taken.
pub(super) fn generate(crypto: &dyn Crypto, algorithm: Algorithm) -> Result<PrivateKey, CryptoError> {
    let length = match algorithm {
        #[cfg(feature = "es384")]
        Algorithm::Es384 => 48,
        #[cfg(feature = "rs256")]
        Algorithm::Rs256 => return PrivateKey::from_secret(algorithm, &rs256::generate(crypto)?),
        _ => 32,
    };
    let mut secret = Zeroizing::new(vec![0; length]);
    loop {
        crypto.random(secret.as_mut_slice())?;
        match PrivateKey::from_secret(algorithm, &secret) {
            Err(CryptoError::InvalidKey(_)) => {}
            done => return done,
        }
    }
}

/// Signs; `crypto` gives the randomness where a signature takes some.
#[cfg_attr(not(feature = "ml-dsa"), allow(unused_variables))]
pub(super) fn sign(crypto: &dyn Crypto, key: &PrivateKey, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let (secret, prepared) = (key.secret(), key.prepared());
    match key.algorithm() {
        Algorithm::Es256 => es256::sign(&prepared.es256, secret, message),
        Algorithm::EdDsa => ed25519::sign(&prepared.ed25519, secret, message),
        #[cfg(feature = "es384")]
        Algorithm::Es384 => es384::sign(&prepared.es384, secret, message),
        #[cfg(feature = "ml-dsa")]
        Algorithm::MlDsa44 => ml_dsa::sign(crypto, &prepared.ml_dsa_44, secret, message),
        #[cfg(feature = "ml-dsa")]
        Algorithm::MlDsa65 => ml_dsa::sign(crypto, &prepared.ml_dsa_65, secret, message),
        #[cfg(feature = "rs256")]
        Algorithm::Rs256 => rs256::sign(&prepared.rs256, secret, message),
    }
}

pub(super) fn verify(key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
    match key.material() {
        Material::P256(point) => es256::verify(point, message, signature),
        Material::Ed25519(key) => ed25519::verify(key, message, signature),
        #[cfg(feature = "es384")]
        Material::P384(point) => es384::verify(point, message, signature),
        #[cfg(feature = "ml-dsa")]
        Material::MlDsa44(key) => ml_dsa::verify::<::ml_dsa::MlDsa44>(key.as_slice(), message, signature),
        #[cfg(feature = "ml-dsa")]
        Material::MlDsa65(key) => ml_dsa::verify::<::ml_dsa::MlDsa65>(key.as_slice(), message, signature),
        #[cfg(feature = "rs256")]
        Material::Rsa(key) => rs256::verify(key, message, signature),
    }
}
