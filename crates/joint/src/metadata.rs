//! Metadata: what a provider tells the platform about its credentials, so that they can be offered while it is locked.
//!
//! A provider pushes a [`Diff`] after each change; the platform keeps a [`Snapshot`] per provider. Diffs are atomic and carry
//! generation numbers: one that does not build on the generation that the platform has is not applied, and the provider sends
//! everything. Both sides apply diffs by the same [`Snapshot`], whatever else they keep with an [`Entry`].

mod diff;
mod entry;
mod snapshot;

pub use diff::Diff;
pub use entry::Entry;
pub use snapshot::{ApplyError, Entries, Snapshot};

/// The most bytes that an encoded diff may have. A provider with more sends several, each building on the one before.
pub const MAX_BYTES: usize = 1024 * 1024;

/// The most entries, and the most removed ids, of one diff.
pub const MAX_ENTRIES: usize = 1024;

/// The most credentials that the platform keeps for one provider.
pub const MAX_CREDENTIALS: usize = 100_000;

/// The most bytes of a name.
pub const MAX_NAME_BYTES: usize = 256;

/// The most bytes of a tag.
pub const MAX_TAG_BYTES: usize = 64;

/// A generation of a provider's metadata: grows with every diff.
pub type Generation = u64;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use claviger_ctap::{
        authenticator::device::Protection,
        types::{CredentialId, RpId, UserId},
    };

    use super::Entry;

    pub(super) fn entry(id: u16, name: &str) -> Entry {
        Entry {
            credential_id: CredentialId::new(id.to_be_bytes().to_vec()).unwrap(),
            rp_id: RpId::new("example.org").unwrap(),
            rp_name: Some("Example".into()),
            user_handle: Some(UserId::new(vec![0x5a; 8]).unwrap()),
            user_name: Some(name.into()),
            display_name: None,
            created_ms: Some(1_800_000_000_000),
            last_used_ms: None,
            backed_up: false,
            tag: None,
            discoverable: true,
            protection: Protection::Optional,
        }
    }
}
