//! The small types that several commands share: who the site is, who the user is, which credential.

use std::borrow::Borrow;
use std::fmt;

use thiserror::Error;

use crate::cbor::{Map, Value};
use crate::crypto::{Crypto, CryptoError};
use crate::fields::{Fields, MessageError, list};

/// A value does not have the length that its type requires: the fault of whoever supplied it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{what} has {length} bytes instead of {min} to {max}")]
pub struct LengthError {
    what: &'static str,
    length: usize,
    min: usize,
    max: usize,
}

/// An RP ID: 1 to 253 bytes of text (WebAuthn Level 3 §4; the length is that of a host name, RFC 1035 §2.3.4).
///
/// A browser's is a domain, in lower case and punycode; a program at a security key may name anything (`ssh:`). That it is well formed
/// says nothing about who may use it. The wire messages of this crate hold what a client sent, as text; whoever acts on one makes this
/// of it first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RpId(String);

impl RpId {
    /// The longest RP ID, in bytes.
    pub const MAX_BYTES: usize = 253;

    /// Checks the length.
    pub fn new(text: impl Into<String>) -> Result<Self, LengthError> {
        let text = text.into();
        check_length("an RP ID", text.len(), Self::MAX_BYTES)?;
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A map with RP IDs as its keys is asked by text.
impl Borrow<str> for RpId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for RpId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A credential id: 1 to 1023 bytes (WebAuthn Level 3 §4, CTAP 2.1 §6.1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialId(Vec<u8>);

impl CredentialId {
    /// The longest credential id, in bytes.
    pub const MAX: usize = 1023;

    /// How long an id of our own making is, in bytes.
    pub const RANDOM_LEN: usize = 32;

    /// Checks the length.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, LengthError> {
        checked("a credential id", bytes.into(), Self::MAX).map(Self)
    }

    /// A new random id of [`Self::RANDOM_LEN`] bytes.
    pub fn random(crypto: &dyn Crypto) -> Result<Self, CryptoError> {
        let mut bytes = vec![0; Self::RANDOM_LEN];
        crypto.random(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for CredentialId {
    /// The first four bytes: enough to tell credentials apart in a log, useless to a website.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialId(")?;
        for byte in self.0.iter().take(4) {
            write!(f, "{byte:02x}")?;
        }
        write!(f, "…, {} bytes)", self.0.len())
    }
}

impl AsRef<[u8]> for CredentialId {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<Vec<u8>> for CredentialId {
    type Error = LengthError;

    fn try_from(bytes: Vec<u8>) -> Result<Self, LengthError> {
        Self::new(bytes)
    }
}

/// The site's own handle for an account: 1 to 64 bytes (WebAuthn Level 3 §5.4.3). `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Vec<u8>);

impl UserId {
    /// The longest user handle, in bytes.
    pub const MAX: usize = 64;

    /// Checks the length.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, LengthError> {
        checked("a user handle", bytes.into(), Self::MAX).map(Self)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserId([redacted])")
    }
}

impl AsRef<[u8]> for UserId {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<Vec<u8>> for UserId {
    type Error = LengthError;

    fn try_from(bytes: Vec<u8>) -> Result<Self, LengthError> {
        Self::new(bytes)
    }
}

/// The relying party (`PublicKeyCredentialRpEntity`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpEntity {
    /// The RP ID: a domain, already checked against the origin by the client.
    pub id: String,
    /// A name for people.
    pub name: Option<String>,
}

impl RpEntity {
    /// The CTAP form. A member that is absent is left out, never null.
    pub fn to_cbor(&self) -> Value {
        Map::new()
            .with("id", self.id.as_str())
            .maybe("name", self.name.as_deref())
            .into()
    }

    pub(crate) fn from_value(value: Value) -> Result<Self, MessageError> {
        let mut fields = Fields::from_value(value, "rp")?;
        Ok(Self {
            id: fields.require("id", "rp.id", Value::into_text)?,
            name: fields.take("name", "rp.name", Value::into_text)?,
        })
    }
}

/// The account (`PublicKeyCredentialUserEntity`). `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct UserEntity {
    /// The site's handle.
    pub id: UserId,
    /// The account's name (for example an email address). Absent in an assertion without user verification.
    pub name: Option<String>,
    /// A name for people.
    pub display_name: Option<String>,
}

impl UserEntity {
    /// The CTAP form. A member that is absent is left out, never null.
    pub fn to_cbor(&self) -> Value {
        Map::new()
            .with("id", self.id.as_bytes())
            .maybe("name", self.name.as_deref())
            .maybe("displayName", self.display_name.as_deref())
            .into()
    }

    pub(crate) fn from_value(value: Value) -> Result<Self, MessageError> {
        let mut fields = Fields::from_value(value, "user")?;
        let id = fields.require("id", "user.id", Value::into_bytes)?;
        Ok(Self {
            id: UserId::new(id).map_err(|_| MessageError::Invalid { field: "user.id" })?,
            name: fields.take("name", "user.name", Value::into_text)?,
            display_name: fields.take("displayName", "user.displayName", Value::into_text)?,
        })
    }
}

impl fmt::Debug for UserEntity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserEntity([redacted])")
    }
}

/// Names one public-key credential (`PublicKeyCredentialDescriptor`; the type is always `public-key`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialDescriptor {
    /// The credential.
    pub id: CredentialId,
    /// How its authenticator can be reached, as hints (`internal`, `usb`, …). Unknown ones are kept.
    pub transports: Vec<String>,
}

impl CredentialDescriptor {
    /// A descriptor without transport hints.
    pub fn new(id: CredentialId) -> Self {
        Self {
            id,
            transports: Vec::new(),
        }
    }

    /// The CTAP form.
    pub fn to_cbor(&self) -> Value {
        let transports = self.transports.iter().map(|t| t.as_str().into());
        Map::new()
            .with("id", self.id.as_bytes())
            .with("type", PUBLIC_KEY)
            .maybe("transports", list(transports.collect()))
            .into()
    }

    /// Parses a descriptor; `None` for a type other than `public-key`, which CTAP 2.1 §6.1.2 says to skip.
    pub(crate) fn from_value(value: Value) -> Result<Option<Self>, MessageError> {
        let Some((id, transports)) = Self::members(value)? else {
            return Ok(None);
        };
        let id = CredentialId::new(id).map_err(|_| MessageError::Invalid { field: "credential.id" })?;
        Ok(Some(Self { id, transports }))
    }

    /// Id and transports of a descriptor whose type is `public-key`.
    fn members(value: Value) -> Result<Option<Members>, MessageError> {
        let mut fields = Fields::from_value(value, "credential")?;
        if fields.require("type", "credential.type", Value::into_text)? != PUBLIC_KEY {
            return Ok(None);
        }
        let id = fields.require("id", "credential.id", Value::into_bytes)?;
        let transports = match fields.take("transports", "credential.transports", Value::into_array)? {
            Some(items) => texts(items, "credential.transports")?,
            None => Vec::new(),
        };
        Ok(Some((id, transports)))
    }

    pub(crate) fn list_to_cbor(list: &[Self]) -> Vec<Value> {
        list.iter().map(Self::to_cbor).collect()
    }

    /// Parses an allow or exclude list. An id of a length that no credential has is skipped like an unknown type: it
    /// comes from the website, and names a credential that is not here as any other strange id does.
    pub(crate) fn list_from_values(items: Vec<Value>) -> Result<Vec<Self>, MessageError> {
        let mut list = Vec::new();
        for item in items {
            if let Some((id, transports)) = Self::members(item)?
                && let Ok(id) = CredentialId::new(id)
            {
                list.push(Self { id, transports });
            }
        }
        Ok(list)
    }
}

/// Id, of any length, and transports.
type Members = (Vec<u8>, Vec<String>);

/// The model of an authenticator (CTAP 2.1 §6.4). All zeros means "not told".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Aaguid(pub [u8; 16]);

/// The one credential type.
const PUBLIC_KEY: &str = "public-key";

/// An array of text strings.
pub(crate) fn texts(items: Vec<Value>, field: &'static str) -> Result<Vec<String>, MessageError> {
    items
        .into_iter()
        .map(|item| item.into_text().ok_or(MessageError::WrongType { field }))
        .collect()
}

/// `PublicKeyCredentialParameters` for these COSE algorithms.
pub(crate) fn algorithms_to_cbor(algorithms: &[i64]) -> Vec<Value> {
    algorithms
        .iter()
        .map(|alg| Map::new().with("alg", *alg).with("type", PUBLIC_KEY).into())
        .collect()
}

/// The algorithms of those `PublicKeyCredentialParameters` whose type is `public-key`; others are skipped (CTAP 2.1
/// §6.1.2 step 3).
pub(crate) fn algorithms(items: Vec<Value>, field: &'static str) -> Result<Vec<i64>, MessageError> {
    let mut algorithms = Vec::new();
    for item in items {
        let mut fields = Fields::from_value(item, field)?;
        // `alg` is mandatory for this type only; of another type nothing is known.
        if fields.require("type", field, Value::into_text)? == PUBLIC_KEY {
            let integer = |value| matches!(value, Value::Unsigned(_) | Value::Negative(_)).then_some(value);
            // A number that does not fit is that of an algorithm which nobody has.
            algorithms.extend(fields.require("alg", field, integer)?.as_int());
        }
    }
    Ok(algorithms)
}

fn checked(what: &'static str, bytes: Vec<u8>, max: usize) -> Result<Vec<u8>, LengthError> {
    check_length(what, bytes.len(), max)?;
    Ok(bytes)
}

fn check_length(what: &'static str, length: usize, max: usize) -> Result<(), LengthError> {
    if (1..=max).contains(&length) {
        Ok(())
    } else {
        Err(LengthError {
            what,
            length,
            min: 1,
            max,
        })
    }
}
