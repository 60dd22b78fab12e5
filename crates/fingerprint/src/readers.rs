//! Finding fprintd and its reader, and why there may be none.

use thiserror::Error;
use zbus::connection::Builder;
use zbus::fdo::DBusProxy;
use zbus::names::{BusName, OwnedUniqueName, WellKnownName};
use zbus::proxy::CacheProperties;
use zbus::{Connection, DBusError as _};

use crate::bus::{DeviceProxy, FPRINTD, ManagerProxy};
use crate::{Claim, Finger};

/// The user name that fprintd takes as the caller's own.
pub(crate) const SELF: &str = "";

/// Where readers are asked for. Holds no connection: each question and each claim makes its own.
#[derive(Debug, Clone)]
pub struct Readers {
    address: Option<String>,
    owner: u32,
}

/// Why there is no reader to be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// The machine: there is no system bus.
    #[error("there is no system bus: {0}")]
    NoBus(String),
    /// The machine: fprintd is not installed, or cannot be started.
    #[error("fprintd is not there (Debian's package is called fprintd)")]
    NoService,
    /// Another program: it has fprintd's name and is not the system's.
    #[error("what answers as fprintd is user {0}'s program and not the system's")]
    Impostor(u32),
    /// The machine: no reader is connected.
    #[error("there is no fingerprint reader")]
    NoReader,
    /// Somebody else: another program uses the reader.
    #[error("another program uses the fingerprint reader")]
    Busy,
    /// The machine's policy: this user may not use the reader, from this session.
    #[error("this session may not use the fingerprint reader")]
    NotAllowed,
    /// The user: no finger is enrolled.
    #[error("no finger is enrolled")]
    NoFinger,
    /// fprintd or the bus, in their words.
    #[error("fprintd failed: {0}")]
    Failed(String),
}

impl Readers {
    /// Those of the system bus, whose fprintd is root's.
    pub fn of_the_system() -> Self {
        Self {
            address: None,
            owner: 0,
        }
    }

    /// Those of another bus, whose fprintd is this user's: for tests, which have a bus of their own.
    pub fn at(address: &str, owner: u32) -> Self {
        Self {
            address: Some(address.to_owned()),
            owner,
        }
    }

    /// The fingers of the caller's that the reader knows, in [`Finger::ALL`]'s order.
    pub async fn fingers(&self) -> Result<Vec<Finger>, Unavailable> {
        match self.device().await?.list_enrolled_fingers(SELF).await {
            Ok(names) => {
                let mut fingers: Vec<Finger> = names.iter().filter_map(|name| Finger::named(name)).collect();
                fingers.sort_unstable();
                Ok(fingers)
            }
            Err(error) => match Unavailable::of(&error) {
                Unavailable::NoFinger => Ok(Vec::new()),
                why => Err(why),
            },
        }
    }

    /// Takes the reader for the caller, until the claim is dropped.
    pub async fn claim(&self) -> Result<Claim, Unavailable> {
        let device = self.device().await?;
        device.claim(SELF).await.map_err(|error| Unavailable::of(&error))?;
        Ok(Claim::new(device))
    }

    /// The default reader, over a connection that nothing else uses.
    async fn device(&self) -> Result<DeviceProxy<'static>, Unavailable> {
        let bus = self
            .connect()
            .await
            .map_err(|error| Unavailable::NoBus(error.to_string()))?;
        let fprintd = self.fprintd(&bus).await?;
        let manager = ManagerProxy::builder(&bus)
            .destination(fprintd.clone())
            .cache_properties(CacheProperties::No)
            .build()
            .await;
        let manager = manager.map_err(|error| Unavailable::of(&error))?;
        let path = manager
            .get_default_device()
            .await
            .map_err(|error| Unavailable::of(&error))?;
        DeviceProxy::builder(&bus)
            .destination(fprintd)
            .path(path)
            .cache_properties(CacheProperties::No)
            .build()
            .await
            .map_err(|error| Unavailable::of(&error))
    }

    async fn connect(&self) -> zbus::Result<Connection> {
        match &self.address {
            Some(address) => Builder::address(address.as_str()).build().await,
            None => Connection::system().await,
        }
    }

    /// fprintd's own name on the bus, when it is who it has to be. Another program that takes the name later is not spoken to.
    async fn fprintd(&self, bus: &Connection) -> Result<OwnedUniqueName, Unavailable> {
        let of = |error: zbus::fdo::Error| Unavailable::of(&error.into());
        let name = WellKnownName::from_static_str_unchecked(FPRINTD);
        let daemon = DBusProxy::new(bus).await.map_err(|error| Unavailable::of(&error))?;
        let known = daemon.get_name_owner(BusName::WellKnown(name.clone())).await;
        let owner = if let Ok(owner) = known {
            owner
        } else {
            daemon.start_service_by_name(name.clone(), 0).await.map_err(of)?;
            daemon.get_name_owner(BusName::WellKnown(name)).await.map_err(of)?
        };
        let uid = daemon
            .get_connection_unix_user(BusName::Unique(owner.inner().clone()))
            .await
            .map_err(of)?;
        if uid == self.owner {
            Ok(owner)
        } else {
            Err(Unavailable::Impostor(uid))
        }
    }
}

impl Unavailable {
    /// fprintd's and the bus's errors, by name.
    pub(crate) fn of(error: &zbus::Error) -> Self {
        let (name, text) = match error {
            zbus::Error::MethodError(name, text, _) => (name.to_string(), text.clone()),
            zbus::Error::FDO(error) => (error.name().to_string(), error.description().map(str::to_owned)),
            error => (String::new(), Some(error.to_string())),
        };
        match name.strip_prefix("net.reactivated.Fprint.Error.").unwrap_or(&name) {
            "NoSuchDevice" => Self::NoReader,
            "AlreadyInUse" => Self::Busy,
            "PermissionDenied" => Self::NotAllowed,
            "NoEnrolledPrints" => Self::NoFinger,
            "org.freedesktop.DBus.Error.ServiceUnknown"
            | "org.freedesktop.DBus.Error.NameHasNoOwner"
            | "org.freedesktop.DBus.Error.Spawn.ServiceNotFound" => Self::NoService,
            _ => Self::Failed(text.unwrap_or(name)),
        }
    }
}
