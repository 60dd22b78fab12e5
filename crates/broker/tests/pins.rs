//! What becomes of the PIN when a request ends while hello works on it.
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
use std::sync::{Arc, OnceLock};

use bed::*;
use claviger_broker::ceremony::{PinFailure, VerifyFailure};
use claviger_broker::daemon::{BusVerifier, ChangeFailure};
use claviger_broker::{Unavailable, UserVerifier, Verification, VerifierStatus};
use claviger_hello::client::HelloClient;
use claviger_hello::verification::VerifyRequest;
use claviger_peer::Peers;
use claviger_prompt_api::dbus::Manage1Proxy;
use claviger_prompt_api::manage::Status;
use claviger_prompt_api::view::{Kind, View};
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

/// The real hello, slow with the PIN: it begins when the test says so.
#[derive(Default)]
struct Slow {
    hello: OnceLock<BusVerifier>,
    /// Woken when a PIN has arrived.
    begun: Notify,
    /// What lets hello go on.
    goes_on: Notify,
}

impl Slow {
    async fn connect(&self, bed: &Bed) {
        let connection = bed.connect().await;
        let peers = Peers::new(&connection, &std::env::current_exe().unwrap())
            .await
            .unwrap();
        assert!(
            self.hello
                .set(BusVerifier::new(HelloClient::new(Arc::new(peers))))
                .is_ok()
        );
    }

    fn hello(&self) -> &BusVerifier {
        self.hello.get().unwrap()
    }

    async fn wait(&self) {
        self.begun.notify_one();
        self.goes_on.notified().await;
    }
}

impl UserVerifier for Slow {
    fn status(&self) -> BoxFuture<'_, Result<VerifierStatus, Unavailable>> {
        match self.hello.get() {
            Some(hello) => hello.status(),
            None => Box::pin(async { Err(Unavailable("hello is not there yet".into())) }),
        }
    }

    fn set_pin(&self, pin: OwnedFd) -> BoxFuture<'_, Result<(), PinFailure>> {
        Box::pin(async move {
            self.wait().await;
            self.hello().set_pin(pin).await
        })
    }

    fn change_pin(&self, old: OwnedFd, new: OwnedFd) -> BoxFuture<'_, Result<(), ChangeFailure>> {
        Box::pin(async move {
            self.wait().await;
            self.hello().change_pin(old, new).await
        })
    }

    fn verify(&self, pin: OwnedFd, request: VerifyRequest) -> BoxFuture<'_, Result<Verification, VerifyFailure>> {
        self.hello().verify(pin, request)
    }
}

async fn bed(pin: bool) -> (Bed, Arc<Slow>) {
    let slow = Arc::new(Slow::default());
    let verifier = Arc::clone(&slow);
    let bed = Bed::make(pin, |config| config.verifier = Some(verifier)).await;
    slow.connect(&bed).await;
    (bed, slow)
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
async fn recorded(bed: &Bed, slow: &Slow, what: &str) {
    let manage = bed.manage().await;
    assert!(
        !manage.audit(10).await.unwrap().contains(what),
        "hello has not done it yet"
    );
    slow.goes_on.notify_one();
    bed.until(async |_| manage.audit(10).await.unwrap().contains(what))
        .await;
}

#[tokio::test]
async fn a_first_pin_that_hello_sets_after_the_request_has_ended_is_in_the_log() {
    let (bed, slow) = bed(false).await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, false).await;
    let _prompt = Prompt::attach(&bed, Script::approve()).await;
    let manage = bed.manage().await;
    tokio::select! {
        _ = manage.setup() => panic!("it has nothing to answer yet"),
        () = slow.begun.notified() => {}
    }
    ended(&bed, manage).await;
    recorded(&bed, &slow, "a PIN was chosen").await;
    assert!(slow.status().await.unwrap().hello.pin_set());
}

#[tokio::test]
async fn a_pin_that_hello_changes_after_the_request_has_ended_is_in_the_log() {
    let (bed, slow) = bed(true).await;
    let answers = |view: &View| {
        let pin = if view.kind == Kind::ChoosePin { "other-77" } else { PIN };
        Some(approve(view, None, pin))
    };
    let _prompt = Prompt::attach(&bed, Script::new(answers)).await;
    let manage = bed.manage().await;
    tokio::select! {
        _ = manage.change_pin() => panic!("it has nothing to answer yet"),
        () = slow.begun.notified() => {}
    }
    ended(&bed, manage).await;
    recorded(&bed, &slow, "the PIN was changed, after its request had ended").await;
}
