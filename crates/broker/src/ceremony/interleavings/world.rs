//! One ceremony with the daemon around it and the model beside it: what was agreed to, what was asked for, what was made.

use std::collections::BTreeSet;

use claviger_ctap::types::CredentialId;
use claviger_hello::verification::NotVerified;
use claviger_joint::answer::{NotDone, Status};
use claviger_joint::envelope::Presentation;
use claviger_joint::{ProviderId, TransactionId};
use claviger_prompt_api::view::{Kind, Purpose, View};

use super::Visits;
use super::random::Random;
use crate::ceremony::fixtures::{Evidence, Numbered, Pin, Reply, TRANSACTIONS, Unlock, VAULT, checked, id};
use crate::ceremony::{
    Approval, Assurance, AuditStep, Call, Effect, Event, Execution, Input, Machine, NotChanged, Outcome, PinFailure,
    ProviderFailure, ProviderReply, Readiness, VerifyFailure, Wanted,
};
use crate::check::Rejection;
use crate::choice::{Candidates, Lock};
use crate::queue::{PromptQueue, Ticket};
use crate::types::Cause;

/// The ticket that a caller may bring; what users type has higher numbers.
const TICKET: u64 = 0;

/// One ceremony with the daemon around it and the model beside it.
#[allow(clippy::struct_excessive_bools)] // A model of flags: each is one fact that a promise is about.
pub(super) struct World {
    pub(super) machine: Machine<Numbered>,
    pub(super) ticket: Ticket,
    pub(super) caller: String,
    /// From the input.
    verification: bool,
    consent_only: bool,
    candidates: BTreeSet<(ProviderId, Option<CredentialId>)>,
    excluded: bool,
    approves: bool,
    /// What was asked of the daemon and not yet answered.
    pending: Pending,
    started: bool,
    /// The view that the ceremony has in the queue.
    view: Option<View>,
    /// Whether the user has answered it; a second answer to the same view counts for nothing.
    answered: bool,
    /// The choice that the user agreed to, by the view it was on: provider, and whether to remember it.
    agreed: Option<(Option<ProviderId>, bool)>,
    /// The PIN that the user gave on the view on show.
    pin: Option<(u64, Purpose)>,
    /// The present PIN, while another one is chosen.
    old: Option<u64>,
    /// Whether the caller brought a ticket that is not spent yet.
    ticket_left: bool,
    /// Whether the evidence for what is going on came by ticket.
    by_ticket: bool,
    /// Evidence and unlock boxes that this daemon's hello really made, and not yet seen used.
    made: BTreeSet<u64>,
    transactions_used: BTreeSet<TransactionId>,
    /// The last execution: whether it carried evidence.
    executed: Option<bool>,
    /// Answers that passed the check.
    checked: BTreeSet<u64>,
    /// No call of a provider may follow.
    ended: bool,
    pub(super) finishes: u32,
    last_number: u64,
}

enum Pending {
    Nothing,
    SetPin,
    /// The old PIN.
    ChangePin(u64),
    Verify {
        audience: ProviderId,
        transaction: TransactionId,
        unlock: bool,
        by_ticket: bool,
    },
    Describe,
    Execute(Call),
    Check(u64),
}

impl World {
    pub(super) fn new(input: Input, brings_ticket: bool, ticket: Ticket, caller: String) -> Self {
        let (mut verification, mut candidates, mut excluded, mut approves) = (true, BTreeSet::new(), false, false);
        let mut consent_only = false;
        match &input.wanted {
            Wanted::Answer(wanted) => {
                (verification, consent_only) = (wanted.verification, wanted.consent_only);
                if let Candidates::Choose { candidates: all, .. } = &wanted.candidates {
                    candidates = all
                        .iter()
                        .map(|candidate| (candidate.provider.clone(), candidate.credential.clone()))
                        .collect();
                }
                excluded = matches!(wanted.candidates, Candidates::Excluded { .. });
            }
            Wanted::Approve(_) => approves = true,
        }
        let brings_ticket = brings_ticket && !matches!(input.wanted, Wanted::Approve(Approval::ChangePin));
        Self {
            machine: Machine::new(input).with_ticket(brings_ticket.then_some(Pin(TICKET))),
            ticket,
            caller,
            verification,
            consent_only,
            candidates,
            excluded,
            approves,
            pending: Pending::Nothing,
            started: false,
            view: None,
            answered: false,
            agreed: None,
            pin: None,
            old: None,
            ticket_left: brings_ticket,
            by_ticket: false,
            made: BTreeSet::new(),
            transactions_used: BTreeSet::new(),
            executed: None,
            checked: BTreeSet::new(),
            ended: false,
            finishes: 0,
            last_number: 0,
        }
    }

    fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// What a user may do with the view on show.
    pub(super) fn user_acts(&mut self, shown: &View, random: &mut Random) -> Event<Numbered> {
        if random.below(16) == 0 {
            self.ended |= shown.kind != Kind::Notice;
            return Event::UserRefused;
        }
        let choice = match random.below(8) {
            0 => None,
            1 => Some("c99".to_owned()),
            _ => random
                .index(shown.choices.len())
                .map(|index| shown.choices[index].id.clone()),
        };
        let remember = random.below(3) == 0;
        let pin = (random.below(8) > 0).then(|| Pin(self.number()));
        if std::mem::replace(&mut self.answered, true) {
            return Event::UserApproved {
                choice,
                remember,
                gesture: pin,
            };
        }
        self.pin = pin.as_ref().and_then(|pin| Some((pin.0, shown.pin()?.purpose)));
        if !matches!(shown.kind, Kind::Notice | Kind::ChoosePin) {
            let taken = choice.as_ref().or(shown.preselected.as_ref());
            let provider = shown
                .choices
                .iter()
                .find(|choice| Some(&choice.id) == taken)
                .map(|it| id(&it.provider));
            self.agreed = Some((provider, remember && shown.remember));
        }
        Event::UserApproved {
            choice,
            remember,
            gesture: pin,
        }
    }

    /// What the daemon reports next.
    pub(super) fn next_event(&mut self, random: &mut Random) -> Option<Event<Numbered>> {
        if !self.started {
            self.started = true;
            return Some(Event::Started);
        }
        Some(match std::mem::replace(&mut self.pending, Pending::Nothing) {
            Pending::Nothing => return None,
            Pending::SetPin => Event::PinSet(match random.below(8) {
                0 => Err(PinFailure::Weak("not-a-pin".to_owned())),
                1 => Err(PinFailure::AlreadySet),
                2 => Err(PinFailure::Unavailable),
                _ => Ok(()),
            }),
            Pending::ChangePin(old) => Event::PinChanged(match random.below(8) {
                0 | 1 => Err(NotChanged::Weak {
                    reason: "common".to_owned(),
                    old: Pin(old),
                }),
                2 => Err(NotChanged::Old(NotVerified::WrongPin {
                    tries_left: 3,
                    wait_ms: random.below(2) * 30_000,
                })),
                3 => Err(NotChanged::Old(NotVerified::LockedOut)),
                4 => Err(NotChanged::Unavailable),
                _ => Ok(()),
            }),
            Pending::Verify {
                audience,
                transaction,
                unlock,
                by_ticket,
            } => match random.below(24) {
                0..4 if by_ticket => Event::VerifyFailed(VerifyFailure::Gesture(NotVerified::TicketGone)),
                0 => Event::VerifyFailed(VerifyFailure::Gesture(NotVerified::WrongPin {
                    tries_left: 3,
                    wait_ms: random.below(2) * 30_000,
                })),
                1 => Event::VerifyFailed(VerifyFailure::Gesture(NotVerified::Wait {
                    tries_left: 6,
                    wait_ms: 5_000,
                })),
                2 => Event::VerifyFailed(VerifyFailure::Gesture(NotVerified::LockedOut)),
                3 => Event::VerifyFailed(VerifyFailure::Gesture(NotVerified::NoPin)),
                4 => Event::VerifyFailed(VerifyFailure::Unavailable),
                5 => Event::VerifyFailed(VerifyFailure::Provider(ProviderFailure::Unreachable)),
                _ => {
                    let (number, boxes) = (self.number(), self.number());
                    self.made.extend([number, boxes]);
                    self.by_ticket = by_ticket;
                    Event::Verified {
                        evidence: Evidence {
                            number,
                            audience,
                            transaction,
                        },
                        unlock: unlock.then_some(Unlock(boxes)),
                    }
                }
            },
            Pending::Describe => match random.below(24) {
                0 => Event::ProviderFailed(ProviderFailure::Unreachable),
                1 => Event::ProviderFailed(ProviderFailure::Hung),
                more => Event::ProviderReady(Readiness {
                    lock: [Lock::Open, Lock::Locked, Lock::OwnMeans][random.index(3)?],
                    supported: more > 2,
                }),
            },
            Pending::Execute(_) => match random.below(20) {
                0 => Event::ProviderFailed(ProviderFailure::Crashed),
                1 => Event::ProviderFailed(ProviderFailure::Hung),
                declined @ 2..14 => Event::ProviderAnswered(ProviderReply::Declined(NotDone {
                    status: Status::from_number(declined - 1).unwrap_or(Status::Locked),
                    reason: None,
                })),
                _ => Event::ProviderAnswered(ProviderReply::Ok(Reply(self.number()))),
            },
            Pending::Check(reply) => Event::AnswerChecked(if random.below(8) == 0 {
                Err(Rejection::Signature)
            } else {
                self.checked.insert(reply);
                Ok(checked(reply))
            }),
        })
    }

    /// An event that nothing asked for, with tokens from nowhere. The daemon's contract rules out only two things: an answer
    /// that arrives in the place of a pending one, and a user's action on a view that is not on show.
    pub(super) fn stray_event(&mut self, random: &mut Random) -> Option<Event<Numbered>> {
        let forged = u64::MAX - self.number();
        let idle = self.view.is_none();
        Some(match random.below(14) {
            0 => Event::Started,
            1 => Event::PromptAttached,
            2 => {
                self.ended |= self.view.as_ref().is_some_and(|view| view.kind != Kind::Notice);
                Event::PromptClosed
            }
            3 => {
                self.ended |= self.view.as_ref().is_some_and(|view| view.kind != Kind::Notice);
                Event::PromptUnavailable
            }
            4 if idle => Event::UserApproved {
                choice: None,
                remember: true,
                gesture: Some(Pin(forged)),
            },
            5 if idle => Event::UserRefused,
            6 if !matches!(self.pending, Pending::SetPin) => Event::PinSet(Ok(())),
            7 | 8 if !matches!(self.pending, Pending::Verify { .. }) => Event::Verified {
                evidence: Evidence {
                    number: forged,
                    audience: id(VAULT),
                    transaction: TRANSACTIONS[0],
                },
                unlock: Some(Unlock(forged)),
            },
            9 if !matches!(self.pending, Pending::Verify { .. }) => {
                Event::VerifyFailed(VerifyFailure::Gesture(NotVerified::LockedOut))
            }
            10 if !matches!(self.pending, Pending::Describe) => Event::ProviderReady(Readiness {
                lock: Lock::Open,
                supported: true,
            }),
            11 if !matches!(self.pending, Pending::Execute(_)) => {
                Event::ProviderAnswered(ProviderReply::Ok(Reply(forged)))
            }
            12 if !matches!(self.pending, Pending::Execute(_) | Pending::Describe) => {
                Event::ProviderFailed(ProviderFailure::Crashed)
            }
            13 if !matches!(self.pending, Pending::Check(_)) => Event::AnswerChecked(Ok(checked(forged))),
            _ => return None,
        })
    }

    pub(super) fn feed(&mut self, event: Event<Numbered>, queue: &mut PromptQueue, visits: &mut Visits) {
        if matches!(
            event,
            Event::VerifyFailed(VerifyFailure::Gesture(NotVerified::TicketGone))
        ) {
            count(visits, "ticket gone");
        }
        self.ended |= matches!(event, Event::CallerGone | Event::CallerCancelled | Event::TimedOut);
        let at_work = match &self.pending {
            Pending::Execute(call) if self.ended => Some(call.transaction),
            _ => None,
        };
        let finished_before = self.finishes;
        let said = format_args!("{event:?}").to_string();
        let effects = self.machine.handle(event);
        if finished_before > 0 {
            assert!(effects.is_empty(), "{said} after the end gave {effects:?}");
        }
        if let Some(transaction) = at_work.filter(|_| finished_before == 0) {
            let cancelled = effects
                .iter()
                .any(|effect| matches!(effect, Effect::CancelProvider { transaction: it, .. } if *it == transaction));
            assert!(cancelled, "{said} left the provider at work: {effects:?}");
            count(visits, "cancelled at work");
        }
        for effect in effects {
            assert_eq!(self.finishes, 0, "{effect:?} after Finish");
            self.perform(effect, queue, visits);
        }
        if self.ended {
            assert_eq!(self.finishes, 1, "{said} must end it");
        }
    }

    /// Performs an effect as the daemon would, and holds it against the promises.
    fn perform(&mut self, effect: Effect<Numbered>, queue: &mut PromptQueue, visits: &mut Visits) {
        let allowed_after_end = matches!(
            effect,
            Effect::CloseView | Effect::CancelProvider { .. } | Effect::Audit(_) | Effect::Finish(_)
        );
        assert!(allowed_after_end || !self.ended, "{effect:?} after the end");
        match effect {
            Effect::ShowView(view) => self.show(*view, queue),
            Effect::CloseView => {
                assert!(self.view.take().is_some(), "closed nothing");
                queue.close(self.ticket);
            }
            Effect::SetPin(pin) => {
                assert_eq!(self.pin.take(), Some((pin.0, Purpose::New)), "not the PIN chosen");
                count(visits, "pin chosen");
                self.pending = Pending::SetPin;
            }
            Effect::ChangePin { old, new } => {
                assert_eq!(self.old.take(), Some(old.0), "not the old PIN given");
                assert_eq!(self.pin.take(), Some((new.0, Purpose::New)), "not the PIN chosen");
                count(visits, "pin changed");
                // It comes back where the new one is no good.
                self.old = Some(old.0);
                self.pending = Pending::ChangePin(old.0);
            }
            Effect::Recover { .. } => panic!("recovered where nothing offers it"),
            Effect::Verify(verify) => {
                let by_ticket = verify.gesture.0 == TICKET;
                if by_ticket {
                    assert!(std::mem::take(&mut self.ticket_left), "a ticket twice");
                    assert!(self.pin.is_none(), "a ticket in place of the PIN that was asked for");
                    count(visits, "ticket spent");
                } else {
                    let given = Some((verify.gesture.0, Purpose::Verify));
                    assert_eq!(self.pin.take(), given, "not the PIN given");
                }
                assert!(self.agreed.is_some(), "verification without consent");
                assert_eq!(verify.call.is_none(), self.approves);
                let unlock = !verify.unlock.is_empty();
                self.pending = Pending::Verify {
                    audience: verify.audience,
                    transaction: verify.transaction,
                    unlock,
                    by_ticket,
                };
            }
            Effect::DescribeProvider { .. } => {
                assert!(self.agreed.is_some(), "a provider is started without consent");
                self.pending = Pending::Describe;
            }
            Effect::Execute(execution) => self.execute(execution, visits),
            Effect::CancelProvider { transaction, .. } => {
                assert!(
                    self.transactions_used.contains(&transaction),
                    "cancelled what never began"
                );
            }
            Effect::CheckAnswer(check) => {
                let expected = self.executed.expect("an answer without a call");
                assert_eq!(
                    check.assurance == Assurance::Verified,
                    expected,
                    "UV and evidence differ"
                );
                assert!(check.reply.0 < u64::MAX / 2, "a forged answer");
                self.pending = Pending::Check(check.reply.0);
            }
            Effect::Remember { provider, .. } => {
                let agreed = self.agreed.as_ref().expect("remembered without consent");
                assert_eq!(agreed, &(Some(provider), true), "remembered unasked");
                count(visits, "remembered");
            }
            Effect::Audit(AuditStep::Called { assurance, .. }) => {
                assert!(
                    !self.verification || assurance == Assurance::Verified,
                    "audited as consented"
                );
            }
            Effect::Used { credential, .. } => {
                assert_eq!(credential.id, checked(0).credential, "not the passkey that was checked");
                let agreed = self.agreed.as_ref().expect("used without consent");
                assert_eq!(agreed.0.as_ref(), Some(&credential.provider), "another provider's");
            }
            Effect::Audit(_) => {}
            Effect::Finish(result) => {
                self.finishes += 1;
                assert!(self.view.is_none(), "the view is still there");
                queue.leave(self.ticket);
                self.check_result(result, visits);
            }
        }
    }

    fn show(&mut self, view: View, queue: &mut PromptQueue) {
        queue.show(self.ticket, view.clone());
        assert!(queue.waiting() > 0, "the queue refused a view");
        assert!(
            view.pin().is_none() || !matches!(view.kind, Kind::Notice),
            "a notice asks for a PIN"
        );
        assert!(
            view.pin().is_none() || !self.ticket_left,
            "asked for in spite of a ticket"
        );
        if let (Kind::ChoosePin, Some((present, Purpose::Verify))) = (view.kind, self.pin) {
            self.old = Some(present);
        }
        // Another question, another consent.
        (self.answered, self.agreed, self.pin) = (false, None, None);
        self.view = Some(view);
    }

    /// A provider is called: by consent, for what was agreed to, once, and with evidence made for this very call or none.
    fn execute(&mut self, execution: Execution<Numbered>, visits: &mut Visits) {
        let call = execution.call;
        let (provider, _) = self.agreed.as_ref().expect("a call without consent");
        assert_eq!(provider.as_ref(), Some(&call.provider), "not the provider agreed to");
        let candidate = (call.provider.clone(), call.credential.clone());
        assert!(self.candidates.contains(&candidate), "not a candidate");
        assert!(!self.excluded && !self.approves, "nothing to call");
        assert!(self.transactions_used.insert(call.transaction), "a transaction twice");
        assert!(self.view.is_none(), "the screen is held while the provider works");
        if self.verification {
            assert!(execution.evidence.is_some(), "verification left out");
        }
        if let Some(evidence) = &execution.evidence {
            assert!(!self.consent_only, "verification that was not to be told");
            assert!(self.made.remove(&evidence.number), "forged or used evidence");
            assert_eq!(evidence.transaction, call.transaction, "evidence for another call");
            assert_eq!(evidence.audience, call.provider, "evidence for another provider");
        }
        if let Some(unlock) = &execution.unlock {
            assert!(self.made.remove(&unlock.0), "forged or used unlock box");
            assert!(
                execution.evidence.is_some() || self.consent_only,
                "unlocked without verification"
            );
            count(visits, "unlocked");
        }
        if execution.presentation == Presentation::Visible {
            count(visits, "own window");
        }
        if self.executed.is_some() {
            count(visits, "executed twice");
        }
        self.executed = Some(execution.evidence.is_some());
        self.pending = Pending::Execute(call);
    }

    fn check_result(&mut self, result: Result<Outcome<Numbered>, Cause>, visits: &mut Visits) {
        match result {
            Ok(Outcome::Answered(answer)) => {
                assert!(self.agreed.is_some(), "an answer without consent");
                assert!(self.checked.contains(&answer.0), "an unchecked answer");
                let verified = self.executed.expect("an answer without a call");
                assert!(verified || !self.verification, "an answer without verification");
                if verified && self.by_ticket {
                    count(visits, "answered by ticket");
                }
                count(
                    visits,
                    if verified {
                        "answered/verified"
                    } else {
                        "answered/consented"
                    },
                );
            }
            Ok(Outcome::Approved { evidence, unlock, .. }) => {
                assert!(self.approves, "an approval for a ceremony");
                if let Some(evidence) = evidence {
                    assert!(self.agreed.is_some(), "approved without consent");
                    assert!(self.made.remove(&evidence.number), "forged or used evidence");
                    assert_eq!(evidence.transaction, TRANSACTIONS[0]);
                    assert!(unlock.is_none_or(|unlock| self.made.remove(&unlock.0)), "forged box");
                    if self.by_ticket {
                        count(visits, "approved by ticket");
                    }
                } else {
                    assert!(unlock.is_none(), "unlocked without verification");
                }
                count(visits, "approved");
            }
            Ok(Outcome::TurnOn { .. }) => {
                assert!(
                    self.executed.is_none() && self.agreed.is_none(),
                    "turned on in the middle"
                );
            }
            Err(cause) => {
                if cause == Cause::Excluded && self.executed.is_none() {
                    assert!(
                        self.agreed.is_some() && self.excluded,
                        "told of a passkey without consent"
                    );
                }
                count(visits, cause.code());
            }
        }
    }
}

fn count(visits: &mut Visits, place: &'static str) {
    *visits.entry(place).or_default() += 1;
}
