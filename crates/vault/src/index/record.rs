//! One passkey of the index in one piece of memory: what a hundred thousand of them take is what they say, and little more.
//!
//! ```text
//! item (16) ‖ flags (1) ‖ created, in milliseconds (u64) ‖ credential id ‖ RP ID ‖ user handle ‖ name of the relying party ‖
//! user name ‖ display name ‖ COSE_Key
//! ```
//!
//! The texts and byte strings have their length (u32) in front. All numbers are big endian. It never leaves the process.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use claviger_account::ids::ItemId;
use claviger_account::item::PasskeySummary;
use claviger_ctap::types::{CredentialId, RpId, UserId};

use super::PasskeyInfo;

const DISCOVERABLE: u8 = 1;
const BACKUP_ELIGIBLE: u8 = 2;
const NAMED_RP: u8 = 4;

/// Item, flags and time.
const FIXED: usize = 16 + 1 + 8;

/// Encodes a passkey of `item`; `None` for one of four gigabytes.
pub(super) fn encode(item: ItemId, passkey: &PasskeySummary) -> Option<Vec<u8>> {
    let extension = &passkey.extension;
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    let flags = flag(extension.discoverable, DISCOVERABLE)
        | flag(extension.backup_eligible, BACKUP_ELIGIBLE)
        | flag(extension.rp_name.is_some(), NAMED_RP);
    let strings = [
        passkey.credential_id.as_bytes(),
        passkey.rp_id.as_str().as_bytes(),
        passkey.user_handle.as_bytes(),
        extension.rp_name.as_deref().unwrap_or_default().as_bytes(),
        passkey.username.as_bytes(),
        passkey.user_display_name.as_bytes(),
        &extension.public_key.0,
    ];
    let length: usize = strings.iter().map(|string| 4 + string.len()).sum();
    let mut bytes = Vec::with_capacity(FIXED + length);
    bytes.extend_from_slice(&item.0);
    bytes.push(flags);
    bytes.extend_from_slice(&extension.created_ms.to_be_bytes());
    for string in strings {
        bytes.extend_from_slice(&u32::try_from(string.len()).ok()?.to_be_bytes());
        bytes.extend_from_slice(string);
    }
    Some(bytes)
}

/// An encoded passkey.
#[derive(Clone)]
pub(super) struct Record(Arc<[u8]>);

impl Record {
    /// What [`encode`] gave.
    pub(super) fn new(encoded: &[u8]) -> Self {
        Self(encoded.into())
    }

    /// What sorts before all passkeys of an item, and after those of the items before.
    pub(super) fn first_of(item: ItemId) -> Self {
        Self(item.0.as_slice().into())
    }

    /// The item that holds it.
    pub(super) fn item(&self) -> &[u8] {
        self.0.first_chunk::<16>().map_or(&[], |item| item)
    }

    /// The credential id.
    pub(super) fn credential_id(&self) -> &[u8] {
        self.strings().next().unwrap_or_default()
    }

    /// The relying party's id.
    pub(super) fn rp_id(&self) -> &[u8] {
        self.strings().nth(1).unwrap_or_default()
    }

    /// What it says; never `None`.
    pub(super) fn info(&self) -> Option<PasskeyInfo> {
        let (item, rest) = self.0.split_first_chunk::<16>()?;
        let (&flags, rest) = rest.split_first()?;
        let created_ms = u64::from_be_bytes(*rest.first_chunk()?);
        let mut strings = self.strings();
        let mut next = || strings.next();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        Some(PasskeyInfo {
            item: ItemId(*item),
            credential_id: CredentialId::new(next()?).ok()?,
            rp_id: RpId::new(text(next()?)?).ok()?,
            user_handle: UserId::new(next()?).ok()?,
            rp_name: next().and_then(text).filter(|_| flags & NAMED_RP != 0),
            username: text(next()?)?,
            user_display_name: text(next()?)?,
            public_key: next()?.to_vec(),
            discoverable: flags & DISCOVERABLE != 0,
            backup_eligible: flags & BACKUP_ELIGIBLE != 0,
            created_ms,
        })
    }

    fn strings(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.0.get(FIXED..).unwrap_or_default();
        std::iter::from_fn(move || {
            let (length, after) = rest.split_first_chunk()?;
            let (string, after) = after.split_at_checked(u32::from_be_bytes(*length).try_into().ok()?)?;
            rest = after;
            Some(string)
        })
    }
}

/// A passkey in a set of credential ids.
pub(super) struct ById(pub(super) Record);

impl Borrow<[u8]> for ById {
    fn borrow(&self) -> &[u8] {
        self.0.credential_id()
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.credential_id() == other.0.credential_id()
    }
}

impl Eq for ById {}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.credential_id().hash(state);
    }
}

/// A passkey in order of items, which is that of the first bytes.
#[derive(Clone)]
pub(super) struct ByItem(pub(super) Record);

impl PartialEq for ByItem {
    fn eq(&self, other: &Self) -> bool {
        self.0.0 == other.0.0
    }
}

impl Eq for ByItem {}

impl PartialOrd for ByItem {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByItem {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.0.cmp(&other.0.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use claviger_account::item::{Fields, PasskeyExtension};
    use claviger_account::secret::Bytes;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_record_says_what_was_put_in(
            item in any::<[u8; 16]>(),
            id in proptest::collection::vec(any::<u8>(), 1..=1023),
            rp_id in "[a-z.]{1,253}",
            handle in proptest::collection::vec(any::<u8>(), 1..=64),
            rp_name in proptest::option::of("\\PC{0,40}"),
            names in ("\\PC{0,300}", "\\PC{0,300}"),
            key in proptest::collection::vec(any::<u8>(), 0..2000),
            (discoverable, backup_eligible, created_ms) in any::<(bool, bool, u64)>(),
        ) {
            let info = PasskeyInfo {
                item: ItemId(item),
                credential_id: CredentialId::new(id).unwrap(),
                rp_id: RpId::new(rp_id).unwrap(),
                rp_name,
                user_handle: UserId::new(handle).unwrap(),
                username: names.0,
                user_display_name: names.1,
                public_key: key,
                discoverable,
                backup_eligible,
                created_ms,
            };
            let summary = PasskeySummary {
                credential_id: info.credential_id.clone(),
                rp_id: info.rp_id.clone(),
                username: info.username.clone(),
                user_display_name: info.user_display_name.clone(),
                user_handle: info.user_handle.clone(),
                extension: PasskeyExtension {
                    credential_id: info.credential_id.clone(),
                    public_key: Bytes(info.public_key.clone()),
                    rp_name: info.rp_name.clone(),
                    discoverable,
                    backup_eligible,
                    created_ms,
                    other: Fields::default(),
                },
            };
            let record = Record::new(&encode(info.item, &summary).unwrap());
            prop_assert_eq!(record.item(), info.item.0);
            prop_assert_eq!(record.credential_id(), info.credential_id.as_bytes());
            prop_assert_eq!(record.rp_id(), info.rp_id.as_str().as_bytes());
            let first = ByItem(Record::first_of(info.item));
            prop_assert!(first < ByItem(record.clone()));
            prop_assert!(record.info() == Some(info));
        }
    }
}
