//! What the vault keeps in memory while it is unlocked: for each passkey what finding and listing need, no key.
//!
//! RP IDs, user names and credential ids exist in clear only here; the file has none of them.

use std::collections::{BTreeMap, HashMap};

use claviger_account::ids::ItemId;
use claviger_account::item::{PasskeySummary, Summary};
use claviger_ctap::types::{CredentialId, RpId, UserId};

/// What is known of a passkey without opening its item.
#[derive(Clone, PartialEq, Eq)]
pub struct PasskeyInfo {
    /// The item that holds it.
    pub item: ItemId,
    /// The credential id.
    pub credential_id: CredentialId,
    /// The relying party's id.
    pub rp_id: RpId,
    /// The relying party's name for itself.
    pub rp_name: Option<String>,
    /// The relying party's id of the account.
    pub user_handle: UserId,
    /// The account's name; empty when the relying party gave none.
    pub username: String,
    /// A friendlier form of it; empty when the relying party gave none.
    pub user_display_name: String,
    /// The encoded `COSE_Key`.
    pub public_key: Vec<u8>,
    /// Whether it can be found without its id.
    pub discoverable: bool,
    /// BE, as promised at creation.
    pub backup_eligible: bool,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_ms: u64,
}

impl std::fmt::Debug for PasskeyInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasskeyInfo")
            .field("item", &self.item)
            .finish_non_exhaustive()
    }
}

impl PasskeyInfo {
    fn new(item: ItemId, summary: PasskeySummary) -> Self {
        Self {
            item,
            credential_id: summary.credential_id,
            rp_id: summary.rp_id,
            rp_name: summary.extension.rp_name,
            user_handle: summary.user_handle,
            username: summary.username,
            user_display_name: summary.user_display_name,
            public_key: summary.extension.public_key.0,
            discoverable: summary.extension.discoverable,
            backup_eligible: summary.extension.backup_eligible,
            created_ms: summary.extension.created_ms,
        }
    }
}

/// The passkeys of all items, by credential id and by RP ID.
#[derive(Default)]
pub(crate) struct Index {
    passkeys: HashMap<CredentialId, PasskeyInfo>,
    by_rp: BTreeMap<RpId, Vec<CredentialId>>,
    by_item: HashMap<ItemId, Vec<CredentialId>>,
    /// How many passkeys of an item cannot be read, where there are any.
    unreadable: BTreeMap<ItemId, usize>,
}

impl Index {
    /// Replaces what is known of `item`; no passkeys forget it. A credential id that another item has stays with that one.
    pub(crate) fn replace(&mut self, item: ItemId, summary: Summary) {
        self.unreadable.remove(&item);
        if summary.unreadable > 0 {
            let count = summary.unreadable;
            tracing::warn!(%item, count, "passkeys that cannot be read are kept and not served");
            self.unreadable.insert(item, count);
        }
        for id in self.by_item.remove(&item).unwrap_or_default() {
            let Some(old) = self.passkeys.remove(&id) else { continue };
            if let Some(ids) = self.by_rp.get_mut(&old.rp_id) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    self.by_rp.remove(&old.rp_id);
                }
            }
        }
        for summary in summary.passkeys {
            let info = PasskeyInfo::new(item, summary);
            if self.passkeys.contains_key(&info.credential_id) {
                tracing::warn!(%item, "a second passkey with the same credential id is not served");
                continue;
            }
            self.by_item.entry(item).or_default().push(info.credential_id.clone());
            self.by_rp
                .entry(info.rp_id.clone())
                .or_default()
                .push(info.credential_id.clone());
            self.passkeys.insert(info.credential_id.clone(), info);
        }
    }

    /// The passkey with this credential id.
    pub(crate) fn passkey(&self, credential_id: &CredentialId) -> Option<&PasskeyInfo> {
        self.passkeys.get(credential_id)
    }

    /// How many passkeys are kept and cannot be read.
    pub(crate) fn unreadable(&self) -> usize {
        self.unreadable.values().sum()
    }

    /// The passkeys of a relying party, newest first.
    pub(crate) fn find(&self, rp_id: &str) -> Vec<&PasskeyInfo> {
        let ids = self.by_rp.get(rp_id).map(Vec::as_slice).unwrap_or_default();
        let mut found: Vec<_> = ids.iter().filter_map(|id| self.passkeys.get(id)).collect();
        found.sort_by(|a, b| (b.created_ms, &b.credential_id).cmp(&(a.created_ms, &a.credential_id)));
        found
    }

    /// All passkeys, in order of RP IDs.
    pub(crate) fn all(&self) -> impl Iterator<Item = &PasskeyInfo> {
        self.by_rp.values().flatten().filter_map(|id| self.passkeys.get(id))
    }
}
