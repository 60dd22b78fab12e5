//! The account, pure: what an item is, who may open it, and how both are sealed, signed and chained. Bytes in, bytes out.
//!
//! Nothing here opens a file, asks a clock, knows a bus or starts a task; it builds for a browser. Where things are kept is
//! the vault's.
//!
//! | module | holds | needs a key to read |
//! |---|---|---|
//! | [`ids`] | ids and hashes | – |
//! | [`ledger`] | who may open the account | no |
//! | [`log`] | what changed, in which order | no |
//! | [`seal`] | one revision of one item | its container no, its content yes |
//! | [`keys`] | the key hierarchy | yes |
//! | [`pins`] | how far this device has seen | yes |
//! | [`item`] | the item model, the Credential Exchange Format's | it is what was sealed |
//! | [`secret`] | types for what must not be printed, copied or left behind | |

mod aead;
pub mod error;
pub mod ids;
pub mod item;
pub mod keys;
pub mod ledger;
pub mod log;
pub mod pins;
pub mod seal;
pub mod secret;

pub use error::{Damage, Error};
