//! A PIN typed into a program, its ticket, and the ceremony that spends it: the real broker, hello and providers on a private bus.
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
use claviger_broker::{
    CancelToken, Cause, CeremonyAnswer, CeremonyRequest, NotVerified, PinTicket, UserVerification, audit,
};
use claviger_ctap::authenticator_data::{AuthenticatorData, Flags};
use claviger_ctap::crypto::native;
use claviger_hello::client::{ClientError, HelloClient};
use claviger_hello::verification::VerifyRequest;
use claviger_peer::Peers;
use claviger_pin::{ClientPin, Pin, memfd};
use claviger_prompt_api::action::Action;
use claviger_prompt_api::view::{Kind, Purpose};

fn hash(pin: &str) -> OwnedFd {
    memfd::seal_client_pin(&ClientPin::of(native(), &Pin::new(pin).unwrap())).unwrap()
}

async fn ticket(bed: &Bed) -> PinTicket {
    let check = bed.broker.check_client_pin(&caller(), hash(PIN)).await.unwrap();
    check.unwrap()
}

fn required(mut request: CeremonyRequest) -> CeremonyRequest {
    request.user_verification = UserVerification::Required;
    request
}

/// The flags that came of it.
async fn run(bed: &Bed, request: CeremonyRequest, ticket: PinTicket) -> Result<Flags, Cause> {
    let answer = bed
        .broker
        .ceremony_with(required(request), Some(ticket), CancelToken::new());
    let data = match answer.await? {
        CeremonyAnswer::Made(response) => response.auth_data,
        CeremonyAnswer::Got(response) => response.auth_data,
    };
    Ok(AuthenticatorData::parse(&data).unwrap().flags)
}

#[tokio::test]
async fn a_ticket_makes_uses_and_unlocks_with_consent_only() {
    let bed = Bed::new().await;
    let _safe = bed.provider(SAFE, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    let one = ticket(&bed).await;
    assert!(run(&bed, make_request("alice"), one).await.unwrap().contains(Flags::UV));
    assert_eq!(
        audit::last(&bed.audit_path(), 1).unwrap()[0]["evidence"]["method"],
        "pin"
    );
    let two = ticket(&bed).await;
    bed.manage().await.lock("").await.unwrap();
    let views = prompt.views();
    assert_eq!((views.len(), views[0].kind), (1, Kind::Create));
    assert!(views[0].pin().is_none() && views[0].choices[0].locked);

    // Locking has made the second one worthless: the screen that asked for consent comes back and asks for the PIN.
    assert!(run(&bed, get_request(), two).await.unwrap().contains(Flags::UV));
    let views = prompt.views();
    assert_eq!((views[1].kind, views[1].pin()), (Kind::SignIn, None));
    assert_eq!(views[2].pin().unwrap().purpose, Purpose::Verify);
    assert_eq!(views[2].problem.as_ref().unwrap().code, "pin-needed");
    assert_eq!(views.len(), 3);

    // It is open now, and a ticket is good for evidence alone.
    let three = ticket(&bed).await;
    let spent = PinTicket::from_bytes(three.as_bytes());
    assert!(run(&bed, get_request(), three).await.unwrap().contains(Flags::UV));
    assert_eq!(prompt.views()[3].pin(), None);
    assert_eq!(prompt.views().len(), 4);
    // Once: whoever kept a copy is asked for the PIN.
    run(&bed, get_request(), spent).await.unwrap();
    assert!(prompt.views()[5].pin().is_some());
}

#[tokio::test]
async fn a_lock_reaches_hello_though_this_broker_was_given_no_ticket() {
    let bed = Bed::new().await;
    let connection = bed.connect().await;
    let peers = Peers::new(&connection, &std::env::current_exe().unwrap())
        .await
        .unwrap();
    let hello = HelloClient::new(Arc::new(peers));
    let pin = memfd::seal(&Pin::new(PIN).unwrap()).unwrap();
    let (_, ticket) = hello.verify_and_hold(&pin, &VerifyRequest::default()).await.unwrap();
    let code = hello.make_recovery_code(&ticket).await.unwrap();
    let (_, ticket) = hello.verify_and_hold(&pin, &VerifyRequest::default()).await.unwrap();
    bed.manage().await.lock("").await.unwrap();
    assert!(matches!(
        hello.make_recovery_code(&ticket).await,
        Err(ClientError::Refused(NotVerified::TicketGone))
    ));
    let ends = memfd::receive_recovery_code(&code).unwrap().ends();
    assert!(matches!(
        hello.confirm_recovery_code(memfd::seal_code_ends(&ends).unwrap()).await,
        Err(ClientError::Refused(NotVerified::NoCode))
    ));
}

#[tokio::test]
async fn a_refusal_is_a_refusal_ticket_or_not() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let _prompt = Prompt::attach(
        &bed,
        Script::new(|_| Some((Action::Refuse { for_a_while: false }, None))),
    )
    .await;
    let ticket = ticket(&bed).await;
    let refused = run(&bed, make_request("alice"), ticket).await;
    assert!(matches!(refused, Err(Cause::CancelledByUser)));
}

#[tokio::test]
async fn wrong_pins_of_programs_count_with_the_prompts_and_stop_before_the_lock_out() {
    let bed = Bed::new().await;
    let check = async |pin: &'static str| {
        let outcome = bed.broker.check_client_pin(&caller(), hash(pin)).await.unwrap();
        outcome.unwrap_err()
    };
    assert!(bed.broker.verifier_status().await.unwrap().client_pin);
    for left in [9, 8, 7, 6] {
        assert!(matches!(check(WRONG_PIN).await, NotVerified::WrongPin { tries_left, .. } if tries_left == left));
    }
    assert_eq!(bed.broker.verifier_status().await.unwrap().hello.pin().tries_left, 6);
    assert!(matches!(check(PIN).await, NotVerified::Wait { tries_left: 6, .. }));
    assert_eq!(audit::last(&bed.audit_path(), 1).unwrap()[0]["cause"], "wrong-pin");

    let bare = Bed::without_pin().await;
    let check = bare.broker.check_client_pin(&caller(), hash(PIN)).await.unwrap();
    assert!(matches!(check, Err(NotVerified::NoPin)));
    // A PIN in place of its hash never reaches the counter.
    let unhashed = memfd::seal(&Pin::new(PIN).unwrap()).unwrap();
    assert!(bed.broker.check_client_pin(&caller(), unhashed).await.is_err());
    assert_eq!(bed.broker.verifier_status().await.unwrap().hello.pin().tries_left, 6);
}
