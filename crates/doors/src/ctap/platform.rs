//! The platform behind the door.

use std::os::fd::OwnedFd;

use claviger_broker::caller::CallerError;
use claviger_broker::{
    Broker, Caller, CancelToken, Cause, CeremonyAnswer, CeremonyRequest, ManagedCredential, NotVerified, PinTicket,
    SecurityKeyCaller, Unavailable, VerifierStatus,
};
use claviger_ctap::get_assertion;
use claviger_ctap::types::{CredentialId, UserEntity, UserId};
use claviger_joint::CredentialRef;
use claviger_peer::{Role, Standing};
use futures_util::future::BoxFuture;
use zbus::message::Header;
use zbus::names::UniqueName;

/// The process of a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoorProcess {
    /// Its id.
    pub pid: u32,
    /// How well it is known to be the door's.
    pub standing: Standing,
}

/// What the interface needs of the platform behind it: the [`Broker`], or a test's stand-in.
pub trait Platform: Send + Sync + 'static {
    /// The door's process that sent a message: its id, and how well it is known to be the door's.
    fn own<'a>(&'a self, header: &'a Header<'_>) -> BoxFuture<'a, Result<DoorProcess, CallerError>>;

    /// Tells `token` when `sender` leaves the bus, as long as the returned value lives. See [`Broker::attend`].
    fn attend(&self, sender: &UniqueName<'_>, token: &CancelToken) -> Box<dyn Send>;

    /// Runs a ceremony. See [`Broker::ceremony_with`].
    fn ceremony(
        &self,
        request: CeremonyRequest,
        ticket: Option<PinTicket>,
        cancel: CancelToken,
    ) -> BoxFuture<'_, Result<CeremonyAnswer, Cause>>;

    /// Looks for a credential without asking anybody. See [`Broker::probe`].
    fn probe<'a>(
        &'a self,
        caller: &'a Caller,
        request: &'a get_assertion::Request,
    ) -> BoxFuture<'a, Result<get_assertion::Response, Cause>>;

    /// Has the user say that this is the key to use. See [`Broker::select`].
    fn select(&self, from: SecurityKeyCaller) -> BoxFuture<'_, Result<(), Cause>>;

    /// Lists the credentials. See [`Broker::list_credentials`].
    fn list(&self, from: SecurityKeyCaller) -> BoxFuture<'_, Result<Vec<ManagedCredential>, Cause>>;

    /// The credential that a client names by its id. See [`Broker::credential`].
    fn credential(&self, id: &CredentialId) -> Result<CredentialRef, Cause>;

    /// The account of a credential. See [`Broker::account_of`].
    fn account(&self, credential: &CredentialRef) -> Option<UserId>;

    /// Deletes a credential. See [`Broker::delete_credential`].
    fn delete<'a>(&'a self, from: SecurityKeyCaller, credential: &'a CredentialRef)
    -> BoxFuture<'a, Result<(), Cause>>;

    /// Renames the account of a credential. See [`Broker::update_credential`].
    fn update<'a>(
        &'a self,
        from: SecurityKeyCaller,
        credential: &'a CredentialRef,
        user: &'a UserEntity,
    ) -> BoxFuture<'a, Result<(), Cause>>;

    /// How the PIN is. See [`Broker::verifier_status`].
    fn status(&self) -> BoxFuture<'_, Result<VerifierStatus, Unavailable>>;

    /// Checks a client PIN. See [`Broker::check_client_pin`].
    fn check_pin<'a>(
        &'a self,
        caller: &'a Caller,
        pin_hash: OwnedFd,
    ) -> BoxFuture<'a, Result<Result<PinTicket, NotVerified>, Unavailable>>;
}

impl Platform for Broker {
    fn own<'a>(&'a self, header: &'a Header<'_>) -> BoxFuture<'a, Result<DoorProcess, CallerError>> {
        Box::pin(async move {
            let peer = self.callers().require_role(header, Role::HidDoor).await?;
            Ok(DoorProcess {
                pid: peer.process.pid,
                standing: peer.standing,
            })
        })
    }

    fn attend(&self, sender: &UniqueName<'_>, token: &CancelToken) -> Box<dyn Send> {
        Box::new(Self::attend(self, sender, token))
    }

    fn ceremony(
        &self,
        request: CeremonyRequest,
        ticket: Option<PinTicket>,
        cancel: CancelToken,
    ) -> BoxFuture<'_, Result<CeremonyAnswer, Cause>> {
        Box::pin(Self::ceremony_with(self, request, ticket, cancel))
    }

    fn probe<'a>(
        &'a self,
        caller: &'a Caller,
        request: &'a get_assertion::Request,
    ) -> BoxFuture<'a, Result<get_assertion::Response, Cause>> {
        Box::pin(Self::probe(self, caller, request))
    }

    fn select(&self, from: SecurityKeyCaller) -> BoxFuture<'_, Result<(), Cause>> {
        Box::pin(Self::select(self, from))
    }

    fn list(&self, from: SecurityKeyCaller) -> BoxFuture<'_, Result<Vec<ManagedCredential>, Cause>> {
        Box::pin(self.list_credentials(from))
    }

    fn credential(&self, id: &CredentialId) -> Result<CredentialRef, Cause> {
        Self::credential(self, id)
    }

    fn account(&self, credential: &CredentialRef) -> Option<UserId> {
        self.account_of(credential)
    }

    fn delete<'a>(
        &'a self,
        from: SecurityKeyCaller,
        credential: &'a CredentialRef,
    ) -> BoxFuture<'a, Result<(), Cause>> {
        Box::pin(self.delete_credential(from, credential))
    }

    fn update<'a>(
        &'a self,
        from: SecurityKeyCaller,
        credential: &'a CredentialRef,
        user: &'a UserEntity,
    ) -> BoxFuture<'a, Result<(), Cause>> {
        Box::pin(self.update_credential(from, credential, user))
    }

    fn status(&self) -> BoxFuture<'_, Result<VerifierStatus, Unavailable>> {
        Box::pin(self.verifier_status())
    }

    fn check_pin<'a>(
        &'a self,
        caller: &'a Caller,
        pin_hash: OwnedFd,
    ) -> BoxFuture<'a, Result<Result<PinTicket, NotVerified>, Unavailable>> {
        Box::pin(self.check_client_pin(caller, pin_hash))
    }
}
