//! While hello waits for a person, nobody else waits with it.
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
use claviger_broker::daemon::BusVerifier;
use claviger_broker::{CancelToken, Cause, Unavailable, UserVerifier, Verification, VerifierStatus};
use claviger_hello::client::HelloClient;
use claviger_hello::verification::VerifyRequest;
use claviger_peer::Peers;
use claviger_prompt_api::manage::Status;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

/// The real hello, held open at a person on demand: a verification that has begun does not end by itself.
#[derive(Default)]
struct Held {
    hello: OnceLock<BusVerifier>,
    /// Whether the person takes for ever.
    holds: AtomicBool,
    /// Woken when a verification is held.
    begun: Notify,
    /// Whether one is.
    waiting: Arc<AtomicBool>,
}

impl Held {
    fn hello(&self) -> Result<&BusVerifier, Unavailable> {
        self.hello
            .get()
            .ok_or_else(|| Unavailable("hello is not there yet".into()))
    }
}

/// Says that nobody is waited for any more when it is dropped.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl UserVerifier for Held {
    fn status(&self) -> BoxFuture<'_, Result<VerifierStatus, Unavailable>> {
        Box::pin(async { self.hello()?.status().await })
    }

    fn set_pin(&self, _: OwnedFd) -> BoxFuture<'_, Result<(), PinFailure>> {
        Box::pin(async { Err(PinFailure::AlreadySet) })
    }

    fn verify(&self, pin: OwnedFd, request: VerifyRequest) -> BoxFuture<'_, Result<Verification, VerifyFailure>> {
        Box::pin(async move {
            if self.holds.load(Ordering::SeqCst) {
                self.waiting.store(true, Ordering::SeqCst);
                let _waiting = Waiting(Arc::clone(&self.waiting));
                self.begun.notify_one();
                std::future::pending::<()>().await;
            }
            let hello = self.hello().map_err(|_| VerifyFailure::Unavailable)?;
            hello.verify(pin, request).await
        })
    }
}

#[tokio::test]
async fn with_hello_held_open_at_a_person_status_and_a_second_ceremonys_cancel_return() {
    let held = Arc::new(Held::default());
    let verifier = Arc::clone(&held);
    let bed = Bed::with(|config| config.verifier = Some(verifier)).await;
    let connection = bed.connect().await;
    let peers = Peers::new(&connection, &std::env::current_exe().unwrap())
        .await
        .unwrap();
    let client = HelloClient::new(Arc::new(peers));
    assert!(held.hello.set(BusVerifier::new(client)).is_ok());
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
