//! `claviger prompt`: shows the broker's views in this terminal and sends back what the user does.
//!
//! The prompt decides nothing: it draws the view and returns an action. A PIN goes from here to hello as a sealed memfd
//! and is never part of a D-Bus message. [`terminal`] asks a person at the [`keyboard`], [`script`] answers for a test.

mod keyboard;
mod script;
pub(crate) mod terminal;

use std::iter::once;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use claviger_kernel::sandbox::Sandbox;
use claviger_peer::Peers;
use claviger_pin::{Pin, memfd};
use claviger_prompt_api::action::Action;
use claviger_prompt_api::dbus::{self, Error, Prompt1Proxy};
use claviger_prompt_api::message::Message;
use claviger_prompt_api::messages::Messages;
use claviger_prompt_api::view::{Kind, View};
use script::{Reply, Script};
use serde_json::{Value, json};
pub use terminal::Terminal;

use crate::commands::client;
use crate::output::{self, Failure, note};

/// A broker that ends sooner than this after the prompt attached is not replaced before this long.
const SHORT_LIFE: Duration = Duration::from_secs(2);

/// Runs until interrupted, or until a newer prompt takes over. When the broker ends, the next one is started and offered this
/// prompt. After an upgrade that one refuses a prompt of the old program, whose last words are that it has to be restarted.
pub async fn run(script: Option<&Path>) -> Result<(), Failure> {
    match script {
        None => {
            let mut prompt = Prompt::attach("terminal").await?;
            let mut terminal = Terminal::open()?;
            prompt.outlive(async |prompt| prompt.ask_in(&mut terminal).await).await
        }
        Some(path) => {
            let mut script = Script::load(path).map_err(|error| Failure::Usage(error.to_string()))?;
            let mut prompt = Prompt::attach("scripted").await?;
            note("This prompt answers from a script. Nobody is asked. For tests only.");
            prompt
                .outlive(async |prompt| {
                    report(&json!({"event": "attached"}))?;
                    prompt.follow(&mut script).await
                })
                .await
        }
    }
}

/// A prompt that the broker has accepted and will send its questions to.
pub struct Prompt {
    peers: Peers,
    broker: Prompt1Proxy<'static>,
    kind: &'static str,
    messages: Messages,
}

impl Prompt {
    /// Offers this process to the broker as a prompt of this kind: `terminal` or `scripted`.
    pub async fn attach(kind: &'static str) -> Result<Self, Failure> {
        let peers = client::peers().await?;
        let broker = attach(&peers, kind).await?;
        // From here on there may be a PIN in this process.
        Sandbox {
            owns: Vec::new(),
            reads: Vec::new(),
            knows_peers: true,
            abstract_sockets: false,
        }
        .enter()
        .map_err(Failure::failed)?;
        Ok(Self {
            peers,
            broker,
            kind,
            messages: Messages::english(),
        })
    }

    /// Serves one broker after the other until another prompt takes over.
    async fn outlive(&mut self, mut serve: impl AsyncFnMut(&Self) -> Result<(), Failure>) -> Result<(), Failure> {
        loop {
            let attached = Instant::now();
            match serve(self).await {
                Err(Failure::Unreachable(why)) => {
                    note(self.messages.text(&Message::BrokerEnded { why }));
                    tokio::time::sleep(SHORT_LIFE.saturating_sub(attached.elapsed())).await;
                    self.broker = attach(&self.peers, self.kind).await?;
                }
                ended => return ended,
            }
        }
    }

    /// Asks the person at this terminal, view after view, until another prompt takes over.
    pub async fn ask_in(&self, terminal: &mut Terminal) -> Result<(), Failure> {
        let mut next = self.next_view(0, 0).await?;
        while let Some(view) = next {
            terminal.show(&view)?;
            let changed = self.other_view(&view, true);
            if view.kind == Kind::Idle {
                next = changed.await?;
                continue;
            }
            let answered = async {
                let (action, secrets) = terminal.ask(&view).await?;
                self.act(&view, &action, &secrets).await?;
                std::future::pending().await
            };
            next = changed_before(changed, answered).await?;
        }
        note(self.messages.text(&Message::PromptReplaced {}));
        Ok(())
    }

    async fn follow(&self, script: &mut Script) -> Result<(), Failure> {
        let mut next = self.next_view(0, 0).await?;
        while let Some(view) = next {
            let title = view.title.as_ref().map(|title| self.messages.text(title));
            let problem = view.problem.as_ref().map(|problem| self.messages.text(&problem.text));
            let choices: Vec<Vec<String>> = view
                .choices
                .iter()
                .map(|choice| {
                    once(&choice.label)
                        .chain(&choice.details)
                        .map(|it| self.messages.text(it))
                        .collect()
                })
                .collect();
            let says = json!({"title": title, "problem": problem, "choices": choices});
            report(&json!({"event": "view", "view": view, "says": says}))?;
            let changed = self.other_view(&view, false);
            if view.kind == Kind::Idle {
                next = changed.await?;
                continue;
            }
            let answered = async {
                self.answer_from_script(&view, script.reply(&view)).await?;
                std::future::pending().await
            };
            next = changed_before(changed, answered).await?;
        }
        report(&json!({"event": "replaced"}))
    }

    async fn answer_from_script(&self, view: &View, reply: Reply) -> Result<(), Failure> {
        let (action, pin) = match reply {
            Reply::Hang => return Ok(()),
            Reply::Refuse => (Action::Refuse { for_a_while: false }, None),
            Reply::Impossible(wanted) => {
                note(format_args!(
                    "The script wants \"{wanted}\", which is not among the choices: refused."
                ));
                (Action::Refuse { for_a_while: false }, None)
            }
            Reply::Approve {
                choice,
                remember,
                pin,
                delay,
            } => {
                tokio::time::sleep(delay).await;
                let pin = pin.map(|pin| Pin::new(&pin.0)).transpose().map_err(Failure::failed)?;
                (Action::Approve { choice, remember }, pin)
            }
        };
        let said: Value = serde_json::from_str(&action.to_json()).map_err(Failure::failed)?;
        report(&json!({"event": "action", "prompt": view.prompt, "action": said, "pin": pin.is_some()}))?;
        let pin = pin.map(|pin| memfd::seal(&pin)).transpose().map_err(Failure::failed)?;
        self.act(view, &action, &Vec::from_iter(pin)).await
    }

    /// The next view that asks something else, or `None` when another prompt has taken over. For a person (`again`) that is one too which
    /// differs in nothing, not even in how many wait: they made the same mistake once more. A script would make it for ever.
    async fn other_view(&self, shown: &View, again: bool) -> Result<Option<View>, Failure> {
        let (mut revision, mut waiting) = (shown.revision, shown.waiting);
        loop {
            let next = self.next_view(shown.prompt, revision).await?;
            match next {
                Some(next) if next.asks_the_same_as(shown) && !(again && next.waiting == waiting) => {
                    (revision, waiting) = (next.revision, next.waiting);
                }
                other => return Ok(other),
            }
        }
    }

    /// The next view, or `None` when another prompt has taken over.
    async fn next_view(&self, prompt: u64, revision: u32) -> Result<Option<View>, Failure> {
        match self.broker.next_view(prompt, revision).await {
            Ok(text) => serde_json::from_str(&text)
                .map_err(|error| Failure::Failed(format!("the broker sent no view: {error}"))),
            Err(Error::NotAllowed(_)) => Ok(None),
            Err(error) => Err(client::failure(&error)),
        }
    }

    /// Sends the action, with what was typed in sealed memory files. An answer to a question that is gone by now is no failure: the next view says what is left.
    async fn act(&self, view: &View, action: &Action, secrets: &[OwnedFd]) -> Result<(), Failure> {
        let pins: Vec<zbus::Fd<'_>> = secrets.iter().map(zbus::Fd::from).collect();
        match self
            .broker
            .act(view.prompt, view.revision, &action.to_json(), &pins)
            .await
        {
            Ok(()) => Ok(()),
            Err(error) => match client::failure(&error) {
                gone @ Failure::Unreachable(_) => Err(gone),
                told => {
                    note(told);
                    Ok(())
                }
            },
        }
    }
}

/// Offers this process to the broker, which D-Bus starts if need be. What it is told from then on, a PIN too, goes to that broker
/// only.
async fn attach(peers: &Peers, kind: &str) -> Result<Prompt1Proxy<'static>, Failure> {
    let attached = async {
        let broker = dbus::prompt(peers).await?;
        broker.attach(kind).await?;
        Ok(broker)
    };
    attached.await.map_err(|error: Error| client::failure(&error))
}

/// Waits for a new view while the answer to the old one is given; the answering side ends only when it fails. The site may give
/// up, or the time run out, while the user still reads.
async fn changed_before(
    changed: impl Future<Output = Result<Option<View>, Failure>>,
    answered: impl Future<Output = Result<Option<View>, Failure>>,
) -> Result<Option<View>, Failure> {
    tokio::select! {
        changed = changed => changed,
        failed = answered => failed,
    }
}

/// Tells a test what the scripted prompt saw and did, one JSON document on each line; a PIN is never part of it.
fn report(event: &Value) -> Result<(), Failure> {
    output::json_line(event)
}
