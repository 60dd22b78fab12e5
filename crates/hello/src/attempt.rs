//! Attempts at a verification, shared by the calls that work on them: the [machine](crate::machine) behind a lock, and the notice that a
//! claim has ended.
//!
//! A call holds one claim, which is armed before hello has a gesture, however long the person takes. A gesture that arrives spends its
//! try durably, is looked at, and is committed, each step by `hello::check`. Calls that name the same transaction share one
//! attempt, so that a PIN and a reader can be offered together and the first success wins. What happens to a claim in which order is the
//! machine's; here nothing is decided.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claviger_joint::TransactionId;
use tokio::sync::watch;

use crate::{
    counter::Moment,
    machine::{Act, Claim, Event, LONGEST_REOPENING, Machine, Reopening, State, Way},
};

/// One claim of an attempt. Dropped, it is left: the call is over.
#[derive(Debug)]
pub(crate) struct Attempt {
    claim: Claim,
    shared: Arc<Shared>,
}

impl Attempt {
    /// In which way it verifies.
    pub(crate) fn way(&self) -> Way {
        self.claim.way
    }

    /// Whether a gesture may still be committed.
    pub(crate) fn is_open(&self) -> bool {
        self.state().is_open()
    }

    /// Takes one event at the time `now`, and says what to do.
    pub(crate) fn step(&self, event: Event, now: Moment) -> Act {
        self.shared.change(|machine| machine.step(self.claim, event, now))
    }

    /// Whether the commit was taken and still stands: no lock and no cancel came since.
    pub(crate) fn stands(&self) -> bool {
        self.state() == State::Committed
    }

    /// Returns when no gesture can be committed any more.
    pub(crate) async fn over(&self) {
        let mut changes = self.shared.changes.subscribe();
        while self.is_open() {
            // Fails only when the sender is gone, which `self` holds.
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Whether both are of one attempt.
    #[cfg(test)]
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        self.claim.generation == other.claim.generation
    }

    fn state(&self) -> State {
        self.shared.locked().state(self.claim)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.shared.change(|machine| machine.leave(self.claim));
    }
}

/// All attempts that somebody still works on.
#[derive(Debug)]
pub(crate) struct Attempts(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    machine: Mutex<Machine>,
    /// Told of every change.
    changes: watch::Sender<()>,
}

impl Attempts {
    /// Arms a claim at this transaction, of the attempt that is open there or of a new one. Without a transaction it stands alone.
    pub(crate) fn arm(&self, transaction: Option<TransactionId>, way: Way, now: Moment) -> Attempt {
        let claim = self.0.change(|machine| {
            let claim = machine.claim(transaction, way);
            machine.step(claim, Event::Arm, now);
            claim
        });
        Attempt {
            claim,
            shared: Arc::clone(&self.0),
        }
    }

    /// Ends the attempts at this transaction.
    pub(crate) fn end(&self, transaction: TransactionId) {
        self.0.change(|machine| machine.cancel(transaction));
    }

    /// Ends all.
    pub(crate) fn end_all(&self) {
        self.0.change(Machine::lock);
    }
}

impl Default for Attempts {
    fn default() -> Self {
        Self(Arc::new(Shared {
            machine: Mutex::new(Machine::new(Reopening::new(LONGEST_REOPENING))),
            changes: watch::Sender::default(),
        }))
    }
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut Machine) -> T) -> T {
        let changed = change(&mut self.locked());
        self.changes.send_replace(());
        changed
    }

    fn locked(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    const NOW: Moment = Moment {
        boot: [1; 16],
        since_boot_ms: 0,
    };

    #[tokio::test]
    async fn whoever_waits_is_told_of_a_lock() {
        let attempts = Attempts::default();
        let attempt = Arc::new(attempts.arm(None, Way::Pin, NOW));
        let waiting = tokio::spawn({
            let attempt = Arc::clone(&attempt);
            async move { attempt.over().await }
        });
        attempts.end_all();
        waiting.await.unwrap();
        attempt.over().await;
    }

    #[tokio::test]
    async fn whoever_waits_is_told_of_another_ones_success() {
        let attempts = Attempts::default();
        let one = Some(TransactionId([1; 16]));
        let (first, second) = (attempts.arm(one, Way::Pin, NOW), attempts.arm(one, Way::Pin, NOW));
        for event in [Event::Gesture, Event::Written, Event::Right] {
            assert!(second.is_open());
            first.step(event, NOW);
        }
        second.over().await;
        assert!(first.stands() && !second.stands());
    }

    #[test]
    fn an_attempt_that_everybody_let_go_is_forgotten() {
        let attempts = Attempts::default();
        drop(attempts.arm(Some(TransactionId([1; 16])), Way::Pin, NOW));
        let _kept = attempts.arm(None, Way::Pin, NOW);
        assert_eq!(attempts.0.locked().len(), 1);
    }
}
