//! `authenticatorGetInfo` (0x04): what an authenticator says of itself (CTAP 2.1 §6.4, with the members of CTAP 2.2).

use std::collections::BTreeMap;

use crate::cbor::{Limits, Map, Value};
use crate::fields::{Fields, MessageError};
use crate::types::{Aaguid, algorithms, algorithms_to_cbor, texts};

/// The answer. Members that are not here are ignored on reading.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Response {
    /// Protocol versions (`FIDO_2_0`, `FIDO_2_1`, …).
    pub versions: Vec<String>,
    /// Extensions by name.
    pub extensions: Vec<String>,
    /// The model.
    pub aaguid: Aaguid,
    /// Options; an absent one has the default that the specification gives it.
    pub options: BTreeMap<String, bool>,
    /// Longest message in bytes; absent means 1024.
    pub max_msg_size: Option<u64>,
    /// PIN/UV auth protocols, best first.
    pub pin_uv_auth_protocols: Vec<u64>,
    /// Longest allow or exclude list.
    pub max_credential_count_in_list: Option<u64>,
    /// Longest credential id in bytes.
    pub max_credential_id_length: Option<u64>,
    /// Transports.
    pub transports: Vec<String>,
    /// COSE algorithms, best first. Empty: not told.
    pub algorithms: Vec<i64>,
    /// Longest large-blob array in bytes.
    pub max_serialized_large_blob_array: Option<u64>,
    /// Whether the PIN must be changed before it gives a token.
    pub force_pin_change: Option<bool>,
    /// Shortest PIN, in Unicode code points.
    pub min_pin_length: Option<u64>,
    /// Firmware version.
    pub firmware_version: Option<u64>,
    /// Longest credBlob in bytes.
    pub max_cred_blob_length: Option<u64>,
    /// How many RP IDs `setMinPINLength` takes.
    pub max_rp_ids_for_set_min_pin_length: Option<u64>,
    /// At most how many more discoverable credentials can be made.
    pub remaining_discoverable_credentials: Option<u64>,
    /// Attestation statement formats other than `none` (CTAP 2.2).
    pub attestation_formats: Vec<String>,
}

impl Response {
    /// An answer with the two required members.
    pub fn new(versions: Vec<String>, aaguid: Aaguid) -> Self {
        Self {
            versions,
            extensions: Vec::new(),
            aaguid,
            options: BTreeMap::new(),
            max_msg_size: None,
            pin_uv_auth_protocols: Vec::new(),
            max_credential_count_in_list: None,
            max_credential_id_length: None,
            transports: Vec::new(),
            algorithms: Vec::new(),
            max_serialized_large_blob_array: None,
            force_pin_change: None,
            min_pin_length: None,
            firmware_version: None,
            max_cred_blob_length: None,
            max_rp_ids_for_set_min_pin_length: None,
            remaining_discoverable_credentials: None,
            attestation_formats: Vec::new(),
        }
    }

    /// Whether the extension `name` is supported.
    pub fn supports_extension(&self, name: &str) -> bool {
        self.extensions.iter().any(|extension| extension == name)
    }

    /// The answer as canonical CBOR, without the status byte.
    pub fn to_cbor(&self) -> Vec<u8> {
        let mut map = Map::new()
            .with(0x01, text_values(&self.versions))
            .with(0x03, self.aaguid.0);
        if !self.extensions.is_empty() {
            map.insert(0x02, text_values(&self.extensions));
        }
        if !self.options.is_empty() {
            let options: Map = self
                .options
                .iter()
                .map(|(name, value)| (name.as_str(), *value))
                .collect();
            map.insert(0x04, options);
        }
        if !self.pin_uv_auth_protocols.is_empty() {
            let protocols: Vec<Value> = self.pin_uv_auth_protocols.iter().map(|p| (*p).into()).collect();
            map.insert(0x06, protocols);
        }
        let numbers = [
            (0x05, self.max_msg_size),
            (0x07, self.max_credential_count_in_list),
            (0x08, self.max_credential_id_length),
            (0x0b, self.max_serialized_large_blob_array),
            (0x0d, self.min_pin_length),
            (0x0e, self.firmware_version),
            (0x0f, self.max_cred_blob_length),
            (0x10, self.max_rp_ids_for_set_min_pin_length),
            (0x14, self.remaining_discoverable_credentials),
        ];
        for (key, number) in numbers {
            if let Some(number) = number {
                map.insert(key, number);
            }
        }
        if !self.transports.is_empty() {
            map.insert(0x09, text_values(&self.transports));
        }
        if !self.algorithms.is_empty() {
            map.insert(0x0a, algorithms_to_cbor(&self.algorithms));
        }
        if let Some(force) = self.force_pin_change {
            map.insert(0x0c, force);
        }
        if !self.attestation_formats.is_empty() {
            map.insert(0x16, text_values(&self.attestation_formats));
        }
        Value::from(map).encode()
    }

    /// Parses an answer, within [`Limits::JOINT`].
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut fields = Fields::decode(bytes, &Limits::JOINT)?;
        let versions = texts(fields.require(0x01, "versions", Value::into_array)?, "versions")?;
        let aaguid = fields.require(0x03, "aaguid", Value::into_bytes)?;
        let aaguid = aaguid
            .try_into()
            .map_err(|_| MessageError::Invalid { field: "aaguid" })?;
        let mut answer = Self::new(versions, Aaguid(aaguid));
        answer.extensions = texts(fields.list(0x02, "extensions")?, "extensions")?;
        answer.options = options(fields.map(0x04, "options")?)?;
        answer.max_msg_size = fields.take(0x05, "maxMsgSize", |v| v.as_unsigned())?;
        answer.pin_uv_auth_protocols = fields
            .list(0x06, "pinUvAuthProtocols")?
            .into_iter()
            .map(|v| {
                v.as_unsigned().ok_or(MessageError::WrongType {
                    field: "pinUvAuthProtocols",
                })
            })
            .collect::<Result<_, _>>()?;
        answer.max_credential_count_in_list = fields.take(0x07, "maxCredentialCountInList", |v| v.as_unsigned())?;
        answer.max_credential_id_length = fields.take(0x08, "maxCredentialIdLength", |v| v.as_unsigned())?;
        answer.transports = texts(fields.list(0x09, "transports")?, "transports")?;
        answer.algorithms = algorithms(fields.list(0x0a, "algorithms")?, "algorithms")?;
        answer.max_serialized_large_blob_array =
            fields.take(0x0b, "maxSerializedLargeBlobArray", |v| v.as_unsigned())?;
        answer.max_cred_blob_length = fields.take(0x0f, "maxCredBlobLength", |v| v.as_unsigned())?;
        answer.max_rp_ids_for_set_min_pin_length =
            fields.take(0x10, "maxRPIDsForSetMinPINLength", |v| v.as_unsigned())?;
        answer.force_pin_change = fields.take(0x0c, "forcePINChange", |v| v.as_bool())?;
        answer.min_pin_length = fields.take(0x0d, "minPINLength", |v| v.as_unsigned())?;
        answer.remaining_discoverable_credentials =
            fields.take(0x14, "remainingDiscoverableCredentials", |v| v.as_unsigned())?;
        answer.firmware_version = fields.take(0x0e, "firmwareVersion", |v| v.as_unsigned())?;
        answer.attestation_formats = texts(fields.list(0x16, "attestationFormats")?, "attestationFormats")?;
        Ok(answer)
    }
}

fn text_values(texts: &[String]) -> Vec<Value> {
    texts.iter().map(|text| text.as_str().into()).collect()
}

fn options(map: Map) -> Result<BTreeMap<String, bool>, MessageError> {
    let bad = MessageError::WrongType { field: "options" };
    map.into_iter()
        .map(|(name, value)| Ok((name.into_text().ok_or(bad)?, value.as_bool().ok_or(bad)?)))
        .collect()
}
