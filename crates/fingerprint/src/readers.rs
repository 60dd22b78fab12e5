//! Finding fprintd and its reader, and why there may be none.

use claviger_peer::{NotFound, SystemBus};
use thiserror::Error;
use zbus::fdo::DBusProxy;
use zbus::names::{OwnedUniqueName, WellKnownName};
use zbus::proxy::CacheProperties;
use zbus::{Connection, DBusError as _};

use crate::bus::{DeviceProxy, FPRINTD, ManagerProxy};
use crate::{Claim, Finger};

/// The user name that fprintd takes as the caller's own.
pub(crate) const SELF: &str = "";

/// Where readers are asked for. Holds no connection: each question and each claim makes its own.
#[derive(Debug, Clone)]
pub struct Readers {
    bus: SystemBus,
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
    /// Those of the fprintd on this bus.
    pub fn on(bus: SystemBus) -> Self {
        Self { bus }
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
            .bus
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

    /// fprintd's own name on the bus, when it is who it has to be; it is started where it does not run.
    async fn fprintd(&self, bus: &Connection) -> Result<OwnedUniqueName, Unavailable> {
        let name = WellKnownName::from_static_str_unchecked(FPRINTD);
        let found = match self.bus.find(bus, name.clone()).await {
            Err(NotFound::Bus(_)) => {
                let daemon = DBusProxy::new(bus).await.map_err(|error| Unavailable::of(&error))?;
                let started = daemon.start_service_by_name(name.clone(), 0).await;
                started.map_err(|error| Unavailable::of(&error.into()))?;
                self.bus.find(bus, name).await
            }
            found => found,
        };
        found.map_err(|why| match why {
            NotFound::Impostor(uid) => Unavailable::Impostor(uid),
            NotFound::Bus(error) => Unavailable::of(&error),
        })
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
