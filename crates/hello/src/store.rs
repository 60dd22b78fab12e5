//! What hello remembers between its runs, and how it is written down.
//!
//! One canonical CBOR map followed by its SHA-256, in one file that is only ever replaced as a whole. The checksum is against
//! broken disks: a file with any bit changed is refused, never read as more tries. It is no protection against a program of
//! the same user; nothing in such a file can be, and `SECURITY.md` says so (software tier). What such a program cannot do is
//! sign evidence or unlock a provider, because the keys for that are wrapped by the PIN.
//!
//! | key | value |
//! |---|---|
//! | 1 | the text `claviger-hello` |
//! | 2 | version, 1 or 2 |
//! | 3 | generation: how often the file was replaced |
//! | 4 | wrong PINs in a row, 0 to 10 |
//! | 5 | when the last try was spent: `[boot id, milliseconds since boot]`, or null |
//! | 6 | the highest count given to any evidence |
//! | 7 | when this very file was born: `[seconds, nanoseconds]`, or null where the file system does not know |
//! | 8 | the public evidence key, a `COSE_Key` |
//! | 9 | the protectors: for the PIN as typed and, in version 2, for the PIN as CTAP clients give it |
//!
//! Version 1 is what was written before there was a second protector. It is read, and written as long as nobody has given the
//! PIN from which the second one could be made; the next right PIN turns it into version 2.
//!
//! **A file that was copied back** (from a backup, or to get tries back) was born at another time than it says; the counter then
//! counts as [`TryCounter::restored`]. A whole file system that was set back does not show: that is not claimed.

use claviger_ctap::{
    cbor::{Limits, Map, Value, decode},
    crypto::{Crypto, PublicKey},
};
use thiserror::Error;

use crate::{
    counter::{Moment, TryCounter},
    disk::{self, Birth, DiskError, MAX_BYTES, Medium},
    protector::{Form, Protector},
};

const FORMAT: &str = "claviger-hello";
const WITHOUT_CLIENT_PIN: u64 = 1;
const VERSION: u64 = 2;
const CHECKSUM: usize = 32;
const LIMITS: Limits = Limits {
    max_bytes: MAX_BYTES - CHECKSUM,
    max_depth: 5,
    max_items: 512,
    other_simple: false,
};

/// Everything that is remembered about one user.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// Tries spent.
    pub(crate) tries: TryCounter,
    /// The highest count given to any evidence.
    pub(crate) evidence_count: u64,
    /// The public evidence key.
    pub(crate) uv_key: PublicKey,
    /// The ways to the user's key.
    pub(crate) protectors: Vec<Protector>,
}

impl State {
    /// The protector that takes this form of the PIN.
    pub(crate) fn protector(&self, form: Form) -> Option<&Protector> {
        self.protectors.iter().find(|protector| protector.form() == form)
    }

    /// Whether the PIN can be given as CTAP clients give it.
    pub(crate) fn takes_client_pin(&self) -> bool {
        self.protector(Form::Client).is_some()
    }
}

/// The state on its medium.
pub(crate) struct Store {
    medium: Box<dyn Medium>,
    crypto: &'static dyn Crypto,
    generation: u64,
}

/// What was found when a store was opened.
pub(crate) struct Found {
    /// The state, or `None` when nothing was ever stored here.
    pub(crate) state: Option<State>,
    /// The file is not the one that hello wrote, but a copy put in its place.
    pub(crate) restored: bool,
}

impl Store {
    /// Reads what is on the medium.
    pub(crate) fn open(mut medium: Box<dyn Medium>, crypto: &'static dyn Crypto) -> Result<(Self, Found), StoreError> {
        let Some(disk::Found { bytes, birth }) = medium.read()? else {
            return Ok((
                Self {
                    medium,
                    crypto,
                    generation: 0,
                },
                Found {
                    state: None,
                    restored: false,
                },
            ));
        };
        let Parsed {
            generation,
            born,
            state,
        } = parse(crypto, &bytes)?;
        let found = Found {
            state: Some(state),
            restored: born.is_some() && born != birth,
        };
        Ok((
            Self {
                medium,
                crypto,
                generation,
            },
            found,
        ))
    }

    /// Replaces the state, durably: when this returns, no power cut brings the old one back. On an error either may be there
    /// after a restart, and nothing else.
    pub(crate) fn replace(&mut self, state: &State) -> Result<(), StoreError> {
        let generation = self.generation.saturating_add(1);
        let born = self.medium.create()?;
        self.medium.fill(&encode(self.crypto, generation, born, state))?;
        self.medium.sync()?;
        self.medium.publish()?;
        self.medium.sync_directory()?;
        self.generation = generation;
        Ok(())
    }
}

/// Why the state cannot be read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file or directory cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The file was damaged or edited. There is no guessing what it said.
    #[error("hello's file is damaged: {0}")]
    Damaged(&'static str),
    /// The file is of a version that this program does not know.
    #[error("hello's file is of version {0}, written by a newer claviger")]
    Version(u64),
}

struct Parsed {
    generation: u64,
    born: Option<Birth>,
    state: State,
}

fn encode(crypto: &dyn Crypto, generation: u64, born: Option<Birth>, state: &State) -> Vec<u8> {
    let last = state.tries.last().map_or(Value::Null, |last| {
        Value::from(vec![Value::from(last.boot), Value::from(last.since_boot_ms)])
    });
    let born = born.map_or(Value::Null, |born| {
        Value::from(vec![Value::from(born.seconds), Value::from(born.nanoseconds)])
    });
    let version = if state.takes_client_pin() {
        VERSION
    } else {
        WITHOUT_CLIENT_PIN
    };
    let map = Map::new()
        .with(1, FORMAT)
        .with(2, version)
        .with(3, generation)
        .with(4, state.tries.failures())
        .with(5, last)
        .with(6, state.evidence_count)
        .with(7, born)
        .with(8, state.uv_key.to_cose())
        .with(9, state.protectors.iter().map(Protector::to_cbor).collect::<Vec<_>>());
    let mut bytes = Value::from(map).encode();
    let checksum = crypto.sha256(&[&bytes]);
    bytes.extend_from_slice(&checksum);
    bytes
}

fn parse(crypto: &dyn Crypto, bytes: &[u8]) -> Result<Parsed, StoreError> {
    let damaged = StoreError::Damaged;
    let split = bytes.len().checked_sub(CHECKSUM).ok_or(damaged("it is too short"))?;
    let (content, checksum) = bytes.split_at_checked(split).ok_or(damaged("it is too short"))?;
    if crypto.sha256(&[content]) != checksum {
        return Err(damaged("its checksum does not fit"));
    }
    let value = decode(content, &LIMITS).map_err(|_| damaged("it is not canonical CBOR"))?;
    let map = value.as_map().ok_or(damaged("it is not a map"))?;
    if map.int(1).and_then(Value::as_text) != Some(FORMAT) {
        return Err(damaged("it is another program's"));
    }
    let forms: &[Form] = match map.int(2).and_then(Value::as_unsigned) {
        Some(WITHOUT_CLIENT_PIN) => &[Form::Typed],
        Some(VERSION) => &[Form::Typed, Form::Client],
        Some(newer) => return Err(StoreError::Version(newer)),
        None => return Err(damaged("it names no version")),
    };
    if map.len() != 9 {
        return Err(damaged("it has fields that its version does not have"));
    }
    let number = |key| {
        map.int(key)
            .and_then(Value::as_unsigned)
            .ok_or(damaged("a number is missing"))
    };
    let failures = u8::try_from(number(4)?).map_err(|_| damaged("the try counter is impossible"))?;
    let last = optional_pair(map.int(5), |boot, since| {
        Some(Moment {
            boot: boot.as_bytes()?.try_into().ok()?,
            since_boot_ms: since.as_unsigned()?,
        })
    });
    let last = last.ok_or(damaged("the time of the last try is malformed"))?;
    let born = optional_pair(map.int(7), |seconds, nanoseconds| {
        Some(Birth {
            seconds: seconds.as_int()?,
            nanoseconds: nanoseconds.as_unsigned()?.try_into().ok()?,
        })
    });
    let uv_key = map.int(8).and_then(|key| PublicKey::from_cose(key).ok());
    let protectors = map
        .int(9)
        .and_then(Value::as_array)
        .ok_or(damaged("the protectors are missing"))?;
    let protectors = protectors
        .iter()
        .map(Protector::from_cbor)
        .collect::<Result<Vec<_>, _>>()
        .map_err(damaged)?;
    if !protectors.iter().map(Protector::form).eq(forms.iter().copied()) {
        return Err(damaged("it has not the protectors that its version has"));
    }
    Ok(Parsed {
        generation: number(3)?,
        born: born.ok_or(damaged("the file's birth is malformed"))?,
        state: State {
            tries: TryCounter::from_parts(failures, last).ok_or(damaged("the try counter is impossible"))?,
            evidence_count: number(6)?,
            uv_key: uv_key.ok_or(damaged("the evidence key is malformed"))?,
            protectors,
        },
    })
}

/// Null, or an array of two that `read` understands. The outer `None` is "neither".
#[allow(clippy::option_option)]
fn optional_pair<T>(value: Option<&Value>, read: impl FnOnce(&Value, &Value) -> Option<T>) -> Option<Option<T>> {
    match value? {
        Value::Null => Some(None),
        Value::Array(items) => match items.as_slice() {
            [first, second] => read(first, second).map(Some),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests;
