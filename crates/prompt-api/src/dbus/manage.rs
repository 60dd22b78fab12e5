//! `org.claviger.Manage1`: what the user does with the platform itself, for commands and settings.

// What the zbus macros generate has more public items than these declarations.
#![allow(missing_docs)]

use zbus::proxy;

use super::Error;

/// The broker, seen from the command line. None of the methods has a time limit of its own: the user may take a while.
#[proxy(
    interface = "org.claviger.Manage1",
    default_service = "org.claviger.Broker",
    default_path = "/org/claviger/Broker"
)]
pub trait Manage1 {
    /// A [`Status`](crate::manage::Status) as JSON.
    fn status(&self) -> Result<String, Error>;

    /// [`Passkey`](crate::manage::Passkey)s as a JSON array.
    fn passkeys(&self, filter: &str) -> Result<String, Error>;

    /// `id` is a credential id in base64url; it counts for this provider only.
    fn rename_passkey(&self, provider: &str, id: &str, name: &str) -> Result<(), Error>;

    /// `id` is a credential id in base64url; it counts for this provider only.
    fn delete_passkey(&self, provider: &str, id: &str) -> Result<(), Error>;

    /// `id` is a credential id in base64url; it counts for this provider only.
    fn hide_passkey(&self, provider: &str, id: &str) -> Result<(), Error>;

    /// `id` is a credential id in base64url; it counts for this provider only.
    fn unhide_passkey(&self, provider: &str, id: &str) -> Result<(), Error>;

    /// [`Provider`](crate::manage::Provider)s as a JSON array.
    fn providers(&self) -> Result<String, Error>;

    fn enable_provider(&self, id: &str) -> Result<(), Error>;

    fn disable_provider(&self, id: &str) -> Result<(), Error>;

    fn set_default_provider(&self, id: &str) -> Result<(), Error>;

    /// None twice; those that are not named come after, by their names.
    fn set_provider_order(&self, ids: &[&str]) -> Result<(), Error>;

    /// [`Rule`](crate::manage::Rule)s as a JSON array.
    fn rules(&self) -> Result<String, Error>;

    fn set_rule(&self, rp_id: &str, provider: &str) -> Result<(), Error>;

    fn clear_rule(&self, rp_id: &str) -> Result<(), Error>;

    /// A provider's [`Logos`](crate::logo::Logos) as JSON.
    fn logos(&self, provider: &str) -> Result<String, Error>;

    /// Turns the security-key door on or off.
    fn switch_security_key(&self, on: bool) -> Result<(), Error>;

    /// An empty id means all.
    fn lock(&self, provider: &str) -> Result<(), Error>;

    /// An empty id means all.
    fn unlock(&self, provider: &str) -> Result<(), Error>;

    fn setup(&self) -> Result<(), Error>;

    fn change_pin(&self) -> Result<(), Error>;

    /// A new recovery code in a sealed memory file, after the user gave the PIN.
    fn make_recovery_code(&self) -> Result<zbus::OwnedFd, Error>;

    /// The first and the last group of the code that was made, in a sealed memory file.
    fn confirm_recovery_code(&self, ends: zbus::Fd<'_>) -> Result<(), Error>;

    /// Tries the recovery code in a sealed memory file, and changes nothing.
    fn drill_recovery_code(&self, code: zbus::Fd<'_>) -> Result<(), Error>;

    /// Sets a new PIN with the recovery code, each in a sealed memory file.
    fn recover(&self, code: zbus::Fd<'_>, new: zbus::Fd<'_>) -> Result<(), Error>;

    /// An [`AuditLog`](crate::manage::AuditLog) as JSON.
    fn audit(&self, last: u32) -> Result<String, Error>;
}
