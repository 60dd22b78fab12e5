//! The way to one provider: which connection is its process, what that said of itself, and (in [`asking`]) starting and asking it.
//!
//! A provider is called at the *unique* name of the connection that registered and whose executable was looked at, so that
//! nobody who takes over the well-known name later gets its requests. What it says of itself is asked once per connection; a
//! connection that ends takes all of that with it.

mod asking;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use claviger_joint::Trouble;
use claviger_joint::messages::Description;
use tokio::sync::Notify;
use zbus::names::{OwnedUniqueName, UniqueName};

pub(super) use asking::NoAnswer;

use super::lock;

/// How long providers have for what they do; after that they count as hung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// From being started to owning its bus name.
    pub start: Duration,
    /// From owning its bus name to `Register`.
    pub register: Duration,
    /// For `Describe`.
    pub describe: Duration,
    /// For an operation, however much time the ceremony has left.
    pub execute: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(10),
            register: Duration::from_secs(3),
            describe: Duration::from_secs(5),
            execute: Duration::from_mins(1),
        }
    }
}

/// What the broker knows of a provider's process.
#[derive(Debug)]
pub(super) struct ProviderLink {
    bus_name: String,
    owner: Mutex<Option<Owner>>,
    registered: Notify,
    /// Held while the provider is started and described, so that two ceremonies do not do it twice.
    starting: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Owner {
    name: OwnedUniqueName,
    registered: bool,
    description: Option<Arc<Description>>,
    locked: Option<bool>,
    trouble: Option<Trouble>,
    /// Whether the key for unlock boxes that it announced may be another one by now.
    key_is_old: bool,
}

impl ProviderLink {
    pub(super) fn new(bus_name: &str) -> Self {
        Self {
            bus_name: bus_name.to_owned(),
            owner: Mutex::default(),
            registered: Notify::new(),
            starting: tokio::sync::Mutex::default(),
        }
    }

    /// Whether its process is known to be on the bus.
    pub(super) fn is_running(&self) -> bool {
        lock(&self.owner).is_some()
    }

    /// Whether it is locked, if its process has said so.
    pub(super) fn locked(&self) -> Option<bool> {
        lock(&self.owner).as_ref().and_then(|owner| owner.locked)
    }

    /// The process behind `name` registered.
    pub(super) fn register(&self, name: &UniqueName<'_>) {
        let mut slot = lock(&self.owner);
        match slot.as_mut().filter(|owner| owner.name == *name) {
            Some(owner) => owner.registered = true,
            None => {
                *slot = Some(Owner {
                    registered: true,
                    ..Owner::new(name)
                });
            }
        }
        drop(slot);
        self.registered.notify_waiters();
    }

    /// Whether `name` is the connection that registered.
    pub(super) fn is_registered_as(&self, name: &UniqueName<'_>) -> bool {
        lock(&self.owner)
            .as_ref()
            .is_some_and(|owner| owner.registered && owner.name == *name)
    }

    /// The connection `name` said that it is locked or not.
    pub(super) fn lock_changed(&self, name: &str, locked: bool) {
        if let Some(owner) = lock(&self.owner).as_mut().filter(|owner| owner.name.as_str() == name) {
            owner.key_is_old |= owner.locked != Some(locked);
            owner.locked = Some(locked);
        }
    }

    /// The connection `name` is sent an unlock box, which spends the key that it is sealed to.
    pub(super) fn box_sent(&self, name: &str) {
        if let Some(owner) = lock(&self.owner).as_mut().filter(|owner| owner.name.as_str() == name) {
            owner.key_is_old = true;
        }
    }

    /// The provider as it was described, unless its key for unlock boxes may be another one since.
    fn up_to_date(&self) -> Option<Live> {
        let is_old = lock(&self.owner).as_ref().is_some_and(|owner| owner.key_is_old);
        self.live()
            .filter(|live| !is_old || live.description.unlock_key.is_none())
    }

    /// What is the matter with the provider, if its process has said so.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        lock(&self.owner).as_ref()?.trouble.clone()
    }

    /// The connection `name` said what is the matter, or that all is well.
    pub(super) fn trouble_changed(&self, name: &str, trouble: Option<&Trouble>) {
        if let Some(owner) = lock(&self.owner).as_mut().filter(|owner| owner.name.as_str() == name) {
            owner.trouble = trouble.cloned();
        }
    }

    /// The connection `name` ended, or another one owns the bus name now.
    pub(super) fn name_owner_changed(&self, name: &str, new: Option<&str>) {
        let mut slot = lock(&self.owner);
        let Some(owner) = slot.as_ref() else { return };
        let ended = owner.name.as_str() == name && new.is_none();
        let replaced = self.bus_name == name && new != Some(owner.name.as_str());
        if ended || replaced {
            *slot = None;
        }
    }

    /// The provider as it was described, if it is on the bus.
    pub(super) fn live(&self) -> Option<Live> {
        let slot = lock(&self.owner);
        let owner = slot.as_ref()?;
        let description = Arc::clone(owner.description.as_ref()?);
        Some(Live {
            name: owner.name.clone(),
            locked: owner.locked.unwrap_or(description.locked),
            description,
        })
    }

    /// Takes note of the connection that owns the bus name.
    fn owned_by(&self, name: &UniqueName<'_>) {
        let mut slot = lock(&self.owner);
        if slot.as_ref().is_none_or(|owner| owner.name != *name) {
            *slot = Some(Owner::new(name));
        }
    }

    fn is_registered(&self) -> bool {
        lock(&self.owner).as_ref().is_some_and(|owner| owner.registered)
    }

    /// The provider is about to be asked to describe itself: whatever makes its key another one from now on makes it old again.
    fn describing(&self) {
        if let Some(owner) = lock(&self.owner).as_mut() {
            owner.key_is_old = false;
        }
    }

    fn described(&self, name: &UniqueName<'_>, description: Description) {
        if let Some(owner) = lock(&self.owner).as_mut().filter(|owner| owner.name == *name) {
            // A signal that came before the answer is newer than it.
            owner.locked.get_or_insert(description.locked);
            owner.trouble.clone_from(&description.trouble);
            owner.description = Some(Arc::new(description));
        }
    }
}

impl Owner {
    fn new(name: &UniqueName<'_>) -> Self {
        Self {
            name: name.to_owned().into(),
            registered: false,
            description: None,
            locked: None,
            trouble: None,
            key_is_old: false,
        }
    }
}

/// A provider that can be called.
#[derive(Debug, Clone)]
pub(super) struct Live {
    pub(super) name: OwnedUniqueName,
    pub(super) description: Arc<Description>,
    pub(super) locked: bool,
}
