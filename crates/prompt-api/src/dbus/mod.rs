//! The broker on the session bus, as a prompt and the settings see it: names, proxies, and the errors that its methods give.

mod error;
mod manage;
mod prompt;

use claviger_peer::{PeerError, Peers, Role};
use zbus::names::OwnedUniqueName;
use zbus::proxy::CacheProperties;

pub use error::{Error, Reason};
pub use manage::Manage1Proxy;
pub use prompt::Prompt1Proxy;

/// The broker's bus name.
pub const NAME: &str = "org.claviger.Broker";

/// The broker's object.
pub const PATH: &str = "/org/claviger/Broker";

/// The bus name of the prompt, which is started when one is needed and none is attached.
pub const PROMPT_NAME: &str = "org.claviger.Prompt";

/// The broker for commands and settings, proved to be the broker as far as that can be ([`claviger_peer`]). For what is asked
/// now: it may restart, and another program may take its name.
pub async fn manage(peers: &Peers) -> Result<Manage1Proxy<'static>, Error> {
    let broker = find(peers).await?;
    let proxy = Manage1Proxy::builder(peers.connection())
        .destination(broker)
        .cache_properties(CacheProperties::No)
        .build();
    Ok(proxy.await?)
}

/// The same for a prompt, which attaches to this very broker.
pub async fn prompt(peers: &Peers) -> Result<Prompt1Proxy<'static>, Error> {
    let broker = find(peers).await?;
    let proxy = Prompt1Proxy::builder(peers.connection())
        .destination(broker)
        .cache_properties(CacheProperties::No)
        .build();
    Ok(proxy.await?)
}

async fn find(peers: &Peers) -> Result<OwnedUniqueName, Error> {
    peers.find(Role::Broker).await.map_err(|error| match error {
        PeerError::Bus(text) => Error::Bus(zbus::Error::Failure(text)),
        error => Error::not_allowed(format!("Another program may pose as the broker: {error}.")),
    })
}
