//! CTAP 2.1 to 2.3: canonical CBOR, COSE, messages and the authenticator engine.

pub mod cbor;
pub mod crypto;
