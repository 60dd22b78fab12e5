//! Private keys. They are checked when they are made.

use std::fmt;
#[cfg(any(feature = "ml-dsa", feature = "rs256"))]
use std::sync::Arc;
#[cfg(feature = "native")]
use std::sync::OnceLock;

use zeroize::Zeroizing;

#[cfg(feature = "es384")]
use super::ecdsa::es384;
#[cfg(feature = "ml-dsa")]
use super::ml_dsa;
use super::public::Material;
#[cfg(feature = "rs256")]
use super::rs256;
use super::{Algorithm, CryptoError, PublicKey, der, ecdsa::es256, ed25519};

/// A private key. Not `Clone`; `Debug` does not show it; its bytes are zeroised on drop.
///
/// Its secret bytes are
///
/// | algorithm | secret bytes |
/// |---|---|
/// | ES256, ES384 | the scalar, big endian: 32 and 48 bytes |
/// | `EdDSA` | the seed (RFC 8032 §5.1.5): 32 bytes |
/// | ML-DSA-44, ML-DSA-65 | the seed ξ (FIPS 204 §3.6.3), the private form of RFC 9964 and RFC 9881: 32 bytes |
/// | RS256 | an `RSAPrivateKey` in DER (RFC 8017 §A.1.2) |
///
/// It keeps its public key, because each algorithm needs it to sign and computing it costs as much as a signature; and
/// it keeps what its first signature has computed, so that a key that stays in memory signs at the bare cost. ring does
/// not zeroise its form of a key; a program in which that matters keeps its heap out of dumps and swap.
pub struct PrivateKey {
    secret: Zeroizing<Vec<u8>>,
    public: PublicKey,
    prepared: Prepared,
}

/// The key in the form that each implementation signs with, made when first needed. At most one is ever filled, or two
/// in a program that uses both implementations.
#[derive(Default)]
pub(super) struct Prepared {
    pub(super) ed25519: ed25519::Prepared,
    pub(super) es256: es256::Prepared,
    #[cfg(feature = "es384")]
    pub(super) es384: es384::Prepared,
    #[cfg(feature = "ml-dsa")]
    pub(super) ml_dsa_44: ml_dsa::Prepared<::ml_dsa::MlDsa44>,
    #[cfg(feature = "ml-dsa")]
    pub(super) ml_dsa_65: ml_dsa::Prepared<::ml_dsa::MlDsa65>,
    #[cfg(feature = "rs256")]
    pub(super) rs256: rs256::Prepared,
    #[cfg(feature = "native")]
    pub(super) ring: OnceLock<ring::signature::EcdsaKeyPair>,
    #[cfg(all(feature = "native", feature = "rs256"))]
    pub(super) ring_rsa: OnceLock<Box<ring::signature::RsaKeyPair>>,
}

impl PrivateKey {
    /// Makes a key from its secret bytes and computes the public key.
    pub fn from_secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, CryptoError> {
        let prepared = Prepared::default();
        let public = match algorithm {
            Algorithm::Es256 => Material::P256(es256::point(secret)?),
            Algorithm::EdDsa => Material::Ed25519(ed25519::pair(&prepared.ed25519, secret)?.verifying_key()),
            #[cfg(feature = "es384")]
            Algorithm::Es384 => Material::P384(es384::point(secret)?),
            #[cfg(feature = "ml-dsa")]
            Algorithm::MlDsa44 => Material::MlDsa44(Arc::new(ml_dsa::public_key::<::ml_dsa::MlDsa44, _>(secret)?)),
            #[cfg(feature = "ml-dsa")]
            Algorithm::MlDsa65 => Material::MlDsa65(Arc::new(ml_dsa::public_key::<::ml_dsa::MlDsa65, _>(secret)?)),
            #[cfg(feature = "rs256")]
            Algorithm::Rs256 => Material::Rsa(Arc::new(rs256::public_key(secret)?)),
        };
        Ok(Self {
            secret: Zeroizing::new(secret.to_vec()),
            public: public.into(),
            prepared,
        })
    }

    /// Makes a key from its secret bytes and the public key that was stored beside them; cheap.
    ///
    /// That the two belong together is *not* checked here. If they do not, signing fails or gives signatures that do
    /// not verify under `public`; the secret is not endangered either way.
    pub fn from_parts(algorithm: Algorithm, secret: &[u8], public: PublicKey) -> Result<Self, CryptoError> {
        if public.algorithm() != algorithm {
            return Err(CryptoError::InvalidKey("the public key is of another algorithm"));
        }
        match algorithm {
            Algorithm::Es256 => es256::check_secret(secret)?,
            #[cfg(feature = "es384")]
            Algorithm::Es384 => es384::check_secret(secret)?,
            // All that can be wrong with a seed is its length.
            Algorithm::EdDsa => ed25519::check_seed(secret).map(drop)?,
            #[cfg(feature = "ml-dsa")]
            Algorithm::MlDsa44 | Algorithm::MlDsa65 => ml_dsa::check_seed(secret).map(drop)?,
            // Not cheap: nothing is known of such a key before its numbers are multiplied.
            #[cfg(feature = "rs256")]
            Algorithm::Rs256 => rs256::public_key(secret).map(drop)?,
        }
        Ok(Self {
            secret: Zeroizing::new(secret.to_vec()),
            public,
            prepared: Prepared::default(),
        })
    }

    /// Parses PKCS#8 in DER, version 1 or 2 (RFC 5958): what [`Self::to_pkcs8_der`] gives, and what other managers
    /// export.
    ///
    /// With `public` given this is as cheap as [`Self::from_parts`]; otherwise the public key is computed. A public key
    /// inside the file is not looked at.
    pub fn from_pkcs8_der(der: &[u8], public: Option<PublicKey>) -> Result<Self, CryptoError> {
        let (algorithm, secret) =
            der::parse_pkcs8(der).ok_or(CryptoError::InvalidKey("not a PKCS#8 key of a supported kind"))?;
        match public {
            Some(public) => Self::from_parts(algorithm, secret, public),
            None => Self::from_secret(algorithm, secret),
        }
    }

    /// The algorithm that the key is for.
    pub fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    /// The public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The secret bytes, for a store that encrypts them.
    pub fn secret_bytes(&self) -> Zeroizing<Vec<u8>> {
        self.secret.clone()
    }

    /// PKCS#8 in DER (RFC 5958), version 1. A key on a curve of NIST carries its public key (RFC 5915), as every
    /// consumer of such files expects; ML-DSA is the seed alone (RFC 9881 §6).
    pub fn to_pkcs8_der(&self) -> Zeroizing<Vec<u8>> {
        let algorithm = self.algorithm();
        match self.public.material() {
            Material::P256(point) => der::ec_pkcs8(algorithm, &self.secret, point),
            #[cfg(feature = "es384")]
            Material::P384(point) => der::ec_pkcs8(algorithm, &self.secret, point),
            Material::Ed25519(_) => der::pkcs8(algorithm, &[der::ED25519_SEED, &self.secret]),
            #[cfg(feature = "ml-dsa")]
            Material::MlDsa44(_) | Material::MlDsa65(_) => der::pkcs8(algorithm, &[der::ML_DSA_SEED, &self.secret]),
            #[cfg(feature = "rs256")]
            Material::Rsa(_) => der::pkcs8(algorithm, &[&self.secret]),
        }
    }

    pub(super) fn secret(&self) -> &[u8] {
        &self.secret
    }

    pub(super) fn prepared(&self) -> &Prepared {
        &self.prepared
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?}, [redacted])", self.algorithm())
    }
}
