//! What a deployment may choose, in one place.

use std::sync::Arc;

use super::Attester;
use crate::crypto::Algorithm;
use crate::types::Aaguid;

/// The choices of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The model that new credentials and getInfo name.
    pub aaguid: Aaguid,
    /// The algorithms that new credentials may have; the order is told in getInfo. The website's order decides.
    pub algorithms: Vec<Algorithm>,
    /// What the backup flags of new credentials say.
    pub backup: Backup,
    /// What attestation new credentials come with.
    pub attestation: Attestation,
    /// What identifies this one device to its organisation (CTAP 2.1 §7.1).
    pub enterprise: Option<Enterprise>,
    /// How clients reach the authenticator (WebAuthn `AuthenticatorTransport`).
    pub transports: Vec<String>,
    /// Longest allow or exclude list. All of it must fit a message, see [`crate::cbor::Limits::JOINT`].
    pub max_credentials_in_list: usize,
}

/// The promise that the backup flags make (WebAuthn Level 3 §6.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backup {
    /// The credential stays on this device: BE clear, BS clear.
    DeviceBound,
    /// It may be copied and is not yet: BE set, BS clear.
    Eligible,
    /// It is copied before the answer leaves: BE set, BS set.
    BackedUp,
}

/// When a new credential comes with more than attestation `none`.
///
/// *Self* attestation proves that the key pair belongs together, and nothing about the device: a software authenticator
/// has no key that vouches for it, unless the deployment supplies one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attestation {
    /// Always `none`.
    None,
    /// Packed self attestation when the request prefers `packed` to `none`.
    SelfWhenPreferred,
    /// Packed self attestation unless the request prefers `none`: what clients of security keys are used to. libfido2 and
    /// `ssh-keygen` refuse a key whose attestation is `none`.
    SelfUnlessNonePreferred,
    /// Packed attestation by a key and a certificate that are made for the one credential, unless the request prefers
    /// `none` ([`attest_once`](super::attest_once)). It says as little as self attestation, and clients take it that want
    /// a certificate: `pam_u2f` before 1.2 refuses self attestation.
    OneTimeUnlessNonePreferred,
    /// Packed attestation by a key that vouches for all devices of the model, unless the request prefers `none`. The
    /// client takes it out when the website does not ask for it (WebAuthn Level 3 §5.1.3).
    Certified(Arc<Attester>),
}

/// Enterprise attestation (CTAP 2.1 §7.1): by a key that only this device has, so that its organisation recognises it.
/// A [`Device`](super::device::Device) gives it after authenticatorConfig has enabled it, an
/// [`Authenticator`](super::Authenticator) when its platform asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enterprise {
    /// The device's own key and certificates.
    pub attester: Arc<Attester>,
    /// Vendor-facilitated: the sites that get it. No other does, whatever the platform says.
    pub rp_ids: Vec<String>,
    /// Platform-managed: whether the platform may name further sites.
    pub platform_managed: bool,
}

impl Settings {
    /// Settings for a store that synchronises its credentials: ES256 and `EdDSA`, backup eligible, self attestation when
    /// asked for, transport `internal`.
    pub fn new(aaguid: Aaguid) -> Self {
        Self {
            aaguid,
            algorithms: vec![Algorithm::Es256, Algorithm::EdDsa],
            backup: Backup::Eligible,
            attestation: Attestation::SelfWhenPreferred,
            enterprise: None,
            transports: vec!["internal".to_owned()],
            max_credentials_in_list: 256,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cbor::Limits;
    use crate::get_assertion;
    use crate::types::{CredentialDescriptor, CredentialId};

    #[test]
    fn the_longest_list_fits_a_message_and_a_message_fits_an_envelope() {
        let settings = Settings::new(Aaguid::default());
        let mut request = get_assertion::Request::new("example.com", [0; 32]);
        for n in 0..settings.max_credentials_in_list {
            let mut id = vec![0; 128];
            id.extend_from_slice(&n.to_be_bytes());
            let transports = vec!["internal".to_owned(), "hybrid".to_owned()];
            request.allow_list.push(CredentialDescriptor {
                id: CredentialId::new(id).unwrap(),
                transports,
            });
        }
        assert_eq!(get_assertion::Request::from_cbor(&request.to_cbor()).unwrap(), request);
        const { assert!(Limits::JOINT.max_bytes + 2048 <= Limits::ENVELOPE.max_bytes) }
    }
}
