//! `authenticatorGetAssertion` (CTAP 2.1 §6.2.2): the steps of the algorithm, by its numbers.

use super::protected_id::protection_of;
use super::{Authenticator, CredentialRecord, CredentialStore, Error, UvProof, refuse_pin_uv_auth};
use crate::authenticator_data::{AuthenticatorData, Flags};
use crate::cbor::Map;
use crate::get_assertion::{Request, Response};
use crate::large_blob::{self, AtGet, LargeBlob};
use crate::prf::{PrfAnswer, PrfInput};
use crate::status::Status;
use crate::types::{CredentialDescriptor, UserEntity};

impl<S: CredentialStore> Authenticator<S> {
    /// Signs in with a credential.
    ///
    /// `uv` is the proof of the user's verification, if there was one. The store changes only if a large blob is written.
    pub fn get_assertion(&mut self, request: &Request, uv: Option<impl UvProof>) -> Result<Response, Error<S::Error>> {
        // 1, 2. The PIN/UV auth parameter.
        refuse_pin_uv_auth(request.pin_uv_auth_param.as_ref(), request.pin_uv_auth_protocol)?;

        // 3. The answer is put together at the end; its UV and UP bits start as clear.
        let flags = Flags::NONE;

        // 4. Options. `rk` is none of this command; `up` and `uv` are used below.
        if request.rk.is_some() {
            return Err(Error::refused(
                Status::UnsupportedOption,
                "the option rk in an assertion",
            ));
        }
        // 5. alwaysUv is not offered.

        // 6. User verification. The value is spent here; there is no other way to the flag.
        let verified = uv.map(drop).is_some();
        if request.options.uv && !verified {
            return Err(Error::refused(
                Status::PuatRequired,
                "user verification was asked for and not given",
            ));
        }
        let flags = flags.with_if(verified, Flags::UV);

        // 7, 8. The applicable credential; those that credProtect hides are not there.
        let record = self.locate(request, verified)?;

        // 9. User presence: the signed request is the platform's word for it (see the module's documentation).
        let flags = flags.with_if(request.options.up, Flags::UP);

        // 10. Extensions. Those that are not known are ignored.
        let prf_answer = self.prf_output(request, verified, &record)?;
        let extensions = self.extensions_at_assertion(&request.extensions, request.options.up, verified, &record)?;

        // 11, 12. Deviation: no numberOfCredentials and no authenticatorGetNextAssertion. The platform has shown the
        // accounts from the metadata cache and names the chosen one in the allow list; a platform that does not gets
        // the newest.

        // 13. The signature.
        let auth_data = AuthenticatorData {
            rp_id_hash: self.crypto.sha256(&[request.rp_id.as_bytes()]),
            flags: flags
                .with_if(record.backup_eligible, Flags::BE)
                .with_if(record.backed_up, Flags::BS),
            sign_count: record.sign_count,
            attested: None,
            extensions,
        }
        .encode();
        let signed = [auth_data.as_slice(), &request.client_data_hash].concat();
        let signature = self.store.sign(&record.id, &signed).map_err(Error::Store)?;

        // Written when all else has succeeded, so that no failure leaves a site with a blob that it was told nothing of.
        let large_blob = self.large_blob_output(request, verified, &record)?;

        let mut response = Response::new(CredentialDescriptor::new(record.id), auth_data, signature);
        response.user = record.discoverable.then(|| named_if(verified, record.user));
        let mut unsigned = prf_answer.map_or_else(Map::new, |answer| answer.to_unsigned_outputs());
        if let Some(output) = large_blob {
            unsigned.insert(large_blob::NAME, output);
        }
        response.unsigned_extension_outputs = (!unsigned.is_empty()).then_some(unsigned);
        Ok(response)
    }

    /// The `largeBlob` extension: the blob is read, or replaced by another.
    fn large_blob_output(
        &mut self,
        request: &Request,
        verified: bool,
        record: &CredentialRecord,
    ) -> Result<Option<Map>, Error<S::Error>> {
        let asked = request.extensions.text(large_blob::NAME);
        let Some(input) = asked.filter(|_| self.store.keeps_large_blobs()) else {
            return Ok(None);
        };
        if !request.options.up {
            return Err(Error::refused(
                Status::UnsupportedOption,
                "largeBlob without user presence",
            ));
        }
        match AtGet::from_input(input)? {
            AtGet::Read => {
                // One that came from elsewhere and is too long for an answer stays where it is.
                let blob = self.store.large_blob(&record.id).map_err(Error::Store)?;
                let blob = blob.filter(LargeBlob::fits);
                Ok(Some(blob.map_or_else(Map::new, |blob| blob.to_output())))
            }
            AtGet::Write(blob) => {
                // Which credential's blob is replaced is not left to chance (WebAuthn Level 3 §10.1.5).
                if request.allow_list.len() != 1 {
                    return Err(Error::refused(
                        Status::InvalidParameter,
                        "largeBlob.write without exactly one allowed credential",
                    ));
                }
                if !verified {
                    return Err(Error::refused(
                        Status::PuatRequired,
                        "largeBlob.write needs user verification",
                    ));
                }
                let written = blob.fits() && self.store.set_large_blob(&record.id, blob).map_err(Error::Store)?;
                Ok(Some(Map::new().with("written", written)))
            }
        }
    }

    fn locate(&self, request: &Request, verified: bool) -> Result<CredentialRecord, Error<S::Error>> {
        if request.allow_list.len() > self.settings.max_credentials_in_list {
            return Err(Error::refused(Status::LimitExceeded, "the allow list is too long"));
        }
        if request.unknown_types_only {
            return Err(Error::refused(Status::NoCredentials, "an allow list of unknown types"));
        }
        let mut records = self.store.find(&request.rp_id).map_err(Error::Store)?;
        let named = !request.allow_list.is_empty();
        records.retain(|record| protection_of(&record.id).shows_to(verified, named));
        let found = if request.allow_list.is_empty() {
            records
                .into_iter()
                .filter(|record| record.discoverable)
                .max_by_key(|record| record.created_ms)
        } else {
            // The website's order is its order of preference (WebAuthn Level 3 §5.5).
            let place = request
                .allow_list
                .iter()
                .find_map(|allowed| records.iter().position(|r| r.id == allowed.id));
            place.map(|place| records.swap_remove(place))
        };
        found.ok_or(Error::refused(Status::NoCredentials, "no credential fits"))
    }

    /// The `prf` extension: results for the salts that are meant for this credential.
    fn prf_output(
        &self,
        request: &Request,
        verified: bool,
        record: &CredentialRecord,
    ) -> Result<Option<PrfAnswer>, Error<S::Error>> {
        let Some(input) = PrfInput::from_extensions(&request.extensions)? else {
            return Ok(None);
        };
        // As for hmac-secret (CTAP 2.1 §12.5): nothing is computed behind the user's back.
        if !request.options.up {
            return Err(Error::refused(Status::UnsupportedOption, "prf without user presence"));
        }
        // Decided by the request alone, so that a platform does not learn from the answer which credential it hit.
        if input.wants_output() && !verified {
            return Err(Error::refused(Status::PuatRequired, "prf needs user verification"));
        }
        let Some(salts) = input.salts_for(&record.id) else {
            return Ok(Some(PrfAnswer::default()));
        };
        let output = |salt| self.store.prf(&record.id, salt).map_err(Error::Store);
        let first = output(&salts.first)?;
        let second = salts.second.as_deref().map(output).transpose()?;
        Ok(Some(PrfAnswer {
            enabled: None,
            results: Some((first, second)),
        }))
    }
}

/// CTAP 2.1 §6.2.2: without user verification an assertion carries the handle, but no name that identifies the user.
pub(super) fn named_if(verified: bool, user: UserEntity) -> UserEntity {
    if verified {
        user
    } else {
        UserEntity {
            name: None,
            display_name: None,
            ..user
        }
    }
}
