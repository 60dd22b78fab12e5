//! The state file's format, version 1: a JSON document that a person can read. `docs/virtual-key.md` describes it.
//!
//! Nothing in it is encrypted, and it says so itself. Members that are not known are refused: whoever reads a file here
//! writes it again, and must not lose what was in it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claviger_ctap::authenticator::CredentialRecord;
use claviger_ctap::authenticator::device::{Attributes, CredentialSecrets, LargeBlobKey, Protection, StoredCredential};
use claviger_ctap::crypto::PrivateKey;
use claviger_ctap::prf::PrfSeed;
use claviger_ctap::types::{CredentialId, UserEntity, UserId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::{Contents, Entry, Secrets};

const FORMAT: &str = "claviger-virtual-key";
const VERSION: u32 = 1;
const WARNING: &str = "NOT ENCRYPTED: whoever can read this file has every key in it. For development and tests only.";

/// What must be right before anything else is looked at.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    warning: String,
    device: Option<Bytes>,
    large_blobs: Option<Bytes>,
    credentials: Vec<Credential>,
}

// The members are those of `CredentialRecord` and `Attributes`, one by one.
#[allow(clippy::struct_excessive_bools)]
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Credential {
    id: Bytes,
    rp_id: String,
    rp_name: Option<String>,
    user: User,
    private_key: Bytes,
    discoverable: bool,
    backup_eligible: bool,
    backed_up: bool,
    sign_count: u32,
    created_ms: u64,
    cred_protect: u64,
    u2f_application: Option<Bytes>,
    cred_blob: Option<Bytes>,
    third_party_payment: bool,
    hmac_secret_with_uv: Bytes,
    hmac_secret_without_uv: Bytes,
    large_blob_key: Option<Bytes>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    id: Bytes,
    name: Option<String>,
    display_name: Option<String>,
}

/// base64url without padding (RFC 4648 §5).
struct Bytes(Zeroizing<Vec<u8>>);

impl Contents {
    /// The file's text.
    pub(super) fn to_json(&self) -> Zeroizing<String> {
        let document = Document {
            format: FORMAT.to_owned(),
            version: VERSION,
            warning: WARNING.to_owned(),
            device: self.device.as_deref().map(|state| Bytes::new(state)),
            large_blobs: self.large_blobs.as_deref().map(Bytes::new),
            credentials: self.credentials.iter().map(Credential::from_entry).collect(),
        };
        // Strings, numbers and lists cannot fail to be written.
        let mut text = Zeroizing::new(serde_json::to_string_pretty(&document).unwrap_or_default());
        text.push('\n');
        text
    }

    /// Reads a file. The error says what is wrong with it.
    pub(super) fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let head: Head =
            serde_json::from_slice(bytes).map_err(|error| format!("not the state of a virtual key: {error}"))?;
        if head.format != FORMAT {
            return Err("not the state of a virtual key".to_owned());
        }
        if head.version != VERSION {
            return Err(format!(
                "a state of version {}; this program knows version {VERSION}",
                head.version
            ));
        }
        let document: Document =
            serde_json::from_slice(bytes).map_err(|error| format!("a damaged state of a virtual key: {error}"))?;
        let credentials = document.credentials.into_iter().enumerate().map(|(index, credential)| {
            let entry = credential.into_entry();
            entry.map_err(|why| format!("a damaged state of a virtual key: credential {}: {why}", index + 1))
        });
        Ok(Self {
            device: document.device.map(|bytes| bytes.0),
            large_blobs: document.large_blobs.map(|bytes| bytes.0.to_vec()),
            credentials: credentials.collect::<Result<_, _>>()?,
        })
    }
}

impl Credential {
    fn from_entry(entry: &Entry) -> Self {
        let StoredCredential { record, attributes } = &entry.stored;
        let Secrets { key, others } = entry.secrets.as_ref();
        Self {
            id: Bytes::new(record.id.as_bytes()),
            rp_id: record.rp_id.clone(),
            rp_name: record.rp_name.clone(),
            user: User {
                id: Bytes::new(record.user.id.as_bytes()),
                name: record.user.name.clone(),
                display_name: record.user.display_name.clone(),
            },
            private_key: Bytes(key.to_pkcs8_der()),
            discoverable: record.discoverable,
            backup_eligible: record.backup_eligible,
            backed_up: record.backed_up,
            sign_count: record.sign_count,
            created_ms: record.created_ms,
            cred_protect: attributes.protection.number(),
            u2f_application: attributes.application.as_ref().map(|hash| Bytes::new(hash)),
            cred_blob: attributes.cred_blob.as_deref().map(Bytes::new),
            third_party_payment: attributes.third_party_payment,
            hmac_secret_with_uv: Bytes::new(others.verified_seed.as_bytes()),
            hmac_secret_without_uv: Bytes::new(others.unverified_seed.as_bytes()),
            large_blob_key: others.large_blob_key.as_ref().map(|key| Bytes::new(key.as_bytes())),
        }
    }

    fn into_entry(self) -> Result<Entry, String> {
        let key = PrivateKey::from_pkcs8_der(&self.private_key.0, None).map_err(|error| error.to_string())?;
        let record = CredentialRecord {
            id: CredentialId::new(self.id.0.to_vec()).map_err(|error| error.to_string())?,
            rp_id: self.rp_id,
            rp_name: self.rp_name,
            user: UserEntity {
                id: UserId::new(self.user.id.0.to_vec()).map_err(|error| error.to_string())?,
                name: self.user.name,
                display_name: self.user.display_name,
            },
            public_key: key.public_key().clone(),
            discoverable: self.discoverable,
            backup_eligible: self.backup_eligible,
            backed_up: self.backed_up,
            sign_count: self.sign_count,
            created_ms: self.created_ms,
        };
        let mut attributes = Attributes::default();
        attributes.protection = Protection::from_number(self.cred_protect)
            .ok_or_else(|| format!("cred_protect is 1, 2 or 3, not {}", self.cred_protect))?;
        attributes.application = self
            .u2f_application
            .map(|hash| hash.array("u2f_application"))
            .transpose()?
            .map(|hash| *hash);
        attributes.cred_blob = self.cred_blob.map(|blob| blob.0.to_vec());
        attributes.third_party_payment = self.third_party_payment;
        let large_blob_key = self.large_blob_key.map(|key| key.array("large_blob_key")).transpose()?;
        let others = CredentialSecrets {
            verified_seed: PrfSeed::from_bytes(&*self.hmac_secret_with_uv.array("hmac_secret_with_uv")?),
            unverified_seed: PrfSeed::from_bytes(&*self.hmac_secret_without_uv.array("hmac_secret_without_uv")?),
            large_blob_key: large_blob_key.map(|key| LargeBlobKey::from_bytes(&key)),
        };
        Ok(Entry {
            stored: StoredCredential { record, attributes },
            secrets: Arc::new(Secrets { key, others }),
        })
    }
}

impl Bytes {
    fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    fn array(self, name: &str) -> Result<Zeroizing<[u8; 32]>, String> {
        let array: Result<[u8; 32], _> = self.0.as_slice().try_into();
        array
            .map(Zeroizing::new)
            .map_err(|_| format!("{name} has {} bytes instead of 32", self.0.len()))
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.as_slice())))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = URL_SAFE_NO_PAD.decode(text.as_bytes());
        bytes
            .map(|bytes| Self(Zeroizing::new(bytes)))
            .map_err(|_| serde::de::Error::custom("not base64url without padding"))
    }
}
