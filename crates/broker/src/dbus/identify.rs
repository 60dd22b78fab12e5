//! Who is at the other end of a bus connection: the bus names the process, [`crate::caller`] says what it is.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use zbus::fdo::{ConnectionCredentials, DBusProxy};
use zbus::names::{BusName, UniqueName};

use crate::caller::{CallerError, FileId, PrivilegedCallers, Process, alive, is_beside, pidfd_target, read_alive};

/// How many connections are remembered; beyond that all are forgotten and asked for again.
const MAX_REMEMBERED: usize = 256;

/// A browser that may name an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Browser {
    /// The name to show, "Chromium".
    pub name: String,
    /// Its process.
    pub process: Process,
}

/// Identifies the callers of one bus connection and remembers them, so that a caller's second request costs no round trip.
#[derive(Debug)]
pub struct Identifier {
    bus: DBusProxy<'static>,
    user: u32,
    own: FileId,
    own_folder: PathBuf,
    remembered: Mutex<HashMap<String, (u32, Arc<OwnedFd>)>>,
}

impl Identifier {
    /// For callers on `connection`. `own_executable` is the broker's program: see [`Identifier::require_own`].
    pub async fn new(connection: &zbus::Connection, own_executable: &Path) -> Result<Self, CallerError> {
        let bus = DBusProxy::new(connection)
            .await
            .map_err(|error| CallerError::Bus(error.to_string()))?;
        let own = FileId::of(own_executable).map_err(|error| CallerError::Proc {
            pid: std::process::id(),
            what: error.to_string(),
        })?;
        Ok(Self {
            bus,
            user: rustix::process::getuid().as_raw(),
            own,
            own_folder: own_executable.parent().map(Path::to_owned).unwrap_or_default(),
            remembered: Mutex::default(),
        })
    }

    /// The process that made the connection `sender`. Its executable is read anew at each call: a process may change it.
    pub async fn identify(&self, sender: &UniqueName<'_>) -> Result<Process, CallerError> {
        if let Some((pid, handle)) = self.recall(sender) {
            return read_alive(pid, &handle);
        }
        let first = self.credentials(sender).await?;
        let pid = first
            .process_id()
            .ok_or_else(|| CallerError::Bus("it gives no process id".into()))?;
        let (handle, process) = if let Some(fd) = first.into_process_fd() {
            // Since dbus 1.15.8 the bus says itself which process it means.
            let handle = OwnedFd::from(fd);
            if pidfd_target(&handle) != Some(pid) {
                return Err(CallerError::Gone);
            }
            (handle, Process::read(pid)?)
        } else {
            let number = Pid::from_raw(pid.cast_signed()).ok_or(CallerError::Gone)?;
            let handle = pidfd_open(number, PidfdFlags::empty()).map_err(|_| CallerError::Gone)?;
            let process = Process::read(pid)?;
            // Only now is it known that the handle, opened in between, is of the connection's process.
            if self.credentials(sender).await?.process_id() != Some(pid) {
                return Err(CallerError::Gone);
            }
            (handle, process)
        };
        if !alive(&handle) {
            return Err(CallerError::Gone);
        }
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(sender.as_str().to_owned(), (pid, Arc::new(handle)));
        Ok(process)
    }

    /// Like [`Identifier::identify`], for the sender of a message.
    pub async fn sender(&self, header: &zbus::message::Header<'_>) -> Result<Process, CallerError> {
        self.identify(header.sender().ok_or(CallerError::NoSender)?).await
    }

    /// The sender of a message, if it runs the broker's own program.
    pub async fn require_own(&self, header: &zbus::message::Header<'_>) -> Result<Process, CallerError> {
        let process = self.sender(header).await?;
        if self.is_own(&process) {
            Ok(process)
        } else {
            Err(not_meant_for(process))
        }
    }

    /// The sender of a message, if it runs the broker's own program or the `claviger-prompt` in the same folder.
    pub async fn require_prompt(&self, header: &zbus::message::Header<'_>) -> Result<Process, CallerError> {
        let process = self.sender(header).await?;
        if self.is_own(&process) || is_beside(&process, &self.own_folder.join("claviger-prompt")) {
            Ok(process)
        } else {
            Err(not_meant_for(process))
        }
    }

    /// The browser behind a native host: the sender must run the broker's own program, and its parent must be on the list.
    pub async fn require_browser(
        &self,
        header: &zbus::message::Header<'_>,
        list: &PrivilegedCallers,
    ) -> Result<Browser, CallerError> {
        let host = self.require_own(header).await?;
        let process = host.read_parent()?;
        match (list.name_of(&process), original(&process.executable)) {
            (Some(name), _) => Ok(Browser { name, process }),
            (None, Some(replaced)) => Err(CallerError::Replaced(replaced)),
            (None, None) => Err(CallerError::NotPrivileged(process.executable)),
        }
    }

    /// Whether `process` runs the broker's own program.
    pub fn is_own(&self, process: &Process) -> bool {
        process.file == self.own
    }

    /// Forgets a connection that left the bus. Unique names are not used again, so this only saves memory.
    pub fn forget(&self, sender: &str) {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(sender);
    }

    fn recall(&self, sender: &UniqueName<'_>) -> Option<(u32, Arc<OwnedFd>)> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(sender.as_str()).cloned()
    }

    async fn credentials(&self, sender: &UniqueName<'_>) -> Result<ConnectionCredentials, CallerError> {
        let answer = self
            .bus
            .get_connection_credentials(BusName::Unique(sender.as_ref()))
            .await;
        let credentials = answer.map_err(|error| match error {
            zbus::fdo::Error::NameHasNoOwner(_) => CallerError::Gone,
            other => CallerError::Bus(other.to_string()),
        })?;
        match credentials.unix_user_id() {
            Some(user) if user == self.user => Ok(credentials),
            Some(user) => Err(CallerError::OtherUser(user)),
            None => Err(CallerError::Bus("it gives no user id".into())),
        }
    }
}

impl From<CallerError> for zbus::fdo::Error {
    fn from(error: CallerError) -> Self {
        Self::AccessDenied(error.to_string())
    }
}

/// What to tell a process that runs another program than the one that was asked for.
fn not_meant_for(process: Process) -> CallerError {
    match original(&process.executable) {
        Some(replaced) => CallerError::Replaced(replaced),
        None => CallerError::WrongExecutable(process.executable),
    }
}

/// The path that a program had before it was replaced or removed, if `/proc` says that it was.
fn original(executable: &Path) -> Option<PathBuf> {
    executable.to_str()?.strip_suffix(" (deleted)").map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_program_is_told_from_a_foreign_one() {
        assert_eq!(
            original(Path::new("/usr/lib/chromium/chromium (deleted)")),
            Some("/usr/lib/chromium/chromium".into())
        );
        assert_eq!(original(Path::new("/usr/lib/chromium/chromium")), None);
    }
}
