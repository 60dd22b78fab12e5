//! The try counter: how often a wrong gesture may be made, how long to wait between, and when to stop ([`TryPolicy`]).
//!
//! A pure state machine; whoever owns it makes the state that [`TryCounter::spend`] returns durable *before* looking at the
//! guess, so that neither a power cut nor a killed process gives a try back. [`TryCounter::forgive`] is for the right one.
//!
//! Waiting is measured on the clock that counts from boot (suspended time included) and never on the wall clock, which
//! the person at the keyboard can set. After a reboot the whole delay starts again, as it does in a TPM.

use core::time::Duration;

use claviger_ctap::cbor::Value;

/// How often a kind of protector may be tried in vain. How easily a gesture is guessed, and what it costs the user to do it once
/// more, differ from kind to kind.
#[derive(Debug, Eq, PartialEq)]
pub struct TryPolicy {
    /// Wrong gestures in a row after which no further one is looked at, until recovery; where it does not lock out, as many as are
    /// counted.
    pub max_failures: u8,
    /// Whether it comes to that.
    pub locks_out: bool,
    /// Wrong gestures in a row after which no further one is taken from CTAP clients, so that no program locks the user out.
    pub max_client_failures: u8,
    /// What a state that was copied back from elsewhere counts as, at least.
    pub restored_failures: u8,
    /// The wait after the n-th wrong gesture in a row; the last one holds for all further ones.
    delays: &'static [Duration],
}

impl TryPolicy {
    /// The PIN: ten tries, five of them for CTAP clients; after a copy the longest wait, and two tries left.
    pub const PIN: Self = Self {
        max_failures: 10,
        locks_out: true,
        max_client_failures: 5,
        restored_failures: 8,
        delays: &[
            Duration::ZERO,
            Duration::ZERO,
            Duration::ZERO,
            Duration::from_secs(30),
            Duration::from_mins(1),
            Duration::from_mins(5),
            Duration::from_mins(15),
            Duration::from_hours(1),
        ],
    };
    /// The recovery code: one try in two seconds, for ever. Nobody guesses 128 bits, and this is the last way in.
    pub const RECOVERY_CODE: Self = Self {
        max_failures: u8::MAX,
        locks_out: false,
        max_client_failures: 0,
        restored_failures: 1,
        delays: &[Duration::from_secs(2)],
    };
}

/// A point in time that cannot be set: which boot, and how long after it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment {
    /// The kernel's identifier of this boot.
    pub boot: [u8; 16],
    /// Milliseconds since boot, suspended time included.
    pub since_boot_ms: u64,
}

impl Moment {
    /// Whether it is of the same boot as `since`, not before it, and less than `lifetime` later.
    pub(crate) fn is_within(self, lifetime: Duration, since: Self) -> bool {
        let age = self.since_boot_ms.checked_sub(since.since_boot_ms);
        self.boot == since.boot && age.is_some_and(|age| Duration::from_millis(age) < lifetime)
    }

    /// As stored, `[boot id, milliseconds since boot]`, or null for none. The outer `None` is "neither".
    #[allow(clippy::option_option)]
    pub(crate) fn from_cbor(value: &Value) -> Option<Option<Self>> {
        let items = match value {
            Value::Null => return Some(None),
            value => value.as_array()?,
        };
        let [boot, since_boot] = items else { return None };
        Some(Some(Self {
            boot: boot.as_bytes()?.try_into().ok()?,
            since_boot_ms: since_boot.as_unsigned()?,
        }))
    }

    /// What [`Self::from_cbor`] reads.
    pub(crate) fn to_cbor(moment: Option<Self>) -> Value {
        moment.map_or(Value::Null, |moment| {
            Value::from(vec![Value::from(moment.boot), Value::from(moment.since_boot_ms)])
        })
    }
}

/// How many tries were spent, and when the last one was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TryCounter {
    policy: &'static TryPolicy,
    failures: u8,
    last: Option<Moment>,
}

/// Whether a guess may be looked at now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Gate {
    /// Yes; so many wrong ones are left, at least one.
    Open {
        /// Tries left.
        tries_left: u8,
    },
    /// Not before this time has passed.
    Wait {
        /// Tries left after the wait.
        tries_left: u8,
        /// What is left of the wait.
        remaining: Duration,
    },
    /// Never again, until recovery.
    LockedOut,
}

impl Gate {
    /// Wrong gestures that may still be made, now or after the wait.
    pub fn tries_left(self) -> u8 {
        match self {
            Self::Open { tries_left } | Self::Wait { tries_left, .. } => tries_left,
            Self::LockedOut => 0,
        }
    }

    /// What is left of the wait in milliseconds, rounded up; 0 when there is none to wait for.
    pub fn wait_ms(self) -> u64 {
        match self {
            Self::Wait { remaining, .. } => u64::try_from(remaining.as_micros().div_ceil(1000)).unwrap_or(u64::MAX),
            Self::Open { .. } | Self::LockedOut => 0,
        }
    }
}

impl TryCounter {
    /// No try spent.
    pub const fn fresh(policy: &'static TryPolicy) -> Self {
        Self {
            policy,
            failures: 0,
            last: None,
        }
    }

    /// A counter as stored; `None` when no run of this program can have stored it.
    pub(crate) fn from_parts(policy: &'static TryPolicy, failures: u8, last: Option<Moment>) -> Option<Self> {
        let possible = failures <= policy.max_failures && (failures > 0) == last.is_some();
        possible.then_some(Self { policy, failures, last })
    }

    /// What a CTAP client has used up of its share of the tries: then so many are left, for a prompt alone. `None` while it may go
    /// on, and when there is none left for anybody.
    pub(crate) fn left_to_prompts(&self) -> Option<u8> {
        let TryPolicy {
            max_client_failures,
            max_failures,
            ..
        } = *self.policy;
        (max_client_failures..max_failures)
            .contains(&self.failures)
            .then(|| max_failures - self.failures)
    }

    /// Wrong gestures in a row, counting one that is being looked at.
    pub(crate) fn failures(&self) -> u8 {
        self.failures
    }

    /// When the last try was spent.
    pub(crate) fn last(&self) -> Option<Moment> {
        self.last
    }

    /// Whether a guess may be looked at at the time `now`.
    pub fn gate(&self, now: Moment) -> Gate {
        let counted = if self.policy.locks_out { self.failures } else { 0 };
        let tries_left = self.policy.max_failures.saturating_sub(counted);
        if tries_left == 0 {
            return Gate::LockedOut;
        }
        let elapsed = match self.last {
            Some(last) if last.boot == now.boot => now.since_boot_ms.saturating_sub(last.since_boot_ms),
            Some(_) => now.since_boot_ms,
            None => return Gate::Open { tries_left },
        };
        let remaining = self.delay().saturating_sub(Duration::from_millis(elapsed));
        if remaining.is_zero() {
            Gate::Open { tries_left }
        } else {
            Gate::Wait { tries_left, remaining }
        }
    }

    /// Spends a try at the time `now`: the state to make durable before looking at the guess, or the gate that is shut.
    pub fn spend(&self, now: Moment) -> Result<Self, Gate> {
        match self.gate(now) {
            Gate::Open { .. } => Ok(Self {
                failures: self.failures.saturating_add(1),
                last: Some(now),
                ..*self
            }),
            shut => Err(shut),
        }
    }

    /// The state after the right gesture.
    #[must_use]
    pub fn forgive(&self) -> Self {
        Self::fresh(self.policy)
    }

    /// The state when the stored one turns out to have been copied back from a backup or from elsewhere: it may be older than
    /// the tries spent since, so it is good for the longest wait first.
    #[must_use]
    pub fn restored(&self, now: Moment) -> Self {
        Self {
            failures: self.failures.max(self.policy.restored_failures),
            last: Some(now),
            ..*self
        }
    }

    /// Whether it is at least where [`Self::restored`] puts it.
    pub(crate) fn counts_as_restored(&self) -> bool {
        self.failures >= self.policy.restored_failures
    }

    fn delay(&self) -> Duration {
        let Some(index) = usize::from(self.failures).checked_sub(1) else {
            return Duration::ZERO;
        };
        let delays = self.policy.delays;
        delays.get(index).or(delays.last()).copied().unwrap_or(Duration::ZERO)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PIN: &TryPolicy = &TryPolicy::PIN;

    fn at(boot: u8, since_boot_ms: u64) -> Moment {
        Moment {
            boot: [boot; 16],
            since_boot_ms,
        }
    }

    #[test]
    fn three_are_free_then_delays_grow_then_it_locks() {
        let mut now = 1_000;
        let mut counter = TryCounter::fresh(PIN);
        let mut waits = Vec::new();
        for tries_left in (0..PIN.max_failures).rev() {
            counter = counter.spend(at(1, now)).unwrap();
            let gate = counter.gate(at(1, now));
            assert_eq!(gate.tries_left(), tries_left);
            waits.push(gate.wait_ms() / 1000);
            now += gate.wait_ms();
        }
        assert_eq!(waits, [0, 0, 0, 30, 60, 300, 900, 3600, 3600, 0]);
        assert_eq!(counter.gate(at(1, now)), Gate::LockedOut);
        assert_eq!(counter.spend(at(9, u64::MAX)).unwrap_err(), Gate::LockedOut);
    }

    #[test]
    fn each_kind_of_protector_has_its_own_tries() {
        static FINGER: TryPolicy = TryPolicy {
            max_failures: 3,
            locks_out: true,
            max_client_failures: 0,
            restored_failures: 2,
            delays: &[Duration::ZERO, Duration::from_secs(5)],
        };
        let finger = &FINGER;
        let counter = TryCounter::fresh(finger)
            .spend(at(1, 0))
            .unwrap()
            .spend(at(1, 0))
            .unwrap();
        assert_eq!(
            counter.gate(at(1, 0)),
            Gate::Wait {
                tries_left: 1,
                remaining: Duration::from_secs(5)
            }
        );
        assert_eq!(counter.spend(at(1, 5_000)).unwrap().gate(at(1, 9_000)), Gate::LockedOut);
        assert_eq!(counter.forgive(), TryCounter::fresh(finger));
        assert!(TryCounter::from_parts(finger, 4, Some(at(1, 0))).is_none());
        assert_eq!(
            (counter.left_to_prompts(), TryCounter::fresh(PIN).left_to_prompts()),
            (Some(1), None)
        );
    }

    #[test]
    fn a_recovery_code_has_one_try_in_two_seconds_and_never_locks_out() {
        let mut counter = TryCounter::fresh(&TryPolicy::RECOVERY_CODE);
        for second in 0..1_000 {
            counter = counter.spend(at(1, 2_000 * second)).unwrap();
            assert_eq!(counter.gate(at(1, 2_000 * second)).wait_ms(), 2_000);
            assert!(counter.spend(at(1, 2_000 * second + 1_999)).is_err());
        }
        assert_eq!(counter.failures(), u8::MAX);
        assert_eq!(counter.restored(at(2, 0)).gate(at(2, 0)).wait_ms(), 2_000);
        assert!(TryCounter::from_parts(&TryPolicy::RECOVERY_CODE, u8::MAX, Some(at(1, 0))).is_some());
    }

    #[test]
    fn the_wait_ends_to_the_millisecond() {
        let counter = TryCounter::from_parts(PIN, 4, Some(at(1, 5_000))).unwrap();
        assert_eq!(counter.gate(at(1, 34_999)).wait_ms(), 1);
        assert_eq!(counter.gate(at(1, 35_000)), Gate::Open { tries_left: 6 });
    }

    #[test]
    fn a_reboot_starts_the_wait_again() {
        let counter = TryCounter::from_parts(PIN, 5, Some(at(1, 900_000))).unwrap();
        assert_eq!(counter.gate(at(2, 1_000)).wait_ms(), 59_000);
        assert_eq!(counter.gate(at(2, 60_000)), Gate::Open { tries_left: 5 });
    }

    #[test]
    fn a_clock_that_runs_backwards_gives_nothing() {
        let counter = TryCounter::from_parts(PIN, 4, Some(at(1, 50_000))).unwrap();
        assert_eq!(counter.gate(at(1, 0)).wait_ms(), 30_000);
    }

    #[test]
    fn a_restored_state_waits_the_longest() {
        let restored = TryCounter::fresh(PIN).restored(at(1, 0));
        assert_eq!(
            restored.gate(at(1, 0)),
            Gate::Wait {
                tries_left: 2,
                remaining: Duration::from_hours(1)
            }
        );
        let spent = TryCounter::from_parts(PIN, PIN.max_failures, Some(at(1, 0))).unwrap();
        assert_eq!(spent.restored(at(2, 0)).gate(at(2, u64::MAX)), Gate::LockedOut);
    }

    #[test]
    fn impossible_states_are_not_taken_from_a_file() {
        assert!(TryCounter::from_parts(PIN, 11, Some(at(1, 0))).is_none());
        assert!(TryCounter::from_parts(PIN, 3, None).is_none());
        assert!(TryCounter::from_parts(PIN, 0, Some(at(1, 0))).is_none());
        assert_eq!(TryCounter::from_parts(PIN, 0, None), Some(TryCounter::fresh(PIN)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Over any history without the right PIN: never more than ten guesses are looked at, and between two of them lies at
        /// least the delay, reboots and clock jumps or not.
        #[test]
        fn no_history_gives_more_tries(steps in prop::collection::vec((any::<bool>(), 0_u64..5_000_000), 0..200)) {
            let (mut boot, mut since, mut real) = (0_u8, 0_u64, 0_u64);
            let mut counter = TryCounter::fresh(PIN);
            let mut looked_at = Vec::new();
            for (reboot, pass) in steps {
                if reboot {
                    boot = boot.wrapping_add(1);
                    since = 0;
                }
                since += pass;
                real += pass;
                match counter.spend(at(boot, since)) {
                    Ok(spent) => {
                        looked_at.push(real);
                        counter = spent;
                    }
                    Err(gate) => prop_assert_eq!(gate, counter.gate(at(boot, since))),
                }
            }
            prop_assert!(looked_at.len() <= usize::from(PIN.max_failures));
            for (index, pair) in looked_at.windows(2).enumerate() {
                let delay = PIN.delays[index.min(PIN.delays.len() - 1)];
                prop_assert!(u128::from(pair[1] - pair[0]) >= delay.as_millis());
            }
        }
    }
}
