//! The `pinUvAuthToken` and its rules (CTAP 2.1 §6.5.2.1, §6.5.5.7): what a platform gets for a PIN or a verified user,
//! and what it may do with it.
//!
//! A [`TokenKeeper`] holds the one token that an authenticator has in use. It knows no clock: every call that depends on
//! time is told it, in milliseconds of a clock that never goes back. Whoever serves makeCredential or getAssertion calls
//! [`TokenKeeper::verify_operation`], whoever serves another command [`TokenKeeper::verify`]; both start from a
//! [`Param`].
//!
//! ```
//! use claviger_ctap::authenticator::token::{Grant, Lifetimes, Param, TokenKeeper};
//! use claviger_ctap::client_pin::Permissions;
//! use claviger_ctap::crypto::{ecdh::EphemeralKey, portable};
//! use claviger_ctap::pin_protocol::{PinUvAuthProtocol, SharedSecret};
//!
//! let crypto = portable();
//! let key = EphemeralKey::generate(crypto)?;
//! let (public, platform) = SharedSecret::encapsulate(crypto, PinUvAuthProtocol::Two, key.public())?;
//! let secret = SharedSecret::decapsulate(crypto, PinUvAuthProtocol::Two, &key, &public)?;
//!
//! let mut tokens = TokenKeeper::<()>::new(Lifetimes::default());
//! let grant = Grant::new(Permissions::GET_ASSERTION, Some("example.com".to_owned()));
//! let wrapped = tokens.issue(crypto, &secret, grant, (), 0)?;
//!
//! let value: [u8; 32] = platform.decrypt(&wrapped)?.as_slice().try_into()?;
//! let hash = [7; 32];
//! let mac = PinUvAuthProtocol::Two.authenticate(crypto, &value, &[&hash]);
//! let param = Param::require(Some(&mac), Some(2))?;
//! let token = tokens.verify_operation(crypto, param, &hash, Permissions::GET_ASSERTION, "example.com", 1_000)?;
//! token.spend();
//! // What was proven is good for one operation.
//! assert!(tokens.verify_operation(crypto, param, &hash, Permissions::GET_ASSERTION, "example.com", 1_001).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use zeroize::Zeroizing;

use super::Refusal;
use crate::client_pin::{Permissions, Request};
use crate::crypto::{Crypto, CryptoError};
use crate::pin_protocol::{PinProtocolError, PinUvAuthProtocol, SharedSecret};
use crate::status::Status;

/// Keeps the token in use. One that is not in use does not exist.
///
/// There is one at most: issuing a token invalidates those of every protocol (§6.5.5.7). `A` is whatever belongs to the
/// token and must go when it goes.
pub struct TokenKeeper<A = ()> {
    lifetimes: Lifetimes,
    token: Option<Token<A>>,
}

/// How long a token is good for (§6.5.2.1), in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// A token that is not used within this time is gone: *initial usage time limit*.
    pub initial_ms: u64,
    /// Presence proven while the token was made counts for this time: *user present time limit*.
    pub present_ms: u64,
    /// No token lives longer: *max usage time period*. At most 10 minutes.
    pub max_ms: u64,
}

impl Default for Lifetimes {
    /// Those of a USB device.
    fn default() -> Self {
        Self {
            initial_ms: 30_000,
            present_ms: 30_000,
            max_ms: 600_000,
        }
    }
}

/// What a new token is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// For these commands.
    pub permissions: Permissions,
    /// At this site only; `None`: at the first one that it is used for.
    pub rp_id: Option<String>,
    /// Whether the user has shown to be present while the token was made.
    pub user_present: bool,
}

impl Grant {
    /// A grant without proof of presence.
    pub fn new(permissions: Permissions, rp_id: Option<String>) -> Self {
        Self {
            permissions,
            rp_id,
            user_present: false,
        }
    }

    /// What the superseded getPinToken gives: all that CTAP 2.0 knew, at one site that is not known yet (§6.5.5.7.1).
    pub fn superseded() -> Self {
        Self::new(Permissions::MAKE_CREDENTIAL | Permissions::GET_ASSERTION, None)
    }

    /// What a request with permissions asks for (§6.5.5.7.2 and §6.5.5.7.3): some, all of them `offered`, and an RP ID
    /// where they need one. Bits that are no permission are ignored.
    pub fn asked_for(request: &Request, offered: Permissions) -> Result<Self, Refusal> {
        let Some(asked) = request.permissions else {
            return Err(Refusal::new(Status::MissingParameter, "a token without permissions"));
        };
        if asked == 0 {
            return Err(Refusal::new(Status::InvalidParameter, "a token for nothing"));
        }
        let permissions = Permissions::from_bits_truncate(asked);
        if !offered.contains(permissions) {
            return Err(Refusal::new(
                Status::UnauthorizedPermission,
                "a permission for what is not offered",
            ));
        }
        // CTAP 2.2: the persistent token is another one, which has this permission alone.
        let lasting = Permissions::PERSISTENT_CREDENTIAL_MANAGEMENT_READ_ONLY;
        if permissions.contains(lasting) && permissions != lasting {
            return Err(Refusal::new(
                Status::UnauthorizedPermission,
                "pcmr together with other permissions",
            ));
        }
        let for_one_rp = Permissions::MAKE_CREDENTIAL | Permissions::GET_ASSERTION;
        if permissions.intersects(for_one_rp) && request.rp_id.is_none() {
            return Err(Refusal::new(Status::MissingParameter, "mc or ga without an RP ID"));
        }
        Ok(Self::new(permissions, request.rp_id.clone()))
    }
}

/// A `pinUvAuthParam` whose protocol is supported. That it verifies is not known yet.
#[derive(Clone, Copy)]
pub struct Param<'a> {
    protocol: PinUvAuthProtocol,
    mac: &'a [u8],
}

impl<'a> Param<'a> {
    /// The members of a request, if it has them. A protocol alone says nothing.
    pub fn read(mac: Option<&'a [u8]>, protocol: Option<u64>) -> Result<Option<Self>, Refusal> {
        let Some(mac) = mac else {
            return Ok(None);
        };
        let protocol = supported_protocol(protocol)?;
        Ok(Some(Self { protocol, mac }))
    }

    /// Whether it was made with `key` over the concatenation of `parts`.
    pub fn verifies(&self, crypto: &dyn Crypto, key: &[u8; 32], parts: &[&[u8]]) -> bool {
        self.protocol.verify(crypto, key, parts, self.mac).is_ok()
    }

    /// The members of a request that cannot do without them.
    pub fn require(mac: Option<&'a [u8]>, protocol: Option<u64>) -> Result<Self, Refusal> {
        let missing = Refusal::new(Status::PuatRequired, "the command needs a pinUvAuthParam");
        Self::read(mac, protocol)?.ok_or(missing)
    }
}

impl fmt::Debug for Param<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Param({:?}, [redacted])", self.protocol)
    }
}

/// The protocol that a request names.
pub fn supported_protocol(number: Option<u64>) -> Result<PinUvAuthProtocol, Refusal> {
    let Some(number) = number else {
        return Err(Refusal::new(
            Status::MissingParameter,
            "pinUvAuthParam without its protocol",
        ));
    };
    PinUvAuthProtocol::from_number(number).ok_or(Refusal::new(
        Status::InvalidParameter,
        "an unsupported PIN/UV auth protocol",
    ))
}

impl<A> TokenKeeper<A> {
    /// A keeper without a token.
    pub fn new(lifetimes: Lifetimes) -> Self {
        Self { lifetimes, token: None }
    }

    /// `resetPinUvAuthToken`, `beginUsingPinUvAuthToken`, and the new token encrypted for the platform.
    pub fn issue(
        &mut self,
        crypto: &dyn Crypto,
        secret: &SharedSecret,
        grant: Grant,
        attachment: A,
        now_ms: u64,
    ) -> Result<Vec<u8>, CryptoError> {
        self.token = None;
        let mut value = Zeroizing::new([0; 32]);
        crypto.random(value.as_mut_slice())?;
        // 32 bytes are whole blocks, so nothing but the generator can fail.
        let wrapped = secret.encrypt(crypto, value.as_slice()).map_err(|error| match error {
            PinProtocolError::Crypto(error) => error,
            _ => CryptoError::Random,
        })?;
        self.token = Some(Token {
            value,
            protocol: secret.protocol(),
            grant,
            user_verified: true,
            issued_ms: now_ms,
            used: false,
            lifetimes: self.lifetimes,
            attachment,
        });
        Ok(wrapped)
    }

    /// Checks `param` over the concatenation of `parts`, and that the token permits `permission`. The RP ID is the
    /// caller's to check: [`Token::rp_id`].
    pub fn verify(
        &mut self,
        crypto: &dyn Crypto,
        param: Param<'_>,
        parts: &[&[u8]],
        permission: Permissions,
        now_ms: u64,
    ) -> Result<&mut Token<A>, Refusal> {
        let token = self.current(now_ms).filter(|token| token.permits(permission));
        let Some(token) = token else {
            return Err(Refusal::new(
                Status::PinAuthInvalid,
                "there is no token with the permission",
            ));
        };
        if token.verifies(crypto, param, parts) {
            token.used = true;
            Ok(token)
        } else {
            Err(Refusal::new(
                Status::PinAuthInvalid,
                "the pinUvAuthParam does not verify",
            ))
        }
    }

    /// Step 11.1 of makeCredential and step 6.1 of getAssertion: as [`Self::verify`], over the client data hash, for
    /// this site and with a verification that is not spent. A token without an RP ID becomes this site's.
    ///
    /// Once the user has agreed to the operation, call [`Token::spend`].
    pub fn verify_operation(
        &mut self,
        crypto: &dyn Crypto,
        param: Param<'_>,
        client_data_hash: &[u8; 32],
        permission: Permissions,
        rp_id: &str,
        now_ms: u64,
    ) -> Result<&mut Token<A>, Refusal> {
        let token = self.verify(crypto, param, &[client_data_hash], permission, now_ms)?;
        if !token.user_verified {
            return Err(Refusal::new(
                Status::PinAuthInvalid,
                "the token's verification is spent",
            ));
        }
        if token.grant.rp_id.get_or_insert_with(|| rp_id.to_owned()) != rp_id {
            return Err(Refusal::new(Status::PinAuthInvalid, "the token is another site's"));
        }
        Ok(token)
    }

    /// The token, if it may still be used (`pinUvAuthTokenUsageTimerObserver`).
    pub fn current(&mut self, now_ms: u64) -> Option<&mut Token<A>> {
        self.token = self.token.take().filter(|token| token.is_alive(now_ms));
        self.token.as_mut()
    }

    /// `stopUsingPinUvAuthToken`: there is no token any more.
    pub fn clear(&mut self) {
        self.token = None;
    }
}

impl<A> fmt::Debug for TokenKeeper<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKeeper")
            .field("in_use", &self.token.is_some())
            .finish_non_exhaustive()
    }
}

/// A token in use. Zeroised on drop.
pub struct Token<A = ()> {
    value: Zeroizing<[u8; 32]>,
    protocol: PinUvAuthProtocol,
    grant: Grant,
    /// *userVerified flag*.
    user_verified: bool,
    issued_ms: u64,
    used: bool,
    lifetimes: Lifetimes,
    attachment: A,
}

impl<A> Token<A> {
    /// The RP ID that it is bound to.
    pub fn rp_id(&self) -> Option<&str> {
        self.grant.rp_id.as_deref()
    }

    /// Whether it may be used for `permission`.
    pub fn permits(&self, permission: Permissions) -> bool {
        self.grant.permissions.contains(permission)
    }

    /// `getUserPresentFlagValue`: whether presence proven while it was made still counts.
    pub fn user_present(&self, now_ms: u64) -> bool {
        self.grant.user_present && now_ms.saturating_sub(self.issued_ms) <= self.lifetimes.present_ms
    }

    /// `clearUserPresentFlag`, `clearUserVerifiedFlag` and `clearPinUvAuthTokenPermissionsExceptLbw`: what was proven
    /// is spent on one operation.
    pub fn spend(&mut self) {
        self.grant.user_present = false;
        self.user_verified = false;
        self.grant.permissions = self.grant.permissions.intersection(Permissions::LARGE_BLOB_WRITE);
    }

    /// What was given to [`TokenKeeper::issue`].
    pub fn attachment(&mut self) -> &mut A {
        &mut self.attachment
    }

    fn is_alive(&self, now_ms: u64) -> bool {
        let age = now_ms.saturating_sub(self.issued_ms);
        age <= self.lifetimes.max_ms && (self.used || age <= self.lifetimes.initial_ms)
    }

    fn verifies(&self, crypto: &dyn Crypto, param: Param<'_>, parts: &[&[u8]]) -> bool {
        self.protocol == param.protocol && param.verifies(crypto, &self.value, parts)
    }
}

impl<A> fmt::Debug for Token<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([redacted])")
    }
}
