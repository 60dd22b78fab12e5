//! What getInfo says of a device that no behaviour of it could show.

use std::collections::BTreeMap;

/// Facts of a product. Each is left out of getInfo when it is absent; the default has none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Whether to name `FIDO_2_3` among the versions. All that it asks for is there either way. Firefox before 140 falls
    /// back to U2F when it meets a version that it does not know.
    pub fido_2_3: bool,
    /// `firmwareVersion`: higher for a newer one.
    pub firmware_version: Option<u64>,
    /// `uvModality`: how the built-in verifier works, as bits of the FIDO Registry of Predefined Values §3.1. Told only
    /// when there is one.
    pub uv_modality: Option<u64>,
    /// `certifications`: name and level.
    pub certifications: BTreeMap<String, u64>,
}

impl Default for Description {
    fn default() -> Self {
        Self {
            fido_2_3: true,
            firmware_version: None,
            uv_modality: None,
            certifications: BTreeMap::new(),
        }
    }
}
