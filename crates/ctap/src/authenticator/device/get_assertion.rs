//! `authenticatorGetAssertion` and `authenticatorGetNextAssertion` (CTAP 2.1 §6.2.2, §6.3): the steps of the
//! algorithms, by their numbers.

use super::authorize::{Verified, Wish};
use super::continuation::{Continuation, Kind};
use super::extensions::AtAssertion;
use super::{Answer, BuiltInUv, Device, DeviceStore, Environment, Fault, Purpose, StoredCredential, refuse};
use crate::authenticator::{CredentialStore, Error, named_if};
use crate::authenticator_data::{AuthenticatorData, Flags};
use crate::client_pin::Permissions;
use crate::get_assertion::{Request, Response};
use crate::status::Status;
use crate::types::CredentialDescriptor;

impl<E: Environment> Device<E> {
    pub(super) fn get_assertion(&mut self, channel: u32, parameters: &[u8]) -> Answer<E> {
        let request = Request::from_cbor_within(parameters, &self.limits())?;
        let purpose = Purpose::GetAssertion { rp_id: &request.rp_id };

        // 1, 2. The PIN/UV auth parameter.
        let param = self.param_or_selection(request.pin_uv_auth_param.as_ref(), request.pin_uv_auth_protocol)?;

        // 3. The answer is put together at the end; its UV and UP bits start as clear.
        // 4. Options. With a parameter, `uv` counts as absent; `rk` is none of this command.
        let uv = request.options.uv && param.is_none();
        if uv && self.environment.built_in_uv() != BuiltInUv::Configured {
            return refuse(Status::InvalidOption, "there is no built-in user verification");
        }
        if request.rk.is_some() {
            return refuse(Status::UnsupportedOption, "the option rk in an assertion");
        }

        // 5. alwaysUv; a silent probe verifies nobody.
        let uv = if request.options.up {
            self.uv_with_always_uv(uv, param.is_some())?
        } else {
            uv
        };

        // 6. User verification.
        let verified = self.verify_as_wished(&Wish {
            param,
            uv,
            permission: Permissions::GET_ASSERTION,
            rp_id: &request.rp_id,
            client_data_hash: &request.client_data_hash,
            purpose: &purpose,
        })?;

        // 7. The applicable credentials, best first.
        // credProtect hides what needs verification from whoever is not verified.
        let records = self.locate(&request, verified.is_some())?;
        let discovered = request.allow_list.is_empty();
        let number = records.len();
        let mut rest = records;
        rest.reverse();
        let Some(stored) = rest.pop() else {
            return refuse(Status::NoCredentials, "no credential fits");
        };

        // 10, the first half: malformed extension inputs, before the user is bothered.
        let extensions = self.assertion_inputs(&request.extensions, request.options.up)?;

        // 9. User presence; what the token proved is spent. Without `up` the platform only looks.
        if request.options.up {
            self.ensure_presence(verified.as_ref(), &purpose)?;
            self.spend_token(verified.as_ref());
        }
        // 8. Whoever was verified here has been here, asked for or not.
        let present = request.options.up || matches!(verified, Some(Verified::BuiltIn(_)));
        let flags = Flags::NONE
            .with_if(present, Flags::UP)
            .with_if(verified.is_some(), Flags::UV);

        // 10. Extensions: their outputs are made with the assertion.
        // 11, 12. One of an allow list; or all discoverable ones, one after the other.
        let several = discovered && number > 1;
        let named = several && verified.is_some();
        let mut response = self.assert(stored, &request.client_data_hash, flags, named, &extensions)?;
        if several {
            response.number_of_credentials = u64::try_from(number).ok();
            self.continuation = Some(Continuation {
                channel,
                touched_ms: self.environment.monotonic_ms(),
                kind: Kind::Assertions {
                    rest,
                    client_data_hash: request.client_data_hash,
                    flags,
                    extensions,
                },
            });
        }
        Ok(response.to_cbor())
    }

    /// §6.3.
    pub(super) fn get_next_assertion(&mut self, continuation: Option<Continuation>) -> Answer<E> {
        // 1 to 3. There is a getAssertion to go on with, with accounts left, not too long ago.
        let Some(Continuation {
            channel,
            kind:
                Kind::Assertions {
                    mut rest,
                    client_data_hash,
                    flags,
                    extensions,
                },
            ..
        }) = continuation
        else {
            return refuse(Status::NotAllowed, "there is no next assertion");
        };
        let Some(stored) = rest.pop() else {
            return refuse(Status::NotAllowed, "all assertions were given");
        };
        // 4. The same flags: the user agreed once to all of them.
        let named = flags.contains(Flags::UV);
        let response = self.assert(stored, &client_data_hash, flags, named, &extensions)?;
        // 5, 6. The timer starts anew.
        self.continuation = Some(Continuation {
            channel,
            touched_ms: self.environment.monotonic_ms(),
            kind: Kind::Assertions {
                rest,
                client_data_hash,
                flags,
                extensions,
            },
        });
        Ok(response.to_cbor())
    }

    /// Step 13: the signature. The account is `named` when the user was verified and there are several to choose from
    /// (§6.2, `user`): the platform needs the names for nothing else.
    fn assert(
        &mut self,
        stored: StoredCredential,
        client_data_hash: &[u8; 32],
        flags: Flags,
        named: bool,
        asked: &AtAssertion,
    ) -> Result<Response, Fault<E>> {
        let rp_id_hash = self.site_hash(&stored);
        let StoredCredential { record, attributes } = stored;
        let verified = flags.contains(Flags::UV);
        let extensions = self.assertion_outputs(asked, &record.id, &attributes, verified)?;
        let large_blob_key = self.assertion_large_blob_key(asked, &record.id)?;
        let store = self.environment.store_mut();
        let auth_data = AuthenticatorData {
            rp_id_hash,
            flags: flags
                .with_if(record.backup_eligible, Flags::BE)
                .with_if(record.backed_up, Flags::BS),
            sign_count: store.next_sign_count(&record.id).map_err(Error::Store)?,
            attested: None,
            extensions,
        }
        .encode();
        let signed = [auth_data.as_slice(), client_data_hash].concat();
        let signature = store.sign(&record.id, &signed).map_err(Error::Store)?;
        let mut response = Response::new(CredentialDescriptor::new(record.id), auth_data, signature);
        response.large_blob_key = large_blob_key.map(|key| *key.as_bytes());
        response.user = record.discoverable.then(|| named_if(named, record.user));
        Ok(response)
    }

    /// Step 7: of an allow list the first that is here; without one all discoverable credentials, newest first.
    fn locate(&self, request: &Request, verified: bool) -> Result<Vec<StoredCredential>, Fault<E>> {
        if request.allow_list.len() > self.max_list() {
            return refuse(Status::LimitExceeded, "the allow list is too long");
        }
        if request.unknown_types_only {
            return Ok(Vec::new());
        }
        let mut records = self.at_site(&request.rp_id)?;
        let named = !request.allow_list.is_empty();
        records.retain(|stored| stored.attributes.protection.shows_to(verified, named));
        if request.allow_list.is_empty() {
            records.retain(|stored| stored.record.discoverable);
            // The store names the oldest first. Their times do not count: a clock can be set back.
            records.reverse();
            return Ok(records);
        }
        let mut allowed = request.allow_list.iter();
        let place = allowed.find_map(|allowed| records.iter().position(|stored| stored.record.id == allowed.id));
        Ok(place.map(|place| records.swap_remove(place)).into_iter().collect())
    }
}
