//! CTAP 2.1 to 2.3: canonical CBOR, COSE, messages and the authenticator engine.

pub mod authenticator;
pub mod authenticator_data;
pub mod cbor;
pub mod cose;
pub mod crypto;
mod fields;
pub mod get_assertion;
pub mod get_info;
pub mod make_credential;
pub mod prf;
pub mod status;
#[cfg(test)]
mod testing;
pub mod types;

pub use fields::MessageError;
