//! Attestation statements (WebAuthn Level 3 §8): `none`, and `packed` by the credential's own key, by a key of
//! this one registration, by the deployment's key, or by the key that identifies a device to its organisation.

use super::{Attestation, Attester, Settings, attest_once, one_time};
use crate::cbor::Map;
use crate::crypto::{Crypto, CryptoError, PrivateKey};
use crate::make_credential::Request;

const NONE: &str = "none";
const PACKED: &str = "packed";

/// What a new credential's answer says of the device.
pub(super) struct Statement {
    pub(super) format: &'static str,
    pub(super) content: Map,
    /// `epAtt`: that this is an enterprise attestation.
    pub(super) enterprise: Option<bool>,
}

/// The statement for a new credential. `enterprise_enabled` says whether enterprise attestation has been enabled; the
/// kind that is asked for has been checked.
pub(super) fn attest(
    crypto: &dyn Crypto,
    settings: &Settings,
    request: &Request,
    enterprise_enabled: bool,
    key: &PrivateKey,
    signed: &[u8],
) -> Result<Statement, CryptoError> {
    if let Some(attester) = enterprise(settings, request).filter(|_| enterprise_enabled) {
        return Ok(Statement {
            format: PACKED,
            content: attester.attest(crypto, settings.aaguid, signed)?,
            enterprise: Some(true),
        });
    }
    let format = format(settings, &request.attestation_formats_preference);
    let content = match (format, &settings.attestation) {
        (PACKED, Attestation::Certified(attester)) => attester.attest(crypto, settings.aaguid, signed)?,
        (PACKED, Attestation::OneTimeUnlessNonePreferred) => attest_once(crypto, settings.aaguid, signed)?,
        // §8.2, self attestation: `alg` and `sig` by the credential's own key, no certificates.
        (PACKED, _) => Map::new()
            .with("alg", key.algorithm().cose())
            .with("sig", crypto.sign(key, signed)?),
        // §8.7: an empty statement.
        _ => Map::new(),
    };
    Ok(Statement {
        format,
        content,
        enterprise: None,
    })
}

/// The formats other than `none` that getInfo tells.
pub(super) fn formats(settings: &Settings) -> Vec<String> {
    match settings.attestation {
        Attestation::None => Vec::new(),
        Attestation::SelfWhenPreferred
        | Attestation::SelfUnlessNonePreferred
        | Attestation::OneTimeUnlessNonePreferred
        | Attestation::Certified(_) => vec![PACKED.to_owned()],
    }
}

/// Whether the settings carry an enterprise attestation (CTAP 2.1 §7.1).
pub(super) fn enterprise_capable(settings: &Settings) -> bool {
    settings.enterprise.is_some()
}

/// Who gives the enterprise attestation that this request gets, if it gets one (CTAP 2.1 §6.1.2 step 9, §7.1).
///
/// 1 asks for the vendor-facilitated kind, for the sites of the list. 2 asks for the platform-managed one, where the
/// platform vouches for the site; a device without that kind takes it for 1. A site that gets none gets what others get.
fn enterprise<'a>(settings: &'a Settings, request: &Request) -> Option<&'a Attester> {
    let enterprise = settings.enterprise.as_ref()?;
    let listed = enterprise.rp_ids.contains(&request.rp.id);
    match request.enterprise_attestation? {
        2 if enterprise.platform_managed => Some(&enterprise.attester),
        _ => listed.then_some(&*enterprise.attester),
    }
}

/// Bytes of the longest statement with certificates.
pub(super) fn longest_certified(settings: &Settings) -> usize {
    let own = match &settings.attestation {
        Attestation::Certified(attester) => attester.longest(),
        Attestation::OneTimeUnlessNonePreferred => one_time::LONGEST,
        _ => 0,
    };
    let enterprise = settings.enterprise.as_ref().map(|one| one.attester.longest());
    own.max(enterprise.unwrap_or(0))
}

/// The first supported format of the preference (CTAP 2.2 §6.1.2); without one, what the settings say.
fn format(settings: &Settings, preference: &[String]) -> &'static str {
    let packed = settings.attestation != Attestation::None;
    let otherwise = match settings.attestation {
        Attestation::None | Attestation::SelfWhenPreferred => NONE,
        Attestation::SelfUnlessNonePreferred | Attestation::OneTimeUnlessNonePreferred | Attestation::Certified(_) => {
            PACKED
        }
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
