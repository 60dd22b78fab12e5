//! Who is at the other end of the session bus, and what proves it.
//!
//! Every seam between two of our processes asks here, in both directions: the broker about hello, the vault and the doors, hello
//! about the broker, and whoever sends a PIN or an origin about the broker that is to get it ([`Peers::find`], [`Peers::prove`]).
//! Programs that are nobody's role, the command line for one, are [identified](Peers::identify) and no more. Which browser may name
//! an origin is the broker's matter.
//!
//! **What proves a role.** The bus tells which process made a connection, and keeps telling it after that process has run another
//! program: a program may connect, fork, and run ours in the process that the bus names while its child keeps the connection.
//! So what `/proc/PID/exe` says proves little. Where Claviger is installed for all users ([`INSTALLED`]), a peer has a
//! role only if its process is the main process of the role's unit at the user's systemd, and the unit is root's: systemd forked that
//! process to run what root wrote, so it never was another program. systemd is proved too: the system's manager, over the system
//! bus, names the main process of the user's. Everything else is refused, by name ([`Unproved`]).
//!
//! **What cannot be proved.** Elsewhere (a checkout, a user's own installation, a system without systemd) the units are the user's, so
//! a program of the user can change them: there a peer needs to run the right executable, which keeps out honest and clumsy
//! programs, and its [`Standing`] says *unproved*. A program that traces systemd, or that changes the environment in which it starts
//! our programs, is stopped nowhere in this tier; `SECURITY.md` says so.

mod process;
mod system;
mod systemd;
mod unit;
mod writable;

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use thiserror::Error;
use zbus::Connection;
use zbus::fdo::{ConnectionCredentials, DBusProxy};
use zbus::names::{BusName, OwnedUniqueName, UniqueName, WellKnownName};

pub use process::{FileId, Process};
pub use system::{NotFound, SystemBus};
pub use unit::{OTHER_CODE, Role, Unproved};
pub use writable::{only_root_may_change, only_we_may_change};

use process::{alive, pidfd_target, read_alive};
use systemd::Managers;

/// Where a package installs the program. Only from here on are peers proved; see the crate's text.
pub const INSTALLED: &str = "/usr/bin/claviger";

/// Where systemd says that it runs the system (`sd_booted(3)`). Only root can make it.
const BOOTED: &str = "/run/systemd/system";

/// How many connections are remembered; beyond that all are forgotten and asked for again.
const MAX_REMEMBERED: usize = 256;

/// How well it is known that a peer has its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It is the main process of the role's unit, which is root's.
    Proved,
    /// It runs the right executable, which any program of the user can bring about.
    Unproved,
}

impl Standing {
    /// The name in the JSON form and in the audit log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Unproved => "unproved",
        }
    }
}

/// Why a process is not talked to. The fault of whoever started it, but for [`PeerError::Bus`].
#[derive(Debug, Error)]
pub enum PeerError {
    /// It left the bus or ended.
    #[error("the process is gone")]
    Gone,
    /// Another user's process.
    #[error("it is a process of another user ({0})")]
    OtherUser(u32),
    /// The process does not let itself be looked at (`PR_SET_DUMPABLE=0`, another namespace, a security module).
    #[error("process {0} hides its executable")]
    Hidden(u32),
    /// `/proc` says something that it should not.
    #[error("what /proc says about process {pid} cannot be read: {what}")]
    Proc {
        /// The process.
        pid: u32,
        /// What is wrong.
        what: String,
    },
    /// It runs another program than the one that this is for.
    #[error("{} is another program", .0.display())]
    OtherExecutable(PathBuf),
    /// The program was replaced or removed while it runs, so that nothing tells any more what it was.
    #[error("{} was updated while it runs; restart it", .0.display())]
    Replaced(PathBuf),
    /// It is not proved to have the role, where roles are proved.
    #[error("process {pid} is not Claviger's {role}: {why}")]
    Unproved {
        /// The process.
        pid: u32,
        /// What it would be.
        role: Role,
        /// What speaks against it.
        why: Unproved,
    },
    /// The bus did not tell who it is.
    #[error("the bus does not tell who it is: {0}")]
    Bus(String),
}

/// A peer that has a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its process.
    pub process: Process,
    /// How well that is known.
    pub standing: Standing,
}

/// The peers on one bus connection. Remembers them, so that a second question about one costs no round trip.
#[derive(Debug)]
pub struct Peers {
    connection: Connection,
    bus: DBusProxy<'static>,
    user: u32,
    own: FileId,
    /// Where the graphical prompt is, a program of its own beside this one.
    prompt: PathBuf,
    /// The settings window's program.
    settings: PathBuf,
    /// Whom to ask about units; none where roles cannot be proved.
    managers: Option<Managers>,
    remembered: Mutex<HashMap<String, Remembered>>,
}

/// What is known of a connection. Its process stays the same as long as it lives.
#[derive(Debug, Clone)]
struct Remembered {
    pid: u32,
    handle: Arc<OwnedFd>,
    proved: Option<Role>,
}

impl Remembered {
    fn read(&self) -> Result<Process, PeerError> {
        read_alive(self.pid, &self.handle)
    }

    fn is_alive(&self) -> Result<(), PeerError> {
        if alive(&self.handle) {
            Ok(())
        } else {
            Err(PeerError::Gone)
        }
    }
}

impl Peers {
    /// For peers on `connection`. `own_executable` is the program that all roles but the prompt run.
    pub async fn new(connection: &Connection, own_executable: &Path) -> Result<Self, PeerError> {
        let own = FileId::of(own_executable).map_err(|error| PeerError::Proc {
            pid: std::process::id(),
            what: error.to_string(),
        })?;
        Ok(Self {
            connection: connection.clone(),
            bus: DBusProxy::new(connection).await.map_err(|error| from_bus(&error))?,
            user: rustix::process::getuid().as_raw(),
            own,
            prompt: own_executable.with_file_name("claviger-prompt"),
            settings: own_executable.with_file_name("claviger-settings"),
            managers: proves_roles(own_executable).then(|| Managers::new(connection.clone())),
            remembered: Mutex::default(),
        })
    }

    /// The bus connection on which they are peers.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Whether peers must be proved to have their role, and can be.
    pub fn proves(&self) -> bool {
        self.managers.is_some()
    }

    /// The process that made the connection `name`. Its executable is read anew at each call: a process may change it.
    pub async fn identify(&self, name: &UniqueName<'_>) -> Result<Process, PeerError> {
        self.connected(name).await?.read()
    }

    /// The peer behind the connection `name`, which must be the user's `role`.
    pub async fn prove(&self, name: &UniqueName<'_>, role: Role) -> Result<Peer, PeerError> {
        let known = self.connected(name).await?;
        let process = known.read()?;
        if !self.runs_program_of(&process, role) {
            return Err(other_program(&process));
        }
        let standing = match &self.managers {
            Some(managers) => self.prove_by_unit(managers, name, known, role).await?,
            None => Standing::Unproved,
        };
        Ok(Peer { process, standing })
    }

    /// The connection that has the bus name of `role`, started if need be, and proved. Messages go to it and to nobody who takes the
    /// name later.
    ///
    /// Where roles are proved, it need not be seen what the process runs: a looker that sees no other processes, because it is in a
    /// Landlock domain, can ask this.
    pub async fn find(&self, role: Role) -> Result<OwnedUniqueName, PeerError> {
        let owner = self.owner(role.bus_name()).await?;
        match &self.managers {
            Some(managers) => {
                let known = self.connected(&owner).await?;
                self.prove_by_unit(managers, &owner, known, role).await?;
            }
            None => {
                self.prove(&owner, role).await?;
            }
        }
        Ok(owner)
    }

    /// Whether `process` runs the program that all roles but the prompt run.
    pub fn is_own(&self, process: &Process) -> bool {
        process.file == self.own
    }

    /// Whether `process` runs the settings window, which lies beside the own program.
    pub fn is_settings(&self, process: &Process) -> bool {
        process.runs(&self.settings) && only_we_may_change(&self.settings)
    }

    /// Forgets a connection that left the bus. Unique names are not used again, so this only saves memory.
    pub fn forget(&self, name: &str) {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
    }

    /// Whether the connection's process is the one that systemd runs for the role.
    async fn prove_by_unit(
        &self,
        managers: &Managers,
        name: &UniqueName<'_>,
        known: Remembered,
        role: Role,
    ) -> Result<Standing, PeerError> {
        if known.proved != Some(role) {
            let pid = known.pid;
            let unproved = |why| PeerError::Unproved { pid, role, why };
            managers.prove(&self.bus, pid, role).await.map_err(unproved)?;
            let proved = Some(role);
            self.remember(
                name,
                Remembered {
                    proved,
                    ..known.clone()
                },
            );
        }
        // The unit was asked about a number; it still has to be the same process.
        known.is_alive()?;
        Ok(Standing::Proved)
    }

    /// The owner of a bus name, started if there is none.
    async fn owner(&self, name: &'static str) -> Result<OwnedUniqueName, PeerError> {
        let name = WellKnownName::from_static_str(name).map_err(|error| from_bus(&error))?;
        let owner = match self.bus.get_name_owner(BusName::WellKnown(name.clone())).await {
            Err(zbus::fdo::Error::NameHasNoOwner(_)) => {
                let started = self.bus.start_service_by_name(name.clone(), 0).await;
                started.map_err(|error| from_bus(&error))?;
                self.bus.get_name_owner(BusName::WellKnown(name)).await
            }
            owner => owner,
        };
        owner.map_err(|error| from_bus(&error))
    }

    /// What is known of a connection, asked for if nothing is.
    async fn connected(&self, name: &UniqueName<'_>) -> Result<Remembered, PeerError> {
        if let Some(known) = self.recall(name) {
            return Ok(known);
        }
        let first = self.credentials(name).await?;
        let pid = first
            .process_id()
            .ok_or_else(|| PeerError::Bus("it gives no process id".into()))?;
        let handle = if let Some(fd) = first.into_process_fd() {
            // Since dbus 1.15.8 the bus says itself which process it means.
            let handle = OwnedFd::from(fd);
            if pidfd_target(&handle) != Some(pid) {
                return Err(PeerError::Gone);
            }
            handle
        } else {
            let number = Pid::from_raw(pid.cast_signed()).ok_or(PeerError::Gone)?;
            let handle = pidfd_open(number, PidfdFlags::empty()).map_err(|_| PeerError::Gone)?;
            // Only now is it known that the handle, opened in between, is of the connection's process.
            if self.credentials(name).await?.process_id() != Some(pid) {
                return Err(PeerError::Gone);
            }
            handle
        };
        let known = Remembered {
            pid,
            handle: Arc::new(handle),
            proved: None,
        };
        known.is_alive()?;
        self.remember(name, known.clone());
        Ok(known)
    }

    fn runs_program_of(&self, process: &Process, role: Role) -> bool {
        match role {
            Role::Prompt => process.runs(&self.prompt) && only_we_may_change(&self.prompt),
            Role::Broker | Role::Hello | Role::Vault | Role::HidDoor => self.is_own(process),
        }
    }

    fn recall(&self, name: &UniqueName<'_>) -> Option<Remembered> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(name.as_str()).cloned()
    }

    fn remember(&self, name: &UniqueName<'_>, peer: Remembered) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(name.as_str().to_owned(), peer);
    }

    async fn credentials(&self, name: &UniqueName<'_>) -> Result<ConnectionCredentials, PeerError> {
        let answer = self
            .bus
            .get_connection_credentials(BusName::Unique(name.as_ref()))
            .await;
        let credentials = answer.map_err(|error| match error {
            zbus::fdo::Error::NameHasNoOwner(_) => PeerError::Gone,
            other => from_bus(&other),
        })?;
        match credentials.unix_user_id() {
            Some(user) if user == self.user => Ok(credentials),
            Some(user) => Err(PeerError::OtherUser(user)),
            None => Err(PeerError::Bus("it gives no user id".into())),
        }
    }
}

/// What to say of a process that runs another program than the one that was asked for.
pub fn other_program(process: &Process) -> PeerError {
    match process.replaced_program() {
        Some(replaced) => PeerError::Replaced(replaced),
        None => PeerError::OtherExecutable(process.executable.clone()),
    }
}

/// Whether roles that run this program can be proved: it is root's at its packaged place, and systemd runs this system.
pub fn proves_roles(own_executable: &Path) -> bool {
    own_executable == Path::new(INSTALLED) && only_root_may_change(own_executable) && Path::new(BOOTED).is_dir()
}

fn from_bus(error: &impl ToString) -> PeerError {
    PeerError::Bus(error.to_string())
}
