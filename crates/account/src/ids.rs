//! The ids that tie everything of an account to its place, none of them secret; and places in its chains.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claviger_ctap::crypto::{Crypto, CryptoError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A SHA-256 of a revision, a change or a ledger entry.
pub type Hash = [u8; 32];

/// Which keys are meant: they change when who may open the account does. Numbered from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The one that an account begins with.
    pub const FIRST: Self = Self(1);
}

/// How far a chain goes: the ledger, or what one device did in one vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of its last link.
    pub sequence: u64,
    /// The hash of that link.
    pub hash: Hash,
}

/// Where records of this device belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The account.
    pub account: AccountId,
    /// The vault.
    pub vault: VaultId,
    /// The device.
    pub device: DeviceId,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    };
}

id! {
    /// The account: the first 16 bytes of the SHA-256 of the ledger's genesis entry, so it vouches for its own ledger.
    AccountId
}
id! {
    /// One vault of the account; random.
    VaultId
}
id! {
    /// One device of the account; random.
    DeviceId
}

/// The id of an item: 16 random bytes; base64url in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(pub [u8; 16]);

impl ItemId {
    /// A new random id.
    pub fn random(crypto: &dyn Crypto) -> Result<Self, CryptoError> {
        let mut id = [0; 16];
        crypto.random(&mut id)?;
        Ok(Self(id))
    }
}

impl fmt::Debug for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl Serialize for ItemId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ItemId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = URL_SAFE_NO_PAD.decode(String::deserialize(deserializer)?).ok();
        let id = bytes.and_then(|bytes| bytes.try_into().ok());
        id.map(Self)
            .ok_or_else(|| serde::de::Error::custom("not an item id: 16 bytes in base64url"))
    }
}
