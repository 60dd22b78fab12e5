//! `authenticatorConfig` (CTAP 2.1 §6.11): each subcommand by its algorithm.

use super::{Answer, BuiltInUv, Device, Environment, Fault, refuse};
use crate::authenticator::token::Param;
use crate::authenticator_config::{Request, SubCommand};
use crate::client_pin::Permissions;
use crate::status::Status;

impl<E: Environment> Device<E> {
    pub(super) fn config(&mut self, parameters: &[u8]) -> Answer<E> {
        // 1. Mandatory parameters.
        let request = Request::from_cbor_within(parameters, &self.limits())?;
        // 2. The subcommand.
        let sub_command = SubCommand::from_number(request.sub_command).filter(|sub| self.configures(*sub));
        let Some(sub_command) = sub_command else {
            return refuse(
                Status::InvalidParameter,
                "an unsupported authenticatorConfig subcommand",
            );
        };
        // 3 to 6. If the user can be verified, they must have been; also if alwaysUv says so, but for switching that
        // off, which is the only way out for whoever has no PIN yet.
        if self.protected() || self.state.always_uv && sub_command != SubCommand::ToggleAlwaysUv {
            let param = Param::require(request.pin_uv_auth_param.as_deref(), request.pin_uv_auth_protocol)?;
            let permission = Permissions::AUTHENTICATOR_CONFIGURATION;
            self.check_token(param, &[&request.authenticated()], permission)?;
        }
        // 7. The subcommand itself.
        match sub_command {
            SubCommand::EnableEnterpriseAttestation => self.enable_enterprise()?,
            SubCommand::ToggleAlwaysUv => {
                self.state.always_uv = !self.state.always_uv;
                self.save()?;
            }
            SubCommand::SetMinPinLength => self.set_min_pin_length(&request)?,
        }
        Ok(Vec::new())
    }

    /// Whether this device has the subcommand.
    pub(super) fn configures(&self, sub_command: SubCommand) -> bool {
        sub_command != SubCommand::EnableEnterpriseAttestation || self.enterprise_capable()
    }

    /// §6.11.4. Nothing is changed unless everything is accepted.
    fn set_min_pin_length(&mut self, request: &Request) -> Result<(), Fault<E>> {
        let params = request.min_pin_length()?;
        // 1, 2. The length only grows, and a PIN of that length must be possible.
        let current = self.state.min_pin_length;
        let asked = params.new_min_pin_length.unwrap_or(current.into());
        let Some(length) = u8::try_from(asked)
            .ok()
            .filter(|n| (current..=MAX_PIN_LENGTH).contains(n))
        else {
            return refuse(
                Status::PinPolicyViolation,
                "a shorter minimum, or one that no PIN can have",
            );
        };
        // CTAP 2.2: there is no further policy to be switched on.
        if params.pin_complexity_policy {
            return refuse(
                Status::InvalidParameter,
                "a policy for PINs that this device does not have",
            );
        }
        // 3. Changing needs a PIN.
        if params.force_change_pin && self.state.pin.is_none() {
            return refuse(Status::PinNotSet, "there is no PIN to be changed");
        }
        // 4. A PIN that is too short now must be changed.
        let too_short = self.state.pin.as_ref().is_some_and(|pin| pin.length < length);
        // 5. Who may learn the length.
        if let Some(rp_ids) = params.rp_ids {
            if rp_ids.len() > self.numbers.max_min_pin_rp_ids {
                return refuse(Status::KeyStoreFull, "no room for so many RP IDs");
            }
            if rp_ids.iter().any(|rp_id| rp_id.len() > self.numbers.max_rp_id_bytes) {
                return refuse(Status::LimitExceeded, "the RP ID is too long");
            }
            self.state.min_pin_rp_ids = rp_ids;
        }
        // 6. Keep it; tokens made with a PIN that must be changed are gone, the persistent one too.
        self.state.min_pin_length = length;
        if params.force_change_pin || too_short {
            let crypto = self.crypto();
            self.state.identity.reset_token(crypto)?;
            self.state.force_pin_change = true;
            self.tokens.clear();
        }
        self.save()
    }

    /// §6.1.2 step 6 and §6.2.2 step 5: with alwaysUv, the option `uv` as the device takes it.
    pub(super) fn uv_with_always_uv(&self, uv: bool, has_param: bool) -> Result<bool, Fault<E>> {
        if !self.state.always_uv {
            return Ok(uv);
        }
        // A client PIN can always be set, so that there is a way even where nothing is set up yet.
        if !self.protected() {
            return refuse(Status::PuatRequired, "alwaysUv, and no verification is set up");
        }
        if has_param || uv {
            return Ok(uv);
        }
        if self.environment.built_in_uv() == BuiltInUv::Configured {
            return Ok(true);
        }
        refuse(Status::PuatRequired, "alwaysUv, and nobody was verified")
    }
}

/// A PIN has at most 63 bytes (§6.5.1).
pub(super) const MAX_PIN_LENGTH: u8 = 63;
