//! One test per way that a ceremony can go wrong or be ended from outside.

use std::time::Duration;

use claviger_ctap::make_credential;
use claviger_ctap::types::{RpEntity, UserEntity};
use claviger_peer::Standing;

use super::*;
use crate::choice::Preference;
use crate::types::{Caller, CeremonyRequest, CtapRequest, Door, DoorTraits, Requester, Said, UserVerification};

/// Events are not `Clone`, so a table holds how to make them.
type MakeEvent = fn() -> Event<Numbered>;

#[test]
fn nothing_to_offer_is_a_notice_with_the_true_cause() {
    Driven::start(ceremony(&get(), &providers(), &[], true)).notice(&Cause::NoCredential);

    let mut all = providers();
    all[0].enabled = false;
    let mut course = Driven::start(ceremony(&get(), &all, &alice_and_bob(), true));
    assert!(said(course.view().problem.as_ref().map(|problem| &problem.text)).contains("Claviger vault"));
    course.notice(&Cause::ProviderDisabled);
}

#[test]
fn a_disabled_provider_that_could_help_is_turned_on_by_its_own_answer_and_no_other() {
    let mut all = providers();
    all[0].enabled = false;
    let start = || Driven::start(ceremony(&get(), &all, &alice_and_bob(), true));
    assert_eq!(start().view().turn_on.as_deref(), Some("Claviger vault"));
    for other in [None, Some("c1"), Some("turn-off")] {
        assert_eq!(
            start().approve(other, Some(1)).result().err(),
            Some(&Cause::ProviderDisabled)
        );
    }
    let mut course = start();
    // What was typed is nobody's: the PIN is asked for on the screen that says what enabling means.
    course.approve(Some("turn-on"), Some(1));
    course.says(&["CloseView", "Finish(TurnOn(org.claviger.Vault))"]);
    // One that cannot run is no help, turned on or not.
    all[0].reachable = false;
    let mut course = Driven::start(ceremony(&get(), &all, &alice_and_bob(), true));
    assert_eq!(course.view().turn_on, None);
    course.notice(&Cause::ProviderDisabled);
}

#[test]
fn what_nobody_can_do_is_a_notice_that_says_what_helps() {
    for (why, helps) in [
        (Unserved::SecurityKey, "Use a security key instead"),
        (Unserved::LargeBlobs, "Use a security key instead"),
        (Unserved::Credentials, "Use a security key instead"),
        (Unserved::Frame, "in a tab of its own"),
    ] {
        let cause = Cause::Unserved(why);
        let nothing = Candidates::Nothing {
            cause: cause.clone(),
            provider_name: None,
            turn_on: None,
        };
        let mut course = Driven::start(with_candidates(nothing));
        let text = said(course.view().problem.as_ref().map(|problem| &problem.text));
        assert!(text.contains(helps) && text.contains(RP_ID), "{why:?}: {text}");
        course.notice(&cause);
    }
}

#[test]
fn what_a_site_insists_on_is_asked_only_of_who_keeps_it() {
    let rp = RpEntity {
        id: RP_ID.to_owned(),
        name: None,
    };
    let user = UserEntity {
        id: user(9),
        name: None,
        display_name: None,
    };
    let make = CtapRequest::Make(make_credential::Request::new([7; 32], rp, user, vec![-7]));
    let caller = Caller {
        door: Door::Cli,
        traits: DoorTraits::default(),
        standing: Standing::Unproved,
        app_id: None,
        name: "test".to_owned(),
        executable: "/usr/bin/test".into(),
        pid: 1,
        window: String::new(),
    };
    let time = Duration::from_mins(1);
    let request = CeremonyRequest::new(caller, Requester::Program, make, UserVerification::Required, time).unwrap();
    let offered = |enforced: bool, all: &[ProviderSnapshot]| {
        let request = request.clone().with_enforced_protection(enforced);
        let nothing_preferred = Preference::default();
        let input = Input::ceremony(&request, all, &[], &nothing_preferred, hello(), TRANSACTIONS, 0);
        match input.wanted {
            Wanted::Answer(wanted) => wanted.candidates,
            Wanted::Approve(_) => panic!("an approval"),
        }
    };
    let mut all = providers();
    all[0].keeps_protection = false;
    let names = |candidates| match candidates {
        Candidates::Choose { candidates, .. } => candidates.into_iter().map(|one| one.provider).collect(),
        _ => Vec::new(),
    };
    assert_eq!(names(offered(false, &all)).len(), 2);
    assert_eq!(names(offered(true, &all)), [id(NOTEBOOK)]);
    all[1].keeps_protection = false;
    let nobody = offered(true, &all);
    assert!(matches!(
        nobody,
        Candidates::Nothing {
            cause: Cause::Unsupported,
            ..
        }
    ));

    let request = request.clone().with_required_large_blobs(true);
    let offered = |all: &[ProviderSnapshot]| {
        let nothing_preferred = Preference::default();
        let input = Input::ceremony(&request, all, &[], &nothing_preferred, hello(), TRANSACTIONS, 0);
        match input.wanted {
            Wanted::Answer(wanted) => wanted.candidates,
            Wanted::Approve(_) => panic!("an approval"),
        }
    };
    all[0].keeps_large_blobs = false;
    assert_eq!(names(offered(&all)), [id(NOTEBOOK)]);
    all[1].keeps_large_blobs = false;
    let nobodys = |all: &[ProviderSnapshot]| match offered(all) {
        Candidates::Nothing { cause, .. } => cause,
        _ => panic!("somebody is asked"),
    };
    assert_eq!(nobodys(&all), Cause::Unserved(Unserved::LargeBlobs));
    // One that may not serve the site is no help, and where there is nobody at all the blobs are not what is missing.
    (all[0].keeps_large_blobs, all[0].allowed) = (true, false);
    assert_eq!(nobodys(&all), Cause::Unserved(Unserved::LargeBlobs));
    assert_ne!(nobodys(&[]), Cause::Unserved(Unserved::LargeBlobs));
}

#[test]
fn a_notice_keeps_its_cause_however_it_ends() {
    let ends: [MakeEvent; 6] = [
        || Event::TimedOut,
        || Event::CallerGone,
        || Event::CallerCancelled,
        || Event::PromptClosed,
        || Event::PromptUnavailable,
        || Event::UserApproved {
            choice: None,
            remember: false,
            gesture: None,
        },
    ];
    for end in ends {
        let mut course = Driven::start(ceremony(&get(), &providers(), &[], true));
        course.on(end()).says(&["CloseView", "Finish(NoCredential)"]);
    }
}

#[test]
fn an_unexpected_lock_is_met_once_with_the_pin() {
    let mut course = notebook_at_work();
    assert_eq!(course.execution().call.transaction, TRANSACTIONS[0]);
    course.declined(Status::Locked);
    assert_eq!((course.view().kind, course.problem()), (Kind::SignIn, "locked"));
    assert!(course.view().pin().is_some());
    course.approve(None, Some(1)).ready(Lock::Locked);
    assert_eq!(
        (course.verify().transaction, course.verify().unlock.as_slice()),
        (TRANSACTIONS[1], &[id(NOTEBOOK)][..])
    );
    course.verified(2, TRANSACTIONS[1], Some(3));
    assert_eq!(course.execution().call.transaction, TRANSACTIONS[1]);
    assert!(course.execution().evidence.is_some());
    course.declined(Status::Locked).notice(&Cause::ProviderLocked);
}

#[test]
fn a_lock_seen_before_the_call_asks_for_the_pin() {
    let mut course = Driven::start(ceremony(
        &get(),
        &only_notebook(),
        &[passkey(NOTEBOOK, 1, "alice")],
        false,
    ));
    course.approve(None, None).ready(Lock::Locked);
    assert_eq!(course.problem(), "locked");
    course.approve(None, None);
    assert_eq!(course.problem(), "pin-needed");
    course
        .approve(None, Some(1))
        .ready(Lock::Locked)
        .verified(2, TRANSACTIONS[0], Some(3));
    assert_eq!(course.execution().unlock, Some(Unlock(3)));
}

#[test]
fn a_provider_with_its_own_lock_may_show_its_own_window() {
    let all = [ProviderSnapshot {
        lock: Lock::OwnMeans,
        ..provider(NOTEBOOK, "Notebook")
    }];
    let mut course = Driven::start(ceremony(&get(), &all, &[passkey(NOTEBOOK, 1, "alice")], false));
    assert!(course.view().pin().is_none() && course.view().choices[0].locked);
    course.approve(None, None).ready(Lock::OwnMeans);
    assert_eq!(course.execution().presentation, Presentation::Visible);
    course.declined(Status::Locked).notice(&Cause::ProviderLocked);
}

#[test]
fn a_provider_that_declines_is_reported() {
    for (status, cause) in [
        (Status::NotFound, Cause::NoCredential),
        (Status::Excluded, Cause::Excluded),
        (Status::Busy, Cause::ProviderRefused(Status::Busy)),
        (Status::Unsupported, Cause::Unsupported),
        (Status::Denied, Cause::DeniedByPolicy),
        (Status::InvalidRequest, Cause::ProviderRefused(Status::InvalidRequest)),
        (Status::Internal, Cause::ProviderRefused(Status::Internal)),
        (Status::Damaged, Cause::ProviderDamaged(Said::default())),
        (Status::Unavailable, Cause::ProviderUnavailable(Said::default())),
    ] {
        notebook_at_work().declined(status).notice(&cause);
    }
    notebook_at_work()
        .declined(Status::Cancelled)
        .says(&["Finish(CancelledByUser)"]);
}

#[test]
fn a_provider_that_fails_is_reported() {
    for (failure, cause) in [
        (ProviderFailure::Crashed, Cause::ProviderCrashed),
        (ProviderFailure::Unreachable, Cause::ProviderUnreachable),
    ] {
        let mut course = notebook_at_work();
        course.on(Event::ProviderFailed(failure)).says(&["ShowView(notice)"]);
        course.notice(&cause);
    }
    let mut course = notebook_at_work();
    course
        .on(Event::ProviderFailed(ProviderFailure::Hung))
        .says(&["CancelProvider(org.example.Notebook)", "ShowView(notice)"]);
    course.notice(&Cause::ProviderHung);

    let mut course = Driven::start(ceremony(&make(), &providers(), &[], true));
    course
        .approve(Some("c1"), Some(1))
        .on(Event::ProviderFailed(ProviderFailure::Unreachable));
    course.notice(&Cause::ProviderUnreachable);

    let mut course = Driven::start(ceremony(&make(), &providers(), &[], true));
    course.approve(Some("c1"), Some(1));
    course.on(Event::ProviderReady(Readiness {
        lock: Lock::Open,
        supported: false,
    }));
    course.notice(&Cause::Unsupported);
}

#[test]
fn a_rejected_answer_goes_nowhere() {
    let mut course = notebook_at_work();
    course.answered(1).on(Event::AnswerChecked(Err(Rejection::Signature)));
    course.notice(&Cause::AnswerRejected(Rejection::Signature));
}

#[test]
fn evidence_that_was_not_asked_for_sets_nothing() {
    let mut course = Driven::start(ceremony(
        &get(),
        &only_notebook(),
        &[passkey(NOTEBOOK, 1, "alice")],
        false,
    ));
    course.verified(1, TRANSACTIONS[0], Some(2)).says(&[]);
    course
        .approve(None, None)
        .verified(1, TRANSACTIONS[0], Some(2))
        .says(&[]);
    course.ready(Lock::Open);
    assert!(course.execution().evidence.is_none());
    course.verified(1, TRANSACTIONS[0], None).says(&[]);
    course.answered(1).says(&["CheckAnswer(Consented)"]);
}

/// Each state by name, with whether a provider is at work in it.
fn every_state() -> Vec<(&'static str, Driven, bool)> {
    let waiting = || Driven::start(ceremony(&make(), &providers(), &[], true));
    let mut no_pin = ceremony(&make(), &providers(), &[], true);
    no_pin.hello.methods.clear();
    let mut setting = Driven::start(no_pin);
    let mut no_pin = ceremony(&make(), &providers(), &[], true);
    no_pin.hello.methods.clear();
    let choosing = Driven::start(no_pin);
    setting.approve(None, Some(1));
    let mut describing = waiting();
    describing.approve(Some("c1"), Some(1));
    let mut verifying = waiting();
    verifying.approve(Some("c1"), Some(1)).ready(Lock::Locked);
    let mut executing = waiting();
    executing
        .approve(Some("c1"), Some(1))
        .ready(Lock::Locked)
        .verified(1, TRANSACTIONS[0], None);
    let mut checking = notebook_at_work();
    checking.answered(1);
    let new = Driven {
        machine: Machine::new(ceremony(&make(), &providers(), &[], true)),
        said: Vec::new(),
    };
    vec![
        ("new", new, false),
        ("choosing a PIN", choosing, false),
        ("setting it", setting, false),
        ("asking", waiting(), false),
        ("describing", describing, false),
        ("verifying", verifying, false),
        ("executing", executing, true),
        ("checking", checking, false),
    ]
}

#[test]
fn an_end_from_outside_ends_every_state_once() {
    let ends: [(MakeEvent, Cause); 3] = [
        (|| Event::CallerGone, Cause::CallerGone),
        (|| Event::CallerCancelled, Cause::CancelledByCaller),
        (|| Event::TimedOut, Cause::TimedOut),
    ];
    for (end, cause) in ends {
        for (state, mut course, at_work) in every_state() {
            course.on(end());
            assert_eq!(course.cause(), &cause, "{state}");
            let cancels = course
                .said
                .iter()
                .any(|effect| matches!(effect, Effect::CancelProvider { .. }));
            assert_eq!(cancels, at_work, "{state}");
            for late in [Event::Started, end(), Event::UserRefused, Event::PromptClosed] {
                course.on(late).says(&[]);
            }
            course.answered(1).says(&[]);
            course.ready(Lock::Open).says(&[]);
            course.verified(1, TRANSACTIONS[0], None).says(&[]);
        }
    }
}

#[test]
fn the_user_may_refuse_whenever_there_is_a_screen() {
    for (state, mut course, _) in every_state() {
        let on_screen = !["new", "executing", "checking"].contains(&state);
        course.on(Event::UserRefused);
        assert_eq!(course.machine.is_finished(), on_screen, "{state}");
        if on_screen {
            assert_eq!(course.cause(), &Cause::CancelledByUser, "{state}");
        }
    }
}

#[test]
fn without_a_prompt_it_ends() {
    for event in [|| Event::PromptUnavailable, || Event::PromptClosed] {
        let event: MakeEvent = event;
        let mut course = Driven::start(ceremony(&make(), &providers(), &[], true));
        course.on(Event::PromptAttached).says(&[]);
        course.on(event()).says(&["CloseView", "Finish(NoPrompt)"]);
        notebook_at_work().on(event()).says(&[]);
    }
}

#[test]
fn an_approval_tells_which_provider_failed_it() {
    let mut course = Driven::start(approval(Approval::Unlock {
        providers: vec![named(VAULT, "Claviger vault")],
    }));
    course.approve(None, Some(1));
    course.on(Event::VerifyFailed(VerifyFailure::Provider(ProviderFailure::Hung)));
    course.notice(&Cause::ProviderHung);
    let mut course = Driven::start(approval(Approval::EnableProvider {
        provider: named("org.example.P", "P"),
        program: Some("/opt/p/bin/p\u{202e}".to_owned()),
        host: None,
    }));
    assert_eq!(course.view().program.as_deref(), Some("/opt/p/bin/p"));
    course
        .approve(None, Some(1))
        .on(Event::VerifyFailed(VerifyFailure::Unavailable));
    course.notice(&Cause::VerificationUnavailable);
}
