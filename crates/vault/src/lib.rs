//! The built-in vault: the account on this device, as a provider.
//!
//! * [`Vault`] is the whole of it: [`attach`](Vault::attach) takes the directory, [`unlock`](Vault::unlock) opens and verifies
//!   (and makes a new vault when there is none), and what [`add`](Vault::add), [`update`](Vault::update) and
//!   [`remove`](Vault::remove) acknowledge is on the disk.
//! * [`provider::VaultStore`] puts it behind the joint, with the SDK that every provider uses; [`role::run`] is the
//!   process `claviger vault`.
//! * What an item, a key, a change and the ledger are is [`claviger_account`]'s, which needs no file, clock or bus; here is
//!   where they are kept.
//!
//! ```
//! use claviger_account::ids::ItemId;
//! use claviger_account::item::Item;
//! use claviger_ctap::crypto::native;
//! use claviger_vault::{Options, Vault};
//!
//! # let dir = tempfile::tempdir()?;
//! let options = Options { data_dir: dir.path().join("data"), state_dir: dir.path().join("state") };
//! let mut vault = Vault::attach(&options, native())?;
//! vault.unlock(&[7; 32], 1_700_000_000_000)?; // In life: the secret that hello releases for this provider.
//! let id = vault.add(Item::new(ItemId::random(native())?, "My bank"), 1_700_000_000_000)?;
//! vault.lock();
//!
//! vault.unlock(&[7; 32], 1_700_000_000_001)?;
//! assert_eq!(vault.item(id)?.title, "My bank");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is where
//!
//! | file | holds |
//! |---|---|
//! | `vault.sqlite3` (data) | ledger, member record, vault key, log, snapshot, items: sealed or signed, and no name of a site or user in clear |
//! | `vault.lock` (data) | nothing; the kernel's lock on it keeps a second process out |
//! | `vault.heads` (state) | how far this device has seen the log, sealed |
//!
//! What someone who has the file but no key can learn: how many items there were and their padded sizes, how often and when
//! something changed, which random ids changed together, the device's public key.

pub mod error;
mod heads;
pub mod idle;
mod index;
pub mod provider;
pub mod role;
mod store;
mod vault;

pub use error::{Damage, Error, ItemFault};
pub use index::PasskeyInfo;
pub use vault::{Options, RESTORED_WORD, Report, Vault};
