//! `authenticatorClientPIN` (0x06): the messages (CTAP 2.1 §6.5.5), and what a token may be used for.
//!
//! Members that are not known are ignored on reading, as the specification requires.

use std::fmt;
use std::ops::BitOr;

use crate::cbor::{Limits, Map, Value};
use crate::crypto::ecdh::EcdhPublicKey;
use crate::fields::{Fields, MessageError, members};

/// What the platform wants (§6.5.5, table of subcommands).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SubCommand {
    /// How many wrong PINs are left.
    GetPinRetries = 0x01,
    /// The authenticator's key-agreement key.
    GetKeyAgreement = 0x02,
    /// Set the first PIN.
    SetPin = 0x03,
    /// Change the PIN.
    ChangePin = 0x04,
    /// A token for making and using credentials, by PIN; superseded by the one with permissions.
    GetPinToken = 0x05,
    /// A token by built-in user verification.
    GetTokenUsingUv = 0x06,
    /// How many failed verifications are left.
    GetUvRetries = 0x07,
    /// A token by PIN.
    GetTokenUsingPin = 0x09,
}

impl SubCommand {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::GetPinRetries,
        Self::GetKeyAgreement,
        Self::SetPin,
        Self::ChangePin,
        Self::GetPinToken,
        Self::GetTokenUsingUv,
        Self::GetUvRetries,
        Self::GetTokenUsingPin,
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

/// What a `pinUvAuthToken` may be used for (§6.5.5.7, "permissions").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u8);

impl Permissions {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// `mc`: make a credential.
    pub const MAKE_CREDENTIAL: Self = Self(0x01);
    /// `ga`: get an assertion.
    pub const GET_ASSERTION: Self = Self(0x02);
    /// `cm`: manage credentials.
    pub const CREDENTIAL_MANAGEMENT: Self = Self(0x04);
    /// `be`: manage fingerprints.
    pub const BIO_ENROLLMENT: Self = Self(0x08);
    /// `lbw`: write large blobs.
    pub const LARGE_BLOB_WRITE: Self = Self(0x10);
    /// `acfg`: configure the authenticator.
    pub const AUTHENTICATOR_CONFIGURATION: Self = Self(0x20);
    /// `pcmr`: look at credentials, with a token that lasts (CTAP 2.2).
    pub const PERSISTENT_CREDENTIAL_MANAGEMENT_READ_ONLY: Self = Self(0x40);

    const DEFINED: u8 = 0x7f;

    /// The permissions of the bits; `None` when a bit is none of these.
    pub fn from_bits(bits: u64) -> Option<Self> {
        u8::try_from(bits)
            .ok()
            .filter(|bits| bits & !Self::DEFINED == 0)
            .map(Self)
    }

    /// The permissions of the bits, without those that are none of these: an authenticator ignores them (§6.5.5.7.2).
    pub fn from_bits_truncate(bits: u64) -> Self {
        let [.., low] = bits.to_be_bytes();
        Self(low & Self::DEFINED)
    }

    /// The bits.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of `other` is in it.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in it.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Permissions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

/// A request. `Debug` shows the subcommand only.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The PIN/UV auth protocol.
    pub pin_uv_auth_protocol: Option<u64>,
    /// The number of the subcommand, see [`SubCommand`].
    pub sub_command: u64,
    /// The platform's key-agreement key. A key that is none is not here; [`Self::platform_key`] tells it from no key.
    pub key_agreement: Option<EcdhPublicKey>,
    /// A map in the place of the key that is no valid key, as it came.
    bad_key: Option<Map>,
    /// The MAC under the shared secret.
    pub pin_uv_auth_param: Option<Vec<u8>>,
    /// The new PIN, padded with zeros to 64 bytes and encrypted.
    pub new_pin_enc: Option<Vec<u8>>,
    /// The first 16 bytes of SHA-256(PIN), encrypted.
    pub pin_hash_enc: Option<Vec<u8>>,
    /// The bits of the permissions asked for.
    pub permissions: Option<u64>,
    /// The RP ID to which the permissions are bound.
    pub rp_id: Option<String>,
}

impl Request {
    /// A request with no optional member.
    pub fn new(sub_command: SubCommand) -> Self {
        Self {
            pin_uv_auth_protocol: None,
            sub_command: sub_command.number(),
            key_agreement: None,
            bad_key: None,
            pin_uv_auth_param: None,
            new_pin_enc: None,
            pin_hash_enc: None,
            permissions: None,
            rp_id: None,
        }
    }

    /// The parameters of the command as canonical CBOR, without the command byte.
    pub fn to_cbor(&self) -> Vec<u8> {
        let key_agreement = self.key_agreement.as_ref().map(EcdhPublicKey::to_cose);
        let map = Map::new()
            .maybe(0x01, self.pin_uv_auth_protocol)
            .with(0x02, self.sub_command)
            .maybe(0x03, key_agreement.or_else(|| self.bad_key.clone().map(Value::from)))
            .maybe(0x04, self.pin_uv_auth_param.as_deref())
            .maybe(0x05, self.new_pin_enc.as_deref())
            .maybe(0x06, self.pin_hash_enc.as_deref())
            .maybe(0x09, self.permissions)
            .maybe(0x0a, self.rp_id.as_deref());
        Value::from(map).encode()
    }

    /// Parses a request within the limits of the transport that it came by.
    pub fn from_cbor_within(bytes: &[u8], limits: &Limits) -> Result<Self, MessageError> {
        let mut fields = Fields::decode(bytes, limits)?;
        let map = fields.take(0x03, "keyAgreement", Value::into_map)?.map(Value::from);
        let key = map.as_ref().and_then(|map| EcdhPublicKey::from_cose(map).ok());
        Ok(Self {
            pin_uv_auth_protocol: fields.take(0x01, "pinUvAuthProtocol", |v| v.as_unsigned())?,
            sub_command: fields.require(0x02, "subCommand", |v| v.as_unsigned())?,
            bad_key: map.filter(|_| key.is_none()).and_then(Value::into_map),
            key_agreement: key,
            pin_uv_auth_param: fields.take(0x04, "pinUvAuthParam", Value::into_bytes)?,
            new_pin_enc: fields.take(0x05, "newPinEnc", Value::into_bytes)?,
            pin_hash_enc: fields.take(0x06, "pinHashEnc", Value::into_bytes)?,
            permissions: fields.take(0x09, "permissions", |v| v.as_unsigned())?,
            rp_id: fields.take(0x0a, "rpId", Value::into_text)?,
        })
    }

    /// Whether a key came along, valid or not: one that is not is looked at only when its turn comes.
    pub fn has_platform_key(&self) -> bool {
        self.key_agreement.is_some() || self.bad_key.is_some()
    }

    /// The platform's key-agreement key.
    pub fn platform_key(&self) -> Result<&EcdhPublicKey, MessageError> {
        let field = "keyAgreement";
        match &self.key_agreement {
            Some(key) => Ok(key),
            None if self.bad_key.is_some() => Err(MessageError::Invalid { field }),
            None => Err(MessageError::Missing { field }),
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("client_pin::Request")
            .field("sub_command", &SubCommand::from_number(self.sub_command))
            .finish_non_exhaustive()
    }
}

/// An answer; each subcommand fills its own members. `Debug` does not show the token.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Response {
    /// The authenticator's key-agreement key.
    pub key_agreement: Option<EcdhPublicKey>,
    /// The `pinUvAuthToken`, encrypted under the shared secret.
    pub pin_uv_auth_token: Option<Vec<u8>>,
    /// Wrong PINs that are left.
    pub pin_retries: Option<u64>,
    /// Whether a power cycle is needed before the next PIN.
    pub power_cycle_state: Option<bool>,
    /// Failed verifications that are left.
    pub uv_retries: Option<u64>,
}

impl Response {
    /// The answer as canonical CBOR, without the status byte. An empty answer has no bytes at all.
    pub fn to_cbor(&self) -> Vec<u8> {
        let map = Map::new()
            .maybe(0x01, self.key_agreement.as_ref().map(EcdhPublicKey::to_cose))
            .maybe(0x02, self.pin_uv_auth_token.as_deref())
            .maybe(0x03, self.pin_retries)
            .maybe(0x04, self.power_cycle_state)
            .maybe(0x05, self.uv_retries);
        members(map).map_or_else(Vec::new, |map| Value::from(map).encode())
    }

    /// Parses what [`Self::to_cbor`] gives, within [`Limits::CTAP`].
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, MessageError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let mut fields = Fields::decode(bytes, &Limits::CTAP)?;
        Ok(Self {
            key_agreement: key_agreement(&mut fields, 0x01)?,
            pin_uv_auth_token: fields.take(0x02, "pinUvAuthToken", Value::into_bytes)?,
            pin_retries: fields.take(0x03, "pinRetries", |v| v.as_unsigned())?,
            power_cycle_state: fields.take(0x04, "powerCycleState", |v| v.as_bool())?,
            uv_retries: fields.take(0x05, "uvRetries", |v| v.as_unsigned())?,
        })
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("client_pin::Response")
            .field("pin_retries", &self.pin_retries)
            .field("power_cycle_state", &self.power_cycle_state)
            .field("uv_retries", &self.uv_retries)
            .finish_non_exhaustive()
    }
}

fn key_agreement(fields: &mut Fields, key: i64) -> Result<Option<EcdhPublicKey>, MessageError> {
    let value = fields.take(key, "keyAgreement", Some)?;
    Ok(value.as_ref().map(EcdhPublicKey::from_cose).transpose()?)
}
