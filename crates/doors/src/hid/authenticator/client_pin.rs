//! `authenticatorClientPIN` (CTAP 2.1 §6.5.5): the PIN is hello's, the tokens are the door's.

use claviger_broker::NotVerified;
use claviger_ctap::authenticator::Refusal;
use claviger_ctap::authenticator::token::{Grant, supported_protocol};
use claviger_ctap::cbor::Limits;
use claviger_ctap::client_pin::{Permissions, Request, Response, SubCommand};
use claviger_ctap::crypto::ecdh::EphemeralKey;
use claviger_ctap::pin_protocol::SharedSecret;
use claviger_ctap::status::Status;
use zeroize::Zeroizing;

use super::{Answer, Backing, DoorAuthenticator, platform, refuse};
use crate::ctap::message::PinCheck;
use crate::hid::upstream::Upstream;

/// Most tries that the specification lets a key tell (§6.5.2.2). Hello may have more.
const MAX_PIN_RETRIES: u32 = 8;

/// The same for built-in verification (§6.5.2.3).
const MAX_UV_RETRIES: u32 = 25;

impl DoorAuthenticator {
    pub(super) async fn client_pin<U: Upstream>(&mut self, upstream: &U, channel: u32, parameters: &[u8]) -> Answer {
        let request = Request::from_cbor_within(parameters, &Limits::CTAP)?;
        let Some(sub_command) = SubCommand::from_number(request.sub_command) else {
            return refuse(Status::InvalidSubcommand, "an unknown clientPIN subcommand");
        };
        let response = match sub_command {
            SubCommand::GetPinRetries => retries(upstream, MAX_PIN_RETRIES, |answer| &mut answer.pin_retries).await?,
            SubCommand::GetUvRetries => retries(upstream, MAX_UV_RETRIES, |answer| &mut answer.uv_retries).await?,
            SubCommand::GetKeyAgreement => self.key_agreement(&request)?,
            SubCommand::GetPinToken => self.superseded_token(upstream, channel, &request).await?,
            SubCommand::GetTokenUsingPin => self.token_using_pin(upstream, channel, &request).await?,
            SubCommand::GetTokenUsingUv => self.token_using_uv(upstream, &request).await?,
            SubCommand::SetPin | SubCommand::ChangePin => {
                return refuse(Status::OperationDenied, "the PIN is chosen with `claviger`");
            }
        };
        Ok(response.to_cbor())
    }

    /// §6.5.5.4. Both protocols have the same key: what they derive from it differs.
    fn key_agreement(&self, request: &Request) -> Result<Response, Refusal> {
        supported_protocol(request.pin_uv_auth_protocol)?;
        let mut response = Response::default();
        response.key_agreement = Some(self.key_agreement.public().clone());
        Ok(response)
    }

    /// §6.5.5.7.1: a token with the permissions that CTAP 2.0 knew.
    async fn superseded_token<U: Upstream>(
        &mut self,
        upstream: &U,
        channel: u32,
        request: &Request,
    ) -> Result<Response, Refusal> {
        if request.permissions.is_some() || request.rp_id.is_some() {
            return refuse(Status::InvalidParameter, "permissions in the superseded getPinToken");
        }
        self.token_for_pin(upstream, channel, request, Grant::superseded())
            .await
    }

    /// §6.5.5.7.2.
    async fn token_using_pin<U: Upstream>(
        &mut self,
        upstream: &U,
        channel: u32,
        request: &Request,
    ) -> Result<Response, Refusal> {
        let grant = Grant::asked_for(request, OFFERED)?;
        self.token_for_pin(upstream, channel, request, grant).await
    }

    async fn token_for_pin<U: Upstream>(
        &mut self,
        upstream: &U,
        channel: u32,
        request: &Request,
        grant: Grant,
    ) -> Result<Response, Refusal> {
        let secret = self.shared_secret(request)?;
        let Some(pin_hash_enc) = &request.pin_hash_enc else {
            return refuse(Status::MissingParameter, "a token for a PIN without the PIN");
        };
        // What does not decrypt to a hash is a wrong PIN, for which no try needs to be counted: it says nothing about the right one.
        let hash = secret.decrypt(pin_hash_enc).unwrap_or_default();
        let Ok(hash) = hash.as_slice().try_into().map(Zeroizing::new) else {
            return self.wrong_pin(Status::PinInvalid);
        };
        let PinCheck(outcome) = upstream.check_pin(hash).await.map_err(platform)?;
        match outcome {
            Ok(ticket) => {
                let backing = Backing {
                    ticket: Some(ticket),
                    list: self.still_shown(channel, upstream.now_ms()),
                };
                self.issue(upstream, &secret, grant, backing)
            }
            Err(NotVerified::WrongPin { tries_left: 0, .. }) => self.wrong_pin(Status::PinBlocked),
            Err(NotVerified::WrongPin { .. }) => self.wrong_pin(Status::PinInvalid),
            Err(NotVerified::LockedOut) => refuse(Status::PinBlocked, "no tries are left"),
            // Hello keeps the last tries for its own prompt, so that no program locks the user out; there the right one opens this way again.
            Err(NotVerified::PromptOnly { .. }) => refuse(Status::PinAuthBlocked, "programs have no tries left"),
            Err(NotVerified::NoPin) => refuse(Status::PinNotSet, "there is no PIN"),
            // "Not now, and asking again does not help": hello's delay, where a key wants to be plugged in again.
            Err(NotVerified::Wait { .. }) => refuse(Status::PinAuthBlocked, "hello takes no PIN for some time"),
            Err(NotVerified::Cancelled) => refuse(Status::OperationDenied, "the user locked meanwhile"),
            Err(NotVerified::TicketGone | NotVerified::WrongCode { .. } | NotVerified::NoCode) => {
                refuse(Status::Other, "hello answered something else than was asked")
            }
        }
    }

    /// `regenerate`: what was captured with the old key is worth nothing now.
    fn wrong_pin<T>(&mut self, status: Status) -> Result<T, Refusal> {
        self.key_agreement = EphemeralKey::generate(self.crypto)?;
        refuse(status, "a wrong PIN")
    }

    /// §6.5.5.7.3. Nobody is asked now: whoever uses the token asks, and verifies.
    async fn token_using_uv<U: Upstream>(&mut self, upstream: &U, request: &Request) -> Result<Response, Refusal> {
        let secret = self.shared_secret(request)?;
        let grant = Grant::asked_for(request, OFFERED)?;
        let info = upstream.info().await.map_err(platform)?;
        if !info.pin_set {
            return refuse(Status::NotAllowed, "no PIN was chosen, so nobody can be verified");
        }
        if info.locked_out {
            return refuse(Status::UvBlocked, "the PIN is locked");
        }
        self.issue(upstream, &secret, grant, Backing::default())
    }

    fn issue<U: Upstream>(
        &mut self,
        upstream: &U,
        secret: &SharedSecret,
        grant: Grant,
        backing: Backing,
    ) -> Result<Response, Refusal> {
        let mut response = Response::default();
        let now_ms = upstream.now_ms();
        response.pin_uv_auth_token = Some(self.tokens.issue(self.crypto, secret, grant, backing, now_ms)?);
        Ok(response)
    }

    /// The protocol and the platform's key, and what follows from them.
    fn shared_secret(&self, request: &Request) -> Result<SharedSecret, Refusal> {
        let protocol = supported_protocol(request.pin_uv_auth_protocol)?;
        let platform = request.platform_key()?;
        Ok(SharedSecret::decapsulate(
            self.crypto,
            protocol,
            &self.key_agreement,
            platform,
        )?)
    }
}

/// What a token can be asked for.
const OFFERED: Permissions = Permissions::MAKE_CREDENTIAL
    .union(Permissions::GET_ASSERTION)
    .union(Permissions::CREDENTIAL_MANAGEMENT);

/// §6.5.5.2 and its twin for built-in verification: behind both is hello's one counter.
async fn retries<U: Upstream>(
    upstream: &U,
    most: u32,
    member: impl FnOnce(&mut Response) -> &mut Option<u64>,
) -> Result<Response, Refusal> {
    let info = upstream.info().await.map_err(platform)?;
    let left = if info.locked_out { 0 } else { info.tries_left.min(most) };
    let mut response = Response::default();
    *member(&mut response) = Some(left.into());
    Ok(response)
}
