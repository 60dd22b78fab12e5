//! The core: sets and changes the PIN, verifies, signs evidence and seals unlock secrets. Knows nothing of D-Bus.
//!
//! How a gesture is checked stands in [`check`]. Everything else here answers at once: it locks nothing for longer than a
//! change of the state takes to reach the disk, and [`Hello::status`], [`Hello::lock`] and [`Hello::cancel`] not even that.

mod check;
mod open_key;
mod recovery;
mod status;
mod tickets;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use claviger_ctap::crypto::{self, Crypto, CryptoError, PublicKey};
use claviger_joint::{TransactionId, evidence::EvidenceError, unlock::UnlockError};
use claviger_pin::{Pin, Weak};
use thiserror::Error;

pub use open_key::OpenKey;
use recovery::Made;
pub use status::{CodeStatus, MethodStatus, Status};

use crate::{
    attempt::{Attempt, Attempts},
    clock::{Clock, SystemClock},
    disk::{Directory, Medium},
    gesture::Gesture,
    keys::UserKey,
    machine::Way,
    names,
    protector::{KdfParameters, Protector, ProtectorError, Record},
    store::{Durable, State, Store, StoreError},
    ticket::Tickets,
    verification::{NotVerified, VerifyReply, VerifyRequest},
};

/// The user's verification: one per user and directory. Calls come from many threads; guesses are looked at one after the other.
pub struct Hello {
    crypto: &'static dyn Crypto,
    clock: Arc<dyn Clock>,
    /// What wrapping the user's key costs.
    cost: KdfParameters,
    /// The user's names, of which no PIN is made.
    names: Vec<String>,
    durable: Durable,
    attempts: Attempts,
    /// Held by the one guess that is being spent, looked at and committed, so that the next one finds the gate as this one leaves
    /// it. Never held while a person is waited for. Locked before anything else.
    slot: Mutex<()>,
    /// Locked after the durable state where both are.
    tickets: Mutex<Tickets>,
    /// Of the recovery code that is being typed back. Locked after the durable state where both are, and never while it is written:
    /// a lock waits for neither.
    made: Mutex<Option<Made>>,
}

impl Hello {
    /// Opens the state in `directory` (made with mode 0700 if missing; its parent must exist) and locks it against a second hello.
    ///
    /// A directory or file that others can reach, a damaged file, and a file with weaker parameters than
    /// today's are refused. A file that was copied back starts with the longest wait.
    pub fn open(directory: &Path) -> Result<Self, HelloError> {
        let clock = SystemClock::new().map_err(HelloError::Clock)?;
        Ok(Self {
            names: names::of_the_user(),
            ..Self::open_with(directory, Arc::new(clock), crypto::native())?
        })
    }

    /// [`Self::open`] with other clocks or cryptography than the machine's, for a user without a name.
    pub fn open_with(directory: &Path, clock: Arc<dyn Clock>, crypto: &'static dyn Crypto) -> Result<Self, HelloError> {
        let medium = Directory::open(directory).map_err(StoreError::from)?;
        Self::open_medium(Box::new(medium), clock, crypto)
    }

    pub(crate) fn open_medium(
        medium: Box<dyn Medium>,
        clock: Arc<dyn Clock>,
        crypto: &'static dyn Crypto,
    ) -> Result<Self, HelloError> {
        let (mut store, found) = Store::open(medium, crypto)?;
        let mut state = found.state;
        if let Some(state) = &mut state {
            if found.restored {
                tracing::warn!("hello's file was put back or copied here from elsewhere; the longest wait applies");
                state.copies = state.copies.saturating_add(1);
            }
            if state.settle_copies(clock.moment()) {
                store.replace(state)?;
            }
        }
        Ok(Self {
            crypto,
            clock,
            cost: KdfParameters::STANDARD,
            names: Vec::new(),
            durable: Durable::new(store, state),
            attempts: Attempts::default(),
            slot: Mutex::default(),
            tickets: Mutex::default(),
            made: Mutex::default(),
        })
    }

    /// Where things stand. Never waits.
    pub fn status(&self) -> Status {
        Status::of(self.durable.state().as_deref(), self.clock.moment())
    }

    /// The public key that evidence is signed with; `None` before a PIN is set. It stays the same when the PIN changes.
    pub fn uv_key(&self) -> Option<PublicKey> {
        self.durable.state().map(|state| state.uv_key.clone())
    }

    /// Sets the first PIN and makes the user's key. Takes two key derivations' time.
    pub fn set_pin(&self, pin: &Pin) -> Result<(), HelloError> {
        self.quality(pin)?;
        let _slot = self.slot();
        if self.durable.state().is_some() {
            return Err(HelloError::AlreadySet);
        }
        let key = UserKey::generate(self.crypto)?;
        let state = State {
            evidence_count: 0,
            copies: 0,
            uv_key: key.evidence_key(self.crypto)?.public_key().clone(),
            records: vec![Record::Used(Box::new(Protector::new(self.wrap(pin, &key)?, 0)))],
        };
        // Nobody else makes a first state: that takes the slot.
        self.durable.change().replace(state)?;
        tracing::info!("a PIN was set");
        Ok(())
    }

    /// Whether this user may choose this PIN: no one else's names are known.
    ///
    /// # Errors
    /// Why not.
    pub fn quality(&self, pin: &Pin) -> Result<(), Weak> {
        pin.quality_for(&self.names)
    }

    /// Changes the PIN. The old one counts as a try like any other; the user's key, and so all that hangs on it, stays.
    ///
    /// A new PIN that is too easy to guess is refused before the old one is looked at. Whatever was under way with the old one
    /// ends.
    pub fn change_pin(&self, old: Pin, new: &Pin) -> Result<(), HelloError> {
        self.change_pin_at(&self.arm_alone(Way::Pin), old, new)
    }

    /// Verifies the user once and does what the request asks for.
    pub fn verify(&self, gesture: impl Into<Gesture>, request: &VerifyRequest) -> Result<VerifyReply, HelloError> {
        let gesture = gesture.into();
        self.verify_at(&self.arm(request, gesture.way()), gesture, request)
    }

    /// The first half of [`Self::verify`]: spends a try durably, then looks at the PIN (the slow part), then gives the try back.
    ///
    /// `attestations` is how many pieces of evidence may be made of this gesture. One gesture serves one operation, so
    /// anything above 1 is for measuring only; the bus never asks for more.
    pub fn open_key(&self, pin: Pin, attestations: u32) -> Result<OpenKey, HelloError> {
        self.check(&self.arm_alone(Way::Pin), pin.into(), attestations)
    }

    /// Ends every attempt and makes all tickets worthless: the user locks. What is being looked at comes to nothing.
    pub fn lock(&self) {
        self.attempts.end_all();
        self.tickets().clear();
        *self.made() = None;
    }

    /// Ends the attempts at this transaction.
    pub fn cancel(&self, transaction: TransactionId) {
        self.attempts.end(transaction);
    }

    /// Arms an attempt at what is asked: hello may take a gesture of this way for it from now on. Nothing is spent and nothing is
    /// locked.
    pub(crate) fn arm(&self, request: &VerifyRequest, way: Way) -> Attempt {
        self.attempts.arm(request.transaction(), way, self.clock.moment())
    }

    /// Arms an attempt at something that has no transaction, likewise.
    pub(crate) fn arm_alone(&self, way: Way) -> Attempt {
        self.attempts.arm(None, way, self.clock.moment())
    }

    /// [`Self::change_pin`] for an attempt that was armed when it was asked for.
    pub(crate) fn change_pin_at(&self, attempt: &Attempt, old: Pin, new: &Pin) -> Result<(), HelloError> {
        self.quality(new)?;
        self.check_and_rewrap(attempt, old.into(), new)?;
        self.lock();
        tracing::info!("the PIN was changed");
        Ok(())
    }

    /// Checks the gesture that was made for this attempt, and does what the request asks for.
    pub(crate) fn verify_at(
        &self,
        attempt: &Attempt,
        gesture: Gesture,
        request: &VerifyRequest,
    ) -> Result<VerifyReply, HelloError> {
        let attestations = u32::from(request.evidence.is_some());
        let open = match gesture {
            Gesture::Ticket(ticket) => self.redeem(attempt, &ticket, attestations),
            // It sets a new PIN, and nothing is signed with it.
            Gesture::RecoveryCode(_) => Err(HelloError::OtherGesture),
            gesture => self.check(attempt, gesture, attestations),
        };
        let reply = open?.serve(request)?;
        if attempt.stands() {
            Ok(reply)
        } else {
            Err(NotVerified::Cancelled.into())
        }
    }

    fn slot(&self) -> MutexGuard<'_, ()> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn made(&self) -> MutexGuard<'_, Option<Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tickets(&self) -> MutexGuard<'_, Tickets> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why hello did not do what it was asked.
#[derive(Debug, Error)]
pub enum HelloError {
    /// The user's: the gesture was not accepted.
    #[error(transparent)]
    Refused(#[from] NotVerified),
    /// The user's: the new PIN is too easy to guess.
    #[error(transparent)]
    Weak(#[from] Weak),
    /// The caller's: there is a PIN already, and it takes that one to change it.
    #[error("a PIN is set already")]
    AlreadySet,
    /// The caller's: all evidence that this gesture is good for was made.
    #[error("the gesture is spent: one gesture, one operation")]
    GestureSpent,
    /// The caller's: a gesture of this kind does not serve what is asked for. No try was spent.
    #[error("another kind of gesture is waited for")]
    OtherGesture,
    /// The machine's, or of whoever changed the files: the state cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The machine's: it does not say which boot this is.
    #[error("the machine's clock cannot be read: {0}")]
    Clock(std::io::Error),
    /// The machine's: memory ran out.
    #[error("not enough memory to look at a PIN")]
    Memory,
    /// The machine's: cryptography failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// Evidence could not be signed.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// An unlock box could not be sealed.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
}

impl From<ProtectorError> for HelloError {
    fn from(error: ProtectorError) -> Self {
        match error {
            ProtectorError::Memory => Self::Memory,
            ProtectorError::Crypto(error) => Self::Crypto(error),
        }
    }
}

#[cfg(test)]
mod earlier;
#[cfg(test)]
mod failing_disk;
#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wiped;
