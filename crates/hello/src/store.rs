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
//! | 2 | version, 4 |
//! | 3 | generation: how often the file was replaced |
//! | 4 | the highest count given to any evidence |
//! | 5 | when this very file was born: `[seconds, nanoseconds]`, or null where the file system does not know |
//! | 6 | the public evidence key, a `COSE_Key` |
//! | 7 | the protectors, each with its own tries: [`Record`] |
//! | 8 | how often the file was found to have been put back |
//!
//! Files of versions 1 and 2 are [read](earlier); so is version 3, which is this one from before generations were noted beside
//! the file. They become version 4 with the next change of the state.
//!
//! **A file that was put back** (from a backup, or to get tries back) was born at another time than it says if it is a copy, and is
//! older than the generation that is noted beside it if somebody kept the very file; every protector's
//! counter then counts as [`TryCounter::restored`](crate::counter::TryCounter::restored). One that this version does not know is kept as it is, so the file says how
//! often this happened and each protector how many of these times its own tries account for; the version that knows it makes
//! up for the rest. A whole file system that was set back does not show: that is not claimed.

mod durable;
mod earlier;

use claviger_ctap::{
    cbor::{Limits, Map, Value, decode},
    crypto::{Crypto, PublicKey},
};
use claviger_joint::evidence::Method;
use thiserror::Error;

pub(crate) use durable::Durable;

use crate::{
    counter::Moment,
    disk::{self, Birth, DiskError, MAX_BYTES, Medium},
    gesture::Gesture,
    protector::{Protector, RECOVERY_CODE, Record},
};

const FORMAT: &str = "claviger-hello";
const VERSION: u64 = 4;
/// The version before generations were noted beside the file.
const WITHOUT_NOTE: u64 = 3;
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
    /// The highest count given to any evidence.
    pub(crate) evidence_count: u64,
    /// How often the file was found to have been put back.
    pub(crate) copies: u64,
    /// The public evidence key.
    pub(crate) uv_key: PublicKey,
    /// The ways to the user's key, and those of later versions. There is always one for the PIN.
    pub(crate) records: Vec<Record>,
}

impl State {
    /// The protectors that this version uses.
    pub(crate) fn protectors(&self) -> impl Iterator<Item = &Protector> {
        self.records.iter().filter_map(|record| match record {
            Record::Used(protector) => Some(protector.as_ref()),
            Record::Kept(_) => None,
        })
    }

    /// The protector to give this gesture to.
    pub(crate) fn protector_for(&self, gesture: &Gesture) -> Option<&Protector> {
        self.protectors().find(|protector| protector.takes(gesture))
    }

    /// The protector of this method.
    pub(crate) fn protector_mut(&mut self, method: Method) -> Option<&mut Protector> {
        self.protectors_mut().find(|protector| protector.method() == method)
    }

    /// Adds a protector.
    pub(crate) fn add(&mut self, protector: Protector) {
        self.records.push(Record::Used(Box::new(protector)));
    }

    /// Makes the tries of every protector account for a file that was copied back. Says whether there was anything to do.
    pub(crate) fn settle_copies(&mut self, now: Moment) -> bool {
        let copies = self.copies;
        let mut settled = false;
        for protector in self.protectors_mut().filter(|protector| protector.copies < copies) {
            protector.tries = protector.tries.restored(now);
            protector.copies = copies;
            settled = true;
        }
        settled
    }

    fn protectors_mut(&mut self) -> impl Iterator<Item = &mut Protector> {
        self.records.iter_mut().filter_map(|record| match record {
            Record::Used(protector) => Some(protector.as_mut()),
            Record::Kept(_) => None,
        })
    }
}

/// The state on its medium.
pub(crate) struct Store {
    medium: Box<dyn Medium>,
    crypto: &'static dyn Crypto,
    generation: u64,
    /// Whether a generation is noted beside the file.
    has_note: bool,
}

/// What was found when a store was opened.
pub(crate) struct Found {
    /// The state, or `None` when nothing was ever stored here.
    pub(crate) state: Option<State>,
    /// The file is not the one that hello wrote last, but a copy or an older one put in its place.
    pub(crate) restored: bool,
}

impl Store {
    /// Reads what is on the medium.
    pub(crate) fn open(mut medium: Box<dyn Medium>, crypto: &'static dyn Crypto) -> Result<(Self, Found), StoreError> {
        let noted = medium.noted()?;
        let has_note = noted.is_some();
        let Some(disk::Found { bytes, birth }) = medium.read()? else {
            return Ok((
                Self {
                    medium,
                    crypto,
                    generation: 0,
                    has_note,
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
            is_noted,
            state,
        } = parse(crypto, &bytes)?;
        let is_copy = born.is_some() && born != birth;
        let is_older = match noted {
            Some(noted) => noted > generation,
            None => is_noted,
        };
        let found = Found {
            state: Some(state),
            restored: is_copy || is_older,
        };
        Ok((
            Self {
                medium,
                crypto,
                generation,
                has_note,
            },
            found,
        ))
    }

    /// Replaces the state, durably: when this returns, no power cut brings the old one back. On an error either may be there
    /// after a restart, and nothing else.
    pub(crate) fn replace(&mut self, state: &State) -> Result<(), StoreError> {
        if !self.has_note {
            // Before the file: one of this version without a note is taken for one that was put back.
            self.medium.note(self.generation)?;
            self.has_note = true;
        }
        let generation = self.generation.saturating_add(1);
        let born = self.medium.create()?;
        self.medium.fill(&encode(self.crypto, generation, born, state))?;
        self.medium.sync()?;
        self.medium.publish()?;
        self.medium.sync_directory()?;
        self.medium.note(generation)?;
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
    /// Nothing in the file can be opened by what this program takes. Its PIN may be of a kind that a newer one made.
    #[error("hello's file has no PIN that this version can take; it was written by a newer claviger")]
    NoPin,
}

struct Parsed {
    generation: u64,
    born: Option<Birth>,
    /// Whether there has to be a note of its generation.
    is_noted: bool,
    state: State,
}

fn encode(crypto: &dyn Crypto, generation: u64, born: Option<Birth>, state: &State) -> Vec<u8> {
    let born = born.map_or(Value::Null, |born| {
        Value::from(vec![Value::from(born.seconds), Value::from(born.nanoseconds)])
    });
    let map = Map::new()
        .with(1, FORMAT)
        .with(2, VERSION)
        .with(3, generation)
        .with(4, state.evidence_count)
        .with(5, born)
        .with(6, state.uv_key.to_cose())
        .with(7, state.records.iter().map(Record::to_cbor).collect::<Vec<_>>())
        .with(8, state.copies);
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
    match map.int(2).and_then(Value::as_unsigned) {
        Some(version @ (earlier::TYPED_ONLY | earlier::ONE_COUNTER)) => earlier::parse(version, map),
        Some(version @ (WITHOUT_NOTE | VERSION)) => parse_current(map, version == VERSION),
        Some(newer) => Err(StoreError::Version(newer)),
        None => Err(damaged("it names no version")),
    }
}

fn parse_current(map: &Map, is_noted: bool) -> Result<Parsed, StoreError> {
    let damaged = StoreError::Damaged;
    if map.len() != 8 {
        return Err(damaged("it has fields that its version does not have"));
    }
    let records = map
        .int(7)
        .and_then(Value::as_array)
        .ok_or(damaged("the protectors are missing"))?;
    let records = records.iter().map(Record::from_cbor).collect::<Result<_, _>>();
    let state = State {
        evidence_count: number(map, 4)?,
        copies: number(map, 8)?,
        uv_key: uv_key(map.int(6))?,
        records: records.map_err(damaged)?,
    };
    let count = |method| {
        state
            .protectors()
            .filter(|protector| protector.method() == method)
            .count()
    };
    match (count(Method::Pin), count(RECOVERY_CODE)) {
        (1, 0 | 1) => {}
        (0, _) => return Err(StoreError::NoPin),
        _ => return Err(damaged("it has more than one protector of a kind")),
    }
    if state.protectors().any(|protector| protector.copies > state.copies) {
        return Err(damaged("a protector knows of more copies than the file"));
    }
    Ok(Parsed {
        generation: number(map, 3)?,
        born: birth(map.int(5))?,
        is_noted,
        state,
    })
}

fn number(map: &Map, key: i64) -> Result<u64, StoreError> {
    map.int(key)
        .and_then(Value::as_unsigned)
        .ok_or(StoreError::Damaged("a number is missing"))
}

fn uv_key(value: Option<&Value>) -> Result<PublicKey, StoreError> {
    value
        .and_then(|key| PublicKey::from_cose(key).ok())
        .ok_or(StoreError::Damaged("the evidence key is malformed"))
}

fn birth(value: Option<&Value>) -> Result<Option<Birth>, StoreError> {
    let born = match value {
        Some(Value::Null) => return Ok(None),
        Some(Value::Array(items)) => match items.as_slice() {
            [seconds, nanoseconds] => seconds.as_int().zip(nanoseconds.as_unsigned()),
            _ => None,
        },
        _ => None,
    };
    born.and_then(|(seconds, nanoseconds)| {
        let nanoseconds = nanoseconds.try_into().ok()?;
        Some(Some(Birth { seconds, nanoseconds }))
    })
    .ok_or(StoreError::Damaged("the file's birth is malformed"))
}

#[cfg(test)]
mod tests;
