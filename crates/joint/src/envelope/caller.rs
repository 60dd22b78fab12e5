//! The program on whose behalf a request is made, and its way into the platform.

use std::fmt;

use claviger_ctap::cbor::Map;

use super::MAX_TEXT_BYTES;
use crate::fields::{Fields, MessageError};

/// The program on whose behalf the platform asks, as the platform established it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The application id (sandbox or desktop file), where there is one.
    pub app_id: Option<String>,
    /// What the user knows the program as.
    pub name: String,
    /// The web origin, where the door knows it.
    pub origin: Option<String>,
    /// The origin of the top-level page, where it differs and the door knows it.
    pub top_origin: Option<String>,
    /// The way by which the request came.
    pub door: Door,
}

/// The ways into the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// 1: the browser extension.
    Browser,
    /// 2: the credential portal.
    Portal,
    /// 3: the virtual security key.
    Hid,
    /// 4: the platform's own command line and settings.
    Cli,
    /// 5: a provider itself, which has the user verified (`VerifyUser`). In no request: it is asked nothing then.
    Provider,
    /// A door that a later version may define.
    Other(u64),
}

impl Caller {
    /// The map that stands in a request.
    pub(super) fn to_map(&self) -> Map {
        Map::new()
            .maybe(1, self.app_id.as_deref())
            .with(2, self.name.as_str())
            .maybe(3, self.origin.as_deref())
            .maybe(4, self.top_origin.as_deref())
            .with(5, self.door.number())
    }

    /// Reads such a map.
    pub(super) fn read(fields: &Fields) -> Result<Self, MessageError> {
        Ok(Self {
            app_id: fields.optional_text(1, MAX_TEXT_BYTES)?,
            name: fields.text(2, MAX_TEXT_BYTES)?.to_owned(),
            origin: fields.optional_text(3, MAX_TEXT_BYTES)?,
            top_origin: fields.optional_text(4, MAX_TEXT_BYTES)?,
            door: Door::from_number(fields.unsigned(5)?),
        })
    }
}

impl Door {
    /// The number on the wire.
    pub fn number(self) -> u64 {
        match self {
            Self::Browser => 1,
            Self::Portal => 2,
            Self::Hid => 3,
            Self::Cli => 4,
            Self::Provider => 5,
            Self::Other(number) => number,
        }
    }

    /// The name in views, logs and command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Portal => "portal",
            Self::Hid => "hid",
            Self::Cli => "cli",
            Self::Provider => "provider",
            Self::Other(_) => "other",
        }
    }

    fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Browser,
            2 => Self::Portal,
            3 => Self::Hid,
            4 => Self::Cli,
            5 => Self::Provider,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
