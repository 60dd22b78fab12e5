//! `authenticatorGetInfo` (CTAP 2.1 §6.4).

use super::{Answer, BuiltInUv, Device, DeviceStore, Environment, extensions};
use crate::authenticator::{Error, attestation};
use crate::crypto::Algorithm;
use crate::get_info::Response;
use crate::pin_protocol::PinUvAuthProtocol;
use crate::types::CredentialId;

impl<E: Environment> Device<E> {
    /// What this device can do now. Says nothing that it does not do.
    pub(super) fn get_info(&self) -> Answer<E> {
        let settings = &self.settings;
        // Mandatory for FIDO_2_1 (§9): hmac-secret, credProtect, credMgmt, pinUvAuthToken, protocol 2.
        let mut info = Response::new(vec!["FIDO_2_0".to_owned(), "FIDO_2_1".to_owned()], settings.aaguid);
        if self.serves_u2f() {
            info.versions.push("U2F_V2".to_owned());
        }
        info.extensions = extensions::NAMES.map(str::to_owned).to_vec();
        info.options = [
            ("rk", Some(true)),
            ("up", Some(true)),
            // Removable: it is a key among others, whatever it is made of.
            ("plat", Some(false)),
            ("clientPin", Some(self.state.pin.is_some())),
            (
                "uv",
                match self.environment.built_in_uv() {
                    BuiltInUv::None => None,
                    BuiltInUv::NotConfigured => Some(false),
                    BuiltInUv::Configured => Some(true),
                },
            ),
            ("pinUvAuthToken", Some(true)),
            ("credMgmt", Some(true)),
            ("largeBlobs", Some(true)),
            ("authnrCfg", Some(true)),
            ("setMinPINLength", Some(true)),
            ("alwaysUv", Some(self.state.always_uv)),
            ("makeCredUvNotRqd", Some(!self.state.always_uv)),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value)))
        .collect();
        info.max_msg_size = u64::try_from(self.numbers.max_message_bytes).ok();
        info.pin_uv_auth_protocols = PinUvAuthProtocol::ALL.map(PinUvAuthProtocol::number).to_vec();
        info.max_credential_count_in_list = u64::try_from(self.max_list()).ok();
        info.max_credential_id_length = u64::try_from(CredentialId::MAX).ok();
        info.transports.clone_from(&settings.transports);
        info.algorithms = settings.algorithms.iter().copied().map(Algorithm::cose).collect();
        info.max_serialized_large_blob_array = u64::try_from(self.numbers.max_large_blob_bytes).ok();
        info.max_cred_blob_length = u64::try_from(self.numbers.max_cred_blob_bytes).ok();
        info.max_rp_ids_for_set_min_pin_length = u64::try_from(self.numbers.max_min_pin_rp_ids).ok();
        info.force_pin_change = Some(self.state.force_pin_change);
        info.min_pin_length = Some(self.state.min_pin_length.into());
        info.attestation_formats = attestation::formats(settings);
        let used = self.environment.store().all().map_err(Error::Store)?.len();
        info.remaining_discoverable_credentials = u64::try_from(self.remaining(used)).ok();
        Ok(info.to_cbor())
    }

    /// For how many credentials there is room when `used` are here.
    pub(super) fn remaining(&self, used: usize) -> usize {
        self.numbers.max_credentials.saturating_sub(used)
    }
}
