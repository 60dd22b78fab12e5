//! Public and private keys. Both are checked when they are made.

use std::fmt;
use std::sync::OnceLock;

use ed25519_dalek::VerifyingKey;
use p256::elliptic_curve::sec1::ToSec1Point;
use zeroize::Zeroizing;

use super::{Algorithm, CryptoError, der};
use crate::cbor::{Limits, Map, Value, decode};

/// A public key: a valid point, ready to verify with.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    point: Point,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Point {
    /// P-256, uncompressed (SEC 1 §2.3.3): 0x04, x, y.
    P256([u8; 65]),
    /// Ed25519, already decompressed, which is a tenth of a verification.
    Ed25519(VerifyingKey),
}

impl PublicKey {
    /// The algorithm that the key is for.
    pub fn algorithm(&self) -> Algorithm {
        match self.point {
            Point::P256(_) => Algorithm::Es256,
            Point::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// Parses an uncompressed P-256 point (65 bytes, SEC 1 §2.3.4).
    pub fn from_p256_point(point: &[u8; 65]) -> Result<Self, CryptoError> {
        if point.first() != Some(&4) {
            return Err(CryptoError::InvalidKey("not an uncompressed point"));
        }
        p256::PublicKey::from_sec1_bytes(point).map_err(|_| CryptoError::InvalidKey("not a point on P-256"))?;
        Ok(Self {
            point: Point::P256(*point),
        })
    }

    /// Parses an Ed25519 public key (RFC 8032 §5.1.3). Non-canonical encodings and points of small order, under
    /// which one signature can fit many messages, are refused.
    pub fn from_ed25519(bytes: &[u8; 32]) -> Result<Self, CryptoError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| CryptoError::InvalidKey("not a point on Ed25519"))?;
        if key.is_weak() {
            return Err(CryptoError::InvalidKey("a point of small order"));
        }
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(CryptoError::InvalidKey("not the canonical encoding of the point"));
        }
        Ok(Self {
            point: Point::Ed25519(key),
        })
    }

    /// The `COSE_Key` (RFC 9052 §7, RFC 9053 §7) with exactly the members that WebAuthn Level 3 §6.5.1 asks for.
    pub fn to_cose(&self) -> Value {
        let map = Map::new().with(3, self.algorithm().cose());
        match &self.point {
            Point::P256(point) => {
                let (x, y) = coordinates(point);
                map.with(1, 2).with(-1, 1).with(-2, x).with(-3, y)
            }
            Point::Ed25519(key) => map.with(1, 1).with(-1, 6).with(-2, key.as_bytes()),
        }
        .into()
    }

    /// Parses a `COSE_Key`; CTAP 2.1 §6.5.6 and WebAuthn §6.5.1 allow no members beyond the required ones, so none is
    /// accepted.
    pub fn from_cose(value: &Value) -> Result<Self, CryptoError> {
        let bad = CryptoError::InvalidKey("not a COSE_Key of a supported kind");
        let map = value.as_map().ok_or(bad)?;
        let integer = |key| map.int(key).and_then(Value::as_int).ok_or(bad);
        let coordinate = |key| -> Result<[u8; 32], CryptoError> {
            map.int(key)
                .and_then(Value::as_bytes)
                .and_then(|b| b.try_into().ok())
                .ok_or(bad)
        };
        match (Algorithm::from_cose(integer(3)?), integer(1)?, integer(-1)?, map.len()) {
            (Some(Algorithm::Es256), 2, 1, 5) => {
                let mut point = [4; 65];
                let (_, xy) = point.split_at_mut(1);
                let (x, y) = xy.split_at_mut(32);
                x.copy_from_slice(&coordinate(-2)?);
                y.copy_from_slice(&coordinate(-3)?);
                Self::from_p256_point(&point)
            }
            (Some(Algorithm::EdDsa), 1, 6, 4) => Self::from_ed25519(&coordinate(-2)?),
            _ => Err(bad),
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

    /// The `SubjectPublicKeyInfo` in DER (RFC 5480, RFC 8410), as `getPublicKey()` of WebAuthn returns it.
    pub fn to_spki_der(&self) -> Vec<u8> {
        match &self.point {
            Point::P256(point) => der::p256_spki(point),
            Point::Ed25519(key) => der::ed25519_spki(key.as_bytes()),
        }
    }

    pub(super) fn point(&self) -> &Point {
        &self.point
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?})", self.algorithm())
    }
}

/// A private key. Not `Clone`; `Debug` does not show it; its bytes are zeroised on drop.
///
/// It keeps its public key, because each algorithm needs it to sign and computing it costs as much as a signature; and
/// it keeps what its first signature has computed, so that a key that stays in memory signs at the bare cost. ring does
/// not zeroise its form of a P-256 key; a program in which that matters keeps its heap out of dumps and swap.
pub struct PrivateKey {
    secret: Zeroizing<[u8; 32]>,
    public: PublicKey,
    prepared: Prepared,
}

/// The key in the form that each implementation signs with, made when first needed. At most one is ever filled, or two
/// in a program that uses both implementations.
#[derive(Default)]
pub(super) struct Prepared {
    pub(super) ed25519: OnceLock<ed25519_dalek::SigningKey>,
    pub(super) p256: OnceLock<p256::ecdsa::SigningKey>,
    #[cfg(feature = "native")]
    pub(super) ring: OnceLock<ring::signature::EcdsaKeyPair>,
}

impl PrivateKey {
    /// Makes a key from its 32 secret bytes (P-256: the scalar, big endian; Ed25519: the seed) and computes the
    /// public key.
    pub fn from_secret(algorithm: Algorithm, secret: &[u8; 32]) -> Result<Self, CryptoError> {
        let prepared = Prepared::default();
        let point = match algorithm {
            Algorithm::Es256 => {
                let point = p256_secret(secret)?.public_key().to_sec1_point(false);
                Point::P256(
                    point
                        .as_bytes()
                        .try_into()
                        .map_err(|_| CryptoError::InvalidKey("out of range"))?,
                )
            }
            Algorithm::EdDsa => {
                let key = prepared
                    .ed25519
                    .get_or_init(|| ed25519_dalek::SigningKey::from_bytes(secret));
                Point::Ed25519(key.verifying_key())
            }
        };
        Ok(Self {
            secret: Zeroizing::new(*secret),
            public: PublicKey { point },
            prepared,
        })
    }

    /// Makes a key from its 32 secret bytes and the public key that was stored beside them; cheap.
    ///
    /// That the two belong together is *not* checked here. If they do not, signing fails or gives signatures that do
    /// not verify under `public`; the secret is not endangered either way.
    pub fn from_parts(algorithm: Algorithm, secret: &[u8; 32], public: PublicKey) -> Result<Self, CryptoError> {
        if public.algorithm() != algorithm {
            return Err(CryptoError::InvalidKey("the public key is of another algorithm"));
        }
        if algorithm == Algorithm::Es256 {
            p256_secret(secret)?;
        }
        Ok(Self {
            secret: Zeroizing::new(*secret),
            public,
            prepared: Prepared::default(),
        })
    }

    /// Parses PKCS#8 in DER, version 1 or 2 (RFC 5958), P-256 or Ed25519: what [`Self::to_pkcs8_der`] gives, and what
    /// other managers export.
    ///
    /// With `public` given this is as cheap as [`Self::from_parts`]; otherwise the public key is computed. A public key
    /// inside the file is not looked at.
    pub fn from_pkcs8_der(der: &[u8], public: Option<PublicKey>) -> Result<Self, CryptoError> {
        let (algorithm, secret) =
            der::parse_pkcs8(der).ok_or(CryptoError::InvalidKey("not a PKCS#8 key for P-256 or Ed25519"))?;
        match public {
            Some(public) => Self::from_parts(algorithm, &secret, public),
            None => Self::from_secret(algorithm, &secret),
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
    pub fn secret_bytes(&self) -> Zeroizing<[u8; 32]> {
        self.secret.clone()
    }

    /// PKCS#8 in DER (RFC 5958): version 1 for both; a P-256 key carries its public key (RFC 5915), as every
    /// consumer of such files expects.
    pub fn to_pkcs8_der(&self) -> Zeroizing<Vec<u8>> {
        match &self.public.point {
            Point::P256(point) => der::p256_pkcs8(&self.secret, point),
            Point::Ed25519(_) => der::ed25519_pkcs8(&self.secret),
        }
    }

    pub(super) fn secret(&self) -> &[u8; 32] {
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

fn coordinates(point: &[u8; 65]) -> (&[u8], &[u8]) {
    let (_, xy) = point.split_at(1);
    xy.split_at(32)
}

fn p256_secret(secret: &[u8; 32]) -> Result<p256::SecretKey, CryptoError> {
    p256::SecretKey::from_slice(secret).map_err(|_| CryptoError::InvalidKey("a P-256 scalar out of range"))
}
