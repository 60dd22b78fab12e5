//! ECDSA of `RustCrypto`, one module for each curve. They differ in their sizes only: the traits that both curves
//! implement would take more lines to name than the functions have.

macro_rules! curve {
    ($(#[$attribute:meta])* $module:ident, $curve:ident, $secret:literal, $point:literal, $name:literal) => {
        $(#[$attribute])*
        pub(in crate::crypto) mod $module {
            use std::sync::OnceLock;

            use $curve::ecdsa::signature::{Signer as _, Verifier as _};
            use $curve::ecdsa::{DerSignature, Signature, VerifyingKey};
            use $curve::elliptic_curve::sec1::ToSec1Point as _;

            use crate::crypto::CryptoError;

            /// Keeps what the first signature has computed.
            pub(in crate::crypto) type Prepared = OnceLock<$curve::ecdsa::SigningKey>;

            /// The uncompressed public point (SEC 1 §2.3.3) of a scalar.
            pub(in crate::crypto) fn point(secret: &[u8]) -> Result<[u8; $point], CryptoError> {
                let point = scalar(secret)?.public_key().to_sec1_point(false);
                point.as_bytes().try_into().map_err(|_| OUT_OF_RANGE)
            }

            /// Refuses what is not an uncompressed point on the curve (SEC 1 §2.3.4).
            pub(in crate::crypto) fn check_point(point: &[u8; $point]) -> Result<(), CryptoError> {
                if point.first() != Some(&4) {
                    return Err(CryptoError::InvalidKey("not an uncompressed point"));
                }
                let key = $curve::PublicKey::from_sec1_bytes(point);
                key.map(drop).map_err(|_| CryptoError::InvalidKey(concat!("not a point on ", $name)))
            }

            /// Refuses scalars out of range and of another length.
            pub(in crate::crypto) fn check_secret(secret: &[u8]) -> Result<(), CryptoError> {
                scalar(secret).map(drop)
            }

            /// Signs as RFC 6979 says: the nonce comes from the key and the message.
            pub(in crate::crypto) fn sign(
                prepared: &Prepared,
                secret: &[u8],
                message: &[u8],
            ) -> Result<Vec<u8>, CryptoError> {
                let pair = match prepared.get() {
                    Some(pair) => pair,
                    None => {
                        let pair = $curve::ecdsa::SigningKey::from_slice(secret).map_err(|_| OUT_OF_RANGE)?;
                        prepared.get_or_init(|| pair)
                    }
                };
                let signature: DerSignature = pair
                    .try_sign(message)
                    .map_err(|_| CryptoError::InvalidKey("no signature with this key"))?;
                Ok(signature.as_bytes().to_vec())
            }

            pub(in crate::crypto) fn verify(
                point: &[u8; $point],
                message: &[u8],
                signature: &[u8],
            ) -> Result<(), CryptoError> {
                let key = VerifyingKey::from_sec1_bytes(point).map_err(|_| CryptoError::BadSignature)?;
                let signature = Signature::from_der(signature).map_err(|_| CryptoError::BadSignature)?;
                key.verify(message, &signature).map_err(|_| CryptoError::BadSignature)
            }

            const OUT_OF_RANGE: CryptoError = CryptoError::InvalidKey(concat!("a ", $name, " scalar out of range"));

            /// The curve's own constructor pads what is too short.
            fn scalar(secret: &[u8]) -> Result<$curve::SecretKey, CryptoError> {
                let secret: &[u8; $secret] = secret.try_into().map_err(|_| OUT_OF_RANGE)?;
                $curve::SecretKey::from_slice(secret).map_err(|_| OUT_OF_RANGE)
            }
        }
    };
}

curve!(es256, p256, 32, 65, "P-256");
curve!(
    #[cfg(feature = "es384")]
    es384,
    p384,
    48,
    97,
    "P-384"
);
