//! `authenticatorCredentialManagement` (CTAP 2.1 §6.8), over the list that the user has agreed to show.

use claviger_ctap::authenticator::Refusal;
use claviger_ctap::authenticator::token::{Param, Token};
use claviger_ctap::cbor::Limits;
use claviger_ctap::client_pin::Permissions;
use claviger_ctap::credential_management::{Request, Response, SubCommand};
use claviger_ctap::crypto::Crypto;
use claviger_ctap::status::Status;
use claviger_ctap::types::{CredentialDescriptor, CredentialId, RpEntity};

use super::{Answer, Backing, DoorAuthenticator, Shown, platform, refuse};
use crate::ctap::message::Listed;
use crate::hid::upstream::Upstream;

/// What is told of the room for more: providers set no limit, and the answer has to hold some number (§6.8.2).
const ROOM: u64 = 1000;

/// After this time there is no *next* (§6.8.3: as long as that of get next assertion).
const CONTINUATION_MS: u64 = 30_000;

/// For this time the list that a program was shown for the PIN stays shown to it.
const SHOWN_MS: u64 = 30_000;

/// An enumeration that has begun.
pub(super) struct Continuation {
    channel: u32,
    touched_ms: u64,
    rest: Rest,
}

/// What has not been told yet, the next one last.
enum Rest {
    Rps(Vec<String>),
    Credentials(Vec<Listed>),
}

impl Continuation {
    pub(super) fn belongs_to(&self, channel: u32, now_ms: u64) -> bool {
        self.channel == channel && now_ms.saturating_sub(self.touched_ms) <= CONTINUATION_MS
    }
}

impl DoorAuthenticator {
    pub(super) async fn credential_management<U: Upstream>(
        &mut self,
        upstream: &U,
        channel: u32,
        continuation: Option<Continuation>,
        parameters: &[u8],
    ) -> Answer {
        let request = Request::from_cbor_within(parameters, &Limits::CTAP)?;
        let Some(sub_command) = SubCommand::from_number(request.sub_command) else {
            return refuse(Status::InvalidSubcommand, "an unknown credentialManagement subcommand");
        };
        let now_ms = upstream.now_ms();
        let response = match sub_command {
            SubCommand::GetCredsMetadata => self.metadata(upstream, channel, &request).await?,
            SubCommand::EnumerateRpsBegin => self.first_rp(upstream, channel, &request).await?,
            SubCommand::EnumerateCredentialsBegin => self.first_credential(upstream, channel, &request).await?,
            // The token was checked with the first.
            SubCommand::EnumerateRpsGetNextRp => match continuation.map(|c| c.rest) {
                Some(Rest::Rps(rest)) => self.give_rp(channel, now_ms, rest, Status::NotAllowed)?,
                _ => return refuse(Status::NotAllowed, "no enumeration of RPs has begun"),
            },
            SubCommand::EnumerateCredentialsGetNextCredential => match continuation.map(|c| c.rest) {
                Some(Rest::Credentials(rest)) => self.give_credential(channel, now_ms, rest, Status::NotAllowed)?,
                _ => return refuse(Status::NotAllowed, "no enumeration of credentials has begun"),
            },
            SubCommand::DeleteCredential => self.delete(upstream, channel, &request).await?,
            SubCommand::UpdateUserInformation => self.update_user(upstream, channel, &request).await?,
        };
        Ok(response.to_cbor())
    }

    /// §6.8.2.
    async fn metadata<U: Upstream>(
        &mut self,
        upstream: &U,
        channel: u32,
        request: &Request,
    ) -> Result<Response, Refusal> {
        self.authorize(upstream, request)?.for_every_site()?;
        let existing = self.list(upstream, channel).await?.len();
        let mut response = Response::default();
        response.existing_credentials = u64::try_from(existing).ok();
        response.remaining_credentials = Some(ROOM);
        Ok(response)
    }

    /// §6.8.3, the first.
    async fn first_rp<U: Upstream>(
        &mut self,
        upstream: &U,
        channel: u32,
        request: &Request,
    ) -> Result<Response, Refusal> {
        self.authorize(upstream, request)?.for_every_site()?;
        let mut rps: Vec<_> = self
            .list(upstream, channel)
            .await?
            .iter()
            .map(|one| one.rp_id.clone())
            .collect();
        rps.sort_unstable_by(|a, b| b.cmp(a));
        rps.dedup();
        let total = u64::try_from(rps.len()).ok();
        let mut response = self.give_rp(channel, upstream.now_ms(), rps, Status::NoCredentials)?;
        response.total_rps = total;
        Ok(response)
    }

    /// §6.8.4, the first.
    async fn first_credential<U: Upstream>(
        &mut self,
        upstream: &U,
        channel: u32,
        request: &Request,
    ) -> Result<Response, Refusal> {
        let authority = self.authorize(upstream, request)?;
        let hash = request.rp_id_hash()?;
        authority.for_site(self.crypto, &hash)?;
        let crypto = self.crypto;
        let listed = self.list(upstream, channel).await?.iter();
        let of_site = listed.filter(|one| crypto.sha256(&[one.rp_id.as_bytes()]) == hash);
        let rest: Vec<_> = of_site.rev().cloned().collect();
        let total = u64::try_from(rest.len()).ok();
        let mut response = self.give_credential(channel, upstream.now_ms(), rest, Status::NoCredentials)?;
        response.total_credentials = total;
        Ok(response)
    }

    /// §6.8.5.
    async fn delete<U: Upstream>(
        &mut self,
        upstream: &U,
        channel: u32,
        request: &Request,
    ) -> Result<Response, Refusal> {
        let (id, _) = self.named(upstream, channel, request).await?;
        let ticket = self.ticket(true, upstream);
        upstream.delete(&id, ticket).await.map_err(platform)?;
        if let Some(list) = self.shown(upstream) {
            list.retain(|one| one.credential != id);
        }
        Ok(Response::default())
    }

    /// §6.8.6.
    async fn update_user<U: Upstream>(
        &mut self,
        upstream: &U,
        channel: u32,
        request: &Request,
    ) -> Result<Response, Refusal> {
        let (id, known) = self.named(upstream, channel, request).await?;
        let mut user = request.user()?;
        if known.is_some_and(|known| known.user.id != user.id) {
            return refuse(Status::InvalidParameter, "another account than the credential's");
        }
        // What is empty is removed, as what is absent.
        user.name = user.name.filter(|name| !name.is_empty());
        user.display_name = user.display_name.filter(|name| !name.is_empty());
        let ticket = self.ticket(true, upstream);
        upstream.update(&id, &user, ticket).await.map_err(platform)?;
        let shown = self.shown(upstream).into_iter().flatten();
        shown
            .filter(|one| one.credential == id)
            .for_each(|one| one.user = user.clone());
        Ok(Response::default())
    }

    /// Checks the MAC and the permission `cm`. What the token is bound to is for the caller to look at.
    fn authorize<U: Upstream>(&mut self, upstream: &U, request: &Request) -> Result<Authority, Refusal> {
        let param = Param::require(request.pin_uv_auth_param.as_deref(), request.pin_uv_auth_protocol)?;
        let token = self.tokens.verify(
            self.crypto,
            param,
            &[&request.authenticated()],
            Permissions::CREDENTIAL_MANAGEMENT,
            upstream.now_ms(),
        )?;
        Ok(Authority(token.rp_id().map(str::to_owned)))
    }

    /// The credential that a request names, if its token may touch it; and what is known of it.
    ///
    /// A token for every site needs no list for this: the ceremony that follows shows the user what is meant.
    async fn named<U: Upstream>(
        &mut self,
        upstream: &U,
        channel: u32,
        request: &Request,
    ) -> Result<(CredentialId, Option<Listed>), Refusal> {
        let authority = self.authorize(upstream, request)?;
        let id = request.credential()?.id;
        if authority.0.is_some() {
            self.list(upstream, channel).await?;
        }
        let Some(list) = self.shown(upstream) else {
            return Ok((id, None));
        };
        let Some(found) = list.iter().find(|one| one.credential == id).cloned() else {
            // A token for one site does not learn what others have.
            return match authority.0 {
                Some(_) => refuse(Status::PinAuthInvalid, "the token is another site's"),
                None => refuse(Status::NoCredentials, "there is no such credential"),
            };
        };
        authority.for_site(self.crypto, &self.crypto.sha256(&[found.rp_id.as_bytes()]))?;
        Ok((id, Some(found)))
    }

    /// The list, which the user agrees to show once for each token, and for those that follow it by the PIN ([`Self::still_shown`]).
    async fn list<U: Upstream>(&mut self, upstream: &U, channel: u32) -> Result<&[Listed], Refusal> {
        if self.shown(upstream).is_none() {
            let ticket = self.ticket(true, upstream);
            let by_pin = ticket.is_some();
            let list = upstream.list(ticket).await.map_err(platform)?;
            let touched_ms = upstream.now_ms();
            if let Some(Backing { list: place, .. }) = self.backing(upstream) {
                *place = Some(Shown {
                    channel,
                    by_pin,
                    touched_ms,
                    list,
                });
            }
        }
        let now_ms = upstream.now_ms();
        // The user may have taken longer than the token lives.
        let Some(shown) = self.backing(upstream).and_then(|backing| backing.list.as_mut()) else {
            return refuse(Status::PinAuthInvalid, "the token has expired");
        };
        shown.touched_ms = now_ms;
        Ok(&shown.list)
    }

    fn shown<U: Upstream>(&mut self, upstream: &U) -> Option<&mut Vec<Listed>> {
        let shown = self.backing(upstream)?.list.as_mut()?;
        Some(&mut shown.list)
    }

    /// What the token that is about to be replaced has shown, if whoever proves the PIN now saw it by the PIN before: on the same
    /// channel, and just now.
    pub(super) fn still_shown(&mut self, channel: u32, now_ms: u64) -> Option<Shown> {
        let shown = self.tokens.current(now_ms)?.attachment().list.take()?;
        let fresh = now_ms.saturating_sub(shown.touched_ms) <= SHOWN_MS;
        (shown.by_pin && fresh && shown.channel == channel).then_some(shown)
    }

    fn backing<U: Upstream>(&mut self, upstream: &U) -> Option<&mut Backing> {
        self.tokens.current(upstream.now_ms()).map(Token::attachment)
    }

    fn give_rp(
        &mut self,
        channel: u32,
        now_ms: u64,
        mut rest: Vec<String>,
        if_none: Status,
    ) -> Result<Response, Refusal> {
        let Some(id) = rest.pop() else {
            return refuse(if_none, "no RP is left");
        };
        self.go_on(channel, now_ms, Rest::Rps(rest));
        let mut response = Response::default();
        response.rp_id_hash = Some(self.crypto.sha256(&[id.as_bytes()]));
        response.rp = Some(RpEntity { id, name: None });
        Ok(response)
    }

    fn give_credential(
        &mut self,
        channel: u32,
        now_ms: u64,
        mut rest: Vec<Listed>,
        if_none: Status,
    ) -> Result<Response, Refusal> {
        let Some(next) = rest.pop() else {
            return refuse(if_none, "no credential is left");
        };
        self.go_on(channel, now_ms, Rest::Credentials(rest));
        let mut response = Response::default();
        response.user = Some(next.user);
        response.credential = Some(CredentialDescriptor::new(next.credential));
        response.public_key = next.public_key;
        response.cred_protect = Some(next.protection.into());
        Ok(response)
    }

    fn go_on(&mut self, channel: u32, touched_ms: u64, rest: Rest) {
        self.continuation = Some(Continuation {
            channel,
            touched_ms,
            rest,
        });
    }
}

/// The site that a token is bound to, if it is.
struct Authority(Option<String>);

impl Authority {
    fn for_every_site(&self) -> Result<(), Refusal> {
        match self.0 {
            None => Ok(()),
            Some(_) => refuse(Status::PinAuthInvalid, "the token is one site's"),
        }
    }

    fn for_site(&self, crypto: &dyn Crypto, rp_id_hash: &[u8; 32]) -> Result<(), Refusal> {
        match &self.0 {
            Some(rp_id) if crypto.sha256(&[rp_id.as_bytes()]) != *rp_id_hash => {
                refuse(Status::PinAuthInvalid, "the token is another site's")
            }
            _ => Ok(()),
        }
    }
}
