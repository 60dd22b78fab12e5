//! What this device has seen, as it is kept outside of the database: how far its log goes, never going back.
//!
//! The database alone cannot show that its end was cut off or that an older copy of it was put in its place: an old log is
//! a valid log. A record that lies elsewhere can. Where it lies, and how it is written, is the vault's.
//!
//! ```text
//! sealed under the key of the heads, associated data (heads, account, device, vault, suite):
//! sequence (u64, big endian) ‖ hash (32)
//! ```

use claviger_ctap::crypto::Crypto;

use crate::aead;
use crate::error::Error;
use crate::ids::{Head, Place};
use crate::keys::Keys;

/// How many bytes a sealed record has.
pub const SEALED: usize = 8 + 32 + aead::OVERHEAD;

/// Seals `head` for this device.
pub fn seal(crypto: &dyn Crypto, keys: &Keys, place: &Place, head: Head) -> Result<Vec<u8>, Error> {
    let plain = [head.sequence.to_be_bytes().as_slice(), &head.hash].concat();
    aead::seal(crypto, &keys.pins, &place.heads(), &plain)
}

/// Opens what [`seal`] sealed; `None` when it was sealed for another device or vault, or is torn.
pub fn open(keys: &Keys, place: &Place, sealed: &[u8]) -> Option<Head> {
    let plain = aead::open(&keys.pins, &place.heads(), sealed)?;
    let (sequence, hash) = plain.split_first_chunk()?;
    Some(Head {
        sequence: u64::from_be_bytes(*sequence),
        hash: hash.try_into().ok()?,
    })
}
