//! Tests of the core with the real key derivation and file, and a clock that only moves when told to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{
    fmt, fs,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_ctap::crypto::native;
use claviger_joint::{
    ProviderId,
    evidence::{self, Expected, Method, Purpose, Tier},
    operation::Operation,
    unlock::UnlockKey,
};
use tempfile::TempDir;

use super::*;
use crate::{
    counter::{Moment, TryPolicy},
    disk::next_tick,
    verification::{EvidenceScope, UnlockTarget},
};

pub(super) const RIGHT: &str = "zebra-94";
pub(super) const WRONG: &str = "zebra-95";
const NOW: u64 = 1_800_000_000_000;
/// Counts begin at the clock's microseconds.
pub(super) const FIRST_COUNT: u64 = NOW * 1000;

/// Stands still until it is moved.
#[derive(Debug, Default)]
pub(super) struct TestClock(AtomicU64);

impl TestClock {
    pub(super) fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn moment(&self) -> Moment {
        Moment {
            boot: [1; 16],
            since_boot_ms: self.0.load(Ordering::SeqCst),
        }
    }

    fn unix_ms(&self) -> u64 {
        NOW + self.0.load(Ordering::SeqCst)
    }
}

pub(super) struct Bed {
    directory: TempDir,
    pub(super) clock: Arc<TestClock>,
}

impl Bed {
    pub(super) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: Arc::default(),
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().join("hello")
    }

    pub(super) fn open(&self) -> Hello {
        Hello::open_with(&self.path(), self.clock.clone(), native()).unwrap()
    }

    pub(super) fn with_pin() -> (Self, Hello) {
        let bed = Self::new();
        let hello = bed.open();
        hello.set_pin(&pin(RIGHT)).unwrap();
        (bed, hello)
    }
}

pub(super) fn pin(text: &str) -> Pin {
    Pin::new(text).unwrap()
}

pub(super) fn operation(number: u8) -> EvidenceScope {
    EvidenceScope {
        audience: ProviderId::parse("org.example.Notebook").unwrap(),
        transaction: TransactionId([number; 16]),
        buffer_hash: [number; 32],
        purpose: Purpose::Operation(Operation::Get),
    }
}

pub(super) fn request(number: u8) -> VerifyRequest {
    VerifyRequest {
        evidence: Some(operation(number)),
        unlock: Vec::new(),
    }
}

pub(super) fn refused<T: fmt::Debug>(result: Result<T, HelloError>) -> NotVerified {
    match result {
        Err(HelloError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

pub(super) fn expected(operation: &EvidenceScope) -> Expected<'_> {
    Expected {
        audience: &operation.audience,
        transaction: operation.transaction,
        buffer_hash: operation.buffer_hash,
        purpose: operation.purpose,
        now_ms: NOW,
    }
}

/// What unlocks the vault with this PIN.
pub(super) fn vault_secret(hello: &Hello, with: &str) -> [u8; 32] {
    let (vault, transaction) = (ProviderId::parse("org.claviger.Vault").unwrap(), TransactionId([9; 16]));
    let key = UnlockKey::generate(native()).unwrap();
    let target = UnlockTarget {
        provider: vault.clone(),
        transaction,
        recipient: key.public().clone(),
    };
    let asked = VerifyRequest {
        evidence: None,
        unlock: vec![target],
    };
    let reply = hello.verify(pin(with), &asked).unwrap();
    let secret = key.open(native(), &vault, transaction, &reply.boxes[0]).unwrap();
    *secret.expose()
}

#[test]
fn a_pin_is_set_once_and_not_a_weak_one() {
    let bed = Bed::new();
    let hello = bed.open();
    assert_eq!(refused(hello.verify(pin(RIGHT), &request(1))), NotVerified::NoPin);
    assert!(hello.status().pin().is_none());
    assert!(matches!(
        hello.set_pin(&pin("1234")),
        Err(HelloError::Weak(Weak::Sequence))
    ));
    hello.set_pin(&pin(RIGHT)).unwrap();
    assert!(matches!(hello.set_pin(&pin("other-77")), Err(HelloError::AlreadySet)));
    let status = hello.status();
    let fresh = MethodStatus {
        method: Method::Pin,
        tries_left: 10,
        wait_ms: 0,
        locked_out: false,
    };
    assert_eq!(
        (status.methods.as_slice(), status.tier),
        ([fresh].as_slice(), Tier::Software)
    );
    let key = URL_SAFE_NO_PAD.decode(status.uv_key.unwrap()).unwrap();
    assert_eq!(PublicKey::from_cose_bytes(&key).unwrap(), hello.uv_key().unwrap());
}

#[test]
fn evidence_is_good_for_its_operation_and_counts_on_over_restarts() {
    let (bed, hello) = Bed::with_pin();
    let uv_key = hello.uv_key().unwrap();
    let mut last_count = 0;
    let mut hello = Some(hello);
    for number in 1..=3 {
        let open = hello.take().unwrap_or_else(|| bed.open());
        let bytes = open.verify(pin(RIGHT), &request(number)).unwrap().evidence.unwrap();
        let operation = operation(number);
        let good = evidence::verify(native(), &bytes, &uv_key, &expected(&operation), &mut last_count).unwrap();
        assert_eq!(
            (good.claims().method, good.claims().tier),
            (Method::Pin, Tier::Software)
        );
        assert_eq!(good.claims().count, FIRST_COUNT + u64::from(number) - 1);
        assert!(evidence::verify(native(), &bytes, &uv_key, &expected(&operation), &mut last_count).is_err());
    }
}

#[test]
fn one_gesture_makes_one_piece_of_evidence() {
    let (_bed, hello) = Bed::with_pin();
    let open = hello.open_key(pin(RIGHT), 1).unwrap();
    assert_eq!(open.attest(&operation(1)).unwrap().claims().count, FIRST_COUNT);
    assert!(matches!(open.attest(&operation(2)), Err(HelloError::GestureSpent)));
    // An older key in the hand cannot run into the counts of a newer one.
    let many = hello.open_key(pin(RIGHT), 3).unwrap();
    assert!(matches!(
        hello.open_key(pin(RIGHT), 0).unwrap().attest(&operation(3)),
        Err(HelloError::GestureSpent)
    ));
    assert_eq!(
        hello
            .open_key(pin(RIGHT), 1)
            .unwrap()
            .attest(&operation(4))
            .unwrap()
            .claims()
            .count,
        FIRST_COUNT + 4
    );
    let counts: Vec<_> = (0..3)
        .map(|_| many.attest(&operation(5)).unwrap().claims().count)
        .collect();
    assert_eq!(counts, [FIRST_COUNT + 1, FIRST_COUNT + 2, FIRST_COUNT + 3]);
    assert!(matches!(many.attest(&operation(6)), Err(HelloError::GestureSpent)));
    assert_eq!(format!("{many:?}"), "OpenKey([redacted])");
}

#[test]
fn unlock_boxes_give_each_provider_its_own_lasting_secret() {
    let (bed, hello) = Bed::with_pin();
    let ids = ["org.claviger.Vault", "org.example.Notebook"].map(|id| ProviderId::parse(id).unwrap());
    let secrets = |hello: &Hello, with: &str| {
        let keys = ids.each_ref().map(|_| UnlockKey::generate(native()).unwrap());
        let targets = ids.iter().zip(&keys).map(|(id, key)| UnlockTarget {
            provider: id.clone(),
            transaction: TransactionId([9; 16]),
            recipient: key.public().clone(),
        });
        let request = VerifyRequest {
            evidence: None,
            unlock: targets.collect(),
        };
        let reply = hello.verify(pin(with), &request).unwrap();
        assert!(reply.evidence.is_none());
        let open = |index: usize| {
            let secret = keys[index]
                .open(native(), &ids[index], TransactionId([9; 16]), &reply.boxes[index])
                .unwrap();
            *secret.expose()
        };
        [open(0), open(1)]
    };
    let first = secrets(&hello, RIGHT);
    assert_ne!(first[0], first[1]);
    let uv_key = hello.uv_key();
    hello.change_pin(pin(RIGHT), &pin("other-77")).unwrap();
    assert_eq!(secrets(&hello, "other-77"), first);
    drop(hello);
    let hello = bed.open();
    assert_eq!(secrets(&hello, "other-77"), first);
    assert_eq!(hello.uv_key(), uv_key);
    assert!(matches!(
        refused(hello.verify(pin(RIGHT), &request(1))),
        NotVerified::WrongPin { tries_left: 9, .. }
    ));
}

#[test]
fn no_pin_is_made_of_the_users_own_names() {
    let (_bed, hello) = Bed::with_pin();
    let hello = Hello {
        names: vec!["Ottilie".to_owned()],
        ..hello
    };
    assert!(matches!(
        hello.change_pin(pin(RIGHT), &pin("ottilie1987")),
        Err(HelloError::Weak(claviger_pin::Weak::Name))
    ));
    assert_eq!(hello.status().pin().unwrap().tries_left, 10);
}

#[test]
fn changing_the_pin_takes_the_old_one_and_counts_it() {
    let (_bed, hello) = Bed::with_pin();
    assert!(matches!(
        hello.change_pin(pin(WRONG), &pin("4444")),
        Err(HelloError::Weak(_))
    ));
    assert_eq!(hello.status().pin().unwrap().tries_left, 10);
    let wrong = hello.change_pin(pin(WRONG), &pin("other-77"));
    assert!(matches!(
        wrong,
        Err(HelloError::Refused(NotVerified::WrongPin {
            tries_left: 9,
            wait_ms: 0
        }))
    ));
    hello.verify(pin(RIGHT), &request(1)).unwrap();
    assert_eq!(hello.status().pin().unwrap().tries_left, 10);
}

#[test]
fn lock_out_is_for_good_and_survives_restarts() {
    let (bed, hello) = Bed::with_pin();
    let mut hello = Some(hello);
    for tries_left in (0..TryPolicy::PIN.max_failures).rev() {
        let open = hello.take().unwrap_or_else(|| bed.open());
        let refusal = refused(open.verify(pin(WRONG), &request(1)));
        let NotVerified::WrongPin {
            tries_left: left,
            wait_ms,
        } = refusal
        else {
            panic!("{refusal:?}")
        };
        assert_eq!(left, tries_left);
        if wait_ms > 0 {
            // During the wait not even the right PIN is looked at, and asking costs nothing.
            let wait = NotVerified::Wait { tries_left, wait_ms };
            assert_eq!(refused(open.verify(pin(RIGHT), &request(1))), wait);
            assert_eq!(open.status().pin().unwrap().wait_ms, wait_ms);
            bed.clock.advance(wait_ms);
        }
    }
    let hello = bed.open();
    bed.clock.advance(1 << 40);
    assert!(hello.status().pin().unwrap().locked_out);
    assert_eq!(refused(hello.verify(pin(RIGHT), &request(1))), NotVerified::LockedOut);
    assert!(matches!(
        hello.change_pin(pin(RIGHT), &pin("other-77")),
        Err(HelloError::Refused(NotVerified::LockedOut))
    ));
    assert!(matches!(hello.set_pin(&pin("other-77")), Err(HelloError::AlreadySet)));
}

#[test]
fn fifty_at_once_get_no_more_tries_than_one_after_the_other() {
    let (_bed, hello) = Bed::with_pin();
    let outcomes: Vec<NotVerified> = thread::scope(|scope| {
        let verify = || refused(hello.verify(pin(WRONG), &request(1)));
        let threads: Vec<_> = (0..50).map(|_| scope.spawn(verify)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    // The clock stands still: four are looked at, the fourth starts the wait, the others are told to wait.
    let mut looked_at: Vec<u8> = Vec::new();
    for outcome in outcomes {
        match outcome {
            NotVerified::WrongPin { tries_left, .. } => looked_at.push(tries_left),
            NotVerified::Wait { tries_left, .. } => assert_eq!(tries_left, 6),
            other => panic!("{other:?}"),
        }
    }
    looked_at.sort_unstable();
    assert_eq!(looked_at, [6, 7, 8, 9]);
    assert_eq!(hello.status().pin().unwrap().tries_left, 6);
}

#[test]
fn a_file_that_was_copied_back_gives_no_try_back_without_the_longest_wait() {
    let (bed, hello) = Bed::with_pin();
    let file = bed.path().join("hello.state");
    let backup = fs::read(&file).unwrap();
    next_tick();
    refused(hello.verify(pin(WRONG), &request(1)));
    drop(hello);
    fs::write(&file, backup).unwrap();
    let hello = bed.open();
    let refusal = refused(hello.verify(pin(RIGHT), &request(1)));
    assert_eq!(
        refusal,
        NotVerified::Wait {
            tries_left: 2,
            wait_ms: 3_600_000
        }
    );
    drop(hello);
    // Restarting does not shorten it, and after it the right PIN works.
    let hello = bed.open();
    bed.clock.advance(3_599_999);
    assert!(matches!(
        refused(hello.verify(pin(RIGHT), &request(1))),
        NotVerified::Wait { wait_ms: 1, .. }
    ));
    bed.clock.advance(1);
    hello.verify(pin(RIGHT), &request(1)).unwrap();
    assert_eq!(hello.status().pin().unwrap().tries_left, 10);
}

#[test]
fn a_damaged_file_opens_nothing() {
    let (bed, hello) = Bed::with_pin();
    drop(hello);
    let file = bed.path().join("hello.state");
    let good = fs::read(&file).unwrap();
    for bytes in [&good[..good.len() - 1], &good[..10], b"", b"garbage"] {
        fs::write(&file, bytes).unwrap();
        let result = Hello::open_with(&bed.path(), bed.clock.clone(), native());
        assert!(matches!(result, Err(HelloError::Store(StoreError::Damaged(_)))));
    }
}

#[test]
fn a_file_that_was_kept_by_another_link_and_put_back_gives_no_try_back_without_the_longest_wait() {
    let (bed, hello) = Bed::with_pin();
    let (file, kept) = (bed.path().join("hello.state"), bed.directory.path().join("kept"));
    fs::hard_link(&file, &kept).unwrap();
    refused(hello.verify(pin(WRONG), &request(1)));
    drop(hello);
    // The very file: as old as it says, and with one name.
    fs::rename(&kept, &file).unwrap();
    let hello = bed.open();
    assert_eq!(
        refused(hello.verify(pin(RIGHT), &request(1))),
        NotVerified::Wait {
            tries_left: 2,
            wait_ms: 3_600_000
        }
    );
    assert!(hello.status().restored);
    bed.clock.advance(3_600_000);
    hello.verify(pin(RIGHT), &request(1)).unwrap();
    assert!(!hello.status().restored);
}

#[test]
fn without_the_note_of_its_generation_or_with_a_copy_of_it_a_file_counts_as_put_back() {
    use std::os::unix::fs::PermissionsExt as _;

    let (bed, hello) = Bed::with_pin();
    let note = bed.path().join("hello.generation");
    drop(hello);
    assert!(!bed.open().status().restored);
    fs::remove_file(&note).unwrap();
    let hello = bed.open();
    assert!(hello.status().restored);
    bed.clock.advance(3_600_000);
    hello.verify(pin(RIGHT), &request(1)).unwrap();
    let copy = fs::read(&note).unwrap();
    drop(hello);
    assert!(!bed.open().status().restored);
    next_tick();
    fs::remove_file(&note).unwrap();
    fs::write(&note, copy).unwrap();
    fs::set_permissions(&note, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(bed.open().status().restored);
}

#[test]
fn after_a_restore_evidence_has_higher_counts_than_any_before() {
    let (bed, hello) = Bed::with_pin();
    let backup = fs::read(bed.path().join("hello.state")).unwrap();
    let uv_key = hello.uv_key().unwrap();
    let mut last = 0;
    for _ in 0..3 {
        let bytes = hello.verify(pin(RIGHT), &request(1)).unwrap().evidence.unwrap();
        evidence::verify(native(), &bytes, &uv_key, &expected(&operation(1)), &mut last).unwrap();
    }
    drop(hello);
    next_tick();
    fs::write(bed.path().join("hello.state"), backup).unwrap();
    let hello = bed.open();
    bed.clock.advance(3_600_000);
    let bytes = hello.verify(pin(RIGHT), &request(1)).unwrap().evidence.unwrap();
    let operation = operation(1);
    let now = Expected {
        now_ms: NOW + 3_600_000,
        ..expected(&operation)
    };
    evidence::verify(native(), &bytes, &uv_key, &now, &mut last).unwrap();
}
