//! `authenticatorMakeCredential` (0x01): the messages (CTAP 2.1 §6.1, with the members of CTAP 2.2).
//!
//! Members that are not known are ignored on reading, as the specification requires.

use std::fmt;

use crate::cbor::{Limits, Map, Value};
use crate::fields::{Fields, MessageError, large_blob_key, list, members, option};
use crate::types::{CredentialDescriptor, RpEntity, UserEntity, algorithms, algorithms_to_cbor, texts};

/// The options of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Make a discoverable credential. Default: no.
    pub rk: bool,
    /// Ask for user presence. Default: yes; the command refuses no.
    pub up: bool,
    /// Ask for user verification. Default: no.
    pub uv: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rk: false,
            up: true,
            uv: false,
        }
    }
}

/// A request for a new credential. `Debug` shows neither the account nor the client data hash.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// SHA-256 of the client data.
    pub client_data_hash: [u8; 32],
    /// The relying party.
    pub rp: RpEntity,
    /// The account.
    pub user: UserEntity,
    /// COSE algorithms that the relying party accepts, best first; unknown ones are kept.
    pub algorithms: Vec<i64>,
    /// Credentials that must not already be here.
    pub exclude_list: Vec<CredentialDescriptor>,
    /// Extension inputs by name.
    pub extensions: Map,
    /// The options.
    pub options: Options,
    /// Proof of a PIN/UV token (PIN/UV auth protocols, CTAP 2.1 §6.5).
    pub pin_uv_auth_param: Option<Vec<u8>>,
    /// The protocol of that proof.
    pub pin_uv_auth_protocol: Option<u64>,
    /// Enterprise attestation, 1 or 2.
    pub enterprise_attestation: Option<u64>,
    /// Attestation statement formats that the relying party prefers, best first (CTAP 2.2).
    pub attestation_formats_preference: Vec<String>,
}

impl Request {
    /// A request with no optional member.
    pub fn new(client_data_hash: [u8; 32], rp: RpEntity, user: UserEntity, algorithms: Vec<i64>) -> Self {
        Self {
            client_data_hash,
            rp,
            user,
            algorithms,
            exclude_list: Vec::new(),
            extensions: Map::new(),
            options: Options::default(),
            pin_uv_auth_param: None,
            pin_uv_auth_protocol: None,
            enterprise_attestation: None,
            attestation_formats_preference: Vec::new(),
        }
    }

    /// The parameters of the command as canonical CBOR, without the command byte.
    pub fn to_cbor(&self) -> Vec<u8> {
        let exclude_list = CredentialDescriptor::list_to_cbor(&self.exclude_list);
        let formats = self.attestation_formats_preference.iter().map(|f| f.as_str().into());
        let map = Map::new()
            .with(0x01, self.client_data_hash)
            .with(0x02, self.rp.to_cbor())
            .with(0x03, self.user.to_cbor())
            .with(0x04, algorithms_to_cbor(&self.algorithms))
            .maybe(0x05, list(exclude_list))
            .maybe(0x06, members(self.extensions.clone()))
            .maybe(0x07, members(self.options_to_cbor()))
            .maybe(0x08, self.pin_uv_auth_param.as_deref())
            .maybe(0x09, self.pin_uv_auth_protocol)
            .maybe(0x0a, self.enterprise_attestation)
            .maybe(0x0b, list(formats.collect()));
        Value::from(map).encode()
    }

    /// Parses what [`Self::to_cbor`] gives, within [`Limits::JOINT`].
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, MessageError> {
        Self::from_cbor_within(bytes, &Limits::JOINT)
    }

    /// Parses a request within the limits of the transport that it came by.
    pub fn from_cbor_within(bytes: &[u8], limits: &Limits) -> Result<Self, MessageError> {
        let mut fields = Fields::decode(bytes, limits)?;
        let client_data_hash = fields.require_32(0x01, "clientDataHash")?;
        let rp = RpEntity::from_value(fields.require(0x02, "rp", Some)?)?;
        let user = UserEntity::from_value(fields.require(0x03, "user", Some)?)?;
        let algorithms = algorithms(
            fields.require(0x04, "pubKeyCredParams", Value::into_array)?,
            "pubKeyCredParams",
        )?;
        let exclude_list = CredentialDescriptor::list_from_values(fields.list(0x05, "excludeList")?)?;
        let extensions = fields.map(0x06, "extensions")?;
        let options = Options::from_map(&fields.map(0x07, "options")?)?;
        let pin_uv_auth_param = fields.take(0x08, "pinUvAuthParam", Value::into_bytes)?;
        let pin_uv_auth_protocol = fields.take(0x09, "pinUvAuthProtocol", |v| v.as_unsigned())?;
        let enterprise_attestation = fields.take(0x0a, "enterpriseAttestation", |v| v.as_unsigned())?;
        let formats = fields.list(0x0b, "attestationFormatsPreference")?;
        Ok(Self {
            client_data_hash,
            rp,
            user,
            algorithms,
            exclude_list,
            extensions,
            options,
            pin_uv_auth_param,
            pin_uv_auth_protocol,
            enterprise_attestation,
            attestation_formats_preference: texts(formats, "attestationFormatsPreference")?,
        })
    }

    /// The options that differ from their defaults.
    fn options_to_cbor(&self) -> Map {
        Map::new()
            .maybe("rk", self.options.rk.then_some(true))
            .maybe("up", (!self.options.up).then_some(false))
            .maybe("uv", self.options.uv.then_some(true))
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("make_credential::Request")
            .field("rp_id", &self.rp.id)
            .field("algorithms", &self.algorithms)
            .field("exclude_list", &self.exclude_list.len())
            .field("extensions", &self.extensions)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// A new credential. `Debug` shows the format and sizes only.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Response {
    /// The attestation statement format (`none`, `packed`, …).
    pub fmt: String,
    /// Authenticator data with the new credential.
    pub auth_data: Vec<u8>,
    /// The attestation statement; empty for `none`.
    pub att_stmt: Map,
    /// Whether the attestation identifies the device for its organisation.
    pub enterprise_attestation: Option<bool>,
    /// The credential's key for large blobs.
    pub large_blob_key: Option<[u8; 32]>,
    /// Extension outputs outside the signature (CTAP 2.2).
    pub unsigned_extension_outputs: Option<Map>,
}

impl Response {
    /// A response with no optional member.
    pub fn new(fmt: impl Into<String>, auth_data: Vec<u8>, att_stmt: Map) -> Self {
        Self {
            fmt: fmt.into(),
            auth_data,
            att_stmt,
            enterprise_attestation: None,
            large_blob_key: None,
            unsigned_extension_outputs: None,
        }
    }

    /// The answer as canonical CBOR, without the status byte.
    pub fn to_cbor(&self) -> Vec<u8> {
        let map = Map::new()
            .with(0x01, self.fmt.as_str())
            .with(0x02, self.auth_data.as_slice())
            .with(0x03, self.att_stmt.clone())
            .maybe(0x04, self.enterprise_attestation)
            .maybe(0x05, self.large_blob_key.as_ref())
            .maybe(0x06, self.unsigned_extension_outputs.clone());
        Value::from(map).encode()
    }

    /// Parses what [`Self::to_cbor`] gives, within [`Limits::JOINT`].
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut fields = Fields::decode(bytes, &Limits::JOINT)?;
        Ok(Self {
            fmt: fields.require(0x01, "fmt", Value::into_text)?,
            auth_data: fields.require(0x02, "authData", Value::into_bytes)?,
            // Required by CTAP 2.1; CTAP 2.2 lets an authenticator leave it out when it is empty.
            att_stmt: fields.map(0x03, "attStmt")?,
            enterprise_attestation: fields.take(0x04, "epAtt", |v| v.as_bool())?,
            large_blob_key: large_blob_key(&mut fields, 0x05)?,
            unsigned_extension_outputs: fields.take(0x06, "unsignedExtensionOutputs", Value::into_map)?,
        })
    }

    /// The WebAuthn attestation object (Level 3 §6.5.4): the same three members under text keys.
    pub fn attestation_object(&self) -> Vec<u8> {
        let map = Map::new()
            .with("fmt", self.fmt.as_str())
            .with("attStmt", self.att_stmt.clone())
            .with("authData", self.auth_data.as_slice());
        Value::from(map).encode()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("make_credential::Response")
            .field("fmt", &self.fmt)
            .field("auth_data", &self.auth_data.len())
            .finish_non_exhaustive()
    }
}

impl Options {
    fn from_map(map: &Map) -> Result<Self, MessageError> {
        let default = Self::default();
        Ok(Self {
            rk: option(map, "rk")?.unwrap_or(default.rk),
            up: option(map, "up")?.unwrap_or(default.up),
            uv: option(map, "uv")?.unwrap_or(default.uv),
        })
    }
}
