//! The browser door: a page's request on its way from the extension to the broker and back.
//!
//! ```text
//! page ─ browser ─ extension ══ native messaging ══ native_host ── D-Bus, org.claviger.Browser1 ── service ─ broker
//! ```
//!
//! * [`native_host`] runs as a child of the browser, one process for each profile, with a channel for each ceremony. It relays; it decides
//!   nothing.
//! * [`service`] runs in the broker. It finds out which browser the native host belongs to, has `claviger-webauthn` check the page's
//!   request, starts the ceremony and withdraws it when the page, the extension, the host or the browser goes away.
//! * [`message`] is what the two say to each other, [`verdict`] what a page may learn of a failure.
//!
//! The origin of the page is the browser's word: the extension reads it from what Chromium injects into the request. It is taken only
//! from a native host that is our own program and whose parent is on the list of privileged callers.

mod answered;
pub mod message;
pub mod native_host;
mod pending;
pub mod platform;
pub mod service;
pub mod verdict;

pub use platform::{Platform, TRAITS, open};
