//! The surroundings of the authenticator: clocks, cryptography, the store, and the user.

use claviger_ctap::authenticator::Error;
use claviger_ctap::authenticator::device::{BuiltInUv, Environment, Presence, Purpose, StoreError, Verification};
use claviger_ctap::crypto::{Crypto, native};

use crate::clock;
use crate::options::UvMode;
use crate::state::Store;
use crate::user::{Recognised, User};

/// What the key stands on.
#[derive(Debug)]
pub struct Surroundings {
    /// Credentials and what lasts.
    pub store: Store,
    /// Who is asked.
    pub user: User,
    /// Whether there is a verifier.
    pub uv: UvMode,
}

impl Environment for Surroundings {
    type Store = Store;
    type Proof = Recognised;

    fn crypto(&self) -> &'static dyn Crypto {
        native()
    }

    fn monotonic_ms(&self) -> u64 {
        clock::monotonic_ms()
    }

    fn unix_ms(&self) -> u64 {
        clock::unix_ms()
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }

    fn user_presence(&mut self, purpose: &Purpose<'_>) -> Presence {
        self.user.agree(purpose)
    }

    fn built_in_uv(&self) -> BuiltInUv {
        match self.uv {
            UvMode::None => BuiltInUv::None,
            UvMode::Builtin => BuiltInUv::Configured,
        }
    }

    fn verify_user(&mut self, purpose: &Purpose<'_>) -> Verification<Recognised> {
        self.user.verify(purpose)
    }

    fn failed(&mut self, error: &Error<StoreError<Self>>) {
        match error {
            Error::Store(_) | Error::Crypto(_) => tracing::error!(%error, "a command failed"),
            _ => tracing::info!(%error, "a command failed"),
        }
    }
}
