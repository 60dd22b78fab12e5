//! The `largeBlob` extension (L3 §10.1.5), of which the platform does what a client does for a provider without it: it validates, and says
//! that nothing was stored. No provider keeps large blobs yet.

use serde::Serialize;

use crate::{Error, Unserved, json::Object, options::DescriptorList};

/// What a page asked of `largeBlob`, checked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LargeBlob {
    /// At registration: whether the passkey could hold one.
    Support {
        /// Whether the page wants none that cannot.
        required: bool,
    },
    /// At authentication: read the blob.
    Read,
    /// At authentication: replace it.
    Write,
    /// At authentication: neither.
    Nothing,
}

impl LargeBlob {
    /// Client extension processing at registration; `None` when the page does not use the extension.
    pub(crate) fn at_create(extensions: Option<Object<'_>>) -> Result<Option<Self>, Error> {
        let Some(input) = inputs(extensions)? else {
            return Ok(None);
        };
        // 1. There is no blob yet.
        if input.has("read") || input.has("write") {
            return Err(Error::NotSupported("largeBlob.read or write when a passkey is created"));
        }
        // 2. An unknown value is as good as none, which means "preferred".
        let required = input.text("support")? == Some("required");
        Ok(Some(Self::Support { required }))
    }

    /// Client extension processing at authentication.
    pub(crate) fn at_get(extensions: Option<Object<'_>>, allowed: &DescriptorList) -> Result<Option<Self>, Error> {
        let Some(input) = inputs(extensions)? else {
            return Ok(None);
        };
        // 1. That is decided when the passkey is made.
        if input.has("support") {
            return Err(Error::NotSupported("largeBlob.support when a passkey is used"));
        }
        // 2. Not both at once.
        let (read, write) = (input.boolean("read")?, input.bytes("write")?);
        if read.is_some() && write.is_some() {
            return Err(Error::NotSupported("largeBlob.read together with largeBlob.write"));
        }
        if write.is_none() {
            return Ok(Some(if read == Some(true) { Self::Read } else { Self::Nothing }));
        }
        // 4. Which passkey's blob is replaced is not left to chance.
        if allowed.ids.len() != 1 {
            return Err(Error::NotSupported(
                "largeBlob.write without exactly one allowed credential",
            ));
        }
        Ok(Some(Self::Write))
    }

    /// Why nobody here can do it, if so.
    pub(crate) fn unserved(self) -> Option<Unserved> {
        (self == Self::Support { required: true }).then_some(Unserved::LargeBlobs)
    }

    /// The client extension output: nothing can be stored, nothing was there to be read, nothing was written.
    pub(crate) fn output(self) -> LargeBlobOutput {
        LargeBlobOutput {
            supported: matches!(self, Self::Support { .. }).then_some(false),
            written: (self == Self::Write).then_some(false),
        }
    }
}

fn inputs(extensions: Option<Object<'_>>) -> Result<Option<Object<'_>>, Error> {
    extensions.map_or(Ok(None), |extensions| extensions.object("largeBlob"))
}

/// `AuthenticationExtensionsLargeBlobOutputs`.
#[derive(Serialize)]
pub(crate) struct LargeBlobOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    supported: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<bool>,
}
