//! The prompt: which connection draws, what it is given, and how one is found when none is there.

use std::os::fd::OwnedFd;
use std::sync::Mutex;
use std::time::Duration;

use claviger_peer::{Peer, Standing};
use claviger_prompt_api::action::Action;
use claviger_prompt_api::dbus::{Error, PROMPT_NAME};
use claviger_prompt_api::text::sentence;
use tokio::sync::watch;
use tokio::time::timeout;
use zbus::names::{UniqueName, WellKnownName};

use super::run::Gesture;
use super::{Broker, lock, now_ms};
use crate::audit::{AuditEvent, Entry};
use crate::ceremony::Event;
use crate::patience::End;

/// How long a prompt that the bus starts may take to attach.
const ATTACH_DEADLINE: Duration = Duration::from_secs(15);

/// The place for the one prompt.
#[derive(Debug)]
pub(super) struct PromptSlot {
    state: Mutex<State>,
    /// Counts changes of what is on show or of who shows it.
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    attached: Option<Attached>,
    summoning: bool,
    /// None is attached and none could be started.
    missing: bool,
}

/// The prompt that is attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attached {
    name: String,
    /// `terminal`, `scripted` or `graphical`.
    pub(super) kind: String,
    /// How well it is known to be a prompt of ours.
    pub(super) standing: Standing,
}

impl PromptSlot {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }

    /// What is on show may have changed.
    pub(super) fn wake(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Tells of every [`PromptSlot::wake`]; ceremonies that end wake too.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The prompt that is attached.
    pub(super) fn attached(&self) -> Option<Attached> {
        lock(&self.state).attached.clone()
    }

    /// Puts a prompt in the place of the one that is attached.
    fn take(&self, attached: Attached) -> Result<(), Error> {
        let mut state = lock(&self.state);
        let now = state.attached.as_ref();
        if attached.standing == Standing::Unproved && now.is_some_and(|now| now.standing == Standing::Proved) {
            let text = "The graphical prompt is attached. A prompt in a terminal cannot take its place.";
            return Err(Error::not_allowed(text));
        }
        state.attached = Some(attached);
        state.missing = false;
        Ok(())
    }

    fn is(&self, sender: &str) -> bool {
        lock(&self.state)
            .attached
            .as_ref()
            .is_some_and(|attached| attached.name == sender)
    }
}

impl Broker {
    /// Resolves when a question waits and there is no prompt to ask it, nor can one be started.
    pub async fn prompt_missing(&self) {
        let mut changes = self.inner.prompt.changes();
        loop {
            changes.borrow_and_update();
            let missing = lock(&self.inner.prompt.state).missing;
            if missing && lock(&self.inner.queue).waiting() > 0 {
                return;
            }
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Makes `sender`, which is `peer`, the prompt. One that cannot be proved does not take the place of one that is.
    pub(crate) fn attach_prompt(&self, sender: &UniqueName<'_>, kind: &str, peer: &Peer) -> Result<(), Error> {
        match kind {
            "terminal" | "graphical" => {}
            "scripted" if self.inner.config.allow_scripted_prompt => {
                tracing::warn!("A SCRIPTED PROMPT IS ATTACHED: nobody is asked. For tests only.");
            }
            "scripted" => {
                let text =
                    "A scripted prompt may attach only to a broker that was started with --allow-scripted-prompt.";
                return Err(Error::not_allowed(text));
            }
            _ => {
                return Err(Error::invalid_argument("A prompt is terminal, scripted or graphical."));
            }
        }
        let attached = Attached {
            name: sender.as_str().to_owned(),
            kind: kind.to_owned(),
            standing: peer.standing,
        };
        self.inner.prompt.take(attached)?;
        let text = format!(
            "process {} is the prompt: {kind}, {}",
            peer.process.pid,
            peer.standing.name()
        );
        self.audit(&Entry::ok(AuditEvent::Prompt).detail(text));
        self.inner.prompt.wake();
        self.tell_all(|| Event::PromptAttached);
        Ok(())
    }

    /// Waits until the view on show is another than that one.
    pub(crate) async fn next_view(&self, sender: &UniqueName<'_>, prompt: u64, revision: u32) -> Result<String, Error> {
        let mut changes = self.inner.prompt.changes();
        loop {
            changes.borrow_and_update();
            self.require_attached(sender)?;
            let newer = lock(&self.inner.queue).newer_than(prompt, revision);
            if let Some(view) = newer {
                return Ok(view.to_json());
            }
            // The sender lives in the broker, which lives as long as this call.
            if changes.changed().await.is_err() {
                return Err(Error::failed("The broker is shutting down."));
            }
        }
    }

    /// Takes what the user did.
    pub(crate) fn act(
        &self,
        sender: &UniqueName<'_>,
        prompt: u64,
        revision: u32,
        action: Action,
        secrets: Vec<OwnedFd>,
    ) -> Result<(), Error> {
        self.require_attached(sender)?;
        let mut secrets = secrets.into_iter();
        let given = (secrets.next(), secrets.next(), secrets.next());
        let fits = match (&action, &given) {
            (Action::Recover, (Some(_), Some(_), None)) => true,
            (Action::Recover, _) => false,
            (Action::Approve { .. } | Action::Refuse { .. }, (_, second, _)) => second.is_none(),
        };
        if !fits {
            let text = "An action has one PIN at most, and a recovery a code and a PIN.";
            return Err(Error::invalid_argument(text));
        }
        let ticket = lock(&self.inner.queue)
            .act(prompt, revision)
            .map_err(|stale| Error::not_ready(sentence(&stale.to_string())))?;
        let event = match action {
            Action::Approve { choice, remember } => Event::UserApproved {
                choice,
                remember,
                gesture: given.0.map(Gesture::Pin),
            },
            Action::Recover => {
                let (Some(code), Some(new), _) = given else {
                    return Ok(());
                };
                Event::UserRecovers {
                    code: Gesture::RecoveryCode(code),
                    new: Gesture::Pin(new),
                }
            }
            Action::Refuse { for_a_while } => {
                let asker = lock(&self.inner.queue).asker(ticket).filter(|_| for_a_while);
                if let Some(asker) = asker {
                    lock(&self.inner.patience).ended(&asker, End::NotForAWhile, now_ms());
                }
                Event::UserRefused
            }
        };
        self.tell(ticket, event);
        Ok(())
    }

    /// Sees that there is a prompt: has the bus start one if none is attached. Ceremonies with a view are told if there is none
    /// to be had.
    pub(super) fn summon_prompt(&self) {
        {
            let mut state = lock(&self.inner.prompt.state);
            if state.attached.is_some() || state.summoning {
                return;
            }
            state.summoning = true;
        }
        let broker = self.clone();
        tokio::spawn(async move {
            let found = broker.start_prompt().await;
            let missing = {
                let mut state = lock(&broker.inner.prompt.state);
                state.summoning = false;
                state.missing = !found && state.attached.is_none();
                state.missing
            };
            if missing {
                broker.inner.prompt.wake();
                broker.tell_all(|| Event::PromptUnavailable);
            }
        });
    }

    /// The connection `name` ended.
    pub(super) fn prompt_lost(&self, name: &str) {
        {
            let mut state = lock(&self.inner.prompt.state);
            if state.attached.take_if(|attached| attached.name == name).is_none() {
                return;
            }
        }
        tracing::info!("the prompt went away");
        self.inner.prompt.wake();
        if lock(&self.inner.queue).waiting() > 0 {
            self.summon_prompt();
        }
    }

    async fn start_prompt(&self) -> bool {
        let mut changes = self.inner.prompt.changes();
        let attached = async {
            while self.inner.prompt.attached().is_none() {
                if changes.changed().await.is_err() {
                    return false;
                }
            }
            true
        };
        let start = self
            .inner
            .bus
            .start_service_by_name(WellKnownName::from_static_str_unchecked(PROMPT_NAME), 0);
        match timeout(ATTACH_DEADLINE, start).await {
            Ok(Ok(_)) => timeout(ATTACH_DEADLINE, attached).await.unwrap_or(false),
            Ok(Err(error)) => {
                tracing::info!(%error, "no prompt is attached and none can be started");
                false
            }
            Err(_) => false,
        }
    }

    fn require_attached(&self, sender: &UniqueName<'_>) -> Result<(), Error> {
        if self.inner.prompt.is(sender.as_str()) {
            Ok(())
        } else {
            Err(Error::not_allowed(
                "Another prompt is attached, or this one has not attached.",
            ))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_unproved_prompt_takes_no_proved_ones_place() {
        let slot = PromptSlot::new();
        let take = |name: &str, standing| {
            slot.take(Attached {
                name: name.to_owned(),
                kind: "terminal".to_owned(),
                standing,
            })
        };
        take(":1.1", Standing::Unproved).unwrap();
        take(":1.2", Standing::Unproved).unwrap();
        take(":1.3", Standing::Proved).unwrap();
        assert!(matches!(take(":1.4", Standing::Unproved), Err(Error::NotAllowed(_))));
        assert!(slot.is(":1.3"));
        take(":1.5", Standing::Proved).unwrap();
        assert!(slot.is(":1.5"));
    }
}
