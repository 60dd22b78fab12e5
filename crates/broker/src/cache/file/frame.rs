//! The file as a row of sealed frames, each of which is a change of the list: those that the file was made of, and those that were
//! added to it since.
//!
//! ```text
//! file   "claviger-cache-2" (16) ‖ random (16) ‖ frames
//! frame  length of what follows (u32, big endian) ‖ nonce (24) ‖ XChaCha20-Poly1305 of a change
//! ```
//!
//! Associated data: the first 32 bytes of the file, the place of the frame in it (u64, big endian), the provider's id. So no frame
//! stands for another. A file that was cut between two frames that were added is an older one, and costs what an older one costs.

use std::io;

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use claviger_ctap::cbor::{self, Map, Value};
use claviger_ctap::crypto::Crypto;
use claviger_ctap::types::CredentialId;
use claviger_joint::ProviderId;
use zeroize::Zeroizing;

use super::FILE_LIMITS;
use crate::cache::credentials::Credentials;
use crate::cache::record::Record;

/// How a file begins.
pub(super) const MAGIC: &[u8; 16] = b"claviger-cache-2";

/// What a file has before its frames.
pub(super) const HEADER: usize = 32;

/// As many bytes of records go into a frame, and the last one whole.
const FULL: usize = 64 * 1024;

const LENGTH: usize = 4;
const NONCE: usize = 24;
const TAG: usize = 16;

/// A change of a list.
#[derive(Default)]
pub(super) struct Change {
    /// The generation of the list afterwards.
    pub(super) generation: u64,
    /// Credentials as they are now.
    pub(super) records: Vec<Record>,
    /// What is known of credentials that the provider's list left out.
    pub(super) dropped: Vec<Record>,
    /// Credentials of which nothing is known any more.
    pub(super) forgotten: Vec<CredentialId>,
}

/// What a row of frames comes to.
#[derive(Default)]
pub(super) struct List {
    pub(super) generation: u64,
    pub(super) credentials: Credentials,
    /// How many records and ids the frames have.
    pub(super) changes: usize,
    /// Whether the last frame was cut off while it was written.
    pub(super) is_torn: bool,
}

/// Seals and opens the frames of one file.
pub(super) struct Frames<'a> {
    cipher: XChaCha20Poly1305,
    header: [u8; HEADER],
    provider: &'a ProviderId,
}

impl<'a> Frames<'a> {
    /// Those of the file that begins with `header`.
    pub(super) fn new(key: &[u8; 32], header: [u8; HEADER], provider: &'a ProviderId) -> Self {
        Self {
            cipher: XChaCha20Poly1305::new(key.into()),
            header,
            provider,
        }
    }

    /// Writes a change from `place` on, in as many frames as it takes, each at once.
    pub(super) fn write(
        &self,
        crypto: &dyn Crypto,
        mut place: u64,
        change: &Change,
        file: &mut impl io::Write,
    ) -> io::Result<()> {
        for plain in change.encode() {
            let frame = self.seal(crypto, place, &plain)?;
            file.write_all(&frame)?;
            place += frame.len() as u64;
        }
        Ok(())
    }

    /// Reads all frames of a file, whose header is not among `bytes`. `None` unless all of them are what was written, but for a last
    /// one that is not whole.
    pub(super) fn read(&self, mut bytes: &[u8]) -> Option<List> {
        let (mut list, mut place, mut goes_on) = (List::default(), HEADER as u64, true);
        while let Some((length, rest)) = bytes.split_first_chunk::<LENGTH>() {
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            // After a power cut the file may be longer than what was written to it.
            let Some((sealed, rest)) = rest.split_at_checked(length).filter(|_| length > 0) else {
                break;
            };
            goes_on = list.apply(&self.open(place, sealed)?)?;
            place += (LENGTH + length) as u64;
            bytes = rest;
        }
        list.is_torn = !bytes.is_empty();
        (!goes_on).then_some(list)
    }

    fn seal(&self, crypto: &dyn Crypto, place: u64, plain: &[u8]) -> io::Result<Vec<u8>> {
        let mut nonce = [0; NONCE];
        crypto.random(&mut nonce).map_err(io::Error::other)?;
        let length = u32::try_from(NONCE + plain.len() + TAG).map_err(io::Error::other)?;
        let mut frame = Vec::with_capacity(LENGTH + NONCE + plain.len() + TAG);
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(&nonce);
        frame.extend_from_slice(plain);
        let (_, text) = frame.split_at_mut(LENGTH + NONCE);
        let tag = self
            .cipher
            .encrypt_inout_detached(&nonce.into(), &self.associated(place), text.into())
            .map_err(|_| io::ErrorKind::FileTooLarge)?;
        frame.extend_from_slice(&tag);
        Ok(frame)
    }

    fn open(&self, place: u64, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
        let (text, tag) = rest.split_last_chunk::<TAG>()?;
        let mut plain = Zeroizing::new(text.to_vec());
        self.cipher
            .decrypt_inout_detached(
                nonce.into(),
                &self.associated(place),
                plain.as_mut_slice().into(),
                tag.into(),
            )
            .ok()?;
        Some(plain)
    }

    fn associated(&self, place: u64) -> Vec<u8> {
        let provider = self.provider.as_str().as_bytes();
        [self.header.as_slice(), &place.to_be_bytes(), provider].concat()
    }
}

impl Change {
    /// Parts of at most about [`FULL`] bytes, at least one: the canonical CBOR map {1: generation, 2: how many records, 3: how many that
    /// the list left out, 4: [ids of which nothing is known any more], 5: whether more of the change follows}, and then these records.
    fn encode(&self) -> impl Iterator<Item = Zeroizing<Vec<u8>>> {
        let (mut records, mut dropped) = (self.records.as_slice(), self.dropped.as_slice());
        let mut forgotten = Some(&self.forgotten);
        std::iter::from_fn(move || {
            let forgotten = match forgotten.take() {
                None if records.is_empty() && dropped.is_empty() => return None,
                forgotten => forgotten.into_iter().flatten(),
            };
            let mut room = FULL;
            let now = fill(&mut room, &mut records);
            let then = fill(&mut room, &mut dropped);
            let head = Map::new()
                .with(1, self.generation)
                .with(2, now.len() as u64)
                .with(3, then.len() as u64)
                .with(4, forgotten.map(|id| id.as_bytes().into()).collect::<Vec<Value>>())
                .with(5, !(records.is_empty() && dropped.is_empty()));
            let mut plain = Zeroizing::new(Value::from(head).encode());
            for record in now.iter().chain(then) {
                plain.extend_from_slice(record.as_bytes());
            }
            Some(plain)
        })
    }
}

/// The records that there is room for, taken from the front of the list.
fn fill<'a>(room: &mut usize, records: &mut &'a [Record]) -> &'a [Record] {
    let fitting = records.iter().take_while(|record| {
        let fits = *room > 0;
        *room = room.saturating_sub(record.as_bytes().len());
        fits
    });
    let (now, later) = records.split_at(fitting.count());
    *records = later;
    now
}

impl List {
    /// Takes in one part of a change. Says whether more of it follows; `None` when it is none.
    fn apply(&mut self, plain: &[u8]) -> Option<bool> {
        let (head, mut rest) = cbor::decode_prefix(plain, &FILE_LIMITS).ok()?;
        let head = head.as_map()?;
        self.generation = head.int(1)?.as_unsigned()?;
        for id in head.int(4)?.as_array()? {
            self.credentials.forget(id.as_bytes()?);
            self.changes += 1;
        }
        let mut next = || {
            let (record, after) = Record::read(rest)?;
            rest = after;
            self.changes += 1;
            Some(record)
        };
        for _ in 0..head.int(2)?.as_unsigned()? {
            self.credentials.put(next()?);
        }
        for _ in 0..head.int(3)?.as_unsigned()? {
            let record = next()?;
            self.credentials.forget(record.id());
            self.credentials.put_dropped(record);
        }
        rest.is_empty().then_some(head.int(5)?.as_bool()?)
    }
}
