//! The way back, with the real key derivation and file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{
    fs,
    sync::{Arc, atomic::Ordering},
    thread,
};

use claviger_ctap::crypto::native;
use claviger_pin::ClientPin;

use super::*;
use crate::{
    counter::TryPolicy,
    disk::next_tick,
    hello::{
        CodeStatus,
        failing_disk::Failing,
        tests::{Bed, RIGHT, TestClock, WRONG, pin, refused, request, vault_secret},
    },
    verification::VerifyRequest,
};

const NEW: &str = "other-77";

/// A code, made and typed back.
fn code(hello: &Hello) -> RecoveryCode {
    let code = made(hello);
    hello.confirm_recovery_code(&code.ends()).unwrap();
    code
}

/// A code, made with the PIN and not typed back.
fn made(hello: &Hello) -> RecoveryCode {
    let (_, ticket) = hello.verify_and_hold(pin(RIGHT), &request(1)).unwrap();
    hello.make_recovery_code(&ticket).unwrap()
}

fn again(code: &RecoveryCode) -> RecoveryCode {
    RecoveryCode::parse(&code.spelled()).unwrap()
}

fn lock_out(bed: &Bed, hello: &Hello) {
    for _ in 0..TryPolicy::PIN.max_failures {
        bed.clock.advance(hello.status().pin().unwrap().wait_ms);
        refused(hello.verify(pin(WRONG), &request(1)));
    }
    assert!(hello.status().pin().unwrap().locked_out);
}

#[test]
fn the_code_ends_a_lock_out_and_loses_nothing() {
    let (bed, hello) = Bed::with_pin();
    let (code, secret, uv_key) = (code(&hello), vault_secret(&hello, RIGHT), hello.uv_key());
    lock_out(&bed, &hello);
    drop(hello);
    let hello = bed.open();
    assert!(matches!(
        hello.recover(again(&code), &pin("1234")),
        Err(HelloError::Weak(_))
    ));
    hello.recover(again(&code), &pin(NEW)).unwrap();
    assert_eq!(vault_secret(&hello, NEW), secret);
    drop(hello);
    let hello = bed.open();
    assert_eq!((vault_secret(&hello, NEW), hello.uv_key()), (secret, uv_key));
    assert_eq!(hello.status().pin().unwrap().tries_left, TryPolicy::PIN.max_failures);
    assert!(matches!(
        refused(hello.verify(pin(RIGHT), &request(1))),
        NotVerified::WrongPin { .. }
    ));
    // The code is as good as before.
    hello.drill_recovery_code(code).unwrap();
    assert_eq!(hello.status().recovery_code, CodeStatus::Confirmed);
}

#[test]
fn the_code_ends_the_wait_of_a_file_that_was_put_back() {
    let (bed, hello) = Bed::with_pin();
    let code = code(&hello);
    let backup = fs::read(bed.path().join("hello.state")).unwrap();
    next_tick();
    refused(hello.verify(pin(WRONG), &request(1)));
    drop(hello);
    fs::write(bed.path().join("hello.state"), backup).unwrap();
    let hello = bed.open();
    assert!(hello.status().restored);
    // A file that was put back waits for the code too: two seconds.
    assert!(matches!(
        refused(hello.recover(again(&code), &pin(NEW))),
        NotVerified::Wait { wait_ms: 2_000, .. }
    ));
    bed.clock.advance(2_000);
    hello.recover(code, &pin(NEW)).unwrap();
    let status = hello.status();
    assert_eq!((status.restored, status.pin().unwrap().wait_ms), (false, 0));
    hello.verify(pin(NEW), &request(1)).unwrap();
}

#[test]
fn a_wrong_code_costs_two_seconds_and_never_more() {
    let (bed, hello) = Bed::with_pin();
    let right = code(&hello);
    let wrong = RecoveryCode::generate(hello.crypto).unwrap();
    for _ in 0..300 {
        let refusal = refused(hello.recover(again(&wrong), &pin(NEW)));
        assert_eq!(refusal, NotVerified::WrongCode { wait_ms: 2_000 });
        bed.clock.advance(1_999);
        assert!(matches!(
            refused(hello.drill_recovery_code(again(&right))),
            NotVerified::Wait { wait_ms: 1, .. }
        ));
        bed.clock.advance(1);
    }
    hello.drill_recovery_code(again(&right)).unwrap();
    hello.drill_recovery_code(right).unwrap();
    // Nothing of it counts on the PIN.
    assert_eq!(hello.status().pin().unwrap().tries_left, TryPolicy::PIN.max_failures);
}

#[test]
fn a_drill_leaves_the_file_as_it_was_but_for_its_own_try() {
    let (_bed, hello) = Bed::with_pin();
    let code = code(&hello);
    let before = hello.durable.state().unwrap();
    hello.drill_recovery_code(again(&code)).unwrap();
    let after = hello.durable.state().unwrap();
    let records = |state: &State| {
        state
            .records
            .iter()
            .map(|record| record.to_cbor().encode())
            .collect::<Vec<_>>()
    };
    assert_eq!(records(&before), records(&after));
    assert_eq!(before.evidence_count, after.evidence_count);
    assert!(hello.confirm_recovery_code(&code.ends()).is_err());
}

#[test]
fn the_old_code_opens_until_the_new_one_is_typed_back() {
    let (bed, hello) = Bed::with_pin();
    assert_eq!(hello.status().recovery_code, CodeStatus::None);
    assert_eq!(
        refused(hello.drill_recovery_code(RecoveryCode::generate(hello.crypto).unwrap())),
        NotVerified::NoCode
    );
    let first = made(&hello);
    assert_eq!(hello.status().recovery_code, CodeStatus::Pending);
    // It may be on paper already.
    hello.drill_recovery_code(again(&first)).unwrap();
    hello.confirm_recovery_code(&first.ends()).unwrap();
    let second = made(&hello);
    assert_eq!(hello.status().recovery_code, CodeStatus::Confirmed);
    for code in [&first, &second] {
        hello.drill_recovery_code(again(code)).unwrap();
    }
    hello.confirm_recovery_code(&second.ends()).unwrap();
    assert_eq!(
        refused(hello.drill_recovery_code(first)),
        NotVerified::WrongCode { wait_ms: 2_000 }
    );
    bed.clock.advance(2_000);
    hello.drill_recovery_code(second).unwrap();
}

#[test]
fn what_is_typed_back_must_be_of_this_code_in_time_and_not_guessed() {
    let (bed, hello) = Bed::with_pin();
    let other = RecoveryCode::generate(hello.crypto).unwrap();
    let wrong = NotVerified::WrongCode { wait_ms: 0 };
    let code = made(&hello);
    for _ in 0..MAX_MISTYPED {
        assert_eq!(refused(hello.confirm_recovery_code(&other.ends())), wrong);
    }
    assert_eq!(refused(hello.confirm_recovery_code(&code.ends())), NotVerified::NoCode);
    let code = made(&hello);
    bed.clock.advance(u64::try_from(CODE_LIFETIME.as_millis()).unwrap());
    assert_eq!(refused(hello.confirm_recovery_code(&code.ends())), NotVerified::NoCode);
    let code = made(&hello);
    hello.lock();
    assert_eq!(refused(hello.confirm_recovery_code(&code.ends())), NotVerified::NoCode);
    assert_eq!(hello.status().recovery_code, CodeStatus::Pending);
}

#[test]
fn a_lock_ends_each_change_that_waits_for_its_turn() {
    let (_bed, hello) = Bed::with_pin();
    let code = code(&hello);
    let before = hello.durable.state().unwrap();
    let armed = [
        Way::Pin,
        Way::Pin,
        Way::ClientPin,
        Way::ClientPin,
        Way::RecoveryCode,
        Way::RecoveryCode,
    ]
    .map(|way| hello.arm_alone(way));
    hello.lock();
    let (_, ticket) = hello.verify_and_hold(pin(RIGHT), &VerifyRequest::default()).unwrap();
    let [change, hold, client, make, drill, recover] = &armed;
    let client_pin = ClientPin::of(hello.crypto, &pin(RIGHT));
    for refusal in [
        refused(hello.change_pin_at(change, pin(RIGHT), &pin(NEW))),
        refused(hello.verify_and_hold_at(hold, pin(RIGHT), &request(2))),
        refused(hello.verify_client_pin_at(client, client_pin)),
        refused(hello.make_recovery_code_at(make, &ticket)),
        refused(hello.drill_recovery_code_at(drill, again(&code))),
        refused(hello.recover_at(recover, code, &pin(NEW))),
    ] {
        assert_eq!(refusal, NotVerified::Cancelled);
    }
    assert_eq!(hello.open_tickets(), 0);
    let after = hello.durable.state().unwrap();
    assert_eq!(
        (before.evidence_count, hello.status().recovery_code),
        (after.evidence_count, CodeStatus::Confirmed)
    );
}

#[test]
fn a_lock_before_the_code_is_written_leaves_none() {
    let (_bed, hello) = Bed::with_pin();
    let (_, ticket) = hello.verify_and_hold(pin(RIGHT), &request(1)).unwrap();
    let change = hello.durable.change();
    let refusal = thread::scope(|scope| {
        let making = scope.spawn(|| hello.make_recovery_code(&ticket));
        while hello.open_tickets() > 0 {
            thread::yield_now();
        }
        hello.lock();
        drop(change);
        refused(making.join().unwrap())
    });
    assert_eq!(refusal, NotVerified::Cancelled);
    assert_eq!(hello.status().recovery_code, CodeStatus::None);
}

#[test]
fn a_lock_while_the_code_is_written_leaves_nothing_to_type_back() {
    let medium = Failing::default();
    medium.steps_left.store(usize::MAX, Ordering::SeqCst);
    let clock = Arc::new(TestClock::default());
    let hello = Arc::new(Hello::open_medium(Box::new(medium.clone()), clock, native()).unwrap());
    hello.set_pin(&pin(RIGHT)).unwrap();
    let (_, ticket) = hello.verify_and_hold(pin(RIGHT), &request(1)).unwrap();
    let locking = Arc::clone(&hello);
    *medium.meanwhile.lock().unwrap() = Some(Box::new(move || locking.lock()));
    assert_eq!(refused(hello.make_recovery_code(&ticket)), NotVerified::Cancelled);
    assert!(hello.made().is_none());
    assert_eq!(hello.status().recovery_code, CodeStatus::Pending);
}

#[test]
fn a_code_that_is_not_written_is_not_typed_back() {
    let medium = Failing::default();
    medium.steps_left.store(usize::MAX, Ordering::SeqCst);
    let clock = Arc::new(TestClock::default());
    let hello = Hello::open_medium(Box::new(medium.clone()), clock, native()).unwrap();
    hello.set_pin(&pin(RIGHT)).unwrap();
    let (_, ticket) = hello.verify_and_hold(pin(RIGHT), &request(1)).unwrap();
    medium.steps_left.store(0, Ordering::SeqCst);
    assert!(matches!(hello.make_recovery_code(&ticket), Err(HelloError::Store(_))));
    assert!(hello.made().is_none());
}

#[test]
fn what_is_to_be_typed_back_is_wiped_when_its_time_is_over() {
    let (bed, hello) = Bed::with_pin();
    made(&hello);
    let lifetime = u64::try_from(CODE_LIFETIME.as_millis()).unwrap();
    bed.clock.advance(lifetime - 1);
    hello.sweep();
    assert!(hello.made().is_some());
    bed.clock.advance(1);
    hello.sweep();
    assert!(hello.made().is_none());
}

#[test]
fn a_lock_does_not_wait_for_a_code_that_is_being_confirmed() {
    let (_bed, hello) = Bed::with_pin();
    let code = made(&hello);
    // As if the disk took its time.
    let change = hello.durable.change();
    let refusal = thread::scope(|scope| {
        let confirming = scope.spawn(|| hello.confirm_recovery_code(&code.ends()));
        hello.lock();
        drop(change);
        refused(confirming.join().unwrap())
    });
    assert_eq!(refusal, NotVerified::NoCode);
    assert_eq!(hello.status().recovery_code, CodeStatus::Pending);
}

#[test]
fn a_code_verifies_nothing_and_no_gesture_serves_another_ones_claim() {
    let (_bed, hello) = Bed::with_pin();
    let code = code(&hello);
    let before = hello.durable.state().unwrap();
    assert!(matches!(
        hello.verify(again(&code), &request(1)),
        Err(HelloError::OtherGesture)
    ));
    let armed = hello.arm_alone(Way::RecoveryCode);
    assert!(matches!(
        hello.change_pin_at(&armed, pin(RIGHT), &pin(NEW)),
        Err(HelloError::OtherGesture)
    ));
    let armed = hello.arm_alone(Way::Pin);
    assert!(matches!(
        hello.recover_at(&armed, code, &pin(NEW)),
        Err(HelloError::OtherGesture)
    ));
    let after = hello.durable.state().unwrap();
    assert_eq!(before.evidence_count, after.evidence_count);
    assert_eq!(hello.status().pin().unwrap().tries_left, TryPolicy::PIN.max_failures);
}

#[test]
fn a_code_takes_a_verification_and_each_takes_one() {
    let (_bed, hello) = Bed::with_pin();
    let (_, ticket) = hello.verify_and_hold(pin(RIGHT), &request(1)).unwrap();
    hello.make_recovery_code(&ticket).unwrap();
    assert_eq!(refused(hello.make_recovery_code(&ticket)), NotVerified::TicketGone);
    let (_, ticket) = hello.verify_and_hold(pin(RIGHT), &request(1)).unwrap();
    hello.lock();
    assert_eq!(refused(hello.make_recovery_code(&ticket)), NotVerified::TicketGone);
    assert!(matches!(
        hello.verify_and_hold(pin(WRONG), &request(1)).map(drop),
        Err(HelloError::Refused(NotVerified::WrongPin { .. }))
    ));
}
