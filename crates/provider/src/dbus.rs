//! Names on the session bus, and proxies for both ends of the joint.
//!
//! The broker calls a provider through [`Provider1Proxy`], always at the unique name that it pinned; a provider calls the
//! broker through [`Providers1Proxy`]. The byte strings are the messages of this crate.

// The proxies that zbus generates have more public items than these traits, and their documentation is zbus's.
#![allow(missing_docs)]

use zbus::proxy;

/// The broker's bus name.
pub const BROKER_NAME: &str = "org.claviger.Broker";

/// The broker's object.
pub const BROKER_PATH: &str = "/org/claviger/Broker";

/// The object of every provider.
pub const PROVIDER_PATH: &str = "/org/claviger/Provider";

/// The interface of every provider.
pub const PROVIDER_INTERFACE: &str = "org.claviger.Provider1";

/// The broker's interface for providers.
pub const PROVIDERS_INTERFACE: &str = "org.claviger.Providers1";

/// A provider, seen from the broker. Build it with the destination: `Provider1Proxy::builder(&c).destination(unique).build()`.
#[proxy(interface = "org.claviger.Provider1", default_path = "/org/claviger/Provider")]
pub trait Provider1 {
    /// The [`Description`](claviger_joint::messages::Description) in the highest of these versions that the provider speaks.
    fn describe(&self, versions: &[u32]) -> zbus::Result<Vec<u8>>;

    /// One envelope ([`envelope`](claviger_joint::envelope)) in, one [`Answer`](claviger_joint::answer::Answer) out.
    fn execute(&self, request: &[u8]) -> zbus::Result<Vec<u8>>;

    /// The provider was locked or unlocked.
    #[zbus(signal)]
    fn lock_state_changed(&self, locked: bool) -> zbus::Result<()>;

    /// What is the matter with the provider changed ([`Trouble`](claviger_joint::Trouble)); 0 and no reason when all is well.
    #[zbus(signal)]
    fn trouble_changed(&self, kind: u32, reason: &str) -> zbus::Result<()>;
}

/// The broker, seen from a provider.
#[proxy(
    interface = "org.claviger.Providers1",
    default_service = "org.claviger.Broker",
    default_path = "/org/claviger/Broker"
)]
pub trait Providers1 {
    /// Makes the provider known, or renews the acquaintance. Returns a [`Registration`](claviger_joint::messages::Registration).
    fn register(&self, id: &str) -> zbus::Result<Vec<u8>>;

    /// The manifest changed: read it again.
    fn update(&self, id: &str) -> zbus::Result<()>;

    /// Ends the acquaintance: the platform forgets the provider and its metadata.
    fn unregister(&self, id: &str) -> zbus::Result<()>;

    /// `unregistered`, `registered` or `enabled`.
    fn state(&self, id: &str) -> zbus::Result<String>;

    /// Applies a [`Diff`](claviger_joint::metadata::Diff). Returns the generation that the platform has now; when it is not the diff's
    /// new one, nothing was applied and the provider sends everything.
    fn push_metadata(&self, id: &str, diff: &[u8]) -> zbus::Result<u64>;

    /// Asks the user to verify themselves for this transaction and buffer. Returns [`evidence`](claviger_joint::evidence).
    fn verify_user(&self, id: &str, transaction: &[u8], hint: &str, buffer: &[u8]) -> zbus::Result<Vec<u8>>;

    /// A provider's state changed.
    #[zbus(signal)]
    fn state_changed(&self, id: &str, old: &str, new: &str) -> zbus::Result<()>;
}
