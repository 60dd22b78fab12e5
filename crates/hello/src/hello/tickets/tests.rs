//! Tests of the PIN from CTAP clients and of tickets, with the real key derivation and file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    sync::atomic::Ordering,
};

use claviger_ctap::crypto::{native, portable};
use claviger_joint::{
    ProviderId, TransactionId,
    evidence::{self, Method, Tier},
    unlock::UnlockKey,
};

use super::*;
use crate::{
    clock::Clock,
    counter::TryPolicy,
    hello::{
        CodeStatus,
        failing_disk::Failing,
        tests::{Bed, FIRST_COUNT, RIGHT, TestClock, WRONG, expected, operation, pin, refused, request},
    },
    keys::{Opened, UserKey},
    ticket::{LIFETIME, MAX_TICKETS},
    verification::{UnlockTarget, VerifyReply, VerifyRequest},
};

/// What the version of hello before this one wrote: the PIN `zebra-94`, four counts of evidence given, one wrong PIN.
const VERSION_1: &[u8] = include_bytes!("../../../tests/fixtures/version-1.state");
/// The secret with which that hello unlocked the vault.
const VERSION_1_SECRET: [u8; 32] = [
    165, 113, 132, 174, 189, 9, 74, 55, 142, 108, 11, 116, 83, 119, 242, 48, 174, 237, 117, 71, 125, 150, 92, 12, 83,
    243, 147, 64, 228, 220, 5, 19,
];

fn client(text: &str) -> ClientPin {
    ClientPin::of(native(), &pin(text))
}

/// Tickets are not `Clone`; a program can bring one twice all the same.
fn redeemed(hello: &Hello, ticket: &PinTicket, request: &VerifyRequest) -> Result<VerifyReply, HelloError> {
    hello.verify(PinTicket::from_bytes(ticket.as_bytes()), request)
}

fn ms(duration: core::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

/// The vault's unlock secret, by whatever `verify` does with the request.
fn vault_secret(verify: impl FnOnce(&VerifyRequest) -> VerifyReply) -> [u8; 32] {
    let (vault, transaction) = (ProviderId::parse("org.claviger.Vault").unwrap(), TransactionId([9; 16]));
    let key = UnlockKey::generate(native()).unwrap();
    let reply = verify(&VerifyRequest {
        evidence: None,
        unlock: vec![UnlockTarget {
            provider: vault.clone(),
            transaction,
            recipient: key.public().clone(),
        }],
    });
    assert!(reply.evidence.is_none());
    *key.open(native(), &vault, transaction, &reply.boxes[0])
        .unwrap()
        .expose()
}

#[test]
fn a_ticket_gives_what_the_pin_gives_and_once() {
    let (_bed, hello) = Bed::with_pin();
    assert!(hello.status().client_pin);
    let ticket = hello.verify_client_pin(client(RIGHT)).unwrap();
    assert_eq!(hello.open_tickets(), 1);
    let bytes = redeemed(&hello, &ticket, &request(1)).unwrap().evidence.unwrap();
    let (key, operation) = (hello.uv_key().unwrap(), operation(1));
    let good = evidence::verify(native(), &bytes, &key, &expected(&operation), &mut 0).unwrap();
    assert_eq!(
        (good.claims().method, good.claims().tier, good.claims().count),
        (Method::Pin, Tier::Software, FIRST_COUNT)
    );
    assert_eq!(hello.open_tickets(), 0);
    assert_eq!(refused(redeemed(&hello, &ticket, &request(2))), NotVerified::TicketGone);

    let by_pin = vault_secret(|request| hello.verify(pin(RIGHT), request).unwrap());
    let ticket = hello.verify_client_pin(client(RIGHT)).unwrap();
    let by_ticket = vault_secret(|request| redeemed(&hello, &ticket, request).unwrap());
    assert_eq!(by_pin, by_ticket);
    let made_up = PinTicket::from_bytes(&[0; 16]);
    assert_eq!(
        refused(redeemed(&hello, &made_up, &request(3))),
        NotVerified::TicketGone
    );
}

#[test]
fn one_gesture_makes_one_piece_of_evidence_with_a_ticket_too() {
    let (_bed, hello) = Bed::with_pin();
    let (reply, ticket) = hello.verify_and_hold(pin(RIGHT), &request(1)).unwrap();
    assert!(reply.evidence.is_some());
    assert_eq!(refused(redeemed(&hello, &ticket, &request(2))), NotVerified::TicketGone);
    // It is spent with that, for what it was good for too.
    assert_eq!(refused(hello.make_recovery_code(&ticket)), NotVerified::TicketGone);
}

#[test]
fn the_ticket_of_another_programs_pin_changes_nothing() {
    let (_bed, hello) = Bed::with_pin();
    let ticket = hello.verify_client_pin(client(RIGHT)).unwrap();
    assert_eq!(refused(hello.make_recovery_code(&ticket)), NotVerified::TicketGone);
    assert_eq!(hello.status().recovery_code, CodeStatus::None);
    assert_eq!(refused(redeemed(&hello, &ticket, &request(1))), NotVerified::TicketGone);
}

#[test]
fn evidence_of_an_older_ticket_counts_after_what_was_given_since() {
    let (_bed, hello) = Bed::with_pin();
    let (key, mut last_count) = (hello.uv_key().unwrap(), 0);
    let ticket = hello.verify_client_pin(client(RIGHT)).unwrap();
    let by_pin = hello.verify(pin(RIGHT), &request(1)).unwrap().evidence.unwrap();
    let by_ticket = redeemed(&hello, &ticket, &request(2)).unwrap().evidence.unwrap();
    for (number, bytes) in [(1, by_pin), (2, by_ticket)] {
        let operation = operation(number);
        evidence::verify(native(), &bytes, &key, &expected(&operation), &mut last_count).unwrap();
    }
}

#[test]
fn one_guess_is_one_try_whichever_way_it_comes() {
    let (bed, hello) = Bed::with_pin();
    let wrong = |tries_left, wait_ms| NotVerified::WrongPin { tries_left, wait_ms };
    assert_eq!(refused(hello.verify_client_pin(client(WRONG))), wrong(9, 0));
    assert_eq!(refused(hello.verify(pin(WRONG), &request(1))), wrong(8, 0));
    assert_eq!(refused(hello.verify_client_pin(client(WRONG))), wrong(7, 0));
    assert_eq!(refused(hello.verify(pin(WRONG), &request(1))), wrong(6, 30_000));
    // Neither way is open during the wait, and asking costs nothing.
    let wait = NotVerified::Wait {
        tries_left: 6,
        wait_ms: 30_000,
    };
    assert_eq!(refused(hello.verify_client_pin(client(RIGHT))), wait);
    assert_eq!(refused(hello.verify(pin(RIGHT), &request(1))), wait);
    drop(hello);
    let hello = bed.open();
    bed.clock.advance(30_000);
    // A right one either way gives all tries back.
    hello.verify_client_pin(client(RIGHT)).unwrap();
    assert_eq!(hello.status().pin().unwrap().tries_left, TryPolicy::PIN.max_failures);
}

#[test]
fn programs_cannot_lock_the_user_out() {
    let (bed, hello) = Bed::with_pin();
    for _ in 0..TryPolicy::PIN.max_client_failures {
        bed.clock.advance(hello.status().pin().unwrap().wait_ms);
        let refusal = refused(hello.verify_client_pin(client(WRONG)));
        assert!(matches!(refusal, NotVerified::WrongPin { .. }), "{refusal:?}");
    }
    bed.clock.advance(1 << 40);
    let kept = NotVerified::PromptOnly { tries_left: 5 };
    assert_eq!(refused(hello.verify_client_pin(client(RIGHT))), kept);
    assert_eq!(hello.status().pin().unwrap().tries_left, 5);
    // The prompt goes on, wrong or right, and the right PIN there opens this way again.
    let wrong = refused(hello.verify(pin(WRONG), &request(1)));
    assert!(matches!(wrong, NotVerified::WrongPin { tries_left: 4, .. }));
    let kept = NotVerified::PromptOnly { tries_left: 4 };
    assert_eq!(refused(hello.verify_client_pin(client(RIGHT))), kept);
    bed.clock.advance(hello.status().pin().unwrap().wait_ms);
    hello.verify(pin(RIGHT), &request(2)).unwrap();
    hello.verify_client_pin(client(RIGHT)).unwrap();
}

#[test]
fn lock_out_is_for_clients_too_and_ends_their_tickets() {
    let (bed, hello) = Bed::with_pin();
    for _ in 0..TryPolicy::PIN.max_failures {
        bed.clock.advance(hello.status().pin().unwrap().wait_ms);
        // As if one had been got a moment ago: the waits outlive every ticket otherwise.
        hello
            .tickets()
            .issue(
                native(),
                Opened {
                    key: Box::new(UserKey::generate(native()).unwrap()),
                    method: Method::Pin,
                    tier: Tier::Software,
                },
                For::Evidence,
                bed.clock.moment(),
            )
            .unwrap();
        refused(hello.verify(pin(WRONG), &request(1)));
    }
    assert_eq!(hello.open_tickets(), 0);
    assert_eq!(refused(hello.verify_client_pin(client(RIGHT))), NotVerified::LockedOut);
}

#[test]
fn a_ticket_is_good_for_two_minutes_and_then_wiped() {
    let (bed, hello) = Bed::with_pin();
    let young = hello.verify_client_pin(client(RIGHT)).unwrap();
    bed.clock.advance(ms(LIFETIME) - 1);
    redeemed(&hello, &young, &request(1)).unwrap();
    let old = hello.verify_client_pin(client(RIGHT)).unwrap();
    bed.clock.advance(ms(LIFETIME));
    assert_eq!(hello.tickets().len(), 1);
    hello.sweep();
    assert_eq!(hello.tickets().len(), 0);
    assert_eq!(refused(redeemed(&hello, &old, &request(2))), NotVerified::TicketGone);
}

#[test]
fn tickets_end_with_the_pin_with_a_lock_with_the_process_and_when_there_are_many() {
    let (bed, hello) = Bed::with_pin();
    let gone = |hello: &Hello, ticket: &PinTicket| {
        assert_eq!(refused(redeemed(hello, ticket, &request(1))), NotVerified::TicketGone);
    };
    let ticket = hello.verify_client_pin(client(RIGHT)).unwrap();
    refused(hello.change_pin(pin(WRONG), &pin("other-77")));
    hello.change_pin(pin(RIGHT), &pin("other-77")).unwrap();
    gone(&hello, &ticket);
    assert!(matches!(
        refused(hello.verify_client_pin(client(RIGHT))),
        NotVerified::WrongPin { .. }
    ));
    let mut tickets: Vec<_> = (0..=MAX_TICKETS)
        .map(|_| hello.verify_client_pin(client("other-77")).unwrap())
        .collect();
    assert_eq!(hello.open_tickets(), MAX_TICKETS);
    gone(&hello, &tickets.remove(0));
    redeemed(&hello, &tickets.remove(0), &request(1)).unwrap();
    hello.forget_ticket(&tickets[0]);
    gone(&hello, &tickets[0]);
    hello.lock();
    assert_eq!(hello.open_tickets(), 0);
    gone(&hello, &tickets[1]);
    let ticket = hello.verify_client_pin(client("other-77")).unwrap();
    drop(hello);
    gone(&bed.open(), &ticket);
}

#[test]
fn without_a_pin_there_is_nothing_to_guess() {
    let hello = Bed::new().open();
    assert_eq!(refused(hello.verify_client_pin(client(RIGHT))), NotVerified::NoPin);
    assert!(!hello.status().client_pin);
}

#[test]
fn a_file_of_version_1_learns_the_clients_form_with_the_next_right_pin() {
    let bed = Bed::new();
    fs::DirBuilder::new().mode(0o700).create(bed.path()).unwrap();
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600);
    std::io::Write::write_all(&mut file.open(bed.path().join("hello.state")).unwrap(), VERSION_1).unwrap();
    let hello = bed.open();
    let (status, uv_key) = (hello.status(), hello.uv_key());
    assert_eq!((status.client_pin, status.pin().unwrap().tries_left), (false, 9));
    // Not set, for clients: nothing is looked at, no try is spent, and a wrong PIN changes nothing.
    assert_eq!(refused(hello.verify_client_pin(client(RIGHT))), NotVerified::NoPin);
    assert_eq!(hello.status().pin().unwrap().tries_left, 9);
    refused(hello.verify(pin(WRONG), &request(1)));
    assert!(!hello.status().client_pin);
    drop(hello);
    // It is still a file of version 1, until the right PIN comes.
    let hello = bed.open();
    assert!(!hello.status().client_pin);
    assert_eq!(
        vault_secret(|request| hello.verify(pin(RIGHT), request).unwrap()),
        VERSION_1_SECRET
    );
    assert!(hello.status().client_pin);
    drop(hello);
    let hello = bed.open();
    assert!(hello.status().client_pin);
    assert_eq!(hello.uv_key(), uv_key);
    let ticket = hello.verify_client_pin(client(RIGHT)).unwrap();
    assert_eq!(
        vault_secret(|request| redeemed(&hello, &ticket, request).unwrap()),
        VERSION_1_SECRET
    );
    let bytes = hello.verify(pin(RIGHT), &request(1)).unwrap().evidence.unwrap();
    let operation = operation(1);
    let good = evidence::verify(portable(), &bytes, &uv_key.unwrap(), &expected(&operation), &mut 5).unwrap();
    assert!(good.claims().count > 5, "counts go on where version 1 was");
}

#[test]
fn a_clients_guess_and_a_tickets_count_are_on_disk_first() {
    let medium = Failing::default();
    medium.steps_left.store(7, Ordering::SeqCst);
    let clock = Arc::new(TestClock::default());
    let hello = Hello::open_medium(Box::new(medium.clone()), clock, native()).unwrap();
    hello.set_pin(&pin(RIGHT)).unwrap();
    for text in [RIGHT, WRONG] {
        medium.steps_left.store(5, Ordering::SeqCst);
        assert!(matches!(
            hello.verify_client_pin(client(text)),
            Err(HelloError::Store(_))
        ));
    }
    medium.steps_left.store(12, Ordering::SeqCst);
    let ticket = hello.verify_client_pin(client(RIGHT)).unwrap();
    medium.steps_left.store(5, Ordering::SeqCst);
    assert!(matches!(
        redeemed(&hello, &ticket, &request(1)),
        Err(HelloError::Store(_))
    ));
    // Spent all the same.
    medium.steps_left.store(usize::MAX, Ordering::SeqCst);
    assert_eq!(refused(redeemed(&hello, &ticket, &request(1))), NotVerified::TicketGone);
}
