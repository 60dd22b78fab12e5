//! The settings' link to the broker: one question, one answer, each on a connection of its own.
//!
//! So a question is left by dropping it: its connection ends, the broker sees that who asked has gone, and takes its prompt away.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use claviger_peer::Peers;
use claviger_prompt_api::dbus::{self, Error, Manage1Proxy};
use claviger_prompt_api::logo::Logos;
use claviger_prompt_api::manage::{AuditLog, Provider, Status};
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use super::browsers;
use super::model::call::Call;
use super::model::state::{KeyDoor, KeyDoorState, Snapshot};
use super::packages::Packages;
use crate::bus::{self, BusError};

/// How many entries of the audit log the window shows.
const SHOWN_ENTRIES: u32 = 1_000;

/// How many of them are exported, which is how many the broker gives.
const ALL_ENTRIES: u32 = 10_000;

/// The security-key door's process on the bus, its object and interface.
const KEY_DOOR: (&str, &str, &str) = ("org.claviger.HidDoor", "/org/claviger/HidDoor", "org.claviger.HidDoor1");

/// Where systemd looks for the unit of the security-key door's helper.
const HELPER_UNITS: [&str; 4] = [
    "/etc/systemd/system/claviger-hid.socket",
    "/usr/local/lib/systemd/system/claviger-hid.socket",
    "/usr/lib/systemd/system/claviger-hid.socket",
    "/lib/systemd/system/claviger-hid.socket",
];

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// There is no broker to ask, or none that is the broker; for a log.
    Unreachable(String),
    /// The broker did not do it, and says why in a sentence.
    Refused(String),
}

/// All that there is to show.
pub async fn load(packages: Arc<Packages>) -> Result<Snapshot, Failure> {
    ask(async move |peers: Peers| {
        let broker = dbus::manage(&peers).await?;
        let status: Status = json(&broker.status().await?)?;
        Ok(Snapshot {
            logos: logos(&broker, &status.providers).await,
            origins: packages.origins(programs(&status.providers)),
            status,
            passkeys: json(&broker.passkeys("").await?)?,
            rules: json(&broker.rules().await?)?,
            audit: json(&broker.audit(SHOWN_ENTRIES).await?)?,
            key: key_door(peers.connection()).await,
            browsers: browsers::installed(),
        })
    })
    .await
}

/// The audit log, as much of it as the broker gives.
pub async fn audit_log() -> Result<AuditLog, Failure> {
    ask(async |peers: Peers| json(&dbus::manage(&peers).await?.audit(ALL_ENTRIES).await?)).await
}

/// Has something done. It takes as long as the person does, where the broker [asks](Call::asks).
pub async fn call(call: Call) -> Result<(), Failure> {
    ask(async move |peers: Peers| perform(&dbus::manage(&peers).await?, &call).await).await
}

async fn perform(broker: &Manage1Proxy<'_>, call: &Call) -> Result<(), Error> {
    match call {
        Call::Enable(id) => broker.enable_provider(id).await,
        Call::Disable(id) => broker.disable_provider(id).await,
        Call::MakeDefault(id) => broker.set_default_provider(id).await,
        Call::Order(ids) => {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            broker.set_provider_order(&ids).await
        }
        Call::SetRule { site, provider } => broker.set_rule(site, provider).await,
        Call::ClearRule(site) => broker.clear_rule(site).await,
        Call::Lock(id) => broker.lock(id).await,
        Call::Unlock(id) => broker.unlock(id).await,
        Call::SwitchSecurityKey(on) => broker.switch_security_key(*on).await,
        Call::ChoosePin => broker.setup().await,
        Call::ChangePin => broker.change_pin().await,
        Call::Rename { provider, id, name } => broker.rename_passkey(provider, id, name).await,
        Call::Hide { provider, id } => broker.hide_passkey(provider, id).await,
        Call::Unhide { provider, id } => broker.unhide_passkey(provider, id).await,
        Call::Delete { provider, id } => broker.delete_passkey(provider, id).await,
    }
}

/// Does the work on a new connection, until it is done or nobody waits for it any more.
async fn ask<T, W>(work: W) -> Result<T, Failure>
where
    T: Send + 'static,
    W: AsyncFnOnce(Peers) -> Result<T, Error> + Send + 'static,
{
    let (mut answer, answered) = oneshot::channel();
    bus::start(async move |peers: Result<Peers, BusError>| {
        let work = async {
            match peers {
                Ok(peers) => work(peers).await.map_err(Failure::from),
                Err(error) => Err(Failure::from(error)),
            }
        };
        tokio::select! {
            () = answer.closed() => {}
            // The window may have gone at this very moment.
            done = work => drop(answer.send(done)),
        }
    })?;
    answered
        .await
        .unwrap_or_else(|_| Err(Failure::Unreachable("the connection ended".to_owned())))
}

fn programs(providers: &[Provider]) -> impl Iterator<Item = &Path> {
    providers.iter().filter_map(|provider| provider.executable.as_deref())
}

/// The logos that there are. A provider that has just gone has none, and nothing is the worse for it.
async fn logos(broker: &Manage1Proxy<'_>, providers: &[Provider]) -> BTreeMap<String, Logos> {
    let mut logos = BTreeMap::new();
    for provider in providers {
        let told = broker.logos(&provider.id).await.and_then(|text| json::<Logos>(&text));
        if let Some(told) = told.ok().filter(|told| !told.is_empty()) {
            logos.insert(provider.id.clone(), told);
        }
    }
    logos
}

/// Only how the security-key door is, which changes by itself.
pub async fn security_key() -> Result<KeyDoor, Failure> {
    ask(async |peers: Peers| Ok(key_door(peers.connection()).await)).await
}

/// Nobody has to run the door, so no answer is one too.
async fn key_door(connection: &zbus::Connection) -> KeyDoor {
    let (name, path, interface) = KEY_DOOR;
    let answer = connection
        .call_method(Some(name), path, Some(interface), "Status", &())
        .await;
    let text = answer.and_then(|reply| reply.body().deserialize::<String>());
    let told = text.ok().and_then(|text| serde_json::from_str(&text).ok());
    let door = told.unwrap_or(KeyDoor {
        state: KeyDoorState::NotRunning,
        problem: None,
        helper: false,
    });
    KeyDoor {
        helper: helper_is_installed(),
        ..door
    }
}

/// Whether the administrator or a package has put the helper's socket unit into place.
fn helper_is_installed() -> bool {
    HELPER_UNITS.iter().any(|unit| Path::new(unit).exists())
}

fn json<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::failed(format!("The broker's answer cannot be read: {error}.")))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Bus(error) => Self::Unreachable(error.to_string()),
            told => Self::Refused(told.to_string()),
        }
    }
}

impl From<BusError> for Failure {
    fn from(error: BusError) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(text) | Self::Refused(text) => f.write_str(text),
        }
    }
}
