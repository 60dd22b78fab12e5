//! Letting a provider take part: as the settings ask it, or from the notice of a ceremony that it could help.

use std::sync::Mutex;

use claviger_joint::ProviderId;
use claviger_prompt_api::dbus::{Error, Reason};
use tokio::pin;
use tokio::time::{Instant, sleep_until};
use zbus::message::Header;

use super::approvals::ApprovalCaller;
use super::{Broker, caller_key, lock};
use crate::audit::{AuditEvent, Failure};
use crate::cancel::CancelToken;
use crate::ceremony::Approval;
use crate::registry::{Pin, State};
use crate::types::{Caller, Cause};

impl Broker {
    /// `EnableProvider`.
    pub(crate) async fn enable_provider(&self, id: &str, header: &Header<'_>) -> Result<(), Error> {
        let asking = self.asking(header).await?;
        let id = self.known_provider(id)?;
        self.enable(&asking, &id).await
    }

    /// The same for a person who was told that this provider could help with what `caller` asks. It takes the same screen and the same PIN,
    /// and ends with the request that it is for.
    pub(super) async fn turn_on(
        &self,
        caller: &Caller,
        id: &ProviderId,
        deadline: Instant,
        cancel: &CancelToken,
    ) -> Result<(), Error> {
        let withdrawn = CancelToken::new();
        let asking = ApprovalCaller {
            caller: caller.clone(),
            key: caller_key(caller),
            cancel: withdrawn.clone(),
            ticket: Mutex::default(),
            _attendance: None,
        };
        let enabling = self.enable(&asking, id);
        pin!(enabling);
        tokio::select! {
            enabled = &mut enabling => return enabled,
            _ = cancel.withdrawn() => {}
            () = sleep_until(deadline) => {}
        }
        withdrawn.cancel();
        enabling.await
    }

    async fn enable(&self, asking: &ApprovalCaller, id: &ProviderId) -> Result<(), Error> {
        if self.provider_state(id)? == State::Enabled {
            return Ok(());
        }
        // What is enabled is the program that runs now: it registers before the user is asked.
        self.start_provider(id).await.map_err(Cause::from)?;
        if self.provider_state(id)? != State::Enabled {
            let provider = self.provider_name(id);
            let buffer = id.as_str().as_bytes().to_vec();
            let pin_before = self.pinned(id);
            let program = pin_before.as_ref().map(|pin| pin.path.to_string_lossy().into_owned());
            let host = pin_before.as_ref().and_then(Pin::host);
            self.approve(
                asking,
                Approval::EnableProvider {
                    provider,
                    program,
                    host,
                },
                buffer,
                None,
                AuditEvent::Provider,
            )
            .await?;
            if self.pinned(id) != pin_before {
                let (code, fault) = (Failure::ExecutableChanged.code(), Failure::ExecutableChanged.fault());
                let text = "The provider's program changed while you were asked; try again.";
                return Err(Error::Failed(Reason::new(code, fault, text)));
            }
            let transition = lock(&self.inner.registry).enable(id)?;
            self.announce(id, transition).await;
        }
        if let Err(failure) = self.ready(id).await {
            tracing::warn!(provider = %id, ?failure, "the enabled provider could not be described yet");
        }
        Ok(())
    }
}
