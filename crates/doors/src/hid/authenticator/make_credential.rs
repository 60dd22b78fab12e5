//! `authenticatorMakeCredential` (CTAP 2.1 §6.1.2): the steps of the algorithm that are the door's; the rest is the platform's.

use claviger_ctap::authenticator::token::Param;
use claviger_ctap::cbor::Limits;
use claviger_ctap::client_pin::Permissions;
use claviger_ctap::crypto::Algorithm;
use claviger_ctap::make_credential::{Options, Request, Response};
use claviger_ctap::status::Status;

use super::get_info::ALGORITHMS;
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
        if param.is_none() && (uv || request.options.rk) {
            let protected = upstream.info().await.map_err(platform)?.pin_set;
            if uv && !protected {
                return refuse(Status::InvalidOption, "no PIN was chosen, so nobody can be verified");
            }
            // 7, 8, 10. makeCredUvNotRqd: only a discoverable credential needs the user verified, if they can be.
            if !uv && protected {
                return refuse(
                    Status::PuatRequired,
                    "a discoverable credential needs user verification",
                );
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
            // libfido2 and OpenSSH take no credential whose attestation has no signature. A self attestation says nothing about anybody.
            ceremony.attestation_formats_preference.push("packed".to_owned());
        }
        ceremony.options = Options {
            uv: uv || param.is_some(),
            ..request.options
        };
        let ticket = self.ticket(param.is_some(), upstream);
        let made = upstream.make(&ceremony, ticket).await.map_err(platform)?;
        self.spend(param.is_some(), upstream);

        // Some clients refuse members that they do not know, so there are only the three that all do.
        Ok(Response::new(made.fmt, made.auth_data, made.att_stmt).to_cbor())
    }
}
