//! What extensions may answer.
//!
//! An extension answers only when asked (`WebAuthn` level 3, 9), where it belongs, and with what was asked for. The outputs of `prf` and
//! `largeBlob` are not signed, those of the others are. Who asks for which is the doors' business: an output that was not asked for is
//! refused without looking at the door.

use claviger_ctap::authenticator::device::Protection;
use claviger_ctap::authenticator::hmac_secret::{self, HmacSecretInput};
use claviger_ctap::authenticator::{CRED_BLOB, CRED_PROTECT, MAX_CRED_BLOB};
use claviger_ctap::cbor::{Map, Value};
use claviger_ctap::large_blob::{self, AtGet, LargeBlob};
use claviger_ctap::pin_protocol::PinUvAuthProtocol;
use claviger_ctap::prf;

use super::Rejection;
use crate::ceremony::Assurance;

/// What was asked and what came.
pub(super) struct Extensions<'a> {
    /// The inputs.
    pub(super) asked: &'a Map,
    /// The outputs in authenticator data.
    pub(super) signed: Option<&'a Map>,
    /// The outputs beside it.
    pub(super) unsigned: Option<&'a Map>,
    /// Whether a credential was made.
    pub(super) makes: bool,
    /// What the answer may say about the user.
    pub(super) assurance: Assurance,
}

/// Checks every output.
pub(super) fn check(all: &Extensions<'_>) -> Result<(), Rejection> {
    each(all.signed, |name, output| all.signed_fits(name, output))?;
    each(all.unsigned, |name, output| all.unsigned_fits(name, output))
}

/// The credProtect level in the outputs of a registration.
pub(super) fn protection(signed: Option<&Map>) -> Protection {
    signed
        .and_then(|outputs| outputs.text(CRED_PROTECT))
        .and_then(Value::as_unsigned)
        .and_then(Protection::from_number)
        .unwrap_or_default()
}

impl Extensions<'_> {
    fn signed_fits(&self, name: &str, output: &Value) -> bool {
        let Some(input) = self.asked.text(name) else {
            return false;
        };
        match (name, self.makes) {
            // Neither a lower level than the program relies on, nor one that it did not ask for.
            (CRED_PROTECT, true) => output == input,
            (CRED_BLOB, true) => output.as_bool().is_some() && input.as_bytes().is_some(),
            (CRED_BLOB, false) => {
                input.as_bool() == Some(true) && output.as_bytes().is_some_and(|blob| blob.len() <= MAX_CRED_BLOB)
            }
            (hmac_secret::NAME, true) => output.as_bool() == Some(true) && input.as_bool() == Some(true),
            (hmac_secret::NAME_MC, true) => self.assurance == Assurance::Verified && sealed_fits(input, output),
            (hmac_secret::NAME, false) => sealed_fits(input, output),
            _ => false,
        }
    }

    fn unsigned_fits(&self, name: &str, output: &Value) -> bool {
        let Some(input) = self.asked.text(name) else {
            return false;
        };
        match name {
            prf::NAME => prf_fits(input, output, self.assurance),
            large_blob::NAME => output
                .as_map()
                .is_some_and(|output| self.large_blob_fits(input, output)),
            _ => false,
        }
    }

    /// Nothing but what was asked for: whether there can be a blob, the blob, or whether it was replaced for a verified user.
    fn large_blob_fits(&self, input: &Value, output: &Map) -> bool {
        let told = |name: &str| output.len() == 1 && output.text(name).and_then(Value::as_bool).is_some();
        if self.makes {
            return told("supported");
        }
        match AtGet::from_input(input) {
            Ok(AtGet::Read) if output.is_empty() => true,
            Ok(AtGet::Read) => {
                output.len() == 2
                    && LargeBlob::from_output(output).is_ok_and(|blob| blob.is_some_and(|blob| blob.fits()))
            }
            Ok(AtGet::Write(_)) => told("written") && self.assurance == Assurance::Verified,
            Err(_) => false,
        }
    }
}

/// As long as the outputs for these salts are, encrypted as that protocol does (CTAP 2.1 §6.5.6, §6.5.7). What is in it only the client
/// can tell.
fn sealed_fits(input: &Value, output: &Value) -> bool {
    let (Ok((input, _)), Some(sealed)) = (HmacSecretInput::from_joint(input), output.as_bytes()) else {
        return false;
    };
    let outputs = if input.second().is_some() { 64 } else { 32 };
    let initial_value = match input.secret().protocol() {
        PinUvAuthProtocol::One => 0,
        PinUvAuthProtocol::Two => 16,
    };
    sealed.len() == outputs + initial_value
}

fn each(outputs: Option<&Map>, fits: impl Fn(&str, &Value) -> bool) -> Result<(), Rejection> {
    for (name, output) in outputs.into_iter().flat_map(Map::iter) {
        let Some(name) = name.as_text() else {
            return Err(Rejection::Extension("without a name".into()));
        };
        if !fits(name, output) {
            return Err(Rejection::Extension(
                name.chars().take(32).filter(|c| !c.is_control()).collect(),
            ));
        }
    }
    Ok(())
}

/// PRF outputs are secrets of the verified user: no output without verification, and not more outputs than salts.
fn prf_fits(input: &Value, output: &Value, assurance: Assurance) -> bool {
    let (Some(input), Some(output)) = (input.as_map(), output.as_map()) else {
        return false;
    };
    let known = |map: &Map, names: [&str; 2]| {
        map.iter()
            .all(|(key, _)| key.as_text().is_some_and(|key| names.contains(&key)))
    };
    if !known(output, ["enabled", "results"]) || output.text("enabled").is_some_and(|value| value.as_bool().is_none()) {
        return false;
    }
    let Some(results) = output.text("results") else {
        return true;
    };
    let Some(results) = results.as_map() else { return false };
    let by_credential = input.text("evalByCredential").and_then(Value::as_map);
    let salts = || {
        input
            .text("eval")
            .into_iter()
            .chain(by_credential.into_iter().flat_map(Map::iter).map(|(_, value)| value))
    };
    let asked = |which: &str| {
        salts()
            .filter_map(Value::as_map)
            .any(|salts| salts.text(which).is_some())
    };
    let fits = |which: &str| match results.text(which) {
        None => true,
        Some(value) => value.as_bytes().is_some_and(|bytes| bytes.len() == 32) && asked(which),
    };
    assurance == Assurance::Verified
        && known(results, ["first", "second"])
        && results.text("first").is_some()
        && fits("first")
        && fits("second")
}
