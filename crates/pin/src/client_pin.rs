//! What a program that speaks CTAP says of a PIN: the first 16 bytes of its SHA-256.
//!
//! A browser that asks for a security key's PIN sends `LEFT(SHA-256(PIN), 16)` to the key and never the PIN itself (CTAP 2.1
//! section 6.5.5.7.1, `pinHashEnc`). A [`ClientPin`] is that value. Whoever has it can guess the PIN as fast as SHA-256 runs,
//! so it is kept like the PIN: not `Clone`, printed as `[redacted]`, wiped when dropped, and between processes only in a sealed
//! memory file ([`crate::memfd`]). No PIN of more than 63 bytes comes this way, because no client sends one.

use core::fmt;

use claviger_ctap::crypto::Crypto;
use zeroize::Zeroizing;

use crate::Pin;

/// The first 16 bytes of a PIN's SHA-256. In a box, because a value that is moved leaves a copy behind that nobody wipes.
pub struct ClientPin(Box<Zeroizing<[u8; Self::LENGTH]>>);

impl ClientPin {
    /// Length in bytes.
    pub const LENGTH: usize = 16;

    /// Takes what a client sent, decrypted; `None` for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut hash = Box::new(Zeroizing::new([0; Self::LENGTH]));
        if bytes.len() != hash.len() {
            return None;
        }
        hash.copy_from_slice(bytes);
        Some(Self(hash))
    }

    /// What a client would send for this PIN. Both are in normalisation form C.
    pub fn of(crypto: &dyn Crypto, pin: &Pin) -> Self {
        let digest = Zeroizing::new(crypto.sha256(&[pin.as_bytes()]));
        let mut hash = Box::new(Zeroizing::new([0; Self::LENGTH]));
        for (to, from) in hash.iter_mut().zip(digest.iter()) {
            *to = *from;
        }
        Self(hash)
    }

    /// What the key derivation takes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl fmt::Debug for ClientPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientPin([redacted])")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::crypto::native;

    use super::*;

    #[test]
    fn one_that_is_moved_leaves_no_copy_behind() {
        let pin = ClientPin::from_bytes(&[7; 16]).unwrap();
        let bytes = pin.as_bytes().as_ptr();
        let moved = Box::new((pin, 0));
        assert_eq!(moved.0.as_bytes().as_ptr(), bytes);
    }

    #[test]
    fn it_is_the_left_half_of_the_hash() {
        // printf 1234 | sha256sum
        let hash = ClientPin::of(native(), &Pin::new("1234").unwrap());
        assert_eq!(
            hash.as_bytes(),
            [
                0x03, 0xac, 0x67, 0x42, 0x16, 0xf3, 0xe1, 0x5c, 0x76, 0x1e, 0xe1, 0xa5, 0xe2, 0x55, 0xf0, 0x67
            ]
        );
        let read = ClientPin::from_bytes(hash.as_bytes()).unwrap();
        assert_eq!(read.as_bytes(), hash.as_bytes());
        assert_eq!(format!("{hash:?}"), "ClientPin([redacted])");
    }

    #[test]
    fn an_accent_typed_either_way_is_the_same_pin() {
        let of = |typed: &str| ClientPin::of(native(), &Pin::new(typed).unwrap());
        assert_eq!(of("caf\u{e9}-7").as_bytes(), of("cafe\u{301}-7").as_bytes());
    }

    #[test]
    fn other_lengths_are_none() {
        for length in [0, 15, 17, 32] {
            assert!(ClientPin::from_bytes(&vec![1; length]).is_none(), "{length}");
        }
    }
}
