//! For `#[serde(with)]`: ids whose length the engine's types check, base64url without padding in JSON.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize as _, Deserializer, Error as _};
use serde::ser::Serializer;

use crate::secret::Bytes;

pub(super) fn serialize<S: Serializer>(id: &impl AsRef<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&URL_SAFE_NO_PAD.encode(id))
}

pub(super) fn deserialize<'de, T: TryFrom<Vec<u8>>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let Bytes(bytes) = Bytes::deserialize(deserializer)?;
    bytes
        .try_into()
        .map_err(|_| D::Error::custom("not an id: of a wrong length"))
}
