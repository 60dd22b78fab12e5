//! The course of gestures, as a machine without I/O, locks or a clock of its own: events in, what to do about them out.
//!
//! ```text
//!  Idle ─► Armed ─► Spent ─► Checking ─► Committed
//!            ▲        │          │
//!            └────────┴──────────┘  not written, wrong
//!          any of these ─► Refused: overtaken, ended, a PIN is needed first
//! ```
//!
//! A person can be verified in several [ways](Way) at once: one *attempt* has a *claim* for each, and one success. What is armed has
//! spent nothing, however long the person takes. A gesture spends its try, which is written before anybody looks at it. The first
//! right one commits, and the other claims are refused in the same step; a wrong PIN leaves the finger armed. A cancel, the
//! caller's end and a lock end the attempt's *generation*: whoever comes with a claim of an ended one is late, and all that remains is
//! the try that it spent.
//!
//! A gesture without a secret opens nothing by itself: it opens again what a PIN opened earlier in this login ([`Reopening`]).
//! `docs/verification.md` has every cell of way, state and event; a test holds the table to [`Machine::step`].
//! What a try costs, what is written and what is looked at are hello's and not here.

use claviger_joint::TransactionId;
use core::time::Duration;

use crate::counter::Moment;

/// Fingers that the reader does not know, one after the other, until it takes a PIN.
pub const MAX_MISSES: u8 = 5;

/// How long, at most, other gestures open again what a PIN opened.
pub const LONGEST_REOPENING: Duration = Duration::from_hours(4);

/// A way to be verified.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// A PIN that was typed into a prompt.
    Pin,
    /// A PIN that was typed into a program that speaks CTAP, and the ticket for it.
    ClientPin,
    /// A finger on the reader: a gesture without a secret.
    Finger,
    /// The recovery code.
    RecoveryCode,
}

impl Way {
    /// Whether the gesture brings what opens the user's key.
    pub fn has_secret(self) -> bool {
        !matches!(self, Self::Finger)
    }

    /// Whether the person is waited for at a device that nobody else can use meanwhile.
    pub fn has_reader(self) -> bool {
        matches!(self, Self::Finger)
    }
}

/// Where a claim stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// Not begun.
    Idle,
    /// A gesture may come. Nothing is spent, nothing is locked.
    Armed,
    /// A gesture has come; its try is being written.
    Spent,
    /// The try is written, and the gesture is looked at.
    Checking,
    /// It was the right one, and the first.
    Committed,
    /// Nothing comes of it any more.
    Refused,
}

impl State {
    /// Whether a success may still come of it.
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Committed | Self::Refused)
    }
}

/// Something happened to a claim.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// The person may be waited for.
    Arm,
    /// A gesture came.
    Gesture,
    /// Its try is on the disk.
    Written,
    /// Its try could not be written, or is not to be spent now.
    NotWritten,
    /// It was looked at and is the right one.
    Right,
    /// It was looked at and is wrong.
    Wrong,
}

/// What to do after an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Act {
    /// Nothing: the event is out of turn, or comes too late.
    Nothing,
    /// Wait for the person.
    Wait,
    /// Write the try.
    Write,
    /// Look at the gesture.
    Look,
    /// Give out what the gesture is for.
    GiveOut,
    /// Ask for a PIN: this way does not open without one.
    AskPin,
}

/// What a PIN opened in this login, and for how long other gestures open it again.
#[derive(Clone, Copy, Debug)]
pub struct Reopening {
    longest: Duration,
    since: Option<Moment>,
}

impl Reopening {
    /// Nothing is open yet. What a PIN opens stays so for `longest`, but never above [`LONGEST_REOPENING`].
    pub fn new(longest: Duration) -> Self {
        Self {
            longest: longest.min(LONGEST_REOPENING),
            since: None,
        }
    }

    /// Whether a gesture without a secret opens anything at the time `now`.
    pub fn is_open(&self, now: Moment) -> bool {
        self.since.is_some_and(|since| now.is_within(self.longest, since))
    }
}

/// A way of one attempt. Another one with the same transaction belongs to the same generation as long as that is open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Claim {
    number: u64,
    /// Of the attempt that it belongs to.
    pub generation: u64,
    /// How the person is to be verified.
    pub way: Way,
}

/// All attempts that somebody still works on.
#[derive(Debug)]
pub struct Machine {
    attempts: Vec<Attempt>,
    /// The number of the next claim, and of the next generation.
    next: u64,
    reopening: Reopening,
}

#[derive(Debug)]
struct Attempt {
    generation: u64,
    transaction: Option<TransactionId>,
    courses: Vec<Course>,
}

#[derive(Debug)]
struct Course {
    claim: Claim,
    state: State,
    misses: u8,
}

impl Machine {
    /// Nobody is verified, and nothing is open.
    pub fn new(reopening: Reopening) -> Self {
        Self {
            attempts: Vec::new(),
            next: 0,
            reopening,
        }
    }

    /// An idle claim to be verified in this way: of the attempt at this transaction, if one is open, or of a new one. Without a
    /// transaction it stands alone.
    pub fn claim(&mut self, transaction: Option<TransactionId>, way: Way) -> Claim {
        let number = self.next;
        self.next = number.wrapping_add(1);
        let mut open = self.attempts.iter().filter(|attempt| attempt.is_open());
        let joined = open.find(|attempt| transaction.is_some() && attempt.transaction == transaction);
        let generation = joined.map_or(number, |attempt| attempt.generation);
        if joined.is_none() {
            self.attempts.push(Attempt {
                generation,
                transaction,
                courses: Vec::new(),
            });
        }
        let claim = Claim {
            number,
            generation,
            way,
        };
        if let Some(attempt) = self.attempt(claim) {
            attempt.courses.push(Course {
                claim,
                state: State::Idle,
                misses: 0,
            });
        }
        claim
    }

    /// Takes one event of this claim at the time `now`. An event that is out of turn, or of a claim that has ended, changes nothing.
    pub fn step(&mut self, claim: Claim, event: Event, now: Moment) -> Act {
        let opens = claim.way.has_secret() || self.reopening.is_open(now);
        let Some(attempt) = self.attempt(claim) else {
            return Act::Nothing;
        };
        let Some(course) = attempt.course(claim) else {
            return Act::Nothing;
        };
        let act = course.step(event, opens);
        if act == Act::GiveOut {
            attempt.refuse_all_but(claim);
            if claim.way == Way::Pin {
                self.reopening.since = Some(now);
            }
        }
        act
    }

    /// Where a claim stands. One that nobody holds any more is refused.
    pub fn state(&self, claim: Claim) -> State {
        let attempt = self
            .attempts
            .iter()
            .find(|attempt| attempt.generation == claim.generation);
        let course = attempt.and_then(|attempt| attempt.courses.iter().find(|course| course.claim == claim));
        course.map_or(State::Refused, |course| course.state)
    }

    /// Whether the claim keeps a reader from others.
    pub fn holds_reader(&self, claim: Claim) -> bool {
        claim.way.has_reader() && matches!(self.state(claim), State::Armed | State::Spent | State::Checking)
    }

    /// Whether a gesture without a secret opens anything at the time `now`.
    pub fn reopens(&self, now: Moment) -> bool {
        self.reopening.is_open(now)
    }

    /// Ends the attempts at this transaction: its caller wants them no more.
    pub fn cancel(&mut self, transaction: TransactionId) {
        let ended = |attempt: &&mut Attempt| attempt.transaction == Some(transaction);
        self.attempts.iter_mut().filter(ended).for_each(Attempt::end);
    }

    /// Ends all attempts, and what a PIN opened is shut: the user locks.
    pub fn lock(&mut self) {
        self.attempts.iter_mut().for_each(Attempt::end);
        self.reopening.since = None;
    }

    /// Nobody works on this claim any more: its caller has its answer, or is gone.
    pub fn leave(&mut self, claim: Claim) {
        if let Some(attempt) = self.attempt(claim) {
            attempt.courses.retain(|course| course.claim != claim);
        }
        self.attempts.retain(|attempt| !attempt.courses.is_empty());
    }

    /// How many attempts there are.
    pub fn len(&self) -> usize {
        self.attempts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.attempts.is_empty()
    }

    fn attempt(&mut self, claim: Claim) -> Option<&mut Attempt> {
        self.attempts
            .iter_mut()
            .find(|attempt| attempt.generation == claim.generation)
    }
}

impl Attempt {
    /// Whether a success may still come of it.
    fn is_open(&self) -> bool {
        self.courses.iter().any(|course| course.state.is_open())
            && !self.courses.iter().any(|course| course.state == State::Committed)
    }

    fn course(&mut self, claim: Claim) -> Option<&mut Course> {
        self.courses.iter_mut().find(|course| course.claim == claim)
    }

    fn refuse_all_but(&mut self, committed: Claim) {
        let others = self.courses.iter_mut().filter(|course| course.claim != committed);
        others.for_each(|course| course.state = State::Refused);
    }

    fn end(&mut self) {
        for course in &mut self.courses {
            course.state = State::Refused;
        }
    }
}

impl Course {
    /// `opens` says whether this way opens anything now.
    fn step(&mut self, event: Event, opens: bool) -> Act {
        let (state, act) = match (self.state, event) {
            (State::Idle, Event::Arm) | (State::Armed, Event::Gesture) | (State::Checking, Event::Right) if !opens => {
                (State::Refused, Act::AskPin)
            }
            (State::Idle, Event::Arm) | (State::Spent, Event::NotWritten) => (State::Armed, Act::Wait),
            (State::Armed, Event::Gesture) => (State::Spent, Act::Write),
            (State::Spent, Event::Written) => (State::Checking, Act::Look),
            (State::Checking, Event::Right) => (State::Committed, Act::GiveOut),
            (State::Checking, Event::Wrong) => self.missed(),
            _ => return Act::Nothing,
        };
        self.state = state;
        act
    }

    /// After a wrong gesture: once more, unless a reader has not known the finger too often.
    fn missed(&mut self) -> (State, Act) {
        self.misses = self.misses.saturating_add(1);
        if self.claim.way.has_reader() && self.misses >= MAX_MISSES {
            (State::Refused, Act::AskPin)
        } else {
            (State::Armed, Act::Wait)
        }
    }
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
