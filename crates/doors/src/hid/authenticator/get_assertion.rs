//! `authenticatorGetAssertion` (CTAP 2.1 §6.2.2): the steps of the algorithm that are the door's; the rest is the platform's.

use claviger_broker::PinTicket;
use claviger_ctap::authenticator::token::Param;
use claviger_ctap::cbor::Limits;
use claviger_ctap::client_pin::Permissions;
use claviger_ctap::get_assertion::{Options, Request, Response};
use claviger_ctap::status::Status;
use claviger_ctap::types::UserEntity;

use super::{Answer, DoorAuthenticator, MAX_LIST, extensions, platform, refuse};
use crate::hid::upstream::Upstream;

impl DoorAuthenticator {
    pub(super) async fn get_assertion<U: Upstream>(&mut self, upstream: &U, parameters: &[u8]) -> Answer {
        let request = Request::from_cbor_within(parameters, &Limits::CTAP)?;

        // 1, 2. The PIN/UV auth parameter.
        if request.pin_uv_auth_param.as_ref().is_some_and(Vec::is_empty) {
            return self.selection_by_parameter(upstream).await;
        }
        let param = Param::read(request.pin_uv_auth_param.as_deref(), request.pin_uv_auth_protocol)?;

        // 4. Options. With a parameter, `uv` counts as absent; `rk` is none of this command.
        let uv = request.options.uv && param.is_none();
        if uv && !upstream.info().await.map_err(platform)?.pin_set {
            return refuse(Status::InvalidOption, "no PIN was chosen, so nobody can be verified");
        }
        if request.rk.is_some() {
            return refuse(Status::UnsupportedOption, "the option rk in an assertion");
        }

        // 6. The token, if one is used. What it stands for is proven in the ceremony.
        if let Some(param) = param {
            self.tokens.verify_operation(
                self.crypto,
                param,
                &request.client_data_hash,
                Permissions::GET_ASSERTION,
                &request.rp_id,
                upstream.now_ms(),
            )?;
        }

        // 7, 8. The credentials are the platform's to look for, as far as the list is one that a key would take.
        if request.allow_list.len() > MAX_LIST {
            return refuse(Status::LimitExceeded, "the allow list is too long");
        }

        if request.unknown_types_only {
            return refuse(Status::NoCredentials, "an allow list of unknown types");
        }

        // 10, the first half: malformed extension inputs, before the user is bothered.
        let up = request.options.up;
        let verifies = param.is_some() || (uv && up);
        let wants = (up, verifies);
        let asked = extensions::at_assertion(self.crypto, &self.key_agreement, &request.extensions, wants)?;

        // 9 to 13. The ceremony. For a program that only looks whether a credential is here nobody is asked, whatever it wishes. With a
        // token it finds those too that need verification (credProtect 3): it is about to use the token for them.
        let mut ceremony = Request::new(request.rp_id, request.client_data_hash);
        ceremony.allow_list = request.allow_list;
        ceremony.extensions = asked;
        ceremony.options = Options { up, uv: verifies };
        let by_token = up && param.is_some();
        let ticket = self.ticket(by_token, upstream);
        let got = upstream.get(&ceremony, ticket).await.map_err(platform)?;
        self.spend(by_token, upstream);

        // Some clients refuse members that they do not know (`userSelected` among them), so there are only the four that all do.
        let mut response = Response::new(got.credential, got.auth_data, got.signature);
        response.user = got.user.map(nameless);
        Ok(response.to_cbor())
    }

    /// Takes the ticket of the token that this command used. It serves once, whatever becomes of the ceremony.
    pub(super) fn ticket<U: Upstream>(&mut self, by_token: bool, upstream: &U) -> Option<PinTicket> {
        let token = self.tokens.current(upstream.now_ms()).filter(|_| by_token)?;
        token.attachment().ticket.take()
    }

    /// The user has agreed to one operation: what the token proved is spent.
    pub(super) fn spend<U: Upstream>(&mut self, by_token: bool, upstream: &U) {
        if let Some(token) = self.tokens.current(upstream.now_ms()).filter(|_| by_token) {
            token.spend();
        }
    }
}

/// §6.2.3: names only where there are several accounts to choose from. Here the user has chosen; with a name Chromium would have them
/// choose again.
fn nameless(user: UserEntity) -> UserEntity {
    UserEntity {
        name: None,
        display_name: None,
        ..user
    }
}
