//! What a page may rightly ask for and nobody here can do.
//!
//! Such a request is in order, so it begins like any other; who runs it tells the person what the site wants and what helps. The site
//! learns `NotAllowedError`, when a ceremony that a person declines or lets expire would have told it (L3 §14.5).

use thiserror::Error;

/// Why no passkey on this machine can satisfy a request that is in order.
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
pub enum Unserved {
    /// `authenticatorAttachment` is `cross-platform`: what answers here is the platform.
    #[error("the site wants a security key or a phone")]
    SecurityKey,
    /// `largeBlob.support` is `required`, and no provider keeps large blobs. Only who knows the providers can tell.
    #[error("the site insists on large blobs, which no provider here keeps")]
    LargeBlobs,
    /// A frame of another site whose top-level origin nobody knows. Neither the prompt nor the client data could say on whose page the
    /// user is, and that is what a click-jacking page would hide.
    #[error("the site asks from inside another page, and the browser does not say which")]
    Frame,
    /// No entry of the allow list can be a passkey. It is not an empty list, so it allows nothing.
    #[error("the site allows only credentials that are no passkeys")]
    Credentials,
}
