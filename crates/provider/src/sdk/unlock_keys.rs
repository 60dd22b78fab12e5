//! The key to which unlock boxes are sealed: one after the other, so that no box opens twice (protocol §11).
//!
//! Whoever watches the bus can copy a box, and whoever has copied the platform's request key can send it once more when the
//! transaction is forgotten. So a key is gone with the first box that is tried, with the request that brought one, and with each lock:
//! what was sealed to it opens nothing any more, for as long as the process lives.

use std::sync::{Mutex, MutexGuard, PoisonError};

use claviger_ctap::crypto::{Crypto, CryptoError, ecdh::EcdhPublicKey};
use claviger_joint::{
    ProviderId, TransactionId,
    unlock::{UnlockError, UnlockKey, UnlockSecret},
};

/// The keys, of which one is current.
pub(super) struct UnlockKeys {
    crypto: &'static dyn Crypto,
    current: Mutex<Current>,
}

struct Current {
    key: UnlockKey,
    number: KeyNumber,
    was_locked: bool,
}

/// Which of the keys it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyNumber(u64);

impl UnlockKeys {
    /// The first key of a provider that is locked or not.
    pub(super) fn new(crypto: &'static dyn Crypto, is_locked: bool) -> Result<Self, CryptoError> {
        let current = Current {
            key: UnlockKey::generate(crypto)?,
            number: KeyNumber(0),
            was_locked: is_locked,
        };
        Ok(Self {
            crypto,
            current: Mutex::new(current),
        })
    }

    /// What `Describe` announces.
    pub(super) fn public(&self) -> EcdhPublicKey {
        self.current().key.public().clone()
    }

    /// Which key is current.
    pub(super) fn number(&self) -> KeyNumber {
        self.current().number
    }

    /// Tries a box, which spends the key.
    pub(super) fn open(
        &self,
        provider: &ProviderId,
        transaction: TransactionId,
        sealed: &[u8],
    ) -> Result<UnlockSecret, UnlockError> {
        let spent = self.current().renew(self.crypto)?;
        spent.open(self.crypto, provider, transaction, sealed)
    }

    /// A request that brought a box has ended: the key that was current when it came is spent, whatever became of the box.
    pub(super) fn spend(&self, number: KeyNumber) -> Result<(), CryptoError> {
        let mut current = self.current();
        if current.number == number {
            current.renew(self.crypto)?;
        }
        Ok(())
    }

    /// Takes note of the lock; one that is locked again has another key.
    pub(super) fn lock_is(&self, is_locked: bool) -> Result<(), CryptoError> {
        let mut current = self.current();
        if is_locked && !current.was_locked {
            current.renew(self.crypto)?;
        }
        current.was_locked = is_locked;
        Ok(())
    }

    /// A key is replaced whole, so a panic elsewhere leaves a good one.
    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    /// Makes another key current. Gives the one that was.
    fn renew(&mut self, crypto: &dyn Crypto) -> Result<UnlockKey, CryptoError> {
        let fresh = UnlockKey::generate(crypto)?;
        self.number = KeyNumber(self.number.0.wrapping_add(1));
        Ok(std::mem::replace(&mut self.key, fresh))
    }
}
