//! What several commands do with `pinUvAuthParam`: find its protocol, check it against the token, verify the user.

use super::{BuiltInUv, Device, Environment, Fault, Purpose, refuse};
use crate::authenticator::Error;
use crate::client_pin::Permissions;
use crate::pin_protocol::PinUvAuthProtocol;
use crate::status::Status;

/// A `pinUvAuthParam` whose protocol is supported. That it verifies is not known yet.
#[derive(Clone, Copy)]
pub(super) struct Param<'a> {
    pub(super) protocol: PinUvAuthProtocol,
    pub(super) mac: &'a [u8],
}

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
            self.ask(&Purpose::Select)?;
            return if self.state.pin.is_some() {
                refuse(Status::PinInvalid, "selection by empty pinUvAuthParam")
            } else {
                refuse(Status::PinNotSet, "selection by empty pinUvAuthParam")
            };
        }
        // 2. The protocol must be there, and be a supported one.
        let protocol = supported(protocol)?;
        Ok(Some(Param { protocol, mac }))
    }

    /// Checks `param` over `parts` and that its token permits `permission`. The RP ID is the caller's to check.
    pub(super) fn check_token(
        &mut self,
        param: Param<'_>,
        parts: &[&[u8]],
        permission: Permissions,
    ) -> Result<&mut super::Token, Fault<E>> {
        let (crypto, now) = (self.crypto(), self.environment.monotonic_ms());
        let numbers = &self.numbers;
        self.token = self.token.take().filter(|token| token.is_alive(numbers, now));
        let Some(token) = self.token.as_mut().filter(|token| token.permits(permission)) else {
            return refuse(Status::PinAuthInvalid, "there is no token with the permission");
        };
        if token.verifies(crypto, param.protocol, parts, param.mac) {
            Ok(token)
        } else {
            refuse(Status::PinAuthInvalid, "the pinUvAuthParam does not verify")
        }
    }

    /// Step 11 of makeCredential, step 6 of getAssertion: verifies the user as the request wishes. `None`: it does not.
    pub(super) fn verify_as_wished(&mut self, wish: &Wish<'_>) -> Result<Option<Verified<E::Proof>>, Fault<E>> {
        if let Some(param) = wish.param {
            // x.1. By token: over the client data hash, with the permission, for this RP, and not spent yet.
            let token = self.check_token(param, &[wish.client_data_hash], wish.permission)?;
            if !token.user_verified() {
                return refuse(Status::PinAuthInvalid, "the token's verification is spent");
            }
            // A token without an RP ID becomes this RP's with its first use.
            if !token.bind(wish.rp_id) {
                return refuse(Status::PinAuthInvalid, "the token is another site's");
            }
            return Ok(Some(Verified::ByToken));
        }
        if !wish.uv {
            return Ok(None);
        }
        // x.2. Built in.
        if self.environment.built_in_uv() != BuiltInUv::Configured {
            return refuse(Status::InvalidOption, "there is no built-in user verification");
        }
        match self.perform_built_in_uv(wish.purpose) {
            Ok(proof) => Ok(Some(Verified::BuiltIn(proof))),
            // With a PIN there is another way, and the platform is sent to it.
            Err(Error::Refused {
                status: Status::UvBlocked | Status::UvInvalid,
                ..
            }) if self.state.pin.is_some() => refuse(Status::PuatRequired, "not recognised; a PIN will do"),
            Err(Error::Refused {
                status: Status::UvBlocked | Status::UvInvalid,
                ..
            }) => refuse(Status::OperationDenied, "not recognised, and there is no other way"),
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
            Some(Verified::ByToken) => self
                .token
                .as_ref()
                .is_some_and(|token| token.user_present(&self.numbers, now)),
            None => false,
        };
        if given { Ok(()) } else { self.ask(purpose) }
    }

    /// What a token proved is spent once the user has agreed to one operation.
    pub(super) fn spend_token(&mut self, verified: Option<&Verified<E::Proof>>) {
        if let (Some(Verified::ByToken), Some(token)) = (verified, self.token.as_mut()) {
            token.spend();
        }
    }
}

/// The protocol with this number.
pub(super) fn supported<S>(number: Option<u64>) -> Result<PinUvAuthProtocol, Error<S>> {
    let Some(number) = number else {
        return refuse(Status::MissingParameter, "pinUvAuthParam without its protocol");
    };
    PinUvAuthProtocol::from_number(number).ok_or(Error::refused(
        Status::InvalidParameter,
        "an unsupported PIN/UV auth protocol",
    ))
}

/// The parameter of a command that cannot do without one.
pub(super) fn required_param<S>(mac: Option<&Vec<u8>>, protocol: Option<u64>) -> Result<Param<'_>, Error<S>> {
    let Some(mac) = mac else {
        return refuse(Status::PuatRequired, "the command needs a pinUvAuthParam");
    };
    let protocol = supported(protocol)?;
    Ok(Param { protocol, mac })
}
