//! The link to the broker: views in, answers out, and how it ends.

use std::pin::pin;

use claviger_peer::Peers;
use claviger_pin::{Pin, RecoveryCode, memfd};
use claviger_prompt_api::action::Action;
use claviger_prompt_api::dbus::{self, Error, Prompt1Proxy};
use claviger_prompt_api::view::View;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::bus::{self, BusError};

/// What the broker tells.
#[derive(Debug)]
pub enum News {
    /// What is to be shown from now on.
    View(Box<View>),
    /// The last answer was not taken, for this reason. The view stands.
    NotTaken(String),
    /// There will be nothing more.
    Over(Over),
}

/// How a link ends.
#[derive(Debug)]
pub enum Over {
    /// Another prompt has taken over.
    Replaced,
    /// The broker does not take this process for a prompt, or ended, or there is no bus; in words for a log.
    Broken(String),
}

/// What the person did with a view.
#[derive(Debug)]
pub struct Answer {
    /// The view's prompt.
    pub prompt: u64,
    /// The view's revision.
    pub revision: u32,
    /// What was done.
    pub action: Action,
    /// The recovery code that was typed for it.
    pub code: Option<RecoveryCode>,
    /// The PIN that was typed for it: the present one, or a new one.
    pub pin: Option<Pin>,
}

/// The window's end of the link. It is cut by dropping it.
#[derive(Debug)]
pub struct Link {
    /// What the broker tells, in order.
    pub news: UnboundedReceiver<News>,
    /// Where answers go.
    pub answers: UnboundedSender<Answer>,
}

/// Offers this process to the broker, which D-Bus starts if need be, as its graphical prompt. Whatever goes wrong is [`News`].
///
/// # Errors
/// The system's, when it gives no thread.
pub fn attach() -> Result<Link, BusError> {
    let (tell, news) = unbounded_channel();
    let (answers, mut given) = unbounded_channel();
    bus::start(async move |peers: Result<Peers, BusError>| {
        let over = match peers {
            Ok(peers) => serve(&peers, &tell, &mut given).await,
            Err(error) => Over::Broken(error.to_string()),
        };
        // Nobody listens any more when the window has gone first.
        let _ = tell.send(News::Over(over));
    })?;
    Ok(Link { news, answers })
}

async fn serve(peers: &Peers, tell: &UnboundedSender<News>, given: &mut UnboundedReceiver<Answer>) -> Over {
    match follow(peers, tell, given).await {
        Ok(()) | Err(Error::NotAllowed(_)) => Over::Replaced,
        Err(error) => Over::Broken(error.to_string()),
    }
}

/// Passes views and answers on until either side has gone. The window's going is no error.
async fn follow(
    peers: &Peers,
    tell: &UnboundedSender<News>,
    given: &mut UnboundedReceiver<Answer>,
) -> Result<(), Error> {
    let broker = dbus::prompt(peers).await?;
    broker.attach("graphical").await?;
    let mut next = pin!(next_view(&broker, 0, 0));
    loop {
        tokio::select! {
            view = &mut next => {
                let view = view?;
                next.set(next_view(&broker, view.prompt, view.revision));
                if tell.send(News::View(Box::new(view))).is_err() {
                    return Ok(());
                }
            }
            answer = given.recv() => {
                let Some(answer) = answer else { return Ok(()) };
                match send(&broker, answer).await {
                    Err(gone @ Error::Bus(_)) => return Err(gone),
                    // An answer to a question that is gone by now is no failure, but the window waits to hear of it.
                    Err(told) => drop(tell.send(News::NotTaken(told.to_string()))),
                    Ok(()) => {}
                }
            }
        }
    }
}

async fn next_view(broker: &Prompt1Proxy<'_>, prompt: u64, revision: u32) -> Result<View, Error> {
    let text = broker.next_view(prompt, revision).await?;
    serde_json::from_str(&text).map_err(|error| Error::failed(format!("The broker sent no view: {error}.")))
}

/// Sends one answer; what was typed goes in sealed memory files, a code before the PIN, and is wiped here with the end of this call.
async fn send(broker: &Prompt1Proxy<'_>, answer: Answer) -> Result<(), Error> {
    let code = answer.code.map(|code| memfd::seal_recovery_code(&code));
    let pin = answer.pin.map(|pin| memfd::seal(&pin));
    let sealed: Result<Vec<_>, _> = code.into_iter().chain(pin).collect();
    let sealed = sealed.map_err(|error| Error::failed(error.to_string()))?;
    let secrets: Vec<zbus::Fd<'_>> = sealed.iter().map(zbus::Fd::from).collect();
    let action = answer.action.to_json();
    broker.act(answer.prompt, answer.revision, &action, &secrets).await
}
