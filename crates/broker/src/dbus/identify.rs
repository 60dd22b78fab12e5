//! Who calls the broker: the bus names the process, [`claviger_peer`] proves its role, [`crate::caller`] knows the browsers.

use std::path::Path;
use std::sync::Arc;

use claviger_peer::{Peer, PeerError, Peers, Process, Role, Standing, other_program};
use zbus::message::Header;
use zbus::names::UniqueName;

use crate::caller::{CallerError, PrivilegedCallers};

/// A browser that may name an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Browser {
    /// The name to show, "Chromium".
    pub name: String,
    /// Its process.
    pub process: Process,
}

/// Identifies the callers of one bus connection.
#[derive(Debug, Clone)]
pub struct Identifier {
    peers: Arc<Peers>,
}

impl Identifier {
    /// For callers on `connection`. `own_executable` is the broker's program: see [`Identifier::require_own`].
    pub async fn new(connection: &zbus::Connection, own_executable: &Path) -> Result<Self, CallerError> {
        let peers = Arc::new(Peers::new(connection, own_executable).await?);
        Ok(Self { peers })
    }

    /// The peers that it asks about.
    pub fn peers(&self) -> &Arc<Peers> {
        &self.peers
    }

    /// The process that made the connection `sender`. Its executable is read anew at each call: a process may change it.
    pub async fn identify(&self, sender: &UniqueName<'_>) -> Result<Process, CallerError> {
        Ok(self.peers.identify(sender).await?)
    }

    /// Like [`Identifier::identify`], for the sender of a message.
    pub async fn sender(&self, header: &Header<'_>) -> Result<Process, CallerError> {
        self.identify(header.sender().ok_or(CallerError::NoSender)?).await
    }

    /// The sender of a message, if it runs the broker's own program. Any program of the user's can bring that about: what is asked
    /// in this way is no more than the user may do anyway.
    pub async fn require_own(&self, header: &Header<'_>) -> Result<Process, CallerError> {
        let process = self.sender(header).await?;
        if self.is_own(&process) {
            Ok(process)
        } else {
            Err(not_meant_for(&process))
        }
    }

    /// The sender of a message, if it runs the broker's own program or the settings window beside it, which is as little a proof.
    pub async fn require_manager(&self, header: &Header<'_>) -> Result<Process, CallerError> {
        let process = self.sender(header).await?;
        if self.is_own(&process) || self.peers.is_settings(&process) {
            Ok(process)
        } else {
            Err(not_meant_for(&process))
        }
    }

    /// The sender of a message, which must be the user's `role`, proved where roles are proved.
    pub async fn require_role(&self, header: &Header<'_>, role: Role) -> Result<Peer, CallerError> {
        let sender = header.sender().ok_or(CallerError::NoSender)?;
        Ok(self.peers.prove(sender, role).await?)
    }

    /// The sender of a message, if it is the graphical prompt, or runs the broker's own program, which asks in a terminal and so proves
    /// nothing.
    pub async fn require_prompt(&self, header: &Header<'_>) -> Result<Peer, CallerError> {
        let process = self.sender(header).await?;
        if self.is_own(&process) {
            let standing = Standing::Unproved;
            return Ok(Peer { process, standing });
        }
        self.require_role(header, Role::Prompt).await
    }

    /// The browser behind a native host: the sender must run the broker's own program, and its parent must be on the list. That is
    /// unproved: a parent may become the browser after it started the host.
    pub async fn require_browser(&self, header: &Header<'_>, list: &PrivilegedCallers) -> Result<Browser, CallerError> {
        let host = self.require_own(header).await?;
        let process = host.read_parent()?;
        match (list.name_of(&process), process.replaced_program()) {
            (Some(name), _) => Ok(Browser { name, process }),
            (None, Some(replaced)) => Err(PeerError::Replaced(replaced).into()),
            (None, None) => Err(CallerError::NotPrivileged(process.executable)),
        }
    }

    /// Whether `process` runs the broker's own program.
    pub fn is_own(&self, process: &Process) -> bool {
        self.peers.is_own(process)
    }

    /// Forgets a connection that left the bus. Unique names are not used again, so this only saves memory.
    pub fn forget(&self, sender: &str) {
        self.peers.forget(sender);
    }
}

impl From<CallerError> for zbus::fdo::Error {
    fn from(error: CallerError) -> Self {
        Self::AccessDenied(error.to_string())
    }
}

/// What to tell a process that runs another program than the one that was asked for.
fn not_meant_for(process: &Process) -> CallerError {
    match other_program(process) {
        PeerError::OtherExecutable(executable) => CallerError::WrongExecutable(executable),
        error => error.into(),
    }
}
