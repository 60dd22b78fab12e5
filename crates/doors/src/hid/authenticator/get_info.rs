//! `authenticatorGetInfo` (CTAP 2.1 §6.4).

use claviger_ctap::crypto::Algorithm;
use claviger_ctap::ctaphid::MAX_MESSAGE;
use claviger_ctap::get_info::Response;
use claviger_ctap::pin_protocol::PinUvAuthProtocol;
use claviger_ctap::types::{Aaguid, CredentialId};

use super::{Answer, MAX_LIST, extensions, platform};
use crate::ctap::message::Info;
use crate::hid::upstream::Upstream;

/// The algorithms that every provider of this platform signs with, best first.
pub(super) const ALGORITHMS: [Algorithm; 2] = [Algorithm::Es256, Algorithm::EdDsa];

/// The model is not told: a passkey names its provider's, and there are many.
const AAGUID: Aaguid = Aaguid([0; 16]);

/// What the door can do now.
pub(super) async fn answer<U: Upstream>(upstream: &U) -> Answer {
    let info = upstream.info().await.map_err(platform)?;
    let mut answer = Response::new(vec!["FIDO_2_0".to_owned(), "FIDO_2_1".to_owned()], AAGUID);
    answer.extensions = extensions::NAMES.map(str::to_owned).to_vec();
    let mut option = |name: &str, value| answer.options.insert(name.to_owned(), value);
    option("rk", true);
    option("up", true);
    option("uv", info.pin_set);
    option("pinUvAuthToken", true);
    option("credMgmt", true);
    option("makeCredUvNotRqd", makes_unverified(info));
    // Without one that can be checked it is absent: `false` would offer to set one, and the PIN is chosen with `claviger`.
    if info.client_pin {
        option("clientPin", true);
    }
    // `plat` stays away: this is a key among others, and browsers leave one alone that says otherwise.
    answer.max_msg_size = u64::try_from(MAX_MESSAGE).ok();
    answer.pin_uv_auth_protocols = PinUvAuthProtocol::ALL.map(PinUvAuthProtocol::number).to_vec();
    answer.max_credential_count_in_list = u64::try_from(MAX_LIST).ok();
    answer.max_credential_id_length = u64::try_from(CredentialId::MAX).ok();
    answer.transports = vec!["usb".to_owned()];
    answer.algorithms = ALGORITHMS.map(Algorithm::cose).to_vec();
    Ok(answer.to_cbor())
}

/// makeCredUvNotRqd: whether a program that asks for no verification is served at creation. Not where it could ask for the PIN: it
/// would ask at each use, and find another hmac-secret there than the one that it has enrolled (CTAP 2.1 §12.5). The prompt
/// verifies the user either way.
pub(super) fn makes_unverified(info: Info) -> bool {
    !info.client_pin
}
