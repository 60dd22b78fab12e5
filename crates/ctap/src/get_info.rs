//! `authenticatorGetInfo` (0x04): what an authenticator says of itself (CTAP 2.1 §6.4, with the members of CTAP 2.2 and 2.3).

use std::collections::BTreeMap;

use crate::cbor::{Limits, Map, Value};
use crate::fields::{Fields, MessageError, list, members};
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
    /// How often a platform should try built-in user verification before it offers the PIN.
    pub preferred_platform_uv_attempts: Option<u64>,
    /// How built-in user verification works: bits of the FIDO Registry of Predefined Values.
    pub uv_modality: Option<u64>,
    /// Certifications and their levels.
    pub certifications: BTreeMap<String, u64>,
    /// At most how many more discoverable credentials can be made.
    pub remaining_discoverable_credentials: Option<u64>,
    /// Attestation statement formats other than `none` (CTAP 2.2).
    pub attestation_formats: Vec<String>,
    /// Built-in verifications since the PIN was entered last (CTAP 2.2).
    pub uv_count_since_last_pin_entry: Option<u64>,
    /// Whether a reset wants a long touch (CTAP 2.2).
    pub long_touch_for_reset: Option<bool>,
    /// Which device this is, for holders of its persistent token (CTAP 2.2).
    pub enc_identifier: Option<Vec<u8>>,
    /// The transports by which a reset is accepted (CTAP 2.2). Empty: all.
    pub transports_for_reset: Vec<String>,
    /// Whether PINs must satisfy more than a length; absent: the device has no such policy (CTAP 2.2).
    pub pin_complexity_policy: Option<bool>,
    /// Where that policy can be read (CTAP 2.2).
    pub pin_complexity_policy_url: Option<Vec<u8>>,
    /// Longest PIN, in Unicode code points (CTAP 2.2).
    pub max_pin_length: Option<u64>,
    /// A value that changes with the discoverable credentials, for holders of the persistent token (CTAP 2.3).
    pub enc_cred_store_state: Option<Vec<u8>>,
    /// The subcommands of authenticatorConfig (CTAP 2.3). Empty: not told.
    pub authenticator_config_commands: Vec<u64>,
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
            preferred_platform_uv_attempts: None,
            uv_modality: None,
            certifications: BTreeMap::new(),
            remaining_discoverable_credentials: None,
            attestation_formats: Vec::new(),
            uv_count_since_last_pin_entry: None,
            long_touch_for_reset: None,
            enc_identifier: None,
            transports_for_reset: Vec::new(),
            pin_complexity_policy: None,
            pin_complexity_policy_url: None,
            max_pin_length: None,
            enc_cred_store_state: None,
            authenticator_config_commands: Vec::new(),
        }
    }

    /// Whether the extension `name` is supported.
    pub fn supports_extension(&self, name: &str) -> bool {
        self.extensions.iter().any(|extension| extension == name)
    }

    /// The answer as canonical CBOR, without the status byte.
    pub fn to_cbor(&self) -> Vec<u8> {
        let options: Map = self.options.iter().map(|(name, set)| (name.as_str(), *set)).collect();
        let levels = self.certifications.iter().map(|(name, n)| (name.as_str(), *n));
        let protocols = self.pin_uv_auth_protocols.iter().map(|p| (*p).into());
        let commands = self.authenticator_config_commands.iter().map(|c| (*c).into());
        let map = Map::new()
            .with(0x01, text_values(&self.versions))
            .maybe(0x02, list(text_values(&self.extensions)))
            .with(0x03, self.aaguid.0)
            .maybe(0x04, members(options))
            .maybe(0x05, self.max_msg_size)
            .maybe(0x06, list(protocols.collect()))
            .maybe(0x07, self.max_credential_count_in_list)
            .maybe(0x08, self.max_credential_id_length)
            .maybe(0x09, list(text_values(&self.transports)))
            .maybe(0x0a, list(algorithms_to_cbor(&self.algorithms)))
            .maybe(0x0b, self.max_serialized_large_blob_array)
            .maybe(0x0c, self.force_pin_change)
            .maybe(0x0d, self.min_pin_length)
            .maybe(0x0e, self.firmware_version)
            .maybe(0x0f, self.max_cred_blob_length)
            .maybe(0x10, self.max_rp_ids_for_set_min_pin_length)
            .maybe(0x11, self.preferred_platform_uv_attempts)
            .maybe(0x12, self.uv_modality)
            .maybe(0x13, members(levels.collect()))
            .maybe(0x14, self.remaining_discoverable_credentials)
            .maybe(0x16, list(text_values(&self.attestation_formats)))
            .maybe(0x17, self.uv_count_since_last_pin_entry)
            .maybe(0x18, self.long_touch_for_reset)
            .maybe(0x19, self.enc_identifier.as_deref())
            .maybe(0x1a, list(text_values(&self.transports_for_reset)))
            .maybe(0x1b, self.pin_complexity_policy)
            .maybe(0x1c, self.pin_complexity_policy_url.as_deref())
            .maybe(0x1d, self.max_pin_length)
            .maybe(0x1e, self.enc_cred_store_state.as_deref())
            .maybe(0x1f, list(commands.collect()));
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
        answer.options = named(fields.map(0x04, "options")?, "options", Value::as_bool)?;
        answer.max_msg_size = fields.take(0x05, "maxMsgSize", |v| v.as_unsigned())?;
        answer.pin_uv_auth_protocols = numbers(&mut fields, 0x06, "pinUvAuthProtocols")?;
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
        answer.read_later_members(&mut fields)?;
        Ok(answer)
    }
}

impl Response {
    /// The members that CTAP 2.2 and 2.3 added, and those for products.
    fn read_later_members(&mut self, fields: &mut Fields) -> Result<(), MessageError> {
        self.preferred_platform_uv_attempts = fields.take(0x11, "preferredPlatformUvAttempts", |v| v.as_unsigned())?;
        self.uv_modality = fields.take(0x12, "uvModality", |v| v.as_unsigned())?;
        self.certifications = named(
            fields.map(0x13, "certifications")?,
            "certifications",
            Value::as_unsigned,
        )?;
        self.uv_count_since_last_pin_entry = fields.take(0x17, "uvCountSinceLastPinEntry", |v| v.as_unsigned())?;
        self.long_touch_for_reset = fields.take(0x18, "longTouchForReset", |v| v.as_bool())?;
        self.enc_identifier = fields.take(0x19, "encIdentifier", Value::into_bytes)?;
        self.transports_for_reset = texts(fields.list(0x1a, "transportsForReset")?, "transportsForReset")?;
        self.pin_complexity_policy = fields.take(0x1b, "pinComplexityPolicy", |v| v.as_bool())?;
        self.pin_complexity_policy_url = fields.take(0x1c, "pinComplexityPolicyURL", Value::into_bytes)?;
        self.max_pin_length = fields.take(0x1d, "maxPINLength", |v| v.as_unsigned())?;
        self.enc_cred_store_state = fields.take(0x1e, "encCredStoreState", Value::into_bytes)?;
        self.authenticator_config_commands = numbers(fields, 0x1f, "authenticatorConfigCommands")?;
        Ok(())
    }
}

fn text_values(texts: &[String]) -> Vec<Value> {
    texts.iter().map(|text| text.as_str().into()).collect()
}

fn numbers(fields: &mut Fields, key: i64, field: &'static str) -> Result<Vec<u64>, MessageError> {
    let list = fields.list(key, field)?.into_iter();
    list.map(|v| v.as_unsigned().ok_or(MessageError::WrongType { field }))
        .collect()
}

/// A map from names to values of one type.
fn named<T>(
    map: Map,
    field: &'static str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<BTreeMap<String, T>, MessageError> {
    let bad = MessageError::WrongType { field };
    map.into_iter()
        .map(|(name, value)| Ok((name.into_text().ok_or(bad)?, read(&value).ok_or(bad)?)))
        .collect()
}
