//! The engine behind a transport: raw CTAP2 commands in, status bytes and answers out.
//!
//! [`Authenticator`](super::Authenticator) serves a platform that has asked the user already. A [`Device`] is a whole
//! security key: it asks for user presence itself, keeps a client PIN and its try counters, and hands out
//! `pinUvAuthToken`s. What it needs from its surroundings is one trait, [`Environment`]; what a deployment may tune is
//! [`Numbers`]. Each command has a file of its own that follows the numbered steps of the specification.
//!
//! A new [`Device`] is a device that was just plugged in. Volatile state (tokens, the key-agreement key, the count of
//! consecutive wrong PINs, what *get next* would give, half a large-blob array) is lost at a power cycle, which is
//! [`Device::power_cycle`] or a new value; what must last is in the [`DeviceStore`].
//!
//! `examples/security_key.rs` is a complete one: CTAPHID on standard input and output, CTAP2 and U2F.
//!
//! # Choices
//!
//! Where the specification leaves a choice, or this engine departs from it:
//!
//! * What is wrong with a request is told in the order of the numbered steps; that its members have the right types, and
//!   that extension inputs are well formed, is seen before the user is asked.
//! * A user who does nothing gets makeCredential and getAssertion refused with `OPERATION_DENIED`, as their steps say;
//!   selection and reset end with `USER_ACTION_TIMEOUT`.
//! * A user who declines the built-in verification is not sent to the PIN instead.
//! * A `pinUvAuthParam` on a device that has neither PIN nor verifier is refused with `PIN_AUTH_INVALID`; the
//!   specification skips the check, and so signs without verification what the platform thought was authorised.
//! * An empty allow list counts as none.
//! * Names are told only to a verified user who has several accounts to choose from.
//! * Credentials that are not discoverable are stored like the others, so that a reset or a deletion ends them.
//! * authenticatorBioEnrollment is not offered: the command is unknown, the option absent, the permission refused.
//!
//! One device serves one command at a time; [`Environment::user_presence`] may block, and learns of a cancellation
//! from its own surroundings.

mod authorize;
mod client_pin;
mod config;
mod continuation;
mod credential_management;
mod description;
mod enterprise;
mod environment;
mod extensions;
mod get_assertion;
mod get_info;
mod large_blobs;
mod make_credential;
mod numbers;
mod persistent;
mod pin;
mod reset;
mod selection;
mod state;
mod store;
mod u2f;
mod uv;

pub use description::Description;
pub use environment::{BuiltInUv, Environment, Presence, Purpose, Verification};
pub use numbers::{Inconsistent, Numbers};
pub use store::{Attributes, CredentialSecrets, DeviceStore, LargeBlobKey, Protection, StoredCredential};

use continuation::Continuation;
use large_blobs::Fragments;
use state::State;

use super::token::{Lifetimes, TokenKeeper};
use super::{CredentialStore, Error, Settings, attestation};
use crate::cbor::Limits;
use crate::crypto::ecdh::EphemeralKey;
use crate::crypto::{Crypto, CryptoError};
use crate::fields::MessageError;
use crate::status::Status;

/// The command codes (CTAP 2.1 §6).
pub mod command {
    /// `authenticatorMakeCredential`.
    pub const MAKE_CREDENTIAL: u8 = 0x01;
    /// `authenticatorGetAssertion`.
    pub const GET_ASSERTION: u8 = 0x02;
    /// `authenticatorGetInfo`.
    pub const GET_INFO: u8 = 0x04;
    /// `authenticatorClientPIN`.
    pub const CLIENT_PIN: u8 = 0x06;
    /// `authenticatorReset`.
    pub const RESET: u8 = 0x07;
    /// `authenticatorGetNextAssertion`.
    pub const GET_NEXT_ASSERTION: u8 = 0x08;
    /// `authenticatorCredentialManagement`.
    pub const CREDENTIAL_MANAGEMENT: u8 = 0x0a;
    /// The same under the code that it had before CTAP 2.1. libfido2 before 1.15 (`ssh-keygen -K`, `fido2-token`) knows no
    /// other.
    pub const CREDENTIAL_MANAGEMENT_PROTOTYPE: u8 = 0x41;
    /// `authenticatorSelection`.
    pub const SELECTION: u8 = 0x0b;
    /// `authenticatorLargeBlobs`.
    pub const LARGE_BLOBS: u8 = 0x0c;
    /// `authenticatorConfig`.
    pub const CONFIG: u8 = 0x0d;
}

/// The error of an environment's store.
pub type StoreError<E> = <<E as Environment>::Store as CredentialStore>::Error;

/// What goes wrong in a command, in a given environment.
type Fault<E> = Error<StoreError<E>>;

/// The body of an answer, without the status byte.
type Answer<E> = Result<Vec<u8>, Fault<E>>;

/// A security key. See the [module's documentation](self).
pub struct Device<E: Environment> {
    environment: E,
    settings: Settings,
    numbers: Numbers,
    description: Description,
    state: State,
    key_agreement: EphemeralKey,
    tokens: TokenKeeper,
    pin_mismatches: u8,
    powered_ms: u64,
    continuation: Option<Continuation>,
    fragments: Option<Fragments>,
    u2f: bool,
    unverified_creation: bool,
}

/// Why a [`Device`] does not start. `S` is the store's own error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError<S> {
    /// The numbers contradict each other: the deployment's fault.
    #[error(transparent)]
    Numbers(#[from] Inconsistent),
    /// The store has a state that this engine did not write: the store's fault. Nothing was changed.
    #[error("the stored state is damaged: {0}")]
    State(#[source] MessageError),
    /// The operating system gave no random bytes: the platform's fault.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The store failed.
    #[error("the credential store failed: {0}")]
    Store(#[source] S),
}

impl<E: Environment> Device<E> {
    /// A device that was just plugged in.
    pub fn new(environment: E, settings: Settings, numbers: Numbers) -> Result<Self, StartError<StoreError<E>>> {
        numbers.check()?;
        numbers.check_algorithms(&settings.algorithms, attestation::longest_certified(&settings))?;
        let state = match environment.store().load_state().map_err(StartError::Store)? {
            Some(bytes) => State::from_bytes(&bytes).map_err(StartError::State)?.within(&numbers),
            None => State::fresh(&numbers, environment.crypto())?,
        };
        Ok(Self {
            key_agreement: EphemeralKey::generate(environment.crypto())?,
            powered_ms: environment.monotonic_ms(),
            environment,
            settings,
            description: Description::default(),
            state,
            tokens: TokenKeeper::new(Lifetimes {
                initial_ms: numbers.token_initial_ms,
                present_ms: numbers.token_present_ms,
                max_ms: numbers.token_max_ms,
            }),
            numbers,
            pin_mismatches: 0,
            continuation: None,
            fragments: None,
            u2f: true,
            unverified_creation: true,
        })
    }

    /// The same device with these facts in getInfo.
    #[must_use]
    pub fn describe(mut self, description: Description) -> Self {
        self.description = description;
        self
    }

    /// The same device where nothing is created without verification while there is a PIN: getInfo says then that
    /// makeCredUvNotRqd is false (§6.1.2 steps 7 to 10, §6.4).
    ///
    /// The specification would rather have it true. But a client that is served without the PIN at creation and asks for
    /// it at each use finds another hmac-secret there (§12.5): `systemd-cryptenroll` up to 252 enrols a disk so that
    /// nothing opens it.
    #[must_use]
    pub fn without_unverified_creation(mut self) -> Self {
        self.unverified_creation = false;
        self
    }

    /// Carries out one command: its code and its parameters. The answer is a status byte, and after success whatever
    /// the command gives. `channel` says which client it is: a client cannot continue what another has begun.
    pub fn process(&mut self, channel: u32, command: &[u8]) -> Vec<u8> {
        match self.dispatch(channel, command) {
            Ok(body) => [&[Status::Success.code()], body.as_slice()].concat(),
            Err(fault) => {
                let status = fault.status();
                self.environment.failed(&fault);
                vec![status.code()]
            }
        }
    }

    /// Forgets what a power cut would make a device forget.
    pub fn power_cycle(&mut self) -> Result<(), CryptoError> {
        self.key_agreement = EphemeralKey::generate(self.environment.crypto())?;
        self.powered_ms = self.environment.monotonic_ms();
        self.tokens.clear();
        self.pin_mismatches = 0;
        self.continuation = None;
        self.fragments = None;
        Ok(())
    }

    /// The surroundings.
    pub fn environment(&self) -> &E {
        &self.environment
    }

    /// The surroundings, to be changed.
    pub fn environment_mut(&mut self) -> &mut E {
        &mut self.environment
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn dispatch(&mut self, channel: u32, command: &[u8]) -> Answer<E> {
        if command.len() > self.numbers.max_message_bytes {
            return refuse(Status::RequestTooLarge, "the command is longer than maxMsgSize");
        }
        let Some((code, parameters)) = command.split_first() else {
            return refuse(Status::InvalidLength, "a command without its code");
        };
        // §6: whatever is not a continuation ends what could have been continued. The commands that continue put it
        // back.
        let continuation = self.continuation.take().filter(|c| {
            let age = self.environment.monotonic_ms().saturating_sub(c.touched_ms);
            c.channel == channel && age <= self.numbers.continuation_ms
        });
        match *code {
            command::MAKE_CREDENTIAL => self.make_credential(parameters),
            command::GET_ASSERTION => self.get_assertion(channel, parameters),
            command::CLIENT_PIN => self.client_pin(parameters),
            command::CREDENTIAL_MANAGEMENT | command::CREDENTIAL_MANAGEMENT_PROTOTYPE => {
                self.credential_management(channel, continuation, parameters)
            }
            command::CONFIG => self.config(parameters),
            command::LARGE_BLOBS => self.large_blobs(channel, parameters),
            command::GET_INFO | command::RESET | command::GET_NEXT_ASSERTION | command::SELECTION
                if !parameters.is_empty() =>
            {
                refuse(Status::InvalidLength, "the command has no parameters")
            }
            command::GET_INFO => self.get_info(),
            command::RESET => self.reset(),
            command::GET_NEXT_ASSERTION => self.get_next_assertion(continuation),
            command::SELECTION => self.selection(),
            _ => refuse(Status::InvalidCommand, "an unknown command"),
        }
    }

    fn crypto(&self) -> &'static dyn Crypto {
        self.environment.crypto()
    }

    /// The limits of this device's messages.
    fn limits(&self) -> Limits {
        Limits {
            max_bytes: self.numbers.max_message_bytes,
            ..Limits::CTAP
        }
    }

    /// `maxCredentialCountInList`: what the settings allow, as far as such a list of this device's ids fits a command.
    fn max_list(&self) -> usize {
        let room = self.numbers.max_message_bytes.saturating_sub(REST_OF_COMMAND);
        self.settings.max_credentials_in_list.min(room / DESCRIPTOR)
    }

    /// Whether some form of user verification is set up (§6.1.2 step 7, "protected").
    fn protected(&self) -> bool {
        self.state.pin.is_some() || self.environment.built_in_uv() == BuiltInUv::Configured
    }

    /// makeCredUvNotRqd: whether a credential that is not discoverable may be made for whoever is not verified.
    fn makes_unverified(&self) -> bool {
        !self.state.always_uv && (self.unverified_creation || self.state.pin.is_none())
    }

    /// Writes the lasting state.
    fn save(&mut self) -> Result<(), Fault<E>> {
        let bytes = self.state.to_bytes();
        self.environment.store_mut().save_state(&bytes).map_err(Error::Store)
    }

    /// Asks for user presence. `timed_out` is the status of the command at hand for a user who does nothing.
    fn ask(&mut self, purpose: &Purpose<'_>, timed_out: Status) -> Result<(), Fault<E>> {
        match self.environment.user_presence(purpose) {
            Presence::Given => Ok(()),
            Presence::Denied => refuse(Status::OperationDenied, "the user declined"),
            Presence::TimedOut => refuse(timed_out, "the user did nothing"),
            Presence::Cancelled => refuse(Status::KeepaliveCancel, "the platform cancelled"),
        }
    }
}

impl<E: Environment> std::fmt::Debug for Device<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Bytes of a descriptor with an id of 32 bytes: 54, and some to spare.
const DESCRIPTOR: usize = 64;

/// Bytes of a command beside its list: hash, RP ID, extensions, a MAC.
const REST_OF_COMMAND: usize = 768;

fn refuse<T, S>(status: Status, why: &'static str) -> Result<T, Error<S>> {
    Err(Error::refused(status, why))
}
