//! What the security-key door brings: choosing a key by consent, and answers that may not say that the user was verified.

use super::*;

#[test]
fn choosing_a_key_takes_consent_and_no_pin() {
    let start = |pin_set, locked_out| {
        let mut input = approval(Approval::UseSecurityKey);
        input.hello.methods.truncate(usize::from(pin_set));
        for method in &mut input.hello.methods {
            method.locked_out = locked_out;
        }
        Driven::start(input)
    };
    // Neither a missing nor a locked PIN is in the way.
    for (pin_set, locked_out) in [(true, false), (false, false), (true, true)] {
        let mut course = start(pin_set, locked_out);
        assert_eq!((course.view().kind, course.view().pin()), (Kind::Verify, None));
        course.approve(None, Some(1));
        match course.result() {
            Ok(Outcome::Approved { evidence, unlock, .. }) => assert!(evidence.is_none() && unlock.is_none()),
            _ => panic!("not approved"),
        }
    }
    let mut course = start(true, false);
    course.on(Event::UserRefused);
    assert!(matches!(course.result(), Err(Cause::CancelledByUser)));
}

#[test]
fn a_pin_that_only_unlocks_verifies_nobody() {
    let mut locked = only_notebook();
    locked[0].lock = Lock::Locked;
    let mut input = ceremony(&get(), &locked, &[passkey(NOTEBOOK, 1, "alice")], false);
    if let super::super::Wanted::Answer(course) = &mut input.wanted {
        course.consent_only = true;
    }
    let mut course = Driven::start(input);
    assert!(course.view().pin().is_some(), "the provider has to be unlocked");
    course.approve(None, Some(1)).ready(Lock::Locked);
    assert_eq!(course.verify().unlock, [id(NOTEBOOK)]);
    course.verified(2, TRANSACTIONS[0], Some(3));
    let execution = course.execution();
    assert!(execution.evidence.is_none());
    assert_eq!(execution.unlock, Some(Unlock(3)));
}
