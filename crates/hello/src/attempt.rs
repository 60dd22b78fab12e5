//! Attempts at a verification, and how each of them ends. Pure but for the notice that one has ended.
//!
//! An attempt is armed before hello has a gesture: nothing is spent yet and nothing is locked, however long the person takes. A
//! gesture that arrives spends its try durably, is looked at, and is committed, each step by `hello::check`. Only
//! one gesture of an attempt can be committed, and none any more once the attempt was cancelled or the user has locked: the
//! verification's success is dropped then, and its try stays spent.
//!
//! Calls that name the same transaction share one attempt, so that a PIN and a reader can be offered together and the first
//! success wins. A wrong gesture leaves the attempt as it was.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use claviger_joint::TransactionId;
use tokio::sync::watch;

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// A gesture may still be committed.
    Armed,
    /// One was.
    Committed,
    /// Cancelled, or overtaken by a lock. Nothing comes of it any more.
    Ended,
}

/// One attempt. Shared by the calls that work on the same transaction.
#[derive(Debug)]
pub(crate) struct Attempt {
    transaction: Option<TransactionId>,
    stage: watch::Sender<Stage>,
}

impl Attempt {
    /// Whether a gesture may still be committed.
    pub(crate) fn is_armed(&self) -> bool {
        *self.stage.borrow() == Stage::Armed
    }

    /// Takes the one commit of this attempt; `false` when it was taken before or the attempt has ended.
    pub(crate) fn commit(&self) -> bool {
        self.stage.send_if_modified(|stage| {
            let armed = *stage == Stage::Armed;
            if armed {
                *stage = Stage::Committed;
            }
            armed
        })
    }

    /// Whether the commit was taken and still stands: no lock and no cancel came since.
    pub(crate) fn stands(&self) -> bool {
        *self.stage.borrow() == Stage::Committed
    }

    /// Returns when no gesture can be committed any more.
    pub(crate) async fn over(&self) {
        // Fails only when the sender is gone, which `self` is.
        let _ = self.stage.subscribe().wait_for(|stage| *stage != Stage::Armed).await;
    }

    fn end(&self) {
        self.stage.send_replace(Stage::Ended);
    }
}

/// All attempts that somebody still works on.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<Vec<Weak<Attempt>>>);

impl Attempts {
    /// Arms an attempt at this transaction, or joins the one that is armed already. Without a transaction it stands alone.
    pub(crate) fn arm(&self, transaction: Option<TransactionId>) -> Arc<Attempt> {
        let mut attempts = self.locked();
        attempts.retain(|attempt| attempt.strong_count() > 0);
        let joined = attempts
            .iter()
            .filter_map(Weak::upgrade)
            .find(|attempt| transaction.is_some() && attempt.transaction == transaction && attempt.is_armed());
        joined.unwrap_or_else(|| {
            let attempt = Arc::new(Attempt {
                transaction,
                stage: watch::Sender::new(Stage::Armed),
            });
            attempts.push(Arc::downgrade(&attempt));
            attempt
        })
    }

    /// Ends the attempts at this transaction.
    pub(crate) fn end(&self, transaction: TransactionId) {
        for attempt in self.locked().iter().filter_map(Weak::upgrade) {
            if attempt.transaction == Some(transaction) {
                attempt.end();
            }
        }
    }

    /// Ends all.
    pub(crate) fn end_all(&self) {
        for attempt in self.locked().iter().filter_map(Weak::upgrade) {
            attempt.end();
        }
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Weak<Attempt>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    const ONE: Option<TransactionId> = Some(TransactionId([1; 16]));
    const TWO: Option<TransactionId> = Some(TransactionId([2; 16]));

    #[test]
    fn the_first_success_wins_and_the_second_finds_nothing_left() {
        let attempts = Attempts::default();
        let (pin, finger) = (attempts.arm(ONE), attempts.arm(ONE));
        assert!(Arc::ptr_eq(&pin, &finger));
        assert!(pin.commit());
        assert!(!finger.commit());
        assert!(pin.stands());
        // What comes later with the same transaction is an attempt of its own.
        assert!(attempts.arm(ONE).commit());
    }

    #[test]
    fn attempts_without_a_transaction_stand_alone() {
        let attempts = Attempts::default();
        let (one, two) = (attempts.arm(None), attempts.arm(None));
        assert!(one.commit() && two.commit());
    }

    #[test]
    fn a_cancel_ends_its_own_transaction_and_a_lock_ends_all() {
        let attempts = Attempts::default();
        let (one, two, three) = (attempts.arm(ONE), attempts.arm(TWO), attempts.arm(None));
        attempts.end(TransactionId([1; 16]));
        assert!(!one.commit());
        assert!(two.commit());
        attempts.end_all();
        assert!(!two.stands(), "nothing that comes after the commit is given out either");
        assert!(!three.commit());
    }

    #[tokio::test]
    async fn whoever_waits_is_told() {
        let attempts = Attempts::default();
        let attempt = attempts.arm(ONE);
        let waiting = tokio::spawn({
            let attempt = Arc::clone(&attempt);
            async move { attempt.over().await }
        });
        attempts.end_all();
        waiting.await.unwrap();
        attempt.over().await;
    }

    #[test]
    fn an_attempt_that_everybody_let_go_is_forgotten() {
        let attempts = Attempts::default();
        drop(attempts.arm(ONE));
        drop(attempts.arm(TWO));
        let _kept = attempts.arm(None);
        assert_eq!(attempts.locked().len(), 1);
    }
}
