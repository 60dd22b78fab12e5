//! While hello waits for a person, nobody else waits with it; and what it does to the PIN is recorded, though its request has ended.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    missing_docs
)]

mod bed;

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bed::*;
use claviger_broker::ceremony::{PinFailure, VerifyFailure};
use claviger_broker::daemon::{BusVerifier, ChangeFailure};
use claviger_broker::{CancelToken, Cause, Unavailable, UserVerifier, Verification, VerifierStatus};
use claviger_hello::client::HelloClient;
use claviger_hello::verification::VerifyRequest;
use claviger_peer::Peers;
use claviger_prompt_api::dbus::Manage1Proxy;
use claviger_prompt_api::manage::Status;
use claviger_prompt_api::view::{Kind, View};
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

/// The real hello, held on demand until the test lets it go on.
#[derive(Default)]
struct Held {
    hello: OnceLock<BusVerifier>,
    /// Whether it is.
    holds: AtomicBool,
    /// Woken when something is held.
    begun: Notify,
    /// What lets it go on.
    goes_on: Notify,
    /// Whether a verification is held.
    waiting: Arc<AtomicBool>,
}

impl Held {
    fn hello(&self) -> Result<&BusVerifier, Unavailable> {
        self.hello
            .get()
            .ok_or_else(|| Unavailable("hello is not there yet".into()))
    }

    async fn hold(&self) {
        if self.holds.load(Ordering::SeqCst) {
            self.begun.notify_one();
            self.goes_on.notified().await;
        }
    }
}

/// Says that nobody is waited for any more when it is dropped.
struct Waiting(Arc<AtomicBool>);

impl Waiting {
    fn begin(on: &Arc<AtomicBool>) -> Self {
        on.store(true, Ordering::SeqCst);
        Self(Arc::clone(on))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl UserVerifier for Held {
    fn status(&self) -> BoxFuture<'_, Result<VerifierStatus, Unavailable>> {
        Box::pin(async { self.hello()?.status().await })
    }

    fn set_pin(&self, pin: OwnedFd) -> BoxFuture<'_, Result<(), PinFailure>> {
        Box::pin(async move {
            self.hold().await;
            let hello = self.hello().map_err(|_| PinFailure::Unavailable)?;
            hello.set_pin(pin).await
        })
    }

    fn change_pin(&self, old: OwnedFd, new: OwnedFd) -> BoxFuture<'_, Result<(), ChangeFailure>> {
        Box::pin(async move {
            self.hold().await;
            let hello = self.hello().map_err(|_| ChangeFailure::Unavailable)?;
            hello.change_pin(old, new).await
        })
    }

    fn verify(&self, pin: OwnedFd, request: VerifyRequest) -> BoxFuture<'_, Result<Verification, VerifyFailure>> {
        Box::pin(async move {
            let waiting = Waiting::begin(&self.waiting);
            self.hold().await;
            drop(waiting);
            let hello = self.hello().map_err(|_| VerifyFailure::Unavailable)?;
            hello.verify(pin, request).await
        })
    }
}

/// A bus with that hello, with a PIN or without; it is held from [`Held::holds`] on.
async fn bed(pin: bool) -> (Bed, Arc<Held>) {
    let held = Arc::new(Held::default());
    let verifier = Arc::clone(&held);
    let bed = Bed::make(pin, |config| config.verifier = Some(verifier)).await;
    let connection = bed.connect().await;
    let peers = Peers::new(&connection, &std::env::current_exe().unwrap())
        .await
        .unwrap();
    let client = HelloClient::new(Arc::new(peers));
    assert!(held.hello.set(BusVerifier::new(client)).is_ok());
    (bed, held)
}

#[tokio::test]
async fn with_hello_held_open_at_a_person_status_and_a_second_ceremonys_cancel_return() {
    let (bed, held) = bed(true).await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let _prompt = Prompt::attach(&bed, Script::approve()).await;
    held.holds.store(true, Ordering::SeqCst);

    let (first, second) = (CancelToken::new(), CancelToken::new());
    let at_the_person = bed.broker.ceremony(make_request("alice"), first.clone());
    let meanwhile = async {
        held.begun.notified().await;
        let manage = bed.manage().await;
        let status: Status = serde_json::from_str(&manage.status().await.unwrap()).unwrap();
        assert_eq!((status.ceremonies_running, status.pin.unwrap().set), (1, true));
        manage.providers().await.unwrap();
        let cancelled = async {
            bed.until(async |_| {
                let status: Status = serde_json::from_str(&manage.status().await.unwrap()).unwrap();
                status.ceremonies_running == 2
            })
            .await;
            second.cancel();
        };
        let (other, ()) = tokio::join!(bed.broker.ceremony(make_request("bob"), second.clone()), cancelled);
        assert_eq!(other.unwrap_err(), Cause::CancelledByCaller);
        assert!(held.waiting.load(Ordering::SeqCst), "hello was not held all the while");
        first.cancel();
    };
    let (ended, ()) = tokio::join!(at_the_person, meanwhile);
    assert_eq!(ended.unwrap_err(), Cause::CancelledByCaller);
    assert!(
        !held.waiting.load(Ordering::SeqCst),
        "the end of the ceremony ends the wait"
    );
}

/// Leaves the request, and waits until the broker knows.
async fn ended(bed: &Bed, asker: Manage1Proxy<'static>) {
    drop(asker);
    let manage = bed.manage().await;
    bed.until(async |_| {
        let status: Status = serde_json::from_str(&manage.status().await.unwrap()).unwrap();
        status.ceremonies_running == 0
    })
    .await;
}

/// Lets hello go on, and waits until the log says what came of it.
async fn recorded(bed: &Bed, held: &Held, what: &str) {
    let manage = bed.manage().await;
    assert!(
        !manage.audit(10).await.unwrap().contains(what),
        "hello has not done it yet"
    );
    held.goes_on.notify_one();
    bed.until(async |_| manage.audit(10).await.unwrap().contains(what))
        .await;
}

#[tokio::test]
async fn a_first_pin_that_hello_sets_after_the_request_has_ended_is_in_the_log() {
    let (bed, held) = bed(false).await;
    held.holds.store(true, Ordering::SeqCst);
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, false).await;
    let _prompt = Prompt::attach(&bed, Script::approve()).await;
    let manage = bed.manage().await;
    tokio::select! {
        _ = manage.setup() => panic!("it has nothing to answer yet"),
        () = held.begun.notified() => {}
    }
    ended(&bed, manage).await;
    recorded(&bed, &held, "a PIN was chosen").await;
    assert!(held.status().await.unwrap().hello.pin_set());
}

#[tokio::test]
async fn a_pin_that_hello_changes_after_the_request_has_ended_is_in_the_log() {
    let (bed, held) = bed(true).await;
    held.holds.store(true, Ordering::SeqCst);
    let answers = |view: &View| {
        let pin = if view.kind == Kind::ChoosePin { "other-77" } else { PIN };
        Some(approve(view, None, pin))
    };
    let _prompt = Prompt::attach(&bed, Script::new(answers)).await;
    let manage = bed.manage().await;
    tokio::select! {
        _ = manage.change_pin() => panic!("it has nothing to answer yet"),
        () = held.begun.notified() => {}
    }
    ended(&bed, manage).await;
    recorded(&bed, &held, "the PIN was changed, after its request had ended").await;
}
