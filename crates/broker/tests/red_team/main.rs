//! Attacks on the broker, and broken files below it: see docs/faults.md.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    missing_docs
)]

#[path = "../bed/mod.rs"]
mod bed;

mod broken_files;
mod full_disk;
mod lists;
mod names;
mod pestering;
mod strangers;

use claviger_ctap::authenticator::device::Protection;
use claviger_ctap::types::{CredentialId, RpId, UserId};
use claviger_joint::metadata::Entry;

/// What a provider may say of a credential that it may not have.
fn entry(id: CredentialId, rp_id: &str) -> Entry {
    Entry {
        credential_id: id,
        rp_id: RpId::new(rp_id).unwrap(),
        rp_name: None,
        user_handle: Some(UserId::new(b"mallory").unwrap()),
        user_name: Some("mallory".into()),
        display_name: None,
        created_ms: None,
        last_used_ms: None,
        backed_up: false,
        tag: None,
        discoverable: true,
        protection: Protection::Optional,
    }
}
