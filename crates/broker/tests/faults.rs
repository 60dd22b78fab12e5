//! A fault inside one ceremony, and what the others notice of it: nothing.
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
use std::sync::Arc;

use bed::*;
use claviger_broker::ceremony::{HelloStatus, MethodStatus, PinFailure, VerifyFailure};
use claviger_broker::{Cause, Unavailable, UserVerifier, Verification, VerifierStatus};
use claviger_hello::verification::VerifyRequest;
use claviger_joint::evidence::Tier;
use claviger_prompt_api::manage::Status;
use claviger_prompt_api::trouble::{Damage, StateFile, Trouble};
use claviger_prompt_api::view::Kind;
use futures_util::future::BoxFuture;
use serde_json::Value;

/// A verifier with a fault in it.
struct Faulty;

impl UserVerifier for Faulty {
    fn status(&self) -> BoxFuture<'_, Result<VerifierStatus, Unavailable>> {
        let hello = HelloStatus {
            methods: vec![MethodStatus::fresh_pin()],
            ..HelloStatus::default()
        };
        Box::pin(async move {
            Ok(VerifierStatus {
                hello,
                tier: Tier::Software,
                uv_key: None,
                client_pin: false,
                locks_with_session: false,
            })
        })
    }

    fn set_pin(&self, _: OwnedFd) -> BoxFuture<'_, Result<(), PinFailure>> {
        panic!("a fault")
    }

    fn verify(&self, _: OwnedFd, _: VerifyRequest) -> BoxFuture<'_, Result<Verification, VerifyFailure>> {
        panic!("a fault")
    }
}

/// A verifier that does not answer.
struct Gone;

impl UserVerifier for Gone {
    fn status(&self) -> BoxFuture<'_, Result<VerifierStatus, Unavailable>> {
        Box::pin(async { Err(Unavailable("hello does not start".into())) })
    }

    fn set_pin(&self, _: OwnedFd) -> BoxFuture<'_, Result<(), PinFailure>> {
        panic!("nobody is asked for a PIN")
    }

    fn verify(&self, _: OwnedFd, _: VerifyRequest) -> BoxFuture<'_, Result<Verification, VerifyFailure>> {
        panic!("nobody is asked for a PIN")
    }
}

#[tokio::test]
async fn where_nobody_can_be_verified_a_notice_says_why_and_which_file_it_is() {
    let damaged = Trouble {
        what: StateFile::Hello,
        damage: Damage::Malformed,
        file: "/state/hello.state".into(),
        provider: None,
        set_aside: None,
    };
    let found = damaged.clone();
    let bed = Bed::with(|config| {
        config.verifier = Some(Arc::new(Gone));
        config.look = Some(Arc::new(move || vec![found.clone()]));
    })
    .await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    assert!(matches!(bed.sign_in().await, Err(Cause::VerificationUnavailable)));
    let views = prompt.views();
    let notice = views.last().unwrap();
    assert_eq!(notice.kind, Kind::Notice);
    assert_eq!(notice.problem.as_ref().unwrap().code, "verification-unavailable");
    assert_eq!(notice.troubles, std::slice::from_ref(&damaged));
    let status: Status = serde_json::from_str(&bed.manage().await.status().await.unwrap()).unwrap();
    assert_eq!(status.troubles, [damaged]);
}

#[tokio::test]
async fn a_fault_in_one_ceremony_leaves_its_place_to_the_others() {
    let bed = Bed::with(|config| config.verifier = Some(Arc::new(Faulty))).await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, false).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    let manage = bed.manage().await;
    // More often than one caller may have ceremonies at a time: each gave its place back.
    for _ in 0..9 {
        manage.enable_provider(NOTEBOOK).await.unwrap_err();
    }
    assert!(prompt.views().iter().all(|view| view.kind == Kind::EnableProvider));
    let status: Value = serde_json::from_str(&manage.status().await.unwrap()).unwrap();
    assert_eq!(status["ceremonies_running"], 0);
    // The view of the dead ceremony is not in front: the next one's is seen and can be closed.
    assert!(matches!(
        bed.sign_in().await,
        Err(Cause::ProviderDisabled | Cause::NoCredential)
    ));
    assert_eq!(prompt.kinds().last(), Some(&Kind::Notice));
}
