//! For authors of providers: implement one trait, hand it to [`serve`], and the rest of the protocol is done.
//!
//! | you want | implement |
//! |---|---|
//! | to keep records and keys, and nothing else | [`CredentialStore`], wrapped into a [`StoreProvider`] |
//! | to answer make and get yourself: own hardware, own windows, a remote service | [`Provider`] |
//!
//! The SDK refuses what a provider must refuse before your code runs: requests under unknown keys, with bad signatures, for
//! another provider, expired, from the future, replayed, with a known transaction, with evidence that is not hello's. It also
//! runs one operation at a time and answers *busy* when more wait than [`Options::max_waiting`]; drops the running operation when
//! the platform cancels it or its time is over; registers with the broker now and whenever a new broker appears; pins its keys;
//! opens unlock boxes; announces lock state and changes; and keeps the platform's metadata up to date.
//!
//! ```no_run
//! # async fn run(store: impl claviger_provider::sdk::CredentialStore) -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::{Arc, Mutex};
//!
//! use claviger_provider::{manifest::Manifest, sdk};
//!
//! let manifest = Manifest::load("/usr/share/claviger/providers/org.example.Notebook.provider".as_ref())?;
//! let connection = zbus::Connection::session().await?;
//! let provider = sdk::StoreProvider::new(Arc::new(Mutex::new(store)));
//! let serving = sdk::serve(&connection, &manifest, sdk::Options::new("/var/lib/notebook"), provider).await?;
//! serving.ended().await;
//! # Ok(()) }
//! ```

mod gate;
mod link;
mod push;
mod server;
mod state;
mod store;
mod told;
mod unlock_keys;
mod window;
mod worker;

use std::future::Future;

use claviger_ctap::{get_assertion, get_info, make_credential, types::CredentialId};

pub use gate::{MAX_PROBES, MAX_TRANSACTIONS, SKEW_MS};
pub use link::VerifyUserError;
pub use server::{Handle, Options, RegistrationHook, RegistrationPhase, ServeError, Serving, serve};
pub use state::StateError;
pub use store::{CredentialStore, StoreProvider};

use claviger_joint::{
    TransactionId, Trouble,
    answer::Status,
    envelope::{Caller, Presentation},
    evidence::VerifiedEvidence,
    metadata::Entry,
    operation::Update,
    unlock::UnlockSecret,
};

/// A provider that answers make and get itself.
///
/// Methods that return a future are run one at a time, in the order of the requests. When the platform cancels an operation, or
/// its time is over, the future is dropped: keep no half-done work across an `await` that a drop would leave behind.
pub trait Provider: Send + Sync + 'static {
    /// The CTAP `authenticatorGetInfo` response. Say nothing that is not so: the platform chooses providers by it.
    fn info(&self) -> get_info::Response;

    /// Whether the provider cannot use its credentials now.
    fn is_locked(&self) -> bool {
        false
    }

    /// What is the matter with the provider, if anything is: the platform tells the user, as the provider's words, instead of that
    /// there is no passkey. Looked at after each change.
    fn trouble(&self) -> Option<Trouble> {
        None
    }

    /// Whether the provider is opened with the platform's unlock secret. If so `Describe` announces a key for unlock boxes.
    fn takes_unlock_secret(&self) -> bool {
        false
    }

    /// All that the platform should know of the credentials, or `None` when that cannot be told now (locked); the platform
    /// then keeps what it knows. Called after each change, but for those of one site.
    fn metadata(&self) -> Result<Option<Vec<Entry>>, Failure>;

    /// The same for the credentials of one site. Called after a credential was made or used there: who has many answers it without
    /// looking at all. What else such an operation changed is told by [`Handle::changed`].
    fn metadata_of_site(&self, rp_id: &str) -> Result<Option<Vec<Entry>>, Failure> {
        Ok(self.metadata()?.map(|mut entries| {
            entries.retain(|entry| entry.rp_id.as_str() == rp_id);
            entries
        }))
    }

    /// Makes a credential.
    fn make(
        &self,
        call: Call,
        request: make_credential::Request,
    ) -> impl Future<Output = Result<make_credential::Response, Failure>> + Send;

    /// Signs in with a credential.
    fn get(
        &self,
        call: Call,
        request: get_assertion::Request,
    ) -> impl Future<Output = Result<get_assertion::Response, Failure>> + Send;

    /// Opens the provider. Called before another operation too, when that brings an unlock box and the provider is locked.
    /// The first secret that a provider ever sees is the one to protect its store with.
    fn unlock(&self, secret: UnlockSecret) -> impl Future<Output = Result<(), Failure>> + Send {
        drop(secret);
        async { Err(Failure::unsupported("this provider is never locked")) }
    }

    /// Locks the provider and forgets its keys. A provider that has no lock has nothing to do.
    fn lock(&self) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }

    /// Deletes a credential.
    fn delete(&self, call: Call, credential: CredentialId) -> impl Future<Output = Result<(), Failure>> + Send {
        drop((call, credential));
        async {
            Err(Failure::unsupported(
                "credentials are deleted in the provider's own window",
            ))
        }
    }

    /// Changes the names of a credential.
    fn update(&self, call: Call, update: Update) -> impl Future<Output = Result<(), Failure>> + Send {
        drop((call, update));
        async {
            Err(Failure::unsupported(
                "credentials are renamed in the provider's own window",
            ))
        }
    }
}

/// What a request says besides its parameters.
#[derive(Debug)]
pub struct Call {
    /// The request's name.
    pub transaction: TransactionId,
    /// The program that asks, as the platform established it.
    pub caller: Caller,
    /// The caller's window, as the portals name it, for placing a window of the provider's own.
    pub window: Option<String>,
    /// Whether the provider may show anything.
    pub presentation: Presentation,
    /// What this is about, in the user's words.
    pub hint: Option<String>,
    /// Proof that the user was verified for exactly these parameters; the only reason to set the UV flag.
    pub evidence: Option<VerifiedEvidence>,
    /// The time, in milliseconds since 1970.
    pub now_ms: u64,
}

/// Why a provider's operation failed: one of the protocol's statuses, and a reason for the log.
///
/// The reason reaches the platform's log, that of [`Failure::trouble`] the user: no names, no keys, no handles. At most 256 bytes of it are sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Failure {
    status: Status,
    reason: String,
}

impl Failure {
    /// The user declined in the provider's own window.
    pub fn cancelled(reason: impl Into<String>) -> Self {
        Self {
            status: Status::Cancelled,
            reason: reason.into(),
        }
    }

    /// No such credential.
    pub fn not_found(reason: impl Into<String>) -> Self {
        Self {
            status: Status::NotFound,
            reason: reason.into(),
        }
    }

    /// A credential of the exclude list is here.
    pub fn excluded(reason: impl Into<String>) -> Self {
        Self {
            status: Status::Excluded,
            reason: reason.into(),
        }
    }

    /// Locked.
    pub fn locked(reason: impl Into<String>) -> Self {
        Self {
            status: Status::Locked,
            reason: reason.into(),
        }
    }

    /// Cannot serve another request now.
    pub fn busy(reason: impl Into<String>) -> Self {
        Self {
            status: Status::Busy,
            reason: reason.into(),
        }
    }

    /// Not something that this provider can do.
    pub fn unsupported(reason: impl Into<String>) -> Self {
        Self {
            status: Status::Unsupported,
            reason: reason.into(),
        }
    }

    /// A policy forbids it.
    pub fn denied(reason: impl Into<String>) -> Self {
        Self {
            status: Status::Denied,
            reason: reason.into(),
        }
    }

    /// The platform's request is at fault.
    pub fn invalid_request(reason: impl Into<String>) -> Self {
        Self {
            status: Status::InvalidRequest,
            reason: reason.into(),
        }
    }

    /// The provider itself is at fault.
    pub fn internal(reason: impl Into<String>) -> Self {
        Self {
            status: Status::Internal,
            reason: reason.into(),
        }
    }

    /// The provider cannot do it because of this. The reason, alone of all, is for the person: what is wrong and what helps.
    pub fn trouble(trouble: Trouble) -> Self {
        Self {
            status: trouble.kind.status(),
            reason: trouble.reason.unwrap_or_default(),
        }
    }

    /// The status that the platform is told.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The reason, for the log or for the person.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}
