//! `authenticatorConfig` (0x0d): the request (CTAP 2.1 §6.11). The answer is always empty.
//!
//! Members that are not known are ignored on reading, as the specification requires.

use std::fmt;

use crate::cbor::{Limits, Map, Value};
use crate::fields::{Fields, MessageError};
use crate::types::texts;

/// What the platform wants (§6.11, table of subcommands).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SubCommand {
    /// Enterprise attestation, for good.
    EnableEnterpriseAttestation = 0x01,
    /// User verification for everything, or no longer.
    ToggleAlwaysUv = 0x02,
    /// A longer shortest PIN, who is told of it, and whether the PIN must be changed.
    SetMinPinLength = 0x03,
}

impl SubCommand {
    /// All of them.
    pub const ALL: [Self; 3] = [
        Self::EnableEnterpriseAttestation,
        Self::ToggleAlwaysUv,
        Self::SetMinPinLength,
    ];

    /// The number on the wire.
    pub fn number(self) -> u64 {
        u64::from(self as u8)
    }

    /// The subcommand with this number.
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|sub| sub.number() == number)
    }
}

/// A request. `Debug` shows the subcommand only.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The number of the subcommand, see [`SubCommand`].
    pub sub_command: u64,
    /// Its parameters, as they came: they are part of what the MAC covers.
    pub params: Option<Map>,
    /// The PIN/UV auth protocol.
    pub pin_uv_auth_protocol: Option<u64>,
    /// The MAC under the token.
    pub pin_uv_auth_param: Option<Vec<u8>>,
}

/// The parameters of [`SubCommand::SetMinPinLength`] (§6.11.4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MinPinLength {
    /// The new length, in Unicode code points.
    pub new_min_pin_length: Option<u64>,
    /// The RP IDs that may learn the length.
    pub rp_ids: Option<Vec<String>>,
    /// Whether the PIN must be changed before it gives another token.
    pub force_change_pin: bool,
    /// Whether PINs must satisfy more than a length (CTAP 2.2).
    pub pin_complexity_policy: bool,
}

impl MinPinLength {
    /// The map of the parameters.
    pub fn to_map(&self) -> Map {
        let texts = |texts: &Vec<String>| -> Vec<Value> { texts.iter().map(|text| text.as_str().into()).collect() };
        Map::new()
            .maybe(0x01, self.new_min_pin_length)
            .maybe(0x02, self.rp_ids.as_ref().map(texts))
            .maybe(0x03, self.force_change_pin.then_some(true))
            .maybe(0x04, self.pin_complexity_policy.then_some(true))
    }
}

impl Request {
    /// A request with no optional member.
    pub fn new(sub_command: SubCommand) -> Self {
        Self {
            sub_command: sub_command.number(),
            params: None,
            pin_uv_auth_protocol: None,
            pin_uv_auth_param: None,
        }
    }

    /// What the MAC covers: 32 bytes 0xff, the command's code, the number of the subcommand, its encoded parameters.
    pub fn authenticated(&self) -> Vec<u8> {
        let mut message = vec![0xff; 32];
        // A number above 255 is no subcommand and is refused before any MAC is looked at.
        message.extend_from_slice(&[0x0d, u8::try_from(self.sub_command).unwrap_or(u8::MAX)]);
        if let Some(params) = &self.params {
            message.extend_from_slice(&Value::from(params.clone()).encode());
        }
        message
    }

    /// The parameters of [`SubCommand::SetMinPinLength`]. All are optional.
    pub fn min_pin_length(&self) -> Result<MinPinLength, MessageError> {
        let params = self.params.clone().unwrap_or_default();
        let mut fields = Fields::from_value(params.into(), "subCommandParams")?;
        let rp_ids = fields.take(0x02, "minPinLengthRPIDs", Value::into_array)?;
        let force = fields.take(0x03, "forceChangePin", |v| v.as_bool())?;
        let policy = fields.take(0x04, "pinComplexityPolicy", |v| v.as_bool())?;
        Ok(MinPinLength {
            new_min_pin_length: fields.take(0x01, "newMinPINLength", |v| v.as_unsigned())?,
            rp_ids: rp_ids.map(|items| texts(items, "minPinLengthRPIDs")).transpose()?,
            force_change_pin: force.unwrap_or(false),
            pin_complexity_policy: policy.unwrap_or(false),
        })
    }

    /// The parameters of the command as canonical CBOR, without the command byte.
    pub fn to_cbor(&self) -> Vec<u8> {
        let map = Map::new()
            .with(0x01, self.sub_command)
            .maybe(0x02, self.params.clone())
            .maybe(0x03, self.pin_uv_auth_protocol)
            .maybe(0x04, self.pin_uv_auth_param.as_deref());
        Value::from(map).encode()
    }

    /// Parses a request within the limits of the transport that it came by.
    pub fn from_cbor_within(bytes: &[u8], limits: &Limits) -> Result<Self, MessageError> {
        let mut fields = Fields::decode(bytes, limits)?;
        Ok(Self {
            sub_command: fields.require(0x01, "subCommand", |v| v.as_unsigned())?,
            params: fields.take(0x02, "subCommandParams", Value::into_map)?,
            pin_uv_auth_protocol: fields.take(0x03, "pinUvAuthProtocol", |v| v.as_unsigned())?,
            pin_uv_auth_param: fields.take(0x04, "pinUvAuthParam", Value::into_bytes)?,
        })
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("authenticator_config::Request")
            .field("sub_command", &SubCommand::from_number(self.sub_command))
            .finish_non_exhaustive()
    }
}
