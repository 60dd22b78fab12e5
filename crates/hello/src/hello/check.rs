//! The course of one gesture: it arrives at an attempt that is armed, its try is *spent* durably, it is *looked at*, and it is
//! *committed* or refused.
//!
//! Each step takes what the one before gave, and nothing else gives it: no gesture is looked at whose try is not on the disk, and
//! no key comes out of one that was not looked at, nor twice. Between the steps nothing is locked that anybody but a
//! further guess needs.

use std::sync::Arc;

use claviger_ctap::crypto::PrivateKey;
use claviger_joint::evidence::Method;

use super::{Hello, HelloError, OpenKey, open_key::Counts};
use crate::{
    attempt::Attempt,
    counter::Gate,
    gesture::Gesture,
    keys::{Opened, UserKey},
    machine::{Act, Event},
    protector::{PinKeys, Protector, RECOVERY_CODE, Wrapping},
    store::{State, StoreError},
    verification::NotVerified,
};
use claviger_pin::Pin;

/// A gesture whose try is on the disk, and the protector that it is for.
pub(super) struct Spent {
    gesture: Gesture,
    protector: Protector,
    /// Whose it is.
    person: Vec<u8>,
    counts: Counts,
}

/// A gesture that was looked at.
pub(super) struct Looked {
    method: Method,
    counts: Counts,
    /// The user's key, if the gesture was the right one.
    opened: Option<Opened>,
    /// How the key is to be wrapped from now on.
    rewrap: Rewrap,
}

/// What becomes of the protector that a right gesture opened.
enum Rewrap {
    /// It stays.
    No,
    /// It gains a form. The next right gesture tries again if that does not last.
    Add(Wrapping),
    /// There is a new PIN, or the gesture was in vain.
    NewPin(Wrapping),
}

impl Hello {
    /// All steps, when no other guess is under way. `attestations` is how many pieces of evidence may come of it.
    pub(super) fn check(&self, attempt: &Attempt, gesture: Gesture, attestations: u32) -> Result<OpenKey, HelloError> {
        let _slot = self.slot();
        let spent = self.spend(attempt, gesture, attestations)?;
        self.commit(attempt, self.look(spent)?)
    }

    /// [`Self::check`], and wraps the user's key under `new` in place of the PIN that there was.
    pub(super) fn check_and_rewrap(&self, attempt: &Attempt, gesture: Gesture, new: &Pin) -> Result<(), HelloError> {
        let _slot = self.slot();
        let spent = self.spend(attempt, gesture, 0)?;
        let mut looked = self.look(spent)?;
        if let Some(opened) = &looked.opened {
            looked.rewrap = Rewrap::NewPin(self.wrap(new, &opened.key)?);
        }
        self.commit(attempt, looked).map(drop)
    }

    /// Spends a try of the gesture's protector, durably, while the attempt is armed and the gate open.
    ///
    /// The gesture is of the way that the attempt was armed for: what the machine lets a claim do hangs on its way.
    pub(super) fn spend(&self, attempt: &Attempt, gesture: Gesture, attestations: u32) -> Result<Spent, HelloError> {
        if gesture.way() != attempt.way() {
            return Err(HelloError::OtherGesture);
        }
        let change = self.durable.change();
        let state = change.state().ok_or(NotVerified::NoPin)?;
        let protector = state.protector_for(&gesture).ok_or(match gesture {
            Gesture::RecoveryCode(_) => NotVerified::NoCode,
            _ => NotVerified::NoPin,
        })?;
        if !attempt.is_open() {
            return Err(NotVerified::Cancelled.into());
        }
        // A program that speaks to a security key needs no window and no user to guess; it must not be able to lock the user out,
        // so the other tries are the prompt's.
        if let (Gesture::ClientPin(_), Some(tries_left)) = (&gesture, protector.tries.left_to_prompts()) {
            return Err(NotVerified::PromptOnly { tries_left }.into());
        }
        let now = self.clock.moment();
        let tries = protector.tries.spend(now).map_err(shut)?;
        if attempt.step(Event::Gesture, now) != Act::Write {
            return Err(NotVerified::Cancelled.into());
        }
        let mut spent = State::clone(&state);
        if let Some(protector) = spent.protector_mut(protector.method()) {
            protector.tries = tries;
        }
        let counts = Counts::take(&mut spent, attestations, self.clock.unix_ms());
        if let Err(error) = change.replace(spent) {
            attempt.step(Event::NotWritten, now);
            return Err(error.into());
        }
        if attempt.step(Event::Written, now) != Act::Look {
            return Err(NotVerified::Cancelled.into());
        }
        Ok(Spent {
            gesture,
            protector: protector.clone(),
            person: state.uv_key.cose_bytes(),
            counts,
        })
    }

    /// Looks at the gesture: the slow part.
    pub(super) fn look(&self, spent: Spent) -> Result<Looked, HelloError> {
        let Spent {
            gesture,
            protector,
            person,
            counts,
        } = spent;
        let (method, tier) = (protector.method(), protector.tier());
        let opened = protector
            .unwrap(self.crypto, &person, &gesture)?
            .map(|key| Opened { key, method, tier });
        let rewrap = opened.as_ref().map_or(Rewrap::No, |opened| {
            self.missing_form(&protector, &gesture, &opened.key)
        });
        Ok(Looked {
            method,
            counts,
            opened,
            rewrap,
        })
    }

    /// Takes the attempt's one commit and gives the tries back, if the gesture was right and nothing has ended the attempt.
    pub(super) fn commit(&self, attempt: &Attempt, looked: Looked) -> Result<OpenKey, HelloError> {
        let change = self.durable.change();
        let state = change.state().ok_or(NotVerified::NoPin)?;
        let Some(opened) = looked.opened else {
            return Err(self.wrong(attempt, &state, looked.method).into());
        };
        let signer = self.signer(&opened.key, &state)?;
        if attempt.step(Event::Right, self.clock.moment()) != Act::GiveOut {
            tracing::info!("a right gesture came after its attempt had ended");
            return Err(NotVerified::Cancelled.into());
        }
        let mut next = State::clone(&state);
        let protector = next.protector_mut(looked.method);
        let protector = protector.ok_or(StoreError::Damaged("a protector is missing"))?;
        protector.tries = protector.tries.forgive();
        match looked.rewrap {
            Rewrap::NewPin(wrapping) => {
                next.put_anew(wrapping);
                change.replace(next)?;
            }
            rewrap => {
                if let Rewrap::Add(wrapping) = rewrap {
                    protector.wrapping = wrapping;
                }
                // All that is lost when this fails is a try after the next restart; the gesture was right, so the user goes on.
                if let Err(error) = change.replace_here(next) {
                    tracing::warn!(%error, "the try counter could not be set back");
                }
            }
        }
        Ok(OpenKey {
            opened,
            signer,
            crypto: self.crypto,
            clock: Arc::clone(&self.clock),
            counts: looked.counts,
        })
    }

    /// The key that signs this user's evidence.
    pub(super) fn signer(&self, key: &UserKey, state: &State) -> Result<PrivateKey, HelloError> {
        let signer = key.evidence_key(self.crypto)?;
        if *signer.public_key() != state.uv_key {
            return Err(StoreError::Damaged("the evidence key is not this user's").into());
        }
        Ok(signer)
    }

    /// What is said of a wrong gesture. Nothing is, when the attempt has ended: neither that it was wrong.
    fn wrong(&self, attempt: &Attempt, state: &State, method: Method) -> NotVerified {
        let protector = state.protectors().find(|protector| protector.method() == method);
        let gate = protector.map_or(Gate::LockedOut, |protector| protector.tries.gate(self.clock.moment()));
        let (tries_left, wait_ms) = (gate.tries_left(), gate.wait_ms());
        tracing::warn!(%method, tries_left, "wrong gesture");
        if gate == Gate::LockedOut {
            self.tickets().clear();
        }
        if attempt.step(Event::Wrong, self.clock.moment()) != Act::Wait {
            NotVerified::Cancelled
        } else if method == RECOVERY_CODE {
            NotVerified::WrongCode { wait_ms }
        } else {
            NotVerified::WrongPin { tries_left, wait_ms }
        }
    }

    /// The clients' form of a PIN from the file's first version, now that the PIN is known.
    fn missing_form(&self, protector: &Protector, gesture: &Gesture, key: &UserKey) -> Rewrap {
        let (Wrapping::Pin(keys), Gesture::Pin(pin)) = (&protector.wrapping, gesture) else {
            return Rewrap::No;
        };
        if keys.takes_client() {
            return Rewrap::No;
        }
        match keys.clone().with_client(self.crypto, pin, self.cost, key) {
            Ok(keys) => Rewrap::Add(Wrapping::Pin(keys)),
            // The next right PIN tries again; this one was right, so the user goes on.
            Err(error) => {
                tracing::warn!(%error, "the PIN cannot be taken from CTAP clients yet");
                Rewrap::No
            }
        }
    }

    /// Everything that wraps the user's key under this PIN.
    pub(super) fn wrap(&self, pin: &Pin, key: &UserKey) -> Result<Wrapping, HelloError> {
        Ok(Wrapping::Pin(PinKeys::wrap(self.crypto, pin, self.cost, key)?))
    }
}

/// What a shut gate means to the user.
fn shut(gate: Gate) -> NotVerified {
    match gate {
        Gate::LockedOut => NotVerified::LockedOut,
        Gate::Open { tries_left } | Gate::Wait { tries_left, .. } => NotVerified::Wait {
            tries_left,
            wait_ms: gate.wait_ms(),
        },
    }
}
