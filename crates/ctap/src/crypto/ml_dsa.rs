//! ML-DSA (FIPS 204) of `RustCrypto`, for both implementations: ring has none. Pure ML-DSA with an empty context, as
//! RFC 9964 says; signatures are hedged with fresh randomness (FIPS 204 §3.4).

use std::sync::OnceLock;

use ml_dsa::signature::rand_core::{TryCryptoRng, TryRng};
use ml_dsa::{
    EncodedVerifyingKey, ExpandedSigningKey, Keypair as _, MlDsaParams, Signature, SignatureEncoding as _, SigningKey,
    VerifyingKey,
};

use super::{Crypto, CryptoError};

/// Keeps what the first signature has computed, on the heap: an expanded key has up to 100 KB.
pub(super) type Prepared<P> = OnceLock<Box<ExpandedSigningKey<P>>>;

/// The public key of a seed (FIPS 204 §5.1), encoded; `N` is its size.
pub(super) fn public_key<P: MlDsaParams, const N: usize>(seed: &[u8]) -> Result<[u8; N], CryptoError> {
    let pair = SigningKey::<P>::from_seed(check_seed(seed)?.into());
    pair.verifying_key()
        .encode()
        .as_slice()
        .try_into()
        .map_err(|_| CryptoError::InvalidKey("an ML-DSA public key of another size"))
}

pub(super) fn check_seed(seed: &[u8]) -> Result<&[u8; 32], CryptoError> {
    seed.try_into()
        .map_err(|_| CryptoError::InvalidKey("an ML-DSA seed has 32 bytes"))
}

pub(super) fn sign<P: MlDsaParams>(
    crypto: &dyn Crypto,
    prepared: &Prepared<P>,
    seed: &[u8],
    message: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let seed = check_seed(seed)?;
    let pair = prepared.get_or_init(|| Box::new(ExpandedSigningKey::from_seed(seed.into())));
    // Beside the generator only the context can be wrong, and it is empty.
    let signature = pair
        .sign_randomized(message, &[], &mut Generator(crypto))
        .map_err(|_| CryptoError::Random)?;
    Ok(signature.to_vec())
}

pub(super) fn verify<P: MlDsaParams>(key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
    let key = EncodedVerifyingKey::<P>::try_from(key).map_err(|_| CryptoError::BadSignature)?;
    let signature = Signature::<P>::try_from(signature).map_err(|_| CryptoError::BadSignature)?;
    let fits = VerifyingKey::<P>::decode(&key).verify_with_context(message, &[], &signature);
    if fits { Ok(()) } else { Err(CryptoError::BadSignature) }
}

/// The generator of a [`Crypto`], as the crate wants it.
struct Generator<'a>(&'a dyn Crypto);

impl TryRng for Generator<'_> {
    type Error = CryptoError;

    fn try_next_u32(&mut self) -> Result<u32, CryptoError> {
        let mut bytes = [0; 4];
        self.0.random(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, CryptoError> {
        let mut bytes = [0; 8];
        self.0.random(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), CryptoError> {
        self.0.random(out)
    }
}

impl TryCryptoRng for Generator<'_> {}
