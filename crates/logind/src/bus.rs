//! logind's interfaces, as far as they are used.

use zbus::{OwnedFd, OwnedObjectPath};

/// logind's well-known name on the system bus. elogind has the same.
pub(crate) const LOGIND: &str = "org.freedesktop.login1";

/// The interface of its one manager.
pub(crate) const MANAGER: &str = "org.freedesktop.login1.Manager";

/// The interface of each of its sessions.
pub(crate) const SESSION: &str = "org.freedesktop.login1.Session";

/// A session as `ListSessions` has it: its id, whose it is (uid and name), its seat's name or none, and its object.
pub(crate) type Listed = (String, u32, String, String, OwnedObjectPath);

/// `org.freedesktop.login1.Manager`.
#[zbus::proxy(
    interface = "org.freedesktop.login1.Manager",
    default_path = "/org/freedesktop/login1"
)]
pub(crate) trait Manager {
    fn inhibit(&self, what: &str, who: &str, why: &str, mode: &str) -> zbus::Result<OwnedFd>;
    fn list_sessions(&self) -> zbus::Result<Vec<Listed>>;
}
