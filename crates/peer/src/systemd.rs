//! What systemd says: the user's manager of our units, the system's of the user's manager.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use zbus::fdo::DBusProxy;
use zbus::names::{BusName, OwnedUniqueName, UniqueName, WellKnownName};
use zbus::proxy::CacheProperties;
use zbus::{Connection, OwnedObjectPath, proxy};

use crate::system::SystemBus;
use crate::unit::{Role, UnitFacts, Unproved, loads_other_code};

/// The name of a manager, on the system bus the system's, on the session bus the user's.
const NAME: &str = "org.freedesktop.systemd1";

/// Both managers.
#[derive(Debug)]
pub(crate) struct Managers {
    session: Connection,
    /// The connection that was proved to be the user's manager.
    users: Mutex<Option<OwnedUniqueName>>,
}

impl Managers {
    pub(crate) fn new(session: Connection) -> Self {
        Self {
            session,
            users: Mutex::default(),
        }
    }

    /// Whether process `pid` is the main process of the role's unit, whose files are root's, and runs only its own code.
    pub(crate) async fn prove(&self, bus: &DBusProxy<'_>, pid: u32, role: Role) -> Result<(), Unproved> {
        let manager = self.users_manager(bus).await?;
        self.facts(&manager, role).await?.prove(role, pid)?;
        // A process that hides its memory hides its environment too. What its unit takes away was never in it.
        match std::fs::read(format!("/proc/{pid}/environ")) {
            Ok(environment) => loads_other_code(&environment),
            Err(_) => Ok(()),
        }
    }

    /// What the user's manager says of the role's unit.
    async fn facts(&self, manager: &UniqueName<'_>, role: Role) -> Result<UnitFacts, Unproved> {
        let path = unit_path(role.unit())?;
        let unit = UnitProxy::builder(&self.session).destination(manager).path(&path);
        let unit = unit.cache_properties(CacheProperties::No).build().await?;
        let service = ServiceProxy::builder(&self.session).destination(manager).path(&path);
        let service = service.cache_properties(CacheProperties::No).build().await?;
        Ok(UnitFacts {
            fragment: unit.fragment_path().await?.into(),
            drop_ins: unit.drop_in_paths().await?.into_iter().map(PathBuf::from).collect(),
            // Last: had the unit's files changed before, this would be another process.
            main_pid: service.main_pid().await?,
        })
    }

    /// The connection of the user's manager: the one whose process the system's manager says it is. systemd connects itself, so the
    /// process that the bus names never was another program's.
    async fn users_manager(&self, bus: &DBusProxy<'_>) -> Result<OwnedUniqueName, Unproved> {
        let name = WellKnownName::from_static_str(NAME)?;
        let owner = bus.get_name_owner(BusName::WellKnown(name)).await?;
        let known = self.users.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if known.as_ref() == Some(&owner) {
            return Ok(owner);
        }
        let connection = BusName::Unique(owner.as_ref());
        let pid = bus.get_connection_unix_process_id(connection).await?;
        if pid != users_manager_process().await? {
            return Err(Unproved::OtherManager { pid });
        }
        *self.users.lock().unwrap_or_else(PoisonError::into_inner) = Some(owner.clone());
        Ok(owner)
    }
}

impl From<zbus::Error> for Unproved {
    fn from(error: zbus::Error) -> Self {
        Self::NotAnswered(error.to_string())
    }
}

impl From<zbus::fdo::Error> for Unproved {
    fn from(error: zbus::fdo::Error) -> Self {
        Self::NotAnswered(error.to_string())
    }
}

#[proxy(
    interface = "org.freedesktop.systemd1.Unit",
    default_service = "org.freedesktop.systemd1"
)]
trait Unit {
    #[zbus(property)]
    fn fragment_path(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn drop_in_paths(&self) -> zbus::Result<Vec<String>>;
}

#[proxy(
    interface = "org.freedesktop.systemd1.Service",
    default_service = "org.freedesktop.systemd1"
)]
trait Service {
    #[zbus(property, name = "MainPID")]
    fn main_pid(&self) -> zbus::Result<u32>;
}

/// The process of the user's manager, as the system's manager names it. The system bus belongs to root, and so does that name on it.
async fn users_manager_process() -> Result<u32, Unproved> {
    let system = SystemBus::of_the_system().connect().await?;
    let path = unit_path(&format!("user@{}.service", rustix::process::getuid().as_raw()))?;
    let service = ServiceProxy::builder(&system).path(&path);
    let service = service.cache_properties(CacheProperties::No).build().await?;
    Ok(service.main_pid().await?)
}

/// The object of a unit: every byte of its name but ASCII letters and digits is written as `_` and two hexadecimal digits, a
/// leading digit too (`org.freedesktop.systemd1(5)`, "Properties" of the manager; `sd_bus_path_encode(3)`).
fn unit_path(unit: &str) -> zbus::Result<OwnedObjectPath> {
    use std::fmt::Write as _;

    let mut path = String::from("/org/freedesktop/systemd1/unit/");
    for (at, byte) in unit.bytes().enumerate() {
        if byte.is_ascii_alphabetic() || (at > 0 && byte.is_ascii_digit()) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "_{byte:02x}");
        }
    }
    OwnedObjectPath::try_from(path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_units_object_has_its_escaped_name() {
        assert_eq!(
            unit_path("claviger-hid-door.service").unwrap().as_str(),
            "/org/freedesktop/systemd1/unit/claviger_2dhid_2ddoor_2eservice"
        );
        assert_eq!(
            unit_path("user@1000.service").unwrap().as_str(),
            "/org/freedesktop/systemd1/unit/user_401000_2eservice"
        );
    }
}
