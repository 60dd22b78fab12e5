//! The platform behind the door.

use std::sync::Arc;

use claviger_broker::audit::AuditEvent;
use claviger_broker::caller::CallerError;
use claviger_broker::{Broker, Caller, CancelToken, Cause, CeremonyAnswer, CeremonyRequest, Door, DoorTraits};
use claviger_ctap::types::{CredentialId, RpId};
use claviger_peer::Standing;
use claviger_prompt_api::dbus;
use claviger_webauthn::{Unserved, limits};
use futures_util::future::BoxFuture;
use zbus::message::Header;
use zbus::names::UniqueName;

use super::message::Kind;
use super::service::Browser1;

/// What is special about this door.
pub const TRAITS: DoorTraits = DoorTraits {
    names_origins: true,
    hides_protected: false,
    tells_unsupported: false,
    // As long as any request: the extension says meanwhile what to start.
    waits_for_prompt: limits::MAX_TIMEOUT,
};

/// Opens the door: serves `org.claviger.Browser1` at the broker's object.
///
/// # Errors
///
/// The bus refused.
pub async fn open(broker: &Broker) -> zbus::Result<()> {
    let interface = Browser1::new(Arc::new(broker.clone()));
    broker.connection().object_server().at(dbus::PATH, interface).await?;
    broker.door_opened(Door::Browser);
    Ok(())
}

/// What the door needs of the platform behind it: the [`Broker`], or a test's stand-in.
pub trait Platform: Send + Sync + 'static {
    /// The browser whose native host sent a message.
    fn browser<'a>(&'a self, header: &'a Header<'_>) -> BoxFuture<'a, Result<Caller, CallerError>>;

    /// Tells `token` when `sender` leaves the bus, as long as the returned value lives. See [`Broker::attend`].
    fn attend(&self, sender: &UniqueName<'_>, token: &CancelToken) -> Box<dyn Send>;

    /// Why nobody can serve this, if so. See [`Broker::unserved`].
    fn unserved(&self, request: &CeremonyRequest) -> Option<Unserved>;

    /// Runs a ceremony. See [`Broker::ceremony`].
    fn ceremony(&self, request: CeremonyRequest, cancel: CancelToken) -> BoxFuture<'_, Result<CeremonyAnswer, Cause>>;

    /// Resolves when a question waits and nobody can ask it. See [`Broker::prompt_missing`].
    fn prompt_missing(&self) -> BoxFuture<'_, ()>;

    /// Takes note that a new passkey did not reach its page. See [`Broker::undelivered`].
    fn undelivered(&self, caller: &Caller, rp_id: &RpId, id: &CredentialId);

    /// Takes note of a request that could not begin, for the audit log. `detail` holds the origin and the reason.
    fn refused(&self, caller: &Caller, kind: Kind, detail: &str);
}

impl Platform for Broker {
    fn browser<'a>(&'a self, header: &'a Header<'_>) -> BoxFuture<'a, Result<Caller, CallerError>> {
        Box::pin(async move {
            let browser = self
                .callers()
                .require_browser(header, self.privileged_callers())
                .await?;
            Ok(Caller {
                door: Door::Browser,
                traits: TRAITS,
                // A process that became the browser after it started the host looks the same.
                standing: Standing::Unproved,
                app_id: None,
                name: browser.name,
                executable: browser.process.executable,
                pid: browser.process.pid,
                // An extension does not know the window that its page is in.
                window: String::new(),
            })
        })
    }

    fn attend(&self, sender: &UniqueName<'_>, token: &CancelToken) -> Box<dyn Send> {
        Box::new(Self::attend(self, sender, token))
    }

    fn unserved(&self, request: &CeremonyRequest) -> Option<Unserved> {
        Self::unserved(self, request)
    }

    fn ceremony(&self, request: CeremonyRequest, cancel: CancelToken) -> BoxFuture<'_, Result<CeremonyAnswer, Cause>> {
        Box::pin(Self::ceremony(self, request, cancel))
    }

    fn prompt_missing(&self) -> BoxFuture<'_, ()> {
        Box::pin(Self::prompt_missing(self))
    }

    fn undelivered(&self, caller: &Caller, rp_id: &RpId, id: &CredentialId) {
        Self::undelivered(self, caller, rp_id, id);
    }

    fn refused(&self, caller: &Caller, kind: Kind, detail: &str) {
        let event = match kind {
            Kind::Create => AuditEvent::Create,
            Kind::Get => AuditEvent::Get,
        };
        // The RP ID that was asked for is not one that the origin may name, or is not known to be.
        self.refused_at_door(caller, event, None, detail);
    }
}
