//! A hundred thousand random courses: parallel ways, gestures, full disks, cancels, locks, callers that go, and time, in any order.
//!
//! The test keeps a record by itself of what each gesture may bring about. What must hold after every step:
//!
//! * Nothing is given out without a right gesture, and of each gesture once.
//! * A gesture is looked at only after its try was written.
//! * Nothing is given out after the attempt was overtaken or ended, and a gesture without a secret only while a PIN's opening lasts.
//! * No reader stays claimed when its attempt is over.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

const COURSES: u64 = 100_000;
const STEPS: u64 = 24;
const WAYS: [Way; 4] = [Way::Pin, Way::ClientPin, Way::Finger, Way::RecoveryCode];

/// xorshift64*: not random enough for keys, more than enough for this.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

/// What the test knows of a gesture that was made.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Made {
    /// None is under way.
    Nothing,
    /// It came, and its try is being written.
    Came { right: bool },
    /// Its try is written.
    OnDisk { right: bool },
}

struct Tried {
    claim: Claim,
    transaction: u8,
    made: Made,
    misses: u8,
    ended: bool,
    gave_out: bool,
}

struct World {
    machine: Machine,
    random: Random,
    tried: Vec<Tried>,
    now_ms: u64,
    /// When a PIN from the prompt opened last, as far as nobody has locked since.
    opened_ms: Option<u64>,
    tries_on_disk: u32,
    looks: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            machine: Machine::new(Reopening::new(Duration::from_mins(1))),
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            tried: Vec::new(),
            now_ms: 0,
            opened_ms: None,
            tries_on_disk: 0,
            looks: 0,
        }
    }

    fn now(&self) -> Moment {
        Moment {
            boot: [1; 16],
            since_boot_ms: self.now_ms,
        }
    }

    fn reopens(&self) -> bool {
        self.opened_ms.is_some_and(|opened| self.now_ms - opened < 60_000)
    }

    fn opens(&self, claim: Claim) -> bool {
        claim.way.has_secret() || self.reopens()
    }

    fn step(&mut self) {
        match self.random.below(16) {
            0..3 => self.arm(),
            3..12 => self.go_on(),
            12 => {
                let transaction = u8::try_from(self.random.below(3)).unwrap();
                self.machine.cancel(TransactionId([transaction; 16]));
                self.end(|tried| tried.transaction == transaction);
            }
            13 => {
                self.machine.lock();
                self.end(|_| true);
                self.opened_ms = None;
            }
            14 => self.leave(),
            _ => self.now_ms += self.random.below(40_000),
        }
    }

    fn arm(&mut self) {
        let transaction = u8::try_from(self.random.below(3)).unwrap();
        let way = WAYS[usize::try_from(self.random.below(4)).unwrap()];
        let claim = self.machine.claim(Some(TransactionId([transaction; 16])), way);
        let joined = self
            .tried
            .iter()
            .find(|tried| tried.claim.generation == claim.generation);
        assert!(joined.is_none_or(|tried| tried.transaction == transaction));
        let act = self.machine.step(claim, Event::Arm, self.now());
        let opens = self.opens(claim);
        assert_eq!(act, if opens { Act::Wait } else { Act::AskPin });
        self.tried.push(Tried {
            claim,
            transaction,
            made: Made::Nothing,
            misses: 0,
            ended: !opens,
            gave_out: false,
        });
    }

    /// The next thing that can happen to a claim, and sometimes one that cannot.
    fn go_on(&mut self) {
        if self.tried.is_empty() {
            return;
        }
        let index = usize::try_from(self.random.below(self.tried.len() as u64)).unwrap();
        let right = self.random.below(3) == 0;
        let event = match (self.random.below(8), self.tried[index].made) {
            // Out of turn, for the most part.
            (0, made) => match (self.random.below(4), made) {
                (0, _) => Event::Gesture,
                (1, _) => Event::Written,
                (2, Made::Nothing | Made::Came { .. }) => Event::Right,
                _ => Event::NotWritten,
            },
            (_, Made::Nothing) => Event::Gesture,
            (1, Made::Came { .. }) => Event::NotWritten,
            (_, Made::Came { .. }) => Event::Written,
            (_, Made::OnDisk { right: true }) => Event::Right,
            (_, Made::OnDisk { right: false }) => Event::Wrong,
        };
        let (now, claim) = (self.now(), self.tried[index].claim);
        let act = self.machine.step(claim, event, now);
        let opens = self.opens(claim);
        let tried = &mut self.tried[index];
        match act {
            Act::Nothing => {}
            Act::Write => {
                assert!(!tried.ended && opens && tried.made == Made::Nothing);
                tried.made = Made::Came { right };
            }
            Act::Look => {
                let Made::Came { right } = tried.made else {
                    panic!("nothing came that could be looked at")
                };
                (self.tries_on_disk, self.looks) = (self.tries_on_disk + 1, self.looks + 1);
                tried.made = Made::OnDisk { right };
            }
            Act::Wait => {
                assert!(!tried.ended);
                if event == Event::Wrong {
                    assert!(matches!(tried.made, Made::OnDisk { .. }));
                    tried.misses += 1;
                    assert!(claim.way.has_secret() || tried.misses < MAX_MISSES);
                }
                tried.made = Made::Nothing;
            }
            Act::AskPin => {
                assert!(claim.way == Way::Finger);
                assert!(!opens || (event == Event::Wrong && tried.misses + 1 == MAX_MISSES));
                tried.ended = true;
            }
            Act::GiveOut => self.gave_out(index),
        }
        assert_eq!(self.looks, self.tries_on_disk);
    }

    fn gave_out(&mut self, index: usize) {
        let (claim, opens) = (self.tried[index].claim, self.opens(self.tried[index].claim));
        let tried = &mut self.tried[index];
        assert!(
            tried.made == Made::OnDisk { right: true },
            "nothing without a right gesture"
        );
        assert!(!tried.ended && !tried.gave_out && opens);
        (tried.made, tried.gave_out) = (Made::Nothing, true);
        for other in self
            .tried
            .iter_mut()
            .filter(|other| other.claim.generation == claim.generation)
        {
            assert!(other.claim == claim || !other.gave_out, "one success of one attempt");
            other.ended = true;
        }
        if claim.way == Way::Pin {
            self.opened_ms = Some(self.now_ms);
        }
    }

    fn leave(&mut self) {
        if !self.tried.is_empty() {
            let index = usize::try_from(self.random.below(self.tried.len() as u64)).unwrap();
            let tried = self.tried.swap_remove(index);
            self.machine.leave(tried.claim);
            assert!(!self.machine.holds_reader(tried.claim));
            assert_eq!(self.machine.step(tried.claim, Event::Right, self.now()), Act::Nothing);
        }
    }

    fn end(&mut self, which: impl Fn(&Tried) -> bool) {
        self.tried
            .iter_mut()
            .filter(|tried| which(tried))
            .for_each(|tried| tried.ended = true);
    }

    fn check(&self) {
        assert_eq!(self.machine.reopens(self.now()), self.reopens());
        for tried in &self.tried {
            let state = self.machine.state(tried.claim);
            assert_eq!(state.is_open(), !tried.ended, "{:?} {state:?}", tried.claim);
            assert!(
                !tried.ended || !self.machine.holds_reader(tried.claim),
                "a reader stays claimed"
            );
        }
        assert!(self.machine.len() <= self.tried.len());
    }
}

#[test]
fn no_course_gives_out_more_than_was_earned() {
    let mut given = 0;
    for seed in 1..=COURSES {
        let mut world = World::new(seed);
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..STEPS {
                world.step();
                world.check();
            }
        }));
        assert!(ran.is_ok(), "the course of seed {seed}");
        given += world.tried.iter().filter(|tried| tried.gave_out).count();
    }
    assert!(given > 1_000, "the courses lead somewhere: {given}");
}
