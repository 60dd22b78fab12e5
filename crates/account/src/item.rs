//! The item model: the Credential Exchange Format's (CXF 1.0, FIDO Proposed Standard of 14 August 2025), kept whole.
//!
//! An [`Item`] is what a person sees as one entry ("My bank"); it has [`Credential`]s, each of one kind (a passkey, a
//! user name with a password, a TOTP seed, …). What this version does not know is kept as it came and written out
//! again: unknown fields of every object, unknown credential types, and known types whose fields do not parse
//! ([`Credential::Other`]). Two things may change in writing and mean the same: the order of the fields of an object, and
//! an optional field that was `null` is left out.
//!
//! The JSON of CXF is also what is stored (inside the sealed revision, see the module `seal`): one codec instead of two,
//! nothing lost between the format of exchange and the format of storage, and anyone with the key can read an item
//! without this crate.
//!
//! What Claviger must know about a passkey and CXF has no field for stands in an item extension,
//! [`PasskeyExtension`], as CXF means extensions to be used.

mod base64url;
mod credential;
mod summary;

pub use credential::{
    ApiKey, BasicAuth, Credential, CreditCard, CustomFields, EditableField, Fido2Extensions, Fido2LargeBlob,
    GeneratedPassword, HmacCredentials, Note, Passkey, SshKey, Totp, Wifi,
};
pub use summary::{PasskeySummary, Summary};

use std::fmt;

use claviger_ctap::types::CredentialId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use thiserror::Error;
use zeroize::{Zeroize as _, Zeroizing};

use crate::ids::ItemId;
use crate::secret::Bytes;

/// The longest JSON of one item, in bytes. Files are kept beside their item, never in it, so a note of a megabyte is
/// the largest thing that comes up.
pub const MAX_ITEM_BYTES: usize = 1024 * 1024;

/// One entry of the vault (CXF 1.0, *Item*). `Debug` prints its id and the kinds of its credentials: no field of an item
/// belongs into a log.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Random; the item keeps it for life. CXF allows other lengths: an importer maps those to new ids.
    pub id: ItemId,
    /// When the item was made, in seconds since 1970 UTC. Negative values occur in the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_at: Option<i64>,
    /// When it last changed, in seconds since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<i64>,
    /// What the user calls it.
    pub title: String,
    /// A second line under the title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// Marked by the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub favorite: Option<bool>,
    /// Where it may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// What it holds. Usually one, sometimes a password with its TOTP seed or passkey.
    #[serde(default)]
    pub credentials: Vec<Credential>,
    /// The user's own labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Extensions, ours and others', each an object with a `name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<Extension>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub other: Fields,
}

impl Item {
    /// A new, empty item.
    pub fn new(id: ItemId, title: impl Into<String>) -> Self {
        Self {
            id,
            creation_at: None,
            modified_at: None,
            title: title.into(),
            subtitle: None,
            favorite: None,
            scope: None,
            credentials: Vec::new(),
            tags: Vec::new(),
            extensions: Vec::new(),
            other: Fields::default(),
        }
    }

    /// Reads the JSON of one CXF item.
    pub fn from_json(json: &[u8]) -> Result<Self, ItemError> {
        if json.len() > MAX_ITEM_BYTES {
            return Err(ItemError::TooLarge);
        }
        // serde_json's message may quote the input, which is secret: only the place is kept.
        serde_json::from_slice(json).map_err(|e| ItemError::Malformed { column: e.column() })
    }

    /// The item as CXF JSON, wiped after use.
    ///
    /// # Errors
    /// [`ItemError::TooLarge`] above [`MAX_ITEM_BYTES`].
    pub fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, ItemError> {
        // Sized before it is filled: a growing buffer would leave its smaller predecessors, unwiped, on the heap.
        let mut size = Sizer(0);
        serde_json::to_writer(&mut size, self).map_err(|_| ItemError::Malformed { column: 0 })?;
        if size.0 > MAX_ITEM_BYTES {
            return Err(ItemError::TooLarge);
        }
        let mut json = Zeroizing::new(Vec::with_capacity(size.0));
        serde_json::to_writer(&mut *json, self).map_err(|_| ItemError::Malformed { column: 0 })?;
        Ok(json)
    }

    /// The passkeys of the item.
    pub fn passkeys(&self) -> impl Iterator<Item = &Passkey> {
        self.credentials.iter().filter_map(|credential| match credential {
            Credential::Passkey(passkey) => Some(passkey),
            _ => None,
        })
    }

    /// The passkey with this credential id, to change it.
    pub fn passkey_mut(&mut self, credential_id: &CredentialId) -> Option<&mut Passkey> {
        self.credentials.iter_mut().find_map(|credential| match credential {
            Credential::Passkey(passkey) if passkey.credential_id == *credential_id => Some(passkey),
            _ => None,
        })
    }

    /// What Claviger noted about the passkey with this credential id; `None` for one that was imported and not yet
    /// completed (the vault completes it when the item is stored).
    pub fn passkey_extension(&self, credential_id: &CredentialId) -> Option<&PasskeyExtension> {
        self.extensions.iter().find_map(|extension| match extension {
            Extension::Passkey(passkey) if passkey.credential_id == *credential_id => Some(passkey),
            _ => None,
        })
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item")
            .field("id", &self.id)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

/// Where an item may be used (CXF 1.0, *Credential scope*).
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// Web addresses.
    #[serde(default)]
    pub urls: Vec<String>,
    /// Android apps and whatever else a scope may hold.
    #[serde(flatten)]
    pub other: Fields,
}

/// An extension of an item: ours, or anybody's, kept as it came.
pub enum Extension {
    /// `org.claviger.passkey`.
    Passkey(PasskeyExtension),
    /// Any other.
    Other(Opaque),
}

/// What Claviger must know about a passkey and CXF has no field for. `name` in JSON: `org.claviger.passkey`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyExtension {
    /// Which passkey of the item is meant.
    #[serde(with = "base64url")]
    pub credential_id: CredentialId,
    /// The `COSE_Key` of the public key, so that listing ten thousand passkeys computes no curve point.
    pub public_key: Bytes,
    /// The relying party's own name for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rp_name: Option<String>,
    /// Whether it may be found without its id (a *resident key* of CTAP).
    pub discoverable: bool,
    /// BE: whether it was made to be synced. Promised at creation, never changed.
    pub backup_eligible: bool,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_ms: u64,
    /// Fields of later versions.
    #[serde(flatten)]
    pub other: Fields,
}

impl PasskeyExtension {
    /// The extension's name in JSON.
    pub const NAME: &str = "org.claviger.passkey";
}

impl Serialize for Extension {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Named<'a> {
            name: &'a str,
            #[serde(flatten)]
            body: &'a PasskeyExtension,
        }
        match self {
            Self::Passkey(body) => Named {
                name: PasskeyExtension::NAME,
                body,
            }
            .serialize(serializer),
            Self::Other(opaque) => opaque.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Extension {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let opaque = Opaque::deserialize(deserializer)?;
        if opaque.text("name") == Some(PasskeyExtension::NAME)
            && let Some(passkey) = opaque.parse_without("name")
        {
            return Ok(Self::Passkey(passkey));
        }
        Ok(Self::Other(opaque))
    }
}

/// Fields that nobody here understands: kept, wiped when dropped, never printed.
#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One of them.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fields({})", self.0.len())
    }
}

impl Drop for Fields {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

/// A JSON value that is carried and not understood: wiped when dropped, never printed.
#[derive(PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Opaque(Value);

impl Opaque {
    /// Takes `value` over.
    pub fn new(value: Value) -> Self {
        Self(value)
    }

    /// The value.
    pub fn expose(&self) -> &Value {
        &self.0
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.0.get(field)?.as_str()
    }

    /// Reads the object as a `T` with `tag` left out (it says which `T`, and `T`'s unknown fields must not catch it).
    fn parse_without<T: for<'a> Deserialize<'a>>(&self, tag: &str) -> Option<T> {
        let object = self.0.as_object()?;
        let fields = object
            .iter()
            .filter(|(name, _)| *name != tag)
            .map(|(name, value)| (name.as_str(), value));
        T::deserialize(serde::de::value::MapDeserializer::new(fields)).ok()
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Drop for Opaque {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Why an item cannot be read or written. The fault is the one's who wrote the JSON: another program's export, or us.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ItemError {
    /// Not the JSON of a CXF item. The text itself is not quoted: it may be secret.
    #[error("not a CXF item (column {column})")]
    Malformed {
        /// Where reading stopped; 0 when unknown.
        column: usize,
    },
    /// More than [`MAX_ITEM_BYTES`].
    #[error("the item is larger than {MAX_ITEM_BYTES} bytes")]
    TooLarge,
}

/// Overwrites every string of a JSON value. Recursion is bounded by `serde_json`'s own depth limit of 128.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Counts what is written to it.
struct Sizer(usize);

impl std::io::Write for Sizer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
