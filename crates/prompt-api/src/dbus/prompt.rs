//! `org.claviger.Prompt1`: views out, actions and PINs in.

// What the zbus macros generate has more public items than these declarations.
#![allow(missing_docs)]

use zbus::proxy;

use super::Error;

/// The broker, seen from a prompt.
#[proxy(
    interface = "org.claviger.Prompt1",
    default_service = "org.claviger.Broker",
    default_path = "/org/claviger/Broker"
)]
pub trait Prompt1 {
    /// Becomes the one prompt; `kind` is `terminal`, `scripted` or `graphical`.
    fn attach(&self, kind: &str) -> Result<(), Error>;

    /// The [`View`](crate::view::View) on show as JSON, once it is another than this one.
    fn next_view(&self, prompt: u64, revision: u32) -> Result<String, Error>;

    /// Reports an [`Action`](crate::action::Action) as JSON, with the PIN as a sealed memory file if the view asked for one.
    fn act(&self, prompt: u64, revision: u32, action: &str, pins: &[zbus::Fd<'_>]) -> Result<(), Error>;
}
