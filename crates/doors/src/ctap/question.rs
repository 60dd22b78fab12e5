//! From a CTAP request to the broker's nouns, and from a checked answer to a CTAP response.

use std::path::PathBuf;
use std::time::Duration;

use claviger_broker::{
    Caller, CeremonyAnswer, CeremonyRequest, CtapRequest, ManagedCredential, Requester, UserVerification,
};
use claviger_ctap::cbor::{Limits, Map};
use claviger_ctap::status::Status;
use claviger_ctap::types::RpId;
use claviger_ctap::{get_assertion, make_credential};

use super::Entrance;
use super::message::{ListReply, Listed, MAX_LISTED, Program};
use super::platform::DoorProcess;

/// How long the user has. Clients cancel what they no longer wait for.
pub(super) const TIMEOUT: Duration = Duration::from_mins(2);

/// The extensions that the joint serves; others do not travel on.
const EXTENSIONS: [&str; 3] = ["credProtect", "hmac-secret", "hmac-secret-mc"];

/// The caller. The door's process looked it up in `/proc`; where it could not, the door itself is named by its process.
pub(super) fn caller(entrance: &Entrance, program: Option<Program>, process: DoorProcess) -> Caller {
    let (name, executable, pid) = match program {
        Some(program) => (program.name, program.executable, program.pid),
        None => (String::new(), None, None),
    };
    Caller {
        door: entrance.door,
        traits: entrance.traits,
        standing: process.standing,
        app_id: None,
        name,
        executable: executable.map(PathBuf::from).unwrap_or_default(),
        pid: pid.unwrap_or(process.pid),
        window: String::new(),
    }
}

/// Reads `authenticatorMakeCredential`.
pub(super) fn make(bytes: &[u8]) -> Result<make_credential::Request, Status> {
    let mut request =
        make_credential::Request::from_cbor_within(bytes, &Limits::CTAP).map_err(|error| error.status())?;
    check_rp_id(&request.rp.id)?;
    // CTAP 2.1 §6.1.2 step 5: a credential is not made without user presence.
    if !request.options.up {
        return Err(Status::InvalidOption);
    }
    // Step 9: it is not offered.
    if request.enterprise_attestation.is_some() {
        return Err(Status::InvalidParameter);
    }
    request.extensions = known(&request.extensions);
    // What a new credential gives belongs to the verified user.
    if request.extensions.text("hmac-secret-mc").is_some() && !request.options.uv {
        return Err(Status::PuatRequired);
    }
    // The door has checked it; no provider could.
    (request.pin_uv_auth_param, request.pin_uv_auth_protocol) = (None, None);
    Ok(request)
}

/// Reads `authenticatorGetAssertion`.
pub(super) fn get(bytes: &[u8]) -> Result<get_assertion::Request, Status> {
    let mut request = get_assertion::Request::from_cbor_within(bytes, &Limits::CTAP).map_err(|error| error.status())?;
    check_rp_id(&request.rp_id)?;
    request.extensions = known(&request.extensions);
    (request.pin_uv_auth_param, request.pin_uv_auth_protocol) = (None, None);
    Ok(request)
}

/// What the broker is asked. The RP ID is the program's word, which nobody can check: there is no origin.
pub(super) fn ceremony(caller: Caller, operation: CtapRequest) -> Result<CeremonyRequest, Status> {
    let uv = match &operation {
        CtapRequest::Make(request) => request.options.uv,
        CtapRequest::Get(request) => request.options.uv,
    };
    let user_verification = if uv {
        UserVerification::Required
    } else {
        UserVerification::Discouraged
    };
    CeremonyRequest::new(caller, Requester::Program, operation, user_verification, TIMEOUT)
        .map_err(|_| Status::InvalidParameter)
}

/// The CTAP response map. `named` tells whether the request named credentials.
pub(super) fn response(answer: CeremonyAnswer, named: bool) -> Vec<u8> {
    match answer {
        CeremonyAnswer::Made(response) => response.to_cbor(),
        CeremonyAnswer::Got(mut response) => {
            // CTAP 2.1 §6.2.3: the user chose the account here, so the client need not ask again.
            response.user_selected = (!named).then_some(true);
            response.to_cbor()
        }
    }
}

/// The list, as much as a message holds.
pub(super) fn list(credentials: Vec<ManagedCredential>) -> ListReply {
    if credentials.len() > MAX_LISTED {
        tracing::warn!(
            left_out = credentials.len() - MAX_LISTED,
            "there are more passkeys than a list holds"
        );
    }
    let listed = credentials.into_iter().take(MAX_LISTED).map(|credential| Listed {
        rp_id: credential.rp_id.to_string(),
        user: credential.user,
        credential: credential.credential,
        public_key: credential.public_key,
        protection: credential.protection as u8,
    });
    ListReply {
        status: Status::Success,
        credentials: listed.collect(),
    }
}

/// CTAP 2.1 §8.2: an empty one is a wrong value, a long one more than there is room for.
fn check_rp_id(rp_id: &str) -> Result<(), Status> {
    match RpId::new(rp_id) {
        Ok(_) => Ok(()),
        Err(_) if rp_id.is_empty() => Err(Status::InvalidParameter),
        Err(_) => Err(Status::LimitExceeded),
    }
}

fn known(extensions: &Map) -> Map {
    EXTENSIONS
        .into_iter()
        .filter_map(|name| Some((name, extensions.text(name)?.clone())))
        .collect()
}
