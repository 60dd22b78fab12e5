//! What a deployment may choose, in one place.

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
/// A software authenticator has no key that vouches for it, so there is only packed *self* attestation: it proves that
/// the key pair belongs together, and nothing about the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attestation {
    /// Always `none`.
    None,
    /// Packed self attestation when the request prefers `packed` to `none`.
    SelfWhenPreferred,
    /// Packed self attestation unless the request prefers `none`: what clients of security keys are used to. libfido2 and
    /// `ssh-keygen` refuse a key whose attestation is `none`.
    SelfUnlessNonePreferred,
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
