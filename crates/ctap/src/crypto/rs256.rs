//! RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2) of `RustCrypto`: keys for both implementations, signatures for the
//! portable one.
//!
//! Off by default (cargo feature `rs256`): the crate's private-key operation is not free of timing differences that can
//! be seen over a network (RUSTSEC-2023-0071, "Marvin"). The native implementation signs with ring, which is not
//! concerned; both make and read keys with this crate.

use std::convert::Infallible;
use std::sync::OnceLock;

use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _};
use rsa::pkcs1v15::{Signature, SigningKey, VerifyingKey};
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::signature::{SignatureEncoding as _, Signer as _, Verifier as _};
use rsa::traits::PublicKeyParts as _;
use rsa::{BoxedUint, RsaPrivateKey, RsaPublicKey};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Crypto, CryptoError};

/// New keys have a modulus of 2048 bits.
const BITS: usize = 2048;

/// A public key: a modulus of 2048 to 4096 bits and an odd exponent from 3 to 2³² − 1, both without leading zeros.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Public {
    pub(super) modulus: Box<[u8]>,
    pub(super) exponent: Box<[u8]>,
}

impl Public {
    pub(super) fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, CryptoError> {
        let whole = modulus.first().is_some_and(|byte| *byte >= 0x80);
        let odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
        if !(256..=512).contains(&modulus.len()) || !whole || !odd(modulus) {
            return Err(CryptoError::InvalidKey("not an RSA modulus of 2048 to 4096 bits"));
        }
        if !odd(exponent) || exponent.len() > 4 || matches!(exponent, [0, ..] | [1]) {
            return Err(CryptoError::InvalidKey("not an RSA exponent"));
        }
        Ok(Self {
            modulus: modulus.into(),
            exponent: exponent.into(),
        })
    }

    fn parsed(&self) -> Result<RsaPublicKey, CryptoError> {
        let number = BoxedUint::from_be_slice_vartime;
        RsaPublicKey::new(number(&self.modulus), number(&self.exponent)).map_err(|_| INVALID)
    }
}

/// Keeps what the first signature has computed.
pub(super) type Prepared = OnceLock<Box<SigningKey<Sha256>>>;

/// A new key: an `RSAPrivateKey` in DER (RFC 8017 §A.1.2).
pub(super) fn generate(crypto: &dyn Crypto) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let mut seed = Zeroizing::new([0; 32]);
    crypto.random(seed.as_mut_slice())?;
    let mut generator = Generator {
        crypto,
        seed,
        blocks: 0,
    };
    let key = RsaPrivateKey::new(&mut generator, BITS).map_err(|_| INVALID)?;
    Ok(key.to_pkcs1_der().map_err(|_| INVALID)?.to_bytes())
}

/// The public key of an `RSAPrivateKey` in DER; checks that its numbers belong together.
pub(super) fn public_key(secret: &[u8]) -> Result<Public, CryptoError> {
    let key = RsaPrivateKey::from_pkcs1_der(secret).map_err(|_| INVALID)?;
    Public::new(&key.n_bytes(), &key.e_bytes())
}

pub(super) fn sign(prepared: &Prepared, secret: &[u8], message: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let key = if let Some(key) = prepared.get() {
        key
    } else {
        let key = RsaPrivateKey::from_pkcs1_der(secret).map_err(|_| INVALID)?;
        prepared.get_or_init(|| Box::new(SigningKey::new(key)))
    };
    Ok(key.try_sign(message).map_err(|_| INVALID)?.to_vec())
}

pub(super) fn verify(key: &Public, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
    // RFC 8017 §8.2.2 step 1; the crate would take a shorter one.
    if signature.len() != key.modulus.len() {
        return Err(CryptoError::BadSignature);
    }
    let key = VerifyingKey::<Sha256>::new(key.parsed().map_err(|_| CryptoError::BadSignature)?);
    let signature = Signature::try_from(signature).map_err(|_| CryptoError::BadSignature)?;
    key.verify(message, &signature).map_err(|_| CryptoError::BadSignature)
}

const INVALID: CryptoError = CryptoError::InvalidKey("not an RSA key of 2048 to 4096 bits");

/// Random bytes that cannot fail half-way, as the crate wants them: HMAC-SHA-256 of a counter under a random seed.
struct Generator<'a> {
    crypto: &'a dyn Crypto,
    seed: Zeroizing<[u8; 32]>,
    blocks: u64,
}

impl TryRng for Generator<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(32) {
            self.blocks += 1;
            let block = Zeroizing::new(
                self.crypto
                    .hmac_sha256(self.seed.as_slice(), &[&self.blocks.to_be_bytes()]),
            );
            chunk.iter_mut().zip(block.iter()).for_each(|(to, from)| *to = *from);
        }
        Ok(())
    }
}

impl TryCryptoRng for Generator<'_> {}
