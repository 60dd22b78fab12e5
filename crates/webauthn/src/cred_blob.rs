//! The `credBlob` extension (CTAP 2.1 §12.2): a few bytes of the page's that a passkey keeps from its making on.

use claviger_ctap::{
    authenticator::{CRED_BLOB, MAX_CRED_BLOB},
    authenticator_data::AuthenticatorData,
    cbor::{Map, Value},
};
use zeroize::Zeroizing;

use crate::{Error, json::Object};

/// What a page wants kept with a new passkey.
pub(crate) struct CredBlob(Zeroizing<Vec<u8>>);

impl CredBlob {
    /// Client extension processing at registration; `None` when the page does not use the extension.
    pub(crate) fn at_create(extensions: Option<Object<'_>>) -> Result<Option<Self>, Error> {
        let blob = extensions.map_or(Ok(None), |extensions| extensions.bytes(CRED_BLOB))?;
        Ok(blob.map(Self))
    }

    /// Asks for it. A blob that no authenticator takes stays here, and the page learns that it is not kept.
    pub(crate) fn ask(&self, inputs: &mut Map) {
        if self.0.len() <= MAX_CRED_BLOB {
            inputs.insert(CRED_BLOB, self.0.as_slice());
        }
    }
}

/// Whether the page asks for the blob at authentication. If so it is asked for.
pub(crate) fn ask_at_get(extensions: Option<Object<'_>>, inputs: &mut Map) -> Result<bool, Error> {
    let wanted = extensions.map_or(Ok(None), |extensions| extensions.boolean("getCredBlob"))? == Some(true);
    if wanted {
        inputs.insert(CRED_BLOB, true);
    }
    Ok(wanted)
}

/// Whether a new passkey keeps the blob. A provider without the extension says nothing, and keeps nothing.
pub(crate) fn is_kept(made: &AuthenticatorData) -> bool {
    output(made).and_then(Value::as_bool) == Some(true)
}

/// The blob of the passkey that was used: empty when there is none, `None` from a provider without the extension.
pub(crate) fn read(used: &AuthenticatorData) -> Option<&[u8]> {
    output(used).and_then(Value::as_bytes)
}

fn output(data: &AuthenticatorData) -> Option<&Value> {
    data.extensions.as_ref().and_then(|outputs| outputs.text(CRED_BLOB))
}
