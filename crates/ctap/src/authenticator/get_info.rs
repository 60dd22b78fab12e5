//! `authenticatorGetInfo` (CTAP 2.1 §6.4).

use super::{Authenticator, CRED_BLOB, CRED_PROTECT, CredentialStore, MAX_CRED_BLOB, attestation, hmac_secret};
use crate::cbor::Limits;
use crate::crypto::Algorithm;
use crate::get_info::Response;
use crate::types::CredentialId;
use crate::{large_blob, prf};

impl<S: CredentialStore> Authenticator<S> {
    /// What this authenticator can do. Says nothing that the engine does not do.
    pub fn get_info(&self) -> Response {
        let settings = &self.settings;
        let mut info = Response::new(vec!["FIDO_2_0".to_owned(), "FIDO_2_1".to_owned()], settings.aaguid);
        info.extensions = [CRED_PROTECT, hmac_secret::NAME, hmac_secret::NAME_MC, prf::NAME]
            .map(str::to_owned)
            .to_vec();
        if self.store.keeps_blobs() {
            info.extensions.push(CRED_BLOB.to_owned());
            info.max_cred_blob_length = u64::try_from(MAX_CRED_BLOB).ok();
        }
        if self.store.keeps_large_blobs() {
            info.extensions.push(large_blob::NAME.to_owned());
        }
        info.options = [
            // Credentials that are found without their id.
            ("rk", true),
            ("up", true),
            // User verification is built in: the platform's verifier, by way of `UvProof`.
            ("uv", true),
            // Not a removable device: clients show it as a platform authenticator.
            ("plat", true),
            // A discoverable credential may be made without user verification too, see `make_credential`, step 7.
            ("makeCredUvNotRqd", true),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        // Enabled by the deployment, which has supplied its key.
        if attestation::enterprise_capable(settings) {
            info.options.insert("ep".to_owned(), true);
        }
        info.max_msg_size = u64::try_from(Limits::JOINT.max_bytes).ok();
        info.max_credential_count_in_list = u64::try_from(settings.max_credentials_in_list).ok();
        info.max_credential_id_length = u64::try_from(CredentialId::MAX).ok();
        info.transports.clone_from(&settings.transports);
        info.algorithms = settings.algorithms.iter().copied().map(Algorithm::cose).collect();
        info.attestation_formats = attestation::formats(settings);
        info
    }
}
