//! Keeps the platform informed: registers with each broker, and tells it of locks, troubles and credentials that changed.

use claviger_joint::{Trouble, messages::ProviderState};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use zbus::{fdo::DBusProxy, object_server::SignalEmitter};

use super::{
    super::{Failure, Provider, push::Cache},
    Change, Joint, Shared, lock,
};
use crate::dbus::BROKER_NAME;

impl<P: Provider> Shared<P> {
    /// Registers now and with every new broker, and passes on what changed, until the bus is gone.
    pub(in crate::sdk) async fn keep_informed(
        &self,
        emitter: &SignalEmitter<'_>,
        mut changes: mpsc::UnboundedReceiver<Change>,
    ) -> zbus::Result<()> {
        let bus = DBusProxy::new(emitter.connection()).await?;
        let mut owners = bus.receive_name_owner_changed_with_args(&[(0, BROKER_NAME)]).await?;
        let mut states = self.link.states().await?;
        let mut cache = Cache::default();
        self.introduce().await;
        self.push_all(&mut cache).await;
        loop {
            tokio::select! {
                owner = owners.next() => {
                    let Some(owner) = owner else { return Ok(()) };
                    if owner.args()?.new_owner().is_some() {
                        cache.forget();
                        self.introduce().await;
                        self.announce_lock(emitter).await?;
                        self.push_all(&mut cache).await;
                    }
                }
                state = states.next() => {
                    let Some(state) = state else { return Ok(()) };
                    let state = state.args()?;
                    // What was pushed before a person had enabled this provider was not taken.
                    if state.id == self.id.as_str() && state.new == ProviderState::Enabled.as_str() {
                        cache.forget();
                        self.push_all(&mut cache).await;
                    }
                }
                change = changes.recv() => match change {
                    None => return Ok(()),
                    Some(Change::Any) => {
                        self.announce_lock(emitter).await?;
                        self.announce_trouble(emitter).await?;
                        self.push_all(&mut cache).await;
                    }
                    Some(Change::Site(rp_id)) => {
                        self.pushed(cache.push_site(&self.link, &self.provider, &rp_id).await);
                    }
                    Some(Change::Used(rp_id, id, at_ms)) => {
                        let used = (rp_id.as_str(), &id);
                        self.pushed(cache.push_used(&self.link, &self.provider, used, at_ms).await);
                    }
                },
            }
        }
    }

    /// Registers with a broker that does not know us. A process that hides shows itself for that, and somebody who opens its memory
    /// in this moment can read it ever after: so it is locked before, and nothing is opened meanwhile.
    async fn introduce(&self) {
        if !self.link.hides() {
            return self.link.introduce().await;
        }
        // They are the last broker's, which nobody will hear of any more.
        for (_, cancel) in lock(&self.pending).drain() {
            let _ended_already = cancel.send(());
        }
        let _turn = self.turn.lock().await;
        if !self.provider.is_locked()
            && let Err(failure) = self.provider.lock().await
        {
            tracing::error!(provider = %self.id, %failure, "cannot be locked, so it does not show itself to the new broker");
            return;
        }
        self.link.introduce().await;
    }

    async fn push_all(&self, cache: &mut Cache) {
        self.pushed(cache.push_all(&self.link, &self.provider).await);
    }

    fn pushed(&self, result: Result<(), Failure>) {
        if let Err(failure) = result {
            tracing::warn!(provider = %self.id, %failure, "the provider cannot list its credentials");
        }
    }

    async fn announce_lock(&self, emitter: &SignalEmitter<'_>) -> zbus::Result<()> {
        let locked = self.follow_lock();
        if std::mem::replace(&mut *lock(&self.announced_lock), locked) != locked {
            Joint::<P>::lock_state_changed(emitter, locked).await?;
        }
        Ok(())
    }

    async fn announce_trouble(&self, emitter: &SignalEmitter<'_>) -> zbus::Result<()> {
        let trouble = self.provider.trouble();
        let before = std::mem::replace(&mut *lock(&self.announced_trouble), trouble.clone());
        if before != trouble {
            let (kind, reason) = Trouble::to_signal(trouble.as_ref());
            Joint::<P>::trouble_changed(emitter, kind, reason).await?;
        }
        Ok(())
    }
}
