//! Public keys. They are checked when they are made.

use std::fmt;
#[cfg(any(feature = "ml-dsa", feature = "rs256"))]
use std::sync::Arc;

use ed25519_dalek::VerifyingKey;

#[cfg(feature = "es384")]
use super::ecdsa::es384;
#[cfg(feature = "rs256")]
use super::rs256;
use super::{Algorithm, CryptoError, der, ecdsa::es256, ed25519};
use crate::cbor::{Limits, Map, Value, decode};

/// A public key: a valid one, ready to verify with.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    material: Material,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Material {
    /// P-256, uncompressed (SEC 1 §2.3.3): 0x04, x, y.
    P256([u8; 65]),
    /// Ed25519, already decompressed, which is a tenth of a verification.
    Ed25519(VerifyingKey),
    /// P-384, uncompressed.
    #[cfg(feature = "es384")]
    P384([u8; 97]),
    /// ML-DSA-44, encoded (FIPS 204 §7.2): expanded it would have 20 KB.
    #[cfg(feature = "ml-dsa")]
    MlDsa44(Arc<[u8; 1312]>),
    /// ML-DSA-65, encoded: expanded it would have 36 KB.
    #[cfg(feature = "ml-dsa")]
    MlDsa65(Arc<[u8; 1952]>),
    /// RSA.
    #[cfg(feature = "rs256")]
    Rsa(Arc<rs256::Public>),
}

impl PublicKey {
    /// The algorithm that the key is for.
    pub fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::P256(_) => Algorithm::Es256,
            Material::Ed25519(_) => Algorithm::EdDsa,
            #[cfg(feature = "es384")]
            Material::P384(_) => Algorithm::Es384,
            #[cfg(feature = "ml-dsa")]
            Material::MlDsa44(_) => Algorithm::MlDsa44,
            #[cfg(feature = "ml-dsa")]
            Material::MlDsa65(_) => Algorithm::MlDsa65,
            #[cfg(feature = "rs256")]
            Material::Rsa(_) => Algorithm::Rs256,
        }
    }

    /// Parses an uncompressed P-256 point (65 bytes, SEC 1 §2.3.4).
    pub fn from_p256_point(point: &[u8; 65]) -> Result<Self, CryptoError> {
        es256::check_point(point)?;
        Ok(Material::P256(*point).into())
    }

    /// Parses an uncompressed P-384 point (97 bytes, SEC 1 §2.3.4).
    #[cfg(feature = "es384")]
    pub fn from_p384_point(point: &[u8; 97]) -> Result<Self, CryptoError> {
        es384::check_point(point)?;
        Ok(Material::P384(*point).into())
    }

    /// Parses an Ed25519 public key (RFC 8032 §5.1.3). Non-canonical encodings and points of small order, under
    /// which one signature can fit many messages, are refused.
    pub fn from_ed25519(bytes: &[u8; 32]) -> Result<Self, CryptoError> {
        ed25519::public_key(bytes).map(|key| Material::Ed25519(key).into())
    }

    /// An ML-DSA-44 public key (FIPS 204 §7.2). Every string of this length is one.
    #[cfg(feature = "ml-dsa")]
    pub fn from_ml_dsa_44(bytes: &[u8; 1312]) -> Self {
        Material::MlDsa44(Arc::new(*bytes)).into()
    }

    /// An ML-DSA-65 public key (FIPS 204 §7.2). Every string of this length is one.
    #[cfg(feature = "ml-dsa")]
    pub fn from_ml_dsa_65(bytes: &[u8; 1952]) -> Self {
        Material::MlDsa65(Arc::new(*bytes)).into()
    }

    /// An RSA public key: a modulus of 2048 to 4096 bits and an odd exponent from 3 to 2³² − 1, big endian without
    /// leading zeros.
    #[cfg(feature = "rs256")]
    pub fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, CryptoError> {
        rs256::Public::new(modulus, exponent).map(|key| Material::Rsa(Arc::new(key)).into())
    }

    /// The `COSE_Key` (RFC 9052 §7, RFC 9053 §7, RFC 8230 §4, RFC 9964) with exactly the members that WebAuthn Level 3
    /// §6.5.1 asks for.
    pub fn to_cose(&self) -> Value {
        let map = Map::new().with(3, self.algorithm().cose());
        match &self.material {
            Material::P256(point) => {
                let (x, y) = coordinates(point);
                map.with(1, EC2).with(-1, 1).with(-2, x).with(-3, y)
            }
            Material::Ed25519(key) => map.with(1, OKP).with(-1, 6).with(-2, key.as_bytes()),
            #[cfg(feature = "es384")]
            Material::P384(point) => {
                let (x, y) = coordinates(point);
                map.with(1, EC2).with(-1, 2).with(-2, x).with(-3, y)
            }
            #[cfg(feature = "ml-dsa")]
            Material::MlDsa44(key) => map.with(1, AKP).with(-1, key.as_slice()),
            #[cfg(feature = "ml-dsa")]
            Material::MlDsa65(key) => map.with(1, AKP).with(-1, key.as_slice()),
            #[cfg(feature = "rs256")]
            Material::Rsa(key) => map.with(1, RSA).with(-1, &*key.modulus).with(-2, &*key.exponent),
        }
        .into()
    }

    /// Parses a `COSE_Key`; CTAP 2.1 §6.5.6 and WebAuthn §6.5.1 allow no members beyond the required ones, so none is
    /// accepted.
    pub fn from_cose(value: &Value) -> Result<Self, CryptoError> {
        let map = value.as_map().ok_or(NOT_COSE)?;
        let integer = |key| map.int(key).and_then(Value::as_int).ok_or(NOT_COSE);
        let bytes = |key| map.int(key).and_then(Value::as_bytes).ok_or(NOT_COSE);
        let algorithm = Algorithm::from_cose(integer(3)?).ok_or(NOT_COSE)?;
        match (algorithm, integer(1)?, map.len()) {
            (Algorithm::Es256, EC2, 5) if integer(-1)? == 1 => Self::from_p256_point(&point(bytes(-2)?, bytes(-3)?)?),
            (Algorithm::EdDsa, OKP, 4) if integer(-1)? == 6 => Self::from_ed25519(sized(bytes(-2)?)?),
            #[cfg(feature = "es384")]
            (Algorithm::Es384, EC2, 5) if integer(-1)? == 2 => Self::from_p384_point(&point(bytes(-2)?, bytes(-3)?)?),
            #[cfg(feature = "ml-dsa")]
            (Algorithm::MlDsa44, AKP, 3) => Ok(Self::from_ml_dsa_44(sized(bytes(-1)?)?)),
            #[cfg(feature = "ml-dsa")]
            (Algorithm::MlDsa65, AKP, 3) => Ok(Self::from_ml_dsa_65(sized(bytes(-1)?)?)),
            #[cfg(feature = "rs256")]
            (Algorithm::Rs256, RSA, 4) => Self::from_rsa(bytes(-1)?, bytes(-2)?),
            _ => Err(NOT_COSE),
        }
    }

    /// The encoded `COSE_Key`.
    pub fn cose_bytes(&self) -> Vec<u8> {
        self.to_cose().encode()
    }

    /// Parses an encoded `COSE_Key`; the counterpart of [`Self::cose_bytes`].
    pub fn from_cose_bytes(bytes: &[u8]) -> Result<Self, CryptoError> {
        let value = decode(bytes, &Limits::CTAP).map_err(|_| CryptoError::InvalidKey("not canonical CBOR"))?;
        Self::from_cose(&value)
    }

    /// The `SubjectPublicKeyInfo` in DER (RFC 5480, RFC 8410, RFC 9881, RFC 3279 §2.3.1), as `getPublicKey()` of
    /// WebAuthn returns it.
    pub fn to_spki_der(&self) -> Vec<u8> {
        let key = match &self.material {
            Material::P256(point) => point.as_slice(),
            Material::Ed25519(key) => key.as_bytes(),
            #[cfg(feature = "es384")]
            Material::P384(point) => point,
            #[cfg(feature = "ml-dsa")]
            Material::MlDsa44(key) => key.as_slice(),
            #[cfg(feature = "ml-dsa")]
            Material::MlDsa65(key) => key.as_slice(),
            #[cfg(feature = "rs256")]
            Material::Rsa(key) => return der::spki(self.algorithm(), &der::rsa_public(&key.modulus, &key.exponent)),
        };
        der::spki(self.algorithm(), key)
    }

    pub(super) fn material(&self) -> &Material {
        &self.material
    }
}

impl From<Material> for PublicKey {
    fn from(material: Material) -> Self {
        Self { material }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?})", self.algorithm())
    }
}

/// Key types (IANA "COSE Key Types").
const OKP: i64 = 1;
const EC2: i64 = 2;
#[cfg(feature = "rs256")]
const RSA: i64 = 3;
#[cfg(feature = "ml-dsa")]
const AKP: i64 = 7;

const NOT_COSE: CryptoError = CryptoError::InvalidKey("not a COSE_Key of a supported kind");

fn sized<const N: usize>(bytes: &[u8]) -> Result<&[u8; N], CryptoError> {
    bytes.try_into().map_err(|_| NOT_COSE)
}

/// The coordinates of an uncompressed point.
fn coordinates(point: &[u8]) -> (&[u8], &[u8]) {
    let (_, xy) = point.split_at(1);
    xy.split_at(xy.len() / 2)
}

/// The uncompressed point with these coordinates, each of half its length.
fn point<const N: usize>(x: &[u8], y: &[u8]) -> Result<[u8; N], CryptoError> {
    if x.len() != y.len() {
        return Err(NOT_COSE);
    }
    [&[4], x, y].concat().try_into().map_err(|_| NOT_COSE)
}
