//! `authenticatorMakeCredential` (CTAP 2.1 §6.1.2): the steps of the algorithm, by its numbers.

use super::protected_id::{new_id, protection_of};
use super::{
    Authenticator, Backup, CredentialRecord, CredentialStore, Error, UvProof, attestation, refuse_pin_uv_auth,
};
use crate::authenticator_data::{AttestedCredential, AuthenticatorData, Flags};
use crate::cbor::Map;
use crate::crypto::Algorithm;
use crate::large_blob;
use crate::make_credential::{Request, Response};
use crate::prf::{PrfAnswer, PrfInput, PrfSeed};
use crate::status::Status;

impl<S: CredentialStore> Authenticator<S> {
    /// Makes a credential and stores it.
    ///
    /// `uv` is the proof of the user's verification, if there was one; `now_ms` the time in milliseconds since 1970.
    /// When this returns an error nothing has been stored, unless the store itself failed half-way.
    pub fn make_credential(
        &mut self,
        request: &Request,
        uv: Option<impl UvProof>,
        now_ms: u64,
    ) -> Result<Response, Error<S::Error>> {
        // 1, 2. The PIN/UV auth parameter.
        refuse_pin_uv_auth(request.pin_uv_auth_param.as_ref(), request.pin_uv_auth_protocol)?;

        // 3. The first algorithm of the request that is supported here.
        let supported = |algorithm: &Algorithm| self.settings.algorithms.contains(algorithm);
        let algorithm = request
            .algorithms
            .iter()
            .filter_map(|id| Algorithm::from_cose(*id))
            .find(supported);
        let algorithm = algorithm.ok_or(Error::refused(
            Status::UnsupportedAlgorithm,
            "none of the algorithms asked for is supported",
        ))?;

        // 4. The answer is put together at the end; its UV and UP bits start as clear.
        let flags = Flags::NONE;

        // 5. Options. `up` may not be switched off; `rk` and `uv` are used below.
        if !request.options.up {
            return Err(Error::refused(
                Status::InvalidOption,
                "a credential without user presence",
            ));
        }

        // 6. alwaysUv is not offered.
        // 7, 8, 10. Deviation: makeCredUvNotRqd also covers discoverable credentials. The rule that they need user
        // verification keeps a stranger from filling a security key's few slots; here the platform has the user's
        // consent and space is no concern. Whether to verify is the website's wish and the platform's policy.

        // 9. Enterprise attestation. The platform is in charge here: what the settings carry is enabled.
        match request.enterprise_attestation {
            Some(_) if !attestation::enterprise_capable(&self.settings) => {
                return Err(Error::refused(
                    Status::InvalidParameter,
                    "enterprise attestation is not supported",
                ));
            }
            None | Some(1 | 2) => {}
            Some(_) => {
                return Err(Error::refused(
                    Status::InvalidOption,
                    "an unknown kind of enterprise attestation",
                ));
            }
        }

        // 11. User verification. The value is spent here; there is no other way to the flag.
        let verified = uv.map(drop).is_some();
        if request.options.uv && !verified {
            return Err(Error::refused(
                Status::PuatRequired,
                "user verification was asked for and not given",
            ));
        }
        let flags = flags.with_if(verified, Flags::UV);

        // 12. The exclude list. The user has consented already, so saying that the credential exists tells a
        // website nothing behind the user's back.
        if request.exclude_list.len() > self.settings.max_credentials_in_list {
            return Err(Error::refused(Status::LimitExceeded, "the exclude list is too long"));
        }
        let existing = self.store.find(&request.rp.id).map_err(Error::Store)?;
        // A credential that must not show without user verification does not show here either.
        let mut visible = existing
            .iter()
            .filter(|record| protection_of(&record.id).shows_to(verified, true));
        if visible.any(|record| request.exclude_list.iter().any(|excluded| excluded.id == record.id)) {
            return Err(Error::refused(
                Status::CredentialExcluded,
                "a credential of the exclude list is here",
            ));
        }

        // 13, 14. User presence: the signed request is the platform's word for it (see the module's documentation).
        let flags = flags | Flags::UP;

        // 15. Extensions. Those that are not known are ignored.
        let prf_seed = PrfSeed::generate(self.crypto)?;
        let prf_answer = self.prf_at_creation(request, verified, &prf_seed)?;
        let extensions = self.extensions_at_creation(request, verified, &prf_seed)?;

        // 16. The key pair.
        let key = self.crypto.generate(algorithm)?;
        let id = new_id(self.crypto, extensions.protection)?;
        let record = CredentialRecord {
            id: id.clone(),
            rp_id: request.rp.id.clone(),
            rp_name: request.rp.name.clone(),
            user: request.user.clone(),
            public_key: key.public_key().clone(),
            discoverable: request.options.rk,
            backup_eligible: self.settings.backup != Backup::DeviceBound,
            backed_up: self.settings.backup == Backup::BackedUp,
            sign_count: 0,
            created_ms: now_ms,
        };

        // 19. The attestation; before the credential is stored, so that no failure here leaves one behind.
        let auth_data = AuthenticatorData {
            rp_id_hash: self.crypto.sha256(&[request.rp.id.as_bytes()]),
            flags: flags
                .with_if(record.backup_eligible, Flags::BE)
                .with_if(record.backed_up, Flags::BS),
            sign_count: record.sign_count,
            attested: Some(AttestedCredential {
                aaguid: self.settings.aaguid,
                id,
                public_key: record.public_key.clone(),
            }),
            extensions: extensions.outputs,
        }
        .encode();
        let signed = [auth_data.as_slice(), &request.client_data_hash].concat();
        let statement = attestation::attest(self.crypto, &self.settings, request, true, &key, &signed)?;

        // 17, 18. Store it; the store drops what this credential replaces. Credentials that are not discoverable are
        // stored too: an id that wraps the key would outlive a deletion.
        self.store
            .insert(record, key, prf_seed, extensions.cred_blob)
            .map_err(Error::Store)?;

        let mut response = Response::new(statement.format, auth_data, statement.content);
        response.enterprise_attestation = statement.enterprise;
        let mut unsigned = prf_answer.map_or_else(Map::new, |answer| answer.to_unsigned_outputs());
        // Every credential of such a store can hold a large blob, whatever was asked.
        if self.store.keeps_large_blobs() && request.extensions.text(large_blob::NAME).is_some() {
            unsigned.insert(large_blob::NAME, Map::new().with("supported", true));
        }
        response.unsigned_extension_outputs = (!unsigned.is_empty()).then_some(unsigned);
        Ok(response)
    }

    /// The `prf` extension at creation: always enabled, with results if salts came along.
    fn prf_at_creation(
        &self,
        request: &Request,
        verified: bool,
        seed: &PrfSeed,
    ) -> Result<Option<PrfAnswer>, Error<S::Error>> {
        let Some(input) = PrfInput::from_extensions(&request.extensions)? else {
            return Ok(None);
        };
        // WebAuthn Level 3 §10.1.4: there is no credential yet that the page could have named.
        if !input.eval_by_credential.is_empty() {
            return Err(Error::refused(
                Status::InvalidParameter,
                "prf.evalByCredential at creation",
            ));
        }
        let mut answer = PrfAnswer {
            enabled: Some(true),
            results: None,
        };
        if let Some(salts) = &input.eval {
            if !verified {
                return Err(Error::refused(Status::PuatRequired, "prf needs user verification"));
            }
            let second = salts.second.as_ref().map(|salt| seed.evaluate(self.crypto, salt));
            answer.results = Some((seed.evaluate(self.crypto, &salts.first), second));
        }
        Ok(Some(answer))
    }
}
