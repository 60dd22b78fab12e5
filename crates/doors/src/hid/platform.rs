//! The platform behind the door.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use claviger_broker::caller::CallerError;
use claviger_broker::{
    Broker, CancelToken, Cause, CeremonyAnswer, CeremonyRequest, ClientPinCheck, Door, PinTicket, Unavailable,
    VerifierStatus, dbus,
};
use futures_util::future::BoxFuture;
use zbus::message::Header;
use zbus::names::UniqueName;

use super::service::Hid1;

/// Opens the door: serves `org.claviger.Hid1` at the broker's object.
///
/// # Errors
///
/// The bus refused.
pub async fn open(broker: &Broker) -> zbus::Result<()> {
    let interface = Hid1::new(Arc::new(broker.clone()));
    broker.connection().object_server().at(dbus::PATH, interface).await?;
    broker.door_opened(Door::Hid.name());
    Ok(())
}

/// What the door needs of the platform behind it: the [`Broker`], or a test's stand-in.
pub trait Platform: Send + Sync + 'static {
    /// The process id of the sender, which must be the platform's own program.
    fn own<'a>(&'a self, header: &'a Header<'_>) -> BoxFuture<'a, Result<u32, CallerError>>;

    /// Tells `token` when `sender` leaves the bus, as long as the returned value lives. See [`Broker::attend`].
    fn attend(&self, sender: &UniqueName<'_>, token: &CancelToken) -> Box<dyn Send>;

    /// Runs a ceremony. See [`Broker::ceremony_with`].
    fn ceremony(
        &self,
        request: CeremonyRequest,
        ticket: Option<PinTicket>,
        cancel: CancelToken,
    ) -> BoxFuture<'_, Result<CeremonyAnswer, Cause>>;

    /// How the PIN is. See [`Broker::verifier_status`].
    fn status(&self) -> BoxFuture<'_, Result<VerifierStatus, Unavailable>>;

    /// Checks a client PIN. See [`Broker::check_client_pin`].
    fn check_pin(&self, pin_hash: OwnedFd) -> BoxFuture<'_, Result<ClientPinCheck, Unavailable>>;
}

impl Platform for Broker {
    fn own<'a>(&'a self, header: &'a Header<'_>) -> BoxFuture<'a, Result<u32, CallerError>> {
        Box::pin(async move { Ok(self.callers().require_own(header).await?.pid) })
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

    fn status(&self) -> BoxFuture<'_, Result<VerifierStatus, Unavailable>> {
        Box::pin(self.verifier_status())
    }

    fn check_pin(&self, pin_hash: OwnedFd) -> BoxFuture<'_, Result<ClientPinCheck, Unavailable>> {
        Box::pin(self.check_client_pin(pin_hash))
    }
}
