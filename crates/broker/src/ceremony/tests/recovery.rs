//! The recovery code on the screens: where it is offered, what it leads to, and who is told that there is none.

use claviger_hello::verification::NotVerified;
use claviger_hello::{CodeStatus, MethodStatus};
use claviger_prompt_api::message::Message;
use claviger_prompt_api::text;
use claviger_prompt_api::view::Kind;

use super::super::fixtures::{Pin, approval, ceremony, make, providers};
use super::super::{Approval, Event, HelloStatus, Input, Outcome, RecoveryFailure};
use super::Driven;
use crate::types::Cause;

/// To make a passkey, with hello like this.
fn input(hello: HelloStatus) -> Input {
    Input {
        hello,
        ..ceremony(&make(), &providers(), &[], true)
    }
}

fn hello(locked_out: bool, restored: bool, recovery_code: CodeStatus) -> HelloStatus {
    HelloStatus {
        methods: vec![MethodStatus {
            locked_out,
            wait_ms: if restored { 3_600_000 } else { 0 },
            ..MethodStatus::fresh_pin()
        }],
        restored,
        recovery_code,
    }
}

fn recovers() -> Event<super::super::fixtures::Numbered> {
    Event::UserRecovers {
        code: Pin(1),
        new: Pin(2),
    }
}

#[test]
fn a_lock_out_offers_the_code_and_goes_on_with_the_request() {
    for code in [CodeStatus::Pending, CodeStatus::Confirmed] {
        let mut course = Driven::start(input(hello(true, false, code)));
        assert_eq!((course.view().kind, course.view().recovery), (Kind::Notice, true));
        assert_eq!(course.problem(), text::LOCKED_OUT);
        course.on(recovers()).says(&["Recover"]);
        let wrong = RecoveryFailure::Refused(NotVerified::WrongCode { wait_ms: 2_000 });
        course.on(Event::Recovered(Err(wrong)));
        assert_eq!(course.problem(), text::WRONG_RECOVERY_CODE);
        course.on(recovers());
        course.on(Event::Recovered(Err(RecoveryFailure::Weak("sequence".to_owned()))));
        assert_eq!(course.problem(), text::WEAK_PIN);
        course.on(recovers()).says(&["Recover"]);
        course.on(Event::Recovered(Ok(())));
        // The new PIN is asked for like any other, and the choice is still there.
        let view = course.view();
        assert_eq!((view.kind, view.choices.len()), (Kind::Create, 2));
        assert_eq!(course.problem(), text::PIN_SET);
        assert!(view.pin().is_some_and(|pin| pin.tries_left == 10 && pin.wait_ms == 0));
    }
}

#[test]
fn the_last_wrong_pin_offers_the_code_too() {
    let mut course = Driven::start(Input {
        hello: hello(false, false, CodeStatus::Confirmed),
        ..approval(Approval::ListPasskeys)
    });
    course.approve(None, Some(7));
    course.on(Event::VerifyFailed(super::super::VerifyFailure::Gesture(
        NotVerified::WrongPin {
            tries_left: 0,
            wait_ms: 0,
        },
    )));
    assert!(course.view().recovery);
    course.on(Event::UserRefused);
    assert_eq!(course.cause(), &Cause::LockedOut);
}

#[test]
fn without_a_code_a_lock_out_offers_nothing() {
    let mut course = Driven::start(input(hello(true, false, CodeStatus::None)));
    assert!(!course.view().recovery);
    course.on(recovers()).says(&[]);
}

#[test]
fn a_file_that_was_put_back_offers_the_code_beside_the_wait() {
    let mut course = Driven::start(input(hello(false, true, CodeStatus::Confirmed)));
    assert_eq!((course.view().kind, course.view().recovery), (Kind::Create, true));
    assert_eq!(course.problem(), text::WAIT);
    course.on(recovers()).says(&["Recover"]);
    course.on(Event::Recovered(Ok(())));
    assert_eq!(course.problem(), text::PIN_SET);
    assert!(course.view().pin().is_some_and(|pin| pin.wait_ms == 0));
}

#[test]
fn a_lock_while_the_code_is_looked_at_leaves_the_question_and_a_code_that_is_gone_is_offered_no_more() {
    let looked_at = |why| {
        let mut course = Driven::start(input(hello(false, false, CodeStatus::Confirmed)));
        course.on(recovers()).says(&["Recover"]);
        course.on(Event::Recovered(Err(RecoveryFailure::Refused(why))));
        let view = course.view();
        assert!(view.kind == Kind::Create && view.problem.is_none(), "{why:?}");
        view.recovery
    };
    assert!(looked_at(NotVerified::Cancelled));
    assert!(!looked_at(NotVerified::NoCode));
}

#[test]
fn whoever_wanted_another_pin_has_it_with_the_code() {
    let mut course = Driven::start(Input {
        hello: hello(false, false, CodeStatus::Confirmed),
        ..approval(Approval::ChangePin)
    });
    assert!(course.view().recovery);
    course.on(recovers()).says(&["Recover"]);
    course.on(Event::Recovered(Ok(())));
    assert!(matches!(course.result(), Ok(Outcome::Approved { .. })));
}

#[test]
fn whoever_forgot_the_pin_has_the_code_taken_before_any_wrong_one() {
    let mut course = Driven::start(input(hello(false, false, CodeStatus::Confirmed)));
    assert_eq!((course.view().kind, course.view().recovery), (Kind::Create, true));
    course.on(recovers()).says(&["Recover"]);
    course.on(Event::Recovered(Ok(())));
    assert_eq!((course.view().kind, course.problem()), (Kind::Create, text::PIN_SET));
    // Without a code there is nothing to take.
    let mut course = Driven::start(input(hello(false, false, CodeStatus::None)));
    assert!(!course.view().recovery);
    course.on(recovers()).says(&[]);
    // Where agreeing is enough nobody needs the PIN, nor the code.
    let agreeing = Driven::start(Input {
        hello: hello(false, false, CodeStatus::Confirmed),
        ..approval(Approval::UseSecurityKey)
    });
    assert!(agreeing.view().methods.is_empty() && !agreeing.view().recovery);
}

#[test]
fn a_quiet_line_says_that_there_is_no_code_until_there_is_one() {
    let note = |code| Driven::start(input(hello(false, false, code))).view().note.clone();
    assert_eq!(note(CodeStatus::None), Some(Message::NoRecoveryCode {}));
    assert_eq!(note(CodeStatus::Pending), Some(Message::NoRecoveryCode {}));
    assert_eq!(note(CodeStatus::Confirmed), None);
    let making = Driven::start(approval(Approval::MakeRecoveryCode));
    assert_eq!(making.view().note, None);
    let agreeing = Driven::start(approval(Approval::UseSecurityKey));
    assert_eq!(agreeing.view().note, None, "it takes no PIN");
}

#[test]
fn hello_holds_what_was_opened_for_a_recovery_code_only() {
    for (what, holds) in [(Approval::MakeRecoveryCode, true), (Approval::ListPasskeys, false)] {
        let mut course = Driven::start(approval(what));
        course.approve(None, Some(7));
        assert_eq!(course.verify().hold, holds);
    }
}
