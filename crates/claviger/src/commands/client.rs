//! The command line's connection to the broker: one call, one JSON answer, one kind of failure.

use std::io::IsTerminal as _;

use claviger_peer::Peers;
use claviger_prompt_api::dbus::{self, Error, Manage1Proxy};
use claviger_prompt_api::manage::Status;
use serde::de::DeserializeOwned;

use crate::output::{Failure, note};
use crate::prompt::{Prompt, Terminal};

/// Connects to the broker, which D-Bus starts if need be.
pub async fn connect() -> Result<Manage1Proxy<'static>, Failure> {
    dbus::manage(&peers().await?).await.map_err(|error| failure(&error))
}

/// Whoever else is on the session bus.
pub async fn peers() -> Result<Peers, Failure> {
    let connection = zbus::Connection::session()
        .await
        .map_err(|error| Failure::Unreachable(error.to_string()))?;
    let program = std::env::current_exe().map_err(Failure::failed)?;
    Peers::new(&connection, &program)
        .await
        .map_err(|error| Failure::Unreachable(error.to_string()))
}

/// How the platform is.
pub async fn status() -> Result<Status, Failure> {
    json(&connect().await?.status().await.map_err(|error| failure(&error))?)
}

/// Runs a request that asks the user: in the prompt that is attached, or in the window where the bus can start it, or else in this
/// terminal.
pub async fn asking<T>(request: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
    asking_at(&mut None, request).await
}

/// [`asking`] at this terminal, which the caller goes on with, where it comes to that. It is opened if it is not yet.
pub async fn asking_at<T>(
    terminal: &mut Option<Terminal>,
    request: impl Future<Output = Result<T, Error>>,
) -> Result<T, Failure> {
    let request = async { request.await.map_err(|error| failure(&error)) };
    if status().await?.prompt.attached {
        note("Please answer in the prompt.");
        return request.await;
    }
    if window_asks().await? {
        note("Please answer in the window.");
        return request.await;
    }
    let prompt = Prompt::attach("terminal").await?;
    let terminal = match terminal {
        Some(terminal) => terminal,
        None => terminal.insert(Terminal::open()?),
    };
    tokio::select! {
        done = request => done,
        ended = prompt.ask_in(terminal) => ended.and_then(|()| Err(Failure::Refused("the prompt ended".into()))),
    }
}

/// Whether the broker will have the window asked: where the bus can start it, and there is a display or no terminal.
async fn window_asks() -> Result<bool, Failure> {
    let has_display = ["WAYLAND_DISPLAY", "DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|display| !display.is_empty()));
    if !has_display && std::io::stdin().is_terminal() {
        return Ok(false);
    }
    let peers = peers().await?;
    let names = async {
        let bus = zbus::fdo::DBusProxy::new(peers.connection()).await?;
        Ok::<_, zbus::Error>(bus.list_activatable_names().await?)
    };
    let names = names.await.map_err(|error| failure(&Error::Bus(error)))?;
    Ok(names.iter().any(|name| name.as_str() == dbus::PROMPT_NAME))
}

/// Reads an answer of the broker.
pub fn json<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::Failed(format!("the broker's answer cannot be read: {error}")))
}

/// What an error of the broker means for the command that met it.
pub fn failure(error: &Error) -> Failure {
    match error {
        Error::Bus(error) => Failure::Unreachable(error.to_string()),
        answered => Failure::Broker(answered.clone()),
    }
}
