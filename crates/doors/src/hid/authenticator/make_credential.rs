//! `authenticatorMakeCredential` (CTAP 2.1 §6.1.2): the steps of the algorithm that are the door's; the rest is the platform's.

use claviger_ctap::authenticator::token::Param;
use claviger_ctap::authenticator::{Refusal, attest_once};
use claviger_ctap::authenticator_data::AuthenticatorData;
use claviger_ctap::cbor::{Limits, Map};
use claviger_ctap::client_pin::Permissions;
use claviger_ctap::crypto::Algorithm;
use claviger_ctap::make_credential::{Options, Request, Response};
use claviger_ctap::status::Status;

use super::get_info::{ALGORITHMS, makes_unverified};
use super::{Answer, DoorAuthenticator, MAX_LIST, extensions, platform, refuse};
use crate::hid::upstream::Upstream;

/// Browsers ask for a credential of this site when they mean "is it this key?", and want none.
const SELECTION_RP_ID: &str = "make.me.blink";

impl DoorAuthenticator {
    pub(super) async fn make_credential<U: Upstream>(&mut self, upstream: &U, parameters: &[u8]) -> Answer {
        let request = Request::from_cbor_within(parameters, &Limits::CTAP)?;

        // 1. Selection; also in the form that older browsers gave it.
        let empty = request.pin_uv_auth_param.as_ref().is_some_and(Vec::is_empty);
        if empty || request.rp.id == SELECTION_RP_ID {
            return self.selection_by_parameter(upstream).await;
        }

        // 2. The protocol.
        let param = Param::read(request.pin_uv_auth_param.as_deref(), request.pin_uv_auth_protocol)?;

        // 3. The algorithms. Which of them it becomes is the provider's choice, in the request's order.
        let supported = |id: &i64| Algorithm::from_cose(*id).is_some_and(|algorithm| ALGORITHMS.contains(&algorithm));
        if !request.algorithms.iter().any(supported) {
            return refuse(
                Status::UnsupportedAlgorithm,
                "none of the algorithms asked for is supported",
            );
        }

        // 5. Options. With a parameter, `uv` counts as absent.
        let uv = request.options.uv && param.is_none();
        if !request.options.up {
            return refuse(Status::InvalidOption, "a credential without user presence");
        }
        if param.is_none() {
            let info = upstream.info().await.map_err(platform)?;
            if uv && !info.pin_set {
                return refuse(Status::InvalidOption, "no PIN was chosen, so nobody can be verified");
            }
            // 7, 8, 10. Without makeCredUvNotRqd every credential, with it only a discoverable one, needs the user verified, if
            // they can be.
            let needs_uv = info.pin_set && (request.options.rk || !makes_unverified(info));
            if needs_uv && !uv {
                return refuse(Status::PuatRequired, "the credential needs user verification");
            }
        }

        // 9. Enterprise attestation is not offered.
        if request.enterprise_attestation.is_some() {
            return refuse(Status::InvalidParameter, "enterprise attestation is not supported");
        }

        // 11. The token, if one is used. What it stands for is proven in the ceremony.
        if let Some(param) = param {
            self.tokens.verify_operation(
                self.crypto,
                param,
                &request.client_data_hash,
                Permissions::MAKE_CREDENTIAL,
                &request.rp.id,
                upstream.now_ms(),
            )?;
        }

        // 12. The exclude list is the platform's to look through, as far as it is one that a key would take.
        if request.exclude_list.len() > MAX_LIST {
            return refuse(Status::LimitExceeded, "the exclude list is too long");
        }

        // 15, the first half: malformed extension inputs, before the user is bothered.
        let asked = extensions::at_creation(self.crypto, &self.key_agreement, &request.extensions)?;

        // 13 to 19. The ceremony: consent, verification, the credential.
        let mut ceremony = Request::new(request.client_data_hash, request.rp, request.user, request.algorithms);
        ceremony.exclude_list = request.exclude_list;
        ceremony.extensions = asked;
        ceremony.attestation_formats_preference = request.attestation_formats_preference;
        if ceremony.attestation_formats_preference.is_empty() {
            // libfido2 and OpenSSH take no credential whose attestation has no signature.
            ceremony.attestation_formats_preference.push(PACKED.to_owned());
        }
        ceremony.options = Options {
            uv: uv || param.is_some(),
            ..request.options
        };
        let ticket = self.ticket(param.is_some(), upstream);
        let made = upstream.make(&ceremony, ticket).await.map_err(platform)?;
        self.spend(param.is_some(), upstream);

        // Some clients refuse members that they do not know, so there are only the three that all do.
        let statement = self.statement(&made, &ceremony.client_data_hash)?;
        Ok(Response::new(made.fmt, made.auth_data, statement).to_cbor())
    }

    /// The attestation statement. The self attestation of a provider, which the platform has checked, goes out as one with a
    /// certificate: `pam_u2f` before 1.2 takes no other. Both say nothing about anybody.
    fn statement(&self, made: &Response, client_data_hash: &[u8; 32]) -> Result<Map, Refusal> {
        if made.fmt != PACKED || made.att_stmt.text("x5c").is_some() {
            return Ok(made.att_stmt.clone());
        }
        let Ok(AuthenticatorData {
            attested: Some(attested),
            ..
        }) = AuthenticatorData::parse(&made.auth_data)
        else {
            return refuse(Status::Other, "the platform's answer has no credential");
        };
        let signed = [made.auth_data.as_slice(), client_data_hash].concat();
        Ok(attest_once(self.crypto, attested.aaguid, &signed)?)
    }
}

/// The attestation format of security keys.
const PACKED: &str = "packed";
