//! `authenticatorLargeBlobs` (CTAP 2.1 §6.10): one array of encrypted blobs, read and written in fragments.

use super::{Answer, Device, DeviceStore, Environment, Fault, command, refuse};
use crate::authenticator::Error;
use crate::authenticator::token::Param;
use crate::cbor::{Map, Value};
use crate::client_pin::Permissions;
use crate::large_blobs::{Request, TRAILER, is_intact};
use crate::status::Status;

/// What the array is before anybody writes it: an empty CBOR array, and the first half of its SHA-256.
const EMPTY: [u8; 17] = [
    0x80, 0x76, 0xbe, 0x8b, 0x52, 0x8d, 0x00, 0x75, 0xf7, 0xaa, 0xe9, 0x8d, 0x6f, 0xa5, 0x7a, 0x6d, 0x3c,
];

/// An array of which some fragments have come (§6.10.2, `expectedLength` and `expectedNextOffset`).
///
/// It is not among what other commands end: the specification ends it at a power cycle and at the next first fragment
/// only, and a platform may fetch a new token, read, or send a refused fragment again before it goes on.
pub(super) struct Fragments {
    /// The client that writes it.
    channel: u32,
    /// What it has announced.
    length: usize,
    array: Vec<u8>,
}

impl<E: Environment> Device<E> {
    pub(super) fn large_blobs(&mut self, channel: u32, parameters: &[u8]) -> Answer<E> {
        let request = Request::from_cbor_within(parameters, &self.limits())?;
        // 1. An offset. 2, 3. Either get or set.
        let Some(offset) = request.offset.and_then(|offset| usize::try_from(offset).ok()) else {
            return refuse(Status::InvalidParameter, "no offset, or one out of reach");
        };
        match (request.get, &request.set) {
            (Some(count), None) => self.read_blobs(&request, offset, count),
            (None, Some(fragment)) => self.write_blobs(channel, &request, offset, fragment),
            _ => refuse(Status::InvalidParameter, "neither get nor set, or both"),
        }
    }

    /// 4. Reading needs no verification: the blobs are encrypted.
    fn read_blobs(&self, request: &Request, offset: usize, count: u64) -> Answer<E> {
        if request.length.is_some() || request.pin_uv_auth_param.is_some() || request.pin_uv_auth_protocol.is_some() {
            return refuse(Status::InvalidParameter, "a member of set in a get");
        }
        let Some(count) = usize::try_from(count).ok().filter(|n| *n <= self.max_fragment()) else {
            return refuse(Status::InvalidLength, "a longer fragment than a message carries");
        };
        let stored = self.environment.store().load_large_blobs().map_err(Error::Store)?;
        let array = stored.as_deref().unwrap_or(&EMPTY);
        let Some(rest) = array.get(offset..) else {
            return refuse(Status::InvalidParameter, "an offset behind the end");
        };
        let fragment = rest.get(..count).unwrap_or(rest);
        Ok(Value::from(Map::new().with(1, fragment)).encode())
    }

    /// 5. Writing: fragments in order, each authorised, the whole checked before it is kept.
    fn write_blobs(&mut self, channel: u32, request: &Request, offset: usize, fragment: &[u8]) -> Answer<E> {
        if fragment.len() > self.max_fragment() {
            return refuse(Status::InvalidLength, "a longer fragment than a message carries");
        }
        // 5.4, 5.5. The first fragment tells the length of the whole; the others follow it without a gap.
        let length = match (offset, request.length) {
            (0, Some(length)) => self.acceptable_length(length)?,
            (0, None) => return refuse(Status::InvalidParameter, "the first fragment without a length"),
            (_, Some(_)) => return refuse(Status::InvalidParameter, "a length in a later fragment"),
            (_, None) => match &self.fragments {
                Some(so_far) if so_far.channel == channel && so_far.array.len() == offset => so_far.length,
                _ => return refuse(Status::InvalidSeq, "not the next fragment"),
            },
        };
        if offset == 0 {
            // The array that was being written has been given up, even if this fragment is refused.
            self.fragments = None;
        }
        // 5.6. If the user can be verified, they must have been.
        self.authorize_fragment(request, offset, fragment)?;
        // 5.7. Not more than was announced.
        if offset.saturating_add(fragment.len()) > length {
            return refuse(Status::InvalidParameter, "more than was announced");
        }
        let mut array = self.fragments.take().map(|so_far| so_far.array).unwrap_or_default();
        array.extend_from_slice(fragment);
        if array.len() < length {
            self.fragments = Some(Fragments { channel, length, array });
            return Ok(Vec::new());
        }
        // 5.8. Complete: check it, keep it.
        if !is_intact(self.crypto(), &array) {
            return refuse(Status::IntegrityFailure, "the array does not end with its own hash");
        }
        let store = self.environment.store_mut();
        store.save_large_blobs(&array).map_err(Error::Store)?;
        Ok(Vec::new())
    }

    fn acceptable_length(&self, length: u64) -> Result<usize, Fault<E>> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > self.numbers.max_large_blob_bytes {
            return refuse(Status::LargeBlobStorageFull, "no room for these blobs");
        }
        if length <= TRAILER {
            return refuse(Status::InvalidParameter, "an array shorter than its hash");
        }
        Ok(length)
    }

    fn authorize_fragment(&mut self, request: &Request, offset: usize, fragment: &[u8]) -> Result<(), Fault<E>> {
        if !self.protected() && !self.state.always_uv {
            return Ok(());
        }
        let param = Param::require(request.pin_uv_auth_param.as_deref(), request.pin_uv_auth_protocol)?;
        let offset = u32::try_from(offset).unwrap_or(u32::MAX).to_le_bytes();
        let hash = self.crypto().sha256(&[fragment]);
        let parts: [&[u8]; 4] = [&[0xff; 32], &[command::LARGE_BLOBS, 0], &offset, &hash];
        self.check_token(param, &parts, Permissions::LARGE_BLOB_WRITE)?;
        Ok(())
    }

    /// `maxFragmentLength` (§6.10): what leaves room for the rest of a message.
    fn max_fragment(&self) -> usize {
        self.numbers.max_message_bytes - 64
    }
}
