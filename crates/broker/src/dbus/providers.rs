//! `org.claviger.Providers1`: how providers make themselves known, push their metadata and have the user verified.

use claviger_joint::{ProviderId, TransactionId};
use claviger_prompt_api::dbus::Error;
use claviger_prompt_api::text::sentence;
use zbus::interface;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;

use crate::daemon::Broker;

/// Serves `org.claviger.Providers1`.
#[derive(Debug)]
pub struct ProvidersInterface(pub(crate) Broker);

#[interface(name = "org.claviger.Providers1")]
impl ProvidersInterface {
    /// Makes the provider known or renews the acquaintance; its executable is looked at while this runs. Returns a
    /// [`Registration`](claviger_joint::messages::Registration).
    async fn register(&self, id: &str, #[zbus(header)] header: Header<'_>) -> Result<Vec<u8>, Error> {
        self.0.register_provider(&parse(id)?, &header).await
    }

    /// The manifest changed.
    async fn update(&self, id: &str, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        self.0.update_provider(&parse(id)?, &header).await
    }

    /// The provider goes: its keys, its pin and its metadata are forgotten.
    async fn unregister(&self, id: &str, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        self.0.unregister_provider(&parse(id)?, &header).await
    }

    /// `unregistered`, `registered` or `enabled`; anybody may ask.
    fn state(&self, id: &str) -> Result<String, Error> {
        Ok(self.0.provider_state(&parse(id)?)?.as_str().to_owned())
    }

    /// Applies a [`Diff`](claviger_joint::metadata::Diff); returns the generation that holds afterwards.
    async fn push_metadata(&self, id: &str, diff: Vec<u8>, #[zbus(header)] header: Header<'_>) -> Result<u64, Error> {
        self.0.push_metadata(&parse(id)?, &diff, &header).await
    }

    /// Has the user verified for the provider; returns [`evidence`](claviger_joint::evidence).
    async fn verify_user(
        &self,
        id: &str,
        transaction: Vec<u8>,
        hint: &str,
        buffer: Vec<u8>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<u8>, Error> {
        let transaction = TransactionId::from_bytes(&transaction)
            .ok_or_else(|| Error::invalid_argument("A transaction has 16 bytes."))?;
        self.0
            .verify_user(&parse(id)?, transaction, hint, &buffer, &header)
            .await
    }

    /// A provider's state changed.
    #[zbus(signal)]
    pub(crate) async fn state_changed(emitter: &SignalEmitter<'_>, id: &str, old: &str, new: &str) -> zbus::Result<()>;
}

fn parse(id: &str) -> Result<ProviderId, Error> {
    ProviderId::parse(id).map_err(|error| Error::invalid_argument(sentence(&error.to_string())))
}
