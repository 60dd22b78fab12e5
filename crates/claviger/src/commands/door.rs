//! `claviger door …`: the ways in, and the switch of the one that can be shut.

use claviger_broker::DoorSwitch;
use claviger_doors::hid::control::{HidDoor1Proxy, NAME, Report, Word};
use serde_json::json;
use zbus::proxy::CacheProperties;

use super::client;
use crate::cli::{Door, Switchable};
use crate::dirs::Dirs;
use crate::output::{self, Failure, line};
use crate::settings::HidDoor;

/// Runs the command.
pub async fn run(dirs: &Dirs, command: Door) -> Result<(), Failure> {
    match command {
        Door::List(output) => list(dirs, output.json).await,
        Door::Enable { door: Switchable::Hid } => switch(dirs, true).await,
        Door::Disable { door: Switchable::Hid } => switch(dirs, false).await,
    }
}

/// How the security-key door's process is.
pub async fn security_key() -> Result<Report, Failure> {
    match process().await?.status().await {
        Ok(status) => client::json(&status),
        Err(_) => Ok(Report {
            state: Word::NotRunning,
            problem: None,
        }),
    }
}

/// The same for people.
pub fn describe(key: &Report) -> String {
    match key.state {
        Word::Plugged => "plugged in".into(),
        Word::Listening => "listening at a socket".into(),
        Word::Off => "switched off; `claviger door enable hid` switches it on".into(),
        Word::Unplugged => format!("none: {}", key.problem.as_deref().unwrap_or_default()),
        Word::NotRunning => {
            "none: the security-key door is not running (systemctl --user start claviger-hid-door)".into()
        }
    }
}

async fn list(dirs: &Dirs, as_json: bool) -> Result<(), Failure> {
    let status = client::status().await?;
    let key = security_key().await?;
    let browser = status.doors.iter().any(|door| door == "browser");
    let enabled = HidDoor(dirs.doors()).is_on();
    if as_json {
        return output::json(&json!([
            { "door": "browser", "enabled": browser },
            { "door": "hid", "enabled": enabled, "state": key.state, "problem": key.problem },
        ]));
    }
    let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
    let on = |on| if on { "on" } else { "off" };
    output::table(&[
        row(["DOOR", "", "STATE"]),
        row(["browser", on(browser), "the extension of your browser"]),
        row([
            "hid",
            on(enabled),
            &format!("the virtual security key: {}", describe(&key)),
        ]),
    ])
}

async fn switch(dirs: &Dirs, on: bool) -> Result<(), Failure> {
    match recorded(on).await {
        // The user's own settings can be changed without the broker too; then nobody records it.
        Err(Failure::Unreachable(_)) => HidDoor(dirs.doors())
            .turn(on)
            .map_err(|error| Failure::Failed(format!("The settings of the doors cannot be changed: {error}.")))?,
        done => done?,
    }
    // Waited for, so that what is asked next sees it. A process that is not running reads it when it starts.
    if let Ok(process) = process().await
        && let Err(error) = process.reload().await
    {
        tracing::debug!(%error, "{NAME} was not told");
    }
    line(if on {
        "The security-key door is on."
    } else {
        "The security-key door is off: programs see no virtual security key."
    })
}

/// Has the broker switch it, which stands in the log then.
async fn recorded(on: bool) -> Result<(), Failure> {
    let broker = client::connect().await?;
    broker
        .switch_security_key(on)
        .await
        .map_err(|error| client::failure(&error))
}

async fn process() -> Result<HidDoor1Proxy<'static>, Failure> {
    let unreachable = |error: zbus::Error| Failure::Unreachable(error.to_string());
    let connection = zbus::Connection::session().await.map_err(unreachable)?;
    HidDoor1Proxy::builder(&connection)
        .cache_properties(CacheProperties::No)
        .build()
        .await
        .map_err(unreachable)
}
