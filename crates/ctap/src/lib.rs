//! CTAP 2.1 to 2.3 without a transport: canonical CBOR, COSE, the messages, and an authenticator engine.
//!
//! The crate is pure: no clock, no files, no network, no threads. Time, consent and proof of user verification come in
//! as arguments. With the feature `native` off it is Rust alone.
//!
//! # Which part to use when
//!
//! * You **ask** for credentials (a platform, a client): build a [`make_credential::Request`] or a
//!   [`get_assertion::Request`], send its `to_cbor()`, read the answer with `from_cbor()`, and look into it with
//!   [`authenticator_data::AuthenticatorData::parse`].
//! * You **hold** credentials (a provider): implement [`authenticator::CredentialStore`] and let an
//!   [`authenticator::Authenticator`] do the protocol.
//! * You **are a security key** (a transport brings raw commands, and nobody has asked the user yet): implement
//!   [`authenticator::device::Environment`] and let a [`authenticator::device::Device`] do all of CTAP2, the PIN too,
//!   and U2F.
//! * You **move messages** over 64-byte reports: [`ctaphid`].
//! * You **sign or check** the platform's own messages: [`cose::Sign1`].
//! * Everything stands on [`cbor`] and [`crypto`].
//!
//! # Algorithms, features, implementations
//!
//! | algorithm | COSE | cargo feature | `crypto::native` (feature `native`, on) | [`crypto::portable`] |
//! |---|---|---|---|---|
//! | ES256 | −7 | always there | ring | `p256` |
//! | `EdDSA` (Ed25519) | −8 | always there | `ed25519-dalek` | `ed25519-dalek` |
//! | ES384 | −35 | `es384` (on) | `p384` signs, ring verifies | `p384` |
//! | ML-DSA-44, ML-DSA-65 | −48, −49 | `ml-dsa` (on) | `ml-dsa` | `ml-dsa` |
//! | RS256 | −257 | `rs256` (**off**) | ring signs, `rsa` makes keys | `rsa` |
//!
//! The features are on because a platform has to check what any provider signs; without them the crate is smaller.
//! RS256 is off because the private-key operations of the crate `rsa` can be timed over a network
//! (RUSTSEC-2023-0071); no website needs a passkey of this kind that does not take ES256 too. What new credentials may
//! have is [`authenticator::Settings::algorithms`]: ES256 and `EdDSA` unless told otherwise.
//!
//! For wasm32 take `default-features = false`; in a browser add `js` for its random bytes. `scripts/wasm.sh` does it.
//!
//! # Signature counters
//!
//! A credential that may live on more than one device says 0 for ever: two devices cannot count together, and a
//! counter that goes back looks like a stolen key (WebAuthn Level 3 §6.1.1). A credential of one device counts up by one
//! with every assertion, one counter for each credential, so that websites cannot be linked by it. The store decides:
//! [`authenticator::device::DeviceStore::next_sign_count`] for a security key,
//! [`authenticator::CredentialRecord::sign_count`] for a provider.
//!
//! # A complete authenticator in memory
//!
//! ```
//! use claviger_ctap::authenticator::{Authenticator, MemoryStore, Settings, UvProof};
//! use claviger_ctap::authenticator_data::{AuthenticatorData, Flags};
//! use claviger_ctap::crypto::portable;
//! use claviger_ctap::types::{Aaguid, RpEntity, UserEntity, UserId};
//! use claviger_ctap::{get_assertion, make_credential};
//!
//! // This example's word that the user was verified; a program makes such a value of its verifier's evidence only.
//! struct Verified;
//! impl UvProof for Verified {}
//!
//! let crypto = portable();
//! let settings = Settings::new(Aaguid(*b"example, 16 byte"));
//! let mut authenticator = Authenticator::new(MemoryStore::new(crypto), settings, crypto);
//!
//! // Sign up: a discoverable credential, ES256 preferred to Ed25519.
//! let rp = RpEntity { id: "example.com".to_owned(), name: None };
//! let user = UserEntity { id: UserId::new(*b"user 1")?, name: Some("alice".to_owned()), display_name: None };
//! let mut request = make_credential::Request::new([1; 32], rp, user, vec![-7, -8]);
//! request.options.rk = true;
//! request.options.uv = true;
//! let response = authenticator.make_credential(&request, Some(Verified), 1_700_000_000_000)?;
//! let data = AuthenticatorData::parse(&response.auth_data)?;
//! assert!(data.flags.contains(Flags::UP | Flags::UV));
//! let credential = data.attested.ok_or("no credential")?;
//!
//! // Sign in without a user name.
//! let client_data_hash = [2; 32];
//! let request = get_assertion::Request::new("example.com", client_data_hash);
//! let response = authenticator.get_assertion(&request, Some(Verified))?;
//! assert_eq!(response.credential.id, credential.id);
//! assert_eq!(response.user.ok_or("no user")?.name.as_deref(), Some("alice"));
//! let signed = [response.auth_data.as_slice(), &client_data_hash].concat();
//! crypto.verify(&credential.public_key, &signed, &response.signature)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Errors
//!
//! Each says whose fault it is: [`cbor::CborError`] and [`MessageError`] are the sender's, [`authenticator::Error`] tells
//! a refused request from a failing store, [`crypto::CryptoError`] a bad key from a bad machine. [`MessageError::status`]
//! and [`authenticator::Error::status`] give the CTAP [`status`] that goes on the wire.
//!
//! # What is not here yet
//!
//! authenticatorBioEnrollment: it waits for a verifier that can enrol, and is a new file beside its peers. Requests and
//! responses are `#[non_exhaustive]` so that they can gain members.

pub mod authenticator;
pub mod authenticator_config;
pub mod authenticator_data;
pub mod cbor;
pub mod client_pin;
pub mod cose;
pub mod credential_management;
pub mod crypto;
pub mod ctaphid;
mod fields;
pub mod get_assertion;
pub mod get_info;
pub mod large_blob;
pub mod large_blobs;
pub mod make_credential;
pub mod pin_protocol;
pub mod prf;
pub mod status;
#[cfg(test)]
mod testing;
pub mod types;
pub mod u2f;

pub use fields::MessageError;
