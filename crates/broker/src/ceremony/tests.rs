//! One test per course that a ceremony can take. The ways in which it can fail have a file of their own.

mod failures;
mod recovery;
mod security_key;
mod tickets;

use claviger_ctap::types::RpId;
use claviger_hello::verification::NotVerified;
use claviger_joint::answer::{NotDone, Status};
use claviger_joint::envelope::Presentation;
use claviger_joint::{ProviderId, TransactionId};
use claviger_prompt_api::manage::ProgramHost;
use claviger_prompt_api::message::Message;
use claviger_prompt_api::messages::Messages;
use claviger_prompt_api::view::{ChoiceKind, Kind, Purpose, View};
use claviger_webauthn::Unserved;

use super::fixtures::*;
use super::*;
use crate::check::Rejection;
use crate::choice::{Candidates, Lock, PasskeySnapshot, ProviderSnapshot, Requirements};
use crate::types::Cause;

type Effects = Vec<Effect<Numbered>>;

/// A machine and what it said last.
struct Driven {
    machine: Machine<Numbered>,
    said: Effects,
}

impl Driven {
    fn start(input: Input) -> Self {
        Self::start_with(input, None)
    }

    fn start_with(input: Input, ticket: Option<u64>) -> Self {
        let mut course = Self {
            machine: Machine::new(input).with_ticket(ticket.map(Pin)),
            said: Vec::new(),
        };
        course.on(Event::Started);
        course
    }

    fn on(&mut self, event: Event<Numbered>) -> &mut Self {
        self.said = self.machine.handle(event);
        self
    }

    fn approve(&mut self, choice: Option<&str>, pin: Option<u64>) -> &mut Self {
        self.on(Event::UserApproved {
            choice: choice.map(str::to_owned),
            remember: false,
            gesture: pin.map(Pin),
        })
    }

    fn ready(&mut self, lock: Lock) -> &mut Self {
        self.on(Event::ProviderReady(Readiness { lock, supported: true }))
    }

    fn verified(&mut self, number: u64, transaction: TransactionId, unlock: Option<u64>) -> &mut Self {
        let evidence = Evidence {
            number,
            audience: id(VAULT),
            transaction,
        };
        self.on(Event::Verified {
            evidence,
            unlock: unlock.map(Unlock),
        })
    }

    fn answered(&mut self, number: u64) -> &mut Self {
        self.on(Event::ProviderAnswered(ProviderReply::Ok(Reply(number))))
    }

    fn declined(&mut self, status: Status) -> &mut Self {
        self.on(Event::ProviderAnswered(ProviderReply::Declined(NotDone {
            status,
            reason: None,
        })))
    }

    fn view(&self) -> &View {
        let view = self.said.iter().find_map(|effect| {
            if let Effect::ShowView(view) = effect {
                Some(view)
            } else {
                None
            }
        });
        view.unwrap_or_else(|| panic!("no view in {:?}", self.said))
    }

    fn problem(&self) -> &str {
        &self.view().problem.as_ref().expect("a problem").code
    }

    fn verify(&self) -> &Verify<Numbered> {
        let verify = self.said.iter().find_map(|effect| {
            if let Effect::Verify(it) = effect {
                Some(it)
            } else {
                None
            }
        });
        verify.unwrap_or_else(|| panic!("no verification in {:?}", self.said))
    }

    fn execution(&self) -> &Execution<Numbered> {
        let execution = self.said.iter().find_map(|effect| {
            if let Effect::Execute(it) = effect {
                Some(it)
            } else {
                None
            }
        });
        execution.unwrap_or_else(|| panic!("no execution in {:?}", self.said))
    }

    fn says(&self, kinds: &[&str]) {
        let said: Vec<String> = self
            .said
            .iter()
            .filter(|effect| !matches!(effect, Effect::Audit(_)))
            .map(|effect| format!("{effect:?}"))
            .collect();
        assert_eq!(said, kinds);
    }

    fn result(&self) -> Result<&Outcome<Numbered>, &Cause> {
        assert!(self.machine.is_finished());
        match self.said.last() {
            Some(Effect::Finish(result)) => result.as_ref(),
            other => panic!("no end but {other:?}"),
        }
    }

    fn cause(&self) -> &Cause {
        self.result().err().expect("a cause")
    }

    /// Whether this is a notice; closes it.
    fn notice(&mut self, cause: &Cause) {
        assert_eq!((self.view().kind, self.problem()), (Kind::Notice, cause.code()));
        assert!(!self.machine.is_finished(), "the caller must not learn before the user");
        self.on(Event::UserRefused);
        self.says(&["CloseView", &format!("Finish({cause:?})")]);
    }
}

fn alice_and_bob() -> Vec<PasskeySnapshot> {
    vec![passkey(VAULT, 1, "alice"), passkey(VAULT, 2, "bob")]
}

fn only_notebook() -> Vec<ProviderSnapshot> {
    vec![provider(NOTEBOOK, "Notebook")]
}

/// A sign-in with the notebook's only passkey, up to the call.
fn notebook_at_work() -> Driven {
    let mut course = Driven::start(ceremony(
        &get(),
        &only_notebook(),
        &[passkey(NOTEBOOK, 1, "alice")],
        false,
    ));
    course.approve(None, None).ready(Lock::Open);
    course.says(&["CloseView", "Execute(org.example.Notebook)"]);
    course
}

/// A message as the user reads it.
fn said(message: Option<&Message>) -> String {
    Messages::english().text(message.expect("a message"))
}

#[test]
fn create_asks_choice_and_pin_on_one_screen() {
    let mut course = Driven::start(ceremony(&make(), &providers(), &[], true));
    let view = course.view();
    assert_eq!(
        (view.kind, said(view.title.as_ref()).as_str()),
        (Kind::Create, "Create a passkey for example.com")
    );
    assert_eq!(
        view.choices.iter().map(|it| said(Some(&it.label))).collect::<Vec<_>>(),
        ["Claviger vault", "Notebook"]
    );
    assert_eq!(view.pin().expect("a PIN entry").purpose, Purpose::Verify);
    assert!(view.remember && view.preselected.is_none());
    assert_eq!(view.expires_ms, Some(60_000));

    let choice = course.view().choices[0].id.clone();
    course.on(Event::UserApproved {
        choice: Some(choice),
        remember: true,
        gesture: Some(Pin(7)),
    });
    course.says(&["DescribeProvider(org.claviger.Vault)"]);

    course.ready(Lock::Locked);
    let verify = course.verify();
    assert_eq!(
        (&verify.gesture, verify.audience.as_str(), verify.transaction),
        (&Pin(7), VAULT, TRANSACTIONS[0])
    );
    assert_eq!(verify.unlock, [id(VAULT)]);
    assert_eq!(verify.call.as_ref().map(|call| call.provider.as_str()), Some(VAULT));

    course.verified(70, TRANSACTIONS[0], Some(71));
    course.says(&["CloseView", "Execute(org.claviger.Vault)"]);
    let execution = course.execution();
    assert_eq!(execution.evidence.as_ref().map(|evidence| evidence.number), Some(70));
    assert_eq!(
        (&execution.unlock, execution.presentation),
        (&Some(Unlock(71)), Presentation::Silent)
    );
    assert_eq!(execution.call.credential, None);

    course.answered(700).says(&["CheckAnswer(Verified)"]);
    course.on(Event::AnswerChecked(Ok(checked(700))));
    course.says(&[
        "Remember(org.claviger.Vault)",
        "Used(org.claviger.Vault)",
        "Finish(Answered)",
    ]);
    assert!(matches!(course.result(), Ok(Outcome::Answered(Answer(700)))));
    course.on(Event::TimedOut).says(&[]);
}

#[test]
fn one_possible_answer_needs_no_picker_but_consent() {
    let mut course = Driven::start(ceremony(
        &get(),
        &only_notebook(),
        &[passkey(NOTEBOOK, 1, "alice")],
        false,
    ));
    let view = course.view();
    assert_eq!((view.kind, view.choices.len(), view.remember), (Kind::SignIn, 1, false));
    assert_eq!(view.preselected.as_ref(), Some(&view.choices[0].id));
    assert_eq!(
        (view.choices[0].kind, said(Some(&view.choices[0].label)).as_str()),
        (ChoiceKind::Passkey, "alice")
    );
    assert!(view.pin().is_none(), "nothing asks for verification");

    course.approve(None, None).ready(Lock::Open);
    let execution = course.execution();
    assert!(execution.evidence.is_none() && execution.unlock.is_none());
    assert_eq!(execution.call.credential, Some(credential(1)));
    course.answered(5).says(&["CheckAnswer(Consented)"]);
    course
        .on(Event::AnswerChecked(Ok(checked(5))))
        .says(&["Used(org.example.Notebook)", "Finish(Answered)"]);
}

#[test]
fn several_accounts_are_offered_and_the_chosen_one_is_used() {
    let mut course = Driven::start(ceremony(&get(), &providers(), &alice_and_bob(), true));
    let labels: Vec<_> = course
        .view()
        .choices
        .iter()
        .map(|it| (said(Some(&it.label)), it.locked))
        .collect();
    assert_eq!(
        labels,
        [("bob".to_owned(), true), ("alice".to_owned(), true)],
        "the newest first"
    );
    course
        .approve(Some("c2"), Some(1))
        .ready(Lock::Locked)
        .verified(2, TRANSACTIONS[0], Some(3));
    assert_eq!(course.execution().call.credential, Some(credential(1)));
}

#[test]
fn a_locked_provider_takes_the_pin_even_without_verification() {
    let mut course = Driven::start(ceremony(&get(), &providers(), &alice_and_bob(), false));
    assert!(course.view().pin().is_some());
    course.approve(None, None);
    assert_eq!(course.problem(), "pin-needed");
    course.approve(None, Some(1)).ready(Lock::Locked);
    assert_eq!(course.verify().unlock, [id(VAULT)]);
}

#[test]
fn an_open_provider_beside_a_locked_one_needs_no_pin() {
    let mut course = Driven::start(ceremony(&make(), &providers(), &[], false));
    assert!(course.view().pin().is_some());
    course.approve(Some("c2"), None).ready(Lock::Open);
    assert!(course.execution().evidence.is_none());
}

#[test]
fn an_approval_must_name_a_choice_that_there_is() {
    let mut course = Driven::start(ceremony(&make(), &providers(), &[], true));
    course.approve(None, Some(1));
    assert_eq!(course.problem(), "choice-needed");
    course.approve(Some("c9"), Some(1));
    assert_eq!(course.problem(), "choice-needed");
    course.approve(Some("c2"), None);
    assert_eq!(
        (course.problem(), course.view().preselected.as_deref()),
        ("pin-needed", Some("c2"))
    );
}

#[test]
fn a_second_click_counts_for_nothing() {
    let mut course = Driven::start(ceremony(&make(), &providers(), &[], true));
    course
        .approve(Some("c1"), Some(1))
        .says(&["DescribeProvider(org.claviger.Vault)"]);
    course.approve(Some("c2"), Some(2)).says(&[]);
    course.ready(Lock::Open);
    assert_eq!(course.verify().gesture, Pin(1));
}

#[test]
fn without_a_pin_one_is_chosen_first() {
    let mut input = ceremony(&make(), &providers(), &[], true);
    input.hello.methods.clear();
    let mut course = Driven::start(input);
    assert_eq!(
        (course.view().kind, course.view().pin().expect("an entry").purpose),
        (Kind::ChoosePin, Purpose::New)
    );
    course.approve(None, None);
    assert_eq!(course.problem(), "pin-needed");
    course.approve(None, Some(1)).says(&["SetPin"]);
    course.on(Event::PinSet(Err(PinFailure::Weak("common".to_owned()))));
    assert_eq!((course.view().kind, course.problem()), (Kind::ChoosePin, "weak-pin"));
    assert!(said(course.view().problem.as_ref().map(|problem| &problem.text)).contains("most used"));
    course.approve(None, Some(2)).on(Event::PinSet(Ok(())));
    assert_eq!(
        (course.view().kind, course.view().pin().expect("an entry").purpose),
        (Kind::Create, Purpose::Verify)
    );
}

#[test]
fn a_pin_that_another_ceremony_set_will_do() {
    let mut input = ceremony(&make(), &providers(), &[], true);
    input.hello.methods.clear();
    let mut course = Driven::start(input);
    course
        .approve(None, Some(1))
        .on(Event::PinSet(Err(PinFailure::AlreadySet)));
    assert_eq!(course.view().kind, Kind::Create);
    // And one that has gone meanwhile is chosen again.
    course
        .approve(Some("c1"), Some(1))
        .ready(Lock::Open)
        .on(Event::VerifyFailed(VerifyFailure::Gesture(NotVerified::NoPin)));
    assert_eq!(course.view().kind, Kind::ChoosePin);
    course
        .approve(None, Some(1))
        .on(Event::PinSet(Err(PinFailure::Unavailable)));
    course.notice(&Cause::VerificationUnavailable);
}

#[test]
fn without_need_of_a_pin_none_is_chosen() {
    let mut input = ceremony(&get(), &only_notebook(), &[passkey(NOTEBOOK, 1, "alice")], false);
    input.hello.methods.clear();
    assert_eq!(Driven::start(input).view().kind, Kind::SignIn);
}

#[test]
fn a_wrong_pin_returns_to_the_same_screen() {
    let mut course = Driven::start(ceremony(&make(), &providers(), &[], true));
    course.approve(Some("c2"), Some(1)).ready(Lock::Open);
    course.on(Event::VerifyFailed(VerifyFailure::Gesture(NotVerified::WrongPin {
        tries_left: 7,
        wait_ms: 30_000,
    })));
    let pin = course.view().pin().expect("an entry");
    assert_eq!((course.view().kind, course.problem()), (Kind::Create, "wrong-pin"));
    assert_eq!(
        (pin.tries_left, pin.wait_ms, course.view().preselected.as_deref()),
        (7, 30_000, Some("c2"))
    );
    course
        .approve(None, Some(2))
        .ready(Lock::Open)
        .on(Event::VerifyFailed(VerifyFailure::Gesture(NotVerified::Wait {
            tries_left: 6,
            wait_ms: 12_000,
        })));
    assert_eq!(
        (course.problem(), course.view().pin().expect("an entry").wait_ms),
        ("wait", 12_000)
    );
    course
        .approve(None, Some(3))
        .ready(Lock::Open)
        .verified(1, TRANSACTIONS[0], None);
    assert_eq!(
        course.execution().call.transaction,
        TRANSACTIONS[0],
        "a wrong PIN uses no transaction up"
    );
}

#[test]
fn a_running_delay_is_shown_from_the_start() {
    let mut input = ceremony(&make(), &providers(), &[], true);
    input.hello.methods[0].wait_ms = 30_000;
    let course = Driven::start(input);
    assert_eq!(
        (course.problem(), course.view().pin().expect("an entry").wait_ms),
        ("wait", 30_000)
    );
}

#[test]
fn a_lock_out_ends_it() {
    let mut course = Driven::start(ceremony(&make(), &providers(), &[], true));
    course
        .approve(Some("c2"), Some(1))
        .ready(Lock::Open)
        .on(Event::VerifyFailed(VerifyFailure::Gesture(NotVerified::LockedOut)));
    course.notice(&Cause::LockedOut);

    let mut input = ceremony(&make(), &providers(), &[], true);
    input.hello.methods[0].locked_out = true;
    Driven::start(input).notice(&Cause::LockedOut);
}

#[test]
fn what_needs_no_pin_survives_a_lock_out() {
    let mut input = ceremony(&make(), &providers(), &[], false);
    input.hello.methods[0].locked_out = true;
    let course = Driven::start(input);
    let offered: Vec<_> = course
        .view()
        .choices
        .iter()
        .map(|choice| choice.provider.as_str())
        .collect();
    assert_eq!((offered, course.view().pin()), (vec![NOTEBOOK], None));
    assert_eq!(course.view().preselected.as_deref(), Some("c2"));
}

#[test]
fn an_excluded_passkey_is_told_after_consent_only() {
    let need = Requirements::Make {
        algorithms: vec![-7],
        prf: false,
        exclude: vec![credential(1)],
        user_handle: user(1),
    };
    let mut course = Driven::start(ceremony(&need, &providers(), &alice_and_bob(), true));
    assert_eq!(
        (course.view().kind, course.problem(), course.view().pin()),
        (Kind::Create, "excluded", None)
    );
    assert_eq!(said(Some(&course.view().choices[0].label)), "alice");
    course.approve(None, None).says(&["CloseView", "Finish(Excluded)"]);

    let mut course = Driven::start(ceremony(&need, &providers(), &alice_and_bob(), true));
    course
        .on(Event::UserRefused)
        .says(&["CloseView", "Finish(CancelledByUser)"]);
}

#[test]
fn who_is_asked_to_enable_a_provider_hears_what_its_pin_does_not_hold() {
    for (host, said) in [(None, None), (Some(ProgramHost::Interpreter), Some("program-host"))] {
        let course = Driven::start(approval(Approval::EnableProvider {
            provider: named(VAULT, "Claviger vault"),
            program: Some("/usr/bin/python3".to_owned()),
            host,
        }));
        let problem = course.view().problem.as_ref().map(|problem| problem.code.as_str());
        assert_eq!(problem, said);
    }
}

#[test]
fn approvals_end_with_evidence_for_their_audience() {
    let vault = || named(VAULT, "Claviger vault");
    let (account, rp_id) = (Some("alice".to_owned()), RpId::new("example.com").unwrap());
    for (what, kind, audience, unlock) in [
        (
            Approval::Unlock {
                providers: vec![vault()],
            },
            Kind::Unlock,
            ProviderId::platform(),
            true,
        ),
        (
            Approval::Setup {
                providers: vec![vault()],
            },
            Kind::Unlock,
            ProviderId::platform(),
            true,
        ),
        (
            Approval::EnableProvider {
                provider: vault(),
                program: None,
                host: None,
            },
            Kind::EnableProvider,
            ProviderId::platform(),
            false,
        ),
        (
            Approval::VerifyUser {
                provider: vault(),
                hint: Some("export".to_owned()),
            },
            Kind::Verify,
            id(VAULT),
            false,
        ),
        (
            Approval::DeletePasskey {
                provider: vault(),
                account: account.clone(),
                rp_id: rp_id.clone(),
                locked: true,
            },
            Kind::Verify,
            id(VAULT),
            true,
        ),
        (
            Approval::RenamePasskey {
                provider: vault(),
                account,
                rp_id,
                new_name: "Al".to_owned(),
                locked: false,
            },
            Kind::Verify,
            id(VAULT),
            false,
        ),
    ] {
        let mut course = Driven::start(approval(what));
        assert_eq!((course.view().kind, course.view().choices.len()), (kind, 0));
        course.approve(None, None);
        assert_eq!(course.problem(), "pin-needed");
        course.approve(None, Some(1));
        assert_eq!(
            (&course.verify().audience, course.verify().call.is_none()),
            (&audience, true)
        );
        assert_eq!(course.verify().unlock.is_empty(), !unlock);
        course.on(Event::VerifyFailed(VerifyFailure::Gesture(NotVerified::WrongPin {
            tries_left: 1,
            wait_ms: 0,
        })));
        assert!(said(course.view().problem.as_ref().map(|problem| &problem.text)).contains("One attempt"));
        course
            .approve(None, Some(2))
            .verified(3, TRANSACTIONS[0], None)
            .says(&["CloseView", "Finish(Approved)"]);
        assert!(matches!(
            course.result(),
            Ok(Outcome::Approved {
                evidence: Some(Evidence { number: 3, .. }),
                ..
            })
        ));
    }
}

#[test]
fn setup_may_be_nothing_but_a_pin() {
    let mut input = approval(Approval::Setup { providers: Vec::new() });
    input.hello.methods.clear();
    let mut course = Driven::start(input);
    course
        .approve(None, Some(1))
        .on(Event::PinSet(Ok(())))
        .says(&["CloseView", "Finish(Approved)"]);
    assert!(matches!(
        course.result(),
        Ok(Outcome::Approved {
            evidence: None,
            unlock: None,
            ..
        })
    ));
}

#[test]
fn the_pin_is_changed_for_who_knows_it_and_asks_again_for_what_was_wrong() {
    let mut course = Driven::start(approval(Approval::ChangePin));
    assert_eq!(
        (course.view().kind, course.view().pin().expect("an entry").purpose),
        (Kind::Verify, Purpose::Verify)
    );
    course.approve(None, Some(1));
    assert_eq!(
        (course.view().kind, course.view().pin().expect("an entry").purpose),
        (Kind::ChoosePin, Purpose::New)
    );
    // The present one is kept as long as the new one is no good.
    course.approve(None, None);
    assert_eq!(course.problem(), "pin-needed");
    let reason = "common".to_owned();
    course
        .approve(None, Some(2))
        .on(Event::PinChanged(Err(NotChanged::Weak { reason, old: Pin(1) })));
    assert_eq!((course.view().kind, course.problem()), (Kind::ChoosePin, "weak-pin"));
    course.approve(None, Some(3));
    assert!(matches!(
        course.said.first(),
        Some(Effect::ChangePin {
            old: Pin(1),
            new: Pin(3)
        })
    ));
    let wrong = NotVerified::WrongPin {
        tries_left: 7,
        wait_ms: 0,
    };
    course.on(Event::PinChanged(Err(NotChanged::Old(wrong))));
    assert_eq!((course.view().kind, course.problem()), (Kind::Verify, "wrong-pin"));
    course
        .approve(None, Some(4))
        .approve(None, Some(5))
        .on(Event::PinChanged(Ok(())))
        .says(&["CloseView", "Finish(Approved)"]);
}

#[test]
fn a_call_is_recorded_with_what_it_may_claim() {
    let mut course = Driven::start(ceremony(
        &get(),
        &only_notebook(),
        &[passkey(NOTEBOOK, 1, "alice")],
        true,
    ));
    let audit = |course: &Driven| -> Vec<AuditStep> {
        let entries = course.said.iter();
        entries
            .filter_map(|effect| {
                if let Effect::Audit(audit) = effect {
                    Some(audit.clone())
                } else {
                    None
                }
            })
            .collect()
    };
    assert_eq!(audit(&course), [AuditStep::Asked(Kind::SignIn)]);
    course.approve(None, Some(1));
    assert_eq!(
        audit(&course),
        [AuditStep::Approved {
            provider: Some(id(NOTEBOOK))
        }]
    );
    course
        .ready(Lock::Open)
        .on(Event::VerifyFailed(VerifyFailure::Gesture(NotVerified::WrongPin {
            tries_left: 9,
            wait_ms: 0,
        })));
    assert_eq!(
        audit(&course),
        [AuditStep::NotVerified(VerifyFailure::Gesture(NotVerified::WrongPin {
            tries_left: 9,
            wait_ms: 0
        }))]
    );
    course
        .approve(None, Some(2))
        .ready(Lock::Open)
        .verified(3, TRANSACTIONS[0], None);
    let called = AuditStep::Called {
        provider: id(NOTEBOOK),
        assurance: Assurance::Verified,
    };
    assert_eq!(audit(&course), [AuditStep::Verified, called]);
    course.on(Event::ProviderFailed(ProviderFailure::Crashed));
    let failed = AuditStep::Failed {
        provider: id(NOTEBOOK),
        cause: Cause::ProviderCrashed,
    };
    assert_eq!(audit(&course), [failed, AuditStep::Asked(Kind::Notice)]);
}

#[test]
fn nothing_that_is_printed_shows_what_it_holds() {
    let event: Event<Numbered> = Event::UserApproved {
        choice: Some("c1".to_owned()),
        remember: false,
        gesture: Some(Pin(2580)),
    };
    assert_eq!(format!("{event:?}"), "UserApproved");
    let effect: Effect<Numbered> = Effect::SetPin(Pin(2580));
    assert_eq!(format!("{effect:?}"), "SetPin");
}

#[test]
fn setup_with_nothing_to_do_still_asks() {
    let mut course = Driven::start(approval(Approval::Setup { providers: Vec::new() }));
    assert_eq!(
        (course.view().kind, said(course.view().title.as_ref()).as_str()),
        (Kind::Verify, "Confirm the PIN for your passkeys")
    );
    course.approve(None, Some(1)).verified(2, TRANSACTIONS[0], None);
    assert!(matches!(
        course.result(),
        Ok(Outcome::Approved { evidence: Some(_), .. })
    ));
}

#[test]
fn a_related_site_is_named_beside_the_one_whose_passkey_it_is() {
    for (need, title) in [
        (get(), "shop.example.org asks with the passkey of example.com"),
        (make(), "shop.example.org asks to create a passkey of example.com"),
    ] {
        let mut input = ceremony(&need, &providers(), &alice_and_bob(), true);
        let site = input.context.site.as_mut().unwrap();
        (site.origin, site.related) = (Some("https://shop.example.org".to_owned()), true);
        let course = Driven::start(input);
        assert_eq!(said(course.view().title.as_ref()), title);
    }
}

#[test]
fn a_passkey_that_is_offered_in_passing_is_called_an_offer() {
    let mut input = ceremony(&make(), &providers(), &[], true);
    input.context.site.as_mut().unwrap().offered = true;
    let course = Driven::start(input);
    let title = said(course.view().title.as_ref());
    assert_eq!(
        title,
        "example.com offers to sign you in with a passkey from now on. Create one?"
    );
}
