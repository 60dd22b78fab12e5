//! `authenticatorGetInfo` (CTAP 2.1 §6.4).

use super::config::MAX_PIN_LENGTH;
use super::{Answer, BuiltInUv, Device, DeviceStore, Environment, Fault, extensions};
use crate::authenticator::{Error, attestation};
use crate::authenticator_config::SubCommand;
use crate::crypto::Algorithm;
use crate::get_info::Response;
use crate::pin_protocol::PinUvAuthProtocol;
use crate::types::CredentialId;

impl<E: Environment> Device<E> {
    /// What this device can do now. Says nothing that it does not do.
    pub(super) fn get_info(&self) -> Answer<E> {
        let settings = &self.settings;
        // Mandatory for FIDO_2_1 and FIDO_2_3 (§9): hmac-secret, credProtect, credMgmt, pinUvAuthToken, protocol 2, and
        // minPinLength with setMinPINLength. CTAP 2.2 has no version of its own.
        let mut info = Response::new(vec!["FIDO_2_0".to_owned(), "FIDO_2_1".to_owned()], settings.aaguid);
        if self.description.fido_2_3 {
            info.versions.push("FIDO_2_3".to_owned());
        }
        if self.serves_u2f() {
            info.versions.push("U2F_V2".to_owned());
        }
        let built_in = self.environment.built_in_uv();
        info.extensions = extensions::NAMES.map(str::to_owned).to_vec();
        info.options = [
            ("rk", Some(true)),
            ("up", Some(true)),
            // Removable: it is a key among others, whatever it is made of.
            ("plat", Some(false)),
            ("clientPin", Some(self.state.pin.is_some())),
            (
                "uv",
                match built_in {
                    BuiltInUv::None => None,
                    BuiltInUv::NotConfigured => Some(false),
                    BuiltInUv::Configured => Some(true),
                },
            ),
            ("uvAcfg", (built_in != BuiltInUv::None).then_some(true)),
            ("pinUvAuthToken", Some(true)),
            ("credMgmt", Some(true)),
            // The same command under its old code.
            ("credentialMgmtPreview", Some(true)),
            ("perCredMgmtRO", Some(true)),
            ("largeBlobs", Some(true)),
            ("authnrCfg", Some(true)),
            ("ep", self.enterprise_capable().then_some(self.state.enterprise)),
            ("setMinPINLength", Some(true)),
            ("alwaysUv", Some(self.state.always_uv)),
            ("makeCredUvNotRqd", Some(self.makes_unverified())),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value)))
        .collect();
        info.max_msg_size = u64::try_from(self.numbers.max_message_bytes).ok();
        info.pin_uv_auth_protocols = PinUvAuthProtocol::ALL.map(PinUvAuthProtocol::number).to_vec();
        info.max_credential_count_in_list = u64::try_from(self.max_list()).ok();
        // Platforms leave out of their lists what is longer, so that a list of the announced length fits a message.
        info.max_credential_id_length = u64::try_from(CredentialId::RANDOM_LEN).ok();
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
        self.describe_in(&mut info)?;
        Ok(info.to_cbor())
    }

    /// The members of CTAP 2.2 and 2.3, and those for products.
    fn describe_in(&self, info: &mut Response) -> Result<(), Fault<E>> {
        let has_uv = self.environment.built_in_uv() != BuiltInUv::None;
        info.firmware_version = self.description.firmware_version;
        info.uv_modality = self.description.uv_modality.filter(|_| has_uv);
        info.certifications.clone_from(&self.description.certifications);
        info.uv_count_since_last_pin_entry = has_uv.then_some(self.state.uv_count.into());
        info.transports_for_reset.clone_from(&self.settings.transports);
        info.max_pin_length = Some(MAX_PIN_LENGTH.into());
        let (identifier, store_state) = self.encrypted_identity()?;
        info.enc_identifier = Some(identifier);
        info.enc_cred_store_state = Some(store_state);
        let commands = SubCommand::ALL.into_iter().filter(|sub| self.configures(*sub));
        info.authenticator_config_commands = commands.map(SubCommand::number).collect();
        Ok(())
    }

    /// For how many credentials there is room when `used` are here.
    pub(super) fn remaining(&self, used: usize) -> usize {
        self.numbers.max_credentials.saturating_sub(used)
    }
}
