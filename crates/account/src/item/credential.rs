//! The kinds of credentials that an item may hold (CXF 1.0, section *Credential types*).
//!
//! Typed are the kinds whose secrets Claviger itself has to use or to show. The others (`address`, `passport`,
//! `person-name`, `file`, …) are carried as [`Credential::Other`] and lose nothing.

use std::fmt;

use claviger_ctap::types::{CredentialId, UserId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Fields, Opaque, base64url};
use crate::secret::{SecretBytes, SecretText};

/// One credential of an item. `Debug` prints its kind and nothing in it.
#[non_exhaustive]
pub enum Credential {
    /// `passkey`
    Passkey(Passkey),
    /// `basic-auth`
    BasicAuth(BasicAuth),
    /// `totp`
    Totp(Totp),
    /// `note`
    Note(Note),
    /// `ssh-key`
    SshKey(SshKey),
    /// `api-key`
    ApiKey(Box<ApiKey>),
    /// `credit-card`
    CreditCard(Box<CreditCard>),
    /// `generated-password`
    GeneratedPassword(GeneratedPassword),
    /// `wifi`
    Wifi(Box<Wifi>),
    /// `custom-fields`
    CustomFields(CustomFields),
    /// Any other type, and any of the above whose fields did not parse: a passkey, say, whose credential id or user handle has
    /// a length that none has. It is kept as it came and hides nothing beside it.
    Other(Opaque),
}

impl Credential {
    /// CXF's name of the type; `None` when the object named none.
    pub fn kind(&self) -> Option<&str> {
        Some(match self {
            Self::Passkey(_) => "passkey",
            Self::BasicAuth(_) => "basic-auth",
            Self::Totp(_) => "totp",
            Self::Note(_) => "note",
            Self::SshKey(_) => "ssh-key",
            Self::ApiKey(_) => "api-key",
            Self::CreditCard(_) => "credit-card",
            Self::GeneratedPassword(_) => "generated-password",
            Self::Wifi(_) => "wifi",
            Self::CustomFields(_) => "custom-fields",
            Self::Other(opaque) => return opaque.text("type"),
        })
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({})", self.kind().unwrap_or("?"))
    }
}

impl Serialize for Credential {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kind = self.kind().unwrap_or_default();
        match self {
            Self::Passkey(body) => tagged(kind, body, serializer),
            Self::BasicAuth(body) => tagged(kind, body, serializer),
            Self::Totp(body) => tagged(kind, body, serializer),
            Self::Note(body) => tagged(kind, body, serializer),
            Self::SshKey(body) => tagged(kind, body, serializer),
            Self::ApiKey(body) => tagged(kind, body, serializer),
            Self::CreditCard(body) => tagged(kind, body, serializer),
            Self::GeneratedPassword(body) => tagged(kind, body, serializer),
            Self::Wifi(body) => tagged(kind, body, serializer),
            Self::CustomFields(body) => tagged(kind, body, serializer),
            Self::Other(opaque) => opaque.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Credential {
    // serde's own tagged enums would buffer the secrets in values that nobody wipes; `Opaque` is wiped.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let opaque = Opaque::deserialize(deserializer)?;
        let typed = match opaque.text("type") {
            Some("passkey") => opaque.parse_without("type").map(Self::Passkey),
            Some("basic-auth") => opaque.parse_without("type").map(Self::BasicAuth),
            Some("totp") => opaque.parse_without("type").map(Self::Totp),
            Some("note") => opaque.parse_without("type").map(Self::Note),
            Some("ssh-key") => opaque.parse_without("type").map(Self::SshKey),
            Some("api-key") => opaque.parse_without("type").map(Self::ApiKey),
            Some("credit-card") => opaque.parse_without("type").map(Self::CreditCard),
            Some("generated-password") => opaque.parse_without("type").map(Self::GeneratedPassword),
            Some("wifi") => opaque.parse_without("type").map(Self::Wifi),
            Some("custom-fields") => opaque.parse_without("type").map(Self::CustomFields),
            _ => None,
        };
        Ok(typed.unwrap_or(Self::Other(opaque)))
    }
}

fn tagged<T: Serialize, S: Serializer>(kind: &str, body: &T, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Tagged<'a, T> {
        #[serde(rename = "type")]
        kind: &'a str,
        #[serde(flatten)]
        body: &'a T,
    }
    Tagged { kind, body }.serialize(serializer)
}

/// A passkey. Its signature counter is always 0: CXF cannot carry another, and a synced key cannot keep one.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Passkey {
    /// The credential id.
    #[serde(with = "base64url")]
    pub credential_id: CredentialId,
    /// The relying party's id: a domain, lower case, IDNs in punycode.
    pub rp_id: String,
    /// The account's name at the relying party, as the user knows it.
    pub username: String,
    /// A friendlier form of it.
    pub user_display_name: String,
    /// The relying party's own id of the account.
    #[serde(with = "base64url")]
    pub user_handle: UserId,
    /// The private key: PKCS#8, DER.
    pub key: SecretBytes,
    /// What belongs to FIDO extensions: the PRF's seeds, and what the site left with the passkey.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fido2_extensions: Option<Fido2Extensions>,
    /// Fields of later versions.
    #[serde(flatten)]
    pub other: Fields,
}

/// Data of FIDO extensions that belong to a passkey.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fido2Extensions {
    /// The seeds of `hmac-secret`, which the web calls `prf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hmac_credentials: Option<HmacCredentials>,
    /// Up to 32 bytes that the site left when the passkey was made (CTAP 2.1, section 12.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cred_blob: Option<SecretBytes>,
    /// What the site keeps with the passkey and may replace (`WebAuthn` level 3, section 10.1.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub large_blob: Option<Fido2LargeBlob>,
    /// What may come.
    #[serde(flatten)]
    pub other: Fields,
}

/// A large blob, as CTAP has it: compressed by DEFLATE (RFC 1951).
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fido2LargeBlob {
    /// How many bytes it has when it is no longer compressed.
    pub uncompressed_size: u64,
    /// The compressed bytes.
    pub data: SecretBytes,
    /// Fields of later versions.
    #[serde(flatten)]
    pub other: Fields,
}

/// The two seeds of `hmac-secret` (CTAP 2.1, section 12.5).
#[derive(Serialize, Deserialize)]
pub struct HmacCredentials {
    /// Always `hmac-sha256`.
    pub algorithm: String,
    /// 32 bytes, used when the user was verified. The web's `prf` uses only this one.
    #[serde(rename = "credWithUV")]
    pub with_uv: SecretBytes,
    /// 32 bytes, used when the user was not.
    #[serde(rename = "credWithoutUV")]
    pub without_uv: SecretBytes,
    /// Fields of later versions.
    #[serde(flatten)]
    pub other: Fields,
}

/// A value that the user may edit. Whatever its type, JSON carries it as a string.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EditableField {
    /// base64url; some exporters leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `string`, `concealed-string`, `email`, `number`, `boolean`, `date`, …
    pub field_type: String,
    /// The value.
    pub value: SecretText,
    /// What the user calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Extensions and fields of later versions.
    #[serde(flatten)]
    pub other: Fields,
}

/// A user name and a password.
#[derive(Serialize, Deserialize)]
pub struct BasicAuth {
    /// The user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<EditableField>,
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<EditableField>,
    /// Fields of later versions.
    #[serde(flatten)]
    pub other: Fields,
}

/// The seed of one-time codes (RFC 6238).
#[derive(Serialize, Deserialize)]
pub struct Totp {
    /// Base32 without padding.
    pub secret: SecretText,
    /// Seconds that a code lives.
    pub period: u32,
    /// Digits of a code.
    pub digits: u32,
    /// The account's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// `sha1`, `sha256` or `sha512`.
    pub algorithm: String,
    /// Who issued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Fields of later versions.
    #[serde(flatten)]
    pub other: Fields,
}

/// Free text.
#[derive(Serialize, Deserialize)]
pub struct Note {
    /// The text.
    pub content: EditableField,
    /// Fields of later versions.
    #[serde(flatten)]
    pub other: Fields,
}

/// An SSH key pair.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SshKey {
    /// `ssh-ed25519`, `ssh-rsa`, …: what the exporter said, which is not always what the key is.
    pub key_type: String,
    /// PKCS#8, DER.
    pub private_key: SecretBytes,
    /// The comment of the public key's line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_comment: Option<String>,
    /// Dates, where it was generated, and what may come.
    #[serde(flatten)]
    pub other: Fields,
}

/// A key for a programming interface.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// The key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<EditableField>,
    /// The account it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<EditableField>,
    /// Its kind, address, dates, and what may come.
    #[serde(flatten)]
    pub other: Fields,
}

/// A payment card.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreditCard {
    /// The number on the card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<EditableField>,
    /// The holder's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_name: Option<EditableField>,
    /// The three or four digits on its back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_number: Option<EditableField>,
    /// Its PIN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<EditableField>,
    /// When it ends (`year-month`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry_date: Option<EditableField>,
    /// Its brand, its start, and what may come.
    #[serde(flatten)]
    pub other: Fields,
}

/// A password that was generated and not yet given an account.
#[derive(Serialize, Deserialize)]
pub struct GeneratedPassword {
    /// The password.
    pub password: SecretText,
    /// Fields of later versions.
    #[serde(flatten)]
    pub other: Fields,
}

/// How to join a wireless network.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wifi {
    /// The network's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssid: Option<EditableField>,
    /// Its password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<EditableField>,
    /// Its kind of security, whether it is hidden, and what may come.
    #[serde(flatten)]
    pub other: Fields,
}

/// Fields of the user's own making.
#[derive(Serialize, Deserialize)]
pub struct CustomFields {
    /// The heading over them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The fields.
    #[serde(default)]
    pub fields: Vec<EditableField>,
    /// Fields of later versions.
    #[serde(flatten)]
    pub other: Fields,
}
