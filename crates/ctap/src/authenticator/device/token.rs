//! The `pinUvAuthToken` and its state (CTAP 2.1 §6.5.2.1).

use std::fmt;

use zeroize::Zeroizing;

use super::Numbers;
use crate::client_pin::Permissions;
use crate::crypto::{Crypto, CryptoError};
use crate::pin_protocol::PinUvAuthProtocol;

/// A token in use. One that is not in use does not exist.
///
/// A device has one at most: issuing a token invalidates those of every protocol (§6.5.5.7).
pub(super) struct Token {
    value: Zeroizing<[u8; 32]>,
    protocol: PinUvAuthProtocol,
    permissions: Permissions,
    /// The RP ID that the permissions are bound to.
    rp_id: Option<String>,
    /// *userVerified flag*.
    user_verified: bool,
    /// *userPresent flag*.
    user_present: bool,
    issued_ms: u64,
    used: bool,
}

impl Token {
    /// `resetPinUvAuthToken` and `beginUsingPinUvAuthToken`.
    pub(super) fn issue(
        crypto: &dyn Crypto,
        protocol: PinUvAuthProtocol,
        permissions: Permissions,
        rp_id: Option<String>,
        user_present: bool,
        now_ms: u64,
    ) -> Result<Self, CryptoError> {
        let mut value = Zeroizing::new([0; 32]);
        crypto.random(value.as_mut_slice())?;
        Ok(Self {
            value,
            protocol,
            permissions,
            rp_id,
            user_verified: true,
            user_present,
            issued_ms: now_ms,
            used: false,
        })
    }

    /// The 32 bytes, to be encrypted for the platform.
    pub(super) fn value(&self) -> &[u8; 32] {
        &self.value
    }

    /// `pinUvAuthTokenUsageTimerObserver`: whether the token may still be used.
    pub(super) fn is_alive(&self, numbers: &Numbers, now_ms: u64) -> bool {
        let age = now_ms.saturating_sub(self.issued_ms);
        age <= numbers.token_max_ms && (self.used || age <= numbers.token_initial_ms)
    }

    /// `verify`: whether `mac` over `parts` was made with this token.
    pub(super) fn verifies(
        &mut self,
        crypto: &dyn Crypto,
        protocol: PinUvAuthProtocol,
        parts: &[&[u8]],
        mac: &[u8],
    ) -> bool {
        let good = self.protocol == protocol && protocol.verify(crypto, &self.value, parts, mac).is_ok();
        self.used |= good;
        good
    }

    /// Whether it may be used for `permission`.
    pub(super) fn permits(&self, permission: Permissions) -> bool {
        self.permissions.contains(permission)
    }

    /// The RP ID that it is bound to.
    pub(super) fn rp_id(&self) -> Option<&str> {
        self.rp_id.as_deref()
    }

    /// Binds a token that is not bound yet; whether it is bound to `rp_id` now.
    pub(super) fn bind(&mut self, rp_id: &str) -> bool {
        self.rp_id.get_or_insert_with(|| rp_id.to_owned()) == rp_id
    }

    /// `getUserVerifiedFlagValue`.
    pub(super) fn user_verified(&self) -> bool {
        self.user_verified
    }

    /// `getUserPresentFlagValue`.
    pub(super) fn user_present(&self, numbers: &Numbers, now_ms: u64) -> bool {
        self.user_present && now_ms.saturating_sub(self.issued_ms) <= numbers.token_present_ms
    }

    /// `clearUserPresentFlag`, `clearUserVerifiedFlag` and `clearPinUvAuthTokenPermissionsExceptLbw`: what was proven
    /// is spent on one operation.
    pub(super) fn spend(&mut self) {
        self.user_present = false;
        self.user_verified = false;
        self.permissions = self.permissions.intersection(Permissions::LARGE_BLOB_WRITE);
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([redacted])")
    }
}
