//! Attestation statements (WebAuthn Level 3 §8): `none` and packed self attestation.

use super::{Attestation, Settings};
use crate::cbor::Map;
use crate::crypto::{Crypto, CryptoError, PrivateKey};

const NONE: &str = "none";
const PACKED: &str = "packed";

/// The statement format and the statement for a new credential.
pub(super) fn attest(
    crypto: &dyn Crypto,
    settings: &Settings,
    preference: &[String],
    key: &PrivateKey,
    signed: &[u8],
) -> Result<(&'static str, Map), CryptoError> {
    match format(settings, preference) {
        // §8.2, self attestation: `alg` and `sig` by the credential's own key, no certificates.
        PACKED => {
            let signature = crypto.sign(key, signed)?;
            Ok((
                PACKED,
                Map::new().with("alg", key.algorithm().cose()).with("sig", signature),
            ))
        }
        // §8.7: an empty statement.
        other => Ok((other, Map::new())),
    }
}

/// The formats other than `none` that getInfo tells.
pub(super) fn formats(settings: &Settings) -> Vec<String> {
    match settings.attestation {
        Attestation::None => Vec::new(),
        Attestation::SelfWhenPreferred | Attestation::SelfUnlessNonePreferred => vec![PACKED.to_owned()],
    }
}

/// Whether the settings carry an enterprise attestation (CTAP 2.1 §7.1).
pub(super) fn enterprise_capable(_settings: &Settings) -> bool {
    false
}

/// The first supported format of the preference (CTAP 2.2 §6.1.2); without one, what the settings say.
fn format(settings: &Settings, preference: &[String]) -> &'static str {
    let packed = settings.attestation != Attestation::None;
    let otherwise = match settings.attestation {
        Attestation::None | Attestation::SelfWhenPreferred => NONE,
        Attestation::SelfUnlessNonePreferred => PACKED,
    };
    preference
        .iter()
        .find_map(|format| match format.as_str() {
            NONE => Some(NONE),
            PACKED if packed => Some(PACKED),
            _ => None,
        })
        .unwrap_or(otherwise)
}
