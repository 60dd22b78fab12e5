//! What the tests of the machine share: tokens that can be told apart, and a small world of providers and passkeys.

use claviger_ctap::types::RpId;

use super::{AnswerCourse, Approval, Context, Course, HelloStatus, Input, ProviderName, Tokens, Transaction};
use crate::choice::{Lock, Need, PasskeySnapshot, Preference, ProviderSnapshot, plan};
use crate::types::Door;
use crate::view::{CallerView, SiteView};

pub(super) const RP_ID: &str = "example.com";
pub(super) const VAULT: &str = "org.claviger.Vault";
pub(super) const NOTEBOOK: &str = "org.example.Notebook";
pub(super) const TRANSACTIONS: [Transaction; 2] = [[1; 16], [2; 16]];

/// Tokens with numbers. None can be copied, so each shows up where it was moved, and nowhere else.
pub(super) struct Numbered;

impl Tokens for Numbered {
    type Pin = Pin;
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
    pub(super) audience: String,
    pub(super) transaction: Transaction,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unlock(pub(super) u64);

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply(pub(super) u64);

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer(pub(super) u64);

pub(super) fn provider(id: &str, name: &str) -> ProviderSnapshot {
    ProviderSnapshot {
        id: id.to_owned(),
        name: name.to_owned(),
        enabled: true,
        reachable: true,
        lock: Lock::Open,
        algorithms: Some(vec![-7, -8]),
        prf: true,
        allowed: true,
        metadata_known: true,
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

pub(super) fn passkey(provider: &str, id: u8, user_name: &str) -> PasskeySnapshot {
    PasskeySnapshot {
        provider: provider.to_owned(),
        id: vec![id; 16],
        rp_id: RP_ID.to_owned(),
        user_handle: Some(vec![id]),
        user_name: Some(user_name.to_owned()),
        display_name: None,
        discoverable: true,
        created_ms: Some(u64::from(id)),
        last_used_ms: None,
    }
}

pub(super) fn make() -> Need {
    Need::Make {
        algorithms: vec![-7],
        prf: false,
        exclude: Vec::new(),
        user_handle: vec![9],
    }
}

pub(super) fn get() -> Need {
    Need::Get { allow: Vec::new() }
}

pub(super) fn hello() -> HelloStatus {
    HelloStatus {
        pin_set: true,
        tries_left: 10,
        wait_ms: 0,
        locked_out: false,
    }
}

pub(super) fn context() -> Context {
    Context {
        caller: CallerView {
            name: "Chromium".to_owned(),
            executable: "/usr/bin/chromium".to_owned(),
            door: Door::Browser.to_string(),
        },
        site: Some(SiteView {
            rp_id: RP_ID.to_owned(),
            rp_name: None,
            origin: Some(format!("https://{RP_ID}")),
            top_origin: None,
        }),
        account: None,
        expires_ms: Some(60_000),
    }
}

pub(super) fn ceremony(
    need: &Need,
    providers: &[ProviderSnapshot],
    passkeys: &[PasskeySnapshot],
    verification: bool,
) -> Input {
    let rp_id = RpId::new(RP_ID).expect("short");
    Input {
        course: Course::Answer(AnswerCourse {
            creates: matches!(need, Need::Make { .. }),
            plan: plan(need, &rp_id, providers, passkeys, &Preference::default()),
            rp_id,
            verification,
            consent_only: false,
        }),
        context: context(),
        hello: hello(),
        transactions: TRANSACTIONS,
    }
}

pub(super) fn approval(approval: Approval) -> Input {
    Input {
        course: Course::Approve(approval),
        context: context(),
        hello: hello(),
        transactions: TRANSACTIONS,
    }
}

pub(super) fn named(id: &str, name: &str) -> ProviderName {
    ProviderName {
        id: id.to_owned(),
        name: name.to_owned(),
    }
}
