//! Authenticator data (WebAuthn Level 3 §6.1): the bytes that an authenticator signs.
//!
//! [`AuthenticatorData::parse`] is strict: reserved flags are clear, BS implies BE, the AT and ED flags say exactly
//! what is there, the public key and the extensions are canonical CBOR, and nothing follows. So parsing and encoding
//! are inverse to each other.

use std::fmt;
use std::ops::BitOr;

use crate::cbor::{Limits, Map, Value, decode_prefix};
use crate::crypto::PublicKey;
use crate::fields::MessageError;
use crate::types::{Aaguid, CredentialId};

/// The flags byte.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u8);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// User present.
    pub const UP: Self = Self(0x01);
    /// User verified.
    pub const UV: Self = Self(0x04);
    /// Backup eligible.
    pub const BE: Self = Self(0x08);
    /// Backed up.
    pub const BS: Self = Self(0x10);
    /// Attested credential data follows.
    pub const AT: Self = Self(0x40);
    /// Extensions follow.
    pub const ED: Self = Self(0x80);

    const KNOWN: u8 = 0x01 | 0x04 | 0x08 | 0x10 | 0x40 | 0x80;

    /// Parses a flags byte: no reserved bit is set, and BS only together with BE.
    pub fn from_bits(bits: u8) -> Option<Self> {
        let flags = Self(bits);
        let valid = bits & !Self::KNOWN == 0 && (flags.contains(Self::BE) || !flags.contains(Self::BS));
        valid.then_some(flags)
    }

    /// The byte.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether all flags of `other` are set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags, and `other` if `condition` holds.
    #[must_use]
    pub fn with_if(self, condition: bool, other: Self) -> Self {
        if condition { self | other } else { self }
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags(0x{:02x})", self.0)
    }
}

/// A new credential, as authenticator data carries it (WebAuthn Level 3 §6.5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttestedCredential {
    /// The authenticator's model.
    pub aaguid: Aaguid,
    /// The credential.
    pub id: CredentialId,
    /// Its public key.
    pub public_key: PublicKey,
}

/// Parsed authenticator data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatorData {
    /// SHA-256 of the RP ID.
    pub rp_id_hash: [u8; 32],
    /// UP, UV, BE and BS. AT and ED follow from the two fields below and are not looked at when encoding.
    pub flags: Flags,
    /// The signature counter; 0 for a credential that lives on more than one device.
    pub sign_count: u32,
    /// The new credential, when one was made.
    pub attested: Option<AttestedCredential>,
    /// The signed extension outputs, when there are any.
    pub extensions: Option<Map>,
}

impl AuthenticatorData {
    /// Parses authenticator data.
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let bad = MessageError::Invalid { field: "authData" };
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>().ok_or(bad)?;
        let (&[flags], rest) = rest.split_first_chunk::<1>().ok_or(bad)?;
        let (sign_count, mut rest) = rest.split_first_chunk::<4>().ok_or(bad)?;
        let flags = Flags::from_bits(flags).ok_or(MessageError::Invalid {
            field: "authData.flags",
        })?;

        let mut attested = None;
        if flags.contains(Flags::AT) {
            let (credential, after) = parse_attested(rest)?;
            attested = Some(credential);
            rest = after;
        }
        let mut extensions = None;
        if flags.contains(Flags::ED) {
            let (value, after) = decode_prefix(rest, &LIMITS)?;
            let map = value.into_map().ok_or(MessageError::WrongType {
                field: "authData.extensions",
            })?;
            extensions = Some(map);
            rest = after;
        }
        if !rest.is_empty() {
            return Err(bad);
        }
        Ok(Self {
            rp_id_hash: *rp_id_hash,
            flags,
            sign_count: u32::from_be_bytes(*sign_count),
            attested,
            extensions,
        })
    }

    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        let flags = self
            .flags
            .without(Flags::AT | Flags::ED)
            .with_if(self.attested.is_some(), Flags::AT)
            .with_if(self.extensions.is_some(), Flags::ED);
        let mut out = self.rp_id_hash.to_vec();
        out.push(flags.bits());
        out.extend_from_slice(&self.sign_count.to_be_bytes());
        if let Some(credential) = &self.attested {
            out.extend_from_slice(&credential.aaguid.0);
            // `CredentialId` has at most 1023 bytes, so the two low bytes of the length are all of it.
            let [.., high, low] = credential.id.as_bytes().len().to_be_bytes();
            out.extend_from_slice(&[high, low]);
            out.extend_from_slice(credential.id.as_bytes());
            out.extend_from_slice(&credential.public_key.cose_bytes());
        }
        if let Some(extensions) = &self.extensions {
            out.extend_from_slice(&Value::from(extensions.clone()).encode());
        }
        out
    }
}

/// Nothing that is in authenticator data, nor any extension that a provider may answer, has a floating-point number.
const LIMITS: Limits = Limits {
    other_simple: false,
    ..Limits::CTAP
};

fn parse_attested(bytes: &[u8]) -> Result<(AttestedCredential, &[u8]), MessageError> {
    let bad = MessageError::Invalid {
        field: "attestedCredentialData",
    };
    let (aaguid, rest) = bytes.split_first_chunk::<16>().ok_or(bad)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(bad)?;
    let (id, rest) = rest
        .split_at_checked(usize::from(u16::from_be_bytes(*length)))
        .ok_or(bad)?;
    let id = CredentialId::new(id).map_err(|_| bad)?;
    let (key, rest) = decode_prefix(rest, &LIMITS)?;
    let public_key = PublicKey::from_cose(&key)?;
    Ok((
        AttestedCredential {
            aaguid: Aaguid(*aaguid),
            id,
            public_key,
        },
        rest,
    ))
}
