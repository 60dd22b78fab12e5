//! `authenticatorGetAssertion` (0x02): the messages (CTAP 2.1 §6.2, with the members of CTAP 2.2).
//!
//! Members that are not known are ignored on reading, as the specification requires.

use std::fmt;

use crate::cbor::{Limits, Map, Value};
use crate::fields::{Fields, MessageError, large_blob_key, list, members, option};
use crate::types::{CredentialDescriptor, UserEntity};

/// The options of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Ask for user presence. Default: yes. Without it the platform only looks whether a credential exists.
    pub up: bool,
    /// Ask for user verification. Default: no.
    pub uv: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { up: true, uv: false }
    }
}

/// A request for an assertion. `Debug` does not show the client data hash.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The RP ID.
    pub rp_id: String,
    /// SHA-256 of the client data.
    pub client_data_hash: [u8; 32],
    /// The credentials that will do; empty for any discoverable one.
    pub allow_list: Vec<CredentialDescriptor>,
    /// The list was there and named only credentials of unknown types, or by ids that none can have: none will do, and an
    /// authenticator must not take it for an absent list. Written as one credential of an unknown type, so that passing a request on does not lose
    /// it.
    pub unknown_types_only: bool,
    /// Extension inputs by name.
    pub extensions: Map,
    /// The options.
    pub options: Options,
    /// The option `rk`, which this command does not have: an authenticator that meets it refuses, whatever its value.
    pub rk: Option<bool>,
    /// Proof of a PIN/UV token (PIN/UV auth protocols, CTAP 2.1 §6.5).
    pub pin_uv_auth_param: Option<Vec<u8>>,
    /// The protocol of that proof.
    pub pin_uv_auth_protocol: Option<u64>,
}

impl Request {
    /// A request with no optional member.
    pub fn new(rp_id: impl Into<String>, client_data_hash: [u8; 32]) -> Self {
        Self {
            rp_id: rp_id.into(),
            client_data_hash,
            allow_list: Vec::new(),
            unknown_types_only: false,
            extensions: Map::new(),
            options: Options::default(),
            rk: None,
            pin_uv_auth_param: None,
            pin_uv_auth_protocol: None,
        }
    }

    /// The parameters of the command as canonical CBOR, without the command byte.
    pub fn to_cbor(&self) -> Vec<u8> {
        let unknown = || Map::new().with("id", [0]).with("type", "unknown");
        let allow_list = if self.allow_list.is_empty() && self.unknown_types_only {
            vec![unknown().into()]
        } else {
            CredentialDescriptor::list_to_cbor(&self.allow_list)
        };
        let options = Map::new()
            .maybe("rk", self.rk)
            .maybe("up", (!self.options.up).then_some(false))
            .maybe("uv", self.options.uv.then_some(true));
        let map = Map::new()
            .with(0x01, self.rp_id.as_str())
            .with(0x02, self.client_data_hash)
            .maybe(0x03, list(allow_list))
            .maybe(0x04, members(self.extensions.clone()))
            .maybe(0x05, members(options))
            .maybe(0x06, self.pin_uv_auth_param.as_deref())
            .maybe(0x07, self.pin_uv_auth_protocol);
        Value::from(map).encode()
    }

    /// Parses what [`Self::to_cbor`] gives, within [`Limits::JOINT`].
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, MessageError> {
        Self::from_cbor_within(bytes, &Limits::JOINT)
    }

    /// Parses a request within the limits of the transport that it came by.
    pub fn from_cbor_within(bytes: &[u8], limits: &Limits) -> Result<Self, MessageError> {
        let mut fields = Fields::decode(bytes, limits)?;
        let options = fields.map(0x05, "options")?;
        let named = fields.list(0x03, "allowList")?;
        let names_some = !named.is_empty();
        let allow_list = CredentialDescriptor::list_from_values(named)?;
        Ok(Self {
            rp_id: fields.require(0x01, "rpId", Value::into_text)?,
            client_data_hash: fields.require_32(0x02, "clientDataHash")?,
            unknown_types_only: names_some && allow_list.is_empty(),
            allow_list,
            extensions: fields.map(0x04, "extensions")?,
            options: Options::from_map(&options)?,
            rk: option(&options, "rk")?,
            pin_uv_auth_param: fields.take(0x06, "pinUvAuthParam", Value::into_bytes)?,
            pin_uv_auth_protocol: fields.take(0x07, "pinUvAuthProtocol", |v| v.as_unsigned())?,
        })
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("get_assertion::Request")
            .field("rp_id", &self.rp_id)
            .field("allow_list", &self.allow_list)
            .field("extensions", &self.extensions)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// An assertion. `Debug` shows neither signature nor account.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Response {
    /// The credential that signed.
    pub credential: CredentialDescriptor,
    /// Authenticator data.
    pub auth_data: Vec<u8>,
    /// Signature over authenticator data and client data hash.
    pub signature: Vec<u8>,
    /// The account, for a discoverable credential; its names only after user verification.
    pub user: Option<UserEntity>,
    /// How many credentials fit, when the platform may ask for the next one.
    pub number_of_credentials: Option<u64>,
    /// Whether the user chose the account at the authenticator.
    pub user_selected: Option<bool>,
    /// The credential's key for large blobs.
    pub large_blob_key: Option<[u8; 32]>,
    /// Extension outputs outside the signature (CTAP 2.2).
    pub unsigned_extension_outputs: Option<Map>,
}

impl Response {
    /// A response with no optional member.
    pub fn new(credential: CredentialDescriptor, auth_data: Vec<u8>, signature: Vec<u8>) -> Self {
        Self {
            credential,
            auth_data,
            signature,
            user: None,
            number_of_credentials: None,
            user_selected: None,
            large_blob_key: None,
            unsigned_extension_outputs: None,
        }
    }

    /// The answer as canonical CBOR, without the status byte.
    pub fn to_cbor(&self) -> Vec<u8> {
        let map = Map::new()
            .with(0x01, self.credential.to_cbor())
            .with(0x02, self.auth_data.as_slice())
            .with(0x03, self.signature.as_slice())
            .maybe(0x04, self.user.as_ref().map(UserEntity::to_cbor))
            .maybe(0x05, self.number_of_credentials)
            .maybe(0x06, self.user_selected)
            .maybe(0x07, self.large_blob_key.as_ref())
            .maybe(0x08, self.unsigned_extension_outputs.clone());
        Value::from(map).encode()
    }

    /// Parses what [`Self::to_cbor`] gives, within [`Limits::JOINT`].
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut fields = Fields::decode(bytes, &Limits::JOINT)?;
        let credential = fields.require(0x01, "credential", Some)?;
        let credential = CredentialDescriptor::from_value(credential)?.ok_or(MessageError::Invalid {
            field: "credential.type",
        })?;
        Ok(Self {
            credential,
            auth_data: fields.require(0x02, "authData", Value::into_bytes)?,
            signature: fields.require(0x03, "signature", Value::into_bytes)?,
            user: fields
                .take(0x04, "user", Some)?
                .map(UserEntity::from_value)
                .transpose()?,
            number_of_credentials: fields.take(0x05, "numberOfCredentials", |v| v.as_unsigned())?,
            user_selected: fields.take(0x06, "userSelected", |v| v.as_bool())?,
            large_blob_key: large_blob_key(&mut fields, 0x07)?,
            unsigned_extension_outputs: fields.take(0x08, "unsignedExtensionOutputs", Value::into_map)?,
        })
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("get_assertion::Response")
            .field("credential", &self.credential)
            .field("auth_data", &self.auth_data.len())
            .finish_non_exhaustive()
    }
}

impl Options {
    fn from_map(map: &Map) -> Result<Self, MessageError> {
        let default = Self::default();
        Ok(Self {
            up: option(map, "up")?.unwrap_or(default.up),
            uv: option(map, "uv")?.unwrap_or(default.uv),
        })
    }
}
