//! The PIN from CTAP clients and its tickets, over a private bus.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod bed;

use std::{os::fd::OwnedFd, path::Path, sync::atomic::Ordering};

use bed::*;
use claviger_ctap::crypto::native;
use claviger_hello::{
    bus::{INTERFACE, NAME, PATH},
    client::ClientError,
    ticket::PinTicket,
    verification::{NotVerified, UnlockTarget, VerifyRequest},
};
use claviger_joint::{TransactionId, evidence::Method, unlock::UnlockKey};
use futures_util::future::join_all;
use zbus::Fd;

fn refused<T: std::fmt::Debug>(result: Result<T, ClientError>) -> NotVerified {
    match result {
        Err(ClientError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_ticket_verifies_and_unlocks_once() {
    let bed = Bed::serving(&own_executable()).await;
    let client = bed.client().await;
    assert_eq!(
        refused(client.verify_client_pin(client_pin(RIGHT)).await),
        NotVerified::NoPin
    );
    client.set_pin(sealed(RIGHT)).await.unwrap();
    assert!(client.status().await.unwrap().client_pin);

    let ticket = client.verify_client_pin(client_pin(RIGHT)).await.unwrap();
    let again = PinTicket::from_bytes(ticket.as_bytes());
    let key = UnlockKey::generate(native()).unwrap();
    let asked = VerifyRequest {
        unlock: vec![UnlockTarget {
            provider: vault(),
            transaction: TransactionId([1; 16]),
            recipient: key.public().clone(),
        }],
        ..request(1)
    };
    let verified = client.verify_ticket(ticket, &asked).await.unwrap();
    let evidence = verified.evidence.unwrap();
    assert_eq!(evidence.claims().method, Method::Pin);
    assert_eq!(evidence.claims().transaction, TransactionId([1; 16]));
    key.open(native(), &vault(), TransactionId([1; 16]), &verified.boxes[0])
        .unwrap();
    assert_eq!(
        refused(client.verify_ticket(again, &request(2)).await),
        NotVerified::TicketGone
    );
}

#[tokio::test]
async fn wrong_pins_count_together_over_the_bus() {
    let bed = Bed::serving(&own_executable()).await;
    let client = bed.client().await;
    client.set_pin(sealed(RIGHT)).await.unwrap();
    let wrong = |tries_left| NotVerified::WrongPin { tries_left, wait_ms: 0 };
    assert_eq!(refused(client.verify_client_pin(client_pin(WRONG)).await), wrong(9));
    assert_eq!(refused(client.verify(sealed(WRONG), &request(1)).await), wrong(8));
    assert_eq!(refused(client.verify_client_pin(client_pin(WRONG)).await), wrong(7));
    assert_eq!(client.status().await.unwrap().pin().unwrap().tries_left, 7);
    client.verify_client_pin(client_pin(RIGHT)).await.unwrap();
    assert_eq!(client.status().await.unwrap().pin().unwrap().tries_left, 10);
}

/// Every way in that takes a PIN, sixteen times each.
#[tokio::test]
async fn sixty_four_guessers_at_every_way_in_spend_the_tries_of_one() {
    let bed = Bed::serving(&own_executable()).await;
    let client = bed.client().await;
    client.set_pin(sealed(RIGHT)).await.unwrap();
    let refusal = |error: ClientError| match error {
        ClientError::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    };
    let (client, wrong) = (&client, &request(1));
    let guesses = (0..64).map(async |guesser| match guesser % 4 {
        0 => client.verify(sealed(WRONG), wrong).await.map(drop).map_err(refusal),
        1 => client
            .verify_and_hold(sealed(WRONG), wrong)
            .await
            .map(drop)
            .map_err(refusal),
        2 => client
            .verify_client_pin(client_pin(WRONG))
            .await
            .map(drop)
            .map_err(refusal),
        _ => client
            .change_pin(sealed(WRONG), sealed("other-77"))
            .await
            .map_err(refusal),
    });
    let (mut looked_at, mut waiting) = (0, 0);
    for outcome in join_all(guesses).await {
        match outcome {
            Err(NotVerified::WrongPin { .. }) => looked_at += 1,
            Err(NotVerified::Wait {
                tries_left: 6,
                wait_ms: 30_000,
            }) => waiting += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((looked_at, waiting), (4, 60));
    bed.clock.0.fetch_add(30_000, Ordering::SeqCst);
    assert!(
        client.verify(sealed(RIGHT), &request(2)).await.is_ok(),
        "nobody changed it"
    );
}

#[tokio::test]
async fn tickets_end_by_the_clock_and_by_a_lock() {
    let bed = Bed::serving(&own_executable()).await;
    let client = bed.client().await;
    client.set_pin(sealed(RIGHT)).await.unwrap();
    let ticket = client.verify_client_pin(client_pin(RIGHT)).await.unwrap();
    bed.clock.0.fetch_add(120_000, Ordering::SeqCst);
    assert_eq!(
        refused(client.verify_ticket(ticket, &request(1)).await),
        NotVerified::TicketGone
    );
    let ticket = client.verify_client_pin(client_pin(RIGHT)).await.unwrap();
    client.lock().await.unwrap();
    assert_eq!(
        refused(client.verify_ticket(ticket, &request(1)).await),
        NotVerified::TicketGone
    );
}

#[tokio::test]
async fn what_cannot_be_read_costs_no_try_but_the_ticket() {
    let bed = Bed::serving(&own_executable()).await;
    let client = bed.client().await;
    client.set_pin(sealed(RIGHT)).await.unwrap();
    // A PIN in place of its hash, and files that are not sealed memory.
    let (pipe, _writer) = std::io::pipe().unwrap();
    for forged in [sealed(RIGHT), OwnedFd::from(pipe)] {
        assert!(matches!(
            client.verify_client_pin(forged).await,
            Err(ClientError::BadPin(_))
        ));
    }
    assert_eq!(client.status().await.unwrap().pin().unwrap().tries_left, 10);

    let raw = bed.connect().await;
    let call = async |ticket: &[u8], request: &[u8]| {
        let body = (ticket, request);
        let answer = raw.call_method(Some(NAME), PATH, Some(INTERFACE), "VerifyTicket", &body);
        match answer.await {
            Err(zbus::Error::MethodError(name, ..)) => name.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let bad_request = "org.claviger.Hello1.Error.BadRequest";
    assert_eq!(call(&[0; 15], &request(1).encode()).await, bad_request);
    let ticket = client.verify_client_pin(client_pin(RIGHT)).await.unwrap();
    assert_eq!(call(ticket.as_bytes(), b"\xff").await, bad_request);
    assert_eq!(
        refused(client.verify_ticket(ticket, &request(1)).await),
        NotVerified::TicketGone
    );
}

#[tokio::test]
async fn a_foreign_executable_gets_neither_ticket_nor_evidence() {
    let bed = Bed::serving(Path::new("/usr/bin/dbus-daemon")).await;
    let client = bed.client().await;
    assert!(matches!(
        client.verify_client_pin(client_pin(RIGHT)).await,
        Err(ClientError::Denied(_))
    ));
    let ticket = PinTicket::from_bytes(&[1; 16]);
    assert!(matches!(
        client.verify_ticket(ticket, &request(1)).await,
        Err(ClientError::Denied(_))
    ));
    assert!(matches!(client.lock().await, Err(ClientError::Denied(_))));
    // A hash as bytes is not even a call of this interface.
    let raw = bed.connect().await;
    let body = (vec![0_u8; 16],);
    let call = raw.call_method(Some(NAME), PATH, Some(INTERFACE), "VerifyClientPin", &body);
    assert!(call.await.is_err());
    let fd = client_pin(RIGHT);
    let body = (Fd::from(&fd),);
    let call = raw.call_method(Some(NAME), PATH, Some(INTERFACE), "VerifyClientPin", &body);
    assert!(call.await.is_err());
}
