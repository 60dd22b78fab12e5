//! Attempts in every order: arming, guesses, looks, commits, tickets, locks, cancels, time and full disks, step by step.
//!
//! What must hold whatever the order, and is checked after every step against a record that the test keeps by itself:
//!
//! * No key and no ticket without a right gesture, and one of each gesture at most.
//! * One attempt brings one success at most, and none after it was cancelled or the user locked.
//! * A ticket is good once, in its time, and for what it was given for.
//! * A gesture is looked at only when its try is on the disk, and a try comes back only with a success.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::atomic::Ordering;

use claviger_ctap::{
    cbor::{Limits, decode},
    crypto::native,
};
use proptest::prelude::*;

use claviger_pin::{ClientPin, RecoveryCode};

use super::{
    check::{Looked, Spent},
    failing_disk::Failing,
    tests::{RIGHT, TestClock, WRONG, operation, pin, request},
    *,
};
use crate::{
    counter::TryPolicy,
    ticket::{LIFETIME, PinTicket},
};

/// One step of somebody.
#[derive(Clone, Debug)]
enum Step {
    /// A call arms an attempt at this transaction, or joins it, for a typed PIN or a CTAP client's.
    Arm(u8, bool),
    /// A gesture arrives at this attempt: right or wrong, typed or from a CTAP client. That of the other way costs nothing.
    Arrive(usize, bool, bool),
    /// What arrived is looked at.
    Look,
    /// What was looked at is committed.
    Commit,
    /// The user locks.
    Lock,
    /// A caller cancels a transaction.
    Cancel(u8),
    /// So many seconds pass.
    Pass(u64),
    /// The disk takes so many more steps of a replacement.
    Disk(usize),
    /// Evidence of what was committed last.
    Attest(u8),
    /// A right PIN is verified and held for a change, or is a CTAP client's and held for evidence.
    Hold(bool),
    /// The ticket that was held last is brought for a change, or for evidence.
    Ticket(bool),
    /// A recovery code, right or wrong, sets the PIN that there is anew.
    Recover(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..3_u8, any::<bool>()).prop_map(|(transaction, typed)| Step::Arm(transaction, typed)),
        6 => (any::<usize>(), prop::bool::weighted(0.4), any::<bool>())
            .prop_map(|(attempt, right, typed)| Step::Arrive(attempt, right, typed)),
        6 => Just(Step::Look),
        6 => Just(Step::Commit),
        1 => Just(Step::Lock),
        1 => (0..3_u8).prop_map(Step::Cancel),
        2 => (0..4_000_u64).prop_map(Step::Pass),
        1 => prop_oneof![0..12_usize, Just(usize::MAX)].prop_map(Step::Disk),
        3 => any::<u8>().prop_map(Step::Attest),
        1 => any::<bool>().prop_map(Step::Hold),
        2 => any::<bool>().prop_map(Step::Ticket),
        1 => any::<bool>().prop_map(Step::Recover),
    ];
    prop::collection::vec(step, 1..80)
}

/// An attempt, and what the test knows of it.
struct Tried {
    attempt: Attempt,
    transaction: u8,
    ended: bool,
    succeeded: bool,
}

/// The ticket that was given last, and what the test knows of it.
struct HeldTicket {
    ticket: PinTicket,
    /// For a change, or else for evidence.
    change: bool,
    since_ms: u64,
    good: bool,
}

/// The guess that has the slot: the test goes step by step, so it keeps the slot's rule itself.
enum InHand {
    Spent(usize, bool, Spent),
    Looked(usize, bool, Looked),
}

struct World {
    hello: Hello,
    medium: Failing,
    clock: Arc<TestClock>,
    attempts: Vec<Tried>,
    in_hand: Option<InHand>,
    open: Option<OpenKey>,
    held: Option<HeldTicket>,
    code: RecoveryCode,
    last_count: u64,
    /// Wrong, dropped or unfinished guesses since the last success.
    unforgiven: u8,
}

impl World {
    fn new() -> Self {
        let (medium, clock) = (Failing::default(), Arc::new(TestClock::default()));
        medium.steps_left.store(usize::MAX, Ordering::SeqCst);
        let mut hello = Hello::open_medium(Box::new(medium.clone()), clock.clone(), native()).unwrap();
        hello.cost = KdfParameters::CHEAP;
        hello.set_pin(&pin(RIGHT)).unwrap();
        let (_, ticket) = hello.verify_and_hold(pin(RIGHT), &request(9)).unwrap();
        let code = hello.make_recovery_code(&ticket).unwrap();
        Self {
            code,
            hello,
            medium,
            clock,
            attempts: Vec::new(),
            in_hand: None,
            open: None,
            held: None,
            last_count: 0,
            unforgiven: 0,
        }
    }

    /// Tries spent, as the disk has it.
    fn on_disk(&self) -> u8 {
        let file = self.medium.published();
        let limits = Limits {
            max_bytes: file.len(),
            max_depth: 5,
            max_items: 512,
            other_simple: false,
        };
        let read = |bytes: &[u8]| decode(bytes, &limits).unwrap().into_map().unwrap();
        let map = read(&file[..file.len() - 32]);
        let protector = map.int(7).unwrap().as_array().unwrap()[0].as_array().unwrap();
        let gate = read(protector[2].as_bytes().unwrap());
        let failures = gate.int(1).unwrap().as_array().unwrap()[0].as_unsigned();
        failures.unwrap().try_into().unwrap()
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Arm(transaction, typed) => self.arm(transaction, typed),
            Step::Arrive(attempt, right, typed) if self.in_hand.is_none() && !self.attempts.is_empty() => {
                self.arrive(attempt % self.attempts.len(), right, typed);
            }
            Step::Look => self.look(),
            Step::Commit => self.commit(),
            Step::Lock => {
                self.hello.lock();
                self.locked();
            }
            Step::Cancel(transaction) => {
                self.hello.cancel(TransactionId([transaction; 16]));
                self.end(|tried| tried.transaction == transaction);
            }
            Step::Pass(seconds) => self.clock.advance(1_000 * seconds),
            Step::Disk(steps) => self.medium.steps_left.store(steps, Ordering::SeqCst),
            Step::Attest(number) => self.attest(number),
            Step::Recover(right) if self.in_hand.is_none() => self.recover(right),
            Step::Hold(change) if self.in_hand.is_none() => self.hold(change),
            Step::Ticket(change) => self.bring_ticket(change),
            Step::Arrive(..) | Step::Recover(..) | Step::Hold(..) => {}
        }
    }

    fn arm(&mut self, transaction: u8, typed: bool) {
        let way = if typed { Way::Pin } else { Way::ClientPin };
        let attempt = self.hello.arm(&request(transaction), way);
        for joined in self.attempts.iter().filter(|tried| tried.attempt.is_beside(&attempt)) {
            assert!(joined.transaction == transaction && !joined.ended && !joined.succeeded);
        }
        self.attempts.push(Tried {
            attempt,
            transaction,
            ended: false,
            succeeded: false,
        });
    }

    fn arrive(&mut self, index: usize, right: bool, typed: bool) {
        let text = if right { RIGHT } else { WRONG };
        let gesture = if typed {
            pin(text).into()
        } else {
            ClientPin::of(native(), &pin(text)).into()
        };
        let before = self.hello.status().pin().unwrap().tries_left;
        let tried = &self.attempts[index];
        match self.hello.spend(&tried.attempt, gesture, 1) {
            Ok(spent) => {
                assert!(!tried.ended && !tried.succeeded);
                assert_eq!(tried.attempt.way() == Way::Pin, typed);
                self.unforgiven += 1;
                assert!(self.on_disk() >= self.unforgiven, "the try is on the disk");
                self.in_hand = Some(InHand::Spent(index, right, spent));
            }
            // Nothing was looked at, and nothing was taken back.
            Err(_) => assert_eq!(self.hello.status().pin().unwrap().tries_left, before),
        }
    }

    fn look(&mut self) {
        let Some(InHand::Spent(index, right, spent)) = self.in_hand.take() else {
            return;
        };
        assert!(self.on_disk() >= self.unforgiven);
        self.in_hand = Some(InHand::Looked(index, right, self.hello.look(spent).unwrap()));
    }

    fn commit(&mut self) {
        let Some(InHand::Looked(index, right, looked)) = self.in_hand.take() else {
            return;
        };
        let tried = &mut self.attempts[index];
        match self.hello.commit(&tried.attempt, looked) {
            Ok(open) => {
                assert!(right && !tried.ended && !tried.succeeded);
                tried.succeeded = true;
                self.open = Some(open);
                self.unforgiven = 0;
                let (before, rest) = self.attempts.split_at_mut(index);
                let (won, after) = rest.split_first_mut().unwrap();
                for other in before.iter_mut().chain(after) {
                    other.ended |= other.attempt.is_beside(&won.attempt);
                }
            }
            Err(HelloError::Refused(NotVerified::WrongPin { .. })) => {
                assert!(!right && !tried.ended && !tried.succeeded);
            }
            Err(HelloError::Refused(NotVerified::Cancelled)) => assert!(tried.ended || tried.succeeded),
            Err(other) => panic!("{other:?}"),
        }
        if !right && self.hello.status().pin().unwrap().locked_out {
            self.end_ticket();
        }
    }

    fn attest(&mut self, number: u8) {
        let Some(open) = &self.open else { return };
        match open.attest(&operation(number)) {
            Ok(evidence) => {
                assert!(evidence.claims().count > self.last_count, "one gesture, one evidence");
                self.last_count = evidence.claims().count;
            }
            Err(HelloError::GestureSpent) => assert_eq!(
                self.open.take().map(drop),
                Some(()),
                "a second one of this gesture is refused"
            ),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn hold(&mut self, change: bool) {
        // On a disk that fails the right PIN is not looked at at all.
        self.medium.steps_left.store(usize::MAX, Ordering::SeqCst);
        let held = if change {
            let held = self.hello.verify_and_hold(pin(RIGHT), &request(9));
            held.map(|(reply, ticket)| {
                assert!(reply.evidence.is_some());
                ticket
            })
        } else {
            self.hello.verify_client_pin(ClientPin::of(native(), &pin(RIGHT)))
        };
        match held {
            Ok(ticket) => {
                self.unforgiven = 0;
                self.held = Some(HeldTicket {
                    ticket,
                    change,
                    since_ms: self.clock.moment().since_boot_ms,
                    good: true,
                });
            }
            Err(HelloError::Refused(
                NotVerified::Wait { .. } | NotVerified::LockedOut | NotVerified::PromptOnly { .. },
            )) => {}
            Err(other) => panic!("{other:?}"),
        }
    }

    /// As often as somebody likes: tickets are not `Clone`, but their bytes can be kept.
    fn bring_ticket(&mut self, change: bool) {
        let Some(held) = &mut self.held else { return };
        self.medium.steps_left.store(usize::MAX, Ordering::SeqCst);
        let young = self.clock.moment().since_boot_ms - held.since_ms < u64::try_from(LIFETIME.as_millis()).unwrap();
        let earned = held.good && young && held.change == change;
        held.good = false;
        let given = if change {
            self.hello.make_recovery_code(&held.ticket).map(|code| self.code = code)
        } else {
            let ticket = PinTicket::from_bytes(held.ticket.as_bytes());
            let reply = self.hello.verify(ticket, &request(8));
            reply.map(|reply| assert!(reply.evidence.is_some()))
        };
        match given {
            Ok(()) => assert!(earned),
            Err(HelloError::Refused(NotVerified::TicketGone)) => assert!(!earned),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn recover(&mut self, right: bool) {
        let code = if right {
            RecoveryCode::parse(&self.code.spelled())
        } else {
            Ok(RecoveryCode::generate(native()).unwrap())
        };
        // On a disk that fails half-way the file may be the new one and the state the old one: either is what the code earned.
        self.medium.steps_left.store(usize::MAX, Ordering::SeqCst);
        match self.hello.recover(code.unwrap(), &pin(RIGHT)) {
            Ok(()) => {
                assert!(right);
                self.unforgiven = 0;
                self.locked();
            }
            Err(HelloError::Refused(NotVerified::WrongCode { .. })) => assert!(!right),
            Err(HelloError::Refused(NotVerified::Wait { .. })) => {}
            Err(other) => panic!("{other:?}"),
        }
    }

    fn locked(&mut self) {
        self.end(|_| true);
        self.end_ticket();
    }

    fn end_ticket(&mut self) {
        if let Some(held) = &mut self.held {
            held.good = false;
        }
    }

    fn end(&mut self, which: impl Fn(&Tried) -> bool) {
        for tried in self.attempts.iter_mut().filter(|tried| which(tried)) {
            tried.ended = true;
        }
    }

    fn check(&self) {
        let status = *self.hello.status().pin().unwrap();
        let spent = TryPolicy::PIN.max_failures - status.tries_left;
        // In memory nothing is given back but by a success; on the disk a success may be missing, never a try.
        assert_eq!(spent, self.unforgiven);
        assert!(self.on_disk() >= self.unforgiven);
        assert_eq!(status.locked_out, self.unforgiven >= TryPolicy::PIN.max_failures);
        for tried in &self.attempts {
            assert_eq!(tried.attempt.is_open(), !tried.ended && !tried.succeeded);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_steps_gives_more_than_was_earned(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
            world.check();
        }
    }
}
