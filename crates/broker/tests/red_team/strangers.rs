//! A7: a provider that no person has enabled is a line in the settings, and nothing else.

use claviger_broker::{CancelToken, Cause, CtapRequest};
use claviger_ctap::get_assertion;
use claviger_ctap::types::{CredentialDescriptor, CredentialId};
use claviger_prompt_api::action::Action;
use claviger_prompt_api::manage::{Passkey, Provider, ProviderState};
use claviger_prompt_api::view::Kind;
use claviger_provider::dbus::Providers1Proxy;

use crate::bed::*;

async fn providers(bed: &Bed) -> Vec<Provider> {
    serde_json::from_str(&bed.manage().await.providers().await.unwrap()).unwrap()
}

async fn passkeys(bed: &Bed) -> Vec<Passkey> {
    serde_json::from_str(&bed.manage().await.passkeys("").await.unwrap()).unwrap()
}

#[tokio::test]
async fn it_has_no_cache_and_is_told_so() {
    let bed = Bed::new().await;
    let stranger = bed.provider(NOTEBOOK, Behaviour::Honest, false).await;
    let proxy = Providers1Proxy::new(&stranger.connection).await.unwrap();
    let id = CredentialId::new(vec![7; 32]).unwrap();
    proxy.push_metadata(NOTEBOOK, &claim(&id)).await.unwrap_err();
    assert_eq!(passkeys(&bed).await, []);
    let listed = providers(&bed).await;
    let line = listed.iter().find(|provider| provider.id == NOTEBOOK).unwrap();
    assert_eq!((line.state, line.passkeys), (ProviderState::Disabled, 0));
}

#[tokio::test]
async fn it_is_no_could_help_at_any_site_and_wakes_nobody() {
    let bed = Bed::new().await;
    let _stranger = bed.provider(NOTEBOOK, Behaviour::Honest, false).await;
    let prompt = Prompt::attach(
        &bed,
        Script::new(|_| Some((Action::Refuse { for_a_while: false }, None))),
    )
    .await;
    assert_eq!(bed.sign_in().await.unwrap_err(), Cause::NoCredential);
    let shown = serde_json::to_string(&prompt.views()).unwrap();
    assert!(
        !shown.contains("Notebook") && !shown.contains("provider-disabled"),
        "{shown}"
    );
    assert!(prompt.kinds().iter().all(|kind| *kind == Kind::Notice));
}

#[tokio::test]
async fn its_claim_to_an_excluded_passkey_reaches_no_site() {
    let bed = Bed::new().await;
    let stranger = bed.provider(NOTEBOOK, Behaviour::Honest, false).await;
    let proxy = Providers1Proxy::new(&stranger.connection).await.unwrap();
    let id = CredentialId::new(vec![7; 32]).unwrap();
    // Whatever becomes of it.
    let _ = proxy.push_metadata(NOTEBOOK, &claim(&id)).await;
    let _safe = bed.provider(SAFE, Behaviour::Honest, true).await;
    let _prompt = Prompt::attach(&bed, Script::approve()).await;
    let mut excluding = make("alice");
    excluding.exclude_list = vec![CredentialDescriptor::new(id.clone())];
    let made = bed
        .broker
        .ceremony(request(CtapRequest::Make(excluding)), CancelToken::new())
        .await;
    assert!(made.is_ok(), "{made:?}");
    let mut get = get_assertion::Request::new(RP, [0x42; 32]);
    get.allow_list = vec![CredentialDescriptor::new(id)];
    let got = bed
        .broker
        .ceremony(request(CtapRequest::Get(get)), CancelToken::new())
        .await;
    assert_eq!(got.unwrap_err(), Cause::NoCredential);
}

#[tokio::test]
async fn once_enabled_it_takes_part_and_disabled_it_is_still_known() {
    let bed = Bed::new().await;
    let notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    bed.make_passkey("alice").await.unwrap();
    bed.manage().await.disable_provider(NOTEBOOK).await.unwrap();
    let proxy = Providers1Proxy::new(&notebook.connection).await.unwrap();
    let id = CredentialId::new(vec![7; 32]).unwrap();
    proxy.push_metadata(NOTEBOOK, &claim(&id)).await.unwrap();
    assert_eq!(bed.sign_in().await.unwrap_err(), Cause::ProviderDisabled);
    drop(prompt);
}
