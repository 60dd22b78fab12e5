//! User verification and sealing: a gesture in, evidence and unlock secrets out.
//!
//! *Hello* holds one random key per user, wrapped by *protectors*, one per method and each with its own count of tries; in this version there
//! are two, for the PIN as it is typed and as CTAP clients give it (Argon2id, software tier), and for the recovery code (128 random bits). After the right [gesture] it signs **evidence** for exactly one operation and seals each provider's **unlock secret** to
//! that provider's process. Without the gesture nobody can do either, not even a program that reads and edits all of
//! hello's files, because both keys come from the wrapped one.
//!
//! Which call to use when:
//!
//! * The process that *is* hello: [`Hello::open`], then [`service::run`].
//! * The broker, which *calls* hello: [`client::HelloClient`].
//! * Whoever brings a further method: a variant of [`gesture::Gesture`], a protector that takes it, and, where a person has to be
//!   waited for, a [`gesture::Reader`]. The order in which things may happen is [`machine`]'s.
//! * A security-key door: [`ClientPin`](claviger_pin::ClientPin) for what a CTAP client sent, and [`ticket::PinTicket`] for what comes
//!   of it.
//! * A prompt does without this crate: what was typed, and how it gets here, is `claviger-pin`.
//! * To measure: [`Hello::open_key`] is the deliberately slow half, [`OpenKey`] the fast one.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! use claviger_hello::{Hello, verification::VerifyRequest};
//! use claviger_pin::Pin;
//!
//! let hello = Hello::open(&directory.path().join("hello"))?;
//! hello.set_pin(&Pin::new("zebra-94")?)?;
//! assert!(hello.verify(Pin::new("zebra-95")?, &VerifyRequest::default()).is_err());
//! assert_eq!(hello.status().pin().map(|pin| pin.tries_left), Some(9));
//! hello.verify(Pin::new("zebra-94")?, &VerifyRequest::default())?;
//! assert_eq!(hello.status().pin().map(|pin| pin.tries_left), Some(10));
//! # Ok(())
//! # }
//! ```
//!
//! # What it protects against, and what not
//!
//! Software tier: the PIN's verifier lies in a file of the user's. A program of the same user that reads it can guess PINs as fast as
//! Argon2id with 64 MiB lets it, without the try counter. The counter holds against everybody who goes through hello:
//! it is durable before a guess is looked at, power cuts and copied-back files give nothing back faster than one try
//! an hour; setting back a whole file system does, and is not claimed to be noticed. After ten wrong PINs in a row only recovery
//! helps: the recovery code opens then, if one was made ([`Hello::recover`]).

mod attempt;
pub mod bus;
pub mod client;
pub mod clock;
pub mod counter;
mod disk;
mod evidence;
pub mod gesture;
mod hello;
mod keys;
pub mod machine;
mod names;
mod protector;
pub mod service;
mod store;
pub mod ticket;
pub mod verification;

pub use disk::DiskError;
pub use evidence::UvEvidence;
pub use hello::{CodeStatus, Hello, HelloError, MethodStatus, OpenKey, Status};
pub use store::StoreError;
