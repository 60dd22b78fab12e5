//! XChaCha20-Poly1305 with a random nonce in front: `nonce (24) ‖ ciphertext ‖ tag (16)`.
//!
//! The one AEAD of the account. Its nonce is long enough to be drawn at random for as long as anybody lives.

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use claviger_ctap::crypto::{Crypto, CryptoError};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::secret::Key;

const NONCE: usize = 24;
const TAG: usize = 16;

/// How many bytes sealing adds.
pub(crate) const OVERHEAD: usize = NONCE + TAG;

/// Seals `plaintext`, bound to `associated`.
pub(crate) fn seal(crypto: &dyn Crypto, key: &Key, associated: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Error> {
    let mut nonce = [0; NONCE];
    crypto.random(&mut nonce)?;
    let mut sealed = Vec::with_capacity(plaintext.len() + OVERHEAD);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plaintext);
    let (_, text) = sealed.split_at_mut(NONCE);
    let tag = XChaCha20Poly1305::new(key.expose().into())
        .encrypt_inout_detached(&nonce.into(), associated, text.into())
        // The one way to fail is a plaintext of 256 GiB.
        .map_err(|_| CryptoError::OutputTooLong)?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// Opens what [`seal`] sealed; `None` when it was not sealed with this key and these associated data.
pub(crate) fn open(key: &Key, associated: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
    let (text, tag) = rest.split_last_chunk::<TAG>()?;
    let mut plaintext = Zeroizing::new(text.to_vec());
    XChaCha20Poly1305::new(key.expose().into())
        .decrypt_inout_detached(nonce.into(), associated, plaintext.as_mut_slice().into(), tag.into())
        .ok()?;
    Some(plaintext)
}
