//! What the tests of this folder share: a vault in a temporary directory, and passkeys to put into it.
#![allow(dead_code, reason = "each of them uses its part")]

use std::path::Path;

use claviger_ctap::authenticator::CredentialRecord;
use claviger_ctap::crypto::{Algorithm, PrivateKey, native};
use claviger_ctap::prf::PrfSeed;
use claviger_ctap::types::{CredentialId, UserEntity, UserId};
use claviger_vault::{Error, Options, Vault};

pub const SECRET: [u8; 32] = [0x5e; 32];

pub fn options(directory: &Path) -> Options {
    Options {
        data_dir: directory.join("data"),
        state_dir: directory.join("state"),
    }
}

pub fn open(directory: &Path) -> Result<Vault, Error> {
    let mut vault = Vault::attach(&options(directory), native())?;
    vault.unlock(&SECRET, 1)?;
    Ok(vault)
}

pub fn record(rp_id: &str, user: &str, public: &PrivateKey) -> CredentialRecord {
    CredentialRecord {
        id: CredentialId::random(native()).unwrap(),
        rp_id: rp_id.to_owned(),
        rp_name: Some(format!("The {rp_id} site")),
        user: UserEntity {
            id: UserId::new(format!("handle of {user}")).unwrap(),
            name: Some(user.to_owned()),
            display_name: None,
        },
        public_key: public.public_key().clone(),
        discoverable: true,
        backup_eligible: true,
        backed_up: false,
        sign_count: 0,
        created_ms: 1_700_000_000_000,
    }
}

/// Adds a passkey and returns its record.
pub fn add(vault: &mut Vault, rp_id: &str, user: &str) -> Result<CredentialRecord, Error> {
    let key = native().generate(Algorithm::EdDsa).unwrap();
    let record = record(rp_id, user, &key);
    vault.add_passkey(&record, &key, &PrfSeed::from_bytes(&[1; 32]), None)?;
    Ok(record)
}
