//! ring: assembly for ECDSA on P-256, RSA and the hashes. Keys are made by `RustCrypto`, because ring's own generator leaves
//! the secret behind in memory that it does not clear. Ed25519, ML-DSA and signatures with ES384 are the portable ones,
//! which are the faster ones here (ARCHITECTURE.md has the figures).

use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{self, EcdsaKeyPair, UnparsedPublicKey};
use ring::{digest, hkdf, hmac};

use super::public::Material;
use super::{Algorithm, Crypto, CryptoError, PrivateKey, PublicKey, portable};

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
        portable::generate(self, algorithm)
    }

    fn sign(&self, key: &PrivateKey, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        match key.public_key().material() {
            Material::P256(point) => sign_es256(key, point, message),
            #[cfg(feature = "rs256")]
            Material::Rsa(_) => sign_rsa(key, message),
            _ => portable::sign(self, key, message),
        }
    }

    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let verified = match key.material() {
            Material::P256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            #[cfg(feature = "es384")]
            Material::P384(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_ASN1, point).verify(message, signature)
            }
            #[cfg(feature = "rs256")]
            Material::Rsa(key) => signature::RsaPublicKeyComponents {
                n: &key.modulus,
                e: &key.exponent,
            }
            .verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature),
            _ => return portable::verify(key, message, signature),
        };
        verified.map_err(|_| CryptoError::BadSignature)
    }
}

fn sign_es256(key: &PrivateKey, point: &[u8], message: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let signature = pair(key, point)?.sign(&SystemRandom::new(), message);
    Ok(signature.map_err(|_| CryptoError::Random)?.as_ref().to_vec())
}

/// ring's form of a key. Making it, ring multiplies the base point once to check that the pair belongs together; a key
/// that stays in memory pays that once.
fn pair<'a>(key: &'a PrivateKey, point: &[u8]) -> Result<&'a EcdsaKeyPair, CryptoError> {
    if let Some(pair) = key.prepared().ring.get() {
        return Ok(pair);
    }
    let (algorithm, rng) = (&signature::ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, key.secret(), point, &rng)
        .map_err(|_| CryptoError::InvalidKey("the secret and the public key do not belong together"))?;
    // Two threads may both have come here; the pairs are equal and one is kept.
    Ok(key.prepared().ring.get_or_init(|| pair))
}

#[cfg(feature = "rs256")]
fn sign_rsa(key: &PrivateKey, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let pair = if let Some(pair) = key.prepared().ring_rsa.get() {
        pair
    } else {
        let pair = signature::RsaKeyPair::from_der(key.secret())
            .map_err(|_| CryptoError::InvalidKey("not an RSA key that ring signs with"))?;
        key.prepared().ring_rsa.get_or_init(|| Box::new(pair))
    };
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(
        &signature::RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message,
        &mut signature,
    )
    .map_err(|_| CryptoError::Random)?;
    Ok(signature)
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
