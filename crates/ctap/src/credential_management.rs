//! `authenticatorCredentialManagement` (0x0a): the messages (CTAP 2.1 §6.8).
//!
//! Members that are not known are ignored on reading, as the specification requires.

use std::fmt;

use crate::cbor::{Limits, Map, Value};
use crate::crypto::PublicKey;
use crate::fields::{Fields, MessageError, large_blob_key, members};
use crate::types::{CredentialDescriptor, RpEntity, UserEntity};

/// What the platform wants (§6.8, table of subcommands).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SubCommand {
    /// How many discoverable credentials there are, and for how many more there is room.
    GetCredsMetadata = 0x01,
    /// The first RP.
    EnumerateRpsBegin = 0x02,
    /// The next RP.
    EnumerateRpsGetNextRp = 0x03,
    /// The first credential of an RP.
    EnumerateCredentialsBegin = 0x04,
    /// The next credential.
    EnumerateCredentialsGetNextCredential = 0x05,
    /// Delete a credential.
    DeleteCredential = 0x06,
    /// Change the names of a credential's account.
    UpdateUserInformation = 0x07,
}

impl SubCommand {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::GetCredsMetadata,
        Self::EnumerateRpsBegin,
        Self::EnumerateRpsGetNextRp,
        Self::EnumerateCredentialsBegin,
        Self::EnumerateCredentialsGetNextCredential,
        Self::DeleteCredential,
        Self::UpdateUserInformation,
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

    /// What the MAC covers: the number of the subcommand, then its encoded parameters (§6.8.2 and following).
    pub fn authenticated(&self) -> Vec<u8> {
        // A number above 255 is no subcommand and is refused before any MAC is looked at.
        let mut message = vec![u8::try_from(self.sub_command).unwrap_or(u8::MAX)];
        if let Some(params) = &self.params {
            message.extend_from_slice(&Value::from(params.clone()).encode());
        }
        message
    }

    /// `rpIDHash`: the SHA-256 of the RP ID.
    pub fn rp_id_hash(&self) -> Result<[u8; 32], MessageError> {
        self.fields()?.require_32(0x01, "rpIDHash")
    }

    /// `credentialID`.
    pub fn credential(&self) -> Result<CredentialDescriptor, MessageError> {
        let value = self.fields()?.require(0x02, "credentialID", Some)?;
        CredentialDescriptor::from_value(value)?.ok_or(MessageError::Invalid { field: "credentialID" })
    }

    /// `user`.
    pub fn user(&self) -> Result<UserEntity, MessageError> {
        UserEntity::from_value(self.fields()?.require(0x03, "user", Some)?)
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

    fn fields(&self) -> Result<Fields, MessageError> {
        let params = self.params.clone().ok_or(MessageError::Missing {
            field: "subCommandParams",
        })?;
        Fields::from_value(params.into(), "subCommandParams")
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("credential_management::Request")
            .field("sub_command", &SubCommand::from_number(self.sub_command))
            .finish_non_exhaustive()
    }
}

/// An answer; each subcommand fills its own members. `Debug` shows counts only.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Response {
    /// How many discoverable credentials there are.
    pub existing_credentials: Option<u64>,
    /// At most how many more can be made.
    pub remaining_credentials: Option<u64>,
    /// The RP.
    pub rp: Option<RpEntity>,
    /// The SHA-256 of its RP ID.
    pub rp_id_hash: Option<[u8; 32]>,
    /// How many RPs there are; with the first only.
    pub total_rps: Option<u64>,
    /// The account.
    pub user: Option<UserEntity>,
    /// The credential.
    pub credential: Option<CredentialDescriptor>,
    /// Its public key.
    pub public_key: Option<PublicKey>,
    /// How many credentials the RP has; with the first only.
    pub total_credentials: Option<u64>,
    /// The credential's credProtect level.
    pub cred_protect: Option<u64>,
    /// The credential's key for large blobs.
    pub large_blob_key: Option<[u8; 32]>,
    /// Whether the credential may confirm payments on other sites (CTAP 2.2).
    pub third_party_payment: Option<bool>,
}

impl Response {
    /// The answer as canonical CBOR, without the status byte. An empty answer has no bytes at all.
    pub fn to_cbor(&self) -> Vec<u8> {
        let map = Map::new()
            .maybe(0x01, self.existing_credentials)
            .maybe(0x02, self.remaining_credentials)
            .maybe(0x03, self.rp.as_ref().map(RpEntity::to_cbor))
            .maybe(0x04, self.rp_id_hash.as_ref())
            .maybe(0x05, self.total_rps)
            .maybe(0x06, self.user.as_ref().map(UserEntity::to_cbor))
            .maybe(0x07, self.credential.as_ref().map(CredentialDescriptor::to_cbor))
            .maybe(0x08, self.public_key.as_ref().map(PublicKey::to_cose))
            .maybe(0x09, self.total_credentials)
            .maybe(0x0a, self.cred_protect)
            .maybe(0x0b, self.large_blob_key.as_ref())
            .maybe(0x0c, self.third_party_payment);
        members(map).map_or_else(Vec::new, |map| Value::from(map).encode())
    }

    /// Parses what [`Self::to_cbor`] gives, within [`Limits::CTAP`].
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, MessageError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let mut fields = Fields::decode(bytes, &Limits::CTAP)?;
        let rp = fields.take(0x03, "rp", Some)?;
        let hash = fields.take(0x04, "rpIDHash", Value::into_bytes)?;
        let bad_hash = MessageError::Invalid { field: "rpIDHash" };
        let user = fields.take(0x06, "user", Some)?;
        let credential = fields.take(0x07, "credentialID", Some)?;
        let key = fields.take(0x08, "publicKey", Some)?;
        Ok(Self {
            existing_credentials: fields.take(0x01, "existingResidentCredentialsCount", |v| v.as_unsigned())?,
            remaining_credentials: fields.take(0x02, "maxPossibleRemainingResidentCredentialsCount", |v| {
                v.as_unsigned()
            })?,
            rp: rp.map(RpEntity::from_value).transpose()?,
            rp_id_hash: hash.map(|h| h.try_into().map_err(|_| bad_hash)).transpose()?,
            total_rps: fields.take(0x05, "totalRPs", |v| v.as_unsigned())?,
            user: user.map(UserEntity::from_value).transpose()?,
            credential: credential.map(CredentialDescriptor::from_value).transpose()?.flatten(),
            public_key: key.as_ref().map(PublicKey::from_cose).transpose()?,
            total_credentials: fields.take(0x09, "totalCredentials", |v| v.as_unsigned())?,
            cred_protect: fields.take(0x0a, "credProtect", |v| v.as_unsigned())?,
            large_blob_key: large_blob_key(&mut fields, 0x0b)?,
            third_party_payment: fields.take(0x0c, "thirdPartyPayment", |v| v.as_bool())?,
        })
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("credential_management::Response")
            .field("total_rps", &self.total_rps)
            .field("total_credentials", &self.total_credentials)
            .finish_non_exhaustive()
    }
}
