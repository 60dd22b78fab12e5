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

    /// [`Rule`](crate::manage::Rule)s as a JSON array.
    fn rules(&self) -> Result<String, Error>;

    fn set_rule(&self, rp_id: &str, provider: &str) -> Result<(), Error>;

    fn clear_rule(&self, rp_id: &str) -> Result<(), Error>;

    /// An empty id means all.
    fn lock(&self, provider: &str) -> Result<(), Error>;

    /// An empty id means all.
    fn unlock(&self, provider: &str) -> Result<(), Error>;

    fn setup(&self) -> Result<(), Error>;

    fn change_pin(&self) -> Result<(), Error>;

    /// An [`AuditLog`](crate::manage::AuditLog) as JSON.
    fn audit(&self, last: u32) -> Result<String, Error>;
}
