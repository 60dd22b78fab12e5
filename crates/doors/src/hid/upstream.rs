//! What stands behind the door's authenticator.

use claviger_broker::PinTicket;
use claviger_ctap::status::Status;
use claviger_ctap::types::{CredentialId, UserEntity};
use claviger_ctap::{get_assertion, make_credential};
use zeroize::Zeroizing;

use crate::ctap::message::{Info, Listed, PinCheck};

/// The platform, as the authenticator sees it: the broker over the bus, or a test's stand-in.
///
/// An `Err` is the status that the program is told. A question may be dropped before it is answered; whoever does so calls
/// [`cancel`](Self::cancel).
pub trait Upstream {
    /// Milliseconds of a clock that never goes back and goes on while the machine sleeps.
    fn now_ms(&self) -> u64;

    /// How the PIN stands. Asks nobody.
    fn info(&self) -> impl Future<Output = Result<Info, Status>>;

    /// Makes a passkey, after the user's consent; with `options.uv` after their verification too, for which a ticket counts.
    fn make(
        &self,
        request: &make_credential::Request,
        ticket: Option<PinTicket>,
    ) -> impl Future<Output = Result<make_credential::Response, Status>>;

    /// Signs in, in the same way. Without `options.up` it only looks for a credential, and asks nobody.
    fn get(
        &self,
        request: &get_assertion::Request,
        ticket: Option<PinTicket>,
    ) -> impl Future<Output = Result<get_assertion::Response, Status>>;

    /// Asks the user whether this is the key that they mean.
    fn select(&self) -> impl Future<Output = Result<(), Status>>;

    /// The discoverable credentials, after consent and verification.
    fn list(&self, ticket: Option<PinTicket>) -> impl Future<Output = Result<Vec<Listed>, Status>>;

    /// Deletes one, after consent and verification.
    fn delete(&self, id: &CredentialId, ticket: Option<PinTicket>) -> impl Future<Output = Result<(), Status>>;

    /// Changes the names of one's account, after consent and verification.
    fn update(
        &self,
        id: &CredentialId,
        user: &UserEntity,
        ticket: Option<PinTicket>,
    ) -> impl Future<Output = Result<(), Status>>;

    /// Has hello compare what a program knows of the PIN: the first 16 bytes of its SHA-256.
    fn check_pin(&self, pin_hash: Zeroizing<[u8; 16]>) -> impl Future<Output = Result<PinCheck, Status>>;

    /// Withdraws what was asked.
    fn cancel(&self) -> impl Future<Output = ()>;

    /// Whether what was asked last, and is not answered yet, waits for the user.
    fn waits_for_user(&self) -> bool;
}
