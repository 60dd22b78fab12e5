//! What tests show: a platform with one provider and a PIN.

use std::collections::BTreeMap;

use claviger_peer::Standing;
use claviger_prompt_api::manage::{
    AuditHead, AuditLog, Passkey, PinStatus, PromptStatus, Provider, ProviderState, RecoveryCodeStatus, Status,
};

use super::state::{KeyDoor, KeyDoorState, Snapshot};

pub fn passkey(site: &str, account: &str) -> Passkey {
    Passkey {
        id: "Zm9v".into(),
        rp_id: site.into(),
        rp_name: None,
        user_name: Some(account.into()),
        display_name: None,
        provider: "org.claviger.Vault".into(),
        provider_name: "Claviger vault".into(),
        created_ms: Some(1),
        last_used_ms: None,
        backed_up: false,
        discoverable: true,
        confirmed: true,
        hidden: false,
        tag: None,
        algorithm: Some(-7),
    }
}

pub fn provider(id: &str, name: &str) -> Provider {
    Provider {
        id: id.into(),
        name: name.into(),
        state: ProviderState::Enabled,
        registered: true,
        locked: Some(false),
        trouble: None,
        running: true,
        default: true,
        passkeys: 1,
        executable: Some("/usr/bin/claviger".into()),
        host: None,
        version: 1,
        manifest: "/usr/share/claviger/providers/x.provider".into(),
    }
}

pub fn snapshot() -> Snapshot {
    Snapshot {
        status: Status {
            version: "0.1.0".into(),
            pid: 1,
            tier: Some("software".into()),
            pin: Some(PinStatus {
                set: true,
                tries_left: 8,
                wait_ms: 0,
                locked_out: false,
                restored: false,
            }),
            recovery_code: RecoveryCodeStatus::Confirmed,
            locks_with_session: Some(true),
            verification_problem: None,
            roles: Standing::Unproved,
            prompt: PromptStatus {
                attached: true,
                kind: Some("graphical".into()),
                standing: Some(Standing::Unproved),
                scripted: false,
            },
            scripted_prompt_allowed: false,
            providers: vec![provider("org.claviger.Vault", "Claviger vault")],
            manifest_problems: Vec::new(),
            troubles: Vec::new(),
            security_key: Some(true),
            allowed_programs: Vec::new(),
            doors: vec!["browser".into()],
            ceremonies_running: 0,
            audit: AuditHead {
                entries: 3,
                head: "00".into(),
            },
        },
        logos: BTreeMap::new(),
        origins: BTreeMap::new(),
        passkeys: vec![passkey("example.org", "alice")],
        rules: Vec::new(),
        audit: AuditLog {
            entries: Vec::new(),
            intact: true,
            problem: None,
            head: "00".into(),
        },
        key: KeyDoor {
            state: KeyDoorState::NotRunning,
            problem: None,
            helper: true,
        },
        browsers: Vec::new(),
    }
}
