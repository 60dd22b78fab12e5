//! `authenticatorCredentialManagement` (CTAP 2.1 §6.8): each subcommand by its algorithm.
//!
//! Only discoverable credentials are managed: the others are named by the site alone. The persistent token of CTAP 2.2
//! looks at them and changes nothing.

use std::collections::BTreeMap;

use super::continuation::{Continuation, Kind};
use super::{Answer, Device, DeviceStore, Environment, Fault, StoredCredential, refuse};
use crate::authenticator::Error;
use crate::authenticator::token::Param;
use crate::client_pin::Permissions;
use crate::credential_management::{Request, Response, SubCommand};
use crate::status::Status;
use crate::types::{CredentialDescriptor, RpEntity, UserEntity};

impl<E: Environment> Device<E> {
    pub(super) fn credential_management(
        &mut self,
        channel: u32,
        continuation: Option<Continuation>,
        parameters: &[u8],
    ) -> Answer<E> {
        let request = Request::from_cbor_within(parameters, &self.limits())?;
        let Some(sub_command) = SubCommand::from_number(request.sub_command) else {
            return refuse(Status::InvalidSubcommand, "an unknown credentialManagement subcommand");
        };
        let response = match sub_command {
            SubCommand::GetCredsMetadata => self.metadata(&request)?,
            SubCommand::EnumerateRpsBegin => self.first_rp(channel, &request)?,
            SubCommand::EnumerateRpsGetNextRp => self.next_rp(continuation)?,
            SubCommand::EnumerateCredentialsBegin => self.first_credential(channel, &request)?,
            SubCommand::EnumerateCredentialsGetNextCredential => self.next_credential(continuation)?,
            SubCommand::DeleteCredential => self.delete(&request)?,
            SubCommand::UpdateUserInformation => self.update_user(&request)?,
        };
        Ok(response.to_cbor())
    }

    /// §6.8.2.
    fn metadata(&mut self, request: &Request) -> Result<Response, Fault<E>> {
        self.authorize_look(request, None)?;
        let all = self.environment.store().all().map_err(Error::Store)?;
        let existing = all.iter().filter(|stored| stored.record.discoverable).count();
        Ok(Response {
            existing_credentials: u64::try_from(existing).ok(),
            remaining_credentials: u64::try_from(self.remaining(all.len())).ok(),
            ..Response::default()
        })
    }

    /// §6.8.3, the first.
    fn first_rp(&mut self, channel: u32, request: &Request) -> Result<Response, Fault<E>> {
        self.authorize_look(request, None)?;
        let stored = self.discoverable()?;
        // One entry for each RP ID; of its names the newest.
        let rps: BTreeMap<_, _> = stored.into_iter().map(|s| (s.record.rp_id, s.record.rp_name)).collect();
        let total = u64::try_from(rps.len()).ok();
        let mut response = self.give_rp(channel, rps.into_iter().rev().collect(), Status::NoCredentials)?;
        response.total_rps = total;
        Ok(response)
    }

    /// §6.8.3, the next. The token was checked with the first.
    fn next_rp(&mut self, continuation: Option<Continuation>) -> Result<Response, Fault<E>> {
        match continuation {
            Some(Continuation {
                channel,
                kind: Kind::Rps(rest),
                ..
            }) => self.give_rp(channel, rest, Status::NotAllowed),
            _ => refuse(Status::NotAllowed, "no enumeration of RPs has begun"),
        }
    }

    /// §6.8.4, the first.
    fn first_credential(&mut self, channel: u32, request: &Request) -> Result<Response, Fault<E>> {
        has_param(request)?;
        let hash = request.rp_id_hash()?;
        self.authorize_look(request, Some(&hash))?;
        let crypto = self.crypto();
        let mut records = self.discoverable()?;
        records.retain(|stored| crypto.sha256(&[stored.record.rp_id.as_bytes()]) == hash);
        records.reverse();
        let total = u64::try_from(records.len()).ok();
        let mut response = self.give_credential(channel, records, Status::NoCredentials)?;
        response.total_credentials = total;
        Ok(response)
    }

    /// §6.8.4, the next. The token was checked with the first.
    fn next_credential(&mut self, continuation: Option<Continuation>) -> Result<Response, Fault<E>> {
        match continuation {
            Some(Continuation {
                channel,
                kind: Kind::Credentials(rest),
                ..
            }) => self.give_credential(channel, rest, Status::NotAllowed),
            _ => refuse(Status::NotAllowed, "no enumeration of credentials has begun"),
        }
    }

    /// §6.8.5.
    fn delete(&mut self, request: &Request) -> Result<Response, Fault<E>> {
        let StoredCredential { record, .. } = self.named(request)?;
        self.credentials_change()?;
        self.environment.store_mut().delete(&record.id).map_err(Error::Store)?;
        Ok(Response::default())
    }

    /// §6.8.6.
    fn update_user(&mut self, request: &Request) -> Result<Response, Fault<E>> {
        has_param(request)?;
        let user = request.user()?;
        let StoredCredential { record, .. } = self.named(request)?;
        if user.id != record.user.id {
            return refuse(Status::InvalidParameter, "another account than the credential's");
        }
        // What is absent or empty is removed.
        let kept = |name: Option<String>| name.filter(|name| !name.is_empty()).map(|name| self.cut_name(&name));
        let user = UserEntity {
            name: kept(user.name),
            display_name: kept(user.display_name),
            id: user.id,
        };
        self.credentials_change()?;
        let store = self.environment.store_mut();
        store.set_user(&record.id, user).map_err(Error::Store)?;
        Ok(Response::default())
    }

    /// As [`Self::authorize_for`], but the persistent token will do.
    fn authorize_look(&mut self, request: &Request, rp_id_hash: Option<&[u8; 32]>) -> Result<(), Fault<E>> {
        let param = Param::require(request.pin_uv_auth_param.as_deref(), request.pin_uv_auth_protocol)?;
        if self.by_persistent_token(&param, &request.authenticated()) {
            return Ok(());
        }
        self.authorize_for(request, rp_id_hash)
    }

    /// Checks the MAC and the permission `cm`. A token that is bound to an RP may do only what concerns this RP, whose
    /// ID has the hash `rp_id_hash`.
    fn authorize_for(&mut self, request: &Request, rp_id_hash: Option<&[u8; 32]>) -> Result<(), Fault<E>> {
        let crypto = self.crypto();
        let param = Param::require(request.pin_uv_auth_param.as_deref(), request.pin_uv_auth_protocol)?;
        let token = self.check_token(param, &[&request.authenticated()], Permissions::CREDENTIAL_MANAGEMENT)?;
        let allowed = match token.rp_id() {
            None => true,
            Some(rp_id) => rp_id_hash == Some(&crypto.sha256(&[rp_id.as_bytes()])),
        };
        if allowed {
            Ok(())
        } else {
            refuse(Status::PinAuthInvalid, "the token is another site's")
        }
    }

    /// The credential that a request names, if its token may touch it.
    fn named(&mut self, request: &Request) -> Result<StoredCredential, Fault<E>> {
        has_param(request)?;
        let crypto = self.crypto();
        let credential = request.credential()?;
        let found = self.discoverable()?.into_iter().find(|s| s.record.id == credential.id);
        // Authorised first: a program without a token does not learn which credentials are here.
        let hash = found
            .as_ref()
            .map(|stored| crypto.sha256(&[stored.record.rp_id.as_bytes()]));
        self.authorize_for(request, hash.as_ref())?;
        found.ok_or(Error::refused(Status::NoCredentials, "there is no such credential"))
    }

    fn give_rp(
        &mut self,
        channel: u32,
        mut rest: Vec<(String, Option<String>)>,
        if_none: Status,
    ) -> Result<Response, Fault<E>> {
        let Some((id, name)) = rest.pop() else {
            return refuse(if_none, "no RP is left");
        };
        self.go_on(channel, Kind::Rps(rest));
        Ok(Response {
            rp_id_hash: Some(self.crypto().sha256(&[id.as_bytes()])),
            rp: Some(RpEntity { id, name }),
            ..Response::default()
        })
    }

    fn give_credential(
        &mut self,
        channel: u32,
        mut rest: Vec<StoredCredential>,
        if_none: Status,
    ) -> Result<Response, Fault<E>> {
        let Some(StoredCredential { record, attributes }) = rest.pop() else {
            return refuse(if_none, "no credential is left");
        };
        let key = self
            .environment
            .store()
            .large_blob_key(&record.id)
            .map_err(Error::Store)?;
        self.go_on(channel, Kind::Credentials(rest));
        Ok(Response {
            user: Some(record.user),
            credential: Some(CredentialDescriptor::new(record.id)),
            public_key: Some(record.public_key),
            cred_protect: Some(attributes.protection.number()),
            large_blob_key: key.map(|key| *key.as_bytes()),
            third_party_payment: Some(attributes.third_party_payment),
            ..Response::default()
        })
    }

    fn go_on(&mut self, channel: u32, kind: Kind) {
        self.continuation = Some(Continuation {
            channel,
            touched_ms: self.environment.monotonic_ms(),
            kind,
        });
    }

    fn discoverable(&self) -> Result<Vec<StoredCredential>, Fault<E>> {
        let mut records = self.environment.store().all().map_err(Error::Store)?;
        records.retain(|stored| stored.record.discoverable);
        Ok(records)
    }
}

/// The first step of every subcommand, before its own parameters are looked at.
fn has_param<S>(request: &Request) -> Result<(), Error<S>> {
    match request.pin_uv_auth_param {
        Some(_) => Ok(()),
        None => refuse(Status::PuatRequired, "the command needs a pinUvAuthParam"),
    }
}
