//! ring: assembly for P-256 and the hashes. Ed25519 stays with `ed25519-dalek`, which was measured to be twice as fast at
//! signing here, verifies strictly and zeroises its keys.

use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, UnparsedPublicKey};
use ring::{digest, hkdf, hmac};

use super::keys::Point;
use super::portable::{generate, sign_ed25519, verify_ed25519};
use super::{Algorithm, Crypto, CryptoError, PrivateKey, PublicKey};

pub(super) struct Native;

impl Crypto for Native {
    fn random(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        SystemRandom::new().fill(out).map_err(|_| CryptoError::Random)
    }

    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            context.update(part);
        }
        fixed(context.finish().as_ref())
    }

    fn hmac_sha256(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
        for part in parts {
            context.update(part);
        }
        fixed(context.sign().as_ref())
    }

    fn hkdf_sha256(&self, salt: &[u8], ikm: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(ikm);
        let info = [info];
        let okm = prk
            .expand(&info, Length(out.len()))
            .map_err(|_| CryptoError::OutputTooLong)?;
        okm.fill(out).map_err(|_| CryptoError::OutputTooLong)
    }

    fn generate(&self, algorithm: Algorithm) -> Result<PrivateKey, CryptoError> {
        generate(self, algorithm)
    }

    fn sign(&self, key: &PrivateKey, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        match key.public_key().point() {
            Point::P256(point) => {
                let pair = pair(key, point)?;
                let signature = pair
                    .sign(&SystemRandom::new(), message)
                    .map_err(|_| CryptoError::Random)?;
                Ok(signature.as_ref().to_vec())
            }
            Point::Ed25519(_) => Ok(sign_ed25519(key, message)),
        }
    }

    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        match key.point() {
            Point::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
                .verify(message, signature)
                .map_err(|_| CryptoError::BadSignature),
            Point::Ed25519(key) => verify_ed25519(key, message, signature),
        }
    }
}

/// ring's form of a P-256 key. Making it, ring multiplies the base point once to check that the pair belongs together;
/// a key that stays in memory pays that once.
fn pair<'a>(key: &'a PrivateKey, point: &[u8; 65]) -> Result<&'a EcdsaKeyPair, CryptoError> {
    if let Some(pair) = key.prepared().ring.get() {
        return Ok(pair);
    }
    let (algorithm, rng) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, key.secret(), point, &rng)
        .map_err(|_| CryptoError::InvalidKey("the secret and the public key do not belong together"))?;
    // Two threads may both have come here; the pairs are equal and one is kept.
    Ok(key.prepared().ring.get_or_init(|| pair))
}

/// The output length as ring's HKDF wants to be told it.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// The 32 bytes of a SHA-256 output that ring returns as a slice.
fn fixed(output: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(output).for_each(|(to, from)| *to = *from);
    bytes
}
