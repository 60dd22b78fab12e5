//! The machine's promises, one by one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

const ONE: Option<TransactionId> = Some(TransactionId([1; 16]));
const TWO: Option<TransactionId> = Some(TransactionId([2; 16]));

fn at(hours: u64) -> Moment {
    Moment {
        boot: [1; 16],
        since_boot_ms: hours * 3_600_000,
    }
}

fn machine() -> Machine {
    Machine::new(Reopening::new(Duration::from_hours(2)))
}

fn armed(machine: &mut Machine, transaction: Option<TransactionId>, way: Way, now: Moment) -> Claim {
    let claim = machine.claim(transaction, way);
    machine.step(claim, Event::Arm, now);
    claim
}

/// A gesture that arrives, is written and looked at.
fn gesture(machine: &mut Machine, claim: Claim, what: Event, now: Moment) -> Act {
    machine.step(claim, Event::Gesture, now);
    machine.step(claim, Event::Written, now);
    machine.step(claim, what, now)
}

#[test]
fn the_first_success_wins_and_frees_the_reader() {
    let mut machine = machine();
    let opened = armed(&mut machine, None, Way::Pin, at(0));
    assert_eq!(gesture(&mut machine, opened, Event::Right, at(0)), Act::GiveOut);
    let (pin, finger) = (
        armed(&mut machine, ONE, Way::Pin, at(0)),
        armed(&mut machine, ONE, Way::Finger, at(0)),
    );
    assert_eq!(pin.generation, finger.generation);
    assert!(machine.holds_reader(finger));
    assert_eq!(gesture(&mut machine, pin, Event::Right, at(0)), Act::GiveOut);
    assert!(!machine.holds_reader(finger));
    assert_eq!(gesture(&mut machine, finger, Event::Right, at(0)), Act::Nothing);
    // What comes later with the same transaction is an attempt of its own.
    let later = armed(&mut machine, ONE, Way::Pin, at(0));
    assert_ne!(later.generation, pin.generation);
    assert_eq!(gesture(&mut machine, later, Event::Right, at(0)), Act::GiveOut);
}

#[test]
fn a_wrong_pin_leaves_the_finger_armed_and_five_misses_ask_for_the_pin() {
    let mut machine = machine();
    let opened = armed(&mut machine, None, Way::Pin, at(0));
    gesture(&mut machine, opened, Event::Right, at(0));
    let (pin, finger) = (
        armed(&mut machine, ONE, Way::Pin, at(0)),
        armed(&mut machine, ONE, Way::Finger, at(0)),
    );
    assert_eq!(gesture(&mut machine, pin, Event::Wrong, at(0)), Act::Wait);
    for miss in 1..=MAX_MISSES {
        assert_eq!(machine.state(finger), State::Armed);
        let act = if miss < MAX_MISSES { Act::Wait } else { Act::AskPin };
        assert_eq!(gesture(&mut machine, finger, Event::Wrong, at(0)), act);
    }
    assert!(!machine.holds_reader(finger));
    assert_eq!(gesture(&mut machine, pin, Event::Right, at(0)), Act::GiveOut);
}

#[test]
fn a_finger_opens_again_what_a_pin_opened_and_nothing_else() {
    let mut machine = machine();
    let finger = machine.claim(None, Way::Finger);
    assert_eq!(machine.step(finger, Event::Arm, at(0)), Act::AskPin);
    // A PIN that some program drew the window for, and the recovery code, open nothing for later.
    for way in [Way::ClientPin, Way::RecoveryCode] {
        let claim = armed(&mut machine, None, way, at(0));
        assert_eq!(gesture(&mut machine, claim, Event::Right, at(0)), Act::GiveOut);
        assert!(!machine.reopens(at(0)));
    }
    let pin = armed(&mut machine, None, Way::Pin, at(0));
    gesture(&mut machine, pin, Event::Right, at(0));
    let finger = armed(&mut machine, None, Way::Finger, at(1));
    assert_eq!(gesture(&mut machine, finger, Event::Right, at(1)), Act::GiveOut);
    // A finger does not make it longer, and another boot is another login.
    assert!(!machine.reopens(at(2)));
    let rebooted = Moment { boot: [2; 16], ..at(1) };
    assert!(machine.reopens(at(1)) && !machine.reopens(rebooted));
    machine.lock();
    assert!(!machine.reopens(at(1)));
    assert!(Machine::new(Reopening::new(Duration::MAX)).reopening.longest == LONGEST_REOPENING);
}

#[test]
fn a_finger_that_comes_after_the_time_is_over_opens_nothing() {
    let mut machine = machine();
    let pin = armed(&mut machine, None, Way::Pin, at(0));
    gesture(&mut machine, pin, Event::Right, at(0));
    let (early, late) = (
        armed(&mut machine, None, Way::Finger, at(1)),
        armed(&mut machine, None, Way::Finger, at(1)),
    );
    machine.step(early, Event::Gesture, at(1));
    machine.step(early, Event::Written, at(1));
    assert_eq!(machine.step(early, Event::Right, at(2)), Act::AskPin);
    assert_eq!(machine.step(late, Event::Gesture, at(2)), Act::AskPin);
    assert_eq!(
        (machine.state(early), machine.state(late)),
        (State::Refused, State::Refused)
    );
}

#[test]
fn a_cancel_ends_its_own_transaction_and_a_lock_ends_all() {
    let mut machine = machine();
    let [one, two, three] = [ONE, TWO, None].map(|transaction| armed(&mut machine, transaction, Way::Pin, at(0)));
    machine.step(one, Event::Gesture, at(0));
    machine.step(one, Event::Written, at(0));
    machine.cancel(TransactionId([1; 16]));
    assert_eq!(
        machine.step(one, Event::Right, at(0)),
        Act::Nothing,
        "it comes too late"
    );
    assert_eq!(gesture(&mut machine, two, Event::Right, at(0)), Act::GiveOut);
    machine.lock();
    let late = "nothing that comes after the commit is given out either";
    assert_eq!(machine.state(two), State::Refused, "{late}");
    assert_eq!(gesture(&mut machine, three, Event::Right, at(0)), Act::Nothing);
}

#[test]
fn claims_without_a_transaction_stand_alone_and_are_forgotten_when_left() {
    let mut machine = machine();
    let (one, two) = (
        armed(&mut machine, None, Way::Pin, at(0)),
        armed(&mut machine, None, Way::Pin, at(0)),
    );
    for claim in [one, two] {
        assert_eq!(gesture(&mut machine, claim, Event::Right, at(0)), Act::GiveOut);
        machine.leave(claim);
        assert_eq!(machine.state(claim), State::Refused);
    }
    assert!(machine.is_empty());
}
