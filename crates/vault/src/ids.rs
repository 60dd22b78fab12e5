//! The ids that tie everything in a vault to its place: all 16 bytes, none of them secret.

use std::fmt;

/// A SHA-256 of a revision, a change or a ledger entry.
pub type Hash = [u8; 32];

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
