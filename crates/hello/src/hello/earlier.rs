//! Files of earlier versions, from `tests/fixtures/`: each opens, with its tries, its counts and its secrets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use claviger_ctap::crypto::native;
use claviger_joint::evidence;

use super::*;
use crate::{
    counter::TryPolicy,
    disk::{Birth, DiskError, Found},
    hello::tests::{Bed, RIGHT, TestClock, WRONG, expected, operation, pin, refused, request, vault_secret},
};
use claviger_pin::ClientPin;

const OPEN: &[u8] = include_bytes!("../../tests/fixtures/3989857-open.state");
const WAITING: &[u8] = include_bytes!("../../tests/fixtures/3989857-waiting.state");
/// When the two files of 3989857 were born, as they say themselves.
const OPEN_BIRTH: Birth = Birth {
    seconds: 1_795_702_752,
    nanoseconds: 467_206_713,
};
const WAITING_BIRTH: Birth = Birth {
    seconds: 1_795_702_753,
    nanoseconds: 735_206_758,
};
/// The secret with which the hello of 3989857 unlocked the vault.
const SECRET: [u8; 32] = [
    101, 29, 19, 43, 36, 88, 136, 20, 131, 198, 234, 172, 201, 94, 64, 124, 117, 140, 154, 158, 95, 164, 146, 227, 136,
    85, 141, 203, 65, 192, 1, 62,
];

/// A disk on which a file lies where and since when hello wrote it. What is written later stays in memory.
#[derive(Debug)]
struct Untouched(Found, Vec<u8>);

impl Medium for Untouched {
    fn read(&mut self) -> Result<Option<Found>, DiskError> {
        Ok(Some(Found {
            bytes: self.0.bytes.clone(),
            birth: self.0.birth,
        }))
    }

    fn create(&mut self) -> Result<Option<Birth>, DiskError> {
        Ok(self.0.birth)
    }

    fn fill(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.1 = bytes.to_vec();
        Ok(())
    }

    fn sync(&mut self) -> Result<(), DiskError> {
        Ok(())
    }

    fn publish(&mut self) -> Result<(), DiskError> {
        self.0.bytes.clone_from(&self.1);
        Ok(())
    }

    fn sync_directory(&mut self) -> Result<(), DiskError> {
        Ok(())
    }

    fn note(&mut self, _generation: u64) -> Result<(), DiskError> {
        Ok(())
    }

    fn noted(&mut self) -> Result<Option<u64>, DiskError> {
        Ok(None)
    }
}

fn untouched(bytes: &[u8], birth: Birth, clock: &Arc<TestClock>) -> Hello {
    let found = Found {
        bytes: bytes.to_vec(),
        birth: Some(birth),
    };
    Hello::open_medium(Box::new(Untouched(found, Vec::new())), clock.clone(), native()).unwrap()
}

#[test]
fn a_file_of_3989857_opens_with_its_key_and_its_counts() {
    let clock = Arc::new(TestClock::default());
    let hello = untouched(OPEN, OPEN_BIRTH, &clock);
    let status = hello.status();
    let pin_status = status.pin().unwrap();
    assert_eq!(
        (status.client_pin, pin_status.tries_left, pin_status.wait_ms),
        (true, 10, 0)
    );
    let uv_key = hello.uv_key().unwrap();
    assert_eq!(vault_secret(&hello, RIGHT), SECRET);
    let bytes = hello.verify(pin(RIGHT), &request(1)).unwrap().evidence.unwrap();
    let operation = operation(1);
    // Three were given before, and a provider that saw them takes nothing below four.
    evidence::verify(native(), &bytes, &uv_key, &expected(&operation), &mut 3).unwrap();
    hello.verify_client_pin(ClientPin::of(native(), &pin(RIGHT))).unwrap();
}

#[test]
fn a_file_of_3989857_keeps_its_wrong_pins_and_its_wait() {
    let clock = Arc::new(TestClock::default());
    clock.advance(1_000);
    let hello = untouched(WAITING, WAITING_BIRTH, &clock);
    let wait = |wait_ms| NotVerified::Wait { tries_left: 6, wait_ms };
    assert_eq!(refused(hello.verify(pin(RIGHT), &request(1))), wait(30_000));
    clock.advance(29_999);
    assert_eq!(
        refused(hello.verify_client_pin(ClientPin::of(native(), &pin(RIGHT)))),
        wait(1)
    );
    clock.advance(1);
    assert!(matches!(
        refused(hello.verify(pin(WRONG), &request(1))),
        NotVerified::WrongPin {
            tries_left: 5,
            wait_ms: 60_000
        }
    ));
    clock.advance(60_000);
    assert_eq!(vault_secret(&hello, RIGHT), SECRET);
    assert_eq!(hello.status().pin().unwrap().tries_left, TryPolicy::PIN.max_failures);
}

#[test]
fn a_copied_file_of_3989857_has_the_longest_wait_and_then_opens() {
    use std::{
        fs,
        io::Write,
        os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    };

    let bed = Bed::new();
    fs::DirBuilder::new().mode(0o700).create(bed.path()).unwrap();
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(bed.path().join("hello.state")).unwrap();
    file.write_all(OPEN).unwrap();
    let hello = bed.open();
    let longest = NotVerified::Wait {
        tries_left: 2,
        wait_ms: 3_600_000,
    };
    assert_eq!(refused(hello.verify(pin(RIGHT), &request(1))), longest);
    bed.clock.advance(3_600_000);
    assert_eq!(vault_secret(&hello, RIGHT), SECRET);
    drop(hello);
    assert_eq!(
        bed.open().status().pin().unwrap().tries_left,
        TryPolicy::PIN.max_failures
    );
}
