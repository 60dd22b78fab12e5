//! What is told of one credential.

use claviger_ctap::{
    authenticator::{CredentialRecord, device::Protection, protection_of},
    cbor::{Map, Value},
    types::{CredentialId, LengthError, RpId, UserId},
};

use super::{MAX_NAME_BYTES, MAX_TAG_BYTES};
use crate::{
    fields::{Fields, MessageError},
    operation::credential_id,
};

/// What the platform knows of one credential. `Debug` does not show the user handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The credential's id.
    pub credential_id: CredentialId,
    /// The RP ID.
    pub rp_id: RpId,
    /// The RP's name, at most 256 bytes.
    pub rp_name: Option<String>,
    /// The user handle.
    pub user_handle: Option<UserId>,
    /// The user name, at most 256 bytes. An entry without one is shown with a placeholder, not dropped.
    pub user_name: Option<String>,
    /// The display name, at most 256 bytes.
    pub display_name: Option<String>,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: Option<u64>,
    /// When it was last used, in milliseconds since 1970.
    pub last_used_ms: Option<u64>,
    /// Whether another device or a backup holds it.
    pub backed_up: bool,
    /// The provider's own label for it, at most 64 bytes.
    pub tag: Option<String>,
    /// Whether it can be found without an allow list.
    pub discoverable: bool,
    /// Its credProtect level (CTAP 2.1 §12.1).
    pub protection: Protection,
}

impl Entry {
    /// The entry as a map, as it stands in a diff.
    pub fn to_value(&self) -> Value {
        let raised = (self.protection != Protection::Optional).then_some(self.protection);
        Map::new()
            .with(1, self.credential_id.as_bytes())
            .with(2, self.rp_id.as_str())
            .maybe(3, self.rp_name.as_deref())
            .maybe(4, self.user_handle.as_ref().map(UserId::as_bytes))
            .maybe(5, self.user_name.as_deref())
            .maybe(6, self.display_name.as_deref())
            .maybe(7, self.created_ms)
            .maybe(8, self.last_used_ms)
            .with(9, self.backed_up)
            .maybe(10, self.tag.as_deref())
            .with(11, self.discoverable)
            .maybe(12, raised.map(Protection::number))
            .into()
    }

    /// Reads such a map.
    pub fn from_value(value: &Value) -> Result<Self, MessageError> {
        let fields = Fields::nested(value, 4)?;
        let rp_id = RpId::new(fields.text(2, RpId::MAX_BYTES)?).map_err(|_| MessageError::Value(2))?;
        let user_handle =
            |fields: &Fields, key| UserId::new(fields.bytes(key)?.to_vec()).map_err(|_| MessageError::Value(key));
        let protection =
            |fields: &Fields, key| Protection::from_number(fields.unsigned(key)?).ok_or(MessageError::Value(key));
        Ok(Self {
            credential_id: credential_id(&fields, 1)?,
            rp_id,
            rp_name: fields.optional_text(3, MAX_NAME_BYTES)?,
            user_handle: fields.optional(4, user_handle)?,
            user_name: fields.optional_text(5, MAX_NAME_BYTES)?,
            display_name: fields.optional_text(6, MAX_NAME_BYTES)?,
            created_ms: fields.optional(7, Fields::unsigned)?,
            last_used_ms: fields.optional(8, Fields::unsigned)?,
            backed_up: fields.boolean(9)?,
            tag: fields.optional_text(10, MAX_TAG_BYTES)?,
            discoverable: fields.boolean(11)?,
            protection: fields.optional(12, protection)?.unwrap_or_default(),
        })
    }

    /// Shortens names that a relying party made longer than the protocol carries, at a character boundary.
    #[must_use]
    pub fn shortened(mut self) -> Self {
        let names = [&mut self.rp_name, &mut self.user_name, &mut self.display_name];
        names
            .into_iter()
            .flatten()
            .for_each(|name| name.truncate(name.floor_char_boundary(MAX_NAME_BYTES)));
        if let Some(tag) = &mut self.tag {
            tag.truncate(tag.floor_char_boundary(MAX_TAG_BYTES));
        }
        self
    }
}

impl TryFrom<CredentialRecord> for Entry {
    type Error = LengthError;

    /// What an engine's record says; without tag and last use. The record's RP ID is at fault if it is not one.
    fn try_from(record: CredentialRecord) -> Result<Self, LengthError> {
        Ok(Self {
            protection: protection_of(&record.id),
            credential_id: record.id,
            rp_id: RpId::new(record.rp_id)?,
            rp_name: record.rp_name,
            user_handle: Some(record.user.id),
            user_name: record.user.name,
            display_name: record.user.display_name,
            created_ms: Some(record.created_ms),
            last_used_ms: None,
            backed_up: record.backed_up,
            tag: None,
            discoverable: record.discoverable,
        })
    }
}
