//! Reading only what the index needs out of an item's JSON.
//!
//! Unlocking a vault reads every item once. Building the whole [`super::Item`] for that would cost several times as much
//! and spread private keys over the heap; this reader borrows from the decrypted buffer, skips what it does not need, and
//! takes nothing secret with it.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claviger_ctap::types::{CredentialId, RpId, UserId};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{ItemError, PasskeyExtension};
use crate::secret::Bytes;

/// What an index keeps of one item.
#[derive(Default)]
pub struct Summary {
    /// The passkeys that can be served: well-formed, and with Claviger's extension. All that Claviger itself made are.
    pub passkeys: Vec<PasskeySummary>,
    /// How many more the item calls passkeys.
    pub unreadable: usize,
}

/// What an index keeps of one passkey.
pub struct PasskeySummary {
    /// The credential id.
    pub credential_id: CredentialId,
    /// The relying party's id.
    pub rp_id: RpId,
    /// The account's name.
    pub username: String,
    /// A friendlier form of it.
    pub user_display_name: String,
    /// The relying party's own id of the account.
    pub user_handle: UserId,
    /// What Claviger noted about it.
    pub extension: PasskeyExtension,
}

impl Summary {
    /// Reads the item in `json`.
    pub fn read(json: &[u8]) -> Result<Self, ItemError> {
        let item: Lean<'_> = serde_json::from_slice(json).map_err(|e| ItemError::Malformed { column: e.column() })?;
        let mut extensions: Vec<PasskeyExtension> =
            item.extensions.into_iter().filter_map(LeanExtension::ours).collect();
        let mut summary = Self::default();
        for credential in item.credentials {
            if credential.kind.is("passkey") {
                match credential.passkey(&mut extensions) {
                    Some(passkey) => summary.passkeys.push(passkey),
                    None => summary.unreadable += 1,
                }
            }
        }
        Ok(summary)
    }
}

#[derive(serde::Deserialize)]
struct Lean<'a> {
    #[serde(borrow, default)]
    credentials: Vec<LeanCredential<'a>>,
    #[serde(borrow, default)]
    extensions: Vec<LeanExtension<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct LeanCredential<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    credential_id: Text<'a>,
    #[serde(borrow, default)]
    rp_id: Text<'a>,
    #[serde(borrow, default)]
    username: Text<'a>,
    #[serde(borrow, default)]
    user_display_name: Text<'a>,
    #[serde(borrow, default)]
    user_handle: Text<'a>,
}

impl LeanCredential<'_> {
    /// The passkey, with the one of `extensions` that is about it.
    fn passkey(self, extensions: &mut Vec<PasskeyExtension>) -> Option<PasskeySummary> {
        let credential_id = self.credential_id.id()?;
        let at = extensions.iter().position(|e| e.credential_id == credential_id)?;
        Some(PasskeySummary {
            rp_id: RpId::new(self.rp_id.text()?).ok()?,
            username: self.username.text()?,
            user_display_name: self.user_display_name.text()?,
            user_handle: self.user_handle.id()?,
            extension: extensions.swap_remove(at),
            credential_id,
        })
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct LeanExtension<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default)]
    credential_id: Text<'a>,
    #[serde(borrow, default)]
    public_key: Text<'a>,
    #[serde(borrow, default)]
    rp_name: Text<'a>,
    #[serde(default)]
    discoverable: Flag,
    #[serde(default)]
    backup_eligible: Flag,
    #[serde(default)]
    created_ms: Flag,
}

impl LeanExtension<'_> {
    fn ours(self) -> Option<PasskeyExtension> {
        if !self.name.is(PasskeyExtension::NAME) {
            return None;
        }
        Some(PasskeyExtension {
            credential_id: self.credential_id.id()?,
            public_key: Bytes(self.public_key.bytes()?),
            rp_name: self.rp_name.text(),
            discoverable: self.discoverable.0? == 1,
            backup_eligible: self.backup_eligible.0? == 1,
            created_ms: self.created_ms.0?,
            other: super::Fields::default(),
        })
    }
}

/// A string, or anything else, which is then skipped: the same field name means different things in different types.
#[derive(Default)]
struct Text<'a>(Option<Cow<'a, str>>);

impl Text<'_> {
    fn is(&self, text: &str) -> bool {
        self.0.as_deref() == Some(text)
    }

    fn text(self) -> Option<String> {
        self.0.map(Cow::into_owned)
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        URL_SAFE_NO_PAD.decode(self.0.as_deref()?).ok()
    }

    fn id<T: TryFrom<Vec<u8>>>(&self) -> Option<T> {
        self.bytes()?.try_into().ok()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalar).map(|scalar| match scalar {
            Any::Text(text) => Self(Some(text)),
            Any::Number(_) | Any::Else => Self(None),
        })
    }
}

/// A boolean (as 0 or 1), a natural number, or anything else.
#[derive(Default)]
struct Flag(Option<u64>);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalar).map(|scalar| match scalar {
            Any::Number(number) => Self(Some(number)),
            Any::Text(_) | Any::Else => Self(None),
        })
    }
}

enum Any<'a> {
    Text(Cow<'a, str>),
    Number(u64),
    Else,
}

struct Scalar;

impl<'de> Visitor<'de> for Scalar {
    type Value = Any<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Any<'de>, E> {
        Ok(Any::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Any<'de>, E> {
        Ok(Any::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Any<'de>, E> {
        Ok(Any::Number(u64::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Any<'de>, E> {
        Ok(Any::Number(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Any<'de>, E> {
        Ok(Any::Else)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Any<'de>, E> {
        Ok(Any::Else)
    }

    fn visit_unit<E>(self) -> Result<Any<'de>, E> {
        Ok(Any::Else)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Any<'de>, A::Error> {
        while values.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Any::Else)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Any<'de>, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Any::Else)
    }
}
