//! `RustCrypto`: Rust alone, constant time where secrets are touched.

use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::keys::Point;
use super::{Algorithm, Crypto, CryptoError, PrivateKey, PublicKey};

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
        match key.algorithm() {
            Algorithm::Es256 => {
                // RFC 6979: the nonce comes from the key and the message.
                let pair = p256_pair(key)?;
                let signature: p256::ecdsa::DerSignature = pair
                    .try_sign(message)
                    .map_err(|_| CryptoError::InvalidKey("no signature with this key"))?;
                Ok(signature.as_bytes().to_vec())
            }
            Algorithm::EdDsa => Ok(sign_ed25519(key, message)),
        }
    }

    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        match key.point() {
            Point::P256(point) => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| CryptoError::BadSignature)?;
                let signature = p256::ecdsa::Signature::from_der(signature).map_err(|_| CryptoError::BadSignature)?;
                key.verify(message, &signature).map_err(|_| CryptoError::BadSignature)
            }
            Point::Ed25519(key) => verify_ed25519(key, message, signature),
        }
    }
}

/// The P-256 key with its public point, computed once for each key that stays in memory.
fn p256_pair(key: &PrivateKey) -> Result<&p256::ecdsa::SigningKey, CryptoError> {
    let prepared = &key.prepared().p256;
    if let Some(pair) = prepared.get() {
        return Ok(pair);
    }
    let pair = p256::ecdsa::SigningKey::from_slice(key.secret())
        .map_err(|_| CryptoError::InvalidKey("a P-256 scalar out of range"))?;
    Ok(prepared.get_or_init(|| pair))
}

/// A key from random bytes. A P-256 scalar is out of range once in 2³² tries; then the next one is taken.
pub(super) fn generate(crypto: &dyn Crypto, algorithm: Algorithm) -> Result<PrivateKey, CryptoError> {
    let mut secret = Zeroizing::new([0; 32]);
    loop {
        crypto.random(secret.as_mut_slice())?;
        match PrivateKey::from_secret(algorithm, &secret) {
            Err(CryptoError::InvalidKey(_)) => {}
            done => return done,
        }
    }
}

pub(super) fn sign_ed25519(key: &PrivateKey, message: &[u8]) -> Vec<u8> {
    // The public key is computed from the secret and not taken from beside it: with a wrong one, two signatures of one
    // message would give the secret away.
    let prepared = &key.prepared().ed25519;
    let pair = prepared.get_or_init(|| ed25519_dalek::SigningKey::from_bytes(key.secret()));
    pair.sign(message).to_bytes().to_vec()
}

pub(super) fn verify_ed25519(
    key: &ed25519_dalek::VerifyingKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| CryptoError::BadSignature)?;
    key.verify_strict(message, &signature)
        .map_err(|_| CryptoError::BadSignature)
}
