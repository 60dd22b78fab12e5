//! The lower of the two levels: the author keeps records and signs, the SDK is the authenticator.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claviger_ctap::{
    authenticator::{self, Authenticator, Settings},
    crypto::{Crypto, native},
    get_assertion, get_info, make_credential, status,
    types::CredentialId,
};
use claviger_joint::{Trouble, answer::Status, metadata::Entry, operation::Update, unlock::UnlockSecret};

use super::{Call, Failure, Provider};

/// A place where credentials are kept: the engine's [`authenticator::CredentialStore`] and what the platform asks besides.
///
/// Calls may take the milliseconds that a disk takes; they are made one at a time. The store's error becomes the answer's
/// status, so it is to be convertible into a [`Failure`] (a locked store: [`Failure::locked`]).
pub trait CredentialStore: authenticator::CredentialStore<Error: Into<Failure>> + Send + 'static {
    /// The authenticator's model, algorithms, backup promise and transports.
    fn settings(&self) -> Settings;

    /// Whether the store cannot be read now.
    fn is_locked(&self) -> bool {
        false
    }

    /// What is the matter with the store, if anything is; see [`Provider::trouble`].
    fn trouble(&self) -> Option<Trouble> {
        None
    }

    /// Whether the store is opened with the platform's unlock secret.
    fn takes_unlock_secret(&self) -> bool {
        false
    }

    /// Opens the store; makes it, if there is none yet.
    fn unlock(&mut self, secret: UnlockSecret) -> Result<(), Failure> {
        drop(secret);
        Err(Failure::unsupported("this store is never locked"))
    }

    /// Closes the store and forgets its keys. A store that has no lock has nothing to do.
    fn lock(&mut self) {}

    /// What the platform should know of all credentials. Called only while the store is not locked.
    fn list(&self) -> Result<Vec<Entry>, Self::Error>;

    /// The same for the credentials of one site; a store that has many answers it without looking at all.
    fn list_site(&self, rp_id: &str) -> Result<Vec<Entry>, Self::Error> {
        let mut entries = self.list()?;
        entries.retain(|entry| entry.rp_id.as_str() == rp_id);
        Ok(entries)
    }

    /// Deletes a credential, durably.
    fn delete(&mut self, id: &CredentialId) -> Result<(), Self::Error>;

    /// Changes the names of a credential, durably. A name that is absent stays as it is.
    fn update(&mut self, update: &Update) -> Result<(), Failure> {
        let _ = update;
        Err(Failure::unsupported("this store does not rename credentials"))
    }
}

/// A provider over a [`CredentialStore`]. The store stays shared, so that an idle timer or a window of the provider's own can use
/// it too; call [`Handle::changed`](super::Handle::changed) afterwards.
pub struct StoreProvider<S> {
    store: Arc<Mutex<S>>,
    crypto: &'static dyn Crypto,
}

impl<S: CredentialStore> StoreProvider<S> {
    /// A provider over this store.
    pub fn new(store: Arc<Mutex<S>>) -> Self {
        Self {
            store,
            crypto: native(),
        }
    }

    /// The store. A lock that was poisoned by a panic elsewhere is taken all the same: stores are durable at every step.
    pub fn store(&self) -> MutexGuard<'_, S> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unlocked(&self) -> Result<MutexGuard<'_, S>, Failure> {
        let store = self.store();
        if store.is_locked() {
            Err(Failure::locked("the store is locked"))
        } else {
            Ok(store)
        }
    }

    fn make_now(&self, call: Call, request: &make_credential::Request) -> Result<make_credential::Response, Failure> {
        let mut store = self.unlocked()?;
        let settings = store.settings();
        let mut authenticator = Authenticator::new(&mut *store, settings, self.crypto);
        authenticator
            .make_credential(request, call.evidence, call.now_ms)
            .map_err(failure)
    }

    fn get_now(&self, call: Call, request: &get_assertion::Request) -> Result<get_assertion::Response, Failure> {
        let mut store = self.unlocked()?;
        let (settings, trouble) = (store.settings(), store.trouble());
        let mut authenticator = Authenticator::new(&mut *store, settings, self.crypto);
        let got = authenticator.get_assertion(request, call.evidence).map_err(failure);
        match (got, trouble) {
            // It may be among what cannot be read.
            (Err(failure), Some(trouble)) if failure.status() == Status::NotFound => Err(Failure::trouble(trouble)),
            (got, _) => got,
        }
    }
}

impl<S: CredentialStore> Provider for StoreProvider<S> {
    fn info(&self) -> get_info::Response {
        let mut store = self.store();
        let settings = store.settings();
        Authenticator::new(&mut *store, settings, self.crypto).get_info()
    }

    fn is_locked(&self) -> bool {
        self.store().is_locked()
    }

    fn trouble(&self) -> Option<Trouble> {
        self.store().trouble()
    }

    fn takes_unlock_secret(&self) -> bool {
        self.store().takes_unlock_secret()
    }

    fn metadata(&self) -> Result<Option<Vec<Entry>>, Failure> {
        let store = self.store();
        if store.is_locked() {
            Ok(None)
        } else {
            store.list().map(Some).map_err(Into::into)
        }
    }

    fn metadata_of_site(&self, rp_id: &str) -> Result<Option<Vec<Entry>>, Failure> {
        let store = self.store();
        if store.is_locked() {
            Ok(None)
        } else {
            store.list_site(rp_id).map(Some).map_err(Into::into)
        }
    }

    async fn make(&self, call: Call, request: make_credential::Request) -> Result<make_credential::Response, Failure> {
        self.make_now(call, &request)
    }

    async fn get(&self, call: Call, request: get_assertion::Request) -> Result<get_assertion::Response, Failure> {
        self.get_now(call, &request)
    }

    async fn unlock(&self, secret: UnlockSecret) -> Result<(), Failure> {
        self.store().unlock(secret)
    }

    async fn lock(&self) -> Result<(), Failure> {
        self.store().lock();
        Ok(())
    }

    async fn delete(&self, _call: Call, credential: CredentialId) -> Result<(), Failure> {
        self.unlocked()?.delete(&credential).map_err(Into::into)
    }

    async fn update(&self, _call: Call, update: Update) -> Result<(), Failure> {
        self.unlocked()?.update(&update)
    }
}

/// The protocol's status for an error of the engine.
fn failure<E: Into<Failure>>(error: authenticator::Error<E>) -> Failure {
    use status::Status as Ctap;
    match error {
        authenticator::Error::Store(error) => error.into(),
        authenticator::Error::Refused { status, why } => match status {
            Ctap::CredentialExcluded => Failure::excluded(why),
            Ctap::NoCredentials => Failure::not_found(why),
            Ctap::UnsupportedAlgorithm | Ctap::UnsupportedOption => Failure::unsupported(why),
            Ctap::OperationDenied | Ctap::NotAllowed => Failure::denied(why),
            _ => Failure::invalid_request(why),
        },
        authenticator::Error::Message(error) => Failure::invalid_request(error.to_string()),
        // `Crypto`, and what the engine may add: its own doing, not the request's.
        _ => Failure::internal("the authenticator failed"),
    }
}
