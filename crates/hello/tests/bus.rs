//! The real service and the real client over a private bus.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod bed;

use std::{future::pending, io::Write, os::fd::OwnedFd, path::Path, sync::atomic::Ordering};

use bed::*;
use claviger_ctap::crypto::native;
use claviger_hello::{
    Hello, MethodStatus,
    bus::{INTERFACE, NAME, PATH},
    client::ClientError,
    service::{self, Surroundings},
    verification::{NotVerified, UnlockTarget, VerifyRequest},
};
use claviger_joint::{
    TransactionId,
    evidence::{self, Expected, Method, Tier},
    unlock::UnlockKey,
};
use claviger_peer::{PeerError, Peers};
use futures_util::future::join_all;
use rustix::fs::{MemfdFlags, memfd_create};
use zbus::Fd;

#[tokio::test]
async fn a_pin_is_chosen_and_opens_everything() {
    let bed = Bed::serving(&own_executable()).await;
    let client = bed.client().await;
    assert!(client.status().await.unwrap().pin().is_none());
    assert!(client.uv_key().await.unwrap().is_none());
    assert!(matches!(
        client.verify(sealed(RIGHT), &request(1)).await,
        Err(ClientError::Refused(NotVerified::NoPin))
    ));
    assert_eq!(
        client.check_pin(sealed("1234")).await.unwrap().unwrap(),
        "this PIN is a sequence: choose one without regular steps"
    );
    assert!(client.check_pin(sealed(RIGHT)).await.unwrap().is_none());
    assert!(matches!(
        client.set_pin(sealed("1234")).await,
        Err(ClientError::WeakPin(_))
    ));
    client.set_pin(sealed(RIGHT)).await.unwrap();
    assert!(matches!(
        client.set_pin(sealed("other-77")).await,
        Err(ClientError::AlreadySet)
    ));
    let status = client.status().await.unwrap();
    let fresh = MethodStatus {
        method: Method::Pin,
        tries_left: 10,
        wait_ms: 0,
        locked_out: false,
    };
    assert_eq!(
        (status.methods.as_slice(), status.tier),
        ([fresh].as_slice(), Tier::Software)
    );

    let uv_key = client.uv_key().await.unwrap().unwrap();
    let key = UnlockKey::generate(native()).unwrap();
    let target = UnlockTarget {
        provider: vault(),
        transaction: TransactionId([1; 16]),
        recipient: key.public().clone(),
    };
    let request = VerifyRequest {
        evidence: Some(operation(1)),
        unlock: vec![target],
    };
    let verified = client.verify(sealed(RIGHT), &request).await.unwrap();
    let evidence = verified.evidence.unwrap();
    assert_eq!(
        (evidence.claims().method, evidence.claims().tier),
        (Method::Pin, Tier::Software)
    );

    // The provider's side of it.
    let audience = vault();
    let expected = Expected {
        audience: &audience,
        transaction: TransactionId([1; 16]),
        buffer_hash: [1; 32],
        purpose: operation(1).purpose,
        now_ms: evidence.claims().time_ms,
    };
    let bytes = evidence.into_bytes();
    let mut last_count = 0;
    assert!(evidence::verify(native(), &bytes, &uv_key, &expected, &mut last_count).is_ok());
    assert!(last_count > 0);
    let secret = key
        .open(native(), &vault(), TransactionId([1; 16]), &verified.boxes[0])
        .unwrap();
    assert_ne!(secret.expose(), &[0; 32]);
    assert!(
        key.open(native(), &vault(), TransactionId([2; 16]), &verified.boxes[0])
            .is_err()
    );

    client.change_pin(sealed(RIGHT), sealed("other-77")).await.unwrap();
    assert_eq!(client.uv_key().await.unwrap().unwrap(), uv_key);
    assert!(
        client
            .verify(sealed("other-77"), &VerifyRequest::default())
            .await
            .unwrap()
            .evidence
            .is_none()
    );
}

#[tokio::test]
async fn wrong_pins_wait_and_lock() {
    let bed = Bed::serving(&own_executable()).await;
    let client = bed.client().await;
    client.set_pin(sealed(RIGHT)).await.unwrap();
    for left in (0..10_u8).rev() {
        let refusal = client.verify(sealed(WRONG), &request(1)).await;
        let Err(ClientError::Refused(NotVerified::WrongPin { tries_left, wait_ms })) = refusal else {
            panic!("{refusal:?}")
        };
        assert_eq!(tries_left, left);
        if wait_ms > 0 {
            let wait = client.change_pin(sealed(RIGHT), sealed("other-77")).await;
            assert!(matches!(wait, Err(ClientError::Refused(NotVerified::Wait { .. }))));
            bed.clock.0.fetch_add(wait_ms, Ordering::SeqCst);
        }
    }
    assert!(client.status().await.unwrap().pin().unwrap().locked_out);
    assert!(matches!(
        client.verify(sealed(RIGHT), &request(1)).await,
        Err(ClientError::Refused(NotVerified::LockedOut))
    ));
}

#[tokio::test]
async fn fifty_calls_at_once_spend_four_tries_and_the_right_pin_waits_too() {
    let bed = Bed::serving(&own_executable()).await;
    let client = bed.client().await;
    client.set_pin(sealed(RIGHT)).await.unwrap();
    let wrong = request(1);
    let calls = (0..50).map(|_| client.verify(sealed(WRONG), &wrong));
    let (mut looked_at, mut waiting) = (0, 0);
    for outcome in join_all(calls).await {
        match outcome {
            Err(ClientError::Refused(NotVerified::WrongPin { .. })) => looked_at += 1,
            Err(ClientError::Refused(NotVerified::Wait {
                tries_left: 6,
                wait_ms: 30_000,
            })) => waiting += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((looked_at, waiting), (4, 46));
    let right = client.verify(sealed(RIGHT), &request(2)).await;
    assert!(matches!(
        right,
        Err(ClientError::Refused(NotVerified::Wait { tries_left: 6, .. }))
    ));
    bed.clock.0.fetch_add(30_000, Ordering::SeqCst);
    assert!(client.verify(sealed(RIGHT), &request(2)).await.is_ok());
    assert_eq!(client.status().await.unwrap().pin().unwrap().tries_left, 10);
}

#[tokio::test]
async fn parallel_right_pins_each_get_their_own_count() {
    let bed = Bed::serving(&own_executable()).await;
    let client = bed.client().await;
    client.set_pin(sealed(RIGHT)).await.unwrap();
    let requests: Vec<_> = (1..=6).map(request).collect();
    let calls = requests.iter().map(|request| client.verify(sealed(RIGHT), request));
    let mut counts: Vec<u64> = Vec::new();
    for (outcome, request) in join_all(calls).await.into_iter().zip(&requests) {
        let evidence = outcome.unwrap().evidence.unwrap();
        assert_eq!(
            evidence.claims().transaction,
            request.evidence.as_ref().unwrap().transaction
        );
        counts.push(evidence.claims().count);
    }
    counts.sort_unstable();
    counts.dedup();
    assert_eq!(counts.len(), 6);
}

#[tokio::test]
async fn forged_pins_and_requests_are_refused_and_cost_no_try() {
    let bed = Bed::serving(&own_executable()).await;
    let client = bed.client().await;
    client.set_pin(sealed(RIGHT)).await.unwrap();

    let mut unsealed = std::fs::File::from(memfd_create("pin", MemfdFlags::ALLOW_SEALING).unwrap());
    unsealed.write_all(RIGHT.as_bytes()).unwrap();
    let mut ordinary = tempfile::tempfile().unwrap();
    ordinary.write_all(RIGHT.as_bytes()).unwrap();
    let (pipe, _writer) = std::io::pipe().unwrap();
    for forged in [OwnedFd::from(unsealed), OwnedFd::from(ordinary), OwnedFd::from(pipe)] {
        assert!(matches!(
            client.verify(&forged, &request(1)).await,
            Err(ClientError::BadPin(_))
        ));
        assert!(matches!(client.check_pin(&forged).await, Err(ClientError::BadPin(_))));
    }
    let raw = bed.connect().await;
    for request in [&b""[..], b"\xff", &request(1).encode()[1..]] {
        let pin = sealed(RIGHT);
        let call = raw
            .call_method(Some(NAME), PATH, Some(INTERFACE), "Verify", &(Fd::from(&pin), request))
            .await;
        let Err(zbus::Error::MethodError(name, ..)) = call else {
            panic!("{call:?}")
        };
        assert_eq!(name.as_str(), "org.claviger.Hello1.Error.BadRequest");
    }
    // A PIN as a string is not even a call of this interface.
    let call = raw
        .call_method(
            Some(NAME),
            PATH,
            Some(INTERFACE),
            "Verify",
            &(RIGHT, request(1).encode()),
        )
        .await;
    assert!(call.is_err());
    assert_eq!(client.status().await.unwrap().pin().unwrap().tries_left, 10);
}

#[tokio::test]
async fn a_foreign_executable_is_refused_on_either_side() {
    // Hello for another executable than this test: every call is refused, whatever the client believes.
    let bed = Bed::serving(Path::new("/usr/bin/dbus-daemon")).await;
    let client = bed.client().await;
    assert!(matches!(client.status().await, Err(ClientError::Denied(_))));
    assert!(matches!(
        client.set_pin(sealed(RIGHT)).await,
        Err(ClientError::Denied(_))
    ));
    assert!(matches!(
        client.verify(sealed(RIGHT), &request(1)).await,
        Err(ClientError::Denied(_))
    ));
    assert!(matches!(
        client.change_pin(sealed(RIGHT), sealed("other-77")).await,
        Err(ClientError::Denied(_))
    ));
    assert!(matches!(
        client.check_pin(sealed(RIGHT)).await,
        Err(ClientError::Denied(_))
    ));
    // And a client for another executable hands its PIN to nobody.
    let wary = bed.client_of(Path::new("/usr/bin/dbus-daemon")).await;
    let refused = wary.verify(sealed(RIGHT), &request(1)).await;
    assert!(matches!(
        refused,
        Err(ClientError::Impostor(PeerError::OtherExecutable(_)))
    ));
}

#[tokio::test]
async fn nobody_there_is_said_so() {
    let bed = Bed::new();
    assert!(matches!(bed.client().await.status().await, Err(ClientError::Bus(_))));
}

#[tokio::test]
async fn serving_ends_with_the_bus_and_a_second_hello_does_not_start() {
    let mut bed = Bed::serving(&own_executable()).await;
    let second = Hello::open_with(&bed.bus.folder().join("second"), bed.clock.clone(), native()).unwrap();
    let connection = bed.connect().await;
    let peers = Peers::new(&connection, &own_executable()).await.unwrap();
    assert!(
        service::run(peers, second, Surroundings::default(), pending())
            .await
            .is_err()
    );
    bed.bus.end();
    bed.service.take().unwrap().await.unwrap().unwrap();
}
