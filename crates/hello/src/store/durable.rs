//! The state in memory as it is on the disk: read at any time, changed by one at a time and durably.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{State, Store, StoreError};

/// The store and what is in it. Whoever reads never waits for the disk.
pub(crate) struct Durable {
    /// Locked for as long as one change takes to reach the disk, and never while a gesture is awaited or looked at.
    store: Mutex<Store>,
    /// Locked for the moment of a look or an exchange, after `store` where both are.
    state: Mutex<Option<Arc<State>>>,
}

impl Durable {
    /// A store that was opened, with the state that was found in it.
    pub(crate) fn new(store: Store, state: Option<State>) -> Self {
        Self {
            store: Mutex::new(store),
            state: Mutex::new(state.map(Arc::new)),
        }
    }

    /// The state as it is now; `None` when nothing was ever stored.
    pub(crate) fn state(&self) -> Option<Arc<State>> {
        locked(&self.state).clone()
    }

    /// Begins a change: until it is dropped no other begins.
    pub(crate) fn change(&self) -> Change<'_> {
        Change {
            store: locked(&self.store),
            durable: self,
        }
    }
}

/// The right to change the state.
pub(crate) struct Change<'a> {
    store: MutexGuard<'a, Store>,
    durable: &'a Durable,
}

impl Change<'_> {
    /// The state that is to be changed.
    pub(crate) fn state(&self) -> Option<Arc<State>> {
        self.durable.state()
    }

    /// Replaces it: on the disk first, then in memory.
    pub(crate) fn replace(mut self, state: State) -> Result<Arc<State>, StoreError> {
        self.store.replace(&state)?;
        Ok(self.publish(state))
    }

    /// Replaces it in memory whether or not the disk takes it. For what may be forgotten by a restart, to the user's loss only.
    pub(crate) fn replace_here(mut self, state: State) -> Result<(), StoreError> {
        let written = self.store.replace(&state);
        self.publish(state);
        written
    }

    fn publish(&self, state: State) -> Arc<State> {
        let state = Arc::new(state);
        *locked(&self.durable.state) = Some(Arc::clone(&state));
        state
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind both is only ever replaced as a whole, so a panic in between leaves it whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
