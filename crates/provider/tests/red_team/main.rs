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

use claviger_ctap::{
    authenticator_data::{AuthenticatorData, Flags},
    cbor::Map,
    crypto::native,
    get_assertion,
    large_blob::{self, AtGet, LargeBlob},
    prf::{self, PrfInput, PrfSalts},
    types::CredentialDescriptor,
};
use claviger_joint::{
    TransactionId,
    answer::Status,
    envelope::Request,
    evidence::Purpose,
    messages::Description,
    operation::{Delete, Operation, Update},
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

/// The key signs what it likes; what a person has to agree to needs hello's word for that very thing.
#[tokio::test]
async fn a_stolen_request_key_makes_changes_and_deletes_nothing() {
    let stage = Stage::new(false).await;
    stage.make().await;
    stage.broker.until(|it| it.metadata.entries().len() == 1).await;
    let known = || stage.broker.knowledge.lock().unwrap().metadata.entries().clone();
    let before = known();
    let credential = before.keys().next().unwrap().clone();
    let update = Update {
        credential: credential.clone(),
        user_name: Some("mallory".to_owned()),
        display_name: None,
    };
    for (operation, parameters) in [
        (Operation::Make, make_parameters()),
        (Operation::Delete, Delete { credential }.encode()),
        (Operation::Update, update.encode()),
    ] {
        let bare = request(operation, parameters);
        assert_eq!(stage.remote.ask(&bare).await.status(), Err(Status::InvalidRequest));
        // Evidence that a person gave for something else: a sign-in, something of the provider's own, another of these.
        for purpose in [
            Purpose::Operation(Operation::Get),
            Purpose::Operation(Operation::Unlock),
            Purpose::VerifyUser,
            Purpose::Platform,
        ] {
            let mut other = request(operation, bare.parameters.clone());
            let evidence = stage
                .broker
                .evidence(&id(), other.transaction, &other.parameters, purpose);
            other.evidence = Some(evidence);
            let status = stage.remote.ask(&other).await.status();
            assert_eq!(
                status,
                Err(Status::InvalidRequest),
                "{operation:?} with evidence for {purpose:?}"
            );
        }
    }
    let salts = PrfSalts {
        first: [7; 32].into(),
        second: None,
    };
    let secrets = PrfInput {
        eval: Some(salts),
        ..PrfInput::default()
    };
    let mut verified = get_assertion::Request::new(RP_ID, [8; 32]);
    verified.options.uv = true;
    let mut prf = get_assertion::Request::new(RP_ID, [8; 32]);
    prf.extensions.insert(prf::NAME, secrets.to_value());
    // What a site keeps with the passkey is read with an assertion like any other, and not replaced.
    let blob_of = |input: AtGet| {
        let mut request = get_assertion::Request::new(RP_ID, [8; 32]);
        request.allow_list = vec![CredentialDescriptor::new(before.keys().next().unwrap().clone())];
        request.extensions.insert(large_blob::NAME, input.to_input());
        request
    };
    let planted = LargeBlob {
        data: b"planted".to_vec().into(),
        original_size: 7,
    };
    for wanted in [verified, prf, blob_of(AtGet::Write(planted))] {
        let bare = request(Operation::Get, wanted.to_cbor());
        assert_eq!(stage.remote.ask(&bare).await.status(), Err(Status::InvalidRequest));
    }
    // What is left: an assertion that says that nobody was verified.
    let reading = request(Operation::Get, blob_of(AtGet::Read).to_cbor());
    let answer = stage.remote.ask(&reading).await;
    let response = get_assertion::Response::from_cbor(&answer.result.unwrap().unwrap()).unwrap();
    let flags = AuthenticatorData::parse(&response.auth_data).unwrap().flags;
    assert!(!flags.contains(Flags::UV));
    let nothing = Map::new().with(large_blob::NAME, Map::new());
    assert_eq!(response.unsigned_extension_outputs, Some(nothing));
    assert_eq!(known().keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
}
