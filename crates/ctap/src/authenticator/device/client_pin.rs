//! `authenticatorClientPIN` (CTAP 2.1 §6.5.5): each subcommand by the numbers of its algorithm.

use super::state::PinRecord;
use super::{Answer, BuiltInUv, Device, Environment, Fault, Purpose, refuse};
use crate::authenticator::Error;
use crate::authenticator::token::{Grant, supported_protocol};
use crate::client_pin::{Permissions, Request, Response, SubCommand};
use crate::pin_protocol::{PinUvAuthProtocol, SharedSecret};
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
        // 1. Mandatory parameters. 2. The protocol.
        agreed(request)?;
        let new_pin_enc = required(request.new_pin_enc.as_ref())?;
        let mac = required(request.pin_uv_auth_param.as_ref())?;
        let protocol = supported_protocol(request.pin_uv_auth_protocol)?;
        // 3. A PIN is changed, not set again.
        if self.state.pin.is_some() {
            return refuse(Status::PinAuthInvalid, "there is a PIN already");
        }
        // 4. The shared secret. 5. The MAC over the new PIN.
        let secret = self.shared_secret(protocol, request)?;
        if secret.verify(self.crypto(), &[new_pin_enc], mac).is_err() {
            return refuse(Status::PinAuthInvalid, "the MAC over the new PIN is wrong");
        }
        // 6 to 12. Decrypt, check, keep.
        let pin = self.new_pin(&secret, new_pin_enc)?;
        self.keep_pin(pin)?;
        Ok(Response::default())
    }

    /// §6.5.5.6.
    fn change_pin(&mut self, request: &Request) -> Result<Response, Fault<E>> {
        // 1. Mandatory parameters. 2. The protocol.
        agreed(request)?;
        let new_pin_enc = required(request.new_pin_enc.as_ref())?;
        let pin_hash_enc = required(request.pin_hash_enc.as_ref())?;
        let mac = required(request.pin_uv_auth_param.as_ref())?;
        let protocol = supported_protocol(request.pin_uv_auth_protocol)?;
        // 3. There is a PIN, and tries are left.
        self.pin_may_be_tried()?;
        // 4. The shared secret. 5. The MAC over the new PIN and the old one's hash.
        let secret = self.shared_secret(protocol, request)?;
        if secret.verify(self.crypto(), &[new_pin_enc, pin_hash_enc], mac).is_err() {
            return refuse(Status::PinAuthInvalid, "the MAC over the PINs is wrong");
        }
        // 6 to 8. The old PIN.
        self.try_pin(&secret, pin_hash_enc)?;
        // 9 to 14. The new PIN.
        let pin = self.new_pin(&secret, new_pin_enc)?;
        let same = |old: &PinRecord| old.hash == pin.hash;
        if self.state.force_pin_change && self.state.pin.as_ref().is_some_and(same) {
            return refuse(Status::PinPolicyViolation, "the PIN that must be changed, again");
        }
        // 15 to 21. Keep it; all tokens made with the old one are gone, the persistent one too.
        let crypto = self.crypto();
        self.state.identity.reset_token(crypto)?;
        self.keep_pin(pin)?;
        Ok(Response::default())
    }

    /// §6.5.5.7.1: a token with the permissions that CTAP 2.0 knew.
    fn pin_token(&mut self, request: &Request) -> Result<Response, Fault<E>> {
        // 1. Mandatory parameters. 2. The protocol.
        agreed(request)?;
        let pin_hash_enc = required(request.pin_hash_enc.as_ref())?;
        let protocol = supported_protocol(request.pin_uv_auth_protocol)?;
        // 3, 4. Nothing of what came later.
        if request.permissions.is_some() || request.rp_id.is_some() {
            return refuse(Status::InvalidParameter, "permissions in the superseded getPinToken");
        }
        // 5. There is a PIN, and tries are left.
        self.pin_may_be_tried()?;
        // 6. The shared secret. 8 to 10. The PIN.
        let secret = self.shared_secret(protocol, request)?;
        self.try_pin(&secret, pin_hash_enc)?;
        // 11. It must not be one that must be changed.
        if self.state.force_pin_change {
            return refuse(Status::PinInvalid, "the PIN must be changed");
        }
        // 12 to 15. The token.
        self.issue(&secret, Grant::superseded())
    }

    /// §6.5.5.7.2.
    fn token_using_pin(&mut self, request: &Request) -> Result<Response, Fault<E>> {
        // 1. Mandatory parameters. 2. The protocol.
        agreed(request)?;
        let pin_hash_enc = required(request.pin_hash_enc.as_ref())?;
        required(request.permissions.as_ref())?;
        let protocol = supported_protocol(request.pin_uv_auth_protocol)?;
        // 3, 4. The permissions.
        let grant = Grant::asked_for(request, OFFERED)?;
        // 5. There is a PIN, and tries are left.
        self.pin_may_be_tried()?;
        // 6. The shared secret. 8 to 10. The PIN.
        let secret = self.shared_secret(protocol, request)?;
        self.try_pin(&secret, pin_hash_enc)?;
        // 11. It must not be one that must be changed.
        if self.state.force_pin_change {
            return refuse(Status::PinPolicyViolation, "the PIN must be changed");
        }
        // 12 to 17. The token.
        self.issue(&secret, grant)
    }

    /// §6.5.5.7.3.
    fn token_using_uv(&mut self, request: &Request) -> Result<Response, Fault<E>> {
        // The subcommand is there only for devices that can do it.
        let built_in = self.environment.built_in_uv();
        if built_in == BuiltInUv::None {
            return refuse(Status::InvalidSubcommand, "there is no built-in user verification");
        }
        // 1. Mandatory parameters. 2. The protocol. 3, 4. The permissions.
        agreed(request)?;
        required(request.permissions.as_ref())?;
        let protocol = supported_protocol(request.pin_uv_auth_protocol)?;
        let grant = Grant::asked_for(request, OFFERED)?;
        // 5. The verifier must be set up.
        if built_in == BuiltInUv::NotConfigured {
            return refuse(Status::NotAllowed, "the built-in user verification is not set up");
        }
        // 7. Tries must be left. Only then the shared secret.
        if self.state.uv_retries == 0 {
            return refuse(Status::UvBlocked, "built-in user verification is blocked");
        }
        let secret = self.shared_secret(protocol, request)?;
        // 6, 8 to 10. The verifier shows what the token is for: its success is consent and presence too.
        let (permissions, rp_id) = (grant.permissions, grant.rp_id.as_deref());
        drop(self.perform_built_in_uv(&Purpose::Token { permissions, rp_id })?);
        // 11 to 16. The token.
        let user_present = true;
        self.issue(&secret, Grant { user_present, ..grant })
    }

    /// The new token for the platform.
    fn issue(&mut self, secret: &SharedSecret, grant: Grant) -> Result<Response, Fault<E>> {
        let lasting = Permissions::PERSISTENT_CREDENTIAL_MANAGEMENT_READ_ONLY;
        if grant.permissions == lasting {
            return self.persistent_token(secret);
        }
        let (crypto, now) = (self.crypto(), self.environment.monotonic_ms());
        let wrapped = self.tokens.issue(crypto, secret, grant, (), now)?;
        Ok(Response {
            pin_uv_auth_token: Some(wrapped),
            ..Response::default()
        })
    }

    /// What follows from the platform's key.
    fn shared_secret(&self, protocol: PinUvAuthProtocol, request: &Request) -> Result<SharedSecret, Fault<E>> {
        let platform = request.platform_key()?;
        Ok(SharedSecret::decapsulate(
            self.crypto(),
            protocol,
            &self.key_agreement,
            platform,
        )?)
    }
}

/// The mandatory parameters that the subcommands with a shared secret have in common. Whether they are good is seen
/// later.
fn agreed<S>(request: &Request) -> Result<(), Error<S>> {
    required(request.pin_uv_auth_protocol.as_ref())?;
    required(request.has_platform_key().then_some(&()))?;
    Ok(())
}

fn required<T, S>(member: Option<&T>) -> Result<&T, Error<S>> {
    member.ok_or(Error::refused(
        Status::MissingParameter,
        "a mandatory parameter of the subcommand is missing",
    ))
}

/// What a token can be good for here: all but the management of fingerprints. bioEnrollment would be a module beside this
/// one, over a verifier that can enrol; until then the command is unknown and its permission is refused.
const OFFERED: Permissions = Permissions::MAKE_CREDENTIAL
    .union(Permissions::GET_ASSERTION)
    .union(Permissions::CREDENTIAL_MANAGEMENT)
    .union(Permissions::LARGE_BLOB_WRITE)
    .union(Permissions::AUTHENTICATOR_CONFIGURATION)
    .union(Permissions::PERSISTENT_CREDENTIAL_MANAGEMENT_READ_ONLY);
