//! Hello held open at a person: what answers meanwhile, and what ends the wait.
//!
//! The person is a reader that waits until the test lets it go on, so what is shown is an order of events and not a
//! time: while the call at the reader has no answer, the others have theirs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]

mod bed;

use std::{sync::Arc, time::Instant};

use bed::*;
use claviger_hello::{
    client::{ClientError, HelloClient, Verified},
    gesture::{Gesture, Reader, ReaderError},
    machine::Way,
    verification::{NotVerified, VerifyRequest},
};
use claviger_joint::{TransactionId, evidence::Method};
use claviger_peer::Peers;
use claviger_pin::Pin;
use futures_util::future::BoxFuture;
use tokio::{
    sync::{Mutex, mpsc, watch},
    task::JoinHandle,
};

/// A reader with a keypad of its own: it waits for a person, who types a PIN there.
struct Keypad {
    keys: Mutex<mpsc::UnboundedReceiver<&'static str>>,
    waiting: watch::Sender<usize>,
}

/// The person in front of it.
struct Person {
    types: mpsc::UnboundedSender<&'static str>,
    waited_for: watch::Receiver<usize>,
}

/// Counts down when the wait at the reader ends, whichever way.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

impl Reader for Keypad {
    fn way(&self) -> Way {
        Way::Pin
    }

    fn gesture(&self) -> BoxFuture<'_, Result<Gesture, ReaderError>> {
        Box::pin(async {
            self.waiting.send_modify(|waiting| *waiting += 1);
            let _waiting = Waiting(&self.waiting);
            let typed = self.keys.lock().await.recv().await.ok_or("unplugged")?;
            Ok(Pin::new(typed)?.into())
        })
    }
}

impl Person {
    async fn is_waited_for(&mut self, by: usize) {
        self.waited_for.wait_for(|waiting| *waiting == by).await.unwrap();
    }

    fn types(&self, pin: &'static str) {
        self.types.send(pin).unwrap();
    }
}

/// Hello with a PIN and a keypad.
async fn bed() -> (Bed, Person) {
    let (types, keys) = mpsc::unbounded_channel();
    let (waiting, waited_for) = watch::channel(0);
    let keypad = Keypad {
        keys: Mutex::new(keys),
        waiting,
    };
    let bed = Bed::serving_with(&own_executable(), vec![Box::new(keypad)]).await;
    bed.client().await.set_pin(sealed(RIGHT)).await.unwrap();
    (bed, Person { types, waited_for })
}

fn at_the_reader(client: &Arc<HelloClient>, request: VerifyRequest) -> JoinHandle<Result<Verified, ClientError>> {
    let client = Arc::clone(client);
    tokio::spawn(async move { client.verify_by_reader(&request).await })
}

fn refused(result: Result<Verified, ClientError>) -> NotVerified {
    match result {
        Err(ClientError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn everything_else_answers_while_hello_waits_for_a_person() {
    let (bed, mut person) = bed().await;
    let client = Arc::new(bed.client().await);
    let first = at_the_reader(&client, request(1));
    person.is_waited_for(1).await;

    // Nothing is spent on waiting.
    let start = Instant::now();
    assert_eq!(client.status().await.unwrap().pin().unwrap().tries_left, 10);
    let status_took = start.elapsed();
    // A second one waits beside it, and its cancel ends it and frees its reader.
    let second = at_the_reader(&client, request(2));
    person.is_waited_for(2).await;
    let start = Instant::now();
    client.cancel(TransactionId([2; 16])).await.unwrap();
    let cancel_took = start.elapsed();
    assert_eq!(refused(second.await.unwrap()), NotVerified::Cancelled);
    person.is_waited_for(1).await;
    // Guesses of others are looked at, and counted.
    let wrong = client.verify(sealed(WRONG), &request(3)).await;
    assert_eq!(
        refused(wrong),
        NotVerified::WrongPin {
            tries_left: 9,
            wait_ms: 0
        }
    );
    client.verify(sealed(RIGHT), &request(3)).await.unwrap();
    client.verify_client_pin(client_pin(RIGHT)).await.unwrap();
    assert!(!first.is_finished());

    eprintln!("hello held open at a person: status in {status_took:?}, a second one's cancel in {cancel_took:?}");
    person.types(RIGHT);
    let evidence = first.await.unwrap().unwrap().evidence.unwrap();
    assert_eq!(evidence.claims().transaction, TransactionId([1; 16]));
    assert_eq!(evidence.claims().method, Method::Pin);
}

#[tokio::test]
async fn a_wrong_gesture_at_a_reader_costs_a_try_like_any_other() {
    let (bed, person) = bed().await;
    let client = Arc::new(bed.client().await);
    person.types(WRONG);
    let wrong = client.verify_by_reader(&request(1)).await;
    assert_eq!(
        refused(wrong),
        NotVerified::WrongPin {
            tries_left: 9,
            wait_ms: 0
        }
    );
    assert_eq!(client.status().await.unwrap().pin().unwrap().tries_left, 9);
}

#[tokio::test]
async fn the_first_success_wins_and_a_wrong_pin_leaves_the_reader_armed() {
    let (bed, mut person) = bed().await;
    let client = Arc::new(bed.client().await);
    let reader = at_the_reader(&client, request(1));
    person.is_waited_for(1).await;
    assert!(matches!(
        refused(client.verify(sealed(WRONG), &request(1)).await),
        NotVerified::WrongPin { .. }
    ));
    assert!(!reader.is_finished());
    // The same transaction, by a PIN: the reader is let go.
    let verified = client.verify(sealed(RIGHT), &request(1)).await.unwrap();
    assert!(verified.evidence.is_some());
    assert_eq!(refused(reader.await.unwrap()), NotVerified::Cancelled);
    person.is_waited_for(0).await;
}

#[tokio::test]
async fn a_lock_a_new_pin_and_the_callers_end_free_the_reader() {
    let (bed, mut person) = bed().await;
    let client = Arc::new(bed.client().await);
    let locked = at_the_reader(&client, request(1));
    person.is_waited_for(1).await;
    client.lock().await.unwrap();
    assert_eq!(refused(locked.await.unwrap()), NotVerified::Cancelled);
    person.is_waited_for(0).await;

    let changed = at_the_reader(&client, request(2));
    person.is_waited_for(1).await;
    client.change_pin(sealed(RIGHT), sealed("other-77")).await.unwrap();
    assert_eq!(refused(changed.await.unwrap()), NotVerified::Cancelled);
    person.is_waited_for(0).await;

    let connection = bed.connect().await;
    let peers = Peers::new(&connection, &own_executable()).await.unwrap();
    let leaving = Arc::new(HelloClient::new(Arc::new(peers)));
    let left = at_the_reader(&leaving, request(3));
    person.is_waited_for(1).await;
    connection.close().await.unwrap();
    person.is_waited_for(0).await;
    assert!(left.await.unwrap().is_err());
}

#[tokio::test]
async fn without_a_reader_nobody_is_waited_for() {
    let bed = Bed::serving(&own_executable()).await;
    let client = bed.client().await;
    client.set_pin(sealed(RIGHT)).await.unwrap();
    assert!(matches!(
        client.verify_by_reader(&request(1)).await,
        Err(ClientError::NoReader(_))
    ));
}
