//! The recovery code over a private bus: sealed memory files in both directions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod bed;

use std::{path::Path, sync::atomic::Ordering};

use bed::*;
use claviger_hello::{
    CodeStatus,
    client::{ClientError, HelloClient},
    ticket::PinTicket,
    verification::NotVerified,
};
use claviger_pin::{RecoveryCode, memfd};

async fn ticket(client: &HelloClient) -> PinTicket {
    client.verify_and_hold(sealed(RIGHT), &request(1)).await.unwrap().1
}

#[tokio::test]
async fn a_code_is_made_typed_back_tried_and_ends_a_lock_out() {
    let bed = Bed::serving(&own_executable()).await;
    let client = bed.client().await;
    client.set_pin(sealed(RIGHT)).await.unwrap();
    let spent = ticket(&client).await;
    let made = client.make_recovery_code(&spent).await.unwrap();
    let code = memfd::receive_recovery_code(&made).unwrap();
    assert_eq!(client.status().await.unwrap().recovery_code, CodeStatus::Pending);
    assert!(matches!(
        client.make_recovery_code(&spent).await,
        Err(ClientError::Refused(NotVerified::TicketGone))
    ));
    let ends = memfd::seal_code_ends(&code.ends()).unwrap();
    client.confirm_recovery_code(&ends).await.unwrap();
    assert_eq!(client.status().await.unwrap().recovery_code, CodeStatus::Confirmed);

    for _ in 0..10 {
        let wait_ms = client.status().await.unwrap().pin().unwrap().wait_ms;
        bed.clock.0.fetch_add(wait_ms, Ordering::SeqCst);
        assert!(client.verify(sealed(WRONG), &request(2)).await.is_err());
    }
    assert!(client.status().await.unwrap().pin().unwrap().locked_out);
    client.drill_recovery_code(&made).await.unwrap();
    assert!(client.status().await.unwrap().pin().unwrap().locked_out);
    assert!(matches!(
        client.recover(&made, sealed("1234")).await,
        Err(ClientError::WeakPin(_))
    ));
    client.recover(&made, sealed("other-77")).await.unwrap();
    let verified = client.verify_and_hold(sealed("other-77"), &request(3)).await.unwrap();
    assert!(verified.0.evidence.is_some());
}

#[tokio::test]
async fn what_is_no_code_and_no_ticket_says_so_and_costs_nothing() {
    let bed = Bed::serving(&own_executable()).await;
    let client = bed.client().await;
    client.set_pin(sealed(RIGHT)).await.unwrap();
    let other = RecoveryCode::parse("0000-0000-0000-0000-0000-0000-0000").unwrap();
    let other = memfd::seal_recovery_code(&other).unwrap();
    assert!(matches!(
        client.drill_recovery_code(&other).await,
        Err(ClientError::Refused(NotVerified::NoCode))
    ));
    let code = client.make_recovery_code(&ticket(&client).await).await.unwrap();
    let bad = sealed("0000-0000-0000-0000-0000-0000-0001");
    let refused = client.recover(&bad, sealed("other-77")).await;
    assert!(
        matches!(&refused, Err(ClientError::BadCode(why)) if why.ends_with("look at group 7")),
        "{refused:?}"
    );
    let refused = client.recover(&other, sealed("other-77")).await;
    assert!(matches!(
        refused,
        Err(ClientError::Refused(NotVerified::WrongCode { wait_ms: 2_000 }))
    ));
    assert!(matches!(
        client.drill_recovery_code(&code).await,
        Err(ClientError::Refused(NotVerified::Wait { wait_ms: 2_000, .. }))
    ));
    let refused = client.verify_and_hold(sealed(WRONG), &request(2)).await;
    assert!(matches!(
        refused,
        Err(ClientError::Refused(NotVerified::WrongPin { tries_left: 9, .. }))
    ));
    let unknown = PinTicket::from_bytes(&[7; 16]);
    assert!(matches!(
        client.make_recovery_code(&unknown).await,
        Err(ClientError::Refused(NotVerified::TicketGone))
    ));
}

#[tokio::test]
async fn a_foreign_executable_gets_no_code_and_changes_nothing() {
    let bed = Bed::serving(Path::new("/usr/bin/dbus-daemon")).await;
    let client = bed.client().await;
    let code = RecoveryCode::parse("0000-0000-0000-0000-0000-0000-0000").unwrap();
    let sealed_code = memfd::seal_recovery_code(&code).unwrap();
    let ticket = PinTicket::from_bytes(&[7; 16]);
    let refused = [
        client.make_recovery_code(&ticket).await.map(drop),
        client
            .confirm_recovery_code(memfd::seal_code_ends(&code.ends()).unwrap())
            .await,
        client.drill_recovery_code(&sealed_code).await,
        client.recover(&sealed_code, sealed("other-77")).await,
        client.verify_and_hold(sealed(RIGHT), &request(1)).await.map(drop),
    ];
    for refusal in refused {
        assert!(matches!(refusal, Err(ClientError::Denied(_))), "{refusal:?}");
    }
}
