//! largeBlobs: fragments in order, each authorised, the whole checked before it replaces what was there.

use claviger_ctap::authenticator::device::{Numbers, command};
use claviger_ctap::cbor::{Limits, decode};
use claviger_ctap::client_pin::Permissions;
use claviger_ctap::crypto::portable;
use claviger_ctap::large_blobs::{Request, is_intact, sealed};
use claviger_ctap::status::Status;

use crate::bed::{CHANNEL, Key, PIN, Reply, Token, world};

pub fn read(key: &mut Key, count: u64, offset: u64) -> Reply<Vec<u8>> {
    let answer = key.blobs(&Request::get(count, offset))?;
    let map = decode(&answer, &Limits::CTAP).unwrap().into_map().unwrap();
    Ok(map.int(1).unwrap().as_bytes().unwrap().to_vec())
}

fn first(array: &[u8], fragment: &[u8]) -> Request {
    let mut request = Request::set(fragment.to_vec(), 0);
    request.length = u64::try_from(array.len()).ok();
    request
}

fn write(key: &mut Key, array: &[u8], token: Option<&Token>, size: usize) -> Reply<()> {
    let mut offset = 0;
    for fragment in array.chunks(size) {
        let mut request = Request::set(fragment.to_vec(), offset);
        request.length = (offset == 0).then_some(u64::try_from(array.len()).unwrap());
        if let Some(token) = token {
            token.sign_blobs(&mut request);
        }
        assert_eq!(key.blobs(&request)?, []);
        offset += u64::try_from(fragment.len()).unwrap();
    }
    Ok(())
}

fn blobs() -> Vec<u8> {
    sealed(portable(), &[&[0x81, 0x58, 200], [9_u8; 200].as_slice()].concat())
}

#[test]
fn a_new_device_has_an_intact_empty_array() {
    let array = read(&mut Key::new(), 100, 0).unwrap();
    assert_eq!(array, sealed(portable(), &[0x80]));
    assert!(is_intact(portable(), &array));
}

#[test]
fn what_is_written_in_fragments_is_read_in_fragments() {
    for size in [1, 50, 219, 500] {
        let mut key = Key::new();
        write(&mut key, &blobs(), None, size).unwrap();
        let mut all = Vec::new();
        loop {
            let part = read(&mut key, 60, u64::try_from(all.len()).unwrap()).unwrap();
            if part.is_empty() {
                break;
            }
            all.extend(part);
        }
        assert_eq!(all, blobs());
    }
}

#[test]
fn with_a_pin_every_fragment_needs_a_token_for_it() {
    let mut key = Key::with_pin();
    assert_eq!(write(&mut key, &blobs(), None, 100), Err(Status::PuatRequired));
    let token = key.token(PIN, Permissions::CREDENTIAL_MANAGEMENT, None).unwrap();
    assert_eq!(
        write(&mut key, &blobs(), Some(&token), 100),
        Err(Status::PinAuthInvalid)
    );
    let token = key.token(PIN, Permissions::LARGE_BLOB_WRITE, None).unwrap();
    write(&mut key, &blobs(), Some(&token), 100).unwrap();
    // The MAC covers the offset and the fragment.
    let array = blobs();
    let mut request = first(&array, &array[..100]);
    token.sign_blobs(&mut request);
    request.set = Some(array[1..101].to_vec());
    assert_eq!(key.blobs(&request).err(), Some(Status::PinAuthInvalid));
    assert_eq!(read(&mut key, 500, 0).unwrap(), array);
}

#[test]
fn a_token_for_blobs_outlives_an_operation() {
    let mut key = Key::with_pin();
    let both = Permissions::MAKE_CREDENTIAL | Permissions::LARGE_BLOB_WRITE;
    let token = key.token(PIN, both, Some(crate::bed::RP)).unwrap();
    let mut request = crate::bed::make(b"alice");
    token.sign_make(&mut request);
    key.make(&request).unwrap();
    write(&mut key, &blobs(), Some(&token), 100).unwrap();
}

#[test]
fn a_damaged_or_broken_off_write_changes_nothing() {
    let mut key = Key::new();
    write(&mut key, &blobs(), None, 500).unwrap();
    let mut damaged = blobs();
    damaged[3] ^= 1;
    assert_eq!(write(&mut key, &damaged, None, 100), Err(Status::IntegrityFailure));
    let array = blobs();
    let next = Request::set(array[100..].to_vec(), 100);
    key.blobs(&first(&array, &array[..100])).unwrap();
    key.device.power_cycle().unwrap();
    assert_eq!(key.blobs(&next).err(), Some(Status::InvalidSeq));
    key.blobs(&first(&array, &array[..100])).unwrap();
    let message = [&[command::LARGE_BLOBS], next.to_cbor().as_slice()].concat();
    assert_eq!(key.raw_on(CHANNEL + 1, &message).err(), Some(Status::InvalidSeq));
    key.blobs(&first(&array, &array[..100])).unwrap();
    let gap = Request::set(array[101..].to_vec(), 101);
    assert_eq!(key.blobs(&gap).err(), Some(Status::InvalidSeq));
    assert_eq!(read(&mut key, 500, 0).unwrap(), array);
}

#[test]
fn a_write_goes_on_after_other_commands_a_new_token_and_refused_fragments() {
    let mut key = Key::with_pin();
    let token = |key: &mut Key| key.token(PIN, Permissions::LARGE_BLOB_WRITE, None).unwrap();
    let old = read(&mut key, 500, 0).unwrap();
    let array = blobs();
    let by = token(&mut key);
    let mut request = first(&array, &array[..100]);
    by.sign_blobs(&mut request);
    key.blobs(&request).unwrap();

    // What was there is read until the new array is whole.
    assert_eq!(read(&mut key, 500, 0).unwrap(), old);
    key.info();
    let mut gap = Request::set(array[101..].to_vec(), 101);
    by.sign_blobs(&mut gap);
    assert_eq!(key.blobs(&gap).err(), Some(Status::InvalidSeq));
    let mut next = Request::set(array[100..].to_vec(), 100);
    assert_eq!(key.blobs(&next).err(), Some(Status::PuatRequired));
    let mut longer = Request::set([&array[100..], [0].as_slice()].concat(), 100);
    by.sign_blobs(&mut longer);
    assert_eq!(key.blobs(&longer).err(), Some(Status::InvalidParameter));

    token(&mut key).sign_blobs(&mut next);
    key.blobs(&next).unwrap();
    assert_eq!(read(&mut key, 500, 0).unwrap(), array);
    // It is over: there is nothing to go on with.
    token(&mut key).sign_blobs(&mut next);
    assert_eq!(key.blobs(&next).err(), Some(Status::InvalidSeq));
}

#[test]
fn a_new_first_fragment_begins_the_array_anew() {
    let mut key = Key::new();
    let array = blobs();
    key.blobs(&first(&array, &array[..100])).unwrap();
    key.blobs(&first(&array, &array[..50])).unwrap();
    let next = |from: u8| Request::set(array[usize::from(from)..].to_vec(), from.into());
    assert_eq!(key.blobs(&next(100)).err(), Some(Status::InvalidSeq));
    key.blobs(&next(50)).unwrap();
    assert_eq!(read(&mut key, 500, 0).unwrap(), array);
}

#[test]
fn a_refused_first_fragment_ends_what_was_being_written_too() {
    let mut key = Key::with_pin();
    let array = blobs();
    let token = key.token(PIN, Permissions::LARGE_BLOB_WRITE, None).unwrap();
    let signed = |mut request: Request| {
        token.sign_blobs(&mut request);
        request
    };
    let unsigned = first(&array, &array[..50]);
    let mut too_long = signed(unsigned.clone());
    too_long.length = Some(40);
    for (refused, status) in [(unsigned, Status::PuatRequired), (too_long, Status::InvalidParameter)] {
        key.blobs(&signed(first(&array, &array[..50]))).unwrap();
        assert_eq!(key.blobs(&refused).err(), Some(status));
        let rest = signed(Request::set(array[50..].to_vec(), 50));
        assert_eq!(key.blobs(&rest).err(), Some(Status::InvalidSeq));
    }
}

#[test]
fn each_bad_request_has_its_status() {
    let numbers = Numbers {
        max_message_bytes: 1100,
        max_name_bytes: 64,
        ..Numbers::default()
    };
    let array = blobs();
    let with_length = |mut request: Request, length: Option<u64>| {
        request.length = length;
        request
    };
    let mut without_offset = Request::get(1, 0);
    without_offset.offset = None;
    let mut both = Request::get(1, 0);
    both.set = Some(vec![1]);
    let mut neither = Request::get(1, 0);
    neither.get = None;
    let mut signed_get = Request::get(1, 0);
    signed_get.pin_uv_auth_param = Some(vec![0; 32]);
    let rows = [
        (Status::InvalidParameter, without_offset),
        (Status::InvalidParameter, both),
        (Status::InvalidParameter, neither),
        (Status::InvalidParameter, signed_get),
        (Status::InvalidParameter, with_length(Request::get(1, 0), Some(1))),
        (Status::InvalidLength, Request::get(1037, 0)),
        (Status::InvalidParameter, Request::get(1, 18)),
        (
            Status::InvalidLength,
            with_length(Request::set(vec![0; 1037], 0), Some(2000)),
        ),
        (Status::InvalidParameter, Request::set(array.clone(), 0)),
        (
            Status::InvalidParameter,
            with_length(Request::set(array.clone(), 5), Some(300)),
        ),
        (
            Status::LargeBlobStorageFull,
            with_length(Request::set(array.clone(), 0), Some(4097)),
        ),
        (
            Status::InvalidParameter,
            with_length(Request::set(vec![0; 16], 0), Some(16)),
        ),
        (
            Status::InvalidParameter,
            with_length(Request::set(array.clone(), 0), Some(100)),
        ),
        (Status::InvalidSeq, Request::set(array, 1)),
    ];
    for (status, request) in rows {
        let mut key = Key::with(world(), numbers);
        assert_eq!(key.blobs(&request).err(), Some(status), "{request:?}");
        read(&mut key, 1036, 0).unwrap();
    }
}
