//! The core: sets and changes the PIN, verifies, signs evidence and seals unlock secrets. Knows nothing of D-Bus.

use std::{
    fmt,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_ctap::crypto::{self, Crypto, CryptoError, PrivateKey, PublicKey, ecdh::EcdhPublicKey};
use claviger_joint::{
    ProviderId, TransactionId,
    evidence::{EvidenceClaims, EvidenceError, Method, Tier},
    unlock::{self, UnlockError},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    client_pin::ClientPin,
    clock::{Clock, SystemClock},
    counter::{Gate, MAX_FAILURES, TryCounter},
    disk::{Directory, Medium},
    evidence::UvEvidence,
    keys::UserKey,
    pin::{Pin, Weak},
    protector::{Gesture, Protector, ProtectorError},
    store::{State, Store, StoreError},
    ticket::Tickets,
    verification::{Operation, Refusal, VerifyReply, VerifyRequest},
};

/// The user's verification: one per user and directory. Calls from many threads take turns, one key derivation at a time.
pub struct Hello {
    crypto: &'static dyn Crypto,
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    /// Locked after `inner` where both are.
    tickets: Mutex<Tickets>,
}

struct Inner {
    store: Store,
    state: Option<State>,
}

impl Hello {
    /// Opens the state in `directory` (made with mode 0700 if missing; its parent must exist) and locks it against a second hello.
    ///
    /// A directory or file that others can reach, a damaged file, and a file with weaker parameters than
    /// today's are refused. A file that was copied back starts with the longest wait.
    pub fn open(directory: &Path) -> Result<Self, HelloError> {
        let clock = SystemClock::new().map_err(HelloError::Clock)?;
        Self::open_with(directory, Arc::new(clock), crypto::native())
    }

    /// [`Self::open`] with other clocks or cryptography than the machine's.
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
        if found.restored {
            tracing::warn!("hello's file was copied here from elsewhere; the longest wait applies");
            if let Some(state) = &mut state {
                state.tries = state.tries.restored(clock.moment());
                store.replace(state)?;
            }
        }
        Ok(Self {
            crypto,
            clock,
            inner: Mutex::new(Inner { store, state }),
            tickets: Mutex::default(),
        })
    }

    /// Where things stand.
    pub fn status(&self) -> Status {
        let inner = self.inner();
        let state = inner.state.as_ref();
        let gate = state.map_or(
            Gate::Open {
                tries_left: MAX_FAILURES,
            },
            |state| state.tries.gate(self.clock.moment()),
        );
        Status {
            pin_set: state.is_some(),
            client_pin: state.is_some_and(State::takes_client_pin),
            tries_left: gate.tries_left(),
            wait_ms: gate.wait_ms(),
            locked_out: gate == Gate::LockedOut,
            tier: "software".to_owned(),
            methods: vec!["pin".to_owned()],
            uv_key: state.map(|state| URL_SAFE_NO_PAD.encode(state.uv_key.cose_bytes())),
        }
    }

    /// The public key that evidence is signed with; `None` before a PIN is set. It stays the same when the PIN changes.
    pub fn uv_key(&self) -> Option<PublicKey> {
        self.inner().state.as_ref().map(|state| state.uv_key.clone())
    }

    /// Sets the first PIN and makes the user's key. Takes two key derivations' time.
    pub fn set_pin(&self, pin: &Pin) -> Result<(), HelloError> {
        pin.quality()?;
        let mut inner = self.inner();
        if inner.state.is_some() {
            return Err(HelloError::AlreadySet);
        }
        let key = UserKey::generate(self.crypto)?;
        let state = State {
            tries: TryCounter::FRESH,
            evidence_count: 0,
            uv_key: key.evidence_key(self.crypto)?.public_key().clone(),
            protectors: self.protectors(pin, &key)?,
        };
        inner.store.replace(&state)?;
        inner.state = Some(state);
        tracing::info!("a PIN was set");
        Ok(())
    }

    /// Changes the PIN. The old one counts as a try like any other; the user's key, and so all that hangs on it, stays.
    ///
    /// A new PIN that is too easy to guess is refused before the old one is looked at.
    pub fn change_pin(&self, old: &Pin, new: &Pin) -> Result<(), HelloError> {
        new.quality()?;
        let mut inner = self.inner();
        let open = self.open_with_gesture(&mut inner, Gesture::Pin(old), 0)?;
        let protectors = self.protectors(new, &open.key)?;
        let Inner { store, state } = &mut *inner;
        let state = state.as_mut().ok_or(HelloError::Refused(Refusal::NoPin))?;
        let changed = State {
            protectors,
            ..state.clone()
        };
        store.replace(&changed)?;
        *state = changed;
        self.tickets().clear();
        tracing::info!("the PIN was changed");
        Ok(())
    }

    /// Verifies the user once and does what the request asks for.
    pub fn verify(&self, pin: &Pin, request: &VerifyRequest) -> Result<VerifyReply, HelloError> {
        self.open_key(pin, u32::from(request.evidence.is_some()))?
            .serve(request)
    }

    /// The first half of [`Self::verify`]: spends a try durably, then looks at the PIN (the slow part), then gives the try back.
    ///
    /// `attestations` is how many pieces of evidence may be made of this gesture. One gesture serves one operation, so
    /// anything above 1 is for measuring only; the bus never asks for more.
    pub fn open_key(&self, pin: &Pin, attestations: u32) -> Result<OpenKey, HelloError> {
        self.open_with_gesture(&mut self.inner(), Gesture::Pin(pin), attestations)
    }

    fn open_with_gesture(
        &self,
        inner: &mut Inner,
        gesture: Gesture<'_>,
        attestations: u32,
    ) -> Result<OpenKey, HelloError> {
        let Inner { store, state } = inner;
        let state = state.as_mut().ok_or(HelloError::Refused(Refusal::NoPin))?;
        let mut spent = state.clone();
        spent.tries = state.tries.spend(self.clock.moment()).map_err(refusal)?;
        // The counts are taken here, in the same durable step, so that no power cut lets a count be given twice.
        let first_count = state.evidence_count.saturating_add(1);
        spent.evidence_count = state.evidence_count.saturating_add(u64::from(attestations));
        store.replace(&spent)?;
        *state = spent;

        let protector = state
            .protector(gesture.form())
            .ok_or(StoreError::Damaged("a protector is missing"))?;
        let (method, tier) = (protector.method(), protector.tier());
        let key = match protector.unwrap(gesture) {
            Err(ProtectorError::WrongPin) => {
                let gate = state.tries.gate(self.clock.moment());
                let (tries_left, wait_ms) = (gate.tries_left(), gate.wait_ms());
                tracing::warn!(tries_left, "wrong PIN");
                if gate == Gate::LockedOut {
                    self.tickets().clear();
                }
                return Err(HelloError::Refused(Refusal::WrongPin { tries_left, wait_ms }));
            }
            unwrapped => unwrapped?,
        };
        let signer = self.signer(&key, state)?;
        state.tries = state.tries.forgive();
        if let Gesture::Pin(pin) = gesture
            && !state.takes_client_pin()
        {
            self.add_client_protector(state, pin, &key);
        }
        // All that is lost when this fails is a try after the next restart; the PIN was right, so the user goes on.
        if let Err(error) = store.replace(state) {
            tracing::warn!(%error, "the try counter could not be set back");
        }
        Ok(OpenKey {
            key: Box::new(key),
            signer,
            method,
            tier,
            crypto: self.crypto,
            clock: Arc::clone(&self.clock),
            next_count: AtomicU64::new(first_count),
            last_count: state.evidence_count,
        })
    }

    /// Everything that wraps the user's key under this PIN.
    fn protectors(&self, pin: &Pin, key: &UserKey) -> Result<Vec<Protector>, HelloError> {
        let client = ClientPin::of(self.crypto, pin);
        Ok(vec![
            Protector::wrap(self.crypto, Gesture::Pin(pin), key)?,
            Protector::wrap(self.crypto, Gesture::ClientPin(&client), key)?,
        ])
    }

    /// Turns a state of the file's first version into one of today's, now that the PIN is known.
    fn add_client_protector(&self, state: &mut State, pin: &Pin, key: &UserKey) {
        let client = ClientPin::of(self.crypto, pin);
        match Protector::wrap(self.crypto, Gesture::ClientPin(&client), key) {
            Ok(protector) => state.protectors.push(protector),
            // The next right PIN tries again; this one was right, so the user goes on.
            Err(error) => tracing::warn!(%error, "the PIN cannot be taken from CTAP clients yet"),
        }
    }

    /// The key that signs this user's evidence.
    fn signer(&self, key: &UserKey, state: &State) -> Result<PrivateKey, HelloError> {
        let signer = key.evidence_key(self.crypto)?;
        if *signer.public_key() != state.uv_key {
            return Err(StoreError::Damaged("the evidence key is not this user's").into());
        }
        Ok(signer)
    }

    fn tickets(&self) -> MutexGuard<'_, Tickets> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // The state in memory is only ever replaced as a whole, so a panic in between leaves it whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The user's key in the hand, after a right PIN. Drop it as soon as the one operation is done: it wipes itself.
pub struct OpenKey {
    /// In a box, because a value that is moved leaves a copy behind that nobody wipes.
    key: Box<UserKey>,
    signer: PrivateKey,
    method: Method,
    tier: Tier,
    crypto: &'static dyn Crypto,
    clock: Arc<dyn Clock>,
    next_count: AtomicU64,
    last_count: u64,
}

impl OpenKey {
    /// Signs evidence for this operation, with a count that no other evidence has.
    pub fn attest(&self, operation: &Operation) -> Result<UvEvidence, HelloError> {
        let count = self.next_count.fetch_add(1, Ordering::Relaxed);
        if count > self.last_count {
            return Err(HelloError::GestureSpent);
        }
        let claims = EvidenceClaims {
            audience: operation.audience.clone(),
            transaction: operation.transaction,
            buffer_hash: operation.buffer_hash,
            method: self.method,
            tier: self.tier,
            time_ms: self.clock.unix_ms(),
            count,
        };
        let bytes = claims.sign(self.crypto, &self.signer)?;
        Ok(UvEvidence::new(bytes, claims))
    }

    /// Does what one request asks for.
    fn serve(&self, request: &VerifyRequest) -> Result<VerifyReply, HelloError> {
        let evidence = request
            .evidence
            .as_ref()
            .map(|operation| self.attest(operation))
            .transpose()?;
        let boxes = request
            .unlock
            .iter()
            .map(|target| self.unlock_box(&target.provider, target.transaction, &target.recipient));
        Ok(VerifyReply {
            evidence: evidence.map(UvEvidence::into_bytes),
            boxes: boxes.collect::<Result<_, _>>()?,
        })
    }

    /// Seals this provider's unlock secret to its process, for this transaction.
    pub fn unlock_box(
        &self,
        provider: &ProviderId,
        transaction: TransactionId,
        recipient: &EcdhPublicKey,
    ) -> Result<Vec<u8>, HelloError> {
        let secret = self.key.unlock_secret(self.crypto, provider)?;
        Ok(unlock::seal(self.crypto, recipient, provider, transaction, &secret)?)
    }
}

impl fmt::Debug for OpenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenKey([redacted])")
    }
}

/// Where things stand, as anybody on the user's side may know it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Status {
    /// Whether a PIN was chosen.
    pub pin_set: bool,
    /// Whether the PIN can be given as CTAP clients give it: yes, but for a PIN that was set before version 2 of the file and has
    /// not been given since.
    pub client_pin: bool,
    /// Wrong PINs that may still be given.
    pub tries_left: u8,
    /// The wait before the next PIN is looked at, in milliseconds; 0 for none.
    pub wait_ms: u64,
    /// No PIN is looked at until recovery.
    pub locked_out: bool,
    /// How strongly the keys are protected: `software`. Claim no more than this says.
    pub tier: String,
    /// What the user can verify with: `pin`.
    pub methods: Vec<String>,
    /// The public evidence key, a `COSE_Key` in base64url without padding; null before a PIN is set.
    pub uv_key: Option<String>,
}

/// Why hello did not do what it was asked.
#[derive(Debug, Error)]
pub enum HelloError {
    /// The user's: the gesture was not accepted.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The user's: the new PIN is too easy to guess.
    #[error(transparent)]
    Weak(#[from] Weak),
    /// The caller's: there is a PIN already, and it takes that one to change it.
    #[error("a PIN is set already")]
    AlreadySet,
    /// The caller's: all evidence that this gesture is good for was made.
    #[error("the gesture is spent: one gesture, one operation")]
    GestureSpent,
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
            ProtectorError::WrongPin => Self::Refused(Refusal::WrongPin {
                tries_left: 0,
                wait_ms: 0,
            }),
            ProtectorError::Memory => Self::Memory,
            ProtectorError::Crypto(error) => Self::Crypto(error),
        }
    }
}

/// What a shut gate means to the user.
fn refusal(gate: Gate) -> Refusal {
    match gate {
        Gate::LockedOut => Refusal::LockedOut,
        Gate::Open { tries_left } | Gate::Wait { tries_left, .. } => Refusal::Wait {
            tries_left,
            wait_ms: gate.wait_ms(),
        },
    }
}

mod tickets;

#[cfg(test)]
mod earlier;
#[cfg(test)]
mod tests;
