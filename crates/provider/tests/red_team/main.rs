//! What a program of the same user may try that has watched the bus and copied the platform's request key from its file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

#[allow(dead_code)] // Shared with the tests of the SDK, which use the rest.
#[path = "../harness/mod.rs"]
mod harness;

use claviger_ctap::crypto::native;
use claviger_joint::{
    TransactionId,
    answer::Status,
    envelope::Request,
    messages::Description,
    operation::Operation,
    unlock::{self, UnlockSecret},
};
use claviger_provider::sdk::{MAX_TRANSACTIONS, Provider};
use futures_util::{StreamExt, stream};
use harness::*;

async fn description(stage: &Stage) -> Description {
    Description::decode(&stage.remote.proxy().describe(&[1]).await.unwrap()).unwrap()
}

/// A box as hello makes it, for the key that is announced now.
async fn sealed(stage: &Stage, transaction: TransactionId) -> Vec<u8> {
    let recipient = description(stage).await.unlock_key.unwrap();
    let secret = UnlockSecret::derive(native(), &[5; 32], &id()).unwrap();
    unlock::seal(native(), &recipient, &id(), transaction, &secret).unwrap()
}

fn unlocking(transaction: TransactionId, sealed: &[u8], expires_ms: u64) -> Request {
    Request {
        transaction,
        expires_ms,
        unlock_box: Some(sealed.to_vec()),
        ..request(Operation::Unlock, vec![])
    }
}

#[tokio::test]
async fn a_sniffed_unlock_box_opens_nothing_once_its_transaction_is_forgotten() {
    let stage = Stage::new(true).await;
    let provider = stage.serving.handle();
    let until_ms = now_ms() + 5_000;
    let (first, second) = (TransactionId([1; 16]), TransactionId([2; 16]));
    // One that opened, and one that came when the provider was open and was not needed.
    let opened = sealed(&stage, first).await;
    assert_eq!(
        stage.remote.ask(&unlocking(first, &opened, until_ms)).await.status(),
        Ok(())
    );
    let unused = sealed(&stage, second).await;
    assert_eq!(
        stage.remote.ask(&unlocking(second, &unused, until_ms)).await.status(),
        Ok(())
    );
    provider.lock().await.unwrap();

    // With as many others as it can remember, it forgets what has expired.
    let others = stream::iter(2..MAX_TRANSACTIONS).map(|_| {
        let remote = &stage.remote;
        async move { remote.ask(&request(Operation::LockState, vec![])).await.status() }
    });
    let said: Vec<_> = others.buffer_unordered(32).collect().await;
    assert!(said.iter().all(Result::is_ok));
    while now_ms() < until_ms {
        tokio::task::yield_now().await;
    }
    for (transaction, sealed) in [(first, opened), (second, unused)] {
        let replay = unlocking(transaction, &sealed, now_ms() + 60_000);
        assert_eq!(stage.remote.ask(&replay).await.status(), Err(Status::InvalidRequest));
        assert!(provider.provider().is_locked());
    }
}

#[tokio::test]
async fn a_number_near_the_end_takes_no_other_away() {
    let stage = Stage::new(false).await;
    let mut last = request(Operation::LockState, vec![]);
    last.sequence = u64::MAX - 1;
    assert_eq!(stage.remote.ask(&last).await.status(), Err(Status::InvalidRequest));
    let next = request(Operation::LockState, vec![]);
    assert_eq!(stage.remote.ask(&next).await.status(), Ok(()));
    assert!(description(&stage).await.sequence_floor < now_ms() * 1000);
}
