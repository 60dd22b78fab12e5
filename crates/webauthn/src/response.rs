//! The response JSON (L3 §5.1.1, `toJSON()`), written once into memory that is wiped afterwards.

use std::fmt;

use base64::{display::Base64Display, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_ctap::{
    authenticator_data::{AuthenticatorData, Flags},
    crypto,
    types::RpId,
};
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::{Error, UserVerification, large_blob::LargeBlobOutput, prf::Results};

/// A `RegistrationResponseJSON` or `AuthenticationResponseJSON`, ready for the page.
///
/// It may hold PRF results, so it is wiped when dropped, cannot be cloned and does not print.
pub struct ResponseJson(Zeroizing<Vec<u8>>);

impl ResponseJson {
    /// Serialises without leaving copies behind: a buffer that had to grow would leave its old memory to the allocator unwiped.
    pub(crate) fn write(response: &impl Serialize, capacity: usize) -> Result<Self, Error> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
        serde_json::to_writer(&mut *bytes, response).map_err(|_| Error::Provider("it cannot be written as JSON"))?;
        Ok(Self(bytes))
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        // serde_json writes UTF-8 only, so the fallback is never taken.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for ResponseJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseJson([redacted])")
    }
}

/// Reads the authenticator data of an answer and checks what holds for both ceremonies.
pub(crate) fn authenticator_data(bytes: &[u8], rp_id: &RpId, uv: UserVerification) -> Result<AuthenticatorData, Error> {
    let data = AuthenticatorData::parse(bytes).map_err(|_| Error::Provider("its authenticator data cannot be read"))?;
    if data.rp_id_hash != crypto::portable().sha256(&[rp_id.as_str().as_bytes()]) {
        return Err(Error::Provider("its authenticator data are for another site"));
    }
    if !data.flags.contains(Flags::UP) {
        return Err(Error::Provider("nobody was present"));
    }
    if uv == UserVerification::Required && !data.flags.contains(Flags::UV) {
        return Err(Error::Provider("the user was not verified"));
    }
    Ok(data)
}

/// Bytes that serialise as base64url, straight into the output.
pub(crate) struct Base64Url<'a>(pub(crate) &'a [u8]);

impl Base64Url<'_> {
    /// Upper bound of the serialised length, quotes and member name included.
    pub(crate) fn room(&self) -> usize {
        self.0.len().div_ceil(3) * 4 + 64
    }
}

impl Serialize for Base64Url<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0, &URL_SAFE_NO_PAD))
    }
}

/// `AuthenticationExtensionsClientOutputsJSON`.
#[derive(Default, Serialize)]
pub(crate) struct ExtensionOutputs<'a> {
    #[serde(rename = "credProps", skip_serializing_if = "Option::is_none")]
    pub(crate) cred_props: Option<CredProps>,
    #[serde(rename = "credBlob", skip_serializing_if = "Option::is_none")]
    pub(crate) cred_blob: Option<bool>,
    #[serde(rename = "getCredBlob", skip_serializing_if = "Option::is_none")]
    pub(crate) get_cred_blob: Option<Base64Url<'a>>,
    #[serde(rename = "largeBlob", skip_serializing_if = "Option::is_none")]
    pub(crate) large_blob: Option<LargeBlobOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prf: Option<PrfOutput<'a>>,
}

impl ExtensionOutputs<'_> {
    /// Upper bound of the serialised length of these and of all fixed text of a response, in bytes.
    pub(crate) fn room(&self) -> usize {
        1024 + self.large_blob.as_ref().map_or(0, LargeBlobOutput::room)
    }
}

#[derive(Serialize)]
pub(crate) struct CredProps {
    pub(crate) rk: bool,
}

#[derive(Serialize)]
pub(crate) struct PrfOutput<'a> {
    /// Only at registration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) results: Option<PrfValues<'a>>,
}

#[derive(Serialize)]
pub(crate) struct PrfValues<'a> {
    first: Base64Url<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    second: Option<Base64Url<'a>>,
}

impl<'a> From<Results<'a>> for PrfValues<'a> {
    fn from(results: Results<'a>) -> Self {
        Self {
            first: Base64Url(results.first),
            second: results.second.map(Base64Url),
        }
    }
}
