//! Key ids: the short name under which an envelope or a piece of evidence says which key signed it.

use std::fmt;

use claviger_ctap::crypto::{Crypto, PublicKey};

/// The first eight bytes of the SHA-256 of an encoded `COSE_Key`. It finds a key among the few that are pinned; it proves
/// nothing by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 8]);

impl KeyId {
    /// The id of this key.
    pub fn of(crypto: &dyn Crypto, key: &PublicKey) -> Self {
        let digest = crypto.sha256(&[&key.cose_bytes()]);
        let mut id = [0; 8];
        id.iter_mut().zip(digest).for_each(|(out, byte)| *out = byte);
        Self(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
