//! The PIN/UV auth protocols 1 and 2 (CTAP 2.1 §6.5.6 and §6.5.7): how a platform and an authenticator agree on a
//! secret, wrap PINs, tokens and salts with it, and prove that they hold a token.
//!
//! Both sides are here. The platform [encapsulates](SharedSecret::encapsulate) to the authenticator's key-agreement key;
//! the authenticator [decapsulates](SharedSecret::decapsulate) what came. From there on both do the same.
//!
//! The protocols differ in their keys, in the initialisation vector and in the length of a MAC:
//!
//! | | protocol 1 | protocol 2 |
//! |---|---|---|
//! | keys | SHA-256(Z) for everything | HKDF-SHA-256(Z), one for MACs and one for AES |
//! | AES-256-CBC | IV of zeros | random IV, sent before the ciphertext |
//! | HMAC-SHA-256 | first 16 bytes | all 32 bytes |
//!
//! ```
//! use claviger_ctap::crypto::{ecdh::EphemeralKey, portable};
//! use claviger_ctap::pin_protocol::{PinUvAuthProtocol, SharedSecret};
//!
//! let authenticator = EphemeralKey::generate(portable())?;
//! let (public, platform) = SharedSecret::encapsulate(portable(), PinUvAuthProtocol::Two, authenticator.public())?;
//! let secret = SharedSecret::decapsulate(portable(), PinUvAuthProtocol::Two, &authenticator, &public)?;
//! let wrapped = platform.encrypt(portable(), &[7; 32])?;
//! assert_eq!(*secret.decrypt(&wrapped)?, [7; 32]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use aes::Aes256;
use cbc::cipher::{Array, BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::crypto::ecdh::{EcdhPublicKey, EphemeralKey};
use crate::crypto::{Crypto, CryptoError};

/// Which of the protocols is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PinUvAuthProtocol {
    /// Protocol 1 (§6.5.6).
    One,
    /// Protocol 2 (§6.5.7), which a FIPS review accepts. Prefer it.
    Two,
}

impl PinUvAuthProtocol {
    /// All, best first: the order in which getInfo tells them.
    pub const ALL: [Self; 2] = [Self::Two, Self::One];

    /// The identifier on the wire.
    pub fn number(self) -> u64 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// The protocol with this identifier.
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.number() == number)
    }

    /// The MAC of the concatenation of `parts` under `key`: 16 bytes with protocol 1, 32 with protocol 2.
    ///
    /// `key` is a `pinUvAuthToken`; with a shared secret, call [`SharedSecret::authenticate`].
    pub fn authenticate(self, crypto: &dyn Crypto, key: &[u8; 32], parts: &[&[u8]]) -> Vec<u8> {
        let mut mac = crypto.hmac_sha256(key, parts).to_vec();
        mac.truncate(self.mac_length());
        mac
    }

    /// Whether `mac` is what [`Self::authenticate`] gives, in constant time.
    pub fn verify(
        self,
        crypto: &dyn Crypto,
        key: &[u8; 32],
        parts: &[&[u8]],
        mac: &[u8],
    ) -> Result<(), PinProtocolError> {
        let expected = self.authenticate(crypto, key, parts);
        if bool::from(expected.ct_eq(mac)) {
            Ok(())
        } else {
            Err(PinProtocolError::BadMac)
        }
    }

    fn mac_length(self) -> usize {
        match self {
            Self::One => 16,
            Self::Two => 32,
        }
    }
}

/// Why a wrapped or authenticated value is refused: the other side's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PinProtocolError {
    /// A ciphertext, or a plaintext to be encrypted, is not a whole number of 16-byte blocks, or lacks its IV.
    #[error("not a whole number of blocks")]
    Length,
    /// A MAC does not verify.
    #[error("the MAC does not verify")]
    BadMac,
    /// The operating system gave no random bytes: the platform's fault.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// What both sides of one key agreement hold. Zeroised on drop; `Debug` does not show it.
pub struct SharedSecret {
    protocol: PinUvAuthProtocol,
    hmac_key: Zeroizing<[u8; 32]>,
    aes_key: Zeroizing<[u8; 32]>,
}

impl SharedSecret {
    /// The platform's `encapsulate`: a fresh key pair, and the secret that it shares with `authenticator`. The public
    /// key goes along with whatever is wrapped.
    pub fn encapsulate(
        crypto: &dyn Crypto,
        protocol: PinUvAuthProtocol,
        authenticator: &EcdhPublicKey,
    ) -> Result<(EcdhPublicKey, Self), CryptoError> {
        let key = EphemeralKey::generate(crypto)?;
        let secret = Self::decapsulate(crypto, protocol, &key, authenticator)?;
        Ok((key.public().clone(), secret))
    }

    /// The authenticator's `decapsulate`: the secret that its key-agreement key shares with the platform's public key.
    pub fn decapsulate(
        crypto: &dyn Crypto,
        protocol: PinUvAuthProtocol,
        key: &EphemeralKey,
        platform: &EcdhPublicKey,
    ) -> Result<Self, CryptoError> {
        let z = key.agree(platform);
        let (hmac_key, aes_key) = match protocol {
            PinUvAuthProtocol::One => {
                let key = crypto.sha256(&[z.as_slice()]);
                (Zeroizing::new(key), Zeroizing::new(key))
            }
            PinUvAuthProtocol::Two => {
                let derive = |info: &[u8]| {
                    let mut key = Zeroizing::new([0; 32]);
                    crypto.hkdf_sha256(&[0; 32], z.as_slice(), info, key.as_mut_slice())?;
                    Ok::<_, CryptoError>(key)
                };
                (derive(b"CTAP2 HMAC key")?, derive(b"CTAP2 AES key")?)
            }
        };
        Ok(Self {
            protocol,
            hmac_key,
            aes_key,
        })
    }

    /// The protocol that the secret belongs to.
    pub fn protocol(&self) -> PinUvAuthProtocol {
        self.protocol
    }

    /// The secret as §6.5.6 and §6.5.7 write it: 32 bytes with protocol 1; with protocol 2 the HMAC key and then the AES
    /// key. For handing it to the process that encrypts.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(64));
        bytes.extend_from_slice(self.hmac_key.as_slice());
        if self.protocol == PinUvAuthProtocol::Two {
            bytes.extend_from_slice(self.aes_key.as_slice());
        }
        bytes
    }

    /// The counterpart of [`Self::to_bytes`].
    pub fn from_bytes(protocol: PinUvAuthProtocol, bytes: &[u8]) -> Result<Self, PinProtocolError> {
        let (first, rest) = bytes.split_first_chunk().ok_or(PinProtocolError::Length)?;
        let second = match protocol {
            PinUvAuthProtocol::One if rest.is_empty() => first,
            PinUvAuthProtocol::One => return Err(PinProtocolError::Length),
            PinUvAuthProtocol::Two => rest.try_into().map_err(|_| PinProtocolError::Length)?,
        };
        Ok(Self {
            protocol,
            hmac_key: Zeroizing::new(*first),
            aes_key: Zeroizing::new(*second),
        })
    }

    /// Encrypts whole blocks of 16 bytes.
    pub fn encrypt(&self, crypto: &dyn Crypto, plaintext: &[u8]) -> Result<Vec<u8>, PinProtocolError> {
        let iv = match self.protocol {
            PinUvAuthProtocol::One => [0; BLOCK],
            PinUvAuthProtocol::Two => {
                let mut iv = [0; BLOCK];
                crypto.random(&mut iv)?;
                iv
            }
        };
        self.encrypt_with(iv, plaintext)
    }

    /// Decrypts what [`Self::encrypt`] gives. It is not authenticated: check a MAC first, or what comes out.
    pub fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, PinProtocolError> {
        let (iv, body) = match self.protocol {
            PinUvAuthProtocol::One => (&[0; BLOCK], ciphertext),
            PinUvAuthProtocol::Two => ciphertext.split_first_chunk().ok_or(PinProtocolError::Length)?,
        };
        let mut out = Zeroizing::new(whole_blocks(body)?);
        let mut cipher = cbc::Decryptor::<Aes256>::new(&Array(*self.aes_key), &Array(*iv));
        for block in out.chunks_exact_mut(BLOCK).filter_map(|block| block.try_into().ok()) {
            cipher.decrypt_block(block);
        }
        Ok(out)
    }

    /// The MAC of the concatenation of `parts`.
    pub fn authenticate(&self, crypto: &dyn Crypto, parts: &[&[u8]]) -> Vec<u8> {
        self.protocol.authenticate(crypto, &self.hmac_key, parts)
    }

    /// Whether `mac` is what [`Self::authenticate`] gives, in constant time.
    pub fn verify(&self, crypto: &dyn Crypto, parts: &[&[u8]], mac: &[u8]) -> Result<(), PinProtocolError> {
        self.protocol.verify(crypto, &self.hmac_key, parts, mac)
    }

    fn encrypt_with(&self, iv: [u8; BLOCK], plaintext: &[u8]) -> Result<Vec<u8>, PinProtocolError> {
        let mut body = whole_blocks(plaintext)?;
        let mut cipher = cbc::Encryptor::<Aes256>::new(&Array(*self.aes_key), &Array(iv));
        for block in body.chunks_exact_mut(BLOCK).filter_map(|block| block.try_into().ok()) {
            cipher.encrypt_block(block);
        }
        Ok(match self.protocol {
            PinUvAuthProtocol::One => body,
            PinUvAuthProtocol::Two => [iv.as_slice(), &body].concat(),
        })
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedSecret({:?}, [redacted])", self.protocol)
    }
}

const BLOCK: usize = 16;

/// A copy to be worked on in place, if it can be.
fn whole_blocks(bytes: &[u8]) -> Result<Vec<u8>, PinProtocolError> {
    if bytes.len().is_multiple_of(BLOCK) {
        Ok(bytes.to_vec())
    } else {
        Err(PinProtocolError::Length)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
