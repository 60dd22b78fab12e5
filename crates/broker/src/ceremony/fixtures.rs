//! What the tests of the machine share: tokens that can be told apart, and a small world of providers and passkeys.

use claviger_ctap::types::{CredentialId, RpId, UserId};
use claviger_hello::MethodStatus;
use claviger_joint::{CredentialRef, ProviderId, TransactionId};
use claviger_prompt_api::names::ShownName;
use claviger_prompt_api::view::{CallerView, SiteView};

use super::{Approval, Checked, Context, HelloStatus, Input, ProviderName, Tokens, Wanted, WantedAnswer};
use crate::choice::{Candidates, Lock, PasskeySnapshot, Preference, ProviderSnapshot, Requirements, candidates};
use crate::types::Door;

pub(super) const RP_ID: &str = "example.com";
pub(super) const VAULT: &str = "org.claviger.Vault";
pub(super) const NOTEBOOK: &str = "org.example.Notebook";
pub(super) const TRANSACTIONS: [TransactionId; 2] = [TransactionId([1; 16]), TransactionId([2; 16])];

/// Tokens with numbers. None can be copied, so each shows up where it was moved, and nowhere else.
pub(super) struct Numbered;

impl Tokens for Numbered {
    type Gesture = Pin;
    type Evidence = Evidence;
    type Unlock = Unlock;
    type Reply = Reply;
    type Answer = Answer;
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pin(pub(super) u64);

/// Evidence remembers what it was made for, as the real one does.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Evidence {
    pub(super) number: u64,
    pub(super) audience: ProviderId,
    pub(super) transaction: TransactionId,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unlock(pub(super) u64);

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply(pub(super) u64);

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer(pub(super) u64);

pub(super) fn id(provider: &str) -> ProviderId {
    ProviderId::parse(provider).expect("an id")
}

pub(super) fn credential(number: u8) -> CredentialId {
    CredentialId::new([number; 16]).expect("short")
}

pub(super) fn user(number: u8) -> UserId {
    UserId::new([number]).expect("short")
}

/// An answer that passed; all of them are of one passkey.
pub(super) fn checked(number: u64) -> Checked<Numbered> {
    Checked {
        answer: Answer(number),
        credential: credential(200),
    }
}

pub(super) fn provider(name_of: &str, name: &str) -> ProviderSnapshot {
    ProviderSnapshot {
        id: id(name_of),
        name: ShownName::of(name, name_of),
        enabled: true,
        reachable: true,
        lock: Lock::Open,
        algorithms: Some(vec![-7, -8]),
        prf: true,
        keeps_protection: true,
        keeps_large_blobs: true,
        allowed: true,
        metadata_known: true,
        trouble: None,
    }
}

/// The vault, which locks, and the notebook, which does not.
pub(super) fn providers() -> Vec<ProviderSnapshot> {
    vec![
        ProviderSnapshot {
            lock: Lock::Locked,
            ..provider(VAULT, "Claviger vault")
        },
        provider(NOTEBOOK, "Notebook"),
    ]
}

pub(super) fn passkey(provider: &str, number: u8, user_name: &str) -> PasskeySnapshot {
    PasskeySnapshot {
        credential: CredentialRef {
            provider: id(provider),
            id: credential(number),
        },
        rp_id: RpId::new(RP_ID).expect("short"),
        user_handle: Some(user(number)),
        user_name: Some(user_name.to_owned()),
        display_name: None,
        discoverable: true,
        created_ms: Some(u64::from(number)),
        last_used_ms: None,
        confirmed: true,
    }
}

pub(super) fn make() -> Requirements {
    Requirements::Make {
        algorithms: vec![-7],
        prf: false,
        exclude: Vec::new(),
        user_handle: user(9),
    }
}

pub(super) fn get() -> Requirements {
    Requirements::Get { allow: Vec::new() }
}

pub(super) fn hello() -> HelloStatus {
    HelloStatus {
        methods: vec![MethodStatus::fresh_pin()],
        ..HelloStatus::default()
    }
}

pub(super) fn context() -> Context {
    Context {
        caller: CallerView {
            name: Some("Chromium".to_owned()),
            executable: "/usr/bin/chromium".to_owned(),
            window: None,
            pid: None,
            door: Door::Browser.to_string(),
        },
        site: Some(SiteView {
            rp_id: RP_ID.to_owned(),
            rp_name: None,
            origin: Some(format!("https://{RP_ID}")),
            top_origin: None,
            related: false,
            offered: false,
        }),
        account: None,
        expires_ms: Some(60_000),
    }
}

pub(super) fn ceremony(
    need: &Requirements,
    providers: &[ProviderSnapshot],
    passkeys: &[PasskeySnapshot],
    verification: bool,
) -> Input {
    let rp_id = RpId::new(RP_ID).expect("short");
    Input {
        wanted: Wanted::Answer(WantedAnswer {
            creates: matches!(need, Requirements::Make { .. }),
            candidates: candidates(need, &rp_id, providers, passkeys, &Preference::default()),
            rp_id,
            verification,
            consent_only: false,
        }),
        context: context(),
        hello: hello(),
        transactions: TRANSACTIONS,
    }
}

/// A request to make a passkey that takes this course.
pub(super) fn with_candidates(candidates: Candidates) -> Input {
    Input {
        wanted: Wanted::Answer(WantedAnswer {
            creates: true,
            candidates,
            rp_id: RpId::new(RP_ID).expect("short"),
            verification: true,
            consent_only: false,
        }),
        context: context(),
        hello: hello(),
        transactions: TRANSACTIONS,
    }
}

pub(super) fn approval(approval: Approval) -> Input {
    Input {
        wanted: Wanted::Approve(approval),
        context: context(),
        hello: hello(),
        transactions: TRANSACTIONS,
    }
}

pub(super) fn named(provider: &str, name: &str) -> ProviderName {
    ProviderName {
        id: id(provider),
        name: ShownName::of(name, provider),
    }
}
