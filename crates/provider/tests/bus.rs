//! The SDK over a real bus, against a platform that is honest in some tests and hostile in the others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod harness;

use std::sync::atomic::Ordering;

use claviger_ctap::{
    authenticator_data::{AuthenticatorData, Flags},
    crypto::native,
    get_assertion, get_info,
};
use claviger_dev::bus::Bus;
use claviger_joint::{
    ProviderId, TransactionId, Trouble, TroubleKind,
    answer::{LockStatePayload, Status},
    envelope::Grease,
    evidence::Purpose,
    messages::Description,
    metadata::Snapshot,
    operation::{Cancel, Delete, Operation, Update},
    unlock::{self, UnlockSecret},
};
use claviger_provider::sdk::{self, Options, Provider, RegistrationPhase, ServeError, VerifyUserError};
use futures_util::{FutureExt, StreamExt};
use harness::*;

#[tokio::test]
async fn a_provider_introduces_itself() {
    let stage = Stage::new(true).await;
    let proxy = stage.remote.proxy();
    let description = Description::decode(&proxy.describe(&[1, 2]).await.unwrap()).unwrap();
    assert_eq!(description.name, "Notebook");
    assert!(description.locked && description.unlock_key.is_some());
    assert!(
        get_info::Response::from_cbor(&description.get_info)
            .unwrap()
            .supports_extension("prf")
    );
    let error = proxy.describe(&[2]).await.unwrap_err();
    assert!(error.to_string().contains("version 1"), "{error}");
    assert_eq!(
        *stage.phases.lock().unwrap(),
        [RegistrationPhase::Before, RegistrationPhase::After]
    );
}

#[tokio::test]
async fn make_and_get_with_and_without_verification() {
    let stage = Stage::new(false).await;
    let made = AuthenticatorData::parse(&stage.make().await.auth_data).unwrap();
    assert!(made.flags.contains(Flags::UV));
    let public_key = made.attested.unwrap().public_key;
    for verified in [false, true] {
        let mut request = request(Operation::Get, get_parameters());
        if verified {
            request = stage.with_evidence(request);
        }
        let answer = stage.remote.ask(&request).await;
        assert_eq!(answer.status(), Ok(()), "{answer:?}");
        let response = get_assertion::Response::from_cbor(&answer.result.unwrap().unwrap()).unwrap();
        let data = AuthenticatorData::parse(&response.auth_data).unwrap();
        assert_eq!(
            data.flags.contains(Flags::UV),
            verified,
            "the flag is the evidence's, not the request's"
        );
        let signed = [response.auth_data.as_slice(), &[8; 32]].concat();
        native().verify(&public_key, &signed, &response.signature).unwrap();
    }
}

#[tokio::test]
async fn failures_have_their_status() {
    let stage = Stage::new(false).await;
    let status = async |operation: Operation, parameters| {
        let mut request = request(operation, parameters);
        if operation.needs_evidence() {
            request = stage.with_evidence(request);
        }
        stage.remote.ask(&request).await.status()
    };
    assert_eq!(status(Operation::Get, get_parameters()).await, Err(Status::NotFound));
    assert_eq!(status(Operation::Get, vec![0xff]).await, Err(Status::InvalidRequest));
    assert_eq!(
        status(Operation::Make, get_parameters()).await,
        Err(Status::InvalidRequest)
    );
    assert_eq!(status(Operation::Unlock, vec![]).await, Err(Status::Unsupported));
    assert_eq!(status(Operation::Lock, vec![]).await, Ok(()));
    assert_eq!(status(Operation::Unknown(99), vec![]).await, Err(Status::Unsupported));
    assert_eq!(status(Operation::Cancel, vec![]).await, Err(Status::InvalidRequest));
    let mut excluding = claviger_ctap::make_credential::Request::from_cbor(&make_parameters()).unwrap();
    excluding.algorithms = vec![-257];
    assert_eq!(
        status(Operation::Make, excluding.to_cbor()).await,
        Err(Status::Unsupported)
    );
    excluding.algorithms = vec![-7];
    let made = AuthenticatorData::parse(&stage.make().await.auth_data).unwrap();
    let id = made.attested.unwrap().id;
    excluding.exclude_list = vec![claviger_ctap::types::CredentialDescriptor::new(id.clone())];
    assert_eq!(
        status(Operation::Make, excluding.to_cbor()).await,
        Err(Status::Excluded)
    );
    let update = Update {
        credential: id.clone(),
        user_name: Some("x".into()),
        display_name: None,
    };
    assert_eq!(
        status(Operation::Update, update.encode()).await,
        Err(Status::Unsupported)
    );
    let delete = Delete { credential: id };
    assert_eq!(status(Operation::Delete, delete.encode()).await, Ok(()));
    assert_eq!(status(Operation::Get, get_parameters()).await, Err(Status::NotFound));
}

#[tokio::test]
async fn a_hostile_platform_gets_nothing() {
    let stage = Stage::new(false).await;
    stage.make().await;
    let good = || stage.with_evidence(request(Operation::Get, get_parameters()));
    let now = now_ms();

    let mut refused = Vec::new();
    let mut hostile = good();
    hostile.provider = ProviderId::parse("org.example.Other").unwrap();
    refused.push(("another provider", hostile));
    let mut hostile = good();
    (hostile.issued_ms, hostile.expires_ms) = (now - 60_000, now - 1);
    refused.push(("expired", hostile));
    let mut hostile = good();
    (hostile.issued_ms, hostile.expires_ms) = (now + 60_000, now + 120_000);
    refused.push(("from the future", hostile));
    let mut hostile = good();
    hostile.expires_ms = hostile.issued_ms + 600_001;
    refused.push(("too long a life", hostile));
    let mut hostile = good();
    hostile.sequence = u64::MAX;
    refused.push(("a sequence number far ahead", hostile));
    let mut hostile = good();
    hostile.evidence = good().evidence;
    refused.push(("another request's evidence", hostile));
    let mut hostile = good();
    hostile.evidence = Some(b"noise".to_vec());
    refused.push(("no evidence at all", hostile));
    for (what, request) in &refused {
        assert_eq!(
            stage.remote.ask(request).await.status(),
            Err(Status::InvalidRequest),
            "{what}"
        );
    }

    let used = good();
    assert_eq!(stage.remote.ask(&used).await.status(), Ok(()));
    assert_eq!(
        stage.remote.ask(&used).await.status(),
        Err(Status::InvalidRequest),
        "a replay"
    );
    let mut again = good();
    again.transaction = used.transaction;
    assert_eq!(
        stage.remote.ask(&again).await.status(),
        Err(Status::InvalidRequest),
        "a known transaction"
    );

    let mut bad_signature = sign(&good());
    *bad_signature.last_mut().unwrap() ^= 1;
    let stranger = good().sign(native(), &key(9), &Grease::none()).unwrap();
    for (what, envelope) in [
        ("a bad signature", bad_signature),
        ("an unknown key", stranger),
        ("noise", b"noise".to_vec()),
        ("nothing", Vec::new()),
        ("too much", vec![0; 70_000]),
    ] {
        let answer = stage.remote.send(&envelope).await;
        assert_eq!(
            (answer.status(), answer.transaction),
            (Err(Status::InvalidRequest), TransactionId::UNKNOWN),
            "{what}"
        );
        assert!(answer.result.unwrap_err().reason.is_some());
    }
    assert_eq!(
        stage.remote.ask(&good()).await.status(),
        Ok(()),
        "after all that, it still serves"
    );
}

#[tokio::test]
async fn a_replay_is_refused_after_a_restart_too() {
    let stage = Stage::new(false).await;
    stage.make().await;
    let used = sign(&request(Operation::Get, get_parameters()));
    assert_eq!(stage.remote.send(&used).await.status(), Ok(()));
    drop(stage.serving);
    stage.provider.close().await.unwrap();

    let _serving = serve_again(&stage.bus).await;
    let answer = stage.remote.send(&used).await;
    assert_eq!(answer.status(), Err(Status::InvalidRequest));
    let description = Description::decode(&stage.remote.proxy().describe(&[1]).await.unwrap()).unwrap();
    let mut fresh = request(Operation::Get, get_parameters());
    fresh.sequence = description.sequence_floor + 1;
    assert_eq!(
        stage.remote.ask(&fresh).await.status(),
        Err(Status::NotFound),
        "the new process has an empty store, and answers"
    );
}

#[tokio::test]
async fn operations_are_cancelled_queued_and_limited() {
    let stage = Stage::new(false).await;
    stage.make().await;
    let handle = stage.serving.handle();
    let (permits, begun) = (handle.provider().permits.clone(), handle.provider().begun.clone());
    permits.forget_permits(1000);

    let running = request(Operation::Get, get_parameters());
    let waiting = request(Operation::Get, get_parameters());
    let cancel = |target| request(Operation::Cancel, Cancel { target }.encode());
    let conduct = async {
        begun.acquire().await.unwrap().forget();
        assert_eq!(
            stage
                .remote
                .ask(&request(Operation::Get, get_parameters()))
                .await
                .status(),
            Err(Status::Busy),
            "one runs, one waits"
        );
        let locked = stage.remote.ask(&request(Operation::LockState, vec![])).await;
        assert_eq!(
            LockStatePayload::decode(&locked.result.unwrap().unwrap()),
            Ok(LockStatePayload { locked: false })
        );
        assert_eq!(stage.remote.ask(&cancel(running.transaction)).await.status(), Ok(()));
        begun.acquire().await.unwrap().forget();
        permits.add_permits(1);
    };
    let (first, second, ()) = tokio::join!(stage.remote.ask(&running), stage.remote.ask(&waiting), conduct);
    assert_eq!(first.status(), Err(Status::Cancelled));
    assert_eq!(second.status(), Ok(()), "the one that waited got its turn");
    let late = stage.remote.ask(&cancel(running.transaction)).await;
    assert_eq!(late.status(), Err(Status::NotFound));
}

#[tokio::test]
async fn an_operation_ends_when_its_time_is_over() {
    let stage = Stage::new(false).await;
    stage.serving.handle().provider().permits.forget_permits(1000);
    let mut short = request(Operation::Get, get_parameters());
    short.expires_ms = now_ms() + 200;
    let answer = stage.remote.ask(&short).await;
    assert_eq!(answer.status(), Err(Status::Cancelled));
    assert!(answer.result.unwrap_err().reason.unwrap().contains("time"));
}

#[tokio::test]
async fn a_provider_says_what_is_the_matter_with_it() {
    let stage = Stage::new(false).await;
    let mut signals = stage.remote.proxy().receive_trouble_changed().await.unwrap();
    let trouble = Trouble::new(TroubleKind::Damaged, "two pages are torn; restore a backup");
    for told in [Some(trouble), None] {
        let handle = stage.serving.handle();
        handle.provider().inner.store().trouble = told.clone();
        handle.changed();
        let signal = signals.next().await.unwrap();
        let args = signal.args().unwrap();
        assert_eq!(Trouble::from_signal(args.kind, args.reason), Ok(told.clone()));
        let description = Description::decode(&stage.remote.proxy().describe(&[1]).await.unwrap()).unwrap();
        assert_eq!(description.trouble, told);
        let answer = stage.remote.ask(&request(Operation::Get, get_parameters())).await;
        let reason = answer.result.unwrap_err();
        match told {
            Some(trouble) => assert_eq!((reason.status, reason.reason), (Status::Damaged, trouble.reason)),
            None => assert_eq!(reason.status, Status::NotFound),
        }
    }
}

#[tokio::test]
async fn an_unlock_box_opens_the_provider_for_the_request_that_brings_it() {
    let stage = Stage::new(true).await;
    let mut signals = stage.remote.proxy().receive_lock_state_changed().await.unwrap();
    let remote = &stage.remote;
    // Each box is sealed to the key of the moment.
    let boxed = async |mut request: claviger_joint::envelope::Request, user: u8| {
        let description = Description::decode(&remote.proxy().describe(&[1]).await.unwrap()).unwrap();
        let secret = UnlockSecret::derive(native(), &[user; 32], &id()).unwrap();
        let recipient = description.unlock_key.unwrap();
        let sealed = unlock::seal(native(), &recipient, &id(), request.transaction, &secret).unwrap();
        request.unlock_box = Some(sealed);
        request
    };
    let make = || stage.with_evidence(request(Operation::Make, make_parameters()));
    assert_eq!(stage.remote.ask(&make()).await.status(), Err(Status::Locked));
    assert_eq!(
        stage.remote.ask(&request(Operation::Unlock, vec![])).await.status(),
        Err(Status::InvalidRequest)
    );
    let mut stolen = make();
    stolen.unlock_box = boxed(make(), 5).await.unlock_box;
    assert_eq!(
        stage.remote.ask(&stolen).await.status(),
        Err(Status::InvalidRequest),
        "another transaction's box"
    );

    assert_eq!(
        stage.remote.ask(&boxed(make(), 5).await).await.status(),
        Ok(()),
        "the first secret makes the store"
    );
    assert!(!signals.next().await.unwrap().args().unwrap().locked);
    assert_eq!(
        stage.remote.ask(&request(Operation::Lock, vec![])).await.status(),
        Ok(())
    );
    assert!(signals.next().await.unwrap().args().unwrap().locked);
    let wrong = boxed(request(Operation::Get, get_parameters()), 6).await;
    assert_eq!(stage.remote.ask(&wrong).await.status(), Err(Status::Denied));
    assert_eq!(
        stage
            .remote
            .ask(&boxed(request(Operation::Unlock, vec![]), 5).await)
            .await
            .status(),
        Ok(())
    );
    assert!(!signals.next().await.unwrap().args().unwrap().locked);
    stage.serving.handle().lock().await.unwrap();
    assert!(
        signals.next().await.unwrap().args().unwrap().locked,
        "locked by an idle timer of the provider's own"
    );
}

#[tokio::test]
async fn making_and_using_a_credential_tells_of_its_site_and_lists_no_other() {
    let stage = Stage::new(false).await;
    stage.broker.until(|it| it.diffs.len() == 1).await;
    let listed = || stage.serving.handle().provider().listed.load(Ordering::Relaxed);
    assert_eq!(listed(), 1, "at the start");
    for made in 1..=3 {
        stage.make().await;
        stage.broker.until(|it| it.diffs.len() == 2 * made).await;
        stage.remote.ask(&request(Operation::Get, get_parameters())).await;
        stage.broker.until(|it| it.diffs.len() == 2 * made + 1).await;
    }
    let knowledge = stage.broker.knowledge.lock().unwrap();
    assert!(
        knowledge
            .diffs
            .iter()
            .skip(1)
            .all(|diff| !diff.full && diff.upserts.len() == 1)
    );
    // The same account each time: the new one takes the old one's place.
    assert_eq!(knowledge.metadata.entries().len(), 1);
    assert_eq!(listed(), 1);
}

#[tokio::test]
async fn the_platform_knows_the_credentials() {
    let stage = Stage::new(false).await;
    stage.broker.until(|it| it.diffs.len() == 1).await;
    stage.make().await;
    stage.broker.until(|it| it.metadata.entries().len() == 1).await;
    let id = {
        let knowledge = stage.broker.knowledge.lock().unwrap();
        assert!(
            knowledge.diffs[0].full && knowledge.diffs[0].upserts.is_empty(),
            "{:?}",
            knowledge.diffs
        );
        assert!(!knowledge.diffs[1].full);
        let entry = knowledge.metadata.entries().values().next().unwrap();
        assert_eq!(
            (entry.rp_id.as_str(), entry.user_name.as_deref()),
            (RP_ID, Some("alice"))
        );
        assert_eq!(entry.last_used_ms, None);
        entry.credential_id.clone()
    };

    stage.remote.ask(&request(Operation::Get, get_parameters())).await;
    stage
        .broker
        .until(|it| it.metadata.entries().get(&id).unwrap().last_used_ms.is_some())
        .await;

    // A platform that lost its memory gets everything, with the last use that only the SDK noted.
    stage.broker.knowledge.lock().unwrap().metadata = Snapshot::default();
    stage.remote.ask(&request(Operation::Get, get_parameters())).await;
    stage.serving.handle().changed();
    stage
        .broker
        .until(|it| {
            it.metadata
                .entries()
                .get(&id)
                .is_some_and(|entry| entry.last_used_ms.is_some())
        })
        .await;
    assert!(stage.broker.knowledge.lock().unwrap().diffs.last().unwrap().full);

    stage
        .remote
        .ask(&stage.with_evidence(request(Operation::Delete, Delete { credential: id }.encode())))
        .await;
    stage.broker.until(|it| it.metadata.entries().is_empty()).await;
}

#[tokio::test]
async fn a_new_broker_is_met_again_and_gets_everything() {
    let stage = Stage::new(false).await;
    stage.make().await;
    stage.broker.until(|it| it.metadata.entries().len() == 1).await;
    stage.broker_connection.close().await.unwrap();
    stage.broker.knowledge.lock().unwrap().metadata = Snapshot::default();
    let connection = stage.broker.appear(&stage.bus).await;
    stage
        .broker
        .until(|it| it.registrations == 2 && it.metadata.entries().len() == 1)
        .await;
    let answer = Remote::new(&connection)
        .await
        .ask(&request(Operation::Get, get_parameters()))
        .await;
    assert_eq!(answer.status(), Ok(()));
}

#[tokio::test]
async fn new_keys_are_learnt_when_they_are_endorsed() {
    let stage = Stage::new(false).await;
    let signed_by = |seed: u8| {
        request(Operation::LockState, vec![])
            .sign(native(), &key(seed), &Grease::none())
            .unwrap()
    };
    stage.broker.knowledge.lock().unwrap().keys = vec![3, 1];
    stage.broker.knowledge.lock().unwrap().signer = 3;
    assert_eq!(
        stage.remote.send(&signed_by(3)).await.status(),
        Err(Status::InvalidRequest),
        "endorsed by itself alone"
    );
    stage.broker.knowledge.lock().unwrap().signer = 1;
    assert_eq!(
        stage.remote.send(&signed_by(3)).await.status(),
        Ok(()),
        "endorsed by the pinned key"
    );
    assert_eq!(
        stage.remote.send(&signed_by(1)).await.status(),
        Ok(()),
        "which overlaps"
    );
    assert_eq!(
        stage.broker.knowledge.lock().unwrap().registrations,
        3,
        "asked once for each unknown key"
    );
}

#[tokio::test]
async fn hellos_key_may_come_after_the_registration() {
    let bus = Bus::start();
    let (broker, connection) = Broker::start(&bus).await;
    broker.knowledge.lock().unwrap().uv = None;
    let _serving = serve_again(&bus).await;
    broker.until(|it| it.registrations == 1).await;
    broker.knowledge.lock().unwrap().uv = Some(2);
    let mut make = request(Operation::Make, make_parameters());
    let purpose = Purpose::Operation(Operation::Make);
    make.evidence = Some(broker.evidence(&id(), make.transaction, &make.parameters, purpose));
    assert_eq!(Remote::new(&connection).await.ask(&make).await.status(), Ok(()));
}

#[tokio::test]
async fn a_provider_works_before_there_is_a_broker() {
    let bus = Bus::start();
    let _serving = serve_again(&bus).await;
    let (broker, connection) = Broker::start(&bus).await;
    broker.until(|it| it.diffs.len() == 1).await;
    let answer = Remote::new(&connection)
        .await
        .ask(&request(Operation::Get, get_parameters()))
        .await;
    assert_eq!(answer.status(), Err(Status::NotFound));
}

#[tokio::test]
async fn a_provider_asks_for_verification_of_its_own() {
    let stage = Stage::new(false).await;
    let handle = stage.serving.handle();
    let transaction = TransactionId::random(native()).unwrap();
    let evidence = handle.verify_user(transaction, "Export", b"buffer").await.unwrap();
    assert_eq!(evidence.claims().transaction, transaction);
    let refused = handle.verify_user(transaction, "refuse", b"buffer").await.unwrap_err();
    assert!(matches!(refused, VerifyUserError::NoAnswer));
    stage.broker.knowledge.lock().unwrap().evidence_count = 0;
    let old = handle.verify_user(transaction, "Export", b"buffer").await.unwrap_err();
    assert!(matches!(old, VerifyUserError::Evidence(_)), "its count was seen before");
}

#[tokio::test]
async fn one_process_per_provider() {
    let stage = Stage::new(false).await;
    let other = stage.bus.connect().await;
    let options = Options::new(stage.bus.folder().join("other"));
    let result = sdk::serve(&other, &manifest(), options, TestProvider::new(false)).await;
    assert!(matches!(result.err(), Some(ServeError::NameTaken)));
    let mut manifest = manifest();
    manifest.versions = vec![2];
    let result = sdk::serve(&other, &manifest, Options::new("/nowhere"), TestProvider::new(false)).await;
    assert!(matches!(result.err(), Some(ServeError::Version)));
}

#[tokio::test]
async fn serving_ends_with_the_bus() {
    let mut stage = Stage::new(false).await;
    let handle = stage.serving.handle();
    assert!(!handle.provider().is_locked());
    let ended = stage.serving.ended();
    tokio::pin!(ended);
    assert!(ended.as_mut().now_or_never().is_none());
    stage.bus.end();
    ended.await;
}
