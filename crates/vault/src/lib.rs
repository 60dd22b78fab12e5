//! The built-in vault: items, keys, log and storage, as a provider.

mod aead;
pub mod error;
mod heads;
pub mod ids;
mod index;
pub mod item;
mod keys;
pub mod ledger;
mod log;
mod seal;
pub mod secret;
mod store;
mod vault;

pub use error::{Damage, Error, ItemFault};
pub use index::PasskeyInfo;
pub use vault::{Options, Report, Vault};
