//! The `largeBlob` extension (L3 §10.1.5): bytes of the page's that the provider keeps with a passkey and that the page may replace.
//!
//! The page's bytes are compressed here, by raw DEFLATE as CTAP 2.2 has it, so that a provider has in hand what the Credential Exchange
//! Format carries. A provider without the extension says nothing, and the page learns that nothing is stored.

use claviger_ctap::{
    cbor::{Map, Value},
    large_blob::{self, AtGet, LargeBlob as Stored, MAX_BYTES, MAX_ORIGINAL_BYTES},
};
use miniz_oxide::{
    DataFormat, MZFlush, MZStatus,
    deflate::{core::CompressorOxide, stream::deflate},
    inflate::decompress_slice_iter_to_slice,
};
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::{Error, json::Object, options::DescriptorList, response::Base64Url};

/// The usual level of compression.
const LEVEL: u8 = 6;

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
    pub(crate) fn at_create(extensions: Option<Object<'_>>, asked: &mut Map) -> Result<Option<Self>, Error> {
        let Some(input) = inputs(extensions)? else {
            return Ok(None);
        };
        // 1. There is no blob yet.
        if input.has("read") || input.has("write") {
            return Err(Error::NotSupported("largeBlob.read or write when a passkey is created"));
        }
        // 2. An unknown value is as good as none, which means "preferred".
        let required = input.text("support")? == Some("required");
        let support = if required { "required" } else { "preferred" };
        asked.insert(large_blob::NAME, Map::new().with("support", support));
        Ok(Some(Self::Support { required }))
    }

    /// Client extension processing at authentication.
    pub(crate) fn at_get(
        extensions: Option<Object<'_>>,
        allowed: &DescriptorList,
        asked: &mut Map,
    ) -> Result<Option<Self>, Error> {
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
        let Some(write) = write else {
            // 3. The provider reads it.
            if read == Some(true) {
                asked.insert(large_blob::NAME, AtGet::Read.to_input());
                return Ok(Some(Self::Read));
            }
            return Ok(Some(Self::Nothing));
        };
        // 4. Which passkey's blob is replaced is not left to chance.
        if allowed.ids.len() != 1 {
            return Err(Error::NotSupported(
                "largeBlob.write without exactly one allowed credential",
            ));
        }
        // What no provider takes stays here, and the page learns that it is not written.
        if let Some(blob) = compress(&write) {
            asked.insert(large_blob::NAME, AtGet::Write(blob).to_input());
        }
        Ok(Some(Self::Write))
    }

    /// Whether the page wants no passkey that cannot hold one.
    pub(crate) fn is_required(self) -> bool {
        self == Self::Support { required: true }
    }

    /// The client extension output, of what the provider answered beside the signed data.
    pub(crate) fn output(self, unsigned: Option<&Map>) -> Result<LargeBlobOutput, Error> {
        let answer = match unsigned.and_then(|outputs| outputs.text(large_blob::NAME)) {
            Some(output) => Some(
                output
                    .as_map()
                    .ok_or(Error::Provider("its large blob output is no map"))?,
            ),
            None => None,
        };
        let told = |name: &str| answer.and_then(|answer| answer.text(name)).and_then(Value::as_bool) == Some(true);
        let mut output = LargeBlobOutput::default();
        match self {
            Self::Support { required } => {
                let supported = told("supported");
                if required && !supported {
                    return Err(Error::Provider(
                        "the passkey cannot hold the large blob that the site insists on",
                    ));
                }
                output.supported = Some(supported);
            }
            Self::Read => output.blob = answer.map_or(Ok(None), decompress)?.map(Blob),
            Self::Write => output.written = Some(told("written")),
            Self::Nothing => {}
        }
        Ok(output)
    }
}

/// The blob as it is kept; `None` for one that is too long. Its buffer does not grow, which would leave copies behind.
fn compress(bytes: &[u8]) -> Option<Stored> {
    let original_size = u64::try_from(bytes.len())
        .ok()
        .filter(|size| *size <= MAX_ORIGINAL_BYTES)?;
    let mut compressor = CompressorOxide::default();
    compressor.set_format_and_level(DataFormat::Raw, LEVEL);
    let mut data = Zeroizing::new(vec![0; MAX_BYTES]);
    let done = deflate(&mut compressor, bytes, &mut data, MZFlush::Finish);
    data.truncate(done.bytes_written);
    (done.status == Ok(MZStatus::StreamEnd)).then_some(Stored { data, original_size })
}

/// The page's bytes of a provider's answer; `None` when there are none, and when they are not as long as they claim: nothing was read then
/// (CTAP 2.1 §6.10.3).
fn decompress(answer: &Map) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let blob = Stored::from_output(answer).map_err(|_| Error::Provider("its large blob cannot be read"))?;
    let Some(blob) = blob.filter(Stored::fits) else {
        return Ok(None);
    };
    let size = usize::try_from(blob.original_size).unwrap_or(0);
    let mut bytes = Zeroizing::new(vec![0; size]);
    let written = decompress_slice_iter_to_slice(&mut bytes, [blob.data.as_slice()].into_iter(), false, true);
    Ok((written == Ok(size)).then_some(bytes))
}

fn inputs(extensions: Option<Object<'_>>) -> Result<Option<Object<'_>>, Error> {
    extensions.map_or(Ok(None), |extensions| extensions.object("largeBlob"))
}

/// `AuthenticationExtensionsLargeBlobOutputs`.
#[derive(Default, Serialize)]
pub(crate) struct LargeBlobOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    supported: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob: Option<Blob>,
}

impl LargeBlobOutput {
    /// An upper bound of the serialised length of the blob.
    pub(crate) fn room(&self) -> usize {
        self.blob.as_ref().map_or(0, |blob| Base64Url(&blob.0).room())
    }
}

/// A blob on its way to the page.
struct Blob(Zeroizing<Vec<u8>>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Base64Url(&self.0).serialize(serializer)
    }
}
