//! The WebAuthn client (Level 3): what stands between a page's JSON and a CTAP authenticator.
//!
//! | you have | you want | call |
//! |---|---|---|
//! | the origin that a browser reported | to know that it may use passkeys at all | [`Origin::parse`] |
//! | creation options from a page | a CTAP request | [`create::Ceremony::begin`] |
//! | the provider's answer to it | the page's `RegistrationResponseJSON` | [`create::Ceremony::finish`] |
//! | request options from a page | a CTAP request | [`get::Ceremony::begin`] |
//! | the provider's answer to it | the page's `AuthenticationResponseJSON` | [`get::Ceremony::finish`] |
//! | an [`Error`] | the exception that the page gets | [`Error::dom_name`] |
//!
//! The crate is pure: no I/O, no clock, no randomness, no threads. Everything that may be wrong with a request is found by `begin`,
//! before anybody is asked anything.
//!
//! ```
//! use claviger_webauthn::{CallerContext, Origin, create};
//!
//! let caller = CallerContext::top_level(Origin::parse("https://login.example.com")?);
//! let options = r#"{
//!     "rp": {"id": "example.com", "name": "Example"},
//!     "user": {"id": "dXNlcg", "name": "alice@example.com", "displayName": "Alice"},
//!     "challenge": "AAECAwQFBgcICQoLDA0ODw",
//!     "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
//!     "timeout": 60000
//! }"#;
//! let ceremony = create::Ceremony::begin(options, &caller)?;
//! assert_eq!(ceremony.request().rp.id, "example.com");
//! assert_eq!(ceremony.timeout().as_secs(), 60);
//!
//! // The same from another site does not begin, and the page learns the name of the error only.
//! let stranger = CallerContext::top_level(Origin::parse("https://examp1e.com")?);
//! assert_eq!(create::Ceremony::begin(options, &stranger).unwrap_err().dom_name(), "SecurityError");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Decisions where the standard leaves room
//!
//! * A frame of another site is not served unless the browser names the top-level origin: the prompt must be able to show whose page the
//!   user is on, and the client data to say it.
//! * Related origins are the browser's word ([`RelatedOrigin`]), where the embedder says that it is to be believed.
//! * RP IDs are compared and hashed in normal form (lower case, punycode). Names with a root dot are refused, underscores are not.
//! * Attestation `none` blanks the statement and keeps the AAGUID, as Level 3 has it.
//! * What is in order but cannot be done here ([`Unserved`]: `authenticatorAttachment: "cross-platform"`, a frame of nobody knows
//!   whose page, …) begins, so that the person can be told, and ends in `NotAllowedError`.
//! * Time limits are clamped to 15 s … 10 min, and are 5 min when the page names none.
//! * PRF results are those of a verified user, so asking for them raises the requirement to "required".
//! * A signature algorithm that nobody here knows is passed on like any other: which ones there are is the providers' matter.
//! * Unknown extensions are ignored, `minPinLength` among them: it answers only RP IDs that an administrator has named, and none can be
//!   yet.
//! * `credBlob`, `largeBlob` and an enforced credential protection policy are asked of the provider. A provider without the first two
//!   keeps nothing; a passkey without what the page insists on is an error. Writing a large blob needs verification.

pub mod client_data;
pub mod create;
mod cred_blob;
mod error;
pub mod get;
mod json;
mod large_blob;
pub mod limits;
mod options;
pub mod origin;
mod prf;
mod protection;
mod related;
mod response;
pub mod rp_id;
mod unserved;

pub use client_data::{CallerContext, CeremonyType, ClientData};
pub use error::Error;
pub use options::{Hint, UserVerification};
pub use origin::{Origin, OriginError};
pub use related::RelatedOrigin;
pub use response::ResponseJson;
pub use rp_id::RpIdError;
pub use unserved::Unserved;

#[cfg(test)]
mod testing {
    use std::fmt::Write as _;

    /// Lower-case hexadecimal.
    pub(crate) fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
    }
}
