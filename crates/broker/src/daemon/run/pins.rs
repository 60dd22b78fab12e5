//! What a ceremony has hello do to the PIN. hello does it to the end, whatever becomes of the ceremony; so what came of it is waited for,
//! and stands in the log.

use std::os::fd::OwnedFd;

use tokio::sync::oneshot;

use super::super::verifier::ChangeFailure;
use super::{Ceremony, Gesture, Real};
use crate::audit::{AuditEvent, Entry};
use crate::ceremony::{Event, NotChanged, PinFailure, RecoveryFailure};

impl Ceremony {
    /// The first PIN.
    pub(super) fn set_pin(&mut self, pin: OwnedFd) {
        let broker = self.broker.clone();
        let set = async move {
            let set = broker.inner.verifier.set_pin(pin).await;
            if set.is_ok() {
                broker.audit(&Entry::ok(AuditEvent::Manage).detail("a PIN was chosen"));
            }
            Event::PinSet(set)
        };
        self.bring_to_its_end(set, Event::PinSet(Err(PinFailure::Unavailable)));
    }

    /// Another PIN in the place of the old one. That it was changed is recorded as what came of the request; see [`Self::bring_to_its_end`].
    pub(super) fn change_pin(&mut self, old: OwnedFd, new: OwnedFd) {
        let verifier = self.broker.inner.verifier.clone();
        let changed = async move {
            // A new one that is no good leaves the old one unread, for the next.
            let kept = old.try_clone();
            let changed = verifier.change_pin(old, new).await;
            Event::PinChanged(changed.map_err(|failure| match (failure, kept) {
                (ChangeFailure::Weak(reason), Ok(old)) => NotChanged::Weak {
                    reason,
                    old: Gesture::Pin(old),
                },
                (ChangeFailure::Old(why), _) => NotChanged::Old(why),
                (ChangeFailure::Unavailable | ChangeFailure::Weak(_), _) => NotChanged::Unavailable,
            }))
        };
        self.bring_to_its_end(changed, Event::PinChanged(Err(NotChanged::Unavailable)));
    }

    /// A new PIN with the recovery code, both as the prompt sent them.
    pub(super) fn recover(&mut self, code: Gesture, new: Gesture) -> Option<Event<Real>> {
        let (Gesture::RecoveryCode(code), Gesture::Pin(new)) = (code, new) else {
            return Some(Event::Recovered(Err(RecoveryFailure::Unavailable)));
        };
        let broker = self.broker.clone();
        let recovered = async move {
            let recovered = broker.inner.verifier.recover(code, new).await;
            broker.audit_recovery(&recovered);
            Event::Recovered(recovered)
        };
        self.bring_to_its_end(recovered, Event::Recovered(Err(RecoveryFailure::Unavailable)));
        None
    }

    /// Does the work in a task of its own. Where the ceremony has ended before, its request is recorded as ended; that the PIN was
    /// changed all the same is recorded then.
    fn bring_to_its_end(&mut self, work: impl Future<Output = Event<Real>> + Send + 'static, failed: Event<Real>) {
        let (answer, answered) = oneshot::channel();
        let broker = self.broker.clone();
        tokio::spawn(async move {
            if let Err(Event::PinChanged(Ok(()))) = answer.send(work.await) {
                broker.audit(&Entry::ok(AuditEvent::Manage).detail("the PIN was changed, after its request had ended"));
            }
        });
        self.work
            .push(Box::pin(async move { answered.await.unwrap_or(failed) }));
    }
}
