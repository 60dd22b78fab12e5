//! Ephemeral key agreement on P-256, for the unlock box and the PIN/UV protocols.

use std::fmt;

use p256::elliptic_curve::sec1::ToSec1Point;
use zeroize::Zeroizing;

use super::{Crypto, CryptoError};
use crate::cbor::{Map, Value};

/// COSE algorithm −25, ECDH-ES + HKDF-256: what CTAP 2.1 §6.5.6 puts into key-agreement keys.
const ECDH_ES_HKDF_256: i64 = -25;

/// The public half of a key-agreement key: a valid point on P-256.
#[derive(Clone, PartialEq, Eq)]
pub struct EcdhPublicKey {
    key: p256::PublicKey,
}

impl EcdhPublicKey {
    /// The `COSE_Key` with exactly the members of CTAP 2.1 §6.5.6: kty 2, alg −25, crv 1, x, y.
    pub fn to_cose(&self) -> Value {
        let point = self.key.to_sec1_point(false);
        let (x, y) = point.as_bytes().split_at(1).1.split_at(32);
        Map::new()
            .with(1, 2)
            .with(3, ECDH_ES_HKDF_256)
            .with(-1, 1)
            .with(-2, x)
            .with(-3, y)
            .into()
    }

    /// Parses such a `COSE_Key`. A point that is not on the curve is refused.
    pub fn from_cose(value: &Value) -> Result<Self, CryptoError> {
        let bad = CryptoError::InvalidKey("not a COSE_Key for ECDH on P-256");
        let map = value.as_map().ok_or(bad)?;
        let integer = |key| map.int(key).and_then(Value::as_int);
        if (integer(1), integer(3), integer(-1), map.len()) != (Some(2), Some(ECDH_ES_HKDF_256), Some(1), 5) {
            return Err(bad);
        }
        let coordinate = |key| {
            map.int(key)
                .and_then(Value::as_bytes)
                .filter(|b| b.len() == 32)
                .ok_or(bad)
        };
        let point = [&[4], coordinate(-2)?, coordinate(-3)?].concat();
        p256::PublicKey::from_sec1_bytes(&point)
            .map(|key| Self { key })
            .map_err(|_| bad)
    }

    /// The encoded `COSE_Key`.
    pub fn cose_bytes(&self) -> Vec<u8> {
        self.to_cose().encode()
    }
}

impl fmt::Debug for EcdhPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EcdhPublicKey")
    }
}

/// A key-agreement key pair that lives for one exchange, or for one process. Zeroised on drop.
pub struct EphemeralKey {
    secret: p256::SecretKey,
    public: EcdhPublicKey,
}

impl EphemeralKey {
    /// A new random key.
    pub fn generate(crypto: &dyn Crypto) -> Result<Self, CryptoError> {
        let mut secret = Zeroizing::new([0_u8; 32]);
        loop {
            crypto.random(secret.as_mut_slice())?;
            // Out of range once in 2³² tries.
            match Self::from_secret(&secret) {
                Err(CryptoError::InvalidKey(_)) => {}
                done => return done,
            }
        }
    }

    /// A key from its scalar, big endian: to re-compute test vectors, or for a key that outlives its process.
    pub fn from_secret(secret: &[u8; 32]) -> Result<Self, CryptoError> {
        let secret =
            p256::SecretKey::from_slice(secret).map_err(|_| CryptoError::InvalidKey("a P-256 scalar out of range"))?;
        let public = EcdhPublicKey {
            key: secret.public_key(),
        };
        Ok(Self { secret, public })
    }

    /// The public key, to be sent to the other side.
    pub fn public(&self) -> &EcdhPublicKey {
        &self.public
    }

    /// The shared secret: the x coordinate (SEC 1 §3.3.1). Feed it to a KDF; never use it as a key.
    pub fn agree(&self, other: &EcdhPublicKey) -> Zeroizing<[u8; 32]> {
        let shared = self.secret.diffie_hellman(&other.key);
        Zeroizing::new((*shared.raw_secret_bytes()).into())
    }
}

impl fmt::Debug for EphemeralKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EphemeralKey([redacted])")
    }
}
