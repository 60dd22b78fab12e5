//! What a device needs from its surroundings.

use super::{DeviceStore, StoreError};
use crate::authenticator::{Error, UvProof};
use crate::client_pin::Permissions;
use crate::crypto::Crypto;
use crate::types::{RpEntity, UserEntity};

/// The surroundings of a [`Device`](super::Device): clock, cryptography, storage and the user.
pub trait Environment {
    /// Where credentials and the lasting state live.
    type Store: DeviceStore;

    /// The proof of a built-in user verification. Without one, [`NoUv`](crate::authenticator::NoUv).
    type Proof: UvProof;

    /// Cryptography and randomness.
    fn crypto(&self) -> &'static dyn Crypto;

    /// Milliseconds since any fixed moment. Never goes back; goes on while the machine sleeps, so that a token does not
    /// outlive a night.
    fn monotonic_ms(&self) -> u64;

    /// Milliseconds since 1970: when a credential was made.
    fn unix_ms(&self) -> u64;

    /// The store.
    fn store(&self) -> &Self::Store;

    /// The store, to be changed.
    fn store_mut(&mut self) -> &mut Self::Store;

    /// Waits until the user agrees to `purpose`, declines, does nothing for the time that the deployment gives them, or
    /// the platform cancels. A transport sends its keep-alives meanwhile.
    fn user_presence(&mut self, purpose: &Purpose<'_>) -> Presence;

    /// Whether there is user verification that needs no PIN from the platform.
    fn built_in_uv(&self) -> BuiltInUv;

    /// Verifies the user once and shows them `purpose`, so that a verified user has agreed as well. Called only when
    /// [`Self::built_in_uv`] says that it is configured.
    fn verify_user(&mut self, purpose: &Purpose<'_>) -> Verification<Self::Proof>;

    /// Told of every command that fails, for a log. The platform gets [`Error::status`] and nothing else.
    fn failed(&mut self, error: &Error<StoreError<Self>>)
    where
        Self: Sized;
}

/// What the user is asked to agree to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose<'a> {
    /// To make a credential.
    MakeCredential {
        /// For this site.
        rp: &'a RpEntity,
        /// And this account.
        user: &'a UserEntity,
    },
    /// To tell this site that it has a credential here already.
    Excluded {
        /// The site.
        rp_id: &'a str,
    },
    /// To sign in.
    GetAssertion {
        /// To this site.
        rp_id: &'a str,
    },
    /// To give a program a token for all that `permissions` allow.
    Token {
        /// What the token is good for.
        permissions: Permissions,
        /// The only site that it is good for.
        rp_id: Option<&'a str>,
    },
    /// To make or to use a U2F credential. The host asks again every few hundred milliseconds until it gives up, so say
    /// at once what the user has done so far.
    U2f {
        /// SHA-256 of the RP ID, or of an older application id: nothing that a person could read.
        application: &'a [u8; 32],
        /// To make one.
        register: bool,
    },
    /// To use this device and not another.
    Select,
    /// To delete every credential and the PIN.
    Reset,
}

/// What the user did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Agreed.
    Given,
    /// Declined.
    Denied,
    /// Nothing.
    TimedOut,
    /// The platform cancelled meanwhile.
    Cancelled,
}

/// Whether user verification is built in (the option `uv`, CTAP 2.1 §6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltInUv {
    /// There is none.
    None,
    /// There is, but the user has not set it up.
    NotConfigured,
    /// It can be used.
    Configured,
}

/// The result of one verification.
#[derive(Debug)]
pub enum Verification<P> {
    /// This was the user.
    Verified(P),
    /// It was somebody else, or a bad reading.
    NoMatch,
    /// The user declined.
    Denied,
    /// Nothing happened.
    TimedOut,
    /// The platform cancelled meanwhile.
    Cancelled,
}
