//! `authenticatorMakeCredential` (CTAP 2.1 §6.1.2): the steps of the algorithm, by its numbers.

use super::authorize::{Verified, Wish};
use super::{Answer, BuiltInUv, Device, DeviceStore, Environment, Fault, Purpose, StoredCredential, refuse};
use crate::authenticator::{Backup, CredentialRecord, Error, attestation};
use crate::authenticator_data::{AttestedCredential, AuthenticatorData, Flags};
use crate::client_pin::Permissions;
use crate::crypto::{Algorithm, PrivateKey};
use crate::make_credential::{Request, Response};
use crate::status::Status;
use crate::types::{CredentialId, UserEntity};

impl<E: Environment> Device<E> {
    pub(super) fn make_credential(&mut self, parameters: &[u8]) -> Answer<E> {
        let request = Request::from_cbor_within(parameters, &self.limits())?;
        let purpose = Purpose::MakeCredential {
            rp: &request.rp,
            user: &request.user,
        };

        // 1, 2. The PIN/UV auth parameter.
        let param = self.param_or_selection(request.pin_uv_auth_param.as_ref(), request.pin_uv_auth_protocol)?;

        // 3. The first algorithm of the request that is supported here.
        let supported = |algorithm: &Algorithm| self.settings.algorithms.contains(algorithm);
        let mut algorithms = request.algorithms.iter().filter_map(|id| Algorithm::from_cose(*id));
        let Some(algorithm) = algorithms.find(supported) else {
            return refuse(
                Status::UnsupportedAlgorithm,
                "none of the algorithms asked for is supported",
            );
        };

        // 4. The answer is put together at the end; its UV and UP bits start as clear.
        // 5. Options. With a parameter, `uv` counts as absent.
        let uv = request.options.uv && param.is_none();
        if uv && self.environment.built_in_uv() != BuiltInUv::Configured {
            return refuse(Status::InvalidOption, "there is no built-in user verification");
        }
        if !request.options.up {
            return refuse(Status::InvalidOption, "a credential without user presence");
        }

        // 6. alwaysUv.
        let uv = self.uv_with_always_uv(uv, param.is_some())?;

        // 7, 8, 10. Without makeCredUvNotRqd every credential, with it only a discoverable one, needs the user verified,
        // if they can be.
        let needs_uv = self.protected() && (request.options.rk || !self.makes_unverified());
        if needs_uv && !uv && param.is_none() {
            return if self.state.pin.is_some() {
                refuse(Status::PuatRequired, "the credential needs user verification")
            } else {
                refuse(Status::OperationDenied, "the credential needs user verification")
            };
        }

        // 9. Enterprise attestation.
        self.check_enterprise(request.enterprise_attestation)?;

        // 11. User verification.
        let verified = self.verify_as_wished(&Wish {
            param,
            uv,
            permission: Permissions::MAKE_CREDENTIAL,
            rp_id: &request.rp.id,
            client_data_hash: &request.client_data_hash,
            purpose: &purpose,
        })?;

        // 12. The exclude list.
        self.refuse_excluded(&request, verified.as_ref())?;

        // 15, the first half: malformed extension inputs, before the user is bothered.
        let extensions = self.creation_inputs(&request)?;

        // 13, 14. User presence; what the token proved is spent.
        self.ensure_presence(verified.as_ref(), &purpose)?;
        self.spend_token(verified.as_ref());
        let flags = Flags::UP.with_if(verified.is_some(), Flags::UV);

        // 15. Extensions.
        let extras = self.create_extras(extensions, request.options.rk, verified.is_some())?;

        // 16. The key pair.
        let crypto = self.crypto();
        let key = crypto.generate(algorithm)?;
        let record = self.new_record(&request, &key)?;
        self.check_room(&record)?;

        // 19. The attestation; before the credential is stored, so that no failure here leaves one behind.
        let auth_data = AuthenticatorData {
            rp_id_hash: crypto.sha256(&[record.rp_id.as_bytes()]),
            flags: flags
                .with_if(record.backup_eligible, Flags::BE)
                .with_if(record.backed_up, Flags::BS),
            sign_count: record.sign_count,
            attested: Some(AttestedCredential {
                aaguid: self.settings.aaguid,
                id: record.id.clone(),
                public_key: record.public_key.clone(),
            }),
            extensions: extras.outputs,
        }
        .encode();
        let signed = [auth_data.as_slice(), &request.client_data_hash].concat();
        let enabled = self.state.enterprise;
        let statement = attestation::attest(crypto, &self.settings, &request, enabled, &key, &signed)?;

        // 17, 18. Store it; the store drops what this credential replaces.
        if record.discoverable {
            self.credentials_change()?;
        }
        let mut response = Response::new(statement.format, auth_data, statement.content);
        response.enterprise_attestation = statement.enterprise;
        response.large_blob_key = extras.secrets.large_blob_key.as_ref().map(|key| *key.as_bytes());
        let attributes = extras.attributes;
        let store = self.environment.store_mut();
        store
            .insert_new(StoredCredential { record, attributes }, key, extras.secrets)
            .map_err(Error::Store)?;
        Ok(response.to_cbor())
    }

    /// Step 12: a credential of the list that is here, and what the website learns of it only after a touch.
    fn refuse_excluded(&mut self, request: &Request, verified: Option<&Verified<E::Proof>>) -> Result<(), Fault<E>> {
        if request.exclude_list.len() > self.max_list() {
            return refuse(Status::LimitExceeded, "the exclude list is too long");
        }
        if request.rp.id.len() > self.numbers.max_rp_id_bytes {
            return refuse(Status::LimitExceeded, "the RP ID is too long");
        }
        let rp_id = request.rp.id.as_str();
        let existing = self.at_site(rp_id)?;
        // credProtect: one that needs verification is not here for whoever is not verified.
        let shown = |stored: &StoredCredential| stored.attributes.protection.shows_to(verified.is_some(), true);
        let here = |id: &CredentialId| existing.iter().any(|stored| stored.record.id == *id && shown(stored));
        if !request.exclude_list.iter().any(|excluded| here(&excluded.id)) {
            return Ok(());
        }
        // Whether the user touches or not, the answer is the same; only a cancelled command ends as such.
        match self.ensure_presence(verified, &Purpose::Excluded { rp_id }) {
            Err(
                fault @ Error::Refused {
                    status: Status::KeepaliveCancel,
                    ..
                },
            ) => Err(fault),
            _ => refuse(Status::CredentialExcluded, "a credential of the exclude list is here"),
        }
    }

    fn new_record(&self, request: &Request, key: &PrivateKey) -> Result<CredentialRecord, Fault<E>> {
        let cut = |name: &Option<String>| name.as_deref().map(|name| self.cut_name(name));
        Ok(CredentialRecord {
            id: CredentialId::random(self.crypto())?,
            rp_id: request.rp.id.clone(),
            rp_name: cut(&request.rp.name),
            user: UserEntity {
                id: request.user.id.clone(),
                name: cut(&request.user.name),
                display_name: cut(&request.user.display_name),
            },
            public_key: key.public_key().clone(),
            discoverable: request.options.rk,
            backup_eligible: self.settings.backup != Backup::DeviceBound,
            backed_up: self.settings.backup == Backup::BackedUp,
            sign_count: 0,
            created_ms: self.environment.unix_ms(),
        })
    }

    /// A name as it is kept: whole characters, at most `max_name_bytes` (§6.1.2 allows cutting at 64 bytes).
    pub(super) fn cut_name(&self, name: &str) -> String {
        let end = name.floor_char_boundary(self.numbers.max_name_bytes);
        name.get(..end).unwrap_or_default().to_owned()
    }

    /// Whether there is room for a new credential.
    pub(super) fn check_room(&self, record: &CredentialRecord) -> Result<(), Fault<E>> {
        let all = self.environment.store().all().map_err(Error::Store)?;
        let kept = all.iter().filter(|older| !record.replaces(&older.record)).count();
        if kept < self.numbers.max_credentials {
            Ok(())
        } else {
            refuse(Status::KeyStoreFull, "no room for another credential")
        }
    }
}
