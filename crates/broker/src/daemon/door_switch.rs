//! The switch of the security-key door. The door keeps its own settings; the broker has them changed, records it, and knocks.

use std::io;

use claviger_prompt_api::dbus::Error;
use zbus::Proxy;
use zbus::proxy::MethodFlags;

use super::Broker;
use crate::audit::{AuditEvent, Entry};

/// The door's process on the bus: its name, its object, its interface, and what has it read its settings again.
const KNOCK: (&str, &str, &str, &str) = (
    "org.claviger.HidDoor",
    "/org/claviger/HidDoor",
    "org.claviger.HidDoor1",
    "Reload",
);

/// Where it is kept whether the user wants the security-key door.
pub trait DoorSwitch: Send + Sync {
    /// Whether they do.
    fn is_on(&self) -> bool;

    /// Keeps that they do, or do not.
    ///
    /// # Errors
    /// The settings cannot be read or written; then nothing has changed.
    fn turn(&self, on: bool) -> io::Result<()>;
}

impl Broker {
    /// Whether the user wants the security-key door; `None` where this broker has no switch for it.
    pub(crate) fn security_key_wanted(&self) -> Option<bool> {
        self.inner.config.door_switch.as_ref().map(|switch| switch.is_on())
    }

    /// `SwitchSecurityKey`.
    pub(crate) async fn switch_security_key(&self, on: bool) -> Result<(), Error> {
        let Some(switch) = &self.inner.config.door_switch else {
            return Err(Error::not_ready("This broker has no security-key door.".to_owned()));
        };
        if on {
            // A way in is opened by nobody of whom the log cannot tell.
            self.require_record()?;
        }
        // What cannot be read counts as off, and is told rather than overwritten.
        let changes = switch.is_on() != on;
        switch
            .turn(on)
            .map_err(|error| Error::failed(format!("The settings of the doors cannot be changed: {error}.")))?;
        if changes {
            let what = if on {
                "turn on the security-key door"
            } else {
                "turn off the security-key door"
            };
            self.audit(&Entry::ok(AuditEvent::Manage).detail(what));
        }
        // One that does not run reads them when it starts.
        if let Err(error) = self.knock().await {
            tracing::debug!(%error, "the security-key door was not told");
        }
        Ok(())
    }

    async fn knock(&self) -> zbus::Result<()> {
        let (name, path, interface, method) = KNOCK;
        let door = Proxy::new(&self.inner.connection, name, path, interface).await?;
        let flags = MethodFlags::NO_AUTO_START | MethodFlags::NO_REPLY_EXPECTED;
        door.call_with_flags::<_, _, ()>(method, flags, &()).await?;
        Ok(())
    }
}
