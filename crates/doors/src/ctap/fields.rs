//! Reading the maps of [`super::message`]: integer keys, known types, unknown keys passed over.

use claviger_broker::PinTicket;
use claviger_ctap::cbor::{self, Limits, Map, Value};
use claviger_ctap::status::Status;
use claviger_ctap::types::{CredentialId, UserEntity, UserId};

use super::message::Malformed;

/// One map that is being read; what was taken is gone.
pub(super) struct Fields(Map);

impl Fields {
    pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Self, Malformed> {
        let value = cbor::decode(bytes, limits).map_err(|_| Malformed("not canonical CBOR, or too long"))?;
        Self::of(value, "not a map")
    }

    pub(super) fn of(value: Value, what: &'static str) -> Result<Self, Malformed> {
        value.into_map().map(Self).ok_or(Malformed(what))
    }

    pub(super) fn take(&mut self, key: i64) -> Option<Value> {
        self.0.remove_int(key)
    }

    pub(super) fn number(&mut self, key: i64) -> Result<u32, Malformed> {
        self.take(key)
            .and_then(|value| value.as_unsigned())
            .and_then(|number| u32::try_from(number).ok())
            .ok_or(Malformed("a number"))
    }

    pub(super) fn boolean(&mut self, key: i64) -> Result<bool, Malformed> {
        self.take(key)
            .and_then(|value| value.as_bool())
            .ok_or(Malformed("a truth value"))
    }

    pub(super) fn status(&mut self, key: i64) -> Result<Status, Malformed> {
        u8::try_from(self.number(key)?)
            .ok()
            .and_then(Status::from_code)
            .ok_or(Malformed("a CTAP status"))
    }

    pub(super) fn ticket(&mut self, key: i64) -> Result<Option<PinTicket>, Malformed> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let ticket = value.as_bytes().and_then(|bytes| bytes.try_into().ok());
        ticket
            .map(|bytes| Some(PinTicket::from_bytes(bytes)))
            .ok_or(Malformed("a ticket"))
    }

    pub(super) fn credential(&mut self, key: i64) -> Result<CredentialId, Malformed> {
        self.take(key)
            .and_then(Value::into_bytes)
            .and_then(|id| CredentialId::new(id).ok())
            .ok_or(Malformed("a credential id"))
    }

    /// A user map as CTAP has it (`PublicKeyCredentialUserEntity`).
    pub(super) fn user(&mut self, key: i64) -> Result<UserEntity, Malformed> {
        let mut map = self
            .take(key)
            .and_then(Value::into_map)
            .ok_or(Malformed("a user map"))?;
        let id = map.remove_text("id").and_then(Value::into_bytes);
        let mut text = |name| {
            let text = map.remove_text(name).map(Value::into_text);
            text.map(|text| text.ok_or(Malformed("a user name"))).transpose()
        };
        Ok(UserEntity {
            id: id.and_then(|id| UserId::new(id).ok()).ok_or(Malformed("a user id"))?,
            name: text("name")?,
            display_name: text("displayName")?,
        })
    }
}
