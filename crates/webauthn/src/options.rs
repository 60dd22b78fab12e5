//! Members that the options of create and get share.

use std::time::Duration;

use claviger_ctap::types::{CredentialDescriptor, CredentialId};
use zeroize::Zeroizing;

use crate::{CallerContext, Error, Unserved, json::Object, limits};

/// How much the relying party insists on user verification (L3 §5.8.6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UserVerification {
    /// Without verification the ceremony fails.
    Required,
    /// Verify if possible. Also what an absent or unknown value means.
    Preferred,
    /// Verify only if it cannot be avoided.
    Discouraged,
}

impl UserVerification {
    pub(crate) fn parse(text: Option<&str>) -> Self {
        match text {
            Some("required") => Self::Required,
            Some("discouraged") => Self::Discouraged,
            _ => Self::Preferred,
        }
    }
}

/// What kind of authenticator the relying party expects the user to pick (L3 §5.8.7). Advice, never a condition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Hint {
    /// A security key.
    SecurityKey,
    /// This machine: us.
    ClientDevice,
    /// A phone.
    Hybrid,
}

/// The hints in the page's order; unknown ones are skipped.
pub(crate) fn hints(options: Object<'_>) -> Result<Vec<Hint>, Error> {
    let texts = options.texts("hints", limits::MAX_SMALL_LIST)?;
    Ok(texts
        .into_iter()
        .filter_map(|text| match text {
            "security-key" => Some(Hint::SecurityKey),
            "client-device" => Some(Hint::ClientDevice),
            "hybrid" => Some(Hint::Hybrid),
            _ => None,
        })
        .collect())
}

/// The time the ceremony may take: the page's wish, clamped to what serves a person.
pub(crate) fn timeout(options: Object<'_>) -> Result<Duration, Error> {
    Ok(options
        .unsigned("timeout")?
        .map_or(limits::DEFAULT_TIMEOUT, Duration::from_millis)
        .clamp(limits::MIN_TIMEOUT, limits::MAX_TIMEOUT))
}

/// The challenge. An empty one is legal, if unwise: replay protection is the relying party's affair.
pub(crate) fn challenge(options: Object<'_>) -> Result<Zeroizing<Vec<u8>>, Error> {
    let challenge = options.required_bytes("challenge")?;
    if challenge.len() > limits::MAX_CHALLENGE_BYTES {
        return Err(options.error("challenge", "is too long"));
    }
    Ok(challenge)
}

/// Whether the caller can be shown to the user as what it is.
///
/// L3 §5.1.3 step 3 and §5.1.4.1 step 3 leave frames of another site to the permissions policy, which the browser has checked. We
/// ask for one thing more: the top-level origin.
pub(crate) fn check_caller(caller: &CallerContext) -> Result<Option<Unserved>, Error> {
    match &caller.top_origin {
        None if !caller.same_origin_with_ancestors => Ok(Some(Unserved::Frame)),
        Some(top_origin) if caller.same_origin_with_ancestors && *top_origin != caller.origin => {
            Err(Error::CrossOrigin("the browser contradicts itself about which"))
        }
        _ => Ok(None),
    }
}

/// The `extensions` member, free of attempts to speak for another origin.
///
/// Chromium puts `remoteDesktopClientOverride` there for the extension that acts as its remote desktop; the extension takes it out
/// and names the origin beside the options. One that is still there was written by the page.
pub(crate) fn extensions(options: Object<'_>) -> Result<Option<Object<'_>>, Error> {
    let extensions = options.object("extensions")?;
    if extensions.is_some_and(|extensions| extensions.has("remoteDesktopClientOverride")) {
        return Err(Error::ForgedOverride);
    }
    Ok(extensions)
}

/// An `allowCredentials` or `excludeCredentials` list.
pub(crate) struct DescriptorList {
    /// The entries that may name a passkey, in the page's order.
    pub(crate) usable: Vec<CredentialDescriptor>,
    /// Whether the page gave any entry at all. A list whose every entry was skipped must not be taken for an empty one: that would turn
    /// "one of these" into "any".
    pub(crate) given: bool,
    /// The ids of all entries, for the rules of `prf.evalByCredential`.
    pub(crate) ids: Vec<Zeroizing<Vec<u8>>>,
}

/// Reads a list of credential descriptors (L3 §5.8.3). Entries of an unknown type, or with an id that no credential can have, are
/// skipped: they match nothing.
pub(crate) fn descriptors(options: Object<'_>, name: &str) -> Result<DescriptorList, Error> {
    let entries = options.objects(name, limits::MAX_DESCRIPTORS)?;
    let mut list = DescriptorList {
        usable: Vec::with_capacity(entries.len()),
        given: !entries.is_empty(),
        ids: Vec::with_capacity(entries.len()),
    };
    let mut total = 0;
    for entry in entries {
        let id = entry.required_bytes("id")?;
        let transports = entry.texts("transports", limits::MAX_SMALL_LIST)?;
        total += id.len();
        if total > limits::MAX_DESCRIPTOR_BYTES {
            return Err(options.error(name, "is too long"));
        }
        if entry.required_text("type")? == "public-key"
            && let Ok(id) = CredentialId::new(id.as_slice())
        {
            list.usable.push(CredentialDescriptor {
                id,
                transports: known_transports(&transports),
            });
        }
        list.ids.push(id);
    }
    Ok(list)
}

/// The transports of L3 §5.8.4 that are named; unknown ones are skipped, as the standard says.
fn known_transports(named: &[&str]) -> Vec<String> {
    let known = ["ble", "hybrid", "internal", "nfc", "smart-card", "usb"].into_iter();
    known
        .filter(|transport| named.contains(transport))
        .map(str::to_owned)
        .collect()
}
