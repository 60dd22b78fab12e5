//! credProtect for stores that know nothing of it: the level is written into the credential's id.
//!
//! A credential of a raised level gets an id of 48 bytes: 32 at random, the level, and 15 bytes of a hash over these by which such
//! an id is told from one that was made elsewhere. An id is public anyway, comes back unchanged or names nothing, and travels
//! wherever the credential does, so the level can be neither lost nor lowered.

use super::device::Protection;
use crate::crypto::{Crypto, CryptoError, portable};
use crate::types::CredentialId;

const RANDOM_BYTES: usize = 32;
const MARK_BYTES: usize = 15;

/// Separates the hash from every other use of SHA-256.
const DOMAIN: &[u8] = b"claviger credProtect\0";

/// The credProtect level that an id carries; [`Protection::Optional`] for every other id.
pub fn protection_of(id: &CredentialId) -> Protection {
    let level = || {
        let (random, rest) = id.as_bytes().split_at_checked(RANDOM_BYTES)?;
        let (level, mark) = rest.split_first()?;
        let protection = Protection::from_number(u64::from(*level))?;
        (mark.len() == MARK_BYTES && *mark == mark_of(random, *level)).then_some(protection)
    };
    level().unwrap_or_default()
}

/// A new random id that carries a level.
pub(super) fn new_id(crypto: &dyn Crypto, protection: Protection) -> Result<CredentialId, CryptoError> {
    let plain = CredentialId::random(crypto)?;
    if protection == Protection::Optional {
        return Ok(plain);
    }
    let level = protection as u8;
    let id = [plain.as_bytes(), &[level], &mark_of(plain.as_bytes(), level)].concat();
    // 48 bytes are a length that an id may have.
    Ok(CredentialId::new(id).unwrap_or(plain))
}

fn mark_of(random: &[u8], level: u8) -> [u8; MARK_BYTES] {
    let hash = portable().sha256(&[DOMAIN, random, &[level]]);
    std::array::from_fn(|n| hash.get(n).copied().unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    const LEVELS: [Protection; 3] = [
        Protection::Optional,
        Protection::OptionalWithIdList,
        Protection::Required,
    ];

    #[test]
    fn an_id_says_its_level() {
        for level in LEVELS {
            let id = new_id(portable(), level).unwrap();
            assert_eq!(protection_of(&id), level);
            let length = if level == Protection::Optional { 32 } else { 48 };
            assert_eq!(id.as_bytes().len(), length);
        }
    }

    #[test]
    fn ids_from_elsewhere_have_no_level() {
        for length in [1, 16, 32, 33, 47, 48, 49, 1023] {
            let id = CredentialId::new(vec![3; length]).unwrap();
            assert_eq!(protection_of(&id), Protection::Optional);
        }
    }

    #[test]
    fn a_changed_id_is_no_id_of_a_lower_level() {
        let id = new_id(portable(), Protection::Required).unwrap();
        for at in 0..48 {
            let mut changed = id.as_bytes().to_vec();
            changed[at] ^= 1;
            // It names no credential either; this only shows that the mark covers every byte.
            assert_eq!(
                protection_of(&CredentialId::new(changed).unwrap()),
                Protection::Optional
            );
        }
    }
}
