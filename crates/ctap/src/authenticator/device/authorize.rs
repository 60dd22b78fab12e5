//! What several commands do with `pinUvAuthParam`: find its protocol, check it against the token, verify the user.

use super::{Device, Environment, Fault, Purpose, refuse};
use crate::authenticator::Error;
use crate::authenticator::token::{Param, Token};
use crate::client_pin::Permissions;
use crate::status::Status;

/// How the user was verified for one operation. The proof of a built-in verification is spent here; that of a token is
/// the token's own state, which only this module looks at.
pub(super) enum Verified<P> {
    /// A token with the right permission, for this RP.
    ByToken,
    /// The built-in verifier; the user has agreed to the operation as well.
    BuiltIn(P),
}

/// What makeCredential and getAssertion ask of user verification.
pub(super) struct Wish<'a> {
    pub(super) param: Option<Param<'a>>,
    /// The option `uv`.
    pub(super) uv: bool,
    pub(super) permission: Permissions,
    pub(super) rp_id: &'a str,
    pub(super) client_data_hash: &'a [u8; 32],
    pub(super) purpose: &'a Purpose<'a>,
}

impl<E: Environment> Device<E> {
    /// Steps 1 and 2 of makeCredential and getAssertion.
    pub(super) fn param_or_selection<'a>(
        &mut self,
        mac: Option<&'a Vec<u8>>,
        protocol: Option<u64>,
    ) -> Result<Option<Param<'a>>, Fault<E>> {
        let Some(mac) = mac else {
            return Ok(None);
        };
        // 1. A zero-length parameter asks for a touch only, so that the user can choose among devices.
        if mac.is_empty() {
            self.ask(&Purpose::Select, Status::OperationDenied)?;
            return if self.state.pin.is_some() {
                refuse(Status::PinInvalid, "selection by empty pinUvAuthParam")
            } else {
                refuse(Status::PinNotSet, "selection by empty pinUvAuthParam")
            };
        }
        // 2. The protocol must be there, and be a supported one.
        Ok(Param::read(Some(mac), protocol)?)
    }

    /// Checks `param` over `parts` and that its token permits `permission`. The RP ID is the caller's to check.
    pub(super) fn check_token(
        &mut self,
        param: Param<'_>,
        parts: &[&[u8]],
        permission: Permissions,
    ) -> Result<&mut Token, Fault<E>> {
        let (crypto, now) = (self.crypto(), self.environment.monotonic_ms());
        Ok(self.tokens.verify(crypto, param, parts, permission, now)?)
    }

    /// Step 11 of makeCredential, step 6 of getAssertion: verifies the user as the request wishes. `None`: it does not.
    pub(super) fn verify_as_wished(&mut self, wish: &Wish<'_>) -> Result<Option<Verified<E::Proof>>, Fault<E>> {
        if let Some(param) = wish.param {
            // x.1. By token: over the client data hash, with the permission, for this RP, and not spent yet.
            let (crypto, now) = (self.crypto(), self.environment.monotonic_ms());
            let hash = wish.client_data_hash;
            self.tokens
                .verify_operation(crypto, param, hash, wish.permission, wish.rp_id, now)?;
            return Ok(Some(Verified::ByToken));
        }
        if !wish.uv {
            return Ok(None);
        }
        // x.2. Built in.
        match self.perform_built_in_uv(wish.purpose) {
            Ok(proof) => Ok(Some(Verified::BuiltIn(proof))),
            Err(Error::Refused {
                status: Status::UvBlocked | Status::UvInvalid,
                ..
            }) => {
                if self.state.pin.is_some() {
                    // With a PIN there is another way, and the platform is sent to it.
                    refuse(Status::PuatRequired, "not recognised; a PIN will do")
                } else if self.state.uv_retries == 0 {
                    refuse(Status::PinBlocked, "not recognised, and no tries are left")
                } else {
                    refuse(Status::OperationDenied, "not recognised, and there is no other way")
                }
            }
            // A user who declines is not asked for the PIN instead: deviation from x.2.3, which sends the platform there.
            Err(other) => Err(other),
        }
    }

    /// Asks for presence unless the user has just given it: to the built-in verifier, or when the token was made.
    pub(super) fn ensure_presence(
        &mut self,
        verified: Option<&Verified<E::Proof>>,
        purpose: &Purpose<'_>,
    ) -> Result<(), Fault<E>> {
        let now = self.environment.monotonic_ms();
        let given = match verified {
            Some(Verified::BuiltIn(_)) => true,
            Some(Verified::ByToken) => self.tokens.current(now).is_some_and(|token| token.user_present(now)),
            None => false,
        };
        if given {
            Ok(())
        } else {
            self.ask(purpose, Status::OperationDenied)
        }
    }

    /// What a token proved is spent once the user has agreed to one operation, with this token or without any; but not
    /// by one that the built-in verifier has authorised (it leaves step 14 or 9 out).
    pub(super) fn spend_token(&mut self, verified: Option<&Verified<E::Proof>>) {
        let now = self.environment.monotonic_ms();
        if let (None | Some(Verified::ByToken), Some(token)) = (verified, self.tokens.current(now)) {
            token.spend();
        }
    }
}
