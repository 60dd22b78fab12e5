//! Ceremonies that bring a ticket in place of the PIN.

use claviger_ctap::types::RpId;

use super::*;

/// The ticket, told apart from every PIN typed.
const TICKET: u64 = 1_000;

#[test]
fn a_ticket_leaves_choice_and_consent_to_ask_for() {
    let mut course = Driven::start_with(ceremony(&get(), &providers(), &alice_and_bob(), true), Some(TICKET));
    let view = course.view();
    assert_eq!((view.kind, view.choices.len()), (Kind::SignIn, 2));
    assert!(view.pin().is_none() && view.problem.is_none());
    // What is typed all the same is not taken for a PIN.
    course.approve(Some("c2"), Some(1)).ready(Lock::Locked);
    let verify = course.verify();
    assert_eq!((&verify.gesture, verify.transaction), (&Pin(TICKET), TRANSACTIONS[0]));
    assert_eq!(verify.unlock, [id(VAULT)]);
    course.verified(2, TRANSACTIONS[0], Some(3));
    course.says(&["CloseView", "Execute(org.claviger.Vault)"]);
    assert!(course.execution().evidence.is_some());
}

#[test]
fn a_ticket_is_no_consent() {
    for refusal in [Event::UserRefused, Event::PromptUnavailable] {
        let mut course = Driven::start_with(ceremony(&make(), &only_notebook(), &[], true), Some(TICKET));
        course.on(refusal);
        assert!(course.result().is_err());
        course.says(&["CloseView", &format!("Finish({:?})", course.cause())]);
    }
}

#[test]
fn a_ticket_that_is_gone_has_the_screen_ask_for_the_pin() {
    let mut course = Driven::start_with(ceremony(&get(), &providers(), &alice_and_bob(), true), Some(TICKET));
    course
        .approve(Some("c2"), None)
        .ready(Lock::Locked)
        .on(Event::VerifyFailed(VerifyFailure::Gesture(NotVerified::TicketGone)));
    assert_eq!(course.problem(), "pin-needed");
    assert_eq!(course.view().pin().expect("a PIN entry").purpose, Purpose::Verify);
    assert_eq!(course.view().preselected.as_deref(), Some("c2"), "the choice is kept");
    course.approve(None, None);
    assert_eq!(course.problem(), "pin-needed");
    course.approve(None, Some(1)).ready(Lock::Locked);
    assert_eq!(course.verify().gesture, Pin(1));
}

#[test]
fn a_ticket_that_is_gone_meets_the_lock_out_and_the_missing_pin() {
    let start = |change: fn(&mut HelloStatus)| {
        let mut input = ceremony(&make(), &only_notebook(), &[], true);
        change(&mut input.hello);
        let mut course = Driven::start_with(input, Some(TICKET));
        course
            .approve(None, None)
            .ready(Lock::Open)
            .on(Event::VerifyFailed(VerifyFailure::Gesture(NotVerified::TicketGone)));
        course
    };
    start(|hello| hello.methods[0].locked_out = true).notice(&Cause::LockedOut);
    assert_eq!(start(|hello| hello.methods.clear()).view().kind, Kind::ChoosePin);
}

#[test]
fn a_provider_that_locks_itself_after_a_ticket_takes_the_pin() {
    let mut course = Driven::start_with(ceremony(&get(), &providers(), &alice_and_bob(), true), Some(TICKET));
    course
        .approve(Some("c2"), None)
        .ready(Lock::Open)
        .verified(2, TRANSACTIONS[0], None)
        .declined(Status::Locked);
    assert_eq!(course.problem(), "locked");
    assert!(course.view().pin().is_some(), "one ticket is one verification");
    course.approve(None, Some(1)).ready(Lock::Locked);
    assert_eq!(
        (&course.verify().gesture, course.verify().transaction),
        (&Pin(1), TRANSACTIONS[1])
    );
}

#[test]
fn a_ticket_that_was_not_needed_is_kept_for_what_needs_it() {
    let start = || {
        Driven::start_with(
            ceremony(&get(), &only_notebook(), &[passkey(NOTEBOOK, 1, "alice")], false),
            Some(TICKET),
        )
    };
    // Open, and nobody asks for verification: there is nothing to spend it on.
    let mut course = start();
    course.approve(None, None).ready(Lock::Open);
    assert!(course.execution().evidence.is_none());
    // It says that it is locked when it is called: the same screen again, and still no PIN.
    course.declined(Status::Locked);
    assert!(course.view().pin().is_none() && course.view().problem.is_none());
    course.approve(None, None).ready(Lock::Locked);
    assert_eq!(course.verify().gesture, Pin(TICKET));
    // It had locked itself before it was described: no further question at all.
    let mut course = start();
    course.approve(None, None).ready(Lock::Locked);
    assert_eq!(course.verify().gesture, Pin(TICKET));
    assert_eq!(course.verify().unlock, [id(NOTEBOOK)]);
}

#[test]
fn an_approval_takes_a_ticket_too() {
    let delete = || {
        approval(Approval::DeletePasskey {
            provider: named(VAULT, "Claviger vault"),
            account: Some("alice".to_owned()),
            rp_id: RpId::new(RP_ID).unwrap(),
            locked: true,
        })
    };
    let mut course = Driven::start_with(delete(), Some(TICKET));
    assert!(course.view().pin().is_none());
    course.approve(None, None);
    assert_eq!(course.verify().gesture, Pin(TICKET));
    course.on(Event::VerifyFailed(VerifyFailure::Gesture(NotVerified::TicketGone)));
    assert!(course.view().pin().is_some());
    course.approve(None, Some(1));
    assert_eq!(course.verify().gesture, Pin(1));
    course.verified(2, TRANSACTIONS[0], Some(3));
    assert!(matches!(course.result(), Ok(Outcome::Approved { .. })));
}
