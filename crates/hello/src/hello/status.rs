//! Where things stand with hello, as anybody on the user's side may know it.

use core::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_joint::evidence::{Method, Tier};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    counter::{Gate, Moment, TryPolicy},
    protector::{CodeKeys, Protector, RECOVERY_CODE, Wrapping},
    store::State,
};

/// Where things stand.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Status {
    /// What the user can verify with; empty before a PIN is set.
    pub methods: Vec<MethodStatus>,
    /// Whether the PIN can be given as CTAP clients give it: yes, but for a PIN that was set before version 2 of the file and has
    /// not been given since.
    pub client_pin: bool,
    /// How strongly the keys are protected: `software`, `tpm` or `system`. Claim no more than this says.
    #[serde(with = "word")]
    pub tier: Tier,
    /// The public evidence key, a `COSE_Key` in base64url without padding; null before a PIN is set.
    pub uv_key: Option<String>,
    /// Whether tries are missing, and the wait is long, because hello's file was put back from a copy or moved here, and not because
    /// somebody gave wrong PINs. A right one ends it.
    #[serde(default)]
    pub restored: bool,
    /// How it is with the recovery code.
    #[serde(default)]
    pub recovery_code: CodeStatus,
    /// Whether logind is heard, so that sleep and the session's lock, its end and another person at the seat lock hello and vault. Of a
    /// hello that no service serves: no.
    #[serde(default)]
    pub locks_with_session: bool,
}

/// How it is with the recovery code.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeStatus {
    /// There is none: a forgotten PIN loses everything.
    #[default]
    None,
    /// One was made and not typed back, so nobody knows that it is on paper.
    Pending,
    /// There is one, and it was typed back.
    Confirmed,
}

impl CodeStatus {
    /// Whether there is a code that opens.
    pub fn opens(self) -> bool {
        self != Self::None
    }

    fn of(keys: &CodeKeys) -> Self {
        if keys.is_confirmed() {
            Self::Confirmed
        } else if keys.is_pending() {
            Self::Pending
        } else {
            Self::None
        }
    }
}

/// Where things stand with one method: its gate is its own.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct MethodStatus {
    /// The method: `pin`, `fingerprint`, and so on.
    #[serde(with = "word")]
    pub method: Method,
    /// Wrong gestures that may still be made.
    pub tries_left: u8,
    /// The wait before the next one is looked at, in milliseconds; 0 for none.
    pub wait_ms: u64,
    /// None is looked at until recovery.
    pub locked_out: bool,
}

impl Status {
    /// How it is with this method; `None` when the user cannot verify with it.
    pub fn method(&self, method: Method) -> Option<&MethodStatus> {
        self.methods.iter().find(|status| status.method == method)
    }

    /// How it is with the PIN; `None` before one is set.
    pub fn pin(&self) -> Option<&MethodStatus> {
        self.method(Method::Pin)
    }

    /// What this state says at the time `now`.
    pub(super) fn of(state: Option<&State>, now: Moment) -> Self {
        let protectors = || state.into_iter().flat_map(State::protectors);
        // The recovery code is no way to be verified.
        let verifying = || protectors().filter(|protector| protector.method() != RECOVERY_CODE);
        let takes_client = |protector: &Protector| match &protector.wrapping {
            Wrapping::Pin(keys) => keys.takes_client(),
            Wrapping::RecoveryCode(_) => false,
        };
        let recovery_code = |protector: &Protector| match &protector.wrapping {
            Wrapping::RecoveryCode(keys) => Some(CodeStatus::of(keys)),
            Wrapping::Pin(_) => None,
        };
        Self {
            methods: verifying().map(|protector| MethodStatus::of(protector, now)).collect(),
            client_pin: protectors().any(takes_client),
            tier: verifying().next().map_or(Tier::Software, Protector::tier),
            uv_key: state.map(|state| URL_SAFE_NO_PAD.encode(state.uv_key.cose_bytes())),
            restored: state.is_some_and(|state| {
                state.copies > 0 && verifying().any(|protector| protector.tries.counts_as_restored())
            }),
            recovery_code: protectors().find_map(recovery_code).unwrap_or_default(),
            locks_with_session: false,
        }
    }
}

impl MethodStatus {
    /// How it is with a PIN that has just been set.
    pub fn fresh_pin() -> Self {
        Self {
            method: Method::Pin,
            tries_left: TryPolicy::PIN.max_failures,
            wait_ms: 0,
            locked_out: false,
        }
    }

    fn of(protector: &Protector, now: Moment) -> Self {
        let gate = protector.tries.gate(now);
        Self {
            method: protector.method(),
            tries_left: gate.tries_left(),
            wait_ms: gate.wait_ms(),
            locked_out: gate == Gate::LockedOut,
        }
    }
}

/// Methods and tiers as words.
mod word {
    use super::{Deserialize, Deserializer, Error, FromStr, Serializer, fmt};

    pub(super) fn serialize<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
