//! The account, pure: what an item is, who may open it, and how both are sealed, signed and chained. Bytes in, bytes out.
//!
//! Nothing here opens a file, asks a clock, knows a bus or starts a task; it builds for a browser. Where things are kept is
//! the vault's.
//!
//! # The public part, and the rest
//!
//! What a server and the process that talks to it may hold is ciphertext, public keys and signatures. That is the public
//! part: it verifies and opens nothing, and uses nothing of the rest.
//!
//! | public | holds |
//! |---|---|
//! | [`ids`] | ids, hashes, places in chains |
//! | [`ledger`] | who may open the account |
//! | [`log`] | what which device changed, in which order, and what that comes to |
//! | [`revision`] | one revision of one item, sealed |
//! | [`error`] | what can go wrong |
//!
//! | with keys | holds |
//! |---|---|
//! | [`keys`] | the key hierarchy, and vault keys by epoch |
//! | [`seal`] | the content of a revision |
//! | [`item`] | what that is: the item model, the Credential Exchange Format's |
//! | [`pins`] | how far this device has seen |
//! | [`secret`] | types for what must not be printed, copied or left behind |

mod aead;
pub mod error;
pub mod ids;
pub mod item;
pub mod keys;
pub mod ledger;
pub mod log;
pub mod pins;
pub mod revision;
pub mod seal;
pub mod secret;

pub use error::{Damage, Error};
