//! The passkeys that were made and given to a native host, until it is known what became of them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use claviger_broker::{Caller, CeremonyAnswer};
use claviger_ctap::authenticator_data::AuthenticatorData;
use claviger_ctap::types::{CredentialId, RpId};
use zbus::names::UniqueName;

use super::message::RequestId;

/// The most that are remembered; beyond them the oldest counts as delivered.
const MAX: usize = 64;

/// A passkey that was made at somebody's request.
pub(super) struct Made {
    pub(super) caller: Caller,
    pub(super) rp_id: RpId,
    pub(super) id: CredentialId,
}

impl Made {
    /// The passkey in an answer, if it has a new one.
    pub(super) fn of(answer: &CeremonyAnswer, caller: &Caller, rp_id: &RpId) -> Option<Self> {
        let CeremonyAnswer::Made(response) = answer else {
            return None;
        };
        let attested = AuthenticatorData::parse(&response.auth_data).ok()?.attested?;
        Some(Self {
            caller: caller.clone(),
            rp_id: rp_id.clone(),
            id: attested.id,
        })
    }
}

/// All of them, by native host and request id.
#[derive(Default)]
pub(super) struct Answered(Mutex<VecDeque<(String, RequestId, Made)>>);

impl Answered {
    pub(super) fn remember(&self, host: &UniqueName<'_>, id: &RequestId, made: Made) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX {
            all.pop_front();
        }
        all.push_back((host.as_str().to_owned(), id.clone(), made));
    }

    /// The newest of this id, once.
    pub(super) fn take(&self, host: &UniqueName<'_>, id: &RequestId) -> Option<Made> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let position = all
            .iter()
            .rposition(|(its_host, its_id, _)| its_host == host.as_str() && its_id == id)?;
        all.remove(position).map(|(_, _, made)| made)
    }
}
