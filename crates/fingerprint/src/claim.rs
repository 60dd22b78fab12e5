//! A reader that is ours for now.

use futures_util::future::{Either, select};
use futures_util::{Stream, StreamExt as _};
use zbus::proxy::OwnerChangedStream;

use crate::Finger;
use crate::bus::DeviceProxy;
use crate::readers::Unavailable;
use crate::said::{self, Enrolment, Hint, Look};

/// The reader, claimed for the caller. Dropping it, in whatever the reader is doing, closes the claim's bus connection, at which
/// fprintd ends the action and frees the reader.
#[derive(Debug)]
pub struct Claim {
    device: DeviceProxy<'static>,
}

impl Claim {
    pub(crate) fn new(device: DeviceProxy<'static>) -> Self {
        Self { device }
    }

    /// Waits for a finger and looks whether it is one of the caller's that are enrolled. `told` hears what the person should do
    /// meanwhile. After the end the reader rests until the next call.
    pub async fn look(&self, mut told: impl FnMut(Hint)) -> Result<Look, Unavailable> {
        let of = |error: zbus::Error| Unavailable::of(&error);
        self.rest().await;
        // Before it starts, so that nothing is missed.
        let mut gone = self.device.inner().receive_owner_changed().await.map_err(of)?;
        let mut statuses = self.device.receive_verify_status().await.map_err(of)?;
        self.device.verify_start("any").await.map_err(of)?;
        let end = loop {
            let status = next(&mut statuses, &mut gone).await?;
            let status = status.args().map_err(of)?;
            match said::look(status.result(), *status.done()) {
                Ok(hint) => told(hint),
                Err(end) => break end,
            }
        };
        self.rest().await;
        Ok(end)
    }

    /// Enrols a finger, in place of the one of that name if there is one. `told` hears of each stage: how many are done, out of how
    /// many where the reader says so, and what the person should do differently, if anything.
    pub async fn enrol(
        &self,
        finger: Finger,
        mut told: impl FnMut(u32, Option<u32>, Option<Hint>),
    ) -> Result<Enrolment, Unavailable> {
        let of = |error: zbus::Error| Unavailable::of(&error);
        let stages = self.device.num_enroll_stages().await.ok();
        let stages = stages.and_then(|stages| u32::try_from(stages).ok());
        self.rest().await;
        let mut gone = self.device.inner().receive_owner_changed().await.map_err(of)?;
        let mut statuses = self.device.receive_enroll_status().await.map_err(of)?;
        self.device.enroll_start(finger.name()).await.map_err(of)?;
        let mut done = 0;
        let end = loop {
            let status = next(&mut statuses, &mut gone).await?;
            let status = status.args().map_err(of)?;
            match said::enrolment(status.result(), *status.done()) {
                Ok(hint) => {
                    done += u32::from(hint.is_none());
                    told(done, stages, hint);
                }
                Err(end) => break end,
            }
        };
        self.rest().await;
        Ok(end)
    }

    /// Forgets a finger.
    pub async fn remove(&self, finger: Finger) -> Result<(), Unavailable> {
        self.device
            .delete_enrolled_finger(finger.name())
            .await
            .map_err(|error| Unavailable::of(&error))
    }

    /// Ends what the reader may be doing: also an action whose caller went away and left the claim to somebody else.
    async fn rest(&self) {
        for ended in [self.device.verify_stop().await, self.device.enroll_stop().await] {
            if let Err(error) = ended {
                tracing::trace!(%error, "the reader was not doing that");
            }
        }
    }
}

/// What fprintd says next. Its name is its own and not given again, so a change of the owner is its end.
async fn next<S: Stream + Unpin>(statuses: &mut S, gone: &mut OwnerChangedStream<'_>) -> Result<S::Item, Unavailable> {
    match select(statuses.next(), gone.next()).await {
        Either::Left((Some(status), _)) => Ok(status),
        Either::Left((None, _)) | Either::Right(_) => Err(Unavailable::NoService),
    }
}
