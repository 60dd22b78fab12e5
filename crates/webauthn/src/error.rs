//! What can be wrong, and whose fault it is.

use thiserror::Error;

use crate::{OriginError, RpIdError};

/// Why a ceremony cannot begin or its answer cannot be passed on.
///
/// `Display` is for the user and the log and names fields, never their contents. What a *page* may learn is
/// [`Error::dom_name`] and nothing more.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The page: its options have a member that is missing, of a wrong type or out of range.
    #[error("the site's request is malformed: {field} {problem}")]
    Malformed {
        /// Path of the member, like `user.id`.
        field: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The page: a key of `prf.evalByCredential` names no credential of the allow list.
    #[error("the site's request is malformed: a key of prf.evalByCredential is not the id of an allowed credential")]
    UnknownPrfCredential,
    /// The page: the options ask for something that no ceremony of this kind can do.
    #[error("the site asks for what cannot be done: {0}")]
    NotSupported(&'static str),
    /// The page or the browser: the caller's origin cannot use WebAuthn.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The page: the RP ID is not the origin's.
    #[error(transparent)]
    RpId(#[from] RpIdError),
    /// The browser: contradictory facts about the frame that asks.
    #[error("the request comes from a frame of another site, and {0}")]
    CrossOrigin(&'static str),
    /// The page: it tried to name its own origin.
    #[error("the request carries a forged origin override")]
    ForgedOverride,
    /// The provider: its answer does not fit the request.
    #[error("the provider's answer does not fit the request: {0}")]
    Provider(&'static str),
}

impl Error {
    /// The name of the `DOMException` (or `TypeError`) that the page gets.
    ///
    /// Everything that depends on more than the page's own input is `NotAllowedError`, so that a site cannot tell "refused" from
    /// "no such credential" (L3 §14.5).
    pub fn dom_name(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "TypeError",
            Self::UnknownPrfCredential => "SyntaxError",
            Self::NotSupported(_) => "NotSupportedError",
            Self::Origin(_) | Self::RpId(_) | Self::ForgedOverride => "SecurityError",
            Self::CrossOrigin(_) | Self::Provider(_) => "NotAllowedError",
        }
    }

    /// Whether the page caused this by its own input alone, so that telling it more than `NotAllowedError` reveals nothing.
    pub fn is_callers_fault(&self) -> bool {
        self.dom_name() != "NotAllowedError"
    }

    pub(crate) fn malformed(field: impl Into<String>, problem: &'static str) -> Self {
        Self::Malformed {
            field: field.into(),
            problem,
        }
    }
}
