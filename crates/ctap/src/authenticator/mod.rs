//! The authenticator engine: a CTAP2 authenticator without a device.
//!
//! What the engine needs from its surroundings is one trait, [`CredentialStore`]; what a deployment may choose is in
//! [`Settings`]; that the user was verified is a value that implements [`UvProof`]. Each command has a file of its own
//! that follows the numbered steps of the specification.
//!
//! The engine does not talk to the user. Whoever calls it has the user's consent already: in Claviger the broker asks
//! and signs the request, and the provider's SDK refuses what is not signed. So a request counts as user presence.

mod attestation;
mod attester;
mod certificate;
pub mod device;
mod get_assertion;
mod get_info;
pub mod hmac_secret;
mod joint_extensions;
mod make_credential;
mod memory;
mod one_time;
mod protected_id;
mod refusal;
mod settings;
mod store;
pub mod token;
mod uv;

use thiserror::Error;

pub use attester::{AttestationSigner, Attester, Unfit};
use get_assertion::named_if;
pub use joint_extensions::{CRED_BLOB, CRED_PROTECT, MAX_CRED_BLOB, SecretOf};
pub use memory::{MemoryError, MemoryStore};
pub use one_time::attest_once;
pub use protected_id::protection_of;
pub use refusal::Refusal;
pub use settings::{Attestation, Backup, Enterprise, Settings};
pub use store::{CredentialRecord, CredentialStore};
pub use uv::{NoUv, UvProof};

use crate::crypto::{Crypto, CryptoError};
use crate::fields::MessageError;
use crate::status::Status;

pub use crate::prf::{PrfOutput, PrfSeed};

/// An authenticator over a credential store.
///
/// The commands are methods: [`make_credential`](Self::make_credential), [`get_assertion`](Self::get_assertion) and
/// [`get_info`](Self::get_info). To keep the store, hand in `&mut store`.
pub struct Authenticator<S> {
    store: S,
    settings: Settings,
    crypto: &'static dyn Crypto,
}

impl<S: CredentialStore> Authenticator<S> {
    /// An authenticator that keeps its credentials in `store`.
    pub fn new(store: S, settings: Settings, crypto: &'static dyn Crypto) -> Self {
        Self {
            store,
            settings,
            crypto,
        }
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl<S> std::fmt::Debug for Authenticator<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Why a command failed. `E` is the store's own error.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error<E> {
    /// The request asks for what the specification, the settings or the stored credentials do not allow: the
    /// platform's or the website's doing.
    #[error("refused with {status}: {why}")]
    Refused {
        /// What the platform is told.
        status: Status,
        /// What the log is told.
        why: &'static str,
    },
    /// An extension input is malformed: the platform's fault.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// Cryptography failed: this machine's fault, or the store kept a bad key.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The store failed: the provider's fault.
    #[error("the credential store failed: {0}")]
    Store(#[source] E),
}

impl<E> Error<E> {
    /// The status that an authenticator answers with. A provider may know better for its own store's errors.
    pub fn status(&self) -> Status {
        match self {
            Self::Refused { status, .. } => *status,
            Self::Message(error) => error.status(),
            Self::Crypto(_) | Self::Store(_) => Status::Other,
        }
    }

    fn refused(status: Status, why: &'static str) -> Self {
        Self::Refused { status, why }
    }
}

/// Steps 1 and 2 of both commands: the PIN/UV auth parameter.
///
/// The engine has no PIN/UV auth protocol; its user verification is built in. A platform that sends the parameter has
/// not read getInfo, and must not believe that its token was checked.
fn refuse_pin_uv_auth<E>(param: Option<&Vec<u8>>, protocol: Option<u64>) -> Result<(), Error<E>> {
    match (param.map(Vec::len), protocol) {
        (None, _) => Ok(()),
        // 1. A zero-length parameter asks the user to touch this authenticator, to choose it.
        (Some(0), _) => Err(Error::refused(Status::PinNotSet, "selection by empty pinUvAuthParam")),
        // 2. The protocol must be there, and be a supported one.
        (Some(_), None) => Err(Error::refused(
            Status::MissingParameter,
            "pinUvAuthParam without its protocol",
        )),
        (Some(_), Some(_)) => Err(Error::refused(
            Status::InvalidParameter,
            "an unsupported PIN/UV auth protocol",
        )),
    }
}
