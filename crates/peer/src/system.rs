//! A service of the system's on the system bus: whose it has to be, and by which name it is spoken to.

use thiserror::Error;
use zbus::fdo::DBusProxy;
use zbus::names::{BusName, OwnedUniqueName, WellKnownName};
use zbus::{Connection, connection};

/// The system bus. Not what the environment names, which is the user's to set.
const ADDRESS: &str = "unix:path=/run/dbus/system_bus_socket";

/// Where services of the system are looked for, and whose they are.
#[derive(Debug, Clone)]
pub struct SystemBus {
    address: String,
    owner: u32,
}

/// Why a service is not spoken to.
#[derive(Debug, Error)]
pub enum NotFound {
    /// Another program: it has the service's name, and is this user's.
    #[error("what has the service's name is user {0}'s program and not the system's")]
    Impostor(u32),
    /// Nobody has the name, or the bus does not say who.
    #[error(transparent)]
    Bus(#[from] zbus::Error),
}

impl SystemBus {
    /// The system's, whose services are root's.
    pub fn of_the_system() -> Self {
        Self {
            address: ADDRESS.to_owned(),
            owner: 0,
        }
    }

    /// Another one, whose services are this user's: for tests, which have a bus of their own.
    pub fn at(address: &str, owner: u32) -> Self {
        Self {
            address: address.to_owned(),
            owner,
        }
    }

    /// A connection that nothing else uses.
    pub async fn connect(&self) -> zbus::Result<Connection> {
        connection::Builder::address(self.address.as_str()).build().await
    }

    /// The service's own name on this bus, if it is whose it has to be. Another program that takes `name` later is not spoken to.
    pub async fn find(&self, bus: &Connection, name: WellKnownName<'_>) -> Result<OwnedUniqueName, NotFound> {
        let daemon = DBusProxy::new(bus).await?;
        let owner = daemon.get_name_owner(BusName::WellKnown(name)).await;
        let owner = owner.map_err(zbus::Error::from)?;
        let uid = daemon
            .get_connection_unix_user(BusName::Unique(owner.inner().clone()))
            .await
            .map_err(zbus::Error::from)?;
        if uid == self.owner {
            Ok(owner)
        } else {
            Err(NotFound::Impostor(uid))
        }
    }
}
