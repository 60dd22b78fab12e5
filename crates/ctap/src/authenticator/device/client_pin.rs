//! `authenticatorClientPIN` (CTAP 2.1 §6.5.5): each subcommand by the numbers of its algorithm.

use super::state::PinRecord;
use super::{Answer, BuiltInUv, Device, Environment, Fault, Purpose, refuse};
use crate::authenticator::Error;
use crate::authenticator::token::{Grant, supported_protocol};
use crate::client_pin::{Permissions, Request, Response, SubCommand};
use crate::pin_protocol::SharedSecret;
use crate::status::Status;

impl<E: Environment> Device<E> {
    pub(super) fn client_pin(&mut self, parameters: &[u8]) -> Answer<E> {
        let request = Request::from_cbor_within(parameters, &self.limits())?;
        let Some(sub_command) = SubCommand::from_number(request.sub_command) else {
            return refuse(Status::InvalidSubcommand, "an unknown clientPIN subcommand");
        };
        let response = match sub_command {
            SubCommand::GetPinRetries => self.pin_retries(),
            SubCommand::GetKeyAgreement => self.key_agreement(&request)?,
            SubCommand::SetPin => self.set_pin(&request)?,
            SubCommand::ChangePin => self.change_pin(&request)?,
            SubCommand::GetPinToken => self.pin_token(&request)?,
            SubCommand::GetTokenUsingUv => self.token_using_uv(&request)?,
            SubCommand::GetUvRetries => self.uv_retries()?,
            SubCommand::GetTokenUsingPin => self.token_using_pin(&request)?,
        };
        Ok(response.to_cbor())
    }

    /// §6.5.5.2.
    fn pin_retries(&self) -> Response {
        Response {
            pin_retries: Some(self.state.pin_retries.into()),
            power_cycle_state: Some(self.power_cycle_needed()),
            ..Response::default()
        }
    }

    /// §6.5.5.3.
    fn uv_retries(&self) -> Result<Response, Fault<E>> {
        if self.environment.built_in_uv() == BuiltInUv::None {
            return refuse(Status::InvalidSubcommand, "there is no built-in user verification");
        }
        Ok(Response {
            uv_retries: Some(self.state.uv_retries.into()),
            ..Response::default()
        })
    }

    /// §6.5.5.4. Both protocols have the same key: what they derive from it differs.
    fn key_agreement(&self, request: &Request) -> Result<Response, Fault<E>> {
        supported_protocol(request.pin_uv_auth_protocol)?;
        Ok(Response {
            key_agreement: Some(self.key_agreement.public().clone()),
            ..Response::default()
        })
    }

    /// §6.5.5.5.
    fn set_pin(&mut self, request: &Request) -> Result<Response, Fault<E>> {
        // 1. Mandatory parameters. 2. The protocol. 4. The shared secret (its errors do not depend on step 3).
        let secret = self.shared_secret(request)?;
        let new_pin_enc = required(request.new_pin_enc.as_ref())?;
        let mac = required(request.pin_uv_auth_param.as_ref())?;
        // 3. A PIN is changed, not set again.
        if self.state.pin.is_some() {
            return refuse(Status::PinAuthInvalid, "there is a PIN already");
        }
        // 5. The MAC over the new PIN.
        if secret.verify(self.crypto(), &[new_pin_enc], mac).is_err() {
            return refuse(Status::PinAuthInvalid, "the MAC over the new PIN is wrong");
        }
        // 6 to 9. Decrypt, check, keep.
        let pin = self.new_pin(&secret, new_pin_enc)?;
        self.keep_pin(pin)?;
        Ok(Response::default())
    }

    /// §6.5.5.6.
    fn change_pin(&mut self, request: &Request) -> Result<Response, Fault<E>> {
        // 1. Mandatory parameters. 2. The protocol. 5. The shared secret.
        let secret = self.shared_secret(request)?;
        let new_pin_enc = required(request.new_pin_enc.as_ref())?;
        let pin_hash_enc = required(request.pin_hash_enc.as_ref())?;
        let mac = required(request.pin_uv_auth_param.as_ref())?;
        // 3, 4. There is a PIN, and tries are left.
        self.pin_may_be_tried()?;
        // 6. The MAC over the new PIN and the old one's hash.
        if secret.verify(self.crypto(), &[new_pin_enc, pin_hash_enc], mac).is_err() {
            return refuse(Status::PinAuthInvalid, "the MAC over the PINs is wrong");
        }
        // 7 to 11. The old PIN.
        self.try_pin(&secret, pin_hash_enc)?;
        // 12 to 16. The new PIN; tokens made with the old one are gone.
        let pin = self.new_pin(&secret, new_pin_enc)?;
        let same = |old: &PinRecord| old.hash == pin.hash;
        if self.state.force_pin_change && self.state.pin.as_ref().is_some_and(same) {
            return refuse(Status::PinPolicyViolation, "the PIN that must be changed, again");
        }
        self.keep_pin(pin)?;
        Ok(Response::default())
    }

    /// §6.5.5.7.1: a token with the permissions that CTAP 2.0 knew.
    fn pin_token(&mut self, request: &Request) -> Result<Response, Fault<E>> {
        let secret = self.shared_secret(request)?;
        let pin_hash_enc = required(request.pin_hash_enc.as_ref())?;
        if request.permissions.is_some() || request.rp_id.is_some() {
            return refuse(Status::InvalidParameter, "permissions in the superseded getPinToken");
        }
        self.pin_may_be_tried()?;
        self.try_pin(&secret, pin_hash_enc)?;
        if self.state.force_pin_change {
            return refuse(Status::PinInvalid, "the PIN must be changed");
        }
        self.issue(&secret, Grant::superseded())
    }

    /// §6.5.5.7.2.
    fn token_using_pin(&mut self, request: &Request) -> Result<Response, Fault<E>> {
        let secret = self.shared_secret(request)?;
        let pin_hash_enc = required(request.pin_hash_enc.as_ref())?;
        let grant = Grant::asked_for(request, OFFERED)?;
        self.pin_may_be_tried()?;
        self.try_pin(&secret, pin_hash_enc)?;
        if self.state.force_pin_change {
            return refuse(Status::PinPolicyViolation, "the PIN must be changed");
        }
        self.issue(&secret, grant)
    }

    /// §6.5.5.7.3.
    fn token_using_uv(&mut self, request: &Request) -> Result<Response, Fault<E>> {
        let secret = self.shared_secret(request)?;
        let grant = Grant::asked_for(request, OFFERED)?;
        if self.environment.built_in_uv() != BuiltInUv::Configured {
            return refuse(Status::NotAllowed, "there is no built-in user verification");
        }
        // The verifier shows what the token is for: its success is consent and presence too.
        let (permissions, rp_id) = (grant.permissions, grant.rp_id.as_deref());
        drop(self.perform_built_in_uv(&Purpose::Token { permissions, rp_id })?);
        let user_present = true;
        self.issue(&secret, Grant { user_present, ..grant })
    }

    /// The new token for the platform.
    fn issue(&mut self, secret: &SharedSecret, grant: Grant) -> Result<Response, Fault<E>> {
        let (crypto, now) = (self.crypto(), self.environment.monotonic_ms());
        let wrapped = self.tokens.issue(crypto, secret, grant, (), now)?;
        Ok(Response {
            pin_uv_auth_token: Some(wrapped),
            ..Response::default()
        })
    }

    /// The protocol and the platform's key, and what follows from them.
    fn shared_secret(&self, request: &Request) -> Result<SharedSecret, Fault<E>> {
        let protocol = supported_protocol(request.pin_uv_auth_protocol)?;
        let platform = required(request.key_agreement.as_ref())?;
        let secret = SharedSecret::decapsulate(self.crypto(), protocol, &self.key_agreement, platform)?;
        Ok(secret)
    }
}

fn required<T, S>(member: Option<&T>) -> Result<&T, Error<S>> {
    member.ok_or(Error::refused(
        Status::MissingParameter,
        "a mandatory parameter of the subcommand is missing",
    ))
}

/// What a token can be good for here: all but the management of fingerprints.
const OFFERED: Permissions = Permissions::MAKE_CREDENTIAL
    .union(Permissions::GET_ASSERTION)
    .union(Permissions::CREDENTIAL_MANAGEMENT)
    .union(Permissions::LARGE_BLOB_WRITE)
    .union(Permissions::AUTHENTICATOR_CONFIGURATION);
